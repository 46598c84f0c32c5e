//! Aggregates in the making, element by element, as they are read from a file or a payload.

use super::open::Making;
use crate::value::listpack::Element;
use crate::value::{FIELD_DEADLINE_MAX, Hash, List, Set, SortedSet, Value};

/// An aggregate in the making.
#[derive(Debug)]
pub(super) enum Build {
    List(List, Making),
    Set(Set, Making),
    Hash(Hash, Making),
    SortedSet(SortedSet, Making),
}

const TWICE: &str = "a member is there twice";

impl Build {
    pub(super) fn list(making: &Making) -> Self {
        Self::List(List::default(), *making)
    }

    pub(super) fn set(making: &Making) -> Self {
        Self::Set(Set::default(), *making)
    }

    pub(super) fn hash(making: &Making) -> Self {
        Self::Hash(Hash::default(), *making)
    }

    pub(super) fn sorted_set(making: &Making) -> Self {
        Self::SortedSet(SortedSet::default(), *making)
    }

    /// Adds an element of a list or a member of a set.
    pub(super) fn one(&mut self, element: Element<'_>) -> Result<(), &'static str> {
        let mut digits = itoa::Buffer::new();
        let text = element.bytes(&mut digits);
        match self {
            Self::List(list, making) => {
                list.push_back(text, &making.thresholds);
                Ok(())
            }
            Self::Set(set, making) => {
                let is_new = set.insert(text, &making.thresholds, making.hasher);
                is_new.then_some(()).ok_or(TWICE)
            }
            Self::Hash(..) | Self::SortedSet(..) => Err("a field has no value"),
        }
    }

    /// Adds a field.
    pub(super) fn pair(
        &mut self,
        field: Element<'_>,
        value: Element<'_>,
        expire_at_ms: Option<u64>,
    ) -> Result<(), &'static str> {
        let Self::Hash(hash, making) = self else { return Err("this is no hash") };
        // Valkey has deadlines that are later than those that HPEXPIREAT takes.
        let expire_at_ms = expire_at_ms.map(|at_ms| at_ms.clamp(1, FIELD_DEADLINE_MAX));
        let (mut first, mut second) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (field, value) = (field.bytes(&mut first), value.bytes(&mut second));
        let is_new = hash.insert(field, value, expire_at_ms, &making.thresholds, making.hasher);
        is_new.then_some(()).ok_or(TWICE)
    }

    /// Adds a member with its score.
    pub(super) fn scored(&mut self, member: Element<'_>, score: f64) -> Result<(), &'static str> {
        let Self::SortedSet(set, making) = self else { return Err("this is no sorted set") };
        if score.is_nan() {
            return Err("a score is not a number");
        }
        let mut digits = itoa::Buffer::new();
        let is_new =
            set.insert(member.bytes(&mut digits), score, &making.thresholds, making.hasher);
        is_new.then_some(()).ok_or(TWICE)
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::List(list, _) => list.is_empty(),
            Self::Set(set, _) => set.is_empty(),
            Self::Hash(hash, _) => hash.is_empty(),
            Self::SortedSet(set, _) => set.is_empty(),
        }
    }

    /// The aggregate.
    pub(super) fn finish(self) -> Value {
        match self {
            Self::List(list, _) => Value::List(list),
            Self::Set(set, _) => Value::Set(set),
            Self::Hash(hash, _) => Value::Hash(hash),
            Self::SortedSet(set, _) => Value::SortedSet(set),
        }
    }
}
