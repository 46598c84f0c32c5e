//! WATCH: which keys are watched, and what a change to one does.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Server;
use crate::client::Client;
use crate::turn::ConnId;

/// Watched keys, with who watches them.
#[derive(Debug, Default)]
pub(crate) struct Watches(BTreeMap<(u16, Box<[u8]>), Vec<ConnId>>);

impl Watches {
    /// `conn` watches a key; once, however often it says so.
    pub(crate) fn add(&mut self, db: u16, key: &[u8], conn: ConnId) {
        let watchers = self.0.entry((db, key.into())).or_default();
        if !watchers.contains(&conn) {
            watchers.push(conn);
        }
    }

    /// `conn` watches a key no more.
    pub(crate) fn remove(&mut self, db: u16, key: &[u8], conn: ConnId) {
        let at = (db, Box::from(key));
        if let Some(watchers) = self.0.get_mut(&at) {
            watchers.retain(|&watcher| watcher != conn);
            if watchers.is_empty() {
                self.0.remove(&at);
            }
        }
    }

    /// Who watches a key.
    fn of(&self, db: u16, key: &[u8]) -> Vec<ConnId> {
        self.0.get(&(db, Box::from(key))).cloned().unwrap_or_default()
    }

    /// The watched keys of a database.
    pub(crate) fn keys_of(&self, db: u16) -> impl Iterator<Item = &[u8]> {
        self.0.keys().filter(move |(of, _)| *of == db).map(|(_, key)| &**key)
    }
}

impl Server {
    /// A key was changed: transactions that watch it will fail.
    #[inline]
    pub(crate) fn modified(&mut self, db: u16, key: &[u8], current: Option<&mut Client>) {
        if !self.watches.0.is_empty() {
            self.fail_watchers(db, key, current, false);
        }
    }

    /// A key was removed because its deadline had passed: no change for those who watched it when
    /// it had passed already (redis/redis#10256).
    pub(crate) fn modified_by_expiry(&mut self, db: u16, key: &[u8], current: Option<&mut Client>) {
        if !self.watches.0.is_empty() {
            self.fail_watchers(db, key, current, true);
        }
    }

    fn fail_watchers(
        &mut self,
        db: u16,
        key: &[u8],
        mut current: Option<&mut Client>,
        expired: bool,
    ) {
        for conn in self.watches.of(db, key) {
            let client = match &mut current {
                Some(client) if client.conn == conn => Some(&mut **client),
                _ => self.clients.get_mut(conn),
            };
            let Some(transaction) = client.and_then(|client| client.transaction.as_mut()) else {
                continue;
            };
            let was_expired = transaction
                .watched
                .iter()
                .any(|watched| watched.db == db && *watched.key == *key && watched.was_expired);
            if !(expired && was_expired) {
                transaction.is_touched = true;
            }
        }
    }
}
