//! How segments change shape: packed anew, split in two, merged with their other half.
//!
//! All three copy records to fresh pages and leave the holes behind. Split and merge undo each
//! other, and the thresholds keep them apart: a segment splits when its slots or its pages are
//! full, and two halves merge only when together they fill less than a quarter of either, so
//! hundreds of keys must come or go between the two.

use super::{BUCKETS, Object, PAGES, SLOTS, SPLIT_MIN, Seat, Segment};
use crate::keyspace::key::KeyHasher;
use crate::keyspace::page::{PAGE_ALLOC_BYTES, PAGE_UNITS, UNIT};
use crate::keyspace::record::{self, Kind, Record};

/// Two halves merge when they have fewer keys than this together.
const MERGE_LEN: usize = SPLIT_MIN / 4;

/// And when their records take fewer units than this together.
const MERGE_UNITS: u32 = (PAGES * PAGE_UNITS / 4) as u32;

impl Segment {
    /// Moves the entries to two segments, by the first bit of the hash that they do not share.
    pub(in crate::keyspace) fn split(&mut self, hasher: &KeyHasher) -> [Self; 2] {
        let shift = 63 - u32::from(self.depth);
        let bases = [self.base, self.base | 1 << shift];
        let mut halves = bases.map(|base| Self::new(self.depth + 1, base));
        for at in 0..BUCKETS * SLOTS {
            let Some(seat) = self.seat_at(at / SLOTS, at % SLOTS) else { continue };
            let hash = hasher.hash(self.key(seat));
            self.hand_over(seat, hash, &mut halves[(hash >> shift) as usize & 1]);
        }
        halves
    }

    /// Whether it is worth a look at the other half.
    #[inline]
    pub(in crate::keyspace) fn is_sparse(&self) -> bool {
        usize::from(self.len) < MERGE_LEN && self.depth > 0
    }

    /// Whether this and `other` are the halves of one segment and may become one again.
    pub(in crate::keyspace) fn may_merge(&self, other: &Self) -> bool {
        let units = |segment: &Self| segment.placed_units - segment.dead_units;
        self.depth == other.depth
            && self.len() + other.len() < MERGE_LEN
            && units(self) + units(other) < MERGE_UNITS
    }

    /// Moves the entries of two halves to one segment.
    pub(in crate::keyspace) fn merge(halves: [&mut Self; 2], hasher: &KeyHasher) -> Self {
        let base = halves[0].base.min(halves[1].base);
        let mut whole = Self::new(halves[0].depth - 1, base);
        for half in halves {
            for at in 0..BUCKETS * SLOTS {
                let Some(seat) = half.seat_at(at / SLOTS, at % SLOTS) else { continue };
                let hash = hasher.hash(half.key(seat));
                half.hand_over(seat, hash, &mut whole);
            }
        }
        whole
    }

    /// Copies the record at `seat` to another segment and moves its object there.
    #[inline(always)]
    fn hand_over(&mut self, seat: Seat, hash: u64, to: &mut Self) {
        let record = self.record(seat);
        let index = (record.kind() == Kind::Object).then(|| record.object());
        let handle = to.copy_in(record.bytes());
        to.seat(hash, handle, record.expire_at_ms());
        if let Some(object) = index.and_then(|index| self.slab[index as usize].take()) {
            to.adopt(handle, object);
        }
    }

    /// Stores the object of a record that was copied in.
    fn adopt(&mut self, handle: u16, object: Object) {
        let index = self.store(object).to_le_bytes();
        let bytes = self.at_mut(handle);
        let end = Record::new(bytes).len();
        bytes[end - 4..end].copy_from_slice(&index);
    }

    /// Packs the records anew, without the holes.
    pub(super) fn compact(&mut self) {
        let old = core::mem::replace(&mut self.pages, [const { None }; PAGES]);
        self.heap_bytes -= self.pages_len as usize * PAGE_ALLOC_BYTES;
        (self.pages_len, self.tail_units, self.placed_units, self.dead_units) = (0, 0, 0, 0);
        for bucket in 0..BUCKETS {
            for slot in 0..SLOTS {
                if !self.buckets[bucket].is_used(slot) {
                    continue;
                }
                let handle = self.buckets[bucket].handle(slot);
                let page = old[(handle >> 9) as usize].as_ref().expect("a handle's page exists");
                let bytes = Record::new(&page.0[(handle & 511) as usize * UNIT..]).bytes();
                let place = self.copy_in(bytes);
                self.buckets[bucket].set_handle(slot, place);
            }
        }
    }

    #[inline(always)]
    fn copy_in(&mut self, bytes: &[u8]) -> u16 {
        let handle = self.place(record::units(bytes.len()));
        let copy = self.at_mut(handle);
        copy[..bytes.len()].copy_from_slice(bytes);
        record::set_slack(copy, 0);
        handle
    }
}
