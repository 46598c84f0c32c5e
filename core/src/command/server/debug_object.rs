//! DEBUG OBJECT: how a value is stored.
//!
//! The line has the fields of Redis's, because tests read encodings and idle times out of it. A
//! value has no address here: the line shows digits of the key's hash in its place.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::keyspace::clock::idle_s;
use crate::keyspace::{Entry, ValueRef};
use crate::rdb::payload;
use crate::value::{Value, lzf, number};

/// Answers with a line about the value of a key, whether its deadline has passed or not.
pub(super) fn object(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(2);
    let place = ctx.db().find(key).ok_or(CommandError::NoSuchKey)?;
    let entry = ctx.entry(place);
    let line = alloc::format!(
        "Value at:{:#x} refcount:{} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        key.hash >> 16,
        ctx.server.references(&entry),
        entry.encoding_name(),
        serialized_len(&entry, ctx.server.config.rdbcompression),
        entry.clock(),
        idle_s(entry.clock(), ctx.now()),
    );
    ctx.reply().simple(&line);
    Ok(())
}

/// Bytes of the value in an RDB file, without its type.
fn serialized_len(entry: &Entry<'_>, compress: bool) -> usize {
    match entry.value() {
        ValueRef::String(bytes) => string_len(bytes, compress),
        ValueRef::Int(value) => int_len(value),
        ValueRef::Object(Value::String(bytes)) => string_len(bytes, compress),
        // Without the type in front, and version and checksum behind.
        value => payload::dump(value, compress).len() - 1 - payload::FOOTER_BYTES,
    }
}

/// Short strings that are integers are stored as such, long ones compressed if that helps.
fn string_len(bytes: &[u8], compress: bool) -> usize {
    if bytes.len() <= 11
        && let Some(value) = number::parse_i64(bytes)
    {
        return int_len(value);
    }
    if compress
        && bytes.len() > 20
        && let Some(packed) = lzf::compress(bytes, bytes.len() - 4)
    {
        return 1 + length_len(packed.len()) + length_len(bytes.len()) + packed.len();
    }
    length_len(bytes.len()) + bytes.len()
}

fn int_len(value: i64) -> usize {
    match value {
        -0x80..=0x7f => 2,
        -0x8000..=0x7fff => 3,
        -0x8000_0000..=0x7fff_ffff => 5,
        _ => 1 + itoa::Buffer::new().format(value).len(),
    }
}

/// Bytes of a length itself.
fn length_len(len: usize) -> usize {
    match len {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..=0xffff_ffff => 5,
        _ => 9,
    }
}
