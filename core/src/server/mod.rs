//! The state of the server, and the rules that hold for every command.
//!
//! Everything that a command can reach is a field here. The client whose command runs is not in
//! the table of clients meanwhile: commands get it beside the server, and whatever concerns "all
//! clients" takes it as an extra argument.

pub(crate) mod active_expire;
pub(crate) mod blocking;
pub(crate) mod completion;
mod expire_fields;
pub(crate) mod lazy_free;
pub(crate) mod notify;
mod patterns;
mod publish;
pub(crate) mod pubsub;
pub(crate) mod snapshots;
mod subscribers;
pub(crate) mod watch;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::client::eviction::ClientMemory;
use crate::client::limits::Timers;
use crate::client::output::Pool;
use crate::client::pause::Pause;
use crate::client::{Client, Clients, Closing};
use crate::command::Registry;
use crate::config::{Config, KeyspaceEvents};
use crate::keyspace::{Databases, Db, Key, KeyHasher, Place};
use crate::log::EffectsLog;
use crate::persist::Persist;
use crate::recovery::Recovery;
use crate::rng::Rng;
use crate::stats::{CommandStats, Ledger, Stats};
use crate::turn::{ConnId, HostFacts, IoReq, Now, Ticket};
use crate::value::pack::Pack;
use blocking::Blocking;
use completion::Continuation;
use pubsub::PubSub;
use watch::Watches;

/// The server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) config: Config,
    pub(crate) now: Now,
    pub(crate) started: Now,
    pub(crate) hasher: KeyHasher,
    /// A pack for aggregates that are being changed, kept for the next.
    pub(crate) scratch: Option<Pack>,
    pub(crate) dbs: Databases,
    pub(crate) registry: Arc<Registry>,
    pub(crate) clients: Clients,
    pub(crate) pool: Pool,
    pub(crate) pubsub: PubSub,
    pub(crate) watches: Watches,
    pub(crate) blocking: Blocking,
    pub(crate) log: EffectsLog,
    /// What was logged since the last look, for the simulator and tests.
    pub(crate) kept_log: Option<Vec<u8>>,
    /// The log's end when the feed that is running began.
    pub(crate) feed_lsn: u64,
    pub(crate) persist: Persist,
    pub(crate) recovery: Option<Box<Recovery>>,
    pub(crate) stats: Stats,
    pub(crate) command_stats: Vec<CommandStats>,
    pub(crate) ledger: Ledger,
    pub(crate) rng: Rng,
    pub(crate) run_id: String,
    pub(crate) replication_id: String,
    pub(crate) host: HostFacts,
    pub(crate) pause: Option<Pause>,
    pub(crate) timers: Timers,
    pub(crate) client_memory: ClientMemory,
    /// Until when DEBUG SLEEP stops the server, in ns of the monotonic clock.
    pub(crate) asleep_until_ns: Option<u64>,
    /// Snapshots that were handed out and may share memory with the keyspace.
    snapshots_out: u32,
    pub(crate) active_expire: bool,
    pub(crate) debug: crate::command::server::debug::DebugSettings,
    pub(crate) monitors: Vec<ConnId>,
    pub(crate) outbox: Outbox,
    pub(crate) observations: crate::command::server::Observations,
}

/// What the turn wants done.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Connections with something to send.
    pub(crate) dirty: Vec<ConnId>,
    /// Connections to close.
    pub(crate) close: Vec<ConnId>,
    /// Connections that stopped before the end of their input and wait to go on.
    pub(crate) held: Vec<ConnId>,
    /// Connections whose input is to be fed again.
    pub(crate) resumed: VecDeque<ConnId>,
    /// What is to be freed elsewhere.
    pub(crate) garbage: crate::turn::Garbage,
    /// File requests.
    pub(crate) io: VecDeque<(Ticket, IoReq)>,
    /// Lines for the log of the server.
    pub(crate) lines: VecDeque<(crate::config::LogLevel, String)>,
    /// The process is to end.
    pub(crate) exit: Option<crate::turn::Exit>,
    /// What goes on when a file request completes.
    pub(crate) waiting: alloc::collections::BTreeMap<Ticket, Continuation>,
    pub(crate) last_ticket: u64,
}

impl Server {
    /// The bytes of a server without data. The table of commands is told as a part of it, so that
    /// no figure depends on whether others share it.
    pub(crate) const BYTES: usize =
        size_of::<Self>() - size_of::<Arc<Registry>>() + size_of::<Registry>();

    pub(crate) fn new(config: Config, seed: [u8; 32], registry: Arc<Registry>) -> Self {
        let mut rng = Rng::new(seed);
        let hasher = KeyHasher::new(rng.bits(), rng.bits());
        let dbs = Databases::new(config.databases, hasher);
        let command_stats = registry.rows().iter().map(|_| CommandStats::default()).collect();
        Self {
            now: Now::default(),
            started: Now::default(),
            hasher,
            scratch: None,
            dbs,
            registry,
            clients: Clients::default(),
            pool: Pool::default(),
            pubsub: PubSub::default(),
            watches: Watches::default(),
            blocking: Blocking::default(),
            log: EffectsLog::default(),
            kept_log: None,
            feed_lsn: 0,
            persist: Persist::default(),
            recovery: None,
            stats: Stats::default(),
            command_stats,
            ledger: Ledger::default(),
            run_id: rng.hex_id(),
            replication_id: rng.hex_id(),
            rng,
            host: HostFacts::default(),
            pause: None,
            timers: Timers::default(),
            client_memory: ClientMemory::default(),
            asleep_until_ns: None,
            snapshots_out: 0,
            active_expire: true,
            debug: crate::command::server::debug::DebugSettings::default(),
            monitors: Vec::new(),
            outbox: Outbox::default(),
            observations: crate::command::server::Observations::default(),
            config,
        }
    }

    /// The entry of `key`; one whose deadline has passed is removed, logged and told first.
    #[inline]
    pub(crate) fn find_live(
        &mut self,
        db: u32,
        key: Key<'_>,
        current: Option<&mut Client>,
    ) -> Option<Place> {
        self.look_live(db, key, current).map(|(place, _)| place)
    }

    /// As [`Server::find_live`], with the entry's access clock.
    #[inline]
    pub(crate) fn look_live(
        &mut self,
        db: u32,
        key: Key<'_>,
        current: Option<&mut Client>,
    ) -> Option<(Place, u32)> {
        let (place, entry) = self.dbs[db as usize].look(key)?;
        let clock = entry.clock();
        match entry.expire_at_ms() {
            Some(at) if self.now.has_passed(at) => {
                self.find_dead(db, key, place, current);
                None
            }
            _ if self.has_due_fields(db) => self.look_at_fields(db, key, (place, clock), current),
            _ => Some((place, clock)),
        }
    }

    /// As [`Server::find_live`], and renews the access clock of what it found.
    #[inline]
    pub(crate) fn find_used(
        &mut self,
        db: u32,
        key: Key<'_>,
        current: Option<&mut Client>,
    ) -> Option<Place> {
        let (place, clock) = self.look_live(db, key, current)?;
        self.renew(db, place, clock);
        Some(place)
    }

    /// What a look at an entry does whose deadline has passed, and which is therefore not found.
    #[cold]
    fn find_dead(&mut self, db: u32, key: Key<'_>, place: Place, current: Option<&mut Client>) {
        if !self.may_not_expire() {
            self.expire(db, key, place, current);
        }
    }

    /// Removes an entry whose deadline has passed.
    #[inline(never)]
    pub(crate) fn expire(
        &mut self,
        db: u32,
        key: Key<'_>,
        place: Place,
        mut current: Option<&mut Client>,
    ) {
        let value = self.dbs[db as usize].remove(key, place);
        self.free(value, self.config.lazyfree_lazy_expire);
        self.stats.expired_keys += 1;
        self.log.expired(db, key.bytes);
        self.modified_by_expiry(db, key.bytes, current.as_deref_mut());
        self.notify(KeyspaceEvents::EXPIRED, "expired", key.bytes, db, current);
    }

    /// The time that access clocks show. Commands of the log are executed again under another.
    #[inline]
    pub(crate) fn clock_time(&self) -> Now {
        self.recovery.as_ref().map_or(self.now, |recovery| recovery.now)
    }

    /// The access clock of a new entry.
    #[inline]
    pub(crate) fn new_clock(&self) -> u32 {
        crate::keyspace::clock::of_new(&self.config, self.clock_time())
    }

    /// Renews the access clock of an entry that a client's command looked at.
    #[inline]
    pub(crate) fn touch(&mut self, db: u32, place: Place) {
        let old = self.dbs[db as usize].entry(place).clock();
        self.renew(db, place, old);
    }

    /// As [`Server::touch`], of an entry that has the clock `old`.
    #[inline]
    pub(crate) fn renew(&mut self, db: u32, place: Place, old: u32) {
        if self.snapshots_out > 0 {
            return;
        }
        let new = self.used_clock(old);
        if new != old {
            self.dbs[db as usize].set_clock(place, new);
        }
    }

    /// The access clock of an entry that is used now and had the clock `old`.
    #[inline]
    pub(crate) fn used_clock(&mut self, old: u32) -> u32 {
        crate::keyspace::clock::touched(old, &self.config, self.clock_time(), &mut self.rng)
    }

    /// Lists a connection among those with something to send.
    #[inline]
    pub(crate) fn mark_dirty(&mut self, client: &mut Client) {
        if !client.is_dirty && client.output.pending_bytes() > 0 {
            client.is_dirty = true;
            self.outbox.dirty.push(client.conn);
        }
    }

    /// Ends a connection now, or when its output is sent.
    pub(crate) fn close(&mut self, client: &mut Client, how: Closing) {
        client.closing = how;
        self.leave_wait(client);
        if how == Closing::Now || client.output.pending_bytes() == 0 {
            self.outbox.close.push(client.conn);
        }
    }

    /// Keeps a connection's further input until [`Server::resume_all`].
    pub(crate) fn hold(&mut self, client: &mut Client) {
        if !client.is_held {
            client.is_held = true;
            self.outbox.held.push(client.conn);
        }
    }

    /// Has the input of every held connection fed again, in the order in which they were held; what
    /// still must wait is held again then.
    pub(crate) fn resume_all(&mut self) {
        for conn in core::mem::take(&mut self.outbox.held) {
            if let Some(client) = self.clients.get_mut(conn) {
                client.is_held = false;
                client.active_ns = self.now.mono_ns;
                self.outbox.resumed.push_back(conn);
            }
        }
    }

    /// Asks the shell for something; `then` goes on with the result.
    pub(crate) fn request(&mut self, request: IoReq, then: Option<Continuation>) -> Ticket {
        self.outbox.last_ticket += 1;
        let ticket = Ticket(self.outbox.last_ticket);
        self.outbox.io.push_back((ticket, request));
        if let Some(then) = then {
            self.outbox.waiting.insert(ticket, then);
        }
        ticket
    }

    /// Writes a line to the server's log.
    pub(crate) fn log_line(&mut self, level: crate::config::LogLevel, line: String) {
        self.outbox.lines.push_back((level, line));
    }

    /// Bytes that the core knows it uses: data, clients, tables. Deterministic, unlike an
    /// allocator's figure.
    pub(crate) fn used_memory(&self) -> u64 {
        let data: usize = self.dbs.iter().map(Db::bytes).sum();
        let clients = self.clients.len() * size_of::<Client>();
        let output: usize = self.clients.iter().map(|client| client.output.pending_bytes()).sum();
        (data + clients + output + Self::BYTES) as u64
    }
}
