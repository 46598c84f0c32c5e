//! Unions, intersections and differences of sets.
//!
//! An intersection walks the smallest set and looks its members up in the others. A difference
//! walks the first set. What is stored replaces whatever the destination held.

use crate::command::aggregate::Typed;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Find, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Db, NewValue, Place};
use crate::value::listpack::Element;
use crate::value::{Set, SetView, Thresholds, Value, number};
use alloc::vec::Vec;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("smembers", 2, Group::Set, smembers)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key")
        .docs("1.0.0", "Returns all members.", "O(N) where N is the set cardinality.")
        .tips(&["nondeterministic_output_order"]),
    Command::new("sunion", -2, Group::Set, sunion)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key*")
        .docs(
            "1.0.0",
            "Returns the members of any of several sets.",
            "O(N) where N is the total number of elements in all given sets.",
        )
        .tips(&["nondeterministic_output_order"]),
    Command::new("sinter", -2, Group::Set, sinter)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key*")
        .docs(
            "1.0.0",
            "Returns the members that all of several sets have.",
            "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
                number of sets.",
        )
        .tips(&["nondeterministic_output_order"]),
    Command::new("sdiff", -2, Group::Set, sdiff)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key*")
        .docs(
            "1.0.0",
            "Returns the members of a set that others do not have.",
            "O(N) where N is the total number of elements in all given sets.",
        )
        .tips(&["nondeterministic_output_order"]),
    Command::new("sunionstore", -3, Group::Set, sunionstore)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::SET])
        .keys(&[
            KeySpec::one(1, KeyFlags::OW.and(KeyFlags::UPDATE)),
            KeySpec::range(2, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ])
        .arguments("destination:key key:key*")
        .docs(
            "1.0.0",
            "Stores the members of any of several sets.",
            "O(N) where N is the total number of elements in all given sets.",
        ),
    Command::new("sinterstore", -3, Group::Set, sinterstore)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::SET])
        .keys(&[
            KeySpec::one(1, KeyFlags::OW.and(KeyFlags::UPDATE)),
            KeySpec::range(2, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ])
        .arguments("destination:key key:key*")
        .docs(
            "1.0.0",
            "Stores the members that all of several sets have.",
            "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
                number of sets.",
        ),
    Command::new("sdiffstore", -3, Group::Set, sdiffstore)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::SET])
        .keys(&[
            KeySpec::one(1, KeyFlags::OW.and(KeyFlags::UPDATE)),
            KeySpec::range(2, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ])
        .arguments("destination:key key:key*")
        .docs(
            "1.0.0",
            "Stores the members of a set that others do not have.",
            "O(N) where N is the total number of elements in all given sets.",
        ),
    Command::new("sintercard", -3, Group::Set, sintercard)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec {
            find: Find::KeyNum { at: 0, first: 1, step: 1 },
            ..KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))
        }])
        .arguments("numkeys:integer key:key* [LIMIT limit:integer]")
        .docs(
            "7.0.0",
            "Counts the members that all of several sets have.",
            "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
                number of sets.",
        ),
];

/// How sets are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

fn smembers(ctx: &mut Ctx<'_>) -> Outcome {
    let mut walked = 0;
    ctx.read_with::<Set>(ctx.key(1), |output, set| {
        walked = set.map_or(0, SetView::len);
        output.set(walked);
        set.into_iter().flat_map(SetView::members).for_each(|member| super::write(output, member));
    })?;
    ctx.work(walked);
    Ok(())
}

fn sunion(ctx: &mut Ctx<'_>) -> Outcome {
    reply(ctx, Operation::Union)
}

fn sinter(ctx: &mut Ctx<'_>) -> Outcome {
    reply(ctx, Operation::Intersection)
}

fn sdiff(ctx: &mut Ctx<'_>) -> Outcome {
    reply(ctx, Operation::Difference)
}

fn sunionstore(ctx: &mut Ctx<'_>) -> Outcome {
    store(ctx, Operation::Union, "sunionstore")
}

fn sinterstore(ctx: &mut Ctx<'_>) -> Outcome {
    store(ctx, Operation::Intersection, "sinterstore")
}

fn sdiffstore(ctx: &mut Ctx<'_>) -> Outcome {
    store(ctx, Operation::Difference, "sdiffstore")
}

/// Where the sets of the arguments in a range are; every one is looked at, and its type.
fn places(ctx: &mut Ctx<'_>, first: usize, end: usize) -> Result<Vec<Option<Place>>, CommandError> {
    // A key whose deadline has passed goes when it is looked at, which may move others: so all are
    // looked at before the first place is taken.
    let mut is_wrong = false;
    for at in first..end {
        let place = ctx.read(ctx.key(at));
        is_wrong |= place.is_some_and(|place| ctx.typed::<Set>(place).is_err());
    }
    if is_wrong {
        return Err(CommandError::WrongType);
    }
    // With clients paused it has not gone, and is not seen.
    Ok((first..end).map(|at| ctx.peek(ctx.key(at))).collect())
}

/// The views of sets; `None` for one that does not exist.
fn views<'a>(ctx: &'a Ctx<'_>, places: &[Option<Place>]) -> Vec<Option<SetView<'a>>> {
    let view = |place: Place| <Set as Typed>::view(ctx.entry(place).value());
    places.iter().map(|place| place.and_then(view)).collect()
}

/// Calls `each` with the members of the result, each once, until it wants no more; returns how many
/// members were walked over.
fn combine<'a>(
    operation: Operation,
    sets: &[Option<SetView<'a>>],
    all: &mut Set,
    making: (&Thresholds, crate::keyspace::KeyHasher),
    mut each: impl FnMut(Element<'a>) -> bool,
) -> usize {
    let mut walked = 0;
    let mut walk = |set: SetView<'a>, each: &mut dyn FnMut(Element<'a>, &[u8]) -> bool| {
        let mut digits = itoa::Buffer::new();
        for member in set.members() {
            walked += 1;
            if !each(member, member.bytes(&mut digits)) {
                break;
            }
        }
    };
    match operation {
        Operation::Union => {
            for set in sets.iter().flatten() {
                walk(*set, &mut |member, text| {
                    if all.insert(text, making.0, making.1) { each(member) } else { true }
                });
            }
        }
        Operation::Intersection => {
            let mut known: Vec<SetView<'a>> = sets.iter().copied().flatten().collect();
            if known.len() < sets.len() {
                return 0;
            }
            known.sort_by_key(|set| set.len());
            let Some((smallest, others)) = known.split_first() else { return 0 };
            if let Some((one, two, others)) = tables_alike(*smallest, others) {
                let is_in_all = |key| others.iter().all(|set| set.contains(key));
                return one.join(two, |key| !is_in_all(key) || each(Element::Text(key)));
            }
            walk(*smallest, &mut |member, text| {
                if others.iter().all(|set| set.contains(text)) { each(member) } else { true }
            });
        }
        Operation::Difference => {
            let Some((Some(first), others)) = sets.split_first() else { return 0 };
            walk(*first, &mut |member, text| {
                let is_elsewhere = others.iter().flatten().any(|set| set.contains(text));
                if is_elsewhere { true } else { each(member) }
            });
        }
    }
    walked
}

/// Of sets that are in order of their size the first two, if those are tables that are about as
/// large: it costs less to join such than to look the members of one up. And the others.
fn tables_alike<'a, 'b>(
    smallest: SetView<'a>,
    others: &'b [SetView<'a>],
) -> Option<(&'a Db, &'a Db, &'b [SetView<'a>])> {
    match (smallest, others.split_first()) {
        (SetView::Table(one), Some((SetView::Table(two), others))) => {
            (two.len() / 4 < one.len()).then_some((one, *two, others))
        }
        _ => None,
    }
}

fn reply(ctx: &mut Ctx<'_>, operation: Operation) -> Outcome {
    let places = places(ctx, 1, ctx.args.len())?;
    let making = (&Thresholds::of(&ctx.server.config), ctx.server.hasher);
    let db = &ctx.server.dbs[ctx.client.db as usize];
    let view = |place: Place| <Set as Typed>::view(db.entry(place).value());
    let sets: Vec<_> = places.iter().map(|place| place.and_then(view)).collect();
    let mut found = Vec::new();
    let walked = combine(operation, &sets, &mut Set::default(), making, |member| {
        found.push(member);
        true
    });
    let output = &mut ctx.client.output;
    output.set(found.len());
    found.into_iter().for_each(|member| super::write(output, member));
    ctx.work(walked);
    Ok(())
}

fn store(ctx: &mut Ctx<'_>, operation: Operation, event: &str) -> Outcome {
    let places = places(ctx, 2, ctx.args.len())?;
    let (thresholds, hasher) = (Thresholds::of(&ctx.server.config), ctx.server.hasher);
    let sets = views(ctx, &places);
    let (mut found, mut all) = (Vec::new(), Set::default());
    let making = (&thresholds, hasher);
    let walked = combine(operation, &sets, &mut all, making, |member| {
        if operation != Operation::Union {
            found.push(member);
        }
        true
    });
    let result = match operation {
        Operation::Union => all,
        _ => Set::from_members(&found, &thresholds, hasher),
    };
    ctx.work(walked);
    let key = ctx.key(1);
    let place = ctx.write(key);
    let len = result.view().len();
    if len > 0 {
        ctx.set(key, place, NewValue::Object(Value::Set(result)), None);
        ctx.notify(KeyspaceEvents::SET, event, key.bytes);
        ctx.dirty(1);
    } else if let Some(place) = place {
        ctx.remove(key, place);
        ctx.notify(KeyspaceEvents::GENERIC, "del", key.bytes);
        ctx.dirty(1);
    }
    ctx.reply().int(len as i64);
    Ok(())
}

fn sintercard(ctx: &mut Ctx<'_>) -> Outcome {
    let args = ctx.args;
    let keys = number::parse_i64(args.at(1)).filter(|&keys| keys > 0);
    let keys = keys.ok_or(CommandError::Fixed("ERR numkeys should be greater than 0"))?;
    let keys = usize::try_from(keys)
        .ok()
        .filter(|&keys| keys <= args.len() - 2)
        .ok_or(CommandError::Fixed("ERR Number of keys can't be greater than number of args"))?;
    let (mut limit, mut at) = (0, keys + 2);
    while at < args.len() {
        if !args.is(at, "limit") || at + 1 == args.len() {
            return Err(CommandError::Syntax);
        }
        limit = number::parse_i64(args.at(at + 1))
            .and_then(|limit| usize::try_from(limit).ok())
            .ok_or(CommandError::Fixed("ERR LIMIT can't be negative"))?;
        at += 2;
    }
    let places = places(ctx, 2, keys + 2)?;
    let (thresholds, hasher) = (Thresholds::of(&ctx.server.config), ctx.server.hasher);
    let sets = views(ctx, &places);
    let mut count = 0;
    let making = (&thresholds, hasher);
    let walked = combine(Operation::Intersection, &sets, &mut Set::default(), making, |_| {
        count += 1;
        count != limit
    });
    ctx.work(walked);
    ctx.reply().int(count as i64);
    Ok(())
}
