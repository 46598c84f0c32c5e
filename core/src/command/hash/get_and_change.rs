//! HGETEX and HGETDEL: commands that return fields and do something to them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::fields::{Change, NOT_POSITIVE, deadline_option, fields};
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::value::Hash;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    row("hgetex", hgetex)
        .keys(&[KeySpec {
            notes: "RW and UPDATE because it changes the TTL",
            ..KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))
        }])
        .arguments(
            "key:key expiration=[EX seconds:integer|PX milliseconds:integer|EXAT \
             unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|PERSIST] \
             FIELDS fields=(numfields:integer field*)",
        )
        .docs("8.0.0", "Returns fields and sets their time to live.", COMPLEXITY),
    row("hgetdel", hgetdel)
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE))])
        .arguments("key:key FIELDS fields=(numfields:integer field*)")
        .docs("8.0.0", "Returns fields and removes them.", COMPLEXITY),
];

const fn row(name: &'static str, run: fn(&mut Ctx<'_>) -> Outcome) -> Command {
    Command::new(name, -5, Group::Hash, run)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::HASH])
}

const COMPLEXITY: &str = "O(N) where N is the number of specified fields";

fn hgetex(ctx: &mut Ctx<'_>) -> Outcome {
    let place = ctx.write_as::<Hash>(ctx.key(1))?;
    let (change, fields_at) = match deadline_option(ctx, 2, "hgetex")? {
        Some(at_ms) => (Some(Change::to(at_ms, ctx.now())), 4),
        None if ctx.args.is(2, "persist") => (Some(Change::Persist), 3),
        None => (None, 2),
    };
    if ctx.args.len() < fields_at + 2 {
        return Err(CommandError::Arity("hgetex"));
    }
    let fields = fields(ctx.args, fields_at, NOT_POSITIVE)?;
    take(ctx, place, fields, change)
}

fn hgetdel(ctx: &mut Ctx<'_>) -> Outcome {
    let place = ctx.write_as::<Hash>(ctx.key(1))?;
    let fields = fields(ctx.args, 2, NOT_POSITIVE)?;
    take(ctx, place, fields, Some(Change::Remove))
}

/// Replies with fields, one by one, and changes each when it is read.
fn take(
    ctx: &mut Ctx<'_>,
    place: Option<crate::keyspace::Place>,
    fields: Args<'_>,
    change: Option<Change>,
) -> Outcome {
    ctx.reply().array(fields.len());
    let Some(place) = place else {
        (0..fields.len()).for_each(|_| ctx.reply().null());
        return Ok(());
    };
    let key = ctx.key(1);
    let mut changed = Vec::new();
    let (values, is_empty) = ctx.change(key, Some(place), |hash: &mut Hash| {
        let read = |field| {
            let value = value_of(hash, field)?;
            let has_deadline = hash.view().deadline_ms(field).flatten().is_some();
            if let Some(change) = change.filter(|change| *change != Change::Persist || has_deadline)
            {
                change.apply(hash, field);
                changed.push(field);
            }
            Some(value)
        };
        let values: Vec<Option<Box<[u8]>>> = fields.from(0).map(read).collect();
        (values, hash.is_empty())
    });
    for value in values {
        match value {
            Some(value) => ctx.reply().bulk(&value),
            None => ctx.reply().null(),
        }
    }
    if let Some(change) = change {
        change.tell(ctx, key, &changed, is_empty);
    }
    Ok(())
}

fn value_of(hash: &Hash, field: &[u8]) -> Option<Box<[u8]>> {
    Some(hash.view().get(field)?.bytes(&mut itoa::Buffer::new()).into())
}
