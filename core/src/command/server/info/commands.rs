//! The sections with one line a command or an error code.

use alloc::string::String;
use core::fmt::Write as _;

use super::{Page, View};
use crate::stats::CommandStats;
use crate::stats::histogram::Histogram;
use crate::value::number;

pub(super) fn commandstats(page: &mut Page, view: &View<'_>) {
    let server = view.server;
    let rows = server.registry.rows().iter().zip(&server.command_stats);
    for (id, (row, stats)) in rows.enumerate() {
        let CommandStats { calls: timed, spent_ns, rejected_calls, failed_calls, .. } = *stats;
        let calls = timed + server.ledger.pending_calls(id as u16);
        if calls == 0 && rejected_calls == 0 && failed_calls == 0 {
            continue;
        }
        let usec = spent_ns / 1000;
        let per_call = if timed == 0 { 0.0 } else { spent_ns as f64 / 1000.0 / timed as f64 };
        let _ = write!(
            page.0,
            "cmdstat_{}:calls={calls},usec={usec},usec_per_call={per_call:.2},\
             rejected_calls={rejected_calls},failed_calls={failed_calls}\r\n",
            row.full_name
        );
    }
}

pub(super) fn errorstats(page: &mut Page, view: &View<'_>) {
    for (code, count) in &view.server.stats.errors {
        let _ = write!(page.0, "errorstat_{code}:count={count}\r\n");
    }
}

pub(super) fn latencystats(page: &mut Page, view: &View<'_>) {
    let server = view.server;
    if !server.config.latency_tracking {
        return;
    }
    let percentiles = &server.config.latency_tracking_info_percentiles;
    for (row, stats) in server.registry.rows().iter().zip(&server.command_stats) {
        if let Some(latencies) = &stats.latencies {
            let line = percentiles_line(latencies, percentiles);
            let _ = write!(page.0, "latency_percentiles_usec_{}:{line}\r\n", row.full_name);
        }
    }
}

/// `p50=1.003,p99=1.003`.
fn percentiles_line(latencies: &Histogram, percentiles: &[f64]) -> String {
    let mut line = String::new();
    for &percent in percentiles {
        let gap = if line.is_empty() { "" } else { "," };
        let name = String::from_utf8_lossy(&number::format_f64(percent)).into_owned();
        let us = latencies.percentile_ns(percent) as f64 / 1000.0;
        let _ = write!(line, "{gap}p{name}={us:.3}");
    }
    line
}
