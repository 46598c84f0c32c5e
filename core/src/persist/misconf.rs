//! Commands that are refused since what they change could not be kept.

use alloc::format;

use super::aof::AofState;
use crate::client::Client;
use crate::command::error::CommandError;
use crate::command::spec::Flags;
use crate::server::Server;

impl Server {
    /// Why a command must be refused now, in Redis's words. PING is refused with
    /// the commands that write, so that whoever watches the server by it learns of the failure.
    #[inline]
    pub(crate) fn misconf(&self, client: &Client, id: u16) -> Option<CommandError> {
        if !self.has_failed_disk() || client.replays {
            return None;
        }
        let is_refused = self.runs_any(client, id, Flags::WRITE) || self.command(id).name == "ping";
        if is_refused { self.disk_error() } else { None }
    }

    /// Whether anything failed for which commands may be refused.
    #[inline]
    pub(crate) fn has_failed_disk(&self) -> bool {
        self.persist.aof.error().is_some() || self.persist.bgsave.facts.last_failed
    }

    pub(crate) fn disk_error(&self) -> Option<CommandError> {
        let stops = self.config.stop_writes_on_bgsave_error && !self.config.save.is_empty();
        if stops && self.persist.bgsave.facts.last_failed {
            return Some(CommandError::Fixed(SAVE_FAILED));
        }
        let error = self.persist.aof.error().filter(|_| self.persist.aof.state == AofState::On)?;
        Some(CommandError::Text(format!("MISCONF Errors writing to the AOF file: {error}")))
    }
}

const SAVE_FAILED: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently \
unable to persist to disk. Commands that may modify the data set are disabled, because this \
instance is configured to report errors during writes if RDB snapshotting fails \
(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";
