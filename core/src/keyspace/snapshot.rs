//! Snapshots: all databases as they are at one moment, for whoever writes them elsewhere.
//!
//! A snapshot is a clone of the reference counts of all segments, some hundred microseconds for
//! five million keys, and an immutable value that any thread may own. The keyspace goes on: the
//! first write to a shared segment copies its table and the first write to a shared page copies
//! that page, so what a snapshot costs in memory is what is written meanwhile. It is read one
//! segment after another, and each is let go of when it has been read: from then on nobody copies
//! it any more.
//!
//! The hard case is a read that renews an access clock, which would copy a page per key read.
//! Whether a page is still shared depends on how far the reader has come, which is no input of the
//! core, so it must decide nothing that can be seen: the server renews no clocks at all as long as
//! a snapshot is out, as Redis does while it has a child (see `server/snapshots.rs`).

use alloc::vec;
use alloc::vec::Vec;

use triomphe::Arc;

use super::bucket::SLOTS;
use super::db::Db;
use super::entry::Entry;
use super::segment::{BUCKETS, Segment};

/// All databases at one moment.
pub struct Snapshot {
    dbs: Vec<Frozen>,
}

/// One database at one moment.
struct Frozen {
    number: usize,
    keys: usize,
    expires: usize,
    has_field_deadlines: bool,
    segments: vec::IntoIter<Arc<Segment>>,
}

impl core::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Snapshot({} keys)", self.keys_total())
    }
}

impl Snapshot {
    /// Databases as they are now, with the numbers from 0 on.
    #[must_use]
    pub fn of(dbs: &[Db]) -> Self {
        Self::of_numbered(dbs.iter().enumerate())
    }

    /// Databases as they are now, with their numbers; the empty ones may be left out.
    #[must_use]
    pub fn of_numbered<'a>(dbs: impl Iterator<Item = (usize, &'a Db)>) -> Self {
        let freeze = |(number, db): (usize, &Db)| Frozen {
            number,
            keys: db.len(),
            expires: db.expires(),
            has_field_deadlines: db.timed_hashes() > 0,
            segments: db.segments.clone().into_iter(),
        };
        Self { dbs: dbs.map(freeze).collect() }
    }

    /// How many databases there are in it. They are asked for by index.
    #[must_use]
    pub fn databases(&self) -> usize {
        self.dbs.len()
    }

    /// The number of the database.
    #[must_use]
    pub fn number(&self, db: usize) -> usize {
        self.dbs.get(db).map_or(db, |frozen| frozen.number)
    }

    /// Keys that the database had, whether they were read or not.
    #[must_use]
    pub fn keys(&self, db: usize) -> usize {
        self.dbs.get(db).map_or(0, |frozen| frozen.keys)
    }

    /// Keys with a deadline that the database had.
    #[must_use]
    pub fn expires(&self, db: usize) -> usize {
        self.dbs.get(db).map_or(0, |frozen| frozen.expires)
    }

    /// Whether fields of any hash had deadlines.
    #[must_use]
    pub fn has_field_deadlines(&self) -> bool {
        self.dbs.iter().any(|frozen| frozen.has_field_deadlines)
    }

    /// Keys of all databases.
    #[must_use]
    pub fn keys_total(&self) -> usize {
        self.dbs.iter().map(|frozen| frozen.keys).sum()
    }

    /// Takes the next segment of a database out, to be read; `None` when all were.
    pub fn next_segment(&mut self, db: usize) -> Option<Visit> {
        let segment = self.dbs.get_mut(db)?.segments.next()?;
        segment.warm_pages();
        Some(Visit { segment, next: 0 })
    }
}

/// A segment that is being read. Its memory is given back when this is dropped.
pub struct Visit {
    segment: Arc<Segment>,
    /// The place in the table to look at next.
    next: u16,
}

impl core::fmt::Debug for Visit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Visit({} of {})", self.next, BUCKETS * SLOTS)
    }
}

impl Visit {
    /// The next entry; `None` when all were read.
    #[inline]
    pub fn next_entry(&mut self) -> Option<Entry<'_>> {
        while usize::from(self.next) < BUCKETS * SLOTS {
            let at = usize::from(self.next);
            self.next += 1;
            if let Some(seat) = self.segment.seat_at(at / SLOTS, at % SLOTS) {
                return Some(Entry::new(&self.segment, seat));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{KeyHasher, NewValue, ValueRef};
    use crate::value::Value;
    use alloc::collections::BTreeMap;
    use alloc::format;
    use bytes::Bytes;

    const KEYS: u64 = 20_000;

    fn filled(hasher: KeyHasher) -> Db {
        let mut db = Db::new(hasher);
        for number in 0..KEYS {
            let name = format!("key:{number}");
            let deadline = number.is_multiple_of(3).then_some(number + 1);
            db.set(hasher.key(name.as_bytes()), None, NewValue::String(b"old"), deadline, 7);
        }
        db
    }

    fn read(snapshot: &mut Snapshot, db: usize) -> BTreeMap<Vec<u8>, Option<u64>> {
        let mut found = BTreeMap::new();
        while let Some(mut visit) = snapshot.next_segment(db) {
            while let Some(entry) = visit.next_entry() {
                assert!(matches!(entry.value(), ValueRef::String(b"old")));
                let twice = found.insert(entry.key().to_vec(), entry.expire_at_ms());
                assert_eq!(twice, None, "an entry is read once");
            }
        }
        found
    }

    #[test]
    fn it_is_a_value_for_any_thread() {
        fn is_sent_between_threads<T: Send + 'static>() {}
        is_sent_between_threads::<Snapshot>();
        is_sent_between_threads::<Visit>();
    }

    /// Whatever happens to the database between two segments of the walk.
    #[test]
    fn later_changes_are_not_seen() {
        let hasher = KeyHasher::new(1, 2);
        let mut dbs = [Db::new(hasher), filled(hasher)];
        let mut snapshot = Snapshot::of(&dbs);
        let db = &mut dbs[1];
        for number in 0..KEYS {
            let name = format!("key:{number}");
            let key = hasher.key(name.as_bytes());
            let place = db.find(key).unwrap();
            match number % 4 {
                0 => drop(db.remove(key, place)),
                1 => db.set_clock(place, 9),
                2 => db.set_expire(key, place, Some(5)),
                _ => drop(db.set(key, Some(place), NewValue::Int(1), None, 0)),
            }
            let other = format!("other:{number}");
            db.set(hasher.key(other.as_bytes()), None, NewValue::Int(1), None, 0);
        }
        db.check();
        assert_eq!((snapshot.keys(0), snapshot.keys(1), snapshot.keys(2)), (0, KEYS as usize, 0));
        assert_eq!(snapshot.expires(1), KEYS.div_ceil(3) as usize);
        let found = read(&mut snapshot, 1);
        assert_eq!(found.len(), KEYS as usize);
        for number in 0..KEYS {
            let deadline = number.is_multiple_of(3).then_some(number + 1);
            assert_eq!(found[format!("key:{number}").as_bytes()], deadline);
        }
        assert!(snapshot.next_segment(0).is_none() && snapshot.next_segment(1).is_none());
        assert!(snapshot.next_segment(2).is_none());
    }

    #[test]
    fn segments_are_let_go_of_as_they_are_read() {
        let hasher = KeyHasher::new(1, 2);
        let dbs = [filled(hasher)];
        let shared = |db: &Db| db.segments.iter().filter(|segment| !segment.is_unique()).count();
        let mut snapshot = Snapshot::of(&dbs);
        let segments = dbs[0].segments.len();
        assert!(segments > 10);
        for left in (0..segments).rev() {
            drop(snapshot.next_segment(0).unwrap());
            assert_eq!(shared(&dbs[0]), left);
        }
    }

    #[test]
    fn large_values_are_shared_until_they_change() {
        let hasher = KeyHasher::new(1, 2);
        let mut dbs = [Db::new(hasher)];
        let key = hasher.key(b"big");
        let big = Value::String(Bytes::from(vec![b'a'; 100_000]));
        dbs[0].set(key, None, NewValue::Object(big), None, 0);
        let mut snapshot = Snapshot::of(&dbs);
        let place = dbs[0].find(key).unwrap();
        dbs[0].modify(place, |value| {
            let bytes = value.string_mut().unwrap();
            assert!(bytes.clone().try_into_mut().is_err());
            *bytes = Bytes::from_static(b"new");
        });
        let mut visit = snapshot.next_segment(0).unwrap();
        let entry = visit.next_entry().unwrap();
        let ValueRef::Object(Value::String(bytes)) = entry.value() else { panic!("a string") };
        assert!(bytes.len() == 100_000 && bytes.iter().all(|&byte| byte == b'a'));
    }
}
