//! The oracle: a naive model of Redis that shares no code with the core.
//!
//! It is as plain as can be: maps of byte strings, one function a command, everything copied. It
//! executes when the core executes, on the same clock of the turn, and says what each reply must
//! be, byte by byte. A command that it does not know is left to a check of form, and must not
//! change the keyspace.
//!
//! The hard case is a key past its deadline that nobody has asked for yet. The core may have
//! removed it, or not; both are right, and it shows when the clock steps back. So at the end of
//! each turn the model asks which of these are still there ([`Model::settle`]), and asks for
//! nothing else. A dead key that a command did meet is gone for good. Fields of hashes are alike:
//! whoever looks at the hash meets all that are dead.

mod algebra;
mod bitfields;
mod bits;
mod call;
mod counters;
mod databases;
mod expiry;
mod field_deadlines;
mod float;
mod geo;
mod hashes;
mod hyperloglogs;
mod keys;
mod keyspace;
mod lcs;
mod lists;
mod logged;
mod mixer;
mod places;
mod pubsub;
mod ranges;
mod reply;
mod scans;
mod scores;
mod searches;
mod sets;
mod sort;
mod sorted_sets;
mod streams;
mod strings;
mod transactions;
mod value;
mod waits;

#[cfg(test)]
mod tests;

pub use keyspace::{Entry, Hash, Keyspace};
pub use reply::{Drawn, Reply, Told};
pub use streams::{Group, Id, Pending, Seen, Stream};
pub use value::{Fields, List, Scores, Set, Value};
pub use waits::Served;

use core::hash::BuildHasherDefault;
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use seedis_core::ConnId;

use call::Call;
use logged::Logged;
use mixer::Mixer;
use pubsub::Channels;
use scans::Walks;
use transactions::Transaction;
use waits::{Waits, Wanted};

/// A command line: its words.
pub type Words = Vec<Vec<u8>>;

/// The model.
#[derive(Debug)]
pub struct Model {
    keyspace: Keyspace,
    sessions: BTreeMap<ConnId, Session>,
    bulk_bytes_max: usize,
    refusal: Option<String>,
    logged: Logged,
    waits: Waits,
    walks: Walks,
    channels: Channels,
    /// Those whom CLIENT UNBLOCK has answered in the command that runs.
    unblocked: Vec<Served>,
    /// The monotonic clock of the turn.
    now_ns: u64,
    /// Connections of this life.
    connections: i64,
}

/// What a connection has set.
#[derive(Clone, Debug, Default)]
struct Session {
    /// What CLIENT ID answers.
    id: i64,
    db: usize,
    is_resp3: bool,
    transaction: Option<Transaction>,
    watches: Vec<Watch>,
    /// Something that it watched has changed.
    is_touched: bool,
}

/// A watched key.
#[derive(Clone, Debug)]
struct Watch {
    db: usize,
    key: Vec<u8>,
    /// It was there, past its deadline: that counts as missing.
    was_dead: bool,
}

/// What a command must answer.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The reply.
    pub reply: Reply,
    /// It is sent in RESP3.
    pub is_resp3: bool,
}

/// What came of a command.
#[derive(Clone, Debug)]
pub struct Executed {
    /// What it must answer; nothing while its client waits for a key.
    pub expected: Option<Expected>,
    /// It has changed something.
    pub is_write: bool,
    /// The state since.
    pub hash: Hash,
    /// What it has told, besides its reply and before anything else, to whom.
    pub pushes: Vec<(ConnId, Expected)>,
    /// Others whom it has answered, in this order.
    pub served: Vec<Served>,
}

type Answer = Result<Reply, Vec<u8>>;
type Run = fn(&mut Call<'_>) -> Answer;
/// Name, arity as in Redis, and what it does.
type Row = (&'static str, i32, Run);

/// The commands of a file. Those that write, and PING, are refused while nothing can be made
/// durable.
struct Family {
    reads: &'static [Row],
    writes: &'static [Row],
}

const FAMILIES: &[Family] = &[
    strings::FAMILY,
    counters::FAMILY,
    bits::FAMILY,
    bitfields::FAMILY,
    lcs::FAMILY,
    keys::FAMILY,
    expiry::FAMILY,
    databases::FAMILY,
    lists::FAMILY,
    hashes::FAMILY,
    field_deadlines::FAMILY,
    sets::FAMILY,
    sorted_sets::FAMILY,
    ranges::FAMILY,
    algebra::FAMILY,
    geo::FAMILY,
    hyperloglogs::FAMILY,
    scans::FAMILY,
    sort::FAMILY,
    streams::FAMILY,
];

/// A command of a family, by its name in lower case, and whether it writes.
fn row(name: &[u8]) -> Option<(&'static Row, bool)> {
    type Rows = HashMap<&'static [u8], (&'static Row, bool), BuildHasherDefault<Mixer>>;
    static ROWS: OnceLock<Rows> = OnceLock::new();
    let rows = ROWS.get_or_init(|| {
        let of = |rows: &'static [Row], writes| {
            rows.iter().map(move |row| (row.0.as_bytes(), (row, writes)))
        };
        let families = FAMILIES.iter();
        families.flat_map(|family| of(family.reads, false).chain(of(family.writes, true))).collect()
    });
    rows.get(name).copied()
}

/// Commands around transactions, which are no ordinary commands.
static AROUND: [(&str, i32); 6] =
    [("multi", 1), ("exec", 1), ("discard", 1), ("watch", -2), ("unwatch", 1), ("reset", 1)];

impl Model {
    /// A server without data, with so many databases and values of so many bytes at most.
    #[must_use]
    pub fn new(databases: usize, bulk_bytes_max: usize) -> Self {
        let (keyspace, sessions) = (Keyspace::new(databases), BTreeMap::new());
        Self {
            keyspace,
            sessions,
            bulk_bytes_max,
            refusal: None,
            logged: Logged::default(),
            waits: Waits::default(),
            walks: Walks::default(),
            channels: Channels::default(),
            unblocked: Vec::new(),
            now_ns: 0,
            connections: 0,
        }
    }

    /// Whether replies of a command are known byte by byte.
    #[must_use]
    pub fn knows(name: &[u8]) -> bool {
        arity(&name.to_ascii_lowercase()).is_some() || streams::is_container(name)
    }

    /// Whether a command is one of those that write.
    #[must_use]
    pub fn writes(words: &[Vec<u8>]) -> bool {
        row(&full_name(words)).is_some_and(|(_, writes)| writes)
    }

    /// A connection was made.
    pub fn connect(&mut self, conn: ConnId) {
        self.connections += 1;
        self.sessions.insert(conn, Session { id: self.connections, ..Session::default() });
    }

    /// A connection is gone.
    pub fn disconnect(&mut self, conn: ConnId) {
        if let Some(session) = self.sessions.remove(&conn) {
            self.channels.leave(session.id);
        }
        self.waits.leave(conn);
    }

    /// Whether a connection waits for a key.
    #[must_use]
    pub fn is_waiting(&self, conn: ConnId) -> bool {
        self.waits.hold(conn)
    }

    /// When the first of those who wait has waited long enough.
    #[must_use]
    pub fn next_wait_end_ns(&self) -> Option<u64> {
        self.waits.next_end_ns()
    }

    /// Everything of a turn is to be executed, at this time of the monotonic clock; this is what
    /// the core has logged in it.
    pub fn begin_turn(&mut self, now_ns: u64, log: Vec<u8>) {
        self.now_ns = now_ns;
        self.logged = Logged::new(log);
    }

    /// Whether a connection is in a transaction.
    #[must_use]
    pub fn is_in_transaction(&self, conn: ConnId) -> bool {
        self.sessions.get(&conn).is_some_and(|session| session.transaction.is_some())
    }

    /// All connections are gone and the data is what was recovered.
    pub fn restart(&mut self, keyspace: Keyspace) {
        self.sessions.clear();
        (self.waits, self.walks) = (Waits::default(), Walks::default());
        self.channels = Channels::default();
        self.connections = 0;
        self.keyspace = keyspace;
    }

    /// From now on commands that write are refused with this error, or not any more.
    pub fn refuse_writes(&mut self, error: Option<String>) {
        self.refusal = error;
    }

    /// From now on what is past its deadline is not seen, and stays; or goes again when it is met.
    pub fn freeze(&mut self, is_frozen: bool) {
        self.keyspace.freeze(is_frozen);
    }

    /// Executes a command as the core did in a turn of `now_ms`.
    pub fn execute(&mut self, conn: ConnId, words: &[Vec<u8>], now_ms: i64) -> Executed {
        let before = self.keyspace.changes();
        let mut session = self.sessions.remove(&conn).unwrap_or_default();
        let (reply, wanted) = self.answer(&mut session, words, now_ms);
        let (is_resp3, db) = (session.is_resp3, session.db);
        self.sessions.insert(conn, session);
        let pushes = self.take_pushes();
        let does_wait = wanted.is_some();
        if let Some(wanted) = wanted {
            self.line_up(conn, db, wanted, words);
        }
        let (hash, is_write) = (self.keyspace.hash(), self.keyspace.changes() != before);
        let mut served = std::mem::take(&mut self.unblocked);
        served.extend(self.serve(now_ms));
        let expected = (!does_wait).then_some(Expected { reply, is_resp3 });
        Executed { expected, is_write, hash, pushes, served }
    }

    /// The keys and values.
    #[must_use]
    pub fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// Ends a turn: of the keys and the fields of hashes past their deadline those stay that the
    /// core still holds.
    pub fn settle(
        &mut self,
        now_ms: i64,
        mut holds: impl FnMut(usize, &[u8], Option<&[u8]>) -> bool,
    ) {
        for (db, key) in self.keyspace.dead(now_ms) {
            if !holds(db, &key, None) {
                self.keyspace.expire(db, &key);
            }
        }
        for (db, key) in self.keyspace.with_dead_fields(now_ms) {
            self.keyspace.expire_fields(db, &key, now_ms, |field| holds(db, &key, Some(field)));
        }
        self.tell_watchers(None, now_ms);
    }

    fn answer(&mut self, session: &mut Session, words: &[Vec<u8>], now_ms: i64) -> Ran {
        let name = full_name(words);
        let Some(arity) = arity(&name) else {
            if streams::is_container(&words[0].to_ascii_lowercase()) {
                return (refuse(session, &name, streams::no_subcommand(words)), None);
            }
            if name == b"hello" && words.len() > 1 {
                session.is_resp3 = words[1] == b"3";
            }
            let is_run = session.transaction.is_none() && !self.may_only_listen(session);
            if let Some(key) = looked_at(words).filter(|_| is_run) {
                self.keyspace.meet(session.db, key, now_ms);
                self.tell_watchers(Some(session), now_ms);
            }
            return (Reply::Any, None);
        };
        if !takes(arity, words.len()) {
            let shown = String::from_utf8_lossy(&name);
            let error = format!("ERR wrong number of arguments for '{shown}' command");
            return (refuse(session, &name, error.into()), None);
        }
        if let Some(error) = self.refusal.clone().filter(|_| writes(session, words)) {
            return (refuse(session, &name, error.into()), None);
        }
        if name == b"pubsub" && !pubsub::is_said_well(words) {
            session.transaction.iter_mut().for_each(|it| it.is_aborted = true);
            return (Reply::Any, None);
        }
        if let Some(error) = self.refuse_listener(session, words) {
            return (refuse(session, &name, error.into()), None);
        }
        if let Some(transaction) = &mut session.transaction
            && !matches!(&name[..], b"multi" | b"exec" | b"discard" | b"watch" | b"reset")
        {
            // One that cannot succeed any more keeps nothing.
            if !transaction.is_aborted && !session.is_touched {
                transaction.queue.push(words.to_vec());
            }
            return (Reply::Simple("QUEUED"), None);
        }
        let reply = match &name[..] {
            b"exec" => self.exec(session, now_ms),
            b"watch" => self.watch(session, words, now_ms),
            b"multi" | b"discard" | b"unwatch" | b"reset" => {
                if name == b"reset" {
                    self.channels.leave(session.id);
                }
                transactions::around(session, &name)
            }
            _ => return self.run(session, words, now_ms, true),
        };
        (reply, None)
    }

    fn run(
        &mut self,
        session: &mut Session,
        words: &[Vec<u8>],
        now_ms: i64,
        may_wait: bool,
    ) -> Ran {
        if is_unblock(words) {
            let (reply, served) = self.unblock(words);
            self.unblocked.extend(served);
            return (reply, None);
        }
        if let Some(reply) = self.run_pubsub(session, words) {
            return (reply, None);
        }
        let Some(((_, _, run), _)) = row(&full_name(words)) else {
            // UNWATCH in a transaction: by now nothing is watched.
            return (Reply::Simple("OK"), None);
        };
        let mut call = Call {
            keyspace: &mut self.keyspace,
            words,
            now_ms,
            now_ns: self.now_ns,
            bulk_bytes_max: self.bulk_bytes_max,
            db: &mut session.db,
            id: session.id,
            logged: &mut self.logged,
            walks: &mut self.walks,
            may_wait,
            waits_for: None,
        };
        let reply = run(&mut call).unwrap_or_else(Reply::Error);
        let wanted = call.waits_for;
        self.tell_watchers(Some(session), now_ms);
        (reply, wanted)
    }
}

/// A reply, unless something is waited for.
type Ran = (Reply, Option<Wanted>);

fn is_unblock(words: &[Vec<u8>]) -> bool {
    let is = |at: usize, name: &str| words[at].eq_ignore_ascii_case(name.as_bytes());
    (3..=4).contains(&words.len()) && is(0, "client") && is(1, "unblock")
}

/// The key that a command looks at whose reply is not known.
fn looked_at(words: &[Vec<u8>]) -> Option<&[u8]> {
    let is = |at: usize, name: &str| words[at].eq_ignore_ascii_case(name.as_bytes());
    let looks = ["encoding", "freq", "idletime", "refcount"];
    match words.len() {
        2 if is(0, "dump") => Some(&words[1]),
        3 if is(0, "object") && looks.iter().any(|name| is(1, name)) => Some(&words[2]),
        _ => None,
    }
}

/// The name of a command, with that of its subcommand as Redis writes it: `xgroup|create`.
fn full_name(words: &[Vec<u8>]) -> Vec<u8> {
    let name = words[0].to_ascii_lowercase();
    match words.get(1) {
        Some(sub) if streams::is_container(&name) => {
            [&name[..], b"|", &sub.to_ascii_lowercase()].concat()
        }
        _ => name,
    }
}

/// Refuses a command before it runs; a transaction that it was meant for fails.
fn refuse(session: &mut Session, name: &[u8], error: Vec<u8>) -> Reply {
    if name == b"exec" {
        transactions::leave(session);
        let error = error.strip_prefix(b"ERR ").unwrap_or(&error);
        let before = &b"EXECABORT Transaction discarded because of: "[..];
        return Reply::Error([before, error].concat());
    }
    if let Some(transaction) = &mut session.transaction {
        transaction.is_aborted = true;
    }
    Reply::Error(error)
}

/// Whether a command is refused while nothing can be made durable: it writes, or it is PING, by
/// which clients watch the server, or EXEC of a command that writes.
fn writes(session: &Session, words: &[Vec<u8>]) -> bool {
    let name = full_name(words);
    if name == b"exec" {
        let mut queue = session.transaction.iter().flat_map(|transaction| &transaction.queue);
        let is_ping = |words: &Words| words[0].eq_ignore_ascii_case(b"ping");
        return queue.any(|words| !is_ping(words) && writes(session, words));
    }
    row(&name).is_some_and(|(_, writes)| writes)
}

/// What Redis tells of a command by its name in lower case.
fn arity(name: &[u8]) -> Option<i32> {
    let around = || {
        let mut others = AROUND.iter().chain(&pubsub::COMMANDS);
        others.find(|row| row.0.as_bytes() == name).map(|row| row.1)
    };
    row(name).map(|(row, _)| row.1).or_else(around)
}

fn takes(arity: i32, words: usize) -> bool {
    let words = words as i32;
    if arity < 0 { words >= -arity } else { words == arity }
}
