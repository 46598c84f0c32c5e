//! What commands about deadlines of fields share: how they name fields and times, and what they
//! do to fields.
//!
//! A time is not negative and below 2^46 ms since 1970 (Redis's `EB_EXPIRE_TIME_MAX`); one that
//! has passed removes the field. What is logged is what was done: HPEXPIREAT with the millisecond,
//! HPERSIST or HDEL, with the fields that it was done to, so a replay needs no clock.

use alloc::vec::Vec;

use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::CommandError;
use crate::config::KeyspaceEvents;
use crate::keyspace::Key;
use crate::turn::Now;
use crate::value::{FIELD_DEADLINE_MAX, Hash, number};

/// The error of most commands for a number of fields that is none.
pub(super) const NOT_POSITIVE: &str = "ERR Number of fields must be a positive integer";

/// Fields: `FIELDS numfields field...`, from the argument `at` to the end.
pub(super) fn fields<'a>(
    args: Args<'a>,
    at: usize,
    not_positive: &'static str,
) -> Result<Args<'a>, CommandError> {
    if !args.is(at, "fields") {
        return Err(CommandError::Fixed(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let count = number::parse_i64(args.at(at + 1)).filter(|&count| count > 0);
    let count = count.ok_or(CommandError::Fixed(not_positive))?;
    let fields = args.skip(at + 2);
    if usize::try_from(count) != Ok(fields.len()) {
        return Err(CommandError::Fixed(
            "ERR The `numfields` parameter must match the number of arguments",
        ));
    }
    Ok(fields)
}

/// The deadline that `text` says in units of `unit_ms` from `base_ms` on, in ms since 1970;
/// `command` is named in the error.
pub(super) fn deadline_ms(
    text: &[u8],
    unit_ms: i64,
    base_ms: i64,
    command: &'static str,
) -> Result<i64, CommandError> {
    let amount = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
    if amount < 0 {
        return Err(CommandError::Fixed("ERR invalid expire time, must be >= 0"));
    }
    let at_ms = amount.checked_mul(unit_ms).and_then(|time_ms| time_ms.checked_add(base_ms));
    at_ms.filter(|&at| at <= FIELD_DEADLINE_MAX as i64).ok_or(CommandError::ExpireTime(command))
}

/// The deadline behind `EX`, `PX`, `EXAT` or `PXAT` at the argument `at`; `None` if there is none
/// of these words.
pub(super) fn deadline_option(
    ctx: &Ctx<'_>,
    at: usize,
    command: &'static str,
) -> Result<Option<i64>, CommandError> {
    let now_ms = ctx.now().wall_ms();
    let (unit_ms, base_ms) = match &ctx.arg(at).to_ascii_lowercase()[..] {
        b"ex" => (1000, now_ms),
        b"px" => (1, now_ms),
        b"exat" => (1000, 0),
        b"pxat" => (1, 0),
        _ => return Ok(None),
    };
    deadline_ms(ctx.arg(at + 1), unit_ms, base_ms, command).map(Some)
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It gets this deadline, in ms since 1970.
    Until(u64),
    /// It loses its deadline.
    Persist,
    /// It goes.
    Remove,
}

impl Change {
    /// What a deadline makes of a field.
    pub(super) fn to(at_ms: i64, now: Now) -> Self {
        // Before 1970 a deadline may be to come and yet be negative. 0 would be none at all.
        if at_ms <= now.wall_ms() { Self::Remove } else { Self::Until(at_ms.max(1) as u64) }
    }

    /// Does it to a field that is there.
    pub(super) fn apply(self, hash: &mut Hash, field: &[u8]) {
        match self {
            Self::Until(at_ms) => hash.set_deadline(field, Some(at_ms)),
            Self::Persist => hash.set_deadline(field, None),
            Self::Remove => {
                hash.remove(field);
            }
        }
    }

    /// Says and logs that it was done to these fields. Of the hash nothing may be left.
    pub(super) fn tell(self, ctx: &mut Ctx<'_>, key: Key<'_>, fields: &[&[u8]], is_empty: bool) {
        if fields.is_empty() {
            return;
        }
        self.propagate(ctx, key, fields);
        ctx.modified(key.bytes);
        let event = match self {
            Self::Until(_) => "hexpire",
            Self::Persist => "hpersist",
            Self::Remove => "hdel",
        };
        ctx.notify(KeyspaceEvents::HASH, event, key.bytes);
        ctx.dirty(fields.len());
        if is_empty {
            ctx.remove_empty(key);
        }
    }

    /// Logs that it was done to these fields.
    pub(super) fn propagate(self, ctx: &mut Ctx<'_>, key: Key<'_>, fields: &[&[u8]]) {
        let (mut digits, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
        let mut words: Vec<&[u8]> = match self {
            Self::Until(at_ms) => {
                [b"HPEXPIREAT", key.bytes, digits.format(at_ms).as_bytes()].into()
            }
            Self::Persist => [b"HPERSIST", key.bytes].into(),
            Self::Remove => [b"HDEL", key.bytes].into(),
        };
        if self != Self::Remove {
            words.extend([&b"FIELDS"[..], count.format(fields.len()).as_bytes()]);
        }
        words.extend(fields);
        ctx.propagate(&words);
    }
}
