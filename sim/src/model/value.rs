//! Values: one plain collection of the standard library for each type.

use core::hash::Hasher;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Fields of a hash, their values and their deadlines in ms since 1970.
pub type Fields = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    String(Vec<u8>),
    /// A list, first to last.
    List(VecDeque<Vec<u8>>),
    /// A hash.
    Hash(Fields),
    /// A set.
    Set(BTreeSet<Vec<u8>>),
    /// A sorted set: members and scores.
    SortedSet(BTreeMap<Vec<u8>, f64>),
    /// A value of a type that has no model: its type and a digest.
    Opaque(&'static str, Vec<u8>),
}

impl Value {
    /// What TYPE answers.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Hash(_) => "hash",
            Self::Set(_) => "set",
            Self::SortedSet(_) => "zset",
            Self::Opaque(name, _) => name,
        }
    }

    /// The string, if it is one.
    #[must_use]
    pub fn into_string(self) -> Option<Vec<u8>> {
        if let Self::String(bytes) = self { Some(bytes) } else { None }
    }

    /// The list, if it is one.
    #[must_use]
    pub fn into_list(self) -> Option<VecDeque<Vec<u8>>> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// The hash, if it is one.
    #[must_use]
    pub fn into_hash(self) -> Option<Fields> {
        if let Self::Hash(hash) = self { Some(hash) } else { None }
    }

    /// The set, if it is one.
    #[must_use]
    pub fn into_set(self) -> Option<BTreeSet<Vec<u8>>> {
        if let Self::Set(set) = self { Some(set) } else { None }
    }

    /// The sorted set, if it is one.
    #[must_use]
    pub fn into_sorted_set(self) -> Option<BTreeMap<Vec<u8>, f64>> {
        if let Self::SortedSet(set) = self { Some(set) } else { None }
    }

    /// Feeds everything that two values may differ in.
    pub(super) fn feed(&self, hasher: &mut impl Hasher) {
        let mut text = |bytes: &[u8]| {
            hasher.write_u64(bytes.len() as u64);
            hasher.write(bytes);
        };
        text(self.type_name().as_bytes());
        match self {
            Self::String(bytes) | Self::Opaque(_, bytes) => text(bytes),
            Self::List(list) => list.iter().for_each(|element| text(element)),
            Self::Set(set) => set.iter().for_each(|member| text(member)),
            Self::Hash(hash) => hash.iter().for_each(|(field, (value, deadline))| {
                text(field);
                text(value);
                text(&deadline.unwrap_or(0).to_le_bytes());
            }),
            Self::SortedSet(set) => set.iter().for_each(|(member, score)| {
                text(member);
                // There are two zeros, which are equal.
                text(&(score + 0.0).to_bits().to_le_bytes());
            }),
        }
    }
}
