//! Limits of clients: unsent output, idleness.
//!
//! A client that does not read makes the server keep what it was sent. Its class has two limits
//! (`client-output-buffer-limit`): above the hard one it is dropped at once, above the soft one
//! when it stays there for so many seconds. Output is measured when it grows, so nobody walks over
//! clients to find those with too much; only those above their soft limit are listed.
//!
//! Idle clients (`timeout`) are found by a walk, but a rare one: a client's deadline only moves
//! away, so the earliest deadline of one walk is when the next is due.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use super::{Client, Closing};
use crate::config::{ClientClass, Config, LogLevel};
use crate::server::Server;
use crate::turn::ConnId;

/// Unsent output of a client that has not said who it is. In Redis 16 KB fit into a buffer of the
/// client and another 1 KB is let pass (CVE-2025-21605).
const UNAUTHENTICATED_OUTPUT_MAX: usize = 17 * 1024;

/// Time between two walks over all clients at least.
const WALK_EVERY_NS: u64 = 100_000_000;

/// What is due for clients.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// Clients above their soft limit.
    slow: BTreeSet<ConnId>,
    /// When somebody may have been idle for too long.
    idle_walk_ns: Option<u64>,
    /// The `timeout` that this was computed with.
    timeout_s: u32,
}

impl Timers {
    /// A client is gone.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.slow.remove(&conn);
    }

    /// A client is above its soft limit from now on.
    pub(crate) fn over_soft_limit(&mut self, conn: ConnId) {
        self.slow.insert(conn);
    }
}

/// How a client's unsent output relates to its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// It is below them, or was above the soft one before.
    Fits,
    /// It has come to be above the soft limit.
    OverSoft,
    /// It is above the hard limit, or for too long above the soft one.
    Over,
}

impl Client {
    /// The class whose output limits apply. A monitor is a normal client.
    pub(crate) fn class(&self) -> ClientClass {
        if self.is_subscriber() { ClientClass::Pubsub } else { ClientClass::Normal }
    }

    /// Compares the unsent output with the limits and keeps since when it is above the soft one.
    #[inline]
    pub(crate) fn measure_output(&mut self, config: &Config, now_ns: u64) -> Measure {
        let bytes = self.output.pending_bytes();
        if !self.authenticated && config.requirepass.is_some() && bytes > UNAUTHENTICATED_OUTPUT_MAX
        {
            return Measure::Over;
        }
        let limit = config.client_output_buffer_limit.of(self.class());
        let reaches = |limit: u64| limit > 0 && bytes as u64 >= limit;
        if reaches(limit.hard_bytes) {
            return Measure::Over;
        }
        if !reaches(limit.soft_bytes) {
            self.soft_limit_ns = None;
            return Measure::Fits;
        }
        match self.soft_limit_ns {
            None => {
                self.soft_limit_ns = Some(now_ns);
                Measure::OverSoft
            }
            Some(since) if now_ns >= end_of(since, limit.soft_s) => Measure::Over,
            Some(_) => Measure::Fits,
        }
    }

    /// When the soft limit will have been passed for too long.
    fn soft_deadline_ns(&self, config: &Config) -> Option<u64> {
        let limit = config.client_output_buffer_limit.of(self.class());
        self.soft_limit_ns.map(|since| end_of(since, limit.soft_s))
    }

    /// Whether `timeout` is for this client: it spares those who wait for the server.
    fn may_time_out(&self, is_paused: bool) -> bool {
        !(self.is_blocked(is_paused)
            || self.is_monitor
            || self.is_subscriber()
            || self.is_closing())
    }
}

/// `seconds` after a point of the monotonic clock.
fn end_of(since_ns: u64, seconds: u32) -> u64 {
    since_ns.saturating_add(u64::from(seconds) * 1_000_000_000)
}

impl Server {
    /// Measures the output of the client that was just fed.
    pub(crate) fn limit_output(&mut self, client: &mut Client) {
        match client.measure_output(&self.config, self.now.mono_ns) {
            Measure::Fits => {}
            Measure::OverSoft => self.timers.over_soft_limit(client.conn),
            Measure::Over => self.drop_client(client),
        }
    }

    /// Ends the connection of a client that has too much unsent output.
    #[cold]
    pub(crate) fn drop_slow_reader(&mut self, conn: ConnId) {
        if let Some(mut client) = self.clients.take(conn) {
            self.drop_client(&mut client);
            self.clients.put_back(client);
        }
    }

    #[cold]
    fn drop_client(&mut self, client: &mut Client) {
        if client.closing == Closing::Now {
            return;
        }
        self.stats.output_limit_disconnections += 1;
        self.close(client, Closing::Now);
        let (id, addr, bytes) = (client.id, &client.peer.addr, client.output.pending_bytes());
        let line = format!(
            "Client id={id} addr={addr} omem={bytes} scheduled to be closed ASAP for overcoming of \
             output buffer limits."
        );
        self.log_line(LogLevel::Warning, line);
    }

    /// Closes clients that were above their soft limit for too long.
    pub(crate) fn enforce_output_limits(&mut self) {
        for conn in core::mem::take(&mut self.timers.slow) {
            let Some(client) = self.clients.get_mut(conn) else { continue };
            if client.is_closing() {
                continue;
            }
            match client.measure_output(&self.config, self.now.mono_ns) {
                Measure::Over => self.drop_slow_reader(conn),
                _ if client.soft_limit_ns.is_some() => self.timers.over_soft_limit(conn),
                _ => {}
            }
        }
    }

    /// Closes clients that have been idle for `timeout`, when a walk is due.
    pub(crate) fn close_idle_clients(&mut self) {
        let (now_ns, timeout_s) = (self.now.mono_ns, self.config.timeout_s);
        if self.timers.idle_walk_ns.is_none_or(|at| at > now_ns) {
            return;
        }
        let is_paused = self.pause.is_some();
        let is_idle = |client: &&Client| {
            client.may_time_out(is_paused) && end_of(client.active_ns, timeout_s) <= now_ns
        };
        let idle = self.clients.iter().filter(is_idle).map(|client| client.conn);
        for conn in idle.collect::<Vec<_>>() {
            let Some(mut client) = self.clients.take(conn) else { continue };
            self.close(&mut client, Closing::Now);
            let (id, addr) = (client.id, &client.peer.addr);
            let line = format!("Closing idle client: id={id} addr={addr}");
            self.log_line(LogLevel::Verbose, line);
            self.clients.put_back(client);
        }
        self.plan_idle_walk();
    }

    /// Computes when the next walk is due.
    fn plan_idle_walk(&mut self) {
        let (now_ns, timeout_s) = (self.now.mono_ns, self.config.timeout_s);
        let is_paused = self.pause.is_some();
        let candidates = self.clients.iter().filter(|client| client.may_time_out(is_paused));
        let deadlines = candidates.map(|client| end_of(client.active_ns, timeout_s));
        // Whoever comes to be a candidate later was active later.
        let first = deadlines.chain([end_of(now_ns, timeout_s)]).min();
        let soonest = now_ns.saturating_add(WALK_EVERY_NS);
        self.timers.timeout_s = timeout_s;
        self.timers.idle_walk_ns = first.filter(|_| timeout_s > 0).map(|at| at.max(soonest));
    }

    /// Plans anew when `timeout` was changed. Runs at the end of every turn.
    pub(crate) fn renew_idle_walk(&mut self) {
        if self.config.timeout_s != self.timers.timeout_s {
            self.plan_idle_walk();
        }
    }

    /// When the next client must be looked at, in ns of the monotonic clock.
    pub(crate) fn next_client_deadline_ns(&self) -> Option<u64> {
        let slow = self.timers.slow.iter().filter_map(|&conn| self.clients.get(conn));
        let soft = slow.filter_map(|client| client.soft_deadline_ns(&self.config));
        soft.chain(self.timers.idle_walk_ns).min()
    }
}
