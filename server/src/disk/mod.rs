//! Files: what the core asks of them, and the threads that do it.
//!
//! A write to a file goes to the page cache, which takes no longer than handing it to another
//! thread would, and the replies of the turn wait for it: it is done at once, on the thread of the
//! loop. Everything that waits for a disk is done elsewhere and comes back through a channel and
//! the loop's waker: syncs by a few threads, so that several are under way at a time, or by the
//! loop where they take no time ([`pace`]); snapshots by one; freeing what takes long by one; and
//! the rest by one, in the order in which the core asked.
//!
//! The loop alone knows which files are open. Whoever does something to a file holds on to it, so
//! that it is closed when the last of them is done, and never by the loop, since closing a file
//! that was removed frees its blocks.

mod files;
mod helper;
mod pace;
mod save;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use mio::Waker;
use seedis_core::io::{FileId, Garbage, IoError};
use seedis_core::{IoReq, IoResult, Ticket};

use self::files::{OpenFile, SYNC_THREADS};
use self::helper::{Freer, Job};
use self::pace::Pace;
use self::save::{Order, Pieces};
use crate::system;

pub(crate) use self::files::Places;

/// Files as the loop sees them.
#[derive(Debug)]
pub(crate) struct Disk {
    files: HashMap<FileId, Arc<OpenFile>>,
    jobs: Sender<(Ticket, Job)>,
    syncs: Sender<(Ticket, Arc<OpenFile>)>,
    saves: Sender<(Ticket, Order)>,
    drops: Sender<(Ticket, Garbage)>,
    outcomes: Receiver<(Ticket, Outcome)>,
    /// Requests that have not completed.
    pending: HashMap<Ticket, Pending>,
    is_leaving: Arc<AtomicBool>,
    pace: Arc<Pace>,
}

/// What a request that has not completed is about.
#[derive(Debug)]
enum Pending {
    File,
    Save { is_cancelled: Arc<AtomicBool>, keys_done: Arc<AtomicU64> },
    Drop,
}

/// How something ended on another thread.
#[derive(Debug)]
struct Outcome {
    result: IoResult,
    /// The file that was opened.
    opened: Option<(FileId, OpenFile)>,
}

impl Disk {
    /// Starts the threads.
    pub(crate) fn start(places: Places, waker: Arc<Waker>) -> io::Result<Self> {
        let is_leaving = Arc::new(AtomicBool::new(false));
        let (done, outcomes) = mpsc::channel();
        let post = Post { done, waker };
        let helper = spawn("disk", Urgency::Normal, &post, move |job: Job| job.perform(&places))?;
        let (syncs, to_sync) = mpsc::channel();
        let to_sync = Arc::new(Mutex::new(to_sync));
        let pace = Arc::new(Pace::default());
        for thread in 0..SYNC_THREADS {
            spawn_sync(thread, &post, to_sync.clone(), pace.clone())?;
        }
        let leaving = is_leaving.clone();
        let saves = spawn("save", Urgency::Low, &post, move |mut order: Order| {
            let result = order.perform();
            free_unless(&leaving, order);
            result.into()
        })?;
        let mut freer = Freer::new(is_leaving.clone());
        let drops = spawn("free", Urgency::Low, &post, move |garbage| freer.free(garbage).into())?;
        let (files, pending) = (HashMap::new(), HashMap::new());
        Ok(Self { files, jobs: helper, syncs, saves, drops, outcomes, pending, is_leaving, pace })
    }

    /// Does what the core asks, or has it done; returns how it ended if it has.
    pub(crate) fn ask(&mut self, ticket: Ticket, request: IoReq) -> Option<IoResult> {
        match request {
            IoReq::WriteAt { file, at, bytes, from } => Some(self.write(file, at, bytes, from)),
            IoReq::Sync { file } if self.pace.is_quick() => Some(self.sync(file)),
            IoReq::Cancel { save } => {
                self.cancel(save);
                None
            }
            other => self.hand_over(ticket, other).err().map(IoResult::Failed),
        }
    }

    /// The next completion.
    pub(crate) fn completed(&mut self) -> Option<(Ticket, IoResult)> {
        let outcome = self.outcomes.try_recv().ok()?;
        Some(self.take_in(outcome))
    }

    /// Waits for what was asked; data that only waits to be freed is left to the system.
    pub(crate) fn finish(&mut self) {
        self.is_leaving.store(true, Ordering::Relaxed);
        while self.pending.values().any(|pending| !matches!(pending, Pending::Drop)) {
            let Ok(outcome) = self.outcomes.recv() else { return };
            self.take_in(outcome);
        }
    }

    fn take_in(&mut self, (ticket, outcome): (Ticket, Outcome)) -> (Ticket, IoResult) {
        self.pending.remove(&ticket);
        if let Some((id, file)) = outcome.opened {
            self.files.insert(id, Arc::new(file));
        }
        (ticket, outcome.result)
    }

    fn file(&self, file: FileId) -> Result<Arc<OpenFile>, IoError> {
        self.files.get(&file).cloned().ok_or_else(|| unknown(file))
    }

    fn write(&self, file: FileId, at: u64, bytes: Vec<u8>, from: usize) -> IoResult {
        let Some(file) = self.files.get(&file) else {
            return IoResult::NotWritten { error: unknown(file), bytes };
        };
        match file.write_at(at, bytes.get(from..).unwrap_or_default()) {
            Ok(count) => IoResult::Written { count, bytes },
            Err(error) => IoResult::NotWritten { error: system::io_error(&error), bytes },
        }
    }

    fn sync(&self, file: FileId) -> IoResult {
        match self.file(file) {
            Ok(file) => self.pace.time(|| file.sync()).map_or_else(failed, |()| IoResult::Done),
            Err(error) => IoResult::Failed(error),
        }
    }

    fn hand_over(&mut self, ticket: Ticket, request: IoReq) -> Result<(), IoError> {
        let pending = match request {
            IoReq::Sync { file } => send(&self.syncs, ticket, self.file(file)?),
            IoReq::Save { file, save, sync_often } => self.save(ticket, file, save, sync_often)?,
            IoReq::Drop(garbage) => {
                send(&self.drops, ticket, garbage);
                Pending::Drop
            }
            other => {
                let job = self.job(other)?;
                send(&self.jobs, ticket, job)
            }
        };
        self.pending.insert(ticket, pending);
        Ok(())
    }

    /// What the helper thread is to do.
    fn job(&mut self, request: IoReq) -> Result<Job, IoError> {
        Ok(match request {
            IoReq::Read { name } => Job::Read(name),
            IoReq::Replace { name, bytes } => Job::Replace(name, bytes),
            IoReq::List { dir } => Job::List(dir),
            IoReq::MakeDir { dir } => Job::MakeDir(dir),
            IoReq::SyncDir { dir } => Job::SyncDir(dir),
            IoReq::Rename { from, to } => Job::Rename(from, to),
            IoReq::Unlink { name } => Job::Unlink(name),
            IoReq::Open { file, name, mode } => Job::Open(file, name, mode),
            IoReq::Close { file } => {
                Job::Close(self.files.remove(&file).ok_or_else(|| unknown(file))?)
            }
            IoReq::ReadAt { file, at, len } => Job::ReadAt(self.file(file)?, at, len),
            IoReq::Truncate { file, len } => Job::Truncate(self.file(file)?, len),
            other => return Err(IoError::other(&format!("Not for the helper: {other:?}"))),
        })
    }

    fn save(
        &self,
        ticket: Ticket,
        file: FileId,
        pieces: Box<dyn Pieces>,
        sync_often: bool,
    ) -> Result<Pending, IoError> {
        let (file, is_cancelled) = (self.file(file)?, Arc::new(AtomicBool::new(false)));
        let keys_done = Arc::new(AtomicU64::new(0));
        let pending =
            Pending::Save { is_cancelled: is_cancelled.clone(), keys_done: keys_done.clone() };
        let order = Order { file, pieces, sync_often, is_cancelled, keys_done };
        send(&self.saves, ticket, order);
        Ok(pending)
    }

    /// Keys that the snapshot being written has written.
    pub(crate) fn saved_keys(&self) -> u64 {
        let saves = self.pending.values().map(|pending| match pending {
            Pending::Save { keys_done, .. } => keys_done.load(Ordering::Relaxed),
            Pending::File | Pending::Drop => 0,
        });
        saves.sum()
    }

    fn cancel(&self, save: Ticket) {
        if let Some(Pending::Save { is_cancelled, .. }) = self.pending.get(&save) {
            is_cancelled.store(true, Ordering::Relaxed);
        }
    }
}

/// Sends a request to its thread, which ends after its sender is gone and not before.
fn send<J>(to: &Sender<(Ticket, J)>, ticket: Ticket, job: J) -> Pending {
    let _ = to.send((ticket, job));
    Pending::File
}

fn unknown(file: FileId) -> IoError {
    IoError::other(&format!("{file:?} is not open"))
}

fn failed(error: io::Error) -> IoResult {
    IoResult::Failed(system::io_error(&error))
}

impl From<IoResult> for Outcome {
    fn from(result: IoResult) -> Self {
        Self { result, opened: None }
    }
}

/// The way back to the loop.
#[derive(Clone, Debug)]
struct Post {
    done: Sender<(Ticket, Outcome)>,
    waker: Arc<Waker>,
}

impl Post {
    /// Whether there is still somebody to hear of it.
    fn deliver(&self, ticket: Ticket, outcome: Outcome) -> bool {
        self.done.send((ticket, outcome)).is_ok() && self.waker.wake().is_ok()
    }
}

/// How urgent the work of a thread is, beside that of the event loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Urgency {
    Normal,
    /// It takes long, and whoever waits for it waits for the whole: where there are not enough
    /// processors for all, clients come first.
    Low,
}

/// Starts a thread that does one job after the other; returns where they are sent to.
fn spawn<J: Send + 'static>(
    name: &str,
    urgency: Urgency,
    post: &Post,
    mut perform: impl FnMut(J) -> Outcome + Send + 'static,
) -> io::Result<Sender<(Ticket, J)>> {
    let (sender, jobs) = mpsc::channel();
    let post = post.clone();
    thread::Builder::new().name(name.into()).spawn(move || {
        if urgency == Urgency::Low {
            system::be_less_urgent();
        }
        while let Ok((ticket, job)) = jobs.recv() {
            if !post.deliver(ticket, perform(job)) {
                return;
            }
        }
    })?;
    Ok(sender)
}

/// What several threads take their jobs from.
type Shared<J> = Arc<Mutex<Receiver<(Ticket, J)>>>;

/// Starts a thread of those that share the syncs.
fn spawn_sync(
    thread: usize,
    post: &Post,
    jobs: Shared<Arc<OpenFile>>,
    pace: Arc<Pace>,
) -> io::Result<()> {
    let post = post.clone();
    thread::Builder::new().name(format!("sync-{thread}")).spawn(move || {
        // The lock is held while waiting, so the others wait for the lock instead.
        let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        while let Ok((ticket, file)) = next() {
            let synced = pace.time(|| file.sync_of(thread));
            let result = synced.map_or_else(failed, |()| IoResult::Done);
            drop(file);
            if !post.deliver(ticket, result.into()) {
                return;
            }
        }
    })?;
    Ok(())
}

/// Frees `data`, but not at the end of the process: the system does it faster than we can.
fn free_unless<T>(is_leaving: &AtomicBool, data: T) {
    if is_leaving.load(Ordering::Relaxed) {
        std::mem::forget(data);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use seedis_core::io::{Dir, IoErrorKind, Name, OpenMode};

    use super::*;

    /// A directory of a test.
    pub(super) struct Place(PathBuf);

    impl Place {
        pub(super) fn new(name: &str) -> Self {
            let name = format!("seedis-disk-{name}-{}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            fs::create_dir(&dir).unwrap();
            Self(dir)
        }

        pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
            self.0.join(name)
        }

        pub(super) fn places(&self) -> Places {
            let config = Some(self.path("redis.conf"));
            Places { config, data: self.0.clone(), aof: "aof".into(), umask: 0 }
        }

        fn disk(&self) -> Running {
            let poll = mio::Poll::new().unwrap();
            let waker = Arc::new(Waker::new(poll.registry(), mio::Token(0)).unwrap());
            let disk = Disk::start(self.places(), waker).unwrap();
            Running { disk, last: 0, _poll: poll }
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    /// So many pieces, each of so many bytes with its number, counted down.
    pub(super) struct Count {
        pub(super) pieces: usize,
        pub(super) bytes: usize,
    }

    impl Pieces for Count {
        fn next_piece(&mut self) -> Option<Vec<u8>> {
            let piece = vec![self.pieces as u8; self.bytes];
            self.pieces = self.pieces.checked_sub(1)?;
            Some(piece)
        }

        fn keys_done(&self) -> u64 {
            0
        }
    }

    struct Running {
        disk: Disk,
        last: u64,
        _poll: mio::Poll,
    }

    impl Running {
        fn ask(&mut self, request: IoReq) -> Ticket {
            self.last += 1;
            assert!(self.disk.ask(Ticket(self.last), request).is_none());
            Ticket(self.last)
        }

        fn heard(&mut self) -> (Ticket, IoResult) {
            loop {
                if let Some(completed) = self.disk.completed() {
                    return completed;
                }
                thread::yield_now();
            }
        }

        /// Asks and waits.
        fn perform(&mut self, request: IoReq) -> IoResult {
            self.last += 1;
            let ticket = Ticket(self.last);
            if let Some(result) = self.disk.ask(ticket, request) {
                return result;
            }
            let (heard, result) = self.heard();
            assert_eq!(heard, ticket);
            result
        }

        fn open(&mut self, file: FileId, name: &[u8], mode: OpenMode) -> IoResult {
            let name = Name::file(Dir::Data, name);
            self.perform(IoReq::Open { file, name, mode })
        }
    }

    const FILE: FileId = FileId(7);

    #[test]
    fn requests_to_the_helper_complete_in_order() {
        let place = Place::new("order");
        fs::write(place.path("redis.conf"), "port 1\n").unwrap();
        let mut disk = place.disk();
        let replace = |bytes: &[u8]| IoReq::Replace { name: Name::Config, bytes: bytes.into() };
        disk.ask(IoReq::Read { name: Name::Config });
        disk.ask(replace(b"port 2\n"));
        disk.ask(IoReq::Read { name: Name::Config });
        let heard = [disk.heard(), disk.heard(), disk.heard()];
        let [(Ticket(1), IoResult::Bytes(one)), (Ticket(2), IoResult::Done), (_, last)] = heard
        else {
            panic!("{heard:?}")
        };
        assert_eq!(one, b"port 1\n");
        assert!(matches!(last, IoResult::Bytes(it) if it == b"port 2\n"));
        disk.ask(replace(b"port 3\n"));
        disk.disk.finish();
        assert_eq!(fs::read(place.path("redis.conf")).unwrap(), b"port 3\n");
    }

    #[test]
    fn without_a_configuration_file_there_is_none_to_read() {
        let read = Job::Read(Name::Config).perform(&Places::default()).result;
        let IoResult::Failed(error) = read else { panic!("{read:?}") };
        assert_eq!(error.words, "The server is running without a config file");
    }

    #[test]
    fn a_file_lives_from_open_to_close() {
        let place = Place::new("life");
        let mut disk = place.disk();
        let opened = disk.open(FILE, b"log", OpenMode::CreateNew);
        assert!(matches!(opened, IoResult::Opened { len: 0 }), "{opened:?}");
        let bytes = b"-abcdef".to_vec();
        let written = disk.perform(IoReq::WriteAt { file: FILE, at: 0, bytes, from: 1 });
        let IoResult::Written { count: 6, bytes } = written else { panic!("{written:?}") };
        assert_eq!(bytes, b"-abcdef");
        let cut = disk.perform(IoReq::Truncate { file: FILE, len: 4 });
        assert!(matches!(cut, IoResult::Done), "{cut:?}");
        let again = disk.open(FileId(8), b"log", OpenMode::Read);
        assert!(matches!(again, IoResult::Opened { len: 4 }), "{again:?}");
        let read = disk.perform(IoReq::ReadAt { file: FileId(8), at: 1, len: 99 });
        assert!(matches!(&read, IoResult::Bytes(it) if it == b"bcd"), "{read:?}");
        for file in [FILE, FileId(8)] {
            assert!(matches!(disk.perform(IoReq::Close { file }), IoResult::Done));
            assert!(matches!(disk.perform(IoReq::Close { file }), IoResult::Failed(_)));
        }
        assert!(matches!(disk.perform(IoReq::Sync { file: FILE }), IoResult::Failed(_)));
        let late = disk.perform(IoReq::WriteAt { file: FILE, at: 0, bytes, from: 0 });
        assert!(matches!(&late, IoResult::NotWritten { bytes, .. } if bytes == b"-abcdef"));
    }

    #[test]
    fn directories_and_names_change_on_request() {
        let place = Place::new("names");
        let mut disk = place.disk();
        let is_done = |result: IoResult| matches!(result, IoResult::Done);
        let (one, two) = (Name::file(Dir::Aof, b"one"), Name::file(Dir::Aof, b"two"));
        assert!(is_done(disk.perform(IoReq::MakeDir { dir: Dir::Aof })));
        let replace = IoReq::Replace { name: one.clone(), bytes: b"1".to_vec() };
        assert!(is_done(disk.perform(replace)));
        assert!(is_done(disk.perform(IoReq::Rename { from: one, to: two.clone() })));
        assert!(is_done(disk.perform(IoReq::SyncDir { dir: Dir::Aof })));
        let listed = disk.perform(IoReq::List { dir: Dir::Aof });
        assert!(matches!(&listed, IoResult::Files(it) if it.len() == 1 && it[0].len == 1));
        assert!(is_done(disk.perform(IoReq::Unlink { name: two.clone() })));
        let lost = disk.perform(IoReq::Unlink { name: two });
        let IoResult::Failed(error) = lost else { panic!("{lost:?}") };
        assert_eq!(error.kind, IoErrorKind::NotFound);
        assert_eq!(error.words, "No such file or directory");
    }

    #[test]
    fn a_full_disk_gives_the_buffer_back() {
        let place = Place::new("full");
        std::os::unix::fs::symlink("/dev/full", place.path("log")).unwrap();
        let mut disk = place.disk();
        disk.open(FILE, b"log", OpenMode::Write);
        let bytes = b"text".to_vec();
        let written = disk.perform(IoReq::WriteAt { file: FILE, at: 0, bytes, from: 0 });
        let IoResult::NotWritten { error, bytes } = written else { panic!("{written:?}") };
        assert_eq!((&*error.words, &bytes[..]), ("No space left on device", &b"text"[..]));
        // A device is no file: that is the one failure of a sync that can be had for nothing.
        let synced = disk.perform(IoReq::Sync { file: FILE });
        assert!(matches!(synced, IoResult::Failed(_)), "{synced:?}");
    }

    #[test]
    fn several_syncs_of_a_file_are_under_way() {
        let place = Place::new("syncs");
        let mut disk = place.disk();
        disk.open(FILE, b"log", OpenMode::Create);
        disk.perform(IoReq::WriteAt { file: FILE, at: 0, bytes: vec![1; 1 << 20], from: 0 });
        let mut asked: Vec<_> = (0..10).map(|_| disk.ask(IoReq::Sync { file: FILE })).collect();
        while !asked.is_empty() {
            let (ticket, result) = disk.heard();
            assert!(matches!(result, IoResult::Done), "{result:?}");
            asked.retain(|&it| it != ticket);
        }
    }

    #[test]
    fn a_save_is_cancelled_and_the_end_waits_for_the_others() {
        let place = Place::new("save");
        let mut disk = place.disk();
        for (file, name) in [(FileId(1), b"endless"), (FileId(2), b"ordered")] {
            disk.open(file, name, OpenMode::Create);
        }
        let disk = &mut disk.disk;
        let endless = Box::new(Count { pieces: usize::MAX, bytes: 0 });
        for (ticket, file, pieces) in
            [(101, 1, endless), (102, 2, Box::new(Count { pieces: 30, bytes: 1 << 20 }))]
        {
            let pending = disk.save(Ticket(ticket), FileId(file), pieces, true).unwrap();
            disk.pending.insert(Ticket(ticket), pending);
        }
        assert!(disk.ask(Ticket(103), IoReq::Cancel { save: Ticket(101) }).is_none());
        let first = loop {
            if let Some(completed) = disk.completed() {
                break completed;
            }
            thread::yield_now();
        };
        let (Ticket(101), IoResult::Failed(error)) = first else { panic!("{first:?}") };
        assert_eq!(error.kind, IoErrorKind::Cancelled);
        disk.finish();
        assert_eq!(fs::metadata(place.path("ordered")).unwrap().len(), 30 << 20);
    }
}
