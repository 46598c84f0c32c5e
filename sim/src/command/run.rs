//! `run`: seeds, one after the other, until one fails.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use seedis_sim::{Outcome, Plan, caught};

use super::replay;

pub(crate) struct Options {
    /// The first seed, and how many commands each has.
    pub(crate) first: Plan,
    pub(crate) seeds: u64,
    pub(crate) limit: Option<Duration>,
    pub(crate) events: usize,
    /// Goes on after a failure.
    pub(crate) keeps_going: bool,
}

#[derive(Default)]
struct Sum {
    seeds: u64,
    compared: u64,
    commands: u64,
    replies: u64,
    lives: u64,
    turns: u64,
    failures: u64,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let start = Instant::now();
    let mut sum = Sum::default();
    let first = options.first.seed;
    for seed in first..first.saturating_add(options.seeds) {
        if options.limit.is_some_and(|limit| start.elapsed() > limit) {
            break;
        }
        let plan = Plan { seed, ..options.first };
        match caught::catch(|| seedis_sim::run_seed(plan, seed % 10 == 0)) {
            Ok(outcome) => sum.add(&outcome),
            Err(caught) => {
                eprintln!("seed {seed} failed: {caught}");
                sum.failures += 1;
                if !options.keeps_going {
                    return replay::explain(plan, options.events);
                }
            }
        }
    }
    tell(&sum, start.elapsed().as_secs_f64());
    if sum.failures > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.compared += u64::from(outcome.is_compared);
        self.commands += outcome.commands;
        self.replies += outcome.replies;
        self.lives += outcome.lives;
        self.turns += outcome.turns;
    }
}

fn tell(sum: &Sum, seconds: f64) {
    println!(
        "{} failed; {} seeds ({} compared with the model), {} lives, {} turns, {} commands, {} replies in {seconds:.1} \
         s: {:.0} seeds/s, {:.0} commands/s",
        sum.failures,
        sum.seeds,
        sum.compared,
        sum.lives,
        sum.turns,
        sum.commands,
        sum.replies,
        sum.seeds as f64 / seconds,
        sum.commands as f64 / seconds
    );
}
