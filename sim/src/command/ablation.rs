//! `sabotage --ablation`: what a family of faults is good for, told by what escapes without it.
//!
//! A family that no planted bug needs may still be needed for those that nobody thought of; one
//! that some need is needed for certain. A bug escapes only within the time that is given to it,
//! so the table says how long that was.

use std::time::Duration;

use seedis_sim::Plan;
use seedis_sim::decisions::{FAMILIES, Family};
use seedis_sim::jobs::side_by_side;
use seedis_sim::sabotage::Sabotage;
use seedis_sim::sabotage::hunt::{Catch, Hunt, Limit, hunt};

use super::sabotage::Options;

/// CPU time for which a bug is hunted without a family of faults: so many times what it took with
/// all of them, between two limits, but always some times as long.
const ABLATED_TIMES: (u32, u32) = (20, 3);
const ABLATED_LIMITS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];

/// With each family of faults switched off in turn: what escapes that does not escape with all.
pub(crate) fn run(options: &Options, hunts: &[(&Sabotage, Hunt)]) {
    let caught: Vec<(&Sabotage, &Catch)> = hunts
        .iter()
        .filter_map(|(sabotage, hunt)| hunt.named.as_ref().map(|named| (*sabotage, named)))
        .collect();
    println!("\n| without | same seed | another | escape |\n|---|---|---|---|");
    for (name, family) in FAMILIES {
        if options.limit.off.is_some_and(|off| off != family) {
            continue;
        }
        let (mut same, mut other, mut escaped) = (0, 0, Vec::new());
        let ended = side_by_side(options.jobs, &caught, |(sabotage, named)| {
            without(family, sabotage, named, &options.limit)
        });
        for ((sabotage, _), how) in caught.iter().zip(ended) {
            match how {
                Without::Same => same += 1,
                Without::Other => other += 1,
                Without::Escaped { within } => escaped.push(escapee(sabotage, within)),
            }
        }
        let which = if escaped.is_empty() { "" } else { ": " };
        let which = format!("{}{which}{}", escaped.len(), escaped.join(", "));
        println!("| {name} | {same} | {other} | {which} |");
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
