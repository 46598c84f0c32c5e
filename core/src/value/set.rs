//! Sets: members.

use alloc::boxed::Box;

use super::pack::{Pack, Shape};
use super::walk::Walk;
use super::{Thresholds, listpack};
use crate::keyspace::KeyHasher;

/// A set.
#[derive(Clone, Debug)]
pub enum Set {
    /// A small one.
    Pack(Pack),
}

/// A set read in place.
#[derive(Clone, Copy, Debug)]
pub enum SetView<'a> {
    /// The bytes of a pack.
    Pack(&'a [u8]),
}

impl Default for Set {
    fn default() -> Self {
        Self::Pack(Pack::empty(Shape::Set))
    }
}

impl Set {
    /// Adds a member; false when it was there.
    pub fn insert(&mut self, member: &[u8], _thresholds: &Thresholds, _hasher: KeyHasher) -> bool {
        let Self::Pack(pack) = self;
        if pack.listpack().find(member, 1).is_some() {
            return false;
        }
        listpack::push_back(pack.make_mut(), member);
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

    /// Whether a pack of this shape is a set.
    pub(crate) fn has_shape(shape: Shape) -> bool {
        matches!(shape, Shape::Set | Shape::Intset)
    }

    /// The pack, if it is a small one.
    #[must_use]
    pub fn pack(&self) -> Option<&Pack> {
        let Self::Pack(pack) = self;
        Some(pack)
    }

    /// It, to be read.
    #[must_use]
    pub fn view(&self) -> SetView<'_> {
        let Self::Pack(pack) = self;
        SetView::Pack(pack.bytes())
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
