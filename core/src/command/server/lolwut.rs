//! LOLWUT: the version, and the pictures that Redis drew for versions 5 and 6.
//!
//! The pictures are drawn anew from the ideas behind Redis's: Georg Nees's Schotter in Braille
//! dots, and a skyline in terminal colours. Their sizes are bounded, since a request may ask for
//! any.

mod schotter;
mod skyline;

use alloc::format;

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Command, Flags, Group};
use crate::value::number;
use crate::version::REDIS_VERSION;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[Command::new("lolwut", -1, Group::Server, lolwut)
    .flags(&[Flags::READONLY, Flags::FAST])
    .arguments("[VERSION version:integer]")
    .docs("5.0.0", "Draws, and tells the version.", "")];

fn lolwut(ctx: &mut Ctx<'_>) -> Outcome {
    let version = if ctx.args.len() >= 3 && ctx.args.is(1, "version") {
        // Redis prints the number as an unsigned one of 32 bits and compares the text.
        Some(ctx.int(2)? as u32)
    } else {
        None
    };
    let picture = match version {
        Some(5) => {
            let [columns, across, down] = numbers(ctx, [(66, 1000), (8, 200), (12, 200)])?;
            schotter::drawn(columns, across, down, &mut ctx.server.rng)
        }
        Some(6) => {
            let [columns, rows] = numbers(ctx, [(80, 1000), (20, 1000)])?;
            skyline::drawn(columns, rows, &mut ctx.server.rng)
        }
        _ => alloc::string::String::new(),
    };
    ctx.work(picture.len() / 100);
    let text = format!("{picture}Redis ver. {REDIS_VERSION}\n");
    ctx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}

/// The arguments after the version; each has a default and an upper bound.
fn numbers<const N: usize>(
    ctx: &Ctx<'_>,
    bounds: [(i64, i64); N],
) -> Result<[usize; N], CommandError> {
    let mut numbers = [0; N];
    for (at, (number, (default, most))) in numbers.iter_mut().zip(bounds).enumerate() {
        let asked = if ctx.args.len() > 3 + at {
            number::parse_i64(ctx.arg(3 + at)).ok_or(CommandError::NotInteger)?
        } else {
            default
        };
        *number = asked.clamp(1, most) as usize;
    }
    Ok(numbers)
}
