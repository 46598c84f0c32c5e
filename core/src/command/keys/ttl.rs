//! TTL, PTTL, EXPIRETIME and PEXPIRETIME: when a key will end, asked.

use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    row("ttl", ttl)
        .docs("1.0.0", "Returns the time to live of a key, in seconds.", "O(1)")
        .history(&[("2.8.0", "Added the -2 reply.")])
        .tips(&["nondeterministic_output"]),
    row("pttl", pttl)
        .docs("2.6.0", "Returns the time to live of a key, in milliseconds.", "O(1)")
        .history(&[("2.8.0", "Added the -2 reply.")])
        .tips(&["nondeterministic_output"]),
    row("expiretime", expiretime).docs(
        "7.0.0",
        "Returns the time at which a key ends, in seconds since 1970.",
        "O(1)",
    ),
    row("pexpiretime", pexpiretime).docs(
        "7.0.0",
        "Returns the time at which a key ends, in milliseconds since 1970.",
        "O(1)",
    ),
];

const KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))];

const fn row(name: &'static str, run: fn(&mut Ctx<'_>) -> Outcome) -> Command {
    Command::new(name, 2, Group::Generic, run)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::KEYSPACE])
        .keys(KEY)
        .arguments("key:key")
}

fn ttl(ctx: &mut Ctx<'_>) -> Outcome {
    let now_ms = ctx.now().wall_ms();
    reply_deadline(ctx, |at_ms| rounded_s(left_ms(at_ms, now_ms)))
}

fn pttl(ctx: &mut Ctx<'_>) -> Outcome {
    let now_ms = ctx.now().wall_ms();
    reply_deadline(ctx, |at_ms| left_ms(at_ms, now_ms))
}

fn expiretime(ctx: &mut Ctx<'_>) -> Outcome {
    reply_deadline(ctx, rounded_s)
}

fn pexpiretime(ctx: &mut Ctx<'_>) -> Outcome {
    reply_deadline(ctx, |at_ms| at_ms)
}

fn reply_deadline(ctx: &mut Ctx<'_>, form: impl FnOnce(u64) -> u64) -> Outcome {
    let answer = match ctx.look(ctx.key(1)).map(|place| ctx.entry(place).expire_at_ms()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at_ms)) => i64::try_from(form(at_ms)).unwrap_or(i64::MAX),
    };
    ctx.reply().int(answer);
    Ok(())
}

fn left_ms(at_ms: u64, now_ms: i64) -> u64 {
    let left_ms = i128::from(at_ms) - i128::from(now_ms);
    u64::try_from(left_ms.max(0)).unwrap_or(u64::MAX)
}

/// Whole seconds, half of one and more counted as one: a key that was just given ten has ten.
fn rounded_s(ms: u64) -> u64 {
    ms.saturating_add(500) / 1000
}
