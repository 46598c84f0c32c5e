//! A run written down and played again is the same run.

use seedis_sim::caught::catch;
use seedis_sim::{Plan, Timeline, check_script, record};

#[test]
fn a_script_gives_the_run_that_it_was_written_down_in() {
    for seed in 1..=40 {
        let plan = Plan { seed, commands: 400 };
        let (script, drawn) = record(plan, Timeline::default());
        let played = catch(|| check_script(script, Timeline::default()));
        assert_eq!(played, drawn, "seed {seed}");
    }
}
