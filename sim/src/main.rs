//! The simulator's command line.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use seedis_sim::{Plan, Timeline, World};

const HELP: &str = "\
usage: seedis-sim run [--seed S] [--seeds N] [--commands C] [--minutes M] [--events E]
  --seed S      first seed (default 1)
  --seeds N     how many seeds (default 100)
  --commands C  commands a seed (default 5000)
  --minutes M   stop after so long, however many seeds that is
  --events E    show so many events before a failure (default 60)
Every tenth seed runs twice and must give the same trace; every seed's effects log is replayed.
Exit code 1 when a seed fails; its number is printed, and `--seed S --seeds 1` repeats it.";

struct Options {
    first: u64,
    seeds: u64,
    commands: u64,
    limit: Option<Duration>,
    events: usize,
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
    let mut options = Options { first: 1, seeds: 100, commands: 5000, limit: None, events: 60 };
    let mut args = lexopt::Parser::from_env();
    let mut is_run = false;
    while let Some(arg) = args.next()? {
        match arg {
            Value(word) if word == "run" && !is_run => is_run = true,
            Long("seed") => options.first = args.value()?.parse()?,
            Long("seeds") => options.seeds = args.value()?.parse()?,
            Long("commands") => options.commands = args.value()?.parse()?,
            Long("events") => options.events = args.value()?.parse()?,
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

/// Runs a seed that failed once more, which is the same run, and shows how it went wrong.
fn show_failure(plan: Plan, events: usize) {
    let timeline = Timeline::keeping(events);
    let again = AssertUnwindSafe(|| World::run(plan, timeline.clone()));
    std::panic::set_hook(Box::new(|_| {}));
    // That it fails again is why it runs; a check after the run leaves the timeline whole.
    let _ = std::panic::catch_unwind(again);
    let _ = std::panic::take_hook();
    eprintln!("\nThe last {events} events of seed {}:", plan.seed);
    for line in timeline.lines() {
        eprintln!("  {line}");
    }
    eprintln!(
        "seed {} failed: seedis-sim run --seed {} --seeds 1 --commands {}",
        plan.seed, plan.seed, plan.commands
    );
}

fn run(options: &Options) -> ExitCode {
    let start = Instant::now();
    let (mut commands, mut replies, mut seeds, mut compared) = (0, 0, 0, 0);
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
                compared += u64::from(outcome.is_compared);
            }
            Err(_) => {
                show_failure(plan, options.events);
                return ExitCode::FAILURE;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{seeds} seeds ({compared} compared with the model), {commands} commands, \
         {replies} replies in {seconds:.1} s: {:.0} commands/s",
        commands as f64 / seconds
    );
    ExitCode::SUCCESS
}
