//! What files hold, for people: `--check` and `--salvage`.
//!
//! The files of one server are given in the order in which the recovery loads them, and read with
//! its code; nothing is executed, and no more is held than the piece that is being read. So what
//! only execution shows is not seen here: a key that a dump has twice, or a command that its key's
//! type forbids. The hard case is a damaged base: what the log says of it cannot be trusted any
//! more, because commands of the log change values that are missing.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use super::dump;
use super::log_reader::{Found, LogReader};
use super::plan::parts_of;
use super::repair::Torn;
use super::scan::Scan;
use crate::command::registry::Registry;
use crate::config::Config;
use crate::keyspace::KeyHasher;
use crate::log::manifest::Manifest;
use crate::persist::manifest_io;
use crate::rdb::format::{FIRST_VERSION_WITH_CHECKSUM, opcode::EOF};
use crate::rdb::load::{Checksum, Item, LoadError, LoadErrorKind, Reader};
use crate::resp::parse::{self, Limits, Parsed};
use crate::value::crc64::crc64;

pub use super::plan::{Part, PartKind};

/// A manifest that was read.
#[derive(Clone, Debug)]
pub struct Files {
    manifest: Manifest,
}

impl Files {
    /// The manifest's name.
    #[must_use]
    pub fn manifest_name(config: &Config) -> Vec<u8> {
        manifest_io::name(config).into_vec()
    }

    /// Reads a manifest; an error says which line is wrong and how.
    pub fn parse(manifest: &[u8]) -> Result<Self, String> {
        match Manifest::parse(manifest) {
            Ok(read) => Ok(Self { manifest: read }),
            Err(error) => Err(format!("line {}: {}", error.line, error.words)),
        }
    }

    /// The files that are loaded, in their order.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        parts_of(&self.manifest).into()
    }

    /// A manifest that names those of the files that are in `parts`, and no other.
    #[must_use]
    pub fn manifest_of(&self, parts: &[Part]) -> Vec<u8> {
        let mut manifest = self.manifest.clone();
        let is_kept = |name: &[u8]| parts.iter().any(|part| *part.name == *name);
        manifest.history.clear();
        manifest.base.take_if(|file| !is_kept(&file.name));
        // Of a damaged base less is kept than was written.
        manifest.base.iter_mut().for_each(|file| file.origin = None);
        manifest.incrs.retain(|file| is_kept(&file.name));
        manifest.to_bytes()
    }
}

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// The dump at its beginning, or that it is.
    pub dump: Option<DumpFacts>,
    /// Whole commands, in batches of ours or not.
    pub commands: u64,
    /// Whole batches of ours.
    pub batches: u64,
    /// Where in the log its commands lie, if it tells.
    pub lsns: Option<Range<u64>>,
    /// Batches that were found behind damage, in this file or in one before it.
    pub batches_behind: u64,
    /// Where it stops being what was written, and why.
    pub flaw: Option<Flaw>,
    /// What of it can be kept.
    pub keep: Keep,
}

/// What a dump holds.
#[derive(Clone, Copy, Debug)]
pub struct DumpFacts {
    /// The version of the format.
    pub version: u16,
    /// Whole keys.
    pub keys: u64,
    /// `None` before its end was read.
    pub checksum: Option<Checksum>,
}

/// Damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Offset in the file.
    pub at: u64,
    /// The LSN there, in a log.
    pub lsn: Option<u64>,
    /// What is wrong.
    pub words: String,
}

/// What of a file can be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: it lies behind damage.
    #[default]
    Nothing,
    /// The bytes from its beginning to here.
    Bytes(u64),
    /// The keys of a dump, which are the bytes to here; [`Closing`] makes a dump of them.
    Keys(u64),
}

/// Whether a server starts on the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Whole,
    /// Yes, and it cuts off what a crash left half written.
    TornTail,
    /// No, for this reason.
    Broken(String),
}

/// The end of a dump that was cut behind a key.
#[derive(Debug)]
pub struct Closing {
    crc: u64,
    has_checksum: bool,
}

impl Closing {
    /// For the dump that was found so.
    #[must_use]
    pub fn of(dump: DumpFacts) -> Self {
        Self { crc: 0, has_checksum: dump.version >= FIRST_VERSION_WITH_CHECKSUM }
    }

    /// Takes the next bytes that are kept.
    pub fn push(&mut self, bytes: &[u8]) {
        self.crc = crc64(self.crc, bytes);
    }

    /// What ends the file.
    #[must_use]
    pub fn end(mut self) -> Vec<u8> {
        self.push(&[EOF]);
        let mut end = alloc::vec![EOF];
        if self.has_checksum {
            end.extend_from_slice(&self.crc.to_le_bytes());
        }
        end
    }
}

/// Reads the files of one log, or one dump, one after the other.
#[derive(Debug)]
pub struct Inspector {
    config: Config,
    registry: Arc<Registry>,
    lsn: u64,
    knows_lsn: bool,
    epoch: u64,
    torn: Option<Torn>,
    broken: Option<String>,
    /// What follows in later files cannot be kept.
    is_cut: bool,
}

/// A file that is being read.
#[derive(Debug)]
pub struct Inspection<'a> {
    all: &'a mut Inspector,
    part: Part,
    len: u64,
    format: Format,
    finding: Finding,
    batches_before: u64,
}

#[derive(Debug)]
enum Format {
    /// Its first bytes are not here yet.
    Unknown(Vec<u8>),
    Dump(Box<Reader>),
    Log(LogReader),
    /// What is read lies behind damage of the log.
    Behind,
    /// Nothing more is looked at.
    Over,
}

impl Inspector {
    /// For the files of a server with this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self::sharing(Arc::new(crate::command::registry()), config)
    }

    /// The same with a table of commands that others use too.
    #[must_use]
    pub fn sharing(registry: Arc<Registry>, config: &Config) -> Self {
        Self {
            config: config.clone(),
            registry,
            lsn: 0,
            knows_lsn: false,
            epoch: 0,
            torn: None,
            broken: None,
            is_cut: false,
        }
    }

    /// Begins with the next file, of `len` bytes. Its bytes are pushed in order, all of them.
    pub fn begin(&mut self, part: Part, len: u64) -> Inspection<'_> {
        let format = match &mut self.torn {
            Some(torn) => {
                torn.later.push(part.clone());
                Format::Behind
            }
            None => Format::Unknown(Vec::new()),
        };
        let batches_before = self.batches_behind();
        Inspection { all: self, part, len, format, finding: Finding::default(), batches_before }
    }

    /// Whether a server starts on what was read.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if let Some(why) = &self.broken {
            return Verdict::Broken(why.clone());
        }
        match &self.torn {
            None => Verdict::Whole,
            Some(torn) if torn.is_in_base() => Verdict::Broken("the base is damaged".into()),
            Some(torn) => match torn.verdict() {
                None => Verdict::TornTail,
                Some(why) => Verdict::Broken(why.into()),
            },
        }
    }

    fn batches_behind(&self) -> u64 {
        self.torn.as_ref().map_or(0, |torn| torn.scan.batches())
    }
}

impl Inspection<'_> {
    /// Reads the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.read(bytes, false);
    }

    /// The file is over.
    #[must_use]
    pub fn end(mut self) -> Finding {
        self.read(&[], true);
        self.end_base();
        self.finding.batches_behind = self.all.batches_behind() - self.batches_before;
        let is_kept = !self.all.is_cut && !matches!(self.format, Format::Behind);
        if is_kept && self.finding.flaw.is_none() {
            self.finding.keep = Keep::Bytes(self.len);
        }
        self.all.is_cut |= match &self.finding.flaw {
            // Every key was read, and only some byte of one may be wrong.
            Some(_) => self.finding.dump.is_none_or(|dump| dump.checksum.is_none()),
            None => false,
        };
        self.finding
    }

    /// A base ends where the manifest says, and the log goes on behind it.
    fn end_base(&mut self) {
        if let Some((lsn, epoch)) = self.part.end_of_base() {
            (self.all.lsn, self.all.knows_lsn) = (lsn, true);
            self.all.epoch = self.all.epoch.max(epoch);
        }
        let Some(words) = self.part.wrong_length(self.len) else { return };
        if self.finding.flaw.is_none() {
            self.finding.keep = Keep::Bytes(self.len);
            self.broken(Flaw { at: self.len, lsn: None, words });
        }
    }

    fn read(&mut self, bytes: &[u8], is_end: bool) {
        match &mut self.format {
            Format::Unknown(first) => {
                first.extend_from_slice(bytes);
                if first.len() >= dump::MAGIC_BYTES || is_end {
                    let first = core::mem::take(first);
                    self.recognize(&first);
                    self.read(&first, is_end);
                }
            }
            Format::Dump(reader) => {
                reader.push(bytes);
                self.read_dump(is_end);
            }
            Format::Log(reader) => {
                reader.push(bytes);
                self.read_log(is_end);
            }
            Format::Behind => {
                if let Some(torn) = &mut self.all.torn {
                    torn.scan.push(bytes, is_end);
                }
            }
            Format::Over => {}
        }
    }

    fn recognize(&mut self, first: &[u8]) {
        if self.part.kind != PartKind::Incr && dump::is_dump(first) {
            self.finding.dump = Some(DumpFacts { version: 0, keys: 0, checksum: None });
            self.format = Format::Dump(Box::new(dump::reader(
                &self.all.config,
                self.len,
                KeyHasher::new(0, 0),
            )));
        } else if dump::is_due(&self.part, first) {
            self.broken(Flaw { at: 0, lsn: None, words: "not an RDB file".into() });
        } else {
            self.format = self.log_at(0);
        }
    }

    fn log_at(&self, at: u64) -> Format {
        let (lsn, knows_lsn) = (self.all.lsn, self.all.knows_lsn);
        let reader = LogReader::new(at, self.len, lsn, knows_lsn, self.part.is_framed());
        Format::Log(reader.of_epoch(self.all.epoch))
    }

    /// No server starts on this file.
    fn broken(&mut self, flaw: Flaw) {
        let why = format!("{} at offset {}: {}", self.part.shown(), flaw.at, flaw.words);
        self.all.broken.get_or_insert(why);
        self.finding.flaw = Some(flaw);
        self.format = Format::Over;
    }

    fn read_dump(&mut self, is_end: bool) {
        let (Format::Dump(reader), Some(facts)) = (&mut self.format, &mut self.finding.dump) else {
            return;
        };
        let mut whole_to = 0;
        if let Keep::Keys(to) = self.finding.keep {
            whole_to = to;
        }
        let databases = self.all.config.databases.into();
        let outcome = loop {
            let item = reader.next();
            let step = match item {
                Ok(Item::Need(_)) if is_end => Err(reader.end_of_file()),
                Ok(Item::Need(_)) => break Ok(false),
                Ok(Item::SelectDb(db)) if db >= databases => {
                    break Err(beyond(db, whole_to));
                }
                Ok(Item::End(checksum)) => {
                    facts.checksum = Some(checksum);
                    break Ok(true);
                }
                Ok(Item::Entry(_)) => {
                    facts.keys += 1;
                    Ok(())
                }
                Ok(Item::Aux { name, value }) => {
                    if let Some(lsn) = dump::lsn_of(name, value) {
                        (self.all.lsn, self.all.knows_lsn) = (lsn, true);
                    }
                    Ok(())
                }
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = step {
                break Err(flaw_of(&error, facts));
            }
            whole_to = reader.offset();
        };
        facts.version = reader.version();
        self.finding.keep = if self.all.is_cut { Keep::Nothing } else { Keep::Keys(whole_to) };
        match outcome {
            Ok(false) => {}
            Ok(true) => self.dump_ended(is_end),
            Err(flaw) => {
                if whole_to == 0 {
                    self.finding.keep = Keep::Nothing;
                }
                self.broken(flaw);
            }
        }
    }

    /// A base may go on with commands; behind `dump.rdb` nothing is read.
    fn dump_ended(&mut self, is_end: bool) {
        let Format::Dump(reader) = &mut self.format else { return };
        if self.part.kind == PartKind::Dump {
            self.format = Format::Over;
            return;
        }
        let (rest, at) = (reader.rest().to_vec(), reader.offset());
        self.format = self.log_at(at);
        self.read(&rest, is_end);
    }

    fn read_log(&mut self, is_end: bool) {
        let Format::Log(reader) = &mut self.format else { return };
        let flaw = loop {
            match reader.next(is_end) {
                Found::Run(ranges) => {
                    let bytes = reader.bytes();
                    let runs = ranges.iter().map(|range| &bytes[range.clone()]);
                    match count(&self.all.registry, runs) {
                        Ok(commands) => self.finding.commands += commands,
                        Err(words) => {
                            let (at, lsn) = (reader.offset(), Some(reader.lsn()));
                            break Some(Err(Flaw { at, lsn, words }));
                        }
                    }
                    let start =
                        self.finding.lsns.take().map_or_else(|| reader.lsn(), |lsns| lsns.start);
                    reader.run_is_done();
                    self.finding.lsns = Some(start..reader.lsn());
                }
                Found::More | Found::End => break None,
                Found::Damage(damage) => break Some(Ok(damage)),
            }
        };
        self.finding.batches = reader.batches;
        (self.all.lsn, self.all.knows_lsn) = (reader.lsn(), reader.knows_lsn());
        self.all.epoch = reader.epoch();
        if !self.all.knows_lsn {
            self.finding.lsns = None;
        }
        let Some(flaw) = flaw else { return };
        let at = flaw.as_ref().map_or_else(|flaw| flaw.at, |damage| damage.at);
        self.finding.keep = if self.all.is_cut { Keep::Nothing } else { Keep::Bytes(at) };
        match flaw {
            Err(flaw) => self.broken(flaw),
            Ok(damage) => {
                let words = damage.kind.words().into();
                self.finding.flaw = Some(Flaw { at, lsn: Some(damage.lsn), words });
                let (rest, has_frames) = (reader.rest().to_vec(), reader.has_frames);
                let scan = Scan::new(damage.lsn, reader.knows_lsn()).of_epoch(reader.epoch());
                self.all.torn = Some(Torn::new(self.part.clone(), damage, has_frames, scan));
                self.format = Format::Behind;
                self.read(&rest, is_end);
            }
        }
    }
}

fn beyond(db: u64, at: u64) -> Flaw {
    let words = format!("it has a database {db}, which is not configured");
    Flaw { at, lsn: None, words }
}

fn flaw_of(error: &LoadError, facts: &mut DumpFacts) -> Flaw {
    if matches!(error.kind, LoadErrorKind::Checksum { .. }) {
        // Every key was read; which of them is wrong nobody can tell.
        facts.checksum = Some(Checksum::Unknown);
    }
    Flaw { at: error.offset, lsn: None, words: error.kind.to_string() }
}

/// Counts commands; an error names one that this server does not have.
fn count<'a>(registry: &Registry, runs: impl Iterator<Item = &'a [u8]>) -> Result<u64, String> {
    let limits = Limits { bulk_bytes_max: u64::MAX, authenticated: true };
    let mut commands = 0;
    let (mut spans, mut words) = (Vec::new(), Vec::new());
    for run in runs {
        let mut at = 0;
        while at < run.len() {
            spans.clear();
            let parsed = parse::parse(run, at, &mut spans, &mut words, &mut None, limits);
            at = match parsed {
                Ok(Parsed::Request { end }) => {
                    commands += 1;
                    let word = |index: usize| {
                        spans
                            .get(index)
                            .map(|span| &run[span.start as usize..][..span.len as usize])
                    };
                    known(registry, word(0).unwrap_or_default(), spans.len())?;
                    end
                }
                Ok(Parsed::Empty { end } | Parsed::Inline { end }) => end,
                Ok(Parsed::Incomplete { .. }) => return Err("half a command".into()),
                Err(error) => return Err(error.to_string()),
            };
        }
    }
    Ok(commands)
}

fn known(registry: &Registry, name: &[u8], words: usize) -> Result<(), String> {
    let shown = name.escape_ascii();
    match registry.find(name) {
        None => Err(format!("the command '{shown}' does not exist here")),
        Some(id) if !registry.row(id).command.takes(words) => {
            Err(format!("a wrong number of arguments for '{shown}'"))
        }
        Some(_) => Ok(()),
    }
}
