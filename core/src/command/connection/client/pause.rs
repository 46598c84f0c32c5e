//! CLIENT PAUSE, UNPAUSE and UNBLOCK: waits of other clients. What a pause is, is in
//! `client/pause.rs`.

use super::{admin_row, syntax_of};
use crate::client::pause::PauseMode;
use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::Command;
use crate::value::number;

pub(super) const PAUSE: Command = admin_row("pause", -3, pause)
    .arguments("timeout:integer mode=[WRITE|ALL]@6.2.0")
    .docs("3.0.0", "Makes commands wait for a time.", "O(1)")
    .history(&[("6.2.0", "Takes a mode; WRITE lets commands pass that do not write.")]);

pub(super) const UNPAUSE: Command = admin_row("unpause", 2, unpause).docs(
    "6.2.0",
    "Ends a pause.",
    "O(N) Where N is the number of paused clients",
);

pub(super) const UNBLOCK: Command = admin_row("unblock", -3, unblock)
    .arguments("client-id:integer unblock-type=[TIMEOUT|ERROR]")
    .docs(
        "5.0.0",
        "Ends the wait of a client.",
        "O(log N) where N is the number of client connections",
    );

fn pause(ctx: &mut Ctx<'_>) -> Outcome {
    let mode = match ctx.args.len() {
        3 => PauseMode::All,
        4 if ctx.args.is(3, "write") => PauseMode::Write,
        4 if ctx.args.is(3, "all") => PauseMode::All,
        4 => return Err(CommandError::Fixed("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(syntax_of(ctx.arg(1))),
    };
    let until_ns = end_of(ctx)?;
    let in_transaction = ctx.server.log.is_in_transaction();
    ctx.server.pause_clients(mode, until_ns, in_transaction);
    ctx.reply().ok();
    Ok(())
}

/// The end of the timeout in ns of the monotonic clock.
fn end_of(ctx: &Ctx<'_>) -> Result<u64, CommandError> {
    let timeout_ms = number::parse_i64(ctx.arg(2))
        .ok_or(CommandError::Fixed("ERR timeout is not an integer or out of range"))?;
    if timeout_ms < 0 {
        return Err(CommandError::Fixed("ERR timeout is negative"));
    }
    if ctx.now().wall_ms().checked_add(timeout_ms).is_none() {
        return Err(CommandError::Fixed("ERR timeout is out of range"));
    }
    let timeout_ns = timeout_ms.unsigned_abs().saturating_mul(1_000_000);
    Ok(ctx.now().mono_ns.saturating_add(timeout_ns))
}

fn unpause(ctx: &mut Ctx<'_>) -> Outcome {
    ctx.server.unpause_clients();
    ctx.reply().ok();
    Ok(())
}

/// No command waits for keys yet, so there is no wait to end: the answer is that nobody was
/// waiting. A paused client is not waiting in this sense.
fn unblock(ctx: &mut Ctx<'_>) -> Outcome {
    let mut outcome = Ok(());
    match ctx.args.len() {
        3 => {}
        4 if ctx.args.is(3, "timeout") => {}
        4 if ctx.args.is(3, "error") => outcome = Err(CommandError::Fixed(UNBLOCKED)),
        4 => {
            return Err(CommandError::Fixed(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
        _ => return Err(syntax_of(ctx.arg(1))),
    }
    let id = u64::try_from(ctx.int(2)?).unwrap_or_default();
    let target = ctx.server.clients.iter().find(|client| client.id == id);
    let target = target.map(|client| client.conn);
    let is_unblocked = target.is_some_and(|conn| {
        ctx.server.end_wait(conn, outcome.clone()) || ctx.server.end_waitaof(conn, outcome)
    });
    ctx.reply().int(i64::from(is_unblocked));
    Ok(())
}

const UNBLOCKED: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
