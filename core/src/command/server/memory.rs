//! MEMORY: what the server and each key cost.
//!
//! The figures are the core's own accounting, the same on every machine; only what the system sees
//! of the process (its resident set) comes from outside. There is no allocator to ask here, so what
//! stock Redis reads off jemalloc has the values of a Redis that was built without it.

mod doctor;
mod figures;

use crate::client::output::{Output, Pool};
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::help::help;
use crate::command::spec::{Command, Flags, Group, KeyFlags, KeySpec};
use crate::server::Server;

pub(super) use figures::MemoryFigures;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("memory", -2, Group::Server, memory_help)
    .docs("4.0.0", "Holds the commands on memory.", "Depends on subcommand.")
    .subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    Command::new("doctor", 2, Group::Server, doctor::doctor)
        .docs("4.0.0", "Looks for problems with memory.", "O(1)")
        .tips(SPECIAL),
    Command::new("help", 2, Group::Server, memory_help)
        .flags(&[Flags::LOADING, Flags::STALE])
        .docs("4.0.0", "Tells what the subcommands do.", "O(1)"),
    Command::new("malloc-stats", 2, Group::Server, malloc_stats)
        .docs("4.0.0", "Returns what the allocator tells of itself.", SLOW)
        .tips(SPECIAL),
    Command::new("purge", 2, Group::Server, purge)
        .docs("4.0.0", "Gives memory back that is kept for reuse.", SLOW)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    Command::new("stats", 2, Group::Server, stats)
        .docs("4.0.0", "Returns what memory is used for.", "O(1)")
        .tips(SPECIAL),
    Command::new("usage", -3, Group::Server, usage)
        .flags(&[Flags::READONLY])
        .keys(&[KeySpec::one(2, KeyFlags::RO)])
        .arguments("key:key [SAMPLES count:integer]")
        .docs(
            "4.0.0",
            "Returns the bytes that a key and its value take.",
            "O(N) where N is the number of samples.",
        ),
];

const SLOW: &str = "Depends on how much memory is allocated, could be slow";

const SPECIAL: &[&str] =
    &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

/// Redis extrapolates from `SAMPLES` elements of an aggregate. Here every value knows its size, so
/// the count can only be checked.
fn usage(ctx: &mut Ctx<'_>) -> Outcome {
    let mut at = 3;
    while at < ctx.args.len() {
        if !ctx.args.is(at, "samples") || at + 1 == ctx.args.len() {
            return Err(CommandError::Syntax);
        }
        if ctx.int(at + 1)? < 0 {
            return Err(CommandError::Syntax);
        }
        at += 2;
    }
    let key = ctx.key(2);
    match ctx.peek(key).map(|place| ctx.entry(place).bytes()) {
        Some(bytes) => ctx.reply().count(bytes),
        None => ctx.reply().null(),
    }
    Ok(())
}

fn malloc_stats(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.reply().verbatim("txt", b"Stats not supported for the current allocator");
    Ok(())
}

fn purge(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.server.pool = Pool::default();
    ctx.reply().ok();
    Ok(())
}

fn stats(ctx: &mut Ctx<'_>) -> Outcome {
    let figures = MemoryFigures::of(ctx.server, ctx.client);
    let dbs = ctx.server.dbs.numbered().filter(|(_, db)| !db.is_empty());
    let reply = &mut ctx.client.output;
    reply.map(FIELDS_BEFORE_DBS + dbs.clone().count() + FIELDS_AFTER_DBS);
    write_totals(reply, &figures);
    for (number, db) in dbs {
        reply.bulk_fmt(format_args!("db.{number}"));
        reply.map(3);
        write_counts(
            reply,
            [
                ("overhead.hashtable.main", db.table_bytes() as u64),
                ("overhead.hashtable.expires", db.deadline_bytes() as u64),
                ("overhead.hashtable.slot-to-keys", 0),
            ],
        );
    }
    write_dataset(reply, &figures);
    write_allocator(reply, &figures);
    Ok(())
}

const FIELDS_BEFORE_DBS: usize = 10;

const FIELDS_AFTER_DBS: usize = 17;

fn write_totals(reply: &mut Output, figures: &MemoryFigures) {
    let counts: [_; FIELDS_BEFORE_DBS] = [
        ("peak.allocated", figures.peak),
        ("total.allocated", figures.used),
        ("startup.allocated", figures.startup),
        ("replication.backlog", 0),
        ("clients.slaves", 0),
        ("clients.normal", figures.clients),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("lua.caches", 0),
        ("functions.caches", 0),
    ];
    write_counts(reply, counts);
}

fn write_dataset(reply: &mut Output, figures: &MemoryFigures) {
    let counts = [
        ("overhead.total", figures.overhead),
        ("keys.count", figures.keys),
        ("keys.bytes-per-key", figures.bytes_per_key()),
        ("dataset.bytes", figures.dataset()),
    ];
    write_counts(reply, counts);
    reply.bulk(b"dataset.percentage");
    reply.double(figures.dataset_percent());
    reply.bulk(b"peak.percentage");
    reply.double(figures.peak_percent());
}

/// Without an allocator's figures, what is in use counts as allocated and the resident set as
/// active.
fn write_allocator(reply: &mut Output, figures: &MemoryFigures) {
    let unused = figures.rss.saturating_sub(figures.used) as i64;
    write_counts(
        reply,
        [
            ("allocator.allocated", figures.used),
            ("allocator.active", figures.rss),
            ("allocator.resident", figures.rss),
        ],
    );
    let ratios = [
        ("allocator-fragmentation", figures.fragmentation(), unused),
        ("allocator-rss", 1.0, 0),
        ("rss-overhead", 1.0, 0),
    ];
    for (name, ratio, bytes) in ratios {
        reply.bulk_fmt(format_args!("{name}.ratio"));
        reply.double(ratio);
        reply.bulk_fmt(format_args!("{name}.bytes"));
        reply.int(bytes);
    }
    reply.bulk(b"fragmentation");
    reply.double(figures.fragmentation());
    reply.bulk(b"fragmentation.bytes");
    reply.int(figures.fragmentation_bytes());
}

fn write_counts<const N: usize>(reply: &mut Output, counts: [(&str, u64); N]) {
    for (name, count) in counts {
        reply.bulk(name.as_bytes());
        reply.int(count as i64);
    }
}

impl Server {
    /// What the server uses, without a walk over the clients: what they have yet to be sent is
    /// left out.
    pub(crate) fn used_memory_estimate(&self) -> u64 {
        let data: usize = self.dbs.iter().map(crate::keyspace::Db::bytes).sum();
        let clients = self.clients.len() * size_of::<crate::client::Client>();
        (data + clients + Self::BYTES) as u64
    }
}

fn memory_help(ctx: &mut Ctx<'_>) -> Outcome {
    help(
        ctx,
        &[
            "DOCTOR",
            "    Return memory problems reports.",
            "MALLOC-STATS",
            "    Return internal statistics report from the memory allocator.",
            "PURGE",
            "    Attempt to purge dirty pages for reclamation by the allocator.",
            "STATS",
            "    Return information about the memory usage of the server.",
            "USAGE <key> [SAMPLES <count>]",
            "    Return memory in bytes used by <key> and its value. Nested values are",
            "    sampled up to <count> times (default: 5, 0 means sample all).",
        ],
    )
}
