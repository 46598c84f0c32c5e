//! The rows of the command table against the public facts of Redis's commands.
//!
//! `commands.json` holds one object a command. It lies beside the repository, not in it: without
//! it nothing is checked. It was written for a server a little newer than Redis 7.2, and so are
//! some of our options: history and arguments that came after 7.2 are left out on both sides, and
//! [`ALLOWED`] says where the file tells something else than Redis 7.2 does. Of the history the
//! versions are compared, the words are our own.

use seedis_core::command::arguments::{self, Argument, Kind};
use seedis_core::command::registry;
use seedis_core::command::registry::Row;
use seedis_core::command::spec::{Begin, Command, Find, KeySpec};
use seedis_tests::process::not_run;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Command, fact, why ours is right.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("append", "complexity", "names Redis"),
    ("bitcount", "arguments", "Redis 7.2 wants an end where there is a start"),
    ("bgsave", "arguments", "Redis has one option, no choice"),
    ("cluster|slots", "deprecated", "Valkey took the deprecation back"),
    ("dump", "complexity", "names Redis"),
    ("multi", "flags", "Redis answers a nested MULTI itself, without failing the transaction"),
    ("restore", "complexity", "names Redis"),
    ("restore-asking", "complexity", "names Redis"),
    ("shutdown", "arguments", "Redis 7.2 lists ABORT beside the others"),
    (
        "watch",
        "flags",
        "Redis answers a WATCH inside MULTI itself, without failing the transaction",
    ),
];

/// Commands that are newer than the file.
const NEWER: &[&str] = &[
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
    "xackdel",
    "xdelex",
];

#[test]
fn rows_tell_what_redis_tells() {
    let Some(facts) = load() else { return not_run("commands.json") };
    let mut found = Vec::new();
    for row in registry().rows() {
        let Some(object) = facts.get(&row.full_name.to_uppercase()) else {
            if !NEWER.contains(&&*row.full_name) {
                found.push(format!("{}: no such command", row.full_name));
            }
            continue;
        };
        compare(row, object, &mut found);
    }
    assert!(found.is_empty(), "{} differ:\n{}\n", found.len(), found.join("\n"));
}

fn load() -> Option<BTreeMap<String, Value>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let beside = ["../shared", "../../shared"].map(|dir| root.join(dir).join("data/commands.json"));
    let text = beside.iter().find_map(|path| fs::read_to_string(path).ok())?;
    Some(serde_json::from_str(&text).expect("the file is JSON"))
}

fn compare(row: &Row, object: &Value, found: &mut Vec<String>) {
    let name = &*row.full_name;
    for ((fact, ours), (_, theirs)) in our_facts(row.command).into_iter().zip(their_facts(object)) {
        let allowed = ALLOWED.iter().any(|(of, what, _)| (*of, *what) == (name, fact));
        match (ours == theirs, allowed) {
            (false, false) => {
                found.push(format!("{name}: {fact}:\n    is     {ours}\n    should {theirs}"));
            }
            (true, true) => found.push(format!("{name}: {fact}: allowed to differ, but does not")),
            _ => {}
        }
    }
}

type Facts = [(&'static str, String); 11];

fn our_facts(command: &Command) -> Facts {
    let arguments = arguments::parse(command.arguments).expect("rows are in the notation");
    let (since, by) = command.deprecated.unwrap_or_default();
    [
        ("arity", command.arity.to_string()),
        ("flags", sorted(command.flags.names().map(str::to_uppercase))),
        ("categories", sorted(command.all_categories().names().map(str::to_uppercase))),
        ("key specs", command.keys.iter().map(our_key_spec).collect::<Vec<_>>().join("; ")),
        ("since", command.since.into()),
        ("group", command.group.name().into()),
        ("complexity", command.complexity.into()),
        ("tips", sorted(command.tips.iter().map(|tip| tip.to_uppercase()))),
        ("deprecated", format!("{since} {by} {}", command.is_syscmd)),
        ("history", versions(command.history.iter().map(|(version, _)| (*version).into()))),
        ("arguments", our_arguments(&arguments)),
    ]
}

fn their_facts(object: &Value) -> Facts {
    let list = |field: &str| object[field].as_array().cloned().unwrap_or_default();
    let history = versions(list("history").iter().map(|entry| text(&entry[0])));
    let is_syscmd = texts(object, "doc_flags").contains(&"SYSCMD".into());
    let (since, by) = (text(&object["deprecated_since"]), text(&object["replaced_by"]));
    let flags = texts(object, "command_flags");
    let keys: Vec<String> = list("key_specs").iter().map(their_key_spec).collect();
    [
        ("arity", object["arity"].to_string()),
        ("flags", sorted(flags.iter().filter(|flag| !HIDDEN.contains(&&***flag)).cloned())),
        ("categories", their_categories(&flags, texts(object, "acl_categories"))),
        ("key specs", keys.join("; ")),
        ("since", text(&object["since"])),
        ("group", text(&object["group"]).replace('_', "-")),
        ("complexity", text(&object["complexity"])),
        ("tips", sorted(texts(object, "command_tips").into_iter())),
        ("deprecated", format!("{since} {by} {is_syscmd}")),
        ("history", history),
        ("arguments", their_arguments(object)),
    ]
}

/// Flags that concern only Sentinel or scripts of a cluster.
const HIDDEN: &[&str] = &["SENTINEL", "ONLY_SENTINEL", "TOUCHES_ARBITRARY_KEYS"];

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().into()
}

fn texts(object: &Value, field: &str) -> Vec<String> {
    object[field].as_array().into_iter().flatten().map(text).collect()
}

fn sorted(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    words.sort();
    words.join(" ")
}

/// Whether a version came after Redis 7.2.
fn is_newer(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next(), parts.next()) > (Some(7), Some(2))
}

/// The categories of an object, with those that follow from its flags.
fn their_categories(flags: &[String], mut categories: Vec<String>) -> String {
    let has = |flag: &str| flags.iter().any(|other| other == flag);
    let is_script = categories.iter().any(|category| category == "SCRIPTING");
    let follows = [
        (has("WRITE"), "WRITE"),
        (has("READONLY") && !is_script, "READ"),
        (has("ADMIN"), "ADMIN"),
        (has("ADMIN"), "DANGEROUS"),
        (has("PUBSUB"), "PUBSUB"),
        (has("BLOCKING"), "BLOCKING"),
        (has("FAST"), "FAST"),
        (!has("FAST"), "SLOW"),
    ];
    categories.extend(follows.iter().filter(|(holds, _)| *holds).map(|(_, name)| (*name).into()));
    categories.sort();
    categories.dedup();
    categories.join(" ")
}

fn our_key_spec(spec: &KeySpec) -> String {
    let begin = match spec.begin {
        Begin::Index(at) => format!("at {at}"),
        Begin::Keyword(word, from) => format!("after {word} from {from}"),
        Begin::Unknown => "somewhere".into(),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => format!("to {last} by {step} of 1/{limit}"),
        Find::KeyNum { at, first, step } => format!("counted at {at} from {first} by {step}"),
        Find::Unknown => "unknown".into(),
    };
    format!("{} {begin} {find}", sorted(spec.flags.names().map(str::to_uppercase)))
}

fn their_key_spec(spec: &Value) -> String {
    let (begin, find) = (&spec["begin_search"], &spec["find_keys"]);
    let (index, keyword) = (&begin["index"], &begin["keyword"]);
    let begin = if index.is_object() {
        format!("at {}", index["pos"])
    } else if keyword.is_object() {
        format!("after {} from {}", text(&keyword["keyword"]), keyword["startfrom"])
    } else {
        "somewhere".into()
    };
    let (range, number) = (&find["range"], &find["keynum"]);
    let find = if range.is_object() {
        format!("to {} by {} of 1/{}", range["lastkey"], range["step"], range["limit"])
    } else if number.is_object() {
        let Value::Object(fields) = number else { unreachable!("it is an object") };
        format!(
            "counted at {} from {} by {}",
            fields["keynumidx"], fields["firstkey"], fields["step"]
        )
    } else {
        "unknown".into()
    };
    format!("{} {begin} {find}", sorted(texts(spec, "flags").into_iter()))
}

/// The versions that are not newer than Redis 7.2.
fn versions(all: impl Iterator<Item = String>) -> String {
    all.filter(|version| !is_newer(version)).collect::<Vec<_>>().join(" ")
}

fn our_arguments(arguments: &[Argument<'_>]) -> String {
    let known = arguments.iter().filter(|argument| !argument.since.is_some_and(is_newer));
    known.map(our_argument).collect::<Vec<_>>().join(" ")
}

/// An argument in one line: `name:type<token>{display}#spec@since!deprecated?*+(inner)`.
fn our_argument(argument: &Argument<'_>) -> String {
    let some = |sign: &str, text: Option<&str>| text.map(|text| format!("{sign}{text}"));
    let spec = argument.key_spec.map(|index| format!("#{index}"));
    let is_group = matches!(argument.kind, Kind::OneOf | Kind::Block);
    [
        Some(format!("{}:{}", argument.name, argument.kind.name())),
        some("<", argument.token),
        (!is_group).then(|| format!("{{{}", argument.display.unwrap_or(&argument.name))),
        spec,
        some("@", argument.since),
        some("!", argument.deprecated_since),
        argument.optional.then(|| "?".into()),
        argument.multiple.then(|| "*".into()),
        argument.multiple_token.then(|| "+".into()),
        is_group.then(|| format!("({})", our_arguments(&argument.arguments))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn their_arguments(object: &Value) -> String {
    let all = object["arguments"].as_array().into_iter().flatten();
    let drawn: Vec<String> =
        all.filter(|argument| !is_newer(&text(&argument["since"]))).map(their_argument).collect();
    drawn.join(" ")
}

fn their_argument(argument: &Value) -> String {
    let some =
        |sign: &str, field: &str| argument[field].as_str().map(|text| format!("{sign}{text}"));
    let is_set =
        |field: &str, sign: &str| (argument[field] == Value::Bool(true)).then(|| sign.to_string());
    let name = text(&argument["name"]).to_lowercase();
    let kind = text(&argument["type"]);
    let is_group = kind == "oneof" || kind == "block";
    let display = some("", "display").unwrap_or_else(|| name.clone()).to_lowercase();
    [
        Some(format!("{name}:{kind}")),
        some("<", "token").map(|token| token.to_uppercase()),
        (!is_group).then(|| format!("{{{display}")),
        argument["key_spec_index"].as_i64().map(|index| format!("#{index}")),
        some("@", "since"),
        some("!", "deprecated_since"),
        is_set("optional", "?"),
        is_set("multiple", "*"),
        is_set("multiple_token", "+"),
        is_group.then(|| format!("({})", their_arguments(argument))),
    ]
    .into_iter()
    .flatten()
    .collect()
}
