//! `differential`: random commands to the core and to a real server.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use lexopt::prelude::*;
use seedis_sim::differential::peer::Peer;
use seedis_sim::differential::{Compared, Difference, absent_from, compare};

pub(crate) struct Options {
    pub(crate) first: u64,
    pub(crate) seeds: u64,
    pub(crate) commands: usize,
    /// The program to compare with.
    pub(crate) server: PathBuf,
    /// Goes on after a difference.
    pub(crate) keeps_going: bool,
}

/// Reads what comes after the name of the command; nothing when help is asked for.
pub(crate) fn parse(mut args: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let server = PathBuf::from("redis-server");
    let mut options = Options { first: 1, seeds: 100, commands: 300, server, keeps_going: false };
    while let Some(arg) = args.next()? {
        match arg {
            Long("seed") => options.first = args.value()?.parse()?,
            Long("seeds") => options.seeds = args.value()?.parse()?,
            Long("commands") => options.commands = args.value()?.parse()?,
            Long("server") => options.server = args.value()?.into(),
            Long("keep-going") => options.keeps_going = true,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

pub(crate) fn run(options: &Options) -> ExitCode {
    match differences(options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("seedis-sim: {}: {error}", options.server.display());
            ExitCode::from(2)
        }
    }
}

/// Compares all seeds and returns how many differ.
fn differences(options: &Options) -> io::Result<u64> {
    let start = Instant::now();
    let mut peer = Peer::start(&options.server)?;
    let absent = absent_from(&mut peer)?;
    let (mut sum, mut seeds, mut count) = (Compared::default(), 0, 0);
    for seed in options.first..options.first.saturating_add(options.seeds) {
        let (compared, difference) = compare(seed, options.commands, &absent, &mut peer)?;
        sum.commands += compared.commands;
        sum.successes += compared.successes;
        seeds += 1;
        if let Some(difference) = difference {
            count += 1;
            tell(seed, &difference);
            if !options.keeps_going {
                break;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{count} of {seeds} seeds differ; {} replies were compared, {} of them no errors, in \
         {seconds:.1} s; {} commands are not known to the server",
        sum.commands,
        sum.successes,
        absent.len()
    );
    Ok(count)
}

fn tell(seed: u64, difference: &Difference) {
    println!("# seed {seed}\n{difference}");
}
