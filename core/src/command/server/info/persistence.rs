//! The sections about what outlives the process and what is shared with others: files, replicas,
//! the cluster, and the keys themselves.

use super::{Page, View};
use crate::persist::aof::AofState;
use crate::server::Server;

/// Loading, snapshots and the append-only file.
pub(super) fn persistence(page: &mut Page, view: &View<'_>) {
    loading(page, view);
    snapshots(page, view);
    log(page, view);
    if view.server.persist.aof.state != AofState::Off {
        log_details(page, view);
    }
}

fn loading(page: &mut Page, view: &View<'_>) {
    let server = view.server;
    page.counts(&[("loading", u64::from(server.is_loading())), ("async_loading", 0)]);
    let Some(recovery) = &server.recovery else { return };
    let progress = &recovery.progress;
    let started = progress.started.unwrap_or(server.now);
    page.line("loading_start_time", started.wall_ms().div_euclid(1000));
    page.counts(&[
        ("loading_total_bytes", progress.total_bytes),
        ("loading_loaded_bytes", progress.loaded_bytes),
    ]);
    page.line("loading_loaded_perc", format_args!("{:.2}", progress.percent()));
    page.line("loading_eta_seconds", progress.eta_s(server.now));
}

fn snapshots(page: &mut Page, view: &View<'_>) {
    let server = view.server;
    let save = &server.persist.bgsave;
    let (keys, copied_bytes) = server.save_progress().unwrap_or_default();
    let keys_total = server.save_progress().map_or(0, |_| save.keys_total as u64);
    page.counts(&[
        ("current_cow_peak", copied_bytes),
        ("current_cow_size", copied_bytes),
        ("current_cow_size_age", 0),
    ]);
    let percent = keys as f64 * 100.0 / keys_total.max(1) as f64;
    page.line("current_fork_perc", format_args!("{percent:.2}"));
    page.counts(&[
        ("current_save_keys_processed", keys),
        ("current_save_keys_total", keys_total),
        ("rdb_changes_since_last_save", server.unsaved_changes()),
        ("rdb_bgsave_in_progress", u64::from(save.is_running())),
    ]);
    page.line("rdb_last_save_time", server.last_save_s());
    page.line("rdb_last_bgsave_status", status(!save.facts.last_failed));
    seconds(page, "rdb_last_bgsave_time_sec", save.facts.last_time_s);
    seconds(page, "rdb_current_bgsave_time_sec", running_s(server, save.running_since_ns()));
    page.counts(&[
        ("rdb_saves", save.facts.saves),
        ("rdb_last_cow_size", save.facts.copied_bytes_dump),
        ("rdb_last_load_keys_expired", 0),
        ("rdb_last_load_keys_loaded", server.persist.keys_loaded),
    ]);
}

fn log(page: &mut Page, view: &View<'_>) {
    let server = view.server;
    let (aof, rewrite) = (&server.persist.aof, &server.persist.rewrite);
    page.counts(&[
        ("aof_enabled", u64::from(aof.state != AofState::Off)),
        ("aof_rewrite_in_progress", u64::from(rewrite.is_running())),
        ("aof_rewrite_scheduled", u64::from(rewrite.is_wanted)),
    ]);
    seconds(page, "aof_last_rewrite_time_sec", rewrite.facts.last_time_s);
    seconds(page, "aof_current_rewrite_time_sec", running_s(server, rewrite.running_since_ns()));
    page.line("aof_last_bgrewrite_status", status(!rewrite.facts.last_failed));
    page.counts(&[
        ("aof_rewrites", rewrite.facts.rewrites),
        ("aof_rewrites_consecutive_failures", rewrite.facts.failures_in_a_row),
    ]);
    page.line("aof_last_write_status", status(aof.error().is_none()));
    page.counts(&[
        ("aof_last_cow_size", server.persist.bgsave.facts.copied_bytes_base),
        ("module_fork_in_progress", 0),
        ("module_fork_last_cow_size", 0),
    ]);
}

/// Redis's fields of a log that is on, and ours: the watermarks and what the disk takes.
fn log_details(page: &mut Page, view: &View<'_>) {
    let server = view.server;
    let aof = &server.persist.aof;
    let (written, durable) = (aof.written_lsn(), aof.durable_lsn());
    page.counts(&[
        ("aof_current_size", aof.bytes()),
        ("aof_base_size", aof.rewritten_bytes),
        ("aof_pending_rewrite", 0),
        ("aof_buffer_length", aof.backlog_bytes() as u64),
        ("aof_pending_bio_fsync", aof.files.iter().map(|file| file.syncs() as u64).sum()),
        ("aof_delayed_fsync", 0),
        ("aof_lsn", server.log.lsn()),
        ("aof_written_lsn", written),
        ("aof_durable_lsn", durable),
        ("aof_lag_bytes", server.log.lsn() - durable),
        ("aof_fsyncs", aof.facts.syncs),
        ("aof_last_fsync_usec", aof.facts.sync_ns_last / 1000),
        ("aof_max_fsync_usec", aof.facts.sync_ns_max / 1000),
        ("aof_failed_fsyncs", aof.facts.failed_syncs),
        ("aof_failed_writes", aof.facts.failed_writes),
        ("aof_short_writes", aof.facts.short_writes),
    ]);
    page.line("aof_last_error", aof.error().unwrap_or(""));
}

fn status(is_well: bool) -> &'static str {
    if is_well { "ok" } else { "err" }
}

fn seconds(page: &mut Page, name: &str, seconds: Option<u64>) {
    page.line(name, seconds.map_or(-1, |seconds| seconds as i64));
}

fn running_s(server: &Server, since_ns: Option<u64>) -> Option<u64> {
    since_ns.map(|since| (server.now.mono_ns - since) / 1_000_000_000)
}

/// What a master without replicas tells.
pub(super) fn replication(page: &mut Page, view: &View<'_>) {
    page.line("role", "master");
    page.line("connected_slaves", 0);
    page.line("master_failover_state", "no-failover");
    page.line("master_replid", &view.server.replication_id);
    page.line("master_replid2", "0000000000000000000000000000000000000000");
    page.line("master_repl_offset", 0);
    page.line("second_repl_offset", -1);
    page.line("repl_backlog_active", 0);
    page.line("repl_backlog_size", backlog_size(view));
    page.line("repl_backlog_first_byte_offset", 0);
    page.line("repl_backlog_histlen", 0);
}

fn backlog_size(view: &View<'_>) -> alloc::string::String {
    let found = view.server.config.matching(&[b"repl-backlog-size"]);
    let value = found.first().map(|(_, value)| alloc::string::String::from_utf8_lossy(value));
    value.map(alloc::borrow::Cow::into_owned).unwrap_or_default()
}

pub(super) fn cluster(page: &mut Page, _: &View<'_>) {
    page.line("cluster_enabled", 0);
}

pub(super) fn keyspace(page: &mut Page, view: &View<'_>) {
    let now_ms = view.server.now.deadline_ms().unwrap_or(0);
    let dbs = view.server.dbs.numbered().filter(|(_, db)| !db.is_empty());
    for (number, db) in dbs {
        let (keys, expires, avg_ttl) = (db.len(), db.expires(), db.ttl_average_ms(now_ms));
        let line = format_args!("keys={keys},expires={expires},avg_ttl={avg_ttl}");
        let name = alloc::format!("db{number}");
        match db.timed_hashes() {
            0 => page.line(&name, line),
            timed => page.line(&name, format_args!("{line},subexpiry={timed}")),
        }
    }
}
