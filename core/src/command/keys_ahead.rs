//! The keys of a command with many of them, looked up ahead.
//!
//! Half of the time of a lookup is waiting for memory that is not in the cache. A pipeline hides
//! that by touching what a batch of commands will need before the first of them runs (see
//! `engine`); for the keys of one command this does the same, a group at a time.

use super::Ctx;
use crate::keyspace::{Key, warm};

/// Keys of a group: enough misses to overlap, few enough to stay in the first cache.
const GROUP: usize = 16;

/// Walks over the keys of a command.
#[derive(Debug)]
pub(crate) struct KeysAhead<'a> {
    group: [Key<'a>; GROUP],
    /// Keys of the group, and how many of them were given out.
    len: usize,
    used: usize,
    /// The argument that the next key to be given out is.
    at: usize,
    step: usize,
}

impl<'a> KeysAhead<'a> {
    /// The keys at the arguments `first`, `first + step` and so on to the end.
    pub(crate) fn new(first: usize, step: usize) -> Self {
        Self { group: [Key { bytes: &[], hash: 0 }; GROUP], len: 0, used: 0, at: first, step }
    }

    /// The next key with the number of its argument.
    #[inline]
    pub(crate) fn next(&mut self, ctx: &Ctx<'a>) -> Option<(usize, Key<'a>)> {
        if self.used == self.len {
            self.fill(ctx);
        }
        let key = self.group[..self.len].get(self.used).copied()?;
        let at = self.at;
        self.at += self.step;
        self.used += 1;
        Some((at, key))
    }

    /// Hashes and touches the next group.
    fn fill(&mut self, ctx: &Ctx<'a>) {
        let args = (self.at..ctx.args.len()).step_by(self.step);
        self.len = 0;
        self.used = 0;
        for (slot, at) in self.group.iter_mut().zip(args) {
            *slot = ctx.key(at);
            self.len += 1;
        }
        let db = &ctx.server.dbs[ctx.client.db as usize];
        warm(self.group[..self.len].iter().map(|key| (db, key.hash)));
    }
}
