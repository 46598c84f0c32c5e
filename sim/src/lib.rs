//! The simulated world: one seed drives the clients, the network, the clocks and the completions
//! of file requests around the core that the server ships.
//!
//! What it proves today: that no sequence of commands, bytes, clock jumps, slow readers and broken
//! disks stops the core or breaks its invariants, that every reply stream is well-formed RESP, that
//! in every other seed each reply is what a naive model says, that the same seed gives the same run
//! bit for bit, and that the effects log, replayed without a clock, gives the same keyspace.
//! Crashes and the saboteurs come with persistence.
#![forbid(unsafe_code)]

pub mod disk;
pub mod model;
pub mod replay;
pub mod reply;
pub mod trace;
pub mod workload;
pub mod world;

pub use world::{Outcome, Plan, Timeline, World};

/// Runs a seed with every check: invariants, replies, replay of its log, and its trace when it runs
/// a second time.
///
/// # Panics
///
/// When a check fails.
#[must_use]
pub fn run_seed(plan: Plan, twice: bool) -> Outcome {
    let (world, outcome) = World::run(plan, Timeline::default());
    // The log of a later life begins with what was recovered.
    if outcome.lives == 1 {
        check_replay(&world);
    }
    if twice {
        assert_eq!(
            World::run(plan, Timeline::default()).1,
            outcome,
            "the same seed gives the same run"
        );
    }
    outcome
}

/// Replays the effects log and compares what it gives.
fn check_replay(world: &World) {
    let replayed = replay::replay(&world.log);
    replayed.check();
    let (expected, found) = (replay::dump(world.core()), replay::dump(&replayed));
    for (key, value) in &expected {
        assert_eq!(found.get(key), Some(value), "replay of the log differs at {key:?}");
    }
    assert_eq!(found.len(), expected.len(), "replay of the log has keys that are gone");
}
