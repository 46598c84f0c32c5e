//! WATCH: which keys are watched, and what a change to one does.
//!
//! Every write asks here whether anybody watches its key, so the question is one lookup without a
//! copy. A client whose key changed is marked and its watches are dropped: nothing can unmark it
//! but the end of its transaction.
//!
//! The hard case is a deadline. A key that was there but past its deadline when it was watched
//! counts as missing: its removal changes nothing. One whose deadline passes later fails EXEC even
//! if nobody has removed it yet (redis/redis#10256).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Server;
use crate::client::Client;
use crate::client::transaction::Transaction;
use crate::turn::ConnId;

/// Watched keys by database, with who watches them.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    keys: BTreeMap<u32, BTreeMap<Arc<[u8]>, Watchers>>,
    len: usize,
}

/// Who watches a key, and whether its deadline had passed already when they began.
type Watchers = BTreeMap<ConnId, bool>;

impl Watches {
    /// `conn` watches a key. Returns the key as others share it, or `None` if it did before.
    pub(crate) fn add(
        &mut self,
        db: u32,
        key: &[u8],
        conn: ConnId,
        was_expired: bool,
    ) -> Option<Arc<[u8]>> {
        let keys = self.keys.entry(db).or_default();
        let shared = match keys.get_key_value(key) {
            Some((_, watchers)) if watchers.contains_key(&conn) => return None,
            Some((shared, _)) => shared.clone(),
            None => {
                self.len += 1;
                Arc::from(key)
            }
        };
        keys.entry(shared.clone()).or_default().insert(conn, was_expired);
        Some(shared)
    }

    /// `conn` watches a key no more.
    pub(crate) fn remove(&mut self, db: u32, key: &[u8], conn: ConnId) {
        let Some(keys) = self.keys.get_mut(&db) else { return };
        let Some(watchers) = keys.get_mut(key) else { return };
        watchers.remove(&conn);
        if watchers.is_empty() {
            keys.remove(key);
            self.len -= 1;
        }
        if keys.is_empty() {
            self.keys.remove(&db);
        }
    }

    fn of(&mut self, db: u32, key: &[u8]) -> Option<&mut Watchers> {
        self.keys.get_mut(&db)?.get_mut(key)
    }

    /// The watched keys of a database.
    pub(crate) fn keys_of(&self, db: u32) -> impl Iterator<Item = &[u8]> {
        self.keys.get(&db).into_iter().flat_map(|keys| keys.keys().map(|key| &**key))
    }
}

impl Server {
    /// A key was changed: transactions that watch it will fail.
    #[inline]
    pub(crate) fn modified(&mut self, db: u32, key: &[u8], current: Option<&mut Client>) {
        if self.watches.len > 0 {
            self.fail_watchers(db, key, current, false);
        }
        if self.blocking.is_used() {
            self.make_ready(db, key);
        }
    }

    /// A key was removed because its deadline had passed: no change for those who watched it when
    /// it had passed already. For them the key is missing from now on.
    pub(crate) fn modified_by_expiry(&mut self, db: u32, key: &[u8], current: Option<&mut Client>) {
        if self.watches.len > 0 {
            self.fail_watchers(db, key, current, true);
        }
        if self.blocking.is_used() {
            self.make_ready(db, key);
        }
    }

    fn fail_watchers(
        &mut self,
        db: u32,
        key: &[u8],
        current: Option<&mut Client>,
        by_expiry: bool,
    ) {
        self.fail_those(db, key, current, |was_expired| {
            !(by_expiry && core::mem::take(was_expired))
        });
    }

    /// All keys of a database are about to go, or those of another to take their place: fails the
    /// transactions for which that changes a key. Neither that a key whose deadline has passed
    /// goes nor that one comes is a change.
    pub(crate) fn modified_by_replacement(
        &mut self,
        db: u32,
        with: Option<u32>,
        mut current: Option<&mut Client>,
    ) {
        self.make_all_ready(db);
        let names: Vec<Box<[u8]>> = self.watches.keys_of(db).map(Box::from).collect();
        for name in names {
            let before = self.presence(db, &name);
            let after = with.map_or(Presence::Absent, |with| self.presence(with, &name));
            if (before, after) == (Presence::Absent, Presence::Absent) {
                continue;
            }
            self.fail_those(db, &name, current.as_deref_mut(), |was_expired| match after {
                Presence::Absent => !core::mem::take(was_expired),
                Presence::Expired if before == Presence::Absent => {
                    *was_expired = true;
                    false
                }
                Presence::Expired => !*was_expired,
                Presence::Live => true,
            });
        }
    }

    fn presence(&self, db: u32, name: &[u8]) -> Presence {
        let db = &self.dbs[db as usize];
        match db.find(self.hasher.key(name)).map(|place| db.entry(place).expire_at_ms()) {
            None => Presence::Absent,
            Some(Some(at)) if self.now.has_passed(at) => Presence::Expired,
            Some(_) => Presence::Live,
        }
    }

    /// Fails the transactions of those who watch a key and for whom `is_change`.
    fn fail_those(
        &mut self,
        db: u32,
        key: &[u8],
        mut current: Option<&mut Client>,
        mut is_change: impl FnMut(&mut bool) -> bool,
    ) {
        let Some(watchers) = self.watches.of(db, key) else { return };
        let mut failed = Vec::new();
        for (&conn, was_expired) in watchers {
            if is_change(was_expired) {
                failed.push(conn);
            }
        }
        for conn in failed {
            let client = match &mut current {
                Some(client) if client.conn == conn => Some(&mut **client),
                _ => self.clients.get_mut(conn),
            };
            if let Some(transaction) = client.and_then(|client| client.transaction.as_mut()) {
                transaction.is_touched = true;
                let watched = core::mem::take(&mut transaction.watched);
                self.unwatch(&watched, conn);
            }
        }
    }

    fn unwatch(&mut self, watched: &[(u32, Arc<[u8]>)], conn: ConnId) {
        for (db, key) in watched {
            self.watches.remove(*db, key, conn);
        }
    }

    /// Watches `key` of the client's database for it.
    pub(crate) fn watch(&mut self, client: &mut Client, key: &[u8]) {
        if client.transaction.as_ref().is_some_and(|transaction| transaction.is_touched) {
            return;
        }
        let was_expired = self.is_expired(client.db, key);
        if let Some(key) = self.watches.add(client.db, key, client.conn, was_expired) {
            client.transaction.get_or_insert_default().watched.push((client.db, key));
        }
    }

    /// Whether the deadline of a watched key has passed since it was watched.
    pub(crate) fn has_watched_expired(&mut self, client: &Client) -> bool {
        let Some(transaction) = &client.transaction else { return false };
        transaction.watched.iter().any(|(db, key)| {
            let watchers = self.watches.of(*db, key);
            let was_expired = watchers.and_then(|all| all.get(&client.conn).copied());
            was_expired == Some(false) && self.is_expired(*db, key)
        })
    }

    /// Whether a key is there whose deadline has passed.
    fn is_expired(&self, db: u32, name: &[u8]) -> bool {
        self.presence(db, name) == Presence::Expired
    }

    /// Ends a client's transaction and its watches; returns what it was.
    pub(crate) fn leave_transaction(&mut self, client: &mut Client) -> Option<Box<Transaction>> {
        let transaction = client.transaction.take()?;
        self.unwatch(&transaction.watched, client.conn);
        Some(transaction)
    }
}

/// How a key is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Absent,
    /// Its deadline has passed and nobody has looked at it since.
    Expired,
    Live,
}
