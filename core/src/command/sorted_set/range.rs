//! Ranges of sorted sets: returned, stored, removed.
//!
//! Whatever a range is made of, it is some ranks in a row; from there on all forms are one.

use super::add::changed;
use super::algebra::replace;
use super::bound::{LexRange, ScoreRange};
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::value::{SortedSet, SortedSetView, Thresholds};
use alloc::vec::Vec;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("zrange", -4, Group::SortedSet, zrange)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments(
            "key:key start stop sortby=[BYSCORE|BYLEX]@6.2.0 [REV]@6.2.0 [LIMIT \
                limit=(offset:integer count:integer)]@6.2.0 [WITHSCORES]",
        )
        .docs(
            "1.2.0",
            "Returns the members in a range.",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                number of elements returned.",
        )
        .history(&[("6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.")]),
    Command::new("zrangestore", -5, Group::SortedSet, zrangestore)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::SORTEDSET])
        .keys(&[
            KeySpec::one(1, KeyFlags::OW.and(KeyFlags::UPDATE)),
            KeySpec::one(2, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ])
        .arguments(
            "dst:key src:key min max sortby=[BYSCORE|BYLEX] [REV] [LIMIT \
                limit=(offset:integer count:integer)]",
        )
        .docs(
            "6.2.0",
            "Stores the members in a range.",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                number of elements stored into the destination key.",
        ),
    Command::new("zrevrange", -4, Group::SortedSet, zrevrange)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key start:integer stop:integer [WITHSCORES]")
        .docs(
            "1.2.0",
            "Returns the members in a range of ranks, from the last on.",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                number of elements returned.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` argument"),
    Command::new("zrangebyscore", -4, Group::SortedSet, zrangebyscore)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments(
            "key:key min:double max:double [WITHSCORES]@2.0.0 [LIMIT limit=(offset:integer \
                count:integer)]",
        )
        .docs(
            "1.0.5",
            "Returns the members in a range of scores.",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                number of elements being returned. If M is constant (e.g. always asking for \
                the first 10 elements with LIMIT), you can consider it O(log(N)).",
        )
        .history(&[("2.0.0", "Added the `WITHSCORES` modifier.")])
        .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
    Command::new("zrevrangebyscore", -4, Group::SortedSet, zrevrangebyscore)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments(
            "key:key max:double min:double [WITHSCORES] [LIMIT limit=(offset:integer \
                count:integer)]",
        )
        .docs(
            "2.2.0",
            "Returns the members in a range of scores, from the last on.",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                number of elements being returned. If M is constant (e.g. always asking for \
                the first 10 elements with LIMIT), you can consider it O(log(N)).",
        )
        .history(&[("2.1.6", "`min` and `max` can be exclusive.")])
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
    Command::new("zrangebylex", -4, Group::SortedSet, zrangebylex)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key min max [LIMIT limit=(offset:integer count:integer)]")
        .docs(
            "2.8.9",
            "Returns the members in a range of names.",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                number of elements being returned. If M is constant (e.g. always asking for \
                the first 10 elements with LIMIT), you can consider it O(log(N)).",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument"),
    Command::new("zrevrangebylex", -4, Group::SortedSet, zrevrangebylex)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key max min [LIMIT limit=(offset:integer count:integer)]")
        .docs(
            "2.8.9",
            "Returns the members in a range of names, from the last on.",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                number of elements being returned. If M is constant (e.g. always asking for \
                the first 10 elements with LIMIT), you can consider it O(log(N)).",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
    Command::new("zremrangebyrank", 4, Group::SortedSet, zremrangebyrank)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key start:integer stop:integer")
        .docs(
            "2.0.0",
            "Removes the members in a range of ranks.",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                number of elements removed by the operation.",
        ),
    Command::new("zremrangebyscore", 4, Group::SortedSet, zremrangebyscore)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key min:double max:double")
        .docs(
            "1.2.0",
            "Removes the members in a range of scores.",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                number of elements removed by the operation.",
        ),
    Command::new("zremrangebylex", 4, Group::SortedSet, zremrangebylex)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key min max")
        .docs(
            "2.8.9",
            "Removes the members in a range of names.",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                number of elements removed by the operation.",
        ),
];

/// What the bounds of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// A range with its bounds.
#[derive(Clone, Copy, Debug)]
enum Range<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Names(LexRange<'a>),
}

/// What a command asks for.
#[derive(Clone, Copy, Debug)]
struct Query<'a> {
    range: Range<'a>,
    is_reverse: bool,
    with_scores: bool,
    offset: i64,
    count: i64,
}

/// What the name of a command says already.
#[derive(Clone, Copy)]
struct Form {
    /// The first bound is this argument.
    first: usize,
    by: Option<By>,
    is_reverse: Option<bool>,
    is_stored: bool,
}

impl<'a> Query<'a> {
    fn parse(ctx: &Ctx<'a>, form: Form) -> Result<Self, CommandError> {
        let args = ctx.args;
        let (mut by, mut is_reverse) = (form.by, form.is_reverse);
        let (mut with_scores, mut offset, mut count, mut is_limited) = (false, 0, -1, false);
        let mut at = form.first + 2;
        while at < args.len() {
            let left = args.len() - at - 1;
            match () {
                () if !form.is_stored && args.is(at, "withscores") => with_scores = true,
                () if args.is(at, "limit") && left >= 2 => {
                    (offset, count) = (ctx.int(at + 1)?, ctx.int(at + 2)?);
                    // As in Redis a count of -1 is no limit, whatever the offset.
                    is_limited = count != -1;
                    at += 2;
                }
                () if is_reverse.is_none() && args.is(at, "rev") => is_reverse = Some(true),
                () if by.is_none() && args.is(at, "bylex") => by = Some(By::Lex),
                () if by.is_none() && args.is(at, "byscore") => by = Some(By::Score),
                () => return Err(CommandError::Syntax),
            }
            at += 1;
        }
        let (by, is_reverse) = (by.unwrap_or(By::Rank), is_reverse.unwrap_or(false));
        if is_limited && by == By::Rank {
            return Err(CommandError::Fixed(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or \
                 BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(CommandError::Fixed(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let (first, second) = (args.at(form.first), args.at(form.first + 1));
        let is_swapped = is_reverse && by != By::Rank;
        let (least, most) = if is_swapped { (second, first) } else { (first, second) };
        let range = match by {
            By::Rank => Range::Ranks(ctx.int(form.first)?, ctx.int(form.first + 1)?),
            By::Score => Range::Scores(ScoreRange::parse(least, most)?),
            By::Lex => Range::Names(LexRange::parse(least, most)?),
        };
        Ok(Self { range, is_reverse, with_scores, offset, count })
    }

    /// The rank of the first member and how many there are, counted from the last member when the
    /// query is in reverse.
    fn ranks(&self, set: SortedSetView<'_>) -> (usize, usize) {
        let len = set.len();
        let (first, count) = match self.range {
            Range::Ranks(start, stop) => return crate::command::list::range(start, stop, len),
            Range::Scores(range) => range.ranks(set),
            Range::Names(range) => range.ranks(set),
        };
        let first = if self.is_reverse { len - first - count } else { first };
        let Ok(offset) = usize::try_from(self.offset) else { return (0, 0) };
        let skipped = offset.min(count);
        let wanted = usize::try_from(self.count).unwrap_or(usize::MAX);
        (first + skipped, (count - skipped).min(wanted))
    }
}

fn zrange(ctx: &mut Ctx<'_>) -> Outcome {
    answer(ctx, Form { first: 2, by: None, is_reverse: None, is_stored: false })
}

fn zrevrange(ctx: &mut Ctx<'_>) -> Outcome {
    answer_by(ctx, By::Rank, true)
}

fn zrangebyscore(ctx: &mut Ctx<'_>) -> Outcome {
    answer_by(ctx, By::Score, false)
}

fn zrevrangebyscore(ctx: &mut Ctx<'_>) -> Outcome {
    answer_by(ctx, By::Score, true)
}

fn zrangebylex(ctx: &mut Ctx<'_>) -> Outcome {
    answer_by(ctx, By::Lex, false)
}

fn zrevrangebylex(ctx: &mut Ctx<'_>) -> Outcome {
    answer_by(ctx, By::Lex, true)
}

fn answer_by(ctx: &mut Ctx<'_>, by: By, is_reverse: bool) -> Outcome {
    let (by, is_reverse) = (Some(by), Some(is_reverse));
    answer(ctx, Form { first: 2, by, is_reverse, is_stored: false })
}

fn answer(ctx: &mut Ctx<'_>, form: Form) -> Outcome {
    let query = Query::parse(ctx, form)?;
    let mut replied = 0;
    super::with_set(ctx, |output, set| {
        let Some(set) = set else { return output.array(0) };
        let (first, count) = query.ranks(set);
        let items = match query.is_reverse {
            true => set.iter_before(set.len() - first),
            false => set.iter_from(first),
        };
        replied = count;
        super::write_some(output, count, items.take(count), query.with_scores);
    })?;
    ctx.work(replied);
    Ok(())
}

fn zrangestore(ctx: &mut Ctx<'_>) -> Outcome {
    let form = Form { first: 3, by: None, is_reverse: None, is_stored: true };
    let query = Query::parse(ctx, form)?;
    let source = ctx.read_as::<SortedSet>(ctx.key(2))?;
    let (thresholds, hasher) = (Thresholds::of(&ctx.server.config), ctx.server.hasher);
    let mut items = Vec::new();
    if let Some(place) = source {
        let set = ctx.typed::<SortedSet>(place)?;
        let (first, count) = query.ranks(set);
        let first = if query.is_reverse { set.len() - first - count } else { first };
        items.extend(set.iter_from(first).take(count));
    }
    let len = items.len();
    let result = SortedSet::from_sorted(&items, &thresholds, hasher);
    drop(items);
    let key = ctx.key(1);
    replace(ctx, key, result, "zrangestore", 1);
    ctx.work(len);
    ctx.reply().int(len as i64);
    Ok(())
}

fn zremrangebyrank(ctx: &mut Ctx<'_>) -> Outcome {
    let range = Range::Ranks(ctx.int(2)?, ctx.int(3)?);
    remove(ctx, range, "zremrangebyrank")
}

fn zremrangebyscore(ctx: &mut Ctx<'_>) -> Outcome {
    let range = Range::Scores(ScoreRange::parse(ctx.arg(2), ctx.arg(3))?);
    remove(ctx, range, "zremrangebyscore")
}

fn zremrangebylex(ctx: &mut Ctx<'_>) -> Outcome {
    let range = Range::Names(LexRange::parse(ctx.arg(2), ctx.arg(3))?);
    remove(ctx, range, "zremrangebylex")
}

fn remove(ctx: &mut Ctx<'_>, range: Range<'_>, event: &str) -> Outcome {
    let key = ctx.key(1);
    let Some(place) = ctx.write_as::<SortedSet>(key)? else {
        ctx.reply().int(0);
        return Ok(());
    };
    let query = Query { range, is_reverse: false, with_scores: false, offset: 0, count: -1 };
    let (first, count) = query.ranks(ctx.typed::<SortedSet>(place)?);
    if count > 0 {
        let is_empty = ctx.change(key, Some(place), |set: &mut SortedSet| {
            set.remove_ranks(first, count);
            set.is_empty()
        });
        changed(ctx, key, count, event);
        if is_empty {
            ctx.remove_empty(key);
        }
    }
    ctx.work(count);
    ctx.reply().int(count as i64);
    Ok(())
}
