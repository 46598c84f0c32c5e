//! More of what INFO tells, and what no request or command may do while others are under way.
//!
//! What has expired, how late, and in how many turns as much as may; what is told of a save or of
//! a rewrite when none runs; that a file is closed when nothing is outstanding of it, that writes
//! wait while a sync takes too long, and are refused after a failed save only where there are save
//! points.

use seedis_core::io::FileId;
use seedis_core::{Core, Now};

use super::{
    Asked, Info, PATIENCE_S, REWRITE_BEGAN, REWRITE_ENDED, REWRITE_FAILED, SAVE_BEGAN, SAVE_ENDED,
    SAVE_FAILED, STORM, Told,
};
use crate::finding::Invariant::{D4, F1, L1};
use crate::finding::check;

/// A sync under way for longer holds up whoever writes.
const SYNC_NS_MAX: u64 = 2_000_000_000;

impl Told {
    /// A file is closed: nothing may be outstanding of it.
    pub(super) fn check_close(&self, file: FileId) {
        let is_of = |asked: &Asked| match asked {
            Asked::Write { file: of, .. } | Asked::Sync { file: of, .. } => *of == file,
            Asked::Unlink | Asked::Again => false,
        };
        check(!self.asked.values().any(is_of), F1, || format!("{file:?} is closed in use"));
    }

    /// Whether a sync of the file that the log goes on in takes too long for anybody to write.
    pub(crate) fn holds_writes(&self, now: Now) -> bool {
        let Some(last) = self.logs.last().filter(|last| self.newest.is_none_or(|it| it == **last))
        else {
            return false;
        };
        let is_late = |asked: &Asked| match asked {
            Asked::Sync { file, at_ns } => file == last && at_ns + SYNC_NS_MAX <= now.mono_ns,
            _ => false,
        };
        !self.runs([REWRITE_BEGAN, REWRITE_ENDED, REWRITE_FAILED])
            && self.asked.values().any(is_late)
    }

    /// A command that writes was executed, and whether a sync takes too long.
    pub(crate) fn check_write(holds: bool, is_write: bool, name: &[u8]) {
        check(!(holds && is_write), D4, || {
            format!("{} is executed while a sync takes too long", name.escape_ascii())
        });
    }

    /// Whether something has begun and not ended.
    fn runs(&self, [began, ended, failed]: [&str; 3]) -> bool {
        self.count(began) > self.count(ended) + self.count(failed)
    }

    /// Writes are refused for a failed save where there are save points.
    pub(super) fn check_save_refusal(&self, core: &Core, refused: Option<&str>) {
        let is_due = self.save_failed && !core.config().save.is_empty();
        let is_so = refused.is_some_and(|why| why.contains("RDB snapshots"));
        check(is_due == is_so, F1, || {
            format!("refused with {refused:?}, the last save has failed: {}", self.save_failed)
        });
    }

    /// Figures of saves and rewrites.
    pub(super) fn check_figures(&self, info: &Info<'_>, changes: u64) {
        let kinds = [
            ("rdb_bgsave_in_progress", [SAVE_BEGAN, SAVE_ENDED, SAVE_FAILED]),
            ("aof_rewrite_in_progress", [REWRITE_BEGAN, REWRITE_ENDED, REWRITE_FAILED]),
        ];
        let all = kinds.map(|(name, lines)| {
            let runs = self.runs(lines);
            info.check(name, u64::from(runs));
            runs
        });
        if all == [false; 2] {
            info.check("current_save_keys_total", 0);
        }
        info.check("aof_rewrites_consecutive_failures", self.failures);
        let is_none = changes == 0 || !self.is_quiet || self.count(SAVE_ENDED) == 0;
        check(is_none, F1, || format!("{changes} changes since the last save, and none is logged"));
    }

    /// What is due by the rules has begun.
    pub(super) fn check_due(&self, info: &Info<'_>, now: Now) {
        let runs = ["rdb_bgsave_in_progress", "aof_rewrite_in_progress"];
        if runs.iter().any(|name| info.number(name) != Some(0)) {
            return;
        }
        info.check_growth();
        let saved = self.lines.get(SAVE_ENDED).map(|line| line.0).or(self.served);
        let is_well = !self.lines.contains_key(SAVE_FAILED);
        let Some(saved) = saved.filter(|_| is_well) else { return };
        let passed_s = (now.mono_ns - saved.mono_ns) / 1_000_000_000;
        let changes = info.number("rdb_changes_since_last_save").unwrap_or(0);
        for point in &info.1.save {
            let is_due =
                changes >= u64::from(point.changes) && passed_s >= point.seconds + PATIENCE_S;
            check(!is_due, L1, || {
                format!("{changes} changes were not saved for {passed_s} s, due by {point:?}")
            });
        }
    }

    /// What waits to be written is told.
    pub(super) fn check_backlog(&self, core: &Core, waits: u64) {
        let marks = core.watermarks();
        let is_writing = self.asked.values().any(|it| matches!(it, Asked::Write { .. }));
        let is_told =
            waits > 0 || is_writing || self.writes_meanwhile || marks.written >= marks.enqueued;
        check(is_told, F1, || format!("nothing waits to be written, and {marks:?}"));
    }
}

/// What has expired in a life: so much, and so much more may have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expired {
    pub(crate) keys: u64,
    pub(crate) fields: u64,
    /// Of the keys, hashes that may also have gone with the last of their fields.
    pub(crate) unsure: u64,
    pub(crate) is_exact: bool,
    pub(crate) is_known: bool,
    /// Turns in which it was as much as one may do, and how late the latest of all was.
    pub(crate) storms: u64,
    pub(crate) late_ms: u64,
    /// The latest time on the wall.
    pub(crate) latest_ms: u64,
}

impl Expired {
    pub(super) fn check(self, info: &Info<'_>) {
        for (name, count) in [("expired_keys", self.keys), ("expired_subkeys", self.fields)] {
            let told = info.number(name);
            // Fields may go before their hash does.
            let is_exact = self.is_exact && self.unsure == 0;
            let unsure = if name == "expired_keys" { self.unsure } else { 0 };
            let least = count.saturating_sub(unsure);
            let is_so = if is_exact { told == Some(count) } else { told >= Some(least) };
            check(is_so || !self.is_known, F1, || {
                format!("INFO tells {name} {told:?}, {count} have: {self:?}")
            });
        }
        let all = ["expired_keys", "expired_subkeys"].map(|name| info.number(name).unwrap_or(0));
        let storms = info.number("expired_time_cap_reached_count");
        let may_be = storms.is_some_and(|storms| {
            storms >= self.storms && storms.saturating_mul(STORM) <= all[0].saturating_add(all[1])
        });
        check(may_be || !self.is_known, F1, || {
            format!("INFO tells {storms:?} storms of {all:?}: {self:?}")
        });
        // A bound may have been too low, but none is below zero.
        let late_ms = info.number("expired_lag_ms_max");
        let least = if self.unsure == 0 { self.late_ms } else { 0 };
        let may_be = late_ms.is_some_and(|late_ms| (least..=self.latest_ms).contains(&late_ms));
        check(may_be || !self.is_known, F1, || {
            format!("INFO tells that expiry was late by {late_ms:?} ms: {self:?}")
        });
    }
}
