//! One logical database: the directory of segments and the index of deadlines.
//!
//! The top bits of a key's hash name its segment (see [`directory`](super::directory)), the low
//! ones its bucket there. Here is what happens to entries, and what is counted on the way.
//!
//! Expiry is exact and cheap at once: each bucket and each segment keeps a lower bound of its
//! deadlines, and the segments stand in a tree ordered by theirs. The next deadline is the first
//! of the tree; a bound that was too low costs one look at twenty records and is then tightened.
//!
//! Nothing here reads a clock, notifies or logs: that is the caller's part.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use triomphe::Arc;

use super::directory::DEPTH_MAX;
use super::entry::{Entry, NewValue, OwnedValue, Place, Stored, fits};
use super::key::{Key, KeyHasher};
use super::record::{Parts, Record};
use super::segment::{NEVER, Object, Segment};
use super::timed::TimedHashes;
use crate::value::Value;

/// A guess where a record is, between two passes of warming up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Warm {
    segment: u32,
    handle: u16,
    exists: bool,
}

/// A database.
#[derive(Clone)]
pub struct Db {
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) index: Vec<u32>,
    pub(super) depth: u8,
    /// How many segments share so many top bits.
    pub(super) depths: [u32; DEPTH_MAX as usize + 1],
    pub(super) hasher: KeyHasher,
    /// Segments by the lower bound of their deadlines, in ms since 1970.
    pub(super) deadlines: BTreeSet<(u64, u32)>,
    /// Hashes with deadlines of fields, if there are any.
    pub(super) timed: Option<Box<TimedHashes>>,
    len: usize,
    expires: usize,
    pub(super) segment_bytes: usize,
}

impl core::fmt::Debug for Db {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Db")
            .field("len", &self.len)
            .field("segments", &self.segments.len())
            .finish()
    }
}

impl Db {
    /// An empty database whose keys are hashed by `hasher`.
    #[must_use]
    pub fn new(hasher: KeyHasher) -> Self {
        Self {
            segments: Vec::new(),
            index: Vec::new(),
            depth: 0,
            depths: [0; DEPTH_MAX as usize + 1],
            hasher,
            deadlines: BTreeSet::new(),
            timed: None,
            len: 0,
            expires: 0,
            segment_bytes: 0,
        }
    }

    /// Keys, those included whose deadline has passed and which nobody has looked at.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Keys with a deadline.
    #[must_use]
    pub fn expires(&self) -> usize {
        self.expires
    }

    /// Bytes of keys, values and the tables that find them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.segment_bytes + self.index.len() * 4 + self.segments.len() * 8 + self.timed_bytes()
    }

    /// Pulls the bucket of `hash` and the reference count of its segment into the cache; returns
    /// the segment, for [`Db::warm_page`], and a byte that depends on them.
    #[inline]
    pub(super) fn warm_bucket(&self, hash: u64) -> (Warm, u8) {
        let Some(id) = self.segment_id(hash) else { return (Warm::default(), 0) };
        let segment = &self.segments[id as usize];
        let byte = segment.warm_bucket(hash) ^ Arc::strong_count(segment) as u8;
        (Warm { segment: id, ..Warm::default() }, byte)
    }

    /// Notes where the record that `hash` probably belongs to is, for [`Db::warm_record`]; pulls
    /// the pointer to its page into the cache.
    #[inline]
    pub(super) fn warm_page(&self, hash: u64, place: &mut Warm) {
        if let Some(segment) = self.segments.get(place.segment as usize) {
            (place.handle, place.exists) = segment.warm_page(hash);
        }
    }

    /// Notes where the segment of `hash` puts the next record, for [`Db::warm_record`].
    #[inline]
    pub(super) fn warm_tail(&self, hash: u64) -> Warm {
        let Some(segment) = self.segment_id(hash) else { return Warm::default() };
        let (handle, exists) = self.segments[segment as usize].warm_tail();
        Warm { segment, handle, exists }
    }

    /// Pulls a record and its page's reference count into the cache.
    #[inline]
    pub(super) fn warm_record(&self, warm: Warm) -> u8 {
        if !warm.exists {
            return 0;
        }
        self.segments.get(warm.segment as usize).map_or(0, |seg| seg.warm_record(warm.handle))
    }

    /// A key with the hash that it has here.
    #[inline]
    #[must_use]
    pub fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        self.hasher.key(bytes)
    }

    /// Where `key` is.
    #[inline]
    #[must_use]
    pub fn find(&self, key: Key<'_>) -> Option<Place> {
        self.look(key).map(|(place, _)| place)
    }

    /// Where `key` is, and what is there.
    #[inline]
    #[must_use]
    pub fn look(&self, key: Key<'_>) -> Option<(Place, Entry<'_>)> {
        let id = self.segment_id(key.hash)?;
        let segment: &Segment = &self.segments[id as usize];
        let (seat, record) = segment.look(key.hash, key.bytes)?;
        Some((Place { segment: id, seat }, Entry::of(segment, seat, record)))
    }

    /// The entry at `place`.
    #[inline]
    #[must_use]
    pub fn entry(&self, place: Place) -> Entry<'_> {
        let segment = &self.segments[place.segment as usize];
        Entry::new(segment, place.seat)
    }

    #[inline]
    pub(super) fn segment_mut(&mut self, id: u32) -> &mut Segment {
        Arc::make_mut(&mut self.segments[id as usize])
    }

    /// Sets the access clock of the entry at `place`, 24 bits.
    pub fn set_clock(&mut self, place: Place, clock: u32) {
        self.segment_mut(place.segment).set_clock(place.seat, clock);
    }

    /// Changes the object at `place` in place; `None` when the value lies in its record.
    pub fn modify<R>(&mut self, place: Place, change: impl FnOnce(&mut Value) -> R) -> Option<R> {
        let segment = self.segment_mut(place.segment);
        let value = segment.value_mut(place.seat)?;
        let before = (value.heap_bytes(), value.next_field_deadline_ms());
        let result = change(value);
        let after = (value.heap_bytes(), value.next_field_deadline_ms());
        segment.recount(before.0, after.0);
        let retimed = before.1 != after.1;
        let name: Option<Box<[u8]>> = retimed.then(|| segment.key(place.seat).into());
        self.segment_bytes = self.segment_bytes + after.0 - before.0;
        if let Some(name) = name {
            self.retime(&name, before.1, after.1);
        }
        Some(result)
    }

    /// Stores `value` under `key`, with a deadline or without; `place` is where the key is now.
    /// Returns the value that was there when it lay outside its record.
    #[inline]
    pub fn set(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        value: NewValue<'_>,
        expire_at_ms: Option<u64>,
        clock: u32,
    ) -> Option<Value> {
        let after = value.next_field_deadline_ms();
        if after.is_none() && self.timed.is_none() {
            return self.set_untimed(key, place, value, expire_at_ms, clock);
        }
        let before = place.and_then(|place| self.entry(place).next_field_deadline_ms());
        let old = self.set_untimed(key, place, value, expire_at_ms, clock);
        self.retime(key.bytes, before, after);
        old
    }

    /// As [`Db::set`], without a look at deadlines of fields.
    #[inline]
    fn set_untimed(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        value: NewValue<'_>,
        expire_at_ms: Option<u64>,
        clock: u32,
    ) -> Option<Value> {
        // Nearly always a value lies in its record, and has room where the old one lay.
        if let Some(place) = place
            && let Some((kind, value)) = value.inline(key.bytes, &mut [0; 8])
            && self
                .overwrite(place, &Parts { key: Some(key.bytes), kind, value, expire_at_ms, clock })
        {
            return None;
        }
        self.store(key, place, value, expire_at_ms, clock)
    }

    /// As [`Db::set_untimed`], for what is not written over the old record.
    #[inline(never)]
    fn store(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        value: NewValue<'_>,
        expire_at_ms: Option<u64>,
        clock: u32,
    ) -> Option<Value> {
        if let NewValue::Object(value) = &value
            && let Some(pack) = value.pack()
            && fits(key.bytes, pack.bytes())
        {
            let pack = NewValue::Pack(pack.bytes());
            return self.set_untimed(key, place, pack, expire_at_ms, clock);
        }
        let mut room = [0; 8];
        let Stored { kind, bytes, mut object } = value.store(key.bytes, &mut room);
        let long = key.bytes.len() > super::record::INLINE_KEY_MAX;
        let parts =
            Parts { key: (!long).then_some(key.bytes), kind, value: bytes, expire_at_ms, clock };
        match place {
            Some(place) => self.supplant(key.hash, place, &parts, &mut object),
            None => {
                self.insert(key.hash, &parts, &mut object);
                None
            }
        }
    }

    /// Stores an entry in the place of one that takes another form; returns the old value when that
    /// lay outside its record.
    #[inline(never)]
    fn supplant(
        &mut self,
        hash: u64,
        place: Place,
        parts: &Parts<'_>,
        object: &mut Option<Object>,
    ) -> Option<Value> {
        let replaced = if object.is_some() { self.replace(place, parts, object) } else { None };
        let old = replaced.or_else(|| {
            let old = self.take_out(hash, place);
            self.insert(hash, parts, object);
            old
        });
        old.map(|object| object.value)
    }

    /// Changes a segment and takes the change of its size and of its bound into account.
    #[inline(always)]
    fn change<R>(&mut self, id: u32, change: impl FnOnce(&mut Segment) -> R) -> R {
        let segment = self.segment_mut(id);
        let (bytes, bound) = (segment.bytes(), segment.expire_min_ms);
        let result = change(segment);
        let (bytes_after, bound_after) = (segment.bytes(), segment.expire_min_ms);
        self.segment_bytes = self.segment_bytes + bytes_after - bytes;
        self.reorder(id, bound, bound_after);
        result
    }

    /// Takes a change of one key's deadline into account.
    #[inline]
    fn recount_expires(&mut self, had_ttl: bool, has_ttl: bool) {
        self.expires = self.expires + usize::from(has_ttl) - usize::from(had_ttl);
    }

    #[inline]
    fn overwrite(&mut self, place: Place, parts: &Parts<'_>) -> bool {
        let had_ttl = self.change(place.segment, |segment| segment.overwrite(place.seat, parts));
        let Some(had_ttl) = had_ttl else { return false };
        self.recount_expires(had_ttl, parts.expire_at_ms.is_some());
        true
    }

    /// Puts an object in the place of another, without moving the record.
    fn replace(
        &mut self,
        place: Place,
        parts: &Parts<'_>,
        object: &mut Option<Object>,
    ) -> Option<Object> {
        let had_ttl = self.segments[place.segment as usize].has_ttl(place.seat);
        let old =
            self.change(place.segment, |segment| segment.replace(place.seat, parts, object))?;
        self.recount_expires(had_ttl, parts.expire_at_ms.is_some());
        Some(old)
    }

    /// Keeps the tree of deadlines in step with a segment's bound.
    #[inline]
    pub(super) fn reorder(&mut self, id: u32, before_ms: u64, after_ms: u64) {
        if before_ms == after_ms {
            return;
        }
        self.deadlines.remove(&(before_ms, id));
        if after_ms != NEVER {
            self.deadlines.insert((after_ms, id));
        }
    }

    #[inline(always)]
    fn insert(&mut self, hash: u64, parts: &Parts<'_>, object: &mut Option<Object>) {
        loop {
            let id = match self.segment_id(hash) {
                Some(id) => id,
                None => self.add_first_segment(),
            };
            if self.change(id, |segment| segment.insert(hash, parts, object)).is_ok() {
                break;
            }
            self.split(id);
        }
        self.len += 1;
        self.expires += usize::from(parts.expire_at_ms.is_some());
    }

    /// Takes the entry of `key` at `place` out; returns its value when that lay outside the record.
    pub fn remove(&mut self, key: Key<'_>, place: Place) -> Option<Value> {
        if self.timed.is_some() {
            let before = self.entry(place).next_field_deadline_ms();
            self.retime(key.bytes, before, None);
        }
        let object = self.take_out(key.hash, place);
        if self.segments[place.segment as usize].is_sparse() {
            self.merge(place.segment);
        }
        object.map(|object| object.value)
    }

    #[inline(always)]
    fn take_out(&mut self, hash: u64, place: Place) -> Option<Object> {
        let (had_ttl, object) = self.change(place.segment, |segment| {
            (segment.has_ttl(place.seat), segment.remove(hash, place.seat))
        });
        self.len -= 1;
        self.recount_expires(had_ttl, false);
        object
    }

    /// As [`Db::set`] with a value that was taken or copied from an entry.
    pub fn put(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        value: OwnedValue,
        expire_at_ms: Option<u64>,
        clock: u32,
    ) -> Option<Value> {
        let new = match value {
            OwnedValue::String(ref bytes) => NewValue::String(bytes),
            OwnedValue::Text(ref bytes) => NewValue::Text(bytes),
            OwnedValue::Modified(ref bytes) => NewValue::Modified(bytes),
            OwnedValue::Int(number) => NewValue::Int(number),
            OwnedValue::Object(value) => NewValue::Object(value),
        };
        self.set(key, place, new, expire_at_ms, clock)
    }

    /// Takes the entry of `key` at `place` out and returns its value.
    pub fn take(&mut self, key: Key<'_>, place: Place) -> OwnedValue {
        let entry = self.entry(place);
        let value = entry.outside().is_none().then(|| entry.to_owned_value());
        let object = self.remove(key, place).map(OwnedValue::of);
        value.or(object).expect("a value lies in its record or outside")
    }

    /// Sets or takes away the deadline of the entry of `key` at `place`.
    pub fn set_expire(&mut self, key: Key<'_>, place: Place, expire_at_ms: Option<u64>) {
        let mut copy = [0; 544];
        let record = self.segments[place.segment as usize].record(place.seat);
        let len = record.len();
        copy[..len].copy_from_slice(record.bytes());
        let parts = Parts { expire_at_ms, ..Record::new(&copy[..len]).parts() };
        let had_ttl = record.expire_at_ms().is_some();
        if self.change(place.segment, |segment| segment.rewrite(place.seat, &parts)) {
            self.recount_expires(had_ttl, expire_at_ms.is_some());
            return;
        }
        let object = self.take_out(key.hash, place);
        self.insert(key.hash, &parts, &mut { object });
    }

    /// A lower bound of the next deadline, in ms since 1970; exact unless keys that bore it were
    /// overwritten, deleted or prolonged.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        self.deadlines.first().map(|&(at, _)| at)
    }

    /// A key whose deadline has passed at `now_ms`, of those in the segment that waits longest.
    /// Spends at most `looks` looks at segments whose bound was too low.
    pub fn expired(&mut self, now_ms: u64, looks: &mut u32) -> Option<Box<[u8]>> {
        while *looks > 0 {
            let &(bound, id) = self.deadlines.first()?;
            if bound > now_ms {
                return None;
            }
            let segment = self.segment_mut(id);
            if let Some(seat) = segment.expired(now_ms) {
                return Some(segment.key(seat).into());
            }
            let tightened = segment.expire_min_ms;
            self.reorder(id, bound, tightened);
            *looks -= 1;
        }
        None
    }

    /// Every entry, in no particular but a repeatable order.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> + '_ {
        self.segments.iter().flat_map(|segment| {
            let segment: &Segment = segment;
            segment.seats().map(move |seat| Entry::new(segment, seat))
        })
    }

    /// Asserts every invariant of the database; O(keys), for tests and the simulator.
    pub fn check(&self) {
        let mut bytes = 0;
        let mut len = 0;
        for (id, segment) in self.segments.iter().enumerate() {
            segment.check(&self.hasher);
            bytes += segment.bytes();
            len += segment.len();
            let bound = segment.expire_min_ms;
            let listed = self.deadlines.contains(&(bound, id as u32));
            assert_eq!(listed, bound != NEVER, "a segment with deadlines is in the tree");
        }
        assert_eq!((bytes, len), (self.segment_bytes, self.len), "bytes and keys are counted");
        let expires = self.iter().filter(|entry| entry.expire_at_ms().is_some()).count();
        assert_eq!(expires, self.expires, "keys with deadlines are counted");
        self.check_directory();
        self.check_timed();
    }
}
