//! The end of the log: a torn tail is cut off, rot is refused, and the log is opened again.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::log_reader::{Damage, DamageKind};
use super::plan::{Part, PartKind};
use super::scan::Scan;
use super::{IoReqQueue, Stage};
use crate::config::LogLevel;
use crate::io::{Dir, FileId, IoErrorKind, IoReq, IoResult, Name, OpenMode};
use crate::log::frame;
use crate::persist::aof::AofState;
use crate::persist::first_line::FirstLine;
use crate::persist::incr::Incr;
use crate::server::Server;

/// Damage that may be a torn tail.
#[derive(Debug)]
pub(crate) struct Torn {
    pub(crate) part: Part,
    pub(crate) damage: Damage,
    has_frames: bool,
    /// What lies behind it.
    pub(crate) scan: Scan,
    /// Files of the log behind the damaged one.
    pub(crate) later: Vec<Part>,
}

impl Torn {
    pub(crate) fn new(part: Part, damage: Damage, has_frames: bool, scan: Scan) -> Self {
        Self { part, damage, has_frames, scan, later: Vec::new() }
    }

    fn place(&self) -> String {
        let Damage { at, lsn, kind } = &self.damage;
        format!("{} at offset {at} (LSN {lsn}, {kind:?})", self.part.shown())
    }

    /// Whether it is in a base, which is complete before a manifest names it.
    pub(crate) fn is_in_base(&self) -> bool {
        self.part.kind != PartKind::Incr && !self.part.is_last
    }

    /// Why this cannot be what a crash leaves.
    pub(crate) fn verdict(&self) -> Option<&'static str> {
        if self.scan.is_rot() {
            return Some("what is damaged was durable, so the disk has lost it");
        }
        if self.scan.is_exhausted() {
            return Some(
                "too much of what follows looks like batches to tell whether it was durable",
            );
        }
        if self.has_frames || self.scan.found_batch() || self.scan.all_zero() {
            return None;
        }
        match self.damage.kind {
            // Before the next file of ours was made it may have failed to be written.
            _ if self.later.iter().all(Part::is_framed) && self.scan.is_torn_line() => None,
            DamageKind::Torn if self.part.is_last => None,
            DamageKind::Torn => Some("only the last file may end early"),
            _ => Some("this is neither a command nor an annotation"),
        }
    }
}

impl Server {
    /// Everything was read: mends what a crash has torn, or refuses what is broken otherwise.
    pub(crate) fn mend_files(&mut self) -> Result<(), String> {
        let Some(recovery) = &mut self.recovery else { return Ok(()) };
        if recovery.is_reload {
            let lsn = recovery.lsn;
            return match &recovery.torn {
                None => self.reloaded(lsn),
                Some(torn) => Err(format!("The log is damaged at {}", torn.place())),
            };
        }
        let Some(torn) = recovery.torn.take() else {
            let syncs = self.syncs_of_names();
            return self.repair_next(syncs);
        };
        let place = torn.place();
        if torn.is_in_base() {
            return Err(format!("Bad AOF base file {place}"));
        }
        if let Some(why) = torn.verdict() {
            return Err(format!(
                "Bad file format reading the append only file {place}: {why}. Everything from \
                 there on would be lost: see --check and --salvage"
            ));
        }
        if !self.config.aof_load_truncated {
            return Err(format!(
                "Unexpected end of file reading the append only file {place}, and \
                 aof-load-truncated is no"
            ));
        }
        self.log_line(LogLevel::Warning, format!("!!! Warning: cutting a torn tail off {place}"));
        self.cut_tail(&torn)
    }

    /// Cuts the damaged file, and empties those behind it.
    fn cut_tail(&mut self, torn: &Torn) -> Result<(), String> {
        let mut repairs = IoReqQueue::new();
        self.cut_file(&mut repairs, &torn.part, torn.damage.at);
        for part in &torn.later {
            self.cut_file(&mut repairs, part, 0);
        }
        if let Some(recovery) = &mut self.recovery
            && let Some((_, len)) = &mut recovery.log_file
        {
            *len = if torn.part.is_last { torn.damage.at } else { 0 };
        }
        repairs.append(&mut self.syncs_of_names());
        self.repair_next(repairs)
    }

    /// The last life may have ended between the rename of a manifest and its sync, and then a power
    /// loss takes it, or the directory, away again.
    fn syncs_of_names(&self) -> IoReqQueue {
        if !self.config.appendonly || self.persist.aof.manifest.files().next().is_none() {
            return IoReqQueue::new();
        }
        [Dir::Data, Dir::Aof].map(|dir| IoReq::SyncDir { dir }).into()
    }

    fn cut_file(&mut self, repairs: &mut VecDeque<IoReq>, part: &Part, len: u64) {
        let file = self.persist.new_file();
        repairs.extend([
            IoReq::Open { file, name: part.file(), mode: OpenMode::Write },
            IoReq::Truncate { file, len },
            IoReq::Sync { file },
            IoReq::Close { file },
        ]);
    }

    pub(crate) fn repair_next(&mut self, mut left: IoReqQueue) -> Result<(), String> {
        match left.pop_front() {
            Some(request) => self.recover_asks(Stage::Repair(left), request),
            None => return self.open_log(),
        }
        Ok(())
    }

    /// Opens the last incremental file, where the log goes on.
    fn open_log(&mut self) -> Result<(), String> {
        let last = self.persist.aof.manifest.incrs.last().cloned();
        let Some(last) = last.filter(|_| self.config.appendonly) else { return self.loaded() };
        let file = self.persist.new_file();
        if let Some(recovery) = &mut self.recovery
            && let Some((id, _)) = &mut recovery.log_file
        {
            *id = file;
        }
        let name = Name::file(Dir::Aof, &last.name);
        self.recover_asks(Stage::OpenLog, IoReq::Open { file, name, mode: OpenMode::Write });
        Ok(())
    }

    pub(crate) fn log_opened(&mut self) -> Result<(), String> {
        let Some((file, _)) = self.recovery.as_ref().and_then(|recovery| recovery.log_file) else {
            return self.loaded();
        };
        let bytes = self.first_line();
        let at =
            self.recovery.as_ref().and_then(|recovery| recovery.log_file).map_or(0, |(_, len)| len);
        self.recover_asks(Stage::NameLife, IoReq::WriteAt { file, at, bytes, from: 0 });
        Ok(())
    }

    /// What a life begins with: behind this line nothing counts that an earlier one has written.
    fn first_line(&self) -> Vec<u8> {
        let Some(recovery) = &self.recovery else { return Vec::new() };
        let mut line = Vec::new();
        frame::write_lsn(&mut line, recovery.lsn, self.next_epoch());
        line
    }

    /// The line is written, or not: on a full disk the server starts all the same, and the line is
    /// made durable before the first batch. Half a line must not stay, for the log may go on in
    /// another file; it is cut off and tried once more. A signal is no reason to go without.
    pub(crate) fn life_named(&mut self, result: &IoResult) -> Result<(), String> {
        let Some(recovery) = &mut self.recovery else { return Ok(()) };
        let Some((file, len)) = &mut recovery.log_file else { return Ok(()) };
        let (file, before) = (*file, *len);
        match result {
            IoResult::Written { count, bytes } if *count == bytes.len() => {
                *len += *count as u64;
                recovery.has_first_line = true;
                self.sync_log(file);
            }
            IoResult::Written { .. } => {
                let request = IoReq::Truncate { file, len: before };
                self.recover_asks(Stage::UnnameLife(file), request);
            }
            IoResult::NotWritten { error, .. } if error.kind == IoErrorKind::Interrupted => {
                return self.log_opened();
            }
            _ => self.sync_log(file),
        }
        Ok(())
    }

    /// Half a line is cut off.
    pub(crate) fn life_unnamed(&mut self, file: FileId) -> Result<(), String> {
        if let Some(recovery) = &mut self.recovery
            && !core::mem::replace(&mut recovery.was_line_cut, true)
        {
            return self.log_opened();
        }
        self.sync_log(file);
        Ok(())
    }

    pub(crate) fn sync_log(&mut self, file: FileId) {
        self.recover_asks(Stage::SyncLog, IoReq::Sync { file });
    }

    /// The log is open and durable as far as it was loaded.
    pub(crate) fn log_is_open(&mut self) -> Result<(), String> {
        let Some(recovery) = &self.recovery else { return Ok(()) };
        let lsn = recovery.lsn;
        if let Some((file, len)) = recovery.log_file {
            let aof = &mut self.persist.aof;
            aof.covered_lsn = lsn;
            let has_line = recovery.has_first_line;
            let mut incr = Incr::new(file, lsn, lsn, len);
            // The line does, now or before the first batch.
            incr.names_lsn = false;
            aof.files.push_back(incr);
            aof.first_line = if has_line { FirstLine::Durable } else { FirstLine::Missing };
            aof.state = AofState::On;
            self.log.is_on = true;
            self.log.begin_at(lsn);
        }
        self.loaded()
    }
}
