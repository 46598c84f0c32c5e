//! Dumps that are read: our own, old ones, and damaged ones.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

use super::*;
use crate::keyspace::{Db, KeyHasher, Snapshot};
use crate::rdb::format::Version;
use crate::rdb::save::{Save, Settings, Usage};
use crate::turn::Now;

type Keys = BTreeMap<(u64, Vec<u8>), (Vec<u8>, Option<u64>)>;

/// What a dump held.
#[derive(Debug, Default, PartialEq, Eq)]
struct Loaded {
    keys: Keys,
    aux: Vec<(String, String)>,
    sizes: Vec<(u64, u64)>,
    idle_s: Vec<u64>,
    freq: Vec<u8>,
    checksum: Option<Checksum>,
}

fn limits() -> Limits {
    let making = Making::default();
    Limits { string_bytes_max: 1 << 29, file_bytes: None, verify_checksum: true, making }
}

/// Reads a file that arrives `step` bytes at a time, or as many as are needed.
fn load_by(file: &[u8], step: usize, limits: Limits) -> Result<Loaded, LoadError> {
    let mut reader = Reader::new(limits);
    let (mut loaded, mut db, mut at) = (Loaded::default(), 0, 0);
    loop {
        match reader.next()? {
            Item::Need(bytes) => {
                assert!(bytes > 0, "what is there is read");
                if at == file.len() {
                    return Err(reader.end_of_file());
                }
                let end = file.len().min(at.saturating_add(bytes.min(step).max(1)));
                reader.push(&file[at..end]);
                at = end;
            }
            Item::Aux { name, value } => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_string();
                loaded.aux.push((text(name), text(value)));
            }
            Item::SelectDb(number) => db = number,
            Item::ResizeDb { keys, expires } => loaded.sizes.push((keys, expires)),
            Item::Entry(entry) => {
                let value = match entry.value {
                    NewValue::String(bytes) => bytes.to_vec(),
                    NewValue::Int(number) => number.to_string().into_bytes(),
                    other => alloc::format!("{other:?}").into_bytes(),
                };
                loaded.keys.insert((db, entry.key.to_vec()), (value, entry.expire_at_ms));
                loaded.idle_s.extend(entry.idle_s);
                loaded.freq.extend(entry.freq);
            }
            Item::End(checksum) => {
                assert!(at < file.len() || reader.rest().is_empty());
                loaded.checksum = Some(checksum);
                return Ok(loaded);
            }
        }
    }
}

fn load(file: &[u8]) -> Result<Loaded, LoadError> {
    load_by(file, usize::MAX, limits())
}

fn fault(file: &[u8]) -> (u64, LoadErrorKind) {
    let error = load(file).expect_err("it is wrong");
    (error.offset, error.kind)
}

/// A dump of version 9 with these parts, without a checksum.
fn with(parts: &[u8]) -> Vec<u8> {
    [b"REDIS0009", parts, b"\xff\0\0\0\0\0\0\0\0"].concat()
}

fn key(db: u64, name: &str, value: &str, expire_at_ms: Option<u64>) -> Loaded {
    let keys = Keys::from([((db, name.into()), (value.into(), expire_at_ms))]);
    Loaded { keys, checksum: Some(Checksum::Unknown), ..Loaded::default() }
}

fn saved(dbs: &[Db], compression: bool, usage: Usage) -> Vec<u8> {
    let aux = vec![("ctime".to_string(), "1700000000".to_string())];
    let settings = Settings { version: Version::V11, compression, checksum: true, usage, aux };
    let mut save = Save::dump(Snapshot::of(dbs), settings);
    core::iter::from_fn(|| save.next_piece()).flatten().collect()
}

/// Databases with these keys.
fn databases(keys: &Keys) -> Vec<Db> {
    let hasher = KeyHasher::new(5, 6);
    let mut dbs: Vec<Db> = (0..4).map(|_| Db::new(hasher)).collect();
    for ((number, name), (value, expire_at_ms)) in keys {
        let db = &mut dbs[*number as usize];
        let name = hasher.key(name);
        db.set(name, db.find(name), NewValue::String(value), *expire_at_ms, 1000);
    }
    dbs
}

fn small() -> Keys {
    let keys = [
        ((0, b"a".to_vec()), (b"text".to_vec(), None)),
        ((0, b"17".to_vec()), (b"-70000".to_vec(), Some(1_700_000_000_123))),
        ((3, b"b".to_vec()), ("ab".repeat(30).into_bytes(), None)),
    ];
    keys.into()
}

#[test]
fn versions_and_their_magic() {
    for magic in [&b"REDIS0001"[..], b"REDIS0004"] {
        let file = [magic, b"\xfe\x00\x00\x01k\x01v\xff"].concat();
        assert_eq!(load(&file), Ok(key(0, "k", "v", None)), "no checksum so early");
    }
    for magic in [&b"REDIS0005"[..], b"REDIS0012", b"VALKEY080"] {
        let file = [magic, b"\xfe\x02\x00\x01k\x01v\xff\0\0\0\0\0\0\0\0"].concat();
        assert_eq!(load(&file), Ok(key(2, "k", "v", None)));
        let cut = &file[..file.len() - 1];
        assert_eq!(fault(cut), (16, LoadErrorKind::End { missing: 1 }));
    }
    for (magic, kind) in [
        (b"REDIS0000", LoadErrorKind::Version(0)),
        (b"REDIS0013", LoadErrorKind::Version(13)),
        (b"VALKEY011", LoadErrorKind::Version(11)),
        (b"VALKEY081", LoadErrorKind::Version(81)),
        (b"REDIS-001", LoadErrorKind::Magic),
        (b"REDIS\xff\xff\xff\xff", LoadErrorKind::Magic),
        (b"*1\r\n$4\r\nP", LoadErrorKind::Magic),
    ] {
        assert_eq!(fault(magic), (0, kind));
    }
    assert_eq!(fault(b""), (0, LoadErrorKind::End { missing: 9 }));
    assert_eq!(fault(b"REDIS"), (0, LoadErrorKind::End { missing: 4 }));
}

#[test]
fn attributes_hold_for_the_next_key() {
    let ms =
        with(b"\xfc\x39\x30\0\0\0\0\0\0\xf8\x05\xf9\x07\xfa\x01n\xc0\x05\0\x01k\x01v\0\x01l\0");
    let loaded = load(&ms).unwrap();
    assert_eq!(loaded.keys[&(0, b"k".to_vec())].1, Some(12_345));
    assert_eq!(loaded.keys[&(0, b"l".to_vec())], (vec![], None));
    assert_eq!((loaded.idle_s, loaded.freq), (vec![5], vec![7]));
    assert_eq!(loaded.aux, [("n".to_string(), "5".to_string())]);
    let seconds = with(b"\xfd\x02\0\0\0\0\x01k\x01v");
    assert_eq!(load(&seconds), Ok(key(0, "k", "v", Some(2000))));
    for (at, expected) in [(-1, None), (-2, Some(0)), (i64::MIN, Some(0))] {
        let file = with(&[b"\xfc", &at.to_le_bytes()[..], b"\0\x01k\x01v"].concat());
        assert_eq!(load(&file), Ok(key(0, "k", "v", expected)));
    }
    let hints = load(&with(b"\xfb\x40\xff\x80\0\x01\0\0\xf4\x01\x02\x03")).unwrap();
    assert_eq!(hints.sizes, [(255, 65_536)], "slots are passed over");
}

#[test]
fn what_is_not_supported_is_named() {
    let value = LoadErrorKind::Type { number: 6, key: b"jobs".to_vec().into() };
    let error = load(&with(b"\0\x01k\x01v\x06\x04jobs\x01")).unwrap_err();
    assert_eq!(error, LoadError { offset: 14, kind: value });
    assert_eq!(
        error.to_string(),
        "key 'jobs' is a module value (RDB type 6), which is not supported yet at byte 14"
    );
    let hash = LoadErrorKind::Type { number: 8, key: b"-300".to_vec().into() };
    assert_eq!(fault(&with(b"\x08\xc1\xd4\xfe")), (9, hash));
    assert_eq!(fault(&with(b"\xf5\x01x")), (9, LoadErrorKind::Functions));
    assert_eq!(fault(&with(b"\xf6\x01x")), (9, LoadErrorKind::Functions));
    let id = b"\x81\x18\x90\xc1\x18\x90\xc1\x18\x01";
    let kind = LoadErrorKind::Module("GJDBGJDBG".to_string());
    assert_eq!(fault(&with(&[b"\xf7", &id[..]].concat())), (9, kind));
    for byte in [26, 100, 243] {
        assert_eq!(fault(&with(&[byte])), (9, LoadErrorKind::Opcode(byte)));
    }
    let too_early = b"REDIS0006\xfa\x01n\xc0\x05\xff\0\0\0\0\0\0\0\0";
    assert_eq!(fault(too_early), (9, LoadErrorKind::Opcode(0xfa)));
    assert_eq!(fault(&with(b"\xfe\xc0\0")), (10, LoadErrorKind::Length(0xc0)));
    assert_eq!(fault(&with(b"\0\x01k\xff")), (12, LoadErrorKind::Encoding(63)));
}

#[test]
fn lengths_are_believed_when_the_bytes_are_there() {
    let huge = b"REDIS0009\0\x01k\x81\x10\0\0\0\0\0\0\0abc";
    assert_eq!(fault(huge), (12, LoadErrorKind::TooLong(1 << 60)));
    let mut reader = Reader::new(Limits { string_bytes_max: u64::MAX, ..limits() });
    reader.push(huge);
    assert!(matches!(reader.next(), Ok(Item::Need(bytes)) if bytes == (1 << 60) - 3));
    assert!(reader.buffer.capacity() < 1000 && reader.rooms[1].capacity() < 1000);
    let missing = (1 << 60) - 3;
    let error = LoadError { offset: 9, kind: LoadErrorKind::End { missing } };
    assert_eq!(reader.end_of_file(), error);
    let limits =
        Limits { string_bytes_max: u64::MAX, file_bytes: Some(huge.len() as u64), ..limits() };
    let mut reader = Reader::new(limits);
    reader.push(&huge[..21]);
    assert_eq!(reader.next().unwrap_err(), error, "at once if the file cannot have them");
    let bomb = with(b"\0\x01k\xc3\x03\x80\x10\0\0\0\x01aa");
    assert_eq!(fault(&bomb), (12, LoadErrorKind::Compression));
}

#[test]
fn only_the_entry_that_is_read_is_held() {
    let mut keys = small();
    keys.insert((1, b"big".to_vec()), (vec![0xfe; 3 << 20], None));
    let file = saved(&databases(&keys), false, Usage::Untold);
    let mut reader = Reader::new(limits());
    let (mut at, mut peak) = (0, 0);
    while !matches!(reader.next(), Ok(Item::End(_))) {
        if let Item::Need(bytes) = reader.next().unwrap() {
            let end = file.len().min(at + bytes.max(1000));
            reader.push(&file[at..end]);
            at = end;
            peak = peak.max(reader.buffer.len());
        }
    }
    assert!(peak < (3 << 20) + 2100, "{peak}");
    let commands = b"*1\r\n$4\r\nPING\r\n";
    reader.push(commands);
    assert!(matches!(reader.next(), Ok(Item::End(Checksum::Verified))));
    assert_eq!(reader.rest(), commands);
    assert_eq!(reader.offset(), file.len() as u64);
    assert!(reader.buffer.capacity() < 1 << 20, "the room of the large entry is given back");
}

#[test]
fn the_checksum_is_compared() {
    let file = saved(&databases(&small()), true, Usage::Untold);
    assert_eq!(load(&file).unwrap().checksum, Some(Checksum::Verified));
    let mut damaged = file.clone();
    let at = file.windows(4).position(|bytes| bytes == b"text").unwrap();
    damaged[at] = b'T';
    let error = load(&damaged).unwrap_err();
    assert!(matches!(error.kind, LoadErrorKind::Checksum { .. }), "{error}");
    assert_eq!(error.offset, file.len() as u64 - 8);
    let unasked = Limits { verify_checksum: false, ..limits() };
    let loaded = load_by(&damaged, 7, unasked).unwrap();
    assert_eq!(loaded.checksum, Some(Checksum::Unknown));
    assert_eq!(loaded.keys[&(0, b"a".to_vec())].0, b"Text");
}

#[test]
fn every_truncation_is_an_error_with_an_offset() {
    let file = saved(&databases(&small()), true, Usage::Idle(Now::default()));
    for len in 0..file.len() {
        for file_bytes in [None, Some(len as u64)] {
            let error = load_by(&file[..len], 5, Limits { file_bytes, ..limits() }).unwrap_err();
            assert!(matches!(error.kind, LoadErrorKind::End { .. }), "{len}: {error}");
            assert!(error.offset <= len as u64, "{len}: {error}");
        }
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let file = saved(&databases(&small()), true, Usage::Idle(Now::default()));
    let whole = load(&file).unwrap();
    for bit in 0..file.len() * 8 {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match load(&damaged) {
            Err(error) => assert!(error.offset <= file.len() as u64, "{bit}: {error}"),
            Ok(loaded) => panic!("bit {bit} of {}: {loaded:?} for {whole:?}", file[bit / 8]),
        }
    }
}

fn any_keys() -> impl Strategy<Value = Keys> {
    let text = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        any::<i16>().prop_map(|number| number.to_string().into_bytes()),
        (proptest::collection::vec(any::<u8>(), 1..9), 1..90_usize)
            .prop_map(|(part, times)| part.repeat(times)),
        "[ab]{0,400}".prop_map(String::into_bytes),
        (any::<u8>(), 60_000..200_000_usize, any::<u64>())
            .prop_map(|(byte, len, noise)| large(byte, len, noise)),
    ];
    let deadline = prop_oneof![Just(None), any::<i64>().prop_map(|at| Some(at.unsigned_abs() / 2))];
    let key = (0..4_u64, text.clone());
    proptest::collection::btree_map(key, (text, deadline), 0..60)
}

/// Half of it can be compressed, if any.
fn large(byte: u8, len: usize, noise: u64) -> Vec<u8> {
    let mut word = noise;
    (0..len)
        .map(|at| {
            word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            if at < len / 2 { byte } else { (word >> 56) as u8 }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_saved_is_loaded(
        keys in any_keys(),
        compression: bool,
        lfu: bool,
        step in prop_oneof![1..100_usize, Just(usize::MAX)],
    ) {
        let dbs = databases(&keys);
        let now = Now { mono_ns: 0, wall_us: 1_007_000_000 };
        let usage = if lfu { Usage::Frequency(now, 0) } else { Usage::Idle(now) };
        let file = saved(&dbs, compression, usage);
        let limits = Limits { file_bytes: Some(file.len() as u64), ..limits() };
        let loaded = load_by(&file, step, limits).unwrap();
        prop_assert_eq!(loaded.checksum, Some(Checksum::Verified));
        prop_assert_eq!(loaded.aux, [("ctime".to_string(), "1700000000".to_string())]);
        let sizes: Vec<(u64, u64)> = dbs.iter().filter(|db| !db.is_empty())
            .map(|db| (db.len() as u64, db.expires() as u64)).collect();
        prop_assert_eq!(loaded.sizes, sizes);
        let (idle, freq) = if lfu { (0, keys.len()) } else { (keys.len(), 0) };
        let expected = (vec![7; idle], vec![232; freq]);
        prop_assert_eq!((loaded.idle_s, loaded.freq), expected);
        prop_assert!(loaded.keys == keys);
    }

    /// After a good beginning, anything.
    #[test]
    fn any_bytes_are_safe(
        parts in proptest::collection::vec(
            prop_oneof![any::<u8>(), 0..4_u8, 0xc0..0xc4_u8, 0xf4..=0xff_u8], 0..80),
        step in 1..20_usize,
    ) {
        let file = [b"REDIS0011", &parts[..]].concat();
        if let Err(error) = load_by(&file, step, limits()) {
            prop_assert!(error.offset <= file.len() as u64);
        }
    }
}
