//! A running hash of what the core puts out, cheap enough for every turn of a server.
//!
//! Eight bytes a step, by multiplication: it is to find defects, not to withstand anybody. A single
//! difference in what is noted always changes it, since each step can be undone. What is noted are
//! the replies that sockets took, what became of fed bytes, and all requests to the shell with the
//! bytes that are to be written; not the configuration file, which may hold secrets.

use crate::io::{Dir, IoReq, Name, OpenMode, Ticket};
use crate::turn::{ConnId, Effects, Fed, Flow};

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(FACTOR)
    }
}

impl Fingerprint {
    /// The hash of everything noted.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    /// Notes what became of fed bytes.
    #[inline]
    pub fn fed(&mut self, conn: ConnId, fed: Fed) {
        let flow = match fed.flow {
            Flow::Open => 0,
            Flow::More => 1,
            Flow::Paused => 2,
            Flow::Closed => 3,
        };
        self.number(u64::from(conn.slot) << 2 | flow);
        self.number(fed.consumed as u64);
    }

    /// Notes the first `count` bytes that `effects` has for a connection, which the socket took.
    /// Returns whether there are so many.
    #[inline]
    pub fn sent(&mut self, effects: &Effects<'_>, conn: ConnId, count: usize) -> bool {
        let mut left = count;
        self.number(u64::from(conn.slot));
        for chunk in effects.tx(conn) {
            let chunk = &chunk[..chunk.len().min(left)];
            self.bytes(chunk);
            left -= chunk.len();
            if left == 0 {
                break;
            }
        }
        left == 0
    }

    /// Notes a request to the shell.
    pub fn request(&mut self, ticket: Ticket, request: &IoReq) {
        self.number(ticket.0);
        match request {
            IoReq::Read { name } => self.named(1, name),
            IoReq::Replace { name, bytes } => {
                self.named(2, name);
                self.bytes(if *name == Name::Config { &[] } else { bytes });
            }
            IoReq::List { dir } => self.placed(3, *dir),
            IoReq::MakeDir { dir } => self.placed(4, *dir),
            IoReq::SyncDir { dir } => self.placed(5, *dir),
            IoReq::Rename { from, to } => {
                self.named(6, from);
                self.named(6, to);
            }
            IoReq::Unlink { name } => self.named(7, name),
            IoReq::Open { file, name, mode } => {
                self.named(8, name);
                self.numbers([file.0, mode_number(*mode)]);
            }
            IoReq::Close { file } => self.numbers([9, file.0]),
            IoReq::ReadAt { file, at, len } => self.numbers([10, file.0, *at, *len as u64]),
            IoReq::WriteAt { file, at, bytes, from } => {
                self.numbers([11, file.0, *at]);
                self.bytes(bytes.get(*from..).unwrap_or_default());
            }
            IoReq::Truncate { file, len } => self.numbers([12, file.0, *len]),
            IoReq::Sync { file } => self.numbers([13, file.0]),
            IoReq::Save { file, sync_often, .. } => {
                self.numbers([14, file.0, u64::from(*sync_often)]);
            }
            IoReq::Cancel { save } => self.numbers([15, save.0]),
            IoReq::Listen { bind, port } => {
                self.numbers([16, u64::from(*port)]);
                bind.iter().for_each(|address| self.bytes(address.as_bytes()));
            }
            IoReq::ChangeDir { path } => {
                self.number(17);
                self.bytes(path);
            }
            IoReq::AllowClients { count } => self.numbers([18, u64::from(*count)]),
            IoReq::Drop(_) => self.number(19),
        }
    }

    #[inline]
    fn number(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(FACTOR);
    }

    fn numbers<const N: usize>(&mut self, numbers: [u64; N]) {
        numbers.into_iter().for_each(|number| self.number(number));
    }

    /// The length goes in with the rest, so that bytes do not run together.
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.number(u64::from_le_bytes(last));
        self.number(bytes.len() as u64);
    }

    fn named(&mut self, what: u64, name: &Name) {
        match name {
            Name::Config => self.number(what << 8),
            Name::In(dir, name) => {
                self.placed(what, *dir);
                self.bytes(name);
            }
        }
    }

    fn placed(&mut self, what: u64, dir: Dir) {
        let dir = match dir {
            Dir::Data => 1,
            Dir::Aof => 2,
        };
        self.number(what << 8 | dir);
    }
}

fn mode_number(mode: OpenMode) -> u64 {
    match mode {
        OpenMode::Read => 0,
        OpenMode::Write => 1,
        OpenMode::Create => 2,
        OpenMode::CreateNew => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn of(parts: &[&[u8]]) -> u64 {
        let mut print = Fingerprint::default();
        parts.iter().for_each(|part| print.bytes(part));
        print.value()
    }

    #[test]
    fn every_byte_and_every_border_counts() {
        let text: Vec<u8> = (0..40).collect();
        for at in 0..text.len() {
            let mut other = text.clone();
            other[at] ^= 1;
            assert_ne!(of(&[&text]), of(&[&other]), "{at}");
            assert_ne!(of(&[&text]), of(&[&text[..at], &text[at..]]), "{at}");
            assert_ne!(of(&[&text]), of(&[&text[..at]]), "{at}");
        }
    }

    #[test]
    fn what_is_written_to_the_log_counts_and_the_configuration_does_not() {
        let write = |byte: u8| IoReq::WriteAt {
            file: crate::io::FileId(1),
            at: 0,
            bytes: alloc::vec![0, byte],
            from: 1,
        };
        let replace = |name: Name, byte: u8| IoReq::Replace { name, bytes: alloc::vec![byte] };
        let print = |request: &IoReq| {
            let mut print = Fingerprint::default();
            print.request(Ticket(1), request);
            print
        };
        assert_ne!(print(&write(1)), print(&write(2)));
        assert_eq!(print(&replace(Name::Config, 1)), print(&replace(Name::Config, 2)));
        let file = || Name::file(Dir::Aof, b"x");
        assert_ne!(print(&replace(file(), 1)), print(&replace(file(), 2)));
    }
}
