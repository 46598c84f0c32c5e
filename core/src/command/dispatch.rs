//! Dispatch: what happens around every command.
//!
//! In Redis's order: does it exist, has it the right number of arguments, is the client known,
//! may a subscriber call it, is a transaction open that queues it. Then it runs, its statistics
//! are kept, and what it changed is logged.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::args::Args;
use super::ctx::Ctx;
use super::error::{CommandError, Outcome};
use super::spec::{Command, Flags};
use crate::client::ReplyMode;
use crate::client::transaction::Queued;
use crate::server::Server;
use crate::value::quote;

/// So many bytes of what a client sent are quoted in an error.
const QUOTED_MAX: usize = 128;

/// Handles one request; `id` is the command that its first word names. Returns the command that
/// ran and what it cost.
pub(crate) fn process(ctx: &mut Ctx<'_>, id: Option<u16>) -> Option<(u16, u64)> {
    let mark = ctx.client.output.mark();
    if ctx.client.reply == ReplyMode::SkipNext {
        ctx.client.reply = ReplyMode::Skip;
    }
    ctx.client.commands += 1;
    let ran = match check(ctx, id) {
        Ok(id) => {
            ctx.command = id;
            run_or_queue(ctx, id)
        }
        Err((id, error)) => {
            reject(ctx, id, &error);
            None
        }
    };
    let is_push = ran.is_some_and(|(id, _)| ctx.server.command(id).flags.has(Flags::PUBSUB));
    if ctx.client.reply != ReplyMode::On && !is_push {
        ctx.client.output.cut(mark);
    }
    if ctx.client.reply == ReplyMode::Skip {
        ctx.client.reply = ReplyMode::On;
    }
    ran
}

type Rejection = (Option<u16>, CommandError);

/// Everything that can refuse a command before it runs.
fn check(ctx: &Ctx<'_>, id: Option<u16>) -> Result<u16, Rejection> {
    let id = resolve(ctx.server, ctx.args, id)?;
    let row = ctx.server.registry.row(id);
    let command = row.command;
    let refuse = |error| Err((Some(id), error));
    if !command.takes(ctx.args.len()) {
        let text = format!("ERR wrong number of arguments for '{}' command", row.full_name);
        return refuse(CommandError::Text(text));
    }
    if !ctx.client.authenticated && !command.flags.has(Flags::NO_AUTH) {
        return refuse(CommandError::Fixed("NOAUTH Authentication required."));
    }
    if ctx.client.is_subscriber() && !ctx.client.output.resp3 && !may_subscriber_call(command.name)
    {
        return refuse(CommandError::Text(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
             are allowed in this context",
            row.full_name
        )));
    }
    Ok(id)
}

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
        (Some(id), CommandError::Bytes(text))
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
fn quoted(word: &[u8], limit: usize) -> &[u8] {
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
fn reject(ctx: &mut Ctx<'_>, id: Option<u16>, error: &CommandError) {
    if let Some(id) = id {
        ctx.server.command_stats[id as usize].rejected_calls += 1;
    }
    if id.is_some_and(|id| ctx.server.command(id).name == "exec") {
        ctx.server.leave_transaction(ctx.client);
        let why = format!("{error}");
        let why = why.strip_prefix("ERR ").unwrap_or(&why);
        let text = format!("EXECABORT Transaction discarded because of: {why}");
        return write_error(ctx, &CommandError::Text(text));
    }
    if let Some(transaction) = &mut ctx.client.transaction
        && transaction.is_open
    {
        transaction.is_aborted = true;
    }
    write_error(ctx, error);
}

/// Writes an error and counts it.
pub(crate) fn write_error(ctx: &mut Ctx<'_>, error: &CommandError) {
    let text = error.to_bytes();
    let code = text.split(|&byte| byte == b' ').next().unwrap_or_default();
    ctx.server.count_error(&String::from_utf8_lossy(code));
    ctx.client.output.error_bytes(&text);
}

fn run_or_queue(ctx: &mut Ctx<'_>, id: u16) -> Option<(u16, u64)> {
    let command = ctx.server.command(id);
    if ctx.client.in_transaction() && !runs_in_transaction(command.name) {
        if command.flags.has(Flags::NO_MULTI) {
            reject(ctx, Some(id), &CommandError::Fixed(NOT_IN_MULTI));
        } else {
            queue(ctx, id);
        }
        return None;
    }
    let cost = call(ctx, id);
    Some((id, cost))
}

const NOT_IN_MULTI: &str = "ERR Command not allowed inside a transaction";

fn runs_in_transaction(name: &str) -> bool {
    matches!(name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}

fn queue(ctx: &mut Ctx<'_>, id: u16) {
    let transaction = ctx.client.transaction.get_or_insert_with(Box::default);
    let first_span = transaction.spans.len() as u32;
    for arg in ctx.args.from(0) {
        let start = transaction.args.len() as u32;
        transaction.args.extend_from_slice(arg);
        transaction.spans.push(crate::resp::parse::Span { start, len: arg.len() as u32 });
    }
    let spans = ctx.args.len() as u32;
    transaction.queue.push(Queued { command: id, first_span, spans });
    ctx.reply().simple("QUEUED");
}

/// Runs a command that nothing refuses; returns its cost.
pub(crate) fn call(ctx: &mut Ctx<'_>, id: u16) -> u64 {
    let command = ctx.server.command(id);
    let (db, dirty) = (ctx.client.db, ctx.server.stats.dirty);
    let outer = core::mem::replace(&mut ctx.command, id);
    ctx.client.last_command = Some(id);
    ctx.server.stats.commands_processed += 1;
    if !ctx.server.monitors.is_empty() {
        ctx.server.show_to_monitors(ctx.client, command, ctx.args);
    }
    let outcome: Outcome = (command.run)(ctx);
    if let Err(error) = outcome {
        ctx.server.command_stats[id as usize].failed_calls += 1;
        write_error(ctx, &error);
    }
    let changed = ctx.server.stats.dirty != dirty;
    ctx.server.log.finish_command(db, ctx.args, changed);
    ctx.command = outer;
    ctx.server.ledger.book(id)
}

impl Server {
    /// The row of a command's number.
    #[inline]
    pub(crate) fn command(&self, id: u16) -> &'static Command {
        self.registry.row(id).command
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

    /// Sends a command to the clients that called MONITOR.
    fn show_to_monitors(
        &mut self,
        client: &crate::client::Client,
        command: &'static Command,
        args: Args<'_>,
    ) {
        if command.flags.has(Flags::SKIP_MONITOR) || command.flags.has(Flags::ADMIN) {
            return;
        }
        let (seconds, micros) =
            (self.now.wall_us.div_euclid(1_000_000), self.now.wall_us.rem_euclid(1_000_000));
        let mut line = format!("{seconds}.{micros:06} [{} {}]", client.db, client.peer.addr);
        for (at, arg) in args.from(0).enumerate() {
            let hidden = command.name == "auth" && at > 0;
            let quoted = quote::quoted(if hidden { b"(redacted)" } else { arg });
            line.push(' ');
            line.push_str(&String::from_utf8_lossy(quoted.as_ref()));
        }
        for conn in self.monitors.clone() {
            let Some(mut monitor) = self.clients.take(conn) else { continue };
            monitor.output.simple(&line);
            self.mark_dirty(&mut monitor);
            self.clients.put_back(monitor);
        }
    }
}
