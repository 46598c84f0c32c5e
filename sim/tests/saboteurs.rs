//! Some planted bugs, hunted on each `cargo test`: an oracle or a fault that goes blind is noticed
//! here, long before the whole table is made again.

use std::time::Duration;

use seedis_sim::Plan;
use seedis_sim::sabotage::hunt::{Limit, hunt};
use seedis_sim::sabotage::{Sabotage, table};

/// One or two of each family, those that are found fast.
const QUICK: [&str; 14] = [
    "rotated-file-not-synced",
    "reply-before-write",
    "short-write-repeated-whole",
    "first-half-acknowledged",
    "manifest-in-place",
    "parent-directory-not-synced",
    "base-not-synced-before-rename",
    "base-rounds-deadlines",
    "recovery-writes-early",
    "rot-cut-like-a-torn-tail",
    "active-expiry-not-logged",
    "replayed-twice",
    "deadlines-on-monotonic-clock",
    "reply-to-next-in-slot",
];

/// Several times what each needs today.
const SEEDS_MAX: u64 = 400;

#[test]
fn planted_bugs_are_caught_by_the_checks_that_are_there_for_them() {
    let limit = Limit {
        first: Plan { seed: 1, commands: 1000 },
        seeds: SEEDS_MAX,
        time: Duration::from_secs(600),
        off: None,
    };
    for name in QUICK {
        let found: Option<&Sabotage> = table::all().find(|sabotage| sabotage.name == name);
        let sabotage = found.unwrap_or_else(|| panic!("{name} is in the table"));
        let hunt = hunt(sabotage, &limit);
        assert!(hunt.named.is_some(), "{name} escapes: {hunt:?}");
    }
}

#[test]
fn names_of_planted_bugs_are_unique() {
    let mut names: Vec<&str> = table::all().map(|sabotage| sabotage.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all >= 80, "{all}");
}
