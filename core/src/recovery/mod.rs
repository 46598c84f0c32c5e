//! Recovery: from the files of the last life to the state that may be served.
//!
//! While it runs clients are answered `LOADING`, files are read in pieces, and nothing is written
//! before everything has been read. Only then is a torn tail cut off, the cut and all that was read
//! made durable, and the log opened again where it ends, so that nothing is ever served that the
//! next crash could take back. No clock decides anything: keys whose deadline has passed are loaded
//! like others, and expire, logged, when the server is up.
//!
//! The append-only file comes before `dump.rdb`. Where stock Redis would begin an empty append-only
//! file although there is a dump, the dump is loaded: it holds what was acknowledged last.
//!
//! What cannot be read is refused with the file, the offset and the LSN, and the process ends;
//! nothing is changed then. Files that no manifest names are never loaded.

pub(crate) mod dump;
mod entries;
pub(crate) mod files;
pub mod inspect;
pub(crate) mod log_reader;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod repair;
pub(crate) mod replay;
pub(crate) mod scan;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::client::Client;
use crate::config::LogLevel;
use crate::io::{Dir, FileEntry, FileId, IoErrorKind, IoReq, IoResult, Name};
use crate::log::frame::EPOCH_MAX;
use crate::log::manifest::Origin;
use crate::persist::Step;
use crate::persist::aof::AofState;
use crate::server::Server;
use crate::stats::{CommandStats, Stats};
use crate::turn::{Core, Exit, Now};
use files::Loading;
use plan::Part;

/// Of a file with a number that nobody but a stranger gives so much counts in an epoch.
const FILES_COUNTED: u64 = 1 << 20;

/// There were fewer starts since the base of a log.
const EPOCHS_UNREAD: u64 = 1 << 20;

/// What the recovery waits for.
#[derive(Debug)]
pub(crate) enum Stage {
    ListData,
    ListAof,
    ReadManifest,
    Open(Part),
    Read(Box<Loading>),
    /// A file that was read is made durable.
    Sync(Box<Loading>),
    /// Requests that mend the files, one after the other.
    Repair(IoReqQueue),
    OpenLog,
    /// The line is written that a life begins with.
    NameLife,
    /// Half of that line is cut off.
    UnnameLife(FileId),
    SyncLog,
    /// Everything is loaded; the log is being begun.
    BeginLog,
}

pub(crate) type IoReqQueue = VecDeque<IoReq>;

/// A recovery under way.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) stage: Option<Stage>,
    /// What was asked for last, to be asked for again after a signal.
    asked: Option<IoReq>,
    arrived: VecDeque<IoResult>,
    data: Vec<FileEntry>,
    aof: Vec<FileEntry>,
    /// What is still to be loaded, in order.
    pub(crate) parts: VecDeque<Part>,
    /// It reads back what the server itself has written, and changes no file.
    pub(crate) is_reload: bool,
    pub(crate) client: Option<Box<Client>>,
    /// The log's end so far, and whether a file told where it is.
    pub(crate) lsn: u64,
    pub(crate) knows_lsn: bool,
    /// The last life that wrote to it.
    pub(crate) epoch: u64,
    /// Damage that was found, and what to do about it if it is no rot.
    pub(crate) torn: Option<repair::Torn>,
    /// The last incremental file: its id once it is open, and its length.
    pub(crate) log_file: Option<(FileId, u64)>,
    /// The line that this life begins with is in it.
    pub(crate) has_first_line: bool,
    /// Half of it was cut off once.
    was_line_cut: bool,
    pub(crate) progress: progress::Progress,
    /// Clocks of the moment: entries that are loaded were used now.
    pub(crate) now: Now,
    before: (Stats, Vec<CommandStats>),
}

impl Recovery {
    /// One that has not begun.
    pub(crate) fn new(server: &Server) -> Self {
        Self {
            stage: None,
            asked: None,
            arrived: VecDeque::new(),
            data: Vec::new(),
            aof: Vec::new(),
            parts: VecDeque::new(),
            is_reload: false,
            client: Some(replay::client()),
            lsn: 0,
            knows_lsn: false,
            epoch: 0,
            torn: None,
            log_file: None,
            has_first_line: false,
            was_line_cut: false,
            progress: progress::Progress::default(),
            now: server.now,
            before: (server.stats.clone(), server.command_stats.clone()),
        }
    }
}

impl Core {
    /// Begins by loading what is on the disk; before the first turn. Without this a core is a new
    /// server that never heard of files.
    pub fn recover(&mut self) {
        let server = &mut self.server;
        server.recovery = Some(Box::new(Recovery::new(server)));
        server.recover_asks(Stage::ListData, IoReq::List { dir: Dir::Data });
    }

    /// Goes on with what has arrived.
    pub(crate) fn go_on_recovering(&mut self) {
        while let Some(recovery) = &mut self.server.recovery {
            let Some(result) = recovery.arrived.pop_front() else { return };
            let Some(stage) = recovery.stage.take() else { return };
            let asked = recovery.asked.take();
            if let (Some(request), IoResult::Failed(error)) = (asked, &result)
                && error.kind == IoErrorKind::Interrupted
            {
                self.server.recover_asks(stage, request);
                continue;
            }
            if let Err(why) = self.recover_from(stage, result) {
                self.server.refuse_to_start(&why);
            }
        }
    }

    fn recover_from(&mut self, stage: Stage, result: IoResult) -> Result<(), String> {
        let server = &mut self.server;
        match (stage, result) {
            (Stage::ListData, result) => server.data_listed(result),
            (Stage::ListAof, result) => server.aof_listed(result),
            (Stage::ReadManifest, IoResult::Bytes(bytes)) => server.manifest_read(&bytes),
            (Stage::Open(part), IoResult::Opened { len }) => server.part_opened(part, len),
            (Stage::Read(loading), IoResult::Bytes(bytes)) => self.part_read(loading, &bytes),
            (Stage::Sync(loading), IoResult::Done) => server.part_synced(&loading),
            (Stage::Repair(left), IoResult::Done | IoResult::Opened { .. }) => {
                server.repair_next(left)
            }
            (Stage::OpenLog, IoResult::Opened { .. }) => server.log_opened(),
            (Stage::NameLife, result) => server.life_named(&result),
            (Stage::UnnameLife(file), IoResult::Done) => server.life_unnamed(file),
            (Stage::SyncLog, IoResult::Done) => server.log_is_open(),
            (stage, IoResult::Failed(error)) => Err(failed(&stage, &error.words)),
            (stage, other) => Err(format!("{stage:?} cannot end as {other:?}")),
        }
    }
}

fn failed(stage: &Stage, words: &str) -> String {
    let what = match stage {
        Stage::Open(part) => format!("open {}", part.shown()),
        Stage::Read(loading) => format!("read {} at {}", loading.part.shown(), loading.read_to),
        Stage::Sync(loading) => format!("sync {}", loading.part.shown()),
        Stage::Repair(_) => "make the append only file whole and durable".into(),
        Stage::ListData => "list the working directory".into(),
        Stage::ListAof => "list the directory of the append only file".into(),
        Stage::ReadManifest => "read the AOF manifest".into(),
        Stage::OpenLog | Stage::NameLife | Stage::UnnameLife(_) | Stage::SyncLog => {
            "open the append only file to go on with it".into()
        }
        Stage::BeginLog => "begin the append only file".into(),
    };
    format!("Can't {what}: {words}")
}

impl Server {
    /// Whether data are being loaded.
    #[inline]
    pub(crate) fn is_loading(&self) -> bool {
        self.recovery.is_some()
    }

    /// A step of the recovery has completed.
    pub(crate) fn recover_step(&mut self, result: IoResult) {
        if let Some(recovery) = &mut self.recovery {
            recovery.arrived.push_back(result);
        }
    }

    pub(crate) fn recover_asks(&mut self, stage: Stage, request: IoReq) {
        if let Some(recovery) = &mut self.recovery {
            recovery.stage = Some(stage);
            recovery.asked = request.again();
        }
        self.ask(request, Step::Recover);
    }

    fn data_listed(&mut self, result: IoResult) -> Result<(), String> {
        let files = listed(result)?;
        if let Some(recovery) = &mut self.recovery {
            recovery.data = files;
        }
        self.recover_asks(Stage::ListAof, IoReq::List { dir: Dir::Aof });
        Ok(())
    }

    fn aof_listed(&mut self, result: IoResult) -> Result<(), String> {
        let files = listed(result)?;
        let manifest = crate::persist::manifest_io::name(&self.config);
        let has_manifest = files.iter().any(|file| file.name == manifest);
        self.note_numbers(&files);
        if let Some(recovery) = &mut self.recovery {
            recovery.aof = files;
        }
        if has_manifest {
            let request = IoReq::Read { name: Name::file(Dir::Aof, &manifest) };
            self.recover_asks(Stage::ReadManifest, request);
            return Ok(());
        }
        self.make_plan()
    }

    pub(crate) fn refuse_to_start(&mut self, why: &str) {
        self.log_line(LogLevel::Warning, format!("{why}. Exiting."));
        self.outbox.exit = Some(Exit { code: 1 });
        if let Some(recovery) = &mut self.recovery {
            recovery.stage = None;
            recovery.arrived.clear();
        }
    }

    /// Everything is loaded and durable: serves, at once or when the log has begun.
    pub(crate) fn loaded(&mut self) -> Result<(), String> {
        self.persist.aof.framing.epoch = self.next_epoch();
        self.remove_leftovers();
        self.report_loaded();
        self.restore_statistics();
        self.persist.bgsave.facts.dirty_saved = self.stats.dirty;
        self.persist.bgsave.facts.last_save_s = self.now.wall_ms().div_euclid(1000);
        self.persist.bgsave.facts.last_save_ns = self.now.mono_ns;
        if self.config.appendonly && self.persist.aof.state != AofState::On {
            if let Some(recovery) = &mut self.recovery {
                recovery.stage = Some(Stage::BeginLog);
            }
            self.begin_rewrite();
            return Ok(());
        }
        self.serve_loaded();
        Ok(())
    }

    /// What this life writes is told from what any earlier one may have written: one more than
    /// all that is known, and one more for each incremental file that was made since the base. A
    /// life that made one and began a log with it may have ended before a manifest told its epoch.
    /// With the log off nobody has read how far epochs went behind the base.
    pub(crate) fn next_epoch(&self) -> u64 {
        let aof = &self.persist.aof;
        let read = self.recovery.as_ref().map_or(0, |recovery| recovery.epoch);
        let base = aof.manifest.base.as_ref().and_then(|base| base.origin);
        let based = match base {
            Some(Origin::Base { epoch, .. }) => epoch,
            _ => 0,
        };
        let first = aof.manifest.incrs.first().map_or(0, |file| file.seq);
        let made = aof.incr_seq.saturating_sub(first).min(FILES_COUNTED);
        let unread = if base.is_some() && !self.config.appendonly { EPOCHS_UNREAD } else { 0 };
        (read.max(based) + made + unread + 1).min(EPOCH_MAX)
    }

    /// What the replay has counted nobody has asked for.
    pub(crate) fn restore_statistics(&mut self) {
        let Some(recovery) = &mut self.recovery else { return };
        // What the replay has handed out to be freed is still on its way.
        let pending = self.stats.lazyfree_pending_objects;
        (self.stats, self.command_stats) = core::mem::take(&mut recovery.before);
        self.stats.lazyfree_pending_objects = pending;
        recovery.client = None;
        self.persist.keys_loaded = recovery.progress.keys;
    }

    /// Ends the recovery: clients are served from now on. None waits: whoever spoke was answered.
    pub(crate) fn serve_loaded(&mut self) {
        self.recovery = None;
    }

    /// The log that the recovery began is there, or could not be made.
    pub(crate) fn log_has_begun(&mut self, outcome: Result<(), &str>) {
        let is_waiting = |recovery: &Recovery| matches!(recovery.stage, Some(Stage::BeginLog));
        if !self.recovery.as_deref().is_some_and(is_waiting) {
            return;
        }
        match outcome {
            Ok(()) => self.serve_loaded(),
            Err(words) => {
                let why = format!("Can't begin the append only file: {words}");
                self.refuse_to_start(&why);
            }
        }
    }
}

fn listed(result: IoResult) -> Result<Vec<FileEntry>, String> {
    match result {
        IoResult::Files(files) => Ok(files),
        IoResult::Failed(error) if error.kind == IoErrorKind::NotFound => Ok(Vec::new()),
        IoResult::Failed(error) => Err(format!("Can't list a directory: {}", error.words)),
        other => Err(format!("A directory cannot be listed as {other:?}")),
    }
}
