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
}

/// September 2026.
const START_US: i64 = 1_790_000_000_000_000;
const WALL_US_MAX: i64 = 4_000_000_000_000_000;

impl Clock {
    pub(crate) fn draw(mut rng: ChaCha8Rng) -> Self {
        let jumps = rng.random();
        Self { rng, now: Now { mono_ns: 1, wall_us: START_US }, jumps }
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    /// Some time passes, mostly little.
    pub(crate) fn pass(&mut self) {
        let micros = match self.rng.random_range(0..20) {
            0 => 0,
            1 => self.rng.random_range(0..5_000_000),
            _ => self.rng.random_range(0..3000),
        };
        self.now.mono_ns += micros * 1000;
        self.now.wall_us += micros as i64;
        if self.jumps && self.rng.random_ratio(1, 500) {
            self.jump();
        }
    }

    /// The wall clock is set, by a millisecond or by years.
    pub(crate) fn jump(&mut self) {
        let scale = 10_i64.pow(self.rng.random_range(3..15));
        let wall_us = self.now.wall_us + self.rng.random_range(-scale..scale);
        self.now.wall_us = wall_us.clamp(-1_000_000, WALL_US_MAX);
    }
}
