//! Commands on the server: configuration, statistics, introspection.

use alloc::vec::Vec;

use crate::client::pause::PauseMode;
use crate::client::{Client, Closing};
use crate::command::args::Args;
use crate::command::spec::Flags;
use crate::server::Server;
use crate::turn::{ConnId, Exit};

/// What the slow log and the latency monitor keep.
#[derive(Debug, Default)]
pub(crate) struct Observations {}

impl Server {
    /// Whether every command is timed alone since the slow log wants to know of fast ones.
    pub(crate) fn times_each_command(&self) -> bool {
        (0..100).contains(&self.config.slowlog_log_slower_than_us)
    }

    /// Shares the time of a feed out to the commands that ran.
    pub(crate) fn settle(&mut self, spent_ns: u64) {
        let stats = &mut self.command_stats;
        self.ledger.settle(spent_ns, |id, calls, share_ns| {
            let row = &mut stats[id as usize];
            row.calls += calls;
            row.spent_ns += share_ns;
        });
    }

    /// Whether the slow log or the latency monitor wants to know of a command that took so long.
    pub(crate) fn is_notable(&self, _command: u16, _spent_ns: u64) -> bool {
        false
    }

    /// Writes a command to the slow log and the latency monitor.
    pub(crate) fn note_slow(&mut self, _conn: ConnId, _command: u16, _args: Args<'_>, _ns: u64) {}

    /// Samples rates.
    pub(crate) fn observe_time(&mut self) {}

    /// Data and tables, without a walk over the clients.
    pub(crate) fn used_memory_estimate(&self) -> u64 {
        self.dbs.iter().map(|db| db.bytes() as u64).sum()
    }

    /// The process was asked to end.
    pub(crate) fn shutdown_by_signal(&mut self) {
        self.outbox.exit = Some(Exit { code: 0 });
    }

    /// Whether the client must wait with this command because of CLIENT PAUSE.
    #[inline]
    pub(crate) fn must_pause(
        &self,
        client: &Client,
        command: Option<u16>,
        _args: Args<'_>,
    ) -> bool {
        let Some(pause) = self.pause else { return false };
        pause.mode == PauseMode::All || command.is_some_and(|id| self.may_write(client, id))
    }

    /// Whether a command, or the transaction that it runs, may change the keyspace.
    fn may_write(&self, client: &Client, id: u16) -> bool {
        let writes = |id| {
            let flags = self.command(id).flags;
            flags.has(Flags::WRITE) || flags.has(Flags::MAY_REPLICATE)
        };
        let queued = client.transaction.iter().flat_map(|transaction| &transaction.queue);
        writes(id)
            || self.command(id).name == "exec" && { queued }.any(|queued| writes(queued.command))
    }

    /// Whether CLIENT PAUSE holds writes up, and with them expiry.
    pub(crate) fn is_paused_for_writes(&self) -> bool {
        self.pause.is_some()
    }

    /// When an idle client is to be closed.
    pub(crate) fn next_client_deadline_ns(&self) -> Option<u64> {
        None
    }

    /// Closes clients whose output is above their limit.
    pub(crate) fn enforce_output_limits(&mut self) {}

    /// Resumes clients that were held because of their output, once it is sent.
    pub(crate) fn resume_drained(&mut self) {
        let held = core::mem::take(&mut self.outbox.held);
        let (go, stay): (Vec<_>, Vec<_>) = held.into_iter().partition(|&conn| {
            self.clients.get(conn).is_none_or(|client| {
                client.closing != Closing::No
                    || !client.is_waiting
                        && self.pause.is_none()
                        && !self.is_asleep()
                        && client.output.pending_bytes() == 0
            })
        });
        self.outbox.held = stay;
        for conn in go {
            if let Some(client) = self.clients.get_mut(conn) {
                client.is_held = false;
                self.outbox.resumed.push(conn);
            }
        }
    }

    /// Takes a client out of every channel.
    pub(crate) fn leave_channels(&mut self, _client: &mut Client) {}
}
