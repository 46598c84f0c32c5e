//! Reading the format where perhaps not all of it has arrived.
//!
//! A cursor goes over bytes that somebody else keeps and yields places in them. Bytes may end
//! anywhere: then it says how many there must be at least, and the caller starts anew with more.
//! Nothing is allocated for a length that is only announced.

use alloc::vec::Vec;
use core::ops::Range;

use super::error::LoadErrorKind;
use super::format::encoding::{INT8, INT16, INT32, LEN_32, LEN_64, LZF, SPECIAL};
use crate::value::lzf;

/// Why reading cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// There must be so many bytes at least, counted from the first of the cursor's.
    Short(u64),
    /// It is wrong at this place.
    Bad(usize, LoadErrorKind),
}

/// Where a string is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// In the cursor's bytes.
    Here(Range<usize>),
    /// Decompressed, in the room that was given for that.
    InRoom,
    /// It is the text of this integer.
    Int(i64),
}

/// A place in bytes.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Strings may have this many bytes.
    string_bytes_max: u64,
}

enum Length {
    Plain(u64),
    Special(u8),
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], string_bytes_max: u64) -> Self {
        Self { bytes, at: 0, string_bytes_max }
    }

    /// Bytes that were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The bytes at a place that was yielded.
    pub(super) fn bytes_at(&self, range: Range<usize>) -> &'a [u8] {
        &self.bytes[range]
    }

    /// Passes `len` bytes.
    #[inline]
    pub(super) fn take(&mut self, len: u64) -> Result<Range<usize>, Stop> {
        let end = (self.at as u64).saturating_add(len);
        if end > self.bytes.len() as u64 {
            return Err(Stop::Short(end));
        }
        let start = core::mem::replace(&mut self.at, end as usize);
        Ok(start..self.at)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Stop> {
        let byte = self.bytes.get(self.at).copied();
        let byte = byte.ok_or(Stop::Short(self.at as u64 + 1))?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let range = self.take(N as u64)?;
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[range]);
        Ok(array)
    }

    /// A length, or another number stored like one.
    pub(super) fn length(&mut self) -> Result<u64, Stop> {
        let start = self.at;
        match self.length_or_encoding()? {
            Length::Plain(len) => Ok(len),
            Length::Special(number) => {
                Err(Stop::Bad(start, LoadErrorKind::Length(SPECIAL | number)))
            }
        }
    }

    #[inline]
    fn length_or_encoding(&mut self) -> Result<Length, Stop> {
        let start = self.at;
        let first = self.byte()?;
        Ok(match (first >> 6, first) {
            (0, _) => Length::Plain(first.into()),
            (1, _) => Length::Plain(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            (3, _) => Length::Special(first & 0x3f),
            (_, LEN_32) => Length::Plain(u32::from_be_bytes(self.array()?).into()),
            (_, LEN_64) => Length::Plain(u64::from_be_bytes(self.array()?)),
            _ => return Err(Stop::Bad(start, LoadErrorKind::Length(first))),
        })
    }

    /// A string; `room` is for one that is compressed.
    #[inline]
    pub(super) fn string(&mut self, room: &mut Vec<u8>) -> Result<Text, Stop> {
        let start = self.at;
        match self.length_or_encoding()? {
            Length::Plain(len) => {
                self.admit(start, len)?;
                Ok(Text::Here(self.take(len)?))
            }
            Length::Special(number) => self.special_string(start, number, room),
        }
    }

    fn special_string(
        &mut self,
        start: usize,
        number: u8,
        room: &mut Vec<u8>,
    ) -> Result<Text, Stop> {
        Ok(match number {
            INT8 => Text::Int(i8::from_le_bytes(self.array()?).into()),
            INT16 => Text::Int(i16::from_le_bytes(self.array()?).into()),
            INT32 => Text::Int(i32::from_le_bytes(self.array()?).into()),
            LZF => self.compressed(start, room)?,
            _ => return Err(Stop::Bad(start, LoadErrorKind::Encoding(number))),
        })
    }

    fn compressed(&mut self, start: usize, room: &mut Vec<u8>) -> Result<Text, Stop> {
        let (compressed, plain) = (self.length()?, self.length()?);
        self.admit(start, compressed)?;
        self.admit(start, plain)?;
        let bytes = self.take(compressed)?;
        if !lzf::decompress_into(&self.bytes[bytes], plain as usize, room) {
            return Err(Stop::Bad(start, LoadErrorKind::Compression));
        }
        Ok(Text::InRoom)
    }

    fn admit(&self, start: usize, len: u64) -> Result<(), Stop> {
        if len > self.string_bytes_max {
            return Err(Stop::Bad(start, LoadErrorKind::TooLong(len)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(bytes: &[u8]) -> Result<Text, Stop> {
        Cursor::new(bytes, 1000).string(&mut Vec::new())
    }

    #[test]
    fn strings_of_every_form() {
        assert_eq!(string(b"\x00"), Ok(Text::Here(1..1)));
        assert_eq!(string(b"\x02abc"), Ok(Text::Here(1..3)));
        assert_eq!(string(b"\x40\x02ab"), Ok(Text::Here(2..4)));
        assert_eq!(string(b"\x80\0\0\0\x02ab"), Ok(Text::Here(5..7)));
        assert_eq!(string(b"\x81\0\0\0\0\0\0\0\x02ab"), Ok(Text::Here(9..11)));
        assert_eq!(string(b"\xc0\x80"), Ok(Text::Int(-128)));
        assert_eq!(string(b"\xc1\xff\x7f"), Ok(Text::Int(32_767)));
        assert_eq!(string(b"\xc2\0\0\0\x80"), Ok(Text::Int(-2_147_483_648)));
        let mut room = b"earlier".to_vec();
        let mut cursor = Cursor::new(b"\xc3\x05\x15\x00a\xe0\x0b\x00", 1000);
        assert_eq!(cursor.string(&mut room), Ok(Text::InRoom));
        assert_eq!((cursor.at(), &room[..]), (8, &[b'a'; 21][..]));
    }

    #[test]
    fn what_is_missing_is_counted() {
        assert_eq!(string(b""), Err(Stop::Short(1)));
        assert_eq!(string(b"\x05ab"), Err(Stop::Short(6)));
        assert_eq!(string(b"\x40"), Err(Stop::Short(2)));
        assert_eq!(string(b"\x80\0\0"), Err(Stop::Short(5)));
        assert_eq!(string(b"\xc2\0\0"), Err(Stop::Short(5)));
        assert_eq!(string(b"\xc3\x05\x15\x00a"), Err(Stop::Short(8)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let bad = |kind| Err(Stop::Bad(0, kind));
        assert_eq!(string(b"\x43\xe9"), bad(LoadErrorKind::TooLong(1001)));
        let most = b"\x81\xff\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(string(most), bad(LoadErrorKind::TooLong(u64::MAX)));
        assert_eq!(string(b"\x82\0\0\0\0"), bad(LoadErrorKind::Length(0x82)));
        assert_eq!(string(b"\xc4"), bad(LoadErrorKind::Encoding(4)));
        assert_eq!(string(b"\xc3\x02\x15\x00a"), bad(LoadErrorKind::Compression));
        assert_eq!(string(b"\xc3\xc0\x15\x00a"), Err(Stop::Bad(1, LoadErrorKind::Length(0xc0))));
        let mut cursor = Cursor::new(&most[..], u64::MAX);
        assert_eq!(cursor.string(&mut Vec::new()), Err(Stop::Short(u64::MAX)));
    }
}
