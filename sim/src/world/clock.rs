//! The clocks: a monotonic one that only goes on, and a wall clock that jumps either way.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::Now;

/// The clocks of a world.
#[derive(Debug)]
pub(crate) struct Clock {
    rng: ChaCha8Rng,
    now: Now,
    jumps: bool,
    /// The process does not always run when it is due.
    stalls: bool,
}

/// September 2026.
const START_US: i64 = 1_790_000_000_000_000;
const WALL_US_MAX: i64 = 4_000_000_000_000_000;

impl Clock {
    pub(crate) fn draw(mut rng: ChaCha8Rng) -> Self {
        let (jumps, stalls) = (rng.random(), rng.random());
        Self { rng, now: Now { mono_ns: 1, wall_us: START_US }, jumps, stalls }
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    /// Some time passes, mostly little, and mostly not beyond the time of the next event.
    pub(crate) fn pass(&mut self, next_ns: Option<u64>) {
        let micros = match self.rng.random_range(0..20) {
            0 => 0,
            1 => self.rng.random_range(0..5_000_000),
            _ => self.rng.random_range(0..3000),
        };
        let until_next = next_ns.map(|at| at.saturating_sub(self.now.mono_ns) / 1000 + 1);
        let micros = match until_next {
            Some(wait) if self.stalls && self.rng.random_ratio(1, 50) => {
                micros.max(wait.min(60_000_000))
            }
            Some(wait) => micros.min(wait),
            None => micros,
        };
        self.now.mono_ns += micros * 1000;
        self.now.wall_us += micros as i64;
        if self.jumps && self.rng.random_ratio(1, 500) {
            self.jump();
        }
    }

    /// The machine starts: its wall clock may be any, the monotonic one goes on.
    pub(crate) fn restart(&mut self) {
        if self.jumps && self.rng.random_ratio(1, 4) {
            self.jump();
        }
    }

    /// The wall clock is set, by a millisecond or by years.
    fn jump(&mut self) {
        let scale = 10_i64.pow(self.rng.random_range(3..15));
        let wall_us = self.now.wall_us + self.rng.random_range(-scale..scale);
        self.now.wall_us = wall_us.clamp(-1_000_000, WALL_US_MAX);
    }
}
