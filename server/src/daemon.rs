//! The background: `daemonize` and the pid file.
//!
//! Redis's parent process ends at once, whatever becomes of the child. Ours waits until the child
//! listens or gives up, so that a script sees in the exit code, and a user on the terminal, whether
//! there is a server now. They talk through a pipe: one byte means that all is well, the end of
//! the pipe without one that the child is gone, and any other text is the reason.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::logging::Log;
use crate::system::{self, Side};

/// What this process is after [`daemonize`].
#[derive(Debug)]
pub(crate) enum Daemon {
    /// The one that was started; there is nothing left to do but [`wait`].
    Parent(PipeReader),
    /// The server to be.
    Child(PipeWriter),
}

/// The end of what a child says when it serves.
const READY: u8 = 0;

/// Forks, and takes the child off the terminal. There must be no other thread.
pub(crate) fn daemonize() -> io::Result<Daemon> {
    let (from_child, to_parent) = io::pipe()?;
    match system::fork()? {
        Side::Parent => Ok(Daemon::Parent(from_child)),
        Side::Child => {
            system::leave_session()?;
            let nothing = File::options().read(true).write(true).open("/dev/null")?;
            system::replace_standard_streams(&nothing)?;
            Ok(Daemon::Child(to_parent))
        }
    }
}

/// Waits in the parent until the child serves; an error is why it does not.
pub(crate) fn wait(mut from_child: PipeReader) -> Result<(), String> {
    let mut said = Vec::new();
    let read = from_child.read_to_end(&mut said);
    match (read, said.as_slice()) {
        (Ok(_), [READY]) => Ok(()),
        (Ok(_), []) => Err("The server ended before it could serve.".into()),
        (Ok(_), reason) => Err(String::from_utf8_lossy(reason).into_owned()),
        (Err(error), _) => Err(system::words(&error)),
    }
}

/// Tells the parent how the start ended.
pub(crate) fn tell(mut to_parent: PipeWriter, outcome: Result<(), &str>) {
    let said = outcome.map_or_else(str::as_bytes, |()| &[READY][..]);
    // A parent that was killed meanwhile misses nothing.
    let _ = to_parent.write_all(said);
}

/// A file with the process id, removed by [`PidFile::remove`].
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes it. A failure is no reason not to serve.
    pub(crate) fn write(path: &Path, log: &Log) -> Self {
        if let Err(error) = std::fs::write(path, format!("{}\n", std::process::id())) {
            let (path, reason) = (path.display(), system::words(&error));
            log.warning(&format!("Failed to write PID file '{path}': {reason}"));
        }
        Self(path.into())
    }

    pub(crate) fn remove(&self, log: &Log) {
        log.notice("Removing the pid file.");
        // Somebody may have removed it before.
        let _ = std::fs::remove_file(&self.0);
    }
}
