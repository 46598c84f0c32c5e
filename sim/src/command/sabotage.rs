//! `sabotage`: every planted bug, hunted until it is caught, and the table of it.

use std::process::ExitCode;

use seedis_sim::jobs::{Jobs, side_by_side};
use seedis_sim::sabotage::hunt::{Catch, Hunt, Limit, hunt};
use seedis_sim::sabotage::{Sabotage, table};

use super::ablation;

/// What to hunt, and how long.
pub(crate) struct Options {
    pub(crate) only: Option<String>,
    pub(crate) limit: Limit,
    /// Each family of faults is switched off in turn, or the one that the limit names.
    pub(crate) ablates: bool,
    pub(crate) is_markdown: bool,
    pub(crate) jobs: Jobs,
}

/// Hunts, and prints a line for each.
pub(crate) fn run(options: &Options) -> ExitCode {
    let mut hunts = Vec::new();
    for (family, rows) in table::FAMILIES {
        let is_wanted = |row: &&Sabotage| options.only.as_deref().is_none_or(|it| it == row.name);
        let wanted: Vec<&Sabotage> = rows.iter().filter(is_wanted).collect();
        if !wanted.is_empty() {
            begin_family(options, family);
        }
        let off = options.limit.off.filter(|_| !options.ablates);
        let limit = Limit { off, ..options.limit };
        let ended = side_by_side(options.jobs, &wanted, |sabotage| hunt(sabotage, &limit));
        for (sabotage, hunt) in wanted.into_iter().zip(ended) {
            println!(
                "{}",
                if options.is_markdown { row(sabotage, &hunt) } else { line(sabotage, &hunt) }
            );
            hunts.push((sabotage, hunt));
        }
    }
    summarise(&hunts);
    if options.ablates {
        ablation::run(options, &hunts);
    }
    let is_all = hunts.iter().all(|(_, hunt)| hunt.named.is_some());
    if is_all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn begin_family(options: &Options, family: &str) {
    if options.is_markdown {
        println!("\n### {family}\n");
        println!(
            "| # | bug | what it does | least fault | named | caught by | seed | seeds | CPU s |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
    } else {
        println!("{family}");
    }
}

fn row(sabotage: &Sabotage, hunt: &Hunt) -> String {
    let Sabotage { name, number, fault, caught_by, words, .. } = sabotage;
    let named: Vec<String> = caught_by.iter().map(ToString::to_string).collect();
    let how = match (&hunt.named, &hunt.first) {
        (Some(named), _) => cells(named, ""),
        (None, Some(first)) => cells(first, " (not named)"),
        (None, None) => "**escaped** | | | ".into(),
    };
    format!("| {number} | {name} | {words} | {fault} | {} | {how} |", named.join(" "))
}

fn cells(catch: &Catch, remark: &str) -> String {
    let Catch { seed, caught, seeds, time } = catch;
    let check = caught.finding.invariant;
    format!("{check}{remark} | {seed} | {seeds} | {:.2}", time.as_secs_f64())
}

fn line(sabotage: &Sabotage, hunt: &Hunt) -> String {
    let catch = |catch: &Catch| {
        let Catch { seed, caught, seeds, time } = catch;
        let (check, seconds) = (caught.finding.invariant, time.as_secs_f64());
        format!("{check:<4} {seeds:>5} seeds {seconds:>6.2} s, seed {seed}")
    };
    let how = match (&hunt.named, &hunt.first) {
        (Some(named), _) => catch(named),
        (None, Some(first)) => format!("{} OTHERWISE: {}", catch(first), first.caught),
        (None, None) => "ESCAPED".into(),
    };
    let clean = match &hunt.clean_failures[..] {
        [] => String::new(),
        seeds => format!("; without it too: {seeds:?}"),
    };
    format!("{:>4} {:<36} {how}{clean}", sabotage.number, sabotage.name)
}

fn summarise(hunts: &[(&Sabotage, Hunt)]) {
    let caught = hunts.iter().filter(|(_, hunt)| hunt.first.is_some()).count();
    let named = || hunts.iter().filter_map(|(_, hunt)| hunt.named.as_ref());
    let mut seconds: Vec<f64> = named().map(|catch| catch.time.as_secs_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds.get(seconds.len() / 2).copied().unwrap_or(0.0);
    let most = seconds.last().copied().unwrap_or(0.0);
    println!(
        "\n{} bugs: {caught} caught, {} of them by a check that was named; CPU seconds to that: \
         median {median:.2}, most {most:.2}.",
        hunts.len(),
        seconds.len()
    );
}
