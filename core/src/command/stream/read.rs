//! XREAD and XREADGROUP: what came since, now or as soon as it comes.
//!
//! XREADGROUP with `>` delivers entries to a consumer: they become pending, and the log gets an
//! XCLAIM for each and how far the group has read, as nobody could replay who read first. With
//! another ID a consumer reads its own pending entries again.

use alloc::vec::Vec;

use super::{
    Claims, change, no_group, parse_id, stream_and_output, write_entries, write_entry, write_id,
};
use crate::client::output::Output;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Begin, Categories, Command, Find, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::Place;
use crate::server::blocking::WaitFor;
use crate::value::Stream;
use crate::value::stream::group::{COUNT_MAX, ConsumerGroup, Pending};
use crate::value::stream::id::StreamId;
use crate::value::stream::node::Entry;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("xread", -4, Group::Stream, xread)
        .flags(&[Flags::BLOCKING, Flags::READONLY])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec {
            flags: KeyFlags::RO.and(KeyFlags::ACCESS),
            begin: Begin::Keyword("STREAMS", 1),
            find: Find::Range { last: -1, step: 1, limit: 2 },
            notes: "",
        }])
        .arguments(
            "[COUNT count:integer] [BLOCK milliseconds:integer] STREAMS streams=(key:key* \
                id*)",
        )
        .docs("5.0.0", "Returns the entries of streams behind given IDs, or waits for some.", ""),
    Command::new("xreadgroup", -7, Group::Stream, xreadgroup)
        .flags(&[Flags::BLOCKING, Flags::WRITE])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec {
            flags: KeyFlags::RO.and(KeyFlags::ACCESS),
            begin: Begin::Keyword("STREAMS", 4),
            find: Find::Range { last: -1, step: 1, limit: 2 },
            notes: "",
        }])
        .arguments(
            "GROUP group-block=(group consumer) [COUNT count:integer] [BLOCK \
                milliseconds:integer] [NOACK] STREAMS streams=(key:key* id*)",
        )
        .docs(
            "5.0.0",
            "Returns entries for a consumer of a group, or waits for some.",
            "For each stream mentioned: O(M) with M being the number of elements \
                returned. If M is constant (e.g. always asking for the first 10 elements \
                with COUNT), you can consider it O(1). On the other side when XREADGROUP \
                blocks, XADD will pay the O(N) time in order to serve the N clients blocked \
                on the stream getting new data.",
        ),
];

/// What is asked for.
struct Query<'a> {
    /// Group and consumer.
    group: Option<(&'a [u8], &'a [u8])>,
    count: usize,
    /// Whether to wait, and until when.
    block: Option<Option<u64>>,
    no_ack: bool,
    /// The argument of the first key.
    first: usize,
    /// How many streams.
    len: usize,
}

/// Where reading a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// Behind this ID; for a consumer among those that are pending.
    Behind(StreamId),
    /// Behind what the group has read.
    New,
}

fn xread(ctx: &mut Ctx<'_>) -> Outcome {
    let query = Query::parse(ctx, false)?;
    read(ctx, &query)
}

fn xreadgroup(ctx: &mut Ctx<'_>) -> Outcome {
    let query = Query::parse(ctx, true)?;
    read(ctx, &query)
}

impl<'a> Query<'a> {
    fn parse(ctx: &Ctx<'a>, is_group: bool) -> Result<Self, CommandError> {
        let args = ctx.args;
        let mut query =
            Self { group: None, count: 0, block: None, no_ack: false, first: 0, len: 0 };
        let mut at = 1;
        while at < args.len() {
            let left = args.len() - at - 1;
            match () {
                () if args.is(at, "block") && left > 0 => {
                    query.block = Some(block_until(ctx, at + 1)?);
                    at += 1;
                }
                () if args.is(at, "count") && left > 0 => {
                    query.count = usize::try_from(ctx.int(at + 1)?).unwrap_or(0);
                    at += 1;
                }
                () if args.is(at, "streams") && left > 0 => {
                    query.set_streams(at + 1, left, is_group)?;
                    break;
                }
                () if args.is(at, "group") && left > 1 => {
                    if !is_group {
                        return Err(only_group("GROUP"));
                    }
                    query.group = Some((args.at(at + 1), args.at(at + 2)));
                    at += 2;
                }
                () if args.is(at, "noack") => {
                    if !is_group {
                        return Err(only_group("NOACK"));
                    }
                    query.no_ack = true;
                }
                () => return Err(CommandError::Syntax),
            }
            at += 1;
        }
        if query.first == 0 {
            return Err(CommandError::Syntax);
        }
        if is_group && query.group.is_none() {
            return Err(CommandError::Fixed("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(query)
    }

    fn set_streams(&mut self, first: usize, len: usize, is_group: bool) -> Outcome {
        if !len.is_multiple_of(2) {
            return Err(CommandError::Fixed(if is_group {
                "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' \
                 must be specified."
            } else {
                "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be \
                 specified."
            }));
        }
        (self.first, self.len) = (first, len / 2);
        Ok(())
    }

    /// Where to begin with each stream; looks at all of them before any is read.
    fn starts(&self, ctx: &mut Ctx<'_>) -> Result<Vec<From>, CommandError> {
        (self.first..self.first + self.len).map(|key| self.start(ctx, key)).collect()
    }

    fn start(&self, ctx: &mut Ctx<'_>, key: usize) -> Result<From, CommandError> {
        let place = ctx.read_as::<Stream>(ctx.key(key))?;
        if let Some((group, _)) = self.group
            && place.and_then(|place| ctx.group(place, group)).is_none()
        {
            return Err(no_group(ctx.arg(key), group, " in XREADGROUP with GROUP option"));
        }
        match (ctx.arg(key + self.len), self.group) {
            (b"$", Some(_)) => Err(CommandError::Fixed(
                "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
                 history of this consumer by specifying a proper ID, or use the > ID to get new \
                 messages. The $ ID would just return an empty result set.",
            )),
            (b"$", None) => Ok(From::Behind(match place {
                Some(place) => ctx.typed::<Stream>(place)?.last_id(),
                None => StreamId::MIN,
            })),
            (b">", None) => Err(CommandError::Fixed(
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                 <group> <consumer> option.",
            )),
            (b">", Some(_)) => Ok(From::New),
            (text, group) => Ok(match parse_id(text, 0)? {
                // As in Redis, where `>` is this ID.
                StreamId::MAX if group.is_some() => From::New,
                id => From::Behind(id),
            }),
        }
    }
}

/// Until when to wait, in milliseconds without a fraction.
fn block_until(ctx: &Ctx<'_>, at: usize) -> Result<Option<u64>, CommandError> {
    let wrong = CommandError::Fixed("ERR timeout is not an integer or out of range");
    ctx.block_until_ms(ctx.int(at).map_err(|_| wrong)?)
}

fn only_group(option: &str) -> CommandError {
    CommandError::Text(alloc::format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    ))
}

fn read(ctx: &mut Ctx<'_>, query: &Query<'_>) -> Outcome {
    let starts = query.starts(ctx)?;
    let mut served = Vec::new();
    for (number, &from) in starts.iter().enumerate() {
        let key = ctx.key(query.first + number);
        let Some(place) = ctx.peek(key) else { continue };
        let consumer = query.group.map(|(group, consumer)| {
            Claims { key: key.bytes, group, consumer }.consumer(ctx, place)
        });
        let is_same = |it: &&Served| ctx.arg(query.first + it.number) == key.bytes;
        let asked = served.iter().filter(is_same).filter(|it| it.from == From::New).count();
        if has_something(ctx, place, query, from, asked) {
            served.push(Served { number, place, from, consumer });
        }
    }
    if served.is_empty() {
        return block_or_nothing(ctx, query, &starts);
    }
    write_head(ctx.reply(), served.len());
    for Served { number, place, from, consumer } in served {
        let key = ctx.arg(query.first + number);
        let is_nested = !ctx.reply().resp3;
        if is_nested {
            ctx.reply().array(2);
        }
        ctx.reply().bulk(key);
        match (query.group, consumer) {
            (Some((group, name)), Some(consumer)) => {
                let claims = Claims { key, group, consumer: name };
                serve_group(ctx, query, &claims, place, from, consumer)?;
            }
            _ => serve(ctx, query, place, from)?,
        }
    }
    Ok(())
}

/// A stream that is part of the answer.
struct Served {
    number: usize,
    place: Place,
    from: From,
    consumer: Option<u32>,
}

/// The head of as many streams with their entries.
fn write_head(output: &mut Output, len: usize) {
    if output.resp3 { output.map(len) } else { output.array(len) }
}

/// Whether there is an answer now: a consumer's own entries always are one, even if there are none.
/// A stream may be named again; what it was `asked` for before is read by then.
fn has_something(ctx: &Ctx<'_>, place: Place, query: &Query<'_>, from: From, asked: usize) -> bool {
    let Ok(stream) = ctx.typed::<Stream>(place) else { return false };
    let behind = match (from, query.group) {
        (From::Behind(_), Some(_)) => return true,
        (From::Behind(id), None) => return stream.top_id().is_some_and(|top| top > id),
        (From::New, Some((group, _))) => {
            stream.group(group).map_or(StreamId::MAX, |group| group.last_id)
        }
        (From::New, None) => return false,
    };
    match (asked, query.count) {
        (0, _) => stream.top_id().is_some_and(|top| top > behind),
        (_, 0) => false,
        (asked, count) => {
            let read = asked.saturating_mul(count);
            let next = behind.next().map(|start| stream.iter_from(start).nth(read));
            next.flatten().is_some()
        }
    }
}

/// The entries behind an ID, `count` at most if that is not 0.
fn entries_behind(stream: &Stream, id: StreamId, count: usize) -> Vec<Entry<'_>> {
    let count = if count == 0 { usize::MAX } else { count };
    let Some(start) = id.next() else { return Vec::new() };
    stream.iter_from(start).take(count).collect()
}

fn serve(ctx: &mut Ctx<'_>, query: &Query<'_>, place: Place, from: From) -> Outcome {
    let From::Behind(id) = from else { return Ok(()) };
    let (stream, output) = stream_and_output(ctx, place)?;
    let entries = entries_behind(stream, id, query.count);
    write_entries(output, &entries);
    let len = entries.len();
    ctx.work(len);
    Ok(())
}

fn serve_group(
    ctx: &mut Ctx<'_>,
    query: &Query<'_>,
    claims: &Claims<'_>,
    place: Place,
    from: From,
    consumer: u32,
) -> Outcome {
    let ids = match from {
        From::Behind(id) => again(ctx, query, claims, place, id, consumer)?,
        From::New => deliver(ctx, query, claims, place, consumer)?,
    };
    ctx.work(ids.len());
    claims.propagate(ctx, place, &ids);
    if from == From::New {
        claims.propagate_position(ctx, place);
    }
    // Reading pending entries again changes nothing when there are none.
    ctx.dirty(usize::from(from == From::New || !ids.is_empty()));
    Ok(())
}

/// Delivers new entries; those that are pending now.
fn deliver(
    ctx: &mut Ctx<'_>,
    query: &Query<'_>,
    claims: &Claims<'_>,
    place: Place,
    consumer: u32,
) -> Result<Vec<StreamId>, CommandError> {
    let now_ms = ctx.now().wall_ms();
    let (stream, output) = stream_and_output(ctx, place)?;
    let last = stream.group(claims.group).map_or(StreamId::MAX, |group| group.last_id);
    let entries = entries_behind(stream, last, query.count);
    write_entries(output, &entries);
    let mut ids: Vec<StreamId> = entries.iter().map(|entry| entry.id).collect();
    let no_ack = query.no_ack;
    change(ctx, place, |stream| {
        let read = entries_read(stream, claims.group, &ids);
        let Some(group) = stream.group_mut(claims.group) else { return };
        group.entries_read = read;
        group.last_id = ids.last().copied().unwrap_or(last);
        if let Some(consumer) = group.consumer_mut(consumer).filter(|_| !no_ack) {
            consumer.active_at_ms = Some(now_ms);
        }
        if !no_ack {
            ids.iter().for_each(|&id| {
                group.deliver(Pending { id, delivered_at_ms: now_ms, deliveries: 1, consumer });
            });
        }
    });
    if query.no_ack {
        ids.clear();
    }
    Ok(ids)
}

/// How many entries a group will have read with these, if that is certain.
fn entries_read(stream: &Stream, group: &[u8], ids: &[StreamId]) -> Option<u64> {
    let group = stream.group(group)?;
    let (mut read, mut last) = (group.entries_read, group.last_id);
    for &id in ids {
        read = match read {
            Some(read) if !stream.has_tombstones_from(last) => Some((read + 1).min(COUNT_MAX)),
            _ => stream.added_up_to(id),
        };
        last = id;
    }
    read
}

/// Replies with a consumer's own pending entries behind an ID; null for those that were deleted.
fn again(
    ctx: &mut Ctx<'_>,
    query: &Query<'_>,
    claims: &Claims<'_>,
    place: Place,
    behind: StreamId,
    consumer: u32,
) -> Result<Vec<StreamId>, CommandError> {
    let now_ms = ctx.now().wall_ms();
    let (stream, output) = stream_and_output(ctx, place)?;
    let group = stream.group(claims.group);
    let ids = own_ids(group, consumer, behind, query.count);
    output.array(ids.len());
    ids.iter().for_each(|&id| write_again(output, stream, id));
    let there: Vec<StreamId> = ids.into_iter().filter(|&id| stream.get(id).is_some()).collect();
    if !there.is_empty() {
        change(ctx, place, |stream| {
            let Some(group) = stream.group_mut(claims.group) else { return };
            for &id in &there {
                let Some(pending) = group.pending().get(id).copied() else { continue };
                let deliveries = (pending.deliveries + 1).min(COUNT_MAX);
                group.deliver(Pending { delivered_at_ms: now_ms, deliveries, ..pending });
            }
        });
    }
    Ok(there)
}

fn own_ids(
    group: Option<&ConsumerGroup>,
    consumer: u32,
    behind: StreamId,
    count: usize,
) -> Vec<StreamId> {
    let count = if count == 0 { usize::MAX } else { count };
    let consumer = group.and_then(|group| group.consumer(consumer));
    match (consumer, behind.next()) {
        (Some(consumer), Some(start)) => {
            consumer.pending().iter_from(start).take(count).copied().collect()
        }
        _ => Vec::new(),
    }
}

fn write_again(output: &mut Output, stream: &Stream, id: StreamId) {
    match stream.get(id) {
        Some(entry) => write_entry(output, entry),
        None => {
            output.array(2);
            write_id(output, id);
            output.null_array();
        }
    }
}

fn block_or_nothing(ctx: &mut Ctx<'_>, query: &Query<'_>, starts: &[From]) -> Outcome {
    let Some(until_ns) = query.block.filter(|_| ctx.may_block()) else {
        ctx.reply().null_array();
        return Ok(());
    };
    // What is last now is what to wait behind: executed again, `$` would mean what has come.
    let ids: Vec<_> = starts
        .iter()
        .map(|from| match from {
            From::Behind(id) => id.text().to_vec(),
            From::New => b">".to_vec(),
        })
        .collect();
    let ids_at = query.first + query.len;
    let mut words: Vec<&[u8]> = ctx.args.from(0).take(ids_at).collect();
    words.extend(ids.iter().map(|id| &id[..]));
    let wanted =
        WaitFor { type_name: "stream", on_any_change: query.group.is_some(), words: Some(&words) };
    let keys = ctx.args.from(query.first).take(query.len);
    ctx.block(wanted, keys, until_ns);
    Ok(())
}
