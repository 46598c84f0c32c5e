//! The clocks, read once a turn.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use seedis_core::Now;

/// Reads both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// Nanoseconds since the start.
    pub(crate) fn mono_ns(&self) -> u64 {
        // The first turn is not at zero: the core takes zero for "no time yet".
        self.start.elapsed().as_nanos() as u64 + 1
    }

    /// Both clocks.
    pub(crate) fn now(&self) -> Now {
        let wall_us = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        };
        Now { mono_ns: self.mono_ns(), wall_us }
    }
}
