//! A chunk of a large sorted set: up to 64 members with their scores, in order.
//!
//! Scores lie side by side, so that one is found by halving, and so do a byte of each member's
//! hash, so that a member is found without reading the others. The members are one run of bytes
//! with 16-bit ends. All lies in one counted allocation that grows in small steps, so that a chunk
//! costs what is in it, full or not, and reaching it is one wait for memory. The hard case is a
//! member that does not fit into 16 bits: it has a chunk of its own, whose only end is that of its
//! bytes. A clone shares the allocation; who changes a shared chunk gets a copy of it first.

use core::cmp::Ordering;
use core::iter::repeat_n;

use triomphe::{Arc, HeaderSlice};

use super::unshared;

/// Members of a chunk at most.
pub(super) const CHUNK_MAX: usize = 64;

/// Bytes of members of a chunk with more than one.
pub(super) const BYTES_MAX: usize = u16::MAX as usize;

/// A member with its score.
pub(super) type Item<'a> = (f64, &'a [u8]);

/// The order of a sorted set: by score, then by name. Scores are no NaN, and -0 equals 0.
pub(super) fn compare(one: Item<'_>, other: Item<'_>) -> Ordering {
    one.0.partial_cmp(&other.0).unwrap_or(Ordering::Equal).then_with(|| one.1.cmp(other.1))
}

/// Members in order.
#[derive(Clone, Debug)]
pub(super) struct Chunk(Arc<HeaderSlice<Header, [u8]>>);

/// What is in the buffer of a chunk: for each slot a byte of the hash, then for each the end of its
/// member, then for each the score; then the members, then room.
#[derive(Clone, Copy, Debug)]
struct Header {
    len: u8,
    /// Members that there is room for in front of their bytes.
    slots: u8,
    /// Bytes up to the end of the members.
    used: usize,
}

/// Bytes of a slot: of the hash, of the end, of the score.
const SLOT_BYTES: usize = 1 + size_of::<u16>() + size_of::<f64>();

/// Slots come so many at a time.
const SLOTS_STEP: usize = 8;

/// Allocations have sizes of so many bytes: what one leaves fits another.
const SIZE_STEP: usize = 128;

/// What an allocation has beside the buffer: the length that the allocator adds, the count of the
/// owners and the header.
const ALLOC_BYTES: usize = size_of::<usize>() * 2 + size_of::<Header>();

/// What buffers are made of.
const ZEROS: [u8; 4096] = [0; 4096];

/// The parts of a buffer: bytes of hashes, ends, scores.
type Parts<'a> = (&'a mut [u8], &'a mut [[u8; 2]], &'a mut [[u8; 8]]);

/// What a buffer for so many bytes takes: a large one has an eighth more.
fn capacity(bytes: usize) -> usize {
    let spare = if bytes > 2048 { bytes / 8 } else { 0 };
    (bytes + spare + ALLOC_BYTES).next_multiple_of(SIZE_STEP) - ALLOC_BYTES
}

impl Chunk {
    /// An empty chunk with so many slots and a buffer of so many bytes.
    fn with_buffer(slots: usize, bytes: usize) -> Self {
        let header = Header { len: 0, slots: slots as u8, used: slots * SLOT_BYTES };
        Self(match ZEROS.get(..bytes) {
            Some(zeros) => Arc::from_header_and_slice(header, zeros),
            None => Arc::from_header_and_iter(header, repeat_n(0, bytes)),
        })
    }

    /// An empty chunk with room for a member of so many bytes.
    pub(super) fn for_one(bytes: usize) -> Self {
        Self::with_buffer(SLOTS_STEP, capacity(SLOTS_STEP * SLOT_BYTES + bytes))
    }

    /// Members.
    pub(super) fn len(&self) -> usize {
        self.0.header.len.into()
    }

    fn slots(&self) -> usize {
        self.0.header.slots.into()
    }

    fn tags(&self) -> &[u8] {
        &self.0.slice[..self.len()]
    }

    fn ends(&self) -> &[[u8; 2]] {
        self.0.slice[self.slots()..][..self.len() * 2].as_chunks().0
    }

    fn scores(&self) -> &[[u8; 8]] {
        self.0.slice[self.slots() * 3..][..self.len() * 8].as_chunks().0
    }

    /// The members.
    fn bytes(&self) -> &[u8] {
        &self.0.slice[self.slots() * SLOT_BYTES..self.0.header.used]
    }

    /// Header and buffer, to change them.
    fn inner_mut(&mut self) -> &mut HeaderSlice<Header, [u8]> {
        unshared(&mut self.0)
    }

    /// What all slots hold, those that are free too.
    fn parts_mut(&mut self) -> Parts<'_> {
        let slots = self.slots();
        let (tags, rest) = self.inner_mut().slice.split_at_mut(slots);
        let (ends, rest) = rest.split_at_mut(slots * 2);
        (tags, ends.as_chunks_mut().0, rest[..slots * 8].as_chunks_mut().0)
    }

    /// Bytes of the members.
    pub(super) fn member_bytes(&self) -> usize {
        self.bytes().len()
    }

    /// Bytes that it holds, itself included.
    pub(super) fn heap_bytes(&self) -> usize {
        ALLOC_BYTES - size_of::<usize>() + self.0.slice.len()
    }

    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| u16::from_le_bytes(self.ends()[before]).into())
    }

    fn end(&self, at: usize) -> usize {
        if at + 1 == self.len() { self.member_bytes() } else { self.start(at + 1) }
    }

    /// The member at a place.
    #[inline]
    pub(super) fn member(&self, at: usize) -> &[u8] {
        &self.bytes()[self.start(at)..self.end(at)]
    }

    /// The score at a place.
    #[inline]
    pub(super) fn score(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.scores()[at])
    }

    /// The member at a place with its score.
    #[inline]
    pub(super) fn item(&self, at: usize) -> Item<'_> {
        (self.score(at), self.member(at))
    }

    /// All members with their scores from a place on.
    pub(super) fn items(&self, from: usize) -> impl DoubleEndedIterator<Item = Item<'_>> {
        (from..self.len()).map(|at| self.item(at))
    }

    /// The places of the members whose hash has this byte.
    pub(super) fn tagged(&self, tag: u8) -> impl Iterator<Item = usize> {
        self.tags().iter().enumerate().filter(move |(_, other)| **other == tag).map(|(at, _)| at)
    }

    /// The place of a member whose hash has this byte.
    #[inline]
    pub(super) fn find(&self, tag: u8, member: &[u8]) -> Option<usize> {
        self.tagged(tag).find(|&at| self.member(at) == member)
    }

    /// A byte of the member whose hash has this byte, and of its score.
    #[inline]
    pub(super) fn warm(&self, tag: u8) -> u8 {
        let Some(at) = self.tagged(tag).next() else { return 0 };
        self.member(at).first().copied().unwrap_or(0) ^ self.scores()[at][0]
    }

    /// How many members are before `item`.
    pub(super) fn position(&self, item: Item<'_>) -> usize {
        let scores = self.scores();
        let first = scores.partition_point(|&score| f64::from_le_bytes(score) < item.0);
        let equal = scores[first..].partition_point(|&score| f64::from_le_bytes(score) <= item.0);
        let (mut low, mut high) = (first, first + equal);
        while low < high {
            let middle = low.midpoint(high);
            if self.member(middle) < item.1 { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Whether a member of so many bytes can be added.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.len() == 0 || self.len() < CHUNK_MAX && self.member_bytes() + bytes <= BYTES_MAX
    }

    /// An empty chunk with room for as much as this one holds, so that filling it moves nothing.
    pub(super) fn sized_alike(&self) -> Self {
        Self::with_buffer(self.slots(), capacity(self.0.header.used))
    }

    /// Adds a member at a place; there is room.
    pub(super) fn insert(&mut self, at: usize, tag: u8, (score, member): Item<'_>) {
        self.make_room(member.len());
        let (len, start) = (self.len(), self.start(at));
        let (added, all) = (member.len() as u16, self.member_bytes() as u16);
        let (tags, ends, scores) = self.parts_mut();
        if let Some(last) = len.checked_sub(1) {
            ends[last] = all.to_le_bytes();
        }
        tags.copy_within(at..len, at + 1);
        ends.copy_within(at..len, at + 1);
        scores.copy_within(at..len, at + 1);
        (tags[at], scores[at]) = (tag, score.to_le_bytes());
        ends[at] = (start as u16).to_le_bytes();
        for end in &mut ends[at..=len] {
            *end = u16::from_le_bytes(*end).wrapping_add(added).to_le_bytes();
        }
        let start = self.slots() * SLOT_BYTES + start;
        let HeaderSlice { header, slice, .. } = self.inner_mut();
        slice.copy_within(start..header.used, start + member.len());
        slice[start..start + member.len()].copy_from_slice(member);
        (header.len, header.used) = (header.len + 1, header.used + member.len());
    }

    /// Room for one member more, of so many bytes.
    fn make_room(&mut self, bytes: usize) {
        if self.len() == self.slots() {
            *self = self.copied(0, self.len(), self.slots() + SLOTS_STEP, bytes);
        } else if self.0.slice.len() - self.0.header.used < bytes {
            *self = self.copied(0, self.len(), self.slots(), bytes);
        }
    }

    /// Some of the members as a chunk with so many slots and room for so many bytes more.
    fn copied(&self, from: usize, to: usize, slots: usize, room: usize) -> Self {
        let start = self.start(from);
        let end = if to == self.len() { self.member_bytes() } else { self.start(to) };
        let (len, members, used) =
            (to - from, slots * SLOT_BYTES, slots * SLOT_BYTES + end - start);
        let mut copy = Self::with_buffer(slots, capacity(used + room));
        let (tags, ends, scores) = copy.parts_mut();
        tags[..len].copy_from_slice(&self.tags()[from..to]);
        scores[..len].copy_from_slice(&self.scores()[from..to]);
        for (copy, &end) in ends.iter_mut().zip(&self.ends()[from..to]) {
            *copy = u16::from_le_bytes(end).wrapping_sub(start as u16).to_le_bytes();
        }
        let HeaderSlice { header, slice, .. } = copy.inner_mut();
        (header.len, header.used) = (len as u8, used);
        slice[members..used].copy_from_slice(&self.bytes()[start..end]);
        copy
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, at: usize) {
        let (len, start, end) = (self.len(), self.start(at), self.end(at));
        let removed = (end - start) as u16;
        let (tags, ends, scores) = self.parts_mut();
        tags.copy_within(at + 1..len, at);
        scores.copy_within(at + 1..len, at);
        ends.copy_within(at + 1..len, at);
        for end in &mut ends[at..len - 1] {
            *end = u16::from_le_bytes(*end).wrapping_sub(removed).to_le_bytes();
        }
        let members = self.slots() * SLOT_BYTES;
        let HeaderSlice { header, slice, .. } = self.inner_mut();
        slice.copy_within(members + end..header.used, members + start);
        (header.len, header.used) = (header.len - 1, header.used - (end - start));
        self.give_back();
    }

    /// Gives room back when most of it is free.
    fn give_back(&mut self) {
        let len = self.len();
        let wide = self.slots() > len + 2 * SLOTS_STEP;
        let long = self.0.slice.len() > 2 * self.0.header.used + 2 * SIZE_STEP;
        if wide || long {
            *self = self.copied(0, len, (len + 1).next_multiple_of(SLOTS_STEP), 0);
        }
    }

    /// Gives a member another score that keeps it in its place.
    pub(super) fn set_score(&mut self, at: usize, score: f64) {
        self.parts_mut().2[at] = score.to_le_bytes();
    }

    /// Takes the members from a place on out, as a chunk of their own.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let len = self.len();
        let second = self.copied(at, len, (len - at).next_multiple_of(SLOTS_STEP), 0);
        *self = self.copied(0, at, at.next_multiple_of(SLOTS_STEP), 0);
        second
    }
}
