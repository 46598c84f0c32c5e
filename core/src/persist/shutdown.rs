//! The end of the process: everything acknowledged is flushed and synced first.
//!
//! A shutdown ends what saves in the background, has the log synced, saves a snapshot if the
//! configuration or the command asks for one, and then ends the process. Commands that write wait
//! meanwhile, so there is an end to wait for. When something fails the server goes on, as Redis
//! does, unless FORCE says that the end matters more.
//!
//! It goes on at the end of each turn only: then the log holds all of it, and nobody is being
//! served, so whoever asked can be answered at once.

use crate::command::error::CommandError;
use crate::config::{LogLevel, ShutdownOptions};
use crate::server::Server;
use crate::server::completion::Waiter;
use crate::turn::Exit;

/// A shutdown under way.
#[derive(Debug)]
pub(crate) struct Shutdown {
    options: ShutdownOptions,
    waiter: Option<Waiter>,
    save: Saving,
}

/// Where the snapshot of a shutdown is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saving {
    /// None is asked for, or it is written.
    Done,
    /// It is to begin when what else saves has ended.
    Wanted,
    /// It is being written.
    Running,
}

impl Server {
    /// Begins a shutdown.
    pub(crate) fn begin_shutdown(&mut self, options: ShutdownOptions, waiter: Option<Waiter>) {
        self.log_line(LogLevel::Notice, "User requested shutdown...".into());
        let is_reload = self.persist.reload.is_some();
        if self.recovery.is_some() && !is_reload {
            // What is being loaded is on the disk already.
            self.outbox.exit = Some(Exit { code: 0 });
            return;
        }
        // What is only being read back is no snapshot, and the log has all of it.
        let wants_save = !is_reload
            && (options.contains(ShutdownOptions::SAVE)
                || !self.config.save.is_empty() && !options.contains(ShutdownOptions::NOSAVE));
        self.cancel_save();
        self.cancel_rewrite();
        let save = if wants_save { Saving::Wanted } else { Saving::Done };
        self.persist.shutdown = Some(Shutdown { options, waiter, save });
    }

    /// SHUTDOWN ABORT.
    pub(crate) fn abort_shutdown(&mut self) -> Result<(), CommandError> {
        match self.persist.shutdown {
            None => Err(CommandError::Fixed("ERR No shutdown in progress.")),
            Some(_) => {
                self.shutdown_failed("the shutdown was aborted");
                Ok(())
            }
        }
    }

    /// At the end of a turn: does what can be done towards the end.
    pub(crate) fn go_on_with_shutdown(&mut self) {
        if self.persist.shutdown.is_none() || self.outbox.exit.is_some() {
            return;
        }
        self.sync_everything();
        let Some(shutdown) = &mut self.persist.shutdown else { return };
        let is_forced = shutdown.options.contains(ShutdownOptions::FORCE);
        let is_saving = self.persist.bgsave.is_running();
        match shutdown.save {
            // Also what is past its saving, since it may fail, and gives up what is frozen then.
            Saving::Wanted if is_saving || self.persist.rewrite.is_running() => return,
            Saving::Wanted => {
                shutdown.save = Saving::Running;
                return self.begin_save(None);
            }
            Saving::Running if is_saving => return,
            Saving::Running if self.persist.bgsave.facts.last_failed && !is_forced => {
                return self.shutdown_failed("the snapshot could not be saved");
            }
            Saving::Running | Saving::Done => shutdown.save = Saving::Done,
        }
        let aof = &self.persist.aof;
        let has_error = aof.error().is_some();
        if has_error && !is_forced {
            return self.shutdown_failed("the append only file could not be written");
        }
        let is_safe = aof.files.is_empty() || aof.durable_lsn() >= self.log.lsn();
        if is_safe || has_error {
            self.outbox.exit = Some(Exit { code: 0 });
        }
    }

    fn sync_everything(&mut self) {
        for at in 0..self.persist.aof.files.len() {
            let file = &self.persist.aof.files[at];
            if file.is_drained() && file.wants_sync() && file.syncs() == 0 {
                self.sync_file(at);
            }
        }
    }

    fn shutdown_failed(&mut self, why: &str) {
        let line = alloc::format!("Errors trying to shut down the server: {why}");
        self.log_line(LogLevel::Warning, line);
        let Some(shutdown) = self.persist.shutdown.take() else { return };
        if let Some(waiter) = shutdown.waiter {
            let error = CommandError::Fixed("ERR Errors trying to SHUTDOWN. Check logs.");
            self.answer(&waiter, Err(error));
        }
        self.resume_all();
    }
}
