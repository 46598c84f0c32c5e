//! SCAN: a cursor that is a position in hash order.
//!
//! The caller goes away between two calls and the table may have grown or shrunk meanwhile. The
//! cursor therefore names no slot but a place in the order (top bits of the hash, bucket): the
//! first 40 bits of the hash at which the current segment begins, how many of them the segment
//! shared, and the next bucket. When that segment has split since, the walk goes on in its first
//! half at the same bucket and visits the second half from its start: no key is lost and at most
//! one segment's are seen twice. When it was merged with its neighbour, the merged one is walked
//! anew. An entry is reported with its home bucket, wherever it sits, so that a split that moves it
//! nearer to its home cannot hide it.
//!
//! Guarantee, as in Redis: a key that is there from the first call to the last is reported at least
//! once. Limit: reporting by home hashes every key of the buckets walked.

use super::db::Db;
use super::entry::{Entry, Place};
use super::segment::{BUCKETS, Seat};
use crate::rng::Rng;

const PREFIX_BITS: u32 = 40;
const DEPTH_BITS: u32 = 6;
const BUCKET_BITS: u32 = 6;

/// Where a scan goes on.
#[derive(Clone, Copy)]
struct Position {
    /// Hash at which the segment began.
    hash: u64,
    /// Top bits that its keys shared.
    depth: u8,
    bucket: usize,
}

impl Position {
    fn decode(cursor: u64) -> Self {
        let bucket = (cursor % (1 << BUCKET_BITS)) as usize;
        let depth = (cursor >> BUCKET_BITS) % (1 << DEPTH_BITS);
        let prefix = (cursor >> (BUCKET_BITS + DEPTH_BITS)) % (1 << PREFIX_BITS);
        Self { hash: prefix << (64 - PREFIX_BITS), depth: depth as u8, bucket }
    }

    fn encode(self) -> u64 {
        let prefix = self.hash >> (64 - PREFIX_BITS);
        (prefix << (BUCKET_BITS + DEPTH_BITS))
            | u64::from(self.depth) << BUCKET_BITS
            | self.bucket as u64
    }
}

impl Db {
    /// Reports the entries from `cursor` on, at least `count` of them unless the end comes first or
    /// the table is sparse; returns the next cursor, 0 at the end.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, mut report: impl FnMut(Entry<'a>)) -> u64 {
        let mut at = Position::decode(cursor);
        let mut reported = 0;
        let mut buckets_left = count.saturating_mul(10).max(BUCKETS);
        loop {
            let Some(id) = self.segment_id(at.hash) else { return 0 };
            let segment = &self.segments[id as usize];
            if segment.depth < at.depth {
                at.bucket = 0;
            }
            at.depth = segment.depth;
            while at.bucket < BUCKETS {
                for seat in segment.seats_of_home(at.bucket, &self.hasher) {
                    report(Entry::new(segment, seat));
                    reported += 1;
                }
                at.bucket += 1;
                buckets_left -= 1;
                if at.bucket < BUCKETS && (reported >= count || buckets_left == 0) {
                    return at.encode();
                }
            }
            let Some(next) = next_segment(at.hash, at.depth) else { return 0 };
            at = Position { hash: next, depth: 0, bucket: 0 };
            if reported >= count || buckets_left == 0 {
                return at.encode();
            }
        }
    }

    /// The place of an entry drawn from `rng`, every one with the same chance.
    pub fn random(&self, rng: &mut Rng) -> Option<Place> {
        if self.is_empty() {
            return None;
        }
        if let [only] = &self.segments[..] {
            // It may hold a single key: most slots would be drawn in vain.
            let seat = only.seats().nth(rng.below(only.len() as u64) as usize)?;
            return Some(Place { segment: 0, seat });
        }
        loop {
            let id = rng.below(self.segments.len() as u64) as u32;
            if let Some(seat) = self.draw(id, rng) {
                return Some(Place { segment: id, seat });
            }
        }
    }

    /// One draw of a slot; `None` when it is empty.
    fn draw(&self, id: u32, rng: &mut Rng) -> Option<Seat> {
        let bucket = rng.below(BUCKETS as u64) as usize;
        let slot = rng.below(super::bucket::SLOTS as u64) as usize;
        self.segments[id as usize].seat_at(bucket, slot)
    }
}

/// Hash at which the segment after the one of `hash` begins.
pub(super) fn next_segment(hash: u64, depth: u8) -> Option<u64> {
    if depth == 0 {
        return None;
    }
    let span = 1_u64 << (64 - u32::from(depth));
    (hash & !(span - 1)).checked_add(span)
}
