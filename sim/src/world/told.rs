//! What INFO tells of files, held against what the world has seen of them.
//!
//! An operator decides by these figures, and no reply that the model compares holds them. They are
//! asked for when a life ends, in the middle of whatever was under way, since then nobody minds a
//! turn more: sizes, syncs and writes that failed, how long they took, saves and rewrites by the
//! lines of the log that tell of them, keys by what the core holds, and whether what is due by the
//! rules of `save` and `auto-aof-rewrite-*` has begun.

mod figures;

use std::collections::{BTreeMap, BTreeSet};

use seedis_core::io::{FileId, IoErrorKind, Name, OpenMode};
use seedis_core::{ConnId, Core, IoReq, IoResult, Now, Peer, Ticket};

use super::progress::Progress;
use crate::disk::Disk;
use crate::finding::Invariant::{D12, F1, L1};
use crate::finding::check;
use crate::replay;
use crate::sabotage::log_text::{Listed, listed, manifest, names};
pub(super) use figures::Expired;

/// What a life has done to files.
#[derive(Debug, Default)]
pub(crate) struct Told {
    asked: BTreeMap<Ticket, Asked>,
    /// Files that a batch was written to.
    logs: BTreeSet<FileId>,
    counts: BTreeMap<&'static str, u64>,
    took_ns: u64,
    took_ns_max: u64,
    /// When the last line of a kind was told: time and how often.
    lines: BTreeMap<&'static str, (Now, u64)>,
    /// Turns that have logged something since a save has begun that has succeeded, and since the
    /// one that runs has.
    logged: u64,
    logged_since: u64,
    /// The same with what only goes by itself, and perhaps some before the save has begun.
    is_quiet: bool,
    is_quiet_since: bool,
    begins: bool,
    has_begun: bool,
    /// Why the last shutdown has failed.
    shutdown_failed: String,
    /// Why writes were refused when the last turn ended, and warnings told since.
    refused: Option<String>,
    was_logging: bool,
    warned: Vec<&'static str>,
    /// A file could not be removed.
    has_kept_files: bool,
    begins_log: bool,
    /// Some request has failed, or the first line of this life fell short.
    has_failed: bool,
    /// The last write before it served, and its bytes.
    first_write: Option<(Ticket, usize)>,
    /// The last save has failed, and so many rewrites since one has not.
    save_failed: bool,
    failures: u64,
    /// When it was asked what it tells it has begun to write.
    writes_meanwhile: bool,
    /// What has failed last can be asked for again, and was only interrupted.
    must_go_on: bool,
    /// The last file of the log that was made.
    newest: Option<FileId>,
    /// The last line of the log.
    last_line: String,
    /// Files that it has asked to remove.
    removed: BTreeSet<Name>,
    served: Option<Now>,
    /// How it began.
    start: Progress,
    /// Keys of dumps that were loaded, if that is known.
    keys_loaded: Option<u64>,
}

#[derive(Debug)]
enum Asked {
    Write {
        file: FileId,
        bytes: usize,
    },
    Sync {
        file: FileId,
        at_ns: u64,
    },
    Unlink,
    /// Whatever came of it, it can be asked for again.
    Again,
}

const LINES: [&str; 9] = [
    LOADED,
    SAVE_BEGAN,
    SAVE_ENDED,
    SAVE_FAILED,
    REWRITE_BEGAN,
    REWRITE_ENDED,
    REWRITE_FAILED,
    SHUTDOWN_BEGAN,
    SHUTDOWN_FAILED,
];
/// What is told when DEBUG LOADAOF is over.
pub(super) const LOADED: &str = "Append Only File loaded by DEBUG LOADAOF";
pub(super) const SAVE_BEGAN: &str = "Background saving started";
pub(super) const SAVE_ENDED: &str = "Background saving terminated with success";
pub(super) const SAVE_FAILED: &str = "Background saving error";
pub(super) const REWRITE_BEGAN: &str = "Background append only file rewriting started";
pub(super) const REWRITE_ENDED: &str = "Background AOF rewrite finished successfully";
pub(super) const REWRITE_FAILED: &str = "Background AOF rewrite failed";
pub(super) const SHUTDOWN_BEGAN: &str = "User requested shutdown...";
pub(super) const SHUTDOWN_FAILED: &str = "Errors trying to shut down the server: ";

/// Lines with which writes begin to be refused, and end to be.
const REFUSES: [&str; 3] =
    [SAVE_FAILED, "Error writing to the AOF file: ", "Fail to fsync the AOF file: "];
const REFUSES_NO_MORE: [&str; 5] = [
    SAVE_ENDED,
    "AOF write error looks solved",
    "The AOF was begun anew after a failed fsync",
    "The append only file ends with what the disk has taken of it",
    "The append only file was switched off",
];

/// What the log says of keys and fields that go by themselves.
const EXPIRIES: [&[u8]; 5] = [b"SELECT", b"MULTI", b"DEL", b"HDEL", b"EXEC"];

/// So much may expire in one turn; the rest waits for the next.
pub(super) const STORM: u64 = 1000;

/// Time within which what is due must have begun.
const PATIENCE_S: u64 = 2;

impl Told {
    /// Of a life that begins with these files, with a log or without.
    pub(crate) fn new(disk: &Disk, is_logged: bool) -> Self {
        Self { start: Progress::new(disk, is_logged), ..Self::default() }
    }

    /// The life serves.
    pub(super) fn loaded(&mut self, core: &Core) {
        self.start.ended_well(core);
    }

    /// So many keys of dumps were loaded.
    pub(super) fn keys_were(&mut self, keys: u64) {
        self.keys_loaded = Some(keys);
    }

    /// Whether it has told that it cuts a torn tail off.
    pub(super) fn has_cut(&self) -> bool {
        self.start.has_cut
    }

    /// The core asks for this.
    pub(crate) fn asked(&mut self, ticket: Ticket, request: &IoReq, now: Now) {
        if let IoReq::Unlink { name } = request {
            self.asked.insert(ticket, Asked::Unlink);
            self.removed.insert(name.clone());
        }
        if matches!(request, IoReq::Replace { .. } | IoReq::SyncDir { .. } | IoReq::MakeDir { .. })
        {
            self.asked.insert(ticket, Asked::Again);
        }
        if self.served.is_none() {
            if let IoReq::WriteAt { bytes, from, .. } = request {
                self.first_write = Some((ticket, bytes.len() - from));
            }
            return self.start.asked(ticket, request);
        }
        match request {
            IoReq::WriteAt { file, bytes, from, .. } => {
                self.logs.insert(*file);
                let bytes = bytes.len() - from;
                self.asked.insert(ticket, Asked::Write { file: *file, bytes });
            }
            IoReq::Sync { file } if self.logs.contains(file) => {
                self.asked.insert(ticket, Asked::Sync { file: *file, at_ns: now.mono_ns });
            }
            IoReq::Open { file, mode: OpenMode::CreateNew, .. } => self.newest = Some(*file),
            IoReq::Close { file } => self.check_close(*file),
            _ => {}
        }
    }

    /// The core hears how it ended.
    pub(crate) fn ended(&mut self, ticket: Ticket, result: &IoResult, now: Now) {
        self.has_failed |= match (result, self.first_write) {
            (IoResult::Failed(_) | IoResult::NotWritten { .. }, _) => true,
            (IoResult::Written { count, .. }, Some((first, len))) => {
                first == ticket && *count < len
            }
            _ => false,
        };
        if self.served.is_none() {
            self.start.ended(ticket, result, now);
        }
        let asked = self.asked.remove(&ticket);
        let is_signal =
            matches!(result, IoResult::Failed(it) if it.kind == IoErrorKind::Interrupted);
        self.must_go_on = is_signal && matches!(asked, Some(Asked::Again));
        let Some(asked) = asked else { return };
        let is_failure = |kind| kind != IoErrorKind::Interrupted;
        let name = match (asked, result) {
            (Asked::Unlink, result) => {
                self.has_kept_files |= matches!(result, IoResult::Failed(_));
                return;
            }
            (Asked::Write { bytes, .. }, IoResult::Written { count, .. }) if *count < bytes => {
                "aof_short_writes"
            }
            (_, IoResult::NotWritten { error, .. }) if is_failure(error.kind) => {
                "aof_failed_writes"
            }
            (Asked::Sync { at_ns, .. }, IoResult::Done) => {
                self.took_ns = now.mono_ns - at_ns;
                self.took_ns_max = self.took_ns_max.max(self.took_ns);
                "aof_fsyncs"
            }
            (Asked::Sync { .. }, IoResult::Failed(error)) if is_failure(error.kind) => {
                "aof_failed_fsyncs"
            }
            _ => return,
        };
        *self.counts.entry(name).or_default() += 1;
    }

    /// A line of the server's log.
    pub(crate) fn line(&mut self, line: &str, now: Now) {
        self.last_line = line.to_string();
        if self.served.is_none() {
            self.start.line(line, now);
        }
        let is_it = |kind: &&&str| line.starts_with(**kind);
        self.warned.extend(REFUSES.iter().chain(&REFUSES_NO_MORE).filter(is_it));
        let Some(kind) = LINES.iter().find(is_it) else { return };
        let told = self.lines.entry(kind).or_insert((now, 0));
        *told = (now, told.1 + 1);
        match *kind {
            REWRITE_BEGAN => self.begins_log |= !self.was_logging,
            SAVE_BEGAN => {
                (self.logged_since, self.begins, self.is_quiet_since) = (0, true, true);
            }
            SAVE_ENDED => {
                (self.logged, self.is_quiet) = (self.logged_since, self.is_quiet_since);
                self.save_failed = false;
            }
            SAVE_FAILED => self.save_failed = true,
            REWRITE_ENDED => self.failures = 0,
            REWRITE_FAILED => {
                self.failures += 1;
                let is_signal = self.must_go_on && line.contains("Interrupted");
                check(!is_signal, F1, || format!("a signal ends it: {line}"));
            }
            SHUTDOWN_FAILED => self.shutdown_failed = line[SHUTDOWN_FAILED.len()..].into(),
            _ => {}
        }
    }

    /// All keys were read back.
    pub(super) fn reloaded(&mut self) {
        (self.logged, self.logged_since, self.keys_loaded) = (0, 0, None);
        (self.is_quiet, self.is_quiet_since) = (false, false);
    }

    /// The last line of the log.
    pub(super) fn last_line(&self) -> &str {
        &self.last_line
    }

    /// Files that this life has asked to remove.
    pub(super) fn removed(&self) -> &BTreeSet<Name> {
        &self.removed
    }

    /// Whether it has begun a log: that is written before a manifest names it.
    pub(super) fn begins_log(&self) -> bool {
        self.begins_log
    }

    /// Whether some request of this life has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// How often a line of a kind was told.
    pub(super) fn count(&self, kind: &str) -> u64 {
        self.lines.get(kind).map_or(0, |line| line.1)
    }

    /// Whether a file could not be removed.
    pub(super) fn has_kept_files(&self) -> bool {
        self.has_kept_files
    }

    /// Why the last shutdown has failed.
    pub(super) fn shutdown_failed(&self) -> &str {
        &self.shutdown_failed
    }

    /// Whether the last turn has begun a save.
    pub(super) fn has_save_begun(&self) -> bool {
        self.has_begun
    }

    /// Whoever reads the server's log learns of it when writes begin to be refused, and no longer
    /// are.
    pub(crate) fn check_refusal(&mut self, core: &Core) {
        let warned = std::mem::take(&mut self.warned);
        if core.is_loading() || self.served.is_none() {
            return;
        }
        let refused = core.write_refusal();
        self.check_save_refusal(core, refused.as_deref());
        let old = std::mem::replace(&mut self.refused, refused);
        // Until the log is on, nothing is refused for what it could not write; that was told then.
        let is_logging = core.watermarks().is_logging;
        if std::mem::replace(&mut self.was_logging, is_logging) != is_logging {
            return;
        }
        let expected = match (&old, &self.refused) {
            (None, Some(_)) => &REFUSES[..],
            (Some(_), None) => &REFUSES_NO_MORE,
            _ => return,
        };
        check(warned.iter().any(|line| expected.contains(line)), F1, || {
            format!("writes are refused with {:?} after {old:?}, told was {warned:?}", self.refused)
        });
    }

    /// A turn is over.
    pub(crate) fn turn_ended(&mut self, is_loading: bool, logged: &[u8], now: Now) {
        // An expiry is no change that a save is counted by.
        let is_expiry = |name: &[u8]| EXPIRIES.iter().any(|it| name.eq_ignore_ascii_case(it));
        let has_logged = names(logged).any(|name| !is_expiry(name));
        if !is_loading {
            self.served.get_or_insert(now);
        }
        self.is_quiet &= logged.is_empty();
        self.is_quiet_since &= logged.is_empty();
        self.logged += u64::from(has_logged);
        // Perhaps before it began.
        let begins = std::mem::take(&mut self.begins);
        self.has_begun = begins;
        self.logged_since += u64::from(has_logged && !begins);
    }

    /// Asks the core, which is not needed any more, and compares. One that `ends` begins nothing.
    pub(crate) fn compare(
        &mut self,
        core: &mut Core,
        now: Now,
        disk: &Found,
        ends: bool,
        expired: &Expired,
    ) {
        let is_loading = core.is_loading();
        let (text, writes) = ask(core, now, |line| self.line(line, now));
        self.writes_meanwhile = writes;
        if text.is_empty() {
            // It is not told before the log is durable.
            return;
        }
        let info = Info::of(&text, core);
        match is_loading {
            true => self.start.check(&info, now),
            false => {
                info.check_keys(core);
                expired.check(&info);
                if let Some(keys) = self.keys_loaded {
                    info.check("rdb_last_load_keys_loaded", keys);
                }
                self.check_saves(&info, now);
                if !ends {
                    self.check_due(&info, now);
                }
                if info.number("aof_enabled") == Some(1) && core.watermarks().is_logging {
                    self.check_log(&info, disk, core);
                    self.check_files(&info, disk);
                }
            }
        }
    }

    fn check_log(&self, info: &Info<'_>, disk: &Found, core: &Core) {
        let is_one_file = info.number("aof_rewrites") == Some(0);
        for name in ["aof_fsyncs", "aof_failed_fsyncs", "aof_failed_writes", "aof_short_writes"] {
            let seen = self.counts.get(name).copied().unwrap_or(0);
            let told = info.number(name);
            let is_so = if is_one_file { told == Some(seen) } else { told <= Some(seen) };
            check(is_so, F1, || format!("{name} is {told:?}, seen were {seen}"));
        }
        if is_one_file {
            info.check("aof_last_fsync_usec", self.took_ns / 1000);
            info.check("aof_max_fsync_usec", self.took_ns_max / 1000);
        }
        let marks = core.watermarks();
        let waits = info.number("aof_buffer_length").unwrap_or(0);
        let is_well = info.0.get("aof_last_bgrewrite_status").is_some_and(|it| *it == "ok");
        let is_still = is_well && info.number("aof_rewrite_in_progress") == Some(0) && waits == 0;
        if let Some(bytes) = disk.log_bytes.filter(|_| is_still) {
            info.check("aof_current_size", bytes);
        }
        if marks.written == marks.enqueued {
            info.check("aof_buffer_length", 0);
        }
        self.check_backlog(core, waits);
    }

    fn check_saves(&self, info: &Info<'_>, now: Now) {
        let count = |kind| self.count(kind);
        let at = |kind| self.lines.get(kind).map(|line| line.0);
        info.check("rdb_saves", count(SAVE_ENDED));
        info.check("aof_rewrites", count(REWRITE_BEGAN));
        let kinds = [
            ("rdb_bgsave_in_progress", "rdb_current_bgsave_time_sec", SAVE_BEGAN),
            ("aof_rewrite_in_progress", "aof_current_rewrite_time_sec", REWRITE_BEGAN),
        ];
        for (runs, name, began) in kinds {
            let since = at(began).filter(|_| info.number(runs) == Some(1));
            let seconds = since.map(|since| (now.mono_ns - since.mono_ns) / 1_000_000_000);
            check(info.number(name) == seconds, F1, || {
                format!("{name} is {:?}, it began {seconds:?} s ago", info.number(name))
            });
        }
        let saved = at(SAVE_ENDED).or(self.served);
        if let Some(saved) = saved.filter(|saved| saved.wall_us >= 0 && count(SAVE_ENDED) > 0) {
            info.check("rdb_last_save_time", (saved.wall_us / 1_000_000) as u64);
        }
        let changes = info.number("rdb_changes_since_last_save").unwrap_or(0);
        check(changes >= self.logged, F1, || {
            format!("{changes} changes since the last save, and {} turns with some", self.logged)
        });
        self.check_figures(info, changes);
        self.check_ended(info, "rdb_last_bgsave_time_sec", [SAVE_BEGAN, SAVE_ENDED, SAVE_FAILED]);
        let kinds = [REWRITE_BEGAN, REWRITE_ENDED, REWRITE_FAILED];
        self.check_ended(info, "aof_last_rewrite_time_sec", kinds);
    }

    /// Nothing is left of what is over.
    fn check_files(&self, info: &Info<'_>, disk: &Found) {
        let runs = ["rdb_bgsave_in_progress", "aof_rewrite_in_progress"];
        let is_busy = runs.iter().any(|name| info.number(name) != Some(0)) || disk.is_pending;
        if is_busy || self.has_failed {
            return;
        }
        check(disk.open_files == 1, D12, || format!("{} files are open", disk.open_files));
        let has_rewritten = self.count(REWRITE_ENDED) > 0;
        check(!(has_rewritten && disk.has_history), D12, || "old files are not removed".into());
    }

    /// How long the last one took, if none has begun since.
    fn check_ended(&self, info: &Info<'_>, name: &str, [began, ended, failed]: [&str; 3]) {
        let at = |kind| self.lines.get(kind).map(|line| line.0.mono_ns);
        let end = at(ended).max(at(failed));
        if let Some((from, to)) = at(began).zip(end).filter(|(from, to)| from < to) {
            info.check(name, (to - from) / 1_000_000_000);
        }
    }
}

/// What a life has left on the disk.
#[derive(Debug)]
pub(crate) struct Found {
    /// Bytes of the files of the log, if they can be told: none is missing, and none has shrunk.
    log_bytes: Option<u64>,
    has_history: bool,
    open_files: usize,
    is_pending: bool,
}

impl Found {
    /// Looks at it.
    pub(crate) fn on(disk: &Disk) -> Self {
        let all = listed(disk.content(&manifest()).unwrap_or_default());
        let files = all.iter().filter(|file| file.kind != 'h');
        let len = |file: &Listed| disk.content(&file.file()).map(|bytes| bytes.len() as u64);
        Self {
            log_bytes: files.map(len).sum::<Option<u64>>().filter(|_| !disk.has_lost()),
            has_history: all.iter().any(|file| file.kind == 'h'),
            open_files: disk.open_files(),
            is_pending: disk.pending() > 0,
        }
    }
}

/// Asks for what is compared: other sections are long, and a seed ends six lives.
fn ask(core: &mut Core, now: Now, mut tell: impl FnMut(&str)) -> (String, bool) {
    let conn = ConnId { slot: 1000, generation: 0 };
    // What is due begins.
    let mut effects = core.turn(now).seal();
    while let Some((_, line)) = effects.log_line() {
        tell(&line);
    }
    let mut writes = false;
    while let Some((_, request)) = effects.io() {
        writes |= matches!(request, IoReq::WriteAt { .. });
    }
    let mut turn = core.turn(now);
    turn.accept(conn, somebody());
    turn.feed(conn, b"INFO persistence keyspace stats\r\n");
    let mut effects = turn.seal();
    let mut text = Vec::new();
    effects.tx(conn).for_each(|chunk| text.extend_from_slice(chunk));
    // What the turn before has logged may be reason enough for a rewrite.
    while let Some((_, line)) = effects.log_line() {
        tell(&line);
    }
    (String::from_utf8_lossy(&text).into_owned(), writes)
}

/// What INFO tells.
pub(super) struct Info<'a>(BTreeMap<&'a str, &'a str>, seedis_core::Config);

impl<'a> Info<'a> {
    fn of(text: &'a str, core: &Core) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        Self(lines.collect(), core.config().clone())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).copied()
    }

    pub(super) fn signed(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.parse().ok()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.parse().ok()
    }

    pub(super) fn check(&self, name: &str, expected: u64) {
        check(self.number(name) == Some(expected), F1, || {
            format!("INFO tells {name} {:?}, it is {expected}", self.0.get(name))
        });
    }

    fn check_keys(&self, core: &Core) {
        let mut all: BTreeMap<usize, [u64; 3]> = BTreeMap::new();
        for (number, db) in core.databases().numbered() {
            for entry in db.iter() {
                let counts = all.entry(number).or_default();
                counts[0] += 1;
                counts[1] += u64::from(entry.expire_at_ms().is_some());
                counts[2] += u64::from(replay::has_timed_fields(&entry));
            }
        }
        for (db, [keys, expires, timed]) in all {
            let told = self.0.get(&*format!("db{db}")).copied().unwrap_or_default();
            let sub = if timed > 0 { format!(",subexpiry={timed}") } else { String::new() };
            let begins = told.starts_with(&format!("keys={keys},expires={expires},avg_ttl="));
            let ends = told.ends_with(&sub) && told.contains("subexpiry") == (timed > 0);
            check(begins && ends, F1, || {
                format!("db{db} is told as {told}: {keys} keys, {expires} expire{sub}")
            });
        }
    }

    /// What the rules say is due has begun.
    fn check_growth(&self) {
        let percentage = u128::from(self.1.auto_aof_rewrite_percentage);
        let size = u128::from(self.number("aof_current_size").unwrap_or(0));
        let base = u128::from(self.number("aof_base_size").unwrap_or(0)).max(1);
        let is_due = percentage > 0
            && size >= u128::from(self.1.auto_aof_rewrite_min_size)
            && size * 100 >= base * (100 + percentage);
        let is_well = self.0.get("aof_last_bgrewrite_status").is_some_and(|it| *it == "ok");
        let is_on = self.number("aof_enabled") == Some(1);
        check(!(is_due && is_well && is_on), L1, || {
            format!("the log has grown from {base} to {size} and is not rewritten")
        });
    }
}

pub(super) fn somebody() -> Peer {
    Peer {
        addr: "10.0.0.98:4000".into(),
        laddr: "10.0.0.99:6379".into(),
        is_local: true,
        is_unix: false,
        fd: 7,
    }
}
