//! Numbers and strings as they stand in a recording.
//!
//! Numbers take seven bits a byte, least significant first, the highest bit set in all but the
//! last: most are small. A string is its length and its bytes. Reading never trusts a length:
//! what is not there cannot be had, and nothing is reserved for it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes that are no entry: what was expected at the offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Offset in the bytes that were read.
    pub at: usize,
    /// What does not stand there.
    pub expected: &'static str,
}

impl core::error::Error for Malformed {}

impl core::fmt::Display for Malformed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "no {} at {}", self.expected, self.at)
    }
}

/// Appends a number.
#[inline]
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a string.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A place in bytes that are being read.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The beginning of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Offset of the next byte.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Whether everything was read.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Says what was expected here.
    pub fn refuse<T>(&self, expected: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at, expected })
    }

    /// The next `count` bytes.
    pub fn raw(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count);
        let Some(bytes) = end.and_then(|end| self.bytes.get(self.at..end)) else {
            return self.refuse("bytes");
        };
        self.at += count;
        Ok(bytes)
    }

    /// The next byte.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let Some(&byte) = self.bytes.get(self.at) else { return self.refuse("byte") };
        self.at += 1;
        Ok(byte)
    }

    /// A number of eight bytes, least significant first.
    pub fn fixed(&mut self) -> Result<u64, Malformed> {
        let bytes = self.raw(8)?;
        Ok(u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
    }

    /// A number.
    #[inline]
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift > 63 || bits << shift >> shift != bits {
                return self.refuse("number");
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    /// A number of a smaller type.
    pub fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Malformed> {
        let at = self.at;
        let refusal = Malformed { at, expected: "number in range" };
        T::try_from(self.number()?).map_err(|_| refusal)
    }

    /// A string of bytes.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.small()?;
        self.raw(count)
    }

    /// A string of text.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let at = self.at;
        let refusal = Malformed { at, expected: "text" };
        core::str::from_utf8(self.bytes()?).map_err(|_| refusal)
    }

    /// A string of text of one's own.
    pub fn owned(&mut self) -> Result<String, Malformed> {
        self.text().map(String::from)
    }

    /// The same in a box.
    pub fn boxed(&mut self) -> Result<Box<str>, Malformed> {
        self.text().map(Box::from)
    }

    /// Zero or one.
    pub fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => self.refuse("zero or one"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_strings_survive_the_trip(
            number in any::<u64>(),
            bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut out = Vec::new();
            put_number(&mut out, number);
            put_bytes(&mut out, &bytes);
            let mut cursor = Cursor::new(&out);
            prop_assert_eq!(cursor.number(), Ok(number));
            prop_assert_eq!(cursor.bytes(), Ok(&bytes[..]));
            prop_assert!(cursor.is_at_end());
        }

        #[test]
        fn a_number_has_one_form_or_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(number) = Cursor::new(&bytes).number() {
                let mut out = Vec::new();
                put_number(&mut out, number);
                prop_assert_eq!(Cursor::new(&out).number(), Ok(number));
            }
        }
    }

    #[test]
    fn lengths_are_not_trusted() {
        let mut out = Vec::new();
        put_number(&mut out, u64::MAX);
        assert_eq!(Cursor::new(&out).bytes().unwrap_err().expected, "bytes");
        assert!(Cursor::new(&[0xff; 11]).number().is_err());
        assert_eq!(Cursor::new(&[2]).flag(), Err(Malformed { at: 1, expected: "zero or one" }));
    }
}
