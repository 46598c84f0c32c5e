//! Bugs of snapshots: what a base holds, and when it is durable.
//!
//! A save is rendered whole and written here, piece by piece, so that its content and its syncs can
//! be others. Bases are made of commands for that, which the seed might have drawn anyway.

use std::collections::BTreeMap;

use seedis_core::io::{FileId, IoErrorKind};
use seedis_core::rdb::save::Save;
use seedis_core::{Config, IoReq, IoResult, Now, Ticket};

use super::boundary::{Desk, Saboteur};
use super::follower::Follower;
use super::ledger::Ledger;
use super::log_text::{annotations, commands, is, write_command};
use super::table::Sabotage;
use crate::disk::{Crash, Disk};
use crate::finding::Invariant::{D1, D2, D3, D4, D5, D8, L1, T3};
use crate::model::Words;

pub(super) const ROWS: &[Sabotage] = &[
    Sabotage {
        name: "base-not-synced-before-rename",
        number: "29",
        fault: "power loss; the rename is kept, the content is not",
        caught_by: &[D1, D2, D3, D5, D8, L1, T3],
        words: "a base is renamed and named before its content is durable",
        plant: || Box::new(Snapshots::of(Bug::NoSync)),
    },
    Sabotage {
        name: "base-synced-at-its-start",
        number: "52",
        fault: "power loss after the rename",
        caught_by: &[D1, D2, D3, D5, D8, L1, T3],
        words: "a base is synced after its first piece and not at its end",
        plant: || Box::new(Snapshots::of(Bug::SyncAtStart)),
    },
    Sabotage {
        name: "base-reads-live-values",
        number: "42",
        fault: "writes while a base is written, restart",
        caught_by: &[D5, T3, L1],
        words: "a base holds what a batch behind its cut has done",
        plant: || Box::new(Snapshots::of(Bug::LiveValues)),
    },
    Sabotage {
        name: "base-skips-keys",
        number: "43",
        fault: "rewrite with many keys, restart",
        caught_by: &[D5],
        words: "a base leaves out a key where a segment splits",
        plant: || Box::new(Snapshots::of(Bug::SkipsKeys)),
    },
    Sabotage {
        name: "base-holds-deleted-key",
        number: "44",
        fault: "DEL before a rewrite, restart",
        caught_by: &[D5],
        words: "a base still holds the key that was deleted last",
        plant: || Box::new(Snapshots::of(Bug::Deleted)),
    },
    Sabotage {
        name: "base-forgets-passed-deadline",
        number: "45",
        fault: "a deadline passes while a base is written, restart",
        caught_by: &[T3],
        words: "a key whose deadline passes within a second is written without it",
        plant: || Box::new(Snapshots::of(Bug::PassedWithout)),
    },
    Sabotage {
        name: "base-omits-passed-key",
        number: "46",
        fault: "a deadline passes while a base is written, restart",
        caught_by: &[D5],
        words: "a key whose deadline passes within a second is not written, and no DEL is logged",
        plant: || Box::new(Snapshots::of(Bug::PassedOmitted)),
    },
    Sabotage {
        name: "failed-base-leaks-into-next",
        number: "48",
        fault: "full disk in a rewrite, another rewrite, restart",
        caught_by: &[D1, D2, D3, D4, D5, T3, D8],
        words: "after a rewrite that failed the next one writes what the failed one had rendered",
        plant: || Box::new(Snapshots::of(Bug::Leaks)),
    },
    Sabotage {
        name: "base-rounds-deadlines",
        number: "80b",
        fault: "rewrite, restart",
        caught_by: &[T3],
        words: "a base holds deadlines in whole seconds",
        plant: || Box::new(Snapshots::of(Bug::Rounded)),
    },
    Sabotage {
        name: "base-forgets-field-deadlines",
        number: "45b",
        fault: "rewrite of a hash whose fields have deadlines, restart",
        caught_by: &[T3],
        words: "a base holds fields of hashes without their deadlines",
        plant: || Box::new(Snapshots::of(Bug::FieldsForEver)),
    },
    Sabotage {
        name: "base-without-databases",
        number: "63b",
        fault: "rewrite with keys in a database that is not 0, restart",
        caught_by: &[D5, T3],
        words: "a base does not say which database its keys are in",
        plant: || Box::new(Snapshots::of(Bug::NoSelect)),
    },
    Sabotage {
        name: "base-lacks-its-last-piece",
        number: "50b",
        fault: "rewrite, restart",
        caught_by: &[D5, L1],
        words: "the last buffer of a base is not written",
        plant: || Box::new(Snapshots::of(Bug::LastPiece)),
    },
    Sabotage {
        name: "failed-base-taken-for-done",
        number: "48b",
        fault: "full disk in a rewrite, restart",
        caught_by: &[D1, D3, D4, D5, D8, L1],
        words: "a base that could not be written whole is named all the same",
        plant: || Box::new(Snapshots::of(Bug::ErrorIgnored)),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    NoSync,
    SyncAtStart,
    LiveValues,
    SkipsKeys,
    Deleted,
    PassedWithout,
    PassedOmitted,
    Leaks,
    Rounded,
    FieldsForEver,
    NoSelect,
    LastPiece,
    ErrorIgnored,
}

/// A bug in how bases are written.
#[derive(Debug)]
struct Snapshots {
    bug: Bug,
    ledger: Ledger,
    follower: Follower,
    saving: Option<Saving>,
    /// Database and key of the last removal that passed.
    deleted: Option<(Vec<u8>, Vec<u8>)>,
    db: Vec<u8>,
    leaked: Option<Vec<u8>>,
    own: BTreeMap<Ticket, Work>,
}

#[derive(Debug)]
struct Saving {
    ticket: Ticket,
    file: FileId,
    bytes: Vec<u8>,
    written: usize,
    /// Turns that it waits before it begins.
    waits: u32,
    has_synced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Write,
    Sync,
}

const PIECE_BYTES: usize = 700;

/// What a save waits for is likely to have come by then.
const WAIT_TURNS: u32 = 20;

impl Snapshots {
    fn of(bug: Bug) -> Self {
        Self {
            bug,
            ledger: Ledger::default(),
            follower: Follower::default(),
            saving: None,
            deleted: None,
            db: b"0".to_vec(),
            leaked: None,
            own: BTreeMap::new(),
        }
    }

    fn save(&mut self, ticket: Ticket, file: FileId, mut save: Box<Save>, desk: &mut Desk<'_>) {
        let mut bytes = Vec::new();
        while let Some(piece) = save.next_piece() {
            bytes.extend(piece);
        }
        if self.bug == Bug::LastPiece {
            bytes.truncate(bytes.len().saturating_sub(1) / PIECE_BYTES * PIECE_BYTES);
        }
        if let Some(leaked) = self.leaked.take() {
            bytes = leaked;
        }
        let waits = match self.bug {
            Bug::LiveValues | Bug::PassedWithout | Bug::PassedOmitted => WAIT_TURNS,
            _ => 0,
        };
        self.saving = Some(Saving { ticket, file, bytes, written: 0, waits, has_synced: false });
        if waits == 0 {
            self.alter(desk.now());
            self.go_on(desk);
        }
    }

    /// Makes the content another one.
    fn alter(&mut self, now: Now) {
        let Some(saving) = &mut self.saving else { return };
        let before = commands(&saving.bytes);
        let mut after: Vec<Words> = Vec::new();
        for (at, words) in before.iter().enumerate() {
            let mut words = words.clone();
            let deadline: Option<i64> = deadline_of(&words);
            // Its clock is a second ahead.
            let has_passed = deadline.is_some_and(|deadline| deadline <= now.wall_ms() + 1000);
            match self.bug {
                Bug::SkipsKeys if at % 16 == 15 && is(&words, "SET") => continue,
                Bug::NoSelect if is(&words, "SELECT") => continue,
                Bug::FieldsForEver if is(&words, "HPEXPIREAT") => continue,
                Bug::PassedOmitted if has_passed => continue,
                Bug::PassedWithout if has_passed => words.truncate(3),
                Bug::Rounded => {
                    if let Some(deadline) = deadline {
                        words[4] = (deadline / 1000 * 1000).to_string().into_bytes();
                    }
                }
                _ => {}
            }
            after.push(words);
        }
        if let (Bug::Deleted, Some((db, key))) = (self.bug, &self.deleted) {
            after.push(vec![b"SELECT".to_vec(), db.clone()]);
            after.push(vec![b"SET".to_vec(), key.clone(), b"ghost".to_vec()]);
        }
        if after != before {
            saving.bytes.truncate(annotations(&saving.bytes).len());
            after.iter().for_each(|words| write_command(&mut saving.bytes, words));
        }
    }

    fn go_on(&mut self, desk: &mut Desk<'_>) {
        let Some(saving) = &self.saving else { return };
        let Saving { ticket, file, written, has_synced, .. } = *saving;
        let left = &saving.bytes[written..];
        let syncs_now = match self.bug {
            Bug::NoSync => false,
            Bug::SyncAtStart => written >= PIECE_BYTES.min(saving.bytes.len()),
            _ => left.is_empty(),
        };
        let (work, request) = if syncs_now && !has_synced {
            (Work::Sync, IoReq::Sync { file })
        } else if left.is_empty() {
            self.saving = None;
            return desk.tell(ticket, IoResult::Saved { len: written as u64 });
        } else {
            let bytes = left[..left.len().min(PIECE_BYTES)].to_vec();
            (Work::Write, IoReq::WriteAt { file, at: written as u64, bytes, from: 0 })
        };
        self.own.insert(desk.ask_for_itself(request), work);
    }

    fn ended(&mut self, work: Work, result: IoResult, desk: &mut Desk<'_>) {
        let Some(saving) = &mut self.saving else { return };
        match result {
            IoResult::Written { count, .. } => saving.written += count,
            IoResult::Failed(error) | IoResult::NotWritten { error, .. } => {
                if error.kind != IoErrorKind::Interrupted {
                    let (ticket, len) = (saving.ticket, saving.written as u64);
                    let saving = self.saving.take();
                    let is_leaked = self.bug == Bug::Leaks;
                    self.leaked = saving.map(|saving| saving.bytes).filter(|_| is_leaked);
                    let is_ignored = self.bug == Bug::ErrorIgnored && work == Work::Write;
                    let failed = IoResult::Failed(error);
                    return desk
                        .tell(ticket, if is_ignored { IoResult::Saved { len } } else { failed });
                }
            }
            _ => saving.has_synced = true,
        }
        self.go_on(desk);
    }

    /// Looks at what passes to the log.
    fn look(&mut self, request: &IoReq) {
        let IoReq::WriteAt { file, at, bytes, from } = request else { return };
        for batch in self.follower.follow(*file, *at, &bytes[*from..]) {
            let all = batch.commands();
            for words in &all {
                match words.first().map(|name| name.to_ascii_uppercase()).as_deref() {
                    Some(b"SELECT") => self.db.clone_from(&words[1]),
                    Some(b"DEL" | b"UNLINK" | b"GETDEL") => {
                        self.deleted = Some((self.db.clone(), words[1].clone()));
                    }
                    Some(_) if words.get(1) == self.deleted.as_ref().map(|(_, key)| key) => {
                        self.deleted = None;
                    }
                    _ => {}
                }
            }
            if self.bug == Bug::LiveValues
                && self.ledger.is_newest_log(*file)
                && let Some(saving) = &mut self.saving
                && saving.waits > 0
            {
                all.iter().for_each(|words| write_command(&mut saving.bytes, words));
                saving.waits = 1;
            }
        }
    }
}

/// The deadline of a key in a base of commands.
fn deadline_of(words: &[Vec<u8>]) -> Option<i64> {
    let digits = words.get(4).filter(|_| is(words, "SET"))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl Saboteur for Snapshots {
    fn configure(&mut self, config: &mut Config) {
        config.aof_use_rdb_preamble = false;
    }

    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        self.ledger.note(ticket, &request);
        match request {
            IoReq::Save { file, save, .. } if self.ledger.is_base(file) => {
                self.save(ticket, file, save, desk);
            }
            request => {
                if matches!(request, IoReq::WriteAt { file, .. } if self.ledger.is_log(file)) {
                    self.look(&request);
                }
                desk.ask(ticket, request);
            }
        }
    }

    fn completion(&mut self, ticket: Ticket, result: IoResult, desk: &mut Desk<'_>) {
        match self.own.remove(&ticket) {
            Some(work) => self.ended(work, result, desk),
            None => desk.tell(ticket, result),
        }
    }

    fn turn(&mut self, desk: &mut Desk<'_>) {
        let Some(saving) = &mut self.saving else { return };
        if saving.waits > 0 {
            saving.waits -= 1;
            if saving.waits == 0 {
                self.alter(desk.now());
                self.go_on(desk);
            }
        }
    }

    fn is_busy(&self) -> bool {
        self.saving.is_some()
    }

    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, _now: Now) {
        *self = Self::of(self.bug);
    }
}
