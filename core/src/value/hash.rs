//! Hashs: fields with values.

use alloc::boxed::Box;

use super::pack::{Pack, Shape};
use super::walk::Walk;
use super::{Thresholds, listpack};
use crate::keyspace::KeyHasher;

/// A hash.
#[derive(Clone, Debug)]
pub enum Hash {
    /// A small one.
    Pack(Pack),
}

/// A hash read in place.
#[derive(Clone, Copy, Debug)]
pub enum HashView<'a> {
    /// The bytes of a pack.
    Pack(&'a [u8]),
}

impl Default for Hash {
    fn default() -> Self {
        Self::Pack(Pack::empty(Shape::Hash))
    }
}

impl Hash {
    /// Adds a field, with a deadline in ms since 1970 or without; false when it was there.
    pub fn insert(
        &mut self,
        field: &[u8],
        value: &[u8],
        _expire_at_ms: Option<u64>,
        _thresholds: &Thresholds,
        _hasher: KeyHasher,
    ) -> bool {
        let Self::Pack(pack) = self;
        if pack.listpack().find(field, 2).is_some() {
            return false;
        }
        listpack::push_back(pack.make_mut(), field);
        listpack::push_back(pack.make_mut(), value);
        true
    }

    /// The first deadline of its fields, in ms since 1970; perhaps too low.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        None
    }

    /// Whether it has no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self::Pack(pack) = self;
        pack.listpack().is_empty()
    }

    /// A walk over a large one, and the number of its fields.
    #[must_use]
    pub fn walk(&self) -> Option<(Box<dyn Walk>, usize)> {
        None
    }

    /// Whether a pack of this shape is a hash.
    pub(crate) fn has_shape(shape: Shape) -> bool {
        matches!(shape, Shape::Hash | Shape::HashTtl)
    }

    /// The pack, if it is a small one.
    #[must_use]
    pub fn pack(&self) -> Option<&Pack> {
        let Self::Pack(pack) = self;
        Some(pack)
    }

    /// It, to be read.
    #[must_use]
    pub fn view(&self) -> HashView<'_> {
        let Self::Pack(pack) = self;
        HashView::Pack(pack.bytes())
    }

    /// Bytes that it holds outside of itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let Self::Pack(pack) = self;
        pack.heap_bytes()
    }

    /// The name of a large one's encoding, as OBJECT ENCODING answers it.
    #[must_use]
    pub fn encoding_name(&self) -> &'static str {
        self.pack().map_or("unknown", |pack| pack.shape().encoding_name())
    }
}
