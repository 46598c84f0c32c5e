//! The simulated world: one seed drives the clients, the network, the clocks and the completions
//! of file requests around the core that the server ships.
//!
//! What it proves today: that no sequence of commands, bytes, clock jumps, slow readers and broken
//! disks stops the core or breaks its invariants, that every reply stream is well-formed RESP, that
//! in every other seed each reply is what a naive model says, that the same seed gives the same run
//! bit for bit, that the effects log, replayed without a clock, gives the same keyspace, and that
//! after every crash a state is recovered that may be. That the checks see what they are there for
//! is proved by planted bugs ([`sabotage`]).
#![forbid(unsafe_code)]

pub mod caught;
mod commands;
mod crafted;
pub mod decisions;
pub mod differential;
pub mod disk;
pub mod exhaustive;
pub mod finding;
pub mod jobs;
pub mod marks;
pub mod model;
pub mod profile;
pub mod recording;
pub mod replay;
pub mod reply;
pub mod report;
pub mod sabotage;
pub mod script;
pub mod shrink;
mod stock;
pub mod trace;
pub mod workload;
pub mod world;

pub use caught::Caught;
use decisions::Decisions;
use finding::Invariant::{S1, T5};
use finding::check;
use marks::Marks;
use model::Value;
use profile::Profile;
use sabotage::Boundary;
use script::Script;
pub use world::{Outcome, Plan, Timeline, World};

/// Runs a seed with every check: invariants, replies, replay of its log, and its trace when it runs
/// a second time.
///
/// # Panics
///
/// When a check fails.
#[must_use]
pub fn run_seed(plan: Plan, twice: bool) -> Outcome {
    run_seed_marked(plan, Profile::default(), twice, &mut Marks::default())
}

/// The same in a profile, and adds what the run has met to the marks.
///
/// # Panics
///
/// When a check fails.
#[must_use]
pub fn run_seed_marked(plan: Plan, profile: Profile, twice: bool, marks: &mut Marks) -> Outcome {
    let run = || {
        let decisions = Decisions::of_seed(plan.seed).without(profile.off.iter().copied());
        let world = World::of_seed(plan, decisions, Timeline::default(), Boundary::honest());
        world.live(plan.commands)
    };
    let (world, outcome) = run();
    marks.add(world.marks());
    let outcome = check_run((world, outcome));
    if twice {
        let again = run().1;
        check(again == outcome, S1, || format!("once {outcome:?}, then {again:?}"));
    }
    outcome
}

/// Runs a script with every check.
///
/// # Panics
///
/// When a check fails.
pub fn check_script(script: Script, timeline: Timeline) -> Outcome {
    check_run(World::play(script, timeline, Boundary::honest()))
}

/// Runs a seed with every check and writes down what is decided, also when it fails.
pub fn record(plan: Plan, timeline: Timeline) -> (Script, Result<Outcome, Caught>) {
    record_in(plan, Profile::default(), timeline)
}

/// The same in a profile.
pub fn record_in(
    plan: Plan,
    profile: Profile,
    timeline: Timeline,
) -> (Script, Result<Outcome, Caught>) {
    let decisions = Decisions::of_seed(plan.seed).written_down();
    let decisions = decisions.without(profile.off.iter().copied());
    let world = World::of_seed(plan, decisions.clone(), timeline, Boundary::honest());
    let outcome = caught::catch(|| check_run(world.live(plan.commands)));
    (Script { setup: plan.setup(), steps: decisions.steps() }, outcome)
}

fn check_run((world, outcome): (World, Outcome)) -> Outcome {
    // The log of a later life begins with what was recovered, and one that ends while it reads its
    // log back has not all of it.
    if outcome.lives == 1 && !world.began_with_files() && !world.core().is_loading() {
        check_replay(&world);
    }
    outcome
}

/// Entries that are pending were delivered at some time, which lies in the future of a client that
/// says so in 1970; only a recovery believes it, and what is recovered is compared elsewhere.
pub(crate) fn without_times((key, (value, deadline)): DumpEntry) -> DumpEntry {
    let value = match value {
        Value::Stream(stream) => Value::Stream(stream.without_times()),
        other => other,
    };
    (key, (value, deadline))
}

pub(crate) type DumpEntry = ((usize, Vec<u8>), (Value, Option<u64>));

/// Replays the effects log and compares what it gives.
fn check_replay(world: &World) {
    let replayed = replay::replay(&world.log);
    replayed.check();
    let dump = |core| replay::dump(core).into_iter().map(without_times).collect::<replay::Dump>();
    let (expected, found) = (dump(world.core()), dump(&replayed));
    for (key, value) in &expected {
        check(found.get(key) == Some(value), T5, || {
            format!("replay of the log differs at {key:?}")
        });
    }
    check(found.len() == expected.len(), T5, || "replay has keys that are gone".into());
}
