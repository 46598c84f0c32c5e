//! XACK, XACKDEL and XPENDING: what was delivered and not acknowledged.

use alloc::vec::Vec;

use super::add::told_deleted;
use super::references::{References, Request};
use super::{change, no_group, parse_end, parse_id, parse_start, stream_and_output, write_id};
use crate::client::output::Output;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::Place;
use crate::value::Stream;
use crate::value::stream::group::{ConsumerGroup, Pending};
use crate::value::stream::id::StreamId;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("xack", -4, Group::Stream, xack)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))])
        .arguments("key:key group id*")
        .docs(
            "5.0.0",
            "Ends pending entries of a group: returns how many there were.",
            "O(1) for each message ID processed.",
        ),
    Command::new("xpending", -3, Group::Stream, xpending)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments(
            "key:key group filters=[[IDLE min-idle-time:integer]@6.2.0 start end \
                count:integer [consumer]]",
        )
        .docs(
            "5.0.0",
            "Returns what is pending in a group.",
            "O(N) with N being the number of elements returned, so asking for a small \
                fixed number of entries per call is O(1). O(M), where M is the total number \
                of entries scanned when used with the IDLE filter. When the command returns \
                just the summary and the list of consumers is small, it runs in O(1) time; \
                otherwise, an additional O(N) time for iterating every consumer.",
        )
        .history(&[("6.2.0", "Added the `IDLE` option and exclusive range intervals.")])
        .tips(&["nondeterministic_output"]),
    Command::new("xackdel", -6, Group::Stream, xackdel)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE).and(KeyFlags::DELETE))])
        .arguments("key:key group condition=[KEEPREF|DELREF|ACKED] IDS ids=(numids:integer id*)")
        .docs(
            "8.2.0",
            "Ends pending entries of a group and deletes the entries.",
            "O(1) for each message ID processed.",
        ),
];

/// The stream that has the group, if both are there.
fn find_group(ctx: &mut Ctx<'_>) -> Result<Option<Place>, CommandError> {
    let place = ctx.write_as::<Stream>(ctx.key(1))?;
    Ok(place.filter(|&place| ctx.group(place, ctx.arg(2)).is_some()))
}

fn xack(ctx: &mut Ctx<'_>) -> Outcome {
    let Some(place) = find_group(ctx)? else {
        ctx.reply().int(0);
        return Ok(());
    };
    let ids: Vec<StreamId> =
        ctx.args.from(3).map(|text| parse_id(text, 0)).collect::<Result<_, _>>()?;
    let name = ctx.arg(2);
    let ended = change(ctx, place, |stream| {
        let Some(group) = stream.group_mut(name) else { return 0 };
        ids.iter().filter(|&&id| group.acknowledge(id)).count()
    });
    ctx.dirty(ended);
    ctx.reply().int(ended as i64);
    Ok(())
}

fn xackdel(ctx: &mut Ctx<'_>) -> Outcome {
    let request = Request::parse(ctx, 3)?;
    let (key, name, references) = (ctx.key(1), ctx.arg(2), request.references);
    let results: Vec<i64> = match find_group(ctx)? {
        Some(place) => {
            let ids = request.ids(ctx)?;
            change(ctx, place, |stream| {
                let each = |&id| acknowledge_and_delete(stream, name, references, id);
                ids.iter().map(each).collect()
            })
        }
        None => request.nothing(),
    };
    let deleted = results.iter().filter(|&&result| result == References::DELETED).count();
    told_deleted(ctx, key, deleted);
    ctx.dirty(results.iter().filter(|&&result| result == References::REFERENCED).count());
    ctx.reply().array(results.len());
    results.iter().for_each(|&result| ctx.reply().int(result));
    Ok(())
}

/// Ends a pending entry and deletes it; the reply for it.
fn acknowledge_and_delete(
    stream: &mut Stream,
    group: &[u8],
    references: References,
    id: StreamId,
) -> i64 {
    if !stream.group_mut(group).is_some_and(|group| group.acknowledge(id)) {
        return References::MISSING;
    }
    match references.delete(stream, id) {
        // It was pending, though nothing was left of it.
        References::MISSING => References::DELETED,
        result => result,
    }
}

/// What XPENDING asks for beside a summary.
struct Range<'a> {
    min_idle_ms: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Range<'a> {
    fn parse(ctx: &Ctx<'a>) -> Result<Option<Self>, CommandError> {
        let len = ctx.args.len();
        if len == 3 {
            return Ok(None);
        }
        if !(6..=9).contains(&len) {
            return Err(CommandError::Syntax);
        }
        let (mut min_idle_ms, mut at) = (0, 3);
        if ctx.args.is(3, "idle") {
            min_idle_ms = ctx.int(4)?;
            if len < 8 {
                return Err(CommandError::Syntax);
            }
            at = 5;
        }
        let count = usize::try_from(ctx.int(at + 2)?).unwrap_or(0);
        let (start, end) = (parse_start(ctx.arg(at))?, parse_end(ctx.arg(at + 1))?);
        let consumer = (at + 3 < len).then(|| ctx.arg(at + 3));
        Ok(Some(Self { min_idle_ms, start, end, count, consumer }))
    }

    /// The pending entries that are asked for.
    fn select(&self, group: &ConsumerGroup, now_ms: i64) -> Vec<Pending> {
        let is_asked = |pending: &&Pending| {
            self.min_idle_ms == 0 || now_ms - pending.delivered_at_ms >= self.min_idle_ms
        };
        let all = group.pending();
        let Some(name) = self.consumer else {
            let range = all.iter_from(self.start).take_while(|pending| pending.id <= self.end);
            return range.filter(is_asked).take(self.count).copied().collect();
        };
        let consumer = group.find(name).and_then(|number| group.consumer(number));
        let Some(consumer) = consumer else { return Vec::new() };
        let own = consumer.pending().iter_from(self.start).take_while(|&&id| id <= self.end);
        own.filter_map(|&id| all.get(id)).filter(is_asked).take(self.count).copied().collect()
    }
}

fn xpending(ctx: &mut Ctx<'_>) -> Outcome {
    let range = Range::parse(ctx)?;
    let place = ctx.read_as::<Stream>(ctx.key(1))?;
    let name = ctx.arg(2);
    let missing = no_group(ctx.arg(1), name, "");
    let Some(place) = place else { return Err(missing) };
    let now_ms = ctx.now().wall_ms();
    let (stream, output) = stream_and_output(ctx, place)?;
    let group = stream.group(name).ok_or(missing)?;
    match range {
        Some(range) => write_range(output, group, &range.select(group, now_ms), now_ms),
        None => write_summary(output, group),
    }
    Ok(())
}

fn write_range(output: &mut Output, group: &ConsumerGroup, pending: &[Pending], now_ms: i64) {
    output.array(pending.len());
    for pending in pending {
        output.array(4);
        write_id(output, pending.id);
        output.bulk(group.consumer(pending.consumer).map_or(b"", |consumer| consumer.name()));
        output.int((now_ms - pending.delivered_at_ms).max(0));
        output.int(pending.deliveries as i64);
    }
}

fn write_summary(output: &mut Output, group: &ConsumerGroup) {
    output.array(4);
    output.int(group.pending().len() as i64);
    let (Some(first), Some(last)) = (group.pending().first(), group.pending().last()) else {
        output.null();
        output.null();
        return output.null_array();
    };
    write_id(output, first.id);
    write_id(output, last.id);
    let busy = || group.consumers().filter(|(_, consumer)| !consumer.pending().is_empty());
    output.array(busy().count());
    for (_, consumer) in busy() {
        output.array(2);
        output.bulk(consumer.name());
        output.bulk_int(consumer.pending().len() as i64);
    }
}
