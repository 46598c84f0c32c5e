//! SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, WAITAOF.

use alloc::format;

use crate::command::ctx::Ctx;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group};
use crate::persist::aof::AofState;
use crate::persist::waitaof::{Waiting, write_reply};
use crate::server::completion::Waiter;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("save", 1, Group::Server, save)
        .flags(&[Flags::NO_ASYNC_LOADING, Flags::ADMIN, Flags::NOSCRIPT, Flags::NO_MULTI])
        .docs(
            "1.0.0",
            "Writes the database to disk and waits until it is durable.",
            "O(N) where N is the total number of keys in all databases",
        ),
    Command::new("bgsave", -1, Group::Server, bgsave)
        .flags(&[Flags::NO_ASYNC_LOADING, Flags::ADMIN, Flags::NOSCRIPT])
        .arguments("operation=[SCHEDULE@3.2.2]")
        .docs("1.0.0", "Writes the database to disk in the background.", "O(1)")
        .history(&[("3.2.2", "Added the `SCHEDULE` option.")]),
    Command::new("bgrewriteaof", 1, Group::Server, bgrewriteaof)
        .flags(&[Flags::NO_ASYNC_LOADING, Flags::ADMIN, Flags::NOSCRIPT])
        .docs("1.0.0", "Rewrites the append-only file in the background.", "O(1)"),
    Command::new("lastsave", 1, Group::Server, lastsave)
        .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST])
        .categories(&[Categories::ADMIN, Categories::DANGEROUS])
        .docs("1.0.0", "Tells when the database was last saved, as a Unix time.", "O(1)")
        .tips(&["nondeterministic_output"]),
    Command::new("waitaof", 4, Group::Generic, waitaof)
        .flags(&[Flags::BLOCKING])
        .categories(&[Categories::CONNECTION])
        .arguments("numlocal:integer numreplicas:integer timeout:integer")
        .docs(
            "7.2.0",
            "Waits until all writes of the connection are durable in the append-only file.",
            "O(1)",
        )
        .tips(&["request_policy:all_shards", "response_policy:agg_min"]),
];

const SAVE_RUNS: &str = "ERR Background save already in progress";

fn save(ctx: &mut Ctx<'_>) -> Outcome {
    if ctx.server.is_saving() {
        return Err(CommandError::Fixed(SAVE_RUNS));
    }
    let waiter = Waiter::park(ctx);
    ctx.server.begin_save(Some(waiter));
    Ok(())
}

fn bgsave(ctx: &mut Ctx<'_>) -> Outcome {
    let schedules = match ctx.args.len() {
        1 => false,
        2 if ctx.arg(1).eq_ignore_ascii_case(b"schedule") => true,
        _ => return Err(CommandError::Syntax),
    };
    if ctx.server.persist.bgsave.is_running() {
        return Err(CommandError::Fixed(SAVE_RUNS));
    }
    // A transaction is one change: the snapshot is taken when it is over.
    if ctx.server.log.is_in_transaction() || ctx.server.persist.rewrite.is_running() && schedules {
        ctx.server.persist.bgsave.is_scheduled = true;
        ctx.reply().simple("Background saving scheduled");
        return Ok(());
    }
    if ctx.server.persist.rewrite.is_running() {
        return Err(CommandError::Fixed(OTHER_CHILD));
    }
    ctx.server.begin_save(None);
    ctx.reply().simple("Background saving started");
    Ok(())
}

const OTHER_CHILD: &str = "ERR Another child process is active (AOF?): can't BGSAVE right now. Use \
BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.";

fn bgrewriteaof(ctx: &mut Ctx<'_>) -> Outcome {
    if ctx.server.persist.rewrite.is_running() {
        return Err(CommandError::Fixed(
            "ERR Background append only file rewriting already in progress",
        ));
    }
    // A shutdown may have a snapshot to save first; it may also be aborted.
    let persist = &mut ctx.server.persist;
    let waits = persist.bgsave.is_running() || persist.shutdown.is_some();
    persist.rewrite.not_before_ns = ctx.server.now.mono_ns;
    if waits || ctx.server.log.is_in_transaction() {
        persist.rewrite.is_wanted = true;
    } else {
        // What else this turn asks for finds it under way.
        ctx.server.begin_rewrite();
    }
    let state = if waits { "scheduled" } else { "started" };
    ctx.reply().simple(&format!("Background append only file rewriting {state}"));
    Ok(())
}

fn lastsave(ctx: &mut Ctx<'_>) -> Outcome {
    let at_s = ctx.server.last_save_s();
    ctx.reply().int(at_s);
    Ok(())
}

fn waitaof(ctx: &mut Ctx<'_>) -> Outcome {
    let local = ctx.int(1)?;
    if !(0..=1).contains(&local) {
        return Err(CommandError::Fixed("ERR value is out of range, value must between 0 and 1"));
    }
    let replicas = ctx.int(2).ok().and_then(|count| u64::try_from(count).ok());
    let replicas = replicas.ok_or(CommandError::Fixed(NOT_POSITIVE))?;
    let timeout_ms = ctx.int(3).map_err(|_| CommandError::Fixed(NO_TIMEOUT))?;
    let timeout_ms =
        u64::try_from(timeout_ms).map_err(|_| CommandError::Fixed("ERR timeout is negative"))?;
    if local > 0 && ctx.server.persist.aof.state == AofState::Off {
        return Err(CommandError::Fixed(NO_LOG));
    }
    let lsn = ctx.client.write_lsn.max(ctx.server.open_lsn_of(ctx.client));
    let is_durable = ctx.server.is_durable(lsn);
    let is_enough = replicas == 0 && (local == 0 || is_durable);
    if is_enough || ctx.server.log.is_in_transaction() {
        write_reply(ctx.client, is_durable);
        return Ok(());
    }
    let until_ns = (timeout_ms > 0)
        .then(|| ctx.server.now.mono_ns.saturating_add(timeout_ms.saturating_mul(1_000_000)));
    let waiter = Waiter::park(ctx);
    ctx.server.persist.waitaof.push(Waiting { waiter, lsn, until_ns, replicas });
    Ok(())
}

const NOT_POSITIVE: &str = "ERR value is out of range, must be positive";

const NO_TIMEOUT: &str = "ERR timeout is not an integer or out of range";

const NO_LOG: &str = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
