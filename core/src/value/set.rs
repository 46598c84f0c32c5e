//! Sets: members without an order.
//!
//! Integers alone, up to `set-max-intset-entries`, are a sorted run of numbers; other small sets
//! are a listpack; a large one is a table of segments like a database (see [`Db`]), whose keys are
//! the members and whose values are empty. What a set turned into it stays, until it is made anew:
//! only a conversion upwards is worth its cost, as in Redis (t_set.c, `setTypeAddAux`).

use alloc::boxed::Box;

use triomphe::Arc;

use super::intset::{self, Intset};
use super::listpack::{self, Element, Listpack};
use super::pack::{Pack, Shape};
use super::walk::{TableWalk, Walk};
use super::{Thresholds, number};
use crate::keyspace::{Db, KeyHasher, NewValue};
use crate::rng::Rng;

/// A set.
#[derive(Clone, Debug)]
pub enum Set {
    /// A small one: an intset or a listpack.
    Pack(Pack),
    /// A large one.
    Table(Arc<Db>),
}

/// A set read in place.
#[derive(Clone, Copy, Debug)]
pub enum SetView<'a> {
    /// The bytes of a pack.
    Pack(&'a [u8]),
    /// A table.
    Table(&'a Db),
}

impl Default for Set {
    fn default() -> Self {
        Self::Pack(Pack::empty(Shape::Intset))
    }
}

impl Set {
    /// Whether a pack of this shape is a set.
    pub(crate) fn has_shape(shape: Shape) -> bool {
        matches!(shape, Shape::Set | Shape::Intset)
    }

    /// The pack, if it is a small one.
    #[must_use]
    pub fn pack(&self) -> Option<&Pack> {
        match self {
            Self::Pack(pack) => Some(pack),
            Self::Table(_) => None,
        }
    }

    /// It, to be read.
    #[must_use]
    pub fn view(&self) -> SetView<'_> {
        match self {
            Self::Pack(pack) => SetView::Pack(pack.bytes()),
            Self::Table(table) => SetView::Table(table),
        }
    }

    /// Bytes that it holds outside of itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Pack(pack) => pack.heap_bytes(),
            Self::Table(table) => table.bytes() + size_of::<Db>(),
        }
    }

    /// The name of its encoding, as OBJECT ENCODING answers it.
    #[must_use]
    pub fn encoding_name(&self) -> &'static str {
        self.pack().map_or("hashtable", |pack| pack.shape().encoding_name())
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.view().len() == 0
    }

    /// A walk over a large one, and the number of its members.
    #[must_use]
    pub fn walk(&self) -> Option<(Box<dyn Walk>, usize)> {
        match self {
            Self::Pack(_) => None,
            Self::Table(table) => Some((Box::new(TableWalk::new(table, false)), table.len())),
        }
    }

    /// A set of these members, each of them once.
    #[must_use]
    pub fn from_members(
        members: &[Element<'_>],
        thresholds: &Thresholds,
        hasher: KeyHasher,
    ) -> Self {
        let mut digits = itoa::Buffer::new();
        if members.len() <= thresholds.set_entries.max(thresholds.set_intset_entries) {
            let mut set = Self::default();
            for member in members {
                set.insert(member.bytes(&mut digits), thresholds, hasher);
            }
            return set;
        }
        let mut table = Db::new(hasher);
        table.reserve(members.len());
        for member in members {
            let key = table.key(member.bytes(&mut digits));
            table.set(key, None, NewValue::Text(b""), None, 0);
        }
        Self::Table(Arc::new(table))
    }

    /// Adds a member; false when it was there.
    pub fn insert(&mut self, member: &[u8], thresholds: &Thresholds, hasher: KeyHasher) -> bool {
        match self {
            Self::Table(table) => insert_in_table(Arc::make_mut(table), member),
            Self::Pack(pack) if pack.shape() == Shape::Intset => match number::parse_i64(member) {
                Some(number) => self.insert_number(number, thresholds, hasher),
                None => {
                    self.leave_intset(member.len(), thresholds, hasher);
                    self.insert(member, thresholds, hasher)
                }
            },
            Self::Pack(pack) => {
                if pack.listpack().find(member, 1).is_some() {
                    return false;
                }
                let is_small = pack.listpack().len() < thresholds.set_entries
                    && member.len() <= thresholds.set_value_bytes;
                if is_small {
                    listpack::push_back(pack.make_mut(), member);
                } else {
                    insert_in_table(self.make_table(hasher), member);
                }
                true
            }
        }
    }

    /// Adds a number to an intset, which may become too large for one.
    fn insert_number(&mut self, number: i64, thresholds: &Thresholds, hasher: KeyHasher) -> bool {
        let Self::Pack(pack) = self else { return false };
        let is_new = intset::insert(pack.make_mut(), number);
        if is_new && Intset::new(pack.bytes()).len() > thresholds.set_intset_entries {
            self.leave_intset(0, thresholds, hasher);
        }
        is_new
    }

    /// Turns an intset into a listpack if that may hold it and one member more, else into a table.
    fn leave_intset(&mut self, member_bytes: usize, thresholds: &Thresholds, hasher: KeyHasher) {
        let Self::Pack(pack) = self else { return };
        let numbers = Intset::new(pack.bytes());
        let longest = numbers.iter().map(|number| Element::Int(number).len()).max().unwrap_or(0);
        let is_small = numbers.len() < thresholds.set_entries
            && longest.max(member_bytes) <= thresholds.set_value_bytes;
        if !is_small {
            self.make_table(hasher);
            return;
        }
        let mut listpack = Shape::Set.empty().to_vec();
        for number in numbers.iter() {
            let end = listpack.len();
            listpack::insert_element(&mut listpack, end, Element::Int(number));
        }
        *pack.make_mut() = listpack;
    }

    fn make_table(&mut self, hasher: KeyHasher) -> &mut Db {
        if let Self::Pack(_) = self {
            let mut table = Db::new(hasher);
            let mut digits = itoa::Buffer::new();
            self.view().members().for_each(|member| {
                insert_in_table(&mut table, member.bytes(&mut digits));
            });
            *self = Self::Table(Arc::new(table));
        }
        let Self::Table(table) = self else { unreachable!("it has just become a table") };
        Arc::make_mut(table)
    }

    /// Takes a member out; false when it was not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Table(table) => {
                let key = table.key(member);
                let Some(place) = table.find(key) else { return false };
                Arc::make_mut(table).remove(key, place);
                true
            }
            Self::Pack(pack) if pack.shape() == Shape::Intset => number::parse_i64(member)
                .is_some_and(|number| intset::remove(pack.make_mut(), number)),
            Self::Pack(pack) => {
                let Some(at) = pack.listpack().find(member, 1) else { return false };
                listpack::remove(pack.make_mut(), at, 1);
                true
            }
        }
    }
}

fn insert_in_table(table: &mut Db, member: &[u8]) -> bool {
    let key = table.key(member);
    let is_new = table.find(key).is_none();
    if is_new {
        table.set(key, None, NewValue::Text(b""), None, 0);
    }
    is_new
}

impl<'a> SetView<'a> {
    /// Members.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Pack(pack) if Shape::of(pack) == Shape::Intset => Intset::new(pack).len(),
            Self::Pack(pack) => Listpack::new(pack).len(),
            Self::Table(table) => table.len(),
        }
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether a member is there.
    #[inline]
    #[must_use]
    pub fn contains(self, member: &[u8]) -> bool {
        match self {
            Self::Pack(pack) if Shape::of(pack) == Shape::Intset => number::parse_i64(member)
                .is_some_and(|number| Intset::new(pack).search(number).is_ok()),
            Self::Pack(pack) => Listpack::new(pack).find(member, 1).is_some(),
            Self::Table(table) => table.find(table.key(member)).is_some(),
        }
    }

    /// Members, in no particular but a repeatable order.
    pub fn members(self) -> Box<dyn Iterator<Item = Element<'a>> + 'a> {
        match self {
            Self::Pack(pack) if Shape::of(pack) == Shape::Intset => {
                Box::new(Intset::new(pack).iter().map(Element::Int))
            }
            Self::Pack(pack) => Box::new(Listpack::new(pack).iter().map(|(_, member)| member)),
            Self::Table(table) => Box::new(table.iter().map(|entry| Element::Text(entry.key()))),
        }
    }

    /// Reports members from `cursor` on, some `count` of them; returns where to go on, 0 at the
    /// end. A small set is reported whole.
    pub fn scan(self, cursor: u64, count: usize, mut report: impl FnMut(Element<'a>)) -> u64 {
        match self {
            Self::Pack(_) => {
                self.members().for_each(report);
                0
            }
            Self::Table(table) => {
                table.scan(cursor, count, |entry| report(Element::Text(entry.key())))
            }
        }
    }

    /// A member drawn from `rng`, every one with the same chance.
    #[must_use]
    pub fn random(self, rng: &mut Rng) -> Option<Element<'a>> {
        let index = |rng: &mut Rng| rng.below(self.len() as u64) as usize;
        match self {
            _ if self.is_empty() => None,
            Self::Pack(pack) if Shape::of(pack) == Shape::Intset => {
                Some(Element::Int(Intset::new(pack).get(index(rng))))
            }
            Self::Pack(pack) => {
                let view = Listpack::new(pack);
                Some(view.get(view.seek(index(rng) as i64)?))
            }
            Self::Table(table) => Some(Element::Text(table.entry(table.random(rng)?).key())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::format;
    use alloc::vec::Vec;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use proptest::strategy::Strategy;

    fn member() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            6 => (-9..9_i64).prop_map(|number| format!("{number}").into_bytes()),
            2 => (0..99_999_i64).prop_map(|number| format!("{number}").into_bytes()),
            1 => prop::collection::vec(any::<u8>(), 0..24),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((0..4_u8, member()), 0..90)) {
            let thresholds = Thresholds {
                set_intset_entries: 8,
                set_entries: 12,
                set_value_bytes: 20,
                ..Thresholds::default()
            };
            let (hasher, mut rng) = (KeyHasher::new(1, 2), Rng::new([3; 32]));
            let (mut set, mut model) = (Set::default(), BTreeSet::new());
            for (step, member) in steps {
                if step == 0 {
                    prop_assert_eq!(set.remove(&member), model.remove(&member));
                } else {
                    let is_new = set.insert(&member, &thresholds, hasher);
                    prop_assert_eq!(is_new, model.insert(member.clone()));
                }
                let text = |found: Element<'_>| found.bytes(&mut itoa::Buffer::new()).to_vec();
                let members: BTreeSet<_> = set.view().members().map(text).collect();
                prop_assert_eq!(&members, &model);
                prop_assert_eq!(set.view().len(), model.len());
                prop_assert_eq!(set.view().contains(&member), model.contains(&member));
                let drawn = set.view().random(&mut rng).map(text);
                prop_assert_eq!(drawn.is_some(), !model.is_empty());
                prop_assert!(drawn.is_none_or(|drawn| model.contains(&drawn)));
            }
            let members: Vec<_> = set.view().members().collect();
            let copy = Set::from_members(&members, &thresholds, hasher);
            let text = |found: Element<'_>| found.bytes(&mut itoa::Buffer::new()).to_vec();
            prop_assert_eq!(copy.view().members().map(text).collect::<BTreeSet<_>>(), model);
        }
    }
}
