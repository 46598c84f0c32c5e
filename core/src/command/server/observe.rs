//! What the server observes of itself: times of commands, slow ones, rates.
//!
//! All of it hangs on one input, the time that the shell measured for a feed
//! ([`crate::turn::Turn::took`]): nothing that clients can store or change depends on it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::latency::LatencyMonitor;
use super::slowlog::{SlowLog, shown_args};
use crate::client::Client;
use crate::command::args::Args;
use crate::command::spec::Flags;
use crate::server::Server;
use crate::stats::CommandStats;
use crate::stats::histogram::Histogram;
use crate::stats::ledger::Inner;
use crate::stats::rates::{Counters, Rates};
use crate::turn::ConnId;

/// What the slow log and the latency monitor keep, and the samples of rates.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    pub(crate) slow_log: SlowLog,
    pub(crate) latency: LatencyMonitor,
    pub(crate) rates: Rates,
}

/// Who sent a command, as the slow log shows it.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) addr: Box<str>,
    pub(crate) name: Box<[u8]>,
}

impl Sender {
    /// The client as it is called now.
    pub(crate) fn of(client: &Client) -> Self {
        Self { addr: client.peer.addr.clone(), name: client.name.clone().unwrap_or_default() }
    }
}

impl Server {
    /// Whether every command is timed alone since the slow log wants to know of fast ones.
    pub(crate) fn times_each_command(&self) -> bool {
        (0..100).contains(&self.config.slowlog_log_slower_than_us)
    }

    /// Opens the ledger for a feed. Commands whose feed the shell did not time still count.
    pub(crate) fn begin_feed(&mut self) {
        self.settle(0);
        self.ledger.begin(self.registry.rows().len());
    }

    /// Shares the time of a feed out to the commands that ran.
    pub(crate) fn settle(&mut self, spent_ns: u64) {
        self.stats.command_ns += spent_ns;
        let keeps_histogram = self.config.latency_tracking && spent_ns > 0;
        let stats = &mut self.command_stats;
        self.ledger.settle(spent_ns, |id, share| {
            let row = &mut stats[id as usize];
            row.calls += share.calls;
            row.spent_ns += share.ns;
            if keeps_histogram {
                let latencies = row.latencies.get_or_insert_with(|| Box::new(Histogram::new()));
                latencies.record(share.slowest_ns, 1);
                if let Some(others_ns) = (share.ns - share.slowest_ns).checked_div(share.calls - 1)
                {
                    latencies.record(others_ns, share.calls - 1);
                }
            }
        });
    }

    /// Whether the slow log or the latency monitor wants to know of a command that took so long.
    pub(crate) fn is_notable(&self, command: u16, spent_ns: u64) -> bool {
        self.is_slow(command, spent_ns) || self.is_late(spent_ns)
    }

    fn is_slow(&self, command: u16, spent_ns: u64) -> bool {
        let slower_than_us = self.config.slowlog_log_slower_than_us;
        u64::try_from(slower_than_us).is_ok_and(|least_us| spent_ns / 1000 >= least_us)
            && !self.command(command).flags.has(Flags::SKIP_SLOWLOG)
    }

    fn is_late(&self, spent_ns: u64) -> bool {
        let least_ms = self.config.latency_monitor_threshold_ms;
        least_ms != 0 && spent_ns / 1_000_000 >= least_ms
    }

    /// Writes a command that took `spent_ns` to the slow log and to the latency monitor, as far as
    /// each wants to know of it. Serves commands, too, that know how long they held everybody up.
    pub(crate) fn note_slow(
        &mut self,
        sender: Sender,
        command: u16,
        args: Args<'_>,
        spent_ns: u64,
    ) {
        let name = &self.registry.row(command).full_name;
        let args = shown_args(name, args);
        self.note_shown(sender, command, args, spent_ns);
    }

    fn note_shown(&mut self, sender: Sender, command: u16, args: Vec<Box<[u8]>>, spent_ns: u64) {
        if self.is_late(spent_ns) {
            let is_fast = self.command(command).flags.has(Flags::FAST);
            let event = if is_fast { "fast-command" } else { "command" };
            self.observations.latency.add(
                event,
                self.now.wall_ms().div_euclid(1000),
                spent_ns / 1_000_000,
            );
        }
        if self.is_slow(command, spent_ns) {
            let time_s = self.now.wall_ms().div_euclid(1000);
            self.observations.slow_log.push(time_s, spent_ns / 1000, args, sender);
        }
        self.trim_slow_log();
    }

    /// Forgets the oldest entries that the configuration leaves no room for.
    pub(crate) fn trim_slow_log(&mut self) {
        if self.config.slowlog_log_slower_than_us >= 0 {
            self.observations.slow_log.trim(self.config.slowlog_max_len);
        }
    }

    /// Remembers a command that EXEC ran until its time is known.
    pub(crate) fn book_inner(&mut self, command: u16, cost: u64, args: Args<'_>) {
        let config = &self.config;
        if config.slowlog_log_slower_than_us < 0 && config.latency_monitor_threshold_ms == 0 {
            return;
        }
        let is_each = self.times_each_command();
        let name = &self.registry.row(command).full_name;
        self.ledger.book_inner(command, cost, is_each, || shown_args(name, args));
    }

    /// Writes the commands that EXEC ran to the slow log and to the latency monitor, given the
    /// time of the whole feed.
    pub(crate) fn note_inner(&mut self, conn: ConnId, spent_ns: u64) {
        for Inner { cost, command, args } in core::mem::take(&mut self.ledger.inner) {
            let share_ns = self.ledger.share_ns(spent_ns, cost);
            if self.is_notable(command, share_ns)
                && let Some(sender) = self.clients.get(conn).map(Sender::of)
            {
                self.note_shown(sender, command, args, share_ns);
            }
        }
    }

    /// Samples rates; the turn has just begun.
    pub(crate) fn observe_time(&mut self) {
        self.stats.turns += 1;
        let counters = self.rate_counters();
        self.observations.rates.observe(self.now.mono_ns, counters);
    }

    fn rate_counters(&self) -> Counters {
        let Self { stats, host, .. } = self;
        [
            stats.commands_processed,
            stats.net_input_bytes,
            stats.net_output_bytes,
            stats.turns,
            host.turns_ns / 1000,
        ]
    }

    /// Starts all counters anew (CONFIG RESETSTAT).
    pub(crate) fn reset_stats(&mut self) {
        self.stats.reset();
        self.command_stats.fill_with(CommandStats::default);
        self.ledger.forget();
        let counters = self.rate_counters();
        self.observations.rates.reset(counters);
    }
}
