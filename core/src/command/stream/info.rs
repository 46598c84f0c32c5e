//! XINFO: what a stream, its groups and their consumers are.
//!
//! The nodes of Redis's radix tree are told as one more than the keys it would have; here is none.

use alloc::vec::Vec;

use super::group::no_such_group;
use super::{stream_and_output, write_entries, write_entry, write_id, wrong_subcommand};
use crate::client::output::Output;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::help::help;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::Place;
use crate::value::Stream;
use crate::value::stream::group::{Consumer, ConsumerGroup};
use crate::value::stream::id::StreamId;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("xinfo", -2, Group::Stream, info_help)
    .docs("5.0.0", "A container for commands that tell about streams.", "Depends on subcommand.")
    .subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    Command::new("consumers", 4, Group::Stream, consumers)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(2, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key group")
        .docs("5.0.0", "Tells about the consumers of a group.", "O(1)")
        .history(&[("7.2.0", "Added the `inactive` field, and changed the meaning of `idle`.")])
        .tips(&["nondeterministic_output"]),
    Command::new("groups", 3, Group::Stream, groups)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(2, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key")
        .docs("5.0.0", "Tells about the groups of a stream.", "O(1)")
        .history(&[("7.0.0", "Added the `entries-read` and `lag` fields")]),
    Command::new("help", 2, Group::Stream, info_help)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::STREAM])
        .docs("5.0.0", "Returns a text about the subcommands.", "O(1)"),
    Command::new("stream", -3, Group::Stream, stream)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(2, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key full-block=[FULL [COUNT count:integer]]")
        .docs("5.0.0", "Tells about a stream.", "O(1)")
        .history(&[
            ("6.0.0", "Added the `FULL` modifier."),
            (
                "7.0.0",
                "Added the `max-deleted-entry-id`, `entries-added`, \
                `recorded-first-entry-id`, `entries-read` and `lag` fields",
            ),
            ("7.2.0", "Added the `active-time` field, and changed the meaning of `seen-time`."),
        ]),
];

/// Entries and pending entries that FULL shows unless COUNT says otherwise.
const FULL_COUNT: usize = 10;

fn find(ctx: &mut Ctx<'_>) -> Result<Place, CommandError> {
    ctx.read_as::<Stream>(ctx.key(2))?.ok_or(CommandError::NoSuchKey)
}

fn stream(ctx: &mut Ctx<'_>) -> Outcome {
    let place = find(ctx)?;
    let full = full_count(ctx)?;
    let (stream, output) = stream_and_output(ctx, place)?;
    let nodes = stream.nodes().len() as i64;
    let figures = stream.figures();
    output.map(if full.is_some() { 9 } else { 10 });
    int(output, "length", stream.len() as i64);
    int(output, "radix-tree-keys", nodes);
    int(output, "radix-tree-nodes", nodes + 1);
    id(output, "last-generated-id", figures.last_id);
    id(output, "max-deleted-entry-id", figures.max_deleted_id);
    int(output, "entries-added", figures.entries_added as i64);
    id(output, "recorded-first-entry-id", stream.first_id());
    match full {
        Some(count) => write_full(output, stream, count),
        None => write_ends(output, stream),
    }
    Ok(())
}

/// How many of all FULL shows; `None` without FULL.
fn full_count(ctx: &Ctx<'_>) -> Result<Option<usize>, CommandError> {
    match ctx.args.len() {
        3 => Ok(None),
        4 if ctx.args.is(3, "full") => Ok(Some(FULL_COUNT)),
        6 if ctx.args.is(3, "full") && ctx.args.is(4, "count") => {
            let count = ctx.int(5)?;
            Ok(Some(match usize::try_from(count) {
                Ok(0) => usize::MAX,
                Ok(count) => count,
                Err(_) => FULL_COUNT,
            }))
        }
        _ => Err(wrong_subcommand(ctx, "XINFO")),
    }
}

fn write_ends(output: &mut Output, stream: &Stream) {
    int(output, "groups", stream.groups_len() as i64);
    let ends = [
        ("first-entry", stream.iter_from(StreamId::MIN).next()),
        ("last-entry", stream.iter_back(StreamId::MAX).next()),
    ];
    for (name, entry) in ends {
        output.bulk(name.as_bytes());
        match entry {
            Some(entry) => write_entry(output, entry),
            None => output.null(),
        }
    }
}

fn write_full(output: &mut Output, stream: &Stream, count: usize) {
    let entries: Vec<_> = stream.iter_from(StreamId::MIN).take(count).collect();
    output.bulk(b"entries");
    write_entries(output, &entries);
    output.bulk(b"groups");
    output.array(stream.groups_len());
    for (name, group) in stream.groups() {
        output.map(7);
        output.bulk(b"name");
        output.bulk(name);
        write_position(output, stream, group);
        int(output, "pel-count", group.pending().len() as i64);
        write_pending(output, group, count);
        output.bulk(b"consumers");
        output.array(group.consumers_len());
        for (_, consumer) in group.consumers() {
            write_consumer(output, group, consumer, count);
        }
    }
}

/// How far a group has read.
fn write_position(output: &mut Output, stream: &Stream, group: &ConsumerGroup) {
    id(output, "last-delivered-id", group.last_id);
    for (name, number) in [("entries-read", group.entries_read), ("lag", stream.lag(group))] {
        output.bulk(name.as_bytes());
        match number {
            Some(number) => output.int(number as i64),
            None => output.null(),
        }
    }
}

fn write_pending(output: &mut Output, group: &ConsumerGroup, count: usize) {
    let pending = group.pending();
    output.bulk(b"pending");
    output.array(pending.len().min(count));
    for pending in pending.iter().take(count) {
        output.array(4);
        write_id(output, pending.id);
        output.bulk(group.consumer(pending.consumer).map_or(b"", |consumer| consumer.name()));
        output.int(pending.delivered_at_ms);
        output.int(pending.deliveries as i64);
    }
}

fn write_consumer(output: &mut Output, group: &ConsumerGroup, consumer: &Consumer, count: usize) {
    let pending = consumer.pending();
    output.map(5);
    output.bulk(b"name");
    output.bulk(consumer.name());
    int(output, "seen-time", consumer.seen_at_ms);
    int(output, "active-time", consumer.active_at_ms.unwrap_or(-1));
    int(output, "pel-count", pending.len() as i64);
    output.bulk(b"pending");
    output.array(pending.len().min(count));
    for pending in pending.iter().take(count).filter_map(|&id| group.pending().get(id)) {
        output.array(3);
        write_id(output, pending.id);
        output.int(pending.delivered_at_ms);
        output.int(pending.deliveries as i64);
    }
}

fn groups(ctx: &mut Ctx<'_>) -> Outcome {
    let place = find(ctx)?;
    let (stream, output) = stream_and_output(ctx, place)?;
    output.array(stream.groups_len());
    for (name, group) in stream.groups() {
        output.map(6);
        output.bulk(b"name");
        output.bulk(name);
        int(output, "consumers", group.consumers_len() as i64);
        int(output, "pending", group.pending().len() as i64);
        write_position(output, stream, group);
    }
    Ok(())
}

fn consumers(ctx: &mut Ctx<'_>) -> Outcome {
    let place = find(ctx)?;
    let (now_ms, name, key) = (ctx.now().wall_ms(), ctx.arg(3), ctx.arg(2));
    let (stream, output) = stream_and_output(ctx, place)?;
    let group = stream.group(name).ok_or_else(|| no_such_group(name, key))?;
    output.array(group.consumers_len());
    for (_, consumer) in group.consumers() {
        output.map(4);
        output.bulk(b"name");
        output.bulk(consumer.name());
        int(output, "pending", consumer.pending().len() as i64);
        int(output, "idle", (now_ms - consumer.seen_at_ms).max(0));
        let inactive = consumer.active_at_ms.map_or(-1, |at_ms| (now_ms - at_ms).max(0));
        int(output, "inactive", inactive);
    }
    Ok(())
}

fn int(output: &mut Output, name: &str, number: i64) {
    output.bulk(name.as_bytes());
    output.int(number);
}

fn id(output: &mut Output, name: &str, id: StreamId) {
    output.bulk(name.as_bytes());
    write_id(output, id);
}

fn info_help(ctx: &mut Ctx<'_>) -> Outcome {
    help(
        ctx,
        &[
            "CONSUMERS <key> <groupname>",
            "    Show consumers of <groupname>.",
            "GROUPS <key>",
            "    Show the stream consumer groups.",
            "STREAM <key> [FULL [COUNT <count>]",
            "    Show information about the stream.",
        ],
    )
}
