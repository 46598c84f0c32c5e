//! Files of stock Redis that a server finds at its first start.
//!
//! Whoever moves to this server brings them: a log of Redis 7 with its manifest, one of the form
//! before, dumps of any version, each as it may lie there, torn at its end too. They are written
//! here, by a hand that shares no code with the core, together with the one keyspace that must come
//! out. In other seeds one thing is wrong with them: then the server must refuse to start, say
//! where, and leave everything as it is; once that is put right the keyspace must come out all the
//! same. What else lies there is somebody's, and stays, or is what an earlier server left half
//! done, and goes.

pub(crate) mod dump;
pub(crate) mod manifest;
pub(crate) mod story;
mod wrong;

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::Config;
use seedis_core::io::{Dir, Name};
use seedis_core::rdb::load::Checksum;
use seedis_core::recovery::inspect::{Files, Finding, Inspector, Keep, Part, PartKind, Verdict};

use crate::disk::Disk;
use crate::finding::Invariant::{D9, D12, F1};
use crate::finding::check;
use crate::model::{Hash, Keyspace};
use crate::replay;
use crate::sabotage::log_text::PLACE_LINE;
use crate::world::inspected;
use dump::Dump;
use manifest::Named;
use story::{Log, Teller};
use wrong::Wrong;

/// Databases of the servers here.
const DATABASES: usize = 16;

/// What lies there.
#[derive(Debug)]
pub(crate) struct Stock {
    files: BTreeMap<Name, Vec<u8>>,
    /// What is loaded, in order.
    parts: Vec<Piece>,
    keyspace: Keyspace,
    /// What nobody may touch.
    kept: Vec<Name>,
    /// What must be removed; or only once a log is open.
    gone: BTreeMap<Name, bool>,
    wrong: Option<Wrong>,
    /// A torn end is refused.
    refuses_torn: bool,
}

/// A file that is loaded.
#[derive(Debug)]
struct Piece {
    name: Name,
    kind: PartKind,
    dump: Option<Dump>,
    log: Option<Log>,
}

impl std::fmt::Debug for Dump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a dump of version {} with {} keys", self.version, self.keys)
    }
}

impl Stock {
    /// Draws it, for a server that begins with a log or without.
    pub(crate) fn draw(seed: u64, is_logged: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut stock = Self {
            files: BTreeMap::new(),
            parts: Vec::new(),
            keyspace: Keyspace::new(DATABASES),
            kept: Vec::new(),
            gone: BTreeMap::new(),
            wrong: None,
            refuses_torn: false,
        };
        match rng.random_range(0..10) {
            0 | 1 => {}
            2..=4 => stock.add_old_log(&mut rng),
            _ => stock.add_log(&mut rng),
        }
        let has_log = !stock.files.is_empty();
        if !(has_log && is_logged) {
            stock.parts.clear();
            stock.keyspace = Keyspace::new(DATABASES);
        }
        if !has_log || rng.random() {
            stock.add_dump(has_log && is_logged, &mut rng);
        }
        stock.add_others(&mut rng);
        if rng.random_ratio(1, 3) {
            stock.spoil(&mut rng);
        }
        stock
    }

    /// `dump.rdb`, beside a log that is loaded or not.
    fn add_dump(&mut self, is_beside: bool, rng: &mut ChaCha8Rng) {
        let (dump, keyspace) = told_dump(rng);
        let name = Name::file(Dir::Data, b"dump.rdb");
        // Behind its end nothing is read.
        let behind = if rng.random_ratio(1, 6) { &b"and more"[..] } else { b"" };
        self.files.insert(name.clone(), [&dump.bytes, behind].concat());
        if !is_beside {
            self.keyspace = keyspace;
            let kind = PartKind::Dump;
            self.parts.push(Piece { name, kind, dump: Some(dump), log: None });
        }
    }

    /// A log of the form before Redis 7, perhaps behind a dump in the same file.
    fn add_old_log(&mut self, rng: &mut ChaCha8Rng) {
        let has_preamble = rng.random();
        let is_torn = rng.random_ratio(1, 3);
        let blocks = rng.random_range(0..40);
        let mut teller = Teller::new(DATABASES, rng);
        let mut preamble = None;
        if has_preamble {
            teller.log(Vec::new(), 30);
            preamble =
                Some(dump::write(&teller.keyspace().clone(), &[("aof-preamble", "1")], teller.rng));
        }
        teller.may_stream = true;
        let before = preamble.as_ref().map(|dump| dump.bytes.clone()).unwrap_or_default();
        let mut log = teller.log(before, blocks);
        self.keyspace = teller.keyspace().clone();
        if is_torn {
            (log, self.keyspace) = teller.torn(&log);
        }
        let name = Name::file(Dir::Data, b"appendonly.aof");
        self.files.insert(name.clone(), log.bytes.clone());
        self.parts.push(Piece { name, kind: PartKind::Base, dump: preamble, log: Some(log) });
    }

    /// A log of Redis 7: a base or none, files with what came later, and old ones.
    fn add_log(&mut self, rng: &mut ChaCha8Rng) {
        let base_seq = rng.random_range(1..5);
        let mut incr_seq = rng.random_range(1..9);
        let base = *[Some("base.rdb"), Some("base.rdb"), Some("base.aof"), None]
            .choose(rng)
            .unwrap_or(&None);
        let incrs = rng.random_range(usize::from(base.is_none())..4);
        let (is_torn, is_odd) = (rng.random_ratio(1, 4), rng.random_ratio(1, 4));
        let mut named = Vec::new();
        let mut teller = Teller::new(DATABASES, rng);
        if let Some(end) = base {
            let file = Named::usual(base_seq, 'b', end);
            self.add_base(&file, end == "base.rdb", &mut teller);
            named.push(file);
        }
        teller.may_stream = true;
        for number in 0..incrs {
            let file = Named::usual(incr_seq, 'i', "incr.aof");
            let is_empty = teller.rng.random_ratio(1, 5);
            let blocks = if is_empty { 0 } else { teller.rng.random_range(1..20) };
            let mut log = teller.log(Vec::new(), blocks);
            self.keyspace = teller.keyspace().clone();
            if is_torn && number + 1 == incrs {
                (log, self.keyspace) = teller.torn(&log);
            }
            self.add_part(&file, PartKind::Incr, None, Some(log));
            named.push(file);
            incr_seq += teller.rng.random_range(1..3);
        }
        add_history(&mut self.files, &mut named, (base_seq, incr_seq), rng);
        let text = manifest::write(&named, is_odd, rng);
        self.files.insert(aof("appendonly.aof.manifest"), text);
        if rng.random_ratio(1, 6) {
            // The manifest comes first.
            self.keep(Name::file(Dir::Data, b"appendonly.aof"), b"*1\r\n$4\r\nNONE\r\n");
        }
        if base.is_some() && incrs > 0 && rng.random_ratio(1, 3) {
            self.lose(aof(&format!("appendonly.aof.{}.base.aof", base_seq + 2)), b"half", true);
            self.lose(aof(&format!("appendonly.aof.{}.incr.aof", incr_seq + 2)), b"", true);
        }
    }

    fn add_base(&mut self, file: &Named, is_dump: bool, teller: &mut Teller<'_>) {
        let blocks = teller.rng.random_range(0..60);
        let mut log = teller.log(Vec::new(), blocks);
        self.keyspace = teller.keyspace().clone();
        if !is_dump {
            return self.add_part(file, PartKind::Base, None, Some(log));
        }
        let dump = dump::write(&self.keyspace, &[("aof-base", "1")], teller.rng);
        log = Log { bytes: dump.bytes.clone(), ends: vec![dump.bytes.len()], commands: 0 };
        self.add_part(file, PartKind::Base, Some(dump), Some(log));
    }

    fn add_part(&mut self, file: &Named, kind: PartKind, dump: Option<Dump>, log: Option<Log>) {
        let name = aof(&file.name);
        let bytes = log.as_ref().map(|log| log.bytes.clone()).unwrap_or_default();
        self.files.insert(name.clone(), bytes);
        self.parts.push(Piece { name, kind, dump, log });
    }

    /// What lies beside it.
    fn add_others(&mut self, rng: &mut ChaCha8Rng) {
        let aof_exists = self.files.keys().any(|name| matches!(name, Name::In(Dir::Aof, _)));
        if rng.random_ratio(1, 3) {
            self.keep(Name::file(Dir::Data, b"temp-77.rdb"), b"REDIS0011 half");
            self.keep(Name::file(Dir::Data, b"temp-seedis-x.rdb"), b"somebody's");
            self.lose(Name::file(Dir::Data, b"temp-seedis-3.rdb"), b"REDIS0011 half", false);
        }
        if aof_exists && rng.random_ratio(1, 3) {
            self.keep(aof("temp-appendonly.aof.manifest"), b"file ");
            self.keep(aof("appendonly.aof.1.base.rdb.bak"), b"somebody's copy");
            self.keep(aof("appendonly.aof.manifest.old.tmp"), b"somebody's copy");
            self.keep(aof("my.99.base.rdb"), b"somebody's copy");
            self.lose(aof("temp-seedis-4.rdb"), b"REDIS0011 half", false);
            self.lose(aof("appendonly.aof.manifest.77.tmp"), b"file ", false);
        }
    }

    fn keep(&mut self, name: Name, bytes: &[u8]) {
        self.kept.push(name.clone());
        self.files.insert(name, bytes.to_vec());
    }

    fn lose(&mut self, name: Name, bytes: &[u8], needs_log: bool) {
        self.gone.insert(name.clone(), needs_log);
        self.files.insert(name, bytes.to_vec());
    }

    /// Puts it on a disk.
    pub(crate) fn put(&self, disk: &mut Disk) {
        let spoiled = self.wrong.as_ref().map(|wrong| (&wrong.name, wrong.bytes.as_ref()));
        for (name, bytes) in &self.files {
            let bytes = match spoiled {
                Some((spoiled, bytes)) if spoiled == name => bytes,
                _ => Some(bytes),
            };
            if let Some(bytes) = bytes {
                disk.put(name, bytes.clone());
            }
        }
    }

    /// What there is, in words.
    pub(crate) fn words(&self) -> String {
        format!("{:?}, wrong is {:?}", self.files.keys(), self.wrong)
    }

    /// The state that must come out.
    pub(crate) fn hash(&self) -> Hash {
        self.keyspace.hash()
    }

    /// Keys of the dumps that are loaded.
    pub(crate) fn keys_of_dumps(&self) -> u64 {
        self.parts.iter().filter_map(|piece| piece.dump.as_ref()).map(|dump| dump.keys).sum()
    }

    /// Settings of the first life.
    pub(crate) fn configure(&self, config: &mut Config) {
        config.aof_load_truncated = !self.refuses_torn;
    }

    /// Whether a file may be there that nobody needs.
    pub(crate) fn may_stay(&self, name: &Name) -> bool {
        self.kept.contains(name) || self.gone.contains_key(name)
    }

    /// What is somebody's is there as it was.
    pub(crate) fn check_kept(&self, disk: &Disk) {
        for name in &self.kept {
            let is_so = disk.content(name) == self.files.get(name).map(|bytes| &bytes[..]);
            check(is_so, D12, || format!("{name:?} was not the server's"));
        }
    }

    /// What was left half done is removed, with a log open or not.
    pub(crate) fn check_gone(&self, removed: &BTreeSet<Name>, is_open: bool, disk: &Disk) {
        for (name, needs_log) in &self.gone {
            let is_gone = removed.contains(name) || disk.content(name).is_none();
            let is_so = is_gone || *needs_log && !is_open;
            check(is_so, D12, || format!("{name:?} is not removed"));
        }
    }

    /// What was read is there, whole and no more, and behind the last what this server writes.
    fn check_pieces(&self, disk: &Disk) {
        for piece in &self.parts {
            let (Some(bytes), Some(log)) = (disk.content(&piece.name), &piece.log) else {
                continue;
            };
            let rest = bytes.strip_prefix(&log.bytes[..log.whole()]);
            let is_line = |rest: &[u8]| rest.is_empty() || rest.starts_with(PLACE_LINE);
            // What is left of one may look like an annotation of somebody's.
            let behind_line = |rest: &[u8]| {
                let len = rest.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
                rest.starts_with(b"#") && is_line(&rest[len..])
            };
            let is_ours = |rest: &[u8]| is_line(rest) || behind_line(rest);
            // Nobody needs the log of the old form any more, and what was cut off may come back.
            let is_left = matches!(piece.name, Name::In(Dir::Data, _)) && bytes == log.bytes;
            let is_so = is_left || rest.is_some_and(is_ours);
            check(is_so, D9, || format!("{:?} is not what was read", piece.name));
        }
    }

    /// The server serves.
    pub(crate) fn recovered(&self, core: &seedis_core::Core, disk: &Disk) {
        self.check_kept(disk);
        self.check_pieces(disk);
        check(self.wrong.is_none(), D9, || format!("a server starts in spite of {:?}", self.wrong));
        let found = replay::dump(core);
        let count = found.len();
        let mut expected = 0;
        for (db, key, entry) in self.keyspace.iter() {
            expected += 1;
            let deadline = entry.deadline_ms.and_then(|deadline| u64::try_from(deadline).ok());
            let value = found.get(&(db, key.to_vec()));
            check(value == Some(&(entry.value.clone(), deadline)), D9, || {
                format!("of files of stock Redis came {db} {key:?} {value:?}, not {entry:?}")
            });
        }
        check(count == expected, D9, || format!("{count} keys came, not {expected}"));
    }

    /// The server has refused to start, with this as its last word. It is put right.
    pub(crate) fn refused(&mut self, line: &str, disk: &mut Disk) {
        let Some(wrong) = self.wrong.take() else {
            return check(false, D9, || format!("files that are whole are refused: {line}"));
        };
        let at = line.split_once("at offset ").map(|(_, rest)| {
            let digits = rest.find(|letter: char| !letter.is_ascii_digit());
            rest[..digits.unwrap_or(rest.len())].parse().unwrap_or(u64::MAX)
        });
        let is_near = wrong.range.as_ref().is_none_or(|it| at.is_some_and(|at| it.contains(&at)));
        check(is_near && wrong.words.iter().all(|words| line.contains(words)), D9, || {
            format!("'{line}' does not say what is wrong: {wrong:?}")
        });
        let mut names: BTreeSet<Name> = BTreeSet::new();
        for dir in [Dir::Data, Dir::Aof] {
            names.extend(disk.names(dir).iter().map(|name| Name::file(dir, name)));
        }
        for (name, bytes) in &self.files {
            let expected = if wrong.name == *name { wrong.bytes.as_ref() } else { Some(bytes) };
            let is_so = disk.content(name) == expected.map(|bytes| &bytes[..]);
            check(is_so, D9, || format!("{name:?} was changed, and the start refused: {line}"));
            names.remove(name);
        }
        check(names.is_empty(), D9, || format!("a start that was refused has made {names:?}"));
        self.refuses_torn = false;
        if let Some(bytes) = self.files.get(&wrong.name) {
            disk.put(&wrong.name, bytes.clone());
        }
    }

    /// What `--check` says of it.
    pub(crate) fn inspect(&self, config: &Config) {
        let is_seen = self.wrong.as_ref().is_some_and(|wrong| wrong.is_seen);
        let is_log = self.parts.iter().any(|part| part.kind != PartKind::Dump);
        let text = self.files.get(&aof("appendonly.aof.manifest"));
        if self.wrong.as_ref().is_some_and(|wrong| wrong.name == aof("appendonly.aof.manifest")) {
            let bytes = self.wrong.as_ref().and_then(|wrong| wrong.bytes.as_ref());
            let parsed = bytes.map(|bytes| Files::parse(bytes));
            return check(!matches!(parsed, Some(Ok(_))), F1, || "a wrong manifest is read".into());
        }
        let parts: Vec<Part> = match text.filter(|_| is_log) {
            Some(text) => Files::parse(text).map(|files| files.parts()).unwrap_or_default(),
            None if is_log => vec![Part::old_log(config)],
            None => self.parts.iter().map(|_| Part::dump(config)).collect(),
        };
        check(parts.len() == self.parts.len(), F1, || format!("{parts:?} of {:?}", self.parts));
        let mut inspector = Inspector::new(config);
        let mut is_whole = true;
        for (part, piece) in parts.into_iter().zip(&self.parts) {
            let spoiled = self.wrong.as_ref().filter(|wrong| wrong.name == piece.name);
            let bytes = match spoiled {
                Some(wrong) => wrong.bytes.as_deref(),
                None => self.files.get(&piece.name).map(|bytes| &bytes[..]),
            };
            let Some(bytes) = bytes else { return };
            let is_last = part.is_last;
            let mut inspection = inspector.begin(part, bytes.len() as u64);
            bytes.chunks(bytes.len() / 3 + 1).for_each(|bytes| inspection.push(bytes));
            let finding = inspection.end();
            if !is_whole {
                // It lies behind the flaw, and only whose it is counts.
                continue;
            }
            is_whole &= spoiled.is_none() && piece.is_whole();
            if spoiled.is_none() {
                piece.check(&finding, is_last);
                piece.check_dump(config, &finding);
            }
            let flaw = finding.flaw.as_ref().map(|flaw| flaw.at);
            let range = spoiled.filter(|_| is_seen).and_then(|wrong| wrong.range.as_ref());
            let is_near = range.is_none_or(|it| flaw.is_some_and(|at| it.contains(&at)));
            check(is_near, F1, || format!("a flaw at {flaw:?}, not in {range:?}"));
        }
        let verdict = inspector.verdict();
        let is_right = match &verdict {
            Verdict::Broken(_) => is_seen,
            Verdict::TornTail => !is_seen && !is_whole,
            Verdict::Whole => !is_seen,
        };
        check(is_right, F1, || format!("--check says {verdict:?} of {:?}", self.wrong));
    }
}

impl Piece {
    /// Whether nothing of it is torn.
    fn is_whole(&self) -> bool {
        self.log.as_ref().is_none_or(|log| log.whole() == log.bytes.len())
    }

    fn check_dump(&self, config: &Config, finding: &Finding) {
        let (Some(dump), Some(facts)) = (&self.dump, finding.dump) else { return };
        let is_summed = facts.checksum == Some(Checksum::Verified);
        check(is_summed == dump.has_checksum, F1, || format!("{facts:?} of {dump:?}"));
        inspected::check_dump(config, finding, &dump.bytes);
    }

    fn check(&self, finding: &Finding, is_last: bool) {
        let facts = finding.dump.map(|dump| (dump.version, dump.keys));
        let expected = self.dump.as_ref().map(|dump| (dump.version, dump.keys));
        check(facts == expected, F1, || format!("a dump is told as {facts:?}, not {expected:?}"));
        let Some(log) = &self.log else { return };
        check((finding.commands, finding.batches) == (log.commands, 0), F1, || {
            format!(
                "{} commands and {} batches, not {}",
                finding.commands, finding.batches, log.commands
            )
        });
        check(finding.lsns.is_none(), F1, || format!("{:?} of stock Redis", finding.lsns));
        let flaw = finding.flaw.as_ref().map(|flaw| flaw.at);
        let at = (!self.is_whole()).then_some(log.whole() as u64);
        check(flaw == at && (is_last || at.is_none()), F1, || {
            format!("a flaw at {flaw:?}, not {at:?}")
        });
        let keep = Keep::Bytes(log.whole() as u64);
        check(finding.keep == keep, F1, || format!("{:?} can be kept, not {keep:?}", finding.keep));
    }
}

/// A dump of something.
pub(crate) fn told_dump(rng: &mut ChaCha8Rng) -> (Dump, Keyspace) {
    let blocks = rng.random_range(0..150);
    let mut teller = Teller::new(DATABASES, rng);
    teller.log(Vec::new(), blocks);
    let keyspace = teller.keyspace().clone();
    (dump::write(&keyspace, &[], rng), keyspace)
}

/// Files that are to be removed, some of which are there; their numbers would be the next.
fn add_history(
    files: &mut BTreeMap<Name, Vec<u8>>,
    named: &mut Vec<Named>,
    (base_seq, incr_seq): (u64, u64),
    rng: &mut ChaCha8Rng,
) {
    for (seq, end) in [(base_seq, "base.rdb"), (incr_seq, "incr.aof")] {
        if rng.random_ratio(1, 4) {
            let file = Named::usual(seq + 1, 'h', end);
            if rng.random() {
                files.insert(aof(&file.name), b"no more".to_vec());
            }
            let at = rng.random_range(0..=named.len());
            named.insert(at, file);
        }
    }
}

fn aof(name: &str) -> Name {
    Name::file(Dir::Aof, name.as_bytes())
}
