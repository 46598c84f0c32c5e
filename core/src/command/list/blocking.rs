//! BLPOP, BRPOP, BLMOVE, BRPOPLPUSH and BLMPOP: as without the B, and who finds nothing waits.

use super::push::{reply_with_ends, take_ends};
use super::transfer::{Wanted, end, pop_word, transfer};
use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Find, Flags, Group, KeyFlags, KeySpec, Run};
use crate::server::blocking::WaitFor;
use crate::value::List;
use crate::value::list::End;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    row("blpop", |ctx| pop(ctx, End::Left)).docs(
        "2.0.0",
        "Takes the first element of the first list that is not empty, or waits for one.",
        KEYS,
    ),
    row("brpop", |ctx| pop(ctx, End::Right)).docs(
        "2.0.0",
        "Takes the last element of the first list that is not empty, or waits for one.",
        KEYS,
    ),
    Command::new("blmove", 6, Group::List, blmove)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::BLOCKING])
        .categories(&[Categories::LIST])
        .keys(TWO_LISTS)
        .arguments(
            "source:key destination:key wherefrom=(LEFT|RIGHT) whereto=(LEFT|RIGHT) timeout:double",
        )
        .docs("6.2.0", "Moves an element from one list to another, or waits for one.", "O(1)"),
    Command::new("brpoplpush", 4, Group::List, brpoplpush)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::BLOCKING])
        .categories(&[Categories::LIST])
        .keys(TWO_LISTS)
        .arguments("source:key destination:key timeout:double")
        .docs(
            "2.2.0",
            "Moves the last element of a list to the head of another, or waits for one.",
            "O(1)",
        )
        .history(&[("6.0.0", FRACTIONS)])
        .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
    Command::new("blmpop", -5, Group::List, blmpop)
        .flags(&[Flags::WRITE, Flags::BLOCKING])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec {
            find: Find::KeyNum { at: 0, first: 1, step: 1 },
            ..KeySpec::one(2, TAKEN_FROM)
        }])
        .arguments(
            "timeout:double numkeys:integer key:key* where=(LEFT|RIGHT) [COUNT count:integer]",
        )
        .docs(
            "7.0.0",
            "Takes elements from the first list that is not empty, or waits for one.",
            "O(N+M) where N is the number of provided keys and M is the number of elements \
             returned.",
        ),
];

const KEYS: &str = "O(N) where N is the number of provided keys.";

const FRACTIONS: &str = "`timeout` is interpreted as a double instead of an integer.";

const TAKEN_FROM: KeyFlags = KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE);

/// The list that is taken from, and the one that is added to.
const TWO_LISTS: &[KeySpec] =
    &[KeySpec::one(1, TAKEN_FROM), KeySpec::one(2, KeyFlags::RW.and(KeyFlags::INSERT))];

const KEYS_BEFORE_TIMEOUT: &[KeySpec] = &[KeySpec::range(1, -2, 1, TAKEN_FROM)];

const SINCE_FRACTIONS: &[(&str, &str)] = &[("6.0.0", FRACTIONS)];

const fn row(name: &'static str, run: Run) -> Command {
    Command::new(name, -3, Group::List, run)
        .flags(&[Flags::WRITE, Flags::BLOCKING])
        .categories(&[Categories::LIST])
        .keys(KEYS_BEFORE_TIMEOUT)
        .arguments("key:key* timeout:double")
        .history(SINCE_FRACTIONS)
}

/// A list, as it was asked for.
const A_LIST: WaitFor<'static> = WaitFor { type_name: "list", on_any_change: false, words: None };

fn pop(ctx: &mut Ctx<'_>, from: End) -> Outcome {
    let last = ctx.args.len() - 1;
    let until_ns = ctx.block_until(last)?;
    for at in 1..last {
        let key = ctx.key(at);
        if let Some(place) = ctx.write_as::<List>(key)? {
            ctx.reply().array(2);
            ctx.reply().bulk(key.bytes);
            reply_with_ends(ctx, place, from, 1)?;
            take_ends(ctx, key, place, from, 1);
            ctx.dirty(1);
            ctx.propagate(&[pop_word(from), key.bytes]);
            return Ok(());
        }
    }
    if !ctx.may_block() {
        ctx.reply().null_array();
        return Ok(());
    }
    let keys = ctx.args.from(1).take(last - 1);
    ctx.block(A_LIST, keys, until_ns);
    Ok(())
}

fn blmpop(ctx: &mut Ctx<'_>) -> Outcome {
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
    ctx.block(A_LIST, keys, until_ns);
    Ok(())
}

fn blmove(ctx: &mut Ctx<'_>) -> Outcome {
    let (from, to) = (end(ctx.args, 3)?, end(ctx.args, 4)?);
    let until_ns = ctx.block_until(5)?;
    move_or_block(ctx, from, to, until_ns)?;
    ctx.propagate(&[b"LMOVE", ctx.arg(1), ctx.arg(2), ctx.arg(3), ctx.arg(4)]);
    Ok(())
}

fn brpoplpush(ctx: &mut Ctx<'_>) -> Outcome {
    let until_ns = ctx.block_until(3)?;
    move_or_block(ctx, End::Right, End::Left, until_ns)?;
    ctx.propagate(&[b"RPOPLPUSH", ctx.arg(1), ctx.arg(2)]);
    Ok(())
}

fn move_or_block(ctx: &mut Ctx<'_>, from: End, to: End, until_ns: Option<u64>) -> Outcome {
    if transfer(ctx, from, to)? {
        return Ok(());
    }
    if !ctx.may_block() {
        ctx.reply().null();
        return Ok(());
    }
    let source = ctx.arg(1);
    ctx.block(A_LIST, core::iter::once(source), until_ns);
    Ok(())
}
