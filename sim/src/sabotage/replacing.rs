//! The replacement of a file as the system calls that it is, so that some can be left out.

use std::collections::BTreeMap;

use seedis_core::io::{Dir, FileId, IoError, IoErrorKind, Name, OpenMode};
use seedis_core::{IoReq, IoResult, Ticket};

use super::boundary::Desk;

/// What a replacement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    /// It goes to a temporary file, which is renamed; else the file itself is emptied and written.
    pub(super) renames: bool,
    /// The content is synced before the rename.
    pub(super) syncs_file: bool,
    /// The directory is synced after it.
    pub(super) syncs_dir: bool,
}

/// What a completion meant.
#[derive(Debug)]
pub(super) enum Progress {
    /// It was about something else.
    NotOurs(IoResult),
    /// A replacement goes on.
    GoesOn,
    /// A replacement has ended so.
    Ended(Ticket, IoResult),
}

/// Replacements under way.
#[derive(Debug)]
pub(super) struct Replacing {
    manner: Manner,
    under_way: BTreeMap<Ticket, Replacement>,
    count: u64,
}

#[derive(Debug)]
struct Replacement {
    ticket: Ticket,
    file: FileId,
    name: Name,
    bytes: Vec<u8>,
    written: usize,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Open,
    Write,
    Sync,
    Rename,
    SyncDir,
    Done,
}

/// Files that are opened here have numbers from here on.
const OWN_FILES: u64 = 1 << 60;

impl Replacing {
    pub(super) fn of(manner: Manner) -> Self {
        Self { manner, under_way: BTreeMap::new(), count: 0 }
    }

    /// Takes a [`IoReq::Replace`].
    pub(super) fn begin(
        &mut self,
        ticket: Ticket,
        name: Name,
        bytes: Vec<u8>,
        desk: &mut Desk<'_>,
    ) {
        self.count += 1;
        let file = FileId(OWN_FILES + self.count);
        let step = Step::Open;
        let it = Replacement { ticket, file, name, bytes, written: 0, step };
        drop(self.ask(it, desk));
    }

    /// Goes on when this was about a replacement.
    pub(super) fn completed(
        &mut self,
        ticket: Ticket,
        result: IoResult,
        desk: &mut Desk<'_>,
    ) -> Progress {
        let Some(mut it) = self.under_way.remove(&ticket) else {
            return Progress::NotOurs(result);
        };
        match result {
            IoResult::Written { count, .. } => it.written += count,
            IoResult::NotWritten { error, .. } | IoResult::Failed(error) => {
                if error.kind != IoErrorKind::Interrupted {
                    return self.fail(&it, error, desk);
                }
            }
            _ => it.step = self.next(it.step),
        }
        if it.step == Step::Write && it.written == it.bytes.len() {
            it.step = self.next(it.step);
        }
        self.ask(it, desk)
    }

    pub(super) fn forget(&mut self) {
        self.under_way.clear();
    }

    fn next(&self, step: Step) -> Step {
        let Manner { renames, syncs_file, syncs_dir } = self.manner;
        match step {
            Step::Open => Step::Write,
            Step::Write if syncs_file => Step::Sync,
            Step::Write | Step::Sync if renames => Step::Rename,
            Step::Write | Step::Sync | Step::Rename if syncs_dir => Step::SyncDir,
            _ => Step::Done,
        }
    }

    fn ask(&mut self, it: Replacement, desk: &mut Desk<'_>) -> Progress {
        let request = match it.step {
            Step::Open => {
                IoReq::Open { file: it.file, name: self.target(&it.name), mode: OpenMode::Create }
            }
            Step::Write => {
                let (bytes, at) = (it.bytes[it.written..].to_vec(), it.written as u64);
                IoReq::WriteAt { file: it.file, at, bytes, from: 0 }
            }
            Step::Sync => IoReq::Sync { file: it.file },
            Step::Rename => IoReq::Rename { from: self.target(&it.name), to: it.name.clone() },
            Step::SyncDir => IoReq::SyncDir { dir: Dir::Aof },
            Step::Done => {
                desk.ask_for_itself(IoReq::Close { file: it.file });
                return Progress::Ended(it.ticket, IoResult::Done);
            }
        };
        let ticket = desk.ask_for_itself(request);
        self.under_way.insert(ticket, it);
        Progress::GoesOn
    }

    fn fail(&self, it: &Replacement, error: IoError, desk: &mut Desk<'_>) -> Progress {
        desk.ask_for_itself(IoReq::Close { file: it.file });
        if self.manner.renames {
            desk.ask_for_itself(IoReq::Unlink { name: self.target(&it.name) });
        }
        Progress::Ended(it.ticket, IoResult::Failed(error))
    }

    /// The file that is written.
    fn target(&self, name: &Name) -> Name {
        match name {
            Name::In(dir, name) if self.manner.renames => {
                Name::file(*dir, &[name, &b".1.tmp"[..]].concat())
            }
            other => other.clone(),
        }
    }
}
