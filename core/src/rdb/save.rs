//! A snapshot on its way to a file, piece by piece.
//!
//! A save is immutable data that belongs to whoever writes it, on any thread: it shares pages with
//! the keyspace, which copies what it changes meanwhile. Each segment is let go of as soon as its
//! bytes are made, so that memory comes back as the file grows.

use alloc::vec::Vec;

/// What is to be written to a file.
#[derive(Debug)]
pub struct Save {
    pieces: Vec<Vec<u8>>,
}

impl Save {
    /// The next bytes of the file; `None` at its end.
    pub fn next_piece(&mut self) -> Option<Vec<u8>> {
        self.pieces.pop()
    }
}
