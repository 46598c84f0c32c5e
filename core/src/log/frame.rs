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
//! payload, then its LSN, its length, the undurable bytes plus one (zero without) and the epoch,
//! each as eight bytes, least significant first. So a batch that is whole but belongs elsewhere is
//! not taken for one that belongs here. The LSN of the first batch of a file, and of the first that
//! a process writes, stands in a line before it, with the epoch: `#lsn <LSN: digits>,<epoch:
//! digits> <crc: 6 digits>\n`, with a checksum of its own over both, since a wrong LSN makes good
//! batches look like garbage. LSNs count payload bytes only.
//!
//! The *epoch* is more with every start of the server, whose first act is to write such a line,
//! durably. What an earlier life has written behind that place, and somebody cut off, may come back
//! whole when a file system shows old blocks; it has another epoch and is not taken. The six digits
//! of a checksum have room for four bits more, and those are the low ones of the epoch, so that it
//! is known which life a batch behind damage is of. In files of builds before there were epochs the
//! line is `#lsn <decimal> <crc>`; that is epoch zero, which is not part of the checksum.
//!
//! *Undurable* says how many bytes before this batch the system had not yet been told to keep when
//! the batch was made: everything before those was durable. That is how recovery tells what a power
//! loss may have taken from what must be there. It stands only in batches before which it changed.

use alloc::vec::Vec;

use crc::{CRC_32_ISCSI, Crc, Table};

use super::unwind;

/// CRC-32C, as in RFC 3720.
static CRC_32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

const CRC_DIGITS: usize = 6;

/// No log comes this far; a line that tells more is noise, and sums stay in range.
const LSN_MAX: u64 = (1 << 60) - 1;

/// There are not so many starts.
pub(crate) const EPOCH_MAX: u64 = 1 << 40;

/// A header tells the epoch modulo this.
const EPOCHS_TOLD: u64 = 16;

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
    /// The low bits of the epoch.
    epoch_low: u8,
    /// Bytes of the payload.
    pub(crate) len: u64,
    /// Bytes before the payload that were not known to be durable.
    pub(crate) undurable: Option<u64>,
}

/// What is summed behind a payload.
struct Facts([u8; 32]);

impl Facts {
    fn of(header: &Header, lsn: u64, epoch: u64) -> Self {
        let mut facts = [0; 32];
        let undurable = header.undurable.map_or(0, |bytes| bytes + 1);
        for (room, fact) in facts.chunks_exact_mut(8).zip([lsn, header.len, undurable, epoch]) {
            room.copy_from_slice(&fact.to_le_bytes());
        }
        Self(facts)
    }

    /// Before there were epochs they were not summed.
    fn summed(&self) -> &[u8] {
        let (facts, epoch) = self.0.split_at(24);
        if epoch == [0; 8] { facts } else { &self.0 }
    }
}

impl Header {
    /// The header of `payload` at `lsn`.
    pub(crate) fn of(payload: &[u8], lsn: u64, epoch: u64, undurable: Option<u64>) -> Self {
        let epoch_low = (epoch % EPOCHS_TOLD) as u8;
        let header = Self { crc: 0, epoch_low, len: payload.len() as u64, undurable };
        Self { crc: header.checksum(payload, lsn, epoch), ..header }
    }

    /// Whether `payload` at `lsn` is what the header was made for in this epoch.
    pub(crate) fn fits(&self, payload: &[u8], lsn: u64, epoch: u64) -> bool {
        u64::from(self.epoch_low) == epoch % EPOCHS_TOLD
            && payload.len() as u64 == self.len
            && self.checksum(payload, lsn, epoch) == self.crc
    }

    /// The first epoch from `epoch` on that it may have been made in.
    pub(crate) fn epoch_from(&self, epoch: u64) -> u64 {
        let ahead = u64::from(self.epoch_low) + EPOCHS_TOLD - epoch % EPOCHS_TOLD;
        epoch + ahead % EPOCHS_TOLD
    }

    /// The last LSN in a range at which the payload may have been written in this epoch.
    pub(crate) fn lsn_among(
        &self,
        payload: &[u8],
        epoch: u64,
        (least, most): (u64, u64),
    ) -> Option<u64> {
        let mut facts = Facts::of(self, 0, epoch);
        let before = crc32c(payload);
        (least >> 32..=most >> 32).rev().find_map(|high| {
            facts.0[4..8].copy_from_slice(&(high as u32).to_le_bytes());
            let after = unwind::before(self.crc, &facts.summed()[4..]);
            let lsn = high << 32 | u64::from(unwind::between(before, after));
            (least..=most).contains(&lsn).then_some(lsn)
        })
    }

    fn checksum(&self, payload: &[u8], lsn: u64, epoch: u64) -> u32 {
        crc32c_of(&[payload, Facts::of(self, lsn, epoch).summed()])
    }

    /// Appends the line.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'#');
        let sum = u64::from(self.crc) | u64::from(self.epoch_low) << 32;
        write_digits(out, sum, CRC_DIGITS);
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
        let sum = number(crc)?;
        let (crc, epoch_low) = (sum as u32, (sum >> 32) as u8);
        Some(Self { crc, epoch_low, len: number(len)?, undurable })
    }
}

/// The first line of an incremental file of ours, which is durable before a manifest names it.
pub(crate) const INCR_LINE: &[u8] = b"#incr\n";

/// How a line begins that tells an LSN.
pub(crate) const LSN_LINE: &[u8] = b"#lsn ";

/// Whether this may be left of the line that tells an LSN, whatever its epoch: a power loss keeps
/// some of its bytes, and the others are zeros.
pub(crate) fn may_be_torn_lsn(bytes: &[u8], lsn: u64) -> bool {
    let mut line = LSN_LINE.to_vec();
    write_digits(&mut line, lsn, 1);
    line.push(b',');
    bytes.iter().enumerate().all(|(at, byte)| match line.get(at) {
        _ if *byte == 0 => true,
        Some(expected) => byte == expected,
        None => DIGITS.contains(byte) || matches!(byte, b' ' | b'\n'),
    })
}

/// Appends the line that tells the LSN and the epoch of the batch after it.
pub(crate) fn write_lsn(out: &mut Vec<u8>, lsn: u64, epoch: u64) {
    out.extend_from_slice(LSN_LINE);
    let from = out.len();
    if epoch == 0 {
        out.extend_from_slice(itoa::Buffer::new().format(lsn).as_bytes());
    } else {
        write_digits(out, lsn, 1);
        out.push(b',');
        write_digits(out, epoch, 1);
    }
    let crc = crc32c(&out[from..]);
    out.push(b' ');
    write_digits(out, u64::from(crc), CRC_DIGITS);
    out.push(b'\n');
}

/// Reads what [`write_lsn`] wrote, without its `\n`: an LSN and an epoch.
pub(crate) fn parse_lsn(line: &[u8]) -> Option<(u64, u64)> {
    let (told, crc) = line.strip_prefix(LSN_LINE)?.split_last_chunk::<CRC_DIGITS>()?;
    let told = told.strip_suffix(b" ")?;
    if number(crc)? != u64::from(crc32c(told)) {
        return None;
    }
    let (lsn, epoch) = match told.iter().position(|&byte| byte == b',') {
        Some(at) => (number(&told[..at])?, number(&told[at + 1..])?),
        None => (core::str::from_utf8(told).ok()?.parse().ok()?, 0),
    };
    (lsn <= LSN_MAX && epoch <= EPOCH_MAX).then_some((lsn, epoch))
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
        Header::of(&[b'x'; 60], 1 << 40, 99, None).write(&mut line);
        assert_eq!(line.len(), 9);
    }

    /// As builds wrote it before there were epochs.
    #[test]
    fn files_without_epochs_are_read() {
        let line = b"#lsn 1982 CrF4aR";
        assert_eq!(parse_lsn(line), Some((1982, 0)));
        let payload =
            b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nset\r\n$2\r\nk1\r\n$6\r\nvalue1\r\n";
        let header = Header::parse(b"#CHuHhZ4,A").unwrap();
        assert!(header.fits(payload, 1982, 0));
    }

    #[test]
    fn a_line_with_an_epoch_is_no_longer_than_one_without() {
        let len = |lsn, epoch| {
            let mut line = Vec::new();
            write_lsn(&mut line, lsn, epoch);
            line.len()
        };
        for digits in 6..17 {
            let lsn = 10_u64.pow(digits);
            assert!(len(lsn, 4000) <= len(lsn, 0), "{lsn}");
        }
        assert!(len(1_000_000, 60) < len(1_000_000, 0));
    }

    proptest! {
        #[test]
        fn headers_survive_the_trip(
            payload in prop::collection::vec(any::<u8>(), 0..300),
            lsn in 0..u64::MAX / 2,
            epoch in 0..EPOCH_MAX,
            undurable in prop::option::of(0..1_u64 << 40),
        ) {
            let header = Header::of(&payload, lsn, epoch, undurable);
            let mut line = Vec::new();
            header.write(&mut line);
            let read = Header::parse(line.strip_suffix(b"\n").unwrap()).unwrap();
            prop_assert_eq!(read, header);
            prop_assert!(read.fits(&payload, lsn, epoch));
            prop_assert!(!read.fits(&payload, lsn + 1, epoch));
            prop_assert!(!read.fits(&payload, lsn, epoch + 1));
            prop_assert!(!read.fits(&payload, lsn, epoch + EPOCHS_TOLD));
            prop_assert_eq!(read.epoch_from(epoch.saturating_sub(7)), epoch);
            let places = |least, most| read.lsn_among(&payload, epoch, (least, most));
            prop_assert_eq!(places(lsn.saturating_sub(1 << 20), lsn), Some(lsn));
            prop_assert_eq!(places(lsn, lsn + (1 << 20)), Some(lsn));
            prop_assert_eq!(places(lsn + 1, lsn + (1 << 20)), None);
            prop_assert_eq!(places(lsn.saturating_sub(1 << 20), lsn.saturating_sub(1)), None);
        }

        #[test]
        fn lsns_survive_the_trip_and_no_flipped_bit_does(
            lsn in 0..LSN_MAX,
            epoch in prop_oneof![Just(0), 0..EPOCH_MAX],
            bit in any::<prop::sample::Index>(),
        ) {
            let mut line = Vec::new();
            write_lsn(&mut line, lsn, epoch);
            line.pop();
            prop_assert_eq!(parse_lsn(&line), Some((lsn, epoch)));
            let bit = bit.index(line.len() * 8);
            line[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(parse_lsn(&line), None);
        }

        #[test]
        fn any_flipped_bit_is_seen(
            payload in prop::collection::vec(any::<u8>(), 1..80),
            bit in any::<prop::sample::Index>(),
        ) {
            let header = Header::of(&payload, 7, 5, Some(3));
            let mut bytes = Vec::new();
            header.write(&mut bytes);
            bytes.extend(&payload);
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { return Ok(()) };
            let fits = Header::parse(&bytes[..end])
                .is_some_and(|header| header.fits(&bytes[end + 1..], 7, 5));
            prop_assert!(!fits);
        }
    }
}
