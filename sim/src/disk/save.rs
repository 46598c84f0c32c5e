//! Requests that are several system calls: a snapshot written piece by piece, and the replacement
//! of a file.

use std::fmt;

use seedis_core::io::{FileId, IoError, IoErrorKind, Name};
use seedis_core::rdb::save::Save;
use seedis_core::{IoResult, Ticket};

use super::{Disk, Fault, Job, Place, perform};

/// A snapshot on its way to a file.
pub(super) struct Saving {
    pub(super) file: FileId,
    next_piece: Box<dyn FnMut() -> Option<Vec<u8>>>,
    at: usize,
    sync_often: bool,
    is_cancelled: bool,
}

impl fmt::Debug for Saving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Saving({:?} at {})", self.file, self.at)
    }
}

impl Saving {
    pub(super) fn new(file: FileId, mut save: Box<Save>, sync_often: bool) -> Self {
        Self::of(file, Box::new(move || save.next_piece()), sync_often)
    }

    /// A save of any pieces.
    pub(super) fn of(
        file: FileId,
        next_piece: Box<dyn FnMut() -> Option<Vec<u8>>>,
        sync_often: bool,
    ) -> Self {
        Self { file, next_piece, at: 0, sync_often, is_cancelled: false }
    }
}

/// System calls of a replacement.
pub(super) const REPLACE_STEPS: u32 = 5;

impl Disk {
    /// Writes the next piece; the result when it was the last, or when that failed.
    pub(super) fn advance(&mut self, saving: &mut Saving) -> Option<IoResult> {
        match self.write_piece(saving) {
            Ok(true) => None,
            Ok(false) => Some(IoResult::Saved { len: saving.at as u64 }),
            // Whoever writes it asks again by himself.
            Err(error) if error.kind == IoErrorKind::Interrupted => None,
            Err(error) => Some(IoResult::Failed(error)),
        }
    }

    /// Returns whether there is more.
    fn write_piece(&mut self, saving: &mut Saving) -> Result<bool, IoError> {
        let inode = self.writable(saving.file);
        if saving.is_cancelled {
            let words = "Operation canceled".into();
            return Err(IoError { kind: IoErrorKind::Cancelled, words });
        }
        let everything = self.seq;
        if self.happens(Fault::WriteError) {
            return Err(perform::broken());
        }
        let Some(piece) = (saving.next_piece)() else {
            loop {
                match self.sync(inode, everything) {
                    Err(error) if error.kind == IoErrorKind::Interrupted => {}
                    ended => return ended.map(|()| false),
                }
            }
        };
        let mut written = 0;
        while written < piece.len() {
            let count = self.write_some(inode, saving.at, &piece[written..])?;
            (written, saving.at) = (written + count, saving.at + count);
        }
        if saving.sync_often && self.seq.is_multiple_of(4) {
            self.sync(inode, self.seq)?;
        }
        Ok(true)
    }

    /// A crash comes while a piece is written; `amount` says how many bytes of so many are.
    pub(super) fn tear(&mut self, saving: &mut Saving, amount: impl FnOnce(usize) -> usize) {
        let inode = self.writable(saving.file);
        if let Some(piece) = (saving.next_piece)()
            && !piece.is_empty()
        {
            let count = amount(piece.len()).min(piece.len());
            // Full: then nothing of it was written.
            let _ = self.write_some(inode, saving.at, &piece[..count]);
        }
    }

    /// Ends a save at its next piece, if it has not ended.
    pub(super) fn cancel(&mut self, save: Ticket) {
        for waiting in &mut self.outstanding {
            if let Job::Save(saving) = &mut waiting.job
                && waiting.ticket == save
            {
                saving.is_cancelled = true;
            }
        }
    }

    /// Replaces a file; when that fails before the rename, nothing is left of it.
    pub(super) fn replace(&mut self, name: &Name, bytes: &[u8]) -> Result<IoResult, IoError> {
        let place = self.place(name).ok_or_else(perform::not_found)?;
        let temporary = self.temporary(&place);
        let replaced = self.replace_steps(&place, &temporary, bytes, REPLACE_STEPS);
        if replaced.is_err() {
            // It may never have been, or have its new name.
            let _ = self.unlink_now(&temporary);
        }
        replaced.map(|()| IoResult::Done)
    }

    /// A crash comes in the middle.
    pub(super) fn replace_partly(&mut self, name: &Name, bytes: &[u8], steps: u32) {
        let Some(place) = self.place(name) else { return };
        let temporary = self.temporary(&place);
        // A disk that is full ends it earlier.
        let _ = self.replace_steps(&place, &temporary, bytes, steps);
    }

    fn replace_steps(
        &mut self,
        place: &Place,
        temporary: &Place,
        bytes: &[u8],
        steps: u32,
    ) -> Result<(), IoError> {
        for step in 0..steps {
            self.may_fail(if step == 1 { Fault::WriteError } else { Fault::EntryError })?;
            match step {
                0 => drop(self.create(temporary)),
                1 => self.write_whole(temporary, bytes)?,
                2 => {
                    let inode = self.at(temporary).ok_or_else(perform::not_found)?;
                    self.sync(inode, self.seq)?;
                }
                3 => self.rename_now(temporary, place)?,
                _ => self.commit_entries(place.0, self.seq),
            }
        }
        Ok(())
    }

    fn write_whole(&mut self, place: &Place, bytes: &[u8]) -> Result<(), IoError> {
        let inode = self.at(place).ok_or_else(perform::not_found)?;
        let mut written = 0;
        while written < bytes.len() {
            written += self.write_some(inode, written, &bytes[written..])?;
        }
        Ok(())
    }

    /// Named after the process, so that what a crash leaves is in nobody's way.
    fn temporary(&self, (dir, entry): &Place) -> Place {
        (*dir, [entry, format!(".{}.tmp", self.lives).as_bytes()].concat().into())
    }
}
