//! The oracle of a world: the model, executed in step with the core, and what it says of replies.

use std::collections::{BTreeMap, VecDeque};

use seedis_core::{ConnId, Core};

use super::timeline::Timeline;
use crate::model::{Expected, Keyspace, Model, Words};
use crate::replay;

/// The model and the replies that clients wait for.
#[derive(Debug)]
pub(crate) struct Oracle {
    model: Model,
    waiting: BTreeMap<ConnId, VecDeque<(Words, Expected)>>,
    /// It met something that it cannot follow: nothing is compared from then on.
    pub(crate) is_lost: bool,
}

impl Oracle {
    pub(crate) fn new(databases: usize, bulk_bytes_max: usize) -> Self {
        let model = Model::new(databases, bulk_bytes_max);
        Self { model, waiting: BTreeMap::new(), is_lost: false }
    }

    pub(crate) fn connect(&mut self, conn: ConnId) {
        self.model.connect(conn);
        self.waiting.insert(conn, VecDeque::new());
    }

    pub(crate) fn disconnect(&mut self, conn: ConnId) {
        self.model.disconnect(conn);
        self.waiting.remove(&conn);
    }

    /// The process ended; the next life begins with this.
    pub(crate) fn restart(&mut self, keyspace: Keyspace) {
        self.model.restart(keyspace);
        self.waiting.clear();
    }

    /// The core has executed a command of a connection.
    pub(crate) fn executed(&mut self, conn: ConnId, words: Words, now_ms: i64) {
        let expected = self.model.execute(conn, &words, now_ms);
        self.is_lost |= expected.reply.is_lost();
        self.waiting.entry(conn).or_default().push_back((words, expected));
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
        let Some((words, expected)) = waiting else {
            panic!("{conn:?} got {} and had asked for nothing", Timeline::shown(reply));
        };
        assert!(
            expected.reply.is(reply, expected.is_resp3),
            "{} answered {}, expected {:?}",
            Timeline::command(&words),
            Timeline::shown(reply),
            expected.reply
        );
    }

    /// A turn has ended.
    pub(crate) fn settle(&mut self, core: &Core, now_ms: i64) {
        self.model.settle(now_ms, |db, key| core.holds(db, key));
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
            let expected = Some((entry.bytes.clone(), deadline));
            let found = found.remove(&(db, key.to_vec()));
            let shown = Timeline::shown(key);
            assert_eq!(found, expected, "the key {shown} of database {db} differs");
        }
        assert_eq!(found.keys().next(), None, "the core has a key that should not be there");
    }
}
