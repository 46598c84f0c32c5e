//! Sorted sets: members with scores, in the order of both.
//!
//! A small one is a pack: members and scores in turns, in order. A large one has its members in
//! chunks, which are in order, and an index from members to chunks ([`tree`]). Scores are numbers,
//! never NaN.

use alloc::boxed::Box;
use alloc::vec::Vec;

use triomphe::{Arc, HeaderSlice};

use super::listpack::{self, Element, Listpack};
use super::pack::{Pack, Shape};
use super::walk::{Part, Walk};
use super::{Thresholds, number};
use crate::keyspace::KeyHasher;
use crate::rng::Rng;

mod chunk;
mod index;
mod order;
mod tree;
mod warm;

pub use tree::Tree;
pub(crate) use warm::warm as warm_members;

/// A counted slice with its header, to change them: of a shared one those of a copy.
fn unshared<H: Copy, T: Copy>(shared: &mut Arc<HeaderSlice<H, [T]>>) -> &mut HeaderSlice<H, [T]> {
    if !shared.is_unique() {
        *shared = Arc::from_header_and_slice(shared.header, &shared.slice);
    }
    Arc::get_mut(shared).expect("what is not shared has one owner")
}

/// A sorted set.
#[derive(Clone, Debug)]
pub enum SortedSet {
    /// A small one.
    Pack(Pack),
    /// A large one.
    Tree(Arc<Tree>),
}

/// A sorted set read in place.
#[derive(Clone, Copy, Debug)]
pub enum SortedSetView<'a> {
    /// The bytes of a pack.
    Pack(&'a [u8]),
    /// A large one.
    Tree(&'a Tree),
}

impl Default for SortedSet {
    fn default() -> Self {
        Self::Pack(Pack::empty(Shape::SortedSet))
    }
}

impl SortedSet {
    /// Whether a pack of this shape is a sorted set.
    pub(crate) fn has_shape(shape: Shape) -> bool {
        matches!(shape, Shape::SortedSet)
    }

    /// The pack, if it is a small one.
    #[must_use]
    pub fn pack(&self) -> Option<&Pack> {
        match self {
            Self::Pack(pack) => Some(pack),
            Self::Tree(_) => None,
        }
    }

    /// It, to be read.
    #[must_use]
    pub fn view(&self) -> SortedSetView<'_> {
        match self {
            Self::Pack(pack) => SortedSetView::Pack(pack.bytes()),
            Self::Tree(tree) => SortedSetView::Tree(tree),
        }
    }

    /// Bytes that it holds outside of itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Pack(pack) => pack.heap_bytes(),
            Self::Tree(tree) => tree.bytes() + size_of::<Tree>(),
        }
    }

    /// The name of its encoding, as OBJECT ENCODING answers it.
    #[must_use]
    pub fn encoding_name(&self) -> &'static str {
        self.pack().map_or("skiplist", |pack| pack.shape().encoding_name())
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.view().len() == 0
    }

    /// A walk over a large one, and the number of its members.
    #[must_use]
    pub fn walk(&self) -> Option<(Box<dyn Walk>, usize)> {
        let Self::Tree(tree) = self else { return None };
        Some((Box::new(TreeWalk { tree: tree.clone(), next: 0 }), tree.len()))
    }

    /// One of these members, which are in order of scores and names, each once.
    #[must_use]
    pub fn from_sorted(
        items: &[(Element<'_>, f64)],
        thresholds: &Thresholds,
        hasher: KeyHasher,
    ) -> Self {
        let is_short =
            |(member, _): &(Element<'_>, f64)| member.len() <= thresholds.zset_value_bytes;
        if items.len() <= thresholds.zset_entries && items.iter().all(is_short) {
            return Self::Pack(pack_of_sorted(items));
        }
        Self::Tree(Arc::new(Tree::from_sorted(items, hasher)))
    }

    /// Adds a member with its score, which is a number; false when it was there.
    pub fn insert(
        &mut self,
        member: &[u8],
        score: f64,
        thresholds: &Thresholds,
        hasher: KeyHasher,
    ) -> bool {
        let is_new = self.view().score(member).is_none();
        if is_new {
            self.set(member, score, thresholds, hasher);
        }
        is_new
    }

    /// Sets the score of a member, which may be new.
    pub fn set(&mut self, member: &[u8], score: f64, thresholds: &Thresholds, hasher: KeyHasher) {
        let Self::Pack(pack) = self else {
            let Self::Tree(tree) = self else { return };
            return Arc::make_mut(tree).set(member, score);
        };
        if let Some(at) = pack.listpack().find(member, 2) {
            listpack::remove(pack.make_mut(), at, 2);
        }
        let is_small = pack.listpack().len() / 2 < thresholds.zset_entries
            && member.len() <= thresholds.zset_value_bytes;
        if is_small {
            insert_in_pack(pack.make_mut(), member, score);
        } else {
            self.make_tree(hasher).set(member, score);
        }
    }

    fn make_tree(&mut self, hasher: KeyHasher) -> &mut Tree {
        if let Self::Pack(_) = self {
            let mut tree = Tree::new(hasher);
            for (member, score) in self.view().iter_from(0) {
                tree.set(member.bytes(&mut itoa::Buffer::new()), score);
            }
            *self = Self::Tree(Arc::new(tree));
        }
        let Self::Tree(tree) = self else { unreachable!("it has just become a tree") };
        Arc::make_mut(tree)
    }

    /// Takes a member out; false when it was not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Pack(pack) => {
                let Some(at) = pack.listpack().find(member, 2) else { return false };
                listpack::remove(pack.make_mut(), at, 2);
                true
            }
            Self::Tree(tree) => {
                let is_there = tree.score(member).is_some();
                is_there && Arc::make_mut(tree).remove(member)
            }
        }
    }

    /// Takes out the members whose ranks begin with `rank`; at most `count`.
    pub fn remove_ranks(&mut self, rank: usize, count: usize) {
        let text = |member: Element<'_>| member.bytes(&mut itoa::Buffer::new()).to_vec();
        let members: Vec<Vec<u8>> =
            self.view().iter_from(rank).take(count).map(|(member, _)| text(member)).collect();
        members.iter().for_each(|member| {
            self.remove(member);
        });
    }
}

fn pack_of_sorted(items: &[(Element<'_>, f64)]) -> Pack {
    let mut bytes = Shape::SortedSet.empty().to_vec();
    let mut digits = itoa::Buffer::new();
    for (member, score) in items {
        listpack::push_back(&mut bytes, member.bytes(&mut digits));
        listpack::push_back(&mut bytes, &score_text(*score));
    }
    Pack::new(bytes)
}

/// A score as it stands in a pack. As in Redis there is no negative zero in it: what is integral is
/// stored as an integer.
fn score_text(score: f64) -> number::DoubleText {
    number::format_f64(if score == 0.0 { 0.0 } else { score })
}

fn insert_in_pack(pack: &mut Vec<u8>, member: &[u8], score: f64) {
    let mut at = Listpack::new(pack).first();
    while let Some(here) = at {
        let view = Listpack::new(pack);
        let value = view.end(here);
        let other = score_of(view.get(value));
        let is_after = other > score || other == score && view.get(here).cmp_text(member).is_gt();
        if is_after {
            break;
        }
        at = view.next(value);
    }
    let at = at.unwrap_or(pack.len());
    listpack::insert(pack, at, &score_text(score));
    listpack::insert(pack, at, member);
}

/// A score in a pack.
fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Int(score) => score as f64,
        Element::Text(text) => number::parse_f64(text).unwrap_or_default(),
    }
}

impl<'a> SortedSetView<'a> {
    /// Members.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Pack(pack) => Listpack::new(pack).len() / 2,
            Self::Tree(tree) => tree.len(),
        }
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    #[must_use]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Pack(pack) => {
                let view = Listpack::new(pack);
                let at = view.find(member, 2)?;
                Some(score_of(view.get(view.end(at))))
            }
            Self::Tree(tree) => tree.score(member),
        }
    }

    /// How many members are before this one.
    #[must_use]
    pub fn rank(self, member: &[u8]) -> Option<usize> {
        match self {
            Self::Pack(_) => {
                let wanted = Element::of(member);
                self.iter_from(0).position(|(member, _)| member == wanted)
            }
            Self::Tree(tree) => tree.rank(member),
        }
    }

    /// How many members are at the beginning for which `is_before` holds; it holds for none behind
    /// the first for which it does not.
    #[must_use]
    pub fn count_before(self, is_before: impl Fn(&[u8], f64) -> bool) -> usize {
        match self {
            Self::Pack(_) => {
                let mut digits = itoa::Buffer::new();
                let items = self.iter_from(0);
                items
                    .take_while(|(member, score)| is_before(member.bytes(&mut digits), *score))
                    .count()
            }
            Self::Tree(tree) => tree.count_before(|(score, member)| is_before(member, score)),
        }
    }

    /// The same by names alone. They are in order where all scores are equal; where they are not it
    /// counts one by one, so that the answer depends on the members only and not on how they lie in
    /// memory, and a log that is replayed gives the same.
    #[must_use]
    pub fn count_named_before(self, is_before: impl Fn(&[u8]) -> bool) -> usize {
        let Self::Tree(tree) = self else { return self.count_before(|name, _| is_before(name)) };
        let ordered = tree;
        let mut ends = [0, self.len().saturating_sub(1)]
            .into_iter()
            .map(|rank| ordered.iter_from(rank).next().map(|(score, _)| score));
        if ends.next() == ends.next() {
            return ordered.count_before(|(_, name)| is_before(name));
        }
        ordered.iter_from(0).take_while(|(_, name)| is_before(name)).count()
    }

    /// The members from the one with this rank on, with their scores.
    pub fn iter_from(self, rank: usize) -> Box<dyn Iterator<Item = (Element<'a>, f64)> + 'a> {
        match self {
            Self::Pack(pack) => {
                let view = Listpack::new(pack);
                let mut next = view.seek((rank * 2) as i64);
                Box::new(core::iter::from_fn(move || {
                    let at = next?;
                    let value = view.end(at);
                    next = view.next(value);
                    Some((view.get(at), score_of(view.get(value))))
                }))
            }
            Self::Tree(tree) => {
                Box::new(tree.iter_from(rank).map(|(score, member)| (Element::Text(member), score)))
            }
        }
    }

    /// The members in front of the one with this rank, from the last of them to the first.
    pub fn iter_before(self, rank: usize) -> Box<dyn Iterator<Item = (Element<'a>, f64)> + 'a> {
        match self {
            Self::Pack(_) => {
                let items: Vec<_> = self.iter_from(0).take(rank).collect();
                Box::new(items.into_iter().rev())
            }
            Self::Tree(tree) => Box::new(
                tree.iter_before(rank).map(|(score, member)| (Element::Text(member), score)),
            ),
        }
    }

    /// A member drawn from `rng`, every one with the same chance.
    #[must_use]
    pub fn random(self, rng: &mut Rng) -> Option<(Element<'a>, f64)> {
        if self.is_empty() {
            return None;
        }
        self.iter_from(rng.below(self.len() as u64) as usize).next()
    }

    /// Reports members from `cursor` on, some `count` of them; returns where to go on, 0 at the
    /// end. A small set is reported whole.
    pub fn scan(self, cursor: u64, count: usize, mut report: impl FnMut(Element<'a>, f64)) -> u64 {
        match self {
            Self::Pack(_) => {
                self.iter_from(0).for_each(|(member, score)| report(member, score));
                0
            }
            Self::Tree(tree) => tree.scan(cursor, count, |member, score| {
                report(Element::Text(member), score);
            }),
        }
    }
}

/// A walk over a large sorted set.
#[derive(Debug)]
struct TreeWalk {
    tree: Arc<Tree>,
    next: usize,
}

impl Walk for TreeWalk {
    fn step(&mut self, visit: &mut dyn FnMut(Part<'_>)) -> bool {
        let mut visited = 0;
        for (score, member) in self.tree.iter_from(self.next).take(256) {
            visit(Part::Scored(member, score));
            visited += 1;
        }
        self.next += visited;
        visited > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::format;
    use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

    type Model = BTreeMap<Vec<u8>, f64>;

    fn sorted(model: &Model) -> Vec<(Vec<u8>, f64)> {
        let mut all: Vec<_> =
            model.iter().map(|(member, score)| (member.clone(), *score)).collect();
        all.sort_by(|one, other| one.1.total_cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
        all
    }

    fn check(view: SortedSetView<'_>, model: &Model) {
        let text = |(member, score): (Element<'_>, f64)| {
            (member.bytes(&mut itoa::Buffer::new()).to_vec(), score)
        };
        let expected = sorted(model);
        assert_eq!(view.len(), model.len());
        assert_eq!(view.iter_from(0).map(text).collect::<Vec<_>>(), expected);
        let middle = expected.len() / 3;
        assert_eq!(view.iter_from(middle).map(text).collect::<Vec<_>>(), expected[middle..]);
        let mut before: Vec<_> = view.iter_before(middle).map(text).collect();
        before.reverse();
        assert_eq!(before, expected[..middle]);
        for (rank, (member, score)) in expected.iter().enumerate().step_by(7) {
            assert_eq!((view.rank(member), view.score(member)), (Some(rank), Some(*score)));
        }
        let low = expected.iter().filter(|(_, score)| *score < 3.0).count();
        assert_eq!(view.count_before(|_, score| score < 3.0), low);
    }

    proptest! {
        #[test]
        fn it_is_a_sorted_map(
            entries in 4..20_usize,
            steps in prop::collection::vec((0..4_u8, 0..300_u16, -9..9_i32), 0..400),
        ) {
            let thresholds = Thresholds { zset_entries: entries, ..Thresholds::default() };
            let (mut set, mut model) = (SortedSet::default(), Model::new());
            let (mut shared, mut then) = (set.clone(), model.clone());
            for (number, (step, member, score)) in steps.into_iter().enumerate() {
                if number == 200 {
                    (shared, then) = (set.clone(), model.clone());
                }
                let name = if member % 3 == 0 { format!("{member}") } else { format!("m{member}") };
                let score = f64::from(score) / 2.0;
                match step {
                    0 => {
                        let is_there = model.remove(name.as_bytes()).is_some();
                        prop_assert_eq!(set.remove(name.as_bytes()), is_there);
                    }
                    _ => {
                        set.set(name.as_bytes(), score, &thresholds, KeyHasher::new(1, 2));
                        model.insert(name.into_bytes(), score);
                    }
                }
                if number % 37 == 0 {
                    check(set.view(), &model);
                }
            }
            check(set.view(), &model);
            check(shared.view(), &then);
            let items: Vec<_> = set.view().iter_from(0).collect();
            let again = SortedSet::from_sorted(&items, &thresholds, KeyHasher::new(5, 6));
            check(again.view(), &model);
            prop_assert_eq!(again.encoding_name() == "listpack", model.len() <= entries);
            set.remove_ranks(1, 5);
            prop_assert!(set.view().len() <= model.len());
        }
    }

    #[test]
    fn names_are_counted_alike_however_the_members_lie() {
        let (thresholds, hasher) = (Thresholds::default(), KeyHasher::new(1, 2));
        let name = |number: u64| format!("m{:03}", number * 37 % 600).into_bytes();
        let mut sets = [SortedSet::default(), SortedSet::default()];
        let members: Vec<u64> = (0..600).collect();
        for &number in &members {
            sets[0].set(&name(number), (number % 5) as f64, &thresholds, hasher);
        }
        // The other one has had twice as many, and got its members in reverse.
        for number in 600..1200 {
            sets[1].set(&format!("x{number}").into_bytes(), 2.0, &thresholds, hasher);
        }
        for &number in members.iter().rev() {
            sets[1].set(&name(number), (number % 5) as f64, &thresholds, hasher);
        }
        for number in 600..1200 {
            sets[1].remove(&format!("x{number}").into_bytes());
        }
        for bound in 0..600 {
            let bound = format!("m{bound:03}").into_bytes();
            let counts =
                sets.each_ref().map(|set| set.view().count_named_before(|it| it < &bound[..]));
            assert_eq!(counts[0], counts[1], "{bound:?}");
        }
    }
}
