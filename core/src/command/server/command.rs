//! COMMAND: what the server can do, and which arguments of a call are keys.
//!
//! Clients ask at their start: redis-cli for its hints, cluster clients to find keys. Everything is
//! read off the rows when somebody asks; the forms of INFO and DOCS have files of their own.

use alloc::vec::Vec;

use super::command_docs::reply_docs;
use super::command_info::{reply_info, statuses};
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::help::help;
use crate::command::key_extraction::FoundKey;
use crate::command::registry::Row;
use crate::command::spec::{Categories, Command, Flags, Group};
use crate::server::Server;
use crate::value::glob;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("command", -1, Group::Server, info_of_all)
    .flags(FLAGS)
    .categories(&[Categories::CONNECTION])
    .docs(
        "2.8.13",
        "Returns detailed information about all commands.",
        "O(N) where N is the total number of commands",
    )
    .tips(&["nondeterministic_output_order"])
    .subcommands(SUBCOMMANDS)];

const FLAGS: &[Flags] = &[Flags::LOADING, Flags::STALE];

const SUBCOMMANDS: &[Command] = &[
    Command::new("count", 2, Group::Server, count)
        .flags(FLAGS)
        .categories(&[Categories::CONNECTION])
        .docs("2.8.13", "Returns the number of commands.", "O(1)"),
    Command::new("docs", -2, Group::Server, docs)
        .flags(FLAGS)
        .categories(&[Categories::CONNECTION])
        .arguments("[command-name*]")
        .docs(
            "7.0.0",
            "Returns the documentation of some or all commands.",
            "O(N) where N is the number of commands to look up",
        )
        .tips(&["nondeterministic_output_order"]),
    Command::new("getkeys", -3, Group::Server, keys)
        .flags(FLAGS)
        .categories(&[Categories::CONNECTION])
        .arguments("command [arg*]")
        .docs(
            "2.8.13",
            "Returns the keys of a call.",
            "O(N) where N is the number of arguments to the command",
        ),
    Command::new("getkeysandflags", -3, Group::Server, keys_and_flags)
        .flags(FLAGS)
        .categories(&[Categories::CONNECTION])
        .arguments("command [arg*]")
        .docs(
            "7.0.0",
            "Returns the keys of a call, and what becomes of each.",
            "O(N) where N is the number of arguments to the command",
        ),
    Command::new("help", 2, Group::Server, command_help)
        .flags(FLAGS)
        .categories(&[Categories::CONNECTION])
        .docs("5.0.0", "Returns a text about the subcommands.", "O(1)"),
    Command::new("info", -2, Group::Server, info)
        .flags(FLAGS)
        .categories(&[Categories::CONNECTION])
        .arguments("[command-name*]")
        .docs(
            "2.8.13",
            "Returns detailed information about some or all commands.",
            "O(N) where N is the number of commands to look up",
        )
        .history(&[("7.0.0", "Allowed to be called with no argument to get info on all commands.")])
        .tips(&["nondeterministic_output_order"]),
    Command::new("list", -2, Group::Server, list)
        .flags(FLAGS)
        .categories(&[Categories::CONNECTION])
        .arguments(
            "filterby=[FILTERBY (MODULE module-name|ACLCAT category|PATTERN pattern:pattern)]",
        )
        .docs(
            "7.0.0",
            "Returns the names of all commands, or of those that a filter chooses.",
            "O(N) where N is the total number of commands",
        )
        .tips(&["nondeterministic_output_order"]),
];

/// Work of one command's INFO or DOCS, in the units of [`Ctx::work`].
const WORK_PER_COMMAND: usize = 20;

fn info_of_all(ctx: &mut Ctx<'_>) -> Outcome {
    let Ctx { server, client, .. } = ctx;
    let registry = &server.registry;
    client.output.array(registry.tops().len());
    for &id in registry.tops() {
        reply_info(&mut client.output, registry, id);
    }
    let commands = registry.rows().len();
    ctx.work(commands * WORK_PER_COMMAND);
    Ok(())
}

fn info(ctx: &mut Ctx<'_>) -> Outcome {
    if ctx.args.len() == 2 {
        return info_of_all(ctx);
    }
    let names = ctx.args.from(2);
    ctx.work(names.len() * WORK_PER_COMMAND);
    let Ctx { server, client, .. } = ctx;
    client.output.array(names.len());
    for name in names {
        match server.registry.find_full(name) {
            Some(id) => reply_info(&mut client.output, &server.registry, id),
            None => client.output.null(),
        }
    }
    Ok(())
}

fn docs(ctx: &mut Ctx<'_>) -> Outcome {
    let registry = &ctx.server.registry;
    let found: Vec<u16> = if ctx.args.len() == 2 {
        registry.tops().into()
    } else {
        ctx.args.from(2).filter_map(|name| registry.find_full(name)).collect()
    };
    ctx.work(found.len() * WORK_PER_COMMAND);
    let Ctx { server, client, .. } = ctx;
    client.output.map(found.len());
    for id in found {
        reply_docs(&mut client.output, &server.registry, id);
    }
    Ok(())
}

fn count(ctx: &mut Ctx<'_>) -> Outcome {
    let count = ctx.server.registry.tops().len();
    ctx.reply().count(count);
    Ok(())
}

/// What COMMAND LIST lists.
enum Filter<'a> {
    All,
    /// The commands of a module: none, there are no modules.
    Module,
    Category(Option<Categories>),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn of(args: Args<'a>) -> Result<Self, CommandError> {
        if args.len() == 2 {
            return Ok(Self::All);
        }
        if args.len() != 5 || !args.is(2, "filterby") {
            return Err(CommandError::Syntax);
        }
        let by = args.at(4);
        match args.at(3) {
            kind if kind.eq_ignore_ascii_case(b"module") => Ok(Self::Module),
            kind if kind.eq_ignore_ascii_case(b"aclcat") => Ok(Self::Category(category(by))),
            kind if kind.eq_ignore_ascii_case(b"pattern") => Ok(Self::Pattern(by)),
            _ => Err(CommandError::Syntax),
        }
    }

    fn admits(&self, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::Module => false,
            Self::Category(wanted) => {
                wanted.is_some_and(|wanted| row.command.all_categories().has(wanted))
            }
            Self::Pattern(pattern) => glob::matches(pattern, row.full_name.as_bytes(), true),
        }
    }
}

fn category(name: &[u8]) -> Option<Categories> {
    let named = |(_, text): &&(Categories, &str)| text.as_bytes().eq_ignore_ascii_case(name);
    Categories::NAMES.iter().find(named).map(|(category, _)| *category)
}

fn list(ctx: &mut Ctx<'_>) -> Outcome {
    let filter = Filter::of(ctx.args)?;
    let Ctx { server, client, .. } = ctx;
    let rows = || server.registry.rows().iter().filter(|row| filter.admits(row));
    client.output.array(rows().count());
    rows().for_each(|row| client.output.bulk(row.full_name.as_bytes()));
    let commands = server.registry.rows().len();
    ctx.work(commands);
    Ok(())
}

fn keys(ctx: &mut Ctx<'_>) -> Outcome {
    let call = ctx.args.skip(2);
    let found = keys_of_call(ctx.server, call)?;
    ctx.reply().array(found.len());
    found.iter().for_each(|key| ctx.reply().bulk(call.at(key.at)));
    Ok(())
}

fn keys_and_flags(ctx: &mut Ctx<'_>) -> Outcome {
    let call = ctx.args.skip(2);
    let found = keys_of_call(ctx.server, call)?;
    ctx.reply().array(found.len());
    for key in found {
        ctx.reply().array(2);
        ctx.reply().bulk(call.at(key.at));
        statuses(ctx.reply(), "", key.flags.names());
    }
    Ok(())
}

/// The keys of the call that is given as arguments.
fn keys_of_call(server: &Server, call: Args<'_>) -> Result<Vec<FoundKey>, CommandError> {
    let command =
        called(server, call).ok_or(CommandError::Fixed("ERR Invalid command specified"))?;
    if !command.has_keys() {
        return Err(CommandError::Fixed("ERR The command has no key arguments"));
    }
    if !command.takes(call.len()) {
        return Err(CommandError::Fixed("ERR Invalid number of arguments specified for command"));
    }
    let found = command.find_keys(call);
    if found.is_empty() && !command.flags.has(Flags::NO_MANDATORY_KEYS) {
        return Err(CommandError::Fixed("ERR Invalid arguments specified for command"));
    }
    Ok(found)
}

/// The command or subcommand that the first words of a call name.
fn called(server: &Server, call: Args<'_>) -> Option<&'static Command> {
    let registry = &server.registry;
    let id = registry.find(call.at(0))?;
    let is_container = !registry.row(id).command.subcommands.is_empty();
    if is_container && call.len() > 1 {
        return Some(registry.row(registry.find_subcommand(id, call.at(1))?).command);
    }
    Some(registry.row(id).command)
}

fn command_help(ctx: &mut Ctx<'_>) -> Outcome {
    help(
        ctx,
        &[
            "(no subcommand)",
            "    Return details about all Redis commands.",
            "COUNT",
            "    Return the total number of commands in this Redis server.",
            "LIST",
            "    Return a list of all commands in this Redis server.",
            "INFO [<command-name> ...]",
            "    Return details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
            "DOCS [<command-name> ...]",
            "    Return documentation details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
            "GETKEYS <full-command>",
            "    Return the keys from a full Redis command.",
            "GETKEYSANDFLAGS <full-command>",
            "    Return the keys and the access flags from a full Redis command.",
        ],
    )
}
