//! What time brings for persistence: syncs, second tries, rewrites and saves that are due.
//!
//! All of it goes by the monotonic clock, which nobody sets back.

use super::aof::AofState;
use crate::server::Server;

/// After a save that failed, the next automatic one is tried after this time, as in Redis.
const SAVE_RETRY_NS: u64 = 5_000_000_000;

const SECOND_NS: u64 = 1_000_000_000;

/// A sync under way for longer than this holds up commands that write (`appendfsync everysec`).
const SYNC_NS_MAX: u64 = 2_000_000_000;

impl Server {
    /// Does what is due.
    pub(crate) fn persist_on_time(&mut self) {
        let now_ns = self.now.mono_ns;
        if self.persist.aof.retry_ns.is_some_and(|at| at <= now_ns) {
            self.persist.aof.retry_ns = None;
            self.pump_aof();
        }
        if self.sync_due_ns().is_some_and(|at| at <= now_ns) {
            let last = self.persist.aof.files.len() - 1;
            self.sync_file(last);
        }
        self.begin_what_is_due();
        self.answer_waitaof();
    }

    fn begin_what_is_due(&mut self) {
        if !self.may_begin_saving() {
            return;
        }
        let now_ns = self.now.mono_ns;
        if self.rewrite_due_ns().is_some_and(|at| at <= now_ns) {
            self.begin_rewrite();
        } else if self.persist.bgsave.is_scheduled
            || self.save_due_ns().is_some_and(|at| at <= now_ns)
        {
            self.begin_save(None);
        }
    }

    /// Whether a save or a rewrite that is due may begin.
    fn may_begin_saving(&self) -> bool {
        !self.is_saving() && self.persist.shutdown.is_none() && self.recovery.is_none()
    }

    /// Whether a snapshot is being written.
    pub(crate) fn is_saving(&self) -> bool {
        self.persist.rewrite.is_running() || self.persist.bgsave.is_running()
    }

    /// When the next of these things is due, in ns of the monotonic clock.
    pub(crate) fn persist_deadline_ns(&self) -> Option<u64> {
        // What is due and may not begin wakes nobody: the shell would do nothing else.
        let may_begin = self.may_begin_saving();
        let begins =
            if may_begin { [self.rewrite_due_ns(), self.save_due_ns()] } else { [None; 2] };
        let others = [self.persist.aof.retry_ns, self.sync_due_ns(), self.waitaof_due_ns()];
        begins.into_iter().chain(others).flatten().min()
    }

    fn rewrite_due_ns(&self) -> Option<u64> {
        let (aof, rewrite) = (&self.persist.aof, &self.persist.rewrite);
        let is_due = rewrite.is_wanted || aof.state == AofState::On && self.has_outgrown();
        is_due.then_some(rewrite.not_before_ns)
    }

    /// Whether the file has grown enough for a rewrite by itself.
    fn has_outgrown(&self) -> bool {
        let percentage = u128::from(self.config.auto_aof_rewrite_percentage);
        let bytes = self.persist.aof.bytes();
        if percentage == 0 || bytes < self.config.auto_aof_rewrite_min_size {
            return false;
        }
        let base = u128::from(self.persist.aof.rewritten_bytes.max(1));
        u128::from(bytes) * 100 >= base * (100 + percentage)
    }

    fn save_due_ns(&self) -> Option<u64> {
        let facts = &self.persist.bgsave.facts;
        let changes = self.unsaved_changes();
        let points = self.config.save.iter().filter(|point| changes >= u64::from(point.changes));
        let at = points.map(|point| facts.last_save_ns + point.seconds * SECOND_NS).min()?;
        let retry = if facts.last_failed { facts.last_try_ns + SAVE_RETRY_NS } else { 0 };
        Some(at.max(retry))
    }

    /// Whether commands that write must wait: under `appendfsync everysec` nothing acknowledged may
    /// be older than two seconds and not durable.
    #[inline]
    pub(crate) fn waits_for_sync(&self) -> bool {
        self.persist.aof.files.back().is_some_and(|file| {
            let since = file.syncing_since_ns();
            since.is_some_and(|since| since + SYNC_NS_MAX <= self.now.mono_ns)
        })
    }
}
