//! A server on a disk that does as it is told: it reads in small pieces, and one write may fail.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::io::{Dir, FileId, IoError, IoErrorKind, Name};
use seedis_core::{Config, ConnId, Core, IoReq, IoResult, Now, Peer, Ticket};

use crate::commands;
use crate::decisions::Decisions;
use crate::disk::{Crash, Disk, Faults, STRICT};
use crate::finding::Invariant::L1;
use crate::finding::check;
use crate::script::{Script, Setup};

/// Turns after which everything must be done.
const TURNS_MAX: u32 = 3000;

const CLIENT: ConnId = ConnId { slot: 1, generation: 0 };

/// What becomes of the first write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// A signal comes first.
    Interrupted,
    /// Only a part of it is done.
    Short,
    /// There is no room, until the server serves.
    Full,
}

/// A server.
pub(super) struct Server {
    pub(super) core: Core,
    pub(super) disk: Disk,
    pub(super) lines: Vec<String>,
    pub(super) exit: Option<i32>,
    /// Files that it has made durable, as it called them, and directories.
    pub(super) synced: BTreeSet<Name>,
    pub(super) synced_dirs: BTreeSet<Dir>,
    /// Files that it has removed.
    pub(super) removed: BTreeSet<Name>,
    open: BTreeMap<FileId, Name>,
    now: Now,
    is_connected: bool,
    /// Bytes of the first reads.
    pieces: Vec<usize>,
    trouble: Trouble,
    failed: Vec<(Ticket, IoResult)>,
}

/// A disk with these files.
pub(super) fn disk_of(files: &BTreeMap<Name, Vec<u8>>) -> Disk {
    let script = Script { setup: Setup::calm(), steps: Vec::new() };
    let mut disk = Disk::new(STRICT, Faults::none(), Decisions::of_script(script));
    files.iter().for_each(|(name, bytes)| disk.put(name, bytes.clone()));
    disk
}

fn peer() -> Peer {
    Peer {
        addr: "10.0.0.1:4000".into(),
        laddr: "10.0.0.99:6379".into(),
        is_local: true,
        is_unix: false,
        fd: 8,
    }
}

impl Server {
    /// One that begins with what is on the disk.
    pub(super) fn new(config: Config, disk: Disk, trouble: Trouble, rng: &mut ChaCha8Rng) -> Self {
        let mut core = commands::server(config, rng.random());
        core.keep_log();
        core.recover();
        let small = *[1, 5, 6, 7, 100, 10_000].choose(rng).unwrap_or(&1);
        let pieces = (0..4).map(|_| rng.random_range(1..=small)).collect();
        Self {
            core,
            disk,
            lines: Vec::new(),
            exit: None,
            synced: BTreeSet::new(),
            synced_dirs: BTreeSet::new(),
            removed: BTreeSet::new(),
            open: BTreeMap::new(),
            now: Now { mono_ns: 1_000_000_000, wall_us: 1_000_000 },
            is_connected: false,
            pieces,
            trouble,
            failed: Vec::new(),
        }
    }

    /// Reads what there is, until it serves or ends.
    pub(super) fn start(&mut self) {
        self.until("it neither serves nor ends", |it| !it.core.is_loading() || it.exit.is_some());
    }

    /// Goes on until something is so.
    pub(super) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..TURNS_MAX {
            if is_so(self) {
                return;
            }
            self.turn(b"");
        }
        check(false, L1, || format!("{what}: {:?}", self.lines));
    }

    /// Does what is left to do.
    pub(super) fn rest(&mut self) {
        self.until("it does not come to rest", |it| it.disk.pending() == 0);
    }

    /// A turn in which a client says this; gives what was logged and what was replied.
    pub(super) fn turn(&mut self, said: &[u8]) -> (Vec<u8>, Vec<u8>) {
        self.now = Now { mono_ns: self.now.mono_ns + 1_000_000, wall_us: self.now.wall_us + 1000 };
        let Self { core, disk, now, .. } = self;
        let mut turn = core.turn(*now);
        self.failed.drain(..).for_each(|(ticket, result)| turn.done(ticket, result));
        while let Some((ticket, result)) = disk.completed(now.mono_ns) {
            turn.done(ticket, result);
        }
        if !said.is_empty() {
            if !std::mem::replace(&mut self.is_connected, true) {
                turn.accept(CLIENT, peer());
            }
            turn.feed(CLIENT, said);
        }
        let mut effects = turn.seal();
        let mut replies = Vec::new();
        if !said.is_empty() {
            effects.tx(CLIENT).for_each(|chunk| replies.extend_from_slice(chunk));
            effects.sent(CLIENT, replies.len());
        }
        let mut asked = Vec::new();
        asked.extend(std::iter::from_fn(|| effects.io()));
        self.lines.extend(std::iter::from_fn(|| effects.log_line()).map(|(_, line)| line));
        let exit = effects.exit();
        self.exit = self.exit.or_else(|| exit.map(|exit| exit.code));
        for (ticket, request) in asked {
            self.ask(ticket, request);
        }
        (self.core.take_log(), replies)
    }

    fn ask(&mut self, ticket: Ticket, request: IoReq) {
        self.note(&request);
        let is_loading = self.core.is_loading();
        let request = match request {
            IoReq::ReadAt { file, at, len } => {
                let len = self.pieces.pop().unwrap_or(len).min(len);
                IoReq::ReadAt { file, at, len }
            }
            IoReq::WriteAt { bytes, .. } if self.trouble == Trouble::Full && is_loading => {
                let error = IoError::other("No space left on device");
                return self.failed.push((ticket, IoResult::NotWritten { error, bytes }));
            }
            IoReq::WriteAt { bytes, .. } if self.trouble == Trouble::Interrupted => {
                self.trouble = Trouble::None;
                let (kind, words) = (IoErrorKind::Interrupted, "Interrupted".into());
                let error = IoError { kind, words };
                return self.failed.push((ticket, IoResult::NotWritten { error, bytes }));
            }
            IoReq::WriteAt { bytes, file, at, from } if self.trouble == Trouble::Short => {
                self.trouble = Trouble::None;
                let half = bytes[from..from + (bytes.len() - from) / 2].to_vec();
                let count = half.len();
                self.disk.ask(
                    Ticket(u64::MAX),
                    IoReq::WriteAt { file, at, bytes: half, from: 0 },
                    0,
                );
                while self.disk.completed(self.now.mono_ns).is_some() {}
                return self.failed.push((ticket, IoResult::Written { count, bytes }));
            }
            IoReq::Drop(garbage) => {
                drop(garbage);
                return self.failed.push((ticket, IoResult::Done));
            }
            request => request,
        };
        self.disk.ask(ticket, request, self.now.mono_ns);
    }

    fn note(&mut self, request: &IoReq) {
        match request {
            IoReq::Open { file, name, .. } => {
                self.open.insert(*file, name.clone());
            }
            IoReq::Sync { file } => self.synced.extend(self.open.get(file).cloned()),
            IoReq::SyncDir { dir } => {
                self.synced_dirs.insert(*dir);
            }
            IoReq::Unlink { name } => {
                self.removed.insert(name.clone());
            }
            _ => {}
        }
    }

    /// The process ends, and another begins with what is there.
    pub(super) fn again(mut self, rng: &mut ChaCha8Rng) -> Self {
        self.rest();
        let config = self.core.config().clone();
        Self::new(config, self.disk.crash(Crash::Process), Trouble::None, rng)
    }

    /// What INFO tells by this name.
    pub(super) fn told(&mut self, name: &str) -> Option<u64> {
        let (_, text) = self.turn(b"INFO persistence\r\n");
        let text = String::from_utf8_lossy(&text).into_owned();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        value.parse().ok()
    }
}
