//! Clients that wait for keys: BLPOP, BZPOPMIN, XREAD BLOCK and their like.
//!
//! A command that finds nothing calls [`Ctx::block`] with the type and the keys that it waits for,
//! and returns without a reply. Whatever changes a key says so ([`Ctx::modified`]), and if somebody
//! waits for that key it becomes *ready*. After the command, or after the whole transaction, those
//! who wait for ready keys are served in the order in which they came: if the key then holds the
//! type that a client waits for, its command is **executed again**, as it was sent. It finds an
//! element and replies as always, or finds none and calls [`Ctx::block`] again, which keeps its
//! deadline and puts it last. So lists, sorted sets and streams share everything here, and a
//! command needs nothing but:
//!
//! ```text
//! let until_ns = ctx.block_until(timeout_argument)?;      // errors first
//! if let Some(..) = try it { reply; propagate what was done (LPOP for BLPOP); return Ok(()) }
//! if !ctx.may_block() { the reply for nothing; return Ok(()) }      // inside MULTI, in scripts
//! ctx.block(WaitFor { type_name: "list", on_any_change: false, words: None }, keys, until_ns);
//! ```
//!
//! `words` is a request to execute in place of the one that was sent (XREAD whose `$` has become
//! an ID). With `on_any_change` any change of a key, its end included, executes the command again
//! (XREADGROUP, whose group may be gone). A command that blocks must not have changed a key that
//! it waits for: it would be executed for ever.
//!
//! The hard case is the client whose command makes keys ready: it is not in the table of clients
//! while it runs, but may watch a key or subscribe to events. It is put back for the time in which
//! others are served. A client that closes or is closed leaves its queues first, so it never takes
//! an element. While CLIENT PAUSE, a shutdown or the disk holds writes up, or the log is read back,
//! ready keys stay ready.
//!
//! Limits: a recorded server that goes on from a state gives those who wait their whole timeout.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Server;
use crate::client::{Client, ReplyMode};
use crate::command::args::OwnedArgs;
use crate::command::error::{CommandError, Outcome};
use crate::command::{Ctx, dispatch};
use crate::turn::ConnId;
use crate::value::number;

/// What a client waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitFor<'a> {
    /// The type that a key must have, as TYPE names it.
    pub(crate) type_name: &'static str,
    /// Every change of a key counts, that it is gone included.
    pub(crate) on_any_change: bool,
    /// What is executed again when it is not what was sent.
    pub(crate) words: Option<&'a [&'a [u8]]>,
}

/// A client's wait.
#[derive(Debug)]
pub(crate) struct Wait {
    /// Its place in every queue.
    place: u64,
    type_name: &'static str,
    on_any_change: bool,
    db: u32,
    keys: Vec<Arc<[u8]>>,
    until_ns: Option<u64>,
    command: u16,
    pub(crate) request: OwnedArgs,
    /// What CLIENT REPLY has chosen for this command.
    reply: ReplyMode,
}

impl Wait {
    /// Bytes that it takes, for CLIENT LIST.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.request.bytes() + self.keys.len() * size_of::<Arc<[u8]>>()
    }
}

/// Who waits for one key.
#[derive(Debug, Default)]
struct Queue {
    clients: BTreeMap<u64, ConnId>,
    /// Those for whom any change counts.
    on_any_change: usize,
    is_ready: bool,
}

/// Everybody who waits.
#[derive(Debug, Default)]
pub(crate) struct Blocking {
    keys: BTreeMap<u32, BTreeMap<Arc<[u8]>, Queue>>,
    ready: VecDeque<(u32, Arc<[u8]>)>,
    deadlines: BTreeSet<(u64, ConnId)>,
    len: usize,
    last_place: u64,
    /// The deadline of the wait whose command is being executed again.
    again: Option<Option<u64>>,
}

impl Blocking {
    /// Whether anybody waits.
    #[inline]
    pub(crate) fn is_used(&self) -> bool {
        self.len > 0
    }

    /// Whether a key is ready for somebody.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether a command is being executed again.
    pub(crate) fn is_serving(&self) -> bool {
        self.again.is_some()
    }

    /// Waits that end by themselves.
    pub(crate) fn with_deadline(&self) -> usize {
        self.deadlines.len()
    }

    /// Keys that somebody waits for, and those of them any change of which counts.
    pub(crate) fn key_counts(&self) -> (usize, usize) {
        let queues = || self.keys.values().flat_map(BTreeMap::values);
        (queues().count(), queues().filter(|queue| queue.on_any_change > 0).count())
    }

    fn queue(&mut self, db: u32, key: &[u8]) -> Option<&mut Queue> {
        self.keys.get_mut(&db)?.get_mut(key)
    }

    fn add(&mut self, db: u32, key: &[u8], place: u64, conn: ConnId, any: bool) -> Arc<[u8]> {
        let keys = self.keys.entry(db).or_default();
        let shared = keys.get_key_value(key).map_or_else(|| Arc::from(key), |(key, _)| key.clone());
        let queue = keys.entry(shared.clone()).or_default();
        if queue.clients.insert(place, conn).is_none() {
            queue.on_any_change += usize::from(any);
        }
        shared
    }

    fn remove(&mut self, wait: &Wait, key: &[u8]) {
        let Some(keys) = self.keys.get_mut(&wait.db) else { return };
        let Some(queue) = keys.get_mut(key) else { return };
        if queue.clients.remove(&wait.place).is_some() {
            queue.on_any_change -= usize::from(wait.on_any_change);
        }
        if queue.clients.is_empty() {
            keys.remove(key);
        }
        if keys.is_empty() {
            self.keys.remove(&wait.db);
        }
    }

    fn make_ready(&mut self, db: u32, key: &[u8]) {
        let Some((key, queue)) = self.keys.get_mut(&db).and_then(|keys| {
            let (shared, _) = keys.get_key_value(key)?;
            let shared = shared.clone();
            keys.get_mut(key).map(|queue| (shared, queue))
        }) else {
            return;
        };
        if !core::mem::replace(&mut queue.is_ready, true) {
            self.ready.push_back((db, key));
        }
    }

    /// The next in a key's queue behind `place`, of those who were there at `last`.
    fn next(&mut self, db: u32, key: &[u8], place: u64, last: u64) -> Option<(u64, ConnId)> {
        let queue = self.queue(db, key)?;
        let (&place, &conn) = queue.clients.range(place + 1..).next()?;
        (place <= last).then_some((place, conn))
    }
}

impl Ctx<'_> {
    /// Whether the client may wait: not inside a transaction.
    pub(crate) fn may_block(&self) -> bool {
        !self.server.log.is_in_transaction() && !self.client.replays
    }

    /// Until when the argument `at`, seconds with a fraction, says to wait; 0 is for ever.
    pub(crate) fn block_until(&self, at: usize) -> Result<Option<u64>, CommandError> {
        let seconds = number::parse_f64(self.arg(at))
            .ok_or(CommandError::Fixed("ERR timeout is not a float or out of range"))?;
        let ms = seconds * 1000.0;
        if ms >= i64::MAX as f64 {
            return Err(CommandError::Fixed("ERR timeout is out of range"));
        }
        let whole_ms = ms as i64 + i64::from(ms > (ms as i64) as f64);
        self.block_until_ms(whole_ms)
    }

    /// The same of a number of milliseconds.
    pub(crate) fn block_until_ms(&self, ms: i64) -> Result<Option<u64>, CommandError> {
        if ms < 0 {
            return Err(CommandError::Fixed("ERR timeout is negative"));
        }
        if ms.checked_add(self.now().wall_ms()).is_none() {
            return Err(CommandError::Fixed("ERR timeout is out of range"));
        }
        let ns = (ms as u64).saturating_mul(1_000_000);
        Ok((ms > 0).then(|| self.now().mono_ns.saturating_add(ns)))
    }

    /// Has the client wait for one of `keys` of its database. The command returns without a reply.
    pub(crate) fn block<'k>(
        &mut self,
        wanted: WaitFor<'_>,
        keys: impl Iterator<Item = &'k [u8]>,
        until_ns: Option<u64>,
    ) {
        let until_ns = self.server.blocking.again.unwrap_or(until_ns);
        let request = match wanted.words {
            Some(words) => OwnedArgs::of(words.iter().copied()),
            None => OwnedArgs::of(self.args.from(0)),
        };
        let (db, conn) = (self.client.db, self.client.conn);
        let blocking = &mut self.server.blocking;
        blocking.last_place += 1;
        blocking.len += 1;
        let place = blocking.last_place;
        let keys = keys.map(|key| blocking.add(db, key, place, conn, wanted.on_any_change));
        let keys = keys.collect();
        if let Some(until_ns) = until_ns {
            blocking.deadlines.insert((until_ns, conn));
        }
        let WaitFor { type_name, on_any_change, .. } = wanted;
        let (command, reply) = (self.command, self.client.reply);
        self.client.is_waiting = true;
        self.client.wait = Some(Box::new(Wait {
            place,
            type_name,
            on_any_change,
            db,
            keys,
            until_ns,
            command,
            request,
            reply,
        }));
    }
}

impl Server {
    /// A key was changed for which somebody may wait.
    #[cold]
    pub(crate) fn make_ready(&mut self, db: u32, key: &[u8]) {
        self.blocking.make_ready(db, key);
    }

    /// Any key of a database may have been changed.
    pub(crate) fn make_all_ready(&mut self, db: u32) {
        let Some(keys) = self.blocking.keys.get(&db) else { return };
        for key in keys.keys().cloned().collect::<Vec<_>>() {
            self.blocking.make_ready(db, &key);
        }
    }

    /// Serves those who wait for ready keys, beside a client that is out of the table.
    #[cold]
    pub(crate) fn serve_blocked_beside(&mut self, client: &mut Client) {
        let (id, peer) = (client.id, client.peer.clone());
        let stand_in = Client::new(client.conn, id, peer, self.now.mono_ns);
        let conn = client.conn;
        self.clients.put_back(Box::new(core::mem::replace(client, stand_in)));
        self.serve_blocked();
        *client = *self.clients.take(conn).expect("it was put back, and serving closes none");
    }

    /// Serves those who wait for ready keys. Nobody is out of the table.
    pub(crate) fn serve_blocked(&mut self) {
        let mut held = Vec::new();
        while let Some((db, key)) = self.blocking.ready.pop_front() {
            let Some(queue) = self.blocking.queue(db, &key) else { continue };
            queue.is_ready = false;
            if !self.serve_key(db, &key) {
                held.push((db, key));
            }
        }
        for (db, key) in held {
            self.blocking.make_ready(db, &key);
        }
    }

    /// Serves those who wait for a key; `false` if somebody may not be served now.
    fn serve_key(&mut self, db: u32, key: &[u8]) -> bool {
        let last = self.blocking.last_place;
        let mut at = 0;
        while let Some((place, conn)) = self.blocking.next(db, key, at, last) {
            at = place;
            let type_name = self.type_at(db, key);
            let any = self.blocking.queue(db, key).map_or(0, |queue| queue.on_any_change);
            if type_name.is_none() && any == 0 {
                break;
            }
            let Some(client) = self.clients.get(conn) else { continue };
            let Some(wait) = &client.wait else { continue };
            if !(type_name == Some(wait.type_name) || wait.on_any_change) {
                continue;
            }
            if self.must_pause(client, Some(wait.command), wait.request.args()) {
                return false;
            }
            self.execute_again(conn);
        }
        true
    }

    /// The type of a key that is there and not past its deadline.
    fn type_at(&self, db: u32, key: &[u8]) -> Option<&'static str> {
        let db = &self.dbs[db as usize];
        let entry = db.entry(db.find(self.hasher.key(key))?);
        let is_dead = entry.expire_at_ms().is_some_and(|at| self.now.has_passed(at));
        (!is_dead).then(|| entry.value().type_name())
    }

    /// Executes the command of a client that waits.
    fn execute_again(&mut self, conn: ConnId) {
        let Some(mut client) = self.clients.take(conn) else { return };
        if let Some(wait) = self.leave_wait(&mut client) {
            client.output.open(&mut self.pool);
            let lsn = self.log.lsn();
            let reply = core::mem::replace(&mut client.reply, wait.reply);
            self.blocking.again = Some(wait.until_ns);
            let (args, command) = (wait.request.args(), wait.command);
            let mut ctx =
                Ctx { server: self, client: &mut client, args, first_hash: None, command };
            dispatch::again(&mut ctx, command);
            self.blocking.again = None;
            client.reply = reply;
            if self.log.lsn() != lsn {
                client.write_lsn = self.log.lsn();
            }
            self.limit_output(&mut client);
            self.go_on(&mut client);
        }
        self.clients.put_back(client);
    }

    /// A client's wait may have ended: it goes on with what it has sent since.
    fn go_on(&mut self, client: &mut Client) {
        self.client_memory.count(client);
        self.mark_dirty(client);
        if !client.is_waiting && core::mem::take(&mut client.is_held) {
            self.outbox.held.retain(|&conn| conn != client.conn);
            self.outbox.resumed.push_back(client.conn);
        }
    }

    /// Takes a client out of the queues in which it waits.
    pub(crate) fn leave_wait(&mut self, client: &mut Client) -> Option<Box<Wait>> {
        let wait = client.wait.take()?;
        client.is_waiting = false;
        for key in &wait.keys {
            self.blocking.remove(&wait, key);
        }
        if let Some(until_ns) = wait.until_ns {
            self.blocking.deadlines.remove(&(until_ns, client.conn));
        }
        self.blocking.len -= 1;
        Some(wait)
    }

    /// Ends the wait of a client without serving it: with the reply for nothing, or an error.
    /// `false` if it does not wait for keys.
    pub(crate) fn end_wait(&mut self, conn: ConnId, outcome: Outcome) -> bool {
        let Some(mut client) = self.clients.take(conn) else { return false };
        let wait = self.leave_wait(&mut client);
        if let Some(wait) = &wait {
            client.output.open(&mut self.pool);
            self.stats.commands_processed += 1;
            self.ledger.book(wait.command, self.ledger.total);
            let mark = client.output.mark();
            match outcome {
                Ok(()) => client.output.null_array(),
                Err(error) => {
                    self.command_stats[wait.command as usize].failed_calls += 1;
                    self.write_error(&mut client, &error);
                }
            }
            if wait.reply.is_muted() {
                client.output.cut(mark);
            }
            self.go_on(&mut client);
        }
        self.clients.put_back(client);
        wait.is_some()
    }

    /// Ends the waits whose time is up.
    pub(crate) fn end_late_waits(&mut self) {
        while let Some(&(until_ns, conn)) = self.blocking.deadlines.first() {
            if until_ns > self.now.mono_ns {
                return;
            }
            self.end_wait(conn, Ok(()));
            self.blocking.deadlines.remove(&(until_ns, conn));
        }
    }

    /// When a wait ends, or a key that was held back can be served.
    pub(crate) fn next_wait_end_ns(&self) -> Option<u64> {
        let is_free = self.pause.is_none() && !self.holds_for_persistence() && !self.is_loading();
        if self.blocking.has_ready() && is_free && !self.is_asleep() {
            return Some(self.now.mono_ns);
        }
        self.blocking.deadlines.first().map(|&(until_ns, _)| until_ns)
    }
}
