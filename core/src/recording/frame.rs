//! The outer form of a recording: a row of checksummed frames.
//!
//! ```text
//! file:  "SEEDISREC" <version: 1 byte> frame ...
//! frame: <kind: 1 byte> <len: 4 bytes> <crc: 4 bytes> <payload: len bytes>
//! ```
//!
//! Numbers are little-endian. The checksum is CRC-32C over the kind, the four bytes of the length
//! and the payload. A process that is killed leaves a frame that is cut off: the recording ends
//! before it. A whole frame with a wrong checksum is something else, and is told apart.

use alloc::vec::Vec;

use crate::log::frame::crc32c_of;

/// How a recording begins.
pub const MAGIC: &[u8; 10] = b"SEEDISREC\x01";

/// Bytes before a payload.
pub const HEAD_BYTES: usize = 9;

/// No payload is longer; a length above is noise.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How the core began: a [`super::Start`]. The first frame.
    Start,
    /// Entries of whole turns.
    Entries,
    /// Entries of whole turns, in which secrets were masked.
    Masked,
    /// A part of the state that a recording goes on from: see [`super::state`].
    State,
    /// Inputs are missing from here on: the number of bytes, and why.
    Gap,
    /// The recording was ended in order.
    End,
}

const KINDS: [(u8, Kind); 6] = [
    (b'S', Kind::Start),
    (b'E', Kind::Entries),
    (b'M', Kind::Masked),
    (b'K', Kind::State),
    (b'G', Kind::Gap),
    (b'X', Kind::End),
];

impl Kind {
    fn letter(self) -> u8 {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or(0, |(letter, _)| *letter)
    }

    fn of(letter: u8) -> Option<Self> {
        KINDS.iter().find(|(known, _)| *known == letter).map(|(_, kind)| *kind)
    }
}

/// A frame that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it holds.
    pub kind: Kind,
    /// The bytes.
    pub payload: &'a [u8],
}

/// What stands at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A frame; the next one begins at `end`.
    Frame {
        /// The frame.
        frame: Frame<'a>,
        /// Offset behind it.
        end: usize,
    },
    /// The end of the file.
    End,
    /// The beginning of a frame that is not whole.
    Cut,
    /// Something else, for this reason.
    Broken(&'static str),
}

/// The head of a frame with this payload.
#[must_use]
pub fn head(kind: Kind, payload: &[u8]) -> [u8; HEAD_BYTES] {
    let len = (payload.len() as u32).to_le_bytes();
    let letter = kind.letter();
    let crc = crc32c_of(&[&[letter], &len, payload]).to_le_bytes();
    let mut head = [letter; HEAD_BYTES];
    head[1..5].copy_from_slice(&len);
    head[5..].copy_from_slice(&crc);
    head
}

/// Appends a frame.
pub fn put(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    out.extend_from_slice(&head(kind, payload));
    out.extend_from_slice(payload);
}

/// Whether a file begins as a recording of this version.
pub fn check_magic(file: &[u8]) -> Result<(), &'static str> {
    let known = file.len().min(MAGIC.len() - 1);
    match file.first_chunk::<10>() {
        Some(magic) if magic == MAGIC => Ok(()),
        _ if file[..known] != MAGIC[..known] => Err("this is no recording"),
        None => Err("the recording is cut off before its first frame"),
        Some(_) => Err("the recording has a version that is not known here"),
    }
}

/// What a head says: the kind, the length of the payload, and the checksum.
pub fn read_head(head: &[u8; HEAD_BYTES]) -> Result<(Kind, usize, u32), &'static str> {
    let Some(kind) = Kind::of(head[0]) else { return Err("no frame begins here") };
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let len = number(1) as usize;
    if len > PAYLOAD_BYTES_MAX {
        return Err("a frame is longer than any");
    }
    Ok((kind, len, number(5)))
}

/// Whether a payload is the one that the head was made for.
#[must_use]
pub fn fits(head: &[u8; HEAD_BYTES], payload: &[u8]) -> bool {
    head[5..] == crc32c_of(&[&head[..5], payload]).to_le_bytes()
}

/// What stands at `at`.
#[must_use]
pub fn find(file: &[u8], at: usize) -> Found<'_> {
    let rest = file.get(at..).unwrap_or_default();
    if rest.is_empty() {
        return Found::End;
    }
    let Some((head, rest)) = rest.split_first_chunk::<HEAD_BYTES>() else {
        let is_known = Kind::of(rest[0]).is_some();
        return if is_known { Found::Cut } else { Found::Broken("no frame begins here") };
    };
    let (kind, len) = match read_head(head) {
        Ok((kind, len, _)) => (kind, len),
        Err(why) => return Found::Broken(why),
    };
    let Some(payload) = rest.get(..len) else { return Found::Cut };
    if !fits(head, payload) {
        return Found::Broken("a frame has a wrong checksum");
    }
    Found::Frame { frame: Frame { kind, payload }, end: at + HEAD_BYTES + len }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_files_are_told_from_recordings() {
        assert_eq!(check_magic(MAGIC), Ok(()));
        assert_eq!(check_magic(b"REDIS0011"), Err("this is no recording"));
        assert!(check_magic(b"SEED").unwrap_err().contains("cut off"));
        assert!(check_magic(b"SEEDISREC\x02...").unwrap_err().contains("version"));
    }

    proptest! {
        #[test]
        fn frames_survive_the_trip_and_no_flipped_bit_does(
            payload in prop::collection::vec(any::<u8>(), 0..200),
            bit in any::<prop::sample::Index>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut file = Vec::new();
            put(&mut file, Kind::Entries, &payload);
            let frame = Frame { kind: Kind::Entries, payload: &payload };
            prop_assert_eq!(find(&file, 0), Found::Frame { frame, end: file.len() });
            prop_assert_eq!(find(&file, file.len()), Found::End);
            let cut = cut.index(file.len() - 1) + 1;
            prop_assert_eq!(find(&file[..cut], 0), Found::Cut);
            let bit = bit.index(file.len() * 8);
            file[bit / 8] ^= 1 << (bit % 8);
            let found = find(&file, 0);
            prop_assert!(matches!(found, Found::Broken(_) | Found::Cut), "{:?}", found);
        }
    }
}
