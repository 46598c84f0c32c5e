//! INCR, DECR, INCRBY, DECRBY and INCRBYFLOAT: strings as numbers.
//!
//! Integers are 64 bits and never wrap around. INCRBYFLOAT adds as Redis does on x86, with the 64
//! bits of a `long double`; it is logged as the SET of its result, since nothing that replays the
//! log should have to add the same way.

use crate::command::ctx::{Ctx, Text};
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::NewValue;
use crate::value::long_double::LongDouble;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    row("incr", 2, incr).arguments("key:key").docs(
        "1.0.0",
        "Adds one to the integer value of a key, which is 0 if it does not exist.",
        "O(1)",
    ),
    row("decr", 2, decr).arguments("key:key").docs(
        "1.0.0",
        "Subtracts one from the integer value of a key, which is 0 if it does not exist.",
        "O(1)",
    ),
    row("incrby", 3, incrby).arguments("key:key increment:integer").docs(
        "1.0.0",
        "Adds to the integer value of a key, which is 0 if it does not exist.",
        "O(1)",
    ),
    row("decrby", 3, decrby).arguments("key:key decrement:integer").docs(
        "1.0.0",
        "Subtracts from the integer value of a key, which is 0 if it does not exist.",
        "O(1)",
    ),
    row("incrbyfloat", 3, incrbyfloat).arguments("key:key increment:double").docs(
        "2.6.0",
        "Adds to the floating point value of a key, which is 0 if it does not exist.",
        "O(1)",
    ),
];

const fn row(name: &'static str, arity: i16, run: fn(&mut Ctx<'_>) -> Outcome) -> Command {
    const KEYS: &[KeySpec] =
        &[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))];
    Command::new(name, arity, Group::String, run)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::STRING])
        .keys(KEYS)
}

fn incr(ctx: &mut Ctx<'_>) -> Outcome {
    add(ctx, 1)
}

fn decr(ctx: &mut Ctx<'_>) -> Outcome {
    add(ctx, -1)
}

fn incrby(ctx: &mut Ctx<'_>) -> Outcome {
    let increment = ctx.int(2)?;
    add(ctx, increment)
}

fn decrby(ctx: &mut Ctx<'_>) -> Outcome {
    let decrement = ctx.int(2)?;
    let increment =
        decrement.checked_neg().ok_or(CommandError::Fixed("ERR decrement would overflow"))?;
    add(ctx, increment)
}

fn add(ctx: &mut Ctx<'_>, increment: i64) -> Outcome {
    let key = ctx.key(1);
    let place = ctx.write(key);
    let (old, expire_at_ms, clock) = match place.map(|place| ctx.entry(place)) {
        Some(entry) => {
            let old = Text::of(entry.value())?.to_int().ok_or(CommandError::NotInteger)?;
            (old, entry.expire_at_ms(), entry.clock())
        }
        None => (0, None, ctx.server.new_clock()),
    };
    let new = old.checked_add(increment).ok_or(CommandError::Overflow)?;
    ctx.set_used(key, place, NewValue::Int(new), expire_at_ms, clock);
    ctx.dirty(1);
    ctx.notify(KeyspaceEvents::STRING, "incrby", key.bytes);
    ctx.reply().int(new);
    Ok(())
}

fn incrbyfloat(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(1);
    let place = ctx.write(key);
    let old = match place {
        Some(place) => long_double(&ctx.string(place)?)?,
        None => LongDouble::ZERO,
    };
    let increment = LongDouble::parse(ctx.arg(2)).ok_or(CommandError::NotFloat)?;
    let new = old.checked_add(increment).ok_or(CommandError::Fixed(NOT_FINITE))?.to_text();
    let expire_at_ms = place.and_then(|place| ctx.entry(place).expire_at_ms());
    ctx.set(key, place, NewValue::Text(&new), expire_at_ms);
    ctx.dirty(1);
    ctx.notify(KeyspaceEvents::STRING, "incrbyfloat", key.bytes);
    ctx.propagate(&[b"SET", key.bytes, &new, b"KEEPTTL"]);
    ctx.reply().bulk(&new);
    Ok(())
}

const NOT_FINITE: &str = "ERR increment would produce NaN or Infinity";

fn long_double(text: &Text<'_>) -> Result<LongDouble, CommandError> {
    let parsed = match text {
        Text::Int(number) => Some(LongDouble::from_i64(*number)),
        Text::Inline(bytes) => LongDouble::parse(bytes),
        Text::Shared(bytes) => LongDouble::parse(bytes),
    };
    parsed.ok_or(CommandError::NotFloat)
}
