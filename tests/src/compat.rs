//! COMPAT.md: what of Redis is here and what is not, written from facts that tests keep true.
//!
//! What is here comes from the command table of the core. What is missing is the difference to a
//! list of the commands of Redis 7.2. Where replies differ comes from the remarks in the
//! transcripts, which a stock server confirms: a difference that has gone fails there.

use crate::notes::Peer;
use crate::transcript::Transcript;
use crate::workers::all_transcripts;
use seedis_core::command::registry;
use seedis_core::command::registry::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Lines of a group and a command, in the order in which they are shown.
const REDIS_COMMANDS: &str = include_str!("../redis-7.2-commands.txt");

/// The whole page.
pub fn page() -> String {
    let registry = registry();
    let rows: BTreeMap<&str, &Row> = registry
        .rows()
        .iter()
        .filter(|row| row.command.subcommands.is_empty())
        .map(|row| (&*row.full_name, row))
        .collect();
    let redis: Vec<(&str, &str)> = redis_commands().collect();
    let here = redis.iter().filter(|(_, name)| rows.contains_key(name)).count();
    let mut page = format!(
        "# Compatibility with Redis\n\n\
         Written by `cargo run -p seedis-tests --bin compat > COMPAT.md` from the command table \
         and the transcripts; a test checks that it is up to date.\n\n\
         Seedis reports version 7.2.4 and follows Redis 7.2. Of its {} commands, subcommands \
         counted, {here} are here.\n",
        redis.len()
    );
    for group in groups(&redis) {
        page.push_str(&section(group, &redis, &rows));
    }
    page.push_str(&beyond(&redis, &rows));
    page.push_str(&differences(&all_transcripts()));
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
fn section(group: &str, redis: &[(&str, &str)], rows: &BTreeMap<&str, &Row>) -> String {
    let names = redis.iter().filter(|(of, _)| *of == group).map(|(_, name)| *name);
    let (here, missing): (Vec<&str>, Vec<&str>) = names.partition(|name| rows.contains_key(name));
    let mut text = format!("\n## {group}\n\n");
    if !here.is_empty() {
        text.push_str("| command | since Redis | |\n|---|---|---|\n");
        here.iter().for_each(|name| text.push_str(&table_row(rows[name])));
    }
    if !missing.is_empty() {
        let gap = if here.is_empty() { "" } else { "\n" };
        let missing: Vec<String> = missing.iter().map(|name| shown(name)).collect();
        _ = writeln!(text, "{gap}Not here: {}.", missing.join(", "));
    }
    text
}

fn table_row(row: &Row) -> String {
    let command = row.command;
    format!("| {} | {} | {} |\n", shown(&row.full_name), command.since, command.summary)
}

/// Commands that Redis 7.2 does not have.
fn beyond(redis: &[(&str, &str)], rows: &BTreeMap<&str, &Row>) -> String {
    let known: BTreeSet<&str> = redis.iter().map(|(_, name)| *name).collect();
    let ours: Vec<_> = rows.iter().filter(|(name, _)| !known.contains(*name)).collect();
    if ours.is_empty() {
        return String::new();
    }
    let mut text = "\n## Not in Redis 7.2\n\n| command | since | |\n|---|---|---|\n".to_string();
    ours.iter().for_each(|(_, row)| text.push_str(&table_row(row)));
    text
}

/// Every reason of a difference with the transcripts that give it.
fn differences(transcripts: &[Transcript]) -> String {
    let mut reasons: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for transcript in transcripts {
        for step in &transcript.steps {
            if let Peer::Differs(why) | Peer::Absent(why) | Peer::Skip(why) = &step.notes.peer {
                reasons.entry(why).or_default().insert(&transcript.name);
            }
        }
    }
    let mut text = "\n## Where the answer is not that of redis-server 7.0.15\n\n\
         A stock server confirms each of these when the tests run.\n\n\
         | why | transcripts |\n|---|---|\n"
        .to_string();
    for (why, names) in reasons {
        let names: Vec<&str> = names.into_iter().collect();
        _ = writeln!(text, "| {} | {} |", why.replace('|', "\\|"), names.join(", "));
    }
    text
}

/// `client|kill` as one types it.
fn shown(name: &str) -> String {
    format!("`{}`", name.replace('|', " ").to_uppercase())
}
