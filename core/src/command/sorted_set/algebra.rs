//! Unions, intersections and differences of sorted sets, and of sets among them.
//!
//! All of them are one command with two or three switches: what is done ([`Operation`]) and whether
//! the result is answered, stored or only counted. What is stored replaces whatever the destination
//! held. How members are put together is in [`combine`](super::combine).

use super::combine::{self, Aggregate, Input, Item, Source};
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Find, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Db, Key, NewValue, Place};
use crate::server::Server;
use crate::value::{SortedSet, Thresholds, Value, number};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

const READ: KeyFlags = KeyFlags::RO.and(KeyFlags::ACCESS);
const NUMBERED: Find = Find::KeyNum { at: 0, first: 1, step: 1 };
const SOURCES: &[KeySpec] = &[KeySpec { find: NUMBERED, ..KeySpec::one(1, READ) }];
const DESTINATION_AND_SOURCES: &[KeySpec] = &[
    KeySpec::one(1, KeyFlags::OW.and(KeyFlags::UPDATE)),
    KeySpec { find: NUMBERED, ..KeySpec::one(2, READ) },
];

const UNION_COST: &str = "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted \
    sets, and M being the number of elements in the resulting sorted set.";
const UNIONSTORE_COST: &str = "O(N)+O(M log(M)) with N being the sum of the sizes of the input \
    sorted sets, and M being the number of elements in the resulting sorted set.";
const INTERSECTION_COST: &str = "O(N*K)+O(M*log(M)) worst case with N being the smallest input \
    sorted set, K being the number of input sorted sets and M being the number of elements in the \
    resulting sorted set.";
const DIFFERENCE_COST: &str = "O(L + (N-K)log(N)) worst case where L is the total number of \
    elements in all the sets, N is the size of the first set, and K is the size of the result set.";

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("zunion", -3, Group::SortedSet, zunion)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(SOURCES)
        .arguments(
            "numkeys:integer key:key* [WEIGHTS weight:integer*] \
                [AGGREGATE aggregate=(SUM|MIN|MAX)] [WITHSCORES]",
        )
        .docs("6.2.0", "Returns the members of any of several sorted sets.", UNION_COST),
    Command::new("zinter", -3, Group::SortedSet, zinter)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(SOURCES)
        .arguments(
            "numkeys:integer key:key* [WEIGHTS weight:integer*] \
                [AGGREGATE aggregate=(SUM|MIN|MAX)] [WITHSCORES]",
        )
        .docs(
            "6.2.0",
            "Returns the members that all of several sorted sets have.",
            INTERSECTION_COST,
        ),
    Command::new("zdiff", -3, Group::SortedSet, zdiff)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(SOURCES)
        .arguments("numkeys:integer key:key* [WITHSCORES]")
        .docs(
            "6.2.0",
            "Returns the members of a sorted set that others do not have.",
            DIFFERENCE_COST,
        ),
    Command::new("zunionstore", -4, Group::SortedSet, zunionstore)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::SORTEDSET])
        .keys(DESTINATION_AND_SOURCES)
        .arguments(
            "destination:key numkeys:integer key:key* [WEIGHTS weight:integer*] \
                [AGGREGATE aggregate=(SUM|MIN|MAX)]",
        )
        .docs("2.0.0", "Stores the members of any of several sorted sets.", UNIONSTORE_COST),
    Command::new("zinterstore", -4, Group::SortedSet, zinterstore)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::SORTEDSET])
        .keys(DESTINATION_AND_SOURCES)
        .arguments(
            "destination:key numkeys:integer key:key* [WEIGHTS weight:integer*] \
                [AGGREGATE aggregate=(SUM|MIN|MAX)]",
        )
        .docs(
            "2.0.0",
            "Stores the members that all of several sorted sets have.",
            INTERSECTION_COST,
        ),
    Command::new("zdiffstore", -4, Group::SortedSet, zdiffstore)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::SORTEDSET])
        .keys(DESTINATION_AND_SOURCES)
        .arguments("destination:key numkeys:integer key:key*")
        .docs(
            "6.2.0",
            "Stores the members of a sorted set that others do not have.",
            DIFFERENCE_COST,
        ),
    Command::new("zintercard", -3, Group::SortedSet, zintercard)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(SOURCES)
        .arguments("numkeys:integer key:key* [LIMIT limit:integer]")
        .docs(
            "7.0.0",
            "Counts the members that all of several sorted sets have.",
            "O(N*K) worst case with N being the smallest input sorted set, K being the number \
                of input sorted sets.",
        ),
];

/// How sorted sets are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What becomes of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Members,
    Stored,
    Count,
}

/// What the name of a command says already.
#[derive(Clone, Copy, Debug)]
struct Form {
    name: &'static str,
    operation: Operation,
    wanted: Wanted,
}

/// What a command asks for.
#[derive(Debug)]
struct Query {
    /// Where the inputs are.
    places: Vec<Option<Place>>,
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    limit: usize,
}

fn zunion(ctx: &mut Ctx<'_>) -> Outcome {
    reply(ctx, Form { name: "zunion", operation: Operation::Union, wanted: Wanted::Members })
}

fn zinter(ctx: &mut Ctx<'_>) -> Outcome {
    let operation = Operation::Intersection;
    reply(ctx, Form { name: "zinter", operation, wanted: Wanted::Members })
}

fn zdiff(ctx: &mut Ctx<'_>) -> Outcome {
    reply(ctx, Form { name: "zdiff", operation: Operation::Difference, wanted: Wanted::Members })
}

fn zunionstore(ctx: &mut Ctx<'_>) -> Outcome {
    store(ctx, Form { name: "zunionstore", operation: Operation::Union, wanted: Wanted::Stored })
}

fn zinterstore(ctx: &mut Ctx<'_>) -> Outcome {
    let operation = Operation::Intersection;
    store(ctx, Form { name: "zinterstore", operation, wanted: Wanted::Stored })
}

fn zdiffstore(ctx: &mut Ctx<'_>) -> Outcome {
    let operation = Operation::Difference;
    store(ctx, Form { name: "zdiffstore", operation, wanted: Wanted::Stored })
}

fn zintercard(ctx: &mut Ctx<'_>) -> Outcome {
    let operation = Operation::Intersection;
    let query = Query::parse(ctx, Form { name: "zintercard", operation, wanted: Wanted::Count })?;
    let inputs = query.inputs(&ctx.server.dbs[ctx.client.db as usize]);
    let count = combine::intersection_len(inputs, query.limit);
    ctx.work(count);
    ctx.reply().int(count as i64);
    Ok(())
}

impl Query {
    /// Reads it. As in Redis the inputs are looked at before the options are.
    fn parse(ctx: &mut Ctx<'_>, form: Form) -> Result<Self, CommandError> {
        let number_at = if form.wanted == Wanted::Stored { 2 } else { 1 };
        let first = number_at + 1;
        let keys = ctx.int(number_at)?;
        if keys < 1 {
            let name = form.name;
            let text = format!("ERR at least 1 input key is needed for '{name}' command");
            return Err(CommandError::Text(text));
        }
        let keys = usize::try_from(keys).ok().filter(|&keys| keys <= ctx.args.len() - first);
        let keys = keys.ok_or(CommandError::Syntax)?;
        let places = places(ctx, first, first + keys)?;
        let aggregate = Aggregate::default();
        let weights = vec![1.0; keys];
        let mut query = Self { places, weights, aggregate, with_scores: false, limit: 0 };
        let mut at = first + keys;
        while at < ctx.args.len() {
            at = query.option(ctx, form, at)?;
        }
        Ok(query)
    }

    /// Reads the option at an argument; returns where the next one is.
    fn option(&mut self, ctx: &Ctx<'_>, form: Form, at: usize) -> Result<usize, CommandError> {
        let (args, left) = (ctx.args, ctx.args.len() - at - 1);
        let is_scored = form.operation != Operation::Difference && form.wanted != Wanted::Count;
        match () {
            () if is_scored && args.is(at, "weights") && left >= self.weights.len() => {
                for (number, weight) in self.weights.iter_mut().enumerate() {
                    let given = number::parse_f64(args.at(at + 1 + number));
                    *weight =
                        given.ok_or(CommandError::Fixed("ERR weight value is not a float"))?;
                }
                Ok(at + 1 + self.weights.len())
            }
            () if is_scored && args.is(at, "aggregate") && left >= 1 => {
                self.aggregate = match () {
                    () if args.is(at + 1, "sum") => Aggregate::Sum,
                    () if args.is(at + 1, "min") => Aggregate::Min,
                    () if args.is(at + 1, "max") => Aggregate::Max,
                    () => return Err(CommandError::Syntax),
                };
                Ok(at + 2)
            }
            () if form.wanted == Wanted::Members && args.is(at, "withscores") => {
                self.with_scores = true;
                Ok(at + 1)
            }
            () if form.wanted == Wanted::Count && args.is(at, "limit") && left >= 1 => {
                let limit = number::parse_i64(args.at(at + 1));
                let limit = limit.and_then(|limit| usize::try_from(limit).ok());
                self.limit = limit.ok_or(CommandError::Fixed("ERR LIMIT can't be negative"))?;
                Ok(at + 2)
            }
            () => Err(CommandError::Syntax),
        }
    }

    fn inputs<'a>(&self, db: &'a Db) -> Vec<Input<'a>> {
        let source = |place: Place| Source::of(db.entry(place).value());
        let inputs = self.places.iter().zip(&self.weights);
        inputs.map(|(place, &weight)| Input { source: place.and_then(source), weight }).collect()
    }

    /// The members of the result, in order.
    fn members<'a>(&self, server: &'a Server, db: u32, operation: Operation) -> Vec<Item<'a>> {
        let inputs = self.inputs(&server.dbs[db as usize]);
        match operation {
            Operation::Union => combine::union(inputs, self.aggregate, server.hasher),
            Operation::Intersection => combine::intersection(inputs, self.aggregate),
            Operation::Difference => combine::difference(inputs),
        }
    }
}

/// Where the inputs of the arguments in a range are; every one is a sorted set or a set.
fn places(ctx: &mut Ctx<'_>, first: usize, end: usize) -> Result<Vec<Option<Place>>, CommandError> {
    // A key whose deadline has passed goes when it is looked at, which may move others: so all are
    // looked at before the first place is taken.
    for at in first..end {
        let place = ctx.read(ctx.key(at));
        let is_right = |place: Place| Source::of(ctx.entry(place).value()).is_some();
        if !place.is_none_or(is_right) {
            return Err(CommandError::WrongType);
        }
    }
    // With clients paused it has not gone, and is not seen.
    Ok((first..end).map(|at| ctx.peek(ctx.key(at))).collect())
}

fn reply(ctx: &mut Ctx<'_>, form: Form) -> Outcome {
    let query = Query::parse(ctx, form)?;
    let items = query.members(ctx.server, ctx.client.db, form.operation);
    super::write_items(&mut ctx.client.output, &items, query.with_scores);
    let found = items.len();
    ctx.work(found);
    Ok(())
}

fn store(ctx: &mut Ctx<'_>, form: Form) -> Outcome {
    let query = Query::parse(ctx, form)?;
    let (thresholds, hasher) = (Thresholds::of(&ctx.server.config), ctx.server.hasher);
    let items = query.members(ctx.server, ctx.client.db, form.operation);
    let len = items.len();
    let result = SortedSet::from_sorted(&items, &thresholds, hasher);
    drop(items);
    ctx.work(len * 2);
    let key = ctx.key(1);
    replace(ctx, key, result, form.name, 1);
    ctx.reply().int(len as i64);
    Ok(())
}

/// Stores a sorted set in place of whatever `key` held, which counts as `changes`; an empty one
/// only removes what was there.
pub(in crate::command) fn replace(
    ctx: &mut Ctx<'_>,
    key: Key<'_>,
    set: SortedSet,
    event: &str,
    changes: usize,
) {
    let place = ctx.write(key);
    if !set.is_empty() {
        ctx.set(key, place, NewValue::Object(Value::SortedSet(set)), None);
        ctx.notify(KeyspaceEvents::ZSET, event, key.bytes);
        ctx.dirty(changes);
    } else if let Some(place) = place {
        ctx.remove(key, place);
        ctx.notify(KeyspaceEvents::GENERIC, "del", key.bytes);
        ctx.dirty(1);
    }
}
