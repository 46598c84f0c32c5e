//! How large an aggregate may grow in its small form.

use crate::config::Config;

/// The limits of small forms, as the directives of the same names say (redis.conf). Elements are
/// counted, values measured in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// `hash-max-listpack-entries`, fields.
    pub hash_entries: usize,
    /// `hash-max-listpack-value`.
    pub hash_value_bytes: usize,
    /// `list-max-listpack-size`: elements of a chunk, or a class of bytes when negative.
    pub list_size: i64,
    /// `set-max-intset-entries`.
    pub set_intset_entries: usize,
    /// `set-max-listpack-entries`.
    pub set_entries: usize,
    /// `set-max-listpack-value`.
    pub set_value_bytes: usize,
    /// `zset-max-listpack-entries`, members.
    pub zset_entries: usize,
    /// `zset-max-listpack-value`.
    pub zset_value_bytes: usize,
}

/// No pack has more groups of elements, whatever a directive says: a listpack counts in 16 bits.
const ENTRIES_MAX: u64 = 16_384;

impl Default for Thresholds {
    fn default() -> Self {
        Self::of(&Config::default())
    }
}

impl Thresholds {
    /// Those of a configuration.
    #[inline]
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let entries = |limit: u64| limit.min(ENTRIES_MAX) as usize;
        let bytes = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            hash_entries: entries(config.hash_max_listpack_entries),
            hash_value_bytes: bytes(config.hash_max_listpack_value),
            list_size: config.list_max_listpack_size,
            set_intset_entries: entries(config.set_max_intset_entries),
            set_entries: entries(config.set_max_listpack_entries),
            set_value_bytes: bytes(config.set_max_listpack_value),
            zset_entries: entries(config.zset_max_listpack_entries),
            zset_value_bytes: bytes(config.zset_max_listpack_value),
        }
    }
}
