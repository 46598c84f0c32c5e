//! Lists: its elements in order.

use alloc::boxed::Box;

use super::pack::{Pack, Shape};
use super::walk::Walk;
use super::{Thresholds, listpack};

/// A list.
#[derive(Clone, Debug)]
pub enum List {
    /// A small one.
    Pack(Pack),
}

/// A list read in place.
#[derive(Clone, Copy, Debug)]
pub enum ListView<'a> {
    /// The bytes of a pack.
    Pack(&'a [u8]),
}

impl Default for List {
    fn default() -> Self {
        Self::Pack(Pack::empty(Shape::List))
    }
}

impl List {
    /// Adds an element at the end.
    pub fn push_back(&mut self, element: &[u8], _thresholds: &Thresholds) {
        let Self::Pack(pack) = self;
        listpack::push_back(pack.make_mut(), element);
    }

    /// Whether it has no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self::Pack(pack) = self;
        pack.listpack().is_empty()
    }

    /// A walk over a large one, and the number of its chunks, or of its elements.
    #[must_use]
    pub fn walk(&self, _counts_elements: bool) -> Option<(Box<dyn Walk>, usize)> {
        None
    }

    /// Whether a pack of this shape is a list.
    pub(crate) fn has_shape(shape: Shape) -> bool {
        matches!(shape, Shape::List)
    }

    /// The pack, if it is a small one.
    #[must_use]
    pub fn pack(&self) -> Option<&Pack> {
        let Self::Pack(pack) = self;
        Some(pack)
    }

    /// It, to be read.
    #[must_use]
    pub fn view(&self) -> ListView<'_> {
        let Self::Pack(pack) = self;
        ListView::Pack(pack.bytes())
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
