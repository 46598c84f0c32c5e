//! What COMMAND DOCS tells of a command: a map of what is known, in Redis's order of fields.
//!
//! A field that has nothing to say is left out, so the number of pairs is counted before the first
//! is written. The arguments are parsed from the row's notation here and nowhere else.

use crate::client::output::Output;
use crate::command::Registry;
use crate::command::arguments::{self, Argument, Kind};
use crate::command::spec::Command;

/// Writes the name and the documentation of the command `id`: one pair of a map.
pub(super) fn reply_docs(output: &mut Output, registry: &Registry, id: u16) {
    let row = registry.row(id);
    let command = row.command;
    let arguments = arguments::parse(command.arguments).unwrap_or_default();
    output.bulk(row.full_name.as_bytes());
    output.map(fields(command));
    pair(output, "summary", command.summary);
    pair(output, "since", command.since);
    pair(output, "group", command.group.name());
    if !command.complexity.is_empty() {
        pair(output, "complexity", command.complexity);
    }
    reply_doc_flags(output, command);
    if !command.history.is_empty() {
        output.bulk(b"history");
        output.set(command.history.len());
        for (version, change) in command.history {
            output.array(2);
            output.bulk(version.as_bytes());
            output.bulk(change.as_bytes());
        }
    }
    if !arguments.is_empty() {
        output.bulk(b"arguments");
        reply_arguments(output, &arguments);
    }
    reply_subcommands(output, registry, id);
}

fn fields(command: &Command) -> usize {
    3 + usize::from(!command.complexity.is_empty())
        + usize::from(command.is_syscmd || command.deprecated.is_some())
        + 2 * usize::from(command.deprecated.is_some())
        + usize::from(!command.history.is_empty())
        + usize::from(!command.arguments.is_empty())
        + usize::from(!command.subcommands.is_empty())
}

fn pair(output: &mut Output, name: &str, text: &str) {
    output.bulk(name.as_bytes());
    output.bulk(text.as_bytes());
}

fn pair_if_known(output: &mut Output, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        pair(output, name, text);
    }
}

fn reply_doc_flags(output: &mut Output, command: &Command) {
    let flags = [(command.deprecated.is_some(), "deprecated"), (command.is_syscmd, "syscmd")];
    let count = flags.iter().filter(|(is_set, _)| *is_set).count();
    if count > 0 {
        output.bulk(b"doc_flags");
        output.set(count);
        flags.iter().filter(|(is_set, _)| *is_set).for_each(|(_, name)| output.simple(name));
    }
    if let Some((since, by)) = command.deprecated {
        pair(output, "deprecated_since", since);
        pair(output, "replaced_by", by);
    }
}

fn reply_subcommands(output: &mut Output, registry: &Registry, id: u16) {
    let row = registry.row(id);
    let count = row.command.subcommands.len() as u16;
    if count > 0 {
        output.bulk(b"subcommands");
        output.map(usize::from(count));
        for sub in row.first_subcommand..row.first_subcommand + count {
            reply_docs(output, registry, sub);
        }
    }
}

fn reply_arguments(output: &mut Output, arguments: &[Argument<'_>]) {
    output.array(arguments.len());
    arguments.iter().for_each(|argument| reply_argument(output, argument));
}

fn reply_argument(output: &mut Output, argument: &Argument<'_>) {
    let is_group = matches!(argument.kind, Kind::OneOf | Kind::Block);
    let display = (!is_group).then(|| argument.display.unwrap_or(&argument.name));
    let Argument { token, since, deprecated_since, .. } = *argument;
    let has_flags = argument.optional || argument.multiple;
    let texts = [display, token, since, deprecated_since].iter().flatten().count();
    let others = [argument.key_spec.is_some(), has_flags, is_group];
    output.map(2 + texts + others.iter().filter(|is_there| **is_there).count());
    pair(output, "name", &argument.name);
    pair(output, "type", argument.kind.name());
    pair_if_known(output, "display_text", display);
    if let Some(index) = argument.key_spec {
        output.bulk(b"key_spec_index");
        output.int(i64::from(index));
    }
    pair_if_known(output, "token", token);
    pair_if_known(output, "since", since);
    pair_if_known(output, "deprecated_since", deprecated_since);
    if has_flags {
        reply_argument_flags(output, argument);
    }
    if is_group {
        output.bulk(b"arguments");
        reply_arguments(output, &argument.arguments);
    }
}

fn reply_argument_flags(output: &mut Output, argument: &Argument<'_>) {
    let flags = [
        (argument.optional, "optional"),
        (argument.multiple, "multiple"),
        (argument.multiple_token, "multiple_token"),
    ];
    output.bulk(b"flags");
    output.set(flags.iter().filter(|(is_set, _)| *is_set).count());
    flags.iter().filter(|(is_set, _)| *is_set).for_each(|(_, name)| output.simple(name));
}
