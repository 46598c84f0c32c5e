//! Bugs of syncs: what is acknowledged before it is durable, and syncs that are never asked for.

use std::collections::BTreeMap;

use seedis_core::config::AppendFsync;
use seedis_core::io::{FileId, IoErrorKind};
use seedis_core::{Config, IoReq, IoResult, Now, Ticket};

use super::boundary::{Desk, Saboteur};
use super::ledger::{Asked, Ledger};
use super::table::Sabotage;
use crate::disk::{Crash, Disk};
use crate::finding::Invariant::{D1, D2, D3, D4, D8, L1};

pub(super) const ROWS: &[Sabotage] = &[
    Sabotage {
        name: "reply-at-append",
        number: "1",
        fault: "power loss",
        caught_by: &[D1, D2, D3],
        words: "under `always` the reply leaves when the append is written; the sync is a second \
                late",
        plant: || Box::new(Syncs::of(Bug::SecondLate, Some(AppendFsync::Always))),
    },
    Sabotage {
        name: "reply-at-sync-submission",
        number: "2",
        fault: "slow sync, power loss",
        caught_by: &[D1, D2, D3],
        words: "under `always` the reply leaves when the sync is asked for",
        plant: || Box::new(Syncs::of(Bug::AtSubmission, Some(AppendFsync::Always))),
    },
    Sabotage {
        name: "sync-credits-later-appends",
        number: "3",
        fault: "slow sync, append meanwhile, power loss",
        caught_by: &[D1, D2, D3],
        words: "the end of a sync is taken for that of a later one that was asked for meanwhile",
        plant: || Box::new(Syncs::of(Bug::Piggyback, None)),
    },
    Sabotage {
        name: "sync-never-asked",
        number: "1b",
        fault: "power loss",
        caught_by: &[D1, D2, D3],
        words: "syncs of the log are said to be done and never asked for",
        plant: || Box::new(Syncs::of(Bug::Never, None)),
    },
    Sabotage {
        name: "sync-error-ignored",
        number: "8",
        fault: "failed sync, power loss",
        caught_by: &[D1, D2, D3],
        words: "a sync that fails is taken for one that succeeded",
        plant: || Box::new(Syncs::of(Bug::ErrorIgnored, None)),
    },
    Sabotage {
        name: "sync-retried-and-believed",
        number: "9",
        fault: "sync fails once and pages are clean, power loss",
        caught_by: &[D1, D2, D3],
        words: "a failed sync is asked for again, and its success is believed (fsyncgate)",
        plant: || Box::new(Syncs::of(Bug::Retried, None)),
    },
    Sabotage {
        name: "rotated-file-not-synced",
        number: "10",
        fault: "rotation, power loss",
        caught_by: &[D1, D2, D3],
        words: "a file that the log has left is never synced",
        plant: || Box::new(Syncs::of(Bug::OldFileUnsynced, None)),
    },
    Sabotage {
        name: "everysec-durable-at-submission",
        number: "12",
        fault: "slow sync, power loss",
        caught_by: &[D3],
        words: "under `everysec` the durable watermark moves when the sync is asked for",
        plant: || Box::new(Syncs::of(Bug::AtSubmission, Some(AppendFsync::Everysec))),
    },
    Sabotage {
        name: "rotated-file-error-dropped",
        number: "15",
        fault: "sync fails after a rotation, power loss",
        caught_by: &[D1, D2, D3, L1],
        words: "a failed sync of a file that the log has left is taken for success",
        plant: || Box::new(Syncs::of(Bug::OldFileError, None)),
    },
    Sabotage {
        name: "interrupted-sync-counts",
        number: "20b",
        fault: "EINTR, power loss",
        caught_by: &[D1, D2, D3],
        words: "a sync that a signal interrupted counts as done",
        plant: || Box::new(Syncs::of(Bug::InterruptedCounts, None)),
    },
    Sabotage {
        name: "recovered-tail-not-synced",
        number: "58",
        fault: "process crash, restart, read, power loss",
        caught_by: &[D8],
        words: "what was recovered is served before it is synced",
        plant: || Box::new(Syncs::of(Bug::WhileLoading, None)),
    },
    Sabotage {
        name: "tail-never-synced",
        number: "11",
        fault: "idle, power loss",
        caught_by: &[D3],
        words: "under `everysec` a sync is asked for only after a write: the tail stays unsynced",
        plant: || Box::new(Timer::of(Pace::OnTraffic)),
    },
    Sabotage {
        name: "sync-timer-on-wall-clock",
        number: "13",
        fault: "clock set back, power loss",
        caught_by: &[D3],
        words: "under `everysec` the timer of the sync runs on the wall clock",
        plant: || Box::new(Timer::of(Pace::WallClock)),
    },
    Sabotage {
        name: "sync-every-ten-seconds",
        number: "13b",
        fault: "power loss",
        caught_by: &[D3],
        words: "under `everysec` a sync is asked for every ten seconds",
        plant: || Box::new(Timer::of(Pace::TenSeconds)),
    },
    Sabotage {
        name: "no-sync-while-rewriting",
        number: "14",
        fault: "rewrite, power loss",
        caught_by: &[D1, D2, D3],
        words: "nothing is synced while a base is being written",
        plant: || Box::new(Timer::of(Pace::NotWhileSaving)),
    },
    Sabotage {
        name: "reads-not-gated",
        number: "4",
        fault: "two clients, power loss",
        caught_by: &[D2],
        words: "under `always` a reply waits for the writes of its own client only",
        plant: || Box::new(OwnWritesOnly::default()),
    },
    Sabotage {
        name: "reply-before-write",
        number: "5",
        fault: "process crash",
        caught_by: &[D4],
        words: "without `always` the reply leaves before the system has the write",
        plant: || Box::new(BeforeWrite::default()),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    Never,
    SecondLate,
    AtSubmission,
    Piggyback,
    ErrorIgnored,
    Retried,
    InterruptedCounts,
    OldFileUnsynced,
    OldFileError,
    WhileLoading,
}

/// A bug in the handling of syncs of the log.
#[derive(Debug)]
struct Syncs {
    bug: Bug,
    only: Option<AppendFsync>,
    policy: AppendFsync,
    ledger: Ledger,
    late: Vec<(u64, FileId)>,
    /// A sync under way, and others that are to end with it.
    running: BTreeMap<FileId, (Ticket, Vec<Ticket>)>,
    /// Syncs asked for once more, and what they stand for.
    again: BTreeMap<Ticket, Ticket>,
}

const SECOND_NS: u64 = 1_000_000_000;

impl Syncs {
    fn of(bug: Bug, only: Option<AppendFsync>) -> Self {
        Self {
            bug,
            only,
            policy: AppendFsync::No,
            ledger: Ledger::default(),
            late: Vec::new(),
            running: BTreeMap::new(),
            again: BTreeMap::new(),
        }
    }

    fn concerns(&self, file: FileId) -> bool {
        let is_time = match self.bug {
            Bug::WhileLoading => !self.ledger.has_written,
            Bug::OldFileUnsynced | Bug::OldFileError => !self.ledger.is_newest_log(file),
            _ => true,
        };
        let is_serving = self.ledger.has_written || self.bug == Bug::WhileLoading;
        self.ledger.is_log(file)
            && is_time
            && is_serving
            && self.only.is_none_or(|only| only == self.policy)
    }

    fn sync(&mut self, ticket: Ticket, file: FileId, desk: &mut Desk<'_>) {
        match self.bug {
            Bug::Never | Bug::OldFileUnsynced | Bug::WhileLoading => {
                desk.tell(ticket, IoResult::Done);
            }
            Bug::SecondLate => {
                self.late.push((desk.now().mono_ns + SECOND_NS, file));
                desk.tell(ticket, IoResult::Done);
            }
            Bug::AtSubmission => {
                desk.ask_for_itself(IoReq::Sync { file });
                desk.tell(ticket, IoResult::Done);
            }
            Bug::Piggyback => match self.running.get_mut(&file) {
                Some((_, others)) => others.push(ticket),
                None => {
                    self.running.insert(file, (ticket, Vec::new()));
                    desk.ask(ticket, IoReq::Sync { file });
                }
            },
            _ => desk.ask(ticket, IoReq::Sync { file }),
        }
    }

    fn synced(&mut self, ticket: Ticket, file: FileId, result: IoResult, desk: &mut Desk<'_>) {
        let error = match &result {
            IoResult::Failed(error) => Some(error.kind),
            _ => None,
        };
        let is_ignored = match (self.bug, error) {
            (Bug::InterruptedCounts, Some(IoErrorKind::Interrupted)) => true,
            (Bug::ErrorIgnored | Bug::OldFileError, Some(kind)) => kind != IoErrorKind::Interrupted,
            (Bug::Retried, Some(_)) => {
                let again = desk.ask_for_itself(IoReq::Sync { file });
                self.again.insert(again, ticket);
                return;
            }
            _ => false,
        };
        desk.tell(ticket, if is_ignored { IoResult::Done } else { result });
    }
}

impl Saboteur for Syncs {
    fn configure(&mut self, config: &mut Config) {
        self.policy = config.appendfsync;
    }

    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        self.ledger.note(ticket, &request);
        match request {
            IoReq::Sync { file } if self.concerns(file) => self.sync(ticket, file, desk),
            other => desk.ask(ticket, other),
        }
    }

    fn completion(&mut self, ticket: Ticket, result: IoResult, desk: &mut Desk<'_>) {
        if let Some(first) = self.again.remove(&ticket) {
            return desk.tell(first, result);
        }
        let Some(Asked::Sync(file)) = self.ledger.over(ticket) else {
            return desk.tell(ticket, result);
        };
        if self.running.get(&file).is_some_and(|(running, _)| *running == ticket)
            && let Some((_, others)) = self.running.remove(&file)
            && matches!(result, IoResult::Done)
        {
            others.into_iter().for_each(|other| desk.tell(other, IoResult::Done));
        }
        if self.concerns(file) {
            self.synced(ticket, file, result, desk);
        } else {
            desk.tell(ticket, result);
        }
    }

    fn turn(&mut self, desk: &mut Desk<'_>) {
        let now_ns = desk.now().mono_ns;
        for (_, file) in self.late.extract_if(.., |(due_ns, _)| *due_ns <= now_ns) {
            desk.ask_for_itself(IoReq::Sync { file });
        }
    }

    fn next_due_ns(&self) -> Option<u64> {
        self.late.iter().map(|(due_ns, _)| *due_ns).min()
    }

    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, _now: Now) {
        self.ledger.forget();
        self.late.clear();
        self.running.clear();
        self.again.clear();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    OnTraffic,
    WallClock,
    TenSeconds,
    NotWhileSaving,
}

/// `appendfsync everysec` with another timer: the core is told `no`, and the syncs are asked for
/// here.
#[derive(Debug)]
struct Timer {
    pace: Pace,
    is_on: bool,
    ledger: Ledger,
    unsynced: Option<FileId>,
    last_ns: u64,
    last_wall_us: i64,
    /// When it looks at its clock again.
    look_ns: u64,
}

impl Timer {
    fn of(pace: Pace) -> Self {
        Self {
            pace,
            is_on: false,
            ledger: Ledger::default(),
            unsynced: None,
            last_ns: 0,
            last_wall_us: 0,
            look_ns: 0,
        }
    }

    fn sync_if_due(&mut self, desk: &mut Desk<'_>) {
        let now = desk.now();
        let is_due = match self.pace {
            Pace::WallClock => now.wall_us - self.last_wall_us >= 1_000_000,
            Pace::TenSeconds => now.mono_ns - self.last_ns >= 10 * SECOND_NS,
            _ => now.mono_ns - self.last_ns >= SECOND_NS,
        };
        if is_due && let Some(file) = self.unsynced.take() {
            (self.last_ns, self.last_wall_us) = (now.mono_ns, now.wall_us);
            desk.ask_for_itself(IoReq::Sync { file });
        }
    }
}

impl Saboteur for Timer {
    fn configure(&mut self, config: &mut Config) {
        if self.pace == Pace::NotWhileSaving {
            config.no_appendfsync_on_rewrite = true;
        } else if config.appendfsync == AppendFsync::Everysec {
            config.appendfsync = AppendFsync::No;
            self.is_on = true;
        }
    }

    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        self.ledger.note(ticket, &request);
        desk.ask(ticket, request);
    }

    fn completion(&mut self, ticket: Ticket, result: IoResult, desk: &mut Desk<'_>) {
        if let Some(Asked::Write { file, .. }) = self.ledger.over(ticket)
            && self.is_on
        {
            self.unsynced = Some(file);
            if self.pace == Pace::OnTraffic {
                self.sync_if_due(desk);
            }
        }
        desk.tell(ticket, result);
    }

    fn turn(&mut self, desk: &mut Desk<'_>) {
        let now_ns = desk.now().mono_ns;
        if now_ns >= self.look_ns {
            self.look_ns = now_ns + SECOND_NS;
        }
        if self.pace != Pace::OnTraffic {
            self.sync_if_due(desk);
        }
    }

    fn next_due_ns(&self) -> Option<u64> {
        let is_timed = matches!(self.pace, Pace::WallClock | Pace::TenSeconds);
        self.unsynced.filter(|_| is_timed).map(|_| self.look_ns)
    }

    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, now: Now) {
        self.ledger.forget();
        self.unsynced = None;
        (self.last_ns, self.last_wall_us) = (now.mono_ns, now.wall_us);
    }
}

/// `appendfsync always` for writers only: the core is told `everysec`, under which a reply waits
/// for its client's own writes, and a write is said to be written when it is durable.
#[derive(Debug, Default)]
struct OwnWritesOnly {
    is_on: bool,
    ledger: Ledger,
    waiting: BTreeMap<Ticket, (Ticket, IoResult)>,
}

impl Saboteur for OwnWritesOnly {
    fn configure(&mut self, config: &mut Config) {
        self.is_on = config.appendfsync == AppendFsync::Always;
        if self.is_on {
            config.appendfsync = AppendFsync::Everysec;
        }
    }

    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        self.ledger.note(ticket, &request);
        desk.ask(ticket, request);
    }

    fn completion(&mut self, ticket: Ticket, result: IoResult, desk: &mut Desk<'_>) {
        if let Some((write, written)) = self.waiting.remove(&ticket) {
            return match result {
                IoResult::Failed(_) => self.write_ended(write, written, desk),
                _ => desk.tell(write, written),
            };
        }
        self.write_ended(ticket, result, desk);
    }

    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, _now: Now) {
        self.ledger.forget();
        self.waiting.clear();
    }
}

impl OwnWritesOnly {
    fn write_ended(&mut self, ticket: Ticket, result: IoResult, desk: &mut Desk<'_>) {
        match self.ledger.asked(ticket) {
            Some(Asked::Write { file, .. })
                if self.is_on && matches!(result, IoResult::Written { .. }) =>
            {
                let sync = desk.ask_for_itself(IoReq::Sync { file });
                self.waiting.insert(sync, (ticket, result));
            }
            _ => desk.tell(ticket, result),
        }
    }
}

/// Writes are said to be done when they are asked for.
#[derive(Debug, Default)]
struct BeforeWrite {
    is_on: bool,
    ledger: Ledger,
}

impl Saboteur for BeforeWrite {
    fn configure(&mut self, config: &mut Config) {
        self.is_on = config.appendfsync != AppendFsync::Always;
    }

    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        self.ledger.note(ticket, &request);
        match request {
            IoReq::WriteAt { file, at, bytes, from } if self.is_on && self.ledger.is_log(file) => {
                let count = bytes.len() - from;
                let copy = bytes.clone();
                desk.ask_for_itself(IoReq::WriteAt { file, at, bytes: copy, from });
                desk.tell(ticket, IoResult::Written { count, bytes });
            }
            other => desk.ask(ticket, other),
        }
    }

    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, _now: Now) {
        self.ledger.forget();
    }
}
