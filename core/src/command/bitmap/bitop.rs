//! BITOP: bitwise operations between strings.
//!
//! A string that is shorter than the longest, or missing, counts as padded with zero bytes. The
//! result is as long as the longest; when all are empty the destination is deleted. DIFF, DIFF1,
//! ANDOR and ONE came with Redis 8.2: they are logged as the SET or DEL that they come to, so that
//! an older server can read the log.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::keys_ahead::KeysAhead;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::value::bitmap::{self, BitOp};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("bitop", -4, Group::Bitmap, bitop)
    .flags(&[Flags::WRITE, Flags::DENYOOM])
    .categories(&[Categories::BITMAP])
    .keys(&[
        KeySpec::one(2, KeyFlags::OW.and(KeyFlags::UPDATE)),
        KeySpec::range(3, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS)),
    ])
    .arguments(
        "operation=(AND|OR|XOR|NOT|DIFF@8.2.0|DIFF1@8.2.0|ANDOR@8.2.0|ONE@8.2.0) destkey:key \
         key:key*",
    )
    .docs("2.6.0", "Combines strings bit by bit and stores the result.", "O(N)")
    .history(&[("8.2.0", "New operations `DIFF`, `DIFF1`, `ANDOR` and `ONE`.")])];

/// Bytes that are combined in about 100 ns.
const BYTES_PER_WORK: usize = 1000;

fn bitop(ctx: &mut Ctx<'_>) -> Outcome {
    let operation = operation(ctx)?;
    let sources = sources(ctx)?;
    let result = combine(operation, &sources);
    ctx.work(sources.iter().map(Bytes::len).sum::<usize>() / BYTES_PER_WORK);
    drop(sources);
    let len = result.len();
    store(ctx, operation, result);
    ctx.reply().count(len);
    Ok(())
}

fn operation(ctx: &Ctx<'_>) -> Result<BitOp, CommandError> {
    let name = ctx.arg(1);
    let known = OPERATIONS.iter().find(|row| name.eq_ignore_ascii_case(row.0.as_bytes()));
    let &(_, operation) = known.ok_or(CommandError::Syntax)?;
    let is_pair = ctx.args.len() > 4;
    let refusal = match operation {
        BitOp::Not if is_pair => "ERR BITOP NOT must be called with a single source key.",
        BitOp::Diff if !is_pair => "ERR BITOP DIFF must be called with at least two source keys.",
        BitOp::Diff1 if !is_pair => "ERR BITOP DIFF1 must be called with at least two source keys.",
        BitOp::AndOr if !is_pair => "ERR BITOP ANDOR must be called with at least two source keys.",
        _ => return Ok(operation),
    };
    Err(CommandError::Fixed(refusal))
}

const OPERATIONS: [(&str, BitOp); 8] = [
    ("and", BitOp::And),
    ("or", BitOp::Or),
    ("xor", BitOp::Xor),
    ("not", BitOp::Not),
    ("diff", BitOp::Diff),
    ("diff1", BitOp::Diff1),
    ("andor", BitOp::AndOr),
    ("one", BitOp::One),
];

/// The strings to combine, large ones by reference; empty ones for missing keys.
fn sources(ctx: &mut Ctx<'_>) -> Result<Vec<Bytes>, CommandError> {
    let mut sources = Vec::with_capacity(ctx.args.len() - 3);
    let mut keys = KeysAhead::new(3, 1);
    while let Some((_, key)) = keys.next(ctx) {
        let bytes = match ctx.read(key) {
            Some(place) => ctx.string(place)?.to_bytes(),
            None => Bytes::new(),
        };
        sources.push(bytes);
    }
    Ok(sources)
}

fn combine(operation: BitOp, sources: &[Bytes]) -> Vec<u8> {
    let views: Vec<&[u8]> = sources.iter().map(|bytes| &bytes[..]).collect();
    bitmap::bitop(operation, &views)
}

fn store(ctx: &mut Ctx<'_>, operation: BitOp, result: Vec<u8>) {
    let is_old = matches!(operation, BitOp::And | BitOp::Or | BitOp::Xor | BitOp::Not);
    let key = ctx.key(2);
    let place = ctx.write(key);
    if !result.is_empty() {
        if !is_old {
            ctx.propagate(&[b"SET", key.bytes, &result]);
        }
        ctx.set_raw_string(key, place, result, None);
        ctx.dirty(1);
        ctx.notify(KeyspaceEvents::STRING, "set", key.bytes);
    } else if let Some(place) = place {
        if !is_old {
            ctx.propagate(&[b"DEL", key.bytes]);
        }
        ctx.remove(key, place);
        ctx.dirty(1);
        ctx.notify(KeyspaceEvents::GENERIC, "del", key.bytes);
    }
}
