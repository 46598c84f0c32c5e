//! The simulator's workload, answered by the core and by redis-server: a short run of
//! `seedis-sim differential`. Spoiled commands are among them, so that errors are compared too.

use seedis_sim::differential::peer::Peer;
use seedis_sim::differential::{absent_from, compare};
use seedis_tests::process::{not_run, tool};

#[test]
fn the_workload_is_answered_alike() {
    let Some(redis) = tool("redis-server") else { return not_run("redis-server") };
    let mut peer = Peer::start(&redis).expect("redis-server starts");
    let absent = absent_from(&mut peer).expect("it answers");
    let mut successes = 0;
    for seed in 1..=30 {
        let (compared, difference) =
            compare(seed, 200, &absent, &mut peer).expect("redis-server answers");
        successes += compared.successes;
        if let Some(difference) = difference {
            panic!("seed {seed}\n{difference}");
        }
    }
    assert!(successes > 1000, "only {successes} replies were no errors");
}
