//! Entries of a dump on their way into the keyspace.
//!
//! The keys of a dump come in an order that means nothing to the hash of this process, so nearly
//! every insertion waits for memory that is not in the cache, and that is most of the time of a
//! load. As a pipeline's commands do (see `engine`), entries wait until there are some: their
//! places are touched together, then they are inserted. They are copied for that, since the
//! reader's buffer moves on. Large ones do not wait.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::keyspace::{Key, NewValue, WARM_MAX, clock, warm};
use crate::rdb::load::LoadedEntry;
use crate::server::Server;

/// Entries that wait at most.
const GROUP: usize = WARM_MAX;

/// A string of more bytes than this is not copied.
const COPIED_MAX: usize = 512;

/// Entries that wait.
#[derive(Debug, Default)]
pub(super) struct Entries {
    waiting: Vec<Waiting>,
    /// Their keys and strings, one after the other.
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Waiting {
    db: usize,
    hash: u64,
    /// Where its key ends in the bytes; it begins where the entry before ends.
    key_end: usize,
    /// Where its string ends.
    end: usize,
    /// Its value, if that is an integer.
    int: Option<i64>,
    expire_at_ms: Option<u64>,
    clock: u32,
}

impl Entries {
    /// Takes an entry of a database.
    ///
    /// # Errors
    ///
    /// As [`Entries::flush`].
    #[inline]
    pub(super) fn push(
        &mut self,
        server: &mut Server,
        db: usize,
        entry: LoadedEntry<'_>,
    ) -> Result<(), String> {
        let LoadedEntry { key, value, expire_at_ms, idle_s, freq } = entry;
        let clock = clock::loaded(&server.config, server.clock_time(), idle_s, freq);
        let (string, int) = match &value {
            NewValue::String(bytes) if bytes.len() + key.len() <= COPIED_MAX => (*bytes, None),
            NewValue::Int(number) if key.len() <= COPIED_MAX => (&b""[..], Some(*number)),
            _ => {
                self.flush(server)?;
                let key = server.hasher.key(key);
                return insert(server, db, key, value, expire_at_ms, clock);
            }
        };
        let hash = server.hasher.hash(key);
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(string);
        let end = self.bytes.len();
        self.waiting.push(Waiting { db, hash, key_end, end, int, expire_at_ms, clock });
        if self.waiting.len() == GROUP { self.flush(server) } else { Ok(()) }
    }

    /// Inserts all that wait.
    ///
    /// # Errors
    ///
    /// When a key is there already, in words.
    pub(super) fn flush(&mut self, server: &mut Server) -> Result<(), String> {
        warm(self.waiting.iter().map(|entry| (&server.dbs[entry.db], entry.hash)));
        let mut start = 0;
        for entry in self.waiting.drain(..) {
            let Waiting { db, hash, key_end, end, int, expire_at_ms, clock } = entry;
            let key = Key { bytes: &self.bytes[start..key_end], hash };
            let value = match int {
                Some(number) => NewValue::Int(number),
                None => NewValue::String(&self.bytes[key_end..end]),
            };
            insert(server, db, key, value, expire_at_ms, clock)?;
            start = end;
        }
        self.bytes.clear();
        Ok(())
    }
}

fn insert(
    server: &mut Server,
    db: usize,
    key: Key<'_>,
    value: NewValue<'_>,
    expire_at_ms: Option<u64>,
    clock: u32,
) -> Result<(), String> {
    if server.dbs[db].find(key).is_some() {
        return Err(format!("it has a key twice: {}", key.bytes.escape_ascii()));
    }
    server.dbs[db].set(key, None, value, expire_at_ms, clock);
    server.note_key();
    Ok(())
}
