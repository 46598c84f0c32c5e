//! Bugs of what is logged: the log says something else than what was done.
//!
//! What a life has logged wrongly shows when the next one reads it. So the log is left right while
//! a life lasts, and what was written in it is made wrong when it ends: with checksums that fit and
//! LSNs that follow each other.

use std::collections::BTreeMap;

use seedis_core::io::Name;
use seedis_core::{Config, IoReq, Now, Ticket};

use super::boundary::{Desk, Saboteur};
use super::edits;
use super::follower::Follower;
use super::ledger::Ledger;
use super::log_text::{Batch, commands, files_of, is, part, to_bytes};
use super::table::Sabotage;
use crate::disk::{Crash, Disk};
use crate::finding::Invariant::{D5, D6, T3};
use crate::model::Words;

/// What is known where a command is logged.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// The deadline of the key that it names first, before it.
    pub(super) deadline: Option<i64>,
    /// The deadline of the field that it names first, before it.
    pub(super) field_deadline: Option<i64>,
    /// The wall clock when it was logged, and when it is loaded.
    pub(super) logged_ms: i64,
    pub(super) load_ms: i64,
    /// It is the first of its file.
    pub(super) begins_file: bool,
    /// All of its batch, and which of them it is.
    pub(super) all: &'a [Words],
    pub(super) at: usize,
}

/// Commands in place of one.
pub(super) type Edit = fn(&Words, &Place<'_>) -> Vec<Words>;

macro_rules! row {
    ($name:literal, $number:literal, $fault:literal, $caught:expr, $words:literal, $edit:expr) => {
        Sabotage {
            name: $name,
            number: $number,
            fault: $fault,
            caught_by: $caught,
            words: $words,
            plant: || Box::new(Logged::of($edit)),
        }
    };
}

pub(super) const ROWS: &[Sabotage] = &[
    row!(
        "select-left-out-in-new-file",
        "22",
        "rotation, restart, a database that is not 0",
        &[D5, T3],
        "a new incremental file does not say its database",
        edits::no_select
    ),
    row!(
        "relative-deadline",
        "66",
        "restart after a while",
        &[T3],
        "time to live is logged as it was asked for, and counts from the load on",
        edits::relative
    ),
    row!(
        "load-drops-dead-keys",
        "67",
        "restart with the clock ahead",
        &[D5, T3],
        "a load reads the clock and drops what is past its deadline",
        edits::dead_dropped
    ),
    row!(
        "lazy-expiry-not-logged",
        "68",
        "GET after a deadline, clock back, restart",
        &[D5, T3],
        "an expiry that a command met is not logged",
        edits::lazy_unlogged
    ),
    row!(
        "expiry-logged-after-command",
        "69",
        "a deadline passes before a write, restart",
        &[D5, T3],
        "the DEL of an expiry is logged behind the command that met it",
        edits::expiry_late
    ),
    row!(
        "active-expiry-not-logged",
        "70",
        "idle expiry, restart",
        &[D5, T3],
        "an expiry that nobody met is not logged",
        edits::active_unlogged
    ),
    row!(
        "incrbyfloat-forgets-deadline",
        "72",
        "restart",
        &[T3],
        "INCRBYFLOAT is logged as a SET without KEEPTTL",
        edits::no_keepttl
    ),
    row!(
        "set-keeps-deadline",
        "73",
        "restart",
        &[T3],
        "SET of a key with a deadline is logged as one that keeps it",
        edits::keeps_deadline
    ),
    row!(
        "persist-not-logged",
        "73b",
        "restart",
        &[T3],
        "PERSIST, and GETEX with it, is not logged",
        edits::no_persist
    ),
    row!(
        "copy-forgets-deadline",
        "74",
        "restart",
        &[T3],
        "what RENAME or COPY makes has no deadline after a load",
        edits::copy_persists
    ),
    row!(
        "past-deadline-logged-verbatim",
        "75",
        "EXPIRE in the past, restart",
        &[D5, T3],
        "a deadline in the past is logged as such and not as DEL",
        edits::past_verbatim
    ),
    row!(
        "deadline-wraps",
        "77",
        "a huge deadline, restart",
        &[T3],
        "a logged deadline wraps at 2^41",
        edits::wrapped
    ),
    row!(
        "clock-read-twice",
        "79",
        "restart",
        &[T3],
        "the deadline in the log comes from a second reading of the clock",
        edits::second_reading
    ),
    row!(
        "deadline-in-seconds",
        "80",
        "restart near the deadline",
        &[T3],
        "deadlines are logged in whole seconds",
        edits::in_seconds
    ),
    row!(
        "replayed-twice",
        "82",
        "restart",
        &[D5, T3, D6],
        "a command that is not idempotent is logged twice",
        edits::twice
    ),
    row!(
        "choice-made-anew",
        "82b",
        "SPOP, restart",
        &[D5, T3, D6],
        "SPOP is logged as it was said, and takes another member when the log is loaded",
        edits::choice_anew
    ),
    row!(
        "id-made-anew",
        "82c",
        "XADD, restart",
        &[D5, T3, D6],
        "XADD is logged without the ID that the entry got",
        edits::id_anew
    ),
    row!(
        "commands-swapped",
        "83",
        "two commands on one key in a turn, restart",
        &[D5, T3, D6],
        "two commands of a turn are logged in the wrong order",
        edits::swapped
    ),
    row!(
        "flushall-logged-as-flushdb",
        "84",
        "FLUSHALL with two databases, restart",
        &[D5],
        "FLUSHALL is logged as FLUSHDB",
        edits::flush_one
    ),
    row!(
        "del-left-out",
        "84b",
        "restart",
        &[D5, T3],
        "DEL of several keys logs the first",
        edits::first_key_only
    ),
    row!(
        "swapdb-not-logged",
        "84c",
        "restart",
        &[D5, T3],
        "SWAPDB is not logged",
        edits::no_swapdb
    ),
    row!(
        "mset-logged-in-part",
        "84d",
        "restart",
        &[D5, T3],
        "MSET logs all pairs but the last",
        edits::mset_short
    ),
    row!(
        "setrange-logged-as-set",
        "84e",
        "restart",
        &[D5, T3],
        "SETRANGE is logged as SET of its argument",
        edits::setrange_as_set
    ),
    row!(
        "move-not-logged",
        "84f",
        "restart",
        &[D5, T3],
        "MOVE is logged as DEL",
        edits::move_as_del
    ),
    row!(
        "field-expiry-not-logged",
        "70b",
        "a deadline of a field passes, restart",
        &[D5, T3],
        "the HDEL of fields that have expired is not logged",
        edits::field_expiry_unlogged
    ),
    row!(
        "hset-keeps-field-deadline",
        "73c",
        "restart",
        &[T3],
        "after a load a field that was set again has the deadline that it had before",
        edits::hset_keeps
    ),
    row!(
        "hsetex-forgets-field-deadline",
        "72b",
        "restart",
        &[T3],
        "what HSETEX and HINCRBYFLOAT log has no deadline",
        edits::no_deadline_behind_hset
    ),
    row!(
        "hpersist-not-logged",
        "73d",
        "restart",
        &[T3],
        "HPERSIST, and HGETEX with it, is not logged",
        edits::no_hpersist
    ),
    row!(
        "relative-field-deadline",
        "66b",
        "restart after a while",
        &[T3],
        "the time to live of a field is logged as it was asked for, and counts from the load on",
        edits::relative_field
    ),
];

/// A bug in what is logged.
#[derive(Debug)]
struct Logged {
    edit: Edit,
    ledger: Ledger,
    follower: Follower,
    /// The wall clock at each batch of this life, by its LSN.
    written: BTreeMap<u64, i64>,
    life: u64,
}

impl Logged {
    fn of(edit: Edit) -> Self {
        Self {
            edit,
            ledger: Ledger::default(),
            follower: Follower::default(),
            written: BTreeMap::new(),
            life: 0,
        }
    }

    fn edit(&self, disk: &mut Disk, load_ms: i64) {
        let names = files_of(disk, 'i');
        let Some(mut files) =
            names.iter().map(|name| whole(disk, name)).collect::<Option<Vec<_>>>()
        else {
            return;
        };
        let mut walk = Walk {
            edit: self.edit,
            written: &self.written,
            load_ms,
            begins_file: false,
            db: b"0".to_vec(),
            deadlines: BTreeMap::new(),
            field_deadlines: BTreeMap::new(),
        };
        for base in files_of(disk, 'b') {
            let bytes = disk.content(&base).unwrap_or_default();
            commands(bytes).iter().for_each(|words| walk.note(words));
        }
        let mut lsn = None;
        for (name, batches) in names.iter().zip(&mut files) {
            walk.begins_file = true;
            let before = batches.clone();
            for batch in &mut *batches {
                walk.batch(batch);
                batch.lsn = lsn.unwrap_or(batch.lsn);
                lsn = Some(batch.end_lsn());
            }
            if *batches != before {
                disk.set_content(name, to_bytes(batches));
            }
        }
    }
}

/// The batches of a file, if it is whole.
fn whole(disk: &Disk, name: &Name) -> Option<Vec<Batch>> {
    let bytes = disk.content(name)?;
    let found = part(bytes, None);
    (found.len == bytes.len()).then_some(found.batches)
}

/// A walk through the log.
struct Walk<'a> {
    edit: Edit,
    written: &'a BTreeMap<u64, i64>,
    load_ms: i64,
    begins_file: bool,
    db: Vec<u8>,
    deadlines: BTreeMap<(Vec<u8>, Vec<u8>), i64>,
    /// By database, key and field.
    field_deadlines: BTreeMap<Words, i64>,
}

impl Walk<'_> {
    fn batch(&mut self, batch: &mut Batch) {
        let all = batch.commands();
        let logged_ms = self.written.get(&batch.lsn);
        let mut after = Vec::new();
        for (at, words) in all.iter().enumerate() {
            if let Some(&logged_ms) = logged_ms {
                let key = words.get(1).map(|key| (self.db.clone(), key.clone()));
                let field = words.get(1).zip(words.get(2));
                let field = field.map(|(key, field)| [&self.db, key, field].map(Vec::clone));
                let place = Place {
                    field_deadline: field
                        .and_then(|field| self.field_deadlines.get(&field[..]))
                        .copied(),
                    deadline: key.and_then(|key| self.deadlines.get(&key)).copied(),
                    logged_ms,
                    load_ms: self.load_ms,
                    begins_file: self.begins_file,
                    all: &all,
                    at,
                };
                after.extend((self.edit)(words, &place));
            } else {
                after.push(words.clone());
            }
            self.begins_file = false;
            self.note(words);
        }
        if after != all {
            batch.set(&after);
        }
    }

    /// Follows what a command does to deadlines, as far as one name goes.
    fn note(&mut self, words: &Words) {
        let number = |at: usize| std::str::from_utf8(words.get(at)?).ok()?.parse().ok();
        let Some(first) = words.get(1) else { return };
        let key = (self.db.clone(), first.clone());
        if is(words, "SELECT") {
            self.db.clone_from(first);
        } else if is(words, "SET") && words.len() == 5 {
            number(4).map(|at| self.deadlines.insert(key, at));
        } else if is(words, "PEXPIREAT") {
            number(2).map(|at| self.deadlines.insert(key, at));
        } else if is(words, "DEL") || is(words, "PERSIST") || is(words, "SET") && words.len() == 3 {
            self.deadlines.remove(&key);
        }
        self.note_fields(words, first);
    }

    /// The same of deadlines of fields.
    fn note_fields(&mut self, words: &Words, key: &[u8]) {
        let number = |at: usize| std::str::from_utf8(words.get(at)?).ok()?.parse().ok();
        let (from, step, deadline) = match () {
            () if is(words, "HPEXPIREAT") => (5, 1, number(2)),
            () if is(words, "HPERSIST") => (4, 1, None),
            () if is(words, "HSET") || is(words, "HMSET") => (2, 2, None),
            () if is(words, "HDEL") => (2, 1, None),
            () => return,
        };
        for field in words.iter().skip(from).step_by(step) {
            let name = vec![self.db.clone(), key.to_vec(), field.clone()];
            match deadline {
                Some(at) => drop(self.field_deadlines.insert(name, at)),
                None => drop(self.field_deadlines.remove(&name)),
            }
        }
    }
}

impl Saboteur for Logged {
    fn configure(&mut self, config: &mut Config) {
        config.aof_use_rdb_preamble = false;
    }

    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        self.ledger.note(ticket, &request);
        if let IoReq::WriteAt { file, at, bytes, from } = &request
            && self.ledger.is_log(*file)
        {
            for batch in self.follower.follow(*file, *at, &bytes[*from..]) {
                self.written.insert(batch.lsn, desk.now().wall_ms());
            }
        }
        desk.ask(ticket, request);
    }

    fn crashed(&mut self, disk: &mut Disk, _crash: Crash, now: Now) {
        self.edit(disk, now.wall_ms());
        self.life += 1;
        self.ledger.forget();
        self.follower.forget();
        self.written.clear();
    }
}
