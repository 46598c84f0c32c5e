//! Switching the append-only file on and off while the server runs.
//!
//! Who is told that the log is off, or is answered after that what he had asked for before, may
//! rely on what was logged until then: Redis syncs before it answers. So the log ends slowly: it
//! goes on as under `appendfsync always`, replies wait for syncs, and at the end of the first turn
//! with everything durable the files are left. A turn is in the log as a whole or not at all.
//!
//! The hard case is a disk that fails. Then the log ends at once and replies go, since switching it
//! off is what an operator does about such a disk.

use super::aof::AofState;
use super::first_line::FirstLine;
use crate::config::LogLevel;
use crate::server::Server;

/// Whether the log is about to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// No.
    #[default]
    No,
    /// When the turn is over it is known where.
    Asked,
    /// As soon as it is durable up to here.
    At(u64),
}

impl Server {
    /// `appendonly` or `appendfsync` may have changed.
    pub(crate) fn persistence_configured(&mut self) {
        if self.recovery.is_some() {
            return;
        }
        match (self.config.appendonly, self.persist.aof.state) {
            (true, AofState::Off) => {
                self.persist.rewrite.is_wanted = true;
                self.persist.rewrite.not_before_ns = self.now.mono_ns;
            }
            (false, AofState::On | AofState::Starting) => self.end_log(),
            (false, AofState::Off) => self.persist.rewrite.is_wanted = false,
            // What begins it may have been cancelled already.
            (true, AofState::Starting) if self.persist.aof.ending != Ending::No => {
                self.persist.rewrite.is_wanted = true;
            }
            // A stricter policy asks for the sync that replies wait for from now on.
            (true, _) => self.pump_aof(),
        }
    }

    /// The log is to end. If it is about to already, somebody may have wanted it again meanwhile:
    /// what was logged by now counts.
    pub(crate) fn end_log(&mut self) {
        let aof = &mut self.persist.aof;
        aof.ending = Ending::Asked;
        if aof.error().is_none() {
            self.persist.rewrite.is_wanted = false;
            self.cancel_rewrite();
        }
    }

    /// At the end of a turn: leaves the log if it is to end and can.
    pub(crate) fn go_on_with_end(&mut self) {
        let lsn = self.log.lsn();
        let aof = &mut self.persist.aof;
        let at = match aof.ending {
            Ending::No => return,
            Ending::At(at) => at,
            Ending::Asked => {
                aof.ending = Ending::At(lsn);
                self.pump_aof();
                lsn
            }
        };
        let aof = &self.persist.aof;
        let has_nothing = aof.state != AofState::On || aof.files.is_empty();
        let is_over = has_nothing || aof.error().is_some() || aof.durable_lsn() >= at;
        if !is_over {
            return;
        }
        if self.config.appendonly {
            // Somebody has thought better of it, but was told that it ended.
            self.persist.aof.ending = Ending::No;
        } else if aof.error().is_some() {
            let line = "The append only file ends with what the disk has taken of it";
            self.log_line(LogLevel::Warning, line.into());
            self.leave_log();
        } else if has_nothing || !self.persist.rewrite.is_running() {
            self.leave_log();
        }
    }

    /// Ends the log; the files stay where they are.
    fn leave_log(&mut self) {
        self.persist.aof.ending = Ending::No;
        self.cancel_rewrite();
        self.persist.rewrite.is_wanted = false;
        if let Some(last) = self.persist.aof.files.back_mut() {
            last.end_lsn = Some(self.log.lsn());
        }
        self.leave_files();
        self.log_line(LogLevel::Notice, "The append only file was switched off".into());
    }

    /// The log is off; its files are closed when nothing is outstanding of them.
    pub(crate) fn leave_files(&mut self) {
        let aof = &mut self.persist.aof;
        aof.state = AofState::Off;
        aof.write_error = None;
        aof.sync_error = None;
        // Other files go on, whose names are told from those of other lives.
        aof.first_line = FirstLine::Durable;
        for mut file in aof.files.drain(..) {
            file.queue.clear();
            aof.retired.push(file);
        }
        self.log.is_on = self.kept_log.is_some();
        self.close_spare_unless_on();
        self.close_retired();
    }
}
