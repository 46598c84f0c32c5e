//! SortedSets: members with scores.

use alloc::boxed::Box;

use super::pack::{Pack, Shape};
use super::walk::Walk;
use super::{Thresholds, listpack, number};
use crate::keyspace::KeyHasher;

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

impl Default for SortedSet {
    fn default() -> Self {
        Self::Pack(Pack::empty(Shape::SortedSet))
    }
}

impl SortedSet {
    /// Adds a member with its score, which is a number; false when it was there.
    pub fn insert(
        &mut self,
        member: &[u8],
        score: f64,
        _thresholds: &Thresholds,
        _hasher: KeyHasher,
    ) -> bool {
        let Self::Pack(pack) = self;
        if pack.listpack().find(member, 2).is_some() {
            return false;
        }
        listpack::push_back(pack.make_mut(), member);
        listpack::push_back(pack.make_mut(), &number::format_f64(score));
        true
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self::Pack(pack) = self;
        pack.listpack().is_empty()
    }

    /// A walk over a large one, and the number of its members.
    #[must_use]
    pub fn walk(&self) -> Option<(Box<dyn Walk>, usize)> {
        None
    }

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
