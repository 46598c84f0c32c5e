//! FLUSHDB and FLUSHALL.
//!
//! A database is replaced by an empty one; what it held is dropped here, or handed to the shell
//! when the call, or `lazyfree-lazy-user-flush`, says ASYNC.

use alloc::vec::Vec;
use core::ops::Range;

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group};
use crate::keyspace::Db;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    row("flushdb", flushdb).docs(
        "1.0.0",
        "Removes all keys of the connection's database.",
        "O(N) where N is the number of keys in the selected database",
    ),
    row("flushall", flushall).docs(
        "1.0.0",
        "Removes all keys of all databases.",
        "O(N) where N is the total number of keys in all databases",
    ),
];

const fn row(name: &'static str, run: fn(&mut Ctx<'_>) -> Outcome) -> Command {
    Command::new(name, -1, Group::Server, run)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::KEYSPACE, Categories::DANGEROUS])
        .arguments("flush-type=[ASYNC@4.0.0|SYNC@6.2.0]")
        .history(&[
            ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
            ("6.2.0", "Added the `SYNC` flushing mode modifier."),
        ])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
}

/// Keys that are freed in one unit of work.
const KEYS_PER_WORK: usize = 10;

fn flushdb(ctx: &mut Ctx<'_>) -> Outcome {
    let db = ctx.client.db as usize;
    flush(ctx, db..db + 1)
}

fn flushall(ctx: &mut Ctx<'_>) -> Outcome {
    let all = 0..ctx.server.dbs.count();
    flush(ctx, all)
}

fn flush(ctx: &mut Ctx<'_>, numbers: Range<usize>) -> Outcome {
    let lazily = match ctx.args.len() {
        1 => ctx.server.config.lazyfree_lazy_user_flush,
        2 if ctx.args.is(1, "async") => true,
        2 if ctx.args.is(1, "sync") => false,
        _ => return Err(CommandError::Syntax),
    };
    let mut flushed = Vec::new();
    let mut next = ctx.server.dbs.next_number(numbers.start);
    while let Some(number) = next.filter(|number| numbers.contains(number)) {
        ctx.server.modified_by_replacement(number as u32, None, Some(&mut *ctx.client));
        flushed.push(ctx.server.dbs.take(number));
        next = ctx.server.dbs.next_number(number + 1);
    }
    let keys = flushed.iter().map(Db::len).sum();
    if lazily {
        ctx.server.free_dbs_later(flushed);
    } else {
        ctx.work(keys / KEYS_PER_WORK);
    }
    ctx.dirty(keys);
    ctx.reply().ok();
    Ok(())
}
