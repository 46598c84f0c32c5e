//! What memory is used for, in a few figures that INFO and MEMORY share.

use crate::client::Client;
use crate::server::Server;

/// Bytes, all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryFigures {
    /// In use now.
    pub(crate) used: u64,
    /// The most that ever was.
    pub(crate) peak: u64,
    /// In use before the first client came.
    pub(crate) startup: u64,
    /// Clients with what they have yet to be sent.
    pub(crate) clients: u64,
    /// Everything but keys and values.
    pub(crate) overhead: u64,
    /// The resident set of the process; what is in use when the shell does not know.
    pub(crate) rss: u64,
    /// Keys in all databases.
    pub(crate) keys: u64,
}

impl MemoryFigures {
    /// The figures of now; `client` is the one whose command runs.
    pub(crate) fn of(server: &Server, client: &Client) -> Self {
        let used = server.used_memory() + client.output.pending_bytes() as u64;
        let data: u64 = server.dbs.iter().map(|db| db.bytes() as u64).sum();
        let startup = Server::BYTES as u64;
        let clients = used.saturating_sub(data + startup);
        let tables: usize =
            server.dbs.iter().map(|db| db.table_bytes() + db.deadline_bytes()).sum();
        Self {
            used,
            peak: server.stats.used_memory_peak.max(used),
            startup,
            clients,
            overhead: (used.saturating_sub(data) + tables as u64).min(used),
            rss: if server.host.rss_bytes == 0 { used } else { server.host.rss_bytes },
            keys: server.dbs.iter().map(|db| db.len() as u64).sum(),
        }
    }

    /// Keys and values.
    pub(crate) fn dataset(&self) -> u64 {
        self.used - self.overhead
    }

    /// Their part of what is in use beyond the start, in percent.
    pub(crate) fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.used - self.startup)
    }

    /// What is in use, in percent of the peak.
    pub(crate) fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }

    /// What is in use beyond the start, for each key.
    pub(crate) fn bytes_per_key(&self) -> u64 {
        (self.used - self.startup).checked_div(self.keys).unwrap_or(0)
    }

    /// Resident bytes for each byte in use.
    pub(crate) fn fragmentation(&self) -> f64 {
        self.rss as f64 / self.used as f64
    }

    /// Resident bytes beyond those in use; negative when a part is swapped out.
    pub(crate) fn fragmentation_bytes(&self) -> i64 {
        self.rss as i64 - self.used as i64
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}
