//! A bounded set of seeds, run with every check on each `cargo test`: so many as `SIM_SEEDS` says,
//! or as take half a minute on two cores.

use seedis_sim::jobs::{Jobs, side_by_side};
use seedis_sim::{Plan, run_seed};

const SEEDS: u64 = 4000;

#[test]
fn seeds_hold() {
    let most = std::env::var("SIM_SEEDS").map_or(SEEDS, |text| text.parse().expect("a number"));
    let seeds: Vec<u64> = (1..=most).collect();
    let ran = side_by_side(Jobs::for_each_core(), &seeds, |&seed| {
        run_seed(Plan { seed, commands: 1000 }, seed % 20 == 0).commands
    });
    let commands: u64 = ran.iter().sum();
    // A disk that lies ends a few of them early.
    assert!(commands >= most * 900, "{commands} commands ran");
}

/// Some that run for longer.
#[test]
fn long_seeds_hold() {
    let commands: u64 =
        (1..=30).map(|seed| run_seed(Plan { seed, commands: 5000 }, false).commands).sum();
    assert!(commands >= 120_000, "{commands} commands ran");
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
