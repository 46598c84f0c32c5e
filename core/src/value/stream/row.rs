//! Things with IDs in order: the nodes of a stream, the pending entries of a group.
//!
//! Sorted chunks of up to 128, each counted, in a row. A copy of a row shares its chunks, and a
//! change copies one chunk at most, so a snapshot of a large stream costs little. Most changes are
//! at the ends: a chunk that is full when something is added at the end stays as it is, and a
//! chunk that is cut to a quarter joins its neighbour.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use triomphe::Arc;

use super::id::StreamId;

/// Something with an ID.
pub trait Keyed: Clone {
    /// Its ID.
    fn id(&self) -> StreamId;
}

impl Keyed for StreamId {
    fn id(&self) -> StreamId {
        *self
    }
}

/// Things of a chunk at most.
const CHUNK_MAX: usize = 128;

/// A chunk below this joins its neighbour.
const CHUNK_MIN: usize = CHUNK_MAX / 4;

/// A row of things in the order of their IDs, no two with the same.
#[derive(Clone, Debug)]
pub struct Row<T> {
    chunks: VecDeque<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Row<T> {
    fn default() -> Self {
        Self { chunks: VecDeque::new(), len: 0 }
    }
}

impl<T: Keyed> Row<T> {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that the row holds, without what its things hold.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.len * size_of::<T>() + self.chunks.len() * size_of::<usize>() * 5
    }

    /// The chunk and the place in it at which `id` is or would be.
    fn locate(&self, id: StreamId) -> (usize, usize) {
        let is_last = self.chunks.back().is_some_and(|chunk| chunk[0].id() <= id);
        let chunk = match is_last {
            true => self.chunks.len() - 1,
            false => self.chunks.partition_point(|chunk| chunk[0].id() <= id).saturating_sub(1),
        };
        let at =
            self.chunks.get(chunk).map_or(0, |chunk| chunk.partition_point(|item| item.id() < id));
        (chunk, at)
    }

    /// The one with this ID.
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<&T> {
        let (chunk, at) = self.locate(id);
        self.chunks.get(chunk)?.get(at).filter(|item| item.id() == id)
    }

    /// The one with this ID, to be changed, but not its ID.
    pub fn get_mut(&mut self, id: StreamId) -> Option<&mut T> {
        self.get(id)?;
        let (chunk, at) = self.locate(id);
        Arc::make_mut(self.chunks.get_mut(chunk)?).get_mut(at)
    }

    /// The first.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.chunks.front()?.first()
    }

    /// The last.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.chunks.back()?.last()
    }

    /// The last, to be changed, but not its ID.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        Arc::make_mut(self.chunks.back_mut()?).last_mut()
    }

    /// The last one whose ID is not above this one.
    #[must_use]
    pub fn floor(&self, id: StreamId) -> Option<&T> {
        self.iter_back(id).next()
    }

    /// Adds one; the one with the same ID that was there is returned.
    pub fn insert(&mut self, item: T) -> Option<T> {
        let (chunk, at) = self.locate(item.id());
        let is_last = chunk + 1 == self.chunks.len();
        let Some(shared) = self.chunks.get_mut(chunk) else {
            self.push_chunk(item);
            return None;
        };
        let is_end = at == shared.len();
        if shared.get(at).is_some_and(|old| old.id() == item.id()) {
            return Some(core::mem::replace(&mut Arc::make_mut(shared)[at], item));
        }
        if shared.len() < CHUNK_MAX {
            Arc::make_mut(shared).insert(at, item);
            self.len += 1;
            return None;
        }
        if is_end && is_last {
            self.push_chunk(item);
            return None;
        }
        let upper = Arc::make_mut(shared).split_off(CHUNK_MAX / 2);
        self.chunks.insert(chunk + 1, Arc::new(upper));
        self.insert(item)
    }

    fn push_chunk(&mut self, item: T) {
        let mut chunk = Vec::with_capacity(4);
        chunk.push(item);
        self.chunks.push_back(Arc::new(chunk));
        self.len += 1;
    }

    /// Takes the one with this ID out.
    pub fn remove(&mut self, id: StreamId) -> Option<T> {
        self.get(id)?;
        let (chunk, at) = self.locate(id);
        let items = Arc::make_mut(&mut self.chunks[chunk]);
        let item = items.remove(at);
        let left = items.len();
        self.len -= 1;
        if left == 0 {
            self.chunks.remove(chunk);
        } else if left < CHUNK_MIN {
            self.join(chunk);
        }
        Some(item)
    }

    /// Joins a small chunk with the one behind it, if both together are not large.
    fn join(&mut self, chunk: usize) {
        let Some(next) = self.chunks.get(chunk + 1) else { return };
        if self.chunks[chunk].len() + next.len() > CHUNK_MAX / 2 {
            return;
        }
        let next = self.chunks.remove(chunk + 1);
        let items = Arc::make_mut(&mut self.chunks[chunk]);
        items.extend(next.iter().flat_map(|next| next.iter().cloned()));
    }

    /// Those from this ID on.
    pub fn iter_from(&self, id: StreamId) -> impl Iterator<Item = &T> + Clone {
        let (chunk, at) = self.locate(id);
        let mut place = (chunk, at);
        core::iter::from_fn(move || {
            loop {
                let chunk = self.chunks.get(place.0)?;
                if let Some(item) = chunk.get(place.1) {
                    place.1 += 1;
                    return Some(item);
                }
                place = (place.0 + 1, 0);
            }
        })
    }

    /// Those up to this ID, from the last to the first.
    pub fn iter_back(&self, id: StreamId) -> impl Iterator<Item = &T> + Clone {
        let (mut chunk, at) = self.locate(id);
        let is_there = self.chunks.get(chunk).and_then(|items| items.get(at));
        let mut end = at + usize::from(is_there.is_some_and(|item| item.id() == id));
        core::iter::from_fn(move || {
            while end == 0 {
                chunk = chunk.checked_sub(1)?;
                end = self.chunks[chunk].len();
            }
            end -= 1;
            self.chunks.get(chunk)?.get(end)
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.iter_from(StreamId::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::{prop, prop_assert_eq, proptest};

    fn id(number: u16) -> StreamId {
        StreamId { ms: u64::from(number / 7), seq: u64::from(number % 7) }
    }

    fn check(row: &Row<StreamId>, model: &BTreeSet<StreamId>, at: StreamId) {
        assert_eq!(row.len(), model.len());
        assert!(row.iter().eq(model.iter()));
        assert!(row.iter_from(at).eq(model.range(at..)));
        assert!(row.iter_back(at).eq(model.range(..=at).rev()));
        assert_eq!(row.floor(at), model.range(..=at).next_back());
        assert_eq!((row.first(), row.last()), (model.first(), model.last()));
        assert_eq!(row.get(at), model.get(&at));
    }

    proptest! {
        #[test]
        fn it_is_a_sorted_set(
            steps in prop::collection::vec((0..3_u8, 0..900_u16), 0..1500),
            at in 0..900_u16,
        ) {
            let (mut row, mut model) = (Row::default(), BTreeSet::new());
            let (mut shared, mut then) = (row.clone(), model.clone());
            for (number, (step, item)) in steps.into_iter().enumerate() {
                if number == 700 {
                    (shared, then) = (row.clone(), model.clone());
                }
                if step == 0 {
                    prop_assert_eq!(row.remove(id(item)).is_some(), model.remove(&id(item)));
                } else {
                    prop_assert_eq!(row.insert(id(item)).is_none(), model.insert(id(item)));
                }
            }
            check(&row, &model, id(at));
            check(&shared, &then, id(at));
        }

        #[test]
        fn what_is_added_in_order_and_taken_from_the_front(
            len in 0..1000_u16,
            taken in 0..1000_u16,
        ) {
            let mut row = Row::default();
            (0..len).for_each(|number| assert!(row.insert(id(number)).is_none()));
            (0..taken.min(len)).for_each(|number| assert!(row.remove(id(number)).is_some()));
            let model: BTreeSet<_> = (taken.min(len)..len).map(id).collect();
            check(&row, &model, id(taken));
        }
    }
}
