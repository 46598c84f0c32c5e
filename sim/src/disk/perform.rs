//! Execution of one request, with the faults that meet it.

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::io::{Dir, FileEntry, FileId, IoError, IoErrorKind, Name, OpenMode};
use seedis_core::{IoReq, IoResult};

use super::{AOF_ENTRY, DATA, Disk, Fault, File, Full, Handle, Inode, Place, SyncFailure};

type Outcome = Result<IoResult, IoError>;

/// How often of 10,000 times what is rarely asked for fails, where it may.
const OFTEN: u32 = 4000;

impl Disk {
    /// Executes a request that was issued when `issued` was the last change.
    pub(super) fn perform(&mut self, request: IoReq, issued: u64) -> IoResult {
        let outcome = match request {
            IoReq::Read { name } => self.read(&name),
            IoReq::Replace { name, bytes } => self.replace(&name, &bytes),
            IoReq::List { dir } => self.list(dir),
            IoReq::MakeDir { dir } => self.make_dir(dir),
            IoReq::SyncDir { dir } => self.sync_dir(dir, issued),
            IoReq::Rename { from, to } => self.rename(&from, &to),
            IoReq::Unlink { name } => self.unlink(&name),
            IoReq::Open { file, name, mode } => self.open(file, &name, mode),
            IoReq::Close { file } => self.close(file),
            IoReq::ReadAt { file, at, len } => self.read_at(file, at, len),
            IoReq::WriteAt { file, at, bytes, from } => {
                return match self.write_at(file, at, &bytes[from..]) {
                    Ok(count) => IoResult::Written { count, bytes },
                    Err(error) => IoResult::NotWritten { error, bytes },
                };
            }
            IoReq::Truncate { file, len } => self.truncate(file, len),
            IoReq::Sync { file } => {
                let inode = self.handle(file).inode;
                self.sync(inode, issued).map(|()| IoResult::Done)
            }
            request => panic!("no request to a disk: {request:?}"),
        };
        outcome.unwrap_or_else(IoResult::Failed)
    }

    fn read(&mut self, name: &Name) -> Outcome {
        self.may_fail(Fault::ReadError)?;
        match self.content(name) {
            Some(bytes) => Ok(IoResult::Bytes(bytes.to_vec())),
            None => Err(not_found()),
        }
    }

    fn list(&mut self, dir: Dir) -> Outcome {
        self.may_fail(Fault::EntryError)?;
        let dir = self.directory(dir).ok_or_else(not_found)?;
        let file = |inode| self.files.get(inode);
        let entries = self.entries(dir).iter().filter_map(|(name, inode)| {
            let len = file(inode)?.visible().len() as u64;
            Some(FileEntry { name: name.clone(), len })
        });
        let mut entries: Vec<FileEntry> = entries.collect();
        // In any order, and each time in another.
        entries.shuffle(&mut ChaCha8Rng::seed_from_u64(self.seq));
        Ok(IoResult::Files(entries))
    }

    fn make_dir(&mut self, dir: Dir) -> Outcome {
        self.may_fail(Fault::EntryError)?;
        if self.directory(dir).is_none() {
            self.may_be_full()?;
            let (seq, inode) = (self.next_seq(), self.new_inode());
            self.directories.insert(inode, super::Directory::default());
            self.change(DATA, seq, &[(AOF_ENTRY, Some(inode))]);
        }
        Ok(IoResult::Done)
    }

    fn sync_dir(&mut self, dir: Dir, issued: u64) -> Outcome {
        self.may_fail(Fault::EntryError)?;
        let dir = self.directory(dir).ok_or_else(not_found)?;
        if self.lies() {
            return Ok(IoResult::Done);
        }
        self.commit_entries(dir, issued);
        Ok(IoResult::Done)
    }

    /// Makes the entries of a directory durable.
    pub(super) fn commit_entries(&mut self, dir: Inode, upto: u64) {
        self.directories.entry(dir).or_default().commit(upto);
        self.write_journal(upto);
    }

    fn rename(&mut self, from: &Name, to: &Name) -> Outcome {
        self.may_fail(Fault::EntryError)?;
        let (from, to) = self.place(from).zip(self.place(to)).ok_or_else(not_found)?;
        self.rename_now(&from, &to)?;
        Ok(IoResult::Done)
    }

    pub(super) fn rename_now(&mut self, from: &Place, to: &Place) -> Result<(), IoError> {
        let inode = self.at(from).ok_or_else(not_found)?;
        if from == to {
            return Ok(());
        }
        if self.personality.rename_writes_data && self.at(to).is_some() {
            let upto = self.seq;
            self.file(inode).commit(upto);
        }
        let seq = self.next_seq();
        if from.0 == to.0 {
            self.change(from.0, seq, &[(&from.1, None), (&to.1, Some(inode))]);
        } else {
            self.change(to.0, seq, &[(&to.1, Some(inode))]);
            self.change(from.0, seq, &[(&from.1, None)]);
        }
        Ok(())
    }

    fn unlink(&mut self, name: &Name) -> Outcome {
        self.may_fail(Fault::EntryError)?;
        let place = self.place(name).ok_or_else(not_found)?;
        self.unlink_now(&place)?;
        Ok(IoResult::Done)
    }

    pub(super) fn unlink_now(&mut self, place: &Place) -> Result<(), IoError> {
        let inode = self.at(place).ok_or_else(not_found)?;
        let seq = self.next_seq();
        self.change(place.0, seq, &[(&place.1, None)]);
        let held = self.files[&inode].visible().to_vec();
        self.freed(held);
        Ok(())
    }

    fn open(&mut self, file: FileId, name: &Name, mode: OpenMode) -> Outcome {
        assert!(!self.open.contains_key(&file), "{file:?} is open already");
        self.may_fail(Fault::EntryError)?;
        let found = self.find(name);
        let inode = match (mode, found) {
            (OpenMode::Read | OpenMode::Write | OpenMode::Create, Some(inode)) => inode,
            (OpenMode::Read | OpenMode::Write, None) => return Err(not_found()),
            (OpenMode::CreateNew, Some(_)) => return Err(IoError::other("File exists")),
            (OpenMode::Create | OpenMode::CreateNew, None) => {
                let place = self.place(name).ok_or_else(not_found)?;
                self.may_be_full()?;
                self.create(&place)
            }
        };
        if mode == OpenMode::Create {
            self.resize(inode, 0);
        }
        self.open.insert(file, Handle { inode, can_write: mode != OpenMode::Read });
        Ok(IoResult::Opened { len: self.files[&inode].visible().len() as u64 })
    }

    /// A new empty file.
    pub(super) fn create(&mut self, place: &Place) -> Inode {
        let (seq, inode) = (self.next_seq(), self.new_inode());
        self.files.insert(inode, File::default());
        self.change(place.0, seq, &[(&place.1, Some(inode))]);
        inode
    }

    /// A file that could not be opened may be closed too.
    fn close(&mut self, file: FileId) -> Outcome {
        self.open.remove(&file);
        Ok(IoResult::Done)
    }

    fn read_at(&mut self, file: FileId, at: u64, len: usize) -> Outcome {
        let handle = self.handle(file);
        assert!(!handle.can_write, "a read of {file:?}, which is open to be written");
        self.may_fail(Fault::ReadError)?;
        let all = self.files[&handle.inode].visible();
        let rest = all.get(at as usize..).unwrap_or_default();
        let mut bytes = rest[..rest.len().min(len)].to_vec();
        if bytes.len() > 1
            && let Some(count) = self.short(Fault::ShortRead, bytes.len())
        {
            bytes.truncate(count);
        }
        Ok(IoResult::Bytes(bytes))
    }

    fn write_at(&mut self, file: FileId, at: u64, bytes: &[u8]) -> Result<usize, IoError> {
        let inode = self.writable(file);
        assert!(!bytes.is_empty(), "a write of nothing to {file:?}");
        self.may_fail(Fault::WriteError)?;
        let mut count = bytes.len();
        if count > 1 {
            count = self.short(Fault::ShortWrite, count).unwrap_or(count);
        }
        self.write_some(inode, at as usize, &bytes[..count])
    }

    /// Writes as much as there is room for.
    pub(super) fn write_some(
        &mut self,
        inode: Inode,
        at: usize,
        bytes: &[u8],
    ) -> Result<usize, IoError> {
        let len = self.files[&inode].visible().len();
        let growth = (at + bytes.len()).saturating_sub(len);
        let mut count = bytes.len();
        if growth > 0 {
            self.may_fill_up();
        }
        if let Some(full) = &mut self.full {
            let missing = growth.saturating_sub(full.free);
            full.free -= growth - missing;
            count = count.saturating_sub(missing);
        }
        if count == 0 {
            return Err(no_space());
        }
        let seq = self.next_seq();
        self.file(inode).write(seq, at, &bytes[..count]);
        Ok(count)
    }

    fn truncate(&mut self, file: FileId, len: u64) -> Outcome {
        let inode = self.writable(file);
        // A file is cut once in a recovery at most: at the odds of a disk that fails elsewhere too
        // nobody would ever see what comes of a cut that fails.
        self.may_fail_often(Fault::EntryError)?;
        self.resize(inode, len as usize);
        Ok(IoResult::Done)
    }

    fn resize(&mut self, inode: Inode, len: usize) {
        let held = self.files[&inode].visible();
        if len < held.len() {
            let held = held.to_vec();
            self.freed(held);
        }
        let seq = self.next_seq();
        self.file(inode).resize(seq, len);
    }

    /// How many of `count` bytes are read or written, when that is not all.
    fn short(&mut self, fault: Fault, count: usize) -> Option<usize> {
        let short = self.detail(fault, |rng| rng.random_range(1..count as u64))?;
        Some((short as usize).clamp(1, count - 1))
    }

    /// Makes the changes to a file up to `upto` durable, or fails to.
    pub(super) fn sync(&mut self, inode: Inode, upto: u64) -> Result<(), IoError> {
        if self.late_errors.remove(&inode) {
            return Err(broken());
        }
        if self.happens(Fault::Interrupted) {
            return Err(interrupted());
        }
        if self.lies() {
            return Ok(());
        }
        let ways = self.faults.sync_failures.clone();
        let draw = |rng: &mut ChaCha8Rng| {
            ways.choose(rng).copied().unwrap_or(SyncFailure::KeptDirty) as u64
        };
        if let Some(way) = self.detail(Fault::SyncError, draw) {
            return self.fail_to_sync(inode, SyncFailure::of(way));
        }
        self.file(inode).commit(upto);
        self.write_journal(upto);
        Ok(())
    }

    fn fail_to_sync(&mut self, inode: Inode, failure: SyncFailure) -> Result<(), IoError> {
        self.note(|| format!("sync of inode {} fails: {failure:?}", inode.0));
        let seq = self.seq;
        self.has_lost |= failure != SyncFailure::KeptDirty;
        match failure {
            SyncFailure::KeptDirty => {}
            SyncFailure::Dropped => self.file(inode).lose(seq, true),
            SyncFailure::ForgottenDirty => self.file(inode).lose(seq, false),
            SyncFailure::Later => {
                self.file(inode).lose(seq, false);
                self.late_errors.insert(inode);
                self.has_lied = true;
                return Ok(());
            }
        }
        Err(broken())
    }

    fn lies(&mut self) -> bool {
        let lies = self.happens(Fault::LyingSync);
        if lies {
            self.has_lied = true;
            self.note(|| "a sync lies".into());
        }
        lies
    }

    /// On a file system with a journal that every sync writes, all entries and lengths before it
    /// become durable.
    fn write_journal(&mut self, upto: u64) {
        if self.personality.sync_writes_journal {
            self.directories.values_mut().for_each(|directory| directory.commit(upto));
            let with_data = self.personality.data_before_length;
            self.files.values_mut().for_each(|file| file.commit_lengths(upto, with_data));
        }
    }

    fn change(&mut self, dir: Inode, seq: u64, names: &[(&[u8], Option<Inode>)]) {
        self.directories.entry(dir).or_default().change(seq, names);
    }

    fn file(&mut self, inode: Inode) -> &mut File {
        self.files.get_mut(&inode).expect("an inode of a file has a file")
    }

    pub(super) fn handle(&self, file: FileId) -> Handle {
        *self.open.get(&file).unwrap_or_else(|| panic!("{file:?} is not open"))
    }

    /// The file of a handle that may be written.
    pub(super) fn writable(&self, file: FileId) -> Inode {
        let handle = self.handle(file);
        assert!(handle.can_write, "a write to {file:?}, which is open to be read");
        handle.inode
    }

    /// Bytes that a file no longer needs: space when there is none, and what may show up elsewhere.
    fn freed(&mut self, held: Vec<u8>) {
        if let Some(full) = &mut self.full {
            full.free += held.len();
        }
        if !held.is_empty() {
            self.stale = held;
        }
    }

    pub(super) fn may_fail(&mut self, fault: Fault) -> Result<(), IoError> {
        if self.happens(Fault::Interrupted) {
            return Err(interrupted());
        }
        match self.happens(fault) {
            true => Err(broken()),
            false => Ok(()),
        }
    }

    /// The same for what is rarely asked for: where it may fail at all it often does.
    fn may_fail_often(&mut self, fault: Fault) -> Result<(), IoError> {
        if self.happens(Fault::Interrupted) {
            return Err(interrupted());
        }
        let odds = match self.faults.odds(fault) {
            0 => 0,
            odds => odds.max(OFTEN),
        };
        self.decisions.fault(fault, odds, |_| 0).map_or(Ok(()), |_| Err(broken()))
    }

    /// Fails when a file cannot be made for want of space.
    fn may_be_full(&mut self) -> Result<(), IoError> {
        self.may_fill_up();
        match self.full {
            Some(Full { free: 0, .. }) => Err(no_space()),
            _ => Ok(()),
        }
    }

    /// Others fill the disk, and clean up after a while.
    fn may_fill_up(&mut self) {
        if self.full.is_some() {
            return;
        }
        let draw = |rng: &mut ChaCha8Rng| {
            let free = rng.random_range(0..4_u32).pow(rng.random_range(1..6));
            u64::from(free) * 100 + rng.random_range(6..11)
        };
        if let Some(detail) = self.detail(Fault::NoSpace, draw) {
            let (free, lasts_ns) = ((detail / 100) as usize, 10_u64.pow(detail as u32 % 100 % 18));
            self.full = Some(Full { free, until_ns: self.now_ns + lasts_ns });
            self.note(|| format!("the disk is full but for {free} bytes, for {lasts_ns} ns"));
        }
    }
}

fn interrupted() -> IoError {
    IoError { kind: IoErrorKind::Interrupted, words: "Interrupted system call".into() }
}

pub(super) fn not_found() -> IoError {
    IoError { kind: IoErrorKind::NotFound, words: "No such file or directory".into() }
}

fn no_space() -> IoError {
    IoError::other("No space left on device")
}

pub(super) fn broken() -> IoError {
    IoError::other("Input/output error")
}
