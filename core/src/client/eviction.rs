//! Eviction of clients: what all of them together may use (`maxmemory-clients`).
//!
//! A crowd of clients with large queries, transactions or unread replies can use as much memory as
//! the data. When their sum passes the limit, connections are closed, that of the largest client
//! first, until it does not. CLIENT NO-EVICT spares a client, and what it uses does not count.
//!
//! The sum is kept up to date by whoever changes a client, so that the check at the end of each
//! turn is one comparison. While there is no limit nothing is counted; when one is set everybody is
//! counted once.

use alloc::format;
use alloc::vec::Vec;

use super::{Client, Closing};
use crate::config::LogLevel;
use crate::server::Server;
use crate::turn::ConnId;

/// What the clients use together.
#[derive(Debug, Default)]
pub(crate) struct ClientMemory {
    is_counting: bool,
    /// Sum of what each client counts, in bytes.
    total: usize,
}

impl ClientMemory {
    /// A client may have grown or shrunk.
    #[inline]
    pub(crate) fn count(&mut self, client: &mut Client) {
        if self.is_counting {
            let is_spared = client.no_evict || client.is_closing();
            let bytes = if is_spared { 0 } else { client.memory_bytes() };
            self.total = self.total - client.counted_bytes + bytes;
            client.counted_bytes = bytes;
        }
    }

    /// A client is gone.
    pub(crate) fn forget(&mut self, client: &mut Client) {
        if self.is_counting {
            self.total -= core::mem::take(&mut client.counted_bytes);
        }
    }
}

impl Server {
    /// Closes the largest clients while all together are above the limit. Runs at the end of every
    /// turn, before anything is sent.
    pub(crate) fn evict_clients(&mut self) {
        let limit = self.config.maxmemory_clients.limit_bytes(self.config.maxmemory);
        let Some(limit) = limit else {
            self.client_memory = ClientMemory::default();
            return;
        };
        if !self.client_memory.is_counting {
            self.count_all_clients();
        }
        if self.client_memory.total as u64 > limit {
            self.evict_down_to(limit);
        }
    }

    fn count_all_clients(&mut self) {
        self.client_memory = ClientMemory { is_counting: true, total: 0 };
        for client in self.clients.iter_mut() {
            client.counted_bytes = 0;
            self.client_memory.count(client);
        }
    }

    #[cold]
    fn evict_down_to(&mut self, limit: u64) {
        let counted = self.clients.iter().map(|client| (client.counted_bytes, client.conn));
        let mut largest: Vec<(usize, ConnId)> = counted.filter(|(bytes, _)| *bytes > 0).collect();
        largest.sort_unstable_by(|a, b| b.cmp(a));
        for (bytes, conn) in largest {
            if self.client_memory.total as u64 <= limit {
                break;
            }
            let Some(mut client) = self.clients.take(conn) else { continue };
            self.close(&mut client, Closing::Now);
            self.client_memory.count(&mut client);
            self.stats.evicted_clients += 1;
            let (id, addr) = (client.id, &client.peer.addr);
            let line = format!("Evicting client: id={id} addr={addr} tot-mem={bytes}");
            self.log_line(LogLevel::Notice, line);
            self.clients.put_back(client);
        }
    }
}

#[cfg(test)]
impl Server {
    /// Whether the sum is that of a walk over all clients.
    pub(crate) fn client_memory_is_true(&self) -> bool {
        let walked: usize = self.clients.iter().map(Client::memory_bytes).sum();
        self.client_memory.is_counting && self.client_memory.total == walked
    }
}
