//! BITCOUNT and BITPOS: bits set, and the first bit set or clear.
//!
//! Redis 7 looks at the key before the range, and the range is not read when the key does not
//! exist: `BITCOUNT missing not-a-number 1` is 0. That was made an error in Redis 8.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::value::bitmap::{self, Unit};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("bitcount", -2, Group::Bitmap, bitcount)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key range=[start:integer end:integer unit=[BYTE|BIT]@7.0.0]")
        .docs("2.6.0", "Counts the bits that are set in the string value.", "O(N)")
        .history(&[("7.0.0", "New options `BYTE` and `BIT`.")]),
    Command::new("bitpos", -3, Group::Bitmap, bitpos)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments(
            "key:key bit:integer range=[start:integer end-unit-block=[end:integer \
             unit=[BYTE|BIT]@7.0.0]]",
        )
        .docs("2.8.7", "Finds the first bit that is set, or clear, in the string value.", "O(N)")
        .history(&[("7.0.0", "New options `BYTE` and `BIT`.")]),
];

/// Bytes that are walked over in about 100 ns.
const BYTES_PER_WORK: usize = 1000;

fn bitcount(ctx: &mut Ctx<'_>) -> Outcome {
    let Some(place) = ctx.read(ctx.key(1)) else {
        ctx.reply().int(0);
        return Ok(());
    };
    let text = ctx.string(place)?;
    let range = counted_range(ctx)?;
    let mut digits = itoa::Buffer::new();
    let bytes = text.bytes(&mut digits);
    let walked = bytes.len();
    let count = match range {
        None => bitmap::count_ones(bytes),
        Some((start, end, unit)) => bitmap::bitcount(bytes, start, end, unit),
    };
    ctx.work(walked / BYTES_PER_WORK);
    ctx.reply().count(count as usize);
    Ok(())
}

fn counted_range(ctx: &Ctx<'_>) -> Result<Option<(i64, i64, Unit)>, CommandError> {
    match ctx.args.len() {
        2 => Ok(None),
        4 | 5 => {
            let (start, end) = (ctx.int(2)?, ctx.int(3)?);
            // Nothing is counted then, whatever the unit is, and Redis does not read it.
            let is_reversed = start < 0 && end < 0 && start > end;
            let unit = if is_reversed { Unit::Byte } else { unit(ctx, 4)? };
            Ok(Some((start, end, unit)))
        }
        _ => Err(CommandError::Syntax),
    }
}

/// The unit at argument `at`; bytes when there is none.
fn unit(ctx: &Ctx<'_>, at: usize) -> Result<Unit, CommandError> {
    match ctx.arg(at) {
        _ if ctx.args.len() <= at => Ok(Unit::Byte),
        word if word.eq_ignore_ascii_case(b"byte") => Ok(Unit::Byte),
        word if word.eq_ignore_ascii_case(b"bit") => Ok(Unit::Bit),
        _ => Err(CommandError::Syntax),
    }
}

fn bitpos(ctx: &mut Ctx<'_>) -> Outcome {
    let bit = match ctx.int(2)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::Fixed("ERR The bit argument must be 1 or 0.")),
    };
    let Some(place) = ctx.read(ctx.key(1)) else {
        // A missing string is one of zeros without an end.
        ctx.reply().int(if bit { -1 } else { 0 });
        return Ok(());
    };
    let text = ctx.string(place)?;
    let (start, end, unit) = searched_range(ctx)?;
    let mut digits = itoa::Buffer::new();
    let bytes = text.bytes(&mut digits);
    let walked = bytes.len();
    let found = bitmap::bitpos(bytes, bit, start, end, unit);
    ctx.work(walked / BYTES_PER_WORK);
    ctx.reply().int(found.map_or(-1, |position| position as i64));
    Ok(())
}

fn searched_range(ctx: &Ctx<'_>) -> Result<(i64, Option<i64>, Unit), CommandError> {
    let count = ctx.args.len();
    if count > 6 {
        return Err(CommandError::Syntax);
    }
    let start = if count > 3 { ctx.int(3)? } else { 0 };
    let unit = unit(ctx, 5)?;
    let end = if count > 4 { Some(ctx.int(4)?) } else { None };
    Ok((start, end, unit))
}
