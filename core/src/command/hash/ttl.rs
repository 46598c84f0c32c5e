//! HTTL, HPTTL, HEXPIRETIME and HPEXPIRETIME: when fields will end, asked.

use super::expire::{NO_FIELD, reply_no_fields};
use super::fields::{NOT_POSITIVE, fields};
use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::hash::get::with_hash_at;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::value::Hash;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    row("httl", httl)
        .docs("7.4.0", "Returns the time to live of fields, in seconds.", COMPLEXITY)
        .tips(&["nondeterministic_output"]),
    row("hpttl", hpttl)
        .docs("7.4.0", "Returns the time to live of fields, in milliseconds.", COMPLEXITY)
        .tips(&["nondeterministic_output"]),
    row("hexpiretime", hexpiretime).docs(
        "7.4.0",
        "Returns the time at which fields end, in seconds since 1970.",
        COMPLEXITY,
    ),
    row("hpexpiretime", hpexpiretime).docs(
        "7.4.0",
        "Returns the time at which fields end, in ms since 1970.",
        COMPLEXITY,
    ),
];

const fn row(name: &'static str, run: fn(&mut Ctx<'_>) -> Outcome) -> Command {
    Command::new(name, -5, Group::Hash, run)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(KEY)
        .arguments("key:key FIELDS fields=(numfields:integer field*)")
}

const KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))];

const COMPLEXITY: &str = "O(N) where N is the number of specified fields";

fn httl(ctx: &mut Ctx<'_>) -> Outcome {
    let now_ms = ctx.now().wall_ms();
    reply_deadlines(ctx, |at_ms| seconds(at_ms - now_ms))
}

fn hpttl(ctx: &mut Ctx<'_>) -> Outcome {
    let now_ms = ctx.now().wall_ms();
    reply_deadlines(ctx, |at_ms| at_ms - now_ms)
}

fn hexpiretime(ctx: &mut Ctx<'_>) -> Outcome {
    reply_deadlines(ctx, seconds)
}

fn hpexpiretime(ctx: &mut Ctx<'_>) -> Outcome {
    reply_deadlines(ctx, |at_ms| at_ms)
}

/// Whole seconds: unlike the time of a key, that of a field is rounded up.
fn seconds(ms: i64) -> i64 {
    ms.saturating_add(999) / 1000
}

fn reply_deadlines(ctx: &mut Ctx<'_>, form: impl Fn(i64) -> i64) -> Outcome {
    let place = ctx.read_as::<Hash>(ctx.key(1))?;
    let fields = fields(ctx.args, 2, NOT_POSITIVE)?;
    if place.is_none() {
        return reply_no_fields(ctx, fields);
    }
    with_hash_at(ctx, place, |output, hash| {
        output.array(fields.len());
        for field in fields.from(0) {
            output.int(match hash.and_then(|hash| hash.deadline_ms(field)) {
                None => NO_FIELD,
                Some(None) => -1,
                Some(Some(at_ms)) => form(i64::try_from(at_ms).unwrap_or(i64::MAX)),
            });
        }
    })
}
