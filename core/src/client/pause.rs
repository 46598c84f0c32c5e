//! CLIENT PAUSE: commands that must wait, and until when.
//!
//! A paused client keeps its command unread: nothing of it has happened yet, and what follows it
//! waits too. What would be refused anyway is refused at once. Meanwhile keys do not expire, so
//! that nothing at all is written; whoever looks at a key past its deadline finds none.
//!
//! Two pauses add up to the stronger kind and the later end. A transaction that pauses is not
//! stopped by itself: the rest of it runs.

use super::Client;
use crate::command::args::Args;
use crate::command::dispatch;
use crate::command::spec::Flags;
use crate::server::Server;

/// Which commands wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PauseMode {
    /// Those that may change the keyspace or publish.
    Write,
    /// All.
    All,
}

/// The pause in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    pub(crate) mode: PauseMode,
    /// End, in ns of the monotonic clock.
    pub(crate) until_ns: u64,
    /// It was begun by the transaction that is still running, whose writes go on.
    pub(crate) is_by_running_transaction: bool,
}

impl Server {
    /// Pauses clients until `until_ns` of the monotonic clock at least.
    pub(crate) fn pause_clients(&mut self, mode: PauseMode, until_ns: u64, in_transaction: bool) {
        if until_ns <= self.now.mono_ns {
            return;
        }
        let old = self.pause;
        self.pause = Some(Pause {
            mode: old.map_or(mode, |old| old.mode.max(mode)),
            until_ns: old.map_or(until_ns, |old| old.until_ns.max(until_ns)),
            is_by_running_transaction: in_transaction,
        });
    }

    /// Ends the pause; what waited goes on in the order in which it came.
    pub(crate) fn unpause_clients(&mut self) {
        if self.pause.take().is_some() {
            self.resume_all();
        }
    }

    /// Whether a request must wait because of a pause.
    #[inline]
    pub(crate) fn must_pause(&self, client: &Client, command: Option<u16>, args: Args<'_>) -> bool {
        self.holds_for_persistence() && self.waits(client, command, args)
            || self.pause.is_some_and(|pause| self.is_held_up(pause, client, command, args))
    }

    /// Whether a command that writes waits: for the disk, or for the end of the server.
    #[cold]
    fn waits(&self, client: &Client, command: Option<u16>, args: Args<'_>) -> bool {
        let Ok(id) = dispatch::check(self, client, args, command) else { return false };
        !client.replays && self.may_write(client, id)
    }

    /// Whether commands that write wait.
    #[inline]
    pub(crate) fn holds_for_persistence(&self) -> bool {
        let persist = &self.persist;
        persist.shutdown.is_some() || persist.reload.is_some() || self.waits_for_sync()
    }

    #[cold]
    fn is_held_up(
        &self,
        pause: Pause,
        client: &Client,
        command: Option<u16>,
        args: Args<'_>,
    ) -> bool {
        // As a kind of replica, a monitor is never paused.
        let Ok(id) = dispatch::check(self, client, args, command) else { return false };
        !client.is_monitor
            && !client.replays
            && (pause.mode == PauseMode::All || self.may_write(client, id))
    }

    /// Whether a command, or the transaction that it runs, may change the keyspace.
    fn may_write(&self, client: &Client, id: u16) -> bool {
        self.runs_any(client, id, Flags::WRITE) || self.runs_any(client, id, Flags::MAY_REPLICATE)
    }

    /// Whether a command has `flag`, or is EXEC and a queued one has.
    pub(crate) fn runs_any(&self, client: &Client, id: u16, flag: Flags) -> bool {
        let command = self.command(id);
        let mut queued = client.transaction.iter().flat_map(|transaction| &transaction.queue);
        command.flags.has(flag)
            || command.name == "exec"
                && queued.any(|queued| self.command(queued.command).flags.has(flag))
    }

    /// The transaction that began the pause has ended: what comes after it waits.
    pub(crate) fn end_pause_exemption(&mut self) {
        if let Some(pause) = &mut self.pause {
            pause.is_by_running_transaction = false;
        }
    }

    /// Whether CLIENT PAUSE holds writes up, and with them expiry.
    pub(crate) fn is_paused_for_writes(&self) -> bool {
        self.pause.is_some() || self.persist.shutdown.is_some() || self.recovery.is_some()
    }

    /// Whether keys past their deadline must stay where they are for now.
    #[inline]
    pub(crate) fn may_not_expire(&self) -> bool {
        self.pause.is_some_and(|pause| !pause.is_by_running_transaction)
    }
}
