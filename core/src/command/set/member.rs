//! Members of sets: added, taken out, moved, looked for.

use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::Key;
use crate::value::{Set, SetView, Thresholds};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("sadd", -3, Group::Set, sadd)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::INSERT))])
        .arguments("key:key member*")
        .docs(
            "1.0.0",
            "Adds members to a set.",
            "O(1) for each element added, so O(N) to add N elements when the command is \
                called with multiple arguments.",
        )
        .history(&[("2.4.0", "Accepts multiple `member` arguments.")]),
    Command::new("srem", -3, Group::Set, srem)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::DELETE))])
        .arguments("key:key member*")
        .docs(
            "1.0.0",
            "Removes members, and the set with the last of them.",
            "O(N) where N is the number of members to be removed.",
        )
        .history(&[("2.4.0", "Accepts multiple `member` arguments.")]),
    Command::new("smove", 4, Group::Set, smove)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE)),
            KeySpec::one(2, KeyFlags::RW.and(KeyFlags::INSERT)),
        ])
        .arguments("source:key destination:key member")
        .docs("1.0.0", "Moves a member to another set.", "O(1)"),
    Command::new("sismember", 3, Group::Set, sismember)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .arguments("key:key member")
        .docs("1.0.0", "Tells whether a member is in a set.", "O(1)"),
    Command::new("smismember", -3, Group::Set, smismember)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))])
        .arguments("key:key member*")
        .docs(
            "6.2.0",
            "Tells of several members whether they are in a set.",
            "O(N) where N is the number of elements being checked for membership",
        ),
    Command::new("scard", 2, Group::Set, scard)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .arguments("key:key")
        .docs("1.0.0", "Counts the members of a set.", "O(1)"),
];

fn sadd(ctx: &mut Ctx<'_>) -> Outcome {
    let (key, args) = (ctx.key(1), ctx.args);
    let place = ctx.write_as::<Set>(key)?;
    let (thresholds, hasher) = (Thresholds::of(&ctx.server.config), ctx.server.hasher);
    let added = ctx.change(key, place, |set: &mut Set| {
        args.from(2).filter(|member| set.insert(member, &thresholds, hasher)).count()
    });
    if added > 0 {
        changed(ctx, key, added, "sadd");
    }
    ctx.reply().int(added as i64);
    Ok(())
}

/// Says that so many members of the set of `key` changed.
pub(super) fn changed(ctx: &mut Ctx<'_>, key: Key<'_>, members: usize, event: &str) {
    ctx.modified(key.bytes);
    ctx.notify(KeyspaceEvents::SET, event, key.bytes);
    ctx.dirty(members);
}

fn srem(ctx: &mut Ctx<'_>) -> Outcome {
    let (key, args) = (ctx.key(1), ctx.args);
    let Some(place) = ctx.write_as::<Set>(key)? else {
        ctx.reply().int(0);
        return Ok(());
    };
    let (removed, is_empty) = ctx.change(key, Some(place), |set: &mut Set| {
        let removed = args.from(2).filter(|member| set.remove(member)).count();
        (removed, set.is_empty())
    });
    if removed > 0 {
        changed(ctx, key, removed, "srem");
        if is_empty {
            ctx.remove_empty(key);
        }
    }
    ctx.reply().int(removed as i64);
    Ok(())
}

fn smove(ctx: &mut Ctx<'_>) -> Outcome {
    let (source, destination, member) = (ctx.key(1), ctx.key(2), ctx.arg(3));
    let Some(place) = ctx.write_as::<Set>(source)? else {
        ctx.reply().int(0);
        return Ok(());
    };
    ctx.write_as::<Set>(destination)?;
    let is_there = ctx.typed::<Set>(place)?.contains(member);
    if !is_there || source.bytes == destination.bytes {
        ctx.reply().int(is_there.into());
        return Ok(());
    }
    let is_empty = ctx.change(source, Some(place), |set: &mut Set| {
        set.remove(member);
        set.is_empty()
    });
    changed(ctx, source, 1, "srem");
    if is_empty {
        ctx.remove_empty(source);
    }
    let (thresholds, hasher) = (Thresholds::of(&ctx.server.config), ctx.server.hasher);
    let place = ctx.write(destination);
    let is_new =
        ctx.change(destination, place, |set: &mut Set| set.insert(member, &thresholds, hasher));
    if is_new {
        changed(ctx, destination, 1, "sadd");
    }
    ctx.reply().int(1);
    Ok(())
}

fn sismember(ctx: &mut Ctx<'_>) -> Outcome {
    let member = ctx.arg(2);
    ctx.read_with::<Set>(ctx.key(1), |output, set| {
        output.int(set.is_some_and(|set| set.contains(member)).into());
    })
}

fn smismember(ctx: &mut Ctx<'_>) -> Outcome {
    let args = ctx.args;
    ctx.read_with::<Set>(ctx.key(1), |output, set| {
        output.array(args.len() - 2);
        for member in args.from(2) {
            output.int(set.is_some_and(|set| set.contains(member)).into());
        }
    })
}

fn scard(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.read_with::<Set>(ctx.key(1), |output, set| {
        output.int(set.map_or(0, SetView::len) as i64);
    })
}
