//! Logs that are made up, each with all that must come of it.
//!
//! What a run leaves is what the core of today writes, and rarely more than two lives in one file.
//! A log may be older than that, have been with stock Redis for a while, tell less of itself, and
//! be damaged where no run gets to. So each seed that keeps files also writes one by a hand that
//! shares no code with the core, of several lives and files, strikes it perhaps, and asks both
//! `--check` and a server that begins with it: what is told, kept, cut off and refused, and where,
//! is known beforehand. The server then goes on, command by command, rewrites its log, and begins
//! once more.

mod damage;
mod effects;
mod log;
mod manifests;
mod server;

use std::collections::BTreeMap;

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::Config;
use seedis_core::io::{Dir, Name};
use seedis_core::recovery::inspect::{Files, Finding, Inspector, Keep, Verdict as Told};

use crate::commands;
use crate::disk::Disk;
use crate::finding::Invariant::{D9, D12, F1};
use crate::finding::check;
use crate::model::Keyspace;
use crate::replay;
use crate::sabotage::log_text::{At, Listed, manifest_of, part};
use crate::stock::told_dump;
use damage::{Damage, Verdict, strike};
use log::{File, Logs};
use manifests::quoted;
use server::{Server, Trouble, disk_of};

/// A log, and what is wrong with it.
struct Case {
    config: Config,
    prefix: &'static str,
    logs: Logs,
    damage: Option<Damage>,
    /// What lies beside it, and whether it goes once the log is open.
    others: Vec<(String, &'static [u8], bool)>,
    trouble: Trouble,
    /// What is loaded where there is no log, and whether it is a dump.
    dump: (Vec<u8>, Keyspace, bool),
}

/// Makes one up and tries it.
pub(crate) fn try_out(seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    manifests::try_some(&mut rng);
    let case = Case::draw(&mut rng);
    case.inspect(&mut rng);
    case.begin(&mut rng);
}

impl Case {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let names = ["appendonly.aof", "appendonly.aof", "my log", "it's.aof", "a\"b\\c"];
        let prefix = *names.choose(rng).unwrap_or(&"appendonly.aof");
        let mut logs = Logs::draw(prefix, rng);
        let damage = if rng.random_ratio(3, 4) { strike(&mut logs, rng) } else { None };
        let config = Config {
            save: Vec::new(),
            appendonly: rng.random_ratio(4, 5),
            appendfilename: prefix.as_bytes().into(),
            aof_load_truncated: rng.random_ratio(5, 6),
            aof_use_rdb_preamble: rng.random(),
            auto_aof_rewrite_percentage: 0,
            proto_max_bulk_len: *[100, 1 << 20].choose(rng).unwrap_or(&100),
            ..Config::default()
        };
        let troubles = [Trouble::Interrupted, Trouble::Short, Trouble::Full];
        let trouble =
            rng.random_ratio(1, 3).then(|| *troubles.choose(rng).unwrap_or(&Trouble::None));
        let trouble = trouble.unwrap_or(Trouble::None);
        let others = others(prefix, &logs, rng);
        let dump = dump(rng);
        Self { config, prefix, logs, damage, others, trouble, dump }
    }

    fn manifest(&self) -> Vec<u8> {
        let line = |file: &File| {
            let File { name, seq, kind, note, .. } = file;
            Listed { name: quoted(name), seq: *seq, kind: *kind, note: note.clone() }
        };
        manifest_of(&self.logs.files.iter().map(line).collect::<Vec<_>>())
    }

    fn manifest_name(&self) -> Name {
        aof(&format!("{}.manifest", self.prefix))
    }

    fn files(&self) -> BTreeMap<Name, Vec<u8>> {
        let mut files = BTreeMap::from([(self.manifest_name(), self.manifest())]);
        files.extend(self.logs.files.iter().map(|file| (aof(&file.name), file.bytes.clone())));
        let others = self.others.iter();
        files.extend(others.map(|(name, bytes, _)| (aof(name), bytes.to_vec())));
        if !self.config.appendonly {
            files.insert(Name::file(Dir::Data, b"dump.rdb"), self.dump.0.clone());
        }
        files
    }

    fn words(&self) -> String {
        let files = self.logs.files.iter().map(|file| {
            let File { name, note, bytes, .. } = file;
            format!("{name} {note:?} {}", bytes.escape_ascii())
        });
        let damage = self.damage.as_ref().map(|it| (it.file, it.at, it.place.at, it.verdict));
        format!("{damage:?} of {:#?}", files.collect::<Vec<_>>())
    }

    /// `--check`.
    fn inspect(&self, rng: &mut ChaCha8Rng) {
        let manifest = Files::manifest_name(&self.config);
        check(aof_name(&manifest) == self.manifest_name(), F1, || {
            format!("the manifest is called {}", manifest.escape_ascii())
        });
        let files = Files::parse(&self.manifest()).expect("it is one");
        let mut inspector = Inspector::sharing(commands::registry().clone(), &self.config);
        for (number, (part, file)) in files.parts().into_iter().zip(&self.logs.files).enumerate() {
            let mut inspection = inspector.begin(part, file.bytes.len() as u64);
            let piece = *[3, 20, 1 << 20].choose(rng).unwrap_or(&3);
            let (first, rest) = file.bytes.split_at(piece.min(file.bytes.len()));
            inspection.push(first);
            rest.chunks(file.bytes.len() / 3 + 1).for_each(|bytes| inspection.push(bytes));
            self.check_finding(number, &inspection.end());
        }
        let verdict = inspector.verdict();
        let is_right = match (&verdict, self.damage.as_ref().map(|damage| damage.verdict)) {
            (Told::Whole, None) | (Told::TornTail, Some(Verdict::Torn)) => true,
            (Told::Broken(why), Some(Verdict::Broken(words))) => why.contains(words),
            (Told::Broken(_), Some(Verdict::Base(_))) => true,
            _ => false,
        };
        check(is_right, F1, || format!("--check says {verdict:?}, {}", self.words()));
    }

    fn check_finding(&self, number: usize, found: &Finding) {
        let file = &self.logs.files[number];
        let len = file.bytes.len() as u64;
        let keep = match &self.damage {
            Some(damage) if damage.file < number => Keep::Nothing,
            Some(damage) if damage.file == number => Keep::Bytes(damage.at as u64),
            _ => Keep::Bytes(len),
        };
        let (damage, shown) = (self.damage.as_ref(), || format!("{found:?}, {}", self.words()));
        if let Some(it) = damage.filter(|it| matches!(it.verdict, Verdict::Base(_))) {
            let is_so = it.file == number || found.keep == Keep::Nothing;
            return check(is_so && found.flaw.is_some() >= (it.file == number), F1, shown);
        }
        check(found.keep == keep, F1, || format!("{keep:?} must be kept: {}", shown()));
        let flaw = found.flaw.as_ref().map(|flaw| (flaw.at, flaw.lsn));
        let at = damage.filter(|damage| damage.file == number);
        let expected = at.map(|damage| (damage.at as u64, Some(damage.place.at.lsn)));
        check(flaw == expected, F1, || format!("{expected:?} is the flaw: {}", shown()));
        let behind = damage.map_or(0, |damage| damage.found[number]);
        check(found.batches_behind == behind, F1, || format!("{behind} are behind: {}", shown()));
        let keys = found.dump.map(|dump| dump.keys);
        check(keys == file.keys, F1, || format!("{:?} keys: {}", file.keys, shown()));
        if damage.is_none() && file.kind == 'i' {
            check_whole(file, found, shown);
        }
    }

    /// A server begins with it.
    fn begin(&self, rng: &mut ChaCha8Rng) {
        let files = self.files();
        let mut server = Server::new(self.config.clone(), disk_of(&files), self.trouble, rng);
        server.start();
        let verdict = self.damage.as_ref().map(|damage| damage.verdict);
        let may_cut = self.config.aof_load_truncated;
        match verdict.filter(|_| self.config.appendonly) {
            _ if !self.config.appendonly => self.check_unread(&server, &files),
            Some(Verdict::Broken(words) | Verdict::Base(words)) => {
                self.check_refused(&server, words, &files);
            }
            Some(Verdict::Torn) if !may_cut => {
                self.check_refused(&server, "aof-load-truncated is no", &files);
            }
            _ => self.check_started(server, rng),
        }
    }

    /// Without a log nothing of it is read, but the dump, and nothing is done to any of it.
    fn check_unread(&self, server: &Server, files: &BTreeMap<Name, Vec<u8>>) {
        let (bytes, keyspace, is_whole) = &self.dump;
        let line = server.lines.last().cloned().unwrap_or_default();
        let is_refused = server.exit == Some(1) && line.contains("Bad RDB file dump.rdb: ");
        check(*is_whole != is_refused, D9, || format!("'{line}' of {}", bytes.escape_ascii()));
        if *is_whole {
            self.check_keyspace(server, keyspace);
        }
        self.check_same(&server.disk, files);
        check(server.removed.is_empty(), D12, || format!("{:?} are removed", server.removed));
    }

    fn check_same(&self, disk: &Disk, files: &BTreeMap<Name, Vec<u8>>) {
        for (name, bytes) in files {
            let is_so = disk.content(name) == Some(bytes);
            check(is_so, D9, || format!("{name:?} was changed: {}", self.words()));
        }
        let count = disk.names(Dir::Aof).len() + disk.names(Dir::Data).len();
        check(count == files.len(), D9, || format!("{count} files, {}", self.words()));
    }

    fn check_refused(&self, server: &Server, words: &str, files: &BTreeMap<Name, Vec<u8>>) {
        let line = server.lines.last().cloned().unwrap_or_default();
        check(server.exit == Some(1), D9, || format!("a server starts: {}", self.words()));
        let Some(damage) = &self.damage else { return };
        let name = &self.logs.files[damage.file].name;
        let is_base = matches!(damage.verdict, Verdict::Base(_));
        let place = format!("{name} at offset {} (LSN {}", damage.at, damage.place.at.lsn);
        let is_placed = if is_base { line.contains(name) } else { line.contains(&place) };
        check(is_placed && line.contains(words), D9, || {
            format!("'{line}' does not tell {words:?}: {}", self.words())
        });
        self.check_same(&server.disk, files);
    }

    fn check_started(&self, mut server: Server, rng: &mut ChaCha8Rng) {
        check(server.exit.is_none(), D9, || {
            format!("{:?} is told, and refused: {}", server.lines.last(), self.words())
        });
        let place = self.damage.as_ref().map_or_else(|| self.logs.end(), |it| it.place.clone());
        self.check_keyspace(&server, &place.keyspace);
        let lsn = server.core.watermarks().enqueued;
        check(lsn == place.at.lsn, F1, || {
            format!("the log goes on at {lsn}, not {}: {}", place.at.lsn, self.words())
        });
        let tells = |line: &String| line.contains("cutting a torn tail off");
        let has_cut = server.lines.iter().any(tells);
        check(has_cut == self.damage.is_some(), F1, || format!("{:?} is told", server.lines));
        let has_line = self.trouble != Trouble::Full;
        self.check_cut(&server, place.at, has_line);
        self.check_durable(&server);
        self.check_size(&mut server);
        server.rest();
        self.check_others(&server, has_line);
        effects::try_some(&mut server, rng);
        if rng.random_ratio(1, 3) {
            self.rewrite(&mut server);
        }
        let before = replay::dump(&server.core);
        let mut next = server.again(rng);
        next.start();
        check(next.exit.is_none(), D9, || {
            format!("{:?} is told, and refused: {}", next.lines.last(), self.words())
        });
        let after = replay::dump(&next.core);
        check(after == before, D9, || format!("{after:?}, not {before:?}: {}", self.words()));
    }

    fn check_keyspace(&self, server: &Server, keyspace: &Keyspace) {
        let mut found = replay::dump(&server.core);
        for (db, key, entry) in keyspace.iter() {
            let deadline = entry.deadline_ms.and_then(|deadline| u64::try_from(deadline).ok());
            let value = found.remove(&(db, key.to_vec()));
            check(value == Some((entry.value.clone(), deadline)), D9, || {
                format!("{db} {key:?} is {value:?}, not {entry:?}: {}", self.words())
            });
        }
        check(found.is_empty(), D9, || format!("{found:?} are too much: {}", self.words()));
    }

    /// What is damaged is cut off, and behind all a line begins this life.
    fn check_cut(&self, server: &Server, at: At, has_line: bool) {
        let last = self.logs.files.len() - 1;
        let read = self.damage.as_ref().map_or_else(|| self.logs.end().at, |it| it.place.at);
        let based = self.logs.files[0].note.as_ref().and_then(|note| note.split(" epoch ").nth(1));
        let based = based.and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
        let made = self.highest_incr() - self.logs.first_incr();
        let epoch = read.epoch.max(based) + made + 1;
        for (number, file) in self.logs.files.iter().enumerate() {
            let len = match &self.damage {
                Some(damage) if damage.file < number => 0,
                Some(damage) if damage.file == number => damage.at,
                _ => file.bytes.len(),
            };
            let bytes = server.disk.content(&aof(&file.name)).unwrap_or_default();
            let rest = bytes.strip_prefix(&file.bytes[..len]);
            let is_so = rest.is_some_and(|rest| match number == last && has_line {
                true => {
                    let line = part(rest, None);
                    line.end == Some(At { epoch, ..at }) && line.len == rest.len()
                }
                false => rest.is_empty(),
            });
            check(is_so, F1, || {
                format!("{rest:?} in {} of epoch {epoch}: {}", file.name, self.words())
            });
        }
    }

    /// The highest number of an incremental file that lies there.
    fn highest_incr(&self) -> u64 {
        let others = self.others.iter().filter_map(|(name, ..)| {
            let rest = name.strip_prefix(self.prefix)?.strip_prefix('.')?;
            rest.split_once(".incr.")?.0.parse().ok()
        });
        let named = self.logs.files.iter().filter(|file| file.kind == 'i').map(|file| file.seq);
        others.chain(named).max().unwrap_or(0)
    }

    /// What is served was durable before.
    fn check_durable(&self, server: &Server) {
        for file in self.logs.files.iter().filter(|file| file.kind == 'i') {
            let is_so = server.synced.contains(&aof(&file.name));
            check(is_so, F1, || format!("{} may be lost again", file.name));
        }
        for dir in [Dir::Data, Dir::Aof] {
            check(server.synced_dirs.contains(&dir), F1, || format!("names of {dir:?} may be"));
        }
    }

    fn check_size(&self, server: &mut Server) {
        let told = server.told("aof_current_size");
        let len = |file: &File| server.disk.content(&aof(&file.name)).map_or(0, <[u8]>::len);
        let size: usize = self.logs.files.iter().map(len).sum();
        check(told == Some(size as u64), F1, || {
            format!("INFO tells {told:?} bytes of {size}: {}", self.words())
        });
    }

    fn check_others(&self, server: &Server, has_line: bool) {
        for (name, bytes, goes) in &self.others {
            let there = server.disk.content(&aof(name));
            let expected = (!(*goes && has_line)).then_some(*bytes);
            check(there == expected, D12, || format!("{name} is {there:?}: {}", self.words()));
        }
    }

    /// The log is rewritten, and the manifest names two files.
    fn rewrite(&self, server: &mut Server) {
        server.turn(b"BGREWRITEAOF\r\n");
        let is_told = |line: &String| line.contains("rewrite finished successfully");
        server.until("the rewrite does not end", |it| it.lines.iter().any(is_told));
        server.rest();
        let text = server.disk.content(&self.manifest_name()).unwrap_or_default().to_vec();
        let end = if self.config.aof_use_rdb_preamble { "rdb" } else { "aof" };
        let all = String::from_utf8_lossy(&text).into_owned();
        let line = |kind: &str, end: &str, letter| {
            let name = |seq| quoted(&format!("{}.{seq}.{kind}.{end}", self.prefix));
            (1..100)
                .any(|seq| all.contains(&format!("file {} seq {seq} type {letter}\n", name(seq))))
        };
        check(line("base", end, 'b') && line("incr", "aof", 'i'), F1, || {
            format!("a manifest says {all}")
        });
    }
}

/// What a file holds of which nothing is wrong.
fn check_whole(file: &File, found: &Finding, shown: impl Fn() -> String) {
    let batches = file.items.iter().filter(|item| item.batch.is_some()).count() as u64;
    let commands = file.items.iter().map(|item| item.commands).sum();
    check((found.batches, found.commands) == (batches, commands), F1, || {
        format!("{batches} batches, {commands} commands: {}", shown())
    });
    let some = || file.items.iter().filter(|item| item.commands > 0);
    let (first, last) = (some().next(), some().next_back());
    let lsns = first.zip(last).map(|(first, last)| first.from.lsn..last.to.at.lsn);
    let is_known = file.from.is_known;
    check(!is_known || found.lsns == lsns, F1, || format!("{lsns:?}: {}", shown()));
}

/// A dump, or none, and whether it is loaded; behind its end nothing is read.
fn dump(rng: &mut ChaCha8Rng) -> (Vec<u8>, Keyspace, bool) {
    let (dump, keyspace) = told_dump(rng);
    let mut bytes = dump.bytes;
    match rng.random_range(0..6) {
        0 => bytes.clear(),
        1 => bytes = b"no dump".to_vec(),
        2 => bytes.truncate(rng.random_range(9..dump.end + 1)),
        3 => bytes.extend(b"and more"),
        _ => {}
    }
    let is_whole = bytes.len() > dump.end;
    (bytes, keyspace, is_whole)
}

/// What may lie beside a log.
fn others(prefix: &str, logs: &Logs, rng: &mut ChaCha8Rng) -> Vec<(String, &'static [u8], bool)> {
    let mut others = Vec::new();
    if rng.random() {
        return others;
    }
    let incr = logs.files.last().map_or(0, |file| file.seq);
    let base = logs.files.iter().find(|file| file.kind == 'b');
    others.push((format!("{prefix}.{}.incr.aof", incr + 1), &b""[..], true));
    others.push((format!("{prefix}.{}.incr.aof.bak", incr + 1), b"", false));
    if rng.random() {
        others.push((format!("{prefix}.{}.incr.aof", incr + 3), b"#somebody's", false));
    }
    if let Some(base) = base {
        let other = if base.name.ends_with("rdb") { "aof" } else { "rdb" };
        others.push((format!("{prefix}.{}.base.{other}", base.seq), b"a copy", false));
        others.push((format!("{prefix}.{}.base.{other}", base.seq + 1), b"half", true));
    }
    others
}

fn aof(name: &str) -> Name {
    aof_name(name.as_bytes())
}

fn aof_name(name: &[u8]) -> Name {
    Name::file(Dir::Aof, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of everything that may be wrong there is some.
    #[test]
    fn logs_are_struck_in_all_ways() {
        let mut seen = BTreeMap::new();
        for seed in 0..1000 {
            let case = Case::draw(&mut ChaCha8Rng::seed_from_u64(seed));
            let Some(damage) = &case.damage else { continue };
            let behind = damage.found.iter().sum::<u64>() > 0;
            let words = format!("{:?} {behind} {}", damage.verdict, damage.place.is_known);
            *seen.entry(words).or_insert(0) += 1;
        }
        for (verdict, behind, is_known) in [
            (Verdict::Torn, true, true),
            (Verdict::Torn, false, true),
            (Verdict::Torn, false, false),
            (Verdict::Broken("was durable"), true, true),
            (Verdict::Broken("was durable"), false, false),
            (Verdict::Broken("neither a command nor an annotation"), false, false),
            (Verdict::Base("were written"), false, false),
            (Verdict::Base("Bad AOF base file"), false, false),
            (Verdict::Base("Bad RDB file"), false, false),
        ] {
            let words = format!("{verdict:?} {behind} {is_known}");
            assert!(seen.contains_key(&words), "{words} of {seen:#?}");
        }
    }
}
