//! A bounded set of seeds, run with every check on each `cargo test`.

use seedis_sim::{Plan, run_seed};

#[test]
fn seeds_hold() {
    let mut commands = 0;
    for seed in 1..=60 {
        commands += run_seed(Plan { seed, commands: 3000 }, seed % 5 == 0).commands;
    }
    // A disk that lies ends a few of them early.
    assert!(commands >= 150_000, "{commands} commands ran");
}
