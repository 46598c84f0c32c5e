//! SAVE and BGSAVE: the state of one moment as `dump.rdb`.
//!
//! The state is frozen between two commands and written to a temporary file by whoever carries out
//! the request, on another thread for all the core knows. When that is durable it is renamed, and
//! the save has succeeded when the new name is durable too. Nothing stops meanwhile: SAVE differs
//! from BGSAVE in that its client waits.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::Step;
use crate::command::error::CommandError;
use crate::config::LogLevel;
use crate::io::{Dir, FileId, IoError, IoReq, IoResult, Name, OpenMode, Ticket};
use crate::rdb::save::{Save, Settings};
use crate::server::Server;
use crate::server::completion::Waiter;

/// The field of a base that tells where the log goes on. Stock Redis skips fields that it does not
/// know.
pub(crate) const LSN_FIELD: &str = "seedis-lsn";

/// What a snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `dump.rdb`.
    Dump,
    /// The base of an append-only file.
    Base,
}

/// What a background save waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Save,
    Rename,
    SyncDir,
}

/// The save under way, and what became of those before.
#[derive(Debug, Default)]
pub(crate) struct BackgroundSave {
    stage: Option<Stage>,
    /// One is to begin when nothing else saves.
    pub(crate) is_scheduled: bool,
    file: Option<FileId>,
    /// What it is to be called: `dbfilename` as it was at the beginning.
    name: Vec<u8>,
    /// State that was frozen and not handed out yet, of a save or of a rewrite.
    frozen: Option<Box<Save>>,
    /// A snapshot is out, and what it is for.
    frozen_for: Option<Form>,
    /// Bytes of pages that had been copied when it was made.
    copied_bytes_at_start: u64,
    save: Option<Ticket>,
    waiters: Vec<Waiter>,
    dirty_at_start: u64,
    started_ns: u64,
    pub(crate) keys_total: usize,
    pub(crate) facts: SaveFacts,
}

/// What INFO tells of saves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SaveFacts {
    /// Of the counter of changes, those that the last save holds.
    pub(crate) dirty_saved: u64,
    /// When the last save ended well, in seconds since 1970.
    pub(crate) last_save_s: i64,
    pub(crate) last_save_ns: u64,
    pub(crate) last_failed: bool,
    pub(crate) last_try_ns: u64,
    pub(crate) last_time_s: Option<u64>,
    pub(crate) saves: u64,
    /// Bytes of pages that were copied while the last dump, or base, was written.
    pub(crate) copied_bytes_dump: u64,
    pub(crate) copied_bytes_base: u64,
}

impl BackgroundSave {
    /// Whether one is under way.
    pub(crate) fn is_running(&self) -> bool {
        self.stage.is_some()
    }

    /// Since when one runs.
    pub(crate) fn running_since_ns(&self) -> Option<u64> {
        self.stage.map(|_| self.started_ns)
    }
}

impl Server {
    /// When the last save ended well, else when the server started, in seconds since 1970.
    pub(crate) fn last_save_s(&self) -> i64 {
        match self.persist.bgsave.facts.last_save_s {
            0 => self.started.wall_ms().div_euclid(1000),
            at_s => at_s,
        }
    }

    /// Changes since the last save.
    pub(crate) fn unsaved_changes(&self) -> u64 {
        self.stats.dirty - self.persist.bgsave.facts.dirty_saved
    }

    /// Freezes the state as it is now.
    pub(crate) fn freeze(&mut self, form: Form) {
        let snapshot = self.snapshot();
        let is_base = form == Form::Base;
        let save = if is_base && !self.config.aof_use_rdb_preamble {
            Save::commands(snapshot)
        } else {
            let mut settings = Settings::of(&self.config, self.now, self.used_memory(), is_base);
            if is_base {
                settings.aux.push((LSN_FIELD.into(), self.log.lsn().to_string()));
            }
            Save::dump(snapshot, settings)
        };
        self.persist.bgsave.keys_total = save.keys_total();
        self.persist.bgsave.frozen = Some(Box::new(save));
        self.persist.bgsave.frozen_for = Some(form);
        self.persist.bgsave.copied_bytes_at_start = self.host.copied_bytes;
        // What the shell told last was of the snapshot before.
        self.host.saved_keys = 0;
    }

    /// Of the snapshot that is out: keys that are written, and bytes of pages that were copied.
    pub(crate) fn save_progress(&self) -> Option<(u64, u64)> {
        let save = &self.persist.bgsave;
        save.frozen_for?;
        let keys = self.host.saved_keys.min(save.keys_total as u64);
        Some((keys, self.host.copied_bytes.saturating_sub(save.copied_bytes_at_start)))
    }

    /// What was frozen.
    pub(crate) fn frozen(&mut self) -> Option<Box<Save>> {
        self.persist.bgsave.frozen.take()
    }

    /// The snapshot was written or given up.
    pub(crate) fn thaw(&mut self) {
        self.persist.bgsave.frozen = None;
        let copied_bytes = self.save_progress().map_or(0, |(_, copied)| copied);
        if let Some(form) = self.persist.bgsave.frozen_for.take() {
            let facts = &mut self.persist.bgsave.facts;
            match form {
                Form::Dump => facts.copied_bytes_dump = copied_bytes,
                Form::Base => facts.copied_bytes_base = copied_bytes,
            }
            self.snapshot_done();
            self.pump_aof();
        }
    }

    /// Begins a save; `waiter` is told how it ended.
    pub(crate) fn begin_save(&mut self, waiter: Option<Waiter>) {
        let dirty = self.stats.dirty;
        let file = self.persist.new_file();
        let name = self.config.dbfilename.to_vec();
        let save = &mut self.persist.bgsave;
        debug_assert!(save.stage.is_none(), "one save at a time");
        save.is_scheduled = false;
        save.started_ns = self.now.mono_ns;
        save.facts.last_try_ns = self.now.mono_ns;
        save.dirty_at_start = dirty;
        save.file = Some(file);
        save.name = name;
        save.waiters.extend(waiter);
        self.freeze(Form::Dump);
        let name = self.persist.new_temporary(Dir::Data);
        self.save_asks(Stage::Open, IoReq::Open { file, name, mode: OpenMode::Create });
        self.log_line(LogLevel::Notice, "Background saving started".into());
    }

    fn save_asks(&mut self, stage: Stage, request: IoReq) -> Ticket {
        self.persist.bgsave.stage = Some(stage);
        self.ask(request, Step::Save)
    }

    /// A step of the save has completed.
    pub(crate) fn save_step(&mut self, result: IoResult) {
        let Some(stage) = self.persist.bgsave.stage.take() else { return };
        match (stage, result) {
            (stage, IoResult::Failed(error)) => self.save_failed(stage, &error),
            (Stage::Open, _) => self.write_dump(),
            (Stage::Save, _) => {
                self.close_dump();
                let from = self.persist.temporary(Dir::Data);
                let to = Name::file(Dir::Data, &self.persist.bgsave.name);
                self.save_asks(Stage::Rename, IoReq::Rename { from, to });
            }
            (Stage::Rename, _) => {
                self.save_asks(Stage::SyncDir, IoReq::SyncDir { dir: Dir::Data });
            }
            (Stage::SyncDir, _) => self.save_succeeded(),
        }
    }

    fn write_dump(&mut self) {
        let Some(file) = self.persist.bgsave.file else { return };
        let Some(save) = self.frozen() else { return };
        let sync_often = self.config.rdb_save_incremental_fsync;
        let ticket = self.save_asks(Stage::Save, IoReq::Save { file, save, sync_often });
        self.persist.bgsave.save = Some(ticket);
    }

    fn close_dump(&mut self) {
        self.persist.bgsave.save = None;
        if let Some(file) = self.persist.bgsave.file.take() {
            self.request(IoReq::Close { file }, None);
        }
        self.thaw();
    }

    fn save_succeeded(&mut self) {
        let now = self.now;
        let save = &mut self.persist.bgsave;
        save.facts.dirty_saved = save.dirty_at_start;
        save.facts.last_save_s = now.wall_ms().div_euclid(1000);
        save.facts.last_save_ns = now.mono_ns;
        save.facts.saves += 1;
        self.save_ended(false);
        self.log_line(LogLevel::Notice, "Background saving terminated with success".into());
    }

    fn save_failed(&mut self, stage: Stage, error: &IoError) {
        if stage == Stage::Open {
            self.persist.bgsave.file = None;
        }
        self.close_dump();
        if matches!(stage, Stage::Save | Stage::Rename) {
            let name = self.persist.temporary(Dir::Data);
            self.request(IoReq::Unlink { name }, None);
        }
        self.log_line(LogLevel::Warning, format!("Background saving error: {}", error.words));
        self.save_ended(true);
    }

    fn save_ended(&mut self, has_failed: bool) {
        let now_ns = self.now.mono_ns;
        let save = &mut self.persist.bgsave;
        save.stage = None;
        save.facts.last_failed = has_failed;
        save.facts.last_time_s = Some((now_ns - save.started_ns) / 1_000_000_000);
        for waiter in core::mem::take(&mut save.waiters) {
            let error = has_failed.then_some(CommandError::Fixed("ERR"));
            self.answer(&waiter, error.map_or(Ok(()), Err));
        }
        // With `no-appendfsync-on-rewrite` nothing was synced meanwhile.
        self.pump_aof();
    }

    /// Ends the save under way, if there is one.
    pub(crate) fn cancel_save(&mut self) {
        if let Some(save) = self.persist.bgsave.save {
            self.request_cancel(save);
        }
    }

    pub(crate) fn request_cancel(&mut self, save: Ticket) {
        self.request(IoReq::Cancel { save }, None);
    }
}
