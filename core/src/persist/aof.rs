//! The append-only file while it grows: batches go out, two watermarks come back.
//!
//! At the end of each turn what was logged becomes one framed batch of the current file. The files
//! form one log: a later file counts only as far as those before it are complete, or once a durable
//! base has made them superfluous. So a rotation waits for nothing.
//!
//! A write that fails is repeated until it succeeds; meanwhile commands that write are refused, and
//! service resumes by itself. After a failed sync nothing more is believed about that file: a
//! rewrite begins the log anew in other files, and until that is durable nothing is acknowledged.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Step;
use super::first_line::FirstLine;
use super::framing::Framing;
use super::incr::{Batch, Incr, Writing};
use super::switch::Ending;
use super::sync_pace::SyncPace;
use crate::config::{AppendFsync, LogLevel};
use crate::io::{FileId, IoError, IoErrorKind, IoReq, IoResult, Ticket};
use crate::log::FRONT_BYTES;
use crate::log::frame::INCR_LINE;
use crate::log::manifest::Manifest;
use crate::server::Server;

/// Syncs of one file under way at once under `appendfsync always`: a client that writes while one
/// runs does not wait for its end before its own begins.
const SYNCS_MAX: usize = 4;

/// Time between two tries of a write that failed.
const RETRY_NS: u64 = 100_000_000;

/// Bytes on their way to the disk beyond which nobody is served.
const BACKLOG_BYTES_MAX: usize = 256 << 20;

/// Whether there is an append-only file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AofState {
    /// No.
    #[default]
    Off,
    /// It was switched on, and its first base is not durable yet.
    Starting,
    /// Yes.
    On,
}

/// The append-only file.
#[derive(Debug, Default)]
pub(crate) struct Aof {
    pub(crate) state: AofState,
    pub(crate) ending: Ending,
    pub(crate) manifest: Manifest,
    /// The highest numbers that were ever used.
    pub(crate) base_seq: u64,
    pub(crate) incr_seq: u64,
    /// The files of the log, the last one being written.
    pub(crate) files: VecDeque<Incr>,
    /// Files that are not part of the log any more and have requests outstanding.
    pub(crate) retired: Vec<Incr>,
    /// The durable base holds everything before this.
    pub(crate) covered_lsn: u64,
    pub(crate) framing: Framing,
    /// Whether the line that this life begins with is durable.
    pub(crate) first_line: FirstLine,
    pub(crate) write_error: Option<String>,
    pub(crate) sync_error: Option<String>,
    /// When a failed write is tried again.
    pub(crate) retry_ns: Option<u64>,
    /// When the last sync was asked for.
    pub(crate) last_sync_ns: u64,
    /// Length of the base and of files before those of the list, and of all files at the end of the
    /// last rewrite.
    pub(crate) base_bytes: u64,
    pub(crate) rewritten_bytes: u64,
    pace: SyncPace,
    pub(crate) facts: AofFacts,
}

/// What INFO tells of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AofFacts {
    pub(crate) syncs: u64,
    pub(crate) sync_ns_last: u64,
    pub(crate) sync_ns_max: u64,
    pub(crate) short_writes: u64,
    pub(crate) failed_writes: u64,
    pub(crate) failed_syncs: u64,
}

impl Aof {
    /// The log up to here is with the system.
    pub(crate) fn written_lsn(&self) -> u64 {
        self.files.iter().fold(self.covered_lsn, |lsn, file| {
            if file.start_lsn <= lsn { lsn.max(file.written_lsn) } else { lsn }
        })
    }

    /// The log up to here is on the disk.
    pub(crate) fn durable_lsn(&self) -> u64 {
        self.files.iter().fold(self.covered_lsn, |lsn, file| {
            if file.start_lsn <= lsn { lsn.max(file.synced_lsn) } else { lsn }
        })
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        let queued = |file: &Incr| file.len + file.queued_bytes as u64;
        self.base_bytes + self.files.iter().map(queued).sum::<u64>()
    }

    /// Bytes that wait to be written.
    pub(crate) fn backlog_bytes(&self) -> usize {
        self.files.iter().map(|file| file.queued_bytes).sum()
    }

    /// Whether so much waits to be written that nobody is to be served.
    pub(crate) fn is_swamped(&self) -> bool {
        self.backlog_bytes() > BACKLOG_BYTES_MAX
    }

    /// Why commands that write are refused.
    pub(crate) fn error(&self) -> Option<&str> {
        self.sync_error.as_deref().or(self.write_error.as_deref())
    }

    fn file_mut(&mut self, id: FileId) -> Option<&mut Incr> {
        self.files.iter_mut().chain(&mut self.retired).find(|file| file.id == id)
    }

    /// The current file ends at `lsn` and another one goes on.
    pub(crate) fn rotate(&mut self, id: FileId, lsn: u64) {
        if let Some(last) = self.files.back_mut() {
            last.end_lsn = Some(lsn);
        }
        self.files.push_back(Incr::new(id, lsn, lsn, INCR_LINE.len() as u64));
    }
}

impl Server {
    /// Hands what the turn has logged to the append-only file.
    pub(crate) fn seal_log(&mut self) {
        if !self.log.is_on {
            return;
        }
        let bytes = self.log.take_batch();
        if bytes.is_empty() {
            return self.log.give_back(bytes);
        }
        if let Some(kept) = &mut self.kept_log {
            kept.extend_from_slice(&bytes[FRONT_BYTES..]);
        }
        let end_lsn = self.log.lsn();
        let now_s = self.now.wall_us.div_euclid(1_000_000);
        let timestamp_s = self.config.aof_timestamp_enabled.then_some(now_s);
        let aof = &mut self.persist.aof;
        let durable = aof.durable_lsn();
        let Some(file) = aof.files.back_mut() else { return self.log.give_back(bytes) };
        let names_lsn = core::mem::take(&mut file.names_lsn);
        file.push(aof.framing.frame(bytes, end_lsn, durable, names_lsn, timestamp_s));
        self.pump_aof();
    }

    /// Issues the writes and syncs that may be issued now.
    pub(crate) fn pump_aof(&mut self) {
        if self.persist.aof.first_line != FirstLine::Durable {
            return self.pump_first_line();
        }
        let policy = self.sync_policy();
        for at in 0..self.persist.aof.files.len() {
            self.write_next(at);
            let file = &self.persist.aof.files[at];
            let is_left = file.end_lsn.is_some() && file.is_drained();
            let (syncs, wants_sync) = (file.syncs(), file.wants_sync());
            let pace = &mut self.persist.aof.pace;
            let is_asked = is_left || policy == AppendFsync::Always;
            if is_asked && wants_sync && (syncs == 0 || syncs < SYNCS_MAX && pace.may_overlap()) {
                self.sync_file(at);
            }
        }
    }

    /// What `appendfsync` means at the moment. What a failed sync may have lost is not acknowledged
    /// because the rewrite that replaces it saves.
    pub(crate) fn sync_policy(&self) -> AppendFsync {
        if self.persist.aof.ending != Ending::No {
            return AppendFsync::Always;
        }
        let is_saving = self.persist.rewrite.is_saving() || self.persist.bgsave.is_running();
        let is_trusted = self.persist.aof.sync_error.is_none();
        if self.config.no_appendfsync_on_rewrite && is_saving && is_trusted {
            return AppendFsync::No;
        }
        self.config.appendfsync
    }

    fn write_next(&mut self, at: usize) {
        if self.persist.aof.retry_ns.is_some() {
            return;
        }
        if let Some(write) = self.persist.aof.files[at].next_write() {
            self.ask_to_write(at, write);
        }
    }

    /// Writes what was taken of the file at `at` in the list.
    pub(crate) fn ask_to_write(&mut self, at: usize, write: Batch) {
        let file = &self.persist.aof.files[at];
        let (id, at) = (file.id, file.len);
        let request = IoReq::WriteAt { file: id, at, bytes: write.bytes, from: write.from };
        self.ask(request, Step::Written(id));
    }

    /// Asks for a sync of the file at `at` in the list.
    pub(crate) fn sync_file(&mut self, at: usize) {
        let id = self.persist.aof.files[at].id;
        let ticket = self.ask(IoReq::Sync { file: id }, Step::Synced(id));
        let now_ns = self.now.mono_ns;
        self.persist.aof.files[at].sync_asked(ticket, now_ns);
        self.persist.aof.last_sync_ns = now_ns;
    }

    /// A write has completed.
    pub(crate) fn aof_written(&mut self, id: FileId, result: IoResult) {
        let aof = &mut self.persist.aof;
        if let Some(file) = aof.retired.iter_mut().find(|file| file.id == id) {
            // How it ended is all the same: what it wrote is in a base.
            file.writing = None;
            return self.close_retired();
        }
        let Some(file) = aof.file_mut(id) else { return };
        let Some(writing) = file.writing.take() else { return };
        match result {
            IoResult::Written { count, bytes } if count > 0 => {
                file.len += count as u64;
                let from = writing.from + count;
                if from < bytes.len() {
                    file.put_back(bytes, Writing { from, ..writing });
                    aof.facts.short_writes += 1;
                } else {
                    file.written_lsn = writing.end_lsn;
                    self.log.give_back(bytes);
                    self.write_succeeded();
                }
            }
            IoResult::NotWritten { error, bytes } => {
                file.put_back(bytes, writing);
                self.write_failed(&error);
            }
            IoResult::Written { bytes, .. } => {
                file.put_back(bytes, writing);
                self.write_failed(&IoError::other("The write wrote nothing"));
            }
            other => debug_assert!(false, "a write ends as one, not as {other:?}"),
        }
        self.pump_aof();
        self.watermark_moved();
    }

    fn write_succeeded(&mut self) {
        if self.persist.aof.write_error.take().is_some() {
            let line = "AOF write error looks solved. The server can write again.";
            self.log_line(LogLevel::Warning, line.into());
        }
    }

    fn write_failed(&mut self, error: &IoError) {
        if error.kind == IoErrorKind::Interrupted {
            return;
        }
        let aof = &mut self.persist.aof;
        aof.facts.failed_writes += 1;
        aof.retry_ns = Some(self.now.mono_ns + RETRY_NS);
        if aof.write_error.replace(error.words.clone()).is_none() {
            let line = format!("Error writing to the AOF file: {}", error.words);
            self.log_line(LogLevel::Warning, line);
        }
    }

    /// A sync has completed.
    pub(crate) fn aof_synced(&mut self, id: FileId, ticket: Ticket, result: IoResult) {
        let now_ns = self.now.mono_ns;
        let aof = &mut self.persist.aof;
        let is_part_of_log = aof.files.iter().any(|file| file.id == id);
        let Some(file) = aof.file_mut(id) else { return };
        match result {
            IoResult::Failed(error) => {
                let is_interrupted = error.kind == IoErrorKind::Interrupted;
                file.sync_failed(ticket, is_interrupted);
                if !is_interrupted && is_part_of_log {
                    self.sync_failed(&error);
                }
            }
            _ => {
                let Some((took_ns, was_alone)) = file.sync_done(ticket, now_ns) else { return };
                aof.pace.note(was_alone, took_ns);
                aof.facts.syncs += 1;
                aof.facts.sync_ns_last = took_ns;
                aof.facts.sync_ns_max = aof.facts.sync_ns_max.max(took_ns);
                aof.first_line_synced(id);
            }
        }
        self.close_retired();
        self.pump_aof();
        self.watermark_moved();
    }

    fn sync_failed(&mut self, error: &IoError) {
        self.persist.aof.facts.failed_syncs += 1;
        if self.persist.aof.sync_error.replace(error.words.clone()).is_none() {
            let line = format!(
                "Fail to fsync the AOF file: {}. It is not trusted any more: a rewrite begins the \
                 log anew.",
                error.words
            );
            self.log_line(LogLevel::Warning, line);
        }
        self.persist.rewrite.is_wanted = true;
        self.persist.rewrite.not_before_ns = self.now.mono_ns;
    }

    /// The durable base holds everything before `lsn`: files before that are part of the log no
    /// more.
    pub(crate) fn log_is_covered(&mut self, lsn: u64) {
        let aof = &mut self.persist.aof;
        aof.covered_lsn = lsn;
        // The manifest tells the epoch.
        aof.first_line = FirstLine::Durable;
        while aof.files.front().is_some_and(|file| file.end_lsn.is_some_and(|end| end <= lsn)) {
            aof.retired.extend(aof.files.pop_front());
        }
        if aof.files.iter().all(|file| !file.is_distrusted) && aof.sync_error.take().is_some() {
            let line = "The AOF was begun anew after a failed fsync. The server can write again.";
            self.log_line(LogLevel::Warning, line.into());
        }
        if self.persist.aof.files.iter().all(Incr::is_drained) {
            // The write that failed need not be repeated, and nothing else would tell.
            self.write_succeeded();
        }
        self.close_retired();
        self.pump_aof();
        self.watermark_moved();
    }

    /// Closes files that nothing is outstanding of.
    pub(crate) fn close_retired(&mut self) {
        let mut retired = core::mem::take(&mut self.persist.aof.retired);
        retired.retain(|file| {
            if file.is_idle() {
                self.request(IoReq::Close { file: file.id }, None);
            }
            !file.is_idle()
        });
        self.persist.aof.retired = retired;
    }

    /// Whether `appendfsync everysec` asks for a sync; it is asked for once a second.
    pub(crate) fn sync_due_ns(&self) -> Option<u64> {
        let file = self.persist.aof.files.back()?;
        let is_due =
            self.sync_policy() == AppendFsync::Everysec && file.wants_sync() && file.syncs() == 0;
        is_due.then_some(self.persist.aof.last_sync_ns + SYNC_EVERY_NS)
    }
}

/// `appendfsync everysec`.
const SYNC_EVERY_NS: u64 = 1_000_000_000;
