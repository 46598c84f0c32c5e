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

/// Seeds that have found something in the recovery, with the commands that they ran then.
#[test]
fn seeds_that_failed_once_hold() {
    let found =
        [809, 829, 1068, 1074, 1479, 1497, 1671, 2189, 2252, 3179, 5301, 5501, 5761, 7213, 7763];
    let mut lives = 0;
    for seed in found {
        lives += run_seed(Plan { seed, commands: 1000 }, false).lives;
    }
    assert!(lives > 100, "{lives} lives");
}
