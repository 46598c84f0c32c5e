//! Members of large aggregates and the fields of large hashes, touched ahead.
//!
//! A pipeline often names one large aggregate again and again: the key is in the cache then, and
//! what waits for memory is the look into its table. So when the keys of a batch have been
//! touched, the tables that they hold are asked for the first member of each request, all at once,
//! as the keys were before. The hard case is when this is work for nothing: small values have no
//! table, and a table of some thousand members is in the cache anyway; both are passed over before
//! anything is hashed. Members beyond the first of a request are left to the request.

use super::{Batch, Request};
use crate::command::Args;
use crate::keyspace::{self, Db, Key, ValueRef, WARM_MAX};
use crate::server::Server;
use crate::value::{self, Large, Tree};

/// Members from which on a table does not stay in the second cache beside all else.
const LARGE: usize = 10_000;

/// What is to be touched.
#[derive(Default)]
struct Members<'a> {
    of_tables: [Option<(&'a Db, u64)>; WARM_MAX],
    of_trees: [Option<(&'a Tree, &'a [u8])>; WARM_MAX],
    tables: usize,
    trees: usize,
}

impl<'a> Members<'a> {
    fn add(&mut self, aggregate: Large<'a>, member: &'a [u8]) {
        match aggregate {
            Large::Table(table) => {
                self.of_tables[self.tables] = Some((table, table.key(member).hash));
                self.tables += 1;
            }
            Large::Tree(tree) => {
                self.of_trees[self.trees] = Some((tree, member));
                self.trees += 1;
            }
        }
    }

    fn warm(&self) {
        if self.tables > 0 {
            keyspace::warm(self.of_tables[..self.tables].iter().flatten().copied());
        }
        if self.trees > 0 {
            value::warm_members(&self.of_trees[..self.trees]);
        }
    }
}

impl Batch {
    /// Touches what the first members of the batch's requests will need.
    pub(super) fn warm_members(&self, server: &Server, db: u32, rx: &[u8]) {
        let mut members = Members::default();
        let mut last: Option<(Key<'_>, Option<Large<'_>>)> = None;
        for request in &self.requests {
            let Some((key, member)) = self.key_and_member(request, rx) else { continue };
            let aggregate = match last {
                Some((last, aggregate)) if last.bytes == key.bytes => aggregate,
                _ => large(&server.dbs[db as usize], key),
            };
            last = Some((key, aggregate));
            if let Some(aggregate) = aggregate {
                members.add(aggregate, member);
            }
        }
        members.warm();
    }

    /// The key of a request and the first member that it looks for.
    fn key_and_member<'a>(
        &'a self,
        request: &Request,
        rx: &'a [u8],
    ) -> Option<(Key<'a>, &'a [u8])> {
        let (at, (key_at, hash)) = (request.first_member?, request.first_hash?);
        let spans = &self.spans[request.first_span as usize..request.last_span as usize];
        let args = Args::new(if request.is_inline { &self.words } else { rx }, spans);
        Some((Key { bytes: args.at(key_at), hash }, args.at(at as usize)))
    }
}

/// The aggregate at `key`, if it is a large one.
fn large<'a>(db: &'a Db, key: Key<'_>) -> Option<Large<'a>> {
    let (_, entry) = db.look(key)?;
    match entry.value() {
        ValueRef::Object(value) => value.large().filter(|aggregate| aggregate.len() >= LARGE),
        _ => None,
    }
}
