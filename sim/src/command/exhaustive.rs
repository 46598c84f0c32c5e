//! `exhaustive`: everything that may happen to short workloads.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use seedis_sim::exhaustive::workloads::{POLICIES, Policy};
use seedis_sim::exhaustive::{Bounds, Failure, Totals, explore};
use seedis_sim::sabotage::Boundary;

pub(crate) struct Options {
    pub(crate) bounds: Bounds,
    /// Where the script of a failure goes.
    pub(crate) out: PathBuf,
}

/// Reads what comes after the name of the command; nothing when help is asked for.
pub(crate) fn parse(mut args: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut bounds = Bounds::default();
    let mut out = PathBuf::from("exhaustive.seedis");
    while let Some(arg) = args.next()? {
        match arg {
            Long("commands") => bounds.commands = args.value()?.parse()?,
            Long("policy") => bounds.policies = vec![policy(&args.value()?.string()?)?],
            Long("images") => bounds.images = args.value()?.parse()?,
            Long("later-images") => bounds.later_images = args.value()?.parse()?,
            Long("minutes") => {
                let minutes: f64 = args.value()?.parse()?;
                bounds.limit = Some(Duration::from_secs_f64(minutes.clamp(0.0, 1e6) * 60.0));
            }
            Long("out") => out = args.value()?.into(),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    if bounds.images == 0 || bounds.commands > COMMANDS_MAX {
        return Err(format!("up to {COMMANDS_MAX} commands, and 1 image or more").into());
    }
    Ok(Some(Options { bounds, out }))
}

/// Years would not be enough for more.
const COMMANDS_MAX: usize = 4;

fn policy(name: &str) -> Result<Policy, String> {
    let named = POLICIES.iter().find(|policy| policy.0 == name);
    named.map(|policy| policy.1).ok_or_else(|| format!("{name} is no policy"))
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let start = Instant::now();
    let (is_shown, mut told) = (std::io::stderr().is_terminal(), Duration::ZERO);
    let mut progress = |totals: &Totals| {
        // A line now and then where it cannot be written over.
        let (pause, begin, end) = match is_shown {
            true => (Duration::from_millis(500), "\r", " \x1b[K"),
            false => (Duration::from_secs(10), "", "\n"),
        };
        if start.elapsed() > told + pause {
            told = start.elapsed();
            let Totals { workloads, workloads_in_all, images, later_images, .. } = totals;
            eprint!(
                "{begin}{workloads} of {workloads_in_all} workloads, {images} images, \
                 {later_images} of second crashes{end}"
            );
            // A terminal that is gone is no reason to stop.
            let _ = std::io::stderr().flush();
        }
    };
    let explored = explore(&options.bounds, &Boundary::honest, &mut progress);
    if is_shown {
        eprint!("\r\x1b[K");
    }
    match explored {
        Ok(totals) => {
            tell(&totals, start.elapsed());
            ExitCode::SUCCESS
        }
        Err(failed) => {
            tell(&failed.0, start.elapsed());
            keep(&failed.1, options)
        }
    }
}

fn tell(totals: &Totals, took: Duration) {
    let runs = totals.images + totals.later_images;
    let seconds = took.as_secs_f64();
    println!("{totals}; {seconds:.1} s, {:.0} images/s", runs as f64 / seconds);
    if totals.is_cut_short {
        println!("the time was over before everything was seen");
    }
}

fn keep(failure: &Failure, options: &Options) -> ExitCode {
    println!("found: {}\n\n{}", failure.caught, failure.script);
    let file = options.out.display();
    if let Err(error) = std::fs::write(&options.out, failure.script.to_string()) {
        eprintln!("seedis-sim: {file}: {error}");
        return ExitCode::from(2);
    }
    println!("smaller: seedis-sim shrink {file}");
    ExitCode::FAILURE
}
