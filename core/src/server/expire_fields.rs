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
        if self.dbs[db as usize].entry(place).expire_at_ms().is_some_and(|at_ms| at_ms <= now_ms) {
            // It goes as a whole: who watches it since it was over hears of no change.
            budget.removals -= 1;
            return self.expire_named(db, &name, now_ms);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::turn::Now;
    use alloc::format;
    use alloc::string::String;

    const BIG: usize = 2500;

    /// At the time 1000: a large hash and a small one, each with a field that stays.
    fn server() -> Server {
        let mut server = Server::new(Config::default(), [0; 32], crate::command::registry().into());
        server.now = Now { mono_ns: 0, wall_us: 1_000_000 };
        let thresholds = crate::value::Thresholds::default();
        for (name, fields, at_ms) in [(&b"big"[..], BIG, 2000), (b"small", 3, 1990)] {
            let (key, hasher) = (server.hasher.key(name), server.hasher);
            server.change(0, key, None, |hash: &mut Hash| {
                for number in 0..fields {
                    let field = format!("f{number}");
                    hash.insert(field.as_bytes(), b"v", Some(at_ms), &thresholds, hasher);
                }
                hash.insert(b"stays", b"v", None, &thresholds, hasher);
            });
        }
        server.log.is_on = true;
        server
    }

    fn len(server: &Server, name: &[u8]) -> usize {
        let db = &server.dbs[0];
        let place = db.find(server.hasher.key(name)).unwrap();
        match db.entry(place).value() {
            ValueRef::Pack(pack) => HashView::Pack(pack).len(),
            ValueRef::Object(Value::Hash(hash)) => hash.view().len(),
            other => panic!("a hash: {other:?}"),
        }
    }

    fn logged(server: &mut Server) -> String {
        String::from_utf8(server.log.take_batch()).unwrap()
    }

    #[test]
    fn a_storm_is_spread_over_turns_and_the_oldest_goes_first() {
        let mut server = server();
        server.expire_due();
        assert_eq!((len(&server, b"big"), len(&server, b"small")), (BIG + 1, 4));
        assert_eq!(server.next_expiry_ns(), Some(990_000_000));
        server.now = Now { mono_ns: 990_000_000, wall_us: 1_990_000 };
        server.expire_due();
        assert_eq!((len(&server, b"big"), len(&server, b"small")), (BIG + 1, 1));
        assert_eq!(server.next_expiry_ns(), Some(1_000_000_000));
        let text = logged(&mut server);
        assert!(text.contains("HDEL\r\n$5\r\nsmall\r\n$2\r\nf0\r\n") && !text.contains("MULTI"));
        server.now = Now { mono_ns: 1_000_000_000, wall_us: 2_000_000 };
        for left in [1500, 500, 0] {
            server.expire_due();
            assert_eq!(len(&server, b"big"), left + 1);
            server.dbs[0].check();
        }
        assert_eq!(server.stats.expired_fields as usize, BIG + 3);
        assert_eq!(server.dbs[0].timed_hashes(), 0);
        assert_eq!(server.next_expiry_ns(), None);
        assert_eq!(logged(&mut server).matches("$4\r\nHDEL\r\n").count(), 3);
    }

    #[test]
    fn who_looks_sees_none_that_is_over_and_a_pause_keeps_them() {
        let mut server = server();
        server.now = Now { mono_ns: 2_000_000_000, wall_us: 3_000_000 };
        let (big, small) = (server.hasher.key(b"big"), server.hasher.key(b"small"));
        server.pause_clients(crate::client::pause::PauseMode::Write, u64::MAX, false);
        assert!(server.find_live(0, big, None).is_some());
        assert_eq!(len(&server, b"big"), BIG + 1);
        assert_eq!(server.hidden_until_ms(), Some(3000));
        server.unpause_clients();
        assert!(server.find_live(0, big, None).is_some());
        assert_eq!((len(&server, b"big"), len(&server, b"small")), (1, 4));
        server.log.close_block();
        let text = logged(&mut server);
        assert_eq!(text.matches("$4\r\nHDEL\r\n").count(), 3, "{BIG} fields are three commands");
        assert!(text.contains("MULTI") && text.contains("EXEC"), "and one block");
        server.change(0, small, server.dbs[0].find(small), |hash: &mut Hash| hash.remove(b"stays"));
        assert!(server.find_live(0, small, None).is_none());
        assert!(server.dbs[0].find(small).is_none());
        assert_eq!(server.dbs[0].len(), 1);
    }
}
