//! How batches lie in an incremental file of the append-only file.
//!
//! Stock Redis has no checksum there: a flipped bit is loaded as it is, and nobody can tell a torn
//! tail from rot. Here every batch, all that one turn logged, is preceded by an annotation, a line
//! that begins with `#` and that stock Redis skips:
//!
//! ```text
//! #<crc: 6 digits><payload bytes: digits>[,<undurable: digits>]\n<payload: commands>
//! ```
//!
//! Digits are base 64 (`A-Z a-z 0-9 - _`), most significant first. The checksum is CRC-32C over the
//! payload, then its LSN, its length and the undurable bytes plus one (zero without), each as eight
//! bytes, least significant first. So a batch that is whole but belongs elsewhere is not taken for
//! one that belongs here. The LSN of the first batch of a file, and of the first that a process
//! writes, stands in a line before it: `#lsn <decimal> <crc: 6 digits>\n`, with a checksum of its
//! own over the decimal, since a wrong LSN makes good batches look like garbage. LSNs count payload
//! bytes only.
//!
//! *Undurable* says how many bytes before this batch the system had not yet been told to keep when
//! the batch was made: everything before those was durable. That is how recovery tells what a power
//! loss may have taken from what must be there. It stands only in batches before which it changed.

use alloc::vec::Vec;

use crc::{CRC_32_ISCSI, Crc, Digest, Table};

/// CRC-32C, as in RFC 3720.
static CRC_32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

const CRC_DIGITS: usize = 6;

/// No log comes this far; a line that tells more is noise, and sums stay in range.
const LSN_MAX: u64 = 1 << 62;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The CRC-32C of some bytes.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    CRC_32C.checksum(bytes)
}

/// The CRC-32C of some parts in a row.
pub(crate) fn crc32c_of(parts: &[&[u8]]) -> u32 {
    let mut digest = CRC_32C.digest();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize()
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) crc: u32,
    /// Bytes of the payload.
    pub(crate) len: u64,
    /// Bytes before the payload that were not known to be durable.
    pub(crate) undurable: Option<u64>,
}

impl Header {
    /// The header of `payload` at `lsn`.
    pub(crate) fn of(payload: &[u8], lsn: u64, undurable: Option<u64>) -> Self {
        let len = payload.len() as u64;
        let header = Self { crc: 0, len, undurable };
        Self { crc: header.checksum(payload, lsn), ..header }
    }

    /// Whether `payload` at `lsn` is what the header was made for.
    pub(crate) fn fits(&self, payload: &[u8], lsn: u64) -> bool {
        payload.len() as u64 == self.len && self.checksum(payload, lsn) == self.crc
    }

    /// How many of the LSNs in `range` the payload may have been written at; the first of them.
    pub(crate) fn lsn_among(
        &self,
        payload: &[u8],
        mut range: impl Iterator<Item = u64>,
    ) -> Option<u64> {
        let mut digest = CRC_32C.digest();
        digest.update(payload);
        range.find(|&lsn| self.seal(digest.clone(), lsn) == self.crc)
    }

    fn checksum(&self, payload: &[u8], lsn: u64) -> u32 {
        let mut digest = CRC_32C.digest();
        digest.update(payload);
        self.seal(digest, lsn)
    }

    fn seal(&self, mut digest: Digest<'_, u32, Table<16>>, lsn: u64) -> u32 {
        let mut facts = [0; 24];
        let undurable = self.undurable.map_or(0, |bytes| bytes + 1);
        for (room, fact) in facts.chunks_exact_mut(8).zip([lsn, self.len, undurable]) {
            room.copy_from_slice(&fact.to_le_bytes());
        }
        digest.update(&facts);
        digest.finalize()
    }

    /// Appends the line.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'#');
        write_digits(out, u64::from(self.crc), CRC_DIGITS);
        write_digits(out, self.len, 1);
        if let Some(undurable) = self.undurable {
            out.push(b',');
            write_digits(out, undurable, 1);
        }
        out.push(b'\n');
    }

    /// Reads a line, without its `\n`; `None` when it is no header.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let digits = line.strip_prefix(b"#")?;
        let (crc, rest) = digits.split_at_checked(CRC_DIGITS)?;
        let (len, undurable) = match rest.iter().position(|&byte| byte == b',') {
            Some(at) => (&rest[..at], Some(number(&rest[at + 1..])?)),
            None => (rest, None),
        };
        let crc = u32::try_from(number(crc)?).ok()?;
        Some(Self { crc, len: number(len)?, undurable })
    }
}

/// How a line begins that tells an LSN.
pub(crate) const LSN_LINE: &[u8] = b"#lsn ";

/// Appends the line that tells the LSN of the batch after it.
pub(crate) fn write_lsn(out: &mut Vec<u8>, lsn: u64) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(lsn).as_bytes();
    out.extend_from_slice(LSN_LINE);
    out.extend_from_slice(digits);
    out.push(b' ');
    write_digits(out, u64::from(crc32c(digits)), CRC_DIGITS);
    out.push(b'\n');
}

/// Reads what [`write_lsn`] wrote, without its `\n`.
pub(crate) fn parse_lsn(line: &[u8]) -> Option<u64> {
    let (digits, crc) = line.strip_prefix(LSN_LINE)?.split_last_chunk::<CRC_DIGITS>()?;
    let digits = digits.strip_suffix(b" ")?;
    if number(crc)? != u64::from(crc32c(digits)) {
        return None;
    }
    core::str::from_utf8(digits).ok()?.parse().ok().filter(|&lsn| lsn <= LSN_MAX)
}

fn write_digits(out: &mut Vec<u8>, number: u64, digits_min: usize) {
    let digits = (64 - number.leading_zeros() as usize).div_ceil(6).max(digits_min);
    for place in (0..digits).rev() {
        out.push(DIGITS[(number >> (6 * place)) as usize % 64]);
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    digits.iter().try_fold(0, |sum, &byte| Some(sum << 6 | value_of(byte)?))
}

fn value_of(digit: u8) -> Option<u64> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(u64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_header_is_short() {
        let mut line = Vec::new();
        Header::of(&[b'x'; 60], 1 << 40, None).write(&mut line);
        assert_eq!(line.len(), 9);
    }

    proptest! {
        #[test]
        fn headers_survive_the_trip(
            payload in prop::collection::vec(any::<u8>(), 0..300),
            lsn in 0..u64::MAX / 2,
            undurable in prop::option::of(0..1_u64 << 40),
        ) {
            let header = Header::of(&payload, lsn, undurable);
            let mut line = Vec::new();
            header.write(&mut line);
            let read = Header::parse(line.strip_suffix(b"\n").unwrap()).unwrap();
            prop_assert_eq!(read, header);
            prop_assert!(read.fits(&payload, lsn));
            prop_assert!(!read.fits(&payload, lsn + 1));
            prop_assert_eq!(read.lsn_among(&payload, lsn.saturating_sub(5)..=lsn), Some(lsn));
        }

        #[test]
        fn lsns_survive_the_trip_and_no_flipped_bit_does(
            lsn in 0..LSN_MAX,
            bit in any::<prop::sample::Index>(),
        ) {
            let mut line = Vec::new();
            write_lsn(&mut line, lsn);
            line.pop();
            prop_assert_eq!(parse_lsn(&line), Some(lsn));
            let bit = bit.index(line.len() * 8);
            line[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(parse_lsn(&line), None);
        }

        #[test]
        fn any_flipped_bit_is_seen(
            payload in prop::collection::vec(any::<u8>(), 1..80),
            bit in any::<prop::sample::Index>(),
        ) {
            let header = Header::of(&payload, 7, Some(3));
            let mut bytes = Vec::new();
            header.write(&mut bytes);
            bytes.extend(&payload);
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { return Ok(()) };
            let fits = Header::parse(&bytes[..end])
                .is_some_and(|header| header.fits(&bytes[end + 1..], 7));
            prop_assert!(!fits);
        }
    }
}
