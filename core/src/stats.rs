//! Counters: what INFO, LATENCY and the slow log tell.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

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
    pub(crate) expired_lag_ms_max: u64,
    pub(crate) evicted_keys: u64,
    pub(crate) evicted_clients: u64,
    pub(crate) keyspace_hits: u64,
    pub(crate) keyspace_misses: u64,
    pub(crate) error_replies: u64,
    pub(crate) acl_access_denied_auth: u64,
    pub(crate) output_limit_disconnections: u64,
    pub(crate) query_limit_disconnections: u64,
    pub(crate) reads_processed: u64,
    pub(crate) writes_processed: u64,
    pub(crate) used_memory_peak: u64,
    /// Changes since the start: the unit of `save` points.
    pub(crate) dirty: u64,
    /// Errors by their code.
    pub(crate) errors: BTreeMap<String, u64>,
}

/// Counters of one command.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandStats {
    pub(crate) calls: u64,
    /// Time in nanoseconds.
    pub(crate) spent_ns: u64,
    pub(crate) rejected_calls: u64,
    pub(crate) failed_calls: u64,
    /// Calls by the power of two of their nanoseconds; empty until the first.
    pub(crate) latencies: Vec<u64>,
}

/// What the commands of one feed cost, until the shell says how long it took.
///
/// A core without a clock cannot time a command. It counts the work of each in rough units, and
/// the shell's one measurement of the whole is shared out by them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Work of the running command so far, in units of about 100 ns.
    pub(crate) cost: u64,
    /// Calls and cost of the commands that ran, by number in the registry.
    rows: Vec<LedgerRow>,
    /// The numbers that have a row.
    touched: Vec<u16>,
    pub(crate) total: u64,
    /// The most costly request of the feed: its cost and where it lies in the bytes fed.
    pub(crate) costliest: Option<Costliest>,
}

/// The most costly request of a feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costliest {
    pub(crate) cost: u64,
    pub(crate) command: u16,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct LedgerRow {
    calls: u32,
    cost: u64,
}

impl Ledger {
    /// Forgets everything, for a feed of a registry of `commands`.
    pub(crate) fn begin(&mut self, commands: usize) {
        if self.rows.len() < commands {
            self.rows.resize(commands, LedgerRow::default());
        }
        for id in self.touched.drain(..) {
            self.rows[id as usize] = LedgerRow::default();
        }
        self.total = 0;
        self.costliest = None;
    }

    /// Books the running command, at least one unit.
    #[inline]
    pub(crate) fn book(&mut self, command: u16) -> u64 {
        let cost = core::mem::take(&mut self.cost) + 1;
        let row = &mut self.rows[command as usize];
        if row.calls == 0 {
            self.touched.push(command);
        }
        row.calls += 1;
        row.cost += cost;
        self.total += cost;
        cost
    }

    /// Shares `spent_ns` out; calls `row` with command, calls and their time in ns.
    pub(crate) fn settle(&mut self, spent_ns: u64, mut row: impl FnMut(u16, u64, u64)) {
        let total = self.total.max(1);
        for &id in &self.touched {
            let LedgerRow { calls, cost } = self.rows[id as usize];
            let share = u128::from(spent_ns) * u128::from(cost) / u128::from(total);
            row(id, u64::from(calls), share as u64);
        }
    }
}
