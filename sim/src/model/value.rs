//! Values: one plain collection of the standard library for each type.

use core::hash::Hasher;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::mixer::Mixer;
use super::streams::Stream;

/// Elements of a list, first to last.
pub type List = VecDeque<Vec<u8>>;

/// Fields of a hash, their values and their deadlines in ms since 1970.
pub type Fields = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

/// Members of a set.
pub type Set = BTreeSet<Vec<u8>>;

/// Members of a sorted set and their scores.
pub type Scores = BTreeMap<Vec<u8>, f64>;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    String(Vec<u8>),
    /// A list, first to last.
    List(List),
    /// A hash.
    Hash(Fields),
    /// A set.
    Set(Set),
    /// A sorted set: members and scores.
    SortedSet(Scores),
    /// A stream.
    Stream(Stream),
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
            Self::Stream(_) => "stream",
            Self::Opaque(name, _) => name,
        }
    }

    /// Whether a field of it has a deadline.
    #[must_use]
    pub fn has_deadlines(&self) -> bool {
        matches!(self, Self::Hash(hash) if hash.values().any(|(_, of)| of.is_some()))
    }

    /// The string, if it is one.
    #[must_use]
    pub fn into_string(self) -> Option<Vec<u8>> {
        if let Self::String(bytes) = self { Some(bytes) } else { None }
    }

    /// Feeds everything that two values may differ in, but for deadlines of fields, which it
    /// returns.
    pub(super) fn feed(&self, hasher: &mut impl Hasher) -> Deadlines {
        let mut deadlines = Deadlines::default();
        let mut text = |bytes: &[u8]| {
            hasher.write_u64(bytes.len() as u64);
            hasher.write(bytes);
        };
        text(self.type_name().as_bytes());
        match self {
            Self::String(bytes) | Self::Opaque(_, bytes) => text(bytes),
            Self::Stream(stream) => stream.feed(&mut text),
            Self::List(list) => list.iter().for_each(|element| text(element)),
            Self::Set(set) => set.iter().for_each(|member| text(member)),
            Self::Hash(hash) => hash.iter().enumerate().for_each(|(at, (field, (value, of)))| {
                text(field);
                text(value);
                of.iter().for_each(|&of| deadlines.add(at, of));
            }),
            Self::SortedSet(set) => set.iter().for_each(|(member, score)| {
                text(member);
                // There are two zeros, which are equal.
                text(&(score + 0.0).to_bits().to_le_bytes());
            }),
        }
        deadlines
    }
}

/// What the fields of a hash have of deadlines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deadlines {
    /// The first.
    pub(super) first_ms: Option<u64>,
    /// All of them, and whose they are.
    pub(super) digest: u64,
}

impl Deadlines {
    /// The field that comes at `at` has one.
    fn add(&mut self, at: usize, of_ms: u64) {
        self.first_ms = Some(self.first_ms.map_or(of_ms, |first_ms| first_ms.min(of_ms)));
        let mut mixer = Mixer::default();
        [self.digest, at as u64, of_ms].into_iter().for_each(|word| mixer.write_u64(word));
        self.digest = mixer.finish();
    }
}

/// What a type of aggregates is, for a command that wants this type and no other.
pub(super) trait Kind: Default {
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn wrap(self) -> Value;
    fn is_nothing(&self) -> bool;
}

macro_rules! kind {
    ($type:ty, $variant:ident) => {
        kind!($type, $variant, <$type>::is_empty);
    };
    ($type:ty, $variant:ident, $is_nothing:expr) => {
        impl Kind for $type {
            fn of(value: &Value) -> Option<&Self> {
                if let Value::$variant(it) = value { Some(it) } else { None }
            }

            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                if let Value::$variant(it) = value { Some(it) } else { None }
            }

            fn wrap(self) -> Value {
                Value::$variant(self)
            }

            fn is_nothing(&self) -> bool {
                $is_nothing(self)
            }
        }
    };
}

kind!(List, List);
kind!(Fields, Hash);
kind!(Set, Set);
kind!(Scores, SortedSet);
// An empty stream is there all the same.
kind!(Stream, Stream, |_: &Stream| false);
