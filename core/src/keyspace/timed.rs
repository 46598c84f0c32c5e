//! Hashes whose fields have deadlines, in the order of the next one.
//!
//! A hash knows its own next deadline; here is which hash of a database comes first. The index
//! holds each such hash under exactly the time that the hash tells of itself, which may be too
//! low: then it is looked at in vain once, tells a later time and moves. So a change needs no
//! table of what was listed before: the hash that is about to change says it.
//!
//! Nearly no database has such hashes, so there is no index until the first comes and none when
//! the last has gone; asking costs one comparison. Limits: a hash that changes its next deadline
//! is listed anew by its name, an allocation and two walks down a tree.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;

use super::db::Db;
use super::entry::{Entry, NewValue, ValueRef};
use crate::value::pack::Shape;
use crate::value::{HashView, Value};

/// Bytes that an entry of the index takes beside the name: of its node, with the usual slack.
const ENTRY_BYTES: usize = 40;

/// The index.
#[derive(Clone, Debug, Default)]
pub(super) struct TimedHashes {
    by_deadline: BTreeSet<(u64, Box<[u8]>)>,
    name_bytes: usize,
}

impl TimedHashes {
    fn first_ms(&self) -> Option<u64> {
        self.by_deadline.first().map(|&(at_ms, _)| at_ms)
    }

    fn add(&mut self, name: &[u8], at_ms: u64) {
        self.name_bytes += name.len();
        let is_new = self.by_deadline.insert((at_ms, name.into()));
        debug_assert!(is_new, "a hash is listed once");
    }

    fn remove(&mut self, name: &[u8], at_ms: u64) {
        self.name_bytes -= name.len();
        let was_listed = self.by_deadline.remove(&(at_ms, name.into()));
        debug_assert!(was_listed, "a hash is listed under the time that it tells");
    }
}

impl Db {
    /// A lower bound of the next deadline of any field, in ms since 1970.
    #[inline]
    #[must_use]
    pub fn next_field_deadline_ms(&self) -> Option<u64> {
        match &self.timed {
            None => None,
            Some(timed) => timed.first_ms(),
        }
    }

    /// Hashes with deadlines of fields.
    #[must_use]
    pub fn timed_hashes(&self) -> usize {
        self.timed.as_ref().map_or(0, |timed| timed.by_deadline.len())
    }

    /// The hash that has a field which is probably due at `now_ms`, the one that waits longest.
    #[must_use]
    pub fn due_hash(&self, now_ms: u64) -> Option<Box<[u8]>> {
        let (at_ms, name) = self.timed.as_ref()?.by_deadline.first()?;
        (*at_ms <= now_ms).then(|| name.clone())
    }

    /// Bytes of the index.
    pub(super) fn timed_bytes(&self) -> usize {
        let bytes = |timed: &TimedHashes| timed.by_deadline.len() * ENTRY_BYTES + timed.name_bytes;
        self.timed.as_deref().map_or(0, bytes)
    }

    /// The hash `name` told the time `before` of itself and tells `after` now.
    pub(super) fn retime(&mut self, name: &[u8], before: Option<u64>, after: Option<u64>) {
        if before == after {
            return;
        }
        let timed = self.timed.get_or_insert_default();
        if let Some(at_ms) = before {
            timed.remove(name, at_ms);
        }
        if let Some(at_ms) = after {
            timed.add(name, at_ms);
        }
        if timed.by_deadline.is_empty() {
            self.timed = None;
        }
    }

    /// Asserts that the index lists what is there; O(keys).
    pub(super) fn check_timed(&self) {
        let tell = |entry: Entry<'_>| Some((entry.next_field_deadline_ms()?, entry.key().into()));
        let told: BTreeSet<(u64, Box<[u8]>)> = self.iter().filter_map(tell).collect();
        let listed = self.timed.as_ref().map(|timed| &timed.by_deadline);
        assert_eq!(listed.is_some(), !told.is_empty(), "the index is there when it is needed");
        assert!(listed.is_none_or(|listed| *listed == told), "hashes are listed as they tell");
        let bytes: usize = self.iter().map(|entry| entry.timed_bytes()).sum();
        assert_eq!(self.timed_bytes(), bytes, "the index takes what its hashes say");
        assert!(bytes >= told.iter().map(|(_, name)| ENTRY_BYTES + name.len()).sum());
    }
}

impl Entry<'_> {
    /// Bytes of the index that are the entry's.
    pub(super) fn timed_bytes(&self) -> usize {
        self.next_field_deadline_ms().map_or(0, |_| ENTRY_BYTES + self.key().len())
    }

    /// The next deadline of a field, in ms since 1970; perhaps too low. `None` without any.
    #[must_use]
    pub fn next_field_deadline_ms(&self) -> Option<u64> {
        match self.value() {
            ValueRef::Pack(pack) => HashView::Pack(pack).next_deadline_ms(),
            ValueRef::Object(value) => value.next_field_deadline_ms(),
            ValueRef::String(_) | ValueRef::Int(_) => None,
        }
    }
}

impl Entry<'_> {
    /// Whether it is a hash that has a field, be that past its deadline.
    #[must_use]
    pub fn holds_field(&self, field: &[u8]) -> bool {
        let hash = match self.value() {
            ValueRef::Pack(pack) if Shape::of(pack).type_name() == "hash" => HashView::Pack(pack),
            ValueRef::Object(Value::Hash(hash)) => hash.view(),
            _ => return false,
        };
        hash.deadline_ms(field).is_some()
    }
}

impl NewValue<'_> {
    /// As [`Entry::next_field_deadline_ms`], of a value on its way in.
    #[inline]
    pub(super) fn next_field_deadline_ms(&self) -> Option<u64> {
        match self {
            Self::Pack(pack) => HashView::Pack(pack).next_deadline_ms(),
            Self::Object(value) => value.next_field_deadline_ms(),
            Self::String(_) | Self::Modified(_) | Self::Text(_) | Self::Int(_) => None,
        }
    }
}

impl Value {
    /// The next deadline of a field, in ms since 1970; perhaps too low.
    #[must_use]
    pub fn next_field_deadline_ms(&self) -> Option<u64> {
        match self {
            Self::Hash(hash) => hash.next_deadline_ms(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{KeyHasher, OwnedValue, Place};
    use crate::value::{Hash, Thresholds};
    use alloc::format;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// What happens to one of ten keys.
    #[derive(Clone, Debug)]
    enum Step {
        /// A hash of so many fields, each with a deadline or none.
        Put(u8, Vec<Option<u64>>),
        Text(u8),
        Remove(u8),
        Deadline(u8, Option<u64>),
        /// A field of a hash is given a deadline, or loses it.
        Field(u8, u8, Option<u64>),
        Take(u8, u8),
        Sweep(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let key = 0..10_u8;
        let at = || prop::option::of(1..1000_u64);
        prop_oneof![
            (key.clone(), prop::collection::vec(at(), 1..14)).prop_map(|(k, f)| Step::Put(k, f)),
            key.clone().prop_map(Step::Text),
            key.clone().prop_map(Step::Remove),
            (key.clone(), at()).prop_map(|(key, at)| Step::Deadline(key, at)),
            (key.clone(), 0..14_u8, at()).prop_map(|(k, f, at)| Step::Field(k, f, at)),
            (key.clone(), key).prop_map(|(from, to)| Step::Take(from, to)),
            (1..1000_u64).prop_map(Step::Sweep),
        ]
    }

    fn name(key: u8) -> Vec<u8> {
        // Some names are too long for a record.
        let long = if key == 3 { 300 } else { 0 };
        format!("key:{key}{}", "x".repeat(long)).into_bytes()
    }

    fn hash_of(deadlines: &[Option<u64>], hasher: KeyHasher) -> Value {
        let thresholds = Thresholds { hash_entries: 8, ..Thresholds::default() };
        let mut hash = Hash::default();
        for (number, &at) in deadlines.iter().enumerate() {
            hash.insert(format!("f{number}").as_bytes(), b"v", at, &thresholds, hasher);
        }
        Value::Hash(hash)
    }

    fn change(db: &mut Db, name: &[u8], place: Place, change: impl FnOnce(&mut Hash)) {
        let key = db.key(name);
        let entry = db.entry(place);
        let (value, at, clock) = (entry.to_owned_value(), entry.expire_at_ms(), entry.clock());
        if let OwnedValue::Object(Value::Hash(mut hash)) = value {
            change(&mut hash);
            db.put(key, Some(place), OwnedValue::Object(Value::Hash(hash)), at, clock);
        }
    }

    fn apply(db: &mut Db, step: &Step) {
        let hasher = db.hasher;
        let place = |db: &Db, key: u8| db.find(db.key(&name(key)));
        match step {
            Step::Put(key, deadlines) => {
                let (at, value) = (place(db, *key), hash_of(deadlines, hasher));
                db.set(hasher.key(&name(*key)), at, NewValue::Object(value), None, 0);
            }
            Step::Text(key) => {
                let at = place(db, *key);
                db.set(hasher.key(&name(*key)), at, NewValue::String(b"text"), None, 0);
            }
            Step::Remove(key) => {
                if let Some(at) = place(db, *key) {
                    db.remove(hasher.key(&name(*key)), at);
                }
            }
            Step::Deadline(key, at_ms) => {
                if let Some(at) = place(db, *key) {
                    db.set_expire(hasher.key(&name(*key)), at, *at_ms);
                }
            }
            Step::Field(key, field, at_ms) => {
                let Some(at) = place(db, *key) else { return };
                let field = format!("f{field}");
                let set = |hash: &mut Hash| hash.set_deadline(field.as_bytes(), *at_ms);
                let set_value = |value: &mut Value| {
                    if let Value::Hash(hash) = value {
                        set(hash);
                    }
                };
                if db.entry(at).outside().is_some() {
                    db.modify(at, set_value);
                } else {
                    change(db, &name(*key), at, set);
                }
            }
            Step::Take(from, to) => {
                let Some(at) = place(db, *from) else { return };
                let value = db.take(hasher.key(&name(*from)), at);
                let at = place(db, *to);
                db.put(hasher.key(&name(*to)), at, value, None, 0);
            }
            Step::Sweep(now_ms) => sweep(db, *now_ms),
        }
    }

    fn sweep(db: &mut Db, now_ms: u64) {
        while let Some(name) = db.due_hash(now_ms) {
            let place = db.find(db.key(&name)).expect("what is listed is there");
            change(db, &name, place, |hash| {
                hash.take_expired(now_ms, usize::MAX, &mut 1000);
            });
            let place = db.find(db.key(&name)).expect("it is still there");
            let entry = db.entry(place);
            assert!(entry.next_field_deadline_ms().is_none_or(|at| at > now_ms));
        }
        assert!(db.next_field_deadline_ms().is_none_or(|at| at > now_ms));
    }

    proptest! {
        #[test]
        fn it_lists_what_is_there(steps in prop::collection::vec(step(), 0..60)) {
            let mut db = Db::new(KeyHasher::new(1, 2));
            for step in &steps {
                apply(&mut db, step);
                db.check();
            }
            let copy = db.clone();
            sweep(&mut db, u64::MAX);
            db.check();
            copy.check();
            prop_assert_eq!(db.timed_hashes(), 0);
        }
    }
}
