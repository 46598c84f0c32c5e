//! Changing lists inside: LSET, LINSERT, LREM, LTRIM.

use super::push::changed;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::{Key, Place};
use crate::value::listpack::Element;
use crate::value::{List, Thresholds};
use alloc::vec::Vec;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("lset", 4, Group::List, lset)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))])
        .arguments("key:key index:integer element")
        .docs(
            "1.0.0",
            "Sets the element with an index.",
            "O(N) where N is the length of the list. Setting either the first or the last \
                element of the list is O(1).",
        ),
    Command::new("linsert", 5, Group::List, linsert)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::INSERT))])
        .arguments("key:key where=(BEFORE|AFTER) pivot element")
        .docs(
            "2.2.0",
            "Adds an element in front of another or behind it.",
            "O(N) where N is the number of elements to traverse before seeing the value \
                pivot. This means that inserting somewhere on the left end on the list (head) \
                can be considered O(1) and inserting somewhere on the right end (tail) is \
                O(N).",
        ),
    Command::new("lrem", 4, Group::List, lrem)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key count:integer element")
        .docs(
            "1.0.0",
            "Removes elements by value.",
            "O(N+M) where N is the length of the list and M is the number of elements \
                removed.",
        ),
    Command::new("ltrim", 4, Group::List, ltrim)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key start:integer stop:integer")
        .docs(
            "1.0.0",
            "Removes what is outside of a range.",
            "O(N) where N is the number of elements to be removed by the operation.",
        ),
];

fn lset(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(1);
    let place = ctx.write_as::<List>(key)?.ok_or(CommandError::NoSuchKey)?;
    let index = ctx.int(2)?;
    let index = ctx.typed::<List>(place)?.index(index);
    let index = index.ok_or(CommandError::Fixed("ERR index out of range"))?;
    let (element, thresholds) = (ctx.arg(3), Thresholds::of(&ctx.server.config));
    ctx.change(key, Some(place), |list: &mut List| {
        list.grow(element.len(), 0, &thresholds);
        list.set(index, element, &thresholds);
        list.shrink(&thresholds);
    });
    changed(ctx, key, "lset");
    ctx.dirty(1);
    ctx.reply().ok();
    Ok(())
}

fn linsert(ctx: &mut Ctx<'_>) -> Outcome {
    let is_after = match () {
        () if ctx.args.is(2, "after") => true,
        () if ctx.args.is(2, "before") => false,
        () => return Err(CommandError::Syntax),
    };
    let key = ctx.key(1);
    let Some(place) = ctx.write_as::<List>(key)? else {
        ctx.reply().int(0);
        return Ok(());
    };
    let pivot = Element::of(ctx.arg(3));
    let found = ctx.typed::<List>(place)?.iter_from(0).position(|element| element == pivot);
    let Some(index) = found else {
        ctx.reply().int(-1);
        return Ok(());
    };
    ctx.work(index / 8);
    let (element, thresholds) = (ctx.arg(4), Thresholds::of(&ctx.server.config));
    let len = ctx.change(key, Some(place), |list: &mut List| {
        list.grow(element.len(), 1, &thresholds);
        list.insert(index + usize::from(is_after), element, &thresholds);
        list.view().len()
    });
    changed(ctx, key, "linsert");
    ctx.dirty(1);
    ctx.reply().int(len as i64);
    Ok(())
}

fn lrem(ctx: &mut Ctx<'_>) -> Outcome {
    let count = ctx.int(2)?;
    let key = ctx.key(1);
    let Some(place) = ctx.write_as::<List>(key)? else {
        ctx.reply().int(0);
        return Ok(());
    };
    let wanted = Element::of(ctx.arg(3));
    let list = ctx.typed::<List>(place)?;
    let len = list.len();
    let most = if count == 0 { len } else { usize::try_from(count.unsigned_abs()).unwrap_or(len) };
    let elements = if count < 0 { list.iter_before(len) } else { list.iter_from(0) };
    let matches = elements.enumerate().filter(|(_, element)| *element == wanted).take(most);
    let mut indices: Vec<usize> =
        matches.map(|(at, _)| if count < 0 { len - 1 - at } else { at }).collect();
    // From the last on, so that those in front stay where they are.
    indices.sort_unstable_by(|one, other| other.cmp(one));
    ctx.work(len / 8);
    if !indices.is_empty() {
        remove(ctx, key, place, "lrem", |list| {
            indices.iter().for_each(|&index| list.remove(index, 1));
        });
        ctx.dirty(indices.len());
    }
    ctx.reply().int(indices.len() as i64);
    Ok(())
}

/// Takes elements out, with events, and the list when it is empty.
fn remove(
    ctx: &mut Ctx<'_>,
    key: Key<'_>,
    place: Place,
    event: &str,
    remove: impl FnOnce(&mut List),
) {
    let thresholds = Thresholds::of(&ctx.server.config);
    let is_empty = ctx.change(key, Some(place), |list: &mut List| {
        remove(list);
        list.shrink(&thresholds);
        list.is_empty()
    });
    changed(ctx, key, event);
    if is_empty {
        ctx.remove_empty(key);
    }
}

fn ltrim(ctx: &mut Ctx<'_>) -> Outcome {
    let (start, stop) = (ctx.int(2)?, ctx.int(3)?);
    let key = ctx.key(1);
    if let Some(place) = ctx.write_as::<List>(key)? {
        let len = ctx.typed::<List>(place)?.len();
        let (first, kept) = super::range(start, stop, len);
        remove(ctx, key, place, "ltrim", |list| {
            list.remove(first + kept, usize::MAX);
            list.remove(0, if kept == 0 { usize::MAX } else { first });
        });
        ctx.dirty(len - kept);
    }
    ctx.reply().ok();
    Ok(())
}
