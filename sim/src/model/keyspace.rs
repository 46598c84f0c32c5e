//! The keys of the model, and a hash of them all that does not depend on their order.

use core::hash::Hasher as _;
use std::collections::{BTreeMap, BTreeSet};

use super::mixer::Mixer;
use super::value::{Deadlines, Value};

/// A value and the millisecond from which on it is dead.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The value.
    pub value: Value,
    /// Milliseconds since 1970.
    pub deadline_ms: Option<i64>,
}

/// Databases.
#[derive(Clone, Debug)]
pub struct Keyspace {
    dbs: Vec<BTreeMap<Vec<u8>, Held>>,
    deadlines: BTreeSet<(i64, usize, Vec<u8>)>,
    /// Hashes by the first deadline of their fields.
    field_deadlines: BTreeSet<(i64, usize, Vec<u8>)>,
    hash: Hash,
    changes: u64,
    /// Keys, and fields of hashes, that went for their deadline.
    expired: (u64, u64),
    /// Of the keys, hashes that may also have gone with the last of their fields.
    unsure: u64,
    /// What is past its deadline stays, though it is met.
    is_frozen: bool,
    /// The hash that was met last, without the fields that are past theirs.
    shown: Option<Entry>,
    /// What happened to keys since somebody asked, for those who watch them.
    pub(super) events: Vec<Event>,
}

/// An entry and what it adds to the hash of all.
#[derive(Clone, Debug)]
struct Held {
    entry: Entry,
    hash: Hash,
    /// The first deadline of its fields.
    field_deadline_ms: Option<i64>,
}

/// Sums over all keys that do not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hash {
    /// Of keys, values and all deadlines.
    pub whole: u128,
    /// Of keys and values.
    pub values: u128,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A key was changed by a command.
    Changed(usize, Vec<u8>),
    /// A key was removed for its deadline.
    Expired(usize, Vec<u8>),
    /// Who waits for a key must look at it; it was not changed.
    Ready(usize, Vec<u8>),
    /// A database was emptied or swapped; it held this before.
    Replaced(usize, BTreeMap<Vec<u8>, Entry>),
}

impl Entry {
    /// A string.
    #[must_use]
    pub fn text(bytes: Vec<u8>, deadline_ms: Option<i64>) -> Self {
        Self { value: Value::String(bytes), deadline_ms }
    }

    /// Whether it is past its deadline.
    #[must_use]
    pub fn is_dead(&self, now_ms: i64) -> bool {
        self.deadline_ms.is_some_and(|deadline| deadline <= now_ms)
    }
}

impl Keyspace {
    /// Empty databases.
    #[must_use]
    pub fn new(databases: usize) -> Self {
        let dbs = vec![BTreeMap::new(); databases];
        Self {
            dbs,
            deadlines: BTreeSet::new(),
            field_deadlines: BTreeSet::new(),
            hash: Hash::default(),
            changes: 0,
            expired: (0, 0),
            unsure: 0,
            is_frozen: false,
            shown: None,
            events: Vec::new(),
        }
    }

    /// How many databases there are.
    #[must_use]
    pub fn databases(&self) -> usize {
        self.dbs.len()
    }

    /// A hash of everything.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// How often something was changed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// How many keys, and fields of hashes, went for their deadline.
    #[must_use]
    pub fn expired(&self) -> (u64, u64) {
        self.expired
    }

    /// Of these keys, hashes that may also have gone with the last of their fields; and keys that
    /// somebody who walked by may have let go before they went otherwise.
    #[must_use]
    pub fn expired_unsure(&self) -> u64 {
        self.unsure
    }

    /// So many keys may have gone for their deadline, or not.
    pub(super) fn may_have_expired(&mut self, keys: u64) {
        self.unsure += keys;
    }

    /// Everything, dead keys too.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[u8], &Entry)> {
        let dbs = self.dbs.iter().enumerate();
        dbs.flat_map(|(db, keys)| keys.iter().map(move |(key, held)| (db, &key[..], &held.entry)))
    }

    /// Everything of a database, dead keys too.
    pub(super) fn of_db(&self, db: usize) -> impl Iterator<Item = (&[u8], &Entry)> {
        self.dbs[db].iter().map(|(key, held)| (&key[..], &held.entry))
    }

    /// A key, dead or not.
    #[must_use]
    pub fn peek(&self, db: usize, key: &[u8]) -> Option<&Entry> {
        Some(&self.dbs[db].get(key)?.entry)
    }

    /// Keys of a database, dead ones too.
    #[must_use]
    pub fn len(&self, db: usize) -> usize {
        self.dbs[db].len()
    }

    /// Whether there is nothing, not even a dead key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dbs.iter().all(BTreeMap::is_empty)
    }

    /// The keys past their deadline.
    #[must_use]
    pub fn dead(&self, now_ms: i64) -> Vec<(usize, Vec<u8>)> {
        due(&self.deadlines, now_ms)
    }

    /// The next deadline of a key or of a field.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<i64> {
        let first = |deadlines: &BTreeSet<(i64, usize, Vec<u8>)>| deadlines.first().map(|it| it.0);
        [first(&self.deadlines), first(&self.field_deadlines)].into_iter().flatten().min()
    }

    /// The next deadline that is to come.
    #[must_use]
    pub fn deadline_after_ms(&self, now_ms: i64) -> Option<i64> {
        let next = |deadlines: &BTreeSet<(i64, usize, Vec<u8>)>| {
            deadlines.range((now_ms + 1, 0, Vec::new())..).next().map(|it| it.0)
        };
        [next(&self.deadlines), next(&self.field_deadlines)].into_iter().flatten().min()
    }

    pub(super) fn freeze(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
    }

    /// The hashes that have fields past their deadline.
    #[must_use]
    pub fn with_dead_fields(&self, now_ms: i64) -> Vec<(usize, Vec<u8>)> {
        due(&self.field_deadlines, now_ms)
    }

    /// A key that a command meets: when it is past its deadline it is gone for good, and so are
    /// the fields of a hash that are past theirs.
    pub(super) fn meet(&mut self, db: usize, key: &[u8], now_ms: i64) -> Option<&Entry> {
        let held = self.dbs[db].get(key)?;
        let has_dead_fields = held.field_deadline_ms.is_some_and(|deadline| deadline <= now_ms);
        if self.is_frozen && held.entry.is_dead(now_ms) {
            return None;
        } else if self.is_frozen && has_dead_fields {
            return self.show(db, key, now_ms);
        } else if held.entry.is_dead(now_ms) {
            self.expire(db, key);
        } else if has_dead_fields {
            self.expire_fields(db, key, now_ms, |_| false);
        }
        self.peek(db, key)
    }

    /// A hash as who meets it sees it while fields that are past their deadline stay.
    fn show(&mut self, db: usize, key: &[u8], now_ms: i64) -> Option<&Entry> {
        let mut entry = self.peek(db, key)?.clone();
        let Value::Hash(fields) = &mut entry.value else { return None };
        fields.retain(|_, (_, until)| until.is_none_or(|at_ms| at_ms as i64 > now_ms));
        let is_over = fields.is_empty();
        self.shown = Some(entry);
        self.shown.as_ref().filter(|_| !is_over)
    }

    /// Removes the fields of a hash that are past their deadline, but for those which are still
    /// held; with the last field goes the hash. To those who watch it this is a change like any.
    pub(super) fn expire_fields(
        &mut self,
        db: usize,
        key: &[u8],
        now_ms: i64,
        mut holds: impl FnMut(&[u8]) -> bool,
    ) {
        let Some(Value::Hash(fields)) = self.peek(db, key).map(|entry| &entry.value) else {
            return;
        };
        let is_dead = |deadline: Option<u64>| deadline.is_some_and(|at| at as i64 <= now_ms);
        let dead = fields.iter().filter(|(_, held)| is_dead(held.1)).map(|(field, _)| field);
        let gone: BTreeSet<Vec<u8>> = dead.filter(|field| !holds(field)).cloned().collect();
        if gone.is_empty() {
            return;
        }
        self.expired.1 += gone.len() as u64;
        let Some(mut entry) = self.take(db, key) else { return };
        let Value::Hash(fields) = &mut entry.value else { return };
        fields.retain(|field, _| !gone.contains(field));
        match fields.is_empty() {
            true => self.touch(db, key),
            false => self.put(db, key, entry),
        }
    }

    /// Removes a key for its deadline.
    pub(super) fn expire(&mut self, db: usize, key: &[u8]) {
        let held = self.dbs[db].get(key);
        self.unsure += u64::from(held.is_some_and(|held| held.field_deadline_ms.is_some()));
        self.take(db, key);
        self.expired.0 += 1;
        self.events.push(Event::Expired(db, key.to_vec()));
    }

    /// Changes a value in its place, and says so to nobody.
    pub(super) fn alter<R>(
        &mut self,
        db: usize,
        key: &[u8],
        change: impl FnOnce(&mut Value) -> R,
    ) -> Option<R> {
        let held = self.dbs[db].get_mut(key)?;
        let result = change(&mut held.entry.value);
        let (hash, _) = Hash::of(db, key, &held.entry);
        let before = std::mem::replace(&mut held.hash, hash);
        if before != hash {
            self.changes += 1;
            self.hash.subtract(before);
            self.hash.add(hash);
        }
        Some(result)
    }

    /// Has those who wait for a key look at it.
    pub(super) fn wake(&mut self, db: usize, key: &[u8]) {
        self.events.push(Event::Ready(db, key.to_vec()));
    }

    /// Sets a key.
    pub fn put(&mut self, db: usize, key: &[u8], entry: Entry) {
        self.take(db, key);
        self.changes += 1;
        let (hash, field_deadline_ms) = Hash::of(db, key, &entry);
        self.hash.add(hash);
        if let Some(deadline) = entry.deadline_ms {
            self.deadlines.insert((deadline, db, key.to_vec()));
        }
        if let Some(deadline) = field_deadline_ms {
            self.field_deadlines.insert((deadline, db, key.to_vec()));
        }
        self.dbs[db].insert(key.to_vec(), Held { entry, hash, field_deadline_ms });
        self.events.push(Event::Changed(db, key.to_vec()));
    }

    /// Tells those who listen that a key was changed.
    pub(super) fn touch(&mut self, db: usize, key: &[u8]) {
        self.events.push(Event::Changed(db, key.to_vec()));
    }

    /// Removes a key.
    pub(super) fn remove(&mut self, db: usize, key: &[u8]) {
        self.take(db, key);
        self.events.push(Event::Changed(db, key.to_vec()));
    }

    /// Takes a key out, and says so to nobody.
    pub(super) fn take(&mut self, db: usize, key: &[u8]) -> Option<Entry> {
        let Held { entry, hash, field_deadline_ms } = self.dbs[db].remove(key)?;
        self.changes += 1;
        self.hash.subtract(hash);
        if let Some(deadline) = entry.deadline_ms {
            self.deadlines.remove(&(deadline, db, key.to_vec()));
        }
        if let Some(deadline) = field_deadline_ms {
            self.field_deadlines.remove(&(deadline, db, key.to_vec()));
        }
        Some(entry)
    }

    /// Gives a database these keys and no others.
    pub(super) fn replace(&mut self, db: usize, with: BTreeMap<Vec<u8>, Entry>) {
        let before = self.entries(db);
        before.keys().for_each(|key| drop(self.take(db, key)));
        let events = self.events.len();
        with.into_iter().for_each(|(key, entry)| self.put(db, &key, entry));
        self.events.truncate(events);
        self.events.push(Event::Replaced(db, before));
    }

    fn entries(&self, db: usize) -> BTreeMap<Vec<u8>, Entry> {
        self.dbs[db].iter().map(|(key, held)| (key.clone(), held.entry.clone())).collect()
    }

    /// Swaps two databases.
    pub(super) fn swap(&mut self, one: usize, other: usize) {
        let [first, second] = [one, other].map(|db| self.entries(db));
        self.replace(other, first);
        self.replace(one, second);
    }
}

/// Keys by their deadlines: those of which it has passed.
fn due(deadlines: &BTreeSet<(i64, usize, Vec<u8>)>, now_ms: i64) -> Vec<(usize, Vec<u8>)> {
    let due = deadlines.iter().take_while(|(deadline, ..)| *deadline <= now_ms);
    due.map(|(_, db, key)| (*db, key.clone())).collect()
}

impl Hash {
    /// What an entry adds, and the first deadline of its fields.
    fn of(db: usize, key: &[u8], entry: &Entry) -> (Self, Option<i64>) {
        let mut hasher = Mixer::default();
        hasher.write_u64(db as u64);
        hasher.write_u64(key.len() as u64);
        hasher.write(key);
        let Deadlines { first_ms, digest } = entry.value.feed(&mut hasher);
        let values = hasher.both();
        hasher.write_i64(entry.deadline_ms.unwrap_or(-1));
        if first_ms.is_some() {
            hasher.write_u64(digest);
        }
        (Self { whole: hasher.both(), values }, first_ms.map(|first_ms| first_ms as i64))
    }

    fn add(&mut self, other: Self) {
        self.whole = self.whole.wrapping_add(other.whole);
        self.values = self.values.wrapping_add(other.values);
    }

    fn subtract(&mut self, other: Self) {
        self.whole = self.whole.wrapping_sub(other.whole);
        self.values = self.values.wrapping_sub(other.values);
    }
}
