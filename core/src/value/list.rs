//! Lists: elements in order, pushed and popped at both ends.
//!
//! A small list is a pack. A large one is a row of chunks, listpacks of about 8 KB each
//! (`list-max-listpack-size`), so that a push or pop touches one chunk, whatever the length, and a
//! snapshot shares the others. An element that is larger than a chunk is a chunk by itself. The
//! hard case is the middle: an index is found by the counts of the chunks from the nearer end, and
//! an insertion there cuts a full chunk in two. Redis's quicklist is made alike.

use alloc::boxed::Box;

use triomphe::Arc;

use super::Thresholds;
use super::listpack::{self, Element, Listpack};
use super::pack::{Pack, Shape};
use super::walk::Walk;

mod chunks;

use chunks::ChunkWalk;
pub use chunks::Chunks;

/// A list.
#[derive(Clone, Debug)]
pub enum List {
    /// A small one.
    Pack(Pack),
    /// A large one.
    Chunks(Arc<Chunks>),
}

/// A list read in place.
#[derive(Clone, Copy, Debug)]
pub enum ListView<'a> {
    /// The bytes of a pack.
    Pack(&'a [u8]),
    /// Chunks.
    Chunks(&'a Chunks),
}

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first element, which LPUSH adds.
    Left,
    /// The last element.
    Right,
}

/// What a pack or a chunk may hold.
#[derive(Clone, Copy, Debug)]
struct Limit {
    bytes: usize,
    elements: usize,
}

impl Limit {
    /// The limit that `list-max-listpack-size` says (quicklist.c, `quicklistNodeLimit`).
    fn of(size: i64) -> Self {
        const SAFE_BYTES: usize = 8192;
        const CLASSES: [usize; 5] = [4096, 8192, 16_384, 32_768, 65_536];
        match usize::try_from(size) {
            Ok(elements) => Self { bytes: SAFE_BYTES, elements: elements.clamp(1, 30_000) },
            Err(_) => {
                let class = size.unsigned_abs().clamp(1, 5) as usize - 1;
                Self { bytes: CLASSES[class], elements: listpack::ELEMENTS_MAX / 2 }
            }
        }
    }

    fn half(self) -> Self {
        Self { bytes: self.bytes / 2, elements: self.elements / 2 }
    }

    fn allows(self, bytes: usize, elements: usize) -> bool {
        bytes <= self.bytes && elements <= self.elements
    }
}

impl Default for List {
    fn default() -> Self {
        Self::Pack(Pack::empty(Shape::List))
    }
}

impl List {
    /// Whether a pack of this shape is a list.
    pub(crate) fn has_shape(shape: Shape) -> bool {
        matches!(shape, Shape::List)
    }

    /// The pack, if it is a small one.
    #[must_use]
    pub fn pack(&self) -> Option<&Pack> {
        match self {
            Self::Pack(pack) => Some(pack),
            Self::Chunks(_) => None,
        }
    }

    /// It, to be read.
    #[must_use]
    pub fn view(&self) -> ListView<'_> {
        match self {
            Self::Pack(pack) => ListView::Pack(pack.bytes()),
            Self::Chunks(chunks) => ListView::Chunks(chunks),
        }
    }

    /// Bytes that it holds outside of itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Pack(pack) => pack.heap_bytes(),
            Self::Chunks(chunks) => chunks.heap_bytes(),
        }
    }

    /// The name of its encoding, as OBJECT ENCODING answers it.
    #[must_use]
    pub fn encoding_name(&self) -> &'static str {
        self.pack().map_or("quicklist", |pack| pack.shape().encoding_name())
    }

    /// Whether it has no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.view().len() == 0
    }

    /// A walk over a large one, and the number of its chunks, or of its elements.
    #[must_use]
    pub fn walk(&self, counts_elements: bool) -> Option<(Box<dyn Walk>, usize)> {
        let Self::Chunks(chunks) = self else { return None };
        let count = if counts_elements { chunks.len() } else { chunks.count() };
        Some((Box::new(ChunkWalk::new(chunks)), count))
    }

    /// A list of these elements.
    #[must_use]
    pub fn of<'a>(
        mut elements: impl Iterator<Item = Element<'a>>,
        thresholds: &Thresholds,
    ) -> Self {
        let mut list = Self::default();
        let limit = Limit::of(thresholds.list_size);
        while let Self::Pack(pack) = &mut list
            && let Some(element) = elements.next()
        {
            let (view, end) = (pack.listpack(), pack.bytes().len());
            if limit.allows(view.redis_bytes() + element.len(), view.len() + 1) {
                listpack::insert_element(pack.make_mut(), end, element);
            } else {
                list.grow(element.len(), 1, thresholds);
                list.extend([element].into_iter(), limit);
            }
        }
        list.extend(elements, limit);
        list
    }

    /// Adds elements at the end of a large one.
    fn extend<'a>(&mut self, elements: impl Iterator<Item = Element<'a>>, limit: Limit) {
        if let Self::Chunks(chunks) = self {
            Arc::make_mut(chunks).extend(elements, limit);
        }
    }

    /// Gets ready for elements of so many bytes: a pack that they would make too large becomes
    /// chunks (t_list.c, `listTypeTryConvertListpack`).
    pub fn grow(&mut self, bytes: usize, elements: usize, thresholds: &Thresholds) {
        let Self::Pack(pack) = self else { return };
        let view = pack.listpack();
        let limit = Limit::of(thresholds.list_size);
        if !limit.allows(view.redis_bytes() + bytes, view.len() + elements) {
            let mut chunks = Chunks::default();
            view.iter().for_each(|(_, element)| chunks.push(End::Right, element, limit));
            *self = Self::Chunks(Arc::new(chunks));
        }
    }

    /// Becomes a pack again when half of what a pack may hold is enough.
    pub fn shrink(&mut self, thresholds: &Thresholds) {
        let Self::Chunks(chunks) = self else { return };
        if let Some(chunk) = chunks.only() {
            let view = Listpack::new(chunk);
            if Limit::of(thresholds.list_size).half().allows(view.redis_bytes(), view.len()) {
                let mut bytes = chunk.to_vec();
                bytes[0] = Shape::List.tag();
                *self = Self::Pack(Pack::new(bytes));
            }
        }
    }

    /// Adds an element at the end.
    pub fn push_back(&mut self, element: &[u8], thresholds: &Thresholds) {
        self.grow(element.len(), 1, thresholds);
        self.push(End::Right, element, thresholds);
    }

    /// Adds an element at an end; see [`List::grow`].
    #[inline]
    pub fn push(&mut self, end: End, element: &[u8], thresholds: &Thresholds) {
        match (self, end) {
            (Self::Pack(pack), End::Left) => listpack::push_front(pack.make_mut(), element),
            (Self::Pack(pack), End::Right) => listpack::push_back(pack.make_mut(), element),
            (Self::Chunks(chunks), end) => Arc::make_mut(chunks).push(
                end,
                Element::of(element),
                Limit::of(thresholds.list_size),
            ),
        }
    }

    /// Puts an element in front of the one with this index, or at the end.
    pub fn insert(&mut self, index: usize, element: &[u8], thresholds: &Thresholds) {
        match self {
            Self::Pack(pack) => {
                let at = pack.listpack().seek(index as i64).unwrap_or_else(|| pack.bytes().len());
                listpack::insert(pack.make_mut(), at, element);
            }
            Self::Chunks(chunks) => Arc::make_mut(chunks).insert(
                index,
                Element::of(element),
                Limit::of(thresholds.list_size),
            ),
        }
    }

    /// Puts another element in the place of the one with this index, which is there.
    pub fn set(&mut self, index: usize, element: &[u8], thresholds: &Thresholds) {
        match self {
            Self::Pack(pack) => {
                let Some(at) = pack.listpack().seek(index as i64) else { return };
                listpack::replace(pack.make_mut(), at, element);
            }
            Self::Chunks(chunks) => {
                let chunks = Arc::make_mut(chunks);
                chunks.remove(index, 1);
                chunks.insert(index, Element::of(element), Limit::of(thresholds.list_size));
            }
        }
    }

    /// Takes out `count` elements from the one with this index on, or as many as there are.
    pub fn remove(&mut self, index: usize, count: usize) {
        match self {
            Self::Pack(pack) => {
                let Some(at) = pack.listpack().seek(index as i64) else { return };
                listpack::remove(pack.make_mut(), at, count);
            }
            Self::Chunks(chunks) => Arc::make_mut(chunks).remove(index, count),
        }
    }
}

impl<'a> ListView<'a> {
    /// Elements.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Pack(pack) => Listpack::new(pack).len(),
            Self::Chunks(chunks) => chunks.len(),
        }
    }

    /// Whether it has no element.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element with this index.
    #[must_use]
    pub fn get(self, index: usize) -> Option<Element<'a>> {
        self.iter_from(index).next()
    }

    /// The elements from the one with this index on.
    pub fn iter_from(self, index: usize) -> Box<dyn Iterator<Item = Element<'a>> + 'a> {
        match self {
            Self::Pack(pack) => {
                let view = Listpack::new(pack);
                let mut next = view.seek(index as i64);
                Box::new(core::iter::from_fn(move || {
                    let at = next?;
                    next = view.next(at);
                    Some(view.get(at))
                }))
            }
            Self::Chunks(chunks) => Box::new(chunks.iter_from(index)),
        }
    }

    /// The elements in front of the one with this index, from the last of them to the first.
    pub fn iter_before(self, index: usize) -> Box<dyn Iterator<Item = Element<'a>> + 'a> {
        match self {
            Self::Pack(pack) => {
                let skipped = Listpack::new(pack).len().saturating_sub(index);
                let elements = Listpack::new(pack).iter_rev().skip(skipped);
                Box::new(elements.map(|(_, element)| element))
            }
            Self::Chunks(chunks) => Box::new(chunks.iter_before(index)),
        }
    }

    /// The index that `index` means: negative ones count from the end, -1 is the last.
    #[must_use]
    pub fn index(self, index: i64) -> Option<usize> {
        let len = self.len() as i64;
        let index = if index < 0 { index.checked_add(len)? } else { index };
        (0..len).contains(&index).then_some(index as usize)
    }
}

#[cfg(test)]
mod tests;
