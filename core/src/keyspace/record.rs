//! Records: how a key, its value, deadline and access clock lie in a page.
//!
//! ```text
//! byte  0      kind (low 2 bits), slack (4, 8), TTL (16), wide TTL (32), long key (64),
//!              pack (128)
//! byte  1      key bytes in the record, 0..=255
//! byte  2      value bytes in the record, 0..=255
//! bytes 3..6   access clock, 24 bits: seconds for LRU, or minutes and counter for LFU
//! [6 or 8]     deadline in ms since 1970, when the TTL bit is set; 8 bytes when wide
//! [key] [value]
//! ```
//!
//! A string of up to 255 bytes lies in the record as it is, an integer in as few bytes as hold
//! it, a small aggregate as its pack. Whatever is larger lies in the segment's slab, and the
//! record holds its 4-byte index. A key
//! of more than 255 bytes lies there too. Deadlines take 6 bytes until the year 10889.
//!
//! A record that becomes shorter keeps up to three units behind its end as slack, so that it can
//! grow again where it is: a key that is set with and without a deadline in turns does not move.

use super::page::UNIT;

/// What the value bytes of a record are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The string itself.
    Raw,
    /// An integer, little-endian, sign-extended from as few bytes as hold it.
    Int,
    /// A string changed in place, which Redis calls raw however short it is.
    Modified,
    /// The index of an object in the slab, 4 bytes little-endian.
    Object,
    /// A small aggregate.
    Pack,
}

const KIND: u8 = 3;
const SLACK_SHIFT: u32 = 2;
const TTL: u8 = 16;
const WIDE_TTL: u8 = 32;
const LONG_KEY: u8 = 64;
const PACK: u8 = 128;
const HEADER: usize = 6;

/// Units of slack that a record can have.
const SLACK_MAX: usize = 3;

/// The largest deadline of the 6-byte form.
const NARROW_MAX: u64 = (1 << 48) - 1;

/// A key longer than this lies in the slab.
pub(super) const INLINE_KEY_MAX: usize = 255;

/// Key and value together at most this long lie in the record; more would leave the ends of
/// pages empty.
pub(super) const INLINE_MAX: usize = 320;

/// A record read in place.
#[derive(Clone, Copy)]
pub(super) struct Record<'a>(&'a [u8]);

impl<'a> Record<'a> {
    /// The record that starts at the first byte of `bytes`.
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn kind(self) -> Kind {
        match self.0[0] & (KIND | PACK) {
            0 => Kind::Raw,
            1 => Kind::Int,
            3 => Kind::Modified,
            2 => Kind::Object,
            _ => Kind::Pack,
        }
    }

    pub(super) fn long_key(self) -> bool {
        self.0[0] & LONG_KEY != 0
    }

    #[inline]
    fn ttl_bytes(self) -> usize {
        ttl_bytes(self.0[0])
    }

    /// The key in the record; empty when it lies in the slab.
    #[inline]
    pub(super) fn key(self) -> &'a [u8] {
        let start = HEADER + self.ttl_bytes();
        &self.0[start..start + self.0[1] as usize]
    }

    /// The value bytes in the record.
    #[inline]
    pub(super) fn value(self) -> &'a [u8] {
        let start = HEADER + self.ttl_bytes() + self.0[1] as usize;
        &self.0[start..start + self.0[2] as usize]
    }

    /// The integer of an [`Kind::Int`] record.
    pub(super) fn int(self) -> i64 {
        let value = self.value();
        let negative = value.last().is_some_and(|top| top & 0x80 != 0);
        let mut wide = if negative { [0xff; 8] } else { [0; 8] };
        wide[..value.len()].copy_from_slice(value);
        i64::from_le_bytes(wide)
    }

    /// The slab index of an [`Kind::Object`] record.
    pub(super) fn object(self) -> u32 {
        let value = self.value();
        u32::from_le_bytes([value[0], value[1], value[2], value[3]])
    }

    /// The deadline in ms since 1970.
    #[inline]
    pub(super) fn expire_at_ms(self) -> Option<u64> {
        let flags = self.0[0];
        if flags & TTL == 0 {
            return None;
        }
        let mut wide = [0; 8];
        let len = ttl_bytes(flags);
        wide[..len].copy_from_slice(&self.0[HEADER..HEADER + len]);
        Some(u64::from_le_bytes(wide))
    }

    /// Whether it has a deadline.
    #[inline]
    pub(super) fn has_ttl(self) -> bool {
        self.0[0] & TTL != 0
    }

    /// The access clock, 24 bits.
    #[inline]
    pub(super) fn clock(self) -> u32 {
        u32::from_le_bytes([self.0[3], self.0[4], self.0[5], 0])
    }

    /// Bytes from the header to the end of the value.
    #[inline]
    pub(super) fn len(self) -> usize {
        HEADER + self.ttl_bytes() + self.0[1] as usize + self.0[2] as usize
    }

    /// Units that it takes, with its slack.
    #[inline]
    pub(super) fn units(self) -> usize {
        units(self.len()) + (self.0[0] >> SLACK_SHIFT) as usize % (SLACK_MAX + 1)
    }

    /// What it is made of; the value of an object is its index.
    pub(super) fn parts(self) -> Parts<'a> {
        Parts {
            key: (!self.long_key()).then(|| self.key()),
            kind: self.kind(),
            value: self.value(),
            expire_at_ms: self.expire_at_ms(),
            clock: self.clock(),
        }
    }

    /// The whole record.
    pub(super) fn bytes(self) -> &'a [u8] {
        &self.0[..self.len()]
    }
}

#[inline]
fn ttl_bytes(flags: u8) -> usize {
    match flags & (TTL | WIDE_TTL) {
        0 => 0,
        TTL => 6,
        _ => 8,
    }
}

/// Units that a record of `len` bytes takes.
#[inline]
pub(super) fn units(len: usize) -> usize {
    len.div_ceil(UNIT)
}

/// Gives the record at the start of `bytes` as much slack as it can have of `spare` units behind
/// its end; returns how much that is.
#[inline]
pub(super) fn set_slack(bytes: &mut [u8], spare: usize) -> usize {
    let slack = spare.min(SLACK_MAX);
    bytes[0] = bytes[0] & !((SLACK_MAX as u8) << SLACK_SHIFT) | (slack as u8) << SLACK_SHIFT;
    slack
}

/// Sets the access clock of the record at the start of `bytes`.
pub(super) fn set_clock(bytes: &mut [u8], clock: u32) {
    bytes[3..6].copy_from_slice(&clock.to_le_bytes()[..3]);
}

/// What a record is made of.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    /// The key in the record, or `None` when it lies in the slab.
    pub(super) key: Option<&'a [u8]>,
    pub(super) kind: Kind,
    pub(super) value: &'a [u8],
    pub(super) expire_at_ms: Option<u64>,
    pub(super) clock: u32,
}

impl Parts<'_> {
    fn flags(&self) -> u8 {
        let kind = match self.kind {
            Kind::Raw => 0,
            Kind::Int => 1,
            Kind::Object => 2,
            Kind::Modified => 3,
            Kind::Pack => PACK,
        };
        let ttl = match self.expire_at_ms {
            None => 0,
            Some(at) if at <= NARROW_MAX => TTL,
            Some(_) => TTL | WIDE_TTL,
        };
        kind | ttl | if self.key.is_none() { LONG_KEY } else { 0 }
    }

    /// Bytes of the record.
    #[inline]
    pub(super) fn len(&self) -> usize {
        let key = self.key.map_or(0, <[u8]>::len);
        HEADER + ttl_bytes(self.flags()) + key + self.value.len()
    }

    /// Writes the record, without slack, to the start of `out`, which holds at least
    /// [`Parts::len`] bytes.
    pub(super) fn write(&self, out: &mut [u8]) {
        let key = self.key.unwrap_or_default();
        assert!(key.len() <= INLINE_KEY_MAX && self.value.len() <= 255, "lengths take one byte");
        let flags = self.flags();
        out[0] = flags;
        out[1] = key.len() as u8;
        out[2] = self.value.len() as u8;
        set_clock(out, self.clock);
        let at = HEADER + ttl_bytes(flags);
        if let Some(deadline) = self.expire_at_ms {
            out[HEADER..at].copy_from_slice(&deadline.to_le_bytes()[..at - HEADER]);
        }
        out[at..at + key.len()].copy_from_slice(key);
        let at = at + key.len();
        out[at..at + self.value.len()].copy_from_slice(self.value);
    }
}

/// `number` in as few little-endian bytes as hold it with its sign; returns how many.
pub(super) fn pack_int(number: i64, out: &mut [u8; 8]) -> usize {
    *out = number.to_le_bytes();
    // The bits that differ from the sign, and one for the sign.
    let bits = 64 - (number ^ number >> 63).leading_zeros() + 1;
    bits.div_ceil(8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        for number in [0, 1, -1, 127, 128, -128, -129, 255, 65_535, i64::MAX, i64::MIN, 1 << 40] {
            let mut packed = [0; 8];
            let len = pack_int(number, &mut packed);
            let parts = Parts {
                key: Some(b"k"),
                kind: Kind::Int,
                value: &packed[..len],
                expire_at_ms: Some(1 << 50),
                clock: 0x00ab_cdef,
            };
            let mut page = [0; 64];
            parts.write(&mut page);
            let record = Record::new(&page);
            assert_eq!(record.int(), number);
            let fits = |bytes: u32| number >> (bytes * 8 - 1) == number >> 63;
            assert_eq!((1..8).find(|&bytes| fits(bytes)).unwrap_or(8) as usize, len);
            assert_eq!(record.expire_at_ms(), Some(1 << 50));
            assert_eq!(record.clock(), 0x00ab_cdef);
            assert_eq!(record.len(), parts.len());
        }
    }
}
