//! Nodes of a stream: up to a hundred entries or 4 KB in one listpack.
//!
//! Entries of a stream mostly have the same fields, and IDs close to each other. So a node has an
//! ID and the fields of its first entry in front, and an entry that has the same fields says only
//! so; of its ID it has the distance to the node's. Element by element, as in Redis (t_stream.c),
//! but for the two counts in front, which here are numbers beside the listpack:
//!
//! ```text
//! fields, field.., 0                                      the node
//! flags, ms, seq, value.., elements                       an entry with the node's fields
//! flags, ms, seq, fields, field, value.., elements        another
//! ```
//!
//! The number of elements behind an entry is for those who walk backwards. A deleted entry stays
//! with a flag until its node goes.
//!
//! The hard case is a listpack of a stranger: [`Node::from_redis`] walks it whole before anybody
//! believes it.

use alloc::vec::Vec;

use triomphe::Arc;

use super::id::StreamId;
use super::row::Keyed;
use crate::value::listpack::{self, Element, HEAD_BYTES, Listpack};

/// Flags of an entry (stream.h).
mod flag {
    pub(super) const DELETED: i64 = 1;
    pub(super) const SAME_FIELDS: i64 = 2;
}

/// Bytes that Redis has around the elements of a listpack.
const REDIS_AROUND_BYTES: usize = 7;

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    id: StreamId,
    pack: Pack,
    /// Entries that are there.
    entries: u32,
    /// Entries that were deleted and still lie in the listpack.
    deleted: u32,
}

impl Keyed for Node {
    fn id(&self) -> StreamId {
        self.id
    }
}

/// The listpack of a node: with room to grow, or one allocation as long as what is in it.
#[derive(Clone, Debug)]
enum Pack {
    Open(Arc<Vec<u8>>),
    Sealed(Arc<[u8]>),
}

impl Pack {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Open(bytes) => bytes,
            Self::Sealed(bytes) => bytes,
        }
    }

    fn heap_bytes(&self) -> usize {
        let around = match self {
            Self::Open(_) => size_of::<Vec<u8>>() + size_of::<usize>(),
            Self::Sealed(_) => size_of::<usize>(),
        };
        self.bytes().len() + around
    }

    /// The bytes, to add to them.
    fn open(&mut self) -> &mut Vec<u8> {
        if let Self::Sealed(bytes) = self {
            *self = Self::Open(Arc::new(bytes.to_vec()));
        }
        let Self::Open(bytes) = self else { unreachable!("it was opened") };
        Arc::make_mut(bytes)
    }

    /// The bytes, to change them.
    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Open(bytes) => Arc::<Vec<u8>>::make_mut(bytes),
            Self::Sealed(bytes) => {
                if !bytes.is_unique() {
                    *bytes = Arc::from(&**bytes);
                }
                Arc::get_mut(bytes).expect("a copy has one owner")
            }
        }
    }
}

/// An entry, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its ID.
    pub id: StreamId,
    /// Fields.
    pub len: usize,
    pack: Listpack<'a>,
    /// Offset of its flags.
    start: usize,
    /// Offset of its first value, or of its first field.
    body: usize,
    is_same: bool,
    is_deleted: bool,
}

impl Node {
    /// A node with one entry, in a buffer that nobody needs any more.
    #[must_use]
    pub fn new<'w>(
        id: StreamId,
        pairs: impl Iterator<Item = &'w [u8]> + Clone,
        buffer: Vec<u8>,
    ) -> Self {
        let mut pack = buffer;
        pack.clear();
        pack.extend_from_slice(&listpack::UNCOUNTED);
        listpack::push_uncounted(&mut pack, Element::Int((pairs.clone().count() / 2) as i64));
        for field in pairs.clone().step_by(2) {
            listpack::push_uncounted(&mut pack, Element::of(field));
        }
        listpack::push_uncounted(&mut pack, Element::Int(0));
        let mut node = Self { id, pack: Pack::Open(Arc::new(pack)), entries: 0, deleted: 0 };
        node.push(id, pairs);
        node
    }

    /// Entries that are there.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries as usize
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.pack.heap_bytes()
    }

    /// Whether an entry more makes it larger than a node may be; 0 is no limit.
    #[must_use]
    pub fn is_full(&self, added_bytes: usize, bytes_max: u64, entries_max: u64) -> bool {
        let count =
            |number: u32| listpack::element_bytes(itoa::Buffer::new().format(number).as_bytes());
        let bytes = self.pack.bytes().len() - HEAD_BYTES
            + REDIS_AROUND_BYTES
            + count(self.entries)
            + count(self.deleted);
        (bytes_max > 0 && (bytes + added_bytes) as u64 >= bytes_max)
            || (entries_max > 0 && u64::from(self.entries) + u64::from(self.deleted) >= entries_max)
    }

    /// Adds an entry behind the others.
    pub fn push<'w>(&mut self, id: StreamId, pairs: impl Iterator<Item = &'w [u8]> + Clone) {
        let is_same = self.has_fields(pairs.clone().step_by(2));
        let pack = self.pack.open();
        let mut push = |element| listpack::push_uncounted(pack, element);
        push(Element::Int(if is_same { flag::SAME_FIELDS } else { 0 }));
        push(Element::Int(id.ms.wrapping_sub(self.id.ms) as i64));
        push(Element::Int(id.seq.wrapping_sub(self.id.seq) as i64));
        let mut elements = 3;
        if is_same {
            for value in pairs.skip(1).step_by(2) {
                push(Element::of(value));
                elements += 1;
            }
        } else {
            push(Element::Int((pairs.clone().count() / 2) as i64));
            elements += 1;
            for text in pairs {
                push(Element::of(text));
                elements += 1;
            }
        }
        push(Element::Int(elements));
        self.entries += 1;
    }

    /// Keeps no room for entries to come; returns the buffer that had it, for the next node: so
    /// the nodes of a stream lie side by side, and none is made longer step by step.
    pub fn seal(&mut self) -> Vec<u8> {
        let Pack::Open(bytes) = &self.pack else { return Vec::new() };
        let sealed = Pack::Sealed(Arc::from(&bytes[..]));
        match core::mem::replace(&mut self.pack, sealed) {
            Pack::Open(bytes) => Arc::try_unwrap(bytes).unwrap_or_default(),
            Pack::Sealed(_) => Vec::new(),
        }
    }

    fn has_fields<'w>(&self, fields: impl Iterator<Item = &'w [u8]>) -> bool {
        let mut digits = itoa::Buffer::new();
        let mut own = self.fields();
        for field in fields {
            if own.next().is_none_or(|own| own.bytes(&mut digits) != field) {
                return false;
            }
        }
        own.next().is_none()
    }

    fn view(&self) -> Listpack<'_> {
        Listpack::new(self.pack.bytes())
    }

    /// The fields of the node.
    fn fields(&self) -> impl Iterator<Item = Element<'_>> + Clone {
        fields_of(self.view())
    }

    /// How many fields the node has, and where its first entry begins.
    fn head(&self) -> (usize, Option<usize>) {
        let pack = self.view();
        let fields = fields_of(pack).count();
        (fields, (0..fields + 2).try_fold(HEAD_BYTES, |at, _| pack.next(at)))
    }

    /// The entries, those included that are deleted.
    fn all(&self) -> impl Iterator<Item = Entry<'_>> {
        let pack = self.view();
        let (fields, mut next) = self.head();
        core::iter::from_fn(move || {
            let (entry, end) = read_entry(pack, self.id, fields, next?)?;
            next = (end < pack.bytes().len()).then_some(end);
            Some(entry)
        })
    }

    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.all().filter(|entry| !entry.is_deleted)
    }

    /// The entries from the last to the first, those included that are deleted.
    fn all_rev(&self) -> impl Iterator<Item = Entry<'_>> {
        let pack = self.view();
        let (fields, first) = self.head();
        let mut end = pack.bytes().len();
        core::iter::from_fn(move || {
            let count = pack.prev(end).filter(|_| first.is_some_and(|first| end > first))?;
            let elements = len_of(pack.get(count))?;
            end = (0..elements).try_fold(count, |at, _| pack.prev(at))?;
            read_entry(pack, self.id, fields, end).map(|(entry, _)| entry)
        })
    }

    /// The entries from the last to the first.
    pub fn iter_rev(&self) -> impl Iterator<Item = Entry<'_>> {
        self.all_rev().filter(|entry| !entry.is_deleted)
    }

    /// The ID of the last entry that is there.
    #[must_use]
    pub fn top_id(&self) -> Option<StreamId> {
        self.iter_rev().next().map(|entry| entry.id)
    }

    /// The ID of the last entry, be it deleted.
    #[must_use]
    pub fn last_id(&self) -> StreamId {
        self.all_rev().next().map_or(self.id, |entry| entry.id)
    }

    /// Deletes the entry with this ID; false if it is not there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let at = self.iter().find(|entry| entry.id == id).map(|entry| entry.start);
        if let Some(at) = at {
            self.mark_deleted(at);
        }
        at.is_some()
    }

    /// Deletes entries from the first on, as long as `is_next` says so; how many.
    pub fn delete_first(&mut self, mut is_next: impl FnMut(StreamId) -> bool) -> usize {
        let starts: Vec<usize> =
            self.iter().take_while(|entry| is_next(entry.id)).map(|entry| entry.start).collect();
        starts.iter().for_each(|&start| self.mark_deleted(start));
        starts.len()
    }

    fn mark_deleted(&mut self, start: usize) {
        // Flags are small integers, which are stored as they are.
        self.pack.bytes_mut()[start] |= flag::DELETED as u8;
        self.entries -= 1;
        self.deleted += 1;
    }

    /// The listpack as Redis stores it.
    pub fn to_redis(&self, out: &mut Vec<u8>) {
        let mut whole = listpack::UNCOUNTED.to_vec();
        whole.reserve(self.pack.bytes().len() + 8);
        listpack::push_uncounted(&mut whole, Element::Int(self.entries.into()));
        listpack::push_uncounted(&mut whole, Element::Int(self.deleted.into()));
        whole.extend_from_slice(&self.pack.bytes()[HEAD_BYTES..]);
        let elements = Listpack::new(&whole).iter().count();
        if let Ok(elements) = u16::try_from(elements) {
            whole[1..HEAD_BYTES].copy_from_slice(&elements.to_le_bytes());
        }
        Listpack::new(&whole).to_redis(out);
    }

    /// The node that such a listpack is; `None` when it is damaged, or no entry is in it.
    #[must_use]
    pub fn from_redis(id: StreamId, blob: &[u8]) -> Option<Self> {
        let whole = listpack::from_redis_uncounted(blob)?;
        let view = Listpack::new(&whole);
        let number = |at| match view.get(at) {
            Element::Int(number) => u32::try_from(number).ok(),
            Element::Text(_) => None,
        };
        let first = view.first()?;
        let second = view.next(first)?;
        let (entries, deleted) = (number(first)?, number(second)?);
        let mut pack = listpack::UNCOUNTED.to_vec();
        pack.extend_from_slice(&whole[view.end(second)..]);
        let node = Self { id, pack: Pack::Sealed(Arc::from(pack)), entries, deleted };
        node.is_sound().then_some(node)
    }

    /// Whether the listpack is what its counts say, with IDs in order. Those that are deleted may
    /// be any: XSETID can set the last ID of a stream back behind them, and others follow.
    fn is_sound(&self) -> bool {
        let pack = self.view();
        let Some(first) = pack.first() else { return false };
        let Some(fields) = len_of(pack.get(first)) else { return false };
        let (mut at, mut passed) = (pack.next(first), 0);
        while passed < fields
            && let Some(here) = at
        {
            (at, passed) = (pack.next(here), passed + 1);
        }
        let Some(zero) = at.filter(|&at| pack.get(at) == Element::Int(0)) else { return false };
        let (mut next, mut last, mut counts) = (pack.end(zero), None, [0_u32; 2]);
        while next < pack.bytes().len() {
            let Some((entry, end)) = read_entry(pack, self.id, fields, next) else { return false };
            counts[usize::from(entry.is_deleted)] += 1;
            next = end;
            if entry.is_deleted {
                continue;
            }
            if last.is_some_and(|last| entry.id <= last) || entry.id < self.id {
                return false;
            }
            last = Some(entry.id);
        }
        counts == [self.entries, self.deleted] && self.entries > 0
    }
}

/// A number of fields.
fn len_of(element: Element<'_>) -> Option<usize> {
    match element {
        Element::Int(len) => usize::try_from(len).ok(),
        Element::Text(_) => None,
    }
}

fn fields_of(pack: Listpack<'_>) -> impl Iterator<Item = Element<'_>> + Clone {
    let mut elements = pack.iter().map(|(_, element)| element);
    let len = elements.next().and_then(len_of).unwrap_or(0);
    elements.take(len)
}

/// The entry that begins at `start` in a node with so many fields, and where it ends. `None` when
/// it is not whole.
fn read_entry(
    pack: Listpack<'_>,
    node: StreamId,
    fields: usize,
    start: usize,
) -> Option<(Entry<'_>, usize)> {
    let mut at = start;
    let end = pack.bytes().len();
    let mut int = || {
        let Element::Int(number) = (at < end).then(|| pack.get(at))? else { return None };
        at = pack.end(at);
        Some(number)
    };
    let (flags, ms, seq) = (int()?, int()?, int()?);
    if !(0..=flag::DELETED | flag::SAME_FIELDS).contains(&flags) {
        return None;
    }
    let id =
        StreamId { ms: node.ms.wrapping_add(ms as u64), seq: node.seq.wrapping_add(seq as u64) };
    let is_same = flags & flag::SAME_FIELDS != 0;
    let len = if is_same { fields } else { usize::try_from(int()?).ok()? };
    let body = at;
    let elements = if is_same { len } else { len.checked_mul(2)? };
    for _ in 0..elements {
        at = (at < end).then(|| pack.end(at))?;
    }
    let Element::Int(announced) = (at < end).then(|| pack.get(at))? else { return None };
    let head = if is_same { 3 } else { 4 };
    if announced != (elements + head) as i64 {
        return None;
    }
    let is_deleted = flags & flag::DELETED != 0;
    Some((Entry { id, len, pack, start, body, is_same, is_deleted }, pack.end(at)))
}

impl<'a> Entry<'a> {
    /// Its fields with their values.
    pub fn pairs(self) -> impl Iterator<Item = (Element<'a>, Element<'a>)> {
        let pack = self.pack;
        let mut fields = self.is_same.then(|| fields_of(pack));
        let (mut at, mut left) = (self.body, self.len);
        core::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let mut here = || {
                let element = pack.get(at);
                at = pack.end(at);
                element
            };
            let field = match &mut fields {
                Some(fields) => fields.next()?,
                None => here(),
            };
            Some((field, here()))
        })
    }
}
