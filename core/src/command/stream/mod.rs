//! Streams.
//!
//! A stream always lies outside of its key's record, so that a command reads it in place and
//! [`change`] changes it there. Unlike other aggregates it may be empty.

pub(crate) mod add;
pub(crate) mod claim;
pub(crate) mod group;
pub(crate) mod info;
pub(crate) mod pending;
pub(crate) mod range;
pub(crate) mod read;
mod references;
mod trim;

use alloc::vec::Vec;

use super::ctx::Ctx;
use super::error::CommandError;
use super::list::write;
use crate::client::output::Output;
use crate::keyspace::Place;
use crate::value::number::until_nul;
use crate::value::stream::group::ConsumerGroup;
use crate::value::stream::id::StreamId;
use crate::value::stream::node::Entry;
use crate::value::{Stream, Value};

const INVALID_ID: CommandError =
    CommandError::Fixed("ERR Invalid stream ID specified as stream command argument");

/// Changes the stream at `place`. That the key was changed, events and dirt are the caller's.
fn change<R>(ctx: &mut Ctx<'_>, place: Place, change: impl FnOnce(&mut Stream) -> R) -> R {
    let changed = ctx.db().modify(place, |value| match value {
        Value::Stream(stream) => change(stream),
        _ => unreachable!("the caller has seen that it is a stream"),
    });
    changed.expect("a stream lies outside of its record")
}

/// The ID of an entry; `seq` stands for a missing second part.
fn parse_id(text: &[u8], seq: u64) -> Result<StreamId, CommandError> {
    StreamId::parse(text, seq).ok_or(INVALID_ID)
}

/// The ID of an entry, or `-` and `+` for the first and the last that there can be.
fn parse_range_id(text: &[u8], seq: u64) -> Result<StreamId, CommandError> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => parse_id(text, seq),
    }
}

/// The first ID of a range, which may exclude what is given.
fn parse_start(text: &[u8]) -> Result<StreamId, CommandError> {
    let wrong = CommandError::Fixed("ERR invalid start ID for the interval");
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => parse_id(rest, 0)?.next().ok_or(wrong),
        _ => parse_range_id(text, 0),
    }
}

/// The last ID of a range, which may exclude what is given.
fn parse_end(text: &[u8]) -> Result<StreamId, CommandError> {
    let wrong = CommandError::Fixed("ERR invalid end ID for the interval");
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => parse_id(rest, u64::MAX)?.prev().ok_or(wrong),
        _ => parse_range_id(text, u64::MAX),
    }
}

fn write_id(output: &mut Output, id: StreamId) {
    output.bulk(id.text().as_bytes());
}

/// An entry: its ID, fields and values in turns.
fn write_entry(output: &mut Output, entry: Entry<'_>) {
    output.array(2);
    write_id(output, entry.id);
    output.array(entry.len * 2);
    for (field, value) in entry.pairs() {
        write(output, field);
        write(output, value);
    }
}

fn write_entries(output: &mut Output, entries: &[Entry<'_>]) {
    output.array(entries.len());
    entries.iter().for_each(|&entry| write_entry(output, entry));
}

/// The stream at `place` and where replies go.
fn stream_and_output<'a>(
    ctx: &'a mut Ctx<'_>,
    place: Place,
) -> Result<(&'a Stream, &'a mut Output), CommandError> {
    let db = &ctx.server.dbs[ctx.client.db as usize];
    match db.entry(place).value() {
        crate::keyspace::ValueRef::Object(Value::Stream(stream)) => {
            Ok((stream, &mut ctx.client.output))
        }
        _ => Err(CommandError::WrongType),
    }
}

/// The refusal of a subcommand with words that it does not take; `container` is in capitals.
fn wrong_subcommand(ctx: &Ctx<'_>, container: &str) -> CommandError {
    let name = until_nul(ctx.arg(1));
    let name = &name[..name.len().min(128)];
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    CommandError::quoting(before, name, &alloc::format!("'. Try {container} HELP."))
}

/// The refusal when a group, or its key, is not there.
fn no_group(key: &[u8], group: &[u8], after: &str) -> CommandError {
    let (key, group) = (until_nul(key), until_nul(group));
    let text = [b"NOGROUP No such key '", key, b"' or consumer group '", group, b"'"].concat();
    CommandError::Bytes([&text, after.as_bytes()].concat())
}

impl Ctx<'_> {
    /// The place of a stream that has the group, for a command that changes it.
    fn write_group(&mut self, key: usize, group: usize) -> Result<Place, CommandError> {
        let place = self.write_as::<Stream>(self.key(key))?;
        let missing = || no_group(self.args.at(key), self.args.at(group), "");
        let place = place.ok_or_else(missing)?;
        self.group(place, self.arg(group)).ok_or_else(missing)?;
        Ok(place)
    }

    /// The group of the stream at `place`.
    fn group(&self, place: Place, name: &[u8]) -> Option<&ConsumerGroup> {
        self.typed::<Stream>(place).ok()?.group(name)
    }
}

/// What is to be logged of a group's pending entries: one XCLAIM each, as Redis does it.
struct Claims<'a> {
    key: &'a [u8],
    group: &'a [u8],
    consumer: &'a [u8],
}

impl Claims<'_> {
    /// Logs that these entries are the consumer's now, as they are in the group.
    fn propagate(&self, ctx: &mut Ctx<'_>, place: Place, ids: &[StreamId]) {
        if !ctx.is_logged() {
            return;
        }
        let Some(group) = ctx.group(place, self.group) else { return };
        let last_id = group.last_id.text();
        let pending: Vec<_> =
            ids.iter().filter_map(|&id| group.pending().get(id).copied()).collect();
        for pending in pending {
            ctx.propagate(&[
                b"XCLAIM",
                self.key,
                self.group,
                self.consumer,
                b"0",
                pending.id.text().as_bytes(),
                b"TIME",
                itoa::Buffer::new().format(pending.delivered_at_ms).as_bytes(),
                b"RETRYCOUNT",
                itoa::Buffer::new().format(pending.deliveries).as_bytes(),
                b"FORCE",
                b"JUSTID",
                b"LASTID",
                last_id.as_bytes(),
            ]);
        }
    }

    /// Logs how far the group has read.
    fn propagate_position(&self, ctx: &mut Ctx<'_>, place: Place) {
        if !ctx.is_logged() {
            return;
        }
        let Some(group) = ctx.group(place, self.group) else { return };
        let (last_id, read) = (group.last_id.text(), group.entries_read);
        let read = read.map_or(-1, |read| read as i64);
        let mut digits = itoa::Buffer::new();
        let read = digits.format(read).as_bytes();
        let words: [&[u8]; 7] =
            [b"XGROUP", b"SETID", self.key, self.group, last_id.as_bytes(), b"ENTRIESREAD", read];
        ctx.propagate(&words);
    }

    /// The number of the consumer, which is made if it is not there.
    fn consumer(&self, ctx: &mut Ctx<'_>, place: Place) -> u32 {
        let now_ms = ctx.now().wall_ms();
        let is_new =
            ctx.group(place, self.group).is_some_and(|group| group.find(self.consumer).is_none());
        let number = change(ctx, place, |stream| {
            let group = stream.group_mut(self.group).expect("the caller has found it");
            let number = group.add(self.consumer, now_ms);
            if let Some(consumer) = group.consumer_mut(number) {
                consumer.seen_at_ms = now_ms;
            }
            number
        });
        if is_new {
            ctx.propagate(&[b"XGROUP", b"CREATECONSUMER", self.key, self.group, self.consumer]);
            ctx.notify(crate::config::KeyspaceEvents::STREAM, "xgroup-createconsumer", self.key);
            ctx.dirty(1);
        }
        number
    }
}
