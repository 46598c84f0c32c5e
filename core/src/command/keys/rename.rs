//! RENAME and RENAMENX.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::Key;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("rename", 3, Group::Generic, rename)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::KEYSPACE])
        .keys(&[OLD_NAME, KeySpec::one(2, KeyFlags::OW.and(KeyFlags::UPDATE))])
        .arguments("key:key newkey:key")
        .docs("1.0.0", "Renames a key; one of the new name is overwritten.", "O(1)"),
    Command::new("renamenx", 3, Group::Generic, renamenx)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::KEYSPACE])
        .keys(&[OLD_NAME, KeySpec::one(2, KeyFlags::OW.and(KeyFlags::INSERT))])
        .arguments("key:key newkey:key")
        .docs("1.0.0", "Renames a key unless there is one of the new name.", "O(1)")
        .history(&[(
            "3.2.0",
            "The command no longer returns an error when source and destination names are the \
             same.",
        )]),
];

const OLD_NAME: KeySpec = KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE));

fn rename(ctx: &mut Ctx<'_>) -> Outcome {
    let (from, to) = (ctx.key(1), ctx.key(2));
    ctx.write(from).ok_or(CommandError::NoSuchKey)?;
    if from.bytes != to.bytes {
        ctx.write(to);
        give_name(ctx, from, to);
    }
    ctx.reply().ok();
    Ok(())
}

fn renamenx(ctx: &mut Ctx<'_>) -> Outcome {
    let (from, to) = (ctx.key(1), ctx.key(2));
    ctx.write(from).ok_or(CommandError::NoSuchKey)?;
    let is_free = from.bytes != to.bytes && ctx.write(to).is_none();
    if is_free {
        give_name(ctx, from, to);
    }
    ctx.reply().int(i64::from(is_free));
    Ok(())
}

/// Moves the value and the deadline of `from`, which exists, to `to`.
fn give_name(ctx: &mut Ctx<'_>, from: Key<'_>, to: Key<'_>) {
    let Some(place) = ctx.db().find(from) else { return };
    let expire_at_ms = ctx.entry(place).expire_at_ms();
    let value = ctx.db().take(from, place);
    ctx.modified(from.bytes);
    ctx.add(ctx.client.db, to, value, expire_at_ms);
    ctx.notify(KeyspaceEvents::GENERIC, "rename_from", from.bytes);
    ctx.notify(KeyspaceEvents::GENERIC, "rename_to", to.bytes);
    ctx.dirty(1);
}
