//! The ten elements that COMMAND INFO tells of a command.
//!
//! Name, arity, flags, first key, last key, step, ACL categories, tips, key specs, subcommands. The
//! three about keys are from before key specs and hold one range; a command whose keys it does not
//! cover has the flag `movablekeys`.

use crate::client::output::Output;
use crate::command::Registry;
use crate::command::spec::{Begin, Command, Find, Flags, KeySpec};

/// Writes the information about the command `id`, with that of its subcommands inside.
pub(super) fn reply_info(output: &mut Output, registry: &Registry, id: u16) {
    let row = registry.row(id);
    let command = row.command;
    let keys = command.key_range();
    output.array(10);
    output.bulk(row.full_name.as_bytes());
    output.int(i64::from(command.arity));
    statuses(output, "", shown_flags(command).names());
    output.int(keys.first);
    output.int(keys.last);
    output.int(keys.step);
    statuses(output, "@", command.all_categories().names());
    output.set(command.tips.len());
    command.tips.iter().for_each(|tip| output.bulk(tip.as_bytes()));
    output.set(command.keys.len());
    command.keys.iter().for_each(|spec| reply_key_spec(output, spec));
    reply_subcommands(output, registry, id);
}

/// The flags as COMMAND INFO tells them.
fn shown_flags(command: &Command) -> Flags {
    let hidden = Flags::MAY_REPLICATE | Flags::PROTECTED;
    let stated = Flags(command.flags.0 & !hidden.0);
    if command.key_range().is_movable { stated | Flags::MOVABLEKEYS } else { stated }
}

/// A set of words as simple strings, each after `prefix`.
pub(super) fn statuses(
    output: &mut Output,
    prefix: &str,
    names: impl Iterator<Item = &'static str> + Clone,
) {
    output.set(names.clone().count());
    names.for_each(|name| output.simple(&alloc::format!("{prefix}{name}")));
}

fn reply_subcommands(output: &mut Output, registry: &Registry, id: u16) {
    let row = registry.row(id);
    let count = row.command.subcommands.len() as u16;
    // Redis answers an array, but an empty set when there are none.
    if count == 0 {
        return output.set(0);
    }
    output.array(usize::from(count));
    for sub in row.first_subcommand..row.first_subcommand + count {
        reply_info(output, registry, sub);
    }
}

fn reply_key_spec(output: &mut Output, spec: &KeySpec) {
    output.map(if spec.notes.is_empty() { 3 } else { 4 });
    if !spec.notes.is_empty() {
        output.bulk(b"notes");
        output.bulk(spec.notes.as_bytes());
    }
    output.bulk(b"flags");
    statuses(output, "", spec.flags.names());
    output.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(at) => reply_search(output, "index", &[("index", i64::from(at))]),
        Begin::Keyword(word, from) => reply_keyword(output, word, from),
        Begin::Unknown => reply_search(output, "unknown", &[]),
    }
    output.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            let fields =
                [("lastkey", last.into()), ("keystep", step.into()), ("limit", limit.into())];
            reply_search(output, "range", &fields);
        }
        Find::KeyNum { at, first, step } => {
            let fields =
                [("keynumidx", at.into()), ("firstkey", first.into()), ("keystep", step.into())];
            reply_search(output, "keynum", &fields);
        }
        Find::Unknown => reply_search(output, "unknown", &[]),
    }
}

/// One half of a key spec: its type and the numbers that belong to it.
fn reply_search(output: &mut Output, kind: &str, fields: &[(&str, i64)]) {
    reply_type(output, kind, fields.len());
    for (name, number) in fields {
        output.bulk(name.as_bytes());
        output.int(*number);
    }
}

fn reply_keyword(output: &mut Output, word: &str, from: i8) {
    reply_type(output, "keyword", 2);
    output.bulk(b"keyword");
    output.bulk(word.as_bytes());
    output.bulk(b"startfrom");
    output.int(i64::from(from));
}

/// The head of a half: two fields, of which the second is a map of `len` pairs.
fn reply_type(output: &mut Output, kind: &str, len: usize) {
    output.map(2);
    output.bulk(b"type");
    output.bulk(kind.as_bytes());
    output.bulk(b"spec");
    output.map(len);
}
