//! PFDEBUG and PFSELFTEST: for those who work on HyperLogLogs.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::keyspace::{Key, Place};
use crate::value::hyperloglog::{Encoding, Opcode, no_registers, self_test};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("pfdebug", 3, Group::Hyperloglog, pfdebug)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::ADMIN])
        .categories(&[Categories::HYPERLOGLOG])
        .keys(&[KeySpec::one(2, KeyFlags::RW.and(KeyFlags::ACCESS))])
        .arguments("subcommand key:key")
        .docs("2.8.9", "Shows how a HyperLogLog is stored.", "N/A")
        .syscmd(),
    Command::new("pfselftest", 1, Group::Hyperloglog, pfselftest)
        .flags(&[Flags::ADMIN])
        .categories(&[Categories::HYPERLOGLOG])
        .docs("2.8.9", "Tests what HyperLogLogs are made of.", "N/A")
        .syscmd(),
];

fn pfdebug(ctx: &mut Ctx<'_>) -> Outcome {
    let key = ctx.key(2);
    let place = ctx.write(key).ok_or(CommandError::Fixed(NO_SUCH_KEY))?;
    let encoding = ctx.with_hyperloglog(place, |view| view.encoding())?;
    match () {
        () if ctx.args.is(1, "getreg") => getreg(ctx, key, place),
        () if ctx.args.is(1, "decode") => decode(ctx, place),
        () if ctx.args.is(1, "encoding") => {
            ctx.reply().simple(if encoding == Encoding::Dense { "dense" } else { "sparse" });
            Ok(())
        }
        () if ctx.args.is(1, "todense") => {
            let was_sparse = make_dense(ctx, key, place)?;
            ctx.reply().int(was_sparse.into());
            Ok(())
        }
        () => Err(CommandError::quoting("ERR Unknown PFDEBUG subcommand '", ctx.arg(1), "'")),
    }
}

const NO_SUCH_KEY: &str = "ERR The specified key does not exist";

/// Makes the HyperLogLog dense, and counts that as a change; whether it was sparse.
fn make_dense(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place) -> Result<bool, CommandError> {
    let mut changed = ctx.copy_hyperloglog(place)?;
    let was_sparse = changed.make_dense()?;
    if was_sparse {
        let expire_at_ms = ctx.entry(place).expire_at_ms();
        ctx.set_raw_string(key, Some(place), changed.into_bytes(), expire_at_ms);
        ctx.dirty(1);
    }
    Ok(was_sparse)
}

fn getreg(ctx: &mut Ctx<'_>, key: Key<'_>, place: Place) -> Outcome {
    let mut registers = no_registers();
    ctx.with_hyperloglog(place, |view| view.merge_into(&mut registers))??;
    make_dense(ctx, key, place)?;
    ctx.reply().array(registers.len());
    registers.iter().for_each(|&value| ctx.reply().int(value.into()));
    ctx.work(registers.len() / super::BYTES_PER_WORK);
    Ok(())
}

fn decode(ctx: &mut Ctx<'_>, place: Place) -> Outcome {
    let (encoding, text) = ctx.with_hyperloglog(place, |view| {
        let opcodes: Vec<String> = match view.encoding() {
            Encoding::Sparse => view.opcodes().map(shown).collect(),
            Encoding::Dense => Vec::new(),
        };
        (view.encoding(), opcodes.join(" "))
    })?;
    if encoding == Encoding::Dense {
        return Err(CommandError::Fixed("ERR HLL encoding is not sparse"));
    }
    ctx.reply().bulk(text.as_bytes());
    Ok(())
}

fn shown(opcode: Opcode) -> String {
    match opcode {
        Opcode { value: 0, len, bytes: 1 } => format!("z:{len}"),
        Opcode { value: 0, len, .. } => format!("Z:{len}"),
        Opcode { value, len, .. } => format!("v:{value},{len}"),
    }
}

fn pfselftest(ctx: &mut Ctx<'_>) -> Outcome {
    // It computes for some milliseconds.
    ctx.work(50_000);
    self_test().map_err(|why| CommandError::Text(format!("TESTFAILED {why}")))?;
    ctx.reply().ok();
    Ok(())
}
