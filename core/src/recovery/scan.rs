//! What lies behind damage: is it a torn tail, or has the log rotted?
//!
//! A power loss may take any of the bytes that were not synced, from the middle too, and leave
//! later ones. So damage proves nothing by itself. But later batches tell how much of the log was
//! durable when they were made: if one of them says that the damaged place was, the disk has lost
//! what it had promised to keep, and the log must not be cut there.
//!
//! Behind damage the LSN is not known, since a broken header hides how long its batch was. It lies
//! between what it would be if the bytes between were all annotations and if none of them were, and
//! a checksum fits for one LSN only, which it tells. Noise may look like many headers of long
//! batches, each of which would be summed up in vain; so the work done in vain is bounded. When it
//! is used up nobody can tell what is there, and nothing is cut.

use alloc::vec::Vec;

use crate::log::frame::{self, Header};

/// LSNs at which a batch may be: among more of them noise would too often fit one.
const LSNS_MAX: u64 = 1 << 20;

/// Work for what looked like batches and is none, in bytes that are summed up: some seconds.
const VAIN_BYTES_MAX: u64 = 32 << 30;

/// To look for the LSN takes as much as so many bytes.
const TRY_BYTES: u64 = 64;

/// Bytes of an annotation at most.
const LINE_BYTES_MAX: usize = 64;

/// A search for batches behind damage.
#[derive(Debug)]
pub(crate) struct Scan {
    buf: Vec<u8>,
    /// Offset of `buf`, from the damage on.
    buf_at: u64,
    at: usize,
    /// The LSN at the damage.
    damage_lsn: u64,
    /// The LSN at `at`, once a batch was found.
    lsn: Option<u64>,
    /// The life that wrote what is at `at`, or an earlier one.
    epoch: u64,
    /// The log was durable up to here at least, by what later batches say.
    durable_lsn: u64,
    batches: u64,
    all_zero: bool,
    /// What is left to be done in vain.
    vain_bytes: u64,
    /// Whether `damage_lsn` is known; without it no checksum can be tried.
    knows_lsn: bool,
    /// Without: payload bytes of what looks like batches, and whether one of them says that some
    /// of those before it were durable.
    unplaced_bytes: u64,
    unplaced_rot: bool,
    /// The first bytes behind the damage, and how many there are. First lines of files that are
    /// ours do not count.
    head: Vec<u8>,
    len: u64,
    /// A file begins, and so much of its first line was seen.
    in_first_line: Option<usize>,
}

impl Scan {
    /// A search from damage at `damage_lsn` on, if that is known.
    pub(crate) fn new(damage_lsn: u64, knows_lsn: bool) -> Self {
        Self {
            buf: Vec::new(),
            buf_at: 0,
            at: 0,
            damage_lsn,
            lsn: None,
            epoch: 0,
            durable_lsn: 0,
            batches: 0,
            all_zero: true,
            vain_bytes: VAIN_BYTES_MAX,
            knows_lsn,
            unplaced_bytes: 0,
            unplaced_rot: false,
            head: Vec::new(),
            len: 0,
            in_first_line: None,
        }
    }

    /// The same, where the last life that had written before the damage was that of this epoch.
    pub(crate) fn of_epoch(self, epoch: u64) -> Self {
        Self { epoch, ..self }
    }

    /// Whether later batches say that what is damaged was durable.
    pub(crate) fn is_rot(&self) -> bool {
        self.durable_lsn > self.damage_lsn || self.unplaced_rot
    }

    /// Whether there was too much noise to tell.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.vain_bytes == 0
    }

    /// Whether any batch of ours was found.
    pub(crate) fn found_batch(&self) -> bool {
        self.batches > 0
    }

    /// Whether all there is may be left of the first line that a life of ours has written.
    pub(crate) fn is_torn_line(&self) -> bool {
        self.len == self.head.len() as u64 && frame::may_be_torn_lsn(&self.head, self.damage_lsn)
    }

    /// Batches of ours that were found.
    pub(crate) fn batches(&self) -> u64 {
        self.batches
    }

    /// Whether there was nothing but zeros.
    pub(crate) fn all_zero(&self) -> bool {
        self.all_zero
    }

    /// What of these bytes is not the line that a file of ours begins with.
    fn behind_first_line<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(seen) = self.in_first_line else { return bytes };
        let left = &frame::INCR_LINE[seen..];
        let len = left.len().min(bytes.len());
        if left[..len] != bytes[..len] {
            self.in_first_line = None;
            return bytes;
        }
        self.in_first_line = (len < left.len()).then_some(seen + len);
        &bytes[len..]
    }

    /// Looks at the next bytes; `is_end` at the end of a file, behind which nothing waits for what
    /// the next one begins with.
    pub(crate) fn push(&mut self, bytes: &[u8], is_end: bool) {
        let content = self.behind_first_line(bytes);
        self.all_zero &= content.iter().all(|&byte| byte == 0);
        let room = LINE_BYTES_MAX - self.head.len();
        self.head.extend_from_slice(&content[..room.min(content.len())]);
        self.len += content.len() as u64;
        if is_end {
            self.in_first_line = Some(0);
        }
        self.buf.extend_from_slice(bytes);
        while !self.is_exhausted()
            && let Some(skipped) = self.step(is_end)
        {
            self.at += skipped;
        }
        if self.is_exhausted() {
            self.at = self.buf.len();
        }
        self.buf_at += self.at as u64;
        self.buf.drain(..self.at);
        self.at = 0;
    }

    /// Looks at `at`; returns how many bytes are done with, `None` when more must be there.
    fn step(&mut self, is_end: bool) -> Option<usize> {
        let rest = &self.buf[self.at..];
        let hash = match rest.iter().position(|&byte| byte == b'#') {
            Some(0) => 0,
            Some(before) => return Some(before),
            None if rest.is_empty() => return None,
            None => return Some(rest.len()),
        };
        debug_assert_eq!(hash, 0);
        let line_max = rest.len().min(LINE_BYTES_MAX);
        let Some(len) = rest[..line_max].iter().position(|&byte| byte == b'\n') else {
            let may_go_on = rest.len() < LINE_BYTES_MAX && !is_end;
            return if may_go_on { None } else { Some(1) };
        };
        let line = &rest[..len];
        if let Some((lsn, epoch)) = frame::parse_lsn(line) {
            if lsn >= self.damage_lsn && epoch >= self.epoch {
                (self.lsn, self.epoch) = (Some(lsn), epoch);
            }
            return Some(1);
        }
        let Some(header) = Header::parse(line) else { return Some(1) };
        let payload = rest.get(len + 1..).unwrap_or_default();
        let Some(payload) = usize::try_from(header.len).ok().and_then(|len| payload.get(..len))
        else {
            // A broken header may claim any length: what lies in it is looked at in its own right.
            return if is_end || header.len > BATCH_BYTES_MAX { Some(1) } else { None };
        };
        if !looks_whole(payload) {
            return Some(1);
        }
        match self.lsn_of(&header, payload) {
            Ok((lsn, epoch)) => {
                self.batches += 1;
                self.epoch = epoch;
                let durable = header.undurable.map_or(0, |bytes| lsn - bytes.min(lsn));
                self.durable_lsn = self.durable_lsn.max(durable);
                self.lsn = Some(lsn + header.len);
                Some(len + header.len as usize)
            }
            Err(vain_bytes) => {
                self.vain_bytes = self.vain_bytes.saturating_sub(vain_bytes);
                if !self.knows_lsn {
                    let undurable = header.undurable;
                    self.unplaced_rot |= undurable.is_some_and(|bytes| bytes < self.unplaced_bytes);
                    self.unplaced_bytes += header.len;
                }
                Some(1)
            }
        }
    }

    /// The LSN at which a batch was written, and the epoch, if its checksum fits any that is
    /// possible; else the work that was done in vain. The line that told of a later epoch may be
    /// damaged; of an earlier one nothing counts any more.
    fn lsn_of(&self, header: &Header, payload: &[u8]) -> Result<(u64, u64), u64> {
        let epoch = header.epoch_from(self.epoch);
        if let Some(lsn) = self.lsn.filter(|&lsn| header.fits(payload, lsn, epoch)) {
            return Ok((lsn, epoch));
        }
        let most = self.damage_lsn + self.buf_at + self.at as u64;
        let least = self.damage_lsn.max(most.saturating_sub(LSNS_MAX));
        let found = header.lsn_among(payload, epoch, (least, most));
        found.map(|lsn| (lsn, epoch)).ok_or(header.len + TRY_BYTES)
    }
}

/// Whether this may be commands, from the first to the last.
fn looks_whole(payload: &[u8]) -> bool {
    payload.starts_with(b"*") && payload.ends_with(b"\r\n")
}

/// Batches that are longer are not looked for behind damage.
const BATCH_BYTES_MAX: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that was made to look like many batches, each in the one before it.
    #[test]
    fn work_in_vain_is_bounded() {
        let mut scan = Scan::new(0, true);
        scan.vain_bytes = 1 << 28;
        let nested = b"#AAAAAAJwz\n*\r\n".repeat(4000);
        let mut tried = 0;
        while !scan.is_exhausted() {
            scan.push(&nested, false);
            tried += 1;
            assert!(tried < 100, "{} are left", scan.vain_bytes);
        }
        assert!(!scan.found_batch() && !scan.is_rot());
        scan.push(&[b'#'; 1 << 20], true);
        assert!(scan.buf.is_empty(), "nothing is kept any more");
    }
}
