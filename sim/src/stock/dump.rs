//! A dump as stock Redis writes it, of any version, by a hand that shares no code with the core.
//!
//! Each key in one of the encodings that the version knows; the plainest there are, since what is
//! asked of here is the file around them: fields, databases, deadlines, hints and the checksum.

use crc::{CRC_64_REDIS, Crc};
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use crate::model::{Entry, Fields, Keyspace, Value};

static CRC_64: Crc<u64> = Crc::<u64>::new(&CRC_64_REDIS);

/// A dump.
pub(crate) struct Dump {
    /// All of it.
    pub(crate) bytes: Vec<u8>,
    pub(crate) keys: u64,
    pub(crate) version: u16,
    /// Behind the last key: where the end is told.
    pub(crate) end: usize,
    /// It ends with a checksum, which is not zeros.
    pub(crate) has_checksum: bool,
    /// Its last key, as it lies there.
    pub(crate) last_key: Vec<u8>,
}

const FIRST_WITH_CHECKSUM: u16 = 5;
const FIRST_WITH_FIELDS: u16 = 7;
const FIRST_WITH_BINARY_SCORES: u16 = 8;
const FIRST_WITH_FIELD_DEADLINES: u16 = 12;
const VALKEY: u16 = 80;

/// Writes all keys, behind what any dump tells and these fields.
pub(crate) fn write(keyspace: &Keyspace, more: &[(&str, &str)], rng: &mut ChaCha8Rng) -> Dump {
    let has_deadlines = keyspace.iter().any(|(_, _, entry)| entry.value.has_deadlines());
    let version = match has_deadlines {
        true => FIRST_WITH_FIELD_DEADLINES,
        false => *[4, 5, 6, 7, 8, 9, 10, 11, 12, VALKEY].choose(rng).unwrap_or(&11),
    };
    let magic = if version == VALKEY { "VALKEY" } else { "REDIS" };
    let digits = if version == VALKEY { 3 } else { 4 };
    let mut out = format!("{magic}{version:0digits$}").into_bytes();
    if version >= FIRST_WITH_FIELDS {
        fields(&mut out, more);
    }
    let (mut keys, mut last_key) = (0, Vec::new());
    for db in 0..keyspace.databases() {
        let entries: Vec<(&[u8], &Entry)> =
            keyspace.iter().filter(|it| it.0 == db).map(|it| (it.1, it.2)).collect();
        if entries.is_empty() {
            continue;
        }
        out.push(0xfe);
        length(&mut out, db);
        if version >= FIRST_WITH_FIELDS {
            out.push(0xfb);
            length(&mut out, entries.len());
            length(&mut out, entries.iter().filter(|(_, it)| it.deadline_ms.is_some()).count());
        }
        for (key, entry) in entries {
            let start = out.len();
            write_entry(&mut out, key, entry, version, rng);
            last_key = out[start..].to_vec();
            keys += 1;
        }
    }
    let end = out.len();
    let has_checksum = version >= FIRST_WITH_CHECKSUM && rng.random_ratio(5, 6);
    let mut dump = Dump { bytes: out, keys, version, end, has_checksum, last_key };
    dump.close();
    dump
}

impl Dump {
    /// Its version has room for fields.
    pub(crate) fn has_fields(&self) -> bool {
        self.version >= FIRST_WITH_FIELDS
    }

    /// Ends it behind what there is up to `end`.
    pub(crate) fn close(&mut self) {
        self.bytes.truncate(self.end);
        self.bytes.push(0xff);
        let sum = if self.has_checksum { CRC_64.checksum(&self.bytes) } else { 0 };
        if self.version >= FIRST_WITH_CHECKSUM {
            self.bytes.extend(sum.to_le_bytes());
        }
    }

    /// The same with something more behind the last key.
    pub(crate) fn with(&self, more: &[u8]) -> Vec<u8> {
        let bytes = [&self.bytes[..self.end], more].concat();
        let mut other = Self { end: bytes.len(), bytes, last_key: Vec::new(), ..*self };
        other.close();
        other.bytes
    }
}

fn fields(out: &mut Vec<u8>, more: &[(&str, &str)]) {
    let any = [("redis-ver", "7.0.15"), ("redis-bits", "64"), ("ctime", "1700000000")];
    for (name, value) in any.iter().chain(more) {
        out.push(0xfa);
        text(out, name.as_bytes());
        string(out, value.as_bytes());
    }
}

fn write_entry(out: &mut Vec<u8>, key: &[u8], entry: &Entry, version: u16, rng: &mut ChaCha8Rng) {
    if let Some(deadline_ms) = entry.deadline_ms {
        match deadline_ms % 1000 {
            0 if rng.random() => {
                out.push(0xfd);
                out.extend(((deadline_ms / 1000) as u32).to_le_bytes());
            }
            _ => {
                out.push(0xfc);
                out.extend(deadline_ms.to_le_bytes());
            }
        }
    }
    if version >= 9 && rng.random_ratio(1, 8) {
        out.extend([0xf9, rng.random()]);
    } else if version >= 9 && rng.random_ratio(1, 8) {
        out.push(0xf8);
        length(out, rng.random_range(0..100_000));
    }
    let start = out.len();
    out.push(0);
    text(out, key);
    out[start] = value(out, &entry.value, version);
}

/// Writes a value; returns its type.
fn value(out: &mut Vec<u8>, value: &Value, version: u16) -> u8 {
    match value {
        Value::String(bytes) => {
            string(out, bytes);
            0
        }
        Value::List(list) => {
            length(out, list.len());
            list.iter().for_each(|element| string(out, element));
            1
        }
        Value::Set(set) => {
            length(out, set.len());
            set.iter().for_each(|member| string(out, member));
            2
        }
        Value::Hash(hash) if value.has_deadlines() => {
            timed_hash(out, hash);
            24
        }
        Value::Hash(hash) => {
            length(out, hash.len());
            for (field, (value, _)) in hash {
                string(out, field);
                string(out, value);
            }
            4
        }
        Value::SortedSet(scores) => {
            length(out, scores.len());
            for (member, score) in scores {
                string(out, member);
                if version >= FIRST_WITH_BINARY_SCORES {
                    out.extend(score.to_le_bytes());
                } else {
                    let digits = score.to_string();
                    out.push(digits.len() as u8);
                    out.extend(digits.bytes());
                }
            }
            if version >= FIRST_WITH_BINARY_SCORES { 5 } else { 3 }
        }
        Value::Stream(_) | Value::Opaque(..) => unreachable!("nobody puts one into a dump"),
    }
}

fn timed_hash(out: &mut Vec<u8>, hash: &Fields) {
    let first = hash.values().filter_map(|(_, deadline)| *deadline).min().unwrap_or(0);
    out.extend(first.to_le_bytes());
    length(out, hash.len());
    for (field, (value, deadline)) in hash {
        length(out, deadline.map_or(0, |deadline| deadline - first + 1) as usize);
        string(out, field);
        string(out, value);
    }
}

/// A length in the shortest form.
fn length(out: &mut Vec<u8>, len: usize) {
    match len {
        0..0x40 => out.push(len as u8),
        0x40..0x4000 => out.extend([0x40 | (len >> 8) as u8, len as u8]),
        _ => {
            out.push(0x80);
            out.extend((len as u32).to_be_bytes());
        }
    }
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, bytes.len());
    out.extend(bytes);
}

/// Bytes, as a number where they read as one.
fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<i32>().ok());
    match number.filter(|number| number.to_string().as_bytes() == bytes) {
        Some(number) if i8::try_from(number).is_ok() => out.extend([0xc0, number as u8]),
        Some(number) if i16::try_from(number).is_ok() => {
            out.push(0xc1);
            out.extend((number as i16).to_le_bytes());
        }
        Some(number) => {
            out.push(0xc2);
            out.extend(number.to_le_bytes());
        }
        None => text(out, bytes),
    }
}
