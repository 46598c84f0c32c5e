//! `run`: seeds, one after the other, until one fails.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use seedis_sim::marks::Marks;
use seedis_sim::profile::Profile;
use seedis_sim::{Outcome, Plan, caught};

use super::replay;

pub(crate) struct Options {
    /// The first seed, and how many commands each has.
    pub(crate) first: Plan,
    pub(crate) profile: Profile,
    pub(crate) seeds: u64,
    pub(crate) limit: Option<Duration>,
    pub(crate) shown: replay::Shown,
    /// Lists every coverage mark.
    pub(crate) all_marks: bool,
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
    /// Of all their traces, in order.
    traces: u128,
    /// The seed that took longest.
    slowest: (Duration, u64),
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let start = Instant::now();
    let (mut sum, mut marks, mut progress) = (Sum::default(), Marks::default(), Progress::new());
    let first = options.first.seed;
    for seed in first..first.saturating_add(options.seeds) {
        if options.limit.is_some_and(|limit| start.elapsed() > limit) {
            break;
        }
        let plan = Plan { seed, ..options.first };
        progress.tell(&sum, start.elapsed());
        let begin = Instant::now();
        match caught::catch(|| {
            seedis_sim::run_seed_marked(plan, options.profile, seed % 10 == 0, &mut marks)
        }) {
            Ok(outcome) => {
                sum.add(&outcome);
                sum.slowest = sum.slowest.max((begin.elapsed(), seed));
            }
            Err(caught) => {
                eprintln!("seed {seed} failed: {caught}");
                sum.failures += 1;
                if !options.keeps_going {
                    return replay::explain(plan, options.profile, &options.shown);
                }
            }
        }
    }
    progress.clear();
    tell(&sum, start.elapsed().as_secs_f64());
    tell_marks(&marks, options.all_marks);
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
        self.traces = self.traces.rotate_left(1) ^ outcome.trace;
    }
}

fn tell(sum: &Sum, seconds: f64) {
    println!(
        "{} failed; {} seeds ({} compared with the model), {} lives, {} turns, {} commands, \
         {} replies in {seconds:.1} s: {:.0} seeds/s, {:.0} commands/s",
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
    let (took, seed) = sum.slowest;
    println!("seed {seed} took longest: {:.1} ms", took.as_secs_f64() * 1000.0);
    println!("the traces give {:032x}", sum.traces);
}

/// The marks that were reached least and those that were not, or all.
fn tell_marks(marks: &Marks, all: bool) {
    let mut marks = marks.all();
    let (count, reached) = (marks.len(), marks.iter().filter(|mark| mark.1 > 0).count());
    println!("{reached} of {count} coverage marks were reached");
    if !all {
        marks.sort_by_key(|mark| mark.1);
        marks.truncate(count - reached + RAREST);
    }
    marks.iter().for_each(|(name, count)| println!("{count:>10}  {name}"));
}

/// Marks that are shown beside those that were never reached.
const RAREST: usize = 10;

/// A line on a terminal that tells how far a run is.
struct Progress {
    is_shown: bool,
    told: Duration,
}

impl Progress {
    fn new() -> Self {
        Self { is_shown: std::io::stderr().is_terminal(), told: Duration::ZERO }
    }

    fn tell(&mut self, sum: &Sum, elapsed: Duration) {
        if self.is_shown && elapsed >= self.told + Duration::from_millis(200) {
            self.told = elapsed;
            let rate = sum.seeds as f64 / elapsed.as_secs_f64();
            eprint!("\r{} seeds, {} failed, {rate:.0} seeds/s \x1b[K", sum.seeds, sum.failures);
            // A terminal that is gone is no reason to stop.
            let _ = std::io::stderr().flush();
        }
    }

    fn clear(&self) {
        if self.is_shown {
            eprint!("\r\x1b[K");
        }
    }
}
