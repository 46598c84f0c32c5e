//! Bugs of clients that wait for keys: who is served though he has left, and who is told too early.
//!
//! A boundary sees that somebody waits by what he has said last, and that somebody was served by
//! the log: a turn takes from the key that it has just pushed to. A client of its own who does both
//! looks the same, and is told too early as well.

use std::collections::{BTreeMap, BTreeSet};

use seedis_core::config::AppendFsync;
use seedis_core::io::FileId;
use seedis_core::{Config, ConnId, IoReq, IoResult, Now, Ticket};

use super::boundary::{Desk, Saboteur};
use super::follower::Follower;
use super::ledger::Ledger;
use super::log_text::{Batch, is};
use super::table::Sabotage;
use crate::disk::{Crash, Disk};
use crate::finding::Invariant::{B1, D1, D2, D3, L1, P1, T1};

pub(super) const ROWS: &[Sabotage] = &[
    Sabotage {
        name: "served-before-sync",
        number: "6",
        fault: "a client waits, push, power loss",
        caught_by: &[D1, D2, D3],
        words: "under `always` a client that waited is told what it got when the sync is asked for",
        plant: || Box::new(ServedBeforeSync::default()),
    },
    Sabotage {
        name: "who-left-is-served",
        number: "87",
        fault: "a client that waits leaves, push",
        caught_by: &[B1, T1, P1, L1],
        words: "who leaves while it waits goes on waiting, and takes what comes",
        plant: || Box::new(WhoLeft::default()),
    },
];

/// A sync is said to be done when it is asked for, if what it is about has served who waited.
#[derive(Debug, Default)]
struct ServedBeforeSync {
    is_on: bool,
    ledger: Ledger,
    follower: Follower,
    /// Files to which such batches were written since their last sync.
    served: BTreeSet<FileId>,
}

const PUSHES: [&str; 6] = ["LPUSH", "RPUSH", "ZADD", "XADD", "LMOVE", "RPOPLPUSH"];
const TAKES: [&str; 9] =
    ["LPOP", "RPOP", "LMOVE", "RPOPLPUSH", "LTRIM", "ZREM", "ZPOPMIN", "ZPOPMAX", "XCLAIM"];

/// Whether somebody takes from a key in the turn in which it was pushed to.
fn serves(batch: &Batch) -> bool {
    let mut pushed = BTreeSet::new();
    batch.commands().iter().any(|words| {
        let one_of = |names: &[&str]| names.iter().any(|name| is(words, name));
        let takes = one_of(&TAKES) && pushed.contains(&words[1]);
        if one_of(&PUSHES) {
            pushed.insert(words[1].clone());
        }
        takes
    })
}

impl Saboteur for ServedBeforeSync {
    fn configure(&mut self, config: &mut Config) {
        self.is_on = config.appendfsync == AppendFsync::Always;
    }

    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        self.ledger.note(ticket, &request);
        match request {
            IoReq::WriteAt { file, at, bytes, from } if self.ledger.is_log(file) => {
                let batches = self.follower.follow(file, at, &bytes[from..]);
                if self.is_on && batches.iter().any(serves) {
                    self.served.insert(file);
                }
                desk.ask(ticket, IoReq::WriteAt { file, at, bytes, from });
            }
            IoReq::Sync { file } if self.served.remove(&file) => {
                desk.ask_for_itself(IoReq::Sync { file });
                desk.tell(ticket, IoResult::Done);
            }
            other => desk.ask(ticket, other),
        }
    }

    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, _now: Now) {
        self.ledger.forget();
        self.follower.forget();
        self.served.clear();
    }
}

/// The core hears that a client has left when somebody else takes its slot, if it may have waited.
#[derive(Debug, Default)]
struct WhoLeft {
    /// Who has said something that may wait.
    may_wait: BTreeSet<ConnId>,
    left: BTreeMap<u32, ConnId>,
}

const WAITS: [&[u8]; 8] =
    [b"BLPOP", b"BRPOP", b"BLMOVE", b"BLMPOP", b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP", b"BLOCK"];

impl Saboteur for WhoLeft {
    fn arrived(&mut self, conn: ConnId, kept: &mut Vec<u8>, _from: usize) {
        let said = kept.to_ascii_uppercase();
        let has = |word: &&[u8]| said.windows(word.len()).any(|part| part == *word);
        if WAITS.iter().any(has) {
            self.may_wait.insert(conn);
        }
    }

    fn disconnects(&mut self, conn: ConnId) -> bool {
        let may_wait = self.may_wait.remove(&conn);
        if may_wait {
            self.left.insert(conn.slot, conn);
        }
        !may_wait
    }

    fn leaves_late(&mut self, conn: ConnId) -> Option<ConnId> {
        self.left.remove(&conn.slot)
    }

    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, _now: Now) {
        self.may_wait.clear();
        self.left.clear();
    }
}
