//! Commands on the server: configuration, statistics, introspection.

pub(crate) mod command;
mod command_docs;
mod command_info;
pub(crate) mod config;
pub(crate) mod debug;
mod debug_digest;
mod debug_object;
mod debug_populate;
mod debug_protocol;
mod debug_reload;
pub(crate) mod info;
pub(crate) mod introspect;
pub(crate) mod latency;
pub(crate) mod lolwut;
pub(crate) mod memory;
mod observe;
pub(crate) mod persistence;
pub(crate) mod secrets;
pub(crate) mod shutdown;
pub(crate) mod slowlog;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use crate::client::Closing;
use crate::server::Server;

pub(crate) use config::Change;
pub(crate) use observe::{Observations, Sender};

impl Server {
    /// Resumes clients that were held because of their output, once it is sent.
    pub(crate) fn resume_drained(&mut self) {
        let held = core::mem::take(&mut self.outbox.held);
        let (go, stay): (Vec<_>, Vec<_>) = held.into_iter().partition(|&conn| {
            self.clients.get(conn).is_none_or(|client| {
                client.closing != Closing::No
                    || !client.is_waiting
                        && self.pause.is_none()
                        && !self.holds_for_persistence()
                        && !self.is_asleep()
                        && client.output.pending_bytes() == 0
            })
        });
        self.outbox.held = stay;
        for conn in go {
            if let Some(client) = self.clients.get_mut(conn) {
                client.is_held = false;
                self.outbox.resumed.push_back(conn);
            }
        }
    }
}
