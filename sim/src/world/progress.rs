//! How far a start is, as INFO and the log tell it, held against what the world has seen of it:
//! which files were opened, up to where they were read, how long it takes.

use std::collections::{BTreeMap, VecDeque};

use seedis_core::io::{Dir, FileId, Name, OpenMode};
use seedis_core::{Core, IoReq, IoResult, Now, Ticket};

use super::told::Info;
use crate::disk::Disk;
use crate::finding::Invariant::F1;
use crate::finding::check;
use crate::sabotage::log_text::{listed, manifest};

/// A start.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Bytes of all files that are to be loaded.
    total_bytes: u64,
    /// When the first of them was open.
    started: Option<Now>,
    asked: BTreeMap<Ticket, Asked>,
    /// Up to where each was read.
    read: BTreeMap<FileId, u64>,
    /// Lines that must be told next.
    due: VecDeque<String>,
    /// Keys at its end, as the log tells.
    keys: Option<u64>,
    /// It has told that it cuts a torn tail off.
    pub(super) has_cut: bool,
}

#[derive(Debug)]
enum Asked {
    Open(Name),
    Read(FileId, u64),
}

const CUTS: &str = "!!! Warning: cutting a torn tail off ";

impl Progress {
    /// Of a start with these files, with a log or without.
    pub(super) fn new(disk: &Disk, is_logged: bool) -> Self {
        let len = |name: &Name| disk.content(name).map(|bytes| bytes.len() as u64);
        let mut files = listed(disk.content(&manifest()).unwrap_or_default());
        files.retain(|file| file.kind != 'h' && is_logged);
        let old = Name::file(Dir::Data, b"appendonly.aof");
        let alone = len(&old).filter(|_| is_logged);
        let alone = alone.or_else(|| len(&Name::file(Dir::Data, b"dump.rdb"))).unwrap_or(0);
        let named = files.iter().map(|file| len(&file.file()).unwrap_or(0)).sum();
        let total_bytes = if files.is_empty() { alone } else { named };
        Self { total_bytes, ..Self::default() }
    }

    /// The core asks for this.
    pub(super) fn asked(&mut self, ticket: Ticket, request: &IoReq) {
        match request {
            IoReq::Open { name, mode: OpenMode::Read, .. } => {
                self.asked.insert(ticket, Asked::Open(name.clone()));
            }
            IoReq::ReadAt { file, at, .. } => {
                self.read.insert(*file, *at);
                self.asked.insert(ticket, Asked::Read(*file, *at));
            }
            _ => {}
        }
    }

    /// The core hears how it ended.
    pub(super) fn ended(&mut self, ticket: Ticket, result: &IoResult, now: Now) {
        match (self.asked.remove(&ticket), result) {
            (Some(Asked::Open(Name::In(_, name))), IoResult::Opened { len }) => {
                self.started.get_or_insert(now);
                self.due.push_back(format!("Loading {}, {len} bytes", name.escape_ascii()));
            }
            (Some(Asked::Read(file, at)), IoResult::Bytes(bytes)) => {
                self.read.insert(file, at + bytes.len() as u64);
            }
            _ => {}
        }
    }

    /// A line of the server's log.
    pub(super) fn line(&mut self, line: &str, now: Now) {
        self.has_cut |= line.starts_with(CUTS);
        if line.starts_with("Loading ") && line.ends_with(" bytes") {
            let due = self.due.pop_front();
            check(due.as_deref() == Some(line), F1, || format!("'{line}' is told, due is {due:?}"));
        } else if let Some(told) = line.strip_prefix("DB loaded: ") {
            self.check_loaded(told, now);
        }
    }

    fn check_loaded(&mut self, told: &str, now: Now) {
        let millis = self.started.map_or(0, |at| (now.mono_ns - at.mono_ns) / 1_000_000);
        let (bytes, seconds) = (self.loaded_bytes(), millis / 1000);
        let expected = format!(" keys, {bytes} bytes, {seconds}.{:03} seconds", millis % 1000);
        let keys = told.strip_suffix(&expected);
        check(keys.is_some(), F1, || format!("'{told}' is told, it is{expected}"));
        self.keys = keys.and_then(|keys| keys.parse().ok());
    }

    fn loaded_bytes(&self) -> u64 {
        self.read.values().sum()
    }

    /// What INFO tells while it goes on.
    pub(super) fn check(&self, info: &Info<'_>, now: Now) {
        info.check("loading", 1);
        let started = self.started.unwrap_or(now);
        let start_s = info.signed("loading_start_time");
        check(start_s == Some(started.wall_ms().div_euclid(1000)), F1, || {
            format!("it began at {start_s:?}, not at {started:?}")
        });
        let (loaded, total) = (self.loaded_bytes(), self.total_bytes);
        info.check("loading_loaded_bytes", loaded);
        if self.started.is_none() {
            return;
        }
        info.check("loading_total_bytes", total);
        let percent = format!("{:.2}", loaded as f64 * 100.0 / total.max(1) as f64);
        let told = info.text("loading_loaded_perc");
        check(told == Some(&percent[..]), F1, || format!("{told:?} % loaded, it is {percent}"));
        let elapsed_s = ((now.mono_ns - started.mono_ns) / 1_000_000_000).max(1);
        let left_s = total.saturating_sub(loaded) * elapsed_s / loaded.max(1);
        info.check("loading_eta_seconds", left_s);
    }

    /// It is over.
    pub(super) fn ended_well(&self, core: &Core) {
        let due = self.due.front();
        check(due.is_none(), F1, || format!("{due:?} is not told"));
        let keys: usize = core.databases().iter().map(|db| db.len()).sum();
        let is_told = self.keys == (self.total_bytes > 0).then_some(keys as u64);
        check(is_told, F1, || format!("{:?} keys are told, there are {keys}", self.keys));
    }
}
