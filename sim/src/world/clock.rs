//! The clocks: a monotonic one that only goes on, and a wall clock that jumps either way.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::Now;

use crate::decisions::{Decisions, Stream};
use crate::script::Event;

/// The clocks of a world.
#[derive(Debug)]
pub(crate) struct Clock {
    decisions: Decisions,
    now: Now,
    jumps: bool,
    /// The process does not always run when it is due.
    stalls: bool,
    /// The machine was just started: its wall clock may be any.
    is_new: bool,
}

/// September 2026.
const START_US: i64 = 1_790_000_000_000_000;
const WALL_US_MAX: i64 = 4_000_000_000_000_000;
/// What passes between two turns when all is calm and nothing is due.
const CALM_US: u64 = 1000;

impl Clock {
    pub(crate) fn draw(decisions: Decisions) -> Self {
        let (jumps, stalls) = decisions.mood(Stream::Clock, |rng| (rng.random(), rng.random()));
        let now = Now { mono_ns: 1, wall_us: START_US };
        Self { decisions, now, jumps, stalls, is_new: false }
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    /// Some time passes, mostly little, and mostly not beyond the time of the next event.
    pub(crate) fn pass(&mut self, next_ns: Option<u64>) {
        let until_next = next_ns.map(|at| at.saturating_sub(self.now.mono_ns) / 1000 + 1);
        let stalls = self.stalls;
        let micros = self.decisions.decide(
            Stream::Clock,
            |rng| Some(micros(until_next, stalls, rng)),
            Event::Pass,
            |event| if let Event::Pass(micros) = event { Some(*micros) } else { None },
        );
        let micros = micros.unwrap_or_else(|| until_next.unwrap_or(CALM_US).min(CALM_US));
        self.now.mono_ns += micros * 1000;
        self.now.wall_us = self.now.wall_us.saturating_add(micros as i64).min(WALL_US_MAX);
        self.jump();
    }

    /// The machine starts: its wall clock may be any, the monotonic one goes on.
    pub(crate) fn restart(&mut self) {
        self.is_new = true;
    }

    /// The wall clock may be set, by a millisecond or by years.
    fn jump(&mut self) {
        let odds = if std::mem::take(&mut self.is_new) { 4 } else { 500 };
        let jumps = self.jumps;
        let by_us = self.decisions.decide(
            Stream::Clock,
            |rng| (jumps && rng.random_ratio(1, odds)).then(|| distance_us(rng)),
            Event::Jump,
            |event| if let Event::Jump(by_us) = event { Some(*by_us) } else { None },
        );
        let wall_us = self.now.wall_us.saturating_add(by_us.unwrap_or(0));
        self.now.wall_us = wall_us.clamp(-1_000_000, WALL_US_MAX);
    }
}

fn micros(until_next: Option<u64>, stalls: bool, rng: &mut ChaCha8Rng) -> u64 {
    let micros = match rng.random_range(0..20) {
        0 => 0,
        1 => rng.random_range(0..5_000_000),
        _ => rng.random_range(0..3000),
    };
    match until_next {
        Some(wait) if stalls && rng.random_ratio(1, 50) => micros.max(wait.min(60_000_000)),
        Some(wait) => micros.min(wait),
        None => micros,
    }
}

fn distance_us(rng: &mut ChaCha8Rng) -> i64 {
    let scale = 10_i64.pow(rng.random_range(3..15));
    rng.random_range(-scale..scale)
}
