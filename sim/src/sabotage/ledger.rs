//! What a saboteur remembers of a life: which open file is what, and which request was about what.

use std::collections::BTreeMap;

use seedis_core::io::{Dir, FileId, Name, OpenMode};
use seedis_core::{IoReq, Ticket};

/// Files and requests of a life.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    files: BTreeMap<FileId, Name>,
    newest_log: Option<FileId>,
    asked: BTreeMap<Ticket, Asked>,
    /// The core has written to the log in this life.
    pub(super) has_written: bool,
}

/// What a request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Sync(FileId),
    Write { file: FileId, at: u64, from: usize, len: usize },
    Truncate,
    ReadAt(FileId),
    ReadManifest,
    List,
    Rename,
    Unlink,
    Replace,
    Save(FileId),
    Other,
}

impl Ledger {
    /// The core asks for this.
    pub(super) fn note(&mut self, ticket: Ticket, request: &IoReq) {
        let asked = match request {
            IoReq::Open { file, name, mode } => {
                self.files.insert(*file, name.clone());
                if *mode != OpenMode::Read && is_incr(name) {
                    self.newest_log = Some(*file);
                }
                Asked::Other
            }
            IoReq::Sync { file } => Asked::Sync(*file),
            IoReq::WriteAt { file, at, bytes, from } => {
                self.has_written = true;
                Asked::Write { file: *file, at: *at, from: *from, len: bytes.len() - from }
            }
            IoReq::Truncate { .. } => Asked::Truncate,
            IoReq::ReadAt { file, .. } => Asked::ReadAt(*file),
            IoReq::Read { .. } => Asked::ReadManifest,
            IoReq::List { .. } => Asked::List,
            IoReq::Rename { .. } => Asked::Rename,
            IoReq::Unlink { .. } => Asked::Unlink,
            IoReq::Replace { .. } => Asked::Replace,
            IoReq::Save { file, .. } => Asked::Save(*file),
            _ => Asked::Other,
        };
        self.asked.insert(ticket, asked);
    }

    /// What a request was that is over now.
    pub(super) fn over(&mut self, ticket: Ticket) -> Option<Asked> {
        self.asked.remove(&ticket)
    }

    /// What a request is.
    pub(super) fn asked(&self, ticket: Ticket) -> Option<Asked> {
        self.asked.get(&ticket).copied()
    }

    pub(super) fn name(&self, file: FileId) -> Option<&Name> {
        self.files.get(&file)
    }

    /// Whether a file is an incremental file of the log.
    pub(super) fn is_log(&self, file: FileId) -> bool {
        self.name(file).is_some_and(is_incr)
    }

    /// Whether a file is the base of a log that is being written.
    pub(super) fn is_base(&self, file: FileId) -> bool {
        matches!(self.name(file), Some(Name::In(Dir::Aof, _))) && !self.is_log(file)
    }

    /// Whether it is the one that was begun last.
    pub(super) fn is_newest_log(&self, file: FileId) -> bool {
        self.newest_log == Some(file)
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Whether this is the name of an incremental file.
pub(super) fn is_incr(name: &Name) -> bool {
    matches!(name, Name::In(Dir::Aof, name) if name.ends_with(b".incr.aof"))
}

/// Whether this is the name of a file that is being written under another name than it will have.
pub(super) fn is_temporary(name: &Name) -> bool {
    matches!(name, Name::In(_, name) if name.starts_with(b"temp-"))
}
