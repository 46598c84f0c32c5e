//! ZADD, ZINCRBY and ZREM: members are scored and taken out.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::Key;
use crate::value::number::format_f64;
use crate::value::{SortedSet, Thresholds, number};
use alloc::vec::Vec;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("zadd", -4, Group::SortedSet, zadd)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))])
        .arguments(
            "key:key condition=[NX|XX]@3.0.2 comparison=[GT|LT]@6.2.0 change=[CH]@3.0.2 \
                increment=[INCR]@3.0.2 data=(score:double member)*",
        )
        .docs(
            "1.2.0",
            "Adds members to a sorted set, or changes their scores.",
            "O(log(N)) for each item added, where N is the number of elements in the \
                sorted set.",
        )
        .history(&[
            ("2.4.0", "Accepts multiple elements."),
            ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
            ("6.2.0", "Added the `GT` and `LT` options."),
        ]),
    Command::new("zincrby", 4, Group::SortedSet, zincrby)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))])
        .arguments("key:key increment:integer member")
        .docs(
            "1.2.0",
            "Adds to the score of a member.",
            "O(log(N)) where N is the number of elements in the sorted set.",
        ),
    Command::new("zrem", -3, Group::SortedSet, zrem)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key member*")
        .docs(
            "1.2.0",
            "Removes members, and the sorted set with the last of them.",
            "O(M*log(N)) with N being the number of elements in the sorted set and M the \
                number of elements to be removed.",
        )
        .history(&[("2.4.0", "Accepts multiple elements.")]),
];

/// The options of ZADD.
#[derive(Clone, Copy, Default)]
pub(in crate::command) struct Options {
    /// Adds members, changes none.
    pub(in crate::command) nx: bool,
    /// Changes members, adds none.
    pub(in crate::command) xx: bool,
    gt: bool,
    lt: bool,
    /// Counts those that were changed as well.
    pub(in crate::command) ch: bool,
    incr: bool,
}

impl Options {
    /// The options, and where scores and members begin.
    fn parse(ctx: &Ctx<'_>) -> Result<(Self, usize), CommandError> {
        let mut options = Self::default();
        let mut at = 2;
        while at < ctx.args.len() {
            match () {
                () if ctx.args.is(at, "nx") => options.nx = true,
                () if ctx.args.is(at, "xx") => options.xx = true,
                () if ctx.args.is(at, "gt") => options.gt = true,
                () if ctx.args.is(at, "lt") => options.lt = true,
                () if ctx.args.is(at, "ch") => options.ch = true,
                () if ctx.args.is(at, "incr") => options.incr = true,
                () => break,
            }
            at += 1;
        }
        let words = ctx.args.len() - at;
        if words == 0 || !words.is_multiple_of(2) {
            return Err(CommandError::Syntax);
        }
        if options.nx && options.xx {
            return Err(CommandError::Fixed(
                "ERR XX and NX options at the same time are not compatible",
            ));
        }
        if [options.nx, options.gt, options.lt].iter().filter(|&&is_set| is_set).count() > 1 {
            return Err(CommandError::Fixed(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if options.incr && words > 2 {
            return Err(CommandError::Fixed(
                "ERR INCR option supports a single increment-element pair",
            ));
        }
        Ok((options, at))
    }

    /// The new score of a member, if it gets one.
    fn score(self, old: Option<f64>, given: f64) -> Result<Option<f64>, CommandError> {
        let Some(old) = old else { return Ok((!self.xx).then_some(given)) };
        if self.nx {
            return Ok(None);
        }
        let new = if self.incr { old + given } else { given };
        if new.is_nan() {
            return Err(CommandError::Fixed("ERR resulting score is not a number (NaN)"));
        }
        Ok((!(self.gt && new <= old || self.lt && new >= old)).then_some(new))
    }
}

/// What came of ZADD.
#[derive(Default)]
pub(in crate::command) struct Added {
    /// Members that are new.
    pub(in crate::command) added: usize,
    /// Members whose score was changed.
    pub(in crate::command) updated: usize,
    /// The score of the last member, if it was not left as it is for a condition.
    score: Option<f64>,
}

fn zadd(ctx: &mut Ctx<'_>) -> Outcome {
    let (options, first) = Options::parse(ctx)?;
    let done = add(ctx, options, first)?;
    match (options.incr, done.score) {
        (true, Some(score)) => ctx.reply().double(score),
        (true, None) => ctx.reply().null(),
        (false, _) if options.ch => ctx.reply().int((done.added + done.updated) as i64),
        (false, _) => ctx.reply().int(done.added as i64),
    }
    Ok(())
}

fn zincrby(ctx: &mut Ctx<'_>) -> Outcome {
    let done = add(ctx, Options { incr: true, ..Options::default() }, 2)?;
    ctx.reply().double(done.score.unwrap_or_default());
    Ok(())
}

/// Gives the members from the argument `first` on their scores.
fn add(ctx: &mut Ctx<'_>, options: Options, first: usize) -> Result<Added, CommandError> {
    let args = ctx.args;
    let given = (first..args.len()).step_by(2).map(|at| number::parse_f64(args.at(at)));
    let given: Vec<f64> = given.collect::<Option<_>>().ok_or(CommandError::NotFloat)?;
    let done = put(ctx, options, &given, |number| args.at(first + number * 2 + 1))?;
    if let (true, Some(score)) = (options.incr, done.score) {
        ctx.propagate(&[b"ZADD", args.at(1), &format_f64(score), args.at(first + 1)]);
    }
    Ok(done)
}

/// Gives members of the sorted set that the first argument names these scores.
pub(in crate::command) fn put<'a>(
    ctx: &mut Ctx<'a>,
    options: Options,
    scores: &[f64],
    member: impl Fn(usize) -> &'a [u8],
) -> Result<Added, CommandError> {
    let key = ctx.key(1);
    let place = ctx.write_as::<SortedSet>(key)?;
    if place.is_none() && options.xx {
        return Ok(Added::default());
    }
    let (thresholds, hasher) = (Thresholds::of(&ctx.server.config), ctx.server.hasher);
    let done = ctx.change(key, place, |set: &mut SortedSet| {
        let mut done = Added::default();
        for (number, &given) in scores.iter().enumerate() {
            let member = member(number);
            let old = set.view().score(member);
            done.score = options.score(old, given)?;
            let Some(new) = done.score else { continue };
            if old == Some(new) {
                continue;
            }
            done.added += usize::from(old.is_none());
            done.updated += usize::from(old.is_some());
            set.set(member, new, &thresholds, hasher);
        }
        Ok::<_, CommandError>(done)
    })?;
    if done.added + done.updated > 0 {
        changed(ctx, key, done.added + done.updated, if options.incr { "zincr" } else { "zadd" });
    }
    Ok(done)
}

/// Says that so many members of the sorted set of `key` changed.
pub(super) fn changed(ctx: &mut Ctx<'_>, key: Key<'_>, members: usize, event: &str) {
    ctx.modified(key.bytes);
    ctx.notify(KeyspaceEvents::ZSET, event, key.bytes);
    ctx.dirty(members);
}

fn zrem(ctx: &mut Ctx<'_>) -> Outcome {
    let (key, args) = (ctx.key(1), ctx.args);
    let Some(place) = ctx.write_as::<SortedSet>(key)? else {
        ctx.reply().int(0);
        return Ok(());
    };
    let (removed, is_empty) = ctx.change(key, Some(place), |set: &mut SortedSet| {
        let removed = args.from(2).filter(|member| set.remove(member)).count();
        (removed, set.is_empty())
    });
    if removed > 0 {
        changed(ctx, key, removed, "zrem");
        if is_empty {
            ctx.remove_empty(key);
        }
    }
    ctx.reply().int(removed as i64);
    Ok(())
}
