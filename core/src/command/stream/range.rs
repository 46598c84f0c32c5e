//! XRANGE and XREVRANGE.

use alloc::vec::Vec;

use super::{parse_end, parse_start, stream_and_output, write_entries};
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::value::Stream;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("xrange", -4, Group::Stream, xrange)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key start end [COUNT count:integer]")
        .docs(
            "5.0.0",
            "Returns the entries with IDs in a range.",
            "O(N) with N being the number of elements being returned. If N is constant \
                (e.g. always asking for the first 10 elements with COUNT), you can consider \
                it O(1).",
        )
        .history(&[("6.2.0", "Added exclusive ranges.")]),
    Command::new("xrevrange", -4, Group::Stream, xrevrange)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key end start [COUNT count:integer]")
        .docs(
            "5.0.0",
            "Returns the entries with IDs in a range, from the last to the first.",
            "O(N) with N being the number of elements returned. If N is constant (e.g. \
                always asking for the first 10 elements with COUNT), you can consider it \
                O(1).",
        )
        .history(&[("6.2.0", "Added exclusive ranges.")]),
];

fn xrange(ctx: &mut Ctx<'_>) -> Outcome {
    range(ctx, 2, 3, false)
}

fn xrevrange(ctx: &mut Ctx<'_>) -> Outcome {
    range(ctx, 3, 2, true)
}

fn range(ctx: &mut Ctx<'_>, start: usize, end: usize, is_reverse: bool) -> Outcome {
    let (start, end) = (parse_start(ctx.arg(start))?, parse_end(ctx.arg(end))?);
    let count = count(ctx)?;
    let Some(place) = ctx.read_as::<Stream>(ctx.key(1))? else {
        ctx.reply().array(0);
        return Ok(());
    };
    if count == Some(0) {
        ctx.reply().null_array();
        return Ok(());
    }
    let count = count.unwrap_or(usize::MAX);
    let (stream, output) = stream_and_output(ctx, place)?;
    let entries: Vec<_> = match is_reverse {
        true => stream.iter_back(end).take_while(|entry| entry.id >= start).take(count).collect(),
        false => stream.iter_from(start).take_while(|entry| entry.id <= end).take(count).collect(),
    };
    write_entries(output, &entries);
    let len = entries.len();
    ctx.work(len);
    Ok(())
}

/// COUNT, the last of them; a negative one is 0.
fn count(ctx: &Ctx<'_>) -> Result<Option<usize>, CommandError> {
    let (mut count, mut at) = (None, 4);
    while at < ctx.args.len() {
        if at + 1 == ctx.args.len() || !ctx.args.is(at, "count") {
            return Err(CommandError::Syntax);
        }
        count = Some(usize::try_from(ctx.int(at + 1)?).unwrap_or(0));
        at += 2;
    }
    Ok(count)
}
