//! The trace hash: 128 bits over everything that a run did.
//!
//! Two runs of one seed must agree on it, in debug and in release, on every machine. When they do
//! not, the hashes after each turn tell where they parted.

use core::hash::Hasher as _;

use seedis_core::io::{IoError, Name};
use seedis_core::{IoReq, IoResult};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// A running hash of labelled byte strings.
#[derive(Clone, Debug)]
pub struct Trace {
    hasher: SipHasher13,
    /// Notes that are not hashed yet: few long writes are faster than many short ones.
    pending: Vec<u8>,
}

const PENDING_BYTES: usize = 4096;

impl Default for Trace {
    fn default() -> Self {
        let hasher = SipHasher13::new_with_keys(0x5eed, 0x1500);
        Self { hasher, pending: Vec::with_capacity(2 * PENDING_BYTES) }
    }
}

impl Trace {
    /// Adds what happened: a label, a number and bytes, each with its length so that no two
    /// different histories look alike.
    pub fn note(&mut self, label: u8, number: u64, bytes: &[u8]) {
        if self.pending.len() > PENDING_BYTES {
            self.hasher.write(&self.pending);
            self.pending.clear();
        }
        let mut head = [label; 17];
        head[1..9].copy_from_slice(&number.to_le_bytes());
        head[9..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.pending.extend_from_slice(&head);
        self.pending.extend_from_slice(bytes);
    }

    /// Adds a request.
    pub(crate) fn request(&mut self, request: &IoReq) {
        match request {
            IoReq::Read { name } => self.name(1, name),
            IoReq::Replace { name, bytes } => {
                self.name(2, name);
                self.note(b'.', 0, bytes);
            }
            IoReq::List { dir } => self.note(3, *dir as u64, &[]),
            IoReq::MakeDir { dir } => self.note(4, *dir as u64, &[]),
            IoReq::SyncDir { dir } => self.note(5, *dir as u64, &[]),
            IoReq::Rename { from, to } => {
                self.name(6, from);
                self.name(6, to);
            }
            IoReq::Unlink { name } => self.name(7, name),
            IoReq::Open { file, name, mode } => {
                self.name(8, name);
                self.note(*mode as u8, file.0, &[]);
            }
            IoReq::Close { file } => self.note(9, file.0, &[]),
            IoReq::ReadAt { file, at, len } => {
                self.note(10, file.0, &[]);
                self.note(*len as u8, *at, &[]);
            }
            IoReq::WriteAt { file, at, bytes, from } => {
                self.note(11, file.0, &bytes[*from..]);
                self.note(b'.', *at, &[]);
            }
            IoReq::Truncate { file, len } => {
                self.note(12, file.0, &[]);
                self.note(b'.', *len, &[]);
            }
            IoReq::Sync { file } => self.note(13, file.0, &[]),
            other => self.note(14, 0, format!("{other:?}").as_bytes()),
        }
    }

    /// Adds how one ended.
    pub(crate) fn result(&mut self, result: &IoResult) {
        match result {
            IoResult::Done => self.note(1, 0, &[]),
            IoResult::Bytes(bytes) => self.note(2, 0, bytes),
            IoResult::Files(files) => {
                files.iter().for_each(|file| self.note(3, file.len, &file.name));
            }
            IoResult::Opened { len } => self.note(4, *len, &[]),
            IoResult::Written { count, bytes } => self.note(5, *count as u64, bytes),
            IoResult::Saved { len } => self.note(6, *len, &[]),
            IoResult::Failed(error) => self.error(7, error),
            IoResult::NotWritten { error, bytes } => {
                self.error(8, error);
                self.note(b'.', 0, bytes);
            }
        }
    }

    fn name(&mut self, label: u8, name: &Name) {
        match name {
            Name::Config => self.note(label, 9, &[]),
            Name::In(dir, entry) => self.note(label, *dir as u64, entry),
        }
    }

    fn error(&mut self, label: u8, error: &IoError) {
        self.note(label, error.kind as u64, error.words.as_bytes());
    }

    /// The hash of everything so far.
    #[must_use]
    pub fn hash(&self) -> u128 {
        let mut hasher = self.hasher;
        hasher.write(&self.pending);
        hasher.finish128().as_u128()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_that_differ_hash_apart() {
        let hash = |notes: &[(u8, u64, &[u8])]| {
            let mut trace = Trace::default();
            notes.iter().for_each(|note| trace.note(note.0, note.1, note.2));
            trace.hash()
        };
        let one = hash(&[(b'a', 1, b"xy")]);
        assert_eq!(one, hash(&[(b'a', 1, b"xy")]));
        for other in [&[(b'a', 1, &b"x"[..])][..], &[(b'a', 1, b"x"), (b'y', 0, b"")], &[]] {
            assert_ne!(one, hash(other));
        }
        let long = vec![7; 3 * PENDING_BYTES];
        assert_ne!(hash(&[(0, 0, &long), (1, 0, b"")]), hash(&[(0, 0, &long), (2, 0, b"")]));
    }
}
