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
pub mod finding;
pub mod model;
pub mod replay;
pub mod reply;
pub mod sabotage;
pub mod trace;
pub mod workload;
pub mod world;

use finding::Invariant::{S1, T5};
use finding::check;
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
        let again = World::run(plan, Timeline::default()).1;
        check(again == outcome, S1, || format!("once {outcome:?}, then {again:?}"));
    }
    outcome
}

/// Replays the effects log and compares what it gives.
fn check_replay(world: &World) {
    let replayed = replay::replay(&world.log);
    replayed.check();
    let (expected, found) = (replay::dump(world.core()), replay::dump(&replayed));
    for (key, value) in &expected {
        check(found.get(key) == Some(value), T5, || {
            format!("replay of the log differs at {key:?}")
        });
    }
    check(found.len() == expected.len(), T5, || "replay has keys that are gone".into());
}
