//! Entries as the rest of the core sees them: a place, a view of what is there, and new values on
//! their way in.

use alloc::boxed::Box;
use bytes::Bytes;

use super::record::{INLINE_KEY_MAX, INLINE_MAX, Kind, Record, pack_int, units};
use super::segment::{Object, Seat, Segment};
use crate::value::pack::Pack;
use crate::value::{Value, number};

/// A string longer than this lies outside its record.
const VALUE_MAX: usize = 255;

/// Where an entry is. Any change to the database may move it: find it again after one.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub(super) segment: u32,
    pub(super) seat: Seat,
}

/// A value as it is stored.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string in its record.
    String(&'a [u8]),
    /// A string that is the canonical text of an integer.
    Int(i64),
    /// A small aggregate: the bytes of its pack, wherever they lie.
    Pack(&'a [u8]),
    /// A large string or an aggregate that is no pack.
    Object(&'a Value),
}

/// An entry read in place.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    segment: &'a Segment,
    seat: Seat,
    record: Record<'a>,
}

impl<'a> Entry<'a> {
    #[inline]
    pub(super) fn new(segment: &'a Segment, seat: Seat) -> Self {
        Self::of(segment, seat, segment.record(seat))
    }

    /// The entry whose record was found already.
    #[inline]
    pub(super) fn of(segment: &'a Segment, seat: Seat, record: Record<'a>) -> Self {
        Self { segment, seat, record }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        self.segment.key(self.seat)
    }

    /// The value.
    #[inline]
    #[must_use]
    pub fn value(&self) -> ValueRef<'a> {
        match self.record.kind() {
            Kind::Raw | Kind::Modified => ValueRef::String(self.record.value()),
            Kind::Int => ValueRef::Int(self.record.int()),
            Kind::Pack => ValueRef::Pack(self.record.value()),
            Kind::Object => self.object(),
        }
    }

    fn object(&self) -> ValueRef<'a> {
        let value = &self.segment.object(self.record.object()).value;
        match value.pack() {
            Some(pack) => ValueRef::Pack(pack.bytes()),
            None => ValueRef::Object(value),
        }
    }

    /// The value when it lies outside its record.
    #[must_use]
    pub fn outside(&self) -> Option<&'a Value> {
        match self.record.kind() {
            Kind::Object => Some(&self.segment.object(self.record.object()).value),
            _ => None,
        }
    }

    /// The deadline in ms since 1970.
    #[inline]
    #[must_use]
    pub fn expire_at_ms(&self) -> Option<u64> {
        self.record.expire_at_ms()
    }

    /// The access clock, 24 bits.
    #[inline]
    #[must_use]
    pub fn clock(&self) -> u32 {
        self.record.clock()
    }

    /// Whether the string was changed in place, as APPEND and SETRANGE do: Redis then names its
    /// encoding `raw` however short it is.
    #[must_use]
    pub fn is_modified_string(&self) -> bool {
        self.record.kind() == Kind::Modified
    }

    /// A copy of the value; what is shared by reference count stays shared.
    #[must_use]
    pub fn to_owned_value(&self) -> OwnedValue {
        match self.value() {
            ValueRef::String(bytes) if self.is_modified_string() => {
                OwnedValue::Modified(bytes.into())
            }
            ValueRef::String(bytes) => OwnedValue::Text(bytes.into()),
            ValueRef::Int(number) => OwnedValue::Int(number),
            ValueRef::Object(value) => OwnedValue::of(value.clone()),
            ValueRef::Pack(bytes) => OwnedValue::Object(match self.outside() {
                Some(value) => value.clone(),
                None => Value::of_pack(Pack::new(bytes.to_vec())),
            }),
        }
    }

    /// Bytes that the entry costs: record, slots of the table, what lies outside, and its place in
    /// the index of deadlines of fields.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let outside =
            self.outside().map_or(0, |value| value.heap_bytes() + size_of::<Option<Object>>());
        let long_key = if self.record.long_key() { self.key().len() } else { 0 };
        units(self.record.len()) * super::page::UNIT + 6 + outside + long_key + self.timed_bytes()
    }
}

/// A value on its way into the keyspace.
#[derive(Debug)]
pub enum NewValue<'a> {
    /// A string; stored as an integer when it is one's canonical text.
    String(&'a [u8]),
    /// A string that an in-place change made, APPEND for one: never stored as an integer.
    Modified(&'a [u8]),
    /// A string that is not stored as an integer even when it reads as one: INCRBYFLOAT's.
    Text(&'a [u8]),
    /// An integer.
    Int(i64),
    /// The bytes of a pack.
    Pack(&'a [u8]),
    /// A large string or an aggregate, by ownership.
    Object(Value),
}

/// A value on its own, out of its entry and on its way to another.
#[derive(Debug)]
pub enum OwnedValue {
    /// A string; stored as an integer when it is one's canonical text.
    String(Box<[u8]>),
    /// A string that is not stored as an integer even when it reads as one.
    Text(Box<[u8]>),
    /// A string that was changed in place.
    Modified(Box<[u8]>),
    /// An integer.
    Int(i64),
    /// A large string or an aggregate.
    Object(Value),
}

impl OwnedValue {
    /// A value that lay outside its record. One that lay there only because its key was long may
    /// lie in a record again.
    #[must_use]
    pub fn of(value: Value) -> Self {
        match value {
            Value::String(bytes) if bytes.len() <= VALUE_MAX => Self::String((&*bytes).into()),
            value => Self::Object(value),
        }
    }
}

/// What a record will hold.
pub(super) struct Stored<'a> {
    pub(super) kind: Kind,
    pub(super) bytes: &'a [u8],
    pub(super) object: Option<Object>,
}

impl<'a> NewValue<'a> {
    /// Chooses the form in which the value is stored beside `key`.
    pub(super) fn store(self, key: &[u8], room: &'a mut [u8; 8]) -> Stored<'a> {
        if let Some((kind, bytes)) = self.inline(key, room) {
            return Stored { kind, bytes, object: None };
        }
        let long_key = (key.len() > INLINE_KEY_MAX).then(|| key.into());
        Self::outside(long_key, self.into_value())
    }

    /// The form in which the value lies in the record of `key`, if it can.
    #[inline]
    pub(super) fn inline(&self, key: &[u8], room: &'a mut [u8; 8]) -> Option<(Kind, &'a [u8])> {
        if key.len() > INLINE_KEY_MAX {
            return None;
        }
        let (kind, bytes) = match *self {
            Self::Int(number) => return Some(Self::int(number, room)),
            Self::String(bytes) => match number::parse_i64(bytes) {
                Some(number) => return Some(Self::int(number, room)),
                None => (Kind::Raw, bytes),
            },
            Self::Modified(bytes) => (Kind::Modified, bytes),
            Self::Text(bytes) => (Kind::Raw, bytes),
            Self::Pack(bytes) => (Kind::Pack, bytes),
            Self::Object(_) => return None,
        };
        fits(key, bytes).then_some((kind, bytes))
    }

    #[inline]
    fn int(number: i64, room: &'a mut [u8; 8]) -> (Kind, &'a [u8]) {
        let len = pack_int(number, room);
        (Kind::Int, &room[..len])
    }

    /// A record whose value is a slab index; the four bytes are filled in when it is stored.
    fn outside(long_key: Option<Box<[u8]>>, value: Value) -> Stored<'a> {
        Stored { kind: Kind::Object, bytes: &[0; 4], object: Some(Object { long_key, value }) }
    }

    fn into_value(self) -> Value {
        match self {
            Self::String(bytes) | Self::Modified(bytes) | Self::Text(bytes) => {
                Value::String(Bytes::copy_from_slice(bytes))
            }
            Self::Int(number) => {
                Value::String(Bytes::copy_from_slice(itoa::Buffer::new().format(number).as_bytes()))
            }
            Self::Pack(bytes) => Value::of_pack(Pack::new(bytes.to_vec())),
            Self::Object(value) => value,
        }
    }
}

/// Whether a value may lie in the record of `key`.
#[inline]
pub(crate) fn fits(key: &[u8], value: &[u8]) -> bool {
    value.len() <= VALUE_MAX && key.len() + value.len() <= INLINE_MAX
}
