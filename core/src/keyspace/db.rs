//! One logical database: the directory of segments and the index of deadlines.
//!
//! The directory maps the top bits of a hash to a segment; it has 2^depth entries of 4 bytes,
//! and a segment that shares fewer top bits than that stands in several of them. When a segment
//! splits whose bits are all used, the directory doubles, a copy of a few kilobytes.
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

use super::entry::{Entry, NewValue, Place, Stored};
use super::key::{Key, KeyHasher};
use super::record::{Kind, Parts, Record};
use super::segment::{Full, NEVER, Object, Segment};
use crate::value::Value;

/// Top bits that the directory may use at most. With a secret hash key none comes near it.
const DEPTH_MAX: u8 = 34;

/// A guess where a record is, between two passes of warming up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Warm {
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
    pub(super) hasher: KeyHasher,
    /// Segments by the lower bound of their deadlines, in ms since 1970.
    pub(super) deadlines: BTreeSet<(u64, u32)>,
    len: usize,
    expires: usize,
    segment_bytes: usize,
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
            hasher,
            deadlines: BTreeSet::new(),
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
        self.segment_bytes + self.index.len() * 4 + self.segments.len() * 8
    }

    #[inline]
    pub(super) fn segment_id(&self, hash: u64) -> Option<u32> {
        self.index.get(((hash >> 1) >> (63 - u32::from(self.depth))) as usize).copied()
    }

    #[inline]
    fn segment(&self, hash: u64) -> Option<&Segment> {
        self.segment_id(hash).map(|id| &*self.segments[id as usize])
    }

    /// Pulls the bucket of `hash` into the cache; returns a byte that depends on it.
    #[inline]
    #[must_use]
    pub fn warm_bucket(&self, hash: u64) -> u8 {
        self.segment(hash).map_or(0, |segment| segment.warm_bucket(hash))
    }

    /// Where the record that `hash` probably belongs to is, for [`Db::warm_record`]; pulls the
    /// pointer to its page into the cache.
    #[inline]
    #[must_use]
    pub fn warm_page(&self, hash: u64) -> Warm {
        match self.segment_id(hash) {
            Some(segment) => {
                let (handle, exists) = self.segments[segment as usize].warm_page(hash);
                Warm { segment, handle, exists }
            }
            None => Warm::default(),
        }
    }

    /// Pulls a record and its page's reference count into the cache.
    #[inline]
    #[must_use]
    pub fn warm_record(&self, warm: Warm) -> u8 {
        if !warm.exists {
            return 0;
        }
        self.segments.get(warm.segment as usize).map_or(0, |seg| seg.warm_record(warm.handle))
    }

    /// Where `key` is.
    #[inline]
    #[must_use]
    pub fn find(&self, key: Key<'_>) -> Option<Place> {
        let id = self.segment_id(key.hash)?;
        let seat = self.segments[id as usize].find(key.hash, key.bytes)?;
        Some(Place { segment: id, seat })
    }

    /// The entry at `place`.
    #[inline]
    #[must_use]
    pub fn entry(&self, place: Place) -> Entry<'_> {
        let segment = &self.segments[place.segment as usize];
        Entry::new(segment, place.seat)
    }

    #[inline]
    fn segment_mut(&mut self, id: u32) -> &mut Segment {
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
        let before = value.heap_bytes();
        let result = change(value);
        let after = value.heap_bytes();
        segment.recount(before, after);
        self.segment_bytes = self.segment_bytes + after - before;
        Some(result)
    }

    /// Stores `value` under `key`, with a deadline or without; `place` is where the key is now.
    pub fn set(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        value: NewValue<'_>,
        expire_at_ms: Option<u64>,
        clock: u32,
    ) {
        let mut room = [0; 8];
        let Stored { kind, bytes, mut object } = value.store(key.bytes, &mut room);
        let long = key.bytes.len() > super::record::INLINE_KEY_MAX;
        let parts =
            Parts { key: (!long).then_some(key.bytes), kind, value: bytes, expire_at_ms, clock };
        if let Some(place) = place {
            if object.is_none() && self.overwrite(place, &parts) {
                return;
            }
            self.remove(key, place);
        }
        self.insert(key.hash, &parts, &mut object);
    }

    #[inline]
    fn overwrite(&mut self, place: Place, parts: &Parts<'_>) -> bool {
        let segment = self.segment_mut(place.segment);
        let had_ttl = segment.record(place.seat).expire_at_ms().is_some();
        let (bytes, bound) = (segment.bytes(), segment.expire_min_ms);
        if !segment.overwrite(place.seat, parts) {
            return false;
        }
        let (bytes_after, bound_after) = (segment.bytes(), segment.expire_min_ms);
        self.segment_bytes = self.segment_bytes + bytes_after - bytes;
        self.expires -= usize::from(had_ttl);
        self.expires += usize::from(parts.expire_at_ms.is_some());
        self.reorder(place.segment, bound, bound_after);
        true
    }

    /// Keeps the tree of deadlines in step with a segment's bound.
    #[inline]
    fn reorder(&mut self, id: u32, before_ms: u64, after_ms: u64) {
        if before_ms == after_ms {
            return;
        }
        self.deadlines.remove(&(before_ms, id));
        if after_ms != NEVER {
            self.deadlines.insert((after_ms, id));
        }
    }

    fn insert(&mut self, hash: u64, parts: &Parts<'_>, object: &mut Option<Object>) {
        if self.index.is_empty() {
            self.add_segment(Segment::new(0, 0));
            self.index.push(0);
        }
        loop {
            let id = self.segment_id(hash).expect("the directory covers every hash");
            let segment = self.segment_mut(id);
            let (bytes, bound) = (segment.bytes(), segment.expire_min_ms);
            let Err(Full) = segment.insert(hash, parts, object) else {
                let (bytes_after, bound_after) = (segment.bytes(), segment.expire_min_ms);
                self.segment_bytes = self.segment_bytes + bytes_after - bytes;
                self.reorder(id, bound, bound_after);
                break;
            };
            self.split(id, hash);
        }
        self.len += 1;
        self.expires += usize::from(parts.expire_at_ms.is_some());
    }

    fn add_segment(&mut self, segment: Segment) -> u32 {
        self.segment_bytes += segment.bytes();
        let id = self.segments.len() as u32;
        if segment.expire_min_ms != NEVER {
            self.deadlines.insert((segment.expire_min_ms, id));
        }
        self.segments.push(Arc::new(segment));
        id
    }

    /// Splits the segment `id`, to which `hash` belongs.
    fn split(&mut self, id: u32, hash: u64) {
        let hasher = self.hasher;
        let new_id = self.segments.len() as u32;
        let old = self.segment_mut(id);
        let (bytes, bound, depth) = (old.bytes(), old.expire_min_ms, old.depth);
        let [low, high] = old.split([id, new_id], &hasher);
        self.segment_bytes = self.segment_bytes + low.bytes() - bytes;
        self.reorder(id, bound, low.expire_min_ms);
        self.segments[id as usize] = Arc::new(low);
        self.add_segment(high);
        if depth == self.depth {
            self.double();
        }
        self.redirect(hash, depth, new_id);
    }

    fn double(&mut self) {
        assert!(self.depth < DEPTH_MAX, "hashes under a secret key do not share so many bits");
        self.index = self.index.iter().flat_map(|&id| [id, id]).collect();
        self.depth += 1;
    }

    /// Points the upper half of a split segment's directory entries at `new_id`.
    fn redirect(&mut self, hash: u64, old_depth: u8, new_id: u32) {
        let span = 1_usize << (self.depth - old_depth);
        let prefix = ((hash >> 1) >> (63 - u32::from(old_depth))) as usize;
        let first = prefix * span;
        self.index[first + span / 2..first + span].fill(new_id);
    }

    /// Takes the entry of `key` at `place` out; returns its value when that lay outside the record.
    pub fn remove(&mut self, key: Key<'_>, place: Place) -> Option<Value> {
        let segment = self.segment_mut(place.segment);
        let had_ttl = segment.record(place.seat).expire_at_ms().is_some();
        let (bytes, bound) = (segment.bytes(), segment.expire_min_ms);
        let object = segment.remove(key.hash, place.seat);
        let (bytes_after, bound_after) = (segment.bytes(), segment.expire_min_ms);
        self.segment_bytes = self.segment_bytes + bytes_after - bytes;
        self.reorder(place.segment, bound, bound_after);
        self.len -= 1;
        self.expires -= usize::from(had_ttl);
        object.map(|object| object.value)
    }

    /// Sets or takes away the deadline of the entry of `key` at `place`.
    pub fn set_expire(&mut self, key: Key<'_>, place: Place, expire_at_ms: Option<u64>) {
        let segment = &self.segments[place.segment as usize];
        let mut copy = [0; 544];
        let record = segment.record(place.seat);
        let len = record.len();
        copy[..len].copy_from_slice(record.bytes());
        let old = Record::new(&copy[..len]);
        let (kind, clock, long) = (old.kind(), old.clock(), old.long_key());
        let parts = Parts {
            key: (!long).then(|| old.key()),
            kind,
            value: old.value(),
            expire_at_ms,
            clock,
        };
        if kind != Kind::Object && self.overwrite(place, &parts) {
            return;
        }
        let object = self.take_object(key, place);
        self.insert(key.hash, &parts, &mut { object });
    }

    /// Removes the entry and returns its object whole.
    fn take_object(&mut self, key: Key<'_>, place: Place) -> Option<Object> {
        let long_key =
            (key.bytes.len() > super::record::INLINE_KEY_MAX).then(|| Box::<[u8]>::from(key.bytes));
        self.remove(key, place).map(|value| Object { long_key, value })
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
    }
}
