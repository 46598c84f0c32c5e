//! The section of counters.

use super::{Page, View};
use crate::stats::rates::Rate;

pub(super) fn stats(page: &mut Page, view: &View<'_>) {
    traffic(page, view);
    keys(page, view);
    channels(page, view);
    unused(page);
    replies(page, view);
    event_loop(page, view);
    access(page, view);
    own(page, view);
}

fn traffic(page: &mut Page, view: &View<'_>) {
    let (stats, rates) = (&view.server.stats, &view.server.observations.rates);
    page.counts(&[
        ("total_connections_received", stats.connections_received),
        ("total_commands_processed", stats.commands_processed),
        ("instantaneous_ops_per_sec", rates.per_second(Rate::Commands)),
        ("total_net_input_bytes", stats.net_input_bytes),
        ("total_net_output_bytes", stats.net_output_bytes),
        ("total_net_repl_input_bytes", 0),
        ("total_net_repl_output_bytes", 0),
    ]);
    let kilobytes = |rate| rates.per_second(rate) as f64 / 1024.0;
    let input = kilobytes(Rate::NetInput);
    let output = kilobytes(Rate::NetOutput);
    page.line("instantaneous_input_kbps", format_args!("{input:.2}"));
    page.line("instantaneous_output_kbps", format_args!("{output:.2}"));
    page.line("instantaneous_input_repl_kbps", "0.00");
    page.line("instantaneous_output_repl_kbps", "0.00");
    page.counts(&[
        ("rejected_connections", stats.connections_rejected),
        ("sync_full", 0),
        ("sync_partial_ok", 0),
        ("sync_partial_err", 0),
    ]);
}

fn keys(page: &mut Page, view: &View<'_>) {
    let stats = &view.server.stats;
    page.line("expired_subkeys", stats.expired_fields);
    page.line("expired_keys", stats.expired_keys);
    // Keys go when their deadline passes: there are none to be found by sampling.
    page.line("expired_stale_perc", "0.00");
    page.counts(&[
        ("expired_time_cap_reached_count", stats.expired_budget_used_up),
        ("expire_cycle_cpu_milliseconds", 0),
        ("evicted_keys", stats.evicted_keys),
        ("evicted_clients", stats.evicted_clients),
        ("total_eviction_exceeded_time", 0),
        ("current_eviction_exceeded_time", 0),
        ("keyspace_hits", stats.keyspace_hits),
        ("keyspace_misses", stats.keyspace_misses),
    ]);
}

fn channels(page: &mut Page, view: &View<'_>) {
    let pubsub = &view.server.pubsub;
    page.counts(&[
        ("pubsub_channels", pubsub.channels().len() as u64),
        ("pubsub_patterns", pubsub.patterns_len() as u64),
        ("pubsubshard_channels", pubsub.shard_channels().len() as u64),
    ]);
}

/// Forks, migrations, active defragmentation and client-side caching.
fn unused(page: &mut Page) {
    let names = [
        "latest_fork_usec",
        "total_forks",
        "migrate_cached_sockets",
        "slave_expires_tracked_keys",
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
        "tracking_total_keys",
        "tracking_total_items",
        "tracking_total_prefixes",
        "unexpected_error_replies",
    ];
    names.iter().for_each(|name| page.line(name, 0));
}

fn replies(page: &mut Page, view: &View<'_>) {
    let stats = &view.server.stats;
    page.counts(&[
        ("total_error_replies", stats.error_replies),
        ("dump_payload_sanitizations", 0),
        ("total_reads_processed", stats.reads_processed),
        ("total_writes_processed", stats.writes_processed),
        ("io_threaded_reads_processed", 0),
        ("io_threaded_writes_processed", 0),
        ("client_query_buffer_limit_disconnections", stats.query_limit_disconnections),
        ("client_output_buffer_limit_disconnections", stats.output_limit_disconnections),
        ("reply_buffer_shrinks", 0),
        ("reply_buffer_expands", 0),
    ]);
}

fn event_loop(page: &mut Page, view: &View<'_>) {
    let server = view.server;
    let rates = &server.observations.rates;
    let (busy_us, cycles) = (rates.per_second(Rate::BusyTime), rates.per_second(Rate::Turns));
    page.counts(&[
        ("eventloop_cycles", server.stats.turns),
        ("eventloop_duration_sum", server.host.turns_ns / 1000),
        ("eventloop_duration_max_usec", server.host.turn_ns_max / 1000),
        ("eventloop_duration_cmd_sum", server.stats.command_ns / 1000),
        ("instantaneous_eventloop_cycles_per_sec", cycles),
        ("instantaneous_eventloop_duration_usec", busy_us.checked_div(cycles).unwrap_or(0)),
    ]);
}

fn access(page: &mut Page, view: &View<'_>) {
    page.counts(&[
        ("acl_access_denied_auth", view.server.stats.acl_access_denied_auth),
        ("acl_access_denied_cmd", 0),
        ("acl_access_denied_key", 0),
        ("acl_access_denied_channel", 0),
    ]);
}

/// What only this server tells: how late the latest key went after its deadline.
fn own(page: &mut Page, view: &View<'_>) {
    page.line("expired_lag_ms_max", view.server.stats.expired_lag_ms_max);
}
