//! What the server's log has told by the end of a turn, and which replies to an operator fit it.
//!
//! A save, a rewrite and a shutdown each tell when they begin and how they end. A command is
//! executed between two of these counts, so either may be what it has seen.

use crate::world::told::{
    REWRITE_BEGAN, REWRITE_ENDED, REWRITE_FAILED, SAVE_BEGAN, SAVE_ENDED, SAVE_FAILED,
    SHUTDOWN_BEGAN, SHUTDOWN_FAILED, Told,
};

/// How often some lines were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) saves: [u64; 3],
    pub(super) rewrites: [u64; 3],
    pub(super) shutdowns: [u64; 2],
}

impl Lines {
    pub(super) fn of(told: &Told) -> Self {
        let count = |kind| told.count(kind);
        Self {
            saves: [SAVE_BEGAN, SAVE_ENDED, SAVE_FAILED].map(count),
            rewrites: [REWRITE_BEGAN, REWRITE_ENDED, REWRITE_FAILED].map(count),
            shutdowns: [SHUTDOWN_BEGAN, SHUTDOWN_FAILED].map(count),
        }
    }

    pub(super) fn is_saving(&self) -> bool {
        self.saves[0] > self.saves[1] + self.saves[2]
    }

    pub(super) fn is_rewriting(&self) -> bool {
        self.rewrites[0] > self.rewrites[1] + self.rewrites[2]
    }
}

/// An order that was carried out, or is being: how the lines and the log were then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Executed {
    pub(super) before: Lines,
    pub(super) after: Lines,
    pub(super) enqueued: u64,
    pub(super) at_ns: u64,
    pub(super) is_logging: bool,
    /// A shutdown was under way, before the turn or in it.
    pub(super) is_ending: bool,
}

/// SAVE is answered when the save has ended, and how it has.
pub(super) fn save_ended(save: Option<&str>, reply: &str, executed: Executed) -> bool {
    let Executed { before, after, .. } = executed;
    match reply {
        "+OK\r\n" => save == Some(SAVE_ENDED),
        "-ERR\r\n" => save == Some(SAVE_FAILED),
        "-ERR Background save already in progress\r\n" => {
            [before, after].iter().any(|it| it.is_saving() || it.is_rewriting())
        }
        _ => false,
    }
}

pub(super) fn save_begun(reply: &str, executed: Executed) -> bool {
    let Executed { before, after, .. } = executed;
    let was = |is: fn(&Lines) -> bool| is(&before) || is(&after);
    match reply {
        "+Background saving started\r\n" => after.saves[0] > before.saves[0],
        "-ERR Background save already in progress\r\n" => was(Lines::is_saving),
        reply if reply.starts_with("+Background saving scheduled") => was(Lines::is_rewriting),
        reply if reply.starts_with("-ERR Another child process is active (AOF?)") => {
            was(Lines::is_rewriting)
        }
        _ => false,
    }
}

pub(super) fn rewrite_begun(reply: &str, executed: Executed) -> bool {
    let Executed { before, after, .. } = executed;
    match reply {
        "+Background append only file rewriting started\r\n" => {
            after.rewrites[0] > before.rewrites[0]
        }
        "+Background append only file rewriting scheduled\r\n" => {
            after.is_saving() || executed.is_ending
        }
        "-ERR Background append only file rewriting already in progress\r\n" => {
            before.is_rewriting() || after.is_rewriting()
        }
        _ => false,
    }
}
