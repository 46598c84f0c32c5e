//! The chunks of a large list.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use triomphe::Arc;

use super::{End, Limit};
use crate::value::listpack::{self, Element, Listpack};
use crate::value::walk::{Part, Walk};

/// Bytes that a chunk costs beside its elements.
const CHUNK_BYTES: usize = size_of::<usize>() * 5;

/// Whether a chunk takes another element.
fn fits(chunk: &[u8], element: Element<'_>, limit: Limit) -> bool {
    let view = Listpack::new(chunk);
    limit.allows(view.redis_bytes() + element.len() + 8, view.len() + 1)
}

/// A row of listpacks, none of them empty.
#[derive(Clone, Debug, Default)]
pub struct Chunks {
    chunks: VecDeque<Arc<Vec<u8>>>,
    len: usize,
    bytes: usize,
}

impl Chunks {
    /// Elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn count(&self) -> usize {
        self.chunks.len()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes + self.chunks.len() * CHUNK_BYTES + size_of::<Self>()
    }

    /// The chunk, when it is the only one.
    pub(super) fn only(&self) -> Option<&[u8]> {
        let [only] = self.chunks.iter().collect::<Vec<_>>()[..] else { return None };
        Some(only)
    }

    /// Changes a chunk, which goes when it becomes empty.
    fn change(&mut self, chunk: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let bytes = Arc::make_mut(&mut self.chunks[chunk]);
        let before = (bytes.len(), Listpack::new(bytes).len());
        change(bytes);
        let after = (bytes.len(), Listpack::new(bytes).len());
        self.bytes = self.bytes + after.0 - before.0;
        self.len = self.len + after.1 - before.1;
        if after.1 == 0 {
            self.bytes -= after.0;
            self.chunks.remove(chunk);
        }
    }

    /// Adds a chunk with one element in front of the one with this number.
    fn add(&mut self, chunk: usize, element: Element<'_>) {
        let mut bytes = listpack::empty(0).to_vec();
        listpack::insert_element(&mut bytes, listpack::HEAD_BYTES, element);
        self.bytes += bytes.len();
        self.len += 1;
        self.chunks.insert(chunk, Arc::new(bytes));
    }

    fn has_room(&self, chunk: usize, element: Element<'_>, limit: Limit) -> bool {
        fits(&self.chunks[chunk], element, limit)
    }

    /// Adds an element at an end.
    pub(super) fn push(&mut self, end: End, element: Element<'_>, limit: Limit) {
        let (chunk, new) = match end {
            End::Left => (0, 0),
            End::Right => (self.chunks.len().saturating_sub(1), self.chunks.len()),
        };
        if self.chunks.is_empty() || !self.has_room(chunk, element, limit) {
            return self.add(new, element);
        }
        self.change(chunk, |bytes| {
            let at = if end == End::Left { listpack::HEAD_BYTES } else { bytes.len() };
            listpack::insert_element(bytes, at, element);
        });
    }

    /// Adds elements at the end, all that a chunk takes at once.
    pub(super) fn extend<'a>(&mut self, elements: impl Iterator<Item = Element<'a>>, limit: Limit) {
        let mut elements = elements.peekable();
        while let Some(first) = elements.next() {
            self.push(End::Right, first, limit);
            self.change(self.chunks.len() - 1, |bytes| {
                while let Some(element) = elements.next_if(|next| fits(bytes, *next, limit)) {
                    listpack::insert_element(bytes, bytes.len(), element);
                }
            });
        }
    }

    /// The chunk of the element with this index, and its index there.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        let len = |chunk: &Arc<Vec<u8>>| Listpack::new(chunk).len();
        if index <= self.len / 2 {
            let mut left = index;
            for (number, chunk) in self.chunks.iter().enumerate() {
                if left < len(chunk) {
                    return Some((number, left));
                }
                left -= len(chunk);
            }
            return None;
        }
        let mut end = self.len;
        for (number, chunk) in self.chunks.iter().enumerate().rev() {
            end -= len(chunk);
            if index >= end {
                return Some((number, index - end));
            }
        }
        None
    }

    /// Puts an element in front of the one with this index, or at the end.
    pub(super) fn insert(&mut self, index: usize, element: Element<'_>, limit: Limit) {
        let Some((chunk, within)) = self.locate(index) else {
            return self.push(End::Right, element, limit);
        };
        if !self.has_room(chunk, element, limit) {
            self.cut(chunk, within);
            // Of the two halves the one in front, if there is one, takes the element at its end.
            if within == 0 {
                return self.add(chunk, element);
            }
            if !self.has_room(chunk, element, limit) {
                return self.add(chunk + 1, element);
            }
        }
        self.change(chunk, |bytes| {
            let at = Listpack::new(bytes).seek(within as i64).unwrap_or(bytes.len());
            listpack::insert_element(bytes, at, element);
        });
    }

    /// Cuts a chunk in two in front of the element with this index there.
    fn cut(&mut self, chunk: usize, within: usize) {
        let view = Listpack::new(&self.chunks[chunk]);
        let (Some(at), false) = (view.seek(within as i64), within == 0) else { return };
        let mut second = listpack::empty(0).to_vec();
        for (_, element) in view.iter().skip(within) {
            let end = second.len();
            listpack::insert_element(&mut second, end, element);
        }
        self.bytes += second.len();
        self.len += view.len() - within;
        self.chunks.insert(chunk + 1, Arc::new(second));
        self.change(chunk, |bytes| listpack::remove(bytes, at, usize::MAX));
    }

    /// Takes out `count` elements from the one with this index on, or as many as there are.
    pub(super) fn remove(&mut self, index: usize, count: usize) {
        let mut left = count.min(self.len.saturating_sub(index));
        while left > 0 {
            let Some((chunk, within)) = self.locate(index) else { return };
            let len = Listpack::new(&self.chunks[chunk]).len();
            let here = left.min(len - within);
            if here == len {
                self.len -= len;
                self.bytes -= self.chunks[chunk].len();
                self.chunks.remove(chunk);
            } else {
                self.change(chunk, |bytes| {
                    if let Some(at) = Listpack::new(bytes).seek(within as i64) {
                        listpack::remove(bytes, at, here);
                    }
                });
            }
            left -= here;
        }
    }

    /// The elements from the one with this index on.
    pub(super) fn iter_from(&self, index: usize) -> impl Iterator<Item = Element<'_>> + '_ {
        let (chunk, within) = self.locate(index).unwrap_or((self.chunks.len(), 0));
        let rest = self.chunks.iter().skip(chunk);
        rest.enumerate().flat_map(move |(number, bytes)| {
            let view = Listpack::new(bytes);
            let mut next = if number == 0 { view.seek(within as i64) } else { view.first() };
            core::iter::from_fn(move || {
                let at = next?;
                next = view.next(at);
                Some(view.get(at))
            })
        })
    }

    /// The elements in front of the one with this index, from the last of them to the first.
    pub(super) fn iter_before(&self, index: usize) -> impl Iterator<Item = Element<'_>> + '_ {
        let last = index.min(self.len).checked_sub(1).and_then(|last| self.locate(last));
        let (chunk, within) = last.unwrap_or_default();
        let chunks = if last.is_some() { chunk + 1 } else { 0 };
        let mut skipped = 0;
        if last.is_some() {
            skipped = Listpack::new(&self.chunks[chunk]).len() - within - 1;
        }
        let rest = self.chunks.iter().take(chunks).rev();
        rest.enumerate().flat_map(move |(number, bytes)| {
            let skipped = if number == 0 { skipped } else { 0 };
            Listpack::new(bytes).iter_rev().skip(skipped).map(|(_, element)| element)
        })
    }
}

/// A walk over the chunks.
#[derive(Debug)]
pub(super) struct ChunkWalk {
    chunks: VecDeque<Arc<Vec<u8>>>,
}

impl ChunkWalk {
    pub(super) fn new(chunks: &Chunks) -> Self {
        Self { chunks: chunks.chunks.clone() }
    }
}

impl Walk for ChunkWalk {
    fn step(&mut self, visit: &mut dyn FnMut(Part<'_>)) -> bool {
        let Some(chunk) = self.chunks.pop_front() else { return false };
        visit(Part::Chunk(Listpack::new(&chunk)));
        true
    }
}
