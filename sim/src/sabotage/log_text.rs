//! The files of the log, read and written again by a hand that knows their format.
//!
//! Written from FORMATS.md and apart from the core's own code, so that a planted bug leaves bytes
//! that are right in every respect but the one it is about: checksums and LSNs are made to fit.

use std::ops::Range;

use crc::{CRC_32_ISCSI, Crc, Table};
use seedis_core::io::{Dir, Name};

use crate::disk::Disk;
use crate::model::Words;
use crate::script::words::split;

static CRC_32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A place in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// Its offset.
    pub lsn: u64,
    /// The life that writes there.
    pub epoch: u64,
}

/// A batch: what one turn logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Where it begins in the log.
    pub lsn: u64,
    /// The life that wrote it.
    pub epoch: u64,
    /// A line before it tells its LSN.
    pub names_lsn: bool,
    /// How much before it was not known to be durable, if it says so.
    pub undurable: Option<u64>,
    /// Its commands, as they are.
    pub payload: Vec<u8>,
    /// Where it was found.
    pub place: Range<usize>,
}

impl Batch {
    /// Its end in the log.
    #[must_use]
    pub fn end_lsn(&self) -> u64 {
        self.lsn + self.payload.len() as u64
    }

    /// The place behind it.
    #[must_use]
    pub fn end(&self) -> At {
        At { lsn: self.end_lsn(), epoch: self.epoch }
    }

    /// Its checksum if it were written at an LSN, as a header tells it: with its epoch.
    #[must_use]
    pub fn checksum_at(&self, lsn: u64) -> u64 {
        let sum = checksum(&self.payload, At { lsn, epoch: self.epoch }, self.undurable);
        u64::from(sum) | (self.epoch % 16) << 32
    }

    /// Its commands.
    #[must_use]
    pub fn commands(&self) -> Vec<Words> {
        commands(&self.payload)
    }

    /// Gives it other commands.
    pub fn set(&mut self, commands: &[Words]) {
        self.payload.clear();
        commands.iter().for_each(|words| write_command(&mut self.payload, words));
    }

    /// The same as it lies in a file.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.names_lsn {
            write_place(out, At { lsn: self.lsn, epoch: self.epoch });
        }
        out.push(b'#');
        write_digits(out, self.checksum_at(self.lsn), 6);
        write_digits(out, self.payload.len() as u64, 1);
        if let Some(undurable) = self.undurable {
            out.push(b',');
            write_digits(out, undurable, 1);
        }
        out.push(b'\n');
        out.extend(&self.payload);
    }
}

/// Batches as they lie in a file.
#[must_use]
pub fn to_bytes(batches: &[Batch]) -> Vec<u8> {
    let mut bytes = Vec::new();
    batches.iter().for_each(|batch| batch.write(&mut bytes));
    bytes
}

/// The whole batches of a file from its beginning to the first that is not what was written. The
/// LSN of a batch that says none is where the one before it ended.
#[must_use]
pub fn batches(bytes: &[u8]) -> Vec<Batch> {
    batches_from(bytes, None)
}

/// What a part of a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Whole batches, up to the first that is not what was written.
    pub batches: Vec<Batch>,
    /// The place in the log behind them and the lines that follow.
    pub end: Option<At>,
    /// Where in the part that is.
    pub len: usize,
}

/// The same of a part of a file, which begins at a place in the log.
#[must_use]
pub fn batches_from(bytes: &[u8], start: Option<At>) -> Vec<Batch> {
    part(bytes, start).batches
}

/// Epochs that a batch tells apart.
pub(crate) const EPOCHS_TOLD: u64 = 16;

/// How a line begins that tells a place.
pub(crate) const PLACE_LINE: &[u8] = b"#lsn ";

/// How a manifest begins that has a checksum.
pub(crate) const CHECKSUM: &str = "#crc32c ";

/// The first line of an incremental file.
pub(crate) const INCR_LINE: &[u8] = b"#incr\n";

/// What a part of a file holds that begins at a place in the log.
#[must_use]
pub fn part(bytes: &[u8], start: Option<At>) -> Part {
    let head = if bytes.starts_with(INCR_LINE) { INCR_LINE.len() } else { 0 };
    let mut part = Part { end: start, len: head, ..Part::default() };
    while let Some(batch) = batch_at(bytes, part.len, part.end) {
        (part.len, part.end) = (batch.place.end, Some(batch.end()));
        part.batches.push(batch);
    }
    while let Some((place, len)) = place_at(&bytes[part.len..]) {
        (part.len, part.end) = (part.len + len, Some(place));
    }
    part
}

fn batch_at(bytes: &[u8], start: usize, before: Option<At>) -> Option<Batch> {
    let (header, at) = header_at(bytes.get(start..)?)?;
    let at = start + at;
    let payload = bytes.get(at..at.checked_add(header.len)?)?.to_vec();
    let Header { undurable, .. } = header;
    let place = start..at + header.len;
    let At { lsn, epoch } = header.at.or(before)?;
    let names_lsn = header.at.is_some();
    let batch = Batch { lsn, epoch, names_lsn, undurable, payload, place };
    (batch.checksum_at(lsn) == header.sum).then_some(batch)
}

/// Appends the line that tells a place.
pub(crate) fn write_place(out: &mut Vec<u8>, place: At) {
    let mut told = Vec::new();
    if place.epoch == 0 {
        told.extend(place.lsn.to_string().bytes());
    } else {
        write_digits(&mut told, place.lsn, 1);
        told.push(b',');
        write_digits(&mut told, place.epoch, 1);
    }
    out.extend(PLACE_LINE);
    out.extend(&told);
    out.push(b' ');
    write_digits(out, u64::from(CRC_32C.checksum(&told)), 6);
    out.push(b'\n');
}

/// The place that the first line tells, and the line's length.
fn place_at(bytes: &[u8]) -> Option<(At, usize)> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let rest = bytes[..end].strip_prefix(PLACE_LINE)?;
    let (told, sum) = rest.split_at_checked(rest.len().checked_sub(7)?)?;
    if number(sum.strip_prefix(b" ")?)? != u64::from(CRC_32C.checksum(told)) {
        return None;
    }
    let place = match told.iter().position(|&byte| byte == b',') {
        Some(at) => At { lsn: number(&told[..at])?, epoch: number(&told[at + 1..])? },
        None => At { lsn: std::str::from_utf8(told).ok()?.parse().ok()?, epoch: 0 },
    };
    Some((place, end + 1))
}

/// What is said before a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its place in the log, if a line tells it.
    pub at: Option<At>,
    /// Its checksum, with its epoch.
    pub sum: u64,
    /// Bytes of its payload.
    pub len: usize,
    /// Bytes before it that were not known to be durable.
    pub undurable: Option<u64>,
}

/// The header that bytes begin with, and where its payload begins.
#[must_use]
pub fn header_at(bytes: &[u8]) -> Option<(Header, usize)> {
    let (mut at, mut place) = (0, None);
    loop {
        if let Some((told, len)) = place_at(bytes.get(at..)?) {
            (place, at) = (Some(told), at + len);
            continue;
        }
        let end = at + bytes.get(at..)?.iter().position(|&byte| byte == b'\n')?;
        let line = bytes[at..end].strip_prefix(b"#")?;
        at = end + 1;
        if let Some(second) = line.strip_prefix(b"TS:") {
            std::str::from_utf8(second.strip_suffix(b"\r")?).ok()?.parse::<i64>().ok()?;
            continue;
        }
        let (sum, rest) = line.split_at_checked(6)?;
        let mut numbers = rest.split(|&byte| byte == b',');
        let len = number(numbers.next()?)? as usize;
        let undurable = match numbers.next() {
            Some(digits) => Some(number(digits)?),
            None => None,
        };
        return Some((Header { at: place, sum: number(sum)?, len, undurable }, at));
    }
}

fn checksum(payload: &[u8], at: At, undurable: Option<u64>) -> u32 {
    let mut digest = CRC_32C.digest();
    digest.update(payload);
    let undurable = undurable.map_or(0, |bytes| bytes + 1);
    for fact in [at.lsn, payload.len() as u64, undurable] {
        digest.update(&fact.to_le_bytes());
    }
    if at.epoch > 0 {
        digest.update(&at.epoch.to_le_bytes());
    }
    digest.finalize()
}

fn write_digits(out: &mut Vec<u8>, number: u64, least: usize) {
    let digits = (64 - number.leading_zeros() as usize).div_ceil(6).max(least);
    out.extend((0..digits).rev().map(|place| DIGITS[(number >> (6 * place)) as usize % 64]));
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_fine = !digits.is_empty() && digits.len() <= 10;
    let value = |digit: &u8| DIGITS.iter().position(|it| it == digit);
    let sum = |sum: u64, digit: &u8| Some(sum << 6 | value(digit)? as u64);
    digits.iter().try_fold(0, sum).filter(|_| is_fine)
}

/// The bytes of the annotations that a file begins with.
#[must_use]
pub fn annotations(bytes: &[u8]) -> &[u8] {
    let mut at = 0;
    while bytes[at..].first() == Some(&b'#')
        && let Some(len) = bytes[at..].iter().position(|&byte| byte == b'\n')
    {
        at += len + 1;
    }
    &bytes[..at]
}

/// The commands that some bytes are, behind annotations, up to the first that is not whole.
#[must_use]
pub fn commands(bytes: &[u8]) -> Vec<Words> {
    let (mut at, mut all) = (annotations(bytes).len(), Vec::new());
    while let Some((words, end)) = command_at(bytes, at) {
        all.push(words);
        at = end;
    }
    all
}

/// The first words of the same commands.
pub fn names(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = annotations(bytes).len();
    std::iter::from_fn(move || {
        let mut name = None;
        at = each_word(bytes, at, |word| name = name.or(Some(word)))?;
        Some(name.unwrap_or_default())
    })
}

fn command_at(bytes: &[u8], at: usize) -> Option<(Words, usize)> {
    let mut words = Words::new();
    let end = each_word(bytes, at, |word| words.push(word.to_vec()))?;
    Some((words, end))
}

/// The words of the command at a place; its end, if it is whole.
fn each_word<'a>(bytes: &'a [u8], at: usize, mut each: impl FnMut(&'a [u8])) -> Option<usize> {
    let (count, mut at) = length_at(bytes, at, b'*')?;
    for _ in 0..count {
        let (len, from) = length_at(bytes, at, b'$')?;
        each(bytes.get(from..from.checked_add(len)?)?);
        at = from + len + 2;
    }
    (at <= bytes.len()).then_some(at)
}

fn length_at(bytes: &[u8], at: usize, kind: u8) -> Option<(usize, usize)> {
    let rest = bytes.get(at..)?.strip_prefix(&[kind])?;
    // Nearly all are of one digit.
    if let [digit @ b'0'..=b'9', b'\r', ..] = rest {
        return Some((usize::from(digit - b'0'), at + 4));
    }
    let len = rest.iter().position(|&byte| byte == b'\r')?;
    Some((std::str::from_utf8(&rest[..len]).ok()?.parse().ok()?, at + 1 + len + 2))
}

/// Appends a command as it lies in the log.
pub fn write_command(out: &mut Vec<u8>, words: &[Vec<u8>]) {
    write_head(out, b'*', words.len());
    for word in words {
        write_head(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn write_head(out: &mut Vec<u8>, kind: u8, count: usize) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Whether a command has this name.
#[must_use]
pub fn is(words: &[Vec<u8>], name: &str) -> bool {
    words.first().is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// The manifest of the append-only file.
#[must_use]
pub fn manifest() -> Name {
    Name::file(Dir::Aof, b"appendonly.aof.manifest")
}

/// What a manifest says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its number.
    pub seq: u64,
    /// `b`, `i` or `h`.
    pub kind: char,
    /// What the line behind it tells of it.
    pub note: Option<String>,
}

impl Listed {
    /// The file.
    #[must_use]
    pub fn file(&self) -> Name {
        Name::file(Dir::Aof, self.name.as_bytes())
    }
}

/// The lines of a manifest.
#[must_use]
pub fn listed(manifest: &[u8]) -> Vec<Listed> {
    let text = String::from_utf8_lossy(manifest);
    let mut files: Vec<Listed> = Vec::new();
    for line in text.lines() {
        if let Some(file) = listed_by(line) {
            files.push(file);
        } else if let Some(last) = files.last_mut()
            && (line.starts_with("#base ") || line.starts_with("#framed"))
        {
            last.note = Some(line.into());
        }
    }
    files
}

/// The file that a line tells of, in any order and with more words, as Redis reads it.
fn listed_by(line: &str) -> Option<Listed> {
    let words = split(&line.trim().replace('\'', "\""))?;
    let word = |name: &str| {
        let mut pairs = words.chunks(2);
        let value = pairs.find(|pair| is(pair, name)).and_then(|pair| pair.get(1))?;
        String::from_utf8(value.clone()).ok()
    };
    let kind = word("type")?.chars().next()?;
    Some(Listed { name: word("file")?, seq: word("seq")?.parse().ok()?, kind, note: None })
}

/// Whether all that a manifest on a disk names was made by this server.
#[must_use]
pub fn is_ours(disk: &Disk) -> bool {
    let all = listed(disk.content(&manifest()).unwrap_or_default());
    all.iter().all(|file| file.kind == 'h' || file.note.is_some())
}

/// A manifest of these lines.
#[must_use]
pub fn manifest_of(files: &[Listed]) -> Vec<u8> {
    let mut text = String::new();
    for Listed { name, seq, kind, note } in files {
        text += &format!("file {name} seq {seq} type {kind}\n");
        text.extend(note.iter().flat_map(|note| [note, "\n"]));
    }
    format!("{CHECKSUM}{:08x}\n{text}", CRC_32C.checksum(text.as_bytes())).into_bytes()
}

/// The files that the manifest on a disk names, of this kind.
#[must_use]
pub fn files_of(disk: &Disk, kind: char) -> Vec<Name> {
    let all = listed(disk.content(&manifest()).unwrap_or_default());
    all.iter().filter(|file| file.kind == kind).map(Listed::file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_formats_shows_is_read_and_written() {
        let first = b"#lsn e-,D Ba_aOQ\n#OopV_I4,A\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n\
            *3\r\n$3\r\nset\r\n$2\r\nk1\r\n$6\r\nvalue1\r\n";
        let found = batches(first);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].lsn, found[0].end()), (1982, At { lsn: 2038, epoch: 3 }));
        assert_eq!(found[0].commands()[1].concat(), b"setk1value1");
        assert_eq!(to_bytes(&found), first);
    }

    #[test]
    fn a_batch_that_does_not_fit_ends_the_file() {
        let mut batch = Batch {
            lsn: 7,
            epoch: 17,
            names_lsn: true,
            undurable: Some(7),
            payload: Vec::new(),
            place: 0..0,
        };
        batch.set(&[vec![b"PING".to_vec()]]);
        let next =
            Batch { lsn: batch.end_lsn(), names_lsn: false, undurable: None, ..batch.clone() };
        let mut bytes = to_bytes(&[batch, next]);
        assert_eq!(batches(&bytes).len(), 2);
        *bytes.last_mut().expect("there are bytes") ^= 1;
        assert_eq!(batches(&bytes).len(), 1);
    }

    #[test]
    fn a_manifest_survives_the_trip() {
        let file = |name: &str, kind, note: &str| Listed {
            name: name.into(),
            seq: 2,
            kind,
            note: Some(note.into()),
        };
        let files = [
            file("appendonly.aof.2.base.rdb", 'b', "#base bytes 138 lsn 1982 epoch 3"),
            file("appendonly.aof.2.incr.aof", 'i', "#framed"),
        ];
        let bytes = manifest_of(&files);
        assert_eq!(listed(&bytes), files);
        assert!(bytes.starts_with(b"#crc32c d4e2ac1e\n"), "as FORMATS.md shows it");
    }
}
