//! SLOWLOG: commands that took long, the latest first.
//!
//! An entry keeps at most 32 arguments of 128 bytes each and says how much it left out, so a
//! request of any size costs the log a few kilobytes. Secrets are not kept at all.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;

use super::observe::Sender;
use super::secrets::{REDACTED, is_secret};
use crate::client::output::Output;
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::dispatch::{QUOTED_MAX, quoted};
use crate::command::error::{CommandError, Outcome};
use crate::command::help::help;
use crate::command::spec::{Command, Flags, Group};
use crate::value::number;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("slowlog", -2, Group::Server, slowlog_help)
    .docs("2.2.12", "Holds the commands of the slow log.", "Depends on subcommand.")
    .subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    Command::new("get", -2, Group::Server, get)
        .flags(&[Flags::ADMIN, Flags::LOADING, Flags::STALE])
        .arguments("[count:integer]")
        .docs(
            "2.2.12",
            "Returns the latest entries of the slow log.",
            "O(N) where N is the number of entries returned",
        )
        .history(&[("4.0.0", "Added client IP address, port and name to the reply.")])
        .tips(&["request_policy:all_nodes", "nondeterministic_output"]),
    Command::new("help", 2, Group::Server, slowlog_help)
        .flags(&[Flags::LOADING, Flags::STALE])
        .docs("6.2.0", "Tells what the subcommands do.", "O(1)"),
    Command::new("len", 2, Group::Server, len)
        .flags(&[Flags::ADMIN, Flags::LOADING, Flags::STALE])
        .docs("2.2.12", "Returns the number of entries in the slow log.", "O(1)")
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"]),
    Command::new("reset", 2, Group::Server, reset)
        .flags(&[Flags::ADMIN, Flags::LOADING, Flags::STALE])
        .docs(
            "2.2.12",
            "Empties the slow log.",
            "O(N) where N is the number of entries in the slowlog",
        )
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
];

/// Arguments that an entry keeps.
const ARGS_MAX: usize = 32;

/// Bytes of an argument that an entry keeps.
const ARG_BYTES_MAX: usize = 128;

/// Entries that GET returns unless it is told how many.
const COUNT: usize = 10;

/// The log.
#[derive(Debug, Default)]
pub(crate) struct SlowLog {
    /// The latest at the front.
    entries: VecDeque<Entry>,
    next_id: i64,
}

#[derive(Debug)]
struct Entry {
    id: i64,
    time_s: i64,
    duration_us: u64,
    args: Vec<Box<[u8]>>,
    sender: Sender,
}

impl SlowLog {
    /// Adds a command that ended at `time_s`, in seconds since 1970.
    pub(crate) fn push(
        &mut self,
        time_s: i64,
        duration_us: u64,
        args: Vec<Box<[u8]>>,
        sender: Sender,
    ) {
        let id = self.next_id;
        self.next_id += 1;
        self.entries.push_front(Entry { id, time_s, duration_us, args, sender });
    }

    /// Keeps the latest `len` entries.
    pub(crate) fn trim(&mut self, len: u64) {
        self.entries.truncate(usize::try_from(len).unwrap_or(usize::MAX));
    }
}

impl Entry {
    fn write(&self, reply: &mut Output) {
        reply.array(6);
        reply.int(self.id);
        reply.int(self.time_s);
        reply.int(self.duration_us as i64);
        reply.array(self.args.len());
        self.args.iter().for_each(|arg| reply.bulk(arg));
        reply.bulk(self.sender.addr.as_bytes());
        reply.bulk(&self.sender.name);
    }
}

/// The arguments of a command called `name` as an entry keeps them.
pub(crate) fn shown_args(name: &str, args: Args<'_>) -> Vec<Box<[u8]>> {
    let whole = if args.len() > ARGS_MAX { ARGS_MAX - 1 } else { args.len() };
    let mut shown: Vec<Box<[u8]>> = (0..whole)
        .map(|at| if is_secret(name, args, at) { REDACTED.into() } else { shown_arg(args.at(at)) })
        .collect();
    if whole < args.len() {
        shown.push(left_out(b"", args.len() - whole, "arguments"));
    }
    shown
}

fn shown_arg(arg: &[u8]) -> Box<[u8]> {
    match arg.split_at_checked(ARG_BYTES_MAX) {
        Some((start, rest)) if !rest.is_empty() => left_out(start, rest.len(), "bytes"),
        _ => arg.into(),
    }
}

fn left_out(start: &[u8], count: usize, what: &str) -> Box<[u8]> {
    [start, format!("... ({count} more {what})").as_bytes()].concat().into()
}

fn get(ctx: &mut Ctx<'_>) -> Outcome {
    if ctx.args.len() > 3 {
        let mut text = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
        text.extend_from_slice(quoted(ctx.arg(1), QUOTED_MAX));
        text.extend_from_slice(b"'. Try SLOWLOG HELP.");
        return Err(CommandError::Bytes(text));
    }
    let count = if ctx.args.len() == 3 { count_of(ctx.arg(2))? } else { COUNT };
    let entries = &ctx.server.observations.slow_log.entries;
    let reply = &mut ctx.client.output;
    reply.array(count.min(entries.len()));
    entries.iter().take(count).for_each(|entry| entry.write(reply));
    Ok(())
}

/// How many entries `arg` asks for; -1 is for all.
fn count_of(arg: &[u8]) -> Result<usize, CommandError> {
    match number::parse_i64(arg) {
        Some(-1) => Ok(usize::MAX),
        Some(count) if count >= 0 => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
        _ => Err(CommandError::Fixed("ERR count should be greater than or equal to -1")),
    }
}

fn len(ctx: &mut Ctx<'_>) -> Outcome {
    let len = ctx.server.observations.slow_log.entries.len();
    ctx.reply().count(len);
    Ok(())
}

fn reset(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.server.observations.slow_log.trim(0);
    ctx.reply().ok();
    Ok(())
}

fn slowlog_help(ctx: &mut Ctx<'_>) -> Outcome {
    help(
        ctx,
        &[
            "GET [<count>]",
            "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
            "    Entries are made of:",
            "    id, timestamp, time in microseconds, arguments array, client IP and port,",
            "    client name",
            "LEN",
            "    Return the length of the slowlog.",
            "RESET",
            "    Reset the slowlog.",
        ],
    )
}
