//! One thing that is wrong with the files.

use std::ops::RangeInclusive;

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::io::{Dir, Name};
use seedis_core::recovery::inspect::PartKind;

use super::manifest::{self, Named};
use super::{Piece, Stock, aof};
use crate::sabotage::log_text::listed;

/// What is wrong.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) name: Name,
    /// What the file is instead; nothing: it is missing.
    pub(super) bytes: Option<Vec<u8>>,
    /// What the server must say of it.
    pub(super) words: Vec<String>,
    /// `--check`, which executes nothing, sees it.
    pub(super) is_seen: bool,
    /// Where the offset that is told must be, if that is not among the words: commands are
    /// executed in runs, and told is where the run begins.
    pub(super) range: Option<RangeInclusive<u64>>,
}

/// What is neither a command nor a line.
const GARBAGE: [&[u8]; 6] =
    [b"garbage", b"*x\r\n", b"+OK\r\n", b"\0\0\0x", b"*1\r\nx", b"*-1x\r\n$3\r\n"];

/// Commands that nobody can execute, and whether that is seen without trying.
const REFUSED: [(&[u8], bool); 4] = [
    (b"*2\r\n$6\r\nNOSUCH\r\n$1\r\na\r\n", true),
    (b"*2\r\n$3\r\nSET\r\n$1\r\na\r\n", true),
    (b"*3\r\n$3\r\nSET\r\n$1\r\nw\r\n$1\r\nx\r\n*2\r\n$4\r\nINCR\r\n$1\r\nw\r\n", false),
    (b"*3\r\n$3\r\nSET\r\n$1\r\nw\r\n$1\r\nx\r\n*2\r\n$4\r\nLPOP\r\n$1\r\nw\r\n", false),
];

impl Stock {
    /// Does something to them that no server may overlook, if there is anything.
    pub(super) fn spoil(&mut self, rng: &mut ChaCha8Rng) {
        if rng.random_ratio(1, 4) {
            self.wrong = self.wrong_manifest(rng);
        }
        let Some(at) = (0..self.parts.len()).collect::<Vec<_>>().choose(rng).copied() else {
            return;
        };
        let is_last = at + 1 == self.parts.len();
        let piece = &self.parts[at];
        if self.wrong.is_some() {
            return;
        }
        if is_last && !piece.is_whole() {
            let (name, log) = (piece.name.clone(), piece.log.as_ref());
            let words = vec![
                shown(&name),
                format!("at offset {}", log.map_or(0, |log| log.whole())),
                "aof-load-truncated is no".into(),
            ];
            let bytes = self.files.get(&name).cloned();
            self.refuses_torn = true;
            self.wrong = Some(Wrong { name, bytes, words, is_seen: false, range: None });
            return;
        }
        let follows = self.parts[at + 1..].iter().any(|piece| {
            piece.log.as_ref().is_some_and(|log| log.bytes.iter().any(|&byte| byte != 0))
        });
        self.wrong = match rng.random_range(0..4) {
            0 if matches!(piece.name, Name::In(Dir::Aof, _)) => Some(missing(piece)),
            1 if !is_last && follows => cut(piece, rng),
            2 => command(piece, rng),
            _ if piece.dump.is_some() => dump(piece, rng),
            _ => garbage(piece, rng),
        };
    }

    fn wrong_manifest(&self, rng: &mut ChaCha8Rng) -> Option<Wrong> {
        let name = aof("appendonly.aof.manifest");
        let text = self.files.get(&name)?;
        let named: Vec<Named> = listed(text)
            .into_iter()
            .map(|file| Named { name: file.name, seq: file.seq, kind: file.kind })
            .collect();
        let (bytes, line) = manifest::wrong(&named, rng);
        let words = vec![format!("Bad AOF manifest, line {line}:")];
        Some(Wrong { name, bytes: Some(bytes), words, is_seen: true, range: None })
    }
}

fn shown(name: &Name) -> String {
    match name {
        Name::In(_, name) => String::from_utf8_lossy(name).into_owned(),
        Name::Config => String::new(),
    }
}

fn wrong(piece: &Piece, bytes: Vec<u8>, more: Option<String>, is_seen: bool) -> Wrong {
    let words = [shown(&piece.name)].into_iter().chain(more).collect();
    Wrong { name: piece.name.clone(), bytes: Some(bytes), words, is_seen, range: None }
}

fn missing(piece: &Piece) -> Wrong {
    let words = vec![format!("The AOF file {} does not exist", shown(&piece.name))];
    Wrong { name: piece.name.clone(), bytes: None, words, is_seen: true, range: None }
}

/// It ends inside of a command, and others follow.
fn cut(piece: &Piece, rng: &mut ChaCha8Rng) -> Option<Wrong> {
    let log = piece.log.as_ref()?;
    let blocks: Vec<(usize, usize)> = log.ends.windows(2).map(|two| (two[0], two[1])).collect();
    let &(start, end) = blocks.choose(rng)?;
    let bytes = log.bytes[..rng.random_range(start + 1..end)].to_vec();
    let mut wrong = wrong(piece, bytes, Some(format!("at offset {start}")), true);
    if piece.kind == PartKind::Incr {
        wrong.words.push("only the last file may end early".into());
    }
    Some(wrong)
}

fn garbage(piece: &Piece, rng: &mut ChaCha8Rng) -> Option<Wrong> {
    let long = [&b"#"[..], &[b'-'; 1100], b"\r\n"].concat();
    let bytes = if rng.random_ratio(1, 5) { &long[..] } else { *GARBAGE.choose(rng)? };
    let (all, at) = with(piece, bytes, rng)?;
    Some(wrong(piece, all, Some(format!("at offset {at}")), true))
}

fn command(piece: &Piece, rng: &mut ChaCha8Rng) -> Option<Wrong> {
    let &(bytes, is_seen) = REFUSED.choose(rng)?;
    let (all, at) = with(piece, bytes, rng)?;
    let log = piece.log.as_ref()?;
    let mut lines = log.ends.windows(2).filter(|two| two[1] <= at && log.bytes[two[0]] == b'#');
    let floor = lines.next_back().map_or(log.ends[0], |two| two[1]);
    let range = Some(floor as u64..=(at + bytes.len()) as u64);
    Some(Wrong { range, ..wrong(piece, all, Some("at offset ".into()), is_seen) })
}

/// With something between two blocks, and where.
fn with(piece: &Piece, bytes: &[u8], rng: &mut ChaCha8Rng) -> Option<(Vec<u8>, usize)> {
    let log = piece.log.as_ref()?;
    let at = *log.ends.choose(rng)?;
    // Alone in a base it would be read as one of another kind.
    let is_first = at == 0 && piece.kind == PartKind::Base;
    let all = [&log.bytes[..at], bytes, &log.bytes[at..]].concat();
    (!is_first || !bytes.is_empty()).then_some((all, at))
}

/// Something is wrong with the dump.
fn dump(piece: &Piece, rng: &mut ChaCha8Rng) -> Option<Wrong> {
    let dump = piece.dump.as_ref()?;
    let bytes = piece.log.as_ref().map_or(&dump.bytes, |log| &log.bytes);
    let behind = &bytes[dump.bytes.len()..];
    let with = |more: &[u8]| [&dump.with(more)[..], behind].concat();
    let is_dump = piece.kind == PartKind::Dump;
    let must_be = is_dump || matches!(&piece.name, Name::In(_, name) if name.ends_with(b".rdb"));
    let (bytes, is_seen) = match rng.random_range(0..9) {
        7 if must_be => (Vec::new(), true),
        8 if is_dump => (GARBAGE.choose(rng)?.to_vec(), true),
        0 => (bytes[..rng.random_range(1..dump.bytes.len())].to_vec(), true),
        1 if dump.has_checksum => {
            // A version may become one that has no checksum.
            let (mut bytes, at) = (bytes.clone(), rng.random_range(9..dump.bytes.len()));
            bytes[at] ^= 1 << rng.random_range(0..8);
            (bytes, true)
        }
        2 => (with(&[0xfe, 16, 0, 1, b'k', 1, b'v']), true),
        3 => (with(&[0x1f, 1, b'k', 1, b'v']), true),
        4 if dump.keys > 0 => (with(&dump.last_key), false),
        5 => {
            let mut bytes = bytes.clone();
            bytes[..9].copy_from_slice(b"REDIS0013");
            (bytes, true)
        }
        _ => (bytes[..dump.end].to_vec(), true),
    };
    Some(wrong(piece, bytes, None, is_seen))
}
