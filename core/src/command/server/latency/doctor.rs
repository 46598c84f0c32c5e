//! LATENCY DOCTOR: what the monitor saw, in sentences, and what to do about it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Series;
use crate::command::ctx::Ctx;
use crate::command::error::Outcome;
use crate::config::Config;

pub(super) fn doctor(ctx: &mut Ctx<'_>) -> Outcome {
    let server = &*ctx.server;
    let now_s = server.now.wall_ms().div_euclid(1000);
    let report = report(&server.config, &server.observations.latency.0, now_s);
    ctx.reply().verbatim("txt", report.as_bytes());
    Ok(())
}

type Events = alloc::collections::BTreeMap<&'static str, Series>;

fn report(config: &Config, events: &Events, now_s: i64) -> String {
    if events.is_empty() && config.latency_monitor_threshold_ms == 0 {
        return "The latency monitor is switched off, so there is nothing to report. Switch it on \
                with 'CONFIG SET latency-monitor-threshold <milliseconds>': everything that takes \
                at least so long is sampled then.\n"
            .into();
    }
    if events.is_empty() {
        return "No latency spike was seen since the last reset. All is well.\n".into();
    }
    let mut text = String::from("Latency spikes were seen:\n\n");
    for (number, (event, series)) in events.iter().enumerate() {
        let Spikes { count, average_ms, deviation_ms, period_s } = Spikes::of(series, now_s);
        text.push_str(&format!(
            "{}. {event}: {count} latency spikes (average {average_ms}ms, mean deviation \
             {deviation_ms}ms, period {period_s:.2} sec). Worst all time event {}ms.\n",
            number + 1,
            series.worst_ms
        ));
    }
    text.push_str("\nWhat may help:\n\n");
    advice(config, events).iter().for_each(|line| text.push_str(&format!("- {line}\n")));
    text
}

/// The samples of one event in a few figures.
struct Spikes {
    count: usize,
    average_ms: u64,
    /// Mean distance from the average.
    deviation_ms: u64,
    /// Seconds from one spike to the next.
    period_s: f64,
}

impl Spikes {
    fn of(series: &Series, now_s: i64) -> Self {
        let count = series.samples.len().max(1);
        let latencies = || series.samples.iter().map(|sample| sample.latency_ms);
        let average_ms = latencies().sum::<u64>() / count as u64;
        let deviation_ms =
            latencies().map(|ms| ms.abs_diff(average_ms)).sum::<u64>() / count as u64;
        let since_s = series.samples.front().map_or(0, |first| now_s - first.time_s).max(1);
        let period_s = since_s as f64 / count as f64;
        Self { count: series.samples.len(), average_ms, deviation_ms, period_s }
    }
}

fn advice(config: &Config, events: &Events) -> Vec<String> {
    let mut lines = Vec::new();
    let threshold_us = config.latency_monitor_threshold_ms.saturating_mul(1000);
    if events.contains_key("command") {
        lines.extend(match u64::try_from(config.slowlog_log_slower_than_us) {
            Err(_) => Some(format!(
                "The slow log is switched off. Switch it on with 'CONFIG SET \
                 slowlog-log-slower-than {threshold_us}' to see which commands are slow."
            )),
            Ok(least_us) if least_us > threshold_us => Some(format!(
                "The slow log keeps only what is slower than the threshold of this monitor. Set \
                 'CONFIG SET slowlog-log-slower-than {threshold_us}' to see the same commands \
                 there."
            )),
            Ok(_) => None,
        });
        lines.push(String::from(
            "SLOWLOG GET shows which commands took so long. Commands whose cost grows with the \
             data (KEYS, SORT, SMEMBERS, LRANGE over everything) are better replaced by SCAN and \
             its relatives or by ranges.",
        ));
    }
    if events.contains_key("fast-command") {
        lines.push(String::from(
            "Commands that do little were slow: the process did not get the processor in time. \
             Lower the load of the machine, give the server a processor of its own, and look for \
             a busy neighbour on the same host ('redis-cli --intrinsic-latency 100').",
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_are_summed_up() {
        let mut monitor = super::super::LatencyMonitor::default();
        for (at, ms) in [(100, 10), (101, 30), (101, 50), (110, 30)] {
            monitor.add("command", at, ms);
        }
        let config = Config { slowlog_log_slower_than_us: -1, ..Config::default() };
        let text = report(&config, &monitor.0, 130);
        let line = "1. command: 3 latency spikes (average 30ms, mean deviation 13ms, period 10.00 \
                    sec). Worst all time event 50ms.\n";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("The slow log is switched off"), "{text}");
        assert!(!text.contains("busy neighbour"), "{text}");
    }
}
