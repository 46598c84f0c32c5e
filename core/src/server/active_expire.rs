//! Active expiry: keys, and fields of hashes, go when their deadline passes, whether or not anybody
//! looks at them.
//!
//! Each database knows its next deadlines, so nothing is sampled: the turn whose clock has reached
//! one removes the key or the fields. A storm of deadlines is spread over turns,
//! `REMOVALS_PER_TURN` each, between which clients are served; the segment or the hash that has
//! waited longest comes first.

use super::Server;
use super::expire_fields::Budget;
use crate::keyspace::Db;
use crate::turn::Now;

/// Keys and fields removed in one turn at most, a few hundred microseconds of work.
const REMOVALS_PER_TURN: usize = 1000;

/// Looks per turn at segments whose bound was too low.
const LOOKS_PER_TURN: u32 = 200;

impl Server {
    /// Removes keys and fields whose deadline has passed, as many as one turn may.
    pub(crate) fn expire_due(&mut self) {
        if !self.active_expire {
            return;
        }
        let Some(now_ms) = self.now.deadline_ms() else { return };
        let mut budget = Budget { removals: REMOVALS_PER_TURN, looks: LOOKS_PER_TURN };
        let mut next = self.dbs.next_number(0);
        while let Some(db) = next {
            while budget.removals > 0
                && budget.looks > 0
                && self.expire_next(db, now_ms, &mut budget)
            {}
            next = self.dbs.next_number(db + 1);
        }
        self.stats.expired_budget_used_up += u64::from(budget.removals == 0);
    }

    /// Removes a key of a database, or fields of one of its hashes, whichever waits longer; false
    /// when nothing is due.
    fn expire_next(&mut self, db: usize, now_ms: u64, budget: &mut Budget) -> bool {
        let table = &mut self.dbs[db];
        let key_at = table.next_deadline_ms().filter(|&at_ms| at_ms <= now_ms);
        let field_at = table.next_field_deadline_ms().filter(|&at_ms| at_ms <= now_ms);
        if let Some(at_ms) = field_at
            && key_at.is_none_or(|key_at| at_ms < key_at)
        {
            self.expire_fields_of_next(db as u32, now_ms, budget);
        } else if key_at.is_some()
            && let Some(name) = table.expired(now_ms, &mut budget.looks)
        {
            self.expire_named(db as u32, &name, now_ms);
            budget.removals -= 1;
        }
        key_at.or(field_at).is_some()
    }

    /// Removes every key and every field whose deadline has passed, whether or not active expiry is
    /// on; as a part of what is being executed.
    pub(crate) fn expire_all_due(&mut self) {
        let Some(now_ms) = self.now.deadline_ms() else { return };
        let mut next = self.dbs.next_number(0);
        while let Some(db) = next {
            let mut looks = u32::MAX;
            while let Some(name) = self.dbs[db].expired(now_ms, &mut looks) {
                let key = self.hasher.key(&name);
                let Some(place) = self.dbs[db].find(key) else { break };
                self.expire(db as u32, key, place, None);
            }
            while let Some(name) = self.dbs[db].due_hash(now_ms) {
                let key = self.hasher.key(&name);
                let Some(place) = self.dbs[db].find(key) else { break };
                self.expire_fields(db as u32, key, place, &mut Budget::unlimited(), None);
            }
            next = self.dbs.next_number(db + 1);
        }
    }

    pub(super) fn expire_named(&mut self, db: u32, name: &[u8], now_ms: u64) {
        let key = self.hasher.key(name);
        let Some(place) = self.dbs[db as usize].find(key) else { return };
        let at = self.dbs[db as usize].entry(place).expire_at_ms().unwrap_or(now_ms);
        self.stats.expired_lag_ms_max = self.stats.expired_lag_ms_max.max(now_ms - at);
        self.expire(db, key, place, None);
        self.log.close_block();
    }

    /// When the next key is due, in ns of the monotonic clock.
    pub(crate) fn next_expiry_ns(&self) -> Option<u64> {
        if !self.active_expire {
            return None;
        }
        let keys = self.dbs.iter().filter_map(Db::next_deadline_ms).min();
        let fields = self.dbs.iter().filter_map(Db::next_field_deadline_ms).min();
        let at_ms = keys.into_iter().chain(fields).min()?;
        Some(self.now.mono_of_wall_ms(at_ms))
    }
}

impl Now {
    /// The wall clock as a deadline is compared with it; none before 1970.
    pub(crate) fn deadline_ms(self) -> Option<u64> {
        u64::try_from(self.wall_ms()).ok()
    }

    /// Whether a deadline has passed. A key is gone from the millisecond of its deadline on.
    #[inline]
    pub(crate) fn has_passed(self, at_ms: u64) -> bool {
        self.deadline_ms().is_some_and(|now| at_ms <= now)
    }

    /// The monotonic time at which the wall clock will show `at_ms` if it is not set meanwhile.
    pub(crate) fn mono_of_wall_ms(self, at_ms: u64) -> u64 {
        let left_us = (i128::from(at_ms) * 1000 - i128::from(self.wall_us)).max(0);
        let left_ns = u64::try_from(left_us * 1000).unwrap_or(u64::MAX);
        self.mono_ns.saturating_add(left_ns)
    }
}
