//! `shrink`: a failure made small and told in three ways.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use seedis_sim::profile::Profile;
use seedis_sim::script::Script;
use seedis_sim::shrink::{Shrunk, shrink};
use seedis_sim::{Plan, Timeline, caught};

use super::replay;

pub(crate) struct Options {
    pub(crate) source: Source,
    pub(crate) most: Duration,
    pub(crate) out: Option<PathBuf>,
}

pub(crate) enum Source {
    Seed(Plan, Profile),
    File(PathBuf),
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let script = match &options.source {
        Source::Seed(plan, profile) => {
            seedis_sim::record_in(*plan, *profile, Timeline::default()).0
        }
        Source::File(file) => match replay::read(file) {
            Ok(script) => script,
            Err(error) => {
                eprintln!("seedis-sim: {error}");
                return ExitCode::from(2);
            }
        },
    };
    let (steps, events) = (script.steps.len(), script.events());
    let Some(shrunk) = shrink(script, options.most) else {
        println!("nothing is wrong: {events} events in {steps} steps were played");
        return ExitCode::SUCCESS;
    };
    println!("{events} events in {steps} steps are now {}", tell(&shrunk));
    show(&shrunk);
    if let Some(out) = &options.out
        && let Err(error) = std::fs::write(out, commented(&shrunk))
    {
        eprintln!("seedis-sim: {}: {error}", out.display());
        return ExitCode::from(2);
    }
    ExitCode::FAILURE
}

fn tell(shrunk: &Shrunk) -> String {
    let Shrunk { script, tries, took, .. } = shrunk;
    let (events, steps, seconds) = (script.events(), script.steps.len(), took.as_secs_f64());
    format!("{events} in {steps}, after {tries} runs in {seconds:.1} s")
}

/// A script with what it found.
fn commented(shrunk: &Shrunk) -> String {
    let script = shrunk.script.to_string();
    let (head, rest) = script.split_once('\n').unwrap_or((&script, ""));
    format!("{head}\n# Found: {}\n{rest}", one_line(&shrunk.finding.to_string()))
}

fn one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" | ")
}

fn show(shrunk: &Shrunk) {
    let timeline = Timeline::keeping(200);
    let again = || seedis_sim::check_script(shrunk.script.clone(), timeline.clone());
    let _ = caught::catch(again);
    println!("\n--- what happens");
    timeline.lines().iter().for_each(|line| println!("  {line}"));
    println!("found: {}", shrunk.finding);
    println!("\n--- the script, for tests/corpus\n{}", commented(shrunk));
    println!("--- a test\n{}", test(shrunk));
    println!("--- for redis-cli\n{}", commands(&shrunk.script));
}

/// A test that fails while the script does.
fn test(shrunk: &Shrunk) -> String {
    let script = commented(shrunk);
    format!(
        "#[test]\nfn it_holds() {{\n    let script = r###\"{script}\"###;\n    let script: \
         seedis_sim::script::Script = script.parse().expect(\"it is a script\");\n    let _ = \
         seedis_sim::check_script(script, seedis_sim::Timeline::default());\n}}\n"
    )
}

/// What the clients say, in order, one line a command. Crashes stand between them as comments.
fn commands(script: &Script) -> String {
    let lines = script.steps.iter().flatten().filter_map(seedis_sim::script::Event::for_redis_cli);
    lines.map(|line| line + "\n").collect()
}
