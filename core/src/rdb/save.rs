//! A snapshot on its way to a file, piece by piece.
//!
//! A save is immutable data that belongs to whoever writes it, on any thread: it shares pages with
//! the keyspace, which copies what it changes meanwhile. Each segment is let go of as soon as its
//! bytes are made, so that memory comes back as the file grows. Between two pieces one may stop at
//! any time and go on later, or drop the rest.
//!
//! There are two forms: the dump format, and commands for an append-only file that has no dump at
//! its beginning. Entries are encoded into the piece without an allocation of their own; a string
//! too large for a piece is written from where it lies, a part at a time, and only its compressed
//! form is ever held beside it.

mod commands;
mod dump;
mod pieces;
mod stream;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::format::{Version, opcode};
use crate::config::Config;
use crate::keyspace::{Snapshot, Visit, clock};
use crate::rdb::aggregate::Elements;
use crate::turn::Now;
use crate::version::REDIS_VERSION;
use commands::{Adding, CommandForm};
use dump::DumpForm;
use pieces::Pieces;

/// What is to be written to a file.
#[derive(Debug)]
pub struct Save {
    snapshot: Snapshot,
    form: Form,
    out: Pieces,
    /// The database that is being written, and whether its head is.
    db: usize,
    is_db_open: bool,
    visit: Option<Visit>,
    /// A large aggregate of which not all is written.
    rest: Option<Rest>,
    stage: Stage,
    keys_done: u64,
}

#[derive(Debug)]
enum Form {
    Dump(DumpForm),
    Commands(CommandForm),
}

/// What is left of a large aggregate, in either form.
#[derive(Debug)]
enum Rest {
    Elements(Elements),
    Adding(Adding),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Keys,
    Tail,
    Done,
}

/// How a dump is written.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The version of the format; where fields have deadlines it is 12 all the same.
    pub version: Version,
    /// Compress strings (`rdbcompression`).
    pub compression: bool,
    /// Write a checksum at the end, else zeros (`rdbchecksum`).
    pub checksum: bool,
    /// What to tell of each key's use.
    pub usage: Usage,
    /// Fields about the file: names and values.
    pub aux: Vec<(String, String)>,
}

/// What a dump tells of the use of keys.
#[derive(Clone, Copy, Debug)]
pub enum Usage {
    /// Nothing.
    Untold,
    /// Seconds since the last use, at this time.
    Idle(Now),
    /// The counter of uses, at this time, when it loses one in so many minutes.
    Frequency(Now, u32),
}

impl Settings {
    /// The settings of the configuration, and the fields that Redis writes: `used_memory` in bytes,
    /// and whether the file is the base of an append-only file.
    #[must_use]
    pub fn of(config: &Config, now: Now, used_memory: u64, is_aof_base: bool) -> Self {
        let aux = [
            ("redis-ver", REDIS_VERSION.to_string()),
            ("redis-bits", "64".to_string()),
            ("ctime", now.wall_ms().div_euclid(1000).to_string()),
            ("used-mem", used_memory.to_string()),
            ("aof-base", u8::from(is_aof_base).to_string()),
        ];
        Self {
            version: Version::of(config.rdb_version),
            compression: config.rdbcompression,
            checksum: config.rdbchecksum,
            usage: Usage::of(config, now),
            aux: aux.map(|(name, value)| (name.to_string(), value)).into(),
        }
    }
}

impl Usage {
    /// What the eviction policy makes worth telling, as in Redis.
    fn of(config: &Config, now: Now) -> Self {
        match config {
            _ if clock::is_lfu(config) => Self::Frequency(now, config.lfu_decay_time_min),
            _ if clock::is_lru(config) => Self::Idle(now),
            _ => Self::Untold,
        }
    }
}

impl Save {
    /// A file in the dump format.
    #[must_use]
    pub fn dump(snapshot: Snapshot, mut settings: Settings) -> Self {
        if snapshot.has_field_deadlines() {
            settings.version = Version::V12;
        }
        Self::new(snapshot, Form::Dump(DumpForm::new(settings)))
    }

    /// The commands that make the databases from nothing: SELECT and SET, with PXAT for a deadline.
    #[must_use]
    pub fn commands(snapshot: Snapshot) -> Self {
        Self::new(snapshot, Form::Commands(CommandForm))
    }

    fn new(snapshot: Snapshot, form: Form) -> Self {
        let out = Pieces::default();
        let (visit, rest, stage) = (None, None, Stage::Head);
        Self { snapshot, form, out, db: 0, is_db_open: false, visit, rest, stage, keys_done: 0 }
    }

    /// Keys that are written in all.
    #[must_use]
    pub fn keys_total(&self) -> usize {
        self.snapshot.keys_total()
    }

    /// Keys that are written so far.
    #[must_use]
    pub fn keys_done(&self) -> u64 {
        self.keys_done
    }

    /// The next bytes of the file, about 64 to 256 KB; `None` at its end.
    pub fn next_piece(&mut self) -> Option<Vec<u8>> {
        while !self.out.is_ready() && self.stage != Stage::Done {
            self.step();
        }
        let piece = self.out.take()?;
        if let Form::Dump(dump) = &mut self.form {
            dump.sum(&piece);
        }
        Some(piece)
    }

    /// Makes more bytes.
    fn step(&mut self) {
        match self.stage {
            Stage::Head => {
                match &mut self.form {
                    Form::Dump(dump) => dump.head(&mut self.out.bytes),
                    Form::Commands(commands) => commands.head(&mut self.out.bytes),
                }
                self.stage = Stage::Keys;
            }
            Stage::Keys => {
                if self.open_segment() {
                    return self.write_entries();
                }
                if let Form::Dump(_) = &self.form {
                    self.out.bytes.push(opcode::EOF);
                }
                self.out.flush();
                self.stage = Stage::Tail;
            }
            Stage::Tail => {
                if let Form::Dump(dump) = &self.form {
                    self.out.bytes.extend_from_slice(&dump.checksum());
                    self.out.flush();
                }
                self.stage = Stage::Done;
            }
            Stage::Done => {}
        }
    }

    /// Sees to it that there is a segment to write; false when all are written.
    fn open_segment(&mut self) -> bool {
        while self.visit.is_none() && self.db < self.snapshot.databases() {
            self.visit = self.snapshot.next_segment(self.db);
            if self.visit.is_none() {
                self.db += 1;
                self.is_db_open = false;
            }
        }
        self.visit.is_some()
    }

    /// Writes entries of the segment until a piece is full or all are written.
    fn write_entries(&mut self) {
        let Some(visit) = &mut self.visit else { return };
        let out = &mut self.out;
        out.prepare();
        if !self.is_db_open {
            self.is_db_open = true;
            let (keys, expires) = (self.snapshot.keys(self.db), self.snapshot.expires(self.db));
            self.form.open(out, self.snapshot.number(self.db), keys, expires);
        }
        while !out.is_full() {
            if let Some(rest) = &mut self.rest {
                if !self.form.more(&mut out.bytes, rest) {
                    self.rest = None;
                }
                continue;
            }
            let Some(entry) = visit.next_entry() else {
                self.visit = None;
                return;
            };
            self.keys_done += 1;
            self.rest = match &mut self.form {
                Form::Dump(dump) => dump.entry(out, &entry).map(Rest::Elements),
                Form::Commands(commands) => commands.entry(out, &entry).map(Rest::Adding),
            };
        }
        out.flush_full();
    }
}

impl Form {
    /// Begins a database.
    fn open(&mut self, out: &mut Pieces, db: usize, keys: usize, expires: usize) {
        match self {
            Self::Dump(dump) => dump.open(&mut out.bytes, db, keys, expires),
            Self::Commands(commands) => commands.open(&mut out.bytes, db),
        }
    }

    /// Writes more of a large aggregate; `false` at its end.
    fn more(&mut self, out: &mut Vec<u8>, rest: &mut Rest) -> bool {
        match (self, rest) {
            (Self::Dump(dump), Rest::Elements(elements)) => dump.more(out, elements),
            (_, Rest::Adding(adding)) => adding.step(out),
            (Self::Commands(_), Rest::Elements(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests;
