//! Coverage marks: what a run has met, so that what no run meets can be told.
//!
//! A simulator that never crashes during a rename proves nothing about it. Everything is seen at
//! the boundary, and the core knows nothing of it: how each kind of request ended, in which state
//! of the server each fault came and each life ended, what was outstanding then, how far the log
//! was behind, what a recovery said. A mark that many seeds never reach is a gap in the generators
//! or a state that cannot be; which of both is for a reader to say.

use seedis_core::io::{IoError, IoErrorKind};
use seedis_core::turn::Watermarks;
use seedis_core::{Core, IoReq, IoResult, Ticket};

use crate::disk::{Crash, FAULTS, Fault};

/// How often each mark was reached.
#[derive(Clone, Debug)]
pub struct Marks {
    ends: [[u64; ENDS.len()]; KINDS.len()],
    crashes: [[u64; 2]; KINDS.len()],
    lives: [[u64; 2]; STATES.len()],
    faults: [[u64; STATES.len()]; FAULTS.len()],
    levels: [u64; LEVELS.len()],
    lines: [u64; LINES.len()],
    outstanding: Vec<(Ticket, usize, usize)>,
    state: usize,
}

/// Requests to the disk.
const KINDS: [&str; 14] = [
    "read", "replace", "list", "make-dir", "sync-dir", "rename", "unlink", "open", "close",
    "read-at", "write-at", "truncate", "sync", "save",
];

/// How one ends.
const ENDS: [&str; 7] =
    ["done", "short", "interrupted", "not-found", "no-space", "broken", "cancelled"];

/// Which kinds cannot end how, as the disk is: by the places in [`KINDS`] and [`ENDS`].
const IMPOSSIBLE: [&[usize]; KINDS.len()] = [
    &[1, 4, 6],
    &[1, 3, 6],
    &[1, 4, 6],
    &[1, 3, 6],
    &[1, 4, 6],
    &[1, 4, 6],
    &[1, 4, 6],
    &[1, 6],
    &[1, 2, 3, 4, 5, 6],
    &[1, 3, 4, 6],
    &[3, 6],
    &[1, 3, 4, 6],
    &[1, 3, 4, 6],
    &[1, 2, 3],
];

/// States of the server: the first that is true.
const STATES: [&str; 4] = ["loading", "refusing-writes", "saving", "serving"];

/// How far the log is behind.
const LEVELS: [&str; 5] = [
    "log is off",
    "all is durable",
    "all is written, not durable",
    "not written, all written is durable",
    "not written, not all written is durable",
];

/// Lines of the server's log.
const LINES: [&str; 12] = [
    "Background AOF rewrite finished successfully",
    "Background AOF rewrite failed",
    "Background saving started",
    "Background saving terminated with success",
    "Background saving error",
    "Bad file format reading the append only file",
    "what is damaged was durable",
    "neither a command nor an annotation",
    "cutting a torn tail off",
    "Can't begin the append only file",
    "Can't list a directory",
    "DB loaded",
];

impl Default for Marks {
    fn default() -> Self {
        Self {
            ends: [[0; ENDS.len()]; KINDS.len()],
            crashes: [[0; 2]; KINDS.len()],
            lives: [[0; 2]; STATES.len()],
            faults: [[0; STATES.len()]; FAULTS.len()],
            levels: [0; LEVELS.len()],
            lines: [0; LINES.len()],
            outstanding: Vec::new(),
            state: 0,
        }
    }
}

impl Marks {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        let theirs: Vec<u64> = other.clone().counts().map(|count| *count).collect();
        self.counts().zip(theirs).for_each(|(count, more)| *count += more);
    }

    /// Every mark that can be reached, with how often it was.
    #[must_use]
    pub fn all(&self) -> Vec<(String, u64)> {
        let counts: Vec<u64> = self.clone().counts().map(|count| *count).collect();
        names().into_iter().zip(counts).filter_map(|(name, count)| Some((name?, count))).collect()
    }

    fn counts(&mut self) -> impl Iterator<Item = &mut u64> {
        let Self { ends, crashes, lives, faults, levels, lines, .. } = self;
        let tables = ends.iter_mut().flatten().chain(crashes.iter_mut().flatten());
        let tables = tables.chain(lives.iter_mut().flatten()).chain(faults.iter_mut().flatten());
        tables.chain(levels).chain(lines)
    }

    /// The core asks the disk for something.
    pub(crate) fn asked(&mut self, ticket: Ticket, request: &IoReq) {
        if let Some(kind) = kind(request) {
            let bytes = match request {
                IoReq::WriteAt { bytes, from, .. } => bytes.len() - from,
                _ => 0,
            };
            self.outstanding.push((ticket, kind, bytes));
        }
    }

    /// Something has ended.
    pub(crate) fn ended(&mut self, ticket: Ticket, result: &IoResult) {
        let Some(at) = self.outstanding.iter().position(|it| it.0 == ticket) else { return };
        let (_, kind, bytes) = self.outstanding.swap_remove(at);
        self.ends[kind][end(result, bytes)] += 1;
    }

    /// A turn is over.
    pub(crate) fn turn(&mut self, core: &Core, refuses: bool) {
        let Watermarks { is_logging, enqueued, written, durable } = core.watermarks();
        self.state = match () {
            () if core.is_loading() => 0,
            () if refuses => 1,
            () if self.outstanding.iter().any(|it| KINDS[it.1] == "save") => 2,
            () => 3,
        };
        let level = match (is_logging, enqueued > written, written > durable) {
            (false, ..) => 0,
            (_, false, false) => 1,
            (_, false, true) => 2,
            (_, true, false) => 3,
            (_, true, true) => 4,
        };
        self.levels[level] += 1;
    }

    /// Something went wrong.
    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults[fault as usize][self.state] += 1;
    }

    /// A life ends.
    pub(crate) fn crashed(&mut self, crash: Crash) {
        self.lives[self.state][crash as usize] += 1;
        for (_, kind, _) in std::mem::take(&mut self.outstanding) {
            self.crashes[kind][crash as usize] += 1;
        }
        self.state = 0;
    }

    /// The server has logged a line.
    pub(crate) fn line(&mut self, line: &str) {
        let line = line.as_bytes();
        let mut has = [false; LINES.len()];
        // Texts are found faster by their first letters than by an algorithm.
        let starts = line.iter().enumerate().filter(|(_, byte)| BEGINS[usize::from(**byte)]);
        for (at, _) in starts {
            for (has, text) in has.iter_mut().zip(LINES) {
                *has |= line[at..].starts_with(text.as_bytes());
            }
        }
        self.lines.iter_mut().zip(has).for_each(|(count, has)| *count += u64::from(has));
    }
}

/// Which bytes one of [`LINES`] begins with.
const BEGINS: [bool; 256] = {
    let (mut begins, mut at) = ([false; 256], 0);
    while at < LINES.len() {
        begins[LINES[at].as_bytes()[0] as usize] = true;
        at += 1;
    }
    begins
};

/// Names in the order of the counts; none for what cannot be.
fn names() -> Vec<Option<String>> {
    let mut names = Vec::new();
    for (kind, impossible) in KINDS.iter().zip(IMPOSSIBLE) {
        for (at, end) in ENDS.iter().enumerate() {
            names.push((!impossible.contains(&at)).then(|| format!("{kind} ends {end}")));
        }
    }
    for during in KINDS.iter().map(|kind| format!("during {kind}")) {
        names.extend(crashes(&during));
    }
    for during in STATES.iter().map(|state| format!("while {state}")) {
        names.extend(crashes(&during));
    }
    for fault in FAULTS {
        // How slow a request is comes with its delay, and no seed draws a sync that lies.
        let is_marked = !matches!(fault, Fault::Slow | Fault::LyingSync);
        let name = |state: &str| is_marked.then(|| format!("{} while {state}", fault.name()));
        names.extend(STATES.iter().map(|state| name(state)));
    }
    names.extend(LEVELS.iter().map(|level| Some((*level).into())));
    names.extend(LINES.iter().map(|line| Some(format!("log: {line}"))));
    names
}

fn crashes(during: &str) -> [Option<String>; 2] {
    ["process ends", "power is lost"].map(|crash| Some(format!("{crash} {during}")))
}

fn kind(request: &IoReq) -> Option<usize> {
    let name = match request {
        IoReq::Read { .. } => "read",
        IoReq::Replace { .. } => "replace",
        IoReq::List { .. } => "list",
        IoReq::MakeDir { .. } => "make-dir",
        IoReq::SyncDir { .. } => "sync-dir",
        IoReq::Rename { .. } => "rename",
        IoReq::Unlink { .. } => "unlink",
        IoReq::Open { .. } => "open",
        IoReq::Close { .. } => "close",
        IoReq::ReadAt { .. } => "read-at",
        IoReq::WriteAt { .. } => "write-at",
        IoReq::Truncate { .. } => "truncate",
        IoReq::Sync { .. } => "sync",
        IoReq::Save { .. } => "save",
        _ => return None,
    };
    KINDS.iter().position(|kind| *kind == name)
}

fn end(result: &IoResult, bytes: usize) -> usize {
    match result {
        IoResult::Written { count, .. } if *count < bytes => 1,
        IoResult::Failed(error) | IoResult::NotWritten { error, .. } => failure(error),
        _ => 0,
    }
}

fn failure(error: &IoError) -> usize {
    match error.kind {
        IoErrorKind::Interrupted => 2,
        IoErrorKind::NotFound => 3,
        IoErrorKind::Cancelled => 6,
        _ if error.words.contains("No space") => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plan, Timeline, World};

    #[test]
    fn every_count_has_a_name_and_runs_reach_most() {
        let mut marks = Marks::default();
        assert_eq!(marks.clone().counts().count(), names().len());
        for seed in 0..60 {
            let (world, _) = World::run(Plan { seed, commands: 300 }, Timeline::default());
            marks.add(world.marks());
        }
        let all = marks.all();
        let reached = all.iter().filter(|mark| mark.1 > 0).count();
        assert!(reached * 3 > all.len() * 2, "{reached} of {}", all.len());
        assert!(all.iter().any(|mark| mark.0 == "sync ends done" && mark.1 > 100));
    }
}
