//! Subcommands and their options.
//!
//! `run` looks for failures; the others take one apart. Exit code 0: nothing was found; 1: a
//! failure; 2: the command line or a file is wrong.

mod ablation;
mod differential;
mod exhaustive;
mod replay;
mod run;
mod sabotage;
mod shrink;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;
use seedis_sim::Plan;
use seedis_sim::decisions::{FAMILIES, Family};
use seedis_sim::jobs::Jobs;
use seedis_sim::profile::{PROFILES, Profile};
use seedis_sim::sabotage::hunt::Limit;

pub(crate) const HELP: &str = "\
usage: seedis-sim run     [--seed S] [--seeds N] [--commands C] [--minutes M]
                          [--profile P] [--keep-going] [--marks] [--events E]
       seedis-sim exhaustive [--commands K] [--policy P] [--images N] [--later-images N]
                          [--minutes M] [--out FILE]
       seedis-sim differential [--seed S] [--seeds N] [--commands C] [--server PROGRAM]
                          [--keep-going]
       seedis-sim explain SEED [--commands C] [--profile P] [--events E] [--html FILE]
       seedis-sim shrink  --seed S [--commands C] [--profile P] [--seconds T] [--out FILE]
       seedis-sim shrink  FILE [--seconds T] [--out FILE]
       seedis-sim replay  FILE [--events E] [--html FILE]
       seedis-sim replay  RECORDING [--show] [--client ID] [--key PATTERN] [--until LSN]
                          [--stop-at COMMAND]
       seedis-sim sabotage [--only NAME] [--seed S] [--seeds N] [--commands C] [--minutes M]
                           [--without FAMILY] [--ablation] [--markdown] [--jobs N]
  --seed S      first seed (default 1)
  --seeds N     how many seeds (default 100)
  --commands C  commands a seed (default 1000)
  --minutes M   stop after so long, however many seeds that is
  --profile P   what goes wrong: all (default), disk, crashes, network or calm
  --jobs N      hunt with so many threads (default 1)
  --keep-going  count what fails and go on
  --marks       list how often every coverage mark was reached
  --html FILE   write a page with the whole run there
  --events E    show so many lines of the timeline (default 60)
  --seconds T   give up making it smaller after so long (default 60)
  --out FILE    write the script there
run: every tenth seed runs twice and must give the same trace; what fails is shown and its number
printed. exhaustive: every sequence of up to K commands (default 2) under the policy always,
everysec, no or dump (default all), every crash, up to N images of each (default 128, and 16 of a
second crash; 0: no second crash). differential: the workload to the core and to redis-server,
reply by reply. explain: the timeline of a seed. shrink: the smallest script that fails alike, as a
timeline, as a test and for redis-cli. replay: plays a script again, or
what `seedis-server --record` wrote (`seedis-sim replay --help` tells of its options). sabotage:
plants each bug of the table and runs seeds until one fails; here --seeds and --minutes are for each
bug, faults of a family can be switched off (--without), and each family in turn (--ablation; with
--without too: only that one).
Build with `--profile sim`: a build that aborts on a panic cannot go on after a finding.";

/// What to do.
pub(crate) enum Command {
    Run(run::Options),
    Exhaustive(exhaustive::Options),
    Differential(differential::Options),
    Explain(Plan, Profile, replay::Shown),
    Shrink(shrink::Options),
    Replay(PathBuf, replay::Shown),
    Sabotage(sabotage::Options),
}

impl Command {
    pub(crate) fn run(self) -> ExitCode {
        match self {
            Self::Run(options) => run::run(&options),
            Self::Exhaustive(options) => exhaustive::run(&options),
            Self::Differential(options) => differential::run(&options),
            Self::Explain(plan, profile, shown) => replay::explain(plan, profile, &shown),
            Self::Shrink(options) => shrink::run(&options),
            Self::Replay(file, shown) => replay::replay(&file, &shown),
            Self::Sabotage(options) => sabotage::run(&options),
        }
    }
}

/// All options, whoever takes them.
#[derive(Default)]
struct Given {
    seed: Option<u64>,
    seeds: Option<u64>,
    commands: Option<u64>,
    minutes: Option<f64>,
    events: Option<usize>,
    seconds: Option<u64>,
    out: Option<PathBuf>,
    keep_going: bool,
    marks: bool,
    html: Option<PathBuf>,
    only: Option<String>,
    off: Option<Family>,
    profile: Profile,
    ablates: bool,
    is_markdown: bool,
    jobs: Jobs,
    words: Vec<std::ffi::OsString>,
}

/// Reads a command line; nothing when help is asked for.
pub(crate) fn parse(mut args: lexopt::Parser) -> Result<Option<Command>, lexopt::Error> {
    let mut given = Given::default();
    while let Some(arg) = args.next()? {
        match arg {
            Value(word) if given.words.is_empty() && word == "exhaustive" => {
                return Ok(exhaustive::parse(args)?.map(Command::Exhaustive));
            }
            Value(word) if given.words.is_empty() && word == "differential" => {
                return Ok(differential::parse(args)?.map(Command::Differential));
            }
            Value(word) => given.words.push(word),
            Long("seed") => given.seed = Some(args.value()?.parse()?),
            Long("seeds") => given.seeds = Some(args.value()?.parse()?),
            Long("commands") => given.commands = Some(args.value()?.parse()?),
            Long("minutes") => given.minutes = Some(args.value()?.parse()?),
            Long("events") => given.events = Some(args.value()?.parse()?),
            Long("seconds") => given.seconds = Some(args.value()?.parse()?),
            Long("marks") => given.marks = true,
            Long("html") => given.html = Some(args.value()?.into()),
            Long("profile") => given.profile = profile(&args.value()?.string()?)?,
            Long("keep-going") => given.keep_going = true,
            Long("only") => given.only = Some(args.value()?.string()?),
            Long("jobs") => given.jobs = args.value()?.parse()?,
            Long("ablation") => given.ablates = true,
            Long("markdown") => given.is_markdown = true,
            Long("without") => given.off = Some(family(&args.value()?.string()?)?),
            Long("out") => given.out = Some(args.value()?.into()),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    given.command()
}

fn profile(name: &str) -> Result<Profile, lexopt::Error> {
    let names = PROFILES.map(|profile| profile.name).join(", ");
    Profile::named(name).ok_or_else(|| format!("{name} is none of {names}").into())
}

fn family(name: &str) -> Result<Family, lexopt::Error> {
    let found = FAMILIES.into_iter().find(|it| it.0 == name).map(|it| it.1);
    let names = FAMILIES.map(|it| it.0).join(", ");
    found.ok_or_else(|| format!("{name} is none of {names}").into())
}

impl Given {
    fn command(self) -> Result<Option<Command>, lexopt::Error> {
        let Some(name) = self.words.first() else { return Ok(None) };
        Ok(Some(match name.to_str() {
            Some("run") => Command::Run(self.run()),
            Some("explain") => {
                let seed = self.word("a seed")?.parse()?;
                Command::Explain(self.plan(seed), self.profile, self.shown())
            }
            Some("shrink") => Command::Shrink(self.shrink()?),
            Some("replay") => Command::Replay(self.word("a file")?.into(), self.shown()),
            Some("sabotage") => Command::Sabotage(self.sabotage()),
            _ => return Err(format!("{} is no command", name.display()).into()),
        }))
    }

    fn word(&self, what: &str) -> Result<std::ffi::OsString, lexopt::Error> {
        self.words.get(1).cloned().ok_or_else(|| format!("{what} is missing").into())
    }

    fn plan(&self, seed: u64) -> Plan {
        Plan { seed, commands: self.commands.unwrap_or(1000) }
    }

    fn shown(&self) -> replay::Shown {
        replay::Shown { events: self.events.unwrap_or(60), html: self.html.clone() }
    }

    fn sabotage(self) -> sabotage::Options {
        let minutes = self.minutes.unwrap_or(1.0).clamp(0.0, 1e6);
        let limit = Limit {
            first: self.plan(self.seed.unwrap_or(1)),
            seeds: self.seeds.unwrap_or(u64::MAX),
            time: Duration::from_secs_f64(minutes * 60.0),
            off: self.off,
        };
        let Self { only, ablates, is_markdown, jobs, .. } = self;
        sabotage::Options { only, limit, ablates, is_markdown, jobs }
    }

    fn run(&self) -> run::Options {
        let minutes = |minutes: f64| Duration::from_secs_f64(minutes.clamp(0.0, 1e6) * 60.0);
        let seeds = if self.minutes.is_some() { u64::MAX } else { 100 };
        run::Options {
            first: self.plan(self.seed.unwrap_or(1)),
            profile: self.profile,
            seeds: self.seeds.unwrap_or(seeds),
            limit: self.minutes.map(minutes),
            shown: self.shown(),
            all_marks: self.marks,
            keeps_going: self.keep_going,
        }
    }

    fn shrink(self) -> Result<shrink::Options, lexopt::Error> {
        let source = match self.seed {
            Some(seed) => shrink::Source::Seed(self.plan(seed), self.profile),
            None => shrink::Source::File(self.word("--seed or a file")?.into()),
        };
        let most = Duration::from_secs(self.seconds.unwrap_or(60));
        Ok(shrink::Options { source, most, out: self.out })
    }
}
