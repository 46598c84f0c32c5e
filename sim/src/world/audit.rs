//! What the core writes to the log, held against FORMATS.md while it is written.
//!
//! A core that writes and reads a wrong format alike would never lose anything here, and could not
//! be read by the next build, nor by stock Redis. So a hand that shares no code with it
//! ([`log_text`]) reads each write and each manifest: checksums, places in the log, epochs, what
//! was durable, when it was, how transactions are wrapped, and that nothing is there but that. The
//! hard case is a write that goes on where one before it fell short: what both have in common must
//! be the same bytes, and only the rest is read.

use std::collections::{BTreeMap, VecDeque};

use seedis_core::io::{Dir, FileId, Name, OpenMode};
use seedis_core::{Core, IoReq, Now};

use super::Timeline;
use crate::disk::Disk;
use crate::finding::Invariant::F1;
use crate::finding::{check, found};
use crate::sabotage::log_text::{
    At, Batch, Listed, annotations, is, listed, manifest, manifest_of, part, write_command,
};
use crate::workload::Scope;

/// Turns that are remembered until what they logged is written.
const TURNS_MAX: usize = 100_000;

/// What is known of the log of one life.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    files: BTreeMap<FileId, Written>,
    epoch: Option<u64>,
    /// It has read files; one that has not counts itself as 0.
    has_recovered: bool,
    /// Nobody changes what the log tells while it grows.
    is_modelled: bool,
    /// What turns have logged, by the end of it in the log.
    turns: VecDeque<Logged>,
    has_forgotten: bool,
    /// What this turn writes.
    fresh: Vec<(Batch, Option<i64>)>,
    /// The end of the last batch, how much it told to be durable, and which second it was.
    end_lsn: u64,
    told_lsn: u64,
    told_s: Option<i64>,
}

/// An incremental file of this life.
#[derive(Debug, Default)]
struct Written {
    /// Where the last write begins, and all of it.
    last: (u64, Vec<u8>),
    /// The place in the log behind it.
    end: Option<At>,
    /// The database that the last command of this life was for.
    db: Option<Vec<u8>>,
}

/// What a turn has logged.
#[derive(Debug)]
struct Logged {
    end_lsn: u64,
    payload: Vec<u8>,
    durable: u64,
    is_logging: bool,
    /// The second, if batches tell it.
    second: Option<i64>,
}

impl Audit {
    /// Of a life that begins, with reading files or without.
    pub(crate) fn new(has_recovered: bool, scope: Scope) -> Self {
        Self { has_recovered, is_modelled: scope == Scope::Modelled, ..Self::default() }
    }

    /// The core asks for this.
    pub(crate) fn asked(&mut self, request: &IoReq, disk: &Disk) {
        match request {
            IoReq::Open { file, name: Name::In(Dir::Aof, name), mode }
                if *mode != OpenMode::Read && name.ends_with(b".incr.aof") =>
            {
                // Who has read no files knows none.
                if *mode != OpenMode::Write && self.has_recovered {
                    check_is_new(name, disk);
                }
                self.files.insert(*file, Written::default());
            }
            IoReq::Close { file } => {
                self.files.remove(file);
            }
            IoReq::Truncate { file, .. } => {
                self.files.entry(*file).and_modify(|file| *file = Written::default());
            }
            IoReq::WriteAt { file, at, bytes, from } => self.wrote(*file, *at, &bytes[*from..]),
            IoReq::Replace { name, bytes } if *name == manifest() => self.listed(bytes, disk),
            _ => {}
        }
    }

    fn wrote(&mut self, file: FileId, at: u64, bytes: &[u8]) {
        let Some(file) = self.files.get_mut(&file) else { return };
        let new = file.go_on(at, bytes);
        let names_lsn = file.end.is_none();
        let part = part(&new, file.end);
        check(part.len == new.len(), F1, || {
            format!("not as it should be from byte {} on: {}", part.len, Timeline::shown(&new))
        });
        file.end = part.end;
        file.last = (at, bytes.to_vec());
        for (number, batch) in part.batches.into_iter().enumerate() {
            let must = names_lsn && number == 0;
            check(batch.names_lsn == must, F1, || {
                format!("a batch tells its LSN: {}, must: {must}", batch.names_lsn)
            });
            file.check_commands(&batch);
            let second = second_of(&new[batch.place.clone()]);
            self.fresh.push((batch, second));
        }
        let Some(At { epoch, .. }) = file.end else {
            // The line that it begins with.
            return;
        };
        let life = *self.epoch.get_or_insert(epoch);
        check(epoch == life && (epoch > 0) == self.has_recovered, F1, || {
            format!("epoch {epoch} in the life {life}")
        });
    }

    /// A turn is over, which has logged this.
    pub(crate) fn turn_ended(&mut self, core: &Core, logged: &[u8], now: Now) {
        let marks = core.watermarks();
        let second = core.config().aof_timestamp_enabled.then(|| now.wall_ms().div_euclid(1000));
        if !logged.is_empty() {
            let (end_lsn, payload, durable) = (marks.enqueued, logged.to_vec(), marks.durable);
            let is_logging = marks.is_logging;
            self.turns.push_back(Logged { end_lsn, payload, durable, is_logging, second });
        }
        if self.turns.len() > TURNS_MAX {
            self.turns.pop_front();
            self.has_forgotten = true;
        }
        for (batch, second) in std::mem::take(&mut self.fresh) {
            self.check_batch(&batch, second);
        }
    }

    fn check_batch(&mut self, batch: &Batch, second: Option<i64>) {
        let is_its = |turn: &Logged| turn.end_lsn == batch.end_lsn();
        let Some(at) = self.turns.iter().position(is_its) else {
            check(self.has_forgotten, F1, || format!("no turn has logged up to {}", batch.lsn));
            return;
        };
        let turn = self.turns.remove(at).expect("it was found there");
        check(turn.payload == batch.payload, F1, || "a batch is not what a turn logged".into());
        let is_late = batch.end_lsn() <= self.end_lsn;
        self.end_lsn = self.end_lsn.max(batch.end_lsn());
        self.check_durable(batch, &turn, is_late);
        let is_told = second.or(self.told_s) == turn.second;
        // What was made before the first batch of a file may be written later.
        let is_open = is_late || !self.is_modelled || batch.names_lsn && second.is_none();
        check(is_told || is_open, F1, || {
            format!("it tells the time {second:?}, it was {:?}", turn.second)
        });
        // One that comes late lies in a file that the log has left.
        if !is_late {
            self.told_s = turn.second.or(self.told_s);
        }
    }

    /// A batch tells what was durable when it was made, unless one before it has.
    fn check_durable(&mut self, batch: &Batch, turn: &Logged, is_late: bool) {
        let told = batch.undurable.map(|undurable| batch.lsn - undurable.min(batch.lsn));
        self.told_lsn = self.told_lsn.max(told.unwrap_or(0));
        // Where the log was switched off behind it nobody knows any more.
        let is_so = match told {
            _ if !turn.is_logging => true,
            Some(told) => told == turn.durable.min(batch.lsn),
            None => !batch.names_lsn && (is_late || turn.durable <= self.told_lsn),
        };
        check(is_so, F1, || {
            format!(
                "at {} a batch tells that {told:?} are durable, {} were, and {} were told",
                batch.lsn, turn.durable, self.told_lsn
            )
        });
    }

    /// A manifest is to replace the one on the disk.
    fn listed(&self, bytes: &[u8], disk: &Disk) {
        let (new, old) = (listed(bytes), disk.content(&manifest()).unwrap_or_default());
        check(manifest_of(&new) == bytes, F1, || {
            format!("no manifest: {}", Timeline::shown(bytes))
        });
        // History is in no order.
        let number = |file: &Listed| if file.kind == 'i' { file.seq } else { 0 };
        let order = |file: &Listed| ("bhi".find(file.kind), number(file));
        check(new.is_sorted_by_key(order), F1, || format!("files in a wrong order: {new:?}"));
        check(new.iter().filter(|file| file.kind == 'b').count() < 2, F1, || "two bases".into());
        let known = listed(old);
        let is_known = manifest_of(&known) == old;
        for file in known.iter().filter(|_| is_known && self.has_recovered) {
            let is_named = new.iter().any(|it| it.name == file.name);
            check(is_named || disk.content(&file.file()).is_none(), F1, || {
                format!("nobody will remove {} any more", file.name)
            });
        }
        for file in new {
            let before = known.iter().find(|it| it.name == file.name && it.kind == file.kind);
            let expected = match (before, file.kind) {
                _ if !is_known && before.is_none() && !old.is_empty() => continue,
                // Who has read no files writes over those of a life before.
                (Some(before), _) if self.has_recovered || before.note == file.note => {
                    before.note.clone()
                }
                (_, 'h') => None,
                (_, 'b') => Some(self.note_of_base(&file, disk)),
                _ => Some("#framed".into()),
            };
            check(file.note == expected, F1, || {
                format!("the manifest says {:?} of {}, {expected:?}", file.note, file.name)
            });
        }
    }

    /// What a manifest must tell of a base that is new: all but the LSN can be known here.
    fn note_of_base(&self, file: &Listed, disk: &Disk) -> String {
        let bytes = disk.content(&file.file()).unwrap_or_default();
        let (len, is_dump) = (bytes.len(), bytes.starts_with(b"REDIS"));
        check(is_dump == file.name.ends_with(".rdb"), F1, || {
            format!("{} is a dump: {is_dump}", file.name)
        });
        let tells = bytes[..len.min(300)].windows(10).any(|part| part == b"seedis-lsn");
        check(tells || !is_dump, F1, || format!("{} does not tell its LSN", file.name));
        let words: Vec<&str> = file.note.iter().flat_map(|note| note.split(' ')).collect();
        let lsn = words.get(4).copied().unwrap_or_default();
        let told = words.get(6).copied().unwrap_or_default();
        let epoch = self.epoch.map_or_else(|| told.to_string(), |epoch| epoch.to_string());
        let epoch = if self.has_recovered { format!(" epoch {epoch}") } else { String::new() };
        format!("#base bytes {len} lsn {lsn}{epoch}")
    }
}

impl Written {
    /// What of a write is new; the rest is what the last one has brought.
    fn go_on(&self, at: u64, bytes: &[u8]) -> Vec<u8> {
        let (start, last) = &self.last;
        if last.is_empty() {
            return bytes.to_vec();
        }
        let rest = at.checked_sub(*start).and_then(|skipped| last.get(skipped as usize..));
        match rest.and_then(|rest| bytes.strip_prefix(rest)) {
            Some(new) => new.to_vec(),
            None => found(F1, format!("a write at {at} does not go on with the one at {start}")),
        }
    }

    /// Commands are written in one way, a file names its database first, and a transaction is
    /// never for one command.
    fn check_commands(&mut self, batch: &Batch) {
        let commands = batch.commands();
        let mut bytes = Vec::new();
        commands.iter().for_each(|words| write_command(&mut bytes, words));
        let shown = || Timeline::shown(&batch.payload);
        check(bytes == batch.payload, F1, || format!("not commands: {}", shown()));
        let mut open = None;
        for words in &commands {
            let (is_select, is_multi) = (is(words, "SELECT"), is(words, "MULTI"));
            if is(words, "EXEC") {
                let several = open.take().is_some_and(|count: usize| count > 1);
                check(several, F1, || format!("a transaction for nothing: {}", shown()));
                continue;
            }
            check(self.db.is_some() || is_select || is_multi, F1, || {
                format!("no database is named: {}", shown())
            });
            check(!(is_multi && open.is_some()), F1, || format!("two MULTI: {}", shown()));
            if is_select {
                let named = words.get(1).cloned();
                check(self.db != named, F1, || format!("a database is named twice: {}", shown()));
                self.db = named;
            }
            match &mut open {
                _ if is_multi => open = Some(0),
                Some(0) if is_select => {}
                Some(count) => *count += 1,
                None => {}
            }
        }
        check(open.is_none(), F1, || format!("a transaction stays open: {}", shown()));
    }
}

/// No number is used twice.
fn check_is_new(name: &[u8], disk: &Disk) {
    let all = listed(disk.content(&manifest()).unwrap_or_default());
    let is_it = |file: &Listed| file.name.as_bytes() == name;
    check(!all.iter().any(is_it), F1, || format!("{} is used again", name.escape_ascii()));
}

/// The second that the lines before a batch tell.
fn second_of(bytes: &[u8]) -> Option<i64> {
    let lines = String::from_utf8_lossy(annotations(bytes)).into_owned();
    let mut told = lines.lines().filter_map(|line| line.strip_prefix("#TS:"));
    told.next().map(|digits| digits.trim_end().parse().unwrap_or(i64::MIN))
}
