//! IDs of entries: the milliseconds at which one was added, and a number among those of the same
//! millisecond.

use alloc::vec::Vec;

use crate::value::number;

/// The ID of an entry. They are in order, and no two entries of a stream have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Milliseconds since 1970, or whatever number a client gave.
    pub ms: u64,
    /// The number among those of the same millisecond.
    pub seq: u64,
}

/// Digits of two numbers of 64 bits and the sign between them.
const TEXT_BYTES_MAX: usize = 41;

impl StreamId {
    /// Below all others, and no entry's.
    pub const MIN: Self = Self { ms: 0, seq: 0 };

    /// Above all others.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// The ID behind this one; `None` behind the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { ms: self.ms, seq }),
            None => self.ms.checked_add(1).map(|ms| Self { ms, seq: 0 }),
        }
    }

    /// The ID in front of this one; `None` in front of the first.
    #[must_use]
    pub fn prev(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { ms: self.ms, seq }),
            None => self.ms.checked_sub(1).map(|ms| Self { ms, seq: u64::MAX }),
        }
    }

    /// The ID that `text` is: `ms` or `ms-seq`; `seq` is what stands for one that is missing.
    /// Numbers are read as loosely as Redis reads them (t_stream.c, `streamGenericParseIDOrReply`).
    #[must_use]
    pub fn parse(text: &[u8], seq: u64) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX * 3 {
            return None;
        }
        let text = number::until_nul(text);
        match text.iter().position(|&byte| byte == b'-') {
            None => Some(Self { ms: number::parse_u64(text)?, seq }),
            Some(at) => Some(Self {
                ms: number::parse_u64(&text[..at])?,
                seq: number::parse_u64(&text[at + 1..])?,
            }),
        }
    }

    /// The text `ms-seq`.
    #[must_use]
    pub fn text(self) -> IdText {
        let mut text = IdText { bytes: [0; TEXT_BYTES_MAX], len: 0 };
        text.push(itoa::Buffer::new().format(self.ms).as_bytes());
        text.push(b"-");
        text.push(itoa::Buffer::new().format(self.seq).as_bytes());
        text
    }

    /// Sixteen bytes whose order is that of the IDs, as dumps have them.
    #[must_use]
    pub fn to_be_bytes(self) -> [u8; 16] {
        ((u128::from(self.ms) << 64) | u128::from(self.seq)).to_be_bytes()
    }

    /// The ID that such bytes are.
    #[must_use]
    pub fn from_be_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self { ms: (both >> 64) as u64, seq: both as u64 }
    }
}

/// The text of an ID.
#[derive(Clone, Copy, Debug)]
pub struct IdText {
    bytes: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl IdText {
    fn push(&mut self, text: &[u8]) {
        self.bytes[self.len..self.len + text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Its bytes as a vector.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for (text, ms, seq) in
            [("0-0", 0, 0), ("5-7", 5, 7), ("18446744073709551615-1", u64::MAX, 1)]
        {
            let id = StreamId { ms, seq };
            assert_eq!(StreamId::parse(text.as_bytes(), 9), Some(id));
            assert_eq!(id.text().as_bytes(), text.as_bytes());
            assert_eq!(StreamId::from_be_bytes(id.to_be_bytes()), id);
        }
        assert_eq!(StreamId::MAX.text().as_bytes().len(), TEXT_BYTES_MAX);
        assert_eq!(StreamId::parse(b"12", 3), Some(StreamId { ms: 12, seq: 3 }));
        assert_eq!(StreamId::parse(b"12\0-4", 3), Some(StreamId { ms: 12, seq: 3 }));
        for wrong in ["", "-", "-1", "1-", "a", "1-b", "1-2-3", "18446744073709551616", "1 "] {
            assert_eq!(StreamId::parse(wrong.as_bytes(), 0), None, "{wrong}");
        }
    }

    #[test]
    fn neighbours() {
        let (one, last) = (StreamId { ms: 1, seq: 0 }, StreamId { ms: 0, seq: u64::MAX });
        assert_eq!((last.next(), one.prev()), (Some(one), Some(last)));
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.prev()), (None, None));
    }
}
