//! Keys that two databases have in common.
//!
//! Looking every key of one up in the other hashes it and jumps about in memory. But tables under
//! one hash key are in one order: the keys of a segment are in the segments of the other table at
//! the same bits of the hash, and in the same bucket there, with the same tag. So segments are
//! taken in pairs, which stay in the cache, and hardly any key is hashed.
//!
//! The hard cases: where one table is deeper, its segment is walked and the other one asked, so
//! every key is asked for once; and a key that found its bucket full lies in a later one, so where
//! a bucket was passed the keys of the next are hashed to know where they belong. Limit: all of the
//! larger table is walked, so with a small one it is better to look its keys up.

use super::db::Db;
use super::scan::next_segment;
use super::segment::{BUCKETS, Segment};

impl Db {
    /// Calls `each` with every key that is also in `other`, until it wants no more; returns how
    /// many keys were walked over.
    ///
    /// # Panics
    ///
    /// When the two hash differently.
    pub fn join<'a>(&'a self, other: &'a Self, mut each: impl FnMut(&'a [u8]) -> bool) -> usize {
        assert_eq!(self.hasher, other.hasher, "tables are joined by the hashes of their keys");
        let (mut hash, mut walked) = (0, 0);
        while let (Some(one), Some(two)) = (self.segment_id(hash), other.segment_id(hash)) {
            let (one, two) = (&*self.segments[one as usize], &*other.segments[two as usize]);
            let (deep, flat) = if one.depth >= two.depth { (one, two) } else { (two, one) };
            walked += deep.len();
            let mut goes_on = true;
            self.join_segments(deep, flat, &mut |key| {
                goes_on = each(key);
                goes_on
            });
            match next_segment(hash, deep.depth) {
                Some(next) if goes_on => hash = next,
                _ => break,
            }
        }
        walked
    }

    /// Calls `each` with every key of `deep` that is also in `flat`, until it wants no more.
    fn join_segments<'a>(
        &self,
        deep: &'a Segment,
        flat: &Segment,
        each: &mut impl FnMut(&'a [u8]) -> bool,
    ) {
        for at in 0..BUCKETS {
            let are_home = !deep.is_passed((at + BUCKETS - 1) % BUCKETS);
            for (tag, key) in deep.keys_in(at) {
                let home = if are_home { at } else { Segment::home(self.hasher.hash(key)) };
                if flat.look_at(home, tag, key).is_some() && !each(key) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{KeyHasher, NewValue};
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    fn table(numbers: impl Iterator<Item = u32>) -> Db {
        let mut table = Db::new(KeyHasher::new(3, 4));
        for number in numbers {
            let bytes = number.to_le_bytes();
            let key = table.key(&bytes);
            table.set(key, None, NewValue::Text(b""), None, 0);
        }
        table
    }

    proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]
        #[test]
        fn both_have_what_is_joined(
            one in 0..9000_u32,
            other in 0..9000_u32,
            apart in 0..9000_u32,
            most in 1..9000_usize,
        ) {
            let (first, second) = (table(0..one), table(apart..apart + other));
            let mut found = Vec::new();
            let walked = first.join(&second, |key| {
                found.push(u32::from_le_bytes(key.try_into().unwrap_or_default()));
                found.len() < most
            });
            prop_assert!(walked <= (one + other) as usize);
            let distinct: BTreeSet<u32> = found.iter().copied().collect();
            prop_assert_eq!(distinct.len(), found.len());
            let expected = apart..one.min(apart + other);
            prop_assert!(distinct.iter().all(|number| expected.contains(number)));
            prop_assert_eq!(found.len(), expected.len().min(most));
        }
    }
}
