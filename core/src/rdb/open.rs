//! An aggregate that is being read.
//!
//! It may be larger than what has arrived, so it is read element by element: each is complete
//! before it counts, and reading can stop between any two and go on later. The plain forms are a
//! length and strings. The packed ones are one string with everything in it, whose elements are
//! built anew one by one, since it may be anything; so may the announced length, for which nothing
//! is reserved. Twice the same member, an odd field or an empty aggregate is damage, as in Redis
//! (rdb.c, `rdbLoadObject`).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::build::Build;
use super::cursor::{Cursor, Stop, Text};
use super::error::LoadErrorKind;
use super::format::{VALKEY_VERSION, kind};
use super::legacy;
use super::stream::StreamReader;
use crate::keyspace::KeyHasher;
use crate::value::intset::{self, Intset};
use crate::value::listpack::{self, Element, Listpack};
use crate::value::{Thresholds, Value, number};

/// What is needed to make values.
#[derive(Clone, Copy, Debug)]
pub struct Making {
    /// The limits of small forms.
    pub thresholds: Thresholds,
    /// Hashes members and fields.
    pub hasher: KeyHasher,
}

impl Default for Making {
    fn default() -> Self {
        Self { thresholds: Thresholds::default(), hasher: KeyHasher::new(0, 0) }
    }
}

/// How elements are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Strings: elements of a list, members of a set.
    Strings,
    /// Fields and values.
    Pairs,
    /// A deadline in front of each field: relative to this one plus one, or none.
    TimedPairs(u64),
    /// A deadline in front of each field, or 0.
    PairsAt,
    /// Fields and values, each with a deadline behind it: Valkey's form.
    PairsTimed,
    /// Members with scores as text.
    ScoredText,
    /// Members with scores of 8 bytes.
    Scored,
    /// Strings that are each a pack of elements.
    Packs(Packed),
    /// Nodes that say whether they are one large element or a listpack.
    Nodes,
}

/// A form in which one string holds many elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packed {
    Ziplist,
    Zipmap,
    Intset,
    Listpack,
}

/// How many listpack elements belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    One,
    Two,
    /// Field, value and deadline.
    Three,
}

/// An aggregate that is being read.
#[derive(Debug)]
pub(super) struct Open {
    /// Its key.
    pub(super) key: Box<[u8]>,
    form: Form,
    group: Group,
    /// Elements, packs or nodes that are still to come.
    left: u64,
    build: Build,
    /// In place of all these, when it is a stream.
    stream: Option<StreamReader>,
}

/// Where reading an aggregate goes on.
pub(super) struct Reading<'a, 'b> {
    pub(super) cursor: &'b mut Cursor<'a>,
    /// Room for two compressed strings.
    pub(super) rooms: [&'b mut Vec<u8>; 2],
}

impl Open {
    /// Begins with the aggregate of this type, behind its key; `None` for a type that is none.
    pub(super) fn begin(
        number: u8,
        version: u16,
        key: Box<[u8]>,
        cursor: &mut Cursor<'_>,
        making: &Making,
    ) -> Result<Option<Self>, Stop> {
        if kind::STREAMS.contains(&number) {
            return Self::stream(number, key, cursor.length()?, making).map(Ok).transpose();
        }
        let Some((form, group, build)) = form_of(number, version, making) else { return Ok(None) };
        let start = cursor.at();
        let form = match form {
            Form::TimedPairs(_) => Form::TimedPairs(u64::from_le_bytes(cursor.array()?)),
            form => form,
        };
        if number == kind::HASH_LISTPACK_EX {
            // The first deadline, which the elements tell as well.
            let _first: [u8; 8] = cursor.array()?;
        }
        let is_many = !matches!(form, Form::Packs(_)) || number == kind::LIST_QUICKLIST;
        let left = if is_many { cursor.length()? } else { 1 };
        if left == 0 {
            return Err(damaged(start, "it is empty"));
        }
        Ok(Some(Self { key, form, group, left, build, stream: None }))
    }

    /// A stream of so many nodes.
    fn stream(number: u8, key: Box<[u8]>, nodes: u64, making: &Making) -> Option<Self> {
        let stream = StreamReader::begin(number, nodes)?;
        let (form, group, build) = (Form::Nodes, Group::One, Build::list(making));
        Some(Self { key, form, group, left: 1, build, stream: Some(stream) })
    }

    /// Reads elements; true when there are no more. An error leaves what was read before it.
    pub(super) fn read(
        &mut self,
        mut from: Reading<'_, '_>,
        read: &mut usize,
    ) -> Result<bool, Stop> {
        while self.left > 0 {
            if let Some(stream) = &mut self.stream {
                stream.step(&mut from)?;
                self.left = u64::from(!stream.is_whole());
            } else {
                self.element(&mut from)?;
                self.left -= 1;
            }
            *read = from.cursor.at();
            if from.cursor.at() > 1 << 16 {
                // The caller sums up what was read, and looks whether there is time for more.
                return Ok(self.left == 0);
            }
        }
        Ok(true)
    }

    /// The whole aggregate.
    pub(super) fn finish(self, at: usize) -> Result<(Box<[u8]>, Value), Stop> {
        if let Some(stream) = self.stream {
            return Ok((self.key, Value::Stream(stream.finish())));
        }
        if self.build.is_empty() {
            return Err(damaged(at, "it is empty"));
        }
        Ok((self.key, self.build.finish()))
    }

    fn element(&mut self, from: &mut Reading<'_, '_>) -> Result<(), Stop> {
        let start = from.cursor.at();
        let added = match self.form {
            Form::Strings => {
                let text = from.string(0)?;
                self.build.one(from.element(&text, 0))
            }
            Form::Pairs => {
                let (field, value) = from.two()?;
                self.build.pair(from.element(&field, 0), from.element(&value, 1), None)
            }
            Form::TimedPairs(base) => {
                let after = from.cursor.length()?;
                let at_ms = (after > 0).then(|| base.saturating_add(after - 1));
                let (field, value) = from.two()?;
                self.build.pair(from.element(&field, 0), from.element(&value, 1), at_ms)
            }
            Form::PairsAt => {
                let at_ms = Some(from.cursor.length()?).filter(|&at_ms| at_ms > 0);
                let (field, value) = from.two()?;
                self.build.pair(from.element(&field, 0), from.element(&value, 1), at_ms)
            }
            Form::PairsTimed => {
                let (field, value) = from.two()?;
                let at_ms = u64::try_from(i64::from_le_bytes(from.cursor.array()?)).ok();
                self.build.pair(from.element(&field, 0), from.element(&value, 1), at_ms)
            }
            Form::ScoredText => {
                let member = from.string(0)?;
                let score = from.score_text()?;
                self.build.scored(from.element(&member, 0), score)
            }
            Form::Scored => {
                let member = from.string(0)?;
                let score = f64::from_le_bytes(from.cursor.array()?);
                self.build.scored(from.element(&member, 0), score)
            }
            Form::Packs(packed) => {
                let blob = from.string(0)?;
                self.pack(packed, from.bytes(&blob, 0))
            }
            Form::Nodes => self.node(from)?,
        };
        added.map_err(|why| damaged(start, why))
    }

    /// A node of a list.
    fn node(&mut self, from: &mut Reading<'_, '_>) -> Result<Result<(), &'static str>, Stop> {
        const PLAIN: u64 = 1;
        const PACKED: u64 = 2;
        let container = from.cursor.length()?;
        let blob = from.string(0)?;
        Ok(match container {
            PLAIN => self.build.one(Element::Text(from.bytes(&blob, 0))),
            PACKED => self.pack(Packed::Listpack, from.bytes(&blob, 0)),
            _ => Err("a node is neither plain nor packed"),
        })
    }

    /// The elements of a pack.
    fn pack(&mut self, packed: Packed, blob: &[u8]) -> Result<(), &'static str> {
        match packed {
            Packed::Ziplist => {
                self.groups(&mut legacy::ziplist(blob).ok_or("a ziplist is damaged")?.into_iter())
            }
            Packed::Zipmap => {
                self.groups(&mut legacy::zipmap(blob).ok_or("a zipmap is damaged")?.into_iter())
            }
            Packed::Intset => {
                let pack = intset::from_redis(blob).ok_or("an intset is damaged")?;
                self.groups(&mut Intset::new(&pack).iter().map(Element::Int))
            }
            Packed::Listpack => {
                let pack = listpack::from_redis(0, blob).ok_or("a listpack is damaged")?;
                self.groups(&mut Listpack::new(&pack).iter().map(|(_, element)| element))
            }
        }
    }

    fn groups<'a>(
        &mut self,
        elements: &mut dyn Iterator<Item = Element<'a>>,
    ) -> Result<(), &'static str> {
        const ODD: &str = "a pack ends inside a group of elements";
        while let Some(first) = elements.next() {
            if self.group == Group::One {
                self.build.one(first)?;
                continue;
            }
            let second = elements.next().ok_or(ODD)?;
            match (self.group, &self.build) {
                (Group::Three, _) => {
                    let Some(Element::Int(at_ms)) = elements.next() else { return Err(ODD) };
                    let at_ms = u64::try_from(at_ms).ok().filter(|&at_ms| at_ms > 0);
                    self.build.pair(first, second, at_ms)?;
                }
                (_, Build::SortedSet(..)) => self.build.scored(first, score_of(second)?)?,
                _ => self.build.pair(first, second, None)?,
            }
        }
        Ok(())
    }
}

/// The form of a type.
fn form_of(number: u8, version: u16, making: &Making) -> Option<(Form, Group, Build)> {
    use Packed::{Intset, Listpack, Ziplist, Zipmap};
    const VALKEY_HASH: u8 = kind::HASH_METADATA_PRE_GA;
    let list = || Build::list(making);
    let set = || Build::set(making);
    let zset = || Build::sorted_set(making);
    let hash = || Build::hash(making);
    Some(match number {
        kind::LIST => (Form::Strings, Group::One, list()),
        kind::LIST_ZIPLIST | kind::LIST_QUICKLIST => (Form::Packs(Ziplist), Group::One, list()),
        kind::LIST_QUICKLIST_2 => (Form::Nodes, Group::One, list()),
        kind::SET => (Form::Strings, Group::One, set()),
        kind::SET_INTSET => (Form::Packs(Intset), Group::One, set()),
        kind::SET_LISTPACK => (Form::Packs(Listpack), Group::One, set()),
        kind::ZSET => (Form::ScoredText, Group::Two, zset()),
        kind::ZSET_2 => (Form::Scored, Group::Two, zset()),
        kind::ZSET_ZIPLIST => (Form::Packs(Ziplist), Group::Two, zset()),
        kind::ZSET_LISTPACK => (Form::Packs(Listpack), Group::Two, zset()),
        kind::HASH => (Form::Pairs, Group::Two, hash()),
        kind::HASH_ZIPMAP => (Form::Packs(Zipmap), Group::Two, hash()),
        kind::HASH_ZIPLIST => (Form::Packs(Ziplist), Group::Two, hash()),
        kind::HASH_LISTPACK => (Form::Packs(Listpack), Group::Two, hash()),
        VALKEY_HASH if version == VALKEY_VERSION => (Form::PairsTimed, Group::Two, hash()),
        kind::HASH_METADATA_PRE_GA => (Form::PairsAt, Group::Two, hash()),
        kind::HASH_LISTPACK_EX_PRE_GA | kind::HASH_LISTPACK_EX => {
            (Form::Packs(Listpack), Group::Three, hash())
        }
        kind::HASH_METADATA => (Form::TimedPairs(0), Group::Two, hash()),
        _ => return None,
    })
}

pub(super) fn damaged(at: usize, why: &'static str) -> Stop {
    Stop::Bad(at, LoadErrorKind::Damaged(why))
}

/// A score in a pack.
fn score_of(element: Element<'_>) -> Result<f64, &'static str> {
    match element {
        Element::Int(score) => Ok(score as f64),
        Element::Text(text) => number::parse_f64(text).ok_or("a score is no number"),
    }
}

impl<'a> Reading<'a, '_> {
    pub(super) fn string(&mut self, room: usize) -> Result<Text, Stop> {
        self.cursor.string(self.rooms[room])
    }

    pub(super) fn two(&mut self) -> Result<(Text, Text), Stop> {
        Ok((self.string(0)?, self.string(1)?))
    }

    /// A string that was read, as an element.
    pub(super) fn element<'c>(&'c self, text: &Text, room: usize) -> Element<'c> {
        match text {
            Text::Int(number) => Element::Int(*number),
            text => Element::Text(self.bytes(text, room)),
        }
    }

    /// A string that was read and is no integer.
    pub(super) fn bytes<'c>(&'c self, text: &Text, room: usize) -> &'c [u8] {
        match text {
            Text::Here(range) => self.cursor.bytes_at(range.clone()),
            Text::InRoom => self.rooms[room],
            Text::Int(_) => &[],
        }
    }

    /// A score as Redis 2.6 and older wrote it: a byte that is a length, or says that it is none.
    fn score_text(&mut self) -> Result<f64, Stop> {
        let start = self.cursor.at();
        let len = match self.cursor.byte()? {
            255 => return Ok(f64::NEG_INFINITY),
            254 => return Ok(f64::INFINITY),
            253 => return Err(damaged(start, "a score is not a number")),
            len => len,
        };
        let range = self.cursor.take(len.into())?;
        let text = self.cursor.bytes_at(range);
        number::parse_f64(text).ok_or_else(|| damaged(start, "a score is no number"))
    }
}
