//! Bugs of appends: what becomes of a write that falls short, fails or is interrupted.
//!
//! The core believes one length of the file and the disk has another, so writes are moved by the
//! difference, as they would be by a server that appends at the end of the file.

use std::collections::BTreeMap;

use seedis_core::io::{FileId, IoError, IoErrorKind};
use seedis_core::{IoReq, IoResult, Now, Ticket};

use super::boundary::{Desk, Saboteur};
use super::ledger::{Asked, Ledger};
use super::reframing::{self, Reframing};
use super::table::Sabotage;
use crate::disk::{Crash, Disk};
use crate::finding::Invariant::{D1, D2, D3, D4, D5, D6, D8, L1, T3};

pub(super) const ROWS: &[Sabotage] = &[
    Sabotage {
        name: "short-write-rest-dropped",
        number: "16",
        fault: "short write, restart",
        caught_by: &[D1, D2, D3, D4, L1],
        words: "what a short write left over is not written; the next batch follows at once",
        plant: || Box::new(Appends::of(Bug::RestDropped)),
    },
    Sabotage {
        name: "short-write-leaves-hole",
        number: "16b",
        fault: "short write, restart",
        caught_by: &[D1, D2, D3, D4, L1],
        words: "a short write is taken for a whole one: zeros are left in the middle",
        plant: || Box::new(Appends::of(Bug::ShortHole)),
    },
    Sabotage {
        name: "short-write-repeated-whole",
        number: "17",
        fault: "short write, restart",
        caught_by: &[D1, D2, D3, D4, L1],
        words: "after a short write the whole batch is appended again",
        plant: || Box::new(Appends::of(Bug::RepeatedWhole)),
    },
    Sabotage {
        name: "failed-append-dropped",
        number: "18",
        fault: "failed write, restart",
        caught_by: &[D1, D2, D3, D4, L1],
        words: "a batch whose write failed is dropped, torn or not, and the next follows",
        plant: || Box::new(Appends::of(Bug::FailedDropped)),
    },
    Sabotage {
        name: "interrupted-append-counts",
        number: "20",
        fault: "EINTR, restart",
        caught_by: &[D1, D2, D3, D4, L1],
        words: "a write that a signal interrupted counts as done",
        plant: || Box::new(Appends::of(Bug::InterruptedCounts)),
    },
    Sabotage {
        name: "failed-append-leaves-hole",
        number: "21",
        fault: "failed write, then success, restart",
        caught_by: &[D1, D2, D3, D4, L1],
        words: "the offset moves when a write is asked for: a failed one leaves zeros",
        plant: || Box::new(Appends::of(Bug::FailedHole)),
    },
    Sabotage {
        name: "long-write-repeated-forever",
        number: "25",
        fault: "a system that takes 4 KiB at most",
        caught_by: &[L1],
        words: "a write that takes only a part is begun anew from its first byte, for ever",
        plant: || Box::new(Appends::of(Bug::Capped)),
    },
    Sabotage {
        name: "no-space-for-ever",
        number: "27",
        fault: "full disk, then space",
        caught_by: &[L1],
        words: "after the disk was full once the log is never written again",
        plant: || Box::new(Appends::of(Bug::FullForEver)),
    },
    Sabotage {
        name: "no-space-not-logged",
        number: "28",
        fault: "full disk, restart",
        caught_by: &[D1, D2, D3, D4, L1],
        words: "what was executed while the disk was full is never logged",
        plant: || Box::new(Appends::of(Bug::FullDropped)),
    },
    Sabotage {
        name: "append-to-the-old-file",
        number: "41b",
        fault: "rotation, restart",
        caught_by: &[D1, D2, D3, D4, D5, L1],
        words: "the first batch after a rotation still goes to the old file",
        plant: || Box::new(Appends::of(Bug::OldFile)),
    },
    Sabotage {
        name: "buffer-changed-in-flight",
        number: "26",
        fault: "restart",
        caught_by: &[D5],
        words: "a byte of a batch is overwritten between its checksum and its execution",
        plant: || Box::new(Reframing::of(reframing::Bug::Mutated)),
    },
    Sabotage {
        name: "first-half-acknowledged",
        number: "7",
        fault: "power loss between two halves of a turn",
        caught_by: &[D1, D2, D3, D4, D6],
        words: "the first half of a turn is synced and all of it is acknowledged",
        plant: || Box::new(Reframing::of(reframing::Bug::FirstHalf)),
    },
    Sabotage {
        name: "transaction-split",
        number: "23",
        fault: "torn write between two commands",
        caught_by: &[D6, T3, D5],
        words: "the commands of a transaction are batches of their own, without MULTI and EXEC",
        plant: || Box::new(Reframing::of(reframing::Bug::Split)),
    },
    Sabotage {
        name: "torn-transaction-left-open",
        number: "24",
        fault: "torn write in a transaction, restart, acknowledged writes, restart",
        caught_by: &[D1, D2, D3, D4, D5, D6, L1],
        words: "a tail torn inside of MULTI is cut after the last whole command",
        plant: || Box::new(Reframing::of(reframing::Bug::OpenMulti)),
    },
    Sabotage {
        name: "lsn-restarts",
        number: "60",
        fault: "two restarts",
        caught_by: &[D1, D2, D3, D4, D8, L1],
        words: "a life counts LSNs from zero again",
        plant: || Box::new(Reframing::of(reframing::Bug::LsnRestarts)),
    },
    Sabotage {
        name: "select-left-out-after-restart",
        number: "63",
        fault: "restart, a database that is not 0",
        caught_by: &[D5, T3],
        words: "a life goes on with the database that the last one left selected",
        plant: || Box::new(Reframing::of(reframing::Bug::NoSelectInLife)),
    },
    Sabotage {
        name: "everything-durable-in-headers",
        number: "12b",
        fault: "torn tail",
        caught_by: &[L1],
        words: "headers say that all before them was durable, which it was not",
        plant: || Box::new(Reframing::of(reframing::Bug::AllDurable)),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    RestDropped,
    ShortHole,
    RepeatedWhole,
    FailedDropped,
    InterruptedCounts,
    FailedHole,
    Capped,
    FullForEver,
    FullDropped,
    OldFile,
}

/// A bug in the handling of writes to the log.
#[derive(Debug)]
struct Appends {
    bug: Bug,
    ledger: Ledger,
    /// By how much the file is longer than the core believes.
    shifts: BTreeMap<FileId, i64>,
    ends: BTreeMap<FileId, u64>,
    last: Option<FileId>,
    is_full: bool,
    /// Writes of a part, and what they stand for.
    capped: BTreeMap<Ticket, (Ticket, Vec<u8>)>,
}

/// Bytes of a write that the system takes.
const CAP_BYTES: usize = 4096;

impl Appends {
    fn of(bug: Bug) -> Self {
        Self {
            bug,
            ledger: Ledger::default(),
            shifts: BTreeMap::new(),
            ends: BTreeMap::new(),
            last: None,
            is_full: false,
            capped: BTreeMap::new(),
        }
    }

    fn write(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        let IoReq::WriteAt { file, at, mut bytes, from } = request else { return };
        let shift = self.shifts.get(&file).copied().unwrap_or(0);
        let at = at.saturating_add_signed(shift);
        let is_new = self.last.replace(file).is_some_and(|last| last != file);
        if self.bug == Bug::OldFile && is_new {
            return self.write_to_old(ticket, file, bytes, from, desk);
        }
        if self.bug == Bug::FullForEver && self.is_full {
            let error = IoError::other("No space left on device");
            return desk.tell(ticket, IoResult::NotWritten { error, bytes });
        }
        if self.bug == Bug::Capped && bytes.len() - from > CAP_BYTES {
            let part = bytes[from..from + CAP_BYTES].to_vec();
            let own = desk.ask_for_itself(IoReq::WriteAt { file, at, bytes: part, from: 0 });
            self.capped.insert(own, (ticket, bytes));
            return;
        }
        self.ends.insert(file, at + (bytes.len() - from) as u64);
        bytes.shrink_to_fit();
        desk.ask(ticket, IoReq::WriteAt { file, at, bytes, from });
    }

    /// The new file gets nothing, and the old one what was meant for it.
    fn write_to_old(
        &mut self,
        ticket: Ticket,
        file: FileId,
        bytes: Vec<u8>,
        from: usize,
        desk: &mut Desk<'_>,
    ) {
        let count = bytes.len() - from;
        let old = self.ends.iter().rfind(|(old, _)| **old < file);
        if let Some((old, end)) = old {
            let bytes = bytes.clone();
            desk.ask_for_itself(IoReq::WriteAt { file: *old, at: *end, bytes, from });
        }
        self.shift(file, -(count as i64));
        desk.tell(ticket, IoResult::Written { count, bytes });
    }

    fn shift(&mut self, file: FileId, by: i64) {
        *self.shifts.entry(file).or_default() += by;
    }

    /// What the core is told of a write of `len` bytes.
    fn written(&mut self, file: FileId, len: usize, result: IoResult) -> IoResult {
        let whole = |bytes| IoResult::Written { count: len, bytes };
        match result {
            IoResult::Written { count, bytes } if count < len => match self.bug {
                Bug::RestDropped => {
                    self.shift(file, count as i64 - len as i64);
                    whole(bytes)
                }
                Bug::ShortHole => whole(bytes),
                Bug::RepeatedWhole => {
                    self.shift(file, count as i64);
                    let error = IoError { kind: IoErrorKind::Interrupted, words: String::new() };
                    IoResult::NotWritten { error, bytes }
                }
                _ => IoResult::Written { count, bytes },
            },
            IoResult::NotWritten { error, bytes } => {
                let is_interrupted = error.kind == IoErrorKind::Interrupted;
                let is_space = error.words.contains("space");
                self.is_full |= is_space;
                let is_dropped = match self.bug {
                    Bug::FailedDropped => !is_interrupted,
                    Bug::FullDropped => is_space,
                    Bug::InterruptedCounts => is_interrupted,
                    _ => false,
                };
                if is_dropped {
                    self.shift(file, -(len as i64));
                }
                if is_dropped || self.bug == Bug::FailedHole && !is_interrupted {
                    return whole(bytes);
                }
                IoResult::NotWritten { error, bytes }
            }
            other => other,
        }
    }
}

impl Saboteur for Appends {
    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        self.ledger.note(ticket, &request);
        match request {
            IoReq::WriteAt { file, .. } if self.ledger.is_log(file) => {
                self.write(ticket, request, desk);
            }
            other => desk.ask(ticket, other),
        }
    }

    fn completion(&mut self, ticket: Ticket, result: IoResult, desk: &mut Desk<'_>) {
        if let Some((ticket, bytes)) = self.capped.remove(&ticket) {
            let error = IoError { kind: IoErrorKind::Interrupted, words: String::new() };
            return desk.tell(ticket, IoResult::NotWritten { error, bytes });
        }
        let result = match self.ledger.over(ticket) {
            Some(Asked::Write { file, len, .. }) => self.written(file, len, result),
            _ => result,
        };
        desk.tell(ticket, result);
    }

    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, _now: Now) {
        self.ledger.forget();
        self.shifts.clear();
        self.ends.clear();
        self.capped.clear();
        (self.last, self.is_full) = (None, false);
    }
}
