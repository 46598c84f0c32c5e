//! MULTI, EXEC, DISCARD, WATCH and UNWATCH.
//!
//! Commands between MULTI and EXEC are checked and copied when they arrive, and run together at
//! EXEC with nothing between them. One that could not even be queued fails the whole; one that
//! fails when it runs does not stop the others. A watched key that changed, in any way and by
//! anybody, makes EXEC answer nil.

use crate::client::Client;
use crate::client::transaction::{Transaction, Watched};
use crate::command::args::Args;
use crate::command::ctx::Ctx;
use crate::command::dispatch;
use crate::command::error::{CommandError, Outcome};
use crate::command::spec::{Categories, Command, Flags, Group, KeyFlags, KeySpec};
use crate::server::Server;

/// The rows of this file.
pub(crate) const COMMANDS: &[Command] = &[
    Command::new("multi", 1, Group::Transactions, multi)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::ALLOW_BUSY])
        .categories(&[Categories::TRANSACTION])
        .docs("1.2.0", "Starts a transaction.", "O(1)"),
    Command::new("exec", 1, Group::Transactions, exec)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::SKIP_SLOWLOG])
        .categories(&[Categories::TRANSACTION])
        .docs("1.2.0", "Runs the commands of a transaction.", "Depends on the commands in it"),
    Command::new("discard", 1, Group::Transactions, discard)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::ALLOW_BUSY])
        .categories(&[Categories::TRANSACTION])
        .docs("2.0.0", "Forgets the commands of a transaction.", "O(N), N being their number"),
    Command::new("watch", -2, Group::Transactions, watch)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::ALLOW_BUSY])
        .categories(&[Categories::TRANSACTION])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .arguments("key:key*")
        .docs("2.2.0", "Makes the next transaction depend on keys not changing.", "O(1) a key"),
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
    let now_expired = ctx.client.has_watched_expired(ctx.server);
    let Some(transaction) = ctx.server.leave_transaction(ctx.client) else { return Ok(()) };
    if transaction.is_aborted {
        return Err(CommandError::Fixed(
            "EXECABORT Transaction discarded because of previous errors.",
        ));
    }
    if transaction.is_touched || now_expired {
        ctx.reply().null_array();
        return Ok(());
    }
    run_queue(ctx, &transaction);
    Ok(())
}

fn run_queue(ctx: &mut Ctx<'_>, transaction: &Transaction) {
    ctx.reply().array(transaction.queue.len());
    ctx.server.log.begin_transaction();
    for queued in &transaction.queue {
        let first = queued.first_span as usize;
        let spans = &transaction.spans[first..first + queued.spans as usize];
        let mut inner = Ctx {
            server: ctx.server,
            client: ctx.client,
            args: Args::new(&transaction.args, spans),
            first_hash: None,
            command: queued.command,
        };
        dispatch::call(&mut inner, queued.command);
    }
    ctx.server.log.end_transaction();
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
    let (db, conn) = (ctx.client.db, ctx.client.conn);
    for name in ctx.args.from(1) {
        let was_expired = ctx.server.is_expired(db, name);
        let transaction = ctx.client.transaction.get_or_insert_default();
        if transaction.watched.iter().any(|other| other.db == db && *other.key == *name) {
            continue;
        }
        transaction.watched.push(Watched { db, key: name.into(), was_expired });
        ctx.server.watches.add(db, name, conn);
    }
    ctx.reply().ok();
    Ok(())
}

fn unwatch(ctx: &mut Ctx<'_>) -> Outcome {
    if !ctx.client.in_transaction() {
        ctx.server.leave_transaction(ctx.client);
    }
    ctx.reply().ok();
    Ok(())
}

impl Client {
    /// Whether the deadline of a watched key has passed since it was watched.
    fn has_watched_expired(&self, server: &Server) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| {
            let mut watched = transaction.watched.iter();
            watched.any(|key| !key.was_expired && server.is_expired(key.db, &key.key))
        })
    }
}

impl Server {
    /// Whether a key is there whose deadline has passed.
    fn is_expired(&self, db: u16, name: &[u8]) -> bool {
        let db = &self.dbs[db as usize];
        let at = db.find(self.hasher.key(name)).and_then(|place| db.entry(place).expire_at_ms());
        at.is_some_and(|at| self.now.has_passed(at))
    }

    /// Ends a client's transaction and its watches; returns what it was.
    pub(crate) fn leave_transaction(
        &mut self,
        client: &mut Client,
    ) -> Option<alloc::boxed::Box<Transaction>> {
        let transaction = client.transaction.take()?;
        for watched in &transaction.watched {
            self.watches.remove(watched.db, &watched.key, client.conn);
        }
        Some(transaction)
    }
}
