//! LATENCY: when the server was slow, and how the times of each command are spread.
//!
//! The monitor keeps, per kind of event, the latest 160 seconds in which something took at least
//! `latency-monitor-threshold` milliseconds, each with the worst time of that second. The kinds are
//! `command` and `fast-command`: nothing else here can hold clients up. HISTOGRAM reads the
//! histograms that are kept for every command.

mod doctor;
mod graph;

use alloc::collections::{BTreeMap, VecDeque};

use crate::command::ctx::Ctx;
use crate::command::dispatch::quoted;
use crate::command::error::{CommandError, Outcome};
use crate::command::help::help;
use crate::command::spec::{Command, Flags, Group};
use crate::server::Server;
use crate::stats::histogram::Histogram;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("latency", -2, Group::Server, latency_help)
    .docs("2.8.13", "Holds the commands of the latency monitor.", "Depends on subcommand.")
    .subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    Command::new("doctor", 2, Group::Server, doctor::doctor)
        .flags(ADMIN)
        .docs("2.8.13", "Explains what the latency monitor saw, with advice.", "O(1)")
        .tips(SPECIAL),
    Command::new("graph", 3, Group::Server, graph::graph)
        .flags(ADMIN)
        .arguments("event")
        .docs("2.8.13", "Draws the samples of an event with characters.", "O(1)")
        .tips(SPECIAL),
    Command::new("help", 2, Group::Server, latency_help)
        .flags(&[Flags::LOADING, Flags::STALE])
        .docs("2.8.13", "Tells what the subcommands do.", "O(1)"),
    Command::new("histogram", -2, Group::Server, histogram)
        .flags(ADMIN)
        .arguments("[command*]")
        .docs(
            "7.0.0",
            "Returns how the latencies of commands are spread.",
            "O(N) where N is the number of commands with latency information being retrieved.",
        )
        .tips(SPECIAL),
    Command::new("history", 3, Group::Server, history)
        .flags(ADMIN)
        .arguments("event")
        .docs("2.8.13", "Returns the samples of an event.", "O(1)")
        .tips(SPECIAL),
    Command::new("latest", 2, Group::Server, latest)
        .flags(ADMIN)
        .docs("2.8.13", "Returns the latest and the worst sample of every event.", "O(1)")
        .tips(SPECIAL),
    Command::new("reset", -2, Group::Server, reset)
        .flags(ADMIN)
        .arguments("[event*]")
        .docs("2.8.13", "Forgets the samples of events.", "O(1)")
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum"]),
];

const ADMIN: &[Flags] = &[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE];

const SPECIAL: &[&str] =
    &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

/// Samples of an event that are kept.
const SAMPLES: usize = 160;

/// What the monitor saw, by event.
#[derive(Debug, Default)]
pub(crate) struct LatencyMonitor(BTreeMap<&'static str, Series>);

#[derive(Debug, Default)]
struct Series {
    /// The oldest first.
    samples: VecDeque<Sample>,
    /// The worst since the last reset, in milliseconds.
    worst_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    /// Seconds since 1970.
    time_s: i64,
    /// The worst time of that second.
    latency_ms: u64,
}

impl LatencyMonitor {
    /// Adds what took `latency_ms` and ended at `time_s`, in seconds since 1970.
    pub(crate) fn add(&mut self, event: &'static str, time_s: i64, latency_ms: u64) {
        let series = self.0.entry(event).or_default();
        series.worst_ms = series.worst_ms.max(latency_ms);
        match series.samples.back_mut() {
            Some(last) if last.time_s == time_s => {
                last.latency_ms = last.latency_ms.max(latency_ms);
            }
            _ => {
                if series.samples.len() == SAMPLES {
                    series.samples.pop_front();
                }
                series.samples.push_back(Sample { time_s, latency_ms });
            }
        }
    }

    fn series(&self, event: &[u8]) -> Option<&Series> {
        self.0.get(core::str::from_utf8(event).ok()?)
    }
}

fn latest(ctx: &mut Ctx<'_>) -> Outcome {
    let events = &ctx.server.observations.latency.0;
    let reply = &mut ctx.client.output;
    reply.array(events.len());
    for (event, series) in events {
        let last = series.samples.back();
        reply.array(4);
        reply.bulk(event.as_bytes());
        reply.int(last.map_or(0, |sample| sample.time_s));
        reply.int(last.map_or(0, |sample| sample.latency_ms as i64));
        reply.int(series.worst_ms as i64);
    }
    Ok(())
}

fn history(ctx: &mut Ctx<'_>) -> Outcome {
    let series = ctx.server.observations.latency.series(ctx.arg(2));
    let reply = &mut ctx.client.output;
    reply.array(series.map_or(0, |series| series.samples.len()));
    for sample in series.iter().flat_map(|series| &series.samples) {
        reply.array(2);
        reply.int(sample.time_s);
        reply.int(sample.latency_ms as i64);
    }
    Ok(())
}

fn reset(ctx: &mut Ctx<'_>) -> Outcome {
    let events = &mut ctx.server.observations.latency.0;
    let before = events.len();
    if ctx.args.len() == 2 {
        events.clear();
    }
    for event in ctx.args.from(2) {
        events.retain(|name, _| name.as_bytes() != event);
    }
    let forgotten = before - events.len();
    ctx.reply().count(forgotten);
    Ok(())
}

fn histogram(ctx: &mut Ctx<'_>) -> Outcome {
    let asked = asked_commands(ctx);
    let all = asked.iter().filter_map(|&id| {
        let latencies = ctx.server.command_stats[id as usize].latencies.as_deref()?;
        Some((&*ctx.server.registry.row(id).full_name, latencies))
    });
    let reply = &mut ctx.client.output;
    reply.map(all.clone().count());
    for (name, latencies) in all {
        reply.bulk(name.as_bytes());
        write_histogram(reply, latencies);
    }
    Ok(())
}

/// The commands that were asked for, subcommands in place of their containers; none twice in a row.
fn asked_commands(ctx: &Ctx<'_>) -> alloc::vec::Vec<u16> {
    let registry = &ctx.server.registry;
    let with_subcommands = |id: u16| {
        let subcommands = registry.row(id).command.subcommands.len() as u16;
        let first = registry.row(id).first_subcommand;
        [id].into_iter().chain(first..first + subcommands)
    };
    if ctx.args.len() == 2 {
        return (0..registry.rows().len() as u16).collect();
    }
    let named = ctx.args.from(2).filter_map(|name| registry.find_full(name));
    named.flat_map(with_subcommands).collect()
}

fn write_histogram(reply: &mut crate::client::output::Output, latencies: &Histogram) {
    reply.map(2);
    reply.bulk(b"calls");
    reply.int(latencies.total() as i64);
    reply.bulk(b"histogram_usec");
    reply.map(latencies.by_powers().count());
    for (bound_us, calls) in latencies.by_powers() {
        reply.int(bound_us as i64);
        reply.int(calls as i64);
    }
}

/// An event's samples; the error that LATENCY GRAPH answers when there are none.
fn samples<'a>(server: &'a Server, event: &[u8]) -> Result<&'a Series, CommandError> {
    server.observations.latency.series(event).ok_or_else(|| {
        let event = quoted(event, event.len());
        CommandError::Bytes([b"ERR No samples available for event '", event, b"'"].concat())
    })
}

fn latency_help(ctx: &mut Ctx<'_>) -> Outcome {
    help(
        ctx,
        &[
            "DOCTOR",
            "    Return a human readable latency analysis report.",
            "GRAPH <event>",
            "    Return an ASCII latency graph for the <event> class.",
            "HISTORY <event>",
            "    Return time-latency samples for the <event> class.",
            "LATEST",
            "    Return the latest latency samples for all events.",
            "RESET [<event> ...]",
            "    Reset latency data of one or more <event> classes.",
            "    (default: reset all data for all event classes)",
            "HISTOGRAM [COMMAND ...]",
            "    Return a cumulative distribution of latencies in the format of a histogram for \
             the specified command names.",
            "    If no commands are specified then all histograms are replied.",
        ],
    )
}
