//! Packs: small aggregates as one run of bytes, in their record or in a buffer of their own.
//!
//! Its first byte says its [`Shape`]. A pack of up to 255 bytes lies in its key's record and costs
//! nothing else; a larger one is a counted buffer, so that a snapshot can share it. Whoever changes
//! a pack sees a vector either way (see `Ctx::change`): that of the buffer, or one that the server
//! keeps for the purpose.

use alloc::vec::Vec;

use triomphe::Arc;

use super::listpack::{self, Listpack};

/// What the bytes of a pack are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A list: its elements as a listpack.
    List,
    /// A hash: fields and values in turns, as a listpack.
    Hash,
    /// A hash with deadlines of fields: field, value and deadline in ms since 1970 (0 for none) in
    /// turns, as a listpack.
    HashTtl,
    /// A set: its members as a listpack.
    Set,
    /// A set of integers: the bytes of one (2, 4 or 8), a zero byte, then all in order,
    /// little-endian.
    Intset,
    /// A sorted set: members and scores in turns in order of the scores, as a listpack.
    SortedSet,
}

impl Shape {
    /// The first byte of such a pack.
    #[must_use]
    pub const fn tag(self) -> u8 {
        self as u8
    }

    /// The name that OBJECT ENCODING answers.
    #[must_use]
    pub fn encoding_name(self) -> &'static str {
        match self {
            Self::Intset => "intset",
            Self::HashTtl => "listpackex",
            _ => "listpack",
        }
    }

    /// The name that TYPE answers.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Hash | Self::HashTtl => "hash",
            Self::Set | Self::Intset => "set",
            Self::SortedSet => "zset",
        }
    }

    /// The bytes of such a pack without elements.
    #[must_use]
    pub const fn empty(self) -> [u8; listpack::HEAD_BYTES] {
        match self {
            Self::Intset => [self.tag(), 2, 0],
            _ => listpack::empty(self.tag()),
        }
    }

    /// The shape of a pack's bytes.
    #[inline]
    #[must_use]
    pub fn of(pack: &[u8]) -> Self {
        const SHAPES: [Shape; 6] =
            [Shape::List, Shape::Hash, Shape::HashTtl, Shape::Set, Shape::Intset, Shape::SortedSet];
        SHAPES[pack[0] as usize]
    }
}

/// A pack in a counted buffer.
#[derive(Clone, Debug)]
pub struct Pack(Arc<Vec<u8>>);

impl Pack {
    /// A pack of these bytes, the shape's included.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }

    /// A pack without elements.
    #[must_use]
    pub fn empty(shape: Shape) -> Self {
        Self::new(shape.empty().to_vec())
    }

    /// What its bytes are.
    #[must_use]
    pub fn shape(&self) -> Shape {
        Shape::of(&self.0)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as a listpack, which all shapes but intsets are.
    #[must_use]
    pub fn listpack(&self) -> Listpack<'_> {
        Listpack::new(&self.0)
    }

    /// The bytes, to be changed; copied first if a snapshot shares them.
    pub fn make_mut(&mut self) -> &mut Vec<u8> {
        Arc::make_mut(&mut self.0)
    }

    /// Bytes that it holds outside of itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.len() + size_of::<Vec<u8>>() + size_of::<usize>()
    }
}
