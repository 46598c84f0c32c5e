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
//! nothing else. A dead key that a command did meet is gone for good.

mod bits;
mod call;
mod counters;
mod databases;
mod expiry;
mod float;
mod keys;
mod keyspace;
mod reply;
mod strings;
mod transactions;
mod value;

#[cfg(test)]
mod tests;

pub use keyspace::{Entry, Hash, Keyspace};
pub use reply::Reply;
pub use value::{Fields, Value};

use std::collections::BTreeMap;

use seedis_core::ConnId;

use call::Call;
use transactions::Transaction;

/// A command line: its words.
pub type Words = Vec<Vec<u8>>;

/// The model.
#[derive(Debug)]
pub struct Model {
    keyspace: Keyspace,
    sessions: BTreeMap<ConnId, Session>,
    bulk_bytes_max: usize,
    refusal: Option<String>,
}

/// What a connection has set.
#[derive(Clone, Debug, Default)]
struct Session {
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

const FAMILIES: [Family; 6] = [
    strings::FAMILY,
    counters::FAMILY,
    bits::FAMILY,
    keys::FAMILY,
    expiry::FAMILY,
    databases::FAMILY,
];

/// A command of a family, by its name in lower case, and whether it writes.
fn row(name: &[u8]) -> Option<(&'static Row, bool)> {
    FAMILIES.iter().find_map(|family| {
        let of = |rows: &'static [Row]| rows.iter().find(|row| row.0.as_bytes() == name);
        of(family.reads)
            .map(|row| (row, false))
            .or_else(|| of(family.writes).map(|row| (row, true)))
    })
}

/// Commands around transactions, which are no ordinary commands.
const AROUND: [(&str, i32); 6] =
    [("multi", 1), ("exec", 1), ("discard", 1), ("watch", -2), ("unwatch", 1), ("reset", 1)];

impl Model {
    /// A server without data, with so many databases and values of so many bytes at most.
    #[must_use]
    pub fn new(databases: usize, bulk_bytes_max: usize) -> Self {
        let (keyspace, sessions) = (Keyspace::new(databases), BTreeMap::new());
        Self { keyspace, sessions, bulk_bytes_max, refusal: None }
    }

    /// Whether replies of a command are known byte by byte.
    #[must_use]
    pub fn knows(name: &[u8]) -> bool {
        arity(name).is_some()
    }

    /// A connection was made.
    pub fn connect(&mut self, conn: ConnId) {
        self.sessions.insert(conn, Session::default());
    }

    /// A connection is gone.
    pub fn disconnect(&mut self, conn: ConnId) {
        self.sessions.remove(&conn);
    }

    /// Whether a connection is in a transaction.
    #[must_use]
    pub fn is_in_transaction(&self, conn: ConnId) -> bool {
        self.sessions.get(&conn).is_some_and(|session| session.transaction.is_some())
    }

    /// All connections are gone and the data is what was recovered.
    pub fn restart(&mut self, keyspace: Keyspace) {
        self.sessions.clear();
        self.keyspace = keyspace;
    }

    /// From now on commands that write are refused with this error, or not any more.
    pub fn refuse_writes(&mut self, error: Option<String>) {
        self.refusal = error;
    }

    /// Executes a command as the core did in a turn of `now_ms`.
    pub fn execute(&mut self, conn: ConnId, words: &[Vec<u8>], now_ms: i64) -> Expected {
        let mut session = self.sessions.remove(&conn).unwrap_or_default();
        let reply = self.answer(&mut session, words, now_ms);
        let is_resp3 = session.is_resp3;
        self.sessions.insert(conn, session);
        Expected { reply, is_resp3 }
    }

    /// The keys and values.
    #[must_use]
    pub fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// Ends a turn: of the keys past their deadline those stay that the core still holds.
    pub fn settle(&mut self, now_ms: i64, mut holds: impl FnMut(usize, &[u8]) -> bool) {
        for (db, key) in self.keyspace.dead(now_ms) {
            if !holds(db, &key) {
                self.keyspace.expire(db, &key);
            }
        }
        self.tell_watchers(None, now_ms);
    }

    fn answer(&mut self, session: &mut Session, words: &[Vec<u8>], now_ms: i64) -> Reply {
        let name = words[0].to_ascii_lowercase();
        let Some(arity) = arity(&name) else {
            if name == b"hello" && words.len() > 1 {
                session.is_resp3 = words[1] == b"3";
            }
            return Reply::Any;
        };
        if !takes(arity, words.len()) {
            let name = String::from_utf8_lossy(&name).into_owned();
            let error = format!("ERR wrong number of arguments for '{name}' command");
            return refuse(session, &name, &error);
        }
        if let Some(error) = self.refusal.clone().filter(|_| writes(session, &name)) {
            return refuse(session, &String::from_utf8_lossy(&name), &error);
        }
        if let Some(transaction) = &mut session.transaction
            && !matches!(&name[..], b"multi" | b"exec" | b"discard" | b"watch" | b"reset")
        {
            // One that cannot succeed any more keeps nothing.
            if !transaction.is_aborted && !session.is_touched {
                transaction.queue.push(words.to_vec());
            }
            return Reply::Simple("QUEUED");
        }
        match &name[..] {
            b"exec" => self.exec(session, now_ms),
            b"watch" => self.watch(session, words, now_ms),
            b"multi" | b"discard" | b"unwatch" | b"reset" => transactions::around(session, &name),
            _ => self.run(session, words, now_ms),
        }
    }

    fn run(&mut self, session: &mut Session, words: &[Vec<u8>], now_ms: i64) -> Reply {
        let name = words[0].to_ascii_lowercase();
        let Some(((_, _, run), _)) = row(&name) else {
            // UNWATCH in a transaction: by now nothing is watched.
            return Reply::Simple("OK");
        };
        let bulk_bytes_max = self.bulk_bytes_max;
        let keyspace = &mut self.keyspace;
        let mut call = Call { keyspace, words, now_ms, bulk_bytes_max, db: &mut session.db };
        let reply = run(&mut call).unwrap_or_else(Reply::Error);
        self.tell_watchers(Some(session), now_ms);
        reply
    }
}

/// Refuses a command before it runs; a transaction that it was meant for fails.
fn refuse(session: &mut Session, name: &str, error: &str) -> Reply {
    if name == "exec" {
        transactions::leave(session);
        let error = error.strip_prefix("ERR ").unwrap_or(error);
        let text = format!("EXECABORT Transaction discarded because of: {error}");
        return Reply::Error(text.into());
    }
    if let Some(transaction) = &mut session.transaction {
        transaction.is_aborted = true;
    }
    Reply::Error(error.into())
}

/// Whether a command is refused while nothing can be made durable: it writes, or it is PING, by
/// which clients watch the server, or EXEC of a command that writes.
fn writes(session: &Session, name: &[u8]) -> bool {
    if name == b"exec" {
        let queue = session.transaction.iter().flat_map(|transaction| &transaction.queue);
        let mut names = queue.map(|words| words[0].to_ascii_lowercase());
        return names.any(|name| name != b"ping" && writes(session, &name));
    }
    row(name).is_some_and(|(_, writes)| writes)
}

fn arity(name: &[u8]) -> Option<i32> {
    let name = name.to_ascii_lowercase();
    let around = || AROUND.into_iter().find(|row| row.0.as_bytes() == name).map(|row| row.1);
    row(&name).map(|(row, _)| row.1).or_else(around)
}

fn takes(arity: i32, words: usize) -> bool {
    let words = words as i32;
    if arity < 0 { words >= -arity } else { words == arity }
}
