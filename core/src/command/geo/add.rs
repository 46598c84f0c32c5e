//! GEOADD: places are added to a sorted set.
//!
//! What is logged is the ZADD that it amounts to, with the scores that came out.

use super::point;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::sorted_set::add::{Options, put};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use alloc::vec::Vec;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("geoadd", -5, Group::Geo, geoadd)
    .flags(&[Flags::WRITE, Flags::DENYOOM])
    .categories(&[Categories::GEO])
    .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))])
    .arguments(
        "key:key condition=[NX|XX]@6.2.0 change=[CH]@6.2.0 \
            data=(longitude:double latitude:double member)*",
    )
    .docs(
        "3.2.0",
        "Adds places to a sorted set.",
        "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
    )
    .history(&[("6.2.0", "Added the `CH`, `NX` and `XX` options.")])];

fn geoadd(ctx: &mut Ctx<'_>) -> Outcome {
    let (options, first) = parse(ctx);
    let args = ctx.args;
    let words = args.len() - first;
    if !words.is_multiple_of(3) || words == 0 || options.nx && options.xx {
        return Err(CommandError::Syntax);
    }
    let bits = (first..args.len()).step_by(3).map(|at| Ok(point(args, at)?.bits()));
    let bits: Vec<u64> = bits.collect::<Result<_, CommandError>>()?;
    let scores: Vec<f64> = bits.iter().map(|&bits| bits as f64).collect();
    let member = |number: usize| args.at(first + number * 3 + 2);
    let done = put(ctx, options, &scores, member)?;
    if done.added + done.updated > 0 {
        propagate(ctx, first, &bits);
    }
    let counted = if options.ch { done.added + done.updated } else { done.added };
    ctx.reply().int(counted as i64);
    Ok(())
}

/// The options, and where the places begin.
fn parse(ctx: &Ctx<'_>) -> (Options, usize) {
    let mut options = Options::default();
    let mut at = 2;
    loop {
        match () {
            () if ctx.args.is(at, "nx") => options.nx = true,
            () if ctx.args.is(at, "xx") => options.xx = true,
            () if ctx.args.is(at, "ch") => options.ch = true,
            () => return (options, at),
        }
        at += 1;
    }
}

fn propagate(ctx: &mut Ctx<'_>, first: usize, bits: &[u64]) {
    if !ctx.is_logged() {
        return;
    }
    let texts: Vec<Vec<u8>> =
        bits.iter().map(|&bits| itoa::Buffer::new().format(bits).as_bytes().to_vec()).collect();
    let mut words: Vec<&[u8]> = Vec::from([b"ZADD".as_slice()]);
    words.extend(ctx.args.from(1).take(first - 1));
    for (number, score) in texts.iter().enumerate() {
        words.extend([score.as_slice(), ctx.args.at(first + number * 3 + 2)]);
    }
    ctx.propagate(&words);
}
