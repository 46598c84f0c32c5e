//! Bugs of clocks: the core is given another time than it is.

use seedis_core::Now;

use super::boundary::Saboteur;
use super::table::Sabotage;
use crate::finding::Invariant::{L1, P1, T1};

pub(super) const ROWS: &[Sabotage] = &[
    Sabotage {
        name: "cached-clock",
        number: "76",
        fault: "none but time",
        caught_by: &[P1, T1],
        words: "the clock is read every 20 turns: commands on a dead key revive it",
        plant: || Box::new(Clocks::of(Bug::Cached)),
    },
    Sabotage {
        name: "deadlines-on-monotonic-clock",
        number: "78",
        fault: "the clock is set",
        caught_by: &[P1, T1],
        words: "time to live is counted on the monotonic clock",
        plant: || Box::new(Clocks::of(Bug::Monotonic)),
    },
    Sabotage {
        name: "clock-set-back-wraps",
        number: "81",
        fault: "the clock is set back by a day",
        caught_by: &[P1, T1, L1],
        words: "a step back of more than a day is taken for one far ahead",
        plant: || Box::new(Clocks::of(Bug::Wraps)),
    },
    Sabotage {
        name: "clock-never-goes-back",
        number: "81b",
        fault: "the clock is set back",
        caught_by: &[P1, T1],
        words: "while the clock is behind what it was it stands still",
        plant: || Box::new(Clocks::of(Bug::Clamped)),
    },
    Sabotage {
        name: "clock-in-seconds",
        number: "80c",
        fault: "none but time",
        caught_by: &[P1, T1],
        words: "deadlines are compared in whole seconds",
        plant: || Box::new(Clocks::of(Bug::Seconds)),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    Cached,
    Monotonic,
    Wraps,
    Clamped,
    Seconds,
}

/// A bug in the reading of the clock.
#[derive(Debug)]
struct Clocks {
    bug: Bug,
    turns: u64,
    /// What it was in the last turn, by the rule of the bug.
    wall_us: Option<i64>,
    last_ns: u64,
}

const DAY_US: i64 = 86_400_000_000;

impl Clocks {
    fn of(bug: Bug) -> Self {
        Self { bug, turns: 0, wall_us: None, last_ns: u64::MAX }
    }
}

impl Saboteur for Clocks {
    fn clock(&mut self, now: Now) -> Now {
        self.turns += 1;
        let before_us = *self.wall_us.get_or_insert(now.wall_us);
        let wall_us = match self.bug {
            Bug::Cached if !self.turns.is_multiple_of(20) => before_us,
            Bug::Cached => now.wall_us,
            Bug::Monotonic => {
                before_us + (now.mono_ns - self.last_ns.min(now.mono_ns)) as i64 / 1000
            }
            Bug::Wraps if now.wall_us < before_us - DAY_US => {
                return Now { wall_us: before_us.saturating_mul(2), ..now };
            }
            Bug::Wraps => {
                self.wall_us = Some(before_us.max(now.wall_us));
                return now;
            }
            Bug::Clamped => now.wall_us.max(before_us),
            Bug::Seconds => now.wall_us.div_euclid(1_000_000) * 1_000_000,
        };
        (self.wall_us, self.last_ns) = (Some(wall_us), now.mono_ns);
        Now { wall_us, ..now }
    }
}
