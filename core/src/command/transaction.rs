//! MULTI, EXEC, DISCARD, WATCH and UNWATCH.
//!
//! Commands between MULTI and EXEC are checked and copied when they arrive, and run together at
//! EXEC with nothing between them. One that could not even be queued fails the whole; one that
//! fails when it runs does not stop the others. A watched key that changed, in any way and by
//! anybody, makes EXEC answer nil.

use crate::client::transaction::Transaction;
use crate::command::ctx::Ctx;
use crate::command::dispatch;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("multi", 1, Group::Transactions, multi)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::ALLOW_BUSY])
        .categories(&[Categories::TRANSACTION])
        .docs("1.2.0", "Starts a transaction.", "O(1)"),
    Command::new("exec", 1, Group::Transactions, exec)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::SKIP_SLOWLOG])
        .categories(&[Categories::TRANSACTION])
        .docs(
            "1.2.0",
            "Runs the commands of a transaction.",
            "Depends on commands in the transaction",
        ),
    Command::new("discard", 1, Group::Transactions, discard)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::ALLOW_BUSY])
        .categories(&[Categories::TRANSACTION])
        .docs(
            "2.0.0",
            "Forgets the commands of a transaction.",
            "O(N), when N is the number of queued commands",
        ),
    Command::new("watch", -2, Group::Transactions, watch)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::ALLOW_BUSY])
        .categories(&[Categories::TRANSACTION])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .arguments("key:key*")
        .docs(
            "2.2.0",
            "Makes the next transaction depend on keys not changing.",
            "O(1) for every key.",
        ),
    Command::new("unwatch", 1, Group::Transactions, unwatch)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::ALLOW_BUSY])
        .categories(&[Categories::TRANSACTION])
        .docs("2.2.0", "Forgets the watched keys of the connection.", "O(1)"),
];

fn multi(ctx: &mut Ctx<'_>) -> Outcome {
    let transaction = ctx.client.transaction.get_or_insert_default();
    if transaction.is_open {
        return Err(CommandError::Fixed("ERR MULTI calls can not be nested"));
    }
    transaction.is_open = true;
    ctx.reply().ok();
    Ok(())
}

fn exec(ctx: &mut Ctx<'_>) -> Outcome {
    if !ctx.client.in_transaction() {
        return Err(CommandError::Fixed("ERR EXEC without MULTI"));
    }
    let now_expired = ctx.server.has_watched_expired(ctx.client);
    let Some(transaction) = ctx.server.leave_transaction(ctx.client) else { return Ok(()) };
    if transaction.is_aborted {
        return Err(CommandError::Fixed(
            "EXECABORT Transaction discarded because of previous errors.",
        ));
    }
    let is_muted = ctx.client.reply.is_muted();
    if transaction.is_touched || now_expired {
        if !is_muted {
            ctx.reply().null_array();
        }
        return Ok(());
    }
    if !is_muted {
        ctx.reply().array(transaction.queue.len());
    }
    run_queue(ctx, &transaction);
    Ok(())
}

fn run_queue(ctx: &mut Ctx<'_>, transaction: &Transaction) {
    ctx.server.log.begin_transaction();
    for &queued in &transaction.queue {
        let args = transaction.args(queued);
        let mut inner = Ctx {
            server: ctx.server,
            client: ctx.client,
            args,
            first_hash: None,
            command: queued.command,
        };
        let cost = dispatch::call(&mut inner, queued.command);
        ctx.server.book_inner(queued.command, cost, args);
    }
    ctx.server.log.end_transaction();
    ctx.server.end_pause_exemption();
    // The block of its commands is all there is to log of this EXEC.
    ctx.propagate_nothing();
}

fn discard(ctx: &mut Ctx<'_>) -> Outcome {
    if !ctx.client.in_transaction() {
        return Err(CommandError::Fixed("ERR DISCARD without MULTI"));
    }
    ctx.server.leave_transaction(ctx.client);
    ctx.reply().ok();
    Ok(())
}

fn watch(ctx: &mut Ctx<'_>) -> Outcome {
    if ctx.client.in_transaction() {
        return Err(CommandError::Fixed("ERR WATCH inside MULTI is not allowed"));
    }
    for key in ctx.args.from(1) {
        ctx.server.watch(ctx.client, key);
    }
    ctx.reply().ok();
    Ok(())
}

/// Between MULTI and EXEC it is queued, and when it runs then nothing is watched any more.
fn unwatch(ctx: &mut Ctx<'_>) -> Outcome {
    if !ctx.client.in_transaction() {
        ctx.server.leave_transaction(ctx.client);
    }
    ctx.reply().ok();
    Ok(())
}
