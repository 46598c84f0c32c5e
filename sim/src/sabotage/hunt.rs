//! The hunt for a planted bug: seed after seed until the check that is there for it fails.
//!
//! A seed that fails counts only if it does not fail without the bug: what the simulator finds in
//! the core itself is no merit here.

use std::time::{Duration, Instant};

use super::boundary::Boundary;
use super::table::Sabotage;
use crate::caught::{Caught, catch};
use crate::decisions::{Decisions, Family};
use crate::world::{Outcome, Plan, Timeline, World};

/// How long to hunt, and with what switched off.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The first seed, and the commands of each.
    pub first: Plan,
    /// Seeds at most.
    pub seeds: u64,
    /// CPU time at most.
    pub time: Duration,
    /// Faults that do not happen.
    pub off: Option<Family>,
}

/// A seed that failed.
#[derive(Clone, Debug)]
pub struct Catch {
    /// Which.
    pub seed: u64,
    /// How.
    pub caught: Caught,
    /// Seeds that were run until then, this one included.
    pub seeds: u64,
    /// CPU time until then.
    pub time: Duration,
}

/// How a hunt has ended.
#[derive(Clone, Debug, Default)]
pub struct Hunt {
    /// The first seed that failed, by whatever check.
    pub first: Option<Catch>,
    /// The first that failed by a check that is there for this bug.
    pub named: Option<Catch>,
    /// Seeds that fail without the bug too.
    pub clean_failures: Vec<u64>,
}

/// Runs seeds with a planted bug until a check that is there for it fails.
#[must_use]
pub fn hunt(sabotage: &Sabotage, limit: &Limit) -> Hunt {
    let start = CpuClock::start();
    let mut hunt = Hunt::default();
    let mut seeds = 0;
    while seeds < limit.seeds && start.elapsed() < limit.time && hunt.named.is_none() {
        let plan = Plan { seed: limit.first.seed + seeds, ..limit.first };
        seeds += 1;
        let Err(caught) = run(plan, limit.off, Boundary::with((sabotage.plant)())) else {
            continue;
        };
        if run(plan, limit.off, Boundary::honest()).is_err() {
            hunt.clean_failures.push(plan.seed);
            continue;
        }
        let is_named = sabotage.caught_by.contains(&caught.finding.invariant);
        let catch = Catch { seed: plan.seed, caught, seeds, time: start.elapsed() };
        hunt.named = is_named.then(|| catch.clone());
        hunt.first.get_or_insert(catch);
    }
    hunt
}

/// Runs a seed with faults of a family switched off.
///
/// # Errors
///
/// The finding.
pub fn run(plan: Plan, off: Option<Family>, boundary: Boundary) -> Result<Outcome, Caught> {
    catch(|| {
        let decisions = Decisions::of_seed(plan.seed).without(off);
        World::of_seed(plan, decisions, Timeline::default(), boundary).live(plan.commands).1
    })
}

/// The CPU time of this thread where the system tells it, else the time on the wall.
struct CpuClock {
    start: Instant,
    start_cpu: Option<Duration>,
}

impl CpuClock {
    fn start() -> Self {
        Self { start: Instant::now(), start_cpu: cpu_time() }
    }

    fn elapsed(&self) -> Duration {
        match self.start_cpu.zip(cpu_time()) {
            Some((start, now)) => now.saturating_sub(start),
            None => self.start.elapsed(),
        }
    }
}

fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
