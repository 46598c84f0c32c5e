//! The boundary: turns.
//!
//! A turn is one pass of the shell's event loop. Time is frozen in it, everything that arrived is
//! fed to it, and what it wants done comes out when it is sealed. The borrows make the protocol a
//! matter of types: [`Turn`] and [`Effects`] borrow the core, so there is no second turn before
//! the effects of the first are drained.
//!
//! ```text
//! let mut turn = core.turn(now);
//! turn.accept(conn, peer); turn.feed(conn, bytes); turn.done(ticket, result);
//! let mut effects = turn.seal();
//! while let Some(conn) = effects.writable() { write(effects.tx(conn)); effects.sent(conn, n); }
//! ```
//!
//! The network is by borrow: replies stay in the core until the shell says how many bytes the
//! socket took. Files are by ownership: a request moves out with its buffer and comes back as a
//! completion, whenever that is.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::client::{Client, Closing};
use crate::command::Registry;
use crate::config::{Config, LogLevel};
use crate::engine::Batch;
use crate::persist::aof::AofState;
use crate::server::Server;

pub use crate::io::{
    Dir, FileEntry, FileId, Garbage, IoError, IoErrorKind, IoReq, IoResult, Name, OpenMode, Ticket,
};

/// The clocks of a turn. The wall clock may jump either way; the monotonic one never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds of the monotonic clock, from any start.
    pub mono_ns: u64,
    /// Microseconds since 1970. Deadlines are compared in milliseconds; TIME and MONITOR show
    /// these.
    pub wall_us: i64,
}

impl Now {
    /// Milliseconds since 1970.
    #[must_use]
    pub fn wall_ms(self) -> i64 {
        self.wall_us.div_euclid(1000)
    }
}

/// Where all randomness comes from.
pub type Seed = [u8; 32];

/// A connection: a slot of the shell's table and how often that slot was used before, so that
/// what was meant for a closed connection never reaches the one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    /// Index of the slot; small numbers, reused.
    pub slot: u32,
    /// Number of earlier uses.
    pub generation: u32,
}

/// The other side of a connection, as CLIENT LIST shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// `127.0.0.1:60866`, or `/path:0` of a Unix socket.
    pub addr: Box<str>,
    /// The address it connected to, in the same form.
    pub laddr: Box<str>,
    /// It comes from this machine: loopback or a Unix socket.
    pub is_local: bool,
    /// It comes through a Unix socket.
    pub is_unix: bool,
    /// The file descriptor, for CLIENT LIST only.
    pub fd: i32,
}

/// What became of the bytes fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    /// Bytes that are done with; the shell keeps the rest and feeds it again, followed by more.
    pub consumed: usize,
    /// Bytes, counted from the first one kept, below which feeding again is in vain.
    pub need: usize,
    /// Whether and when to feed again.
    pub flow: Flow,
}

/// Whether to feed a connection again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// When more has arrived.
    Open,
    /// At once: the core stopped to let the shell look at the clock ([`Turn::took`]).
    More,
    /// When [`Effects::resumed`] names the connection; until then nothing need be read.
    Paused,
    /// Never: the connection is closing.
    Closed,
}

/// A signal that asks the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// How the process is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Exit code.
    pub code: i32,
}

/// What only the system knows and INFO shows. An input like any other.
#[derive(Clone, Debug, Default)]
pub struct HostFacts {
    /// Process id.
    pub pid: u32,
    /// TCP port in use.
    pub tcp_port: u16,
    /// Resident set size in bytes.
    pub rss_bytes: u64,
    /// CPU time in the kernel, in microseconds.
    pub cpu_sys_us: u64,
    /// CPU time in user mode, in microseconds.
    pub cpu_user_us: u64,
    /// The part of `cpu_sys_us` that the thread of the event loop used.
    pub cpu_sys_main_us: u64,
    /// The part of `cpu_user_us` that the thread of the event loop used.
    pub cpu_user_main_us: u64,
    /// Time in the passes of the event loop, waiting not included.
    pub turns_ns: u64,
    /// The longest pass.
    pub turn_ns_max: u64,
    /// Keys of the snapshot being written that are written.
    pub saved_keys: u64,
    /// Bytes of pages copied because a snapshot shared them, since the process began.
    pub copied_bytes: u64,
    /// Memory of the machine in bytes.
    pub total_memory_bytes: u64,
    /// `Linux 6.1.0 x86_64`.
    pub os: String,
    /// How the event loop waits: `epoll`.
    pub multiplexing_api: &'static str,
    /// The memory allocator: `libc`.
    pub allocator: &'static str,
    /// Path of the executable.
    pub executable: String,
    /// Path of the configuration file, empty without one.
    pub config_file: String,
}

/// How far the log has come: LSNs, byte offsets in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// There is an append-only file, and what it promises holds; else the last two tell nothing.
    pub is_logging: bool,
    /// Everything before this was executed.
    pub enqueued: u64,
    /// Everything before this is with the system: the end of the process does not take it.
    pub written: u64,
    /// Everything before this is on the disk.
    pub durable: u64,
}

/// The state machine.
#[derive(Debug)]
pub struct Core {
    pub(crate) server: Server,
    pub(crate) batch: Batch,
}

impl Core {
    /// A server without data.
    #[must_use]
    pub fn new(config: Config, seed: Seed) -> Self {
        Self::sharing(crate::command::registry().into(), config, seed)
    }

    /// The same, with commands that were made before: who begins many servers makes them once.
    #[must_use]
    pub fn sharing(registry: Arc<Registry>, config: Config, seed: Seed) -> Self {
        Self { server: Server::new(config, seed, registry), batch: Batch::default() }
    }

    /// Begins a turn. The monotonic clock is not let back.
    pub fn turn(&mut self, now: Now) -> Turn<'_> {
        let server = &mut self.server;
        if server.started == Now::default() {
            server.started = now;
        }
        server.now = Now { mono_ns: now.mono_ns.max(server.now.mono_ns), wall_us: now.wall_us };
        server.persist.is_turn_sealed = false;
        server.on_time();
        Turn { core: self }
    }

    /// When the next turn is due if nothing arrives, in ns of the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        self.server.next_deadline_ns()
    }

    fn complete(&mut self, ticket: Ticket, result: IoResult) {
        self.server.complete(ticket, result);
        if self.server.recovery.is_some() {
            self.go_on_recovering();
        }
    }

    /// The configuration in force; the shell reads it after each turn that changed it.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.server.config
    }

    /// Switches the effects log on, before the first command.
    pub fn keep_log(&mut self) {
        self.server.log.is_on = true;
        self.server.kept_log.get_or_insert_default();
    }

    /// The commands logged since the last call.
    pub fn take_log(&mut self) -> Vec<u8> {
        self.server.seal_log();
        self.server.kept_log.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// How much of the log is executed, written and durable.
    #[must_use]
    pub fn watermarks(&self) -> Watermarks {
        let aof = &self.server.persist.aof;
        Watermarks {
            is_logging: aof.state == AofState::On,
            enqueued: self.server.log.lsn(),
            written: aof.written_lsn(),
            durable: aof.durable_lsn(),
        }
    }

    /// Whether data are being loaded; clients are then answered `LOADING`.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.server.is_loading()
    }

    /// The databases, by number.
    #[must_use]
    pub fn databases(&self) -> &crate::keyspace::Databases {
        &self.server.dbs
    }

    /// Whether a database holds a key, or a hash of it a field, be it past its deadline; changes
    /// nothing.
    #[must_use]
    pub fn holds(&self, db: usize, key: &[u8], field: Option<&[u8]>) -> bool {
        let key = self.server.hasher.key(key);
        let Some(db) = self.server.dbs.get(db) else { return false };
        let Some(place) = db.find(key) else { return false };
        field.is_none_or(|field| db.entry(place).holds_field(field))
    }

    /// Whether a connection waits for a key; changes nothing.
    #[must_use]
    pub fn waits_for_key(&self, conn: ConnId) -> bool {
        self.server.clients.get(conn).is_some_and(|client| client.wait.is_some())
    }

    /// The error with which commands that write are refused now, if they are.
    #[must_use]
    pub fn write_refusal(&self) -> Option<String> {
        self.server.disk_error().map(|error| alloc::string::ToString::to_string(&error))
    }

    /// Asserts every invariant of the keyspace; O(keys), for tests and the simulator.
    pub fn check(&self) {
        self.server.dbs.iter().for_each(crate::keyspace::Db::check);
    }
}

/// A turn that takes inputs.
#[derive(Debug)]
pub struct Turn<'a> {
    core: &'a mut Core,
}

impl<'a> Turn<'a> {
    /// A connection was made. One that is refused gets its error and is closed.
    pub fn accept(&mut self, conn: ConnId, peer: Peer) {
        self.core.server.accept(conn, peer);
    }

    /// A connection is gone.
    pub fn closed(&mut self, conn: ConnId) {
        self.core.server.forget(conn);
    }

    /// The other side of a connection sends no more, and everything it sent was fed, unless the
    /// connection is paused. What it asked for is still sent, then it is closed; one that is paused
    /// goes on when it is resumed, and this is told again.
    pub fn ended(&mut self, conn: ConnId) {
        let server = &mut self.core.server;
        let Some(mut client) = server.clients.take(conn) else { return };
        if client.wait.is_some() {
            // Nobody would read what it is given.
            server.close(&mut client, Closing::Now);
        } else if client.closing == Closing::No && !client.is_held {
            server.close(&mut client, Closing::AfterReply);
        }
        server.clients.put_back(client);
    }

    /// Bytes of a connection: what was kept of those before, followed by new ones.
    pub fn feed(&mut self, conn: ConnId, rx: &[u8]) -> Fed {
        self.core.feed(conn, rx)
    }

    /// What the last [`Turn::feed`] took; `rx` are the bytes that it was given. Feeds the
    /// statistics of commands, the slow log and the latency monitor; nothing else depends on it.
    pub fn took(&mut self, conn: ConnId, rx: &[u8], spent_ns: u64) {
        self.core.took(conn, rx, spent_ns);
    }

    /// A socket that was full takes bytes again.
    pub fn can_write(&mut self, conn: ConnId) {
        let server = &mut self.core.server;
        if let Some(mut client) = server.clients.take(conn) {
            server.mark_dirty(&mut client);
            server.clients.put_back(client);
        }
    }

    /// A request to the shell ended.
    pub fn done(&mut self, ticket: Ticket, result: IoResult) {
        self.core.complete(ticket, result);
    }

    /// New figures of the system.
    pub fn observe(&mut self, facts: HostFacts) {
        self.core.server.host = facts;
    }

    /// The process was asked to end.
    pub fn shutdown(&mut self, signal: Signal) {
        self.core.server.shutdown_by_signal(signal);
    }

    /// Whether a database holds a key, or a hash of it a field, be it past its deadline; changes
    /// nothing.
    #[must_use]
    pub fn holds(&self, db: usize, key: &[u8], field: Option<&[u8]>) -> bool {
        self.core.holds(db, key, field)
    }

    /// The error with which commands that write are refused now, if they are.
    #[must_use]
    pub fn write_refusal(&self) -> Option<String> {
        self.core.write_refusal()
    }

    /// Ends the inputs.
    pub fn seal(self) -> Effects<'a> {
        self.core.server.seal();
        Effects { core: self.core }
    }
}

/// What a turn wants done. Drain every queue; their order does not matter, but closing comes last.
#[derive(Debug)]
pub struct Effects<'a> {
    core: &'a mut Core,
}

impl Effects<'_> {
    /// The next connection with bytes to send.
    pub fn writable(&mut self) -> Option<ConnId> {
        let server = &mut self.core.server;
        if server.is_asleep() {
            return None;
        }
        while let Some(conn) = server.outbox.dirty.pop() {
            if let Some(client) = server.clients.get_mut(conn) {
                client.is_dirty = false;
                if client.closing != Closing::Now && server.may_send(conn) {
                    return Some(conn);
                }
            }
        }
        None
    }

    /// The bytes to send, in order.
    pub fn tx(&self, conn: ConnId) -> impl Iterator<Item = &[u8]> {
        self.core.server.clients.get(conn).into_iter().flat_map(|client| {
            let mut room = client.sendable_bytes();
            client.output.chunks().map_while(move |chunk| {
                let chunk = &chunk[..chunk.len().min(room)];
                room -= chunk.len();
                (!chunk.is_empty()).then_some(chunk)
            })
        })
    }

    /// The socket took `count` bytes. When bytes are left, call [`Turn::can_write`] once it takes
    /// more.
    pub fn sent(&mut self, conn: ConnId, count: usize) {
        let server = &mut self.core.server;
        let Some(client) = server.clients.get_mut(conn) else { return };
        client.output.sent(count, &mut server.pool);
        client.bytes_out += count as u64;
        client.active_ns = if count > 0 { server.now.mono_ns } else { client.active_ns };
        server.client_memory.count(client);
        if client.soft_limit_ns.is_some() {
            // Below the soft limit its time begins anew; who is above a limit is dropped later.
            client.measure_output(&server.config, server.now.mono_ns);
        }
        server.stats.net_output_bytes += count as u64;
        server.stats.writes_processed += 1;
        if client.output.pending_bytes() == 0 {
            if client.closing == Closing::AfterReply {
                server.outbox.close.push(conn);
            } else if client.is_held {
                server.resume_drained();
            }
        }
    }

    /// A request of this turn has ended already. It may lead to more requests, replies and lines;
    /// so give these back before the replies are sent, and go on until there are no requests left.
    pub fn done(&mut self, ticket: Ticket, result: IoResult) {
        self.core.complete(ticket, result);
    }

    /// The next request to the shell.
    pub fn io(&mut self) -> Option<(Ticket, IoReq)> {
        self.core.server.outbox.io.pop_front()
    }

    /// The next connection whose kept bytes are to be fed again.
    pub fn resumed(&mut self) -> Option<ConnId> {
        self.core.server.outbox.resumed.pop_front()
    }

    /// The next connection to close. The core has forgotten it: no [`Turn::closed`] follows.
    pub fn close(&mut self) -> Option<ConnId> {
        let server = &mut self.core.server;
        while let Some(conn) = server.outbox.close.pop() {
            if server.clients.get(conn).is_some() {
                server.forget(conn);
                return Some(conn);
            }
        }
        None
    }

    /// The next line for the server's log.
    pub fn log_line(&mut self) -> Option<(LogLevel, String)> {
        self.core.server.outbox.lines.pop_front()
    }

    /// Whether the process is to end now that everything else is done.
    pub fn exit(&mut self) -> Option<Exit> {
        self.core.server.outbox.exit
    }
}

impl Server {
    pub(crate) fn accept(&mut self, conn: ConnId, peer: Peer) {
        let id = self.clients.next_id();
        let mut client = Box::new(Client::new(conn, id, peer, self.now.mono_ns));
        client.authenticated = self.config.requirepass.is_none();
        let refusal = self.refusal(&client);
        self.stats.connections_received += u64::from(refusal.is_none());
        if let Some(refusal) = refusal {
            client.output.error(refusal);
            self.stats.connections_rejected += 1;
            client.close_after_reply();
            self.mark_dirty(&mut client);
        }
        self.clients.insert(client);
    }

    /// Why a new connection is refused.
    fn refusal(&self, client: &Client) -> Option<&'static str> {
        if self.clients.len() >= self.config.maxclients as usize {
            return Some("ERR max number of clients reached");
        }
        let protect = self.config.protected_mode && self.config.requirepass.is_none();
        (protect && !client.peer.is_local).then_some(PROTECTED_MODE)
    }

    /// Lets go of a connection.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        if let Some(mut client) = self.clients.remove(conn) {
            self.leave_transaction(&mut client);
            self.leave_wait(&mut client);
            self.leave_channels(&mut client);
            self.timers.forget(conn);
            self.client_memory.forget(&mut client);
            self.leave_monitors(&mut client);
        }
    }
}

const PROTECTED_MODE: &str = "DENIED Seedis is running in protected mode because protected mode is \
enabled and no password is set for the default user. In this mode connections are only accepted \
from the loopback interface. If you want to connect from external computers to Seedis you may \
adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG \
SET protected-mode no' from the loopback interface by connecting to Seedis from the same host the \
server is running, however MAKE SURE Seedis is not publicly accessible from internet if you do so. \
Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the \
protected mode by editing the configuration file, and setting the protected mode option to 'no', \
and then restarting the server. 3) If you started the server manually just for testing, restart it \
with the '--protected-mode no' option. 4) Set up an authentication password for the default user. \
NOTE: You only need to do one of the above things in order for the server to start accepting \
connections from the outside.";
