//! What goes on when the shell has done what it was asked.

use super::Server;
use crate::turn::{IoResult, Ticket};

/// What waits for a completion.
#[derive(Debug)]
pub(crate) enum Continuation {}

impl Server {
    /// Goes on with the result of a request.
    pub(crate) fn complete(&mut self, ticket: Ticket, _result: IoResult) {
        if let Some(then) = self.outbox.waiting.remove(&ticket) {
            match then {}
        }
    }
}
