//! Data types and their encodings: no RESP, no keyspace.

pub mod bitmap;
pub mod crc64;
mod double_text;
mod float_text;
pub mod geo;
pub mod glob;
mod hash;
pub mod hyperloglog;
pub mod intset;
pub mod lcs;
pub mod list;
pub mod listpack;
pub mod long_double;
pub mod lzf;
pub mod number;
pub mod pack;
pub mod quote;
mod set;
mod sorted_set;
pub mod stream;
mod thresholds;
pub mod walk;

use alloc::boxed::Box;
use bytes::Bytes;

pub use hash::{FIELD_DEADLINE_MAX, Hash, HashView, LiveHash};
pub use list::{List, ListView};
pub use set::{Set, SetView};
pub(crate) use sorted_set::warm_members;
pub use sorted_set::{SortedSet, SortedSetView, Tree};
pub use stream::Stream;
pub use thresholds::Thresholds;

use crate::keyspace::Db;
use pack::{Pack, Shape};
use walk::Walk;

/// A value that lies outside its record: a large string, or an aggregate.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string of any length.
    String(Bytes),
    /// A list.
    List(List),
    /// A hash.
    Hash(Hash),
    /// A set.
    Set(Set),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A stream.
    Stream(Stream),
}

/// What the members of a large aggregate are looked up in.
#[derive(Clone, Copy)]
pub(crate) enum Large<'a> {
    /// Of a set or a hash.
    Table(&'a Db),
    /// Of a sorted set.
    Tree(&'a Tree),
}

impl Large<'_> {
    /// Members.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Table(table) => table.len(),
            Self::Tree(tree) => tree.len(),
        }
    }
}

impl Value {
    /// The small aggregate that a pack is.
    #[must_use]
    pub fn of_pack(pack: Pack) -> Self {
        match pack.shape() {
            Shape::List => Self::List(List::Pack(pack)),
            Shape::Hash | Shape::HashTtl => Self::Hash(Hash::Pack(pack)),
            Shape::Set | Shape::Intset => Self::Set(Set::Pack(pack)),
            Shape::SortedSet => Self::SortedSet(SortedSet::Pack(pack)),
        }
    }

    /// The pack of a small aggregate.
    #[must_use]
    pub fn pack(&self) -> Option<&Pack> {
        match self {
            Self::String(_) | Self::Stream(_) => None,
            Self::List(list) => list.pack(),
            Self::Hash(hash) => hash.pack(),
            Self::Set(set) => set.pack(),
            Self::SortedSet(set) => set.pack(),
        }
    }

    /// The structure of a large aggregate in which members or fields are looked up.
    #[inline]
    pub(crate) fn large(&self) -> Option<Large<'_>> {
        match self {
            Self::Set(Set::Table(table)) | Self::Hash(Hash::Table(table)) => {
                Some(Large::Table(table))
            }
            Self::SortedSet(SortedSet::Tree(tree)) => Some(Large::Tree(tree)),
            _ => None,
        }
    }

    /// The pack of a small aggregate, or the value itself.
    ///
    /// # Errors
    ///
    /// The value, when it is no pack.
    pub fn into_pack(self) -> Result<Pack, Self> {
        match self {
            Self::List(List::Pack(pack))
            | Self::Hash(Hash::Pack(pack))
            | Self::Set(Set::Pack(pack))
            | Self::SortedSet(SortedSet::Pack(pack)) => Ok(pack),
            other => Err(other),
        }
    }

    /// A walk over a large aggregate, for whoever writes it elsewhere, and the number of its
    /// elements; of the chunks of a list, unless elements are counted. Packs, strings and streams
    /// have none.
    #[must_use]
    pub fn walk(&self, counts_elements: bool) -> Option<(Box<dyn Walk>, usize)> {
        match self {
            Self::String(_) | Self::Stream(_) => None,
            Self::List(list) => list.walk(counts_elements),
            Self::Hash(hash) => hash.walk(),
            Self::Set(set) => set.walk(),
            Self::SortedSet(set) => set.walk(),
        }
    }

    /// Bytes that the value holds outside of itself; at once, however large it is.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::String(bytes) => bytes.len(),
            Self::List(list) => list.heap_bytes(),
            Self::Hash(hash) => hash.heap_bytes(),
            Self::Set(set) => set.heap_bytes(),
            Self::SortedSet(set) => set.heap_bytes(),
            Self::Stream(stream) => stream.heap_bytes(),
        }
    }

    /// The string, to be changed or replaced; `None` for another type.
    pub fn string_mut(&mut self) -> Option<&mut Bytes> {
        match self {
            Self::String(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The name that TYPE answers.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Hash(_) => "hash",
            Self::Set(_) => "set",
            Self::SortedSet(_) => "zset",
            Self::Stream(_) => "stream",
        }
    }

    /// The name that OBJECT ENCODING answers for an aggregate.
    #[must_use]
    pub fn encoding_name(&self) -> &'static str {
        match self {
            Self::String(_) => "raw",
            Self::List(list) => list.encoding_name(),
            Self::Hash(hash) => hash.encoding_name(),
            Self::Set(set) => set.encoding_name(),
            Self::SortedSet(set) => set.encoding_name(),
            Self::Stream(_) => "stream",
        }
    }
}
