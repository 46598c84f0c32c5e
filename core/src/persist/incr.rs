//! One incremental file: batches on their way to it, and what of them the disk has.
//!
//! Batches are written one after the other at known offsets, so that a write that failed or fell
//! short goes on where it stopped and leaves nothing in the middle. Several syncs may be under way;
//! each covers the writes that had completed when it was asked for, and counts only when all asked
//! for before it have succeeded. When one fails, this file is not trusted again: what had not been
//! synced by then may be lost whatever a later sync says (see "fsyncgate", PostgreSQL, 2018).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::io::{FileId, Ticket};

/// Framed bytes that are to be written.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    /// Where in `bytes` what is still to be written begins.
    pub(crate) from: usize,
    /// The log's end behind this batch.
    pub(crate) end_lsn: u64,
}

impl Batch {
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.from
    }
}

/// A write that is under way: its buffer is with the shell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    pub(crate) from: usize,
    pub(crate) end_lsn: u64,
}

/// A sync that is under way or waits for those before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Syncing {
    ticket: Ticket,
    /// It covers the log up to here.
    lsn: u64,
    pub(crate) asked_ns: u64,
    is_done: bool,
    /// No other was under way when it was asked for.
    was_alone: bool,
}

/// An incremental file.
#[derive(Debug)]
pub(crate) struct Incr {
    pub(crate) id: FileId,
    pub(crate) start_lsn: u64,
    /// Where it ends, once another file goes on.
    pub(crate) end_lsn: Option<u64>,
    /// Bytes written.
    pub(crate) len: u64,
    /// Its next batch begins with a line that tells its LSN.
    pub(crate) names_lsn: bool,
    pub(crate) queue: VecDeque<Batch>,
    pub(crate) queued_bytes: usize,
    pub(crate) writing: Option<Writing>,
    pub(crate) written_lsn: u64,
    syncs: VecDeque<Syncing>,
    /// The highest LSN that a sync was asked for.
    pub(crate) asked_lsn: u64,
    pub(crate) synced_lsn: u64,
    /// A sync failed.
    pub(crate) is_distrusted: bool,
}

impl Incr {
    /// A file of `len` bytes that holds the log from `start_lsn` to `end_lsn`, durably.
    pub(crate) fn new(id: FileId, start_lsn: u64, end_lsn: u64, len: u64) -> Self {
        Self {
            id,
            start_lsn,
            end_lsn: None,
            len,
            names_lsn: true,
            queue: VecDeque::new(),
            queued_bytes: 0,
            writing: None,
            written_lsn: end_lsn,
            syncs: VecDeque::new(),
            asked_lsn: end_lsn,
            synced_lsn: end_lsn,
            is_distrusted: false,
        }
    }

    /// Adds a batch.
    pub(crate) fn push(&mut self, batch: Batch) {
        self.queued_bytes += batch.left();
        self.queue.push_back(batch);
    }

    /// Takes all batches to be written, as one, unless a write is under way.
    pub(crate) fn next_write(&mut self) -> Option<Batch> {
        let mut batch = self.first_queued()?;
        for more in self.queue.drain(..) {
            batch.bytes.extend_from_slice(&more.bytes[more.from..]);
            batch.end_lsn = more.end_lsn;
        }
        Some(self.begin(batch))
    }

    /// Takes the line that a life begins with, or what is left of it, to be written alone.
    pub(crate) fn next_write_of_line(&mut self) -> Option<Batch> {
        let line = self.first_queued()?;
        Some(self.begin(line))
    }

    /// Takes what is to be written first, unless a write is under way.
    fn first_queued(&mut self) -> Option<Batch> {
        if self.writing.is_some() { None } else { self.queue.pop_front() }
    }

    /// From now on this is being written, and no longer queued.
    fn begin(&mut self, batch: Batch) -> Batch {
        self.queued_bytes -= batch.left();
        self.writing = Some(Writing { from: batch.from, end_lsn: batch.end_lsn });
        batch
    }

    /// Puts the rest of a write back, before everything else.
    pub(crate) fn put_back(&mut self, bytes: Vec<u8>, writing: Writing) {
        let batch = Batch { bytes, from: writing.from, end_lsn: writing.end_lsn };
        self.queued_bytes += batch.left();
        self.queue.push_front(batch);
    }

    /// Whether everything that was given to it is written.
    pub(crate) fn is_drained(&self) -> bool {
        self.writing.is_none() && self.queue.is_empty()
    }

    /// Whether nothing is outstanding.
    pub(crate) fn is_idle(&self) -> bool {
        self.writing.is_none() && self.syncs.is_empty()
    }

    /// Syncs under way.
    pub(crate) fn syncs(&self) -> usize {
        self.syncs.len()
    }

    /// When the oldest sync under way was asked for.
    pub(crate) fn syncing_since_ns(&self) -> Option<u64> {
        self.syncs.front().map(|sync| sync.asked_ns)
    }

    /// Whether something was written that no sync covers.
    pub(crate) fn wants_sync(&self) -> bool {
        !self.is_distrusted && self.asked_lsn < self.written_lsn
    }

    /// A sync was asked for.
    pub(crate) fn sync_asked(&mut self, ticket: Ticket, now_ns: u64) {
        let was_alone = self.syncs.is_empty();
        let sync =
            Syncing { ticket, lsn: self.written_lsn, asked_ns: now_ns, is_done: false, was_alone };
        self.asked_lsn = sync.lsn;
        self.syncs.push_back(sync);
    }

    /// A sync succeeded; returns how long it took, and whether it began alone.
    pub(crate) fn sync_done(&mut self, ticket: Ticket, now_ns: u64) -> Option<(u64, bool)> {
        let sync = self.syncs.iter_mut().find(|sync| sync.ticket == ticket)?;
        sync.is_done = true;
        let facts = (now_ns - sync.asked_ns, sync.was_alone);
        self.count_syncs();
        Some(facts)
    }

    /// Counts the syncs that have succeeded and wait for none before them.
    fn count_syncs(&mut self) {
        while let Some(sync) = self.syncs.pop_front_if(|sync| sync.is_done) {
            if !self.is_distrusted {
                self.synced_lsn = sync.lsn;
            }
        }
    }

    /// A sync failed, or was interrupted and has to be asked for again.
    pub(crate) fn sync_failed(&mut self, ticket: Ticket, is_interrupted: bool) {
        self.is_distrusted |= !is_interrupted;
        // Those asked for later cover what this one should have, if it was only interrupted.
        self.syncs.retain(|sync| sync.ticket != ticket);
        self.count_syncs();
        self.asked_lsn = self.synced_lsn;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two syncs under way, of which the second has succeeded.
    fn second_is_done() -> Incr {
        let mut file = Incr::new(FileId(1), 0, 0, 0);
        for (number, lsn) in [(1, 10), (2, 20)] {
            file.written_lsn = lsn;
            file.sync_asked(Ticket(number), 0);
        }
        assert!(file.sync_done(Ticket(2), 5).is_some());
        assert_eq!((file.synced_lsn, file.syncs()), (0, 2), "it waits for the first");
        file
    }

    #[test]
    fn a_sync_counts_when_the_one_before_it_was_only_interrupted() {
        let mut file = second_is_done();
        file.sync_failed(Ticket(1), true);
        assert_eq!((file.synced_lsn, file.syncs(), file.wants_sync()), (20, 0, false));
        file.written_lsn = 30;
        assert!(file.wants_sync());
    }

    #[test]
    fn no_sync_counts_behind_one_that_failed() {
        let mut file = second_is_done();
        file.sync_failed(Ticket(1), false);
        assert_eq!((file.synced_lsn, file.is_idle(), file.wants_sync()), (0, true, false));
    }
}
