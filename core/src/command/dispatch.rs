//! Dispatch: what happens around every command.
//!
//! In Redis's order: does it exist, has it the right number of arguments, is the client known,
//! may a subscriber call it, is a transaction open that queues it. Then it runs, its statistics
//! are kept, and what it changed is logged.
//!
//! Replies are written where they are made, so what CLIENT REPLY does not want is cut off again.
//! Messages to a subscriber are no replies: those that it is sent while its own command runs wait
//! until the command, or the transaction around it, has replied.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::args::Args;
use super::ctx::Ctx;
use super::error::{CommandError, Outcome};
use super::spec::{Command, Flags};
use crate::client::output::Mark;
use crate::client::{Client, ReplyMode};
use crate::config::ProtectedAction;
use crate::server::Server;

/// So many bytes of what a client sent are quoted in an error.
pub(crate) const QUOTED_MAX: usize = 128;

/// Handles one request; `id` is the command that its first word names. Returns the command that
/// ran and what it cost.
pub(crate) fn process(ctx: &mut Ctx<'_>, id: Option<u16>) -> Option<(u16, u64)> {
    if ctx.client.reply == ReplyMode::SkipNext {
        ctx.client.reply = ReplyMode::Skip;
    }
    ctx.client.commands += 1;
    let ran = match check(ctx.server, ctx.client, ctx.args, id) {
        Ok(id) => {
            ctx.command = id;
            ctx.client.last_command = Some(id);
            run_or_queue(ctx, id)
        }
        Err((id, error)) => {
            ctx.client.last_command = id;
            reject(ctx, id, error);
            None
        }
    };
    if ctx.client.reply == ReplyMode::Skip {
        ctx.client.reply = ReplyMode::On;
    }
    write_deferred(ctx.client);
    ran
}

/// Writes the messages that came while the client's own command ran.
fn write_deferred(client: &mut Client) {
    if !client.deferred.is_empty() {
        let messages = core::mem::take(&mut client.deferred);
        if !client.is_closing() {
            client.output.tail.extend_from_slice(&messages);
        }
    }
}

/// Executes the command of a client that waited for keys once more.
pub(crate) fn again(ctx: &mut Ctx<'_>, id: u16) {
    match check(ctx.server, ctx.client, ctx.args, Some(id)) {
        Ok(id) => {
            call(ctx, id);
        }
        Err((id, error)) => reject(ctx, id, error),
    }
    write_deferred(ctx.client);
}

/// Handles a request of a command that is plain (see `registry::Facts`) and has enough arguments,
/// for a client and a server that are calm: nothing of [`process`] but to run it. Returns its cost.
#[inline]
pub(crate) fn process_plain(ctx: &mut Ctx<'_>, id: u16) -> u64 {
    ctx.client.commands += 1;
    ctx.client.last_command = Some(id);
    let command = ctx.server.command(id);
    let before = Before::of(ctx);
    let outcome = (command.run)(ctx);
    if let Err(error) = &outcome {
        failed(ctx, id, error);
    }
    finish(ctx, id, before)
}

type Rejection = (Option<u16>, CommandError);

/// Everything that can refuse a command before it runs.
pub(crate) fn check(
    server: &Server,
    client: &Client,
    args: Args<'_>,
    id: Option<u16>,
) -> Result<u16, Rejection> {
    let id = resolve(server, args, id)?;
    let row = server.registry.row(id);
    let command = row.command;
    let refuse = |error| Err((Some(id), error));
    if !command.takes(args.len()) {
        let text = format!("ERR wrong number of arguments for '{}' command", row.full_name);
        return refuse(CommandError::Text(text));
    }
    if command.flags.has(Flags::PROTECTED) && !is_allowed(server, client) {
        return refuse(CommandError::Fixed(DEBUG_NOT_ALLOWED));
    }
    if server.needs_auth(client) && !command.flags.has(Flags::NO_AUTH) {
        return refuse(CommandError::Fixed("NOAUTH Authentication required."));
    }
    if server.is_loading() && !client.replays && !command.flags.has(Flags::LOADING) {
        return refuse(CommandError::Fixed(LOADING));
    }
    if let Some(error) = server.misconf(client, id) {
        return refuse(error);
    }
    if client.is_subscriber() && !client.output.resp3 && !may_subscriber_call(command.name) {
        return refuse(CommandError::Text(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
             are allowed in this context",
            row.full_name
        )));
    }
    if client.is_monitor && server.uses_keyspace(client, id) {
        return refuse(CommandError::Fixed("ERR Replica can't interact with the keyspace"));
    }
    Ok(id)
}

const LOADING: &str = "LOADING Redis is loading the dataset in memory";

/// Whether the directive that guards DEBUG lets this client call it.
fn is_allowed(server: &Server, client: &Client) -> bool {
    match server.config.enable_debug_command {
        ProtectedAction::No => false,
        ProtectedAction::Yes => true,
        ProtectedAction::Local => client.peer.is_local,
    }
}

const DEBUG_NOT_ALLOWED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option \
is set to \"local\", you can run it from a local connection, otherwise you need to set this option \
in the configuration file, and then restart the server.";

/// The command or subcommand that the first words name.
fn resolve(server: &Server, args: Args<'_>, id: Option<u16>) -> Result<u16, Rejection> {
    let Some(id) = id else { return Err((None, unknown(args))) };
    let command = server.command(id);
    if command.subcommands.is_empty() || args.len() < 2 {
        return Ok(id);
    }
    server.registry.find_subcommand(id, args.at(1)).ok_or_else(|| {
        let container = command.name.to_ascii_uppercase();
        let mut text = b"ERR unknown subcommand '".to_vec();
        text.extend_from_slice(quoted(args.at(1), QUOTED_MAX));
        text.extend_from_slice(format!("'. Try {container} HELP.").as_bytes());
        // Redis knows no command here, so none is counted as rejected.
        (None, CommandError::Bytes(text))
    })
}

fn unknown(args: Args<'_>) -> CommandError {
    let mut shown = Vec::new();
    for arg in args.from(1) {
        if shown.len() >= QUOTED_MAX {
            break;
        }
        shown.push(b'\'');
        shown.extend_from_slice(quoted(arg, QUOTED_MAX + 1 - shown.len()));
        shown.extend_from_slice(b"' ");
    }
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(quoted(args.at(0), QUOTED_MAX));
    text.extend_from_slice(b"', with args beginning with: ");
    text.extend_from_slice(&shown);
    CommandError::Bytes(text)
}

/// What an error quotes of a client's word: the bytes up to the first NUL, not too many.
pub(crate) fn quoted(word: &[u8], limit: usize) -> &[u8] {
    let word = &word[..word.len().min(limit)];
    word.iter().position(|&byte| byte == 0).map_or(word, |end| &word[..end])
}

fn may_subscriber_call(name: &str) -> bool {
    matches!(
        name,
        "ping"
            | "subscribe"
            | "ssubscribe"
            | "unsubscribe"
            | "sunsubscribe"
            | "psubscribe"
            | "punsubscribe"
            | "quit"
            | "reset"
    )
}

/// Answers with an error that kept a command from running; a transaction it was meant for fails,
/// and one that it was to end is over.
fn reject(ctx: &mut Ctx<'_>, id: Option<u16>, error: CommandError) {
    let mark = ctx.client.output.mark();
    if let Some(id) = id {
        ctx.server.command_stats[id as usize].rejected_calls += 1;
    }
    let exec = id.map(|id| ctx.server.command(id)).filter(|command| command.name == "exec");
    if exec.is_some() {
        let error = abort_transaction(ctx, &error);
        write_error(ctx, &error);
    } else {
        if let Some(transaction) = &mut ctx.client.transaction {
            transaction.is_aborted |= transaction.is_open;
        }
        write_error(ctx, &error);
    }
    mute(ctx, mark);
    if let Some(command) = exec {
        ctx.server.show_to_monitors(ctx.client, command, ctx.args);
    }
}

/// A refused EXEC ends its transaction; the answer says why.
fn abort_transaction(ctx: &mut Ctx<'_>, error: &CommandError) -> CommandError {
    ctx.server.leave_transaction(ctx.client);
    let text = error.to_bytes();
    let why = text.strip_prefix(b"ERR ").unwrap_or(&text);
    CommandError::Bytes([b"EXECABORT Transaction discarded because of: ", why].concat())
}

/// Writes an error and counts it.
pub(crate) fn write_error(ctx: &mut Ctx<'_>, error: &CommandError) {
    ctx.server.write_error(ctx.client, error);
}

fn run_or_queue(ctx: &mut Ctx<'_>, id: u16) -> Option<(u16, u64)> {
    let command = ctx.server.command(id);
    if ctx.client.in_transaction() && !runs_in_transaction(command.name) {
        if command.flags.has(Flags::NO_MULTI) {
            reject(ctx, Some(id), CommandError::Fixed(NOT_IN_MULTI));
        } else {
            queue(ctx, id);
        }
        return None;
    }
    let cost = call(ctx, id);
    // One that waits for keys has not happened yet.
    ctx.client.wait.is_none().then_some((id, cost))
}

const NOT_IN_MULTI: &str = "ERR Command not allowed inside a transaction";

fn runs_in_transaction(name: &str) -> bool {
    matches!(name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}

fn queue(ctx: &mut Ctx<'_>, id: u16) {
    let mark = ctx.client.output.mark();
    let transaction = ctx.client.transaction.get_or_insert_with(Box::default);
    transaction.push(id, ctx.args);
    ctx.reply().simple("QUEUED");
    mute(ctx, mark);
}

/// Runs a command that nothing refuses; returns its cost.
pub(crate) fn call(ctx: &mut Ctx<'_>, id: u16) -> u64 {
    let command = ctx.server.command(id);
    let before = Before::of(ctx);
    let mark = ctx.client.output.mark();
    let was_closing = ctx.client.is_closing();
    let outer = core::mem::replace(&mut ctx.command, id);
    let outcome: Outcome = (command.run)(ctx);
    if let Err(error) = &outcome {
        failed(ctx, id, error);
    }
    let is_unwanted = ctx.client.reply.is_muted() && !replies_in_any_mode(command, &outcome);
    if was_closing || is_unwanted {
        ctx.client.output.cut(mark);
    }
    let cost = match ctx.client.wait {
        Some(_) => put_off(ctx, before),
        None => finish(ctx, id, before),
    };
    if !ctx.server.monitors.is_empty() && !ctx.server.blocking.is_serving() {
        ctx.server.show_to_monitors(ctx.client, command, ctx.args);
    }
    ctx.command = outer;
    cost
}

/// What is to be compared with when a command has run.
struct Before {
    db: u32,
    dirty: u64,
    total: u64,
}

impl Before {
    #[inline]
    fn of(ctx: &Ctx<'_>) -> Self {
        let (stats, ledger) = (&ctx.server.stats, &ctx.server.ledger);
        Self { db: ctx.client.db, dirty: stats.dirty, total: ledger.total }
    }
}

#[cold]
fn failed(ctx: &mut Ctx<'_>, id: u16, error: &CommandError) {
    ctx.server.command_stats[id as usize].failed_calls += 1;
    write_error(ctx, error);
}

/// A command that waits for keys has not happened yet: nothing is counted. But the consumer that
/// XREADGROUP waits for is there from now on.
#[cold]
fn put_off(ctx: &mut Ctx<'_>, before: Before) -> u64 {
    let changed = ctx.server.stats.dirty != before.dirty;
    ctx.server.log.finish_command(before.db, ctx.args, changed);
    ctx.server.ledger.cost = 0;
    0
}

/// Logs what a command changed and books it; returns its cost.
#[inline]
fn finish(ctx: &mut Ctx<'_>, id: u16, before: Before) -> u64 {
    let changed = ctx.server.stats.dirty != before.dirty;
    ctx.server.log.finish_command(before.db, ctx.args, changed);
    ctx.server.stats.commands_processed += 1;
    ctx.server.ledger.book(id, before.total)
}

/// Takes back what was written since `mark` if the client wants no replies.
fn mute(ctx: &mut Ctx<'_>, mark: Mark) {
    if ctx.client.reply.is_muted() {
        ctx.client.output.cut(mark);
    }
}

/// Whether CLIENT REPLY is none of the dispatcher's business: confirmations of subscriptions are
/// sent even when no replies are, and EXEC has cut what its commands wrote one by one.
fn replies_in_any_mode(command: &Command, outcome: &Outcome) -> bool {
    let is_confirmation = command.name.ends_with("subscribe");
    outcome.is_ok() && (is_confirmation || command.name == "exec")
}

impl Server {
    /// The row of a command's number.
    #[inline]
    pub(crate) fn command(&self, id: u16) -> &'static Command {
        self.registry.row(id).command
    }

    /// Writes an error to a client and counts it.
    pub(crate) fn write_error(&mut self, client: &mut Client, error: &CommandError) {
        let text = error.to_bytes();
        let code = text.split(|&byte| byte == b' ').next().unwrap_or_default();
        self.count_error(&String::from_utf8_lossy(code));
        client.output.error_bytes(&text);
    }

    /// Counts an error reply by its code.
    pub(crate) fn count_error(&mut self, code: &str) {
        self.stats.error_replies += 1;
        // Redis stops telling codes apart when a client could make up more and more of them.
        if let Some(count) = self.stats.errors.get_mut(code) {
            *count += 1;
        } else if self.stats.errors.len() < 128 {
            self.stats.errors.insert(String::from(code), 1);
        }
    }

    /// Whether the client must say who it is first.
    #[inline]
    pub(crate) fn needs_auth(&self, client: &Client) -> bool {
        !client.authenticated && self.config.requirepass.is_some()
    }

    /// Whether a command, or the transaction that it runs, may read or write keys or publish.
    fn uses_keyspace(&self, client: &Client, id: u16) -> bool {
        let flags = [Flags::READONLY, Flags::WRITE, Flags::MAY_REPLICATE];
        flags.iter().any(|&flag| self.runs_any(client, id, flag))
    }
}
