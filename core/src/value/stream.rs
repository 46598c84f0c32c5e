//! Streams: entries in the order of their IDs, and groups that read them together.
//!
//! Entries lie in [nodes](node) of up to a hundred, in the form that dumps have; nodes, and the
//! pending entries of a [group], in [rows](row) of shared chunks, so that a copy of a stream, for
//! a snapshot, costs a pointer and the first change after it little more than the chunk it is in.
//!
//! A stream knows more than its entries: the last ID that it gave, how many entries were ever
//! added, and the greatest ID that was deleted. From these three a group's lag is computed without
//! counting, where they tell it (see [`Stream::lag`]); the rules are Redis's (t_stream.c).
//!
//! Limits: a stream never becomes anything small again, and has one form only.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use triomphe::Arc;

pub mod group;
pub mod id;
pub mod node;
pub mod row;

use group::{COUNT_MAX, ConsumerGroup};
use id::StreamId;
use node::{Entry, Node};
use row::Row;

/// How large a node may become: `stream-node-max-bytes`, `stream-node-max-entries`; 0 is no limit.
#[derive(Clone, Copy, Debug)]
pub struct NodeLimits {
    /// Bytes, as Redis counts them.
    pub bytes: u64,
    /// Entries, those included that were deleted.
    pub entries: u64,
}

/// What to keep of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The last so many entries.
    Last(u64),
    /// The entries from this ID on.
    From(StreamId),
}

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream(Arc<Inner>);

#[derive(Clone, Debug, Default)]
struct Inner {
    nodes: Row<Node>,
    len: usize,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
    node_bytes: usize,
    groups: BTreeMap<Box<[u8]>, Arc<ConsumerGroup>>,
}

/// What a stream knows beside its entries and groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The last ID that was given, be the entry there or not.
    pub last_id: StreamId,
    /// The greatest ID that was deleted.
    pub max_deleted_id: StreamId,
    /// Entries that were ever added.
    pub entries_added: u64,
}

impl Stream {
    /// Entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Whether there is no entry. An empty stream is there all the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Bytes that it holds outside of itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let groups: usize = self
            .groups()
            .map(|(name, group)| name.len() + size_of::<ConsumerGroup>() + group.heap_bytes())
            .sum();
        size_of::<Inner>() + self.0.nodes.heap_bytes() + self.0.node_bytes + groups
    }

    /// What it knows beside its entries and groups.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let Inner { last_id, max_deleted_id, entries_added, .. } = *self.0;
        Figures { last_id, max_deleted_id, entries_added }
    }

    /// Sets what it knows; whether that can be true is the caller's to see.
    pub fn set_figures(&mut self, figures: Figures) {
        let inner = Arc::make_mut(&mut self.0);
        inner.last_id = figures.last_id;
        inner.max_deleted_id = figures.max_deleted_id;
        inner.entries_added = figures.entries_added;
    }

    /// The last ID that was given.
    #[must_use]
    pub fn last_id(&self) -> StreamId {
        self.0.last_id
    }

    /// The ID of the first entry; the lowest ID when there is none.
    #[must_use]
    pub fn first_id(&self) -> StreamId {
        self.iter_from(StreamId::MIN).next().map_or(StreamId::MIN, |entry| entry.id)
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &Row<Node> {
        &self.0.nodes
    }

    /// The entries from this ID on.
    pub fn iter_from(&self, id: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let nodes = &self.0.nodes;
        let first = nodes.floor(id).map_or(id, row::Keyed::id);
        nodes.iter_from(first).flat_map(Node::iter).skip_while(move |entry| entry.id < id)
    }

    /// The entries up to this ID, from the last to the first.
    pub fn iter_back(&self, id: StreamId) -> impl Iterator<Item = Entry<'_>> {
        self.0.nodes.iter_back(id).flat_map(Node::iter_rev).skip_while(move |entry| entry.id > id)
    }

    /// The ID of the last entry.
    #[must_use]
    pub fn top_id(&self) -> Option<StreamId> {
        self.0.nodes.last()?.top_id()
    }

    /// The entry with this ID.
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.0.nodes.floor(id)?.iter().find(|entry| entry.id == id)
    }

    /// Adds an entry of fields and values in turns. Its ID is above [`Stream::last_id`].
    pub fn add<'w>(
        &mut self,
        id: StreamId,
        pairs: impl Iterator<Item = &'w [u8]> + Clone,
        limits: NodeLimits,
    ) {
        assert!(id > self.0.last_id, "IDs of a stream grow");
        let inner = Arc::make_mut(&mut self.0);
        let bytes = pairs.clone().map(<[u8]>::len).sum();
        let has_room = |node: &Node| !node.is_full(bytes, limits.bytes, limits.entries);
        if inner.nodes.last().is_some_and(has_room) {
            let node = inner.nodes.last_mut().expect("it was seen");
            let before = node.heap_bytes();
            node.push(id, pairs);
            inner.node_bytes += node.heap_bytes() - before;
        } else {
            let buffer = inner.seal_last();
            let node = Node::new(id, pairs, buffer);
            inner.node_bytes += node.heap_bytes();
            inner.nodes.insert(node);
        }
        inner.len += 1;
        inner.entries_added = (inner.entries_added + 1).min(COUNT_MAX);
        inner.last_id = id;
    }

    /// Adds a node that was read elsewhere; false if its ID is not above the others.
    pub(crate) fn add_node(&mut self, node: Node) -> bool {
        let inner = Arc::make_mut(&mut self.0);
        let top = inner.nodes.last().and_then(Node::top_id);
        if top.is_some_and(|top| top >= row::Keyed::id(&node)) {
            return false;
        }
        inner.len += node.entries();
        inner.node_bytes += node.heap_bytes();
        inner.nodes.insert(node);
        true
    }

    /// Deletes an entry; false if it is not there. The greatest deleted ID stays what it is.
    pub fn delete(&mut self, id: StreamId) -> bool {
        if self.get(id).is_none() {
            return false;
        }
        let inner = Arc::make_mut(&mut self.0);
        let Some(node_id) = inner.nodes.floor(id).map(row::Keyed::id) else { return false };
        let Some(node) = inner.nodes.get_mut(node_id) else { return false };
        node.delete(id);
        inner.len -= 1;
        if node.entries() == 0 {
            inner.remove_node(node_id);
        }
        true
    }

    /// Deletes an entry for a client that asked for it by its ID.
    pub fn delete_for_good(&mut self, id: StreamId) -> bool {
        let is_deleted = self.delete(id);
        if is_deleted {
            let inner = Arc::make_mut(&mut self.0);
            inner.max_deleted_id = inner.max_deleted_id.max(id);
        }
        is_deleted
    }

    /// Deletes the entries that are not to be kept, the first first; how many. When it may be done
    /// `approximately`, only whole nodes are, with `limit` entries at most if it is not 0.
    pub fn trim(&mut self, keep: Keep, approximately: bool, limit: u64) -> usize {
        let mut deleted = 0;
        while let Some(node) = self.0.nodes.first() {
            let (entries, len) = (node.entries(), self.0.len as u64);
            let keeps_all = match keep {
                Keep::Last(last) => len <= last,
                Keep::From(id) => row::Keyed::id(node) >= id,
            };
            if keeps_all || (limit > 0 && (deleted + entries) as u64 > limit) {
                break;
            }
            let is_whole = match keep {
                Keep::Last(last) => len - entries as u64 >= last,
                Keep::From(id) => node.last_id() < id,
            };
            let node_id = row::Keyed::id(node);
            if is_whole {
                let inner = Arc::make_mut(&mut self.0);
                inner.len -= entries;
                inner.remove_node(node_id);
                deleted += entries;
                continue;
            }
            if !approximately {
                deleted += self.trim_node(node_id, keep);
            }
            break;
        }
        deleted
    }

    /// Deletes the first entries of a node, but not all.
    fn trim_node(&mut self, node_id: StreamId, keep: Keep) -> usize {
        let inner = Arc::make_mut(&mut self.0);
        let mut left = inner.len as u64;
        let Some(node) = inner.nodes.get_mut(node_id) else { return 0 };
        let deleted = node.delete_first(|id| match keep {
            Keep::Last(last) => {
                left -= 1;
                left >= last
            }
            Keep::From(first) => id < first,
        });
        inner.len -= deleted;
        if node.entries() == 0 {
            inner.remove_node(node_id);
        }
        deleted
    }

    /// The groups in the order of their names.
    pub fn groups(&self) -> impl Iterator<Item = (&[u8], &ConsumerGroup)> {
        self.0.groups.iter().map(|(name, group)| (&**name, &**group))
    }

    /// How many groups there are.
    #[must_use]
    pub fn groups_len(&self) -> usize {
        self.0.groups.len()
    }

    /// The group with this name.
    #[must_use]
    pub fn group(&self, name: &[u8]) -> Option<&ConsumerGroup> {
        self.0.groups.get(name).map(|group| &**group)
    }

    /// The same, to be changed.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut ConsumerGroup> {
        Arc::make_mut(&mut self.0).groups.get_mut(name).map(Arc::make_mut)
    }

    /// Adds a group; false if there is one with this name.
    pub fn add_group(&mut self, name: &[u8], group: ConsumerGroup) -> bool {
        let is_new = self.group(name).is_none();
        if is_new {
            Arc::make_mut(&mut self.0).groups.insert(name.into(), Arc::new(group));
        }
        is_new
    }

    /// Takes a group away; false if there is none with this name.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        self.group(name).is_some() && Arc::make_mut(&mut self.0).groups.remove(name).is_some()
    }

    /// Takes an entry off the pending entries of every group.
    pub fn acknowledge_everywhere(&mut self, id: StreamId) {
        if self.groups().any(|(_, group)| group.pending().get(id).is_some()) {
            for group in Arc::make_mut(&mut self.0).groups.values_mut() {
                if group.pending().get(id).is_some() {
                    Arc::make_mut(group).acknowledge(id);
                }
            }
        }
    }

    /// Whether a group has not read this entry yet, or not acknowledged it.
    #[must_use]
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.groups().any(|(_, group)| group.last_id < id || group.pending().get(id).is_some())
    }

    /// Whether an entry from `first` on may have been deleted, be it in the middle.
    #[must_use]
    pub fn has_tombstones_from(&self, first: StreamId) -> bool {
        let max_deleted = self.0.max_deleted_id;
        !self.is_empty()
            && max_deleted != StreamId::MIN
            && self.first_id() <= max_deleted
            && first <= max_deleted
    }

    /// How many entries were added up to this ID, if that is certain.
    #[must_use]
    pub fn added_up_to(&self, id: StreamId) -> Option<u64> {
        let Inner { len, last_id, max_deleted_id, entries_added, .. } = *self.0;
        if entries_added == 0 {
            return Some(0);
        }
        if len == 0 && id <= last_id {
            return Some(entries_added);
        }
        if id != StreamId::MIN && id < max_deleted_id {
            return None;
        }
        match id.cmp(&last_id) {
            core::cmp::Ordering::Equal => return Some(entries_added),
            core::cmp::Ordering::Greater => return None,
            core::cmp::Ordering::Less => {}
        }
        let first_id = self.first_id();
        if max_deleted_id != StreamId::MIN && max_deleted_id >= first_id {
            return None;
        }
        let before = entries_added - len as u64;
        match id.cmp(&first_id) {
            core::cmp::Ordering::Less => Some(before),
            core::cmp::Ordering::Equal => Some(before + 1),
            core::cmp::Ordering::Greater => None,
        }
    }

    /// How many entries a group has not read yet, if that is certain.
    #[must_use]
    pub fn lag(&self, group: &ConsumerGroup) -> Option<u64> {
        let added = self.0.entries_added;
        if added == 0 {
            return Some(0);
        }
        let read = match group.entries_read {
            Some(read) if !self.has_tombstones_from(group.last_id) => Some(read),
            _ => self.added_up_to(group.last_id),
        };
        read.map(|read| added.wrapping_sub(read))
    }
}

impl Inner {
    /// Seals the last node, if there is one; a buffer for the next.
    fn seal_last(&mut self) -> Vec<u8> {
        let Some(full) = self.nodes.last_mut() else { return Vec::new() };
        let before = full.heap_bytes();
        let buffer = full.seal();
        self.node_bytes = self.node_bytes + full.heap_bytes() - before;
        buffer
    }

    fn remove_node(&mut self, id: StreamId) {
        if let Some(node) = self.nodes.remove(id) {
            self.node_bytes -= node.heap_bytes();
        }
    }
}

/// Whether so many bytes of fields and values are more than an entry may have (t_stream.c,
/// `STREAM_LISTPACK_MAX_SIZE`).
#[must_use]
pub fn is_too_large(bytes: usize) -> bool {
    bytes > 1 << 30
}

#[cfg(test)]
mod tests;
