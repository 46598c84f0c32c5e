//! SETBIT and GETBIT.
//!
//! A bit that is set to what it is changes nothing: no event, nothing logged. One past the end of
//! the string grows it in any case.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::Place;
use crate::value::{bitmap, number};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("setbit", 4, Group::Bitmap, setbit)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))])
        .arguments("key:key offset:integer value:integer")
        .docs("2.2.0", "Sets or clears a bit of the string value, grown as needed.", "O(1)"),
    Command::new("getbit", 3, Group::Bitmap, getbit)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key offset:integer")
        .docs("2.2.0", "Returns a bit of the string value.", "O(1)"),
];

fn setbit(ctx: &mut Ctx<'_>) -> Outcome {
    let offset = bit_offset(ctx, 2)?;
    let bit = bit_value(ctx.arg(3))?;
    let key = ctx.key(1);
    let place = ctx.write(key);
    let old_len = ctx.string_len(place)?;
    let old = bit_at(ctx, place, offset)?;
    let len = (offset / 8 + 1) as usize;
    match place {
        Some(place) if len <= old_len && bit == old => ctx.make_raw_string(key, place),
        _ => {
            ctx.change_string(key, place, len, |bytes| write_bit(bytes, offset, bit));
            ctx.dirty(1);
            ctx.notify(KeyspaceEvents::STRING, "setbit", key.bytes);
        }
    }
    ctx.reply().int(i64::from(old));
    Ok(())
}

fn getbit(ctx: &mut Ctx<'_>) -> Outcome {
    let offset = bit_offset(ctx, 2)?;
    let place = ctx.read(ctx.key(1));
    let bit = bit_at(ctx, place, offset)?;
    ctx.reply().int(i64::from(bit));
    Ok(())
}

/// The argument `at` as a bit of a string that is not too long.
fn bit_offset(ctx: &Ctx<'_>, at: usize) -> Result<u64, CommandError> {
    let bytes_max = ctx.server.string_bytes_max(ctx.client);
    bitmap::parse_bit_offset(ctx.arg(at), None, bytes_max).ok_or(CommandError::BitOffset)
}

fn bit_value(text: &[u8]) -> Result<bool, CommandError> {
    match number::parse_i64(text) {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => Err(CommandError::Fixed("ERR bit is not an integer or out of range")),
    }
}

/// The bit of the string at `place`; 0 past the end and without a string.
fn bit_at(ctx: &Ctx<'_>, place: Option<Place>, offset: u64) -> Result<bool, CommandError> {
    let Some(place) = place else { return Ok(false) };
    let text = ctx.string(place)?;
    Ok(bitmap::bit(text.bytes(&mut itoa::Buffer::new()), offset))
}

fn write_bit(bytes: &mut [u8], offset: u64, bit: bool) {
    let mask = 0x80 >> (offset % 8);
    if let Some(byte) = bytes.get_mut((offset / 8) as usize) {
        *byte = if bit { *byte | mask } else { *byte & !mask };
    }
}
