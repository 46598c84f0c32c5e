//! COMPAT.md: what of Redis is here and what is not, written from facts that tests keep true.
//!
//! What is here comes from the command table of the core, each command with the transcript that
//! shows most of it. What is missing is the difference to a list of the commands of Redis 7.2.
//! Where replies differ comes from the remarks in the transcripts, which a stock server confirms: a
//! difference that has gone fails there. Only [`PARTLY`] is written by hand.

use crate::notes::Peer;
use crate::peer::command_words;
use crate::transcript::Transcript;
use crate::workers::all_transcripts;
use seedis_core::command::registry;
use seedis_core::command::registry::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Lines of a group and a command, in the order in which they are shown.
const REDIS_COMMANDS: &str = include_str!("../redis-7.2-commands.txt");

/// Commands of which something is missing, and what. All others are complete.
pub const PARTLY: &[(&str, &str)] = &[
    ("auth", "there is one user, the default one"),
    ("client|getredir", "nothing is tracked yet"),
    ("client|trackinginfo", "nothing is tracked yet"),
    ("debug", "the subcommands that its HELP lists"),
    ("hello", "there is one user, the default one"),
    ("role", "there is no replication yet"),
];

/// The whole page.
pub fn page() -> String {
    let registry = registry();
    let transcripts = all_transcripts();
    let table = Table::new(registry.rows(), &transcripts);
    let redis: Vec<(&str, &str)> = redis_commands().collect();
    let here = redis.iter().filter(|(_, name)| table.rows.contains_key(name)).count();
    let mut page = format!(
        "# Compatibility with Redis\n\n\
         Written by `cargo run -q -p seedis-tests --bin compat > COMPAT.md` from the command \
         table and the transcripts; a test checks that it is up to date.\n\n\
         Seedis reports version 7.2.4 and follows Redis 7.2. Of its {} commands, subcommands \
         counted, {here} are here. A command is complete when it has every option, every error \
         and both forms of every reply (RESP2 and RESP3) of Redis 7.2.\n",
        redis.len()
    );
    for group in groups(&redis) {
        page.push_str(&section(group, &redis, &table));
    }
    page.push_str(&beyond(&redis, &table));
    page.push_str(&table.differences(&transcripts));
    page
}

/// Group and name of every command of Redis 7.2.
pub fn redis_commands() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = REDIS_COMMANDS.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' '))
}

fn groups<'a>(redis: &[(&'a str, &str)]) -> Vec<&'a str> {
    let mut groups: Vec<&str> = redis.iter().map(|(group, _)| *group).collect();
    groups.dedup();
    groups
}

/// One group: a table of what is here, a line of what is not.
fn section(group: &str, redis: &[(&str, &str)], table: &Table<'_>) -> String {
    let names = redis.iter().filter(|(of, _)| *of == group).map(|(_, name)| *name);
    let (here, missing): (Vec<&str>, Vec<&str>) =
        names.partition(|name| table.rows.contains_key(name));
    let mut text = format!("\n## {group}\n\n");
    text.push_str(&table.lines(&here));
    if !missing.is_empty() {
        let gap = if here.is_empty() { "" } else { "\n" };
        let missing: Vec<String> = missing.iter().map(|name| shown(name)).collect();
        _ = writeln!(text, "{gap}Not here: {}.", missing.join(", "));
    }
    text
}

/// Commands that Redis 7.2 does not have.
fn beyond(redis: &[(&str, &str)], table: &Table<'_>) -> String {
    let known: BTreeSet<&str> = redis.iter().map(|(_, name)| *name).collect();
    let ours: Vec<&str> =
        table.rows.keys().filter(|name| !known.contains(*name)).copied().collect();
    if ours.is_empty() {
        String::new()
    } else {
        format!("\n## Not in Redis 7.2\n\n{}", table.lines(&ours))
    }
}

/// The commands that are no containers, and which transcripts call each, how often.
struct Table<'a> {
    rows: BTreeMap<&'a str, &'a Row>,
    calls: BTreeMap<&'a str, BTreeMap<&'a str, usize>>,
}

impl<'a> Table<'a> {
    fn new(rows: &'a [Row], transcripts: &'a [Transcript]) -> Self {
        let leaves = rows.iter().filter(|row| row.command.subcommands.is_empty());
        let rows = leaves.map(|row| (&*row.full_name, row)).collect();
        let mut table = Self { rows, calls: BTreeMap::new() };
        for transcript in transcripts {
            for step in &transcript.steps {
                if let Some(row) = table.called(&command_words(step)) {
                    let calls = table.calls.entry(&row.full_name).or_default();
                    *calls.entry(&transcript.name).or_default() += 1;
                }
            }
        }
        table
    }

    /// The command that the first two words of a step name.
    fn called(&self, words: &[String]) -> Option<&'a Row> {
        let name = words.first()?.to_lowercase();
        let subcommand = words.get(1).map(|word| format!("{name}|{}", word.to_lowercase()));
        let row = subcommand.and_then(|full| self.rows.get(full.as_str()));
        row.or_else(|| self.rows.get(name.as_str())).copied()
    }

    /// The transcript that shows most of a command: one of its name, else of its container's,
    /// else the one that calls it most often; sessions of client libraries come last.
    fn transcript(&self, name: &str) -> Option<&'a str> {
        let dashed = name.replace('|', "-");
        let container = name.split('|').next().unwrap_or(name);
        let rank = |path: &str, calls: usize| {
            let (folder, stem) = path.split_once('/').unwrap_or(("", path));
            (folder != "clients", stem == dashed, stem.starts_with(container), calls)
        };
        // Of equals the first by name.
        let calls = self.calls.get(name)?.iter().rev();
        calls.max_by_key(|(path, calls)| rank(path, **calls)).map(|(path, _)| *path)
    }

    fn lines(&self, names: &[&str]) -> String {
        if names.is_empty() {
            return String::new();
        }
        let head = "| command | since | | state | transcript |\n|---|---|---|---|---|\n";
        let lines = names.iter().map(|name| self.line(self.rows[name]));
        head.chars().chain(lines.collect::<String>().chars()).collect()
    }

    fn line(&self, row: &Row) -> String {
        let name = &*row.full_name;
        let lack = PARTLY.iter().find(|(of, _)| *of == name);
        let state = match lack {
            Some((_, what)) => format!("partly: {what}"),
            None => "complete".into(),
        };
        let transcript = self.transcript(name).map(link).unwrap_or_default();
        let (since, summary) = (row.command.since, row.command.summary);
        format!("| {} | {since} | {summary} | {state} | {transcript} |\n", shown(name))
    }

    /// Every step that a stock server answers otherwise, by command, with the reason. Later steps
    /// of a transcript that differ for the same reason show what came of the first.
    fn differences(&self, transcripts: &'a [Transcript]) -> String {
        let mut found: BTreeMap<(String, &str), BTreeSet<&str>> = BTreeMap::new();
        for transcript in transcripts {
            // A message that only arrives belongs to what the connection sent before.
            let mut last: BTreeMap<&str, String> = BTreeMap::new();
            let mut reasons = BTreeSet::new();
            for step in &transcript.steps {
                if let Some(name) = self.shown_call(&command_words(step)) {
                    last.insert(&step.conn, name);
                }
                if let Peer::Differs(why) | Peer::Absent(why) | Peer::Skip(why) = &step.notes.peer
                    && reasons.insert(why)
                {
                    let name = last.get(step.conn.as_str()).cloned().unwrap_or_default();
                    found.entry((name, why)).or_default().insert(&transcript.name);
                }
            }
        }
        let mut text = "\n## Where the answer is not that of redis-server 7.0.15\n\n\
             A stock server confirms each of these when the tests run.\n\n\
             | command | why | transcripts |\n|---|---|---|\n"
            .to_string();
        for ((name, why), paths) in found {
            let links: Vec<String> = paths.into_iter().map(link).collect();
            _ = writeln!(text, "| {name} | {} | {} |", why.replace('|', "\\|"), links.join(", "));
        }
        text
    }

    /// The command of a call as one types it, whether it is here or not.
    fn shown_call(&self, words: &[String]) -> Option<String> {
        let name = words.first()?.to_lowercase();
        Some(shown(self.called(words).map_or(&name, |row| &row.full_name)))
    }
}

/// `client|kill` as one types it.
fn shown(name: &str) -> String {
    format!("`{}`", name.replace('|', " ").to_uppercase())
}

fn link(transcript: &str) -> String {
    format!("[{transcript}](tests/transcripts/{transcript}.resp)")
}
