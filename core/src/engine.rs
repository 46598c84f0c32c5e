//! The engine: bytes to batches of commands to replies.
//!
//! Half of a key-value server's time is waiting for cold memory. So the commands of a pipeline are
//! parsed together, as many as a batch holds; the keys of all of them are hashed and their buckets
//! touched, then their records; then the commands run one after the other and find what they need
//! in the cache. The touches of one pass do not depend on each other, so the processor overlaps
//! their misses: no prefetch instruction is needed, and results cannot change.
//!
//! Parsing ahead is only done where no command of the batch can change how the next is parsed: a
//! client that has not authenticated, and commands for administrators, end a batch. A command that
//! tells how long others took (INFO, SLOWLOG, LATENCY) starts a feed, so that they have been timed.
//!
//! Nearly always nothing is out of the ordinary: no pause, no transaction, no failed disk. That is
//! asked once (`Server::is_calm`) and holds until a command ran that may change it; commands that
//! read and write strings cannot, so in between they run without the checks.

use crate::client::{Client, Closing, ReplyMode};
use crate::command::server::Sender;
use crate::command::{Args, Ctx, dispatch};
use crate::config::LogLevel;
use crate::keyspace;
use crate::resp::parse::{self, Limits, Parsed, ProtocolError, Span};
use crate::server::Server;
use crate::stats::Costliest;
use crate::turn::{ConnId, Core, Fed, Flow, Now};
use alloc::vec::Vec;

mod members;

/// Requests of a batch at most.
const BATCH: usize = keyspace::WARM_MAX;

/// Work after which the shell gets to look at the clock, in units of about 100 ns.
const COST_PER_FEED: u64 = 10_000;

/// Unsent output of one client above which nothing more of it is executed.
const OUTPUT_BYTES_MAX: usize = 1 << 30;

/// Requests parsed and not yet executed.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    requests: Vec<Request>,
    spans: Vec<Span>,
    /// The words of inline requests.
    words: Vec<u8>,
    /// Hashes of the keys to touch.
    hashes: Vec<u64>,
    /// Requests look for members.
    has_members: bool,
    /// A request may make a small aggregate longer.
    grows: bool,
    /// Where the parsed requests end.
    parsed_to: usize,
}

/// One parsed request.
#[derive(Clone, Copy, Debug)]
struct Request {
    start: usize,
    end: usize,
    first_span: u32,
    last_span: u32,
    /// Argument of the first key, and its hash.
    first_hash: Option<(usize, u64)>,
    /// Argument of the first member or field that it looks for in an aggregate.
    first_member: Option<u8>,
    command: Option<u16>,
    /// It cannot change what was checked for the one before, and its arguments are enough.
    is_plain: bool,
    is_inline: bool,
}

/// Why filling a batch stopped.
enum Filled {
    /// It is full, or must be executed before more is parsed.
    Whole,
    /// The next command looks at the times of those before it.
    Timed,
    /// The bytes end inside a request.
    Incomplete { need: usize },
    /// What follows is no RESP.
    Broken(ProtocolError),
}

/// Where a batch must end.
enum Added {
    /// Later.
    More,
    /// After this request: it may change how the next is parsed.
    Last,
    /// Before this request, which was not added: those before it must be timed first.
    Before,
}

impl Core {
    /// Executes what `rx` holds for the connection.
    pub(crate) fn feed(&mut self, conn: ConnId, rx: &[u8]) -> Fed {
        let Some(mut client) = self.server.clients.take(conn) else {
            return Fed { consumed: rx.len(), need: 0, flow: Flow::Closed };
        };
        client.output.open(&mut self.server.pool);
        self.server.begin_feed();
        self.server.stats.reads_processed += 1;
        client.active_ns = self.server.now.mono_ns;
        let lsn = self.server.log.lsn();
        self.server.feed_lsn = lsn;
        let fed = self.run(&mut client, rx);
        if self.server.log.lsn() != lsn {
            client.write_lsn = self.server.log.lsn();
        }
        client.bytes_in += fed.consumed as u64;
        client.query_bytes = rx.len() - fed.consumed;
        self.server.stats.net_input_bytes += fed.consumed as u64;
        self.server.limit_output(&mut client);
        self.server.client_memory.count(&mut client);
        self.server.mark_dirty(&mut client);
        if client.closing != Closing::No && client.output.pending_bytes() == 0 {
            self.server.outbox.close.push(conn);
        }
        self.server.clients.put_back(client);
        fed
    }

    pub(crate) fn run(&mut self, client: &mut Client, rx: &[u8]) -> Fed {
        let mut at = 0;
        loop {
            if client.closing != Closing::No {
                return Fed { consumed: rx.len(), need: 0, flow: Flow::Closed };
            }
            if self.must_hold(client) {
                self.server.hold(client);
                return Fed { consumed: at, need: 0, flow: Flow::Paused };
            }
            let filled = self.batch.fill(&self.server, client, rx, at);
            self.batch.warm(&self.server, client.db, rx);
            let (executed, is_held) = self.execute(client, rx, at);
            at = executed;
            if at < self.batch.parsed_to {
                // What was parsed beyond the stop will be parsed again.
                client.partial = None;
            }
            if is_held {
                self.server.hold(client);
                return Fed { consumed: at, need: 0, flow: Flow::Paused };
            }
            match filled {
                _ if client.closing != Closing::No => {}
                Filled::Broken(error) if at == self.batch.parsed_to => {
                    self.refuse(client, error);
                }
                Filled::Incomplete { need } if at == self.batch.parsed_to => {
                    return self.wait_for_more(client, rx, at, need);
                }
                filled => {
                    let is_timed = matches!(filled, Filled::Timed);
                    let is_long = self.server.ledger.total > COST_PER_FEED;
                    if is_timed || is_long || self.server.times_each_command() {
                        return Fed { consumed: at, need: 0, flow: Flow::More };
                    }
                }
            }
        }
    }

    /// Whether nothing of this client may be executed now.
    fn must_hold(&self, client: &Client) -> bool {
        client.is_waiting
            || self.server.is_asleep() && !client.replays
            || self.server.outbox.exit.is_some()
            || client.output.pending_bytes() > OUTPUT_BYTES_MAX
            || self.server.persist.aof.is_swamped()
    }

    /// Executes the batch; returns where it stopped, and whether the next request must wait.
    fn execute(&mut self, client: &mut Client, rx: &[u8], mut at: usize) -> (usize, bool) {
        let Self { server, batch } = self;
        let mut is_calm = server.is_calm(client);
        for request in &batch.requests {
            let buf = if request.is_inline { &batch.words[..] } else { rx };
            let spans = &batch.spans[request.first_span as usize..request.last_span as usize];
            let args = Args::new(buf, spans);
            let is_plain = is_calm && request.is_plain;
            if !is_plain && server.must_pause(client, request.command, args) {
                return (at, true);
            }
            let command = request.command.unwrap_or(u16::MAX);
            let first_hash = request.first_hash;
            let mut ctx = Ctx { server, client, args, first_hash, command };
            let cost = if is_plain {
                Some((command, dispatch::process_plain(&mut ctx, command)))
            } else {
                dispatch::process(&mut ctx, request.command)
            };
            // Nobody waits for keys while all is calm.
            if !is_plain && server.blocking.has_ready() && !client.replays {
                server.serve_blocked_beside(client);
            }
            // When CONFIG SET has just asked for every command, it is the first of them.
            if let Some((command, cost)) = cost
                && (server.ledger.costliest.is_none_or(|most| cost > most.cost)
                    || !is_plain && server.times_each_command())
            {
                let (start, end) = (request.start, request.end);
                server.ledger.costliest = Some(Costliest { cost, command, start, end });
            }
            at = request.end;
            if server.ledger.total > COST_PER_FEED {
                break;
            }
            if !is_plain {
                if client.closing != Closing::No || client.is_waiting || server.is_asleep() {
                    break;
                }
                is_calm = server.is_calm(client);
            }
        }
        // Empty requests at the end of the batch are done with it.
        let is_whole = batch.requests.last().is_none_or(|last| last.end == at);
        (if is_whole { batch.parsed_to } else { at }, false)
    }

    fn refuse(&mut self, client: &mut Client, error: ProtocolError) {
        if !client.reply.is_muted() {
            client.output.error_fmt(format_args!("{error}"));
        }
        self.server.count_error("ERR");
        let (id, addr) = (client.id, &client.peer.addr);
        let line = alloc::format!("Protocol error from client {id} at {addr}: {error}");
        self.server.log_line(LogLevel::Verbose, line);
        client.close_after_reply();
    }

    fn wait_for_more(&mut self, client: &mut Client, rx: &[u8], at: usize, need: usize) -> Fed {
        // What a transaction has queued was sent and is not executed yet either.
        let queued = client.transaction.as_ref().map_or(0, |transaction| transaction.args_bytes());
        let kept = rx.len() - at + queued;
        if kept as u64 > self.server.config.client_query_buffer_limit {
            self.server.stats.query_limit_disconnections += 1;
            let (id, addr) = (client.id, &client.peer.addr);
            let line = alloc::format!(
                "Closing client that reached max query buffer length: id={id} addr={addr}"
            );
            self.server.log_line(LogLevel::Warning, line);
            self.server.close(client, Closing::Now);
            return Fed { consumed: rx.len(), need: 0, flow: Flow::Closed };
        }
        Fed { consumed: at, need: need - at, flow: Flow::Open }
    }

    /// Books the time of the last feed.
    pub(crate) fn took(&mut self, conn: ConnId, rx: &[u8], spent_ns: u64) {
        let spent_ns = spent_ns + core::mem::take(&mut self.server.ledger.slept_ns);
        self.server.settle(spent_ns);
        self.server.note_inner(conn, spent_ns);
        let Some(most) = self.server.ledger.costliest.take() else { return };
        let share_ns = self.server.ledger.share_ns(spent_ns, most.cost);
        if self.server.is_notable(most.command, share_ns) {
            let (mut spans, mut words, mut partial) = (Vec::new(), Vec::new(), None);
            let limits = Limits { bulk_bytes_max: u64::MAX, authenticated: true };
            let rx = &rx[..most.end.min(rx.len())];
            let parsed = parse::parse(rx, most.start, &mut spans, &mut words, &mut partial, limits);
            let args = match parsed {
                Ok(Parsed::Request { .. }) => Args::new(rx, &spans),
                Ok(Parsed::Inline { .. }) => Args::new(&words, &spans),
                _ => return,
            };
            if let Some(sender) = self.server.clients.get(conn).map(Sender::of) {
                self.server.note_slow(sender, most.command, args, share_ns);
            }
        }
    }
}

impl Batch {
    /// Parses the requests from `at` on.
    fn fill(&mut self, server: &Server, client: &mut Client, rx: &[u8], at: usize) -> Filled {
        self.requests.clear();
        self.spans.clear();
        self.words.clear();
        self.hashes.clear();
        (self.has_members, self.grows) = (false, false);
        self.parsed_to = at;
        let limits = Limits {
            bulk_bytes_max: server.string_bytes_max(client),
            authenticated: client.authenticated,
        };
        let most = if client.authenticated && !server.times_each_command() { BATCH } else { 1 };
        while self.requests.len() < most {
            let at = self.parsed_to;
            if at == rx.len() {
                return Filled::Incomplete { need: at + 1 };
            }
            let first_span = self.spans.len() as u32;
            let Self { spans, words, .. } = self;
            let parsed = parse::parse(rx, at, spans, words, &mut client.partial, limits);
            let (end, is_inline) = match parsed {
                Ok(Parsed::Request { end }) => (end, false),
                Ok(Parsed::Inline { end }) => (end, true),
                Ok(Parsed::Empty { end }) => {
                    self.parsed_to = end;
                    continue;
                }
                Ok(Parsed::Incomplete { need }) => return Filled::Incomplete { need },
                Err(error) => return Filled::Broken(error),
            };
            let request = Request {
                start: at,
                end,
                first_span,
                last_span: self.spans.len() as u32,
                is_inline,
                command: None,
                is_plain: false,
                first_hash: None,
                first_member: None,
            };
            match self.add(server, request, rx) {
                Added::Before => return Filled::Timed,
                Added::Last => {
                    self.parsed_to = end;
                    return Filled::Whole;
                }
                Added::More => self.parsed_to = end,
            }
        }
        Filled::Whole
    }

    /// Looks the command of a request up and hashes its first key; tells where the batch must end.
    #[inline]
    fn add(&mut self, server: &Server, mut request: Request, rx: &[u8]) -> Added {
        let spans = &self.spans[request.first_span as usize..];
        let args = Args::new(if request.is_inline { &self.words } else { rx }, spans);
        request.command = server.registry.find(args.at(0));
        let Some(row) = request.command.map(|id| server.registry.row(id)) else {
            self.requests.push(request);
            return Added::More;
        };
        let facts = row.facts;
        if facts.looks_at_times && (!self.requests.is_empty() || server.ledger.total > 0) {
            return Added::Before;
        }
        request.is_plain = facts.is_plain && row.command.takes(args.len());
        if let Some(at) = facts.first_key
            && (at as usize) < args.len()
        {
            let hash = server.hasher.hash(args.at(at as usize));
            request.first_hash = Some((at as usize, hash));
            self.hashes.push(hash);
            request.first_member =
                facts.first_member.filter(|&at| request.is_plain && (at as usize) < args.len());
            self.has_members |= request.first_member.is_some();
            self.grows |= facts.grows;
        }
        self.requests.push(request);
        if facts.ends_batch { Added::Last } else { Added::More }
    }

    /// Touches what the batch will need.
    fn warm(&self, server: &Server, db: u32, rx: &[u8]) {
        if self.requests.len() > 1 {
            let keys = &server.dbs[db as usize];
            let hashes = self.hashes.iter().map(|&hash| (keys, hash));
            keyspace::warm(hashes.clone());
            if self.grows {
                keyspace::warm_tails(hashes);
            }
            if self.has_members {
                self.warm_members(server, db, rx);
            }
        }
    }
}

impl Server {
    /// What time brings: expiry, ends of pauses.
    pub(crate) fn on_time(&mut self) {
        let Now { mono_ns, .. } = self.now;
        if self.asleep_until_ns.is_some_and(|until| until <= mono_ns) {
            self.asleep_until_ns = None;
            self.resume_all();
        }
        if self.pause.is_some_and(|pause| pause.until_ns <= mono_ns) {
            self.unpause_clients();
        }
        self.close_idle_clients();
        self.end_late_waits();
        self.persist_on_time();
        if !self.is_paused_for_writes() {
            self.expire_due();
        }
        self.observe_time();
    }

    /// Whether nothing is out of the ordinary for this client: no command with enough arguments
    /// that reads or writes data would be refused, held up, queued, shown to others or left
    /// unanswered.
    fn is_calm(&self, client: &Client) -> bool {
        let has_calm_client = client.reply == ReplyMode::On
            && client.transaction.is_none()
            && client.subscriptions.is_none()
            && client.deferred.is_empty()
            && client.closing == Closing::No
            && !client.is_monitor
            && !self.needs_auth(client);
        has_calm_client
            && self.pause.is_none()
            && self.monitors.is_empty()
            && !self.blocking.is_used()
            && !self.is_loading()
            && !self.times_each_command()
            && !self.has_failed_disk()
            && !self.holds_for_persistence()
    }

    /// Whether DEBUG SLEEP stops everything.
    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep_until_ns.is_some()
    }

    /// When something is due, in ns of the monotonic clock.
    pub(crate) fn next_deadline_ns(&self) -> Option<u64> {
        if !self.outbox.resumed.is_empty() || !self.outbox.io.is_empty() {
            return Some(self.now.mono_ns);
        }
        let expiry = if self.is_paused_for_writes() { None } else { self.next_expiry_ns() };
        let persist = self.persist_deadline_ns();
        let pause = self.pause.map(|pause| pause.until_ns);
        let clients = self.next_client_deadline_ns();
        let waits = self.next_wait_end_ns();
        [expiry, pause, self.asleep_until_ns, clients, persist, waits].into_iter().flatten().min()
    }

    /// The end of a turn.
    pub(crate) fn seal(&mut self) {
        if self.blocking.has_ready() && !self.is_asleep() && !self.is_loading() {
            self.serve_blocked();
        }
        self.seal_log();
        self.go_on_with_shutdown();
        self.go_on_with_reload();
        self.persist.is_turn_sealed = true;
        self.go_on_with_end();
        self.cut_if_due();
        if !self.persist.gated.is_empty() {
            self.watermark_moved();
        }
        self.enforce_output_limits();
        self.evict_clients();
        self.renew_idle_walk();
        let used = self.used_memory_estimate();
        self.stats.used_memory_peak = self.stats.used_memory_peak.max(used);
        self.resume_drained();
        self.hand_out_garbage();
    }
}
