//! GETDEL and GETEX: commands that return a string and do something to its key.

use super::options::{Dialect, Expiration, Options};
use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Key, Place};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("getdel", 2, Group::String, getdel)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE))])
        .arguments("key:key")
        .docs("6.2.0", "Returns the string value of a key and deletes the key.", "O(1)"),
    Command::new("getex", -2, Group::String, getex)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STRING])
        .keys(&[KeySpec {
            notes: "RW and UPDATE because it changes the TTL",
            ..KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))
        }])
        .arguments(
            "key:key expiration=[EX seconds:integer|PX milliseconds:integer|EXAT \
             unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|PERSIST]",
        )
        .docs("6.2.0", "Returns the string value of a key and sets its time to live.", "O(1)"),
];

fn getdel(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(1);
    let place = ctx.read(key);
    ctx.reply_string_or_null(place)?;
    if let Some(place) = place {
        delete(ctx, key, place);
    }
    Ok(())
}

fn getex(ctx: &mut Ctx<'_>) -> Outcome {
    let options = Options::parse(ctx.args, 2, Dialect::Getex)?;
    let key = ctx.key(1);
    let Some(place) = ctx.read(key) else {
        ctx.reply().null();
        return Ok(());
    };
    ctx.string(place)?;
    let change = match options.expiration {
        None | Some(Expiration::Keep) => Change::None,
        Some(Expiration::Persist) => Change::Persist,
        Some(Expiration::Time(form, text)) => {
            Change::Until(form.deadline_ms(text, ctx.now(), "getex")?)
        }
    };
    ctx.reply_string(place)?;
    change.run(ctx, key, place);
    Ok(())
}

/// What GETEX does to the deadline.
enum Change {
    None,
    Persist,
    Until(u64),
}

impl Change {
    fn run(&self, ctx: &mut Ctx<'_>, key: Key<'_>, place: Place) {
        match *self {
            Self::None => {}
            Self::Persist => persist(ctx, key, place),
            Self::Until(at) if ctx.now().has_passed(at) => delete(ctx, key, place),
            Self::Until(at) => expire(ctx, key, place, at),
        }
    }
}

fn delete(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place) {
    ctx.remove(key, place);
    ctx.dirty(1);
    ctx.notify(KeyspaceEvents::GENERIC, "del", key.bytes);
    ctx.propagate(&[b"DEL", key.bytes]);
}

fn persist(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place) {
    if ctx.entry(place).expire_at_ms().is_none() {
        return;
    }
    ctx.set_expire(key, place, None);
    ctx.dirty(1);
    ctx.notify(KeyspaceEvents::GENERIC, "persist", key.bytes);
    ctx.propagate(&[b"PERSIST", key.bytes]);
}

fn expire(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place, at_ms: u64) {
    ctx.set_expire(key, place, Some(at_ms));
    ctx.dirty(1);
    ctx.notify(KeyspaceEvents::GENERIC, "expire", key.bytes);
    let mut digits = itoa::Buffer::new();
    ctx.propagate(&[b"PEXPIREAT", key.bytes, digits.format(at_ms).as_bytes()]);
}
