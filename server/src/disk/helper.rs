//! What two of the threads do: file work that may block, and freeing what takes long.
//!
//! After much was freed the allocator is told to give pages back to the system. It does so by
//! itself only at the end of its heap, where a few keys that stayed are enough to keep all of it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use seedis_core::IoResult;
use seedis_core::io::{Dir, FileId, Garbage, Name, OpenMode};

use super::files::{OpenFile, Places};
use super::{Outcome, failed, free_unless};
use crate::system;

/// Freed bytes that are worth looking for pages to give back.
const TRIM_BYTES: usize = 64 * 1024 * 1024;

/// File work, with all that it needs.
#[derive(Debug)]
pub(super) enum Job {
    Read(Name),
    Replace(Name, Vec<u8>),
    List(Dir),
    MakeDir(Dir),
    SyncDir(Dir),
    Rename(Name, Name),
    Unlink(Name),
    Open(FileId, Name, OpenMode),
    Close(Arc<OpenFile>),
    ReadAt(Arc<OpenFile>, u64, usize),
    Truncate(Arc<OpenFile>, u64),
}

impl Job {
    pub(super) fn perform(self, places: &Places) -> Outcome {
        let done = match self {
            Self::Open(id, name, mode) => return open(places, id, &name, mode),
            Self::Read(name) => places.read(&name).map(IoResult::Bytes),
            Self::Replace(name, bytes) => places.replace(&name, &bytes).map(|()| IoResult::Done),
            Self::List(dir) => places.list(dir).map(IoResult::Files),
            Self::MakeDir(dir) => places.make_dir(dir).map(|()| IoResult::Done),
            Self::SyncDir(dir) => places.sync_dir(dir).map(|()| IoResult::Done),
            Self::Rename(from, to) => places.rename(&from, &to).map(|()| IoResult::Done),
            Self::Unlink(name) => places.unlink(&name).map(|()| IoResult::Done),
            Self::Close(file) => {
                drop(file);
                Ok(IoResult::Done)
            }
            Self::ReadAt(file, at, len) => file.read_at(at, len).map(IoResult::Bytes),
            Self::Truncate(file, len) => file.truncate(len).map(|()| IoResult::Done),
        };
        done.unwrap_or_else(failed).into()
    }
}

fn open(places: &Places, id: FileId, name: &Name, mode: OpenMode) -> Outcome {
    let path = places.file(name);
    let opened = path.and_then(|path| OpenFile::open(&path, mode));
    match opened.and_then(|file| Ok((file.len()?, file))) {
        Ok((len, file)) => Outcome { result: IoResult::Opened { len }, opened: Some((id, file)) },
        Err(error) => failed(error).into(),
    }
}

/// Frees what nobody needs any more.
#[derive(Debug)]
pub(super) struct Freer {
    is_leaving: Arc<AtomicBool>,
    /// Bytes freed since pages were given back.
    freed_bytes: usize,
}

impl Freer {
    pub(super) fn new(is_leaving: Arc<AtomicBool>) -> Self {
        Self { is_leaving, freed_bytes: 0 }
    }

    pub(super) fn free(&mut self, garbage: Garbage) -> IoResult {
        self.freed_bytes += garbage.bytes();
        free_unless(&self.is_leaving, garbage);
        if self.freed_bytes >= TRIM_BYTES {
            system::give_memory_back();
            self.freed_bytes = 0;
        }
        IoResult::Done
    }
}
