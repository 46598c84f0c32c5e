//! Lazy free: large values and whole databases are let go of elsewhere.
//!
//! Nobody can reach them any more, so nobody needs to wait until their memory is given back. What
//! takes long to free is put aside and handed to the shell at the end of the turn, in one piece
//! ([`IoReq::Drop`]); whatever is freed faster than it is handed over is dropped where it is.

use alloc::vec::Vec;

use super::Server;
use super::completion::Continuation;
use crate::keyspace::Db;
use crate::turn::{Garbage, IoReq};
use crate::value::Value;

/// Values that hold less are dropped in place.
const LAZY_BYTES_MIN: usize = 64 * 1024;

impl Server {
    /// Lets go of a value that was deleted: later when it is large and `lazily`, or an aggregate,
    /// of which each element is freed by itself.
    #[inline]
    pub(crate) fn free(&mut self, value: Option<Value>, lazily: bool) {
        if let Some(value) = value
            && (lazily || !matches!(value, Value::String(_)))
            && value.heap_bytes() >= LAZY_BYTES_MIN
        {
            self.outbox.garbage.values.push(value);
        }
    }

    /// Lets go of databases later.
    pub(crate) fn free_dbs_later(&mut self, dbs: Vec<Db>) {
        self.outbox.garbage.dbs.extend(dbs);
    }

    /// Hands what was put aside to the shell.
    pub(crate) fn hand_out_garbage(&mut self) {
        let objects = self.outbox.garbage.objects();
        if objects > 0 {
            let garbage = core::mem::take(&mut self.outbox.garbage);
            self.stats.lazyfree_pending_objects += objects;
            self.request(IoReq::Drop(garbage), Some(Continuation::Freed { objects }));
        }
    }

    /// The shell has freed so many keys' values.
    pub(crate) fn freed(&mut self, objects: u64) {
        self.stats.lazyfree_pending_objects -= objects;
        self.stats.lazyfreed_objects += objects;
    }
}

impl Garbage {
    /// About how much memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let in_dbs: usize = self.dbs.iter().map(Db::bytes).sum();
        in_dbs + self.values.iter().map(Value::heap_bytes).sum::<usize>()
    }

    /// How many values there are, those in databases included.
    fn objects(&self) -> u64 {
        let in_dbs: usize = self.dbs.iter().map(Db::len).sum();
        (self.values.len() + in_dbs) as u64
    }
}
