//! HEXPIRE and its relatives, and HPERSIST: when fields will end.

use alloc::vec::Vec;

use super::fields::{Change, NOT_POSITIVE, deadline_ms, fields};
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::value::Hash;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    row("hexpire", -6, hexpire)
        .arguments(
            "key:key seconds:integer condition=[NX|XX|GT|LT] \
             FIELDS fields=(numfields:integer field*)",
        )
        .docs("7.4.0", "Sets the time to live of fields, in seconds.", COMPLEXITY),
    row("hpexpire", -6, hpexpire)
        .arguments(
            "key:key milliseconds:integer condition=[NX|XX|GT|LT] \
             FIELDS fields=(numfields:integer field*)",
        )
        .docs("7.4.0", "Sets the time to live of fields, in milliseconds.", COMPLEXITY),
    row("hexpireat", -6, hexpireat)
        .arguments(
            "key:key unix-time-seconds:unix-time condition=[NX|XX|GT|LT] \
             FIELDS fields=(numfields:integer field*)",
        )
        .docs("7.4.0", "Sets the time at which fields end, in seconds since 1970.", COMPLEXITY),
    row("hpexpireat", -6, hpexpireat)
        .arguments(
            "key:key unix-time-milliseconds:unix-time condition=[NX|XX|GT|LT] \
             FIELDS fields=(numfields:integer field*)",
        )
        .docs("7.4.0", "Sets the time at which fields end, in ms since 1970.", COMPLEXITY),
    row("hpersist", -5, hpersist)
        .arguments("key:key FIELDS fields=(numfields:integer field*)")
        .docs("7.4.0", "Takes the time to live of fields away.", COMPLEXITY),
];

const fn row(name: &'static str, arity: i16, run: fn(&mut Ctx<'_>) -> Outcome) -> Command {
    Command::new(name, arity, Group::Hash, run)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(KEY)
}

const KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))];

const COMPLEXITY: &str = "O(N) where N is the number of specified fields";

/// The error of these commands alone.
const NUM_FIELDS: &str = "ERR Parameter `numFields` should be greater than 0";

/// The reply about a field that is not there.
pub(super) const NO_FIELD: i64 = -2;

fn hexpire(ctx: &mut Ctx<'_>) -> Outcome {
    let now_ms = ctx.now().wall_ms();
    expire(ctx, "hexpire", 1000, now_ms)
}

fn hpexpire(ctx: &mut Ctx<'_>) -> Outcome {
    let now_ms = ctx.now().wall_ms();
    expire(ctx, "hpexpire", 1, now_ms)
}

fn hexpireat(ctx: &mut Ctx<'_>) -> Outcome {
    expire(ctx, "hexpireat", 1000, 0)
}

fn hpexpireat(ctx: &mut Ctx<'_>) -> Outcome {
    expire(ctx, "hpexpireat", 1, 0)
}

/// The second argument counts units of `unit_ms` from `base_ms` on.
fn expire(ctx: &mut Ctx<'_>, name: &'static str, unit_ms: i64, base_ms: i64) -> Outcome {
    let key = ctx.key(1);
    let place = ctx.write_as::<Hash>(key)?;
    let at_ms = deadline_ms(ctx.arg(2), unit_ms, base_ms, name)?;
    let condition = Condition::of(ctx.arg(3));
    let fields_at = if condition == Condition::None { 3 } else { 4 };
    let fields = fields(ctx.args, fields_at, NUM_FIELDS)?;
    let Some(place) = place else { return reply_no_fields(ctx, fields) };
    let change = Change::to(at_ms, ctx.now());
    let mut changed = Vec::new();
    let (replies, is_empty) = ctx.change(key, Some(place), |hash: &mut Hash| {
        let replies: Vec<i64> = fields
            .from(0)
            .map(|field| match hash.view().deadline_ms(field) {
                None => NO_FIELD,
                Some(old_ms) if !condition.holds(old_ms, at_ms) => 0,
                Some(_) => {
                    change.apply(hash, field);
                    changed.push(field);
                    if change == Change::Remove { 2 } else { 1 }
                }
            })
            .collect();
        (replies, hash.is_empty())
    });
    change.tell(ctx, key, &changed, is_empty);
    reply(ctx, &replies);
    Ok(())
}

/// What NX, XX, GT and LT ask of the old deadline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    None,
    Nx,
    Xx,
    Gt,
    Lt,
}

impl Condition {
    fn of(word: &[u8]) -> Self {
        match &word.to_ascii_lowercase()[..] {
            b"nx" => Self::Nx,
            b"xx" => Self::Xx,
            b"gt" => Self::Gt,
            b"lt" => Self::Lt,
            _ => Self::None,
        }
    }

    /// Whether a field with the deadline `old_ms` may get that of `new_ms`. Without a deadline a
    /// field lives for ever: nothing is later, everything sooner.
    fn holds(self, old_ms: Option<u64>, new_ms: i64) -> bool {
        let new_ms = i128::from(new_ms);
        match (self, old_ms.map(i128::from)) {
            (Self::None | Self::Lt, None) | (Self::None, _) => true,
            (Self::Nx, old_ms) => old_ms.is_none(),
            (Self::Xx, old_ms) => old_ms.is_some(),
            (Self::Gt, old_ms) => old_ms.is_some_and(|old_ms| new_ms > old_ms),
            (Self::Lt, Some(old_ms)) => new_ms < old_ms,
        }
    }
}

fn hpersist(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(1);
    let place = ctx.write_as::<Hash>(key)?;
    let fields = fields(ctx.args, 2, NOT_POSITIVE)?;
    let Some(place) = place else { return reply_no_fields(ctx, fields) };
    let mut changed = Vec::new();
    let replies: Vec<i64> = ctx.change(key, Some(place), |hash: &mut Hash| {
        let persist = |field| match hash.view().deadline_ms(field) {
            None => NO_FIELD,
            Some(None) => -1,
            Some(Some(_)) => {
                Change::Persist.apply(hash, field);
                changed.push(field);
                1
            }
        };
        fields.from(0).map(persist).collect()
    });
    Change::Persist.tell(ctx, key, &changed, false);
    reply(ctx, &replies);
    Ok(())
}

/// The reply about fields of a hash that is not there.
pub(super) fn reply_no_fields(ctx: &mut Ctx<'_>, fields: Args<'_>) -> Outcome {
    ctx.reply().array(fields.len());
    (0..fields.len()).for_each(|_| ctx.reply().int(NO_FIELD));
    Ok(())
}

fn reply(ctx: &mut Ctx<'_>, replies: &[i64]) {
    ctx.reply().array(replies.len());
    replies.iter().for_each(|&reply| ctx.reply().int(reply));
}
