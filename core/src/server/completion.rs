//! What goes on when the shell has done what it was asked.
//!
//! A command that cannot answer yet parks its client: nothing more of that client is executed, so
//! the answer, whenever it comes, is the next thing it reads. A client that goes away meanwhile
//! changes nothing but that nobody gets the answer.

use alloc::boxed::Box;

use super::Server;
use crate::client::{Client, ReplyMode};
use crate::command::Ctx;
use crate::command::error::Outcome;
use crate::command::server::Change;
use crate::persist::Step;
use crate::turn::{ConnId, IoResult, Ticket};

/// What waits for a completion.
#[derive(Debug)]
pub(crate) enum Continuation {
    /// CONFIG SET: the next step, or the end.
    Change(Box<Change>),
    /// CONFIG REWRITE: the old file.
    ConfigRead(Waiter),
    /// CONFIG REWRITE: the new file.
    ConfigWritten(Waiter),
    /// A step of the append-only file, of a save or of the recovery.
    Persist(Step),
    /// Values that were handed out to be freed are free.
    Freed {
        /// How many.
        objects: u64,
    },
}

/// A client that waits for the answer to a command.
#[derive(Debug)]
pub(crate) struct Waiter {
    conn: ConnId,
    command: u16,
    /// CLIENT REPLY has not switched the answer off.
    is_answered: bool,
}

impl Waiter {
    /// Whether it is that of a connection.
    pub(crate) fn is_of(&self, conn: ConnId) -> bool {
        self.conn == conn
    }

    /// Stops the client of a command that will answer by [`Server::answer`]. The command returns
    /// without a reply.
    pub(crate) fn park(ctx: &mut Ctx<'_>) -> Self {
        ctx.client.is_waiting = true;
        let is_answered = ctx.client.reply == ReplyMode::On;
        Self { conn: ctx.client.conn, command: ctx.command, is_answered }
    }
}

impl Server {
    /// Goes on with the result of a request.
    pub(crate) fn complete(&mut self, ticket: Ticket, result: IoResult) {
        match self.outbox.waiting.remove(&ticket) {
            None => {}
            Some(Continuation::Change(change)) => self.step_taken(change, result),
            Some(Continuation::ConfigRead(waiter)) => self.config_read(waiter, result),
            Some(Continuation::ConfigWritten(waiter)) => self.config_written(&waiter, result),
            Some(Continuation::Persist(step)) => self.persist_done(step, ticket, result),
            Some(Continuation::Freed { objects }) => self.freed(objects),
        }
    }

    /// Answers a command whose client waits, with OK or an error, and lets the client go on.
    pub(crate) fn answer(&mut self, waiter: &Waiter, outcome: Outcome) {
        if let Err(error) = outcome {
            self.command_stats[waiter.command as usize].failed_calls += 1;
            let Some(mut client) = self.clients.take(waiter.conn) else { return };
            client.output.open(&mut self.pool);
            if waiter.is_answered {
                self.write_error(&mut client, &error);
            }
            self.clients.put_back(client);
            return self.answer_with(waiter, |_| {});
        }
        self.answer_with(waiter, |client| client.output.ok());
    }

    /// Answers a command whose client waits with what `write` writes, and lets the client go on.
    pub(crate) fn answer_with(&mut self, waiter: &Waiter, write: impl FnOnce(&mut Client)) {
        let Some(mut client) = self.clients.take(waiter.conn) else { return };
        client.is_waiting = false;
        client.output.open(&mut self.pool);
        if waiter.is_answered {
            write(&mut client);
        }
        self.mark_dirty(&mut client);
        if client.is_held {
            client.is_held = false;
            self.outbox.held.retain(|&conn| conn != waiter.conn);
            self.outbox.resumed.push_back(waiter.conn);
        }
        self.clients.put_back(client);
    }
}
