//! WAITAOF: clients that wait until their writes are durable here.

use super::aof::AofState;
use crate::client::Client;
use crate::command::error::Outcome;
use crate::server::Server;
use crate::server::completion::Waiter;
use crate::turn::ConnId;

/// A client that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) waiter: Waiter,
    pub(crate) lsn: u64,
    /// When it is answered in any case.
    pub(crate) until_ns: Option<u64>,
    /// How many replicas it waits for: there are none, so only time ends that.
    pub(crate) replicas: u64,
}

impl Server {
    /// The log's end, if the client has logged something in the feed that is running.
    pub(crate) fn open_lsn_of(&self, client: &Client) -> u64 {
        if self.feed_lsn < self.log.lsn() { self.log.lsn() } else { client.write_lsn }
    }

    /// Whether the writes of a client are durable. Before the first base of a log is, nothing is,
    /// whatever its file has.
    pub(crate) fn is_durable(&self, lsn: u64) -> bool {
        self.persist.aof.state == AofState::On && self.persist.aof.durable_lsn() >= lsn
    }

    /// Answers those whose writes are durable, or whose time is up.
    pub(crate) fn answer_waitaof(&mut self) {
        if self.persist.waitaof.is_empty() {
            return;
        }
        let now_ns = self.now.mono_ns;
        for waiting in core::mem::take(&mut self.persist.waitaof) {
            let is_durable = self.is_durable(waiting.lsn);
            let is_late = waiting.until_ns.is_some_and(|until| until <= now_ns);
            if is_late || is_durable && waiting.replicas == 0 {
                self.answer_with(&waiting.waiter, |client| write_reply(client, is_durable));
            } else {
                self.persist.waitaof.push(waiting);
            }
        }
    }

    /// Ends a client's wait as if its time were up, or with an error; `false` if it waits for
    /// nothing here.
    pub(crate) fn end_waitaof(&mut self, conn: ConnId, outcome: Outcome) -> bool {
        let mut all = self.persist.waitaof.iter();
        let Some(at) = all.position(|waiting| waiting.waiter.is_of(conn)) else { return false };
        let waiting = self.persist.waitaof.remove(at);
        let is_durable = self.is_durable(waiting.lsn);
        match outcome {
            Ok(()) => self.answer_with(&waiting.waiter, |client| write_reply(client, is_durable)),
            Err(error) => self.answer(&waiting.waiter, Err(error)),
        }
        true
    }

    /// When the time of the first of them is up.
    pub(crate) fn waitaof_due_ns(&self) -> Option<u64> {
        self.persist.waitaof.iter().filter_map(|waiting| waiting.until_ns).min()
    }
}

/// How many have the writes: this server, and replicas.
pub(crate) fn write_reply(client: &mut Client, is_durable: bool) {
    client.output.array(2);
    client.output.int(i64::from(is_durable));
    client.output.int(0);
}
