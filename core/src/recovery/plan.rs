//! Which files are loaded, in which order.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem::take;

use super::Stage;
use crate::config::{Config, LogLevel};
use crate::io::{Dir, FileEntry, IoReq, Name, OpenMode};
use crate::log::frame::INCR_LINE;
use crate::log::manifest::{AofFile, Manifest, Origin};
use crate::persist::aof::AofState;
use crate::persist::first_line::FirstLine;
use crate::server::Server;

/// What a file is to the recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// `dump.rdb`.
    Dump,
    /// The base of the append-only file, or one of the old form, before Redis 7.
    Base,
    /// An incremental file.
    Incr,
}

/// A file to be loaded.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name in the directory.
    pub name: Box<[u8]>,
    /// Its directory.
    pub dir: Dir,
    /// What it is to the recovery.
    pub kind: PartKind,
    /// The last file of the append-only file: the one whose tail may be torn.
    pub is_last: bool,
    /// What the manifest tells of it, if we made it.
    pub(crate) origin: Option<Origin>,
}

impl Part {
    pub(crate) fn file(&self) -> Name {
        Name::file(self.dir, &self.name)
    }

    /// `dump.rdb`.
    #[must_use]
    pub fn dump(config: &Config) -> Self {
        let name = config.dbfilename[..].into();
        Self { name, dir: Dir::Data, kind: PartKind::Dump, is_last: false, origin: None }
    }

    /// An append-only file of the form before Redis 7.
    #[must_use]
    pub fn old_log(config: &Config) -> Self {
        let name = config.appendfilename[..].into();
        Self { name, dir: Dir::Data, kind: PartKind::Base, is_last: true, origin: None }
    }

    /// Whether it is an incremental file of ours, from its first byte on.
    pub(crate) fn is_framed(&self) -> bool {
        self.origin == Some(Origin::Framed)
    }

    /// Where the log goes on behind it, and in which epoch, if it is a base of which that is known.
    pub(crate) fn end_of_base(&self) -> Option<(u64, u64)> {
        match self.origin? {
            Origin::Base { lsn, epoch, .. } => Some((lsn, epoch)),
            Origin::Framed => None,
        }
    }

    /// Why a base of `len` bytes is not the one that was made.
    pub(crate) fn wrong_length(&self, len: u64) -> Option<String> {
        match self.origin? {
            Origin::Base { bytes, .. } if bytes != len => {
                Some(format!("it has {len} bytes, and {bytes} were written"))
            }
            _ => None,
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}

/// The files of a manifest that are loaded, in order.
pub(crate) fn parts_of(manifest: &Manifest) -> VecDeque<Part> {
    let part = |file: &AofFile, kind| {
        let (name, origin) = (file.name.clone(), file.origin);
        Part { name, dir: Dir::Aof, kind, is_last: false, origin }
    };
    let base = manifest.base.iter().map(|file| part(file, PartKind::Base));
    let incrs = manifest.incrs.iter().map(|file| part(file, PartKind::Incr));
    let mut parts: VecDeque<Part> = base.chain(incrs).collect();
    if let Some(last) = parts.back_mut() {
        last.is_last = true;
    }
    parts
}

impl Server {
    /// Notes the highest numbers of files, named by a manifest or not: none is used again.
    pub(crate) fn note_numbers(&mut self, files: &[FileEntry]) {
        for file in files {
            if let Some((seq, is_base)) = number_of(&file.name, &self.config.appendfilename) {
                let aof = &mut self.persist.aof;
                let highest = if is_base { &mut aof.base_seq } else { &mut aof.incr_seq };
                *highest = (*highest).max(seq);
            }
        }
    }

    pub(crate) fn manifest_read(&mut self, bytes: &[u8]) -> Result<(), String> {
        let manifest = Manifest::parse(bytes)
            .map_err(|error| format!("Bad AOF manifest, line {}: {}", error.line, error.words))?;
        let aof = &mut self.persist.aof;
        aof.base_seq = aof.base_seq.max(manifest.base_seq());
        aof.incr_seq = aof.incr_seq.max(manifest.incr_seq());
        aof.manifest = manifest;
        self.make_plan()
    }

    /// Decides what is loaded, and begins with it.
    pub(crate) fn make_plan(&mut self) -> Result<(), String> {
        let parts = if self.config.appendonly { self.log_parts()? } else { self.dump_part() };
        let sizes = self.sizes(&parts);
        if let Some(recovery) = &mut self.recovery {
            recovery.progress.total_bytes = sizes;
            recovery.parts = parts;
        }
        self.load_next()
    }

    fn log_parts(&mut self) -> Result<VecDeque<Part>, String> {
        let parts = parts_of(&self.persist.aof.manifest);
        if parts.is_empty() {
            return Ok(self.old_log_part());
        }
        let Some(recovery) = &self.recovery else { return Ok(parts) };
        for part in &parts {
            if !recovery.aof.iter().any(|file| file.name == part.name) {
                return Err(format!("The AOF file {} does not exist", part.shown()));
            }
        }
        Ok(parts)
    }

    /// Without a manifest: an append-only file of Redis before 7, else the dump.
    fn old_log_part(&mut self) -> VecDeque<Part> {
        let name = &self.config.appendfilename;
        if !self.has_data_file(name) {
            return self.dump_part();
        }
        let line = format!(
            "Loading {}, which is of the form before Redis 7; it stays where it is, and the new \
             append only file is made from it.",
            String::from_utf8_lossy(name)
        );
        let part = Part::old_log(&self.config);
        self.log_line(LogLevel::Notice, line);
        [part].into()
    }

    fn dump_part(&self) -> VecDeque<Part> {
        let part = Part::dump(&self.config);
        if self.has_data_file(&part.name) { [part].into() } else { VecDeque::new() }
    }

    fn has_data_file(&self, name: &[u8]) -> bool {
        let Some(recovery) = &self.recovery else { return false };
        recovery.data.iter().any(|file| &file.name[..] == name)
    }

    fn sizes(&self, parts: &VecDeque<Part>) -> u64 {
        let Some(recovery) = &self.recovery else { return 0 };
        let files = |part: &Part| match part.dir {
            Dir::Data => &recovery.data,
            Dir::Aof => &recovery.aof,
        };
        let size = |part: &Part| {
            let mut all = files(part).iter();
            all.find(|file| file.name == part.name).map_or(0, |file| file.len)
        };
        parts.iter().map(size).sum()
    }

    /// Opens the next file, or ends when there is none.
    pub(crate) fn load_next(&mut self) -> Result<(), String> {
        let Some(recovery) = &mut self.recovery else { return Ok(()) };
        let Some(part) = recovery.parts.pop_front() else { return self.mend_files() };
        let file = self.persist.new_file();
        let request = IoReq::Open { file, name: part.file(), mode: OpenMode::Read };
        if let Some(recovery) = &mut self.recovery {
            recovery.progress.file = Some(file);
        }
        self.recover_asks(Stage::Open(part), request);
        Ok(())
    }

    /// Removes what a crash left half done: temporary files, and of the files that no manifest
    /// names incremental ones with a first line at most and bases newer than the one that counts.
    /// What else nobody names may be somebody's copy, and stays. Names of incremental files tell
    /// epochs apart until this life has its own in the log.
    pub(crate) fn remove_leftovers(&mut self) {
        let aof = &self.persist.aof;
        let is_begun = aof.state == AofState::On && aof.first_line == FirstLine::Durable;
        let Some(recovery) = &mut self.recovery else { return };
        let (data, aof) = (take(&mut recovery.data), take(&mut recovery.aof));
        let mut names = Vec::new();
        for file in data {
            if self.persist.knows_temporary(&file.name) {
                names.push(Name::file(Dir::Data, &file.name));
            }
        }
        for file in aof {
            let is_temporary = self.persist.knows_temporary(&file.name);
            let is_unused = is_begun && self.is_unused(&file);
            if is_temporary || self.is_half_manifest(&file) || is_unused {
                names.push(Name::file(Dir::Aof, &file.name));
            }
        }
        for name in names {
            self.request(IoReq::Unlink { name }, None);
        }
    }
}

impl Server {
    /// Whether a crash came while a manifest was written: `appendonly.aof.manifest.<number>.tmp`.
    fn is_half_manifest(&self, file: &FileEntry) -> bool {
        let name = crate::persist::manifest_io::name(&self.config);
        let rest = file.name.strip_prefix(&name[..]).and_then(|rest| rest.strip_prefix(b"."));
        let digits = rest.and_then(|rest| rest.strip_suffix(b".tmp"));
        digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
    }

    /// Whether a rewrite was cut short before a manifest named what it had made: an incremental
    /// file with a first line at most, or a base. Numbers of bases rise, so one below that of the
    /// manifest is from before there was one, perhaps of a log whose manifest was lost. Without a
    /// manifest nothing is known.
    fn is_unused(&self, file: &FileEntry) -> bool {
        let manifest = &self.persist.aof.manifest;
        let mut named = manifest.files().map(|(_, named)| &named.name).peekable();
        if named.peek().is_none() || named.any(|name| *name == file.name) {
            return false;
        }
        match number_of(&file.name, &self.config.appendfilename) {
            Some((seq, true)) => {
                let is_ours =
                    [&b".base.rdb"[..], b".base.aof"].iter().any(|end| file.name.ends_with(end));
                is_ours && manifest.base.as_ref().is_some_and(|base| seq > base.seq)
            }
            Some((_, false)) => {
                file.len <= INCR_LINE.len() as u64 && file.name.ends_with(b".incr.aof")
            }
            None => false,
        }
    }
}

/// The number in `appendonly.aof.7.base.rdb`, and whether it is a base.
fn number_of(name: &[u8], prefix: &[u8]) -> Option<(u64, bool)> {
    let rest = name.strip_prefix(prefix)?.strip_prefix(b".")?;
    let digits = rest.iter().position(|&byte| byte == b'.')?;
    let seq = core::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    let kind = &rest[digits..];
    let is_base = kind.starts_with(b".base.");
    (is_base || kind.starts_with(b".incr.")).then_some((seq, is_base))
}
