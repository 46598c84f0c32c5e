//! CLIENT REPLY, NO-EVICT and NO-TOUCH: how the server treats a connection. GETREDIR and
//! TRACKINGINFO tell that it does not track which keys the connection knows.

use super::{admin_row, on_or_off, row};
use crate::client::ReplyMode;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::Command;

pub(super) const REPLY: Command = row("reply", 3, reply).arguments("action=(ON|OFF|SKIP)").docs(
    "3.2.0",
    "Chooses whether replies are sent.",
    "O(1)",
);

pub(super) const NO_EVICT: Command = admin_row("no-evict", 3, no_evict)
    .arguments("enabled=(ON|OFF)")
    .docs("7.0.0", "Spares the connection when clients use too much memory.", "O(1)");

pub(super) const NO_TOUCH: Command = row("no-touch", 3, no_touch)
    .arguments("enabled=(ON|OFF)")
    .docs("7.2.0", "Keeps the connection's commands from renewing access times.", "O(1)");

pub(super) const GETREDIR: Command = row("getredir", 2, getredir).docs(
    "6.0.0",
    "Returns the connection that invalidations are redirected to.",
    "O(1)",
);

pub(super) const TRACKINGINFO: Command = row("trackinginfo", 2, trackinginfo).docs(
    "6.2.0",
    "Tells whether keys of the connection are tracked.",
    "O(1)",
);

/// Nothing is answered but by ON, and by nothing else after OFF.
fn reply(ctx: &mut Ctx<'_>) -> Outcome {
    match () {
        () if ctx.args.is(2, "on") => {
            ctx.client.reply = ReplyMode::On;
            ctx.reply().ok();
        }
        () if ctx.args.is(2, "off") => ctx.client.reply = ReplyMode::Off,
        () if !ctx.args.is(2, "skip") => return Err(CommandError::Syntax),
        () if ctx.client.reply != ReplyMode::Off => ctx.client.reply = ReplyMode::SkipNext,
        () => {}
    }
    Ok(())
}

fn no_evict(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.client.no_evict = on_or_off(ctx)?;
    ctx.reply().ok();
    Ok(())
}

fn no_touch(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.client.no_touch = on_or_off(ctx)?;
    ctx.reply().ok();
    Ok(())
}

fn getredir(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.reply().int(-1);
    Ok(())
}

fn trackinginfo(ctx: &mut Ctx<'_>) -> Outcome {
    let output = ctx.reply();
    output.map(3);
    output.bulk(b"flags");
    output.set(1);
    output.bulk(b"off");
    output.bulk(b"redirect");
    output.int(-1);
    output.bulk(b"prefixes");
    output.array(0);
    Ok(())
}
