//! Aggregates in the format: the number of their type, and packs.
//!
//! A pack is one string: Redis's own listpack or intset, which it takes as it is.

use alloc::vec::Vec;

use super::encode::{self, Encoder};
use super::format::{TYPE_STRING, kind};
use crate::keyspace::ValueRef;
use crate::value::listpack::Listpack;
use crate::value::pack::Shape;
use crate::value::{Value, intset};

/// How a list's node is stored: as a listpack.
const NODE_PACKED: usize = 2;

/// The number of a value's type.
pub(super) fn type_number(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::String(_) | ValueRef::Int(_) | ValueRef::Object(Value::String(_)) => TYPE_STRING,
        ValueRef::Pack(pack) => pack_type(Shape::of(pack)),
        ValueRef::Object(_) => unreachable!("every aggregate is a pack so far"),
    }
}

fn pack_type(shape: Shape) -> u8 {
    match shape {
        Shape::List => kind::LIST_QUICKLIST_2,
        Shape::Hash => kind::HASH_LISTPACK,
        Shape::HashTtl => kind::HASH_LISTPACK_EX,
        Shape::Set => kind::SET_LISTPACK,
        Shape::Intset => kind::SET_INTSET,
        Shape::SortedSet => kind::ZSET_LISTPACK,
    }
}

impl Encoder {
    /// Writes the bytes of a pack as a value.
    pub(super) fn pack(&mut self, out: &mut Vec<u8>, pack: &[u8]) {
        let mut blob = Vec::with_capacity(pack.len() + 8);
        match Shape::of(pack) {
            Shape::Intset => intset::to_redis(pack, &mut blob),
            _ => Listpack::new(pack).to_redis(&mut blob),
        }
        if Shape::of(pack) == Shape::List {
            encode::length(out, 1);
            encode::length(out, NODE_PACKED);
        }
        self.string(out, &blob);
    }
}
