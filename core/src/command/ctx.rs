//! What a command works with: the server, its client, its arguments.
//!
//! The methods here are the only way from a command to the keyspace, so that the rules that hold
//! for every command live in one place: a key whose deadline has passed is removed (and that is
//! logged and told) before anybody sees it, reads count as hits or misses and renew the access
//! clock, changes touch watchers.

use bytes::Bytes;

use super::args::Args;
use super::error::CommandError;
use crate::client::Client;
use crate::client::output::Output;
use crate::config::KeyspaceEvents;
use crate::keyspace::{Db, Entry, Key, NewValue, Place, ValueRef};
use crate::server::Server;
use crate::turn::Now;
use crate::value::{Value, number};

/// The context of one command.
#[derive(Debug)]
pub struct Ctx<'a> {
    pub(crate) server: &'a mut Server,
    pub(crate) client: &'a mut Client,
    pub(crate) args: Args<'a>,
    /// Hash of the first key, when it was computed ahead.
    pub(crate) first_hash: Option<(usize, u64)>,
    /// Number of the command in the registry.
    pub(crate) command: u16,
}

impl<'a> Ctx<'a> {
    /// Where the reply goes.
    #[inline]
    pub(crate) fn reply(&mut self) -> &mut Output {
        &mut self.client.output
    }

    /// The clocks, frozen for the turn.
    #[inline]
    pub(crate) fn now(&self) -> Now {
        self.server.now
    }

    /// The argument `at`.
    #[inline]
    pub(crate) fn arg(&self, at: usize) -> &'a [u8] {
        self.args.at(at)
    }

    /// The argument `at` as an integer.
    pub(crate) fn int(&self, at: usize) -> Result<i64, CommandError> {
        number::parse_i64(self.arg(at)).ok_or(CommandError::NotInteger)
    }

    /// The argument `at` as a key.
    #[inline]
    pub(crate) fn key(&self, at: usize) -> Key<'a> {
        let bytes = self.args.at(at);
        match self.first_hash {
            Some((first, hash)) if first == at => Key { bytes, hash },
            _ => self.server.hasher.key(bytes),
        }
    }

    /// The client's database.
    #[inline]
    pub(crate) fn db(&mut self) -> &mut Db {
        &mut self.server.dbs[self.client.db as usize]
    }

    /// Adds to the work this command did, in units of about 100 ns, for the slow log and for
    /// fairness. Commands that walk `n` elements say so.
    pub(crate) fn work(&mut self, units: usize) {
        self.server.ledger.cost += units as u64;
    }

    /// The entry of `key` for a command that reads it: removes it when its deadline has passed,
    /// counts a hit or a miss, renews the access clock.
    #[inline]
    pub(crate) fn read(&mut self, key: Key<'_>) -> Option<Place> {
        let place = self.find_used(key);
        self.count(key, place)
    }

    /// As [`Ctx::read`], but the access clock stays: for commands that ask about a key, not for
    /// its value.
    #[inline]
    pub(crate) fn look(&mut self, key: Key<'_>) -> Option<Place> {
        let place = self.peek(key);
        self.count(key, place)
    }

    /// Counts a hit or a miss.
    #[inline]
    fn count(&mut self, key: Key<'_>, place: Option<Place>) -> Option<Place> {
        if place.is_some() {
            self.server.stats.keyspace_hits += 1;
        } else {
            self.server.stats.keyspace_misses += 1;
            self.notify(KeyspaceEvents::KEY_MISS, "keymiss", key.bytes);
        }
        place
    }

    /// The entry of `key` for a command that changes it: as [`Ctx::read`], but nothing is counted.
    #[inline]
    pub(crate) fn write(&mut self, key: Key<'_>) -> Option<Place> {
        self.find_used(key)
    }

    /// The entry of `key` with its access clock renewed.
    #[inline]
    fn find_used(&mut self, key: Key<'_>) -> Option<Place> {
        if self.renews_clocks() {
            self.server.find_used(self.client.db, key, Some(&mut *self.client))
        } else {
            self.peek(key)
        }
    }

    /// Whether a use renews the access clock: not if CLIENT NO-TOUCH asked for that, but TOUCH does
    /// it anyway.
    #[inline]
    pub(crate) fn renews_clocks(&self) -> bool {
        !self.client.no_touch || self.server.command(self.command).name == "touch"
    }

    /// The entry of `key` without counting or touching; removed when its deadline has passed.
    #[inline]
    pub(crate) fn peek(&mut self, key: Key<'_>) -> Option<Place> {
        self.server.find_live(self.client.db, key, Some(&mut *self.client))
    }

    /// The entry at `place` of the client's database.
    #[inline]
    pub(crate) fn entry(&self, place: Place) -> Entry<'_> {
        self.server.dbs[self.client.db as usize].entry(place)
    }

    /// The string at `place`; an error when another type is there.
    #[inline]
    pub(crate) fn string(&self, place: Place) -> Result<Text<'_>, CommandError> {
        Text::of(self.entry(place).value())
    }

    /// Stores `value` under `key` with a deadline or without; `place` is where the key is now. The
    /// key counts as changed; the event is the caller's.
    pub(crate) fn set(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        value: NewValue<'_>,
        expire_at_ms: Option<u64>,
    ) {
        let clock = match place {
            Some(place) => self.entry(place).clock(),
            None => self.server.new_clock(),
        };
        self.set_used(key, place, value, expire_at_ms, clock);
    }

    /// As [`Ctx::write`] followed by [`Ctx::set`], with one visit of the record less.
    #[inline]
    pub(crate) fn assign(&mut self, key: Key<'_>, value: NewValue<'_>, expire_at_ms: Option<u64>) {
        let found = self.server.look_live(self.client.db, key, Some(&mut *self.client));
        let clock = match found {
            Some((_, clock)) if self.renews_clocks() => self.server.used_clock(clock),
            Some((_, clock)) => clock,
            None => self.server.new_clock(),
        };
        self.set_used(key, found.map(|(place, _)| place), value, expire_at_ms, clock);
    }

    /// As [`Ctx::set`], with this access clock.
    pub(crate) fn set_used(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        value: NewValue<'_>,
        expire_at_ms: Option<u64>,
        clock: u32,
    ) {
        let old = self.db().set(key, place, value, expire_at_ms, clock);
        if old.is_some() {
            self.server.free(old, self.server.config.lazyfree_lazy_server_del);
        }
        self.modified(key.bytes);
        if place.is_none() {
            self.notify(KeyspaceEvents::NEW, "new", key.bytes);
        }
    }

    /// Removes the entry of `key` at `place`. The key counts as changed; the event is the caller's.
    pub(crate) fn remove(&mut self, key: Key<'_>, place: Place) {
        self.delete(key, place, self.server.config.lazyfree_lazy_server_del);
    }

    /// As [`Ctx::remove`]; a large value is freed elsewhere when `lazily`.
    pub(crate) fn delete(&mut self, key: Key<'_>, place: Place, lazily: bool) {
        let value = self.db().remove(key, place);
        self.server.free(value, lazily);
        self.modified(key.bytes);
    }

    /// Sets or takes away the deadline of the entry of `key`. The key counts as changed.
    pub(crate) fn set_expire(&mut self, key: Key<'_>, place: Place, expire_at_ms: Option<u64>) {
        self.db().set_expire(key, place, expire_at_ms);
        self.modified(key.bytes);
    }

    /// Says that `key` of the client's database changed: fails transactions that watch it.
    #[inline]
    pub(crate) fn modified(&mut self, key: &[u8]) {
        self.server.modified(self.client.db, key, Some(&mut *self.client));
    }

    /// Counts changes: what makes the command be logged, and `rdb_changes_since_last_save`.
    #[inline]
    pub(crate) fn dirty(&mut self, changes: usize) {
        self.server.stats.dirty += changes as u64;
    }

    /// Publishes a keyspace event about `key` of the client's database, if clients want to know.
    #[inline]
    pub(crate) fn notify(&mut self, class: KeyspaceEvents, event: &str, key: &[u8]) {
        if !self.server.config.notify_keyspace_events.is_empty() {
            let db = self.client.db;
            self.server.notify(class, event, key, db, Some(&mut *self.client));
        }
    }

    /// Whether changes are logged at all: where not, [`Ctx::propagate`] needs no words.
    #[inline]
    pub(crate) fn is_logged(&self) -> bool {
        self.server.log.is_on
    }

    /// Logs `words` in place of the command as it was sent. May be called several times; the
    /// command counts as changed only if [`Ctx::dirty`] says so too.
    pub(crate) fn propagate(&mut self, words: &[&[u8]]) {
        self.server.log.replace(words);
    }

    /// Logs nothing for this command whatever it changed.
    pub(crate) fn propagate_nothing(&mut self) {
        self.server.log.replace_with_nothing();
    }
}

/// A string value read in place.
#[derive(Debug)]
pub(crate) enum Text<'a> {
    /// Bytes in a record.
    Inline(&'a [u8]),
    /// Bytes that can be shared.
    Shared(&'a Bytes),
    /// An integer's canonical text.
    Int(i64),
}

impl<'a> Text<'a> {
    /// The string that `value` is; an error when it is another type.
    #[inline]
    pub(crate) fn of(value: ValueRef<'a>) -> Result<Self, CommandError> {
        match value {
            ValueRef::String(bytes) => Ok(Self::Inline(bytes)),
            ValueRef::Int(number) => Ok(Self::Int(number)),
            ValueRef::Object(Value::String(bytes)) => Ok(Self::Shared(bytes)),
            ValueRef::Pack(_) | ValueRef::Object(_) => Err(CommandError::WrongType),
        }
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Inline(bytes) => bytes.len(),
            Self::Shared(bytes) => bytes.len(),
            Self::Int(number) => itoa::Buffer::new().format(*number).len(),
        }
    }

    /// The bytes; `room` holds those of an integer.
    pub(crate) fn bytes<'b>(&'b self, room: &'b mut itoa::Buffer) -> &'b [u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Shared(bytes) => bytes,
            Self::Int(number) => room.format(*number).as_bytes(),
        }
    }

    /// The bytes by reference count, copied if they lie in a record.
    pub(crate) fn to_bytes(&self) -> Bytes {
        match self {
            Self::Inline(bytes) => Bytes::copy_from_slice(bytes),
            Self::Shared(bytes) => (*bytes).clone(),
            Self::Int(number) => {
                Bytes::copy_from_slice(itoa::Buffer::new().format(*number).as_bytes())
            }
        }
    }

    /// Writes it as a bulk string.
    #[inline]
    pub(crate) fn write(&self, output: &mut Output) {
        match self {
            Self::Inline(bytes) => output.bulk(bytes),
            Self::Shared(bytes) => output.bulk_shared(bytes),
            Self::Int(number) => output.bulk_int(*number),
        }
    }
}
