//! `run`: seeds, one after the other, until one fails.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use seedis_sim::{Plan, caught};

use super::replay;

pub(crate) struct Options {
    /// The first seed, and how many commands each has.
    pub(crate) first: Plan,
    pub(crate) seeds: u64,
    pub(crate) limit: Option<Duration>,
    pub(crate) events: usize,
}

#[derive(Default)]
struct Sum {
    seeds: u64,
    compared: u64,
    commands: u64,
    replies: u64,
    lives: u64,
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
            Ok(outcome) => {
                sum.seeds += 1;
                sum.compared += u64::from(outcome.is_compared);
                sum.commands += outcome.commands;
                sum.replies += outcome.replies;
                sum.lives += outcome.lives;
            }
            Err(finding) => {
                eprintln!("seed {seed} failed: {finding}");
                replay::explain(plan, options.events);
                return ExitCode::FAILURE;
            }
        }
    }
    tell(&sum, start.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn tell(sum: &Sum, seconds: f64) {
    println!(
        "{} seeds ({} compared with the model), {} lives, {} commands, {} replies in {seconds:.1} \
         s: {:.0} seeds/s, {:.0} commands/s",
        sum.seeds,
        sum.compared,
        sum.lives,
        sum.commands,
        sum.replies,
        sum.seeds as f64 / seconds,
        sum.commands as f64 / seconds
    );
}
