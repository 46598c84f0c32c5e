//! BZPOPMIN, BZPOPMAX and BZMPOP: as without the B, and who finds nothing waits.

use super::pop::{Wanted, pop_word, take};
use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Find, Flags, Group, KeyFlags, KeySpec, Run};
use crate::server::blocking::WaitFor;
use crate::value::SortedSet;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    row("bzpopmin", |ctx| pop(ctx, false)).docs(
        "5.0.0",
        "Takes the member with the lowest score of the first sorted set that there is, or waits.",
        COST,
    ),
    row("bzpopmax", |ctx| pop(ctx, true)).docs(
        "5.0.0",
        "Takes the member with the highest score of the first sorted set that there is, or waits.",
        COST,
    ),
    Command::new("bzmpop", -5, Group::SortedSet, bzmpop)
        .flags(&[Flags::WRITE, Flags::BLOCKING])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec {
            find: Find::KeyNum { at: 0, first: 1, step: 1 },
            ..KeySpec::one(2, TAKEN_FROM)
        }])
        .arguments("timeout:double numkeys:integer key:key* where=(MIN|MAX) [COUNT count:integer]")
        .docs(
            "7.0.0",
            "Takes members from the first of several sorted sets that has some, or waits.",
            "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of \
             elements in the sorted set, and M being the number of elements popped.",
        ),
];

const COST: &str = "O(log(N)) with N being the number of elements in the sorted set.";

const TAKEN_FROM: KeyFlags = KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE);

const KEYS_BEFORE_TIMEOUT: &[KeySpec] = &[KeySpec::range(1, -2, 1, TAKEN_FROM)];

const SINCE_FRACTIONS: &[(&str, &str)] =
    &[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")];

const fn row(name: &'static str, run: Run) -> Command {
    Command::new(name, -3, Group::SortedSet, run)
        .flags(&[Flags::WRITE, Flags::FAST, Flags::BLOCKING])
        .categories(&[Categories::SORTEDSET])
        .keys(KEYS_BEFORE_TIMEOUT)
        .arguments("key:key* timeout:double")
        .history(SINCE_FRACTIONS)
}

/// A sorted set, as it was asked for.
const A_SET: WaitFor<'static> = WaitFor { type_name: "zset", on_any_change: false, words: None };

fn pop(ctx: &mut Ctx<'_>, is_max: bool) -> Outcome {
    let last = ctx.args.len() - 1;
    let until_ns = ctx.block_until(last)?;
    for at in 1..last {
        let key = ctx.key(at);
        let Some(place) = ctx.write_as::<SortedSet>(key)? else { continue };
        let items = take(ctx, key, place, is_max, 1)?;
        ctx.propagate(&[pop_word(is_max), key.bytes]);
        let output = ctx.reply();
        output.array(1 + items.len() * 2);
        output.bulk(key.bytes);
        for (member, score) in &items {
            output.bulk(member);
            output.double(*score);
        }
        return Ok(());
    }
    if !ctx.may_block() {
        ctx.reply().null_array();
        return Ok(());
    }
    let keys = ctx.args.from(1).take(last - 1);
    ctx.block(A_SET, keys, until_ns);
    Ok(())
}

fn bzmpop(ctx: &mut Ctx<'_>) -> Outcome {
    let until_ns = ctx.block_until(1)?;
    let wanted = Wanted::parse(ctx.args, 2)?;
    if wanted.pop(ctx)? {
        return Ok(());
    }
    if !ctx.may_block() {
        ctx.reply().null_array();
        return Ok(());
    }
    let keys = wanted.keys(ctx.args);
    ctx.block(A_SET, keys, until_ns);
    Ok(())
}
