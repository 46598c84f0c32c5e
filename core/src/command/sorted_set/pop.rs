//! ZPOPMIN and ZPOPMAX, and ZMPOP from the first sorted set that has members.

use super::add::changed;
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Find, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::{Key, Place};
use crate::value::{SortedSet, number};
use alloc::vec::Vec;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("zpopmin", -2, Group::SortedSet, zpopmin)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE))])
        .arguments("key:key [count:integer]")
        .docs(
            "5.0.0",
            "Takes the members with the lowest scores out.",
            "O(log(N)*M) with N being the number of elements in the sorted set, and M \
                being the number of elements popped.",
        ),
    Command::new("zpopmax", -2, Group::SortedSet, zpopmax)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE))])
        .arguments("key:key [count:integer]")
        .docs(
            "5.0.0",
            "Takes the members with the highest scores out.",
            "O(log(N)*M) with N being the number of elements in the sorted set, and M \
                being the number of elements popped.",
        ),
    Command::new("zmpop", -4, Group::SortedSet, zmpop)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec {
            find: Find::KeyNum { at: 0, first: 1, step: 1 },
            ..KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE))
        }])
        .arguments("numkeys:integer key:key* where=(MIN|MAX) [COUNT count:integer]")
        .docs(
            "7.0.0",
            "Takes members from the first of several sorted sets that has some.",
            "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number \
                of elements in the sorted set, and M being the number of elements popped.",
        ),
];

/// Members with their scores.
pub(super) type Items = Vec<(Vec<u8>, f64)>;

fn zpopmin(ctx: &mut Ctx<'_>) -> Outcome {
    pop(ctx, false)
}

fn zpopmax(ctx: &mut Ctx<'_>) -> Outcome {
    pop(ctx, true)
}

fn pop(ctx: &mut Ctx<'_>, is_max: bool) -> Outcome {
    let count = match ctx.args.len() {
        2 => None,
        3 => {
            let count = number::parse_i64(ctx.arg(2)).ok_or(CommandError::Negative("value"))?;
            Some(usize::try_from(count).map_err(|_| CommandError::Negative("value"))?)
        }
        _ => return Err(CommandError::Syntax),
    };
    let key = ctx.key(1);
    let place = ctx.write_as::<SortedSet>(key)?;
    let items = match place {
        Some(place) => take(ctx, key, place, is_max, count.unwrap_or(1))?,
        None => Items::new(),
    };
    let output = ctx.reply();
    let is_nested = output.resp3 && count.is_some();
    output.array(if is_nested { items.len() } else { items.len() * 2 });
    for (member, score) in &items {
        if is_nested {
            output.array(2);
        }
        output.bulk(member);
        output.double(*score);
    }
    Ok(())
}

/// Takes members from an end, and the sorted set with the last of them.
pub(super) fn take(
    ctx: &mut Ctx<'_>,
    key: Key<'_>,
    place: Place,
    is_max: bool,
    count: usize,
) -> Result<Items, CommandError> {
    let set = ctx.typed::<SortedSet>(place)?;
    let items = if is_max { set.iter_before(set.len()) } else { set.iter_from(0) };
    let items: Items = items
        .take(count)
        .map(|(member, score)| (member.bytes(&mut itoa::Buffer::new()).to_vec(), score))
        .collect();
    if items.is_empty() {
        return Ok(items);
    }
    let is_empty = ctx.change(key, Some(place), |set: &mut SortedSet| {
        items.iter().for_each(|(member, _)| {
            set.remove(member);
        });
        set.is_empty()
    });
    changed(ctx, key, items.len(), if is_max { "zpopmax" } else { "zpopmin" });
    if is_empty {
        ctx.remove_empty(key);
    }
    Ok(items)
}

fn zmpop(ctx: &mut Ctx<'_>) -> Outcome {
    let wanted = Wanted::parse(ctx.args, 1)?;
    if !wanted.pop(ctx)? {
        ctx.reply().null_array();
    }
    Ok(())
}

/// What ZMPOP and BZMPOP ask for.
pub(super) struct Wanted {
    first_key: usize,
    keys: usize,
    is_max: bool,
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
        let is_max = match () {
            () if args.is(after, "max") => true,
            () if args.is(after, "min") => false,
            () => return Err(CommandError::Syntax),
        };
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
        Ok(Self { first_key, keys, is_max, count })
    }

    /// The keys.
    pub(super) fn keys<'a>(&self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        args.from(self.first_key).take(self.keys)
    }

    /// Takes members from the first sorted set that there is and replies with them; `false` if
    /// there is none.
    pub(super) fn pop(&self, ctx: &mut Ctx<'_>) -> Result<bool, CommandError> {
        for at in self.first_key..self.first_key + self.keys {
            let key = ctx.key(at);
            let Some(place) = ctx.write_as::<SortedSet>(key)? else { continue };
            let items = take(ctx, key, place, self.is_max, self.count)?;
            let mut digits = itoa::Buffer::new();
            let popped = digits.format(items.len()).as_bytes();
            ctx.propagate(&[pop_word(self.is_max), key.bytes, popped]);
            let output = ctx.reply();
            output.array(2);
            output.bulk(key.bytes);
            output.array(items.len());
            for (member, score) in &items {
                output.array(2);
                output.bulk(member);
                output.double(*score);
            }
            return Ok(true);
        }
        Ok(false)
    }
}

/// The command that pops from an end, as it is logged.
pub(super) fn pop_word(is_max: bool) -> &'static [u8] {
    if is_max { b"ZPOPMAX" } else { b"ZPOPMIN" }
}
