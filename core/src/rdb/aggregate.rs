//! Aggregates written: a pack as one string, a large one element by element.
//!
//! A pack is Redis's own listpack or intset, which it takes as it is. A large aggregate is a count
//! and its elements, which come from a walk that owns them, a few at a time; only then is the next
//! piece of the file made, so nothing large is ever held twice.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::encode::{self, Encoder};
use super::format::{TYPE_STRING, Version, kind};
use super::stream::{self, StreamWriter};
use crate::keyspace::ValueRef;
use crate::value::listpack::{self, Element, Listpack};
use crate::value::pack::Shape;
use crate::value::walk::{Part, Walk, walk_pack};
use crate::value::{HashView, Value, intset};

/// A list's node that is one large element.
const NODE_PLAIN: usize = 1;

/// A list's node that is a listpack.
const NODE_PACKED: usize = 2;

/// A chunk of one element that is longer than this is a plain node.
const PLAIN_BYTES_MIN: usize = 8 * 1024;

/// The number of a value's type in a version of the format.
pub(super) fn type_number(value: ValueRef<'_>, version: Version) -> u8 {
    match value {
        ValueRef::String(_) | ValueRef::Int(_) | ValueRef::Object(Value::String(_)) => TYPE_STRING,
        ValueRef::Pack(pack) => pack_type(shape_of(pack), version),
        ValueRef::Object(Value::List(_)) => list_type(version),
        ValueRef::Object(Value::Set(_)) => kind::SET,
        ValueRef::Object(Value::Stream(_)) => stream::type_number(version),
        ValueRef::Object(Value::SortedSet(_)) => kind::ZSET_2,
        ValueRef::Object(Value::Hash(hash)) if hash.next_deadline_ms().is_some() => {
            kind::HASH_METADATA
        }
        ValueRef::Object(Value::Hash(_)) => kind::HASH,
    }
}

/// The version that a value needs, which is `version` for most.
pub(super) fn version_for(value: ValueRef<'_>, version: Version) -> Version {
    let has_deadlines = match value {
        ValueRef::Pack(pack) => shape_of(pack) == Shape::HashTtl,
        ValueRef::Object(value) => value.next_field_deadline_ms().is_some(),
        ValueRef::String(_) | ValueRef::Int(_) => false,
    };
    if has_deadlines { Version::V12 } else { version }
}

/// The shape in which a pack is written: room for deadlines is left out when there are none.
fn shape_of(pack: &[u8]) -> Shape {
    match Shape::of(pack) {
        Shape::HashTtl if HashView::Pack(pack).next_deadline_ms().is_none() => Shape::Hash,
        shape => shape,
    }
}

/// Redis 6.2 and older, which read version 9, know no listpacks but those of streams.
fn knows_listpacks(version: Version) -> bool {
    version != Version::V9
}

fn list_type(version: Version) -> u8 {
    if knows_listpacks(version) { kind::LIST_QUICKLIST_2 } else { kind::LIST }
}

fn pack_type(shape: Shape, version: Version) -> u8 {
    match shape {
        Shape::List => list_type(version),
        Shape::HashTtl => kind::HASH_LISTPACK_EX,
        Shape::Intset => kind::SET_INTSET,
        Shape::Set if version >= Version::V11 => kind::SET_LISTPACK,
        Shape::Set => kind::SET,
        Shape::Hash if knows_listpacks(version) => kind::HASH_LISTPACK,
        Shape::Hash => kind::HASH,
        Shape::SortedSet if knows_listpacks(version) => kind::ZSET_LISTPACK,
        Shape::SortedSet => kind::ZSET_2,
    }
}

/// Whether a pack is written element by element, because the version has no packs of its shape.
fn is_plain(shape: Shape, version: Version) -> bool {
    matches!(pack_type(shape, version), kind::LIST | kind::SET | kind::HASH | kind::ZSET_2)
}

/// A pack of fields without the room for deadlines.
fn without_deadlines(pack: &[u8]) -> Vec<u8> {
    let mut plain = Shape::Hash.empty().to_vec();
    for (number, (_, element)) in Listpack::new(pack).iter().enumerate() {
        if number % 3 < 2 {
            let end = plain.len();
            listpack::insert_element(&mut plain, end, element);
        }
    }
    plain
}

/// A large aggregate on its way to a file.
#[derive(Debug)]
pub(super) enum Elements {
    Walk(Box<dyn Walk>, How),
    Stream(StreamWriter),
}

/// How the parts of an aggregate are written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct How {
    /// Fields have deadlines, relative to this one plus one.
    base_ms: Option<u64>,
    /// Lists have no nodes.
    is_plain: bool,
}

impl Elements {
    /// Writes the head of a large aggregate, its number of elements for one.
    pub(super) fn begin(out: &mut Vec<u8>, value: &Value, version: Version) -> Option<Self> {
        if let Value::Stream(stream) = value {
            return Some(Self::Stream(StreamWriter::begin(out, stream, version)));
        }
        let is_plain = !knows_listpacks(version);
        let (walk, len) = value.walk(is_plain)?;
        let base_ms = match value {
            Value::Hash(hash) => hash.next_deadline_ms(),
            _ => None,
        };
        if let Some(base_ms) = base_ms {
            out.extend_from_slice(&base_ms.to_le_bytes());
        }
        encode::length(out, len);
        Some(Self::Walk(walk, How { base_ms, is_plain }))
    }

    /// Writes some more elements; `false` when there are none left.
    pub(super) fn step(&mut self, encoder: &mut Encoder, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Walk(walk, how) => {
                let how = *how;
                walk.step(&mut |part| encoder.part(out, part, how))
            }
            Self::Stream(writer) => writer.step(encoder, out),
        }
    }
}

impl Encoder {
    /// Writes a whole aggregate that is no pack.
    pub(super) fn large(&mut self, out: &mut Vec<u8>, value: &Value, version: Version) {
        if let Some(mut elements) = Elements::begin(out, value, version) {
            while elements.step(self, out) {}
        }
    }

    fn part(&mut self, out: &mut Vec<u8>, part: Part<'_>, how: How) {
        match part {
            Part::Text(text) => self.string(out, text),
            Part::Chunk(chunk) if how.is_plain => chunk.iter().for_each(|(_, element)| {
                self.string(out, element.bytes(&mut itoa::Buffer::new()));
            }),
            Part::Chunk(chunk) => self.chunk(out, chunk),
            Part::Field(field, value, at_ms) => {
                if let Some(base_ms) = how.base_ms {
                    let after = at_ms.map_or(0, |at_ms| at_ms.saturating_sub(base_ms) + 1);
                    encode::length(out, after as usize);
                }
                self.string(out, field);
                self.string(out, value);
            }
            Part::Scored(member, score) => {
                self.string(out, member);
                out.extend_from_slice(&score.to_le_bytes());
            }
        }
    }

    /// A node of a list.
    fn chunk(&mut self, out: &mut Vec<u8>, chunk: Listpack<'_>) {
        if chunk.len() == 1
            && let Some((_, Element::Text(text))) = chunk.iter().next()
            && text.len() > PLAIN_BYTES_MIN
        {
            encode::length(out, NODE_PLAIN);
            return self.string(out, text);
        }
        encode::length(out, NODE_PACKED);
        let mut blob = Vec::with_capacity(chunk.redis_bytes());
        chunk.to_redis(&mut blob);
        self.string(out, &blob);
    }

    /// Writes the bytes of a pack as a value.
    pub(super) fn pack(&mut self, out: &mut Vec<u8>, pack: &[u8], version: Version) {
        let shape = shape_of(pack);
        if shape != Shape::of(pack) {
            return self.pack(out, &without_deadlines(pack), version);
        }
        if is_plain(shape, version) {
            let group = if matches!(shape, Shape::Hash | Shape::SortedSet) { 2 } else { 1 };
            encode::length(out, Listpack::new(pack).len() / group);
            let how = How { base_ms: None, is_plain: true };
            return walk_pack(pack, &mut |part| self.part(out, part, how));
        }
        let mut blob = Vec::with_capacity(pack.len() + 8);
        match shape {
            Shape::List => {
                encode::length(out, 1);
                return self.chunk(out, Listpack::new(pack));
            }
            Shape::Intset => intset::to_redis(pack, &mut blob),
            Shape::HashTtl => return self.timed_pack(out, pack),
            _ => Listpack::new(pack).to_redis(&mut blob),
        }
        self.string(out, &blob);
    }

    /// A pack of fields with deadlines: the first deadline, then the fields in order of theirs,
    /// those without one last, as Redis keeps them.
    fn timed_pack(&mut self, out: &mut Vec<u8>, pack: &[u8]) {
        let mut fields = Vec::new();
        walk_pack(pack, &mut |part| {
            if let Part::Field(field, value, at_ms) = part {
                fields.push((at_ms.unwrap_or(u64::MAX), field.to_vec(), value.to_vec()));
            }
        });
        fields.sort_by_key(|(at_ms, ..)| *at_ms);
        let first = fields.first().map_or(u64::MAX, |(at_ms, ..)| *at_ms);
        out.extend_from_slice(&first.to_le_bytes());
        let mut sorted = listpack::empty(0).to_vec();
        for (at_ms, field, value) in &fields {
            listpack::push_back(&mut sorted, field);
            listpack::push_back(&mut sorted, value);
            let at_ms = if *at_ms == u64::MAX { 0 } else { *at_ms as i64 };
            let end = sorted.len();
            listpack::insert_element(&mut sorted, end, Element::Int(at_ms));
        }
        let mut blob = Vec::new();
        Listpack::new(&sorted).to_redis(&mut blob);
        self.string(out, &blob);
    }
}
