//! The batches that pass in writes to the log.
//!
//! A batch tells its LSN only where a file or a process begins, and a write that fell short goes on
//! in the middle of one; so whoever wants to read what passes has to follow each file from the
//! start.

use std::collections::BTreeMap;

use seedis_core::io::FileId;

use super::log_text::{At, Batch, part};

/// How far each file was followed: the offset, and the place in the log there.
#[derive(Debug, Default)]
pub(super) struct Follower {
    files: BTreeMap<FileId, (u64, Option<At>)>,
}

impl Follower {
    /// The batches that a write at `at` brings that were not seen before.
    pub(super) fn follow(&mut self, file: FileId, at: u64, bytes: &[u8]) -> Vec<Batch> {
        let (known_to, place) = *self.files.entry(file).or_insert((at, None));
        let Some(skipped) = known_to.checked_sub(at) else { return Vec::new() };
        let new = bytes.get(skipped as usize..).unwrap_or_default();
        let found = part(new, place);
        self.files.insert(file, (known_to + found.len as u64, found.end));
        found.batches
    }

    pub(super) fn forget(&mut self) {
        self.files.clear();
    }
}
