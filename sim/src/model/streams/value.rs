//! What a stream is to the model, and how far a group has read.
//!
//! Beside entries and groups Redis keeps three figures: the last ID given, the greatest ID deleted
//! by name, and how many entries there ever were. What a group has read of it is counted as long
//! as nothing was deleted in front of it, and guessed from the figures where it can be.

use std::collections::BTreeMap;

use super::ids::{FIRST, Id};

/// A stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// Fields and values by turns, of each ID.
    pub entries: BTreeMap<Id, Vec<Vec<u8>>>,
    /// The last ID that was given.
    pub last: Id,
    /// The greatest ID that was deleted by name.
    pub max_deleted: Id,
    /// How many entries were ever added.
    pub added: u64,
    /// Groups by their names.
    pub groups: BTreeMap<Vec<u8>, Group>,
}

/// A group of consumers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The last ID that was delivered.
    pub last: Id,
    /// How many entries it has read, if that is known.
    pub read: Option<u64>,
    /// What was delivered and not acknowledged.
    pub pending: BTreeMap<Id, Pending>,
    /// Consumers by their names.
    pub consumers: BTreeMap<Vec<u8>, Seen>,
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// Whose it is.
    pub consumer: Vec<u8>,
    /// When it was delivered last, in ms since 1970.
    pub delivered_ms: i64,
    /// How often it was delivered.
    pub deliveries: u64,
}

/// When a consumer asked and when it got something. The log does not tell, so that two states that
/// differ in nothing else are equal.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// When it asked last, in ms since 1970.
    pub seen_ms: i64,
    /// When it got something last.
    pub active_ms: Option<i64>,
}

impl PartialEq for Seen {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// No count is greater: what is told and logged has a sign. Redis goes on below zero.
pub(super) const COUNT_MAX: u64 = i64::MAX as u64;

impl Stream {
    pub(super) fn top(&self) -> Id {
        self.entries.keys().next_back().copied().unwrap_or(FIRST)
    }

    pub(super) fn first(&self) -> Id {
        self.entries.keys().next().copied().unwrap_or(FIRST)
    }

    pub(super) fn add(&mut self, id: Id, fields: &[Vec<u8>]) {
        self.entries.insert(id, fields.to_vec());
        self.last = id;
        self.added = (self.added + 1).min(COUNT_MAX);
    }

    /// Deletes an entry by its name; false if it is not there.
    pub(super) fn delete(&mut self, id: Id) -> bool {
        let is_there = self.entries.remove(&id).is_some();
        if is_there {
            self.max_deleted = self.max_deleted.max(id);
        }
        is_there
    }

    /// Deletes the first so many entries.
    pub(super) fn trim(&mut self, count: usize) {
        (0..count).for_each(|_| drop(self.entries.pop_first()));
    }

    /// Whether something may have been deleted behind an ID and between entries.
    fn is_torn_from(&self, id: Id) -> bool {
        !self.entries.is_empty()
            && self.max_deleted != FIRST
            && self.max_deleted >= self.first()
            && self.max_deleted >= id
    }

    /// How many entries there ever were up to an ID, if that can be told.
    fn count_up_to(&self, id: Id) -> Option<u64> {
        let len = self.entries.len() as u64;
        if self.added == 0 || self.entries.is_empty() && id <= self.last {
            return Some(self.added);
        }
        if id != FIRST && id < self.max_deleted {
            return None;
        }
        if id == self.last {
            return Some(self.added);
        }
        let is_whole = self.max_deleted == FIRST || self.max_deleted < self.first();
        if id > self.last || !is_whole || id > self.first() {
            return None;
        }
        Some(self.added - len + u64::from(id == self.first()))
    }

    /// What a group has read when it is given one more entry.
    pub(super) fn read_with(&self, group: &Group, id: Id) -> Option<u64> {
        match group.read {
            Some(read) if !self.is_torn_from(group.last) => Some((read + 1).min(COUNT_MAX)),
            _ => self.count_up_to(id),
        }
    }

    /// How many entries a group has not read, if that can be told.
    pub(super) fn lag(&self, group: &Group) -> Option<i64> {
        if self.added == 0 {
            return Some(0);
        }
        let read = match group.read {
            Some(read) if !self.is_torn_from(group.last) => Some(read),
            _ => self.count_up_to(group.last),
        };
        read.map(|read| self.added as i64 - read as i64)
    }

    /// Feeds everything that is durable.
    pub(in crate::model) fn feed(&self, text: &mut impl FnMut(&[u8])) {
        for (&id, fields) in &self.entries {
            text(&bytes(id));
            text(&fields.len().to_le_bytes());
            fields.iter().for_each(|field| text(field));
        }
        [self.last, self.max_deleted, (self.added, 0)].into_iter().for_each(|id| text(&bytes(id)));
        for (name, group) in &self.groups {
            text(name);
            group.feed(text);
        }
    }

    /// The same with every entry delivered at the beginning of time.
    #[must_use]
    pub fn without_times(mut self) -> Self {
        let pending = self.groups.values_mut().flat_map(|group| group.pending.values_mut());
        pending.for_each(|pending| pending.delivered_ms = 0);
        self
    }
}

impl Group {
    fn feed(&self, text: &mut impl FnMut(&[u8])) {
        text(&bytes(self.last));
        text(&bytes((self.read.unwrap_or(u64::MAX), self.pending.len() as u64)));
        for (&id, pending) in &self.pending {
            text(&bytes(id));
            text(&bytes((pending.delivered_ms as u64, pending.deliveries)));
            text(&pending.consumer);
        }
        text(&self.consumers.len().to_le_bytes());
        self.consumers.keys().for_each(|name| text(name));
    }

    /// The IDs that are pending for a consumer, from one on.
    pub(super) fn own(&self, consumer: &[u8], from: Id) -> impl Iterator<Item = (Id, &Pending)> {
        let all = self.pending.range(from..).map(|(&id, pending)| (id, pending));
        all.filter(move |(_, pending)| pending.consumer == consumer)
    }
}

fn bytes(id: Id) -> [u8; 16] {
    super::ids::number(id).to_be_bytes()
}
