//! The manifest of the append-only file: which files are it, in which order.
//!
//! The format is that of Redis 7: a line a file, `file <name> seq <number> type <b|i|h>`, for the
//! base, the incremental files in order, and history, files that are to be removed. Names with
//! unusual characters are quoted as Redis quotes them. Words that are not known come in pairs and
//! are skipped, and so are lines that begin with `#`. Ours carry a checksum in such a line, the
//! first one, over all that follows, so that rot in the manifest is seen, and a lost end too; a
//! manifest of stock Redis has none.
//!
//! Such a line behind that of a file tells what we know of it: `#base bytes <length> lsn <LSN>
//! epoch <epoch>` how long the base is, where in the log it stands and which life made it, and
//! `#framed` that all of an incremental file
//! is ours. A power loss may leave anything at all in place of a first batch that was not synced,
//! another file's old blocks too, so nothing in the file itself could tell that.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use super::frame::{EPOCH_MAX, crc32c};
use crate::value::quote;

const FRAMED: &[u8] = b"#framed";

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// The state at one moment.
    Base,
    /// What changed since.
    Incr,
    /// To be removed.
    History,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AofFile {
    pub(crate) name: Box<[u8]>,
    pub(crate) seq: u64,
    /// What is known of it, if we made it.
    pub(crate) origin: Option<Origin>,
}

/// What is known of a file that we made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A base: its length, the LSN at which the log goes on behind it, and the epoch in which it
    /// was made.
    Base { bytes: u64, lsn: u64, epoch: u64 },
    /// An incremental file: all that it holds from its first byte on we wrote in batches, unless
    /// stock Redis appended to it.
    Framed,
}

impl Origin {
    fn write(self, text: &mut Vec<u8>) {
        match self {
            Self::Base { bytes, lsn, epoch } => {
                text.extend_from_slice(format!("#base bytes {bytes} lsn {lsn}").as_bytes());
                if epoch > 0 {
                    text.extend_from_slice(format!(" epoch {epoch}").as_bytes());
                }
            }
            Self::Framed => text.extend_from_slice(FRAMED),
        }
        text.push(b'\n');
    }

    /// Reads a line behind that of a base; `None` when it tells nothing of it.
    fn of_base(line: &[u8]) -> Option<Self> {
        let words = core::str::from_utf8(line).ok()?.strip_prefix("#base bytes ")?;
        let (bytes, rest) = words.split_once(" lsn ")?;
        let (lsn, epoch) = rest.split_once(" epoch ").unwrap_or((rest, "0"));
        let epoch = epoch.parse().ok().filter(|&epoch| epoch <= EPOCH_MAX)?;
        Some(Self::Base { bytes: bytes.parse().ok()?, lsn: lsn.parse().ok()?, epoch })
    }
}

/// A manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) base: Option<AofFile>,
    pub(crate) incrs: Vec<AofFile>,
    pub(crate) history: Vec<AofFile>,
}

/// Why a manifest cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestError {
    /// Its line, from 1.
    pub(crate) line: usize,
    pub(crate) words: &'static str,
}

const CHECKSUM: &str = "#crc32c ";

/// Bytes of a line at most, as in Redis.
const LINE_BYTES_MAX: usize = 1024;

impl Manifest {
    /// The highest number of a base file.
    pub(crate) fn base_seq(&self) -> u64 {
        let old = self.history.iter().filter(|file| has_kind(file, b".base."));
        self.base.iter().chain(old).map(|file| file.seq).max().unwrap_or(0)
    }

    /// The highest number of an incremental file.
    pub(crate) fn incr_seq(&self) -> u64 {
        let old = self.history.iter().filter(|file| has_kind(file, b".incr."));
        self.incrs.iter().chain(old).map(|file| file.seq).max().unwrap_or(0)
    }

    /// Every file that it names.
    pub(crate) fn files(&self) -> impl Iterator<Item = (FileKind, &AofFile)> {
        let base = self.base.iter().map(|file| (FileKind::Base, file));
        let history = self.history.iter().map(|file| (FileKind::History, file));
        base.chain(history).chain(self.incrs.iter().map(|file| (FileKind::Incr, file)))
    }

    /// Its bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (kind, file) in self.files() {
            text.extend_from_slice(b"file ");
            write_name(&mut text, &file.name);
            let letter = match kind {
                FileKind::Base => 'b',
                FileKind::Incr => 'i',
                FileKind::History => 'h',
            };
            text.extend_from_slice(format!(" seq {} type {letter}\n", file.seq).as_bytes());
            if let Some(origin) = file.origin.filter(|_| kind != FileKind::History) {
                origin.write(&mut text);
            }
        }
        let crc = crc32c(&text);
        [format!("{CHECKSUM}{crc:08x}\n").as_bytes(), &text].concat()
    }

    /// Reads what [`Manifest::to_bytes`] or stock Redis wrote.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        let (mut at, mut number, mut last) = (0, 0, None);
        while at < bytes.len() {
            number += 1;
            let fail = |words| ManifestError { line: number, words };
            let len = bytes[at..].iter().position(|&byte| byte == b'\n');
            let len = len.ok_or_else(|| fail("The AOF manifest ends inside of a line"))?;
            let line = &bytes[at..at + len];
            if line.len() >= LINE_BYTES_MAX {
                return Err(fail("The AOF manifest contains too long line"));
            }
            if let Some(sum) = line.strip_prefix(CHECKSUM.as_bytes()) {
                let crc = crc32c(&bytes[at + len + 1..]);
                if sum != format!("{crc:08x}").as_bytes() {
                    return Err(fail("The AOF manifest does not match its checksum"));
                }
            } else if line.first() == Some(&b'#') {
                manifest.note(last, line);
            } else {
                last = Some(manifest.add_line(line).map_err(fail)?);
            }
            at += len + 1;
        }
        if number == 0 {
            return Err(ManifestError { line: 0, words: "Found an empty AOF manifest" });
        }
        Ok(manifest)
    }

    /// Reads a comment that follows the line of a file, if it is one of ours.
    fn note(&mut self, last: Option<FileKind>, line: &[u8]) {
        let (file, origin) = match last {
            Some(FileKind::Base) => (self.base.as_mut(), Origin::of_base(line)),
            Some(FileKind::Incr) if line == FRAMED => (self.incrs.last_mut(), Some(Origin::Framed)),
            _ => return,
        };
        if let Some(file) = file {
            file.origin = origin.or(file.origin);
        }
    }

    fn add_line(&mut self, line: &[u8]) -> Result<FileKind, &'static str> {
        const INVALID: &str = "Invalid AOF manifest file format";
        let words = quote::split_args(line.trim_ascii()).ok_or(INVALID)?;
        if words.len() < 6 || words.len() % 2 != 0 {
            return Err(INVALID);
        }
        let value = |key: &[u8]| {
            let mut pairs = words.chunks_exact(2);
            pairs.find(|pair| pair[0].eq_ignore_ascii_case(key)).map(|pair| &pair[1][..])
        };
        let name = value(b"file").filter(|name| is_plain(name)).ok_or(INVALID)?;
        let seq = value(b"seq").and_then(decimal).filter(|&seq| seq > 0).ok_or(INVALID)?;
        let file = AofFile { name: name.into(), seq, origin: None };
        Ok(match value(b"type").ok_or(INVALID)? {
            b"b" if self.base.is_some() => return Err("Found duplicate base file information"),
            b"b" => {
                self.base = Some(file);
                FileKind::Base
            }
            b"h" => {
                self.history.push(file);
                FileKind::History
            }
            b"i" => {
                if self.incrs.last().is_some_and(|last| last.seq >= seq) {
                    return Err("Found a non-monotonic sequence number");
                }
                self.incrs.push(file);
                FileKind::Incr
            }
            _ => return Err("Unknown AOF file type"),
        })
    }
}

fn has_kind(file: &AofFile, kind: &[u8]) -> bool {
    file.name.windows(kind.len()).any(|part| part == kind)
}

/// Whether it names a file in the directory, and nothing else.
fn is_plain(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/') && !name.contains(&0)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}

fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    let is_plain = |&byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if name.iter().all(is_plain) {
        out.extend_from_slice(name);
    } else {
        quote::push_quoted(out, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &[u8], seq: u64) -> AofFile {
        AofFile { name: name.into(), seq, origin: None }
    }

    fn manifest() -> Manifest {
        let base = file(b"appendonly.aof.2.base.rdb", 2);
        let incr = file(b"appendonly.aof.7.incr.aof", 7);
        Manifest {
            base: Some(AofFile {
                origin: Some(Origin::Base { bytes: 138, lsn: 0, epoch: 3 }),
                ..base
            }),
            incrs: [
                AofFile { origin: Some(Origin::Framed), ..incr },
                file(b"with space \"quoted\"", 9),
            ]
            .into(),
            history: [file(b"appendonly.aof.1.base.rdb", 1)].into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Manifest::parse(&manifest().to_bytes()), Ok(manifest()));
        assert_eq!((manifest().base_seq(), manifest().incr_seq()), (2, 9));
    }

    #[test]
    fn a_manifest_of_stock_redis_is_read() {
        let text = b"file appendonly.aof.1.base.rdb seq 1 type b\n\
            # made by hand\n\
            file \"appendonly.aof.1.incr.aof\" seq 1 type i startoffset 4\n";
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(manifest.base, Some(file(b"appendonly.aof.1.base.rdb", 1)));
        assert_eq!(manifest.incrs, [file(b"appendonly.aof.1.incr.aof", 1)]);
    }

    #[test]
    fn every_flipped_bit_is_seen_or_harmless() {
        let bytes = manifest().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = Manifest::parse(&flipped) {
                assert_eq!(read, manifest(), "bit {bit}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let refused: [&[u8]; 8] = [
            b"",
            b"file a seq 1 type b",
            b"file a seq 1\n",
            b"file a seq 0 type i\n",
            b"file a seq 1 type x\n",
            b"file ../a seq 1 type i\n",
            b"file a seq 1 type b\nfile b seq 2 type b\n",
            b"file a seq 2 type i\nfile b seq 2 type i\n",
        ];
        for text in refused {
            assert!(Manifest::parse(text).is_err(), "{text:?}");
        }
    }
}
