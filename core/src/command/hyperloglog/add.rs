//! PFADD and PFMERGE: raising registers.
//!
//! Most elements raise none once a HyperLogLog has seen some, so PFADD looks before it changes
//! anything. A dense one is then changed where it lies; a sparse one, which opcodes that come and
//! go make longer and shorter, is put together anew.

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Key, Place};
use crate::value::hyperloglog::{
    Encoding, Hyperloglog, Register, make_stale, no_registers, raise_dense,
};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("pfadd", -2, Group::Hyperloglog, pfadd)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HYPERLOGLOG])
        .keys(&[KeySpec::one(1, KeyFlags::RW.and(KeyFlags::INSERT))])
        .arguments("key:key [element*]")
        .docs(
            "2.8.9",
            "Adds elements to a HyperLogLog, which is made if there is none.",
            "O(1) to add every element.",
        ),
    Command::new("pfmerge", -2, Group::Hyperloglog, pfmerge)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::HYPERLOGLOG])
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::INSERT)),
            KeySpec::range(2, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ])
        .arguments("destkey:key [sourcekey:key*]")
        .docs(
            "2.8.9",
            "Adds to a HyperLogLog what was added to others.",
            "O(N) to merge N HyperLogLogs, but with high constant times.",
        ),
];

fn pfadd(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(1);
    let raised = match ctx.write(key) {
        None => create(ctx, key)?,
        Some(place) if is_raised(ctx, place)? => raise(ctx, key, place)?,
        Some(place) => {
            ctx.make_raw_string(key, place);
            0
        }
    };
    if raised > 0 {
        ctx.notify(KeyspaceEvents::STRING, "pfadd", key.bytes);
        ctx.dirty(raised);
    }
    ctx.reply().int(i64::from(raised > 0));
    Ok(())
}

/// Makes a HyperLogLog of the elements; returns how many changes that was.
fn create(ctx: &mut Ctx<'_>, key: Key<'_>) -> Result<usize, CommandError> {
    let mut made = Hyperloglog::new(ctx.sparse_bytes_max());
    let raised = raise_each(ctx, &mut made)?;
    ctx.set_raw_string(key, None, made.into_stale_bytes(), None);
    Ok(raised + 1)
}

fn raise_each(ctx: &Ctx<'_>, changed: &mut Hyperloglog) -> Result<usize, CommandError> {
    let mut raised = 0;
    for element in ctx.args.from(2) {
        raised += usize::from(changed.raise(Register::of(element))?);
    }
    Ok(raised)
}

/// Whether any of the elements would change the HyperLogLog.
fn is_raised(ctx: &mut Ctx<'_>, place: Place) -> Result<bool, CommandError> {
    let args = ctx.args;
    let (encoding, outcome) = ctx.with_hyperloglog(place, |view| {
        let mut registers = args.from(2).map(Register::of);
        let raised = registers.find_map(|register| match view.is_raised_by(register) {
            Ok(false) => None,
            raised => Some(raised),
        });
        (view.encoding(), raised.unwrap_or(Ok(false)))
    })?;
    if encoding == Encoding::Sparse {
        // Each element is searched among the opcodes.
        let bytes = ctx.string(place)?.len();
        ctx.work((args.len() - 2) * bytes / super::BYTES_PER_WORK);
    }
    Ok(outcome?)
}

/// Adds the elements to the HyperLogLog at `place`; returns how many changes that was.
fn raise(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place) -> Result<usize, CommandError> {
    if ctx.with_hyperloglog(place, |view| view.encoding())? == Encoding::Dense {
        return Ok(raise_in_place(ctx, key, place));
    }
    let mut changed = ctx.copy_hyperloglog(place)?;
    let raised = raise_each(ctx, &mut changed)?;
    let expire_at_ms = ctx.entry(place).expire_at_ms();
    ctx.set_raw_string(key, Some(place), changed.into_stale_bytes(), expire_at_ms);
    Ok(raised)
}

fn raise_in_place(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place) -> usize {
    let args = ctx.args;
    let mut raised = 0;
    ctx.change_string(key, Some(place), 0, |bytes| {
        let elements = args.from(2).map(Register::of);
        raised = elements.filter(|register| raise_dense(bytes, *register)).count();
        make_stale(bytes);
    });
    raised
}

fn pfmerge(ctx: &mut Ctx<'_>) -> Outcome {
    let mut registers = no_registers();
    let mut is_dense = false;
    for at in 1..ctx.args.len() {
        let Some(place) = ctx.read(ctx.key(at)) else { continue };
        let (encoding, merged) =
            ctx.with_hyperloglog(place, |view| (view.encoding(), view.merge_into(&mut registers)))?;
        merged?;
        is_dense |= encoding == Encoding::Dense;
        ctx.work(registers.len() / super::BYTES_PER_WORK);
    }
    let key = ctx.key(1);
    let place = ctx.write(key);
    let mut merged = match place {
        Some(place) => ctx.copy_hyperloglog(place)?,
        None => Hyperloglog::new(ctx.sparse_bytes_max()),
    };
    if is_dense {
        // Its own registers are among them.
        merged.set_dense(&registers);
    } else {
        merged.raise_all(&registers)?;
    }
    let expire_at_ms = place.and_then(|place| ctx.entry(place).expire_at_ms());
    ctx.set_raw_string(key, place, merged.into_stale_bytes(), expire_at_ms);
    ctx.notify(KeyspaceEvents::STRING, "pfadd", key.bytes);
    ctx.dirty(1);
    ctx.reply().ok();
    Ok(())
}
