//! What a save writes, byte by byte where it is small.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

use super::*;
use crate::keyspace::{Db, KeyHasher, NewValue};
use crate::value::Value;
use crate::value::crc64::crc64;

const HASHER: fn() -> KeyHasher = || KeyHasher::new(3, 4);

fn settings() -> Settings {
    Settings {
        version: Version::V10,
        compression: true,
        checksum: true,
        usage: Usage::Untold,
        aux: vec![("redis-bits".to_string(), "64".to_string())],
    }
}

/// Databases 0 and 2 of three; the second has the one key given.
fn databases(key: &[u8], value: NewValue<'_>, expire_at_ms: Option<u64>) -> Vec<Db> {
    let hasher = HASHER();
    let mut dbs: Vec<Db> = (0..3).map(|_| Db::new(hasher)).collect();
    dbs[2].set(hasher.key(key), None, value, expire_at_ms, 0x0001_0203);
    dbs
}

fn written(mut save: Save) -> Vec<u8> {
    let mut file = Vec::new();
    while let Some(piece) = save.next_piece() {
        assert!(!piece.is_empty());
        file.extend(piece);
    }
    assert!(save.next_piece().is_none(), "the end is the end");
    file
}

fn dump(dbs: &[Db], settings: Settings) -> Vec<u8> {
    written(Save::dump(Snapshot::of(dbs), settings))
}

/// The bytes of the only key, between the head of its database and the end.
fn entry(key: &[u8], value: NewValue<'_>, settings: Settings) -> Vec<u8> {
    let file = dump(&databases(key, value, None), settings);
    let head = b"REDIS0010\xfa\x0aredis-bits\xc0\x40\xfe\x02\xfb\x01\x00";
    assert_eq!(&file[..head.len()], head);
    let (rest, sum) = file.split_at(file.len() - 8);
    assert_eq!(sum, crc64(0, rest).to_le_bytes());
    assert_eq!(rest.last(), Some(&0xff));
    rest[head.len()..rest.len() - 1].to_vec()
}

#[test]
fn empty_databases_make_a_head_and_an_end() {
    let dbs = [Db::new(HASHER())];
    let file = dump(&dbs, Settings { checksum: false, ..settings() });
    assert_eq!(file, b"REDIS0010\xfa\x0aredis-bits\xc0\x40\xff\0\0\0\0\0\0\0\0");
    assert_eq!(written(Save::commands(Snapshot::of(&dbs))), b"#base\n");
}

#[test]
fn strings_take_their_shortest_form() {
    let cases: [(&[u8], &[u8]); 11] = [
        (b"value", b"\x05value"),
        (b"", b"\x00"),
        (b"-128", b"\xc0\x80"),
        (b"128", b"\xc1\x80\x00"),
        (b"-32769", b"\xc2\xff\x7f\xff\xff"),
        (b"2147483647", b"\xc2\xff\xff\xff\x7f"),
        (b"-2147483648", b"\xc2\x00\x00\x00\x80"),
        (b"2147483648", b"\x0a2147483648"),
        (b"-9223372036854775808", b"\x14-9223372036854775808"),
        (b"007", b"\x03007"),
        (b"aaaaaaaaaaaaaaaaaaaaa", b"\xc3\x05\x15\x00a\xe0\x0b\x00"),
    ];
    for (value, stored) in cases {
        let found = entry(b"k", NewValue::String(value), settings());
        assert_eq!(found, [b"\x00\x01k", stored].concat(), "{}", value.escape_ascii());
    }
    let found = entry(b"12", NewValue::Text(b"12"), settings());
    assert_eq!(found, b"\x00\xc0\x0c\xc0\x0c", "keys too, and what is not stored as an integer");
    let plain = Settings { compression: false, ..settings() };
    assert_eq!(entry(b"k", NewValue::String(&[b'a'; 21]), plain.clone())[..5], *b"\0\x01k\x15a");
    let long = entry(b"k", NewValue::String(&[b'a'; 70]), plain.clone());
    assert_eq!(long[..6], *b"\0\x01k\x40\x46a");
    let longer = entry(b"k", NewValue::String(&[b'a'; 20_000]), plain);
    assert_eq!(longer[..9], *b"\0\x01k\x80\0\0\x4e\x20a");
}

#[test]
fn deadline_and_use_stand_before_the_key() {
    let dbs = databases(b"k", NewValue::Int(1), Some(0x0102_0304_0506));
    let mut now = Now { mono_ns: 0, wall_us: (0x0001_0203 + 100) * 1_000_000 };
    let tail = |usage| {
        let file = dump(&dbs, Settings { usage, checksum: false, ..settings() });
        file[28..file.len() - 9].to_vec()
    };
    let deadline = b"\xfc\x06\x05\x04\x03\x02\x01\x00\x00";
    let key = b"\x00\x01k\xc0\x01";
    assert_eq!(tail(Usage::Untold), [&deadline[..], key].concat());
    assert_eq!(tail(Usage::Idle(now)), [&deadline[..], b"\xf8\x40\x64", key].concat());
    now.wall_us = (0x0102 + 2) * 60_000_000;
    assert_eq!(tail(Usage::Frequency(now, 1)), [&deadline[..], b"\xf9\x01", key].concat());
    assert_eq!(tail(Usage::Frequency(now, 0)), [&deadline[..], b"\xf9\x03", key].concat());
}

#[test]
fn commands_make_the_databases() {
    let dbs = databases(b"k", NewValue::Int(-5), Some(77));
    assert_eq!(
        written(Save::commands(Snapshot::of(&dbs))),
        b"#base\n*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n\
          *5\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n-5\r\n$4\r\nPXAT\r\n$2\r\n77\r\n"
    );
}

/// Pieces have the size that they should have, whatever the values are.
#[test]
fn pieces_are_of_a_good_size() {
    let hasher = HASHER();
    let mut db = Db::new(hasher);
    for number in 0..30_000_u32 {
        let name = number.to_string();
        db.set(hasher.key(name.as_bytes()), None, NewValue::String(&[b'x'; 19]), None, 0);
    }
    for (name, len) in [("a", 65_535), ("b", 65_536), ("c", 3_000_000), ("d", 300_000)] {
        let noise: Vec<u8> = (0..len as u64 / 8 + 1)
            .flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
            .collect();
        let value = Value::String(Bytes::from(noise).slice(..len));
        db.set(hasher.key(name.as_bytes()), None, NewValue::Object(value), Some(9), 0);
    }
    let dbs = [db];
    for mut save in [Save::dump(Snapshot::of(&dbs), settings()), Save::commands(Snapshot::of(&dbs))]
    {
        let mut lens = Vec::new();
        while let Some(piece) = save.next_piece() {
            assert!(piece.len() <= 256 * 1024, "{}", piece.len());
            lens.push(piece.len());
        }
        let total: usize = lens.iter().sum();
        assert!(total > 3_430_000 + 30_000 * 20 && lens.len() < total / (100 * 1024), "{lens:?}");
    }
}

/// What changes in the keyspace between two pieces is not in the file.
#[test]
fn a_slow_consumer_gets_the_snapshot() {
    let hasher = HASHER();
    let mut dbs = [Db::new(hasher)];
    for number in 0..50_000_u32 {
        let name = number.to_string();
        dbs[0].set(hasher.key(name.as_bytes()), None, NewValue::String(&[b'x'; 19]), None, 0);
    }
    let at_once = dump(&dbs, settings());
    let mut save = Save::dump(Snapshot::of(&dbs), settings());
    let mut slowly = Vec::new();
    let mut number = 0_u32;
    while let Some(piece) = save.next_piece() {
        slowly.extend(piece);
        for _ in 0..5000 {
            let name = number.to_string();
            let key = hasher.key(name.as_bytes());
            let place = dbs[0].find(key);
            dbs[0].set(key, place, NewValue::Int(number.into()), Some(1), 1);
            number += 7;
        }
    }
    assert_eq!(slowly, at_once);
}
