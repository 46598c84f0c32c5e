//! DEBUG LOADAOF: the dataset, read back from the append-only file while the server runs.
//!
//! First everything that was executed is written; commands that write wait meanwhile, and no other
//! save begins. Then the databases are emptied and the files are read by the recovery, as at a
//! start, except that it changes none of them; clients are answered `LOADING`. A log that does not
//! give everything back ends the process, as in Redis: the next start decides about it.

use super::aof::AofState;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::config::LogLevel;
use crate::recovery::Recovery;
use crate::recovery::plan::parts_of;
use crate::server::Server;
use crate::server::completion::Waiter;

/// DEBUG LOADAOF.
pub(crate) fn load_aof(ctx: &mut Ctx<'_>) -> Outcome {
    if ctx.server.persist.aof.state != AofState::On {
        return Err(CommandError::Fixed(NO_LOG));
    }
    if ctx.server.persist.reload.is_some() || ctx.server.log.is_in_transaction() {
        return Err(CommandError::Fixed("ERR DEBUG LOADAOF cannot run now"));
    }
    ctx.server.persist.reload = Some(Waiter::park(ctx));
    Ok(())
}

/// Redis ends the process.
const NO_LOG: &str = "ERR DEBUG LOADAOF needs the append only file to be on, else all data would \
be lost";

impl Server {
    /// At the end of a turn: begins to read the log back when all of it is written.
    pub(crate) fn go_on_with_reload(&mut self) {
        if self.persist.reload.is_none() || self.recovery.is_some() || self.is_saving() {
            return;
        }
        if self.persist.aof.error().is_some() || self.persist.aof.state != AofState::On {
            self.resume_all();
            let Some(waiter) = self.persist.reload.take() else { return };
            let error = "ERR The append only file could not be written";
            return self.answer(&waiter, Err(CommandError::Fixed(error)));
        }
        if self.persist.aof.written_lsn() < self.log.lsn() {
            return;
        }
        self.empty_databases();
        let mut recovery = Recovery::new(self);
        recovery.is_reload = true;
        recovery.parts = parts_of(&self.persist.aof.manifest);
        recovery.progress.total_bytes = self.persist.aof.bytes();
        self.recovery = Some(recovery.into());
        if let Err(why) = self.load_next() {
            self.refuse_to_start(&why);
        }
    }

    /// For whoever watches a key this is a change.
    fn empty_databases(&mut self) {
        let mut next = self.dbs.next_number(0);
        while let Some(number) = next {
            self.modified_by_replacement(number as u32, None, None);
            drop(self.dbs.take(number));
            next = self.dbs.next_number(number + 1);
        }
    }

    /// Everything was read back.
    pub(crate) fn reloaded(&mut self, lsn: u64) -> Result<(), alloc::string::String> {
        if lsn != self.log.lsn() {
            let end = self.log.lsn();
            return Err(alloc::format!("The log ends at LSN {end}, and {lsn} was read"));
        }
        self.report_loaded();
        self.restore_statistics();
        self.persist.bgsave.facts.dirty_saved = self.stats.dirty;
        let line = "Append Only File loaded by DEBUG LOADAOF";
        self.log_line(LogLevel::Warning, line.into());
        let waiter = self.persist.reload.take();
        self.serve_loaded();
        waiter.iter().for_each(|waiter| self.answer(waiter, Ok(())));
        Ok(())
    }
}
