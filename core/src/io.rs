//! What the core asks of the shell beside the network, and how it ends.
//!
//! A request moves out with all that it needs and comes back as a completion, whenever that is, so
//! that a thread or the simulator may hold it, delay it, tear it or reorder it. Nothing orders two
//! requests that are outstanding at the same time: the core issues one only after those it depends
//! on have completed. A sync covers the writes to its file that had completed when it was issued.
//!
//! Files are named by directory and name; the shell knows where the directories are. An open file
//! is a [`FileId`] that the core chose and never uses again.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::rdb::save::Save;

/// A request to the shell that completes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A directory with files of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dir {
    /// The working directory: `dir` of the configuration.
    Data,
    /// The directory of the append-only file inside of it: `appenddirname` of the configuration.
    Aof,
}

/// A file by its meaning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// The configuration file that the server was started with.
    Config,
    /// A file in a directory; the name has no slash.
    In(Dir, Box<[u8]>),
}

impl Name {
    /// The file `name` in `dir`.
    #[must_use]
    pub fn file(dir: Dir, name: &[u8]) -> Self {
        Self::In(dir, name.into())
    }
}

/// An open file, as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u64);

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// To read; it must exist.
    Read,
    /// To write at chosen offsets; it must exist.
    Write,
    /// To write; made, or emptied when it exists.
    Create,
    /// To write; made, and it must not exist.
    CreateNew,
}

/// What the shell is asked to do.
#[derive(Debug)]
pub enum IoReq {
    /// Read a file whole; completes with [`IoResult::Bytes`].
    Read {
        /// The file.
        name: Name,
    },
    /// Replace a file by these bytes so that a crash leaves the old or the new one, durably:
    /// temporary file, sync, rename, sync of the directory. A crash may leave the temporary file
    /// behind; its name is that of the file, a dot, a number and `.tmp`.
    Replace {
        /// The file.
        name: Name,
        /// Its new content.
        bytes: Vec<u8>,
    },
    /// Name the files of a directory; completes with [`IoResult::Files`].
    List {
        /// The directory.
        dir: Dir,
    },
    /// Make a directory, unless it exists; its own entry becomes durable by a [`IoReq::SyncDir`] of
    /// the directory above it.
    MakeDir {
        /// The directory.
        dir: Dir,
    },
    /// Make renames, new files and removals in a directory durable.
    SyncDir {
        /// The directory.
        dir: Dir,
    },
    /// Give a file another name; one that has it is replaced.
    Rename {
        /// Its name.
        from: Name,
        /// Its name from now on.
        to: Name,
    },
    /// Remove a file.
    Unlink {
        /// The file.
        name: Name,
    },
    /// Open a file; completes with [`IoResult::Opened`].
    Open {
        /// What to call it from now on.
        file: FileId,
        /// The file.
        name: Name,
        /// For what.
        mode: OpenMode,
    },
    /// Close a file, when everything else that was asked of it has completed.
    Close {
        /// The file.
        file: FileId,
    },
    /// Read a part of a file; completes with [`IoResult::Bytes`], fewer than asked for at its end
    /// or whenever the system likes, and none only at its end.
    ReadAt {
        /// The file.
        file: FileId,
        /// Offset of the first byte.
        at: u64,
        /// Bytes at most.
        len: usize,
    },
    /// Write a part of a file; completes with [`IoResult::Written`], perhaps of fewer bytes than
    /// asked for.
    WriteAt {
        /// The file.
        file: FileId,
        /// Offset of the first byte.
        at: u64,
        /// A buffer, given back with the completion.
        bytes: Vec<u8>,
        /// Where in the buffer what is to be written begins.
        from: usize,
    },
    /// Cut a file to a length.
    Truncate {
        /// The file.
        file: FileId,
        /// Its length in bytes.
        len: u64,
    },
    /// Make the writes to a file durable that have completed.
    Sync {
        /// The file.
        file: FileId,
    },
    /// Write a snapshot to a file from its beginning, and make it durable; completes with
    /// [`IoResult::Saved`].
    Save {
        /// The file.
        file: FileId,
        /// What to write, piece by piece.
        save: Box<Save>,
        /// Make it durable every so often while it is written, so that the end takes less long.
        sync_often: bool,
    },
    /// End a [`IoReq::Save`] early: it fails soon. This itself does not complete.
    Cancel {
        /// The ticket of the request.
        save: Ticket,
    },
    /// Listen on other addresses; the old ones stay when it fails.
    Listen {
        /// Addresses as in the directive `bind`.
        bind: Vec<String>,
        /// TCP port, 0 for none.
        port: u16,
    },
    /// Make this the working directory. Completes with [`IoResult::Bytes`], its absolute path.
    ChangeDir {
        /// The path, as in the directive `dir`.
        path: Vec<u8>,
    },
    /// Make sure that so many clients can be connected at once. Fails with the number that can, in
    /// digits.
    AllowClients {
        /// As in the directive `maxclients`.
        count: u32,
    },
    /// Free this where it holds nobody up. Completes with [`IoResult::Done`].
    Drop(Garbage),
}

impl IoReq {
    /// The same again, for a request that carries no data and may be repeated.
    pub(crate) fn again(&self) -> Option<Self> {
        Some(match self {
            Self::Read { name } => Self::Read { name: name.clone() },
            Self::List { dir } => Self::List { dir: *dir },
            Self::MakeDir { dir } => Self::MakeDir { dir: *dir },
            Self::SyncDir { dir } => Self::SyncDir { dir: *dir },
            Self::Open { mode: OpenMode::CreateNew, .. } => return None,
            Self::Open { file, name, mode } => {
                Self::Open { file: *file, name: name.clone(), mode: *mode }
            }
            Self::ReadAt { file, at, len } => Self::ReadAt { file: *file, at: *at, len: *len },
            Self::Truncate { file, len } => Self::Truncate { file: *file, len: *len },
            Self::Sync { file } => Self::Sync { file: *file },
            _ => return None,
        })
    }
}

/// Data that nobody can reach any more and that takes long to free.
#[derive(Default)]
pub struct Garbage {
    pub(crate) dbs: Vec<crate::keyspace::Db>,
    pub(crate) values: Vec<crate::value::Value>,
}

impl core::fmt::Debug for Garbage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Garbage({} databases, {} values)", self.dbs.len(), self.values.len())
    }
}

/// A file of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name.
    pub name: Box<[u8]>,
    /// Its length in bytes.
    pub len: u64,
}

/// How a request to the shell ended.
#[derive(Debug)]
pub enum IoResult {
    /// As asked.
    Done,
    /// As asked, with this content.
    Bytes(Vec<u8>),
    /// As asked: the files of the directory, in any order, directories left out.
    Files(Vec<FileEntry>),
    /// As asked: the file has this length in bytes.
    Opened {
        /// Its length.
        len: u64,
    },
    /// So many bytes were written; at least one.
    Written {
        /// Bytes written.
        count: usize,
        /// The buffer of the request.
        bytes: Vec<u8>,
    },
    /// The snapshot is written and durable.
    Saved {
        /// Length of its file in bytes.
        len: u64,
    },
    /// Not.
    Failed(IoError),
    /// A write failed.
    NotWritten {
        /// Why.
        error: IoError,
        /// The buffer of the request.
        bytes: Vec<u8>,
    },
}

/// Why a request to the shell failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoError {
    /// What the core may do about it.
    pub kind: IoErrorKind,
    /// The system's words, as `No space left on device`.
    pub words: String,
}

/// Kinds of failures that the core treats differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoErrorKind {
    /// There is no such file or directory.
    NotFound,
    /// A signal came in between: ask again.
    Interrupted,
    /// The request was cancelled.
    Cancelled,
    /// Any other: no space, a broken disk, no permission.
    Other,
}

impl IoError {
    /// A failure of no kind of its own.
    #[must_use]
    pub fn other(words: &str) -> Self {
        Self { kind: IoErrorKind::Other, words: words.into() }
    }
}
