//! One element: an integer in as few bytes as Redis gives it, or a text behind its length.

use core::cmp::Ordering;

use super::number;

/// An element read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// Bytes that are no integer's canonical text.
    Text(&'a [u8]),
    /// An integer, which stands for its canonical text.
    Int(i64),
}

impl<'a> Element<'a> {
    /// `text` as an element: an integer if it is one's canonical text.
    #[inline]
    #[must_use]
    pub fn of(text: &'a [u8]) -> Self {
        number::parse_i64(text).map_or(Self::Text(text), Self::Int)
    }

    /// The text; `room` holds that of an integer.
    #[inline]
    #[must_use]
    pub fn bytes<'b>(&'b self, room: &'b mut itoa::Buffer) -> &'b [u8] {
        match self {
            Self::Text(text) => text,
            Self::Int(number) => room.format(*number).as_bytes(),
        }
    }

    /// Length of the text.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Int(number) => {
                let digits = number.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
                digits + usize::from(*number < 0)
            }
        }
    }

    /// Whether it is the empty text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Text(b""))
    }

    /// Compares the text with another, byte by byte.
    #[must_use]
    pub fn cmp_text(&self, other: &[u8]) -> Ordering {
        self.bytes(&mut itoa::Buffer::new()).cmp(other)
    }
}

const INT_13: u8 = 0xc0;
const TEXT_6: u8 = 0x80;
const TEXT_12: u8 = 0xe0;
const TEXT_32: u8 = 0xf0;
const INT_16: u8 = 0xf1;
const INT_24: u8 = 0xf2;
const INT_32: u8 = 0xf3;
const INT_64: u8 = 0xf4;

/// Bytes of an element without the length behind it.
pub(super) fn encoded_bytes(element: Element<'_>) -> usize {
    match element {
        Element::Int(0..=127) => 1,
        Element::Int(-4096..=4095) => 2,
        Element::Int(-0x8000..=0x7fff) => 3,
        Element::Int(-0x80_0000..=0x7f_ffff) => 4,
        Element::Int(-0x8000_0000..=0x7fff_ffff) => 5,
        Element::Int(_) => 9,
        Element::Text(text) => text_head_bytes(text.len()) + text.len(),
    }
}

fn text_head_bytes(len: usize) -> usize {
    match len {
        0..64 => 1,
        64..4096 => 2,
        _ => 5,
    }
}

/// Writes an element over `out`, which has its [`encoded_bytes`].
pub(super) fn encode(element: Element<'_>, out: &mut [u8]) {
    match element {
        Element::Int(number) => encode_int(number, out),
        Element::Text(text) => {
            let (head, body) = out.split_at_mut(text_head_bytes(text.len()));
            body.copy_from_slice(text);
            match head {
                [one] => *one = TEXT_6 | text.len() as u8,
                [high, low] => {
                    *high = TEXT_12 | (text.len() >> 8) as u8;
                    *low = text.len() as u8;
                }
                head => {
                    head[0] = TEXT_32;
                    head[1..].copy_from_slice(&(text.len() as u32).to_le_bytes());
                }
            }
        }
    }
}

fn encode_int(number: i64, out: &mut [u8]) {
    match out {
        [one] => *one = number as u8,
        [high, low] => {
            *high = INT_13 | (number >> 8) as u8 & 0x1f;
            *low = number as u8;
        }
        out => {
            out[0] = match out.len() {
                3 => INT_16,
                4 => INT_24,
                5 => INT_32,
                _ => INT_64,
            };
            let len = out.len() - 1;
            out[1..].copy_from_slice(&number.to_le_bytes()[..len]);
        }
    }
}

/// The element that begins here, and its bytes without the length behind it.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> (Element<'_>, usize) {
    match bytes[0] {
        small @ 0..=0x7f => (Element::Int(small.into()), 1),
        head @ 0x80..=0xbf => {
            let end = 1 + (head & 0x3f) as usize;
            (Element::Text(&bytes[1..end]), end)
        }
        _ => decode_checked(bytes).expect("a value's listpack is canonical"),
    }
}

/// As [`decode`], of bytes that may be hostile.
pub(super) fn decode_checked(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let (&head, rest) = bytes.split_first()?;
    let text = |head_bytes: usize, len: usize| {
        let text = bytes.get(head_bytes..head_bytes.checked_add(len)?)?;
        Some((Element::of(text), head_bytes + len))
    };
    match head {
        0..=0x7f => Some((Element::Int(head.into()), 1)),
        0x80..=0xbf => text(1, (head & 0x3f) as usize),
        0xc0..=0xdf => {
            let number = i16::from(head & 0x1f) << 8 | i16::from(*rest.first()?);
            // The 13 bits with the sign on top.
            Some((Element::Int((number << 3 >> 3).into()), 2))
        }
        0xe0..=0xef => text(2, ((head & 0x0f) as usize) << 8 | *rest.first()? as usize),
        TEXT_32 => text(5, u32::from_le_bytes(*rest.first_chunk()?) as usize),
        INT_16 => Some((Element::Int(i16::from_le_bytes(*rest.first_chunk()?).into()), 3)),
        INT_24 => {
            let &[a, b, c] = rest.first_chunk()?;
            Some((Element::Int((i32::from_le_bytes([0, a, b, c]) >> 8).into()), 4))
        }
        INT_32 => Some((Element::Int(i32::from_le_bytes(*rest.first_chunk()?).into()), 5)),
        INT_64 => Some((Element::Int(i64::from_le_bytes(*rest.first_chunk()?)), 9)),
        _ => None,
    }
}

/// The length behind an element: seven bits a byte, the lowest last, and all but the first byte
/// say with their top bit that there is more in front of them (`lpEncodeBacklen`).
pub(super) mod backlen {
    /// Bytes that it takes. The limits are Redis's, one below what would fit.
    #[inline]
    pub(in super::super) fn bytes(len: usize) -> usize {
        match len {
            0..=127 => 1,
            128..16_383 => 2,
            16_383..2_097_151 => 3,
            2_097_151..268_435_455 => 4,
            _ => 5,
        }
    }

    pub(in super::super) fn write(len: usize, out: &mut [u8]) {
        let mut rest = len;
        for byte in out.iter_mut().rev() {
            *byte = rest as u8 & 0x7f | 0x80;
            rest >>= 7;
        }
        if let Some(first) = out.first_mut() {
            *first &= 0x7f;
        }
    }

    /// The length that ends with the last byte, and its bytes.
    #[inline]
    pub(in super::super) fn read(bytes: &[u8]) -> (usize, usize) {
        let (mut len, mut shift) = (0, 0);
        for (count, &byte) in bytes.iter().rev().enumerate() {
            len |= ((byte & 0x7f) as usize) << shift;
            if byte & 0x80 == 0 {
                return (len, count + 1);
            }
            shift += 7;
        }
        (len, bytes.len())
    }

    /// The length at the end of an element's bytes, which may be hostile.
    pub(in super::super) fn read_checked(bytes: &[u8]) -> Option<usize> {
        let last = &bytes[bytes.len().saturating_sub(5)..];
        let (len, count) = read(last);
        (count == self::bytes(len)).then_some(len)
    }
}
