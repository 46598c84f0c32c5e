//! Walks over large aggregates, for whoever writes them elsewhere.
//!
//! A walk owns what it reads: counted nodes that the aggregate shares with it until one of them is
//! changed. So it can go on a step at a time, on any thread, while the aggregate lives on, and
//! gives memory back as it goes.

use core::fmt;

use super::intset::Intset;
use super::listpack::{Element, Listpack};
use super::pack::Shape;
use crate::keyspace::{Db, Entry, Snapshot, ValueRef, Visit};

/// One element of an aggregate.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// An element of a list, a member of a set.
    Text(&'a [u8]),
    /// The elements of a list that lie in one listpack.
    Chunk(Listpack<'a>),
    /// A field, its value and its deadline in ms since 1970.
    Field(&'a [u8], &'a [u8], Option<u64>),
    /// A member and its score.
    Scored(&'a [u8], f64),
}

/// A walk over an aggregate.
pub trait Walk: Send + fmt::Debug {
    /// Visits the next elements, some hundred at most; `false` when there are none left.
    fn step(&mut self, visit: &mut dyn FnMut(Part<'_>)) -> bool;
}

/// A walk over the segments of a table of members or fields.
#[derive(Debug)]
pub struct TableWalk {
    table: Snapshot,
    visit: Option<Visit>,
    has_values: bool,
}

impl TableWalk {
    /// A walk over the entries of `table`: fields with values, or members of a set.
    #[must_use]
    pub fn new(table: &Db, has_values: bool) -> Self {
        Self { table: Snapshot::of_numbered([(0, table)].into_iter()), visit: None, has_values }
    }
}

impl Walk for TableWalk {
    fn step(&mut self, visit: &mut dyn FnMut(Part<'_>)) -> bool {
        if self.visit.is_none() {
            self.visit = self.table.next_segment(0);
        }
        let Some(segment) = &mut self.visit else { return false };
        for _ in 0..128 {
            let Some(entry) = segment.next_entry() else {
                self.visit = None;
                break;
            };
            match self.has_values {
                true => field(&entry, visit),
                false => visit(Part::Text(entry.key())),
            }
        }
        true
    }
}

fn field(entry: &Entry<'_>, visit: &mut dyn FnMut(Part<'_>)) {
    let mut digits = itoa::Buffer::new();
    let value = match entry.value() {
        ValueRef::String(text) => text,
        ValueRef::Int(number) => digits.format(number).as_bytes(),
        ValueRef::Object(super::Value::String(text)) => text,
        ValueRef::Pack(_) | ValueRef::Object(_) => unreachable!("fields have strings"),
    };
    visit(Part::Field(entry.key(), value, entry.expire_at_ms()));
}

/// Visits every element of a pack.
pub fn walk_pack(pack: &[u8], visit: &mut dyn FnMut(Part<'_>)) {
    let (mut first, mut second) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut elements = Listpack::new(pack).iter().map(|(_, element)| element);
    match Shape::of(pack) {
        Shape::List => visit(Part::Chunk(Listpack::new(pack))),
        Shape::Set => elements.for_each(|member| visit(Part::Text(member.bytes(&mut first)))),
        Shape::Intset => Intset::new(pack).iter().for_each(|member| {
            visit(Part::Text(first.format(member).as_bytes()));
        }),
        Shape::Hash => {
            while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
                visit(Part::Field(name.bytes(&mut first), value.bytes(&mut second), None));
            }
        }
        Shape::HashTtl => {
            while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
                let at_ms = elements.next().and_then(deadline);
                visit(Part::Field(name.bytes(&mut first), value.bytes(&mut second), at_ms));
            }
        }
        Shape::SortedSet => {
            while let (Some(member), Some(score)) = (elements.next(), elements.next()) {
                visit(Part::Scored(member.bytes(&mut first), score_of(score)));
            }
        }
    }
}

fn deadline(element: Element<'_>) -> Option<u64> {
    match element {
        Element::Int(at_ms) if at_ms > 0 => Some(at_ms as u64),
        _ => None,
    }
}

fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Int(score) => score as f64,
        Element::Text(text) => super::number::parse_f64(text).unwrap_or_default(),
    }
}
