//! Hashes: fields with values, and perhaps deadlines.
//!
//! A small hash is a pack: fields and values in turns, or with deadlines in threes. A large one is
//! a table of segments like a database (see [`Db`]): fields are its keys, values its strings, and
//! the deadlines of fields its deadlines. What a table can do, a large hash can: it grows a segment
//! at a time, is shared with a snapshot page by page, is scanned by position, knows its next
//! deadline. Nothing here looks at a clock: who does takes out what is over, or looks past it
//! (see [`LiveHash`]).

use alloc::boxed::Box;
use alloc::vec::Vec;

use triomphe::Arc;

use super::listpack::{self, Element, Listpack};
use super::pack::{Pack, Shape};
use super::walk::{TableWalk, Walk};
use super::{Thresholds, Value};
use crate::keyspace::{Db, Entry, KeyHasher, NewValue, ValueRef};
use crate::rng::Rng;

mod live;

pub use live::LiveHash;

/// The latest deadline of a field, in ms since 1970, as in Redis (ebuckets.h): in the year 4199.
pub const FIELD_DEADLINE_MAX: u64 = (1 << 46) - 1;

/// A hash.
#[derive(Clone, Debug)]
pub enum Hash {
    /// A small one.
    Pack(Pack),
    /// A large one.
    Table(Arc<Db>),
}

/// A hash read in place.
#[derive(Clone, Copy, Debug)]
pub enum HashView<'a> {
    /// The bytes of a pack.
    Pack(&'a [u8]),
    /// A table.
    Table(&'a Db),
}

impl Default for Hash {
    fn default() -> Self {
        Self::Pack(Pack::empty(Shape::Hash))
    }
}

/// How many elements of a pack belong together.
#[inline]
fn stride(pack: &[u8]) -> usize {
    if Shape::of(pack) == Shape::HashTtl { 3 } else { 2 }
}

/// The deadline that the third element of a group is.
fn deadline_of(element: Element<'_>) -> Option<u64> {
    match element {
        Element::Int(at_ms) => u64::try_from(at_ms).ok().filter(|&at_ms| at_ms > 0),
        Element::Text(_) => None,
    }
}

impl Hash {
    /// Whether a pack of this shape is a hash.
    pub(crate) fn has_shape(shape: Shape) -> bool {
        matches!(shape, Shape::Hash | Shape::HashTtl)
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
    pub fn view(&self) -> HashView<'_> {
        match self {
            Self::Pack(pack) => HashView::Pack(pack.bytes()),
            Self::Table(table) => HashView::Table(table),
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

    /// Whether it has no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.view().len() == 0
    }

    /// The first deadline of its fields, in ms since 1970; perhaps too low.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        self.view().next_deadline_ms()
    }

    /// A walk over a large one, and the number of its fields.
    #[must_use]
    pub fn walk(&self) -> Option<(Box<dyn Walk>, usize)> {
        match self {
            Self::Pack(_) => None,
            Self::Table(table) => Some((Box::new(TableWalk::new(table, true)), table.len())),
        }
    }

    /// Adds a field, with a deadline in ms since 1970 or without; false when it was there.
    pub fn insert(
        &mut self,
        field: &[u8],
        value: &[u8],
        expire_at_ms: Option<u64>,
        thresholds: &Thresholds,
        hasher: KeyHasher,
    ) -> bool {
        let is_new = self.view().get(field).is_none();
        if is_new {
            self.set(field, value, thresholds, hasher);
            if expire_at_ms.is_some() {
                self.set_deadline(field, expire_at_ms);
            }
        }
        is_new
    }

    /// Sets a field, whose deadline ends; true when it is new.
    pub fn set(
        &mut self,
        field: &[u8],
        value: &[u8],
        thresholds: &Thresholds,
        hasher: KeyHasher,
    ) -> bool {
        let longest = field.len().max(value.len());
        if longest > thresholds.hash_value_bytes {
            self.make_table(hasher);
        }
        match self {
            Self::Table(table) => set_in_table(Arc::make_mut(table), field, value, None),
            Self::Pack(pack) => {
                let is_new = set_in_pack(pack, field, value);
                if is_new && self.view().len() > thresholds.hash_entries {
                    self.make_table(hasher);
                }
                is_new
            }
        }
    }

    /// Takes a field out; false when it was not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self {
            Self::Table(table) => {
                let key = table.key(field);
                let Some(place) = table.find(key) else { return false };
                Arc::make_mut(table).remove(key, place);
                true
            }
            Self::Pack(pack) => {
                let stride = stride(pack.bytes());
                let Some(at) = pack.listpack().find(field, stride) else { return false };
                listpack::remove(pack.make_mut(), at, stride);
                true
            }
        }
    }

    /// Sets or takes away the deadline of a field that is there.
    pub fn set_deadline(&mut self, field: &[u8], expire_at_ms: Option<u64>) {
        match self {
            Self::Table(table) => {
                let key = table.key(field);
                let Some(place) = table.find(key) else { return };
                Arc::make_mut(table).set_expire(key, place, expire_at_ms);
            }
            Self::Pack(pack) => {
                if expire_at_ms.is_some() {
                    add_deadlines(pack);
                }
                if pack.shape() == Shape::HashTtl {
                    set_deadline_in_pack(pack, field, expire_at_ms);
                }
            }
        }
    }

    /// Takes fields out whose deadline has passed at `now_ms`, at most `most`. Spends at most
    /// `looks` looks at parts of a large hash that turn out to have none.
    pub fn take_expired(&mut self, now_ms: u64, most: usize, looks: &mut u32) -> Vec<Box<[u8]>> {
        let mut taken: Vec<Box<[u8]>> = Vec::new();
        match self {
            Self::Table(table) => {
                let table = Arc::make_mut(table);
                while taken.len() < most
                    && let Some(field) = table.expired(now_ms, looks)
                {
                    let key = table.key(&field);
                    let place = table.find(key).expect("an expired field is there");
                    table.remove(key, place);
                    taken.push(field);
                }
            }
            Self::Pack(_) => {
                let is_over = |at_ms: Option<u64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
                let fields = self.view().fields().filter(|(.., at_ms)| is_over(*at_ms)).take(most);
                taken
                    .extend(fields.map(|(field, ..)| field.bytes(&mut itoa::Buffer::new()).into()));
                for field in &taken {
                    self.remove(field);
                }
            }
        }
        taken
    }

    /// Turns a pack into a table.
    fn make_table(&mut self, hasher: KeyHasher) {
        let Self::Pack(pack) = self else { return };
        let mut table = Db::new(hasher);
        let (mut first, mut second) = (itoa::Buffer::new(), itoa::Buffer::new());
        for (field, value, at_ms) in HashView::Pack(pack.bytes()).fields() {
            set_in_table(&mut table, field.bytes(&mut first), value.bytes(&mut second), at_ms);
        }
        *self = Self::Table(Arc::new(table));
    }
}

fn set_in_table(table: &mut Db, field: &[u8], value: &[u8], expire_at_ms: Option<u64>) -> bool {
    let key = table.key(field);
    let place = table.find(key);
    table.set(key, place, NewValue::String(value), expire_at_ms, 0);
    place.is_none()
}

fn set_in_pack(pack: &mut Pack, field: &[u8], value: &[u8]) -> bool {
    let stride = stride(pack.bytes());
    match pack.listpack().find(field, stride) {
        Some(at) => {
            let at = pack.listpack().end(at);
            let bytes = pack.make_mut();
            listpack::replace(bytes, at, value);
            if stride == 3 {
                let at = Listpack::new(bytes).end(at);
                listpack::replace(bytes, at, b"0");
            }
            false
        }
        None => {
            let bytes = pack.make_mut();
            listpack::push_back(bytes, field);
            listpack::push_back(bytes, value);
            if stride == 3 {
                listpack::push_back(bytes, b"0");
            }
            true
        }
    }
}

/// Gives every field of a pack room for a deadline.
fn add_deadlines(pack: &mut Pack) {
    if pack.shape() == Shape::HashTtl {
        return;
    }
    let mut timed = Shape::HashTtl.empty().to_vec();
    for (number, (_, element)) in pack.listpack().iter().enumerate() {
        let end = timed.len();
        listpack::insert_element(&mut timed, end, element);
        if number % 2 == 1 {
            listpack::push_back(&mut timed, b"0");
        }
    }
    *pack.make_mut() = timed;
}

fn set_deadline_in_pack(pack: &mut Pack, field: &[u8], expire_at_ms: Option<u64>) {
    let view = pack.listpack();
    let Some(at) = view.find(field, 3) else { return };
    let at = view.end(view.end(at));
    let at_ms = expire_at_ms.unwrap_or(0);
    listpack::replace(pack.make_mut(), at, itoa::Buffer::new().format(at_ms).as_bytes());
}

impl<'a> HashView<'a> {
    /// Fields.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Pack(pack) => Listpack::new(pack).len() / stride(pack),
            Self::Table(table) => table.len(),
        }
    }

    /// Whether it has no field.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of a field.
    #[inline]
    #[must_use]
    pub fn get(self, field: &[u8]) -> Option<Element<'a>> {
        match self {
            Self::Pack(pack) => {
                let view = Listpack::new(pack);
                let at = view.find(field, stride(pack))?;
                Some(view.get(view.end(at)))
            }
            Self::Table(table) => {
                let place = table.find(table.key(field))?;
                Some(value_of(&table.entry(place)))
            }
        }
    }

    /// The deadline of a field that is there, if it has one; `None` without the field.
    #[must_use]
    pub fn deadline_ms(self, field: &[u8]) -> Option<Option<u64>> {
        match self {
            Self::Pack(pack) => {
                let view = Listpack::new(pack);
                let at = view.find(field, stride(pack))?;
                let has_deadlines = stride(pack) == 3;
                Some(has_deadlines.then(|| view.get(view.end(view.end(at)))).and_then(deadline_of))
            }
            Self::Table(table) => {
                let place = table.find(table.key(field))?;
                Some(table.entry(place).expire_at_ms())
            }
        }
    }

    /// The first deadline of its fields, in ms since 1970; perhaps too low. `None` exactly when no
    /// field has one.
    #[inline]
    #[must_use]
    pub fn next_deadline_ms(self) -> Option<u64> {
        match self {
            Self::Pack(pack) if stride(pack) == 2 => None,
            Self::Pack(pack) => {
                let elements = Listpack::new(pack).iter().map(|(_, element)| element);
                elements.skip(2).step_by(3).filter_map(deadline_of).min()
            }
            Self::Table(table) if table.expires() == 0 => None,
            Self::Table(table) => table.next_deadline_ms(),
        }
    }

    /// Fields with values and deadlines, in no particular but a repeatable order.
    pub fn fields(self) -> Box<dyn Iterator<Item = (Element<'a>, Element<'a>, Option<u64>)> + 'a> {
        match self {
            Self::Pack(pack) => {
                let has_deadlines = stride(pack) == 3;
                let mut elements = Listpack::new(pack).iter().map(|(_, element)| element);
                Box::new(core::iter::from_fn(move || {
                    let (field, value) = (elements.next()?, elements.next()?);
                    let at_ms = if has_deadlines { deadline_of(elements.next()?) } else { None };
                    Some((field, value, at_ms))
                }))
            }
            Self::Table(table) => {
                Box::new(table.iter().map(|entry| {
                    (Element::Text(entry.key()), value_of(&entry), entry.expire_at_ms())
                }))
            }
        }
    }

    /// Reports fields with values from `cursor` on, some `count` of them; returns where to go on,
    /// 0 at the end. A small hash is reported whole.
    pub fn scan(
        self,
        cursor: u64,
        count: usize,
        mut report: impl FnMut(Element<'a>, Element<'a>),
    ) -> u64 {
        match self {
            Self::Pack(_) => {
                self.fields().for_each(|(field, value, _)| report(field, value));
                0
            }
            Self::Table(table) => table.scan(cursor, count, |entry| {
                report(Element::Text(entry.key()), value_of(&entry));
            }),
        }
    }

    /// A field drawn from `rng`, every one with the same chance.
    #[must_use]
    pub fn random(self, rng: &mut Rng) -> Option<(Element<'a>, Element<'a>)> {
        match self {
            Self::Pack(pack) => {
                let view = Listpack::new(pack);
                let index = rng.below(self.len() as u64) as usize;
                let at = view.seek((index * stride(pack)) as i64)?;
                Some((view.get(at), view.get(view.end(at))))
            }
            Self::Table(table) => {
                let entry = table.entry(table.random(rng)?);
                Some((Element::Text(entry.key()), value_of(&entry)))
            }
        }
    }
}

/// The value of an entry of a table.
fn value_of<'a>(entry: &Entry<'a>) -> Element<'a> {
    match entry.value() {
        ValueRef::String(text) => Element::Text(text),
        ValueRef::Int(number) => Element::Int(number),
        ValueRef::Object(Value::String(text)) => Element::Text(text),
        ValueRef::Pack(_) | ValueRef::Object(_) => unreachable!("fields have strings"),
    }
}

#[cfg(test)]
mod tests;
