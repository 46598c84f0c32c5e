//! Looking at sorted sets: scores, ranks, counts; ZRANDMEMBER and ZSCAN.

use super::bound::{LexRange, ScoreRange};
use crate::command::aggregate::Typed;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::keys::scan::{ScanOptions, cursor};
use crate::command::list::write;
use crate::command::random::Draw;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::value::number::format_g17;
use crate::value::{SortedSet, SortedSetView};
use alloc::vec::Vec;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("zscore", 3, Group::SortedSet, zscore)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key member")
        .docs("1.2.0", "Returns the score of a member.", "O(1)"),
    Command::new("zmscore", -3, Group::SortedSet, zmscore)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key member*")
        .docs(
            "6.2.0",
            "Returns the scores of several members.",
            "O(N) where N is the number of members being requested.",
        ),
    Command::new("zcard", 2, Group::SortedSet, zcard)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .arguments("key:key")
        .docs("1.2.0", "Counts the members.", "O(1)"),
    Command::new("zrank", -3, Group::SortedSet, zrank)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key member [WITHSCORE]")
        .docs("2.0.0", "Returns how many members are before one.", "O(log(N))")
        .history(&[("7.2.0", "Added the optional `WITHSCORE` argument.")]),
    Command::new("zrevrank", -3, Group::SortedSet, zrevrank)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key member [WITHSCORE]")
        .docs("2.0.0", "Returns how many members are behind one.", "O(log(N))")
        .history(&[("7.2.0", "Added the optional `WITHSCORE` argument.")]),
    Command::new("zcount", 4, Group::SortedSet, zcount)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key min:double max:double")
        .docs(
            "2.0.0",
            "Counts the members in a range of scores.",
            "O(log(N)) with N being the number of elements in the sorted set.",
        ),
    Command::new("zlexcount", 4, Group::SortedSet, zlexcount)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key min max")
        .docs(
            "2.8.9",
            "Counts the members in a range of names.",
            "O(log(N)) with N being the number of elements in the sorted set.",
        ),
    Command::new("zrandmember", -2, Group::SortedSet, zrandmember)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key options=[count:integer [WITHSCORES]]")
        .docs(
            "6.2.0",
            "Returns members drawn by chance.",
            "O(N) where N is the number of members returned",
        )
        .tips(&["nondeterministic_output"]),
    Command::new("zscan", -3, Group::SortedSet, zscan)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments(
            "key:key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] \
                [NOSCORES]",
        )
        .docs(
            "2.8.0",
            "Walks over the members, some at each call.",
            "O(1) for every call. O(N) for a complete iteration, including enough command \
                calls for the cursor to return back to 0. N is the number of elements inside \
                the collection.",
        )
        .history(&[("8.0.0", "Added noscores option.")])
        .tips(&["nondeterministic_output"]),
];

fn zscore(ctx: &mut Ctx<'_>) -> Outcome {
    let member = ctx.arg(2);
    super::with_set(ctx, |output, set| match set.and_then(|set| set.score(member)) {
        Some(score) => output.double(score),
        None => output.null(),
    })
}

fn zmscore(ctx: &mut Ctx<'_>) -> Outcome {
    let args = ctx.args;
    super::with_set(ctx, |output, set| {
        output.array(args.len() - 2);
        for member in args.from(2) {
            match set.and_then(|set| set.score(member)) {
                Some(score) => output.double(score),
                None => output.null(),
            }
        }
    })
}

fn zcard(ctx: &mut Ctx<'_>) -> Outcome {
    super::with_set(ctx, |output, set| output.int(set.map_or(0, SortedSetView::len) as i64))
}

fn zrank(ctx: &mut Ctx<'_>) -> Outcome {
    rank(ctx, "zrank", false)
}

fn zrevrank(ctx: &mut Ctx<'_>) -> Outcome {
    rank(ctx, "zrevrank", true)
}

fn rank(ctx: &mut Ctx<'_>, command: &'static str, is_reverse: bool) -> Outcome {
    let args = ctx.args;
    if args.len() > 4 {
        return Err(CommandError::Arity(command));
    }
    let with_score = args.len() == 4;
    if with_score && !args.is(3, "withscore") {
        return Err(CommandError::Syntax);
    }
    let member = args.at(2);
    super::with_set(ctx, |output, set| {
        let found = set.and_then(|set| Some((set.rank(member)?, set.score(member)?, set.len())));
        match found {
            None if with_score => output.null_array(),
            None => output.null(),
            Some((rank, score, len)) => {
                let rank = if is_reverse { len - 1 - rank } else { rank };
                if with_score {
                    output.array(2);
                }
                output.int(rank as i64);
                if with_score {
                    output.double(score);
                }
            }
        }
    })
}

fn zcount(ctx: &mut Ctx<'_>) -> Outcome {
    let range = ScoreRange::parse(ctx.arg(2), ctx.arg(3))?;
    super::with_set(ctx, |output, set| {
        output.int(set.map_or(0, |set| range.ranks(set).1) as i64);
    })
}

fn zlexcount(ctx: &mut Ctx<'_>) -> Outcome {
    let range = LexRange::parse(ctx.arg(2), ctx.arg(3))?;
    super::with_set(ctx, |output, set| {
        output.int(set.map_or(0, |set| range.ranks(set).1) as i64);
    })
}

fn zrandmember(ctx: &mut Ctx<'_>) -> Outcome {
    let (draw, with_scores) = Draw::parse_with(ctx.args, "withscores")?;
    let Some(place) = ctx.read_as::<SortedSet>(ctx.key(1))? else {
        match draw {
            None => ctx.reply().null(),
            Some(_) => ctx.reply().array(0),
        }
        return Ok(());
    };
    let Ctx { server, client, .. } = ctx;
    let (dbs, rng) = (&server.dbs, &mut server.rng);
    let value = dbs[client.db as usize].entry(place).value();
    let set = <SortedSet as Typed>::view(value).ok_or(CommandError::WrongType)?;
    let output = &mut client.output;
    let Some(draw) = draw else {
        match set.random(rng) {
            Some((member, _)) => write(output, member),
            None => output.null(),
        }
        return Ok(());
    };
    let all = || set.iter_from(0).collect::<Vec<_>>();
    let drawn = draw.draw(
        set.len(),
        rng,
        |rng| set.random(rng),
        all,
        |(member, _)| member.bytes(&mut itoa::Buffer::new()).to_vec(),
    );
    super::write_items(output, &drawn, with_scores);
    let walked = drawn.len();
    ctx.work(walked);
    Ok(())
}

fn zscan(ctx: &mut Ctx<'_>) -> Outcome {
    let cursor = cursor(ctx.args, 2)?;
    // Redis answers for a key that is not there before it reads the options.
    let is_there = ctx.read_as::<SortedSet>(ctx.key(1))?.is_some();
    let args = ctx.args.skip(if is_there { 3 } else { ctx.args.len() });
    let options = ScanOptions::parse(args, false)?;
    let mut looked_at = 0;
    super::with_set(ctx, |output, set| {
        let mut found = Vec::new();
        let next = set.map_or(0, |set| {
            set.scan(cursor, options.count, |member, score| {
                looked_at += 1;
                if options.pattern.matches(member.bytes(&mut itoa::Buffer::new())) {
                    found.push((member, score));
                }
            })
        });
        output.array(2);
        output.bulk(itoa::Buffer::new().format(next).as_bytes());
        output.array(found.len() * 2);
        for (member, score) in found {
            write(output, member);
            output.bulk(&format_g17(score));
        }
    })?;
    ctx.work(looked_at);
    Ok(())
}
