//! What the core asks of the system beside the network.
//!
//! What takes no time, or must happen where the sockets are, is done at once, and the core hears of
//! it before the replies of the turn leave. All else goes to other threads and completes in a later
//! turn.

use std::io;

use mio::Registry;
use seedis_core::io::IoError;
use seedis_core::{IoReq, IoResult, Ticket};

use crate::accept::Acceptor;
use crate::disk::Disk;
use crate::logging::Log;
use crate::open_files;
use crate::record::{Effects, Turn};
use crate::settings;
use crate::system;

/// The parts of the loop that requests are about.
#[derive(Debug)]
pub(crate) struct Shell<'a> {
    pub(crate) acceptor: &'a mut Acceptor,
    pub(crate) registry: &'a Registry,
    pub(crate) log: &'a Log,
}

/// Requests that have not completed.
#[derive(Debug)]
pub(crate) struct Requests {
    disk: Disk,
}

impl Requests {
    pub(crate) fn new(disk: Disk) -> Self {
        Self { disk }
    }

    /// Keys that the snapshot being written has written.
    pub(crate) fn saved_keys(&self) -> u64 {
        self.disk.saved_keys()
    }

    /// Tells the core of what other threads have done.
    pub(crate) fn deliver(&mut self, turn: &mut Turn<'_>) {
        while let Some((ticket, result)) = self.disk.completed() {
            turn.done(ticket, result);
        }
    }

    /// Does what the core asks, or has it done; whether there was anything.
    #[inline]
    pub(crate) fn carry_out(&mut self, effects: &mut Effects<'_>, shell: &mut Shell<'_>) -> bool {
        let mut is_any = false;
        while let Some((ticket, request)) = effects.io() {
            is_any = true;
            if let Some(result) = self.take(ticket, request, shell) {
                effects.done(ticket, result);
            }
        }
        is_any
    }

    /// Returns how a request ended, if it has.
    fn take(&mut self, ticket: Ticket, request: IoReq, shell: &mut Shell<'_>) -> Option<IoResult> {
        Some(match request {
            IoReq::Listen { bind, port } => {
                let moved = shell.acceptor.move_tcp(&bind, port, shell.registry, shell.log);
                moved.map_or_else(failed, |()| IoResult::Done)
            }
            IoReq::ChangeDir { path } => {
                settings::enter(settings::path(&path)).map_or_else(failed, IoResult::Bytes)
            }
            IoReq::AllowClients { count } => allow(count, shell.log),
            other => return self.disk.ask(ticket, other),
        })
    }

    /// Waits for the other threads.
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
