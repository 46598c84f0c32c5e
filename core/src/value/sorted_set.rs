//! SortedSets: members with scores.

use super::pack::{Pack, Shape};

/// A sorted set.
#[derive(Clone, Debug)]
pub enum SortedSet {
    /// A small one.
    Pack(Pack),
}

/// A sorted set read in place.
#[derive(Clone, Copy, Debug)]
pub enum SortedSetView<'a> {
    /// The bytes of a pack.
    Pack(&'a [u8]),
}

impl SortedSet {
    /// Whether a pack of this shape is a sorted set.
    pub(crate) fn has_shape(shape: Shape) -> bool {
        matches!(shape, Shape::SortedSet)
    }

    /// The pack, if it is a small one.
    #[must_use]
    pub fn pack(&self) -> Option<&Pack> {
        let Self::Pack(pack) = self;
        Some(pack)
    }

    /// It, to be read.
    #[must_use]
    pub fn view(&self) -> SortedSetView<'_> {
        let Self::Pack(pack) = self;
        SortedSetView::Pack(pack.bytes())
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
