//! Bugs of names: renames, removals, directories and the manifest, and in which order they reach
//! the disk.

use std::collections::BTreeMap;

use seedis_core::io::{Dir, Name, OpenMode};
use seedis_core::{IoReq, IoResult, Now, Ticket};

use super::boundary::{Desk, Saboteur};
use super::ledger::{Asked, Ledger, is_incr, is_temporary};
use super::log_text::{Listed, listed, manifest, manifest_of};
use super::replacing::{Manner, Progress, Replacing};
use super::table::Sabotage;
use crate::disk::{Crash, Disk};
use crate::finding::Invariant::{D1, D2, D3, D4, D5, D8, D9, D12, F1, L1};

pub(super) const ROWS: &[Sabotage] = &[
    Sabotage {
        name: "manifest-not-synced-before-rename",
        number: "29b",
        fault: "power loss; the rename is kept, the content is not",
        caught_by: &[L1, D1, D3, D5, D8],
        words: "the new manifest is renamed before its content is durable",
        plant: || Box::new(Names::replacing(true, false, true)),
    },
    Sabotage {
        name: "directory-not-synced-after-rename",
        number: "30",
        fault: "power loss; the entry is lost",
        caught_by: &[D1, D2, D3, D5, D8, L1],
        words: "the directory is not synced after the manifest was renamed",
        plant: || Box::new(Names::replacing(true, true, false)),
    },
    Sabotage {
        name: "old-files-removed-too-early",
        number: "31",
        fault: "crash before the manifest is durable",
        caught_by: &[L1, D5, D8, D1, D3],
        words: "old files are removed before the manifest without them is durable",
        plant: || Box::new(Names::of(Bug::EarlyUnlink)),
    },
    Sabotage {
        name: "manifest-before-entries",
        number: "32",
        fault: "power loss; entries reordered",
        caught_by: &[L1],
        words: "the directory is not synced before a manifest names new files",
        plant: || Box::new(Names::of(Bug::NoSyncDir(Dir::Aof))),
    },
    Sabotage {
        name: "manifest-in-place",
        number: "33",
        fault: "crash while it is written",
        caught_by: &[L1, D5, D8, D1, D3, D4],
        words: "the manifest is emptied and written again in place",
        plant: || Box::new(Names::replacing(false, true, false)),
    },
    Sabotage {
        name: "manifest-without-checksum",
        number: "34",
        fault: "rot in the manifest",
        caught_by: &[D9, L1],
        words: "the checksum of the manifest is not verified",
        plant: || Box::new(Names::of(Bug::UnverifiedManifest)),
    },
    Sabotage {
        name: "rename-and-sync-at-once",
        number: "35",
        fault: "completions reordered, power loss",
        caught_by: &[L1, D1, D5, D8],
        words: "the directory is synced while the rename is still under way",
        plant: || Box::new(Names::of(Bug::RenameAtOnce)),
    },
    Sabotage {
        name: "parent-directory-not-synced",
        number: "36",
        fault: "power loss after the log was switched on",
        caught_by: &[D1, D2, D3, D5, D8],
        words: "the entry of the directory of the log is never made durable",
        plant: || Box::new(Names::of(Bug::NoSyncDir(Dir::Data))),
    },
    Sabotage {
        name: "start-removes-too-much",
        number: "37",
        fault: "restart with two incremental files",
        caught_by: &[L1, D1, D3, D4, D5],
        words: "a start removes every incremental file but the last",
        plant: || Box::new(Names::of(Bug::StartRemoves)),
    },
    Sabotage {
        name: "temporary-not-emptied",
        number: "38",
        fault: "crash while a base is written, another rewrite",
        caught_by: &[L1, D5, F1],
        words: "a temporary file of an earlier life is written over and not emptied first",
        plant: || Box::new(Names::of(Bug::SameTemporary)),
    },
    Sabotage {
        name: "failed-removal-ends-removals",
        number: "39",
        fault: "a removal fails",
        caught_by: &[D12],
        words: "after a removal has failed no file is ever removed again",
        plant: || Box::new(Names::of(Bug::NoMoreUnlinks)),
    },
    Sabotage {
        name: "number-used-twice",
        number: "40",
        fault: "the replacement of the manifest fails, another rewrite, restart",
        caught_by: &[L1, D1, D2, D3, D4, D5, D8],
        words: "after a failed rewrite the next one empties and uses the same incremental file",
        plant: || Box::new(Names::of(Bug::SameNumber)),
    },
    Sabotage {
        name: "incr-named-before-its-base",
        number: "47",
        fault: "the log is switched on, crash before its base is durable",
        caught_by: &[D5, D8, D1, D3, D4, L1],
        words: "the first manifest names the incremental file alone, before there is a base",
        plant: || Box::new(Names::of(Bug::IncrFirst)),
    },
    Sabotage {
        name: "failed-manifest-taken-for-done",
        number: "40b",
        fault: "the replacement of the manifest fails, restart",
        caught_by: &[L1, D1, D2, D3, D4, D5, D8],
        words: "a manifest that could not be replaced is taken for replaced",
        plant: || Box::new(Names::of(Bug::ReplaceErrorIgnored)),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    Replaced,
    EarlyUnlink,
    NoSyncDir(Dir),
    UnverifiedManifest,
    RenameAtOnce,
    StartRemoves,
    SameTemporary,
    NoMoreUnlinks,
    SameNumber,
    IncrFirst,
    ReplaceErrorIgnored,
}

/// A bug in the handling of names.
#[derive(Debug)]
struct Names {
    bug: Bug,
    ledger: Ledger,
    replacing: Option<Replacing>,
    /// What is called otherwise than the core believes.
    renamed: BTreeMap<String, String>,
    has_failed: bool,
    last_incr: Option<String>,
    /// The file of the manifest of one file alone.
    is_first_named: bool,
}

impl Names {
    fn of(bug: Bug) -> Self {
        Self {
            bug,
            ledger: Ledger::default(),
            replacing: None,
            renamed: BTreeMap::new(),
            has_failed: false,
            last_incr: None,
            is_first_named: false,
        }
    }

    fn replacing(renames: bool, syncs_file: bool, syncs_dir: bool) -> Self {
        let manner = Manner { renames, syncs_file, syncs_dir };
        Self { replacing: Some(Replacing::of(manner)), ..Self::of(Bug::Replaced) }
    }

    fn changed(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) -> Option<IoReq> {
        match (self.bug, request) {
            (Bug::Replaced, IoReq::Replace { name, bytes }) => {
                self.replacing.as_mut()?.begin(ticket, name, bytes, desk);
                None
            }
            (Bug::EarlyUnlink, IoReq::Replace { name, bytes }) => {
                let old = desk.content(&name).unwrap_or_default();
                let is_kept = |file: &Listed| {
                    let kept = listed(&bytes);
                    kept.iter().any(|it| it.name == file.name && it.kind != 'h')
                };
                for file in listed(&old).iter().filter(|file| !is_kept(file)) {
                    desk.ask_for_itself(IoReq::Unlink { name: file.file() });
                }
                Some(IoReq::Replace { name, bytes })
            }
            (Bug::NoSyncDir(unsynced), IoReq::SyncDir { dir }) if dir == unsynced => {
                desk.tell(ticket, IoResult::Done);
                None
            }
            (Bug::RenameAtOnce, request @ IoReq::Rename { .. }) => {
                desk.ask_for_itself(request);
                desk.tell(ticket, IoResult::Done);
                None
            }
            (Bug::SameTemporary, request) => Some(same_temporary(request)),
            (Bug::NoMoreUnlinks, IoReq::Unlink { .. }) if self.has_failed => {
                desk.tell(ticket, IoResult::Done);
                None
            }
            (Bug::SameNumber, request) => Some(self.same_number(request)),
            (Bug::IncrFirst, request) => {
                self.name_first(&request, desk);
                Some(request)
            }
            (_, request) => Some(request),
        }
    }

    /// An incremental file of a rewrite that failed is used again under its old name.
    fn same_number(&mut self, request: IoReq) -> IoReq {
        match request {
            IoReq::Open { file, name: Name::In(dir, name), mode: OpenMode::CreateNew } => {
                let mut name = String::from_utf8_lossy(&name).into_owned();
                let mut mode = OpenMode::CreateNew;
                if self.has_failed
                    && let Some(last) = self.last_incr.clone()
                {
                    self.renamed.insert(std::mem::replace(&mut name, last.clone()), last);
                    (mode, self.has_failed) = (OpenMode::Create, false);
                }
                self.last_incr = Some(name.clone());
                IoReq::Open { file, name: Name::file(dir, name.as_bytes()), mode }
            }
            IoReq::Replace { name, bytes } => {
                let mut files = listed(&bytes);
                for file in &mut files {
                    if let Some(other) = self.renamed.get(&file.name) {
                        file.name.clone_from(other);
                    }
                }
                files.dedup_by(|one, other| one.name == other.name);
                IoReq::Replace { name, bytes: manifest_of(&files) }
            }
            IoReq::Unlink { name: Name::In(dir, name) } => {
                let text = String::from_utf8_lossy(&name).into_owned();
                let other = self.renamed.get(&text).unwrap_or(&text);
                IoReq::Unlink { name: Name::file(dir, other.as_bytes()) }
            }
            other => other,
        }
    }

    /// The first incremental file is named in a manifest as soon as it is opened.
    fn name_first(&mut self, request: &IoReq, desk: &mut Desk<'_>) {
        if let IoReq::SyncDir { dir: Dir::Aof } = request
            && !self.is_first_named
            && desk.content(&manifest()).is_none()
            && let Some(name) = self.last_incr.clone()
        {
            self.is_first_named = true;
            let file = Listed { name, seq: 1, kind: 'i', note: Some("#framed".into()) };
            let bytes = manifest_of(&[file]);
            desk.ask_for_itself(IoReq::Replace { name: manifest(), bytes });
        }
        if let IoReq::Open { name, mode: OpenMode::CreateNew, .. } = request
            && is_incr(name)
            && let Name::In(_, name) = name
        {
            self.last_incr = Some(String::from_utf8_lossy(name).into_owned());
        }
    }
}

/// All temporary files are called the same, and what one held is not cut off.
fn same_temporary(request: IoReq) -> IoReq {
    let one = |name: Name| match name {
        Name::In(dir, _) if is_temporary(&name) => Name::file(dir, b"rewrite.part.rdb"),
        other => other,
    };
    match request {
        IoReq::Open { file, name, mode } if is_temporary(&name) => {
            IoReq::Open { file, name: one(name), mode }
        }
        IoReq::Rename { from, to } => IoReq::Rename { from: one(from), to },
        other => other,
    }
}

impl Saboteur for Names {
    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        self.ledger.note(ticket, &request);
        if let Some(request) = self.changed(ticket, request, desk) {
            match (self.bug, request) {
                (Bug::SameTemporary, IoReq::Unlink { name }) if is_temporary(&name) => {
                    desk.tell(ticket, IoResult::Done);
                }
                (Bug::SameTemporary, IoReq::Open { file, name, mode: OpenMode::Create }) => {
                    let has_one = desk.content(&name).is_some();
                    let mode = if has_one { OpenMode::Write } else { OpenMode::Create };
                    desk.ask(ticket, IoReq::Open { file, name, mode });
                }
                (_, request) => desk.ask(ticket, request),
            }
        }
    }

    fn completion(&mut self, ticket: Ticket, result: IoResult, desk: &mut Desk<'_>) {
        let progress = match &mut self.replacing {
            Some(replacing) => replacing.completed(ticket, result, desk),
            None => Progress::NotOurs(result),
        };
        let (ticket, result) = match progress {
            Progress::GoesOn => return,
            Progress::NotOurs(result) => (ticket, result),
            Progress::Ended(ticket, result) => (ticket, result),
        };
        let asked = self.ledger.over(ticket);
        let has_failed = matches!(result, IoResult::Failed(_));
        match (self.bug, asked) {
            (Bug::ReplaceErrorIgnored, Some(Asked::Replace)) if has_failed => {
                return desk.tell(ticket, IoResult::Done);
            }
            (Bug::NoMoreUnlinks, Some(Asked::Unlink)) | (Bug::SameNumber, Some(Asked::Replace)) => {
                self.has_failed |= has_failed
            }
            _ => {}
        }
        desk.tell(ticket, result);
    }

    fn crashed(&mut self, disk: &mut Disk, _crash: Crash, _now: Now) {
        self.ledger.forget();
        self.replacing.iter_mut().for_each(Replacing::forget);
        self.renamed.clear();
        self.last_incr = None;
        self.is_first_named = false;
        self.has_failed &= self.bug == Bug::NoMoreUnlinks;
        match self.bug {
            Bug::UnverifiedManifest => verify_nothing(disk),
            Bug::StartRemoves => remove_old(disk),
            _ => {}
        }
    }
}

/// Whatever lines the manifest has get the checksum that they should have.
fn verify_nothing(disk: &mut Disk) {
    let files = disk.content(&manifest()).map(listed).unwrap_or_default();
    if !files.is_empty() {
        disk.set_content(&manifest(), manifest_of(&files));
    }
}

/// Incremental files before the last one go.
fn remove_old(disk: &mut Disk) {
    let files = super::log_text::files_of(disk, 'i');
    if let Some((_, old)) = files.split_last() {
        old.iter().for_each(|name| disk.remove(name));
    }
}
