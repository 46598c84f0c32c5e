//! Replies that wait for the disk.
//!
//! Nothing that a client is told may be taken back by a crash. Under `appendfsync always` that
//! holds for everything: a reply, one to a read included, leaves when the log up to where it was
//! when the reply was made is durable. Under the other policies a reply to a write leaves when the
//! system has the write, so that only a power loss can take it back.
//!
//! While the disk fails, reads go on: a reply then waits for the client's own writes only, so it
//! may show what others have written and have not been told is kept.
//!
//! The output of a client is one stream, so a gate is a place in it: bytes behind the gate wait
//! for an LSN. Nearly always the watermark has passed already when output is to be sent, and no
//! gate is made.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::aof::AofState;
use crate::client::Client;
use crate::config::AppendFsync;
use crate::server::Server;
use crate::turn::ConnId;

/// What of a client's output waits.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    /// Bytes since the connection was made that may be sent.
    open_to: u64,
    /// The rest: where it ends, and what it waits for.
    closed: VecDeque<(u64, u64)>,
}

impl Client {
    /// Bytes of the output that may be sent.
    pub(crate) fn sendable_bytes(&self) -> usize {
        let pending = self.output.pending_bytes();
        match &self.gates {
            Some(gates) => (gates.open_to.saturating_sub(self.bytes_out) as usize).min(pending),
            None => pending,
        }
    }

    fn produced_bytes(&self) -> u64 {
        self.bytes_out + self.output.pending_bytes() as u64
    }

    /// Lets what waits for `watermark` or less go.
    fn open_gates(&mut self, watermark: u64) {
        let Some(gates) = &mut self.gates else { return };
        while let Some(&(end, lsn)) = gates.closed.front() {
            if lsn > watermark {
                return;
            }
            gates.open_to = end;
            gates.closed.pop_front();
        }
        self.gates = None;
    }
}

impl Server {
    /// The part of the log that replies need not wait for.
    fn watermark(&self) -> u64 {
        match (self.persist.aof.state, self.sync_policy()) {
            (AofState::On, AppendFsync::Always) => self.persist.aof.durable_lsn(),
            (AofState::On, _) => self.persist.aof.written_lsn(),
            _ => u64::MAX,
        }
    }

    /// What the output that a client has now waits for.
    fn awaited_lsn(&self, client: &Client) -> u64 {
        match self.sync_policy() {
            AppendFsync::Always if self.persist.aof.error().is_none() => self.log.lsn(),
            _ => client.write_lsn,
        }
    }

    /// Whether some output of a client may be sent. What may not waits at a gate.
    #[inline]
    pub(crate) fn may_send(&mut self, conn: ConnId) -> bool {
        if self.persist.aof.state != AofState::On {
            return true;
        }
        self.gate(conn)
    }

    fn gate(&mut self, conn: ConnId) -> bool {
        let watermark = self.watermark();
        let Some(client) = self.clients.get(conn) else { return false };
        let awaited = self.awaited_lsn(client);
        let produced = client.produced_bytes();
        let sent = client.bytes_out;
        if client.gates.is_none() && awaited <= watermark {
            return true;
        }
        if self.persist.opened_to.is_some_and(|to| to > watermark) {
            // Another policy counts since then, and its watermark may come to the same place.
            self.persist.opened_to = None;
        }
        let Some(client) = self.clients.get_mut(conn) else { return false };
        let gates = client.gates.get_or_insert_with(|| {
            self.persist.gated.insert(conn);
            Box::new(Gates { open_to: sent, closed: VecDeque::new() })
        });
        let gated_to = gates.closed.back().map_or(gates.open_to, |&(end, _)| end);
        if produced > gated_to {
            gates.closed.push_back((produced, awaited));
        }
        client.open_gates(watermark);
        client.sendable_bytes() > 0
    }

    /// Lets go what waited for the watermarks that have moved.
    pub(crate) fn watermark_moved(&mut self) {
        self.answer_waitaof();
        if !self.outbox.held.is_empty()
            && !self.persist.aof.is_swamped()
            && !self.holds_for_persistence()
        {
            self.resume_all();
        }
        let watermark = self.watermark();
        if self.persist.gated.is_empty() || self.persist.opened_to == Some(watermark) {
            return;
        }
        self.persist.opened_to = Some(watermark);
        for conn in core::mem::take(&mut self.persist.gated) {
            let Some(mut client) = self.clients.take(conn) else { continue };
            client.open_gates(watermark);
            if client.gates.is_some() {
                self.persist.gated.insert(conn);
            }
            if client.sendable_bytes() > 0 {
                self.mark_dirty(&mut client);
            }
            self.clients.put_back(client);
        }
    }
}
