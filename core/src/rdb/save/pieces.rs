//! Bytes collected to pieces of a good size for a write.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;

/// A piece is full when it has this many bytes.
const FULL_BYTES: usize = 128 * 1024;

/// A string of this length or more is not copied into a piece but makes pieces of its own.
pub(super) const LARGE_BYTES: usize = 64 * 1024;

/// Room for the last entry of a piece beside a string that is not large; a longer key makes the
/// piece grow.
const ROOM_BYTES: usize = FULL_BYTES + LARGE_BYTES + 1024;

/// Bytes of a piece of a large string.
const PART_BYTES: usize = 256 * 1024;

/// What is encoded and not yet taken.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// The piece in the making.
    pub(super) bytes: Vec<u8>,
    /// Before it: pieces and large strings.
    ready: VecDeque<Bytes>,
}

impl Pieces {
    /// Whether something may be taken.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether enough is there to take it first.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES || self.is_ready()
    }

    /// Makes room for a whole piece.
    pub(super) fn prepare(&mut self) {
        if self.bytes.capacity() < ROOM_BYTES {
            self.bytes.reserve_exact(ROOM_BYTES);
        }
    }

    /// Appends a large string by reference count.
    pub(super) fn large(&mut self, bytes: Bytes) {
        self.flush();
        self.ready.push_back(bytes);
    }

    /// Makes the piece ready as it is.
    pub(super) fn flush(&mut self) {
        if !self.bytes.is_empty() {
            self.ready.push_back(core::mem::take(&mut self.bytes).into());
        }
    }

    /// Makes the piece ready if it is full; what follows a large string goes on.
    pub(super) fn flush_full(&mut self) {
        if self.bytes.len() >= FULL_BYTES {
            self.flush();
        }
    }

    /// The next piece, or a part of a large string.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        let mut piece = self.ready.pop_front()?;
        if piece.len() <= ROOM_BYTES.max(PART_BYTES) {
            return Some(piece.into());
        }
        let part = piece.split_to(PART_BYTES).to_vec();
        self.ready.push_front(piece);
        Some(part)
    }
}
