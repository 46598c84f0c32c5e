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
    let version = aggregate::version_for(value, Version::default());
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

    /// A hash as text: fields with values, and `@` with the deadline of those that have one.
    fn fields(payload: &[u8]) -> Result<Vec<alloc::string::String>, PayloadError> {
        let mut room = Vec::new();
        let value = restore(payload, 1 << 20, &Making::default(), &mut room)?;
        let NewValue::Object(Value::Hash(hash)) = value else { panic!("a hash: {value:?}") };
        let text = |element: crate::value::listpack::Element<'_>| {
            alloc::string::String::from_utf8_lossy(element.bytes(&mut itoa::Buffer::new())).into()
        };
        let shown = hash.view().fields().map(|(field, value, at_ms)| {
            let (field, value): (alloc::string::String, alloc::string::String) =
                (text(field), text(value));
            let at_ms = at_ms.map(|at_ms| alloc::format!("@{at_ms}"));
            alloc::format!("{field}={value}{}", at_ms.unwrap_or_default())
        });
        let mut shown: Vec<_> = shown.collect();
        shown.sort();
        Ok(shown)
    }

    /// Payloads that Redis 8.2 and Valkey 9.1 answer about hashes whose fields have deadlines.
    #[test]
    fn deadlines_of_fields_of_real_servers() {
        let value = "v".repeat(100);
        let one = alloc::format!("f={value}@4102444800123");
        for (payload, expected) in [
            (
                &b"\x19{\xd8\xc3,\xbb\x03\x00\x0011\x00\x00\x00\t\x00\x81b\x02\x84text\x05\
                   \xf4{\xd8\xc3,\xbb\x03\x00\x00\t\x81a\x02\x01\x01\xf4\xc8\xd9\xc3,\xbb\x03\x00\
                   \x00\t\x81c\x02\xdf\xfb\x02\x00\x01\xff\x0c\x00\xfd\x0c!2\x9c\xd0\x8fx"[..],
                &["a=1@4102444800456", "b=text@4102444800123", "c=-5"][..],
            ),
            (
                b"\x18{\xd8\xc3,\xbb\x03\x00\x00\x01\x01\x01f\xc3\t@d\x01vv\xe0W\x00\x01vv\x0c\
                  \x00\x13\xfe.C\xa9s\xccn",
                &[&one],
            ),
            (
                b"\x18{\xd8\xc3,\xbb\x03\x00\x00\x03\x00\x01c\x01y\x01\x01b\x01xC\xe9\x01a\xc0\
                  \x01\x0c\x00\x95f\xf3Z\x8a4Vw",
                &["a=1@4102444801123", "b=x@4102444800123", "c=y"],
            ),
            (
                b"\x19{\xd8\xc3,\xbb\x03\x00\x00\x15\x15\x00\x00\x00\x06\x00\x81b\x02\x02\x01\
                  \x00\x01\x81a\x02\x01\x01\x00\x01\xff\x0c\x00+P\xfdNL>\xac\x8b",
                &["a=1", "b=2"],
            ),
            (
                b"\x16\x03\x01a\xc0\x01\xc8\xd9\xc3,\xbb\x03\x00\x00\x01b\x04text{\xd8\xc3,\
                  \xbb\x03\x00\x00\x01c\xc0\xfb\xff\xff\xff\xff\xff\xff\xff\xffP\x00\x82Cj\x15\
                  \xc3\xf7\xa1\xe0",
                &["a=1@4102444800456", "b=text@4102444800123", "c=-5"],
            ),
            (
                b"\x16\x01\x01f\xc3\t@d\x01vv\xe0W\x00\x01vv{\xd8\xc3,\xbb\x03\x00\x00P\x00a\
                  \x03\xa5\xd1%<\x86,",
                &[&one],
            ),
        ] {
            assert_eq!(fields(payload).unwrap(), expected, "{}", payload.escape_ascii());
        }
        // Release candidates of Redis 7.4 had absolute times, in lengths, and packs without a head.
        let timed = b"\x16\x02\x81\x00\x00\x03\xbb,\xc3\xd8{\x01a\xc0\x01\x00\x01b\x01x";
        assert_eq!(fields(&sealed(timed, 12)).unwrap(), ["a=1@4102444800123", "b=x"]);
        let packed = b"\x17\x15\x15\x00\x00\x00\x06\x00\x81b\x02\x02\x01\x00\x01\x81a\x02\x01\
                       \x01\x05\x01\xff";
        assert_eq!(fields(&sealed(packed, 12)).unwrap(), ["a=1@5", "b=2"]);
        // Valkey has later deadlines.
        let late = b"\x16\x01\x01f\x01v\xff\xff\xff\xff\xff\xff\xff\x7f";
        assert_eq!(fields(&sealed(late, 80)).unwrap(), ["f=v@70368744177663"]);
    }

    /// Ours are of version 12 only where a field has a deadline.
    #[test]
    fn deadlines_of_fields_cross_over() {
        let making = Making::default();
        for (count, every) in [(3, 0), (3, 2), (3, 1), (600, 0), (600, 7), (600, 1)] {
            let mut hash = crate::value::Hash::default();
            for number in 0..count {
                let (field, value) = (alloc::format!("f{number}"), alloc::format!("v{number}"));
                let at_ms = (every > 0 && number % every == 0).then_some(number + 1_000_000);
                let (field, value) = (field.as_bytes(), value.as_bytes());
                hash.insert(field, value, at_ms, &making.thresholds, making.hasher);
            }
            let at_ms = hash.view().deadline_ms(b"f0").flatten();
            hash.set_deadline(b"f0", Some(7));
            hash.set_deadline(b"f0", at_ms);
            let value = Value::Hash(hash.clone());
            let payload = match value.pack() {
                Some(pack) => dump(ValueRef::Pack(pack.bytes()), true),
                None => dump(ValueRef::Object(&value), true),
            };
            let version = if every > 0 { 12 } else { 11 };
            assert_eq!(payload[payload.len() - FOOTER_BYTES], version);
            let restored = fields(&payload).unwrap();
            assert_eq!(restored.len() as u64, count);
            let timed = restored.iter().filter(|field| field.contains('@')).count();
            let expected = if every > 0 { count.div_ceil(every) } else { 0 };
            assert_eq!(timed as u64, expected);
            let first = if every > 0 { "f0=v0@1000000" } else { "f0=v0" };
            assert_eq!(restored[0], first);
        }
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
