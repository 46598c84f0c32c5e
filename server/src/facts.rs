//! What only the system knows and INFO shows.
//!
//! Looked up at most ten times a second, and only in turns that happen anyway: an idle server stays
//! asleep. What cannot change is looked up once.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use seedis_core::turn::HostFacts;

use crate::system::{self, Whose};
use crate::turn_times::TurnTimes;

/// How old the figures may get.
const PERIOD_NS: u64 = 100_000_000;

/// The figures and when they are due again.
#[derive(Debug)]
pub(crate) struct Facts {
    constant: HostFacts,
    /// Sizes of the memory of this process in pages; the second is what is resident.
    statm: Option<File>,
    page_bytes: u64,
    due_ns: u64,
}

impl Facts {
    /// Looks up what does not change.
    pub(crate) fn new(config_file: Option<&Path>) -> Self {
        let executable = std::env::current_exe().unwrap_or_default();
        let constant = HostFacts {
            pid: std::process::id(),
            total_memory_bytes: system::total_memory_bytes(),
            os: system::os(),
            multiplexing_api: "epoll",
            allocator: "libc",
            executable: executable.display().to_string(),
            config_file: config_file.map(|path| path.display().to_string()).unwrap_or_default(),
            ..HostFacts::default()
        };
        let statm = File::open("/proc/self/statm").ok();
        Self { constant, statm, page_bytes: system::page_bytes(), due_ns: 0 }
    }

    /// New figures if the old ones are too old.
    #[inline]
    pub(crate) fn due(
        &mut self,
        now_ns: u64,
        tcp_port: u16,
        times: &TurnTimes,
    ) -> Option<HostFacts> {
        if now_ns < self.due_ns {
            return None;
        }
        self.due_ns = now_ns + PERIOD_NS;
        let (cpu_sys_us, cpu_user_us) = system::cpu_time_us(Whose::Process);
        let (cpu_sys_main_us, cpu_user_main_us) = system::cpu_time_us(Whose::Thread);
        Some(HostFacts {
            tcp_port,
            rss_bytes: self.rss_bytes().unwrap_or_default(),
            cpu_sys_us,
            cpu_user_us,
            cpu_sys_main_us,
            cpu_user_main_us,
            turns_ns: times.sum_ns,
            turn_ns_max: times.longest_ns,
            ..self.constant.clone()
        })
    }

    fn rss_bytes(&self) -> Option<u64> {
        let mut text = [0; 128];
        let count = self.statm.as_ref()?.read_at(&mut text, 0).ok()?;
        let text = str::from_utf8(&text[..count]).ok()?;
        let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(pages * self.page_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_looked_up_once_in_a_period() {
        let mut facts = Facts::new(None);
        let times = TurnTimes::default();
        let first = facts.due(1, 6379, &times).unwrap();
        assert!(first.rss_bytes > 100_000, "{}", first.rss_bytes);
        assert_eq!((first.pid, first.tcp_port), (std::process::id(), 6379));
        assert!(facts.due(PERIOD_NS, 6379, &times).is_none());
        assert!(facts.due(PERIOD_NS + 1, 6379, &times).is_some());
    }
}
