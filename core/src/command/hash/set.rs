//! HSET and its relatives: fields are set, counted up and taken out.

use super::fields::Change;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Key, Place};
use crate::value::listpack::Element;
use crate::value::long_double::LongDouble;
use crate::value::{Hash, Thresholds, number};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("hset", -4, Group::Hash, hset)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))])
        .arguments("key:key data=(field value)*")
        .docs(
            "2.0.0",
            "Sets fields of a hash.",
            "O(1) for each field/value pair added, so O(N) to add N field/value pairs when \
                the command is called with multiple field/value pairs.",
        )
        .history(&[("4.0.0", "Accepts multiple `field` and `value` arguments.")]),
    Command::new("hmset", -4, Group::Hash, hmset)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))])
        .arguments("key:key data=(field value)*")
        .docs(
            "2.0.0",
            "Sets several fields of a hash.",
            "O(N) where N is the number of fields being set.",
        )
        .deprecated("4.0.0", "`HSET` with multiple field-value pairs"),
    Command::new("hsetnx", 4, Group::Hash, hsetnx)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::INSERT))])
        .arguments("key:key field value")
        .docs("2.0.0", "Sets a field of a hash that does not exist.", "O(1)"),
    Command::new("hincrby", 4, Group::Hash, hincrby)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))])
        .arguments("key:key field increment:integer")
        .docs("2.0.0", "Adds to the integer of a field.", "O(1)"),
    Command::new("hincrbyfloat", 4, Group::Hash, hincrbyfloat)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))])
        .arguments("key:key field increment:double")
        .docs("2.6.0", "Adds to the number of a field.", "O(1)"),
    Command::new("hdel", -3, Group::Hash, hdel)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key field*")
        .docs(
            "2.0.0",
            "Removes fields, and the hash with the last of them.",
            "O(N) where N is the number of fields to be removed.",
        )
        .history(&[("2.4.0", "Accepts multiple `field` arguments.")]),
];

fn hset(ctx: &mut Ctx<'_>) -> Outcome {
    let created = set_fields(ctx, "hset")?;
    ctx.reply().int(created as i64);
    Ok(())
}

fn hmset(ctx: &mut Ctx<'_>) -> Outcome {
    set_fields(ctx, "hmset")?;
    ctx.reply().ok();
    Ok(())
}

/// Sets all fields; returns how many are new.
fn set_fields(ctx: &mut Ctx<'_>, command: &'static str) -> Result<usize, CommandError> {
    let args = ctx.args;
    if args.len() % 2 == 1 {
        return Err(CommandError::Arity(command));
    }
    let key = ctx.key(1);
    let place = ctx.write_as::<Hash>(key)?;
    let (thresholds, hasher) = (Thresholds::of(&ctx.server.config), ctx.server.hasher);
    let created = ctx.change(key, place, |hash: &mut Hash| {
        let pairs = (2..args.len()).step_by(2);
        pairs.filter(|&at| hash.set(args.at(at), args.at(at + 1), &thresholds, hasher)).count()
    });
    changed(ctx, key, (args.len() - 2) / 2, "hset");
    Ok(created)
}

/// Says that so many fields changed.
fn changed(ctx: &mut Ctx<'_>, key: Key<'_>, fields: usize, event: &str) {
    ctx.modified(key.bytes);
    ctx.notify(KeyspaceEvents::HASH, event, key.bytes);
    ctx.dirty(fields);
}

fn hsetnx(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(1);
    let place = ctx.write_as::<Hash>(key)?;
    let is_new = value_of(ctx, place, ctx.arg(2))?.is_none();
    if is_new {
        set_field(ctx, key, place, ctx.arg(3));
        changed(ctx, key, 1, "hset");
    }
    ctx.reply().int(is_new.into());
    Ok(())
}

/// The value of a field; `None` without the field or the hash.
fn value_of<'a>(
    ctx: &'a Ctx<'_>,
    place: Option<Place>,
    field: &[u8],
) -> Result<Option<Element<'a>>, CommandError> {
    Ok(match place {
        Some(place) => ctx.typed::<Hash>(place)?.get(field),
        None => None,
    })
}

/// Sets the field that the second argument names. Its deadline stays; returns it.
fn set_field(ctx: &mut Ctx<'_>, key: Key<'_>, place: Option<Place>, value: &[u8]) -> Option<u64> {
    let (thresholds, hasher) = (Thresholds::of(&ctx.server.config), ctx.server.hasher);
    let field = ctx.arg(2);
    ctx.change(key, place, |hash: &mut Hash| {
        let deadline = hash.view().deadline_ms(field).flatten();
        hash.set(field, value, &thresholds, hasher);
        if deadline.is_some() {
            hash.set_deadline(field, deadline);
        }
        deadline
    })
}

fn hincrby(ctx: &mut Ctx<'_>) -> Outcome {
    let increment = ctx.int(3)?;
    let key = ctx.key(1);
    let place = ctx.write_as::<Hash>(key)?;
    let old = match value_of(ctx, place, ctx.arg(2))? {
        None => 0,
        Some(Element::Int(number)) => number,
        Some(Element::Text(text)) => number::parse_i64(text)
            .ok_or(CommandError::Fixed("ERR hash value is not an integer"))?,
    };
    let new = old.checked_add(increment).ok_or(CommandError::Overflow)?;
    set_field(ctx, key, place, itoa::Buffer::new().format(new).as_bytes());
    changed(ctx, key, 1, "hincrby");
    ctx.reply().int(new);
    Ok(())
}

fn hincrbyfloat(ctx: &mut Ctx<'_>) -> Outcome {
    let increment = LongDouble::parse(ctx.arg(3)).ok_or(CommandError::NotFloat)?;
    if ctx.arg(3).to_ascii_lowercase().windows(3).any(|word| word == b"inf" || word == b"nan") {
        return Err(CommandError::Fixed("ERR value is NaN or Infinity"));
    }
    let key = ctx.key(1);
    let place = ctx.write_as::<Hash>(key)?;
    let old = match value_of(ctx, place, ctx.arg(2))? {
        None => LongDouble::ZERO,
        Some(Element::Int(number)) => LongDouble::from_i64(number),
        Some(Element::Text(text)) => {
            LongDouble::parse(text).ok_or(CommandError::Fixed("ERR hash value is not a float"))?
        }
    };
    const NOT_FINITE: &str = "ERR increment would produce NaN or Infinity";
    let new = old.checked_add(increment).ok_or(CommandError::Fixed(NOT_FINITE))?.to_text();
    let deadline = set_field(ctx, key, place, &new);
    changed(ctx, key, 1, "hincrbyfloat");
    ctx.propagate(&[b"HSET", key.bytes, ctx.arg(2), &new]);
    if let Some(at_ms) = deadline {
        // HSET takes it away.
        Change::Until(at_ms).propagate(ctx, key, &[ctx.arg(2)]);
    }
    ctx.reply().bulk(&new);
    Ok(())
}

fn hdel(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(1);
    let args = ctx.args;
    let Some(place) = ctx.write_as::<Hash>(key)? else {
        ctx.reply().int(0);
        return Ok(());
    };
    let (removed, is_empty) = ctx.change(key, Some(place), |hash: &mut Hash| {
        let removed = args.from(2).filter(|field| hash.remove(field)).count();
        (removed, hash.is_empty())
    });
    if removed > 0 {
        changed(ctx, key, removed, "hdel");
        if is_empty {
            ctx.remove_empty(key);
        }
    }
    ctx.reply().int(removed as i64);
    Ok(())
}
