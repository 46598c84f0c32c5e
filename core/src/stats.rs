//! Counters: what INFO, LATENCY and the slow log tell.

pub(crate) mod histogram;
pub(crate) mod ledger;
pub(crate) mod rates;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;

use histogram::Histogram;

pub(crate) use ledger::{Costliest, Ledger};

/// Counters of the whole server; CONFIG RESETSTAT clears most of them.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are those of INFO")]
pub(crate) struct Stats {
    pub(crate) connections_received: u64,
    pub(crate) connections_rejected: u64,
    pub(crate) commands_processed: u64,
    pub(crate) net_input_bytes: u64,
    pub(crate) net_output_bytes: u64,
    pub(crate) expired_keys: u64,
    pub(crate) expired_fields: u64,
    pub(crate) expired_lag_ms_max: u64,
    /// Turns that left keys for the next since too many were due at once.
    pub(crate) expired_budget_used_up: u64,
    pub(crate) evicted_keys: u64,
    pub(crate) evicted_clients: u64,
    /// Values handed out to be freed and not reported back yet; RESETSTAT leaves it.
    pub(crate) lazyfree_pending_objects: u64,
    pub(crate) lazyfreed_objects: u64,
    pub(crate) keyspace_hits: u64,
    pub(crate) keyspace_misses: u64,
    pub(crate) error_replies: u64,
    pub(crate) acl_access_denied_auth: u64,
    pub(crate) output_limit_disconnections: u64,
    pub(crate) query_limit_disconnections: u64,
    pub(crate) reads_processed: u64,
    pub(crate) writes_processed: u64,
    pub(crate) turns: u64,
    /// Time in commands, in nanoseconds.
    pub(crate) command_ns: u64,
    pub(crate) used_memory_peak: u64,
    /// Changes since the start: the unit of `save` points.
    pub(crate) dirty: u64,
    /// Errors by their code.
    pub(crate) errors: BTreeMap<String, u64>,
}

impl Stats {
    /// Starts counting anew, as CONFIG RESETSTAT does: what describes a state stays.
    pub(crate) fn reset(&mut self) {
        *self = Self {
            used_memory_peak: self.used_memory_peak,
            dirty: self.dirty,
            lazyfree_pending_objects: self.lazyfree_pending_objects,
            ..Self::default()
        };
    }
}

/// Counters of one command.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandStats {
    /// Calls whose time is known; the ledger has those of the running feed.
    pub(crate) calls: u64,
    /// Time in nanoseconds.
    pub(crate) spent_ns: u64,
    pub(crate) rejected_calls: u64,
    pub(crate) failed_calls: u64,
    /// Latencies of the calls; allocated with the first.
    pub(crate) latencies: Option<Box<Histogram>>,
}
