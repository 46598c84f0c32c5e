//! The disk against naive statements of its rules, over many seeds and every file system.

mod content;
mod entries;
mod requests;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::io::{Dir, FileId, Name, OpenMode};
use seedis_core::{IoReq, IoResult, Ticket};

use crate::decisions::Decisions;

use super::{Disk, Faults, Personality};

pub(super) const FILE: FileId = FileId(1);

/// A disk with someone to ask it things.
pub(super) struct Bench {
    pub(super) disk: Disk,
    pub(super) now_ns: u64,
    tickets: u64,
}

impl Bench {
    pub(super) fn new(personality: Personality, faults: Faults, rng: &mut ChaCha8Rng) -> Self {
        let decisions = Decisions::of_seed(rng.random());
        Self { disk: Disk::new(personality, faults, decisions), now_ns: 0, tickets: 0 }
    }

    pub(super) fn ask(&mut self, request: IoReq) -> Ticket {
        self.tickets += 1;
        self.disk.ask(Ticket(self.tickets), request, self.now_ns);
        Ticket(self.tickets)
    }

    /// Lets time pass; the next completion, if one is due then.
    pub(super) fn wait(&mut self, ns: u64) -> Option<(Ticket, IoResult)> {
        self.now_ns += ns;
        self.disk.completed(self.now_ns)
    }

    /// Asks and waits for the completion.
    pub(super) fn done(&mut self, request: IoReq) -> IoResult {
        let ticket = self.ask(request);
        let (completed, result) = self.wait(1 << 40).expect("everything is due by now");
        assert_eq!(completed, ticket);
        result
    }

    pub(super) fn create(&mut self, file: FileId, name: &Name) {
        let request = IoReq::Open { file, name: name.clone(), mode: OpenMode::CreateNew };
        assert!(matches!(self.done(request), IoResult::Opened { len: 0 }));
    }

    pub(super) fn write(&mut self, file: FileId, at: u64, bytes: &[u8]) -> IoResult {
        self.done(IoReq::WriteAt { file, at, bytes: bytes.to_vec(), from: 0 })
    }

    pub(super) fn sync_dir(&mut self, dir: Dir) {
        assert!(matches!(self.done(IoReq::SyncDir { dir }), IoResult::Done));
    }
}

pub(super) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub(super) fn data(name: &str) -> Name {
    Name::file(Dir::Data, name.as_bytes())
}
