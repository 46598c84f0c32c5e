//! The simulator's command line.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use seedis_sim::Plan;

const HELP: &str = "\
usage: seedis-sim run [--seed S] [--seeds N] [--commands C] [--minutes M]
  --seed S      first seed (default 1)
  --seeds N     how many seeds (default 100)
  --commands C  commands a seed (default 5000)
  --minutes M   stop after so long, however many seeds that is
Every tenth seed runs twice and must give the same trace; every seed's effects log is replayed.
Exit code 1 when a seed fails; its number is printed, and `--seed S --seeds 1` repeats it.";

struct Options {
    first: u64,
    seeds: u64,
    commands: u64,
    limit: Option<Duration>,
}

fn main() -> ExitCode {
    match options() {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("seedis-sim: {error}\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options { first: 1, seeds: 100, commands: 5000, limit: None };
    let mut args = lexopt::Parser::from_env();
    let mut is_run = false;
    while let Some(arg) = args.next()? {
        match arg {
            Value(word) if word == "run" && !is_run => is_run = true,
            Long("seed") => options.first = args.value()?.parse()?,
            Long("seeds") => options.seeds = args.value()?.parse()?,
            Long("commands") => options.commands = args.value()?.parse()?,
            Long("minutes") => {
                let minutes: f64 = args.value()?.parse()?;
                options.limit = Some(Duration::from_secs_f64(minutes.clamp(0.0, 1e6) * 60.0));
                options.seeds = u64::MAX;
            }
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(is_run.then_some(options))
}

fn run(options: &Options) -> ExitCode {
    let start = Instant::now();
    let (mut commands, mut replies, mut seeds) = (0, 0, 0);
    for seed in options.first..options.first.saturating_add(options.seeds) {
        if options.limit.is_some_and(|limit| start.elapsed() > limit) {
            break;
        }
        let plan = Plan { seed, commands: options.commands };
        match std::panic::catch_unwind(|| seedis_sim::run_seed(plan, seed % 10 == 0)) {
            Ok(outcome) => {
                commands += outcome.commands;
                replies += outcome.replies;
                seeds += 1;
            }
            Err(_) => {
                eprintln!(
                    "seed {seed} failed: seedis-sim run --seed {seed} --seeds 1 --commands {}",
                    options.commands
                );
                return ExitCode::FAILURE;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{seeds} seeds, {commands} commands, {replies} replies in {seconds:.1} s: {:.0} commands/s",
        commands as f64 / seconds
    );
    ExitCode::SUCCESS
}
