//! The members of large sets and the fields of large hashes, touched ahead.
//!
//! A pipeline often names one large aggregate again and again: the key is in the cache then, and
//! what waits for memory is the look into its table. So when the keys of a batch have been
//! touched, the tables that they hold are asked for the first member of each request, all at once,
//! as the keys were before. The hard case is when this is work for nothing: small values have no
//! table, and a table of some thousand members is in the cache anyway; both are passed over before
//! anything is hashed. Members beyond the first of a request are left to the request.

use super::Batch;
use crate::command::Args;
use crate::keyspace::{self, Db, Key, ValueRef, WARM_MAX};
use crate::server::Server;

/// Members from which on a table does not stay in the second cache beside all else.
const LARGE: usize = 10_000;

impl Batch {
    /// Touches what the first members of the batch's requests will need.
    pub(super) fn warm_members(&self, server: &Server, db: u32, rx: &[u8]) {
        let mut places = [None; WARM_MAX];
        let mut last: Option<(Key<'_>, Option<&Db>)> = None;
        let mut found = 0;
        for request in &self.requests {
            let Some(at) = request.first_member else { continue };
            let spans = &self.spans[request.first_span as usize..request.last_span as usize];
            let args = Args::new(if request.is_inline { &self.words } else { rx }, spans);
            let Some((key_at, hash)) = request.first_hash else { continue };
            let key = Key { bytes: args.at(key_at), hash };
            let table = match last {
                Some((last, table)) if last.bytes == key.bytes => table,
                _ => large_table(&server.dbs[db as usize], key),
            };
            last = Some((key, table));
            if let Some(table) = table {
                places[found] = Some((table, table.key(args.at(at as usize)).hash));
                found += 1;
            }
        }
        keyspace::warm(places[..found].iter().flatten().copied());
    }
}

/// The table of the aggregate at `key`, if it is a large one.
fn large_table<'a>(db: &'a Db, key: Key<'_>) -> Option<&'a Db> {
    let (_, entry) = db.look(key)?;
    match entry.value() {
        ValueRef::Object(value) => value.table().filter(|table| table.len() >= LARGE),
        _ => None,
    }
}
