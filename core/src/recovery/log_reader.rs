//! The bytes of an incremental file, turned into commands that may be executed.
//!
//! Bytes come in pieces of any size; what comes out are runs of whole commands that are known to be
//! what was written: a batch of ours once its checksum fits, commands that stock Redis appended
//! once they parse and no transaction is open. Anything else is damage, told with its offset; what
//! it means, a torn tail or rot, is not decided here.

use alloc::vec::Vec;
use core::ops::Range;

use crate::log::frame::{self, Header};
use crate::resp::parse::{self, Limits, Parsed};

/// Bytes of an annotation at most, as in Redis.
const LINE_BYTES_MAX: usize = 1024;

/// Commands of stock Redis are executed in runs of about so many bytes.
const RUN_BYTES: usize = 128 << 10;

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Commands, by their places in [`LogReader::bytes`]; all of them are done before the next.
    Run(Vec<Range<usize>>),
    /// Nothing before more bytes are there.
    More,
    /// The file ends here, between two commands.
    End,
    /// What follows is not what was written.
    Damage(Damage),
}

/// Where a file stops being what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Offset in the file: everything before it is whole.
    pub(crate) at: u64,
    /// The log's LSN there.
    pub(crate) lsn: u64,
    pub(crate) kind: DamageKind,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DamageKind {
    /// The file ends inside of a command, a batch or a transaction.
    Torn,
    /// A batch does not match its checksum.
    Checksum,
    /// Neither a command nor an annotation.
    Format,
    /// The log goes on at another LSN: something between is missing.
    Gap,
    /// An earlier life has written it, and what it wrote from here on was given up.
    Stale,
}

impl DamageKind {
    /// For people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Torn => "it ends inside of a batch, a command or a transaction",
            Self::Checksum => "a batch does not match its checksum",
            Self::Format => "neither a command nor an annotation",
            Self::Stale => "it is of an earlier start, and was cut off",
            Self::Gap => "the log goes on at another LSN: something between is missing",
        }
    }
}

/// A file that is being read.
#[derive(Debug, Default)]
pub(crate) struct LogReader {
    buf: Vec<u8>,
    /// What of `buf` is done with.
    at: usize,
    /// Offset of `buf` in the file.
    file_at: u64,
    /// Length of the file.
    file_len: u64,
    /// So many bytes must be there from `at` on before another look is worth while. What is not
    /// whole waits until there is twice as much of it, so that no byte is looked at often.
    need: usize,
    /// The log's LSN at `at`.
    lsn: u64,
    knows_lsn: bool,
    /// The life that wrote what comes next.
    epoch: u64,
    /// It has batches of ours, or should have.
    pub(crate) has_frames: bool,
    /// What comes next goes on with commands of stock Redis.
    is_foreign: bool,
    /// Batches of ours that were whole.
    pub(crate) batches: u64,
    /// What `Found::Run` stands for.
    run_end: usize,
    run_lsn: u64,
}

impl LogReader {
    /// A reader of a file of `file_len` bytes from `file_at` on; the log before it ends at `lsn`,
    /// if that is known. `has_frames` when it is known that all of it is ours.
    pub(crate) fn new(
        file_at: u64,
        file_len: u64,
        lsn: u64,
        knows_lsn: bool,
        has_frames: bool,
    ) -> Self {
        Self { file_at, file_len, lsn, knows_lsn, has_frames, run_lsn: lsn, ..Self::default() }
    }

    /// The same, for a log whose last writer before was the life of this epoch.
    pub(crate) fn of_epoch(self, epoch: u64) -> Self {
        Self { epoch, ..self }
    }

    /// The last life that wrote to it so far.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The log's end so far.
    pub(crate) fn lsn(&self) -> u64 {
        self.lsn
    }

    /// Whether an annotation told where in the log the file is.
    pub(crate) fn knows_lsn(&self) -> bool {
        self.knows_lsn
    }

    /// The bytes that [`Found::Run`] points into.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buf
    }

    /// Offset in the file of a place in [`LogReader::bytes`].
    pub(crate) fn offset_of(&self, place: usize) -> u64 {
        self.file_at + place as u64
    }

    /// Offset in the file of what comes next.
    pub(crate) fn offset(&self) -> u64 {
        self.offset_of(self.at)
    }

    /// What was pushed and is not done with.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.buf[self.at..]
    }

    /// Adds the next bytes of the file.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buf.drain(..self.at);
        self.file_at += self.at as u64;
        // What was skipped since may lie beyond the run.
        self.run_end = self.run_end.saturating_sub(self.at);
        self.at = 0;
        self.buf.extend_from_slice(bytes);
    }

    /// The run that was found last has been executed.
    pub(crate) fn run_is_done(&mut self) {
        self.at = self.run_end;
        self.lsn = self.run_lsn;
        self.need = 0;
    }

    /// What comes next; `is_end` when no more bytes will be pushed.
    pub(crate) fn next(&mut self, is_end: bool) -> Found {
        if !is_end && self.rest().len() < self.need {
            return Found::More;
        }
        loop {
            let rest = &self.buf[self.at..];
            match rest.first() {
                None if is_end => return Found::End,
                None => return Found::More,
                Some(b'#') => {
                    if let Some(found) = self.annotation(is_end) {
                        return found;
                    }
                }
                // A file of ours begins with a line, whoever has written behind it.
                Some(b'*') if self.has_frames && self.offset() == 0 => {
                    return self.damage(DamageKind::Format);
                }
                Some(b'*') => return self.foreign(is_end),
                Some(_) => return self.damage(DamageKind::Format),
            }
        }
    }

    fn damage(&self, kind: DamageKind) -> Found {
        Found::Damage(Damage { at: self.file_at + self.at as u64, lsn: self.lsn, kind })
    }

    fn torn_or_more(&mut self, is_end: bool, need: usize) -> Found {
        if is_end {
            return self.damage(DamageKind::Torn);
        }
        self.need = need;
        Found::More
    }

    /// Reads the annotation at `at`; `None` when it was skipped.
    fn annotation(&mut self, is_end: bool) -> Option<Found> {
        let rest = &self.buf[self.at..];
        let line_max = rest.len().min(LINE_BYTES_MAX);
        let Some(len) = rest[..line_max].iter().position(|&byte| byte == b'\n') else {
            if rest.len() > LINE_BYTES_MAX {
                return Some(self.damage(DamageKind::Format));
            }
            return Some(self.torn_or_more(is_end, self.rest().len() + 1));
        };
        let line = &rest[..len];
        if let Some((lsn, epoch)) = frame::parse_lsn(line) {
            if self.knows_lsn && lsn != self.lsn {
                return Some(self.damage(DamageKind::Gap));
            }
            if epoch < self.epoch {
                return Some(self.damage(DamageKind::Stale));
            }
            (self.lsn, self.knows_lsn, self.has_frames) = (lsn, true, true);
            self.epoch = epoch;
        } else if let Some(header) = Header::parse(line) {
            return Some(self.batch(header, len + 1, is_end));
        } else if line.starts_with(frame::LSN_LINE)
            || self.has_frames && !is_timestamp(line) && !self.is_first_line(&rest[..=len])
        {
            return Some(self.damage(DamageKind::Format));
        }
        self.at += len + 1;
        None
    }

    /// Whether it is that of an incremental file.
    fn is_first_line(&self, line: &[u8]) -> bool {
        line == frame::INCR_LINE && self.offset() == 0
    }

    /// The batch behind a header of `line` bytes.
    fn batch(&mut self, header: Header, line: usize, is_end: bool) -> Found {
        let start = self.at + line;
        let left = self.file_len.saturating_sub(self.file_at + start as u64);
        if header.len > left {
            return self.damage(DamageKind::Torn);
        }
        let end = start + header.len as usize;
        let Some(payload) = self.buf.get(start..end) else {
            return self.torn_or_more(is_end, end - self.at);
        };
        if !header.fits(payload, self.lsn, self.epoch) {
            return self.damage(DamageKind::Checksum);
        }
        (self.has_frames, self.is_foreign) = (true, false);
        self.batches += 1;
        self.run_end = end;
        self.run_lsn = self.lsn + header.len;
        Found::Run(core::iter::once(start..end).collect())
    }

    /// Commands without a batch around them: stock Redis appended them. It names its database
    /// first; in a file of ours anything else is old blocks of a file of commands, which a power
    /// loss may leave where something had not been synced.
    fn foreign(&mut self, is_end: bool) -> Found {
        let mut commands = Foreign::new(self.at);
        let limits = Limits { bulk_bytes_max: u64::MAX, authenticated: true };
        let stop = loop {
            if commands.whole_to - self.at >= RUN_BYTES {
                break None;
            }
            match self.buf.get(commands.next) {
                None => break Some(self.torn_or_more(is_end, 2 * self.rest().len())),
                Some(b'#') if commands.in_transaction => {
                    let rest = &self.buf[commands.next..];
                    match rest.iter().position(|&byte| byte == b'\n') {
                        Some(len) => commands.skip(len + 1),
                        None => break Some(self.torn_or_more(is_end, 2 * self.rest().len())),
                    }
                }
                Some(b'*') => match commands.parse(&self.buf, limits) {
                    Ok(true) => {}
                    Ok(false) => break Some(self.torn_or_more(is_end, 2 * self.rest().len())),
                    Err(()) => break Some(self.damage(DamageKind::Format)),
                },
                Some(b'#') => break None,
                Some(_) => break Some(self.damage(DamageKind::Format)),
            }
        };
        if commands.whole_to == self.at {
            return stop.unwrap_or_else(|| self.damage(DamageKind::Format));
        }
        if self.has_frames && !self.is_foreign && !commands.begins_as_redis_does {
            return self.damage(DamageKind::Format);
        }
        self.is_foreign = true;
        commands.cut_to_whole();
        self.run_end = commands.whole_to;
        let bytes: usize = commands.ranges.iter().map(Range::len).sum();
        self.run_lsn = self.lsn + bytes as u64;
        Found::Run(commands.ranges)
    }
}

/// Whether a line is `#TS:` and a number: torn, it may hide the header behind it.
fn is_timestamp(line: &[u8]) -> bool {
    let digits = line.strip_prefix(b"#TS:").and_then(|rest| rest.strip_suffix(b"\r"));
    digits.is_some_and(|digits| {
        let digits = digits.strip_prefix(b"-").unwrap_or(digits);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    })
}

/// Commands that are being collected.
struct Foreign {
    ranges: Vec<Range<usize>>,
    next: usize,
    in_transaction: bool,
    /// Up to here everything is whole, and no transaction is open.
    whole_to: usize,
    whole_ranges: usize,
    begins_as_redis_does: bool,
}

impl Foreign {
    fn new(at: usize) -> Self {
        Self {
            ranges: Vec::new(),
            next: at,
            in_transaction: false,
            whole_to: at,
            whole_ranges: 0,
            begins_as_redis_does: false,
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.next += bytes;
    }

    /// Leaves out a transaction that is not closed.
    fn cut_to_whole(&mut self) {
        self.ranges.truncate(self.whole_ranges);
        if let Some(last) = self.ranges.last_mut() {
            last.end = last.end.min(self.whole_to);
        }
    }

    /// Takes the command at `next`; `false` when it is not whole.
    fn parse(&mut self, buf: &[u8], limits: Limits) -> Result<bool, ()> {
        let (mut spans, mut words, mut partial) = (Vec::new(), Vec::new(), None);
        match parse::parse(buf, self.next, &mut spans, &mut words, &mut partial, limits) {
            Ok(Parsed::Request { end }) => {
                let name =
                    spans.first().map(|span| &buf[span.start as usize..][..span.len as usize]);
                self.add(name.unwrap_or_default(), end);
                Ok(true)
            }
            Ok(Parsed::Incomplete { .. }) => Ok(false),
            _ => Err(()),
        }
    }

    fn add(&mut self, name: &[u8], end: usize) {
        let start = self.next;
        if self.ranges.is_empty() {
            let is_it = |first: &[u8]| name.eq_ignore_ascii_case(first);
            self.begins_as_redis_does = is_it(b"select") || is_it(b"multi");
        }
        match self.ranges.last_mut().filter(|last| last.end == start) {
            Some(last) => last.end = end,
            None => self.ranges.push(start..end),
        }
        self.next = end;
        if name.eq_ignore_ascii_case(b"multi") {
            self.in_transaction = true;
        } else if name.eq_ignore_ascii_case(b"exec") {
            self.in_transaction = false;
        }
        if !self.in_transaction {
            self.whole_to = end;
            self.whole_ranges = self.ranges.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn framed(payload: &[u8], lsn: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        Header::of(payload, lsn, 0, None).write(&mut bytes);
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn bytes_may_end_after_an_annotation_that_follows_a_batch() {
        let command = b"*1\r\n$4\r\nPING\r\n";
        let first = [&framed(command, 0)[..], b"#TS:1\r\n"].concat();
        let second = framed(command, command.len() as u64);
        let mut reader = LogReader::new(0, (first.len() + second.len()) as u64, 0, true, false);
        reader.push(&first);
        for more in [true, false] {
            assert!(matches!(reader.next(false), Found::Run(_)));
            reader.run_is_done();
            assert!(matches!(reader.next(!more), Found::More | Found::End));
            reader.push(if more { &second } else { b"" });
        }
        assert_eq!(reader.lsn(), 2 * command.len() as u64);
    }

    /// Each piece alone does not make it worth while to parse from the beginning again.
    #[test]
    fn a_transaction_that_stays_open_is_not_parsed_with_every_piece() {
        let mut reader = LogReader::new(0, u64::MAX, 0, true, false);
        reader.push(b"*1\r\n$5\r\nMULTI\r\n");
        let mut looks = 0;
        for _ in 0..4096 {
            reader.push(b"*1\r\n$4\r\nPING\r\n");
            looks += u32::from(reader.rest().len() >= reader.need);
            assert_eq!(reader.next(false), Found::More);
        }
        assert!((8..16).contains(&looks), "{looks}");
        reader.push(b"*1\r\n$4\r\nEXEC\r\n");
        assert!(matches!(reader.next(true), Found::Run(_)));
    }
}
