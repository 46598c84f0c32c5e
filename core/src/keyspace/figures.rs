//! Figures of a database for INFO and MEMORY: what its tables cost, how far away deadlines are.

use alloc::vec::Vec;

use super::db::Db;
use super::segment::{BUCKETS, Segment};

/// Segments that are looked at to tell how far away deadlines are on average.
const SEGMENTS_SAMPLED: usize = 8;

impl Db {
    /// Bytes of the tables that find keys: the directory and the buckets of the segments.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.index.len() * 4 + self.segments.len() * (8 + size_of::<Segment>())
    }

    /// Bytes of what orders deadlines: a bound for each bucket of a segment that has any, the tree
    /// of segments, and the index of hashes whose fields have some.
    #[must_use]
    pub fn deadline_bytes(&self) -> usize {
        self.deadlines.len() * (BUCKETS * 8 + size_of::<(u64, u32)>()) + self.timed_bytes()
    }

    /// Milliseconds from `now_ms` to the deadline of a key on average, over those that have one;
    /// 0 without any. Exact for a few thousand of them; of more, some segments are looked at, which
    /// is a fair sample since hashes spread keys evenly.
    #[must_use]
    pub fn ttl_average_ms(&self, now_ms: u64) -> u64 {
        let apart = self.deadlines.len().div_ceil(SEGMENTS_SAMPLED).max(1);
        let sampled = self.deadlines.iter().step_by(apart).map(|&(_, id)| id);
        let left_ms: Vec<u64> = sampled
            .flat_map(|id| {
                let segment: &Segment = &self.segments[id as usize];
                segment.seats().filter_map(|seat| segment.record(seat).expire_at_ms())
            })
            .map(|at_ms| at_ms.saturating_sub(now_ms))
            .collect();
        let sum: u128 = left_ms.iter().copied().map(u128::from).sum();
        sum.checked_div(left_ms.len() as u128).map_or(0, |average| average as u64)
    }
}

#[cfg(test)]
mod tests {
    use crate::keyspace::{Db, KeyHasher, NewValue};

    fn filled(keys: u64, ttl_ms: impl Fn(u64) -> Option<u64>) -> Db {
        let hasher = KeyHasher::new(1, 2);
        let mut db = Db::new(hasher);
        for number in 0..keys {
            let name = alloc::format!("key:{number}");
            let key = hasher.key(name.as_bytes());
            db.set(key, None, NewValue::String(b"v"), ttl_ms(number), 0);
        }
        db
    }

    #[test]
    fn deadlines_are_averaged() {
        assert_eq!(filled(0, |_| None).ttl_average_ms(0), 0);
        assert_eq!(filled(100, |_| None).ttl_average_ms(0), 0);
        let few = filled(100, |number| (number < 4).then_some(1000 + number * 100));
        assert_eq!(few.ttl_average_ms(150), 1000);
        assert_eq!(few.ttl_average_ms(u64::MAX), 0);
        let many = filled(100_000, |number| Some(number * 10));
        let average = many.ttl_average_ms(0);
        assert!((470_000..530_000).contains(&average), "{average}");
    }

    #[test]
    fn tables_are_a_part_of_the_whole() {
        let db = filled(10_000, Some);
        assert!(db.table_bytes() + db.deadline_bytes() < db.bytes());
        assert!(db.table_bytes() > 10_000 * 5, "a slot takes at least five bytes");
    }
}
