//! The line that a life begins with, when the disk was full at its start.
//!
//! A start writes a line that tells its epoch, durably, before anything is served. On a full disk
//! it serves all the same, and the line is still to be written: before the first batch, by itself,
//! and durable before anything else is written to any file of the log. For if it were lost with the
//! batches behind it, the next life would take the same epoch, and what this one had written would
//! be believed where a file system shows old blocks.
//!
//! Nobody but the first file is looked at: it is the one in which the log ended at the start, so
//! the line is read by whoever reads the log. If a base becomes durable first, its manifest tells
//! the epoch, and the line is not needed. After a failed sync only that helps.

use alloc::vec::Vec;

use super::aof::Aof;
use super::incr::Writing;
use crate::io::FileId;
use crate::log::frame;
use crate::server::Server;

/// Whether the line that this life begins with is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FirstLine {
    /// Yes, or the log has not begun.
    #[default]
    Durable,
    /// It is to be written before the first batch.
    Missing,
    /// It is being written, and ends here in the file.
    Written { to: u64 },
    /// It is written and is being synced.
    Syncing,
}

impl Aof {
    /// A sync of a file has ended well.
    pub(crate) fn first_line_synced(&mut self, id: FileId) {
        let is_it = |file: &super::incr::Incr| file.id == id && !file.is_distrusted;
        if self.first_line == FirstLine::Syncing && self.files.front().is_some_and(is_it) {
            self.first_line = FirstLine::Durable;
        }
    }

    /// Puts the line before what waits in the first file, if anything waits at all.
    fn queue_first_line(&mut self) {
        let is_wanted = self.files.iter().any(|file| !file.queue.is_empty());
        let epoch = self.framing.epoch;
        let Some(file) = self.files.front_mut().filter(|_| is_wanted) else { return };
        let mut line = Vec::new();
        let end_lsn = file.written_lsn;
        frame::write_lsn(&mut line, end_lsn, epoch);
        self.first_line = FirstLine::Written { to: file.len + line.len() as u64 };
        file.put_back(line, Writing { from: 0, end_lsn });
    }
}

impl Server {
    /// Does the next thing for the line.
    pub(crate) fn pump_first_line(&mut self) {
        let aof = &mut self.persist.aof;
        if aof.first_line == FirstLine::Missing {
            aof.queue_first_line();
        }
        let Some(file) = aof.files.front_mut() else { return };
        match aof.first_line {
            FirstLine::Durable | FirstLine::Missing => {}
            FirstLine::Written { to } if file.len < to => {
                if aof.retry_ns.is_none()
                    && let Some(line) = file.next_write_of_line()
                {
                    self.ask_to_write(0, line);
                }
            }
            FirstLine::Written { .. } | FirstLine::Syncing => {
                let may_sync = !file.is_distrusted && file.syncs() == 0;
                aof.first_line = FirstLine::Syncing;
                if may_sync {
                    self.sync_file(0);
                }
            }
        }
    }
}
