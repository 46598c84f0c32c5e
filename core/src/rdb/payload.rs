//! One value on its own: what DUMP answers and RESTORE takes.
//!
//! Type and value as in a file, then the version of the format (2 bytes, little-endian) and the
//! CRC-64 of all before it. A payload comes from a client: the checksum proves nothing about what
//! it protects, so the value is read with the same care as a file. Bytes between the value and the
//! version are ignored, as Redis does.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::aggregate;
use super::cursor::{Cursor, Text};
use super::encode::{self, Encoder};
use super::error::{TYPE_MAX, type_name};
use super::format::{TYPE_STRING, VALKEY_VERSION, VERSION_MAX, Version};
use super::open::{Making, Open, Reading};
use crate::keyspace::{NewValue, ValueRef};
use crate::value::Value;
use crate::value::crc64::crc64;

/// Version and checksum behind the value.
pub const FOOTER_BYTES: usize = 10;

/// Why a payload is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// It is of a newer version, its checksum is wrong, or it is too short to have either.
    Footer,
    /// The value is damaged.
    Format,
    /// The value is of this type, which the server does not have yet.
    Type(&'static str),
}

/// The payload of a value, compressed or not.
#[must_use]
pub fn dump(value: ValueRef<'_>, compression: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(compression);
    let version = Version::default();
    out.push(aggregate::type_number(value, version));
    match value {
        ValueRef::Int(number) => encode::int(&mut out, number),
        ValueRef::String(text) => encoder.string(&mut out, text),
        ValueRef::Object(Value::String(text)) => encoder.string(&mut out, text),
        ValueRef::Pack(pack) => encoder.pack(&mut out, pack, version),
        ValueRef::Object(value) => encoder.large(&mut out, value, version),
    }
    out.extend_from_slice(&version.number().to_le_bytes());
    let crc = crc64(0, &out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// The value of a payload; `room` is for one that is compressed. A string has `string_bytes_max`
/// bytes at most.
pub fn restore<'a>(
    payload: &'a [u8],
    string_bytes_max: u64,
    making: &Making,
    room: &'a mut Vec<u8>,
) -> Result<NewValue<'a>, PayloadError> {
    let (body, version) = verified(payload).ok_or(PayloadError::Footer)?;
    let mut cursor = Cursor::new(body, string_bytes_max);
    match cursor.byte() {
        Ok(TYPE_STRING) => {}
        Ok(number @ 1..=TYPE_MAX) => return aggregate(number, version, cursor, making, room),
        _ => return Err(PayloadError::Format),
    }
    match cursor.string(room) {
        Ok(Text::Int(number)) => Ok(NewValue::Int(number)),
        Ok(Text::Here(range)) => Ok(NewValue::String(cursor.bytes_at(range))),
        Ok(Text::InRoom) => Ok(NewValue::String(room)),
        Err(_) => Err(PayloadError::Format),
    }
}

/// The aggregate that begins behind its type.
fn aggregate<'a>(
    number: u8,
    version: u16,
    mut cursor: Cursor<'_>,
    making: &Making,
    room: &mut Vec<u8>,
) -> Result<NewValue<'a>, PayloadError> {
    let open = Open::begin(number, version, Box::default(), &mut cursor, making);
    let Ok(Some(mut open)) = open else {
        return Err(match open {
            Ok(_) => PayloadError::Type(type_name(number)),
            Err(_) => PayloadError::Format,
        });
    };
    let (mut second, mut read) = (Vec::new(), 0);
    loop {
        let rooms = [&mut *room, &mut second];
        match open.read(Reading { cursor: &mut cursor, rooms }, &mut read) {
            Ok(true) => break,
            Ok(false) => {}
            Err(_) => return Err(PayloadError::Format),
        }
    }
    match open.finish(read) {
        Ok((_, value)) => Ok(NewValue::Object(value)),
        Err(_) => Err(PayloadError::Format),
    }
}

/// What is before a footer that fits, and the version that it says.
fn verified(payload: &[u8]) -> Option<(&[u8], u16)> {
    let (summed, stored) = payload.split_last_chunk::<8>()?;
    let (body, version) = summed.split_last_chunk::<2>()?;
    let version = u16::from_le_bytes(*version);
    let is_known = version <= VERSION_MAX || version == VALKEY_VERSION;
    (is_known && crc64(0, summed) == u64::from_le_bytes(*stored)).then_some((body, version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn sealed(body: &[u8], version: u16) -> Vec<u8> {
        let summed = [body, &version.to_le_bytes()].concat();
        let crc = crc64(0, &summed).to_le_bytes();
        [&summed[..], &crc].concat()
    }

    fn text(payload: &[u8]) -> Result<Vec<u8>, PayloadError> {
        let mut room = Vec::new();
        Ok(match restore(payload, 1 << 20, &Making::default(), &mut room)? {
            NewValue::String(bytes) => bytes.to_vec(),
            NewValue::Int(number) => itoa::Buffer::new().format(number).as_bytes().to_vec(),
            other => alloc::format!("{other:?}").into_bytes(),
        })
    }

    /// Payloads that Redis 7.0 answers.
    #[test]
    fn payloads_of_real_servers() {
        let newer = b"\x00\x05hello\n\x00cr\xdfve4 \n";
        assert_eq!(text(newer), Ok(b"hello".to_vec()));
        let compressed = b"\x00\xc3\t\x1e\x01aa\xe0\x11\x00\x01aa\n\x00Es|\xbb+d{\xbb";
        assert_eq!(text(compressed), Ok([b'a'; 30].to_vec()));
    }

    #[test]
    fn what_is_refused() {
        for version in [0, 6, 11, 12, 80] {
            assert_eq!(text(&sealed(b"\x00\x01k", version)), Ok(b"k".to_vec()));
        }
        for version in [13, 79, 81, u16::MAX] {
            assert_eq!(text(&sealed(b"\x00\x01k", version)), Err(PayloadError::Footer));
        }
        for (body, error) in [
            (&b""[..], PayloadError::Format),
            (b"\x00", PayloadError::Format),
            (b"\x00\x02k", PayloadError::Format),
            (b"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff", PayloadError::Format),
            (b"\xff\x01k", PayloadError::Format),
            (b"\x1a\x01k", PayloadError::Format),
            (b"\x0e\x01k", PayloadError::Format),
            (b"\x06\x01k", PayloadError::Type("module value")),
        ] {
            assert_eq!(text(&sealed(body, 11)), Err(error), "{}", body.escape_ascii());
        }
        assert_eq!(text(&sealed(b"\x00\x01kmore", 11)), Ok(b"k".to_vec()), "as Redis does");
        let whole = dump(ValueRef::String(b"value"), true);
        for len in 0..whole.len() {
            assert_eq!(text(&whole[..len]), Err(PayloadError::Footer));
        }
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(text(&damaged), Err(PayloadError::Footer));
        }
    }

    proptest! {
        #[test]
        fn what_is_dumped_is_restored(part: Vec<u8>, times in 0..200_usize, compression: bool) {
            let value = part.repeat(times);
            let payload = dump(ValueRef::String(&value), compression);
            prop_assert_eq!(text(&payload), Ok(value.clone()));
            let object = Value::String(Bytes::from(value));
            prop_assert_eq!(dump(ValueRef::Object(&object), compression), payload);
        }

        #[test]
        fn integers_too(number: i64, compression: bool) {
            let digits = itoa::Buffer::new().format(number).as_bytes().to_vec();
            let payload = dump(ValueRef::Int(number), compression);
            prop_assert_eq!(&payload, &dump(ValueRef::String(&digits), compression));
            prop_assert_eq!(text(&payload), Ok(digits));
        }

        #[test]
        fn any_body_is_safe(body: Vec<u8>, kind in 0..3_u8) {
            let _value = text(&sealed(&[&[kind][..], &body].concat(), 11));
        }
    }
}
