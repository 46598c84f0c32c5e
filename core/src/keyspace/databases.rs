//! All databases, of which there may be two thousand million.
//!
//! `databases 2147483647` is a legal line of a configuration, so a database exists from its first
//! use on. The first few, which is all that nearly everybody has, have their place and are found by
//! their index; the others are kept in order of their numbers. One that does not exist reads as an
//! empty one, so nobody above has to know.
//!
//! Every turn asks all that exist for their deadlines, so of the first ones only those up to the
//! last that was used count: nearly everybody uses one.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

use super::{Db, KeyHasher};

/// Databases that have their place from the beginning, if there are so many.
const FIRST: usize = 16;

/// The databases, by number.
#[derive(Debug)]
pub struct Databases {
    count: usize,
    hasher: KeyHasher,
    first: Vec<Db>,
    /// Of the first, those from here on were never used.
    used: usize,
    /// Those behind the first that were used.
    others: BTreeMap<usize, Db>,
    /// What the others look like that were not.
    empty: Db,
}

impl Databases {
    /// So many empty databases, whose keys are hashed by `hasher`.
    #[must_use]
    pub fn new(count: u32, hasher: KeyHasher) -> Self {
        let count = count as usize;
        Self {
            count,
            hasher,
            used: 0,
            first: (0..count.min(FIRST)).map(|_| Db::new(hasher)).collect(),
            others: BTreeMap::new(),
            empty: Db::new(hasher),
        }
    }

    /// How many there are: numbers are below this.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The one with this number; `None` if there are not so many.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&Db> {
        (number < self.count).then(|| &self[number])
    }

    /// Those that exist, in the order of their numbers. All others are empty.
    pub fn iter(&self) -> impl Iterator<Item = &Db> + Clone {
        self.numbered().map(|(_, db)| db)
    }

    /// Those that exist with their numbers, in order.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &Db)> + Clone {
        let others = self.others.iter().map(|(&number, db)| (number, db));
        self.first[..self.used].iter().enumerate().chain(others)
    }

    /// The number of the first one that exists from `number` on.
    #[must_use]
    pub fn next_number(&self, number: usize) -> Option<usize> {
        if number < self.used {
            return Some(number);
        }
        self.others.range(number..).next().map(|(&number, _)| number)
    }

    /// Empties one; returns what it was.
    pub fn take(&mut self, number: usize) -> Db {
        let empty = Db::new(self.hasher);
        match self.first.get_mut(number) {
            Some(db) => core::mem::replace(db, empty),
            None => self.others.remove(&number).unwrap_or(empty),
        }
    }

    /// Gives two of them each other's keys.
    pub fn swap(&mut self, one: usize, other: usize) {
        let (was_one, was_other) = (self.take(one), self.take(other));
        self.put(one, was_other);
        self.put(other, was_one);
    }

    fn put(&mut self, number: usize, db: Db) {
        if !db.is_empty() {
            self[number] = db;
        }
    }
}

impl Index<usize> for Databases {
    type Output = Db;

    #[inline]
    fn index(&self, number: usize) -> &Db {
        match self.first.get(number) {
            Some(db) => db,
            None => self.other(number),
        }
    }
}

impl Databases {
    #[cold]
    fn other(&self, number: usize) -> &Db {
        self.others.get(&number).unwrap_or(&self.empty)
    }

    #[cold]
    fn other_mut(&mut self, number: usize) -> &mut Db {
        let hasher = self.hasher;
        self.others.entry(number).or_insert_with(|| Db::new(hasher))
    }
}

/// The database exists from then on.
impl IndexMut<usize> for Databases {
    #[inline]
    fn index_mut(&mut self, number: usize) -> &mut Db {
        debug_assert!(number < self.count);
        if number < self.first.len() {
            self.used = self.used.max(number + 1);
            return &mut self.first[number];
        }
        self.other_mut(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::NewValue;

    fn databases(count: u32) -> Databases {
        Databases::new(count, KeyHasher::new(7, 7))
    }

    fn add(dbs: &mut Databases, number: usize, name: &[u8]) {
        let key = dbs.hasher.key(name);
        dbs[number].set(key, None, NewValue::Int(1), None, 0);
    }

    fn numbers(dbs: &Databases) -> Vec<usize> {
        dbs.numbered().filter(|(_, db)| !db.is_empty()).map(|(number, _)| number).collect()
    }

    #[test]
    fn the_last_of_two_thousand_million_is_a_database() {
        let mut dbs = databases(i32::MAX as u32);
        let last = dbs.count() - 1;
        assert!(dbs[last].is_empty());
        assert!(dbs.get(last).is_some() && dbs.get(last + 1).is_none());
        assert_eq!(dbs.iter().count(), 0);
        add(&mut dbs, last, b"k");
        add(&mut dbs, 100, b"k");
        assert_eq!(numbers(&dbs), [100, last]);
        assert_eq!(dbs.take(last).len(), 1);
        assert!(dbs[last].is_empty());
        let mut few = databases(3);
        add(&mut few, 1, b"k");
        assert_eq!(few.iter().count(), 2);
    }

    #[test]
    fn numbers_are_walked_in_order() {
        let mut dbs = databases(1000);
        add(&mut dbs, 500, b"k");
        let all: Vec<usize> =
            core::iter::successors(dbs.next_number(0), |&at| dbs.next_number(at + 1)).collect();
        assert_eq!(all, [500]);
        add(&mut dbs, 2, b"k");
        let all: Vec<usize> =
            core::iter::successors(dbs.next_number(0), |&at| dbs.next_number(at + 1)).collect();
        assert_eq!(all, [0, 1, 2, 500]);
    }

    #[test]
    fn any_two_can_be_swapped() {
        let mut dbs = databases(1000);
        add(&mut dbs, 0, b"k");
        for (one, other, after) in [(0, 1, 1), (1, 900, 900), (900, 901, 901), (3, 901, 3)] {
            dbs.swap(one, other);
            assert_eq!(numbers(&dbs), [after]);
        }
        dbs.swap(20, 21);
        assert_eq!(numbers(&dbs), [3]);
        assert!(dbs.others.is_empty());
    }
}
