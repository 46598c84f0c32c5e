//! Commands of the log, executed again.
//!
//! They run through the same code as those of clients, for a client that nobody sees: it gets no
//! replies, its commands are not logged, not counted and not refused while loading. No clock is
//! read: the wall clock stands before 1970, where no deadline has passed.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::client::{Client, ReplyMode};
use crate::server::Server;
use crate::turn::{ConnId, Core, Peer};

/// Strings of files may be as long as this: they may have been written under a higher limit than
/// the one in force.
pub(crate) const LOADED_BYTES_MAX: u64 = 512 << 20;

/// The client that commands of the log run for.
pub(crate) fn client() -> Box<Client> {
    let conn = ConnId { slot: u32::MAX, generation: u32::MAX };
    let peer =
        Peer { addr: "log".into(), laddr: "log".into(), is_local: true, is_unix: false, fd: -1 };
    let mut client = Box::new(Client::new(conn, u64::MAX, peer, 0));
    client.authenticated = true;
    client.reply = ReplyMode::Off;
    client.replays = true;
    client
}

impl Server {
    /// The longest string that a client may say or make.
    #[inline]
    pub(crate) fn string_bytes_max(&self, client: &Client) -> u64 {
        let most = self.config.proto_max_bulk_len;
        if client.replays { most.max(LOADED_BYTES_MAX) } else { most }
    }
}

impl Core {
    /// Executes whole commands.
    ///
    /// # Errors
    ///
    /// When one of them cannot be executed: how far it came, and why, in words.
    pub(crate) fn replay(&mut self, client: &mut Client, commands: &[u8]) -> Result<(), String> {
        let now = self.server.now;
        let is_logged = core::mem::replace(&mut self.server.log.is_on, false);
        let errors = self.server.stats.error_replies;
        self.server.now.wall_us = -1;
        let mut at = 0;
        while at < commands.len() {
            self.server.begin_feed();
            let fed = self.run(client, &commands[at..]);
            if fed.consumed == 0 {
                break;
            }
            at += fed.consumed;
        }
        self.server.now = now;
        self.server.log.is_on = is_logged;
        if self.server.stats.error_replies > errors {
            let code = self.server.stats.errors.keys().next();
            let code = code.map_or("an error", String::as_str);
            return Err(format!("a command of the log was refused ({code})"));
        }
        if at < commands.len() {
            return Err(format!("execution stopped {} bytes early", commands.len() - at));
        }
        Ok(())
    }
}
