//! Switching the append-only file on and off while the server runs.

use super::aof::AofState;
use crate::config::LogLevel;
use crate::server::Server;

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
            (false, AofState::On | AofState::Starting) => self.switch_log_off(),
            (false, AofState::Off) => self.persist.rewrite.is_wanted = false,
            // A stricter policy asks for the sync that replies wait for from now on.
            (true, _) => self.pump_aof(),
        }
    }

    /// Ends the log: what it has is made durable, and the files stay where they are.
    pub(crate) fn switch_log_off(&mut self) {
        self.seal_log();
        self.cancel_rewrite();
        self.persist.rewrite.is_wanted = false;
        if let Some(last) = self.persist.aof.files.back_mut() {
            last.end_lsn = Some(self.log.lsn());
        }
        self.pump_aof();
        self.leave_files();
        self.log_line(LogLevel::Notice, "The append only file was switched off".into());
    }

    /// The log is off; its files are closed when nothing is outstanding of them.
    pub(crate) fn leave_files(&mut self) {
        let aof = &mut self.persist.aof;
        aof.state = AofState::Off;
        aof.write_error = None;
        aof.sync_error = None;
        for mut file in aof.files.drain(..) {
            file.queue.clear();
            aof.retired.push(file);
        }
        self.log.is_on = self.kept_log.is_some();
        self.close_spare_unless_on();
        self.close_retired();
    }
}
