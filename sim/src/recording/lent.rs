//! Requests that are under way in a replay: what the core may be told of them.
//!
//! A recording does not hold the buffers that requests lent to the shell, so they are kept here
//! until the completion comes. The core trusts its shell to answer a request in kind; a recording
//! is not trusted, so every answer is looked at.

use seedis_core::recording::Outcome;
use seedis_core::{IoReq, IoResult};

/// What is kept of a request.
#[derive(Debug)]
pub(super) enum Lent {
    /// It ends without anything.
    Plain,
    /// It ends with at most so many bytes.
    Bytes(usize),
    /// It ends with a list of files.
    Files,
    /// It ends with the length of a file.
    Opened,
    /// It ends with the length of what was saved.
    Saved,
    /// It ends with the buffer and how much of it, from an offset on, was written.
    Buffer(Vec<u8>, usize),
    /// It never ends.
    Never,
}

impl Lent {
    /// What is to be kept of `request`; data that is to be written or freed elsewhere is dropped.
    pub(super) fn of(request: IoReq) -> Self {
        match request {
            IoReq::Read { .. } | IoReq::ChangeDir { .. } => Self::Bytes(usize::MAX),
            IoReq::ReadAt { len, .. } => Self::Bytes(len),
            IoReq::List { .. } => Self::Files,
            IoReq::Open { .. } => Self::Opened,
            IoReq::Save { .. } => Self::Saved,
            IoReq::WriteAt { bytes, from, .. } => Self::Buffer(bytes, from),
            IoReq::Cancel { .. } => Self::Never,
            IoReq::Replace { .. }
            | IoReq::MakeDir { .. }
            | IoReq::SyncDir { .. }
            | IoReq::Rename { .. }
            | IoReq::Unlink { .. }
            | IoReq::Close { .. }
            | IoReq::Truncate { .. }
            | IoReq::Sync { .. }
            | IoReq::Listen { .. }
            | IoReq::AllowClients { .. }
            | IoReq::Drop(_) => Self::Plain,
        }
    }

    /// The completion that the recording tells; `None` if it is not one of such a request.
    pub(super) fn completed(self, outcome: Outcome<'_>) -> Option<IoResult> {
        Some(match (self, outcome) {
            (Self::Plain, Outcome::Done) => IoResult::Done,
            (Self::Bytes(most), Outcome::Bytes(bytes)) if bytes.len() <= most => {
                IoResult::Bytes(bytes.to_vec())
            }
            (Self::Files, Outcome::Files(files)) => IoResult::Files(files),
            (Self::Opened, Outcome::Opened(len)) => IoResult::Opened { len },
            (Self::Saved, Outcome::Saved(len)) => IoResult::Saved { len },
            (Self::Buffer(bytes, from), Outcome::Written(count)) => {
                let room = bytes.len().saturating_sub(from);
                let count = usize::try_from(count).ok().filter(|count| *count <= room)?;
                IoResult::Written { count, bytes }
            }
            (Self::Buffer(bytes, _), Outcome::NotWritten(error)) => {
                IoResult::NotWritten { error, bytes }
            }
            (Self::Buffer(..) | Self::Never, _) => return None,
            (_, Outcome::Failed(error)) => IoResult::Failed(error),
            _ => return None,
        })
    }

    /// How it ends where there are no files: well.
    pub(super) fn granted(request: IoReq) -> Option<IoResult> {
        if let IoReq::ChangeDir { path } = request {
            return Some(IoResult::Bytes(path));
        }
        Some(match Self::of(request) {
            Self::Plain => IoResult::Done,
            Self::Bytes(_) => IoResult::Bytes(Vec::new()),
            Self::Files => IoResult::Files(Vec::new()),
            Self::Opened => IoResult::Opened { len: 0 },
            Self::Saved => IoResult::Saved { len: 0 },
            Self::Buffer(bytes, from) => {
                IoResult::Written { count: bytes.len().saturating_sub(from), bytes }
            }
            Self::Never => return None,
        })
    }
}
