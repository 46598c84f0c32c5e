//! Recordings: every input of the core, written down so that a run can be had again.
//!
//! The core is a function of its inputs, so a file with all of them is the run itself: fed to the
//! same version of the core it gives the same replies, the same requests for files and the same
//! keyspace, on any machine and without the data directory. This module is the form of such a
//! file, with no file in it: [`frame`] is the outer form, checksummed, and [`entry`] what stands
//! inside, one entry an input. Whoever runs the core writes them, the simulator reads them.
//!
//! A recording proves itself: now and then a [`entry::Check`] tells what the core had put out so
//! far ([`fingerprint`]), and where the replay first differs is where a defect is. The hard case is
//! bytes that nobody wrote: a reader is told the offset, and nothing is allocated that does not
//! stand in the file. What holds secrets is masked by who writes the file ([`secrets`]).

pub mod entry;
pub mod fingerprint;
pub mod frame;
pub mod secrets;
pub mod start;
pub mod state;
pub mod wire;

pub use entry::{Check, Entry, Outcome};
pub use fingerprint::Fingerprint;
pub use frame::{Frame, Kind};
pub use start::Start;
pub use wire::Malformed;

use alloc::string::String;
use alloc::vec::Vec;

use crate::command::{Args, Registry};
use crate::resp::parse::Span;
use crate::turn::{ConnId, Core};

/// The number of a segment in a ring, by the names of the ring's file and of the segment's:
/// `FILE.7` is the seventh of `FILE`.
#[must_use]
pub fn segment_number(ring: &[u8], segment: &[u8]) -> Option<u64> {
    let digits = segment.strip_prefix(ring)?.strip_prefix(b".")?;
    core::str::from_utf8(digits).ok()?.parse().ok()
}

impl Core {
    /// The digest of all databases, as DEBUG DIGEST answers; O(bytes).
    #[must_use]
    pub fn digest(&self) -> String {
        self.server.dataset_digest()
    }

    /// How many keys there are in all databases.
    #[must_use]
    pub fn keys_total(&self) -> usize {
        self.server.dbs.iter().map(crate::keyspace::Db::len).sum()
    }

    /// What CLIENT ID tells the client of a connection, and its database.
    #[must_use]
    pub fn client_facts(&self, conn: ConnId) -> Option<(u64, u32)> {
        self.server.clients.get(conn).map(|client| (client.id, client.db))
    }
}

/// Which words of a request are keys.
#[must_use]
pub fn keys_of<'a>(registry: &Registry, words: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let (mut buffer, mut spans) = (Vec::new(), Vec::new());
    for word in words {
        spans.push(Span { start: buffer.len() as u32, len: word.len() as u32 });
        buffer.extend_from_slice(word);
    }
    let name = words.first().copied().unwrap_or_default();
    let Some(mut id) = registry.find(name) else { return Vec::new() };
    if let Some(sub) = words.get(1).and_then(|word| registry.find_subcommand(id, word)) {
        id = sub;
    }
    let found = registry.row(id).command.find_keys(Args::new(&buffer, &spans));
    found.iter().filter_map(|key| words.get(key.at).copied()).collect()
}
