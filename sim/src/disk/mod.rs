//! The simulated disk: every file request of the core, outstanding until the seed lets it complete.
//!
//! What makes storage hard is the distance between what a process sees and what a power loss
//! leaves. Here both are kept: per file the durable bytes and the ordered changes since, per
//! directory the durable entries and the ordered changes since, data and entries apart. A sync
//! moves changes to the durable side, exactly those that had completed when it was asked for.
//!
//! A crash consumes the disk and gives that of the next life. When only the process crashes, what
//! completed stays seen, durable or not, so that a power loss in the next life may still take it.
//! A power loss keeps a subset that the [`Personality`] allows. What was outstanding at either has
//! happened, or has not, or has in part.
//!
//! A request that makes no sense (an unknown file, a read of a file opened to write) is a bug of
//! the core and panics.

mod choices;
mod crash;
mod digest;
mod directory;
mod faults;
mod file;
mod perform;
mod personality;
mod save;

#[cfg(test)]
mod tests;

pub use choices::{Choice, images, next_image};
pub use crash::Image;
pub(crate) use digest::digest;
pub use faults::{FAULTS, Fault, Faults, SYNC_FAILURES, SyncFailure};
pub use personality::{ALL, BTRFS, EXT4, Personality, STRICT, WRITEBACK, XFS};

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::io::{Dir, FileId, Name};
use seedis_core::{IoReq, IoResult, Ticket};

use crate::decisions::Decisions;
use directory::{Directory, Entries, Inode};
use file::File;
use save::Saving;

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process dies; the system keeps what it took.
    Process,
    /// The machine dies; what was not synced may be gone.
    PowerLoss,
}

/// A disk.
#[derive(Debug)]
pub struct Disk {
    decisions: Decisions,
    personality: Personality,
    faults: Faults,
    files: BTreeMap<Inode, File>,
    directories: BTreeMap<Inode, Directory>,
    open: BTreeMap<FileId, Handle>,
    outstanding: Vec<Outstanding>,
    now_ns: u64,
    /// The order of all changes.
    seq: u64,
    next_inode: u64,
    /// It is full until then, except for so many bytes.
    full: Option<Full>,
    /// Files of which the next sync fails for what an earlier one did.
    late_errors: BTreeSet<Inode>,
    has_lied: bool,
    has_lost: bool,
    /// When something last failed or took long.
    troubled_ns: u64,
    /// What a file held that was removed or emptied.
    stale: Vec<u8>,
    lives: u32,
    notes: Option<Vec<String>>,
}

#[derive(Debug)]
struct Full {
    free: usize,
    until_ns: u64,
}

/// An open file.
#[derive(Clone, Copy, Debug)]
struct Handle {
    inode: Inode,
    can_write: bool,
}

/// A request that has not completed.
#[derive(Debug)]
struct Outstanding {
    ticket: Ticket,
    due_ns: u64,
    /// The last change that had happened when it was asked for: a sync covers those up to here.
    issued: u64,
    job: Job,
}

#[derive(Debug)]
enum Job {
    Request(IoReq),
    Save(Saving),
}

/// A directory and a name in it.
type Place = (Inode, Box<[u8]>);

/// The working directory.
const DATA: Inode = Inode(0);
/// Where the configuration file is.
const CONFIG: Inode = Inode(1);
/// The entry of the directory of the append-only file in the working directory.
const AOF_ENTRY: &[u8] = b"appendonlydir";
/// What takes longer is slow.
const SLOW_NS: u64 = 100_000_000;
const CONFIG_ENTRY: &[u8] = b"seedis.conf";

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new(personality: Personality, faults: Faults, decisions: Decisions) -> Self {
        Self {
            decisions,
            personality,
            faults,
            files: BTreeMap::new(),
            directories: [DATA, CONFIG].map(|inode| (inode, Directory::default())).into(),
            open: BTreeMap::new(),
            outstanding: Vec::new(),
            now_ns: 0,
            seq: 0,
            next_inode: 2,
            full: None,
            late_errors: BTreeSet::new(),
            has_lied: false,
            has_lost: false,
            troubled_ns: 0,
            stale: Vec::new(),
            lives: 1,
            notes: None,
        }
    }

    /// Takes a request.
    ///
    /// # Panics
    ///
    /// When it is none for a disk.
    pub fn ask(&mut self, ticket: Ticket, request: IoReq, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
        let due_ns = self.now_ns + self.delay_ns();
        self.is_in_trouble(due_ns > self.now_ns + SLOW_NS, due_ns);
        let job = match request {
            IoReq::Save { file, save, sync_often } => {
                Job::Save(Saving::new(file, save, sync_often))
            }
            request => Job::Request(request),
        };
        self.outstanding.push(Outstanding { ticket, due_ns, issued: self.seq, job });
    }

    /// When the next request may complete, in ns of the monotonic clock.
    #[must_use]
    pub fn next_due_ns(&self) -> Option<u64> {
        let ready = self.outstanding.iter().filter(|it| !self.must_wait(it));
        ready.map(|it| it.due_ns).min()
    }

    /// Executes the request that is due first, if any is, and gives its completion.
    ///
    /// # Panics
    ///
    /// When the request makes no sense.
    pub fn completed(&mut self, now_ns: u64) -> Option<(Ticket, IoResult)> {
        self.now_ns = self.now_ns.max(now_ns);
        if self.full.as_ref().is_some_and(|full| full.until_ns <= self.now_ns) {
            self.full = None;
        }
        loop {
            let due = self.outstanding.iter().enumerate();
            let due = due.filter(|(_, it)| it.due_ns <= self.now_ns && !self.must_wait(it));
            let at = due.min_by_key(|(_, it)| it.due_ns)?.0;
            let Outstanding { ticket, due_ns, issued, job } = self.outstanding.remove(at);
            let result = match job {
                Job::Request(IoReq::Cancel { save }) => {
                    self.cancel(save);
                    continue;
                }
                Job::Request(request) => self.perform(request, issued),
                Job::Save(mut saving) => match self.advance(&mut saving) {
                    Some(result) => result,
                    None => {
                        let due_ns = due_ns + self.delay_ns();
                        self.is_in_trouble(due_ns > self.now_ns + SLOW_NS, due_ns);
                        let job = Job::Save(saving);
                        self.outstanding.push(Outstanding { ticket, due_ns, issued, job });
                        continue;
                    }
                },
            };
            let has_failed = matches!(result, IoResult::Failed(_) | IoResult::NotWritten { .. });
            self.is_in_trouble(has_failed, self.now_ns);
            return Some((ticket, result));
        }
    }

    fn is_in_trouble(&mut self, is_it: bool, until_ns: u64) {
        if is_it {
            self.troubled_ns = self.troubled_ns.max(until_ns);
        }
    }

    /// Requests that have not completed.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.outstanding.len()
    }

    /// What goes wrong from now on; there is space. Returns what went wrong before.
    pub fn set_faults(&mut self, faults: Faults) -> Faults {
        self.full = None;
        std::mem::replace(&mut self.faults, faults)
    }

    /// From now on nothing goes wrong and nothing is slow.
    pub fn heal(&mut self) {
        self.set_faults(Faults::none());
        let now_ns = self.now_ns;
        for waiting in &mut self.outstanding {
            waiting.due_ns = waiting.due_ns.min(now_ns + 1_000_000);
        }
    }

    /// The rules in force.
    #[must_use]
    pub fn personality(&self) -> Personality {
        self.personality
    }

    /// Whether some sync said that it was done and was not, or what a failed sync lost can still
    /// be read in the next life: what was acknowledged since may be gone, whatever the server does.
    #[must_use]
    pub fn has_lied(&self) -> bool {
        self.has_lied
    }

    /// Whether a sync of this life failed in a way that lost what had been written: then the end of
    /// the process may take it too.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.has_lost
    }

    /// When something last failed or took long, in ns of the monotonic clock.
    #[must_use]
    pub fn troubled_ns(&self) -> u64 {
        self.troubled_ns
    }

    /// The content of a file as processes see it.
    #[must_use]
    pub fn content(&self, name: &Name) -> Option<&[u8]> {
        self.find(name).map(|inode| self.files[&inode].visible())
    }

    /// Whether a file is open.
    #[must_use]
    pub fn is_open(&self, file: FileId) -> bool {
        self.open.contains_key(&file)
    }

    /// How many files are open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.open.len()
    }

    /// The names of the files in a directory.
    #[must_use]
    pub fn names(&self, dir: Dir) -> Vec<Box<[u8]>> {
        let Some(dir) = self.directory(dir) else { return Vec::new() };
        let is_file = |inode| self.files.contains_key(inode);
        let entries = self.entries(dir).iter().filter(|(_, inode)| is_file(inode));
        entries.map(|(name, _)| name.clone()).collect()
    }

    /// Gives a file that is there another content, durably.
    pub fn set_content(&mut self, name: &Name, bytes: Vec<u8>) {
        if let Some(inode) = self.find(name) {
            self.files.insert(inode, File::new(bytes));
        }
    }

    /// Removes a file, if it is there.
    pub fn remove(&mut self, name: &Name) {
        if let Some((dir, entry)) = self.place(name) {
            let seq = self.next_seq();
            self.directories.entry(dir).or_default().change(seq, &[(&entry, None)]);
        }
    }

    /// Puts a file there, durably, and its directory.
    pub fn put(&mut self, name: &Name, bytes: Vec<u8>) {
        if matches!(name, Name::In(Dir::Aof, _)) && self.directory(Dir::Aof).is_none() {
            let (seq, inode) = (self.next_seq(), self.new_inode());
            self.directories.insert(inode, Directory::default());
            let data = self.directories.entry(DATA).or_default();
            data.change(seq, &[(AOF_ENTRY, Some(inode))]);
            data.commit(seq);
        }
        let Some(place) = self.place(name) else { return };
        let inode = self.create(&place);
        self.files.insert(inode, File::new(bytes));
        self.directories.entry(place.0).or_default().commit(self.seq);
    }

    /// Flips a bit of what is durable; returns whether the file is that long.
    pub fn rot(&mut self, name: &Name, at: usize, bit: u32) -> bool {
        let file = self.find(name).and_then(|inode| self.files.get_mut(&inode));
        let Some(file) = file.filter(|file| at < file.visible().len()) else { return false };
        file.flip(at, bit);
        true
    }

    /// Writes down from now on what goes wrong and what a crash takes.
    pub fn keep_notes(&mut self) {
        self.notes.get_or_insert_default();
    }

    /// What was written down since the last call.
    pub fn take_notes(&mut self) -> Vec<String> {
        self.notes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(notes) = &mut self.notes {
            notes.push(what());
        }
    }

    /// A file is closed after everything else that was asked of it.
    fn must_wait(&self, waiting: &Outstanding) -> bool {
        let Job::Request(IoReq::Close { file }) = waiting.job else { return false };
        let is_other = |it: &&Outstanding| it.ticket != waiting.ticket;
        self.outstanding.iter().filter(is_other).any(|it| it.job.file() == Some(file))
    }

    /// Mostly some microseconds, sometimes a while; when slow, up to half a minute.
    fn delay_ns(&mut self) -> u64 {
        let odds = self.faults.odds(Fault::Slow);
        self.decisions.delay_ns(|rng| {
            let is_slow = odds > 0 && rng.random_ratio(odds, 10_000);
            let scale = 10_u64.pow(rng.random_range(if is_slow { 9..11 } else { 4..7 }));
            rng.random_range(scale / 10..scale * 3)
        })
    }

    /// Whether something goes wrong.
    fn happens(&mut self, fault: Fault) -> bool {
        self.detail(fault, |_| 0).is_some()
    }

    /// Whether something goes wrong, and how exactly.
    fn detail(&mut self, fault: Fault, detail: impl FnOnce(&mut ChaCha8Rng) -> u64) -> Option<u64> {
        self.decisions.fault(fault, self.faults.odds(fault), detail)
    }

    fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn new_inode(&mut self) -> Inode {
        self.next_inode += 1;
        Inode(self.next_inode)
    }

    /// The directory of a file and its name there; none when there is no such directory.
    fn place(&self, name: &Name) -> Option<Place> {
        match name {
            Name::Config => Some((CONFIG, CONFIG_ENTRY.into())),
            Name::In(dir, entry) => Some((self.directory(*dir)?, entry.clone())),
        }
    }

    fn directory(&self, dir: Dir) -> Option<Inode> {
        match dir {
            Dir::Data => Some(DATA),
            Dir::Aof => self.directories[&DATA].visible().get(AOF_ENTRY).copied(),
        }
    }

    fn entries(&self, dir: Inode) -> &Entries {
        self.directories[&dir].visible()
    }

    fn find(&self, name: &Name) -> Option<Inode> {
        self.at(&self.place(name)?)
    }

    fn at(&self, (dir, entry): &Place) -> Option<Inode> {
        let inode = self.entries(*dir).get(entry).copied()?;
        self.files.contains_key(&inode).then_some(inode)
    }
}

impl Job {
    /// The open file that it is about.
    fn file(&self) -> Option<FileId> {
        match self {
            Self::Save(saving) => Some(saving.file),
            Self::Request(
                IoReq::Close { file }
                | IoReq::ReadAt { file, .. }
                | IoReq::WriteAt { file, .. }
                | IoReq::Truncate { file, .. }
                | IoReq::Sync { file },
            ) => Some(*file),
            Self::Request(_) => None,
        }
    }
}
