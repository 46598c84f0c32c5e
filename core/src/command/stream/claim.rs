//! XCLAIM and XAUTOCLAIM: pending entries of one consumer become another's.

use alloc::vec::Vec;

use super::{
    Claims, change, no_group, parse_id, parse_start, stream_and_output, write_entry, write_id,
};
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::Place;
use crate::value::Stream;
use crate::value::number;
use crate::value::stream::group::{COUNT_MAX, Pending};
use crate::value::stream::id::StreamId;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("xautoclaim", -6, Group::Stream, xautoclaim)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key group consumer min-idle-time start [COUNT count:integer] [JUSTID]")
        .docs(
            "6.2.0",
            "Gives entries that are pending for long to a consumer.",
            "O(1) if COUNT is small.",
        )
        .history(&[(
            "7.0.0",
            "Added an element to the reply array, containing deleted entries the command \
                cleared from the PEL",
        )])
        .tips(&["nondeterministic_output"]),
    Command::new("xclaim", -6, Group::Stream, xclaim)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))])
        .arguments(
            "key:key group consumer min-idle-time id* [IDLE ms:integer] [TIME \
                unix-time-milliseconds:unix-time] [RETRYCOUNT count:integer] [FORCE] \
                [JUSTID] [LASTID lastid]",
        )
        .docs(
            "5.0.0",
            "Gives pending entries to a consumer.",
            "O(log N) with N being the number of messages in the PEL of the consumer \
                group.",
        )
        .tips(&["nondeterministic_output"]),
];

/// What becomes of an entry that is claimed.
#[derive(Clone, Copy, Debug)]
struct Claim {
    min_idle_ms: i64,
    delivered_at_ms: i64,
    retry_count: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: StreamId,
    /// The log says it.
    replays: bool,
}

/// What claiming an entry came to.
enum Claimed {
    /// It is the consumer's now.
    Yes,
    /// It was deleted, and is not pending any more.
    Deleted,
    No,
}

impl Claim {
    fn new(ctx: &Ctx<'_>, name: &str) -> Result<Self, CommandError> {
        let wrong =
            || CommandError::Text(alloc::format!("ERR Invalid min-idle-time argument for {name}"));
        Ok(Self {
            min_idle_ms: ctx.int(4).map_err(|_| wrong())?.max(0),
            delivered_at_ms: ctx.now().wall_ms(),
            retry_count: None,
            force: false,
            just_id: false,
            last_id: StreamId::MIN,
            replays: ctx.client.replays,
        })
    }

    /// Zero is always long enough, even when the clock was set back since.
    fn is_too_early(&self, idle_ms: i64) -> bool {
        self.min_idle_ms > 0 && idle_ms < self.min_idle_ms
    }

    /// Claims an entry for a consumer.
    fn apply(
        &self,
        stream: &mut Stream,
        group: &[u8],
        consumer: u32,
        id: StreamId,
        now_ms: i64,
    ) -> Claimed {
        let is_there = stream.get(id).is_some();
        let Some(group) = stream.group_mut(group) else { return Claimed::No };
        let old = group.pending().get(id).copied();
        // A rewritten log tells the entries first, of which some that are pending are deleted.
        if !(is_there || self.replays && self.force) {
            return if group.acknowledge(id) { Claimed::Deleted } else { Claimed::No };
        }
        let deliveries = match old {
            Some(old) if self.is_too_early(now_ms - old.delivered_at_ms) => return Claimed::No,
            Some(old) => old.deliveries,
            None if self.force => 1,
            None => return Claimed::No,
        };
        let deliveries = match self.retry_count {
            Some(count) => count,
            None => (deliveries + u64::from(!self.just_id)).min(COUNT_MAX),
        };
        let delivered_at_ms = self.delivered_at_ms;
        group.deliver(Pending { id, delivered_at_ms, deliveries, consumer });
        if let Some(consumer) = group.consumer_mut(consumer) {
            consumer.active_at_ms = Some(now_ms);
        }
        Claimed::Yes
    }
}

/// An integer option of XCLAIM.
fn option(ctx: &Ctx<'_>, at: usize, name: &str) -> Result<i64, CommandError> {
    number::parse_i64(ctx.arg(at)).ok_or_else(|| {
        CommandError::Text(alloc::format!("ERR Invalid {name} option argument for XCLAIM"))
    })
}

impl Claim {
    /// XCLAIM's options from the argument `at` on.
    fn parse_options(&mut self, ctx: &Ctx<'_>, mut at: usize) -> Outcome {
        let now_ms = ctx.now().wall_ms();
        let latest_ms = if self.replays { i64::MAX } else { now_ms };
        while at < ctx.args.len() {
            let has_more = at + 1 < ctx.args.len();
            match () {
                () if ctx.args.is(at, "force") => self.force = true,
                () if ctx.args.is(at, "justid") => self.just_id = true,
                () if has_more && ctx.args.is(at, "idle") => {
                    let idle_ms = option(ctx, at + 1, "IDLE")?;
                    self.deliver_at(now_ms.wrapping_sub(idle_ms), now_ms, latest_ms);
                    at += 1;
                }
                () if has_more && ctx.args.is(at, "time") => {
                    self.deliver_at(option(ctx, at + 1, "TIME")?, now_ms, latest_ms);
                    at += 1;
                }
                () if has_more && ctx.args.is(at, "retrycount") => {
                    self.retry_count = u64::try_from(option(ctx, at + 1, "RETRYCOUNT")?).ok();
                    at += 1;
                }
                () if has_more && ctx.args.is(at, "lastid") => {
                    self.last_id = parse_id(ctx.arg(at + 1), 0)?;
                    at += 1;
                }
                () => {
                    return Err(CommandError::quoting(
                        "ERR Unrecognized XCLAIM option '",
                        ctx.arg(at),
                        "'",
                    ));
                }
            }
            at += 1;
        }
        Ok(())
    }

    /// A time in the future, or before 1970, is now: clients compute it by their own clock. A
    /// replayed one is what it was, since a replay has no clock.
    fn deliver_at(&mut self, at_ms: i64, now_ms: i64, latest_ms: i64) {
        self.delivered_at_ms = if (0..=latest_ms).contains(&at_ms) { at_ms } else { now_ms };
    }
}

fn xclaim(ctx: &mut Ctx<'_>) -> Outcome {
    let place = ctx.write_group(1, 2)?;
    let mut claim = Claim::new(ctx, "XCLAIM")?;
    let ids: Vec<StreamId> = ctx.args.from(5).map_while(|text| StreamId::parse(text, 0)).collect();
    claim.parse_options(ctx, 5 + ids.len())?;
    let claims = Claims { key: ctx.arg(1), group: ctx.arg(2), consumer: ctx.arg(3) };
    let moved = move_position(ctx, place, &claims, claim.last_id);
    let consumer = claims.consumer(ctx, place);
    let (claimed, deleted) = claim_all(ctx, place, &claims, consumer, &claim, &ids);
    reply(ctx, place, &claimed, claim.just_id)?;
    if moved && claimed.is_empty() {
        claims.propagate_position(ctx, place);
        ctx.dirty(1);
    }
    propagate(ctx, place, &claims, &claimed, &deleted);
    Ok(())
}

/// The group has read up to `last_id` at least; whether that is more than it had.
fn move_position(ctx: &mut Ctx<'_>, place: Place, claims: &Claims<'_>, last_id: StreamId) -> bool {
    let moves = ctx.group(place, claims.group).is_some_and(|group| group.last_id < last_id);
    if moves {
        change(ctx, place, |stream| {
            stream.group_mut(claims.group).map(|group| group.last_id = last_id)
        });
    }
    moves
}

/// Claims entries; which were, and which are deleted and so not pending any more.
fn claim_all(
    ctx: &mut Ctx<'_>,
    place: Place,
    claims: &Claims<'_>,
    consumer: u32,
    claim: &Claim,
    ids: &[StreamId],
) -> (Vec<StreamId>, Vec<StreamId>) {
    let now_ms = ctx.now().wall_ms();
    let (mut claimed, mut deleted) = (Vec::new(), Vec::new());
    change(ctx, place, |stream| {
        for &id in ids {
            match claim.apply(stream, claims.group, consumer, id, now_ms) {
                Claimed::Yes => claimed.push(id),
                Claimed::Deleted => deleted.push(id),
                Claimed::No => {}
            }
        }
    });
    ctx.work(ids.len());
    (claimed, deleted)
}

/// The entries that were claimed, or only their IDs.
fn reply(ctx: &mut Ctx<'_>, place: Place, ids: &[StreamId], just_id: bool) -> Outcome {
    let (stream, output) = stream_and_output(ctx, place)?;
    output.array(ids.len());
    for &id in ids {
        match stream.get(id) {
            Some(entry) if !just_id => write_entry(output, entry),
            _ => write_id(output, id),
        }
    }
    Ok(())
}

fn propagate(
    ctx: &mut Ctx<'_>,
    place: Place,
    claims: &Claims<'_>,
    claimed: &[StreamId],
    deleted: &[StreamId],
) {
    claims.propagate(ctx, place, claimed);
    for id in deleted {
        ctx.propagate(&[b"XACK", claims.key, claims.group, id.text().as_bytes()]);
    }
    ctx.dirty(claimed.len() + deleted.len());
}

/// What XAUTOCLAIM looks for.
struct Search {
    start: StreamId,
    count: usize,
}

/// It looks at so many times more entries than it may claim.
const ATTEMPTS: usize = 10;

impl Search {
    fn parse(ctx: &Ctx<'_>, claim: &mut Claim) -> Result<Self, CommandError> {
        const COUNT_MAX: i64 = i64::MAX / 16;
        let (start, mut count, mut at) = (parse_start(ctx.arg(5))?, 100, 6);
        while at < ctx.args.len() {
            if ctx.args.is(at, "count") && at + 1 < ctx.args.len() {
                let wrong = CommandError::Fixed("ERR COUNT must be > 0");
                let given = ctx.int(at + 1).ok().filter(|count| (1..=COUNT_MAX).contains(count));
                count = given.ok_or(wrong)? as usize;
                at += 1;
            } else if ctx.args.is(at, "justid") {
                claim.just_id = true;
            } else {
                return Err(CommandError::Syntax);
            }
            at += 1;
        }
        Ok(Self { start, count })
    }

    /// Claims what is pending for long enough. The reply is what was claimed, what was deleted, and
    /// where to go on.
    fn claim(
        &self,
        stream: &mut Stream,
        claim: &Claim,
        group: &[u8],
        consumer: u32,
        now_ms: i64,
    ) -> (Vec<StreamId>, Vec<StreamId>, StreamId) {
        let (mut claimed, mut deleted, mut next) = (Vec::new(), Vec::new(), self.start);
        let mut attempts = self.count.saturating_mul(ATTEMPTS);
        loop {
            let pending = stream.group(group).map(|group| group.pending());
            let Some(id) = pending.and_then(|all| Some(all.iter_from(next).next()?.id)) else {
                return (claimed, deleted, StreamId::MIN);
            };
            if attempts == 0 || claimed.len() + deleted.len() == self.count {
                return (claimed, deleted, id);
            }
            attempts -= 1;
            match claim.apply(stream, group, consumer, id, now_ms) {
                Claimed::Yes => claimed.push(id),
                Claimed::Deleted => deleted.push(id),
                Claimed::No => {}
            }
            let Some(following) = id.next() else { return (claimed, deleted, StreamId::MIN) };
            next = following;
        }
    }
}

fn xautoclaim(ctx: &mut Ctx<'_>) -> Outcome {
    let mut claim = Claim::new(ctx, "XAUTOCLAIM")?;
    let search = Search::parse(ctx, &mut claim)?;
    let place = ctx.write_as::<Stream>(ctx.key(1))?;
    let place = place.filter(|&place| ctx.group(place, ctx.arg(2)).is_some());
    let place = place.ok_or_else(|| no_group(ctx.arg(1), ctx.arg(2), ""))?;
    let claims = Claims { key: ctx.arg(1), group: ctx.arg(2), consumer: ctx.arg(3) };
    let consumer = claims.consumer(ctx, place);
    let now_ms = ctx.now().wall_ms();
    let (claimed, deleted, next) =
        change(ctx, place, |stream| search.claim(stream, &claim, claims.group, consumer, now_ms));
    ctx.work(claimed.len() + deleted.len());
    ctx.reply().array(3);
    write_id(ctx.reply(), next);
    reply(ctx, place, &claimed, claim.just_id)?;
    ctx.reply().array(deleted.len());
    deleted.iter().for_each(|&id| write_id(ctx.reply(), id));
    propagate(ctx, place, &claims, &claimed, &deleted);
    Ok(())
}
