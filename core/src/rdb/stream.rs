//! Streams, written and read a piece at a time.
//!
//! Nodes first, each a string of sixteen bytes and a listpack; then the number of entries and what
//! the stream knows; then the groups, each with its pending entries and its consumers, and each
//! consumer with the IDs of those that are its own. Three versions differ in what they know: the
//! first has the last ID only (Redis 5), the second the first ID, the greatest deleted one, how
//! many entries were added and what each group has read (Redis 7.0), the third when a consumer was
//! active (Redis 7.2). See rdb.c, `rdbLoadStreamObject`.
//!
//! Every step reads one thing whole before it counts, so that reading can stop between any two. The
//! hard case is a file that contradicts itself: nodes out of order, a pending entry that is
//! nobody's or two consumers', a length that the nodes do not have. All of these are damage.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::cursor::Stop;
use super::encode::{self, Encoder};
use super::format::{Version, kind};
use super::open::{Reading, damaged};
use crate::value::Stream;
use crate::value::stream::Figures;
use crate::value::stream::group::{Consumer, ConsumerGroup};
use crate::value::stream::id::StreamId;
use crate::value::stream::node::Node;
use crate::value::stream::row::Keyed;

/// What a version of the form knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    LastId,
    Figures,
    Activity,
}

impl Form {
    fn of(number: u8) -> Option<Self> {
        Some(match number {
            kind::STREAM_LISTPACKS => Self::LastId,
            kind::STREAM_LISTPACKS_2 => Self::Figures,
            kind::STREAM_LISTPACKS_3 => Self::Activity,
            _ => return None,
        })
    }
}

/// The number of the type in a version of the format.
pub(super) fn type_number(version: Version) -> u8 {
    match version {
        Version::V9 => kind::STREAM_LISTPACKS,
        Version::V10 => kind::STREAM_LISTPACKS_2,
        Version::V11 | Version::V12 => kind::STREAM_LISTPACKS_3,
    }
}

/// Things that one step writes.
const STEP: usize = 128;

/// A stream on its way to a file.
#[derive(Debug)]
pub(super) struct StreamWriter {
    stream: Stream,
    form: Form,
    next: Part,
}

/// What comes next.
#[derive(Debug)]
enum Part {
    /// Nodes from this ID on.
    Nodes(StreamId),
    Head,
    /// The group behind the one with this name, or the first.
    Group(Option<Box<[u8]>>),
    /// Pending entries of a group from this ID on.
    Pending(Box<[u8]>, StreamId),
    /// The consumers of a group.
    Consumers(Box<[u8]>),
    Done,
}

impl StreamWriter {
    pub(super) fn begin(out: &mut Vec<u8>, stream: &Stream, version: Version) -> Self {
        encode::length(out, stream.nodes().len());
        let form = Form::of(type_number(version)).expect("it is a stream's");
        Self { stream: stream.clone(), form, next: Part::Nodes(StreamId::MIN) }
    }

    /// Writes some more; `false` when there is nothing left.
    pub(super) fn step(&mut self, encoder: &mut Encoder, out: &mut Vec<u8>) -> bool {
        self.next = match core::mem::replace(&mut self.next, Part::Done) {
            Part::Nodes(from) => self.nodes(encoder, out, from),
            Part::Head => self.head(out),
            Part::Group(last) => self.group(encoder, out, last.as_deref()),
            Part::Pending(group, from) => self.pending(out, group, from),
            Part::Consumers(group) => self.consumers(encoder, out, group),
            Part::Done => Part::Done,
        };
        !matches!(self.next, Part::Done)
    }

    fn nodes(&self, encoder: &mut Encoder, out: &mut Vec<u8>, from: StreamId) -> Part {
        let mut nodes = self.stream.nodes().iter_from(from);
        let mut blob = Vec::new();
        for node in nodes.by_ref().take(STEP) {
            blob.clear();
            node.to_redis(&mut blob);
            encoder.string(out, &node.id().to_be_bytes());
            encoder.string(out, &blob);
        }
        nodes.next().map_or(Part::Head, |node| Part::Nodes(node.id()))
    }

    fn head(&self, out: &mut Vec<u8>) -> Part {
        let Figures { last_id, max_deleted_id, entries_added } = self.stream.figures();
        encode::length(out, self.stream.len());
        id(out, last_id);
        if self.form >= Form::Figures {
            id(out, self.stream.first_id());
            id(out, max_deleted_id);
            encode::length(out, entries_added as usize);
        }
        encode::length(out, self.stream.groups_len());
        Part::Group(None)
    }

    fn group(&self, encoder: &mut Encoder, out: &mut Vec<u8>, last: Option<&[u8]>) -> Part {
        let mut groups = self.stream.groups();
        let group = groups.find(|(name, _)| last.is_none_or(|last| *name > last));
        let Some((name, group)) = group else { return Part::Done };
        encoder.string(out, name);
        id(out, group.last_id);
        if self.form >= Form::Figures {
            let read = group.entries_read.unwrap_or(u64::MAX);
            encode::length(out, read as usize);
        }
        encode::length(out, group.pending().len());
        Part::Pending(name.into(), StreamId::MIN)
    }

    fn pending(&self, out: &mut Vec<u8>, name: Box<[u8]>, from: StreamId) -> Part {
        let Some(group) = self.stream.group(&name) else { return Part::Done };
        let mut pending = group.pending().iter_from(from);
        for pending in pending.by_ref().take(STEP) {
            out.extend_from_slice(&pending.id.to_be_bytes());
            out.extend_from_slice(&pending.delivered_at_ms.to_le_bytes());
            encode::length(out, pending.deliveries as usize);
        }
        match pending.next() {
            Some(next) => Part::Pending(name, next.id),
            None => {
                encode::length(out, group.consumers_len());
                Part::Consumers(name)
            }
        }
    }

    fn consumers(&self, encoder: &mut Encoder, out: &mut Vec<u8>, name: Box<[u8]>) -> Part {
        let Some(group) = self.stream.group(&name) else { return Part::Done };
        group.consumers().for_each(|(_, consumer)| self.consumer(encoder, out, consumer));
        Part::Group(Some(name))
    }

    fn consumer(&self, encoder: &mut Encoder, out: &mut Vec<u8>, consumer: &Consumer) {
        encoder.string(out, consumer.name());
        out.extend_from_slice(&consumer.seen_at_ms.to_le_bytes());
        if self.form >= Form::Activity {
            out.extend_from_slice(&consumer.active_at_ms.unwrap_or(-1).to_le_bytes());
        }
        encode::length(out, consumer.pending().len());
        for id in consumer.pending().iter() {
            out.extend_from_slice(&id.to_be_bytes());
        }
    }
}

/// An ID as two lengths.
fn id(out: &mut Vec<u8>, id: StreamId) {
    encode::length(out, id.ms as usize);
    encode::length(out, id.seq as usize);
}

/// A stream that is being read.
#[derive(Debug)]
pub(super) struct StreamReader {
    stream: Stream,
    form: Form,
    next: Next,
    /// The group that is being read.
    name: Box<[u8]>,
    group: ConsumerGroup,
}

/// What is read next, and how many of it are left.
#[derive(Clone, Copy, Debug)]
enum Next {
    Nodes(u64),
    Groups(u64),
    Pending { groups: u64, left: u64 },
    Consumers { groups: u64, left: u64 },
    Owned { groups: u64, consumers: u64, consumer: u32, left: u64 },
}

impl StreamReader {
    /// A stream of this type with so many nodes; `None` for a type that is no stream's.
    pub(super) fn begin(number: u8, nodes: u64) -> Option<Self> {
        let form = Form::of(number)?;
        let (name, group) = (Box::default(), ConsumerGroup::default());
        Some(Self { stream: Stream::default(), form, next: Next::Nodes(nodes), name, group })
    }

    /// The stream; `None` when there is more of it.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.next, Next::Groups(0))
    }

    pub(super) fn finish(self) -> Stream {
        self.stream
    }

    /// Reads the next thing.
    pub(super) fn step(&mut self, from: &mut Reading<'_, '_>) -> Result<(), Stop> {
        self.next = match self.next {
            Next::Nodes(0) => self.head(from)?,
            Next::Nodes(left) => self.node(from, left)?,
            Next::Groups(0) => Next::Groups(0),
            Next::Groups(groups) => self.group(from, groups)?,
            Next::Pending { groups, left: 0 } => {
                Next::Consumers { groups, left: from.cursor.length()? }
            }
            Next::Pending { groups, left } => self.pending(from, groups, left)?,
            Next::Consumers { groups, left: 0 } => self.close_group(from, groups)?,
            Next::Consumers { groups, left } => self.consumer(from, groups, left)?,
            Next::Owned { groups, consumers, left: 0, .. } => {
                Next::Consumers { groups, left: consumers - 1 }
            }
            Next::Owned { groups, consumers, consumer, left } => {
                let start = from.cursor.at();
                let id = StreamId::from_be_bytes(from.cursor.array()?);
                if !self.group.give(id, consumer) {
                    return Err(damaged(start, "a consumer has an entry that is not pending"));
                }
                Next::Owned { groups, consumers, consumer, left: left - 1 }
            }
        };
        Ok(())
    }

    fn node(&mut self, from: &mut Reading<'_, '_>, left: u64) -> Result<Next, Stop> {
        const DAMAGED: &str = "a node of a stream is damaged";
        let start = from.cursor.at();
        let (id, blob) = from.two()?;
        let id = <[u8; 16]>::try_from(from.bytes(&id, 0)).map(StreamId::from_be_bytes);
        let node = id.ok().and_then(|id| Node::from_redis(id, from.bytes(&blob, 1)));
        let node = node.ok_or_else(|| damaged(start, DAMAGED))?;
        if !self.stream.add_node(node) {
            return Err(damaged(start, "nodes of a stream are not in order"));
        }
        Ok(Next::Nodes(left - 1))
    }

    fn head(&mut self, from: &mut Reading<'_, '_>) -> Result<Next, Stop> {
        let start = from.cursor.at();
        let len = from.cursor.length()?;
        let last_id = read_id(from)?;
        let mut figures = Figures { last_id, max_deleted_id: StreamId::MIN, entries_added: len };
        if self.form >= Form::Figures {
            let _first = read_id(from)?;
            figures.max_deleted_id = read_id(from)?;
            figures.entries_added = from.cursor.length()?;
        }
        let groups = from.cursor.length()?;
        let last = self.stream.top_id();
        if len != self.stream.len() as u64 || last.is_some_and(|last| last > last_id) {
            return Err(damaged(start, "a stream has other entries than it says"));
        }
        // Entries that were never added cannot be there.
        figures.entries_added = figures.entries_added.max(len);
        self.stream.set_figures(figures);
        Ok(Next::Groups(groups))
    }

    fn group(&mut self, from: &mut Reading<'_, '_>, groups: u64) -> Result<Next, Stop> {
        let name = from.string(0)?;
        let name: Box<[u8]> = from.element(&name, 0).bytes(&mut itoa::Buffer::new()).into();
        let last_id = read_id(from)?;
        let entries_read = match self.form {
            // As Redis does: what a group has read may be told by where it is.
            Form::LastId => self.stream.added_up_to(last_id),
            _ => Some(from.cursor.length()?).filter(|&read| read != u64::MAX),
        };
        let left = from.cursor.length()?;
        (self.name, self.group) = (name, ConsumerGroup::new(last_id, entries_read));
        Ok(Next::Pending { groups, left })
    }

    fn pending(
        &mut self,
        from: &mut Reading<'_, '_>,
        groups: u64,
        left: u64,
    ) -> Result<Next, Stop> {
        let start = from.cursor.at();
        let id = StreamId::from_be_bytes(from.cursor.array()?);
        let delivered_at_ms = i64::from_le_bytes(from.cursor.array()?);
        let deliveries = from.cursor.length()?;
        if !self.group.adopt(id, delivered_at_ms, deliveries) {
            return Err(damaged(start, "an entry is pending twice"));
        }
        Ok(Next::Pending { groups, left: left - 1 })
    }

    fn consumer(
        &mut self,
        from: &mut Reading<'_, '_>,
        groups: u64,
        left: u64,
    ) -> Result<Next, Stop> {
        let start = from.cursor.at();
        let name = from.string(0)?;
        let seen_at_ms = i64::from_le_bytes(from.cursor.array()?);
        let active_at_ms = match self.form {
            Form::Activity => i64::from_le_bytes(from.cursor.array()?),
            // As Redis does: who has something was active when it was seen.
            _ => seen_at_ms,
        };
        let owned = from.cursor.length()?;
        let name = from.element(&name, 0);
        let mut digits = itoa::Buffer::new();
        let name = name.bytes(&mut digits);
        if self.group.find(name).is_some() {
            return Err(damaged(start, "a group has a consumer twice"));
        }
        let consumer = self.group.add(name, seen_at_ms);
        if let Some(added) = self.group.consumer_mut(consumer) {
            added.active_at_ms = (active_at_ms != -1).then_some(active_at_ms);
        }
        Ok(Next::Owned { groups, consumers: left, consumer, left: owned })
    }

    fn close_group(&mut self, from: &Reading<'_, '_>, groups: u64) -> Result<Next, Stop> {
        let at = from.cursor.at();
        let group = core::mem::take(&mut self.group);
        let owned: usize = group.consumers().map(|(_, one)| one.pending().len()).sum();
        if owned != group.pending().len() {
            return Err(damaged(at, "a pending entry is no consumer's"));
        }
        if !self.stream.add_group(&self.name, group) {
            return Err(damaged(at, "a stream has a group twice"));
        }
        Ok(Next::Groups(groups - 1))
    }
}

fn read_id(from: &mut Reading<'_, '_>) -> Result<StreamId, Stop> {
    Ok(StreamId { ms: from.cursor.length()?, seq: from.cursor.length()? })
}
