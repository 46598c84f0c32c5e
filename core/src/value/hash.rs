//! Hashs: fields with values.

use super::pack::{Pack, Shape};

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

impl Hash {
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
