//! Bugs of what batches look like: the log is written in other batches than the core made.
//!
//! A write of whole batches is taken apart and written as others in its place, from the first byte
//! to the last, before the core hears of it. So the core never sees it fall short.

use std::collections::BTreeMap;

use seedis_core::io::FileId;
use seedis_core::{IoReq, IoResult, Now, Ticket};

use super::boundary::{Desk, Saboteur};
use super::ledger::Ledger;
use super::log_text::{At, Batch, is, part, to_bytes};
use crate::disk::{Crash, Disk};

/// What is done to batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    Mutated,
    FirstHalf,
    Split,
    OpenMulti,
    LsnRestarts,
    NoSelectInLife,
    AllDurable,
}

/// A bug in how batches are made.
#[derive(Debug)]
pub(super) struct Reframing {
    bug: Bug,
    ledger: Ledger,
    /// By how much the file is longer than the core believes.
    shifts: BTreeMap<FileId, i64>,
    /// The place in the log behind the last write to a file.
    places: BTreeMap<FileId, At>,
    /// The LSN of the first batch of this life.
    life_lsn: Option<u64>,
    has_selected: bool,
    writing: BTreeMap<Ticket, Writing>,
    batches: u64,
}

/// A write in place of another.
#[derive(Debug)]
struct Writing {
    ticket: Ticket,
    file: FileId,
    at: u64,
    bytes: Vec<u8>,
    from: usize,
    end: At,
    /// Where it is synced and said to be done; the rest follows.
    acknowledged_at: Option<usize>,
    is_syncing: bool,
    /// The core's own.
    theirs: Option<Theirs>,
}

#[derive(Debug)]
struct Theirs {
    bytes: Vec<u8>,
    from: usize,
}

impl Reframing {
    pub(super) fn of(bug: Bug) -> Self {
        Self {
            bug,
            ledger: Ledger::default(),
            shifts: BTreeMap::new(),
            places: BTreeMap::new(),
            life_lsn: None,
            has_selected: false,
            writing: BTreeMap::new(),
            batches: 0,
        }
    }

    fn write(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        let IoReq::WriteAt { file, at, bytes, from } = request else { return };
        let at = at.saturating_add_signed(self.shifts.get(&file).copied().unwrap_or(0));
        let theirs = &bytes[from..];
        let part = part(theirs, self.places.get(&file).copied());
        let (found, is_whole) = (part.batches, part.len == theirs.len());
        let Some(end) = part.end.filter(|_| is_whole && !found.is_empty()) else {
            // A life begins with a line that tells where it goes on.
            if let Some(end) = part.end.filter(|_| is_whole) {
                self.places.insert(file, end);
            }
            return desk.ask(ticket, IoReq::WriteAt { file, at, bytes, from });
        };
        self.life_lsn = self.life_lsn.or(Some(found[0].lsn));
        let new: Vec<Batch> = found.into_iter().flat_map(|batch| self.changed(batch)).collect();
        let acknowledged_at = match (&new[..], self.bug) {
            ([first, _, ..], Bug::FirstHalf) => Some(to_bytes(std::slice::from_ref(first)).len()),
            _ => None,
        };
        let writing = Writing {
            ticket,
            file,
            at,
            bytes: to_bytes(&new),
            from: 0,
            end,
            acknowledged_at,
            is_syncing: false,
            theirs: Some(Theirs { bytes, from }),
        };
        self.go_on(writing, desk);
    }

    fn go_on(&mut self, mut writing: Writing, desk: &mut Desk<'_>) {
        let Writing { file, at, from, .. } = writing;
        let to = writing.acknowledged_at.unwrap_or(writing.bytes.len());
        writing.is_syncing = from == to && writing.acknowledged_at.is_some();
        let request = if writing.is_syncing {
            IoReq::Sync { file }
        } else if from == to {
            return self.tell(&mut writing, desk);
        } else {
            let bytes = writing.bytes[from..to].to_vec();
            IoReq::WriteAt { file, at: at + from as u64, bytes, from: 0 }
        };
        let own = desk.ask_for_itself(request);
        self.writing.insert(own, writing);
    }

    /// The core hears that its write is done.
    fn tell(&mut self, writing: &mut Writing, desk: &mut Desk<'_>) {
        let Some(Theirs { bytes, from }) = writing.theirs.take() else { return };
        let count = bytes.len() - from;
        *self.shifts.entry(writing.file).or_default() += writing.bytes.len() as i64 - count as i64;
        self.places.insert(writing.file, writing.end);
        desk.tell(writing.ticket, IoResult::Written { count, bytes });
    }

    /// What is written in place of a batch.
    fn changed(&mut self, mut batch: Batch) -> Vec<Batch> {
        self.batches += 1;
        match self.bug {
            Bug::Mutated => {
                // A letter of the last argument.
                let at = batch.payload.len().saturating_sub(3);
                if self.batches.is_multiple_of(16) && batch.payload[at].is_ascii_lowercase() {
                    batch.payload[at] = b'z';
                }
                vec![batch]
            }
            Bug::FirstHalf | Bug::Split | Bug::OpenMulti => self.split(&batch),
            Bug::LsnRestarts => {
                batch.lsn -= self.life_lsn.unwrap_or(0).min(batch.lsn);
                vec![batch]
            }
            Bug::NoSelectInLife => {
                let mut commands = batch.commands();
                if !std::mem::replace(&mut self.has_selected, true) && is(&commands[0], "SELECT") {
                    // As long as what it replaces, so that no LSN moves.
                    commands[0][0] = b"EXISTS".to_vec();
                    batch.set(&commands);
                }
                vec![batch]
            }
            Bug::AllDurable => {
                batch.undurable = Some(0);
                vec![batch]
            }
        }
    }

    /// Each command is a batch of its own.
    fn split(&self, batch: &Batch) -> Vec<Batch> {
        let commands = batch.commands();
        let mut parts: Vec<Batch> = Vec::new();
        let mut lsn = batch.lsn;
        for words in &commands {
            let mut part = Batch { lsn, payload: Vec::new(), place: 0..0, ..batch.clone() };
            let is_around = is(words, "MULTI") || is(words, "EXEC");
            if self.bug != Bug::OpenMulti && is_around {
                // As long as what it replaces.
                let name: &[u8] = if is(words, "EXEC") { b"PING" } else { b"HELLO" };
                part.set(&[vec![name.to_vec()]]);
            } else {
                part.set(std::slice::from_ref(words));
            }
            if !parts.is_empty() {
                (part.names_lsn, part.undurable) = (false, None);
            }
            lsn = part.end_lsn();
            parts.push(part);
        }
        parts
    }
}

impl Saboteur for Reframing {
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
        let Some(mut writing) = self.writing.remove(&ticket) else {
            self.ledger.over(ticket);
            return desk.tell(ticket, result);
        };
        match result {
            IoResult::Written { count, .. } => writing.from += count,
            IoResult::NotWritten { error, .. } => {
                // The core asks again for all of it; what was said to be done goes on by itself.
                if let Some(Theirs { bytes, .. }) = writing.theirs.take() {
                    return desk.tell(writing.ticket, IoResult::NotWritten { error, bytes });
                }
            }
            IoResult::Done => {
                writing.acknowledged_at = None;
                self.tell(&mut writing, desk);
            }
            _ => {}
        }
        self.go_on(writing, desk);
    }

    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, _now: Now) {
        *self = Self { batches: self.batches, ..Self::of(self.bug) };
    }
}
