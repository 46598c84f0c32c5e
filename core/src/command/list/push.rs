//! Pushing and popping at the ends of lists.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Key, Place};
use crate::value::list::End;
use crate::value::listpack::Element;
use crate::value::{List, Thresholds, number};
use alloc::vec::Vec;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("lpush", -3, Group::List, lpush)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::INSERT))])
        .arguments("key:key element*")
        .docs(
            "1.0.0",
            "Adds elements at the beginning of a list.",
            "O(1) for each element added, so O(N) to add N elements when the command is \
                called with multiple arguments.",
        )
        .history(&[("2.4.0", "Accepts multiple `element` arguments.")]),
    Command::new("rpush", -3, Group::List, rpush)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::INSERT))])
        .arguments("key:key element*")
        .docs(
            "1.0.0",
            "Adds elements at the end of a list.",
            "O(1) for each element added, so O(N) to add N elements when the command is \
                called with multiple arguments.",
        )
        .history(&[("2.4.0", "Accepts multiple `element` arguments.")]),
    Command::new("lpushx", -3, Group::List, lpushx)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::INSERT))])
        .arguments("key:key element*")
        .docs(
            "2.2.0",
            "Adds elements at the beginning of a list that exists.",
            "O(1) for each element added, so O(N) to add N elements when the command is \
                called with multiple arguments.",
        )
        .history(&[("4.0.0", "Accepts multiple `element` arguments.")]),
    Command::new("rpushx", -3, Group::List, rpushx)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::INSERT))])
        .arguments("key:key element*")
        .docs(
            "2.2.0",
            "Adds elements at the end of a list that exists.",
            "O(1) for each element added, so O(N) to add N elements when the command is \
                called with multiple arguments.",
        )
        .history(&[("4.0.0", "Accepts multiple `element` arguments.")]),
    Command::new("lpop", -2, Group::List, lpop)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE))])
        .arguments("key:key [count:integer]@6.2.0")
        .docs(
            "1.0.0",
            "Takes elements from the beginning of a list.",
            "O(N) where N is the number of elements returned",
        )
        .history(&[("6.2.0", "Added the `count` argument.")]),
    Command::new("rpop", -2, Group::List, rpop)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE))])
        .arguments("key:key [count:integer]@6.2.0")
        .docs(
            "1.0.0",
            "Takes elements from the end of a list.",
            "O(N) where N is the number of elements returned",
        )
        .history(&[("6.2.0", "Added the `count` argument.")]),
];

fn lpush(ctx: &mut Ctx<'_>) -> Outcome {
    push(ctx, End::Left, false)
}

fn rpush(ctx: &mut Ctx<'_>) -> Outcome {
    push(ctx, End::Right, false)
}

fn lpushx(ctx: &mut Ctx<'_>) -> Outcome {
    push(ctx, End::Left, true)
}

fn rpushx(ctx: &mut Ctx<'_>) -> Outcome {
    push(ctx, End::Right, true)
}

fn push(ctx: &mut Ctx<'_>, end: End, must_exist: bool) -> Outcome {
    let (key, args) = (ctx.key(1), ctx.args);
    let place = ctx.write_as::<List>(key)?;
    if must_exist && place.is_none() {
        ctx.reply().int(0);
        return Ok(());
    }
    let thresholds = Thresholds::of(&ctx.server.config);
    let len = ctx.change(key, place, |list: &mut List| {
        let bytes = args.from(2).map(<[u8]>::len).sum();
        list.grow(bytes, args.len() - 2, &thresholds);
        args.from(2).for_each(|element| list.push(end, element, &thresholds));
        list.view().len()
    });
    changed(ctx, key, if end == End::Left { "lpush" } else { "rpush" });
    ctx.dirty(args.len() - 2);
    ctx.reply().int(len as i64);
    Ok(())
}

/// Says that the list of `key` changed.
pub(super) fn changed(ctx: &mut Ctx<'_>, key: Key<'_>, event: &str) {
    ctx.modified(key.bytes);
    ctx.notify(KeyspaceEvents::LIST, event, key.bytes);
}

fn lpop(ctx: &mut Ctx<'_>) -> Outcome {
    pop(ctx, End::Left)
}

fn rpop(ctx: &mut Ctx<'_>) -> Outcome {
    pop(ctx, End::Right)
}

fn pop(ctx: &mut Ctx<'_>, end: End) -> Outcome {
    let key = ctx.key(1);
    let count = match ctx.args.len() {
        2 => None,
        3 => Some(count(ctx.arg(2))?),
        _ => return Err(CommandError::Arity(if end == End::Left { "lpop" } else { "rpop" })),
    };
    let Some(place) = ctx.write_as::<List>(key)? else {
        match count {
            None => ctx.reply().null(),
            Some(_) => ctx.reply().null_array(),
        }
        return Ok(());
    };
    let wanted = count.unwrap_or(1);
    if wanted == 0 {
        ctx.reply().array(0);
        return Ok(());
    }
    if count.is_some() {
        let len = ctx.typed::<List>(place)?.len();
        ctx.reply().array(wanted.min(len));
    }
    let popped = reply_with_ends(ctx, place, end, wanted)?;
    take_ends(ctx, key, place, end, popped);
    ctx.dirty(popped);
    Ok(())
}

fn count(text: &[u8]) -> Result<usize, CommandError> {
    let count = number::parse_i64(text).ok_or(CommandError::Negative("value"))?;
    usize::try_from(count).map_err(|_| CommandError::Negative("value"))
}

/// Replies with the elements at an end, as many as `count` or the list allow; returns how many.
pub(super) fn reply_with_ends(
    ctx: &mut Ctx<'_>,
    place: Place,
    end: End,
    count: usize,
) -> Result<usize, CommandError> {
    let mut replied = 0;
    ctx.answer_with::<List>(Some(place), |output, list| {
        let Some(list) = list else { return };
        let elements = match end {
            End::Left => list.iter_from(0),
            End::Right => list.iter_before(list.len()),
        };
        elements.take(count).for_each(|element| {
            replied += 1;
            super::write(output, element);
        });
    })?;
    Ok(replied)
}

/// Takes `count` elements from an end, which are there, with events, and the list when it is empty.
pub(super) fn take_ends(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place, end: End, count: usize) {
    let thresholds = Thresholds::of(&ctx.server.config);
    let is_empty = ctx.change(key, Some(place), |list: &mut List| {
        let first = if end == End::Left { 0 } else { list.view().len() - count };
        list.remove(first, count);
        list.shrink(&thresholds);
        list.is_empty()
    });
    changed(ctx, key, if end == End::Left { "lpop" } else { "rpop" });
    if is_empty {
        ctx.remove_empty(key);
    }
}

/// The bytes of the element at an end.
pub(super) fn end_of(ctx: &Ctx<'_>, place: Place, end: End) -> Result<Vec<u8>, CommandError> {
    let list = ctx.typed::<List>(place)?;
    let element = match end {
        End::Left => list.iter_from(0).next(),
        End::Right => list.iter_before(list.len()).next(),
    };
    let bytes = |element: Element<'_>| element.bytes(&mut itoa::Buffer::new()).to_vec();
    Ok(element.map(bytes).unwrap_or_default())
}
