//! A large sorted set.
//!
//! Every member is stored once, in a [chunk](super::chunk) of its neighbours. Two structures lead
//! there: the [order](super::order) of the chunks, by score, and an [index](super::index) from the
//! hash of a member to its chunk. A chunk is a number that stays the same, so when one is cut in
//! two only the members that move are told to the index; nothing else ever is.
//!
//! The hard case is a member that does not fit beside others: it gets a chunk of its own. Chunks
//! that become small join a neighbour, so that a set that was large and shrank is walked quickly.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::chunk::{BYTES_MAX, CHUNK_MAX, Chunk, Item, compare};
use super::index::Index;
use super::order::{Order, Spot};
use crate::keyspace::KeyHasher;
use crate::value::listpack::Element;

/// A chunk below this joins its neighbour.
const CHUNK_MIN: usize = CHUNK_MAX / 4;

/// A large sorted set.
#[derive(Clone, Debug)]
pub struct Tree {
    hasher: KeyHasher,
    pub(super) index: Index,
    order: Order,
    chunks: Vec<Option<Chunk>>,
    free: Vec<u32>,
    len: usize,
    bytes: usize,
}

/// Where a member is.
#[derive(Clone, Copy)]
struct Found {
    chunk: u32,
    at: usize,
    score: f64,
}

pub(super) fn tag(hash: u32) -> u8 {
    hash as u8
}

impl Tree {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        Self {
            hasher,
            index: Index::default(),
            order: Order::default(),
            chunks: Vec::new(),
            free: Vec::new(),
            len: 0,
            bytes: 0,
        }
    }

    /// A tree of members in order, each of them once.
    pub(super) fn from_sorted(items: &[(Element<'_>, f64)], hasher: KeyHasher) -> Self {
        let mut tree = Self::new(hasher);
        let mut digits = itoa::Buffer::new();
        for (member, score) in items {
            let member = member.bytes(&mut digits);
            let hash = tree.hash(member);
            tree.insert(hash, (*score, member));
        }
        tree
    }

    /// Members.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        let slots = self.chunks.len() * size_of::<usize>() + self.free.len() * size_of::<u32>();
        self.bytes + self.index.bytes() + self.order.bytes() + slots
    }

    pub(super) fn hash(&self, member: &[u8]) -> u32 {
        (self.hasher.hash(member) >> 32) as u32
    }

    pub(super) fn chunk(&self, number: u32) -> &Chunk {
        self.chunks[number as usize].as_ref().expect("a chunk in the order is there")
    }

    /// Changes a chunk, and counts its bytes.
    fn change<R>(&mut self, number: u32, change: impl FnOnce(&mut Chunk) -> R) -> R {
        let chunk = self.chunks[number as usize].as_mut().expect("a chunk in the order is there");
        // A copy is as large as what is in it, not as what it is made from.
        let before = chunk.heap_bytes();
        let result = change(chunk);
        self.bytes = self.bytes + chunk.heap_bytes() - before;
        result
    }

    /// Stores a chunk; its number.
    fn store(&mut self, chunk: Chunk) -> u32 {
        self.bytes += chunk.heap_bytes();
        let number = self.free.pop().unwrap_or(self.chunks.len() as u32);
        if number as usize == self.chunks.len() {
            self.chunks.push(None);
        }
        self.chunks[number as usize] = Some(chunk);
        number
    }

    fn discard(&mut self, number: u32) {
        if let Some(chunk) = self.chunks[number as usize].take() {
            self.bytes -= chunk.heap_bytes();
            self.free.push(number);
        }
    }

    fn find(&self, hash: u32, member: &[u8]) -> Option<Found> {
        self.index.chunks(hash).find_map(|number| {
            let chunk = self.chunk(number);
            let at = chunk.find(tag(hash), member)?;
            Some(Found { chunk: number, at, score: chunk.score(at) })
        })
    }

    /// Where the chunk stands in which a member is or would be.
    fn spot(&self, item: Item<'_>) -> Option<Spot> {
        let compare_first = |chunk| self.chunk(chunk).member(0).cmp(item.1);
        self.order.find(item.0, compare_first)
    }

    /// The score of a member.
    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        Some(self.find(self.hash(member), member)?.score)
    }

    /// How many members are before this one.
    pub(super) fn rank(&self, member: &[u8]) -> Option<usize> {
        let found = self.find(self.hash(member), member)?;
        let spot = self.spot((found.score, member))?;
        Some(self.order.before(spot) + found.at)
    }

    /// Sets the score of a member, which may be new.
    pub(super) fn set(&mut self, member: &[u8], score: f64) {
        let hash = self.hash(member);
        if let Some(found) = self.find(hash, member) {
            if self.keeps_place(found, (score, member)) {
                return self.change(found.chunk, |chunk| chunk.set_score(found.at, score));
            }
            self.take(hash, found, member);
        }
        self.insert(hash, (score, member));
    }

    /// Whether a member stays where it is with another score: between its neighbours in its chunk,
    /// of which it is neither the first nor the last.
    fn keeps_place(&self, found: Found, item: Item<'_>) -> bool {
        let chunk = self.chunk(found.chunk);
        found.at > 0
            && found.at + 1 < chunk.len()
            && compare(chunk.item(found.at - 1), item) == Ordering::Less
            && compare(item, chunk.item(found.at + 1)) == Ordering::Less
    }

    /// Adds a member that is not there.
    fn insert(&mut self, hash: u32, item: Item<'_>) {
        self.len += 1;
        let Some(spot) = self.spot(item) else {
            return self.insert_alone(None, hash, item, Chunk::for_one(item.1.len()));
        };
        let number = self.order.chunk(spot);
        let chunk = self.chunk(number);
        let (len, at) = (chunk.len(), chunk.position(item));
        if chunk.has_room(item.1.len()) {
            self.insert_at(spot, at, hash, item);
        } else if at == len && self.order.is_last(spot) {
            // What comes in order leaves full chunks behind, and fills the next one as well.
            let is_full = len == CHUNK_MAX;
            let next = if is_full { chunk.sized_alike() } else { Chunk::for_one(item.1.len()) };
            self.insert_alone(Some(spot), hash, item, next);
        } else if len == CHUNK_MAX && chunk.member_bytes() / 2 + item.1.len() <= BYTES_MAX / 2 {
            self.cut(spot, len / 2);
            self.insert_in_half(spot, hash, item);
        } else {
            self.insert_between(spot, at, hash, item);
        }
    }

    /// Adds a member to a chunk that has room.
    fn insert_at(&mut self, spot: Spot, at: usize, hash: u32, item: Item<'_>) {
        let number = self.order.chunk(spot);
        self.change(number, |chunk| chunk.insert(at, tag(hash), item));
        self.index.insert(hash, number);
        self.refresh(spot);
    }

    /// Adds a member to one of two chunks that have just been one.
    fn insert_in_half(&mut self, spot: Spot, hash: u32, item: Item<'_>) {
        let spot = self.spot(item).unwrap_or(spot);
        let at = self.chunk(self.order.chunk(spot)).position(item);
        if self.chunk(self.order.chunk(spot)).has_room(item.1.len()) {
            self.insert_at(spot, at, hash, item);
        } else {
            self.insert_between(spot, at, hash, item);
        }
    }

    /// Adds a member to an empty chunk that goes behind a spot, or is the first.
    fn insert_alone(&mut self, behind: Option<Spot>, hash: u32, item: Item<'_>, mut chunk: Chunk) {
        chunk.insert(0, tag(hash), item);
        let number = self.store(chunk);
        self.order.insert_behind(behind, number, item.0, 1);
        self.index.insert(hash, number);
    }

    /// Adds a member as a chunk of its own where another would have it at a place.
    fn insert_between(&mut self, spot: Spot, at: usize, hash: u32, item: Item<'_>) {
        let len = self.chunk(self.order.chunk(spot)).len();
        if at == 0 {
            let before = self.order.prev(spot);
            return self.insert_alone(before, hash, item, Chunk::for_one(item.1.len()));
        }
        if at < len {
            self.cut(spot, at);
        }
        let spot = self.spot(item).unwrap_or(spot);
        self.insert_alone(Some(spot), hash, item, Chunk::for_one(item.1.len()));
    }

    /// Says in the order what has become of a chunk.
    fn refresh(&mut self, spot: Spot) {
        let chunk = self.chunk(self.order.chunk(spot));
        let (first, len) = (chunk.score(0), chunk.len());
        self.order.update(spot, first, len);
    }

    /// Cuts a chunk in two.
    fn cut(&mut self, spot: Spot, at: usize) {
        let old = self.order.chunk(spot);
        let second = self.change(old, |chunk| chunk.split_off(at));
        let (first, len) = (second.score(0), second.len());
        let new = self.store(second);
        self.moved(old, new, 0);
        self.refresh(spot);
        self.order.insert_behind(Some(spot), new, first, len);
    }

    /// Says in the index that the members of a chunk from a place on were in another.
    fn moved(&mut self, old: u32, new: u32, from: usize) {
        let chunk = self.chunks[new as usize].clone();
        for (_, member) in chunk.iter().flat_map(|chunk| chunk.items(from)) {
            let hash = self.hash(member);
            self.index.replace(hash, old, new);
        }
    }

    /// Takes a member out; false when it was not there.
    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let hash = self.hash(member);
        let found = self.find(hash, member);
        if let Some(found) = found {
            self.take(hash, found, member);
        }
        found.is_some()
    }

    fn take(&mut self, hash: u32, found: Found, member: &[u8]) {
        let Some(spot) = self.spot((found.score, member)) else { return };
        self.len -= 1;
        self.index.remove(hash, found.chunk);
        self.change(found.chunk, |chunk| chunk.remove(found.at));
        let len = self.chunk(found.chunk).len();
        if len == 0 {
            self.order.remove(spot);
            self.discard(found.chunk);
            return;
        }
        self.refresh(spot);
        if len < CHUNK_MIN {
            self.join(spot);
        }
    }

    /// Joins a small chunk with the one behind it, if both together are not large.
    fn join(&mut self, spot: Spot) {
        let Some(behind) = self.order.next(spot) else { return };
        let (kept, gone) = (self.order.chunk(spot), self.order.chunk(behind));
        let (one, other) = (self.chunk(kept), self.chunk(gone));
        let bytes = one.member_bytes() + other.member_bytes();
        let from = one.len();
        if from + other.len() > CHUNK_MAX / 2 || bytes > BYTES_MAX / 2 {
            return;
        }
        let second = self.chunks[gone as usize].clone();
        let hasher = self.hasher;
        self.change(kept, |chunk| {
            for item in second.iter().flat_map(|second| second.items(0)) {
                chunk.insert(chunk.len(), tag((hasher.hash(item.1) >> 32) as u32), item);
            }
        });
        self.order.remove(behind);
        self.discard(gone);
        self.moved(gone, kept, from);
        self.refresh(spot);
    }

    /// How many members are at the beginning for which `is_before` holds; it holds for none behind
    /// the first for which it does not.
    pub(super) fn count_before(&self, is_before: impl Fn(Item<'_>) -> bool) -> usize {
        let Some(spot) = self.order.last_before(|chunk| is_before(self.chunk(chunk).item(0)))
        else {
            return 0;
        };
        let chunk = self.chunk(self.order.chunk(spot));
        let (mut low, mut high) = (0, chunk.len());
        while low < high {
            let middle = low.midpoint(high);
            if is_before(chunk.item(middle)) { low = middle + 1 } else { high = middle }
        }
        self.order.before(spot) + low
    }

    /// The members from the one with this rank on.
    pub(super) fn iter_from(&self, rank: usize) -> impl Iterator<Item = Item<'_>> {
        let mut place = self.order.locate(rank);
        let mut chunk = place.map(|(spot, _)| self.chunk(self.order.chunk(spot)));
        core::iter::from_fn(move || {
            let (spot, at) = place.as_mut()?;
            if *at == chunk?.len() {
                (*spot, *at) = (self.order.next(*spot)?, 0);
                chunk = Some(self.chunk(self.order.chunk(*spot)));
            }
            *at += 1;
            Some(chunk?.item(*at - 1))
        })
    }

    /// The members in front of the one with this rank, from the last of them to the first.
    pub(super) fn iter_before(&self, rank: usize) -> impl Iterator<Item = Item<'_>> {
        let last = rank.min(self.len).checked_sub(1);
        let mut place =
            last.and_then(|last| self.order.locate(last)).map(|(spot, at)| (spot, at + 1));
        core::iter::from_fn(move || {
            let (spot, end) = place.as_mut()?;
            if *end == 0 {
                *spot = self.order.prev(*spot)?;
                *end = self.chunk(self.order.chunk(*spot)).len();
            }
            *end -= 1;
            Some(self.chunk(self.order.chunk(*spot)).item(*end))
        })
    }

    /// Reports members from `cursor` on, some `count` of them; returns where to go on, 0 at the
    /// end. A cursor is a hash: what is there all the time is reported once.
    pub(super) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut report: impl FnMut(&'a [u8], f64),
    ) -> u64 {
        let (mut next, mut reported) = (cursor as u32, 0);
        while reported < count {
            let (mut entries, end) = self.index.scan(next);
            entries.sort_unstable();
            entries.dedup();
            for (hash, number) in entries {
                let chunk = self.chunk(number);
                for at in chunk.tagged(tag(hash)).filter(|&at| self.hash(chunk.member(at)) == hash)
                {
                    report(chunk.member(at), chunk.score(at));
                    reported += 1;
                }
            }
            next = end;
            if next == 0 {
                return 0;
            }
        }
        u64::from(next)
    }
}

#[cfg(test)]
mod tests;
