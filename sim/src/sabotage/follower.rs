//! The batches that pass in writes to the log.
//!
//! A batch tells its LSN only where a file or a process begins, and a write that fell short goes on
//! in the middle of one; so whoever wants to read what passes has to follow each file from the
//! start.

use std::collections::BTreeMap;

use seedis_core::io::FileId;

use super::log_text::{Batch, batches_from};

/// How far each file was followed: the offset, and the LSN there.
#[derive(Debug, Default)]
pub(super) struct Follower {
    files: BTreeMap<FileId, (u64, Option<u64>)>,
}

impl Follower {
    /// The batches that a write at `at` brings that were not seen before.
    pub(super) fn follow(&mut self, file: FileId, at: u64, bytes: &[u8]) -> Vec<Batch> {
        let (known_to, lsn) = *self.files.entry(file).or_insert((at, None));
        let Some(skipped) = known_to.checked_sub(at) else { return Vec::new() };
        let new = bytes.get(skipped as usize..).unwrap_or_default();
        let found = batches_from(new, lsn);
        if let Some(last) = found.last() {
            self.files.insert(file, (known_to + last.place.end as u64, Some(last.end_lsn())));
        }
        found
    }

    pub(super) fn forget(&mut self) {
        self.files.clear();
    }
}
