//! PFCOUNT: how many different elements were added.
//!
//! Of a single key the cardinality is kept in its header, so the command that only reads writes
//! there when it had to count. That is a change of the string like any other: it is logged, and
//! transactions that watch the key fail. Of several keys the registers are merged, and nothing is
//! kept.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::{Key, Place};
use crate::value::hyperloglog::{REGISTERS, cache, count, no_registers};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("pfcount", -2, Group::Hyperloglog, pfcount)
    .flags(&[Flags::READONLY, Flags::MAY_REPLICATE])
    .categories(&[Categories::HYPERLOGLOG])
    .keys(&[KeySpec {
        notes: "RW because it may change the internal representation of the key, and \
                    propagate to replicas",
        ..KeySpec::range(1, -1, 1, KeyFlags::RW.and(KeyFlags::ACCESS))
    }])
    .arguments("key:key*")
    .docs(
        "2.8.9",
        "Tells about how many different elements were added to one or more HyperLogLogs.",
        "O(1) with a very small average constant time when called with a single key. O(N) \
             with N being the number of keys, and much bigger constant times, when called with \
             multiple keys.",
    )];

fn pfcount(ctx: &mut Ctx<'_>) -> Outcome {
    let count = if ctx.args.len() > 2 { count_all(ctx)? } else { count_one(ctx)? };
    // What cannot be right is a negative number in Redis.
    ctx.reply().int(count as i64);
    Ok(())
}

/// The cardinality of all HyperLogLogs together.
fn count_all(ctx: &mut Ctx<'_>) -> Result<u64, CommandError> {
    let mut registers = no_registers();
    for at in 1..ctx.args.len() {
        let Some(place) = ctx.read(ctx.key(at)) else { continue };
        ctx.with_hyperloglog(place, |view| view.merge_into(&mut registers))??;
        ctx.work(REGISTERS / super::BYTES_PER_WORK);
    }
    Ok(count(&registers))
}

/// The cardinality of one, which is kept.
fn count_one(ctx: &mut Ctx<'_>) -> Result<u64, CommandError> {
    let key = ctx.key(1);
    let Some(place) = ctx.read(key) else { return Ok(0) };
    if let Some(cached) = ctx.with_hyperloglog(place, |view| view.cached())? {
        ctx.make_raw_string(key, place);
        return Ok(cached);
    }
    let counted = ctx.with_hyperloglog(place, |view| view.count())??;
    ctx.work(REGISTERS / super::BYTES_PER_WORK);
    keep(ctx, key, place, counted);
    Ok(counted)
}

fn keep(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place, counted: u64) {
    ctx.change_string(key, Some(place), 0, |bytes| cache(bytes, counted));
    ctx.dirty(1);
}
