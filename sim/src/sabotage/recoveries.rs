//! Bugs of recovery: what it reads, what it makes of damage, and in which order it mends files.
//!
//! Some stand in the way of its requests; others leave the files as a wrong recovery would have,
//! before the right one looks at them.

use std::collections::BTreeMap;

use seedis_core::io::{FileId, IoErrorKind, Name, OpenMode};
use seedis_core::{Config, IoReq, IoResult, Now, Ticket};

use super::boundary::{Desk, Saboteur};
use super::damage;
use super::ledger::{Asked, Ledger, is_incr};
use super::replacing::{Manner, Progress, Replacing};
use super::table::Sabotage;
use crate::disk::{Crash, Disk};
use crate::finding::Invariant::{D1, D2, D3, D4, D5, D6, D8, D9, L1, T3};

pub(super) const ROWS: &[Sabotage] = &[
    Sabotage {
        name: "failed-cut-ignored",
        number: "19",
        fault: "torn tail, failed cut, restart",
        caught_by: &[D1, D3, D4, D5, D8, L1],
        words: "a torn tail that could not be cut off is taken for cut",
        plant: || Box::new(Recoveries::of(Bug::CutErrorIgnored)),
    },
    Sabotage {
        name: "torn-tail-left",
        number: "57b",
        fault: "torn tail, restart, acknowledged writes, restart",
        caught_by: &[D1, D2, D3, D4, D5, D8, L1],
        words: "a torn tail is never cut off, only written over",
        plant: || Box::new(Recoveries::of(Bug::NoCut)),
    },
    Sabotage {
        name: "cut-not-synced",
        number: "57",
        fault: "torn tail, power loss after the restart",
        caught_by: &[D1, D3, D5, D6, D8, L1],
        words: "the cut of a torn tail is not synced before the log goes on",
        plant: || Box::new(Recoveries::of(Bug::CutNotSynced)),
    },
    Sabotage {
        name: "zeros-kept",
        number: "56",
        fault: "length kept and data lost, restart, restart",
        caught_by: &[D1, D2, D3, D4, D5, D8, L1],
        words: "zeros at the end of a file are kept, and the log goes on behind them",
        plant: || Box::new(Recoveries::of(Bug::ZerosKept)),
    },
    Sabotage {
        name: "recovery-writes-early",
        number: "59",
        fault: "crash at each I/O of a recovery",
        caught_by: &[D1, D2, D3, D4, D5, D8, L1],
        words: "a recovery empties the last file and writes it again while it reads",
        plant: || Box::new(Recoveries::of(Bug::RewritesInPlace)),
    },
    Sabotage {
        name: "read-error-is-end",
        number: "61",
        fault: "failed read",
        caught_by: &[D1, D2, D3, D4, D5, D8, L1],
        words: "a read that fails is taken for the end of the file",
        plant: || Box::new(Recoveries::of(Bug::ReadErrorIsEnd)),
    },
    Sabotage {
        name: "list-error-is-empty",
        number: "61b",
        fault: "failed listing",
        caught_by: &[D1, D2, D3, D4, D5, D8, L1],
        words: "a directory that cannot be listed is taken for empty",
        plant: || Box::new(Recoveries::of(Bug::ListErrorIsEmpty)),
    },
    Sabotage {
        name: "short-read-is-end",
        number: "62",
        fault: "short read",
        caught_by: &[D1, D2, D3, D4, D5, D8, L1],
        words: "a read that gives less than asked for is taken for the last",
        plant: || Box::new(Recoveries::of(Bug::ShortReadIsEnd)),
    },
    Sabotage {
        name: "checksum-of-base-not-verified",
        number: "49",
        fault: "rot in a base",
        caught_by: &[D5, D9, T3],
        words: "the checksum of a dump is written and not verified",
        plant: || Box::new(Recoveries::of(Bug::BaseUnverified)),
    },
    Sabotage {
        name: "cut-base-accepted",
        number: "50",
        fault: "a base that lost its end",
        caught_by: &[D5, D9, L1],
        words: "a base that breaks off is taken for complete",
        plant: || Box::new(Recoveries::of(Bug::CutBase)),
    },
    Sabotage {
        name: "dump-before-log",
        number: "51",
        fault: "a dump and a newer log, restart",
        caught_by: &[D1, D2, D3, D4, D5, D8],
        words: "a dump is loaded although there is a newer log",
        plant: || Box::new(Recoveries::of(Bug::DumpFirst)),
    },
    Sabotage {
        name: "rot-cut-like-a-torn-tail",
        number: "53",
        fault: "a bit flips early in the log",
        caught_by: &[D9],
        words: "rot in the middle of the log is cut off with everything behind it",
        plant: || Box::new(Recoveries::of(Bug::RotCut)),
    },
    Sabotage {
        name: "rot-skipped",
        number: "53b",
        fault: "a bit flips early in the log",
        caught_by: &[D5, D6, D9, T3],
        words: "a batch that does not match its checksum is skipped",
        plant: || Box::new(Recoveries::of(Bug::RotSkipped)),
    },
    Sabotage {
        name: "no-checksum-of-batches",
        number: "54",
        fault: "a bit flips in a value",
        caught_by: &[D5, D9, T3, L1],
        words: "batches are executed without a look at their checksum",
        plant: || Box::new(Recoveries::of(Bug::Unverified)),
    },
    Sabotage {
        name: "checksum-without-lsn",
        number: "55",
        fault: "a misdirected write",
        caught_by: &[D5, D6, D9, T3],
        words: "a whole batch that belongs elsewhere is accepted",
        plant: || Box::new(Recoveries::of(Bug::AnyLsn)),
    },
    Sabotage {
        name: "cut-one-batch-too-many",
        number: "57c",
        fault: "torn tail",
        caught_by: &[D1, D2, D3, D4],
        words: "the batch before a torn tail is cut off with it",
        plant: || Box::new(Recoveries::of(Bug::CutMore)),
    },
    Sabotage {
        name: "last-file-not-read",
        number: "37b",
        fault: "restart with two incremental files",
        caught_by: &[D1, D2, D3, D4, D5, D8],
        words: "the last of several incremental files is not read",
        plant: || Box::new(Recoveries::of(Bug::LastFileForgotten)),
    },
    Sabotage {
        name: "older-base-preferred",
        number: "60b",
        fault: "crash before old files are removed",
        caught_by: &[D1, D2, D3, D4, D5, D8, L1],
        words: "while the old base is still there it is loaded in place of the new one",
        plant: || Box::new(Recoveries::of(Bug::OlderBase)),
    },
    Sabotage {
        name: "evicted-while-loading",
        number: "64",
        fault: "restart",
        caught_by: &[D5],
        words: "memory is short while data are loaded, and a key is let go without a DEL",
        plant: || Box::new(Recoveries::of(Bug::Evicts)),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    CutErrorIgnored,
    NoCut,
    CutNotSynced,
    ZerosKept,
    RewritesInPlace,
    ReadErrorIsEnd,
    ListErrorIsEmpty,
    ShortReadIsEnd,
    BaseUnverified,
    CutBase,
    DumpFirst,
    RotCut,
    RotSkipped,
    Unverified,
    AnyLsn,
    CutMore,
    LastFileForgotten,
    OlderBase,
    Evicts,
}

/// A bug in the recovery.
#[derive(Debug)]
struct Recoveries {
    bug: Bug,
    ledger: Ledger,
    /// Files of which no more is read.
    ended: Vec<FileId>,
    /// How many bytes a read asked for.
    wanted: BTreeMap<Ticket, usize>,
    /// A torn tail was cut off in this life.
    has_cut: bool,
    /// By how much files are longer than the core believes.
    longer: BTreeMap<Name, u64>,
    in_place: Replacing,
    /// What waits for that.
    opening: Option<(Ticket, IoReq)>,
}

impl Recoveries {
    fn of(bug: Bug) -> Self {
        Self {
            bug,
            ledger: Ledger::default(),
            ended: Vec::new(),
            wanted: BTreeMap::new(),
            has_cut: false,
            longer: BTreeMap::new(),
            in_place: Replacing::of(Manner { renames: false, syncs_file: true, syncs_dir: false }),
            opening: None,
        }
    }

    fn cut(&mut self, ticket: Ticket, file: FileId, len: u64, desk: &mut Desk<'_>) {
        self.has_cut = true;
        let name = self.ledger.name(file).cloned();
        let content = name.as_ref().and_then(|name| desk.content(name)).unwrap_or_default();
        let tail = content.get(len as usize..).unwrap_or_default();
        let is_kept = match self.bug {
            Bug::NoCut => true,
            Bug::ZerosKept => !tail.is_empty() && tail.iter().all(|&byte| byte == 0),
            _ => false,
        };
        if self.bug == Bug::ZerosKept
            && is_kept
            && let Some(name) = name
        {
            self.longer.insert(name, tail.len() as u64);
        }
        if is_kept {
            desk.tell(ticket, IoResult::Done);
        } else {
            desk.ask(ticket, IoReq::Truncate { file, len });
        }
    }

    fn read(&self, asked: Option<Asked>, wanted: usize, result: IoResult) -> (IoResult, bool) {
        let is_error = |result: &IoResult| match result {
            IoResult::Failed(error) => error.kind == IoErrorKind::Other,
            _ => false,
        };
        match (self.bug, asked, result) {
            (Bug::ReadErrorIsEnd, Some(Asked::ReadAt(_)), result) if is_error(&result) => {
                (IoResult::Bytes(Vec::new()), true)
            }
            (Bug::ListErrorIsEmpty, Some(Asked::List), result) if is_error(&result) => {
                (IoResult::Files(Vec::new()), false)
            }
            (Bug::CutErrorIgnored, Some(Asked::Truncate), result) if is_error(&result) => {
                (IoResult::Done, false)
            }
            (Bug::ShortReadIsEnd, Some(Asked::ReadAt(_)), IoResult::Bytes(bytes)) => {
                let is_short = bytes.len() < wanted;
                (IoResult::Bytes(bytes), is_short)
            }
            (_, _, result) => (result, false),
        }
    }
}

impl Saboteur for Recoveries {
    fn configure(&mut self, config: &mut Config) {
        match self.bug {
            Bug::BaseUnverified => config.rdbchecksum = false,
            Bug::CutBase | Bug::Evicts => config.aof_use_rdb_preamble = false,
            _ => {}
        }
    }

    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        self.ledger.note(ticket, &request);
        match request {
            IoReq::Truncate { file, len } => self.cut(ticket, file, len, desk),
            IoReq::Sync { .. }
                if self.bug == Bug::CutNotSynced && self.has_cut && !self.ledger.has_written =>
            {
                desk.tell(ticket, IoResult::Done);
            }
            IoReq::Open { ref name, mode: OpenMode::Read, .. }
                if self.bug == Bug::RewritesInPlace && is_incr(name) =>
            {
                let (name, bytes) = (name.clone(), desk.content(name).unwrap_or_default());
                self.opening = Some((ticket, request));
                self.in_place.begin(ticket, name, bytes, desk);
            }
            IoReq::ReadAt { file, .. } if self.ended.contains(&file) => {
                desk.tell(ticket, IoResult::Bytes(Vec::new()));
            }
            IoReq::ReadAt { len, .. } => {
                self.wanted.insert(ticket, len);
                desk.ask(ticket, request);
            }
            IoReq::WriteAt { file, at, bytes, from } => {
                let name = self.ledger.name(file);
                let longer = name.and_then(|name| self.longer.get(name)).copied().unwrap_or(0);
                desk.ask(ticket, IoReq::WriteAt { file, at: at + longer, bytes, from });
            }
            other => desk.ask(ticket, other),
        }
    }

    fn completion(&mut self, ticket: Ticket, result: IoResult, desk: &mut Desk<'_>) {
        let (ticket, result) = match self.in_place.completed(ticket, result, desk) {
            Progress::NotOurs(result) => (ticket, result),
            Progress::GoesOn => return,
            Progress::Ended(..) => {
                let opening = self.opening.take();
                return opening.into_iter().for_each(|(ticket, open)| desk.ask(ticket, open));
            }
        };
        let asked = self.ledger.over(ticket);
        let wanted = self.wanted.remove(&ticket).unwrap_or(0);
        let (result, is_end) = self.read(asked, wanted, result);
        if let (true, Some(Asked::ReadAt(file))) = (is_end, asked) {
            self.ended.push(file);
        }
        desk.tell(ticket, result);
    }

    fn crashed(&mut self, disk: &mut Disk, _crash: Crash, _now: Now) {
        *self = Self::of(self.bug);
        match self.bug {
            Bug::CutBase => damage::complete_base(disk),
            Bug::DumpFirst => damage::prefer_dump(disk),
            Bug::RotCut => damage::cut_at_damage(disk),
            Bug::RotSkipped => damage::skip_damaged(disk),
            Bug::Unverified => damage::accept_damaged(disk),
            Bug::AnyLsn => damage::accept_misplaced(disk),
            Bug::CutMore => damage::cut_one_more(disk),
            Bug::LastFileForgotten => damage::forget_last_file(disk),
            Bug::OlderBase => damage::prefer_older_base(disk),
            Bug::Evicts => damage::evict(disk),
            _ => {}
        }
    }
}
