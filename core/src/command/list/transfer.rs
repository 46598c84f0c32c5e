//! Moving elements between lists, and popping from the first list that has some.

use super::push::{changed, end_of, reply_with_ends, take_ends};
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Find, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::{Key, Place};
use crate::value::list::End;
use crate::value::{List, Thresholds, number};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("lmove", 5, Group::List, lmove)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::LIST])
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE)),
            KeySpec::one(2, KeyFlags::RW.and(KeyFlags::INSERT)),
        ])
        .arguments("source:key destination:key wherefrom=(LEFT|RIGHT) whereto=(LEFT|RIGHT)")
        .docs("6.2.0", "Moves an element from an end of a list to an end of another.", "O(1)"),
    Command::new("rpoplpush", 3, Group::List, rpoplpush)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::LIST])
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE)),
            KeySpec::one(2, KeyFlags::RW.and(KeyFlags::INSERT)),
        ])
        .arguments("source:key destination:key")
        .docs("1.2.0", "Moves the last element of a list to the beginning of another.", "O(1)")
        .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
    Command::new("lmpop", -4, Group::List, lmpop)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec {
            find: Find::KeyNum { at: 0, first: 1, step: 1 },
            ..KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE))
        }])
        .arguments("numkeys:integer key:key* where=(LEFT|RIGHT) [COUNT count:integer]")
        .docs(
            "7.0.0",
            "Takes elements from the first of several lists that has some.",
            "O(N+M) where N is the number of provided keys and M is the number of elements \
                returned.",
        ),
];

/// The end that a word names.
pub(super) fn end(args: Args<'_>, at: usize) -> Result<End, CommandError> {
    match () {
        () if args.is(at, "left") => Ok(End::Left),
        () if args.is(at, "right") => Ok(End::Right),
        () => Err(CommandError::Syntax),
    }
}

fn lmove(ctx: &mut Ctx<'_>) -> Outcome {
    let (from, to) = (end(ctx.args, 3)?, end(ctx.args, 4)?);
    transfer_or_null(ctx, from, to)
}

fn rpoplpush(ctx: &mut Ctx<'_>) -> Outcome {
    transfer_or_null(ctx, End::Right, End::Left)
}

fn transfer_or_null(ctx: &mut Ctx<'_>, from: End, to: End) -> Outcome {
    if !transfer(ctx, from, to)? {
        ctx.reply().null();
    }
    Ok(())
}

/// Moves an element from the list of the first argument to that of the second and replies with it;
/// `false` if there is no list to take it from.
pub(super) fn transfer(ctx: &mut Ctx<'_>, from: End, to: End) -> Result<bool, CommandError> {
    let (source, destination) = (ctx.key(1), ctx.key(2));
    let Some(place) = ctx.write_as::<List>(source)? else { return Ok(false) };
    ctx.write_as::<List>(destination)?;
    let element = end_of(ctx, place, from)?;
    let thresholds = Thresholds::of(&ctx.server.config);
    // The element is in the destination before it leaves the source, as Redis tells it.
    let place = ctx.write(destination);
    let is_same = source.bytes == destination.bytes;
    if !is_same {
        push(ctx, destination, place, to, &element, &thresholds);
    }
    if let Some(place) = ctx.peek(source) {
        if is_same {
            rotate(ctx, source, place, from, to, &element);
        } else {
            take_ends(ctx, source, place, from, 1);
        }
    }
    ctx.dirty(1);
    ctx.reply().bulk(&element);
    Ok(true)
}

fn push(
    ctx: &mut Ctx<'_>,
    key: Key<'_>,
    place: Option<Place>,
    to: End,
    element: &[u8],
    thresholds: &Thresholds,
) {
    ctx.change(key, place, |list: &mut List| {
        list.grow(element.len(), 1, thresholds);
        list.push(to, element, thresholds);
    });
    changed(ctx, key, if to == End::Left { "lpush" } else { "rpush" });
}

/// Moves an element inside of one list.
fn rotate(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place, from: End, to: End, element: &[u8]) {
    let thresholds = Thresholds::of(&ctx.server.config);
    ctx.change(key, Some(place), |list: &mut List| {
        let at = if from == End::Left { 0 } else { list.view().len() - 1 };
        list.remove(at, 1);
        list.push(to, element, &thresholds);
    });
    changed(ctx, key, if to == End::Left { "lpush" } else { "rpush" });
    changed(ctx, key, if from == End::Left { "lpop" } else { "rpop" });
}

fn lmpop(ctx: &mut Ctx<'_>) -> Outcome {
    let wanted = Wanted::parse(ctx.args, 1)?;
    if !wanted.pop(ctx)? {
        ctx.reply().null_array();
    }
    Ok(())
}

/// What LMPOP and BLMPOP ask for.
pub(super) struct Wanted {
    first_key: usize,
    keys: usize,
    from: End,
    count: usize,
}

impl Wanted {
    /// Reads it; the number of keys stands at `at`.
    pub(super) fn parse(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        let positive = |at: usize, error| {
            let number = number::parse_i64(args.at(at)).and_then(|n| usize::try_from(n).ok());
            number.filter(|&number| number > 0).ok_or(CommandError::Fixed(error))
        };
        let keys = positive(at, "ERR numkeys should be greater than 0")?;
        let first_key = at + 1;
        if keys >= args.len() - first_key {
            return Err(CommandError::Syntax);
        }
        let after = first_key + keys;
        let from = end(args, after)?;
        let count = match args.len() - after {
            1 => 1,
            words @ 3.. if args.is(after + 1, "count") => {
                let count = positive(after + 2, "ERR count should be greater than 0")?;
                if words > 3 {
                    return Err(CommandError::Syntax);
                }
                count
            }
            _ => return Err(CommandError::Syntax),
        };
        Ok(Self { first_key, keys, from, count })
    }

    /// The keys.
    pub(super) fn keys<'a>(&self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        args.from(self.first_key).take(self.keys)
    }

    /// Takes elements from the first list that there is and replies with them; `false` if there is
    /// none.
    pub(super) fn pop(&self, ctx: &mut Ctx<'_>) -> Result<bool, CommandError> {
        for at in self.first_key..self.first_key + self.keys {
            let key = ctx.key(at);
            let Some(place) = ctx.write_as::<List>(key)? else { continue };
            let len = ctx.typed::<List>(place)?.len().min(self.count);
            ctx.reply().array(2);
            ctx.reply().bulk(key.bytes);
            ctx.reply().array(len);
            let popped = reply_with_ends(ctx, place, self.from, self.count)?;
            take_ends(ctx, key, place, self.from, popped);
            ctx.dirty(popped);
            let mut digits = itoa::Buffer::new();
            let popped = digits.format(popped).as_bytes();
            ctx.propagate(&[pop_word(self.from), key.bytes, popped]);
            return Ok(true);
        }
        Ok(false)
    }
}

/// The command that pops from an end, as it is logged.
pub(super) fn pop_word(end: End) -> &'static [u8] {
    if end == End::Left { b"LPOP" } else { b"RPOP" }
}
