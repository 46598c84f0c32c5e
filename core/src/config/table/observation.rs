//! The slow log, latencies, keyspace events.

use super::super::codec::YesNo;
use super::super::directive::{Directive, row};
use super::super::lists::{Events, Percentiles};
use super::super::number::{Integer, LONG_MAX};

pub(super) const ROWS: &[Directive] = &[
    row!("slowlog-log-slower-than", slowlog_log_slower_than_us, Integer { min: -1, max: LONG_MAX }),
    row!("slowlog-max-len", slowlog_max_len, Integer { min: 0, max: LONG_MAX }),
    row!(
        "latency-monitor-threshold",
        latency_monitor_threshold_ms,
        Integer { min: 0, max: LONG_MAX }
    ),
    row!("latency-tracking", latency_tracking, YesNo),
    row!("latency-tracking-info-percentiles", latency_tracking_info_percentiles, Percentiles),
    row!("notify-keyspace-events", notify_keyspace_events, Events),
];
