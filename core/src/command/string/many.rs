//! MGET, MSET and MSETNX: several strings in one command.
//!
//! The keys are hashed and their places touched some at a time before they are used, so that the
//! waits for cold memory overlap as they do in a pipeline.

use crate::command::ctx::{Ctx, Text};
use crate::command::error::{CommandError, Outcome};
use crate::command::keys_ahead::KeysAhead;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{NewValue, Place};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("mget", -2, Group::String, mget)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key*")
        .docs(
            "1.0.0",
            "Returns the string values of keys.",
            "O(N) where N is the number of keys to retrieve.",
        )
        .tips(&["request_policy:multi_shard"]),
    Command::new("mset", -3, Group::String, mset)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::range(1, -1, 2, KeyFlags::OW.and(KeyFlags::UPDATE))])
        .arguments("data=(key:key value)*")
        .docs(
            "1.0.1",
            "Sets the string values of keys.",
            "O(N) where N is the number of keys to set.",
        )
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
    Command::new("msetnx", -3, Group::String, msetnx)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::range(1, -1, 2, KeyFlags::OW.and(KeyFlags::INSERT))])
        .arguments("data=(key:key value)*")
        .docs(
            "1.0.1",
            "Sets the string values of keys if none of the keys exists.",
            "O(N) where N is the number of keys to set.",
        ),
];

fn mget(ctx: &mut Ctx<'_>) -> Outcome {
    let count = ctx.args.len() - 1;
    ctx.work(count);
    ctx.reply().array(count);
    let mut keys = KeysAhead::new(1, 1);
    while let Some((_, key)) = keys.next(ctx) {
        let place = ctx.read(key);
        reply_string_or_nothing(ctx, place);
    }
    Ok(())
}

/// Replies with the string at `place`; a key of another type has none.
fn reply_string_or_nothing(ctx: &mut Ctx<'_>, place: Option<Place>) {
    let entry = place.map(|place| ctx.server.dbs[ctx.client.db as usize].entry(place));
    match entry.and_then(|entry| Text::of(entry.value()).ok()) {
        Some(text) => text.write(&mut ctx.client.output),
        None => ctx.client.output.null(),
    }
}

fn mset(ctx: &mut Ctx<'_>) -> Outcome {
    refuse_half_pair(ctx, "mset")?;
    set_all(ctx);
    ctx.reply().ok();
    Ok(())
}

fn msetnx(ctx: &mut Ctx<'_>) -> Outcome {
    refuse_half_pair(ctx, "msetnx")?;
    let mut keys = KeysAhead::new(1, 2);
    while let Some((_, key)) = keys.next(ctx) {
        if ctx.write(key).is_some() {
            ctx.reply().int(0);
            return Ok(());
        }
    }
    set_all(ctx);
    ctx.reply().int(1);
    Ok(())
}

fn refuse_half_pair(ctx: &Ctx<'_>, name: &'static str) -> Outcome {
    let has_pairs = ctx.args.len() % 2 == 1;
    if has_pairs { Ok(()) } else { Err(CommandError::Arity(name)) }
}

fn set_all(ctx: &mut Ctx<'_>) {
    let count = ctx.args.len() / 2;
    ctx.work(count);
    let mut keys = KeysAhead::new(1, 2);
    while let Some((at, key)) = keys.next(ctx) {
        ctx.assign(key, NewValue::String(ctx.arg(at + 1)), None);
        ctx.notify(KeyspaceEvents::STRING, "set", key.bytes);
    }
    ctx.dirty(count);
}
