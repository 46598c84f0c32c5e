//! Snapshots to files, on a thread of their own.
//!
//! Encoding and writing a snapshot takes seconds to minutes, and nothing else may wait for that.
//! Pieces are gathered into large writes. If asked to, what was written is made durable every so
//! often: otherwise the system would collect gigabytes and then write them all at once, and every
//! other sync of the disk would wait behind them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use seedis_core::IoResult;
use seedis_core::io::{IoError, IoErrorKind};
use seedis_core::rdb::save::Save;

use super::failed;
use super::files::OpenFile;

/// Bytes of a write, at least.
const WRITE_BYTES: usize = 256 * 1024;

/// Bytes between two syncs.
const SYNC_BYTES: u64 = 32 * 1024 * 1024;

/// The content of a file, piece by piece.
pub(crate) trait Pieces: Send {
    /// The next bytes; `None` at the end.
    fn next_piece(&mut self) -> Option<Vec<u8>>;

    /// Keys that are in the pieces so far.
    fn keys_done(&self) -> u64;
}

impl Pieces for Save {
    fn next_piece(&mut self) -> Option<Vec<u8>> {
        Self::next_piece(self)
    }

    fn keys_done(&self) -> u64 {
        Self::keys_done(self)
    }
}

/// A snapshot that is to be written.
pub(super) struct Order {
    pub(super) file: Arc<OpenFile>,
    pub(super) pieces: Box<dyn Pieces>,
    pub(super) sync_often: bool,
    /// Nobody wants it any more.
    pub(super) is_cancelled: Arc<AtomicBool>,
    /// Where to tell how many keys are written.
    pub(super) keys_done: Arc<AtomicU64>,
}

impl Order {
    pub(super) fn perform(&mut self) -> IoResult {
        let mut writer = Writer::new(&self.file, self.sync_often);
        while let Some(piece) = self.pieces.next_piece() {
            if self.is_cancelled.load(Ordering::Relaxed) {
                return cancelled();
            }
            if let Err(error) = writer.add(&piece) {
                return failed(error);
            }
            self.keys_done.store(self.pieces.keys_done(), Ordering::Relaxed);
        }
        if self.is_cancelled.load(Ordering::Relaxed) {
            return cancelled();
        }
        writer.end().map_or_else(failed, |len| IoResult::Saved { len })
    }
}

fn cancelled() -> IoResult {
    let words = "Cancelled".into();
    IoResult::Failed(IoError { kind: IoErrorKind::Cancelled, words })
}

/// Where a snapshot has got to in its file.
struct Writer<'a> {
    file: &'a OpenFile,
    sync_often: bool,
    gathered: Vec<u8>,
    /// Bytes in the file.
    len: u64,
    /// Of these, those that were made durable.
    synced: u64,
}

impl<'a> Writer<'a> {
    fn new(file: &'a OpenFile, sync_often: bool) -> Self {
        Self { file, sync_often, gathered: Vec::new(), len: 0, synced: 0 }
    }

    fn add(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.gathered.is_empty() && piece.len() >= WRITE_BYTES {
            return self.write(piece);
        }
        self.gathered.extend_from_slice(piece);
        if self.gathered.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut gathered = std::mem::take(&mut self.gathered);
        self.write(&gathered)?;
        gathered.clear();
        self.gathered = gathered;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(self.len, bytes)?;
        self.len += bytes.len() as u64;
        if self.sync_often && self.len - self.synced >= SYNC_BYTES {
            self.file.sync()?;
            self.synced = self.len;
        }
        Ok(())
    }

    /// Writes what is left and makes all of it durable; returns the length of the file.
    fn end(mut self) -> io::Result<u64> {
        self.flush()?;
        self.file.sync()?;
        Ok(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Count, Place};
    use super::*;
    use seedis_core::io::OpenMode;

    fn order(place: &Place, pieces: Count) -> Order {
        let file = OpenFile::open(&place.path("dump"), OpenMode::Create).unwrap();
        Order {
            file: Arc::new(file),
            pieces: Box::new(pieces),
            sync_often: true,
            is_cancelled: Arc::default(),
            keys_done: Arc::default(),
        }
    }

    #[test]
    fn pieces_of_any_length_become_the_file() {
        let place = Place::new("pieces");
        for (pieces, bytes) in [(0, 0), (1, 0), (3, 5), (100_000, 7), (3, 300_000), (9, 8 << 20)] {
            let saved = order(&place, Count { pieces, bytes }).perform();
            let expected: Vec<u8> =
                (1..=pieces).rev().flat_map(|piece| vec![piece as u8; bytes]).collect();
            let IoResult::Saved { len } = saved else { panic!("{saved:?}") };
            assert_eq!(len, expected.len() as u64);
            assert!(std::fs::read(place.path("dump")).unwrap() == expected, "{pieces} {bytes}");
        }
    }

    #[test]
    fn a_full_disk_ends_a_save() {
        let place = Place::new("full-save");
        std::os::unix::fs::symlink("/dev/full", place.path("dump")).unwrap();
        let saved = order(&place, Count { pieces: 2, bytes: 1_000_000 }).perform();
        assert!(
            matches!(&saved, IoResult::Failed(error) if error.words == "No space left on device")
        );
    }
}
