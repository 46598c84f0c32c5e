//! `sabotage`: every planted bug, hunted until it is caught, and the tables of it.

use std::process::ExitCode;
use std::time::Duration;

use seedis_sim::Plan;
use seedis_sim::decisions::{FAMILIES, Family};
use seedis_sim::sabotage::hunt::{Catch, Hunt, Limit, hunt};
use seedis_sim::sabotage::{Sabotage, table};

/// What to hunt, and how long.
pub(crate) struct Options {
    pub(crate) only: Option<String>,
    pub(crate) limit: Limit,
    /// Each family of faults is switched off in turn, or the one that the limit names.
    pub(crate) ablates: bool,
    pub(crate) is_markdown: bool,
}

/// Hunts, and prints a line for each.
pub(crate) fn run(options: &Options) -> ExitCode {
    let mut hunts = Vec::new();
    for (family, rows) in table::FAMILIES {
        let is_wanted = |row: &&Sabotage| options.only.as_deref().is_none_or(|it| it == row.name);
        let mut wanted = rows.iter().filter(is_wanted).peekable();
        if wanted.peek().is_some() {
            begin_family(options, family);
        }
        for sabotage in wanted {
            let off = options.limit.off.filter(|_| !options.ablates);
            let hunt = hunt(sabotage, &Limit { off, ..options.limit });
            println!(
                "{}",
                if options.is_markdown { row(sabotage, &hunt) } else { line(sabotage, &hunt) }
            );
            hunts.push((sabotage, hunt));
        }
    }
    summarise(&hunts);
    if options.ablates {
        ablate(options, &hunts);
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

/// CPU time for which a bug is hunted without a family of faults: so many times what it took with
/// all of them, between two limits, but always some times as long.
const ABLATED_TIMES: (u32, u32) = (20, 3);
const ABLATED_LIMITS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];

/// With each family of faults switched off in turn: what escapes that does not escape with all.
fn ablate(options: &Options, hunts: &[(&Sabotage, Hunt)]) {
    println!("\n| without | same seed | another | escape |\n|---|---|---|---|");
    for (name, family) in FAMILIES {
        if options.limit.off.is_some_and(|off| off != family) {
            continue;
        }
        let (mut same, mut other, mut escaped) = (0, 0, Vec::new());
        for (sabotage, with_all) in hunts {
            let Some(named) = &with_all.named else { continue };
            match without(family, sabotage, named, &options.limit) {
                Without::Same => same += 1,
                Without::Other => other += 1,
                Without::Escaped { within } => escaped.push(escapee(sabotage, within)),
            }
        }
        println!("| {name} | {same} | {other} | {}: {} |", escaped.len(), escaped.join(", "));
    }
}

fn escapee(sabotage: &Sabotage, within: Duration) -> String {
    let seconds = (within != ABLATED_LIMITS[0]).then(|| format!(" ({} s)", within.as_secs()));
    format!("{}{}", sabotage.name, seconds.unwrap_or_default())
}

/// How a hunt without a family of faults has ended.
enum Without {
    /// The seed that catches the bug with all faults does it without these.
    Same,
    Other,
    Escaped {
        within: Duration,
    },
}

/// Most bugs need only a part of what went wrong: the seed that caught one is asked first.
fn without(family: Family, sabotage: &Sabotage, named: &Catch, limit: &Limit) -> Without {
    let (times, least) = ABLATED_TIMES;
    let [shortest, longest] = ABLATED_LIMITS;
    let within = (named.time * times).clamp(shortest, longest).max(named.time * least);
    let all = Limit { seeds: u64::MAX, time: within, off: Some(family), ..*limit };
    let one = Limit { first: Plan { seed: named.seed, ..limit.first }, seeds: 1, ..all };
    if hunt(sabotage, &one).named.is_some() {
        Without::Same
    } else if hunt(sabotage, &all).named.is_some() {
        Without::Other
    } else {
        Without::Escaped { within }
    }
}
