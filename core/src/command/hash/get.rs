//! HGET and its relatives: fields are read.

use crate::client::output::Output;
use crate::command::aggregate::Typed;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::list::write;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::{Place, ValueRef};
use crate::value::listpack::Element;
use crate::value::{Hash, HashView, LiveHash};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("hget", 3, Group::Hash, hget)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key field")
        .docs("2.0.0", "Returns the value of a field.", "O(1)"),
    Command::new("hmget", -3, Group::Hash, hmget)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key field*")
        .docs(
            "2.0.0",
            "Returns the values of several fields.",
            "O(N) where N is the number of fields being requested.",
        ),
    Command::new("hgetall", 2, Group::Hash, hgetall)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key")
        .docs(
            "2.0.0",
            "Returns all fields with their values.",
            "O(N) where N is the size of the hash.",
        )
        .tips(&["nondeterministic_output_order"]),
    Command::new("hkeys", 2, Group::Hash, hkeys)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key")
        .docs("2.0.0", "Returns all fields.", "O(N) where N is the size of the hash.")
        .tips(&["nondeterministic_output_order"]),
    Command::new("hvals", 2, Group::Hash, hvals)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key")
        .docs("2.0.0", "Returns all values.", "O(N) where N is the size of the hash.")
        .tips(&["nondeterministic_output_order"]),
    Command::new("hlen", 2, Group::Hash, hlen)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .arguments("key:key")
        .docs("2.0.0", "Counts the fields.", "O(1)"),
    Command::new("hexists", 3, Group::Hash, hexists)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .arguments("key:key field")
        .docs("2.0.0", "Tells whether a field exists.", "O(1)"),
    Command::new("hstrlen", 3, Group::Hash, hstrlen)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .arguments("key:key field")
        .docs("3.2.0", "Returns the length of the value of a field.", "O(1)"),
];

/// Lets `answer` write a reply about the hash of the first argument, if there is one.
fn with_hash(ctx: &mut Ctx<'_>, answer: impl FnOnce(&mut Output, Option<LiveHash<'_>>)) -> Outcome {
    let hidden_until_ms = ctx.server.hidden_until_ms();
    ctx.read_with::<Hash>(ctx.key(1), |output, hash| {
        answer(output, hash.map(|hash| live(hash, hidden_until_ms)));
    })
}

/// Lets `answer` write a reply about the hash at `place`, if there is one.
pub(super) fn with_hash_at(
    ctx: &mut Ctx<'_>,
    place: Option<Place>,
    answer: impl FnOnce(&mut Output, Option<LiveHash<'_>>),
) -> Outcome {
    let hidden_until_ms = ctx.server.hidden_until_ms();
    ctx.answer_with::<Hash>(place, |output, hash| {
        answer(output, hash.map(|hash| live(hash, hidden_until_ms)));
    })
}

/// The hash that a value is, without the fields that are over by a time if there is one.
pub(crate) fn live_hash(
    value: ValueRef<'_>,
    hidden_until_ms: Option<u64>,
) -> Result<LiveHash<'_>, CommandError> {
    let hash = <Hash as Typed>::view(value).ok_or(CommandError::WrongType)?;
    Ok(live(hash, hidden_until_ms))
}

#[inline]
fn live(hash: HashView<'_>, hidden_until_ms: Option<u64>) -> LiveHash<'_> {
    hidden_until_ms.map_or_else(|| hash.into(), |now_ms| hash.live_at(now_ms))
}

fn hget(ctx: &mut Ctx<'_>) -> Outcome {
    let field = ctx.arg(2);
    with_hash(ctx, |output, hash| match hash.and_then(|hash| hash.get(field)) {
        Some(value) => write(output, value),
        None => output.null(),
    })
}

fn hmget(ctx: &mut Ctx<'_>) -> Outcome {
    let args = ctx.args;
    with_hash(ctx, |output, hash| {
        output.array(args.len() - 2);
        for field in args.from(2) {
            match hash.and_then(|hash| hash.get(field)) {
                Some(value) => write(output, value),
                None => output.null(),
            }
        }
    })
}

fn hgetall(ctx: &mut Ctx<'_>) -> Outcome {
    let walked = with_all(ctx, true, |output, field, value| {
        write(output, field);
        write(output, value);
    })?;
    ctx.work(walked);
    Ok(())
}

fn hkeys(ctx: &mut Ctx<'_>) -> Outcome {
    let walked = with_all(ctx, false, |output, field, _| write(output, field))?;
    ctx.work(walked);
    Ok(())
}

fn hvals(ctx: &mut Ctx<'_>) -> Outcome {
    let walked = with_all(ctx, false, |output, _, value| write(output, value))?;
    ctx.work(walked);
    Ok(())
}

/// Answers with something of every field, as a map or an array; returns how many there are.
fn with_all(
    ctx: &mut Ctx<'_>,
    is_map: bool,
    each: impl Fn(&mut Output, Element<'_>, Element<'_>),
) -> Result<usize, CommandError> {
    let mut len = 0;
    with_hash(ctx, |output, hash| {
        len = hash.map_or(0, LiveHash::len);
        if is_map {
            output.map(len);
        } else {
            output.array(len);
        }
        for (field, value) in hash.into_iter().flat_map(LiveHash::fields) {
            each(output, field, value);
        }
    })?;
    Ok(len)
}

fn hlen(ctx: &mut Ctx<'_>) -> Outcome {
    with_hash(ctx, |output, hash| output.int(hash.map_or(0, LiveHash::len) as i64))
}

fn hexists(ctx: &mut Ctx<'_>) -> Outcome {
    let field = ctx.arg(2);
    with_hash(ctx, |output, hash| {
        output.int(hash.is_some_and(|hash| hash.get(field).is_some()).into());
    })
}

fn hstrlen(ctx: &mut Ctx<'_>) -> Outcome {
    let field = ctx.arg(2);
    with_hash(ctx, |output, hash| {
        let value = hash.and_then(|hash| hash.get(field));
        output.int(value.map_or(0, |value| value.len()) as i64);
    })
}
