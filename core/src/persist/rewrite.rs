//! BGREWRITEAOF: the log begins anew on a snapshot.
//!
//! First the next incremental file is made, with a first line, and named in a durable manifest,
//! while batches still go to the old one. Then comes the cut: at one LSN, between two turns, the
//! log moves to the new file and the state is frozen. The frozen state is written to a temporary
//! file, durably, renamed, and a manifest that names it and the new file alone replaces the old
//! one. Only when that is durable are the old files removed. A crash at any point leaves files of
//! which the manifest names a complete log.
//!
//! Switching the log on is the same with no old file: the manifest that names the first base and
//! the first incremental file is its beginning, and nothing is promised before that is durable.
//!
//! While there is a log, CONFIG SET dir is refused. Redis goes on in the old file and has the next
//! rewrite begin in the new directory, so that for a while neither has the whole log, and then a
//! start in the old one finds less than was acknowledged.
//!
//! The hard case is a manifest whose replacement failed: nobody knows which of the two the disk
//! has. So whatever either names stays, and no number is used twice.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::mem;

use super::Step;
use super::aof::AofState;
use super::bgsave::Form;
use crate::config::LogLevel;
use crate::io::{Dir, FileId, IoError, IoErrorKind, IoReq, IoResult, Name, OpenMode, Ticket};
use crate::log::frame;
use crate::log::manifest::{AofFile, Origin};
use crate::server::Server;

/// Time between two tries when a rewrite must succeed.
const RETRY_NS: u64 = 1_000_000_000;

/// What a rewrite waits for.
#[derive(Debug)]
enum Stage {
    MakeDir,
    SyncParent,
    OpenIncr,
    /// The file gets its first line; so much of that is written.
    WriteHead(usize),
    SyncHead,
    SyncIncr,
    ListIncr,
    /// The turn is to end: a base holds no part of a turn.
    Cut,
    OpenBase,
    Save,
    NameBase,
    SyncBase,
    ListBase,
    Unlink(Vec<AofFile>),
    /// The manifest forgets the old files when a power loss cannot bring them back.
    SyncUnlinks,
    Forget,
}

/// The rewrite under way, and what became of those before.
#[derive(Debug, Default)]
pub(crate) struct Rewrite {
    stage: Option<Stage>,
    /// What was asked for last, to be asked for again after a signal.
    asked: Option<IoReq>,
    /// It is to begin when nothing else saves.
    pub(crate) is_wanted: bool,
    pub(crate) not_before_ns: u64,
    /// The log is switched on by it.
    begins_log: bool,
    incr: Option<(FileId, AofFile)>,
    /// The next file of the log, of a rewrite that could not have it named: a manifest on the disk
    /// may name it, so it stays, for the next try.
    spare: Option<(FileId, AofFile)>,
    base: Option<AofFile>,
    temporary: Option<FileId>,
    save: Option<Ticket>,
    base_len: u64,
    cut_lsn: u64,
    started_ns: u64,
    pub(crate) facts: RewriteFacts,
}

/// What INFO tells of rewrites.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RewriteFacts {
    pub(crate) rewrites: u64,
    pub(crate) failures_in_a_row: u64,
    pub(crate) last_time_s: Option<u64>,
    pub(crate) last_failed: bool,
}

impl Rewrite {
    /// Whether one is under way.
    pub(crate) fn is_running(&self) -> bool {
        self.stage.is_some()
    }

    /// Whether it is writing a base.
    pub(crate) fn is_saving(&self) -> bool {
        matches!(self.stage, Some(Stage::Save))
    }

    /// Since when one runs.
    pub(crate) fn running_since_ns(&self) -> Option<u64> {
        self.stage.as_ref().map(|_| self.started_ns)
    }
}

impl Server {
    /// Begins a rewrite; with the log off, this switches it on.
    pub(crate) fn begin_rewrite(&mut self) {
        let rewrite = &mut self.persist.rewrite;
        debug_assert!(rewrite.stage.is_none(), "one rewrite at a time");
        rewrite.is_wanted = false;
        rewrite.started_ns = self.now.mono_ns;
        rewrite.facts.rewrites += 1;
        rewrite.begins_log = self.persist.aof.state != AofState::On;
        let line = "Background append only file rewriting started";
        self.log_line(LogLevel::Notice, line.into());
        if self.persist.rewrite.begins_log {
            self.rewrite_asks(Stage::MakeDir, IoReq::MakeDir { dir: Dir::Aof });
        } else if let Some(spare) = self.persist.rewrite.spare.take() {
            self.persist.rewrite.incr = Some(spare);
            self.list_incr();
        } else {
            self.open_incr();
        }
    }

    fn rewrite_asks(&mut self, stage: Stage, request: IoReq) -> Ticket {
        self.persist.rewrite.stage = Some(stage);
        self.persist.rewrite.asked = request.again();
        self.ask(request, Step::Rewrite)
    }

    fn open_incr(&mut self) {
        let file = self.persist.new_file();
        let aof = &mut self.persist.aof;
        aof.incr_seq += 1;
        let seq = aof.incr_seq;
        let name = self.aof_file_name(seq, "incr.aof");
        let request =
            IoReq::Open { file, name: Name::file(Dir::Aof, &name), mode: OpenMode::CreateNew };
        let origin = Some(Origin::Framed);
        self.persist.rewrite.incr = Some((file, AofFile { name, seq, origin }));
        self.rewrite_asks(Stage::OpenIncr, request);
    }

    /// `appendonly.aof.7.incr.aof` and the like.
    fn aof_file_name(&self, seq: u64, kind: &str) -> Box<[u8]> {
        let mut name = self.config.appendfilename.clone();
        name.extend_from_slice(format!(".{seq}.{kind}").as_bytes());
        name.into()
    }

    /// A step of the rewrite has completed.
    pub(crate) fn rewrite_step(&mut self, result: IoResult) {
        let Some(stage) = self.persist.rewrite.stage.take() else { return };
        let again = self.persist.rewrite.asked.take().or_else(|| match stage {
            // Whichever manifest the disk has, this one replaces it.
            Stage::ListIncr | Stage::ListBase | Stage::Forget => Some(self.manifest_request()),
            _ => None,
        });
        if let (Some(request), IoResult::Failed(error)) = (again, &result)
            && error.kind == IoErrorKind::Interrupted
        {
            self.rewrite_asks(stage, request);
            return;
        }
        let result = match (stage, result) {
            (Stage::WriteHead(from), IoResult::Written { count, bytes }) => {
                return self.write_head(from + count, bytes);
            }
            (Stage::WriteHead(from), IoResult::NotWritten { error, bytes })
                if error.kind == IoErrorKind::Interrupted =>
            {
                return self.write_head(from, bytes);
            }
            (stage, IoResult::NotWritten { error, .. }) => {
                return self.rewrite_failed(&stage, &error);
            }
            (Stage::Unlink(files), IoResult::Failed(error)) => {
                return self.old_file_kept(files, &error);
            }
            (Stage::SyncUnlinks | Stage::Forget, IoResult::Failed(_)) => {
                return self.rewrite_succeeded();
            }
            (stage, IoResult::Failed(error)) => return self.rewrite_failed(&stage, &error),
            (stage, result) => (stage, result),
        };
        match result {
            (Stage::MakeDir, _) => {
                self.rewrite_asks(Stage::SyncParent, IoReq::SyncDir { dir: Dir::Data });
            }
            (Stage::SyncParent, _) => self.open_incr(),
            (Stage::OpenIncr, _) => self.write_head(0, frame::INCR_LINE.to_vec()),
            (Stage::SyncHead, _) => {
                self.rewrite_asks(Stage::SyncIncr, IoReq::SyncDir { dir: Dir::Aof });
            }
            (Stage::SyncIncr, _) if !self.persist.rewrite.begins_log => self.list_incr(),
            (Stage::SyncIncr | Stage::ListIncr | Stage::Cut, _) => {
                self.persist.rewrite.stage = Some(Stage::Cut);
                if self.persist.is_turn_sealed {
                    self.cut_if_due();
                }
            }
            (Stage::OpenBase, _) => self.save_base(),
            (Stage::Save, IoResult::Saved { len }) => self.name_base(len),
            (Stage::NameBase, _) => {
                self.rewrite_asks(Stage::SyncBase, IoReq::SyncDir { dir: Dir::Aof });
            }
            (Stage::SyncBase, _) => self.list_base(),
            (Stage::ListBase, _) => self.base_is_durable(),
            (Stage::Unlink(files), _) => self.unlink_next(files),
            (Stage::SyncUnlinks, _) => self.forget_history(),
            (Stage::Forget, _) => self.rewrite_succeeded(),
            (stage @ (Stage::Save | Stage::WriteHead(_)), other) => {
                panic!("{stage:?} does not end as {other:?}")
            }
        }
    }

    /// Writes what is missing of the first line of the new incremental file, and syncs it: before
    /// a manifest names the file it is known from old blocks, which a power loss may leave there.
    fn write_head(&mut self, from: usize, bytes: Vec<u8>) {
        let Some((file, _)) = self.persist.rewrite.incr else { return };
        if from < bytes.len() {
            let request = IoReq::WriteAt { file, at: from as u64, bytes, from };
            self.rewrite_asks(Stage::WriteHead(from), request);
        } else {
            self.rewrite_asks(Stage::SyncHead, IoReq::Sync { file });
        }
    }

    /// The manifest names the new incremental file beside the old ones.
    fn list_incr(&mut self) {
        let incrs = &mut self.persist.aof.manifest.incrs;
        if let Some((_, file)) = &self.persist.rewrite.incr
            && !incrs.contains(file)
        {
            incrs.push(file.clone());
        }
        let request = self.manifest_request();
        self.rewrite_asks(Stage::ListIncr, request);
    }

    /// At the end of a turn: the log moves to the new file, and the state is frozen, if that is to
    /// be done.
    #[inline]
    pub(crate) fn cut_if_due(&mut self) {
        if matches!(self.persist.rewrite.stage, Some(Stage::Cut)) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if !self.persist.rewrite.begins_log && self.persist.aof.state != AofState::On {
            // The log has ended meanwhile.
            self.persist.rewrite.stage = None;
            let kind = IoErrorKind::Cancelled;
            let error = IoError { kind, words: "The append only file was switched off".into() };
            return self.rewrite_failed(&Stage::ListIncr, &error);
        }
        self.seal_log();
        let Some((file, _)) = self.persist.rewrite.incr else { return };
        let lsn = self.log.lsn();
        self.persist.rewrite.cut_lsn = lsn;
        if self.persist.rewrite.begins_log {
            self.persist.aof.covered_lsn = lsn;
            self.persist.aof.state = AofState::Starting;
            self.log.is_on = true;
        }
        self.log.forget_db();
        self.persist.aof.rotate(file, lsn);
        self.pump_aof();
        self.freeze(Form::Base);
        let temporary = self.persist.new_file();
        self.persist.rewrite.temporary = Some(temporary);
        let name = self.persist.new_temporary(Dir::Aof);
        let request = IoReq::Open { file: temporary, name, mode: OpenMode::Create };
        self.rewrite_asks(Stage::OpenBase, request);
    }

    fn save_base(&mut self) {
        let Some(file) = self.persist.rewrite.temporary else { return };
        let Some(save) = self.frozen() else { return };
        let sync_often = self.config.aof_rewrite_incremental_fsync;
        let ticket = self.rewrite_asks(Stage::Save, IoReq::Save { file, save, sync_often });
        self.persist.rewrite.save = Some(ticket);
    }

    fn name_base(&mut self, len: u64) {
        self.close_temporary();
        self.thaw();
        let aof = &mut self.persist.aof;
        aof.base_seq += 1;
        let seq = aof.base_seq;
        let epoch = aof.framing.epoch;
        let kind = if self.config.aof_use_rdb_preamble { "base.rdb" } else { "base.aof" };
        let name = self.aof_file_name(seq, kind);
        let request = IoReq::Rename {
            from: self.persist.temporary(Dir::Aof),
            to: Name::file(Dir::Aof, &name),
        };
        let rewrite = &mut self.persist.rewrite;
        let origin = Some(Origin::Base { bytes: len, lsn: rewrite.cut_lsn, epoch });
        rewrite.base_len = len;
        rewrite.base = Some(AofFile { name, seq, origin });
        self.rewrite_asks(Stage::NameBase, request);
    }

    fn close_temporary(&mut self) {
        self.persist.rewrite.save = None;
        if let Some(file) = self.persist.rewrite.temporary.take() {
            self.request(IoReq::Close { file }, None);
        }
    }

    /// The manifest names the new base and the new incremental file; the others are history.
    fn list_base(&mut self) {
        let rewrite = &self.persist.rewrite;
        let (Some(base), Some((_, incr))) = (&rewrite.base, &rewrite.incr) else { return };
        let manifest = &mut self.persist.aof.manifest;
        manifest.history.extend(manifest.base.replace(base.clone()));
        let old = mem::replace(&mut manifest.incrs, [incr.clone()].into());
        manifest.history.extend(old.into_iter().filter(|file| file != incr));
        let request = self.manifest_request();
        self.rewrite_asks(Stage::ListBase, request);
    }

    fn base_is_durable(&mut self) {
        let rewrite = &self.persist.rewrite;
        let (lsn, len) = (rewrite.cut_lsn, rewrite.base_len);
        let aof = &mut self.persist.aof;
        aof.base_bytes = len;
        aof.rewritten_bytes = len;
        if !aof.files.is_empty() {
            // Else it has ended meanwhile.
            aof.state = AofState::On;
        }
        self.log_is_covered(lsn);
        self.log_has_begun(Ok(()));
        let history = self.persist.aof.manifest.history.clone();
        if self.config.aof_disable_auto_gc {
            return self.rewrite_succeeded();
        }
        self.unlink_next(history);
    }

    fn unlink_next(&mut self, mut files: Vec<AofFile>) {
        let Some(file) = files.pop() else { return self.sync_unlinks() };
        let name = Name::file(Dir::Aof, &file.name);
        self.rewrite_asks(Stage::Unlink(files), IoReq::Unlink { name });
    }

    /// An old file could not be removed; what is not there any more needs not be.
    fn old_file_kept(&mut self, files: Vec<AofFile>, error: &IoError) {
        if error.kind != IoErrorKind::NotFound {
            let line = format!("Failed to remove an old AOF file: {}", error.words);
            self.log_line(LogLevel::Warning, line);
            return self.rewrite_succeeded();
        }
        self.unlink_next(files);
    }

    fn sync_unlinks(&mut self) {
        if self.persist.aof.manifest.history.is_empty() {
            return self.rewrite_succeeded();
        }
        self.rewrite_asks(Stage::SyncUnlinks, IoReq::SyncDir { dir: Dir::Aof });
    }

    fn forget_history(&mut self) {
        self.persist.aof.manifest.history.clear();
        let request = self.manifest_request();
        self.rewrite_asks(Stage::Forget, request);
    }

    fn rewrite_succeeded(&mut self) {
        let now_ns = self.now.mono_ns;
        let rewrite = &mut self.persist.rewrite;
        rewrite.stage = None;
        rewrite.facts.failures_in_a_row = 0;
        rewrite.facts.last_failed = false;
        rewrite.facts.last_time_s = Some((now_ns - rewrite.started_ns) / 1_000_000_000);
        self.log_line(LogLevel::Notice, "Background AOF rewrite finished successfully".into());
        if !self.config.appendonly {
            // It was asked for with the log off: the files are there, and no more is added to them.
            self.end_log();
        }
    }

    /// Ends a rewrite that cannot go on. What a manifest on the disk may name stays where it is.
    fn rewrite_failed(&mut self, stage: &Stage, error: &IoError) {
        self.thaw();
        if matches!(stage, Stage::OpenBase) {
            self.persist.rewrite.temporary = None;
        }
        self.close_temporary();
        let is_cut = !matches!(
            stage,
            Stage::MakeDir
                | Stage::SyncParent
                | Stage::OpenIncr
                | Stage::WriteHead(_)
                | Stage::SyncHead
                | Stage::SyncIncr
                | Stage::ListIncr
                | Stage::Cut
        );
        let rewrite = &mut self.persist.rewrite;
        let begins_log = rewrite.begins_log;
        rewrite.facts.failures_in_a_row += 1;
        rewrite.facts.last_failed = true;
        rewrite.facts.last_time_s = Some((self.now.mono_ns - rewrite.started_ns) / 1_000_000_000);
        let incr = rewrite.incr.take();
        if matches!(stage, Stage::Save | Stage::NameBase) {
            let name = self.persist.temporary(Dir::Aof);
            self.request(IoReq::Unlink { name }, None);
        }
        if let Some((file, incr)) = &incr
            && matches!(stage, Stage::WriteHead(_) | Stage::SyncHead | Stage::SyncIncr)
        {
            self.request(IoReq::Close { file: *file }, None);
            let name = Name::file(Dir::Aof, &incr.name);
            self.request(IoReq::Unlink { name }, None);
        }
        if matches!(stage, Stage::ListIncr) {
            self.persist.rewrite.spare = incr.clone();
            self.close_spare_unless_on();
        }
        if begins_log && is_cut {
            self.abandon_start(stage, incr);
        }
        let line = format!("Background AOF rewrite failed: {}", error.words);
        self.log_line(LogLevel::Warning, line);
        self.log_has_begun(Err(&error.words));
        let is_needed =
            self.persist.aof.sync_error.is_some() || begins_log && self.config.appendonly;
        let rewrite = &mut self.persist.rewrite;
        rewrite.is_wanted |= is_needed;
        // A shutdown that had it cancelled may fail or be aborted; then nothing is in its way.
        let is_cancelled = error.kind == IoErrorKind::Cancelled;
        rewrite.not_before_ns = self.now.mono_ns + if is_cancelled { 0 } else { RETRY_NS };
    }

    /// The log could not be switched on: it is off again, until the next try.
    fn abandon_start(&mut self, stage: &Stage, incr: Option<(FileId, AofFile)>) {
        self.leave_files();
        if !matches!(stage, Stage::ListBase) {
            // No manifest names it; the next one does, as a file to be removed.
            let file = incr.map(|(_, file)| file);
            self.persist.aof.manifest.history.extend(file);
        }
    }

    /// With the log off nobody goes on with the file that was to be its next.
    pub(crate) fn close_spare_unless_on(&mut self) {
        if self.persist.aof.state != AofState::On
            && let Some((file, _)) = self.persist.rewrite.spare.take()
        {
            self.request(IoReq::Close { file }, None);
        }
    }

    /// Ends the rewrite under way, if there is one.
    pub(crate) fn cancel_rewrite(&mut self) {
        if let Some(save) = self.persist.rewrite.save {
            self.request_cancel(save);
        }
    }

    fn manifest_request(&self) -> IoReq {
        super::manifest_io::replace(&self.config, &self.persist.aof.manifest)
    }
}
