//! MULTI, EXEC and WATCH.

use std::collections::BTreeMap;

use super::keyspace::{Event, Keyspace};
use super::reply::{OK, Reply};
use super::{Entry, Model, Session, Watch, Words};

/// What MULTI began.
#[derive(Clone, Debug, Default)]
pub(super) struct Transaction {
    pub(super) queue: Vec<Words>,
    pub(super) is_aborted: bool,
}

/// Ends a transaction and all watches.
pub(super) fn leave(session: &mut Session) {
    session.transaction = None;
    session.watches.clear();
    session.is_touched = false;
}

/// The commands around transactions that touch no key.
pub(super) fn around(session: &mut Session, name: &[u8]) -> Reply {
    match (name, session.transaction.is_some()) {
        (b"multi", true) => return Reply::Error("ERR MULTI calls can not be nested".into()),
        (b"multi", false) => session.transaction = Some(Transaction::default()),
        (b"discard", false) => return Reply::Error("ERR DISCARD without MULTI".into()),
        (b"reset", _) => {
            *session = Session { id: session.id, ..Session::default() };
            return Reply::Simple("RESET");
        }
        _ => leave(session),
    }
    OK
}

impl Model {
    pub(super) fn watch(&mut self, session: &mut Session, words: &[Vec<u8>], now_ms: i64) -> Reply {
        if session.transaction.is_some() {
            return Reply::Error("ERR WATCH inside MULTI is not allowed".into());
        }
        for key in &words[1..] {
            let is_it = |watch: &Watch| watch.db == session.db && watch.key == *key;
            if !session.watches.iter().any(is_it) {
                let entry = self.keyspace.peek(session.db, key);
                let was_dead = entry.is_some_and(|entry| entry.is_dead(now_ms));
                session.watches.push(Watch { db: session.db, key: key.clone(), was_dead });
            }
        }
        OK
    }

    pub(super) fn exec(&mut self, session: &mut Session, now_ms: i64) -> Reply {
        let Some(transaction) = session.transaction.take() else {
            return Reply::Error("ERR EXEC without MULTI".into());
        };
        let is_dead = |watch: &Watch| {
            let entry = self.keyspace.peek(watch.db, &watch.key);
            !watch.was_dead && entry.is_some_and(|entry| entry.is_dead(now_ms))
        };
        let is_touched = session.is_touched || session.watches.iter().any(is_dead);
        leave(session);
        if transaction.is_aborted {
            let text = "EXECABORT Transaction discarded because of previous errors.";
            return Reply::Error(text.into());
        }
        if is_touched {
            return Reply::NullArray;
        }
        let run = |words: &Words| self.run(session, words, now_ms, false).0;
        let replies = transaction.queue.iter().map(run);
        Reply::Array(replies.collect())
    }

    /// Tells those who watch what happened to their keys; `own` is who is not at home.
    pub(super) fn tell_watchers(&mut self, mut own: Option<&mut Session>, now_ms: i64) {
        for event in std::mem::take(&mut self.keyspace.events) {
            self.waits.hear(&event);
            self.walks.hear(&event, &self.keyspace);
            for session in self.sessions.values_mut().chain(own.as_deref_mut()) {
                for watch in &mut session.watches {
                    session.is_touched |= watch.hears(&event, &self.keyspace, now_ms);
                }
            }
        }
    }
}

impl Watch {
    /// Whether what happened is a change of this key.
    fn hears(&mut self, event: &Event, keyspace: &Keyspace, now_ms: i64) -> bool {
        match event {
            Event::Changed(db, key) => (self.db, &self.key) == (*db, key),
            Event::Expired(db, key) if (self.db, &self.key) == (*db, key) => {
                // From now on it is missing for everybody.
                !std::mem::take(&mut self.was_dead)
            }
            Event::Replaced(db, before) if self.db == *db => {
                let after = keyspace.peek(self.db, &self.key);
                self.is_replaced(before, after, now_ms)
            }
            _ => false,
        }
    }

    /// Whether a key of a database that was emptied or swapped has changed: that a dead key goes or
    /// comes is no change.
    fn is_replaced(
        &mut self,
        before: &BTreeMap<Vec<u8>, Entry>,
        after: Option<&Entry>,
        now_ms: i64,
    ) -> bool {
        match (before.get(&self.key), after) {
            (None, None) => false,
            (Some(_), None) => !std::mem::take(&mut self.was_dead),
            (_, Some(after)) if !after.is_dead(now_ms) => true,
            (Some(_), Some(_)) => !self.was_dead,
            (None, Some(_)) => {
                self.was_dead = true;
                false
            }
        }
    }
}
