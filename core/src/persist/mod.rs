//! Persistence: the append-only file, snapshots, and what a reply has to wait for.
//!
//! Everything here is a reaction to a completion or to time; nothing waits. The one rule is that a
//! request is issued only after those it depends on have completed, because whatever is outstanding
//! may complete in any order, or be lost to a crash in any legal way.
//!
//! Three watermarks of the log count: *enqueued* (executed), *written* (the system has it, so that
//! the end of the process does not matter) and *durable* (the disk has it). [`aof`] moves the last
//! two, [`gate`] keeps replies back until the one that `appendfsync` names has passed them,
//! [`rewrite`] begins the log anew on a snapshot, [`bgsave`] writes `dump.rdb`.

pub(crate) mod aof;
pub(crate) mod bgsave;
pub(crate) mod cron;
pub(crate) mod first_line;
pub(crate) mod framing;
pub(crate) mod gate;
pub(crate) mod incr;
pub(crate) mod manifest_io;
pub(crate) mod misconf;
pub(crate) mod reload;
pub(crate) mod rewrite;
pub(crate) mod shutdown;
pub(crate) mod switch;
pub(crate) mod sync_pace;
pub(crate) mod waitaof;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use crate::command::server::Change;
use crate::io::{Dir, FileId, IoReq, IoResult, Name, Ticket};
use crate::server::Server;
use crate::server::completion::{Continuation, Waiter};
use crate::turn::ConnId;

/// Names of files that are written before they have their name begin so.
const TEMPORARY: &str = "temp-seedis-";

/// What is known about files, and what is under way.
#[derive(Debug, Default)]
pub(crate) struct Persist {
    pub(crate) aof: aof::Aof,
    pub(crate) rewrite: rewrite::Rewrite,
    pub(crate) bgsave: bgsave::BackgroundSave,
    pub(crate) shutdown: Option<shutdown::Shutdown>,
    /// The log is to be read back, and this client waits for it.
    pub(crate) reload: Option<Waiter>,
    pub(crate) waitaof: Vec<waitaof::Waiting>,
    /// CONFIG SET of the directory, until nothing is being saved in the old one.
    pub(crate) dir_changes: Vec<Change>,
    /// What the turn had to execute is executed; completions may still come.
    pub(crate) is_turn_sealed: bool,
    /// Connections with replies that wait for a watermark.
    pub(crate) gated: BTreeSet<ConnId>,
    /// The watermark that the gates were last opened to: those made since wait for a later one.
    pub(crate) opened_to: Option<u64>,
    /// Keys that were loaded from a dump at the start.
    pub(crate) keys_loaded: u64,
    last_file: u64,
    last_temporary: u64,
}

impl Persist {
    /// Whether there is a log, or one that begins or ends.
    pub(crate) fn has_log(&self) -> bool {
        self.aof.state != aof::AofState::Off || self.rewrite.running_since_ns().is_some()
    }

    /// A name for a file that is about to be opened.
    pub(crate) fn new_file(&mut self) -> FileId {
        self.last_file += 1;
        FileId(self.last_file)
    }

    /// Begins a file that is written before it has its name. No other was called the same: the
    /// removal of one before it may still be under way.
    pub(crate) fn new_temporary(&mut self, dir: Dir) -> Name {
        self.last_temporary += 1;
        self.temporary(dir)
    }

    /// The file begun last.
    pub(crate) fn temporary(&self, dir: Dir) -> Name {
        Name::file(dir, format!("{TEMPORARY}{}.rdb", self.last_temporary).as_bytes())
    }

    /// Whether a file is what a crash left of one; no new one is called the same.
    pub(crate) fn knows_temporary(&mut self, name: &[u8]) -> bool {
        let Some(rest) = name.strip_prefix(TEMPORARY.as_bytes()) else { return false };
        let digits = rest.strip_suffix(b".rdb").unwrap_or_default();
        let number = core::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        // Beyond that it is none of ours, and the next number must be in range.
        let number = number.filter(|&number: &u64| number < u64::MAX / 2);
        self.last_temporary = self.last_temporary.max(number.unwrap_or(0));
        number.is_some()
    }
}

/// What goes on when a request about files has completed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A batch was written to this file.
    Written(FileId),
    /// This file was synced.
    Synced(FileId),
    /// The next step of the rewrite.
    Rewrite,
    /// The next step of the background save.
    Save,
    /// The next step of the recovery.
    Recover,
}

impl Server {
    /// Asks for something that persistence waits for.
    pub(crate) fn ask(&mut self, request: IoReq, step: Step) -> Ticket {
        self.request(request, Some(Continuation::Persist(step)))
    }

    /// Goes on with the result of a request.
    pub(crate) fn persist_done(&mut self, step: Step, ticket: Ticket, result: IoResult) {
        match step {
            Step::Written(file) => self.aof_written(file, result),
            Step::Synced(file) => self.aof_synced(file, ticket, result),
            Step::Rewrite => self.rewrite_step(result),
            Step::Save => self.save_step(result),
            Step::Recover => self.recover_step(result),
        }
        self.change_dirs();
    }
}
