//! The sections about the process, its processor time and its clients.

use alloc::string::String;
use core::fmt::{self, Write as _};

use super::{Page, View};
use crate::config::Choice as _;
use crate::version::{REDIS_VERSION, SERVER_NAME, VERSION};

pub(super) fn server(page: &mut Page, view: &View<'_>) {
    let server = view.server;
    let (config, host, now) = (&server.config, &server.host, server.now);
    let uptime_s = (now.mono_ns - server.started.mono_ns) / 1_000_000_000;
    page.line("redis_version", REDIS_VERSION);
    page.line("redis_git_sha1", "00000000");
    page.line("redis_git_dirty", 0);
    page.line("redis_build_id", "0000000000000000");
    page.line("redis_mode", "standalone");
    page.line("server_name", SERVER_NAME);
    page.line("seedis_version", VERSION);
    page.line("os", &host.os);
    page.line("arch_bits", usize::BITS);
    page.line("monotonic_clock", "POSIX clock_gettime");
    page.line("multiplexing_api", host.multiplexing_api);
    page.line("process_id", host.pid);
    page.line("process_supervised", config.supervised.word());
    page.line("run_id", &server.run_id);
    page.line("tcp_port", config.port);
    page.line("server_time_usec", now.wall_us);
    page.line("uptime_in_seconds", uptime_s);
    page.line("uptime_in_days", uptime_s / 86_400);
    page.line("hz", config.hz);
    page.line("configured_hz", config.hz);
    page.line("lru_clock", now.wall_us.div_euclid(1_000_000) % (1 << 24));
    page.line("executable", &host.executable);
    page.line("config_file", &host.config_file);
    page.line("io_threads_active", 0);
    listeners(page, view);
}

/// What is listened on: TCP first, then the Unix socket.
fn listeners(page: &mut Page, view: &View<'_>) {
    let config = &view.server.config;
    let mut number = 0;
    let mut listener = |text: String| {
        let _ = write!(page.0, "listener{number}:{text}\r\n");
        number += 1;
    };
    if config.port != 0 {
        let mut text = String::from("name=tcp");
        for addr in &config.bind {
            let _ = write!(text, ",bind={addr}");
        }
        let _ = write!(text, ",port={}", config.port);
        listener(text);
    }
    if let Some(path) = &config.unixsocket {
        listener(alloc::format!("name=unix,bind={}", String::from_utf8_lossy(path)));
    }
}

pub(super) fn clients(page: &mut Page, view: &View<'_>) {
    let input = view.clients().map(|client| client.query_bytes).max().unwrap_or(0);
    let output = view.clients().map(|client| client.output.pending_bytes()).max().unwrap_or(0);
    let is_paused = view.server.pause.is_some();
    let blocking = &view.server.blocking;
    let (keys, keys_on_any_change) = blocking.key_counts();
    let blocked = view.clients().filter(|client| client.is_blocked(is_paused));
    page.counts(&[
        ("connected_clients", view.server.clients.len() as u64),
        ("cluster_connections", 0),
        ("maxclients", view.server.config.maxclients.into()),
        ("client_recent_max_input_buffer", input as u64),
        ("client_recent_max_output_buffer", output as u64),
        ("blocked_clients", blocked.count() as u64),
        ("tracking_clients", 0),
        ("clients_in_timeout_table", blocking.with_deadline() as u64),
        ("total_blocking_keys", keys as u64),
        ("total_blocking_keys_on_nokey", keys_on_any_change as u64),
    ]);
}

pub(super) fn cpu(page: &mut Page, view: &View<'_>) {
    let host = &view.server.host;
    page.line("used_cpu_sys", Seconds(host.cpu_sys_us));
    page.line("used_cpu_user", Seconds(host.cpu_user_us));
    page.line("used_cpu_sys_children", Seconds(0));
    page.line("used_cpu_user_children", Seconds(0));
    page.line("used_cpu_sys_main_thread", Seconds(host.cpu_sys_main_us));
    page.line("used_cpu_user_main_thread", Seconds(host.cpu_user_main_us));
}

/// Microseconds, printed as seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
