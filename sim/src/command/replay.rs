//! `explain` and `replay`: a run again, with its timeline.

use std::path::Path;
use std::process::ExitCode;

use seedis_sim::script::Script;
use seedis_sim::{Caught, Outcome, Plan, Timeline, caught};

/// Shows the timeline of a seed.
pub(crate) fn explain(plan: Plan, events: usize) -> ExitCode {
    let timeline = Timeline::keeping(events);
    let (_, outcome) = seedis_sim::record(plan, timeline.clone());
    let code = tell(&timeline, &outcome);
    let Plan { seed, commands } = plan;
    println!("again: seedis-sim explain {seed} --commands {commands}");
    println!("smaller: seedis-sim shrink --seed {seed} --commands {commands}");
    code
}

/// Plays a script again.
pub(crate) fn replay(file: &Path, events: usize) -> ExitCode {
    let script = match read(file) {
        Ok(script) => script,
        Err(error) => {
            eprintln!("seedis-sim: {error}");
            return ExitCode::from(2);
        }
    };
    let timeline = Timeline::keeping(events);
    let outcome = caught::catch(|| seedis_sim::check_script(script, timeline.clone()));
    tell(&timeline, &outcome)
}

/// Reads a script.
pub(crate) fn read(file: &Path) -> Result<Script, String> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
    text.parse().map_err(|wrong| format!("{}: {wrong}", file.display()))
}

fn tell(timeline: &Timeline, outcome: &Result<Outcome, Caught>) -> ExitCode {
    timeline.lines().iter().for_each(|line| println!("  {line}"));
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
