//! Consumer groups: how far a group has read, and what was delivered and not acknowledged.
//!
//! An entry that was delivered is *pending* until somebody acknowledges it; it belongs to one
//! consumer. The group has all pending entries in order, each consumer the IDs of its own.
//! Consumers are numbered, so that a pending entry says in four bytes whose it is.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use triomphe::Arc;

use super::id::StreamId;
use super::row::{Keyed, Row};

/// No count is greater, as the log tells them with a sign. Redis counts on below zero, and cannot
/// replay what it then writes.
pub const COUNT_MAX: u64 = i64::MAX as u64;

/// A pending entry.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// The entry's ID.
    pub id: StreamId,
    /// When it was delivered last, in ms since 1970.
    pub delivered_at_ms: i64,
    /// How often it was delivered.
    pub deliveries: u64,
    /// The number of its consumer.
    pub consumer: u32,
}

impl Keyed for Pending {
    fn id(&self) -> StreamId {
        self.id
    }
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Arc<[u8]>,
    /// When it asked for something last, in ms since 1970.
    pub seen_at_ms: i64,
    /// When it got something last, in ms since 1970.
    pub active_at_ms: Option<i64>,
    pending: Row<StreamId>,
}

impl Consumer {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The IDs of its pending entries.
    #[must_use]
    pub fn pending(&self) -> &Row<StreamId> {
        &self.pending
    }
}

/// What a consumer holds outside of itself: its name twice, and an entry of an index.
const CONSUMER_BYTES: usize = 96;

/// A consumer group.
#[derive(Clone, Debug, Default)]
pub struct ConsumerGroup {
    /// The last entry that was delivered to it.
    pub last_id: StreamId,
    /// How many entries of the stream it has read, if that is known.
    pub entries_read: Option<u64>,
    pending: Row<Pending>,
    numbers: BTreeMap<Arc<[u8]>, u32>,
    consumers: Vec<Option<Consumer>>,
}

impl ConsumerGroup {
    /// A group that has read up to `last_id`.
    #[must_use]
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Self { last_id, entries_read, ..Self::default() }
    }

    /// All pending entries.
    #[must_use]
    pub fn pending(&self) -> &Row<Pending> {
        &self.pending
    }

    /// Bytes that it holds; at once, so the names count as short ones.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let of_consumer = size_of::<Option<Consumer>>() + CONSUMER_BYTES;
        self.pending.heap_bytes()
            + self.pending.len() * size_of::<StreamId>()
            + self.consumers.len() * of_consumer
    }

    /// The consumers with their numbers, in the order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = (u32, &Consumer)> {
        self.numbers.values().filter_map(|&number| Some((number, self.consumer(number)?)))
    }

    /// How many consumers there are.
    #[must_use]
    pub fn consumers_len(&self) -> usize {
        self.numbers.len()
    }

    /// The number of the consumer with this name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The consumer with this number.
    #[must_use]
    pub fn consumer(&self, number: u32) -> Option<&Consumer> {
        self.consumers.get(number as usize)?.as_ref()
    }

    /// The same, to be changed.
    pub fn consumer_mut(&mut self, number: u32) -> Option<&mut Consumer> {
        self.consumers.get_mut(number as usize)?.as_mut()
    }

    /// Adds a consumer; the number of the one that has the name already, or of the new one.
    pub fn add(&mut self, name: &[u8], now_ms: i64) -> u32 {
        if let Some(number) = self.find(name) {
            return number;
        }
        let name: Arc<[u8]> = Arc::from(name.to_vec());
        let free = self.consumers.iter().position(Option::is_none);
        let number = free.unwrap_or(self.consumers.len());
        if free.is_none() {
            self.consumers.push(None);
        }
        self.consumers[number] = Some(Consumer {
            name: name.clone(),
            seen_at_ms: now_ms,
            active_at_ms: None,
            pending: Row::default(),
        });
        self.numbers.insert(name, number as u32);
        number as u32
    }

    /// Takes a consumer and its pending entries away; how many these were.
    pub fn remove(&mut self, name: &[u8]) -> Option<usize> {
        let number = self.numbers.remove(name)?;
        let consumer = self.consumers.get_mut(number as usize)?.take()?;
        consumer.pending.iter().for_each(|&id| {
            self.pending.remove(id);
        });
        Some(consumer.pending.len())
    }

    /// Delivers an entry to a consumer, which it belongs to from now on.
    pub fn deliver(&mut self, pending: Pending) {
        let old = self.pending.insert(pending).map(|old| old.consumer);
        if old == Some(pending.consumer) {
            return;
        }
        if let Some(old) = old.and_then(|old| self.consumer_mut(old)) {
            old.pending.remove(pending.id);
        }
        if let Some(consumer) = self.consumer_mut(pending.consumer) {
            consumer.pending.insert(pending.id);
        }
    }

    /// Adds an entry that is pending and belongs to nobody yet; false if it was there.
    pub(crate) fn adopt(&mut self, id: StreamId, delivered_at_ms: i64, deliveries: u64) -> bool {
        let pending = Pending { id, delivered_at_ms, deliveries, consumer: u32::MAX };
        self.pending.insert(pending).is_none()
    }

    /// Says to whom such an entry belongs; false if it is not pending, or is somebody's.
    pub(crate) fn give(&mut self, id: StreamId, consumer: u32) -> bool {
        let is_free = self.pending.get(id).is_some_and(|pending| pending.consumer == u32::MAX);
        if !is_free {
            return false;
        }
        if let Some(pending) = self.pending.get_mut(id) {
            pending.consumer = consumer;
        }
        self.consumer_mut(consumer).is_some_and(|owner| owner.pending.insert(id).is_none())
    }

    /// Ends the pending entry with this ID; false if there is none.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(id) else { return false };
        if let Some(consumer) = self.consumer_mut(pending.consumer) {
            consumer.pending.remove(id);
        }
        true
    }
}
