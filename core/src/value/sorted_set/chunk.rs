//! A chunk of a large sorted set: up to 64 members with their scores, in order.
//!
//! Scores lie side by side, so that one is found by halving, and so do a byte of each member's
//! hash, so that a member is found without reading the others. The members are one run of bytes
//! with 16-bit ends. All lies in one buffer that grows in small steps, so that a chunk costs what
//! is in it, full or not. The hard case is a member that does not fit into 16 bits: it has a chunk
//! of its own, whose only end is that of its bytes.

use alloc::vec::Vec;
use core::cmp::Ordering;

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
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk {
    len: u8,
    /// Members that there is room for in front of their bytes.
    slots: u8,
    /// For each slot a byte of the hash, then for each the end of its member, then for each the
    /// score; then the members.
    buffer: Vec<u8>,
}

/// Bytes of a slot: of the hash, of the end, of the score.
const SLOT_BYTES: usize = 1 + size_of::<u16>() + size_of::<f64>();

/// Slots come so many at a time.
const SLOTS_STEP: usize = 8;

/// Buffers have sizes of so many bytes, less what the allocator adds: what one leaves fits another.
const SIZE_STEP: usize = 128;
const ALLOC_BYTES: usize = 8;

/// The parts of a buffer: bytes of hashes, ends, scores.
type Parts<'a> = (&'a mut [u8], &'a mut [[u8; 2]], &'a mut [[u8; 8]]);

/// What a buffer for so many bytes takes: a large one has an eighth more.
fn capacity(bytes: usize) -> usize {
    let spare = if bytes > 2048 { bytes / 8 } else { 0 };
    (bytes + spare + ALLOC_BYTES).next_multiple_of(SIZE_STEP) - ALLOC_BYTES
}

impl Chunk {
    /// Members.
    pub(super) fn len(&self) -> usize {
        self.len.into()
    }

    fn slots(&self) -> usize {
        self.slots.into()
    }

    fn tags(&self) -> &[u8] {
        &self.buffer[..self.len()]
    }

    fn ends(&self) -> &[[u8; 2]] {
        self.buffer[self.slots()..][..self.len() * 2].as_chunks().0
    }

    fn scores(&self) -> &[[u8; 8]] {
        self.buffer[self.slots() * 3..][..self.len() * 8].as_chunks().0
    }

    /// The members.
    fn bytes(&self) -> &[u8] {
        &self.buffer[self.slots() * SLOT_BYTES..]
    }

    /// What all slots hold, those that are free too.
    fn parts_mut(&mut self) -> Parts<'_> {
        let slots = self.slots();
        let (tags, rest) = self.buffer.split_at_mut(slots);
        let (ends, rest) = rest.split_at_mut(slots * 2);
        (tags, ends.as_chunks_mut().0, rest[..slots * 8].as_chunks_mut().0)
    }

    /// Bytes of the members.
    pub(super) fn member_bytes(&self) -> usize {
        self.bytes().len()
    }

    /// Bytes that it holds, itself included.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + size_of::<usize>() + self.buffer.capacity()
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
        self.len == 0 || self.len() < CHUNK_MAX && self.member_bytes() + bytes <= BYTES_MAX
    }

    /// An empty chunk with room for as much as this one holds, so that filling it moves nothing.
    pub(super) fn sized_alike(&self) -> Self {
        let mut buffer = Vec::new();
        buffer.reserve_exact(capacity(self.buffer.len()));
        buffer.resize(self.slots() * SLOT_BYTES, 0);
        Self { len: 0, slots: self.slots, buffer }
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
        let (start, end) = (self.slots() * SLOT_BYTES + start, self.buffer.len());
        self.buffer.resize(end + member.len(), 0);
        self.buffer.copy_within(start..end, start + member.len());
        self.buffer[start..start + member.len()].copy_from_slice(member);
        self.len += 1;
    }

    /// Room for one member more, of so many bytes.
    fn make_room(&mut self, bytes: usize) {
        if self.len == self.slots {
            *self = self.copied(0, self.len(), self.slots() + SLOTS_STEP, bytes);
        } else if self.buffer.capacity() - self.buffer.len() < bytes {
            let more = capacity(self.buffer.len() + bytes) - self.buffer.len();
            self.buffer.reserve_exact(more);
        }
    }

    /// Some of the members as a chunk with so many slots and room for so many bytes more.
    fn copied(&self, from: usize, to: usize, slots: usize, room: usize) -> Self {
        let start = self.start(from);
        let end = if to == self.len() { self.member_bytes() } else { self.start(to) };
        let mut buffer = Vec::new();
        buffer.reserve_exact(capacity(slots * SLOT_BYTES + end - start + room));
        buffer.extend_from_slice(&self.tags()[from..to]);
        buffer.resize(slots, 0);
        for &end in &self.ends()[from..to] {
            let end = u16::from_le_bytes(end).wrapping_sub(start as u16);
            buffer.extend_from_slice(&end.to_le_bytes());
        }
        buffer.resize(slots * 3, 0);
        buffer.extend_from_slice(self.scores()[from..to].as_flattened());
        buffer.resize(slots * SLOT_BYTES, 0);
        buffer.extend_from_slice(&self.bytes()[start..end]);
        Self { len: (to - from) as u8, slots: slots as u8, buffer }
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
        self.buffer.drain(members + start..members + end);
        self.len -= 1;
        self.give_back();
    }

    /// Gives room back when most of it is free.
    fn give_back(&mut self) {
        let len = self.len();
        let wide = self.slots() > len + 2 * SLOTS_STEP;
        let long = self.buffer.capacity() > 2 * self.buffer.len() + 2 * SIZE_STEP;
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
