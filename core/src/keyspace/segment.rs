//! Segments: small hash tables that grow by splitting in two.
//!
//! A table that doubles must one day move all its entries, and whoever waits then waits long. Here
//! the keyspace is a directory of segments of about a thousand keys each; one that is full splits
//! in two, in some fifty microseconds, and nothing else moves. A segment is 64 buckets of 20
//! slots, the pages that hold its records, and a slab for what is too large for a page.
//!
//! The hard case is waste: a record that is deleted or outgrown leaves a hole. Holes are counted,
//! and when they pass a quarter of what was placed the records are packed anew, at most the cost of
//! a split. Two halves that deletions left nearly empty become one segment again. Limits: 40 pages,
//! so records of 300 bytes make a segment split at about 250 keys.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hint::black_box;

use triomphe::Arc;

use super::bucket::{Bucket, SLOTS};
use super::key::{KeyHasher, same_key};
use super::page::{self, PAGE_ALLOC_BYTES, PAGE_UNITS, Page, UNIT};
use super::record::{self, Kind, Parts, Record};
use crate::value::Value;

mod reshape;

/// Buckets in a segment.
pub(super) const BUCKETS: usize = 64;

/// Pages that a segment may have.
const PAGES: usize = 40;

/// Keys at which a segment splits: between `SPLIT_MIN` and `SPLIT_MIN + SPLIT_JITTER`, of 1280
/// slots. Hashes are uniform, so without the jitter all segments would fill and split together.
pub(super) const SPLIT_MIN: usize = 1000;
const SPLIT_JITTER: usize = 220;

/// No deadline.
pub(super) const NEVER: u64 = u64::MAX;

/// Where an entry is in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) bucket: u8,
    pub(super) slot: u8,
}

/// What a record keeps outside its page.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// The key, when it is too long for the record.
    pub(super) long_key: Option<Box<[u8]>>,
    pub(super) value: Value,
}

impl Object {
    fn heap_bytes(&self) -> usize {
        self.long_key.as_ref().map_or(0, |key| key.len()) + self.value.heap_bytes()
    }
}

/// Bytes that come into the cache together.
const LINE: usize = 64;

/// The segment has no room: split it.
pub(super) struct Full;

/// One segment.
#[derive(Clone)]
pub(super) struct Segment {
    buckets: [Bucket; BUCKETS],
    pages: [Option<Arc<Page>>; PAGES],
    /// A lower bound of the deadlines in each bucket.
    deadlines: Option<Box<[u64; BUCKETS]>>,
    slab: Vec<Option<Object>>,
    slab_vacant: Vec<u32>,
    /// A lower bound of the deadlines in the segment; [`NEVER`] without any.
    pub(super) expire_min_ms: u64,
    heap_bytes: usize,
    placed_units: u32,
    dead_units: u32,
    len: u16,
    split_len: u16,
    tail_units: u16,
    pages_len: u8,
    /// Top bits of the hash that all its keys share.
    pub(super) depth: u8,
    /// The lowest hash that belongs here: those bits, then zeros.
    pub(super) base: u64,
}

impl Segment {
    /// An empty segment for the hashes that share their top `depth` bits with `base`.
    pub(super) fn new(depth: u8, base: u64) -> Self {
        let mix = (base >> 30).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let jitter = mix as usize % SPLIT_JITTER;
        Self {
            buckets: [const { Bucket::EMPTY }; BUCKETS],
            pages: [const { None }; PAGES],
            deadlines: None,
            slab: Vec::new(),
            slab_vacant: Vec::new(),
            expire_min_ms: NEVER,
            heap_bytes: 0,
            placed_units: 0,
            dead_units: 0,
            len: 0,
            split_len: (SPLIT_MIN + jitter) as u16,
            tail_units: 0,
            pages_len: 0,
            depth,
            base,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// Bytes of the segment and all that hangs on it.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.heap_bytes
    }

    #[inline]
    pub(super) fn home(hash: u64) -> usize {
        hash as usize % BUCKETS
    }

    /// A byte of the bucket that `hash` belongs to, to pull its line into the cache.
    #[inline]
    pub(super) fn warm_bucket(&self, hash: u64) -> u8 {
        self.buckets[Self::home(hash)].warm()
    }

    /// The first handle that may be that of `hash`, or where the next record goes; also pulls the
    /// page's pointer into the cache.
    #[inline]
    pub(super) fn warm_page(&self, hash: u64) -> (u16, bool) {
        let bucket = &self.buckets[Self::home(hash)];
        let Some(slot) = bucket.candidates(Bucket::tag(hash)).next() else {
            return self.warm_tail();
        };
        let handle = bucket.handle(slot);
        (handle, self.pages[(handle >> 9) as usize].is_some())
    }

    /// Where the next record goes; also pulls the page's pointer into the cache, and what is
    /// counted when one is placed.
    #[inline]
    pub(super) fn warm_tail(&self) -> (u16, bool) {
        let Some(last) = self.pages_len.checked_sub(1) else { return (0, false) };
        (u16::from(last) << 9 | self.tail_units, self.pages[last as usize].is_some())
    }

    /// A byte of the record at `handle`, and of its page's reference count.
    #[inline]
    pub(super) fn warm_record(&self, handle: u16) -> u8 {
        match self.pages.get((handle >> 9) as usize) {
            Some(Some(page)) => {
                let at = (handle & 511) as usize * UNIT;
                page.0[0] ^ page.0.get(at).copied().unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Reads the pages through, so that who then reads the records in the order of the table finds
    /// them in the cache.
    pub(super) fn warm_pages(&self) {
        let lines = self.pages.iter().flatten().flat_map(|page| page.0.iter().step_by(LINE));
        black_box(lines.fold(0, |sum, byte| sum ^ byte));
    }

    /// The entry of `key`.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<Seat> {
        self.look(hash, key).map(|(seat, _)| seat)
    }

    /// The entry of `key` with its record, which was looked at anyway.
    #[inline]
    pub(super) fn look(&self, hash: u64, key: &[u8]) -> Option<(Seat, Record<'_>)> {
        self.look_at(Self::home(hash), Bucket::tag(hash), key)
    }

    /// As [`Segment::look`], of a key with this home bucket and this tag.
    #[inline]
    pub(super) fn look_at(&self, home: usize, tag: u8, key: &[u8]) -> Option<(Seat, Record<'_>)> {
        let mut at = home;
        for _ in 0..BUCKETS {
            let bucket = &self.buckets[at];
            for slot in bucket.candidates(tag) {
                if !bucket.has_tag(slot, tag) {
                    continue;
                }
                let record = Record::new(self.at(bucket.handle(slot)));
                if same_key(self.key_in(record), key) {
                    return Some((Seat { bucket: at as u8, slot: slot as u8 }, record));
                }
            }
            if bucket.passed == 0 {
                return None;
            }
            at = (at + 1) % BUCKETS;
        }
        None
    }

    /// The keys in a bucket with their tags.
    #[inline]
    pub(super) fn keys_in(&self, bucket: usize) -> impl Iterator<Item = (u8, &[u8])> {
        let bucket = &self.buckets[bucket];
        bucket.used().map(|slot| (bucket.tag_at(slot), self.key_of(bucket.handle(slot))))
    }

    /// Whether entries that belong to a bucket, or to one before it, lie behind it.
    #[inline]
    pub(super) fn is_passed(&self, bucket: usize) -> bool {
        self.buckets[bucket].passed > 0
    }

    /// The bytes from where `handle` points to the end of its page.
    #[inline]
    fn at(&self, handle: u16) -> &[u8] {
        match &self.pages[(handle >> 9) as usize] {
            Some(page) => &page.0[(handle & 511) as usize * UNIT..],
            None => &[],
        }
    }

    #[inline]
    fn at_mut(&mut self, handle: u16) -> &mut [u8] {
        let page = self.pages[(handle >> 9) as usize].as_mut().expect("a handle's page exists");
        &mut Arc::make_mut(page).0[(handle & 511) as usize * UNIT..]
    }

    #[inline]
    fn key_of(&self, handle: u16) -> &[u8] {
        self.key_in(Record::new(self.at(handle)))
    }

    #[inline]
    fn key_in<'a>(&'a self, record: Record<'a>) -> &'a [u8] {
        if record.long_key() { self.long_key_of(record) } else { record.key() }
    }

    #[cold]
    fn long_key_of(&self, record: Record<'_>) -> &[u8] {
        self.object(record.object()).long_key.as_deref().expect("a long key lies in the slab")
    }

    pub(super) fn object(&self, index: u32) -> &Object {
        self.slab[index as usize].as_ref().expect("a record's object exists")
    }

    #[inline]
    fn handle(&self, seat: Seat) -> u16 {
        self.buckets[seat.bucket as usize].handle(seat.slot as usize)
    }

    /// The record at `seat`.
    #[inline]
    pub(super) fn record(&self, seat: Seat) -> Record<'_> {
        Record::new(self.at(self.handle(seat)))
    }

    /// Whether the entry at `seat` has a deadline.
    #[inline]
    pub(super) fn has_ttl(&self, seat: Seat) -> bool {
        self.record(seat).has_ttl()
    }

    /// The key at `seat`.
    pub(super) fn key(&self, seat: Seat) -> &[u8] {
        self.key_of(self.handle(seat))
    }

    /// The object's value at `seat`, to change in place; call [`Segment::recount`] around it.
    pub(super) fn value_mut(&mut self, seat: Seat) -> Option<&mut Value> {
        let record = self.record(seat);
        if record.kind() != Kind::Object {
            return None;
        }
        let index = record.object();
        self.slab[index as usize].as_mut().map(|object| &mut object.value)
    }

    /// Takes a change of an object's size into account.
    pub(super) fn recount(&mut self, bytes_before: usize, bytes_after: usize) {
        self.heap_bytes = self.heap_bytes + bytes_after - bytes_before;
    }

    pub(super) fn set_clock(&mut self, seat: Seat, clock: u32) {
        let handle = self.handle(seat);
        record::set_clock(self.at_mut(handle), clock);
    }

    /// Adds an entry for a key that is not there. `object` goes to the slab, and then the record's
    /// value is its index.
    #[inline(always)]
    pub(super) fn insert(
        &mut self,
        hash: u64,
        parts: &Parts<'_>,
        object: &mut Option<Object>,
    ) -> Result<(), Full> {
        let units = record::units(parts.len());
        if self.len >= self.split_len || !self.has_room(units) {
            return Err(Full);
        }
        let handle = self.place(units);
        match object.take() {
            Some(object) => {
                let index = self.store(object).to_le_bytes();
                Parts { value: &index, ..*parts }.write(self.at_mut(handle));
            }
            None => parts.write(self.at_mut(handle)),
        }
        self.seat(hash, handle, parts.expire_at_ms);
        Ok(())
    }

    /// Writes `parts` over the record at `seat` when neither has an object and there is room;
    /// returns whether the old one had a deadline.
    #[inline(always)]
    pub(super) fn overwrite(&mut self, seat: Seat, parts: &Parts<'_>) -> Option<bool> {
        let handle = self.handle(seat);
        let record = Record::new(self.at(handle));
        if record.kind() == Kind::Object {
            return None;
        }
        let (had_ttl, units) = (record.has_ttl(), record.units());
        self.write_over(seat, handle, units, parts).then_some(had_ttl)
    }

    /// Puts another object in the place of the one at `seat`, which it returns, and writes `parts`
    /// over the record, when there is room.
    pub(super) fn replace(
        &mut self,
        seat: Seat,
        parts: &Parts<'_>,
        object: &mut Option<Object>,
    ) -> Option<Object> {
        let record = self.record(seat);
        if record.kind() != Kind::Object {
            return None;
        }
        let index = record.object();
        if !self.rewrite(seat, &Parts { value: &index.to_le_bytes(), ..*parts }) {
            return None;
        }
        let old = core::mem::replace(&mut self.slab[index as usize], object.take());
        let bytes = |object: &Option<Object>| object.as_ref().map_or(0, Object::heap_bytes);
        self.recount(bytes(&old), bytes(&self.slab[index as usize]));
        old
    }

    /// Writes `parts` over the record at `seat`, or to another place when it has become too long;
    /// `false` when there is no room. An object's parts hold its index.
    #[inline(always)]
    pub(super) fn rewrite(&mut self, seat: Seat, parts: &Parts<'_>) -> bool {
        let handle = self.handle(seat);
        let units = Record::new(self.at(handle)).units();
        self.write_over(seat, handle, units, parts)
    }

    /// As [`Segment::rewrite`], over a record that takes `units`.
    #[inline(always)]
    fn write_over(&mut self, seat: Seat, handle: u16, units: usize, parts: &Parts<'_>) -> bool {
        let needed = record::units(parts.len());
        if needed > units {
            return self.outgrow(seat, parts, units, needed);
        }
        let bytes = self.at_mut(handle);
        parts.write(bytes);
        if needed < units {
            let slack = record::set_slack(bytes, units - needed);
            self.dead_units += (units - needed - slack) as u32;
        }
        if let Some(at) = parts.expire_at_ms {
            self.note_deadline(seat.bucket as usize, at);
        }
        true
    }

    /// Writes the record at `seat`, which takes `units`, anew at another place, which takes
    /// `needed`.
    #[inline(never)]
    fn outgrow(&mut self, seat: Seat, parts: &Parts<'_>, units: usize, needed: usize) -> bool {
        if !self.has_room(needed) {
            return false;
        }
        let handle = self.place(needed);
        parts.write(self.at_mut(handle));
        self.buckets[seat.bucket as usize].set_handle(seat.slot as usize, handle);
        if let Some(at) = parts.expire_at_ms {
            self.note_deadline(seat.bucket as usize, at);
        }
        self.bury(units);
        true
    }

    /// Counts units as dead, and packs the records anew when too many are.
    fn bury(&mut self, units: usize) {
        self.dead_units += units as u32;
        if self.dead_units * 4 > self.placed_units && self.dead_units > PAGE_UNITS as u32 {
            self.compact();
        }
    }

    #[inline(always)]
    fn has_room(&self, units: usize) -> bool {
        (self.pages_len as usize) < PAGES
            || self.tail_units as usize + units <= PAGE_UNITS && self.pages_len > 0
    }

    /// Room for `units`, at the end of the last page or on a new one.
    #[inline(always)]
    fn place(&mut self, units: usize) -> u16 {
        if self.pages_len == 0 || self.tail_units as usize + units > PAGE_UNITS {
            self.pages[self.pages_len as usize] = Some(page::empty());
            self.pages_len += 1;
            self.tail_units = 0;
            self.heap_bytes += PAGE_ALLOC_BYTES;
        }
        let handle = (u16::from(self.pages_len) - 1) << 9 | self.tail_units;
        self.tail_units += units as u16;
        self.placed_units += units as u32;
        handle
    }

    fn store(&mut self, object: Object) -> u32 {
        self.heap_bytes += object.heap_bytes() + size_of::<Option<Object>>();
        if let Some(index) = self.slab_vacant.pop() {
            self.slab[index as usize] = Some(object);
            return index;
        }
        self.slab.push(Some(object));
        (self.slab.len() - 1) as u32
    }

    /// Puts a placed record into the table.
    #[inline(always)]
    fn seat(&mut self, hash: u64, handle: u16, expire_at_ms: Option<u64>) {
        assert!((self.len as usize) < BUCKETS * SLOTS, "a segment splits before it is full");
        let mut at = Self::home(hash);
        loop {
            let bucket = &mut self.buckets[at];
            if let Some(slot) = bucket.vacant() {
                bucket.set(slot, Bucket::tag(hash), handle);
                break;
            }
            bucket.passed += 1;
            at = (at + 1) % BUCKETS;
        }
        self.len += 1;
        if let Some(deadline) = expire_at_ms {
            self.note_deadline(at, deadline);
        }
    }

    fn note_deadline(&mut self, bucket: usize, at_ms: u64) {
        if self.deadlines.is_none() {
            self.heap_bytes += size_of::<[u64; BUCKETS]>();
        }
        let deadlines = self.deadlines.get_or_insert_with(|| Box::new([NEVER; BUCKETS]));
        deadlines[bucket] = deadlines[bucket].min(at_ms);
        self.expire_min_ms = self.expire_min_ms.min(at_ms);
    }

    /// Takes the entry at `seat` out.
    pub(super) fn remove(&mut self, hash: u64, seat: Seat) -> Option<Object> {
        let record = self.record(seat);
        let units = record.units();
        let index = (record.kind() == Kind::Object).then(|| record.object());
        let object = index.and_then(|index| self.release(index));
        let mut at = Self::home(hash);
        while at != seat.bucket as usize {
            self.buckets[at].passed -= 1;
            at = (at + 1) % BUCKETS;
        }
        self.buckets[at].clear(seat.slot as usize);
        self.len -= 1;
        match self.len {
            0 => self.reset(),
            _ => self.bury(units),
        }
        object
    }

    fn release(&mut self, index: u32) -> Option<Object> {
        let object = self.slab[index as usize].take();
        if let Some(object) = &object {
            self.heap_bytes -= object.heap_bytes() + size_of::<Option<Object>>();
            self.slab_vacant.push(index);
        }
        object
    }

    /// Gives back all that an empty segment holds.
    fn reset(&mut self) {
        *self = Self::new(self.depth, self.base);
    }

    /// The seats in use.
    pub(super) fn seats(&self) -> impl Iterator<Item = Seat> + '_ {
        (0..BUCKETS).flat_map(|bucket| {
            let used = self.buckets[bucket].used();
            used.map(move |slot| Seat { bucket: bucket as u8, slot: slot as u8 })
        })
    }

    /// The seats of the entries whose home is `bucket`, wherever they sit.
    pub(super) fn seats_of_home(&self, bucket: usize, hasher: &KeyHasher) -> Vec<Seat> {
        let mut seats = Vec::new();
        let mut at = bucket;
        loop {
            for slot in self.buckets[at].used() {
                let seat = Seat { bucket: at as u8, slot: slot as u8 };
                if Self::home(hasher.hash(self.key(seat))) == bucket {
                    seats.push(seat);
                }
            }
            if self.buckets[at].passed == 0 {
                return seats;
            }
            at = (at + 1) % BUCKETS;
            if at == bucket {
                return seats;
            }
        }
    }

    /// The seat at `bucket` and `slot`, when it is in use.
    #[inline]
    pub(super) fn seat_at(&self, bucket: usize, slot: usize) -> Option<Seat> {
        self.buckets[bucket]
            .is_used(slot)
            .then_some(Seat { bucket: bucket as u8, slot: slot as u8 })
    }

    /// An entry whose deadline has passed at `now_ms`; tightens the bounds of what it looked at.
    pub(super) fn expired(&mut self, now_ms: u64) -> Option<Seat> {
        for bucket in 0..BUCKETS {
            if self.deadlines.as_ref().is_none_or(|bounds| bounds[bucket] > now_ms) {
                continue;
            }
            let mut bound = NEVER;
            for slot in self.buckets[bucket].used() {
                let seat = Seat { bucket: bucket as u8, slot: slot as u8 };
                match self.record(seat).expire_at_ms() {
                    Some(at) if at <= now_ms => return Some(seat),
                    Some(at) => bound = bound.min(at),
                    None => {}
                }
            }
            if let Some(bounds) = &mut self.deadlines {
                bounds[bucket] = bound;
            }
        }
        self.expire_min_ms =
            self.deadlines.as_ref().map_or(NEVER, |b| b.iter().copied().min().unwrap_or(NEVER));
        None
    }

    /// Asserts what must always hold; O(entries).
    pub(super) fn check(&self, hasher: &KeyHasher) {
        let mut passed = [0_u16; BUCKETS];
        let (mut len, mut units) = (0, 0);
        for seat in self.seats() {
            len += 1;
            units += self.record(seat).units();
            let key = self.key(seat);
            let hash = hasher.hash(key);
            assert_eq!(self.find(hash, key), Some(seat), "an entry is found where it is");
            let mut at = Self::home(hash);
            while at != seat.bucket as usize {
                passed[at] += 1;
                at = (at + 1) % BUCKETS;
            }
            if let Some(deadline) = self.record(seat).expire_at_ms() {
                let bounds = self.deadlines.as_ref().expect("a deadline has bounds");
                assert!(bounds[seat.bucket as usize] <= deadline, "a bucket's bound is low");
                assert!(self.expire_min_ms <= deadline, "a segment's bound is low");
            }
        }
        assert_eq!(len, self.len(), "every entry is counted");
        let live = (self.placed_units - self.dead_units) as usize;
        assert_eq!(units, live, "every unit belongs to a record or is dead");
        let objects = self.slab.iter().flatten();
        let objects = objects.map(|it| it.heap_bytes() + size_of::<Option<Object>>());
        let bounds = self.deadlines.as_ref().map_or(0, |it| size_of_val(&**it));
        let bytes = self.pages_len as usize * PAGE_ALLOC_BYTES + bounds + objects.sum::<usize>();
        assert_eq!(self.heap_bytes, bytes, "bytes on the heap are counted");
        for (bucket, passed) in self.buckets.iter().zip(passed) {
            assert_eq!(bucket.passed, passed, "entries that passed are counted");
        }
    }
}
