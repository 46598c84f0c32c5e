//! DEL and UNLINK.
//!
//! Both remove keys at once and answer how many there were. UNLINK lets go of large values
//! elsewhere; so does DEL when `lazyfree-lazy-user-del` says so.

use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("del", -2, Group::Generic, del)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::KEYSPACE])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RM.and(KeyFlags::DELETE))])
        .arguments("key:key*")
        .docs(
            "1.0.0",
            "Deletes keys.",
            "O(N) where N is the number of keys that will be removed. When a key to remove \
             holds a value other than a string, the individual complexity for this key is O(M) \
             where M is the number of elements in the list, set, sorted set or hash. Removing a \
             single key that holds a string value is O(1).",
        )
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    Command::new("unlink", -2, Group::Generic, unlink)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::KEYSPACE])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RM.and(KeyFlags::DELETE))])
        .arguments("key:key*")
        .docs(
            "4.0.0",
            "Deletes keys and frees their values in the background.",
            "O(1) for each key removed regardless of its size. Then the command does O(N) work \
             in a different thread in order to reclaim memory, where N is the number of \
             allocations the deleted objects where composed of.",
        )
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
];

fn del(ctx: &mut Ctx<'_>) -> Outcome {
    let lazily = ctx.server.config.lazyfree_lazy_user_del;
    delete_all(ctx, lazily)
}

fn unlink(ctx: &mut Ctx<'_>) -> Outcome {
    delete_all(ctx, true)
}

fn delete_all(ctx: &mut Ctx<'_>, lazily: bool) -> Outcome {
    let mut deleted = 0;
    for at in 1..ctx.args.len() {
        let key = ctx.key(at);
        if let Some(place) = ctx.peek(key) {
            ctx.delete(key, place, lazily);
            ctx.notify(KeyspaceEvents::GENERIC, "del", key.bytes);
            deleted += 1;
        }
    }
    ctx.work(ctx.args.len());
    ctx.dirty(deleted);
    ctx.reply().count(deleted);
    Ok(())
}
