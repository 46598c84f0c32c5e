//! Fields of hashes whose deadline has passed.
//!
//! They go as keys go: on time, by active expiry, or when a command is about to look at their hash,
//! before it sees anything; and the log says HDEL with the fields that went, in front of what the
//! command did itself. So a replay needs no clock here either. With its last field a hash goes too.
//!
//! Whether anything is due at all is one comparison with the first deadline of the database's
//! index; only when that has passed does a look at a key ask the hash itself. While CLIENT PAUSE
//! keeps everything from being written, the fields stay, and readers pass over them
//! (see [`LiveHash`](crate::value::LiveHash)).

use super::Server;
use crate::client::Client;
use crate::config::KeyspaceEvents;
use crate::keyspace::{Entry, Key, Place, ValueRef};
use crate::value::{Hash, HashView, Value};

/// What may still be done.
#[derive(Debug)]
pub(super) struct Budget {
    /// Keys or fields to be removed.
    pub(super) removals: usize,
    /// Looks at parts of tables whose bound was too low.
    pub(super) looks: u32,
}

impl Budget {
    /// No limit.
    pub(super) fn unlimited() -> Self {
        Self { removals: usize::MAX, looks: u32::MAX }
    }
}

impl Server {
    /// Whether fields are probably due in some hash of a database.
    #[inline]
    pub(crate) fn has_due_fields(&self, db: u32) -> bool {
        let next_ms = self.dbs[db as usize].next_field_deadline_ms();
        next_ms.is_some_and(|at_ms| self.now.has_passed(at_ms))
    }

    /// The time at which fields are over for readers although they are still there.
    pub(crate) fn hidden_until_ms(&self) -> Option<u64> {
        if self.may_not_expire() { self.now.deadline_ms() } else { None }
    }

    /// A look at an entry that may be a hash with due fields: they go, or are passed over. Returns
    /// where it is then, with its access clock.
    #[cold]
    pub(super) fn look_at_fields(
        &mut self,
        db: u32,
        key: Key<'_>,
        (place, clock): (Place, u32),
        current: Option<&mut Client>,
    ) -> Option<(Place, u32)> {
        let entry = self.dbs[db as usize].entry(place);
        let next_ms = entry.next_field_deadline_ms();
        if !next_ms.is_some_and(|at_ms| self.now.has_passed(at_ms)) {
            return Some((place, clock));
        }
        if let Some(now_ms) = self.hidden_until_ms() {
            return (!is_over(&entry, now_ms)).then_some((place, clock));
        }
        self.expire_fields(db, key, place, &mut Budget::unlimited(), current);
        self.dbs[db as usize].find(key).map(|place| (place, clock))
    }

    /// Removes fields of the hash that waits longest.
    pub(super) fn expire_fields_of_next(&mut self, db: u32, now_ms: u64, budget: &mut Budget) {
        let Some(name) = self.dbs[db as usize].due_hash(now_ms) else { return };
        let key = self.hasher.key(&name);
        let Some(place) = self.dbs[db as usize].find(key) else { return };
        let at_ms = self.dbs[db as usize].next_field_deadline_ms().unwrap_or(now_ms);
        // A bound that was too low costs a look even where nothing else does.
        budget.looks -= 1;
        if self.expire_fields(db, key, place, budget, None) > 0 {
            let late_ms = now_ms - at_ms;
            self.stats.expired_lag_ms_max = self.stats.expired_lag_ms_max.max(late_ms);
            self.log.close_block();
        }
    }

    /// Removes fields of a hash whose deadline has passed, and the hash with the last of them;
    /// returns how many.
    pub(super) fn expire_fields(
        &mut self,
        db: u32,
        key: Key<'_>,
        place: Place,
        budget: &mut Budget,
        mut current: Option<&mut Client>,
    ) -> usize {
        let Some(now_ms) = self.now.deadline_ms() else { return 0 };
        let (fields, is_empty) = self.change(db, key, Some(place), |hash: &mut Hash| {
            let fields = hash.take_expired(now_ms, budget.removals, &mut budget.looks);
            (fields, hash.is_empty())
        });
        if fields.is_empty() {
            return 0;
        }
        budget.removals -= fields.len();
        self.stats.expired_fields += fields.len() as u64;
        if current.is_some() {
            self.ledger.cost += fields.len() as u64;
        }
        self.log.fields_expired(db, key.bytes, &fields);
        self.modified(db, key.bytes, current.as_deref_mut());
        self.notify(KeyspaceEvents::HASH, "hexpired", key.bytes, db, current.as_deref_mut());
        if is_empty && let Some(place) = self.dbs[db as usize].find(key) {
            let value = self.dbs[db as usize].remove(key, place);
            self.free(value, self.config.lazyfree_lazy_expire);
            self.notify(KeyspaceEvents::GENERIC, "del", key.bytes, db, current);
        }
        fields.len()
    }
}

/// Whether an entry is a hash whose fields are all over.
fn is_over(entry: &Entry<'_>, now_ms: u64) -> bool {
    let hash = match entry.value() {
        ValueRef::Pack(pack) => HashView::Pack(pack),
        ValueRef::Object(Value::Hash(hash)) => hash.view(),
        _ => return false,
    };
    hash.next_deadline_ms().is_some() && hash.live_at(now_ms).is_empty()
}
