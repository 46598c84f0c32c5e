//! What the core asks of the system beside the network.
//!
//! File work goes to the helper thread. What takes no time, or must happen where the sockets are,
//! is done at once; its completion still waits for the next turn, since this one is sealed.

use std::io;

use mio::Registry;
use seedis_core::io::IoError;
use seedis_core::{IoReq, IoResult, Ticket, Turn};

use crate::accept::Acceptor;
use crate::disk::{Disk, Job};
use crate::logging::Log;
use crate::open_files;
use crate::settings;
use crate::system;

/// Requests that have not completed, or whose completion the core has not heard of.
#[derive(Debug)]
pub(crate) struct Requests {
    disk: Disk,
    /// Completions of what was done at once.
    completed: Vec<(Ticket, IoResult)>,
}

impl Requests {
    pub(crate) fn new(disk: Disk) -> Self {
        Self { disk, completed: Vec::new() }
    }

    /// Whether the core is to hear of a completion without waiting for events.
    pub(crate) fn has_work(&self) -> bool {
        !self.completed.is_empty()
    }

    /// Tells the core of completions, those of the helper thread if it `has_called`.
    #[inline]
    pub(crate) fn deliver(&mut self, turn: &mut Turn<'_>, has_called: bool) {
        for (ticket, result) in self.completed.drain(..) {
            turn.done(ticket, result);
        }
        if has_called {
            while let Some((ticket, result)) = self.disk.completed() {
                turn.done(ticket, result);
            }
        }
    }

    /// Does what the core asks, or has it done.
    pub(crate) fn take(
        &mut self,
        (ticket, request): (Ticket, IoReq),
        acceptor: &mut Acceptor,
        registry: &Registry,
        log: &Log,
    ) {
        let result = match request {
            IoReq::Read { name } => return self.disk.ask(ticket, Job::Read(name)),
            IoReq::Replace { name, bytes } => {
                return self.disk.ask(ticket, Job::Replace(name, bytes));
            }
            IoReq::Drop(garbage) => return self.disk.ask(ticket, Job::Drop(garbage)),
            IoReq::Listen { bind, port } => {
                let moved = acceptor.move_tcp(&bind, port, registry, log);
                moved.map_or_else(failed, |()| IoResult::Done)
            }
            IoReq::ChangeDir { path } => {
                settings::enter(settings::path(&path)).map_or_else(failed, IoResult::Bytes)
            }
            IoReq::AllowClients { count } => allow(count, log),
            other => IoResult::Failed(IoError::other(&format!("{other:?} is not done yet"))),
        };
        self.completed.push((ticket, result));
    }

    /// Waits for the helper thread.
    pub(crate) fn finish(&mut self) {
        self.disk.finish();
    }
}

fn allow(clients: u32, log: &Log) -> IoResult {
    match open_files::make_room(clients, log) {
        Ok(allowed) if allowed >= clients => IoResult::Done,
        Ok(allowed) => IoResult::Failed(IoError::other(&allowed.to_string())),
        Err(_) => IoResult::Failed(IoError::other("0")),
    }
}

fn failed(error: io::Error) -> IoResult {
    IoResult::Failed(system::io_error(&error))
}
