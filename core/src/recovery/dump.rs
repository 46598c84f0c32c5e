//! A dump, put into the keyspace as it arrives.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::entries::Entries;
use super::plan::{Part, PartKind};
use super::replay::LOADED_BYTES_MAX;
use crate::config::Config;
use crate::keyspace::KeyHasher;
use crate::persist::bgsave::LSN_FIELD;
use crate::rdb::load::{Item, Limits, Making, Reader};
use crate::server::Server;
use crate::value::Thresholds;

/// Bytes of an entry in a file: most have more, and what is prepared for one takes about as many.
const KEY_BYTES: u64 = 8;

/// A dump that is being read.
#[derive(Debug)]
pub(crate) struct Dump {
    reader: Reader,
    entries: Entries,
    db: usize,
    /// More keys than this are not believed before they come.
    keys_max: u64,
    /// Where the log goes on behind it, if it tells.
    lsn: Option<u64>,
}

impl Dump {
    /// A dump in a file of `len` bytes.
    pub(crate) fn new(config: &Config, len: u64, hasher: KeyHasher) -> Self {
        Self {
            reader: reader(config, len, hasher),
            entries: Entries::default(),
            db: 0,
            keys_max: len / KEY_BYTES,
            lsn: None,
        }
    }

    /// Loads what is complete with these bytes; true when the dump is.
    pub(crate) fn load(
        &mut self,
        server: &mut Server,
        bytes: &[u8],
        is_end: bool,
    ) -> Result<bool, String> {
        self.reader.push(bytes);
        loop {
            match self.reader.next().map_err(|error| error.to_string())? {
                Item::Need(_) if is_end => return Err(self.reader.end_of_file().to_string()),
                Item::Need(_) => {
                    self.entries.flush(server)?;
                    return Ok(false);
                }
                Item::SelectDb(db) => {
                    self.db = usize::try_from(db)
                        .ok()
                        .filter(|&db| db < server.config.databases as usize)
                        .ok_or_else(|| {
                            format!("it has a database {db}, which is not configured")
                        })?;
                }
                Item::Entry(entry) => self.entries.push(server, self.db, entry)?,
                Item::Aux { name, value } => self.lsn = self.lsn.or_else(|| lsn_of(name, value)),
                Item::ResizeDb { keys, .. } => {
                    let keys = keys.min(self.keys_max) as usize;
                    server.dbs[self.db].reserve(keys);
                }
                Item::End(_) => {
                    self.entries.flush(server)?;
                    server.log_goes_on_at(self.lsn.map(|lsn| (lsn, 0)));
                    return Ok(true);
                }
            }
        }
    }

    /// What follows the dump, and where in the file that is.
    pub(crate) fn rest(&self) -> (Vec<u8>, u64) {
        (self.reader.rest().to_vec(), self.reader.offset())
    }
}

/// The LSN in a field of a base.
pub(crate) fn lsn_of(name: &[u8], value: &[u8]) -> Option<u64> {
    let is_lsn = name == LSN_FIELD.as_bytes();
    core::str::from_utf8(value).ok().filter(|_| is_lsn)?.parse().ok()
}

impl Server {
    /// A base tells where in the log it stands: at which LSN, in which epoch.
    pub(super) fn log_goes_on_at(&mut self, place: Option<(u64, u64)>) {
        if let (Some(recovery), Some((lsn, epoch))) = (&mut self.recovery, place) {
            (recovery.lsn, recovery.knows_lsn) = (lsn, true);
            recovery.epoch = recovery.epoch.max(epoch);
        }
    }
}

/// A reader of a dump in a file of `len` bytes.
pub(crate) fn reader(config: &Config, len: u64, hasher: KeyHasher) -> Reader {
    Reader::new(Limits {
        string_bytes_max: config.proto_max_bulk_len.max(LOADED_BYTES_MAX),
        file_bytes: Some(len),
        verify_checksum: config.rdbchecksum,
        making: Making { thresholds: Thresholds::of(config), hasher },
    })
}

/// Bytes that tell a dump from commands.
pub(crate) const MAGIC_BYTES: usize = 6;

/// Whether a file that begins so is a dump.
pub(crate) fn is_dump(first: &[u8]) -> bool {
    first.starts_with(b"REDIS") || first.starts_with(b"VALKEY")
}

/// Whether a file that begins so, as no dump does, should have been one.
pub(crate) fn is_due(part: &Part, first: &[u8]) -> bool {
    let is_empty_base =
        first.is_empty() && part.kind == PartKind::Base && part.name.ends_with(b".rdb");
    part.kind == PartKind::Dump || is_empty_base
}
