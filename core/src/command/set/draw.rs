//! SPOP and SRANDMEMBER draw members, SSCAN walks over them.

use super::member::changed;
use crate::command::aggregate::Typed;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::keys::scan::{ScanOptions, cursor};
use crate::command::random::Draw;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::{Key, Place};
use crate::value::listpack::Element;
use crate::value::{Set, number};
use alloc::vec::Vec;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("spop", -2, Group::Set, spop)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE))])
        .arguments("key:key [count:integer]@3.2.0")
        .docs(
            "1.0.0",
            "Takes members drawn by chance out of a set.",
            "Without the count argument O(1), otherwise O(N) where N is the value of the \
                passed count.",
        )
        .history(&[("3.2.0", "Added the `count` argument.")])
        .tips(&["nondeterministic_output"]),
    Command::new("srandmember", -2, Group::Set, srandmember)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key [count:integer]@2.6.0")
        .docs(
            "1.0.0",
            "Returns members drawn by chance.",
            "Without the count argument O(1), otherwise O(N) where N is the absolute value \
                of the passed count.",
        )
        .history(&[("2.6.0", "Added the optional `count` argument.")])
        .tips(&["nondeterministic_output"]),
    Command::new("sscan", -3, Group::Set, sscan)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]")
        .docs(
            "2.8.0",
            "Walks over the members, some at each call.",
            "O(1) for every call. O(N) for a complete iteration, including enough command \
                calls for the cursor to return back to 0. N is the number of elements inside \
                the collection.",
        )
        .tips(&["nondeterministic_output"]),
];

/// Members as bytes of their own.
type Members = Vec<Vec<u8>>;

/// Members that are drawn; one without a count.
fn drawn(ctx: &mut Ctx<'_>, place: Place, draw: Option<Draw>) -> Result<Members, CommandError> {
    let Ctx { server, client, .. } = ctx;
    let (dbs, rng) = (&server.dbs, &mut server.rng);
    let value = dbs[client.db as usize].entry(place).value();
    let set = <Set as Typed>::view(value).ok_or(CommandError::WrongType)?;
    let text = |member: Element<'_>| member.bytes(&mut itoa::Buffer::new()).to_vec();
    Ok(match draw {
        None => set.random(rng).map(text).into_iter().collect(),
        Some(draw) => draw.draw(
            set.len(),
            rng,
            |rng| set.random(rng).map(text),
            || set.members().map(text).collect(),
            Clone::clone,
        ),
    })
}

fn srandmember(ctx: &mut Ctx<'_>) -> Outcome {
    let draw = match ctx.args.len() {
        2 => None,
        3 => Some(Draw::parse(ctx.arg(2), false)?),
        _ => return Err(CommandError::Syntax),
    };
    let Some(place) = ctx.read_as::<Set>(ctx.key(1))? else {
        match draw {
            None => ctx.reply().null(),
            Some(_) => ctx.reply().array(0),
        }
        return Ok(());
    };
    let members = drawn(ctx, place, draw)?;
    if draw.is_some() {
        ctx.reply().array(members.len());
    }
    members.iter().for_each(|member| ctx.reply().bulk(member));
    ctx.work(members.len());
    Ok(())
}

fn spop(ctx: &mut Ctx<'_>) -> Outcome {
    let count = match ctx.args.len() {
        2 => None,
        3 => Some(count(ctx.arg(2))?),
        _ => return Err(CommandError::Syntax),
    };
    let key = ctx.key(1);
    let Some(place) = ctx.write_as::<Set>(key)? else {
        match count {
            None => ctx.reply().null(),
            Some(_) => ctx.reply().set(0),
        }
        return Ok(());
    };
    let draw = count.map(Draw::of);
    let members = if count == Some(0) { Vec::new() } else { drawn(ctx, place, draw)? };
    if count.is_some() {
        ctx.reply().set(members.len());
    }
    members.iter().for_each(|member| ctx.reply().bulk(member));
    if !members.is_empty() {
        take_out(ctx, key, place, &members);
    }
    Ok(())
}

fn count(text: &[u8]) -> Result<usize, CommandError> {
    let count = number::parse_i64(text).ok_or(CommandError::Negative("value"))?;
    usize::try_from(count).map_err(|_| CommandError::Negative("value"))
}

/// Removes members that were drawn, and logs which.
fn take_out(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place, members: &[Vec<u8>]) {
    let is_empty = ctx.change(key, Some(place), |set: &mut Set| {
        members.iter().for_each(|member| {
            set.remove(member);
        });
        set.is_empty()
    });
    changed(ctx, key, members.len(), "spop");
    if is_empty {
        ctx.remove_empty(key);
        ctx.propagate(&[b"DEL", key.bytes]);
        return;
    }
    let mut words: Vec<&[u8]> = Vec::from([&b"SREM"[..], key.bytes]);
    words.extend(members.iter().map(Vec::as_slice));
    ctx.propagate(&words);
}

fn sscan(ctx: &mut Ctx<'_>) -> Outcome {
    let cursor = cursor(ctx.args, 2)?;
    let place = ctx.read_as::<Set>(ctx.key(1))?;
    // Redis answers for a key that is not there before it reads the options.
    let args = ctx.args.skip(if place.is_some() { 3 } else { ctx.args.len() });
    let options = ScanOptions::parse(args, false)?;
    let mut looked_at = 0;
    ctx.answer_with::<Set>(place, |output, set| {
        let mut found = Vec::new();
        let next = set.map_or(0, |set| {
            set.scan(cursor, options.count, |member| {
                looked_at += 1;
                if options.pattern.matches(member.bytes(&mut itoa::Buffer::new())) {
                    found.push(member);
                }
            })
        });
        output.array(2);
        output.bulk(itoa::Buffer::new().format(next).as_bytes());
        output.array(found.len());
        found.into_iter().for_each(|member| super::write(output, member));
    })?;
    ctx.work(looked_at);
    Ok(())
}
