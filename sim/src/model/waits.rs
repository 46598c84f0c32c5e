//! Clients that wait for keys: BLPOP and its like.
//!
//! As naive as can be: those who wait stand in one line, in which each has the keys that it waits
//! for. A key that a command has changed is ready if somebody waits for it. After the command, or
//! the whole transaction, ready keys are taken in the order in which they became ready, and for
//! each the line is walked from its head: who waits for this key, and it holds what he wants, says
//! his command again. He is answered, or goes to the end of the line with the time that he has
//! left; but the walk ends with who was last in the line when it began.

use std::collections::{BTreeMap, VecDeque};

use seedis_core::ConnId;

use super::call::{Call, SYNTAX, int};
use super::keyspace::{Event, Hash};
use super::reply::Reply;
use super::scores::parse;
use super::{Expected, Model, Words};
use crate::world::operator::is_operator;

/// What a command waits for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) type_name: &'static str,
    pub(super) keys: Words,
    pub(super) until_ns: Option<u64>,
    /// Every change of a key counts, that it is gone included.
    pub(super) on_any_change: bool,
    /// What is said again when it is not what was said.
    pub(super) words: Option<Words>,
}

/// A client in the line.
#[derive(Clone, Debug)]
struct Wait {
    conn: ConnId,
    db: usize,
    wanted: Wanted,
    words: Words,
}

/// The line.
#[derive(Debug, Default)]
pub(super) struct Waits {
    line: BTreeMap<u64, Wait>,
    last: u64,
    ready: VecDeque<(usize, Vec<u8>)>,
}

/// A client that is answered because of what another one did, or because its time is up.
#[derive(Clone, Debug)]
pub struct Served {
    /// Who.
    pub conn: ConnId,
    /// With what.
    pub expected: Expected,
    /// Its command has changed something; and the state since.
    pub is_write: bool,
    /// The state since.
    pub hash: Hash,
}

impl Waits {
    pub(super) fn leave(&mut self, conn: ConnId) {
        self.line.retain(|_, wait| wait.conn != conn);
    }

    pub(super) fn hold(&self, conn: ConnId) -> bool {
        self.line.values().any(|wait| wait.conn == conn)
    }

    /// When the first of them has waited long enough.
    pub(super) fn next_end_ns(&self) -> Option<u64> {
        self.line.values().filter_map(|wait| wait.wanted.until_ns).min()
    }

    pub(super) fn hear(&mut self, event: &Event) {
        let mut ready = match event {
            _ if self.line.is_empty() => return,
            Event::Changed(db, key) | Event::Expired(db, key) | Event::Ready(db, key) => {
                vec![(*db, key.clone())]
            }
            Event::Replaced(db, _) => {
                let of = self.line.values().filter(|wait| wait.db == *db);
                of.flat_map(|wait| wait.wanted.keys.iter().map(|key| (*db, key.clone()))).collect()
            }
        };
        ready.sort();
        ready.dedup();
        ready.retain(|it| {
            !self.ready.contains(it) && self.line.values().any(|wait| wait.is_for(it))
        });
        self.ready.extend(ready);
    }
}

impl Wait {
    fn is_for(&self, (db, key): &(usize, Vec<u8>)) -> bool {
        self.db == *db && self.wanted.keys.contains(key)
    }
}

/// What COUNT says, or the error, which comes after another one.
type Count = Result<usize, Vec<u8>>;

impl<'a> Call<'a> {
    /// Until when the argument says to wait; none is for ever.
    pub(super) fn until(&self, at: usize) -> Result<Option<u64>, Vec<u8>> {
        const OUT_OF_RANGE: &str = "ERR timeout is out of range";
        let seconds = parse(&self.words[at]).ok_or("ERR timeout is not a float or out of range")?;
        let ms = (seconds * 1000.0).ceil();
        if ms >= i64::MAX as f64 {
            return Err(OUT_OF_RANGE.into());
        }
        if ms < 0.0 {
            return Err("ERR timeout is negative".into());
        }
        (ms as i64).checked_add(self.now_ms).ok_or(OUT_OF_RANGE)?;
        Ok(self.in_ms(ms as u64))
    }

    /// The same of milliseconds.
    pub(super) fn until_ms(&self, at: usize) -> Result<Option<u64>, Vec<u8>> {
        let ms = int(&self.words[at]).ok_or("ERR timeout is not an integer or out of range")?;
        if ms < 0 {
            return Err("ERR timeout is negative".into());
        }
        ms.checked_add(self.now_ms).ok_or("ERR timeout is out of range")?;
        Ok(self.in_ms(ms as u64))
    }

    fn in_ms(&self, ms: u64) -> Option<u64> {
        let until_ns = self.now_ns.saturating_add(ms.saturating_mul(1_000_000));
        (ms > 0).then_some(until_ns)
    }

    /// Waits, or answers this where nobody may wait.
    pub(super) fn wait(
        &mut self,
        type_name: &'static str,
        keys: &[Vec<u8>],
        until_ns: Option<u64>,
        nothing: Reply,
    ) -> Reply {
        if self.may_wait {
            let keys = keys.to_vec();
            let (on_any_change, words) = (false, None);
            self.waits_for = Some(Wanted { type_name, keys, until_ns, on_any_change, words });
        }
        nothing
    }

    /// The keys whose number stands at `at`, and what COUNT says behind them and one more word.
    pub(super) fn keys_and_count(&self, at: usize) -> Result<(&'a [Vec<u8>], Count), Vec<u8>> {
        let number = self.at_least(at, 1, "ERR numkeys should be greater than 0")?;
        let words = self.words;
        let keys = words[at + 1..].get(..number).ok_or(SYNTAX)?;
        let options = at + 2 + number;
        if words.len() < options {
            return Err(SYNTAX.into());
        }
        let count = match words.len() - options {
            0 => Ok(1),
            2 if self.lower(options) == b"count" => {
                self.at_least(options + 1, 1, "ERR count should be greater than 0")
            }
            more if more > 2 && self.lower(options) == b"count" => {
                let count = self.at_least(options + 1, 1, "ERR count should be greater than 0");
                count.and_then(|_| Err(SYNTAX.into()))
            }
            _ => Err(SYNTAX.into()),
        };
        Ok((keys, count))
    }
}

impl Model {
    /// A client goes to the end of the line.
    pub(super) fn line_up(
        &mut self,
        conn: ConnId,
        db: usize,
        mut wanted: Wanted,
        words: &[Vec<u8>],
    ) {
        self.waits.last += 1;
        let words = wanted.words.take().unwrap_or_else(|| words.to_vec());
        let wait = Wait { conn, db, wanted, words };
        self.waits.line.insert(self.waits.last, wait);
    }

    /// Serves those who wait for keys that are ready.
    pub fn serve(&mut self, now_ms: i64) -> Vec<Served> {
        let mut served = Vec::new();
        while let Some(ready) = self.waits.ready.pop_front() {
            let (mut at, last) = (0, self.waits.last);
            while let Some((place, wait)) = self.next_for(&ready, at + 1, last) {
                at = place;
                let entry = self.keyspace.peek(ready.0, &ready.1);
                let entry = entry.filter(|entry| !entry.is_dead(now_ms));
                let type_name = entry.map(|entry| entry.value.type_name());
                if wait.wanted.on_any_change || type_name == Some(wait.wanted.type_name) {
                    self.waits.line.remove(&place);
                    served.extend(self.serve_one(wait, now_ms));
                }
            }
        }
        served
    }

    fn next_for(&self, ready: &(usize, Vec<u8>), from: u64, last: u64) -> Option<(u64, Wait)> {
        let mut line = self.waits.line.iter().filter(|(place, _)| (from..=last).contains(place));
        line.find(|(_, wait)| wait.is_for(ready)).map(|(&place, wait)| (place, wait.clone()))
    }

    fn serve_one(&mut self, wait: Wait, now_ms: i64) -> Option<Served> {
        let mut session = self.sessions.remove(&wait.conn)?;
        let before = self.keyspace.changes();
        let (reply, wanted) = match self.refusal.clone() {
            Some(error) if super::writes(&session, &wait.words) => {
                (Reply::Error(error.into()), None)
            }
            _ => self.run(&mut session, &wait.words, now_ms, true),
        };
        let is_resp3 = session.is_resp3;
        let db = session.db;
        self.sessions.insert(wait.conn, session);
        if let Some(wanted) = wanted {
            let wanted = Wanted { until_ns: wait.wanted.until_ns, ..wanted };
            self.line_up(wait.conn, db, wanted, &wait.words);
            return None;
        }
        let is_write = self.keyspace.changes() != before;
        Some(self.served(wait.conn, reply, is_resp3, is_write))
    }

    fn served(&self, conn: ConnId, reply: Reply, is_resp3: bool, is_write: bool) -> Served {
        let expected = Expected { reply, is_resp3 };
        Served { conn, expected, is_write, hash: self.keyspace.hash() }
    }

    /// Ends the waits whose time is up.
    pub fn end_late_waits(&mut self, now_ns: u64) -> Vec<Served> {
        let mut late: Vec<(u64, ConnId)> = self
            .waits
            .line
            .values()
            .filter_map(|wait| Some((wait.wanted.until_ns?, wait.conn)))
            .filter(|late| late.0 <= now_ns)
            .collect();
        late.sort_unstable();
        late.into_iter().filter_map(|(_, conn)| self.end_wait(conn, Reply::NullArray)).collect()
    }

    /// Ends a client's wait with this answer; none if it does not wait.
    pub(super) fn end_wait(&mut self, conn: ConnId, reply: Reply) -> Option<Served> {
        let is_resp3 = self.sessions.get(&conn)?.is_resp3;
        let does_wait = self.waits.hold(conn);
        self.waits.leave(conn);
        does_wait.then(|| self.served(conn, reply, is_resp3, false))
    }

    /// CLIENT UNBLOCK: the answer to it, and who is answered by it.
    pub(super) fn unblock(&mut self, words: &[Vec<u8>]) -> (Reply, Option<Served>) {
        let unblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
        let reply = match words.get(3).map(|word| word.to_ascii_lowercase()).as_deref() {
            None | Some(b"timeout") => Reply::NullArray,
            Some(b"error") => Reply::Error(unblocked.into()),
            Some(_) => {
                let error = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
                return (Reply::Error(error.into()), None);
            }
        };
        let Some(id) = int(&words[2]) else {
            return (Reply::Error(super::call::NOT_INTEGER.into()), None);
        };
        let conn = self.sessions.iter().find(|(_, session)| session.id == id).map(|it| *it.0);
        let served = conn.and_then(|conn| self.end_wait(conn, reply));
        // An operator may wait for the disk, which nobody here knows of.
        let is_known = conn.is_none_or(|conn| !is_operator(conn));
        let reply = if is_known { served.is_some().into() } else { Reply::Any };
        (reply, served)
    }
}
