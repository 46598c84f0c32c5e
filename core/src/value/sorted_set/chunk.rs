//! A chunk of a large sorted set: up to 64 members with their scores, in order.
//!
//! Scores lie side by side, so that one is found by halving, and so do a byte of each member's
//! hash, so that a member is found without reading the others. The members are one run of bytes
//! with 16-bit ends. The hard case is a member that does not fit into those: it has a chunk of its
//! own, whose only end is that of its bytes.

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
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    len: u8,
    tags: [u8; CHUNK_MAX],
    ends: [u16; CHUNK_MAX],
    scores: [f64; CHUNK_MAX],
    bytes: Vec<u8>,
}

impl Default for Chunk {
    fn default() -> Self {
        Self {
            len: 0,
            tags: [0; CHUNK_MAX],
            ends: [0; CHUNK_MAX],
            scores: [0.0; CHUNK_MAX],
            bytes: Vec::new(),
        }
    }
}

impl Chunk {
    /// Members.
    pub(super) fn len(&self) -> usize {
        self.len.into()
    }

    /// Bytes of the members.
    pub(super) fn member_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that it holds, itself included.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + size_of::<usize>() + self.bytes.capacity()
    }

    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.ends[before].into())
    }

    fn end(&self, at: usize) -> usize {
        if at + 1 == self.len() { self.bytes.len() } else { self.ends[at].into() }
    }

    /// The member at a place.
    #[inline]
    pub(super) fn member(&self, at: usize) -> &[u8] {
        &self.bytes[self.start(at)..self.end(at)]
    }

    /// The score at a place.
    #[inline]
    pub(super) fn score(&self, at: usize) -> f64 {
        self.scores[..self.len()][at]
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
        let tags = &self.tags[..self.len()];
        tags.iter().enumerate().filter(move |(_, other)| **other == tag).map(|(at, _)| at)
    }

    /// The place of a member whose hash has this byte.
    #[inline]
    pub(super) fn find(&self, tag: u8, member: &[u8]) -> Option<usize> {
        self.tagged(tag).find(|&at| self.member(at) == member)
    }

    /// How many members are before `item`.
    pub(super) fn position(&self, item: Item<'_>) -> usize {
        let scores = &self.scores[..self.len()];
        let first = scores.partition_point(|&score| score < item.0);
        let equal = scores[first..].partition_point(|&score| score <= item.0);
        let (mut low, mut high) = (first, first + equal);
        while low < high {
            let middle = low.midpoint(high);
            if self.member(middle) < item.1 { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Whether a member of so many bytes can be added.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.len == 0 || self.len() < CHUNK_MAX && self.bytes.len() + bytes <= BYTES_MAX
    }

    /// Adds a member at a place; there is room.
    pub(super) fn insert(&mut self, at: usize, tag: u8, (score, member): Item<'_>) {
        let (len, start) = (self.len(), self.start(at));
        if let Some(last) = len.checked_sub(1) {
            self.ends[last] = self.bytes.len() as u16;
        }
        self.tags.copy_within(at..len, at + 1);
        self.scores.copy_within(at..len, at + 1);
        self.ends.copy_within(at..len, at + 1);
        (self.tags[at], self.scores[at]) = (tag, score);
        let added = member.len() as u16;
        self.ends[at] = start as u16 + added;
        self.ends[at + 1..=len].iter_mut().for_each(|end| *end += added);
        let end = self.bytes.len();
        self.reserve(member.len());
        self.bytes.resize(end + member.len(), 0);
        self.bytes.copy_within(start..end, start + member.len());
        self.bytes[start..start + member.len()].copy_from_slice(member);
        self.len += 1;
    }

    /// Room for some members more than are added now: an eighth, not twice as much.
    fn reserve(&mut self, bytes: usize) {
        if self.bytes.capacity() - self.bytes.len() < bytes {
            let more = bytes.max(self.bytes.len() / 8);
            self.bytes.reserve_exact(more);
        }
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, at: usize) {
        let (len, start, end) = (self.len(), self.start(at), self.end(at));
        self.bytes.drain(start..end);
        self.tags.copy_within(at + 1..len, at);
        self.scores.copy_within(at + 1..len, at);
        self.ends.copy_within(at + 1..len, at);
        let removed = (end - start) as u16;
        self.ends[at..len - 1].iter_mut().for_each(|end| *end = end.wrapping_sub(removed));
        self.len -= 1;
    }

    /// Gives a member another score that keeps it in its place.
    pub(super) fn set_score(&mut self, at: usize, score: f64) {
        self.scores[at] = score;
    }

    /// Takes the members from a place on out, as a chunk of their own.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let mut second = Self::default();
        second.bytes.reserve_exact(self.bytes.len() - self.start(at));
        for place in at..self.len() {
            second.insert(place - at, self.tags[place], self.item(place));
        }
        self.bytes.truncate(self.start(at));
        self.bytes.shrink_to_fit();
        self.len = at as u8;
        second
    }
}
