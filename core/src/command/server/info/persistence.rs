//! The sections about what outlives the process and what is shared with others: files, replicas,
//! the cluster, and the keys themselves.

use super::{Page, View};

/// What a Redis tells that has saved nothing and has no append-only file.
pub(super) fn persistence(page: &mut Page, view: &View<'_>) {
    let server = view.server;
    page.counts(&[
        ("loading", 0),
        ("async_loading", 0),
        ("current_cow_peak", 0),
        ("current_cow_size", 0),
        ("current_cow_size_age", 0),
    ]);
    page.line("current_fork_perc", "0.00");
    page.counts(&[
        ("current_save_keys_processed", 0),
        ("current_save_keys_total", 0),
        ("rdb_changes_since_last_save", server.stats.dirty),
        ("rdb_bgsave_in_progress", 0),
    ]);
    page.line("rdb_last_save_time", server.started.wall_ms().div_euclid(1000));
    page.line("rdb_last_bgsave_status", "ok");
    page.line("rdb_last_bgsave_time_sec", -1);
    page.line("rdb_current_bgsave_time_sec", -1);
    page.counts(&[
        ("rdb_saves", 0),
        ("rdb_last_cow_size", 0),
        ("rdb_last_load_keys_expired", 0),
        ("rdb_last_load_keys_loaded", 0),
        ("aof_enabled", 0),
        ("aof_rewrite_in_progress", 0),
        ("aof_rewrite_scheduled", 0),
    ]);
    page.line("aof_last_rewrite_time_sec", -1);
    page.line("aof_current_rewrite_time_sec", -1);
    page.line("aof_last_bgrewrite_status", "ok");
    page.counts(&[("aof_rewrites", 0), ("aof_rewrites_consecutive_failures", 0)]);
    page.line("aof_last_write_status", "ok");
    page.counts(&[
        ("aof_last_cow_size", 0),
        ("module_fork_in_progress", 0),
        ("module_fork_last_cow_size", 0),
    ]);
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
        page.line(&alloc::format!("db{number}"), line);
    }
}
