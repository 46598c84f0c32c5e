//! `explain` and `replay`: a run again, with its timeline.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use seedis_sim::profile::Profile;
use seedis_sim::script::Script;
use seedis_sim::{Caught, Outcome, Plan, Timeline, caught, report};

/// How a run is shown.
pub(crate) struct Shown {
    /// Lines of the timeline.
    pub(crate) events: usize,
    /// Where the page goes.
    pub(crate) html: Option<PathBuf>,
}

/// Lines that a page has at most.
const PAGE_EVENTS: usize = 20_000;

impl Shown {
    fn timeline(&self) -> Timeline {
        Timeline::keeping(if self.html.is_some() { PAGE_EVENTS } else { self.events })
    }
}

/// Shows the timeline of a seed.
pub(crate) fn explain(plan: Plan, profile: Profile, shown: &Shown) -> ExitCode {
    let timeline = shown.timeline();
    let (_, outcome) = seedis_sim::record_in(plan, profile, timeline.clone());
    let Plan { seed, commands } = plan;
    let code = tell(&format!("seed {seed}"), shown, &timeline, &outcome);
    let rest = format!("--commands {commands} --profile {}", profile.name);
    println!("again: seedis-sim explain {seed} {rest}");
    println!("smaller: seedis-sim shrink --seed {seed} {rest}");
    code
}

/// Plays a script again.
pub(crate) fn replay(file: &Path, shown: &Shown) -> ExitCode {
    let script = match read(file) {
        Ok(script) => script,
        Err(error) => {
            eprintln!("seedis-sim: {error}");
            return ExitCode::from(2);
        }
    };
    let timeline = shown.timeline();
    let outcome = caught::catch(|| seedis_sim::check_script(script, timeline.clone()));
    tell(&file.display().to_string(), shown, &timeline, &outcome)
}

/// Reads a script.
pub(crate) fn read(file: &Path) -> Result<Script, String> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
    text.parse().map_err(|wrong| format!("{}: {wrong}", file.display()))
}

fn tell(
    name: &str,
    shown: &Shown,
    timeline: &Timeline,
    outcome: &Result<Outcome, Caught>,
) -> ExitCode {
    let lines = timeline.lines();
    let from = lines.len().saturating_sub(shown.events);
    lines[from..].iter().for_each(|line| println!("  {line}"));
    if let Some(file) = &shown.html
        && let Err(error) = std::fs::write(file, report::html(name, timeline))
    {
        eprintln!("seedis-sim: {}: {error}", file.display());
        return ExitCode::from(2);
    }
    match outcome {
        Ok(outcome) => {
            println!("nothing is wrong: {outcome:?}");
            ExitCode::SUCCESS
        }
        Err(finding) => {
            println!("found: {finding}");
            ExitCode::FAILURE
        }
    }
}
