//! The oracle of a world: the model, executed in step with the core, and what it says of replies.

use std::collections::{BTreeMap, VecDeque};

use seedis_core::config::AppendFsync;
use seedis_core::{ConnId, Core, Now, Turn};

use super::changes;
use super::durability::{Damage, History, Told};
use super::rot::Verdict;
use super::timeline::Timeline;
use crate::disk::Crash;
use crate::finding::Invariant::{P1, T1};
use crate::finding::{check, found};
use crate::model::{Entry, Expected, Keyspace, Model, Reply, Words};
use crate::replay;

/// The model and the replies that clients wait for.
#[derive(Debug)]
pub(crate) struct Oracle {
    model: Model,
    history: History,
    waiting: BTreeMap<ConnId, VecDeque<Waiting>>,
    /// It met something that it cannot follow: nothing is compared from then on.
    pub(crate) is_lost: bool,
}

/// A command that was executed and whose reply was not read.
#[derive(Debug)]
struct Waiting {
    words: Words,
    expected: Expected,
    told: Told,
}

impl Oracle {
    pub(crate) fn new(
        databases: usize,
        bulk_bytes_max: usize,
        policy: Option<AppendFsync>,
        follows: bool,
    ) -> Self {
        let model = Model::new(databases, bulk_bytes_max);
        let history = History::new(policy, follows);
        Self { model, history, waiting: BTreeMap::new(), is_lost: false }
    }

    pub(crate) fn connect(&mut self, conn: ConnId) {
        self.model.connect(conn);
        self.waiting.insert(conn, VecDeque::new());
    }

    pub(crate) fn disconnect(&mut self, conn: ConnId) {
        self.model.disconnect(conn);
        self.waiting.remove(&conn);
    }

    /// A life ends. What was asked for and not answered is not answered any more.
    pub(crate) fn crashed(&mut self, core: &Core, crash: Crash, damage: Damage) {
        self.waiting.clear();
        self.model.restart(Keyspace::new(core.databases().count()));
        match core.is_loading() {
            true => self.history.crashed_again(crash, damage),
            false => self.history.crashed(crash, core.watermarks().durable, damage),
        }
    }

    /// A file that is to be loaded has rotted, or is whole again.
    pub(crate) fn rotted(&mut self, rot: Option<Verdict>) {
        self.history.rotted(rot);
    }

    /// A life begins to serve with what it has loaded.
    ///
    /// # Panics
    ///
    /// When that is no state that a crash may leave.
    pub(crate) fn recovered(&mut self, core: &Core, now_ns: u64) {
        let mut keyspace = Keyspace::new(core.databases().count());
        for ((db, key), (value, deadline)) in replay::dump(core) {
            let deadline_ms = deadline.and_then(|deadline| i64::try_from(deadline).ok());
            keyspace.put(db, &key, Entry { value, deadline_ms });
        }
        let lsn = core.watermarks().enqueued;
        if let Err((invariant, words)) = self.history.recovered(keyspace.hash(), lsn, now_ns)
            && !self.is_lost
        {
            found(invariant, words);
        }
        self.model.restart(keyspace);
    }

    /// Everything that decides what may be recovered.
    pub(crate) fn allowance(&self) -> u128 {
        self.history.allowance()
    }

    /// A turn begins: some keys may have expired.
    pub(crate) fn turn_began(&mut self, turn: &Turn<'_>, now_ms: i64) {
        self.model.refuse_writes(turn.write_refusal());
        self.model.settle(now_ms, |db, key| turn.holds(db, key));
    }

    /// The core has executed a command of a connection.
    pub(crate) fn executed(&mut self, conn: ConnId, words: Words, now_ms: i64) {
        let before = self.model.keyspace().changes();
        let is_queued = self.model.is_in_transaction(conn);
        let mut expected = self.model.execute(conn, &words, now_ms);
        if let Some(policy) = changes::policy(&words).filter(|_| !is_queued) {
            expected.reply = Reply::Simple("OK");
            self.history.policy_changed(policy);
        }
        self.is_lost |= expected.reply.is_lost();
        let keyspace = self.model.keyspace();
        let told = self.history.executed(keyspace.changes() != before, keyspace.hash());
        self.waiting.entry(conn).or_default().push_back(Waiting { words, expected, told });
    }

    /// A client has read a reply.
    ///
    /// # Panics
    ///
    /// When it is another than it must be: that is the finding.
    pub(crate) fn replied(&mut self, conn: ConnId, reply: &[u8]) {
        if self.is_lost {
            return;
        }
        let waiting = self.waiting.get_mut(&conn).and_then(VecDeque::pop_front);
        let Some(Waiting { words, expected, told }) = waiting else {
            let shown = Timeline::shown(reply);
            found(P1, format!("{conn:?} got {shown} and had asked for nothing"));
        };
        check(expected.reply.is(reply, expected.is_resp3), P1, || {
            let (asked, shown) = (Timeline::command(&words), Timeline::shown(reply));
            format!("{asked} answered {shown}, expected {:?}", expected.reply)
        });
        self.history.replied(told);
    }

    /// Whether every command that was executed is answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.is_lost || self.waiting.values().all(VecDeque::is_empty)
    }

    /// A turn has ended.
    pub(crate) fn turn_ended(&mut self, core: &Core, now: Now, late_ns: u64) {
        self.model.settle(now.wall_ms(), |db, key| core.holds(db, key));
        let refuses = core.write_refusal().is_some();
        let lsn = core.watermarks().enqueued;
        self.history.noted(now.mono_ns, late_ns, refuses);
        self.history.turn_ended(self.model.keyspace().hash(), lsn, now.mono_ns);
    }

    /// Compares all keys, values and deadlines.
    ///
    /// # Panics
    ///
    /// When they differ.
    pub(crate) fn compare(&self, core: &Core) {
        if self.is_lost {
            return;
        }
        let mut found = replay::dump(core);
        for (db, key, entry) in self.model.keyspace().iter() {
            let deadline = entry.deadline_ms.and_then(|deadline| u64::try_from(deadline).ok());
            let expected = Some((entry.value.clone(), deadline));
            let found = found.remove(&(db, key.to_vec()));
            let shown = Timeline::shown(key);
            check(found == expected, T1, || {
                format!("the key {shown} of database {db} is {found:?}, expected {expected:?}")
            });
        }
        check(found.is_empty(), T1, || {
            format!("the core has a key too many: {:?}", found.keys().next())
        });
    }
}
