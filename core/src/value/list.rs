//! Lists: its elements in order.

use super::pack::{Pack, Shape};

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

impl List {
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
