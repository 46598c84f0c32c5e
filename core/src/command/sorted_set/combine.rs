//! Sorted sets and sets put together: unions, intersections, differences of scored members.
//!
//! A union goes once over every input and keeps what it found in a table of hashes. The members of
//! one input are all different, so the first needs no look-up, and what is new in the last need not
//! be entered: of two inputs the table holds the smaller only. An intersection walks the smallest
//! input and looks its members up in the others, a difference walks the first one. What comes out
//! is in order of scores and names, ready to be answered or stored.
//!
//! The hard case is what is no number. A score times its weight may be one (infinity times 0) and
//! so may be a sum (of two infinities); both count as 0. But a product that is compared by MIN or
//! MAX loses against any number, as in Redis.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::command::aggregate::Typed;
use crate::keyspace::{KeyHasher, ValueRef};
use crate::value::listpack::Element;
use crate::value::{Set, SetView, SortedSet, SortedSetView};

/// A member with its score.
pub(in crate::command) type Item<'a> = (Element<'a>, f64);

/// What becomes of the scores of a member that several inputs have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Aggregate {
    /// Their sum.
    #[default]
    Sum,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

impl Aggregate {
    fn of(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Sum => number_or_zero(one + other),
            Self::Min if other < one => other,
            Self::Max if other > one => other,
            Self::Min | Self::Max => one,
        }
    }
}

fn number_or_zero(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value }
}

/// A sorted set, or a set, whose members have the score 1.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// A sorted set.
    Sorted(SortedSetView<'a>),
    /// A set.
    Set(SetView<'a>),
}

impl<'a> Source<'a> {
    /// The source that a value is; `None` of another type.
    pub(super) fn of(value: ValueRef<'a>) -> Option<Self> {
        let sorted = <SortedSet as Typed>::view(value).map(Self::Sorted);
        sorted.or_else(|| <Set as Typed>::view(value).map(Self::Set))
    }

    fn len(self) -> usize {
        match self {
            Self::Sorted(set) => set.len(),
            Self::Set(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Sorted(set) => set.score(member),
            Self::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Calls `each` with every member until it wants no more.
    fn walk(self, mut each: impl FnMut(Element<'a>, f64) -> bool) {
        match self {
            Self::Sorted(set) => {
                set.iter_from(0).all(|(member, score)| each(member, score));
            }
            Self::Set(set) => {
                set.members().all(|member| each(member, 1.0));
            }
        }
    }
}

/// One input of a union, an intersection or a difference.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    /// What it is; nothing for a key that does not exist.
    pub(super) source: Option<Source<'a>>,
    /// What its scores are multiplied with.
    pub(super) weight: f64,
}

impl Input<'_> {
    fn len(&self) -> usize {
        self.source.map_or(0, Source::len)
    }

    fn weighed(&self, score: f64) -> f64 {
        // Most weights are 1, and a product with 1 is what it was.
        number_or_zero(self.weight * score)
    }
}

/// The members that any of the inputs has, in order.
pub(super) fn union<'a>(
    mut inputs: Vec<Input<'a>>,
    aggregate: Aggregate,
    hasher: KeyHasher,
) -> Vec<Item<'a>> {
    inputs.retain(|input| input.len() > 0);
    inputs.sort_by_key(Input::len);
    let Some((last, others)) = inputs.split_last() else { return Vec::new() };
    let entered = others.iter().map(Input::len).sum();
    let mut union = Union::with_room(entered, last.len(), hasher);
    for (number, input) in inputs.iter().enumerate() {
        let (is_first, is_last) = (number == 0, number == others.len());
        let Some(source) = input.source else { continue };
        source.walk(|member, score| {
            union.add(member, input.weighed(score), aggregate, is_first, is_last);
            true
        });
    }
    sorted(union.items)
}

/// A union in the making.
struct Union<'a> {
    items: Vec<Item<'a>>,
    /// The upper half of a member's hash, and the number of its item, which begin with 1.
    slots: Vec<u64>,
    hasher: KeyHasher,
}

impl<'a> Union<'a> {
    fn with_room(entered: usize, last: usize, hasher: KeyHasher) -> Self {
        let slots = (entered * 2).next_power_of_two().max(2);
        Self { items: Vec::with_capacity(entered + last), slots: vec![0; slots], hasher }
    }

    fn add(
        &mut self,
        member: Element<'a>,
        score: f64,
        aggregate: Aggregate,
        is_first: bool,
        is_last: bool,
    ) {
        if is_first && is_last {
            return self.items.push((member, score));
        }
        let hash = self.hasher.hash(member.bytes(&mut itoa::Buffer::new()));
        let tag = hash & TAG;
        let mut at = hash as usize & (self.slots.len() - 1);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                break;
            }
            if !is_first && slot & TAG == tag {
                let item = &mut self.items[(slot as u32 - 1) as usize];
                if compare_members(&item.0, &member).is_eq() {
                    item.1 = aggregate.of(item.1, score);
                    return;
                }
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.items.push((member, score));
        if !is_last {
            self.slots[at] = tag | self.items.len() as u64;
        }
    }
}

/// The bits of a slot that are of a hash.
const TAG: u64 = !(u32::MAX as u64);

/// The members that all inputs have, in order.
pub(super) fn intersection(mut inputs: Vec<Input<'_>>, aggregate: Aggregate) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    walk_common(&mut inputs, |inputs, member, score| {
        let mut score = number_or_zero(inputs[0].weight * score);
        let mut digits = itoa::Buffer::new();
        let text = member.bytes(&mut digits);
        for input in &inputs[1..] {
            let Some(other) = input.source.and_then(|source| source.score(text)) else {
                return true;
            };
            score = aggregate.of(score, other * input.weight);
        }
        items.push((member, score));
        true
    });
    sorted(items)
}

/// How many members all inputs have; it stops at `limit`, unless that is 0.
pub(super) fn intersection_len(mut inputs: Vec<Input<'_>>, limit: usize) -> usize {
    let mut count = 0;
    walk_common(&mut inputs, |inputs, member, _| {
        let mut digits = itoa::Buffer::new();
        let text = member.bytes(&mut digits);
        let has = |input: &Input<'_>| input.source.and_then(|source| source.score(text)).is_some();
        count += usize::from(inputs[1..].iter().all(has));
        count != limit || limit == 0
    });
    count
}

/// Walks the smallest input, which `each` finds as the first; not at all if one is empty.
fn walk_common<'a>(
    inputs: &mut [Input<'a>],
    mut each: impl FnMut(&[Input<'a>], Element<'a>, f64) -> bool,
) {
    inputs.sort_by_key(Input::len);
    if let Some(Input { source: Some(smallest), .. }) = inputs.first() {
        smallest.walk(|member, score| each(inputs, member, score));
    }
}

/// The members of the first input that no other has, in order.
pub(super) fn difference(inputs: Vec<Input<'_>>) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let Some((Input { source: Some(first), .. }, others)) = inputs.split_first() else {
        return items;
    };
    first.walk(|member, score| {
        let mut digits = itoa::Buffer::new();
        let text = member.bytes(&mut digits);
        let has = |input: &Input<'_>| input.source.and_then(|source| source.score(text)).is_some();
        if !others.iter().any(has) {
            items.push((member, score));
        }
        true
    });
    sorted(items)
}

/// Members in order of scores and names.
pub(in crate::command) fn sorted(mut items: Vec<Item<'_>>) -> Vec<Item<'_>> {
    // Inputs are in order, so there are long runs, which this sort finds.
    items.sort_by(|one, other| {
        let by_score = one.1.partial_cmp(&other.1).unwrap_or(Ordering::Equal);
        by_score.then_with(|| compare_members(&one.0, &other.0))
    });
    items
}

fn compare_members(one: &Element<'_>, other: &Element<'_>) -> Ordering {
    match (one, other) {
        (Element::Text(one), Element::Text(other)) => one.cmp(other),
        _ => one.cmp_text(other.bytes(&mut itoa::Buffer::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Thresholds;
    use alloc::collections::BTreeMap;
    use alloc::format;
    use proptest::prelude::{Just, prop, prop_assert_eq, prop_oneof, proptest};
    use proptest::strategy::Strategy;

    type Model = BTreeMap<Vec<u8>, f64>;

    fn score() -> impl Strategy<Value = f64> {
        let small = (-4..4_i32).prop_map(|score| f64::from(score) / 2.0);
        prop_oneof![6 => small, 1 => Just(f64::INFINITY), 1 => Just(f64::NEG_INFINITY)]
    }

    fn input() -> impl Strategy<Value = (Vec<(u8, f64)>, f64, usize)> {
        (prop::collection::vec((0..40_u8, score()), 0..30), score(), 0..3_usize)
    }

    /// A value of each kind, and what is in it.
    fn made(members: &[(u8, f64)], kind: usize) -> (SortedSet, Option<Set>, Model) {
        let hasher = KeyHasher::new(1, 2);
        let entries = if kind == 1 { 2 } else { 128 };
        let thresholds = Thresholds { zset_entries: entries, ..Thresholds::default() };
        let (mut sorted, mut set, mut model) = (SortedSet::default(), Set::default(), Model::new());
        for (number, score) in members {
            let is_number = number % 2 == 0;
            let name = if is_number { format!("{number}") } else { format!("m{number}") };
            let score = if kind == 2 { 1.0 } else { *score };
            sorted.set(name.as_bytes(), score, &thresholds, hasher);
            set.insert(name.as_bytes(), &thresholds, hasher);
            model.insert(name.into_bytes(), score);
        }
        (sorted, (kind == 2).then_some(set), model)
    }

    fn texts(items: Vec<Item<'_>>) -> Vec<(Vec<u8>, f64)> {
        let text = |member: Element<'_>| member.bytes(&mut itoa::Buffer::new()).to_vec();
        items.into_iter().map(|(member, score)| (text(member), score)).collect()
    }

    fn in_order(model: Model) -> Vec<(Vec<u8>, f64)> {
        let mut items: Vec<_> = model.into_iter().collect();
        items.sort_by(|one, other| {
            one.1.partial_cmp(&other.1).unwrap().then_with(|| one.0.cmp(&other.0))
        });
        items
    }

    proptest! {
        #[test]
        fn they_are_as_one_would_do_it_by_hand(
            given in prop::collection::vec(input(), 1..4),
            aggregate in prop_oneof![
                Just(Aggregate::Sum), Just(Aggregate::Min), Just(Aggregate::Max)
            ],
        ) {
            let values: Vec<_> =
                given.iter().map(|(members, _, kind)| made(members, *kind)).collect();
            let inputs = || values.iter().zip(&given).map(|((sorted, set, _), (_, weight, _))| {
                let set = set.as_ref().map(|set| Source::Set(set.view()));
                let source = Some(set.unwrap_or_else(|| Source::Sorted(sorted.view())));
                Input { source, weight: *weight }
            }).collect::<Vec<_>>();
            let mut order: Vec<_> = values.iter().zip(&given).collect();
            order.sort_by_key(|((_, _, model), _)| model.len());
            let (mut any, mut common) = (Model::new(), Model::new());
            for (number, ((_, _, model), (_, weight, _))) in order.iter().enumerate() {
                for (member, score) in model {
                    let product = score * weight;
                    let clean = if product.is_nan() { 0.0 } else { product };
                    let old = any.get(member).copied();
                    any.insert(member.clone(), old.map_or(clean, |old| aggregate.of(old, clean)));
                    if number == 0 {
                        common.insert(member.clone(), clean);
                    } else if let Some(old) = common.get_mut(member) {
                        *old = aggregate.of(*old, product);
                    }
                }
                common.retain(|member, _| model.contains_key(member));
            }
            let first = values[0].2.clone();
            let is_elsewhere = |name: &Vec<u8>| {
                values[1..].iter().any(|(_, _, model)| model.contains_key(name))
            };
            let rest: Model = first.into_iter().filter(|(name, _)| !is_elsewhere(name)).collect();
            prop_assert_eq!(intersection_len(inputs(), 0), common.len());
            prop_assert_eq!(intersection_len(inputs(), 2), common.len().min(2));
            let found = union(inputs(), aggregate, KeyHasher::new(3, 4));
            prop_assert_eq!(texts(found), in_order(any));
            prop_assert_eq!(texts(intersection(inputs(), aggregate)), in_order(common));
            prop_assert_eq!(texts(difference(inputs())), in_order(rest));
        }
    }
}
