//! How far the loading is: for the log and for INFO.

use alloc::format;

use super::files::Loading;
use crate::config::LogLevel;
use crate::io::FileId;
use crate::server::Server;
use crate::turn::Now;

/// Time between two lines about the progress.
const REPORT_NS: u64 = 1_000_000_000;

/// How far it is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) started: Option<Now>,
    pub(crate) total_bytes: u64,
    pub(crate) loaded_bytes: u64,
    pub(crate) keys: u64,
    /// The file that is being opened or read.
    pub(crate) file: Option<FileId>,
    reported_ns: u64,
}

impl Progress {
    /// Seconds since it began, at least one.
    pub(crate) fn elapsed_s(&self, now: Now) -> u64 {
        let started = self.started.map_or(now.mono_ns, |started| started.mono_ns);
        ((now.mono_ns - started) / 1_000_000_000).max(1)
    }

    /// Percent of the bytes.
    pub(crate) fn percent(&self) -> f64 {
        self.loaded_bytes as f64 * 100.0 / self.total_bytes.max(1) as f64
    }

    /// Seconds that the rest will take at this speed.
    pub(crate) fn eta_s(&self, now: Now) -> u64 {
        let left = self.total_bytes.saturating_sub(self.loaded_bytes);
        left.saturating_mul(self.elapsed_s(now)) / self.loaded_bytes.max(1)
    }
}

impl Server {
    /// Says which file is loaded now.
    pub(crate) fn announce_part(&mut self, loading: &Loading) {
        let line = format!("Loading {}, {} bytes", loading.part.shown(), loading.len);
        self.log_line(LogLevel::Notice, line);
        let now = self.now;
        if let Some(recovery) = &mut self.recovery {
            recovery.progress.started.get_or_insert(now);
        }
    }

    /// A key of a dump was loaded.
    #[inline]
    pub(crate) fn note_key(&mut self) {
        if let Some(recovery) = &mut self.recovery {
            recovery.progress.keys += 1;
        }
    }

    /// Bytes of a file were read.
    pub(crate) fn note_progress(&mut self, bytes: u64) {
        let now = self.now;
        let Some(recovery) = &mut self.recovery else { return };
        recovery.now = now;
        let progress = &mut recovery.progress;
        progress.loaded_bytes += bytes;
        if now.mono_ns < progress.reported_ns + REPORT_NS {
            return;
        }
        progress.reported_ns = now.mono_ns;
        let keys: usize = self.dbs.iter().map(crate::keyspace::Db::len).sum();
        let line = format!(
            "Loading: {:.1} %, {keys} keys, {} keys/s, about {} s left",
            progress.percent(),
            keys as u64 / progress.elapsed_s(now),
            progress.eta_s(now)
        );
        self.log_line(LogLevel::Notice, line);
    }

    /// Says what was loaded.
    pub(crate) fn report_loaded(&mut self) {
        let Some(recovery) = &self.recovery else { return };
        if recovery.progress.total_bytes == 0 {
            return;
        }
        let started = recovery.progress.started.map_or(self.now.mono_ns, |at| at.mono_ns);
        let millis = (self.now.mono_ns - started) / 1_000_000;
        let keys: usize = self.dbs.iter().map(crate::keyspace::Db::len).sum();
        let line = format!(
            "DB loaded: {keys} keys, {} bytes, {}.{:03} seconds",
            recovery.progress.loaded_bytes,
            millis / 1000,
            millis % 1000
        );
        self.log_line(LogLevel::Notice, line);
    }
}
