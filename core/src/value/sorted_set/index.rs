//! From the hash of a member to the chunk that it is in.
//!
//! Extendible hashing: a directory names, for the first bits of a hash, a page; a page is a small
//! table of up to 256 entries, each the hash and the number of a chunk. A page grows by an eighth
//! until it is cut in two, and only when a page is deeper than the directory does that double, so
//! no step is long. Pages are counted, so a snapshot shares those that are not changed.
//!
//! A hash may be there several times: who looks a member up asks every chunk that is named. 32
//! bits are kept, the lowest byte of which is the tag that chunks have of each member.

use alloc::vec::Vec;
use core::iter::repeat_n;

use triomphe::{Arc, HeaderSlice};

use super::unshared;

/// Entries of a page at most.
const PAGE_MAX: usize = 256;

/// Slots of a new page.
const SLOTS_MIN: usize = 8;

/// A directory has at most so many entries for each page: where hashes are alike a page grows.
const DIRECTORY_MAX: usize = 8;

/// An entry: the hash above the number of the chunk plus one; 0 is none.
type Slot = u64;

fn slot(hash: u32, chunk: u32) -> Slot {
    u64::from(hash) << 32 | (u64::from(chunk) + 1)
}

fn hash_of(slot: Slot) -> u32 {
    (slot >> 32) as u32
}

fn chunk_of(slot: Slot) -> u32 {
    slot as u32 - 1
}

/// A page: one allocation, so that the slot in which a search begins is one wait for memory away.
#[derive(Clone, Debug)]
struct Page(Arc<HeaderSlice<Header, [Slot]>>);

#[derive(Clone, Copy, Debug)]
struct Header {
    len: usize,
    /// First bits of the hash that all entries share.
    depth: u8,
}

impl Page {
    fn new(slots: usize, depth: u8) -> Self {
        Self(Arc::from_header_and_iter(Header { len: 0, depth }, repeat_n(0, slots)))
    }

    fn depth(&self) -> u8 {
        self.0.header.depth
    }

    fn slots(&self) -> usize {
        self.0.slice.len()
    }

    /// Header and slots, to change them: of a shared page those of a copy.
    fn inner_mut(&mut self) -> &mut HeaderSlice<Header, [Slot]> {
        unshared(&mut self.0)
    }

    /// The slot at which a search begins. The first bits are those of the page, the last are the
    /// tag: those between are mixed.
    fn home(&self, hash: u32) -> usize {
        let mixed = hash.wrapping_mul(0x9e37_79b1) >> 8;
        ((u64::from(mixed) * self.slots() as u64) >> 24) as usize
    }

    fn next(&self, at: usize) -> usize {
        if at + 1 == self.slots() { 0 } else { at + 1 }
    }

    /// The slots from the home of a hash up to the first that is free.
    fn probe(&self, hash: u32) -> impl Iterator<Item = (usize, Slot)> {
        let mut at = self.home(hash);
        core::iter::from_fn(move || {
            let found = (at, self.0.slice[at]);
            at = self.next(at);
            (found.1 != 0).then_some(found)
        })
    }

    fn is_full(&self) -> bool {
        self.0.header.len * 16 >= self.slots() * 15 - 8
    }

    fn insert(&mut self, slot: Slot) {
        let mut at = self.home(hash_of(slot));
        while self.0.slice[at] != 0 {
            at = self.next(at);
        }
        let inner = self.inner_mut();
        inner.slice[at] = slot;
        inner.header.len += 1;
    }

    /// The same entries in another number of slots.
    fn resized(&self, slots: usize) -> Self {
        let mut page = Self::new(slots, self.depth());
        self.entries().for_each(|slot| page.insert(slot));
        page
    }

    fn entries(&self) -> impl Iterator<Item = Slot> {
        self.0.slice.iter().copied().filter(|&slot| slot != 0)
    }

    fn remove(&mut self, slot: Slot) {
        let found = self.probe(hash_of(slot)).find(|(_, other)| *other == slot);
        let Some((mut free, _)) = found else { return };
        let mut at = free;
        // What could not lie at its home because of this entry moves up.
        loop {
            at = self.next(at);
            let moving = self.0.slice[at];
            if moving == 0 {
                break;
            }
            let home = self.home(hash_of(moving));
            let stays =
                if free <= at { free < home && home <= at } else { free < home || home <= at };
            if !stays {
                self.inner_mut().slice[free] = moving;
                free = at;
            }
        }
        let inner = self.inner_mut();
        inner.slice[free] = 0;
        inner.header.len -= 1;
    }
}

/// The index.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// Pages by the first bits of a hash.
    directory: Vec<u32>,
    depth: u8,
    pages: Vec<Page>,
    slots: usize,
}

impl Default for Index {
    fn default() -> Self {
        let page = Page::new(SLOTS_MIN, 0);
        Self { directory: Vec::from([0]), depth: 0, pages: Vec::from([page]), slots: SLOTS_MIN }
    }
}

impl Index {
    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        let page = size_of::<Page>() + size_of::<Header>() + 2 * size_of::<usize>();
        self.directory.len() * size_of::<u32>()
            + self.pages.len() * page
            + self.slots * size_of::<Slot>()
    }

    fn page(&self, hash: u32) -> usize {
        let first = u64::from(hash) >> (32 - u32::from(self.depth));
        self.directory[first as usize] as usize
    }

    /// What leads to the entries of a page, pulled into the cache.
    #[inline]
    pub(super) fn warm_page(&self, hash: u32) -> u8 {
        self.pages[self.page(hash)].slots() as u8
    }

    /// What a change of the entries needs beside them, pulled in as well.
    #[inline]
    pub(super) fn warm_header(&self, hash: u32) -> u8 {
        self.pages[self.page(hash)].depth()
    }

    /// The chunks in which a member with this hash may be.
    #[inline]
    pub(super) fn chunks(&self, hash: u32) -> impl Iterator<Item = u32> {
        let page = &self.pages[self.page(hash)];
        page.probe(hash)
            .filter(move |(_, slot)| hash_of(*slot) == hash)
            .map(|(_, slot)| chunk_of(slot))
    }

    /// Adds a member that is in this chunk.
    pub(super) fn insert(&mut self, hash: u32, chunk: u32) {
        while self.pages[self.page(hash)].is_full() {
            self.make_room(hash);
        }
        let page = self.page(hash);
        self.pages[page].insert(slot(hash, chunk));
    }

    /// A member has moved to another chunk.
    pub(super) fn replace(&mut self, hash: u32, old: u32, new: u32) {
        let page = self.page(hash);
        let page = &mut self.pages[page];
        let wanted = slot(hash, old);
        let found = page.probe(hash).find(|(_, other)| *other == wanted).map(|(at, _)| at);
        if let Some(at) = found {
            page.inner_mut().slice[at] = slot(hash, new);
        }
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, hash: u32, chunk: u32) {
        let number = self.page(hash);
        let page = &mut self.pages[number];
        page.remove(slot(hash, chunk));
        if page.0.header.len * 4 < page.slots() && page.slots() > SLOTS_MIN {
            let smaller = page.resized((page.slots() / 2).max(SLOTS_MIN));
            self.slots -= page.slots() - smaller.slots();
            *page = smaller;
        }
    }

    /// Makes a page larger, or cuts it in two.
    fn make_room(&mut self, hash: u32) {
        let number = self.page(hash);
        let page = &self.pages[number];
        let is_deepest = page.depth() == self.depth;
        let is_wide = self.directory.len() >= DIRECTORY_MAX * self.pages.len();
        if page.slots() < PAGE_MAX || is_deepest && is_wide {
            let larger = page.resized(page.slots() + (page.slots() / 8).max(SLOTS_MIN));
            self.slots += larger.slots() - page.slots();
            self.pages[number] = larger;
        } else {
            self.cut(number, hash);
        }
    }

    fn cut(&mut self, number: usize, hash: u32) {
        let page = self.pages[number].clone();
        let depth = page.depth() + 1;
        if depth > self.depth {
            self.directory = self.directory.iter().flat_map(|&page| [page, page]).collect();
            self.depth = depth;
        }
        let slots = (page.slots() * 5 / 8).max(SLOTS_MIN);
        let mut halves = [Page::new(slots, depth), Page::new(slots, depth)];
        for slot in page.entries() {
            let half = &mut halves[(hash_of(slot) >> (32 - u32::from(depth)) & 1) as usize];
            if half.is_full() {
                *half = half.resized(half.slots() * 5 / 4 + 1);
            }
            half.insert(slot);
        }
        let [low, high] = halves;
        self.slots = self.slots + low.slots() + high.slots() - page.slots();
        self.pages[number] = low;
        self.pages.push(high);
        self.point_at_upper_half(hash, depth, (self.pages.len() - 1) as u32);
    }

    /// The upper half of those hashes that share the first bits with this one have another page.
    fn point_at_upper_half(&mut self, hash: u32, depth: u8, page: u32) {
        let span = 1_usize << (self.depth - depth);
        let shared = (u64::from(hash) >> (32 - u32::from(depth)) | 1) as usize;
        self.directory[shared * span..(shared + 1) * span].fill(page);
    }

    /// The entries of the page that has this hash, each as hash and chunk, and the first hash of
    /// the next page; 0 at the end.
    pub(super) fn scan(&self, from: u32) -> (Vec<(u32, u32)>, u32) {
        let page = &self.pages[self.page(from)];
        let entries = page.entries().map(|slot| (hash_of(slot), chunk_of(slot)));
        let span = 1_u64 << (32 - u32::from(page.depth()));
        let end = (u64::from(from) / span + 1) * span;
        (entries.filter(|(hash, _)| *hash >= from).collect(), end as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::{prop, prop_assert_eq, proptest};

    fn all(index: &Index) -> BTreeSet<(u32, u32)> {
        let (mut found, mut from) = (BTreeSet::new(), 0);
        loop {
            let (entries, next) = index.scan(from);
            assert!(entries.into_iter().all(|entry| found.insert(entry)), "each once");
            from = next;
            if from == 0 {
                return found;
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_pairs(
            steps in prop::collection::vec((0..5_u8, 0..700_u32, 0..3_u32), 0..3000),
            spread in prop::sample::select([1_u32, 77, 0x0100_0193, 0x9e37_79b1].to_vec()),
        ) {
            let (mut index, mut model) = (Index::default(), BTreeSet::new());
            let (mut shared, mut then) = (index.clone(), model.clone());
            for (number, (step, hash, chunk)) in steps.into_iter().enumerate() {
                let hash = hash.wrapping_mul(spread);
                if number == 1000 {
                    (shared, then) = (index.clone(), model.clone());
                }
                match step {
                    0 if model.remove(&(hash, chunk)) => index.remove(hash, chunk),
                    1 if model.contains(&(hash, chunk)) && !model.contains(&(hash, 9)) => {
                        index.replace(hash, chunk, 9);
                        model.remove(&(hash, chunk));
                        model.insert((hash, 9));
                    }
                    _ if model.insert((hash, chunk)) => index.insert(hash, chunk),
                    _ => {}
                }
                let chunks: BTreeSet<u32> = index.chunks(hash).collect();
                let expected = model.range((hash, 0)..=(hash, u32::MAX)).map(|(_, chunk)| *chunk);
                prop_assert_eq!(chunks, expected.collect());
            }
            prop_assert_eq!(all(&index), model);
            prop_assert_eq!(all(&shared), then);
            let slots: usize = index.pages.iter().map(|page| page.slots()).sum();
            prop_assert_eq!(index.slots, slots);
        }
    }
}
