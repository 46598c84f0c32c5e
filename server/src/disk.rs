//! The helper thread: file work that may block, and freeing what takes long.
//!
//! Requests go there with all that they need, and come back as completions through a channel and
//! the loop's waker; they are done one after the other, in the order in which the core asked.
//! Whatever is asked of a file is asked by its meaning: this is where it gets its path.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use mio::Waker;
use seedis_core::io::{Garbage, Name};
use seedis_core::{IoResult, Ticket};

use crate::system;

/// What the helper thread can do.
#[derive(Debug)]
pub(crate) enum Job {
    Read(Name),
    Replace(Name, Vec<u8>),
    Drop(Garbage),
}

/// The helper thread as the loop sees it.
#[derive(Debug)]
pub(crate) struct Disk {
    jobs: Sender<(Ticket, Job)>,
    results: Receiver<(Ticket, IoResult)>,
    is_leaving: Arc<AtomicBool>,
    /// Requests that have not completed.
    pending: usize,
}

/// Where the files are, and how new ones are made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// The configuration file, if the server was started with one.
    pub(crate) config: Option<PathBuf>,
    /// Permission bits that new files do not get.
    pub(crate) umask: u32,
}

impl Disk {
    /// Starts the thread.
    pub(crate) fn start(places: Places, waker: Arc<Waker>) -> io::Result<Self> {
        let (jobs, to_do) = mpsc::channel();
        let (done, results) = mpsc::channel();
        let is_leaving = Arc::new(AtomicBool::new(false));
        let helper = Helper { places, to_do, done, waker, is_leaving: is_leaving.clone() };
        thread::Builder::new().name("disk".into()).spawn(move || helper.work())?;
        Ok(Self { jobs, results, is_leaving, pending: 0 })
    }

    /// Hands a request over.
    pub(crate) fn ask(&mut self, ticket: Ticket, job: Job) {
        // The thread ends after this sender is gone, not before.
        let _ = self.jobs.send((ticket, job));
        self.pending += 1;
    }

    /// The next completion.
    pub(crate) fn completed(&mut self) -> Option<(Ticket, IoResult)> {
        let completed = self.results.try_recv().ok()?;
        self.pending -= 1;
        Some(completed)
    }

    /// Waits for what was asked; data that only waits to be freed is left to the system.
    pub(crate) fn finish(&mut self) {
        self.is_leaving.store(true, Ordering::Relaxed);
        while self.pending > 0 && self.results.recv().is_ok() {
            self.pending -= 1;
        }
    }
}

struct Helper {
    places: Places,
    to_do: Receiver<(Ticket, Job)>,
    done: Sender<(Ticket, IoResult)>,
    waker: Arc<Waker>,
    is_leaving: Arc<AtomicBool>,
}

impl Helper {
    fn work(self) {
        while let Ok((ticket, job)) = self.to_do.recv() {
            let result = self.perform(job);
            if self.done.send((ticket, result)).is_err() || self.waker.wake().is_err() {
                return;
            }
        }
    }

    fn perform(&self, job: Job) -> IoResult {
        let done = match job {
            Job::Read(name) => return self.read(name),
            Job::Replace(name, bytes) => self.replace(name, &bytes),
            Job::Drop(garbage) => {
                self.free(garbage);
                Ok(())
            }
        };
        done.map_or_else(failed, |()| IoResult::Done)
    }

    fn read(&self, name: Name) -> IoResult {
        self.path(name).and_then(fs::read).map_or_else(failed, IoResult::Bytes)
    }

    fn replace(&self, name: Name, bytes: &[u8]) -> io::Result<()> {
        replace(self.path(name)?, bytes, self.places.umask)
    }

    fn path(&self, name: Name) -> io::Result<&Path> {
        let path = match name {
            Name::Config => self.places.config.as_deref(),
            Name::In(..) => None,
        };
        path.ok_or_else(|| io::Error::other("The server is running without a config file"))
    }

    /// At the end the system frees faster than we can.
    fn free(&self, garbage: Garbage) {
        if self.is_leaving.load(Ordering::Relaxed) {
            std::mem::forget(garbage);
        }
    }
}

fn failed(error: io::Error) -> IoResult {
    IoResult::Failed(system::io_error(&error))
}

/// Replaces a file so that a crash leaves the old one or the new one, and durably. The new one has
/// the permissions of the old one, for it may hold passwords.
fn replace(path: &Path, bytes: &[u8], umask: u32) -> io::Result<()> {
    let permissions = match fs::metadata(path) {
        Ok(old) => old.permissions(),
        Err(_) => Permissions::from_mode(0o644 & !umask),
    };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    let written = write_new(&temporary, bytes, permissions)
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| sync_directory(path));
    if written.is_err() {
        // It may not be there any more, or never have been.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8], permissions: Permissions) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.set_permissions(permissions)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A rename is durable once its directory is.
fn sync_directory(of: &Path) -> io::Result<()> {
    File::open(of.parent().unwrap_or_else(|| Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let name = format!("seedis-disk-{name}-{}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            fs::create_dir(&dir).unwrap();
            Self(dir)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn next(disk: &mut Disk) -> (Ticket, IoResult) {
        loop {
            if let Some(completed) = disk.completed() {
                return completed;
            }
            thread::yield_now();
        }
    }

    #[test]
    fn a_file_is_replaced_with_its_permissions() {
        let place = Place::new("replace");
        let path = place.0.join("redis.conf");
        replace(&path, b"port 1\n", 0o027).unwrap();
        assert_eq!(mode(&path), 0o640);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        replace(&path, b"port 2\n", 0o027).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"port 2\n".to_vec(), 0o600));
        assert_eq!(fs::read_dir(&place.0).unwrap().count(), 1);
    }

    #[test]
    fn a_replacement_that_fails_leaves_nothing_behind() {
        let place = Place::new("failure");
        let path = place.0.join("redis.conf");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"port 1\n", 0).is_err());
        assert_eq!(fs::read_dir(&place.0).unwrap().count(), 1);
        assert!(replace(&place.0.join("no/such"), b"", 0).is_err());
    }

    #[test]
    fn requests_complete_in_order() {
        let place = Place::new("order");
        let poll = mio::Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), mio::Token(0)).unwrap());
        let config = place.0.join("redis.conf");
        fs::write(&config, "port 1\n").unwrap();
        let places = Places { config: Some(config.clone()), umask: 0 };
        let mut disk = Disk::start(places, waker).unwrap();
        disk.ask(Ticket(1), Job::Read(Name::Config));
        disk.ask(Ticket(2), Job::Replace(Name::Config, b"port 2\n".to_vec()));
        disk.ask(Ticket(3), Job::Read(Name::Config));
        let mut heard = (0..3).map(|_| next(&mut disk)).collect::<Vec<_>>().into_iter();
        assert!(
            matches!(heard.next(), Some((Ticket(1), IoResult::Bytes(it))) if it == b"port 1\n")
        );
        assert!(matches!(heard.next(), Some((Ticket(2), IoResult::Done))));
        assert!(
            matches!(heard.next(), Some((Ticket(3), IoResult::Bytes(it))) if it == b"port 2\n")
        );
        disk.ask(Ticket(4), Job::Replace(Name::Config, b"port 3\n".to_vec()));
        disk.finish();
        assert_eq!(fs::read(&config).unwrap(), b"port 3\n");
    }

    #[test]
    fn without_a_configuration_file_there_is_none_to_read() {
        let poll = mio::Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), mio::Token(0)).unwrap());
        let mut disk = Disk::start(Places::default(), waker).unwrap();
        disk.ask(Ticket(1), Job::Read(Name::Config));
        assert!(matches!(next(&mut disk), (Ticket(1), IoResult::Failed(_))));
        disk.finish();
    }
}
