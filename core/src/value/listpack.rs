//! Listpacks: a few elements in one run of bytes, the packed form of every small aggregate.
//!
//! The elements are encoded byte for byte as in Redis's listpack (listpack.c), so that a dump
//! takes them as they are: an integer in 1 to 9 bytes, a text behind its length, and behind each
//! element its length once more, to walk backwards. What Redis has around them differs: in front
//! here are a byte that belongs to whoever keeps the listpack (see [`pack`](super::pack)) and the
//! count, 2 bytes little-endian, and there is no end mark, because a value knows its length;
//! [`Listpack::to_redis`] adds the six bytes of header and the mark.
//!
//! An element is named by its offset, which any change in front of it moves. The hard case is
//! bytes of a stranger: [`from_redis`] believes nothing and encodes every element anew, so what
//! is in a value is canonical, and the readers here may rely on it. Limits: 65,535 elements; the
//! types turn into their large forms long before.

use alloc::vec::Vec;

use super::number;

mod element;

pub use element::Element;
use element::{backlen, decode, encode};

/// Bytes in front of the elements: the keeper's, and the count.
pub const HEAD_BYTES: usize = 3;

/// Elements at most.
pub const ELEMENTS_MAX: usize = u16::MAX as usize;

/// Header of Redis's form: bytes in all, and elements.
const REDIS_HEADER_BYTES: usize = 6;

/// The byte that ends Redis's form.
const REDIS_END: u8 = 0xff;

/// A listpack without elements whose first byte is `tag`.
#[must_use]
pub const fn empty(tag: u8) -> [u8; HEAD_BYTES] {
    [tag, 0, 0]
}

/// Head of a listpack whose elements nobody counts, so that there may be any number of them: those
/// of a stream's node. The count says what Redis writes when it does not know.
pub const UNCOUNTED: [u8; HEAD_BYTES] = [0, 0xff, 0xff];

/// A listpack read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listpack<'a>(&'a [u8]);

impl<'a> Listpack<'a> {
    /// The listpack that `bytes` are; they were made by this module.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Elements.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        u16::from_le_bytes([self.0[1], self.0[2]]) as usize
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Bytes in all.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Bytes that Redis's form has, which `hash-max-listpack-bytes` and its like are about.
    #[must_use]
    pub fn redis_bytes(self) -> usize {
        self.0.len() - HEAD_BYTES + REDIS_HEADER_BYTES + 1
    }

    /// Offset of the first element.
    #[inline]
    #[must_use]
    pub fn first(self) -> Option<usize> {
        (self.0.len() > HEAD_BYTES).then_some(HEAD_BYTES)
    }

    /// Offset of the last element.
    #[inline]
    #[must_use]
    pub fn last(self) -> Option<usize> {
        self.before(self.0.len())
    }

    /// Offset of the element behind the one at `at`.
    #[inline]
    #[must_use]
    pub fn next(self, at: usize) -> Option<usize> {
        let end = self.end(at);
        (end < self.0.len()).then_some(end)
    }

    /// Offset of the element in front of the one at `at`.
    #[inline]
    #[must_use]
    pub fn prev(self, at: usize) -> Option<usize> {
        self.before(at)
    }

    /// Offset of the element that ends at `end`.
    #[inline]
    fn before(self, end: usize) -> Option<usize> {
        if end <= HEAD_BYTES {
            return None;
        }
        let (len, bytes) = backlen::read(&self.0[..end]);
        Some(end - bytes - len)
    }

    /// Offset of the first byte behind the element at `at`.
    #[inline]
    #[must_use]
    pub fn end(self, at: usize) -> usize {
        let (_, len) = decode(&self.0[at..]);
        at + len + backlen::bytes(len)
    }

    /// The element at offset `at`.
    #[inline]
    #[must_use]
    pub fn get(self, at: usize) -> Element<'a> {
        decode(&self.0[at..]).0
    }

    /// Offset of the element with this index; negative ones count from the end, -1 is the last.
    #[must_use]
    pub fn seek(self, index: i64) -> Option<usize> {
        let len = self.len() as i64;
        let index = if index < 0 { index + len } else { index };
        if !(0..len).contains(&index) {
            return None;
        }
        if index <= len / 2 {
            (0..index).try_fold(self.first()?, |at, _| self.next(at))
        } else {
            (index + 1..len).try_fold(self.last()?, |at, _| self.prev(at))
        }
    }

    /// The elements in their order, each with its offset.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = (usize, Element<'a>)> + Clone + 'a {
        let mut next = self.0.len().min(HEAD_BYTES);
        core::iter::from_fn(move || {
            if next >= self.0.len() {
                return None;
            }
            let at = next;
            let (element, len) = decode(&self.0[at..]);
            next = at + len + backlen::bytes(len);
            Some((at, element))
        })
    }

    /// The elements from the last to the first, each with its offset.
    pub fn iter_rev(self) -> impl Iterator<Item = (usize, Element<'a>)> + Clone + 'a {
        let mut end = self.0.len();
        core::iter::from_fn(move || {
            let at = self.before(end)?;
            end = at;
            Some((at, self.get(at)))
        })
    }

    /// Offset of the first element that equals `text` among every `stride`-th one, beginning with
    /// the first: the fields of a hash are every second.
    #[inline]
    #[must_use]
    pub fn find(self, text: &[u8], stride: usize) -> Option<usize> {
        let wanted = Element::of(text);
        self.iter().step_by(stride).find(|(_, element)| *element == wanted).map(|(at, _)| at)
    }

    /// The same elements as Redis has them, header and end mark included.
    pub fn to_redis(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.redis_bytes() as u32).to_le_bytes());
        out.extend_from_slice(&self.0[1..HEAD_BYTES]);
        out.extend_from_slice(&self.0[HEAD_BYTES..]);
        out.push(REDIS_END);
    }
}

/// The elements of a listpack as Redis stores it, behind the byte `tag`; `None` when it is damaged
/// or has too many. It may be hostile: lengths are believed when the bytes are there.
#[must_use]
pub fn from_redis(tag: u8, blob: &[u8]) -> Option<Vec<u8>> {
    let mut pack = empty(tag).to_vec();
    let announced = read_redis(blob, |element| push_back_checked(&mut pack, element))?;
    // Redis writes 65,535 when it does not know.
    let len = Listpack::new(&pack).len();
    (announced as usize == len || announced == u16::MAX).then_some(pack)
}

/// As [`from_redis`], and any number of elements, as an [uncounted](UNCOUNTED) listpack.
#[must_use]
pub fn from_redis_uncounted(blob: &[u8]) -> Option<Vec<u8>> {
    let mut pack = UNCOUNTED.to_vec();
    let mut len = 0_usize;
    let announced = read_redis(blob, |element| {
        len += 1;
        push_uncounted(&mut pack, element);
        Some(())
    })?;
    (announced as usize == len || announced == u16::MAX).then_some(pack)
}

/// Gives every element of a listpack as Redis stores it to `push`; the announced number of them.
fn read_redis(blob: &[u8], mut push: impl FnMut(Element<'_>) -> Option<()>) -> Option<u16> {
    let (header, rest) = blob.split_first_chunk::<REDIS_HEADER_BYTES>()?;
    let total = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    let announced = u16::from_le_bytes([header[4], header[5]]);
    let (&end, mut rest) = rest.split_last()?;
    if total as usize != blob.len() || end != REDIS_END {
        return None;
    }
    while !rest.is_empty() {
        let (element, len) = element::decode_checked(rest)?;
        if backlen::read_checked(rest.get(..len + backlen::bytes(len))?) != Some(len) {
            return None;
        }
        push(element)?;
        rest = &rest[len + backlen::bytes(len)..];
    }
    Some(announced)
}

fn push_back_checked(pack: &mut Vec<u8>, element: Element<'_>) -> Option<()> {
    if Listpack::new(pack).len() == ELEMENTS_MAX {
        return None;
    }
    insert_element(pack, pack.len(), element);
    Some(())
}

/// Bytes that `text` takes as an element.
#[must_use]
pub fn element_bytes(text: &[u8]) -> usize {
    let len = element::encoded_bytes(Element::of(text));
    len + backlen::bytes(len)
}

/// Adds an element at the end.
#[inline]
pub fn push_back(pack: &mut Vec<u8>, text: &[u8]) {
    insert_element(pack, pack.len(), Element::of(text));
}

/// Adds an element at the beginning.
#[inline]
pub fn push_front(pack: &mut Vec<u8>, text: &[u8]) {
    insert_element(pack, HEAD_BYTES, Element::of(text));
}

/// Adds an element at offset `at`, in front of the one that is there.
#[inline]
pub fn insert(pack: &mut Vec<u8>, at: usize, text: &[u8]) {
    insert_element(pack, at, Element::of(text));
}

/// As [`insert`], with an element that was read elsewhere.
pub fn insert_element(pack: &mut Vec<u8>, at: usize, element: Element<'_>) {
    add_to_len(pack, 1);
    splice(pack, at, 0, element);
}

/// Adds an element at the end of an [uncounted](UNCOUNTED) listpack.
#[inline]
pub fn push_uncounted(pack: &mut Vec<u8>, element: Element<'_>) {
    let end = pack.len();
    splice(pack, end, 0, element);
}

/// Puts another element in the place of the one at offset `at`.
pub fn replace(pack: &mut Vec<u8>, at: usize, text: &[u8]) {
    let old = Listpack::new(pack).end(at) - at;
    splice(pack, at, old, Element::of(text));
}

/// Takes `count` elements out, from the one at offset `at` on, or as many as there are.
pub fn remove(pack: &mut Vec<u8>, at: usize, count: usize) {
    let view = Listpack::new(pack);
    let mut end = at;
    let mut removed = 0;
    while removed < count && end < view.0.len() {
        end = view.end(end);
        removed += 1;
    }
    pack.drain(at..end);
    add_to_len(pack, -(removed as i64));
}

/// Puts an element in the place of `old` bytes at offset `at`.
fn splice(pack: &mut Vec<u8>, at: usize, old: usize, element: Element<'_>) {
    let len = element::encoded_bytes(element);
    let new = len + backlen::bytes(len);
    let end = pack.len();
    if new > old {
        reserve(pack, end + new - old);
        pack.resize(end + new - old, 0);
    }
    pack.copy_within(at + old..end, at + new);
    pack.truncate(end + new - old);
    encode(element, &mut pack[at..at + len]);
    backlen::write(len, &mut pack[at + len..at + new]);
}

/// Room for so many bytes in all: a power of two up to the usual limit of a chunk or a node, which
/// is one as well, so that what has grown up to it has no room left over.
fn reserve(pack: &mut Vec<u8>, bytes: usize) {
    if bytes > pack.capacity() {
        let room = if bytes <= 8192 { bytes.next_power_of_two() } else { bytes + bytes / 4 };
        pack.reserve_exact(room - pack.len());
    }
}

fn add_to_len(pack: &mut [u8], change: i64) {
    let len = Listpack::new(pack).len() as i64 + change;
    let len = u16::try_from(len).expect("a listpack has at most 65,535 elements");
    pack[1..HEAD_BYTES].copy_from_slice(&len.to_le_bytes());
}

#[cfg(test)]
mod tests;
