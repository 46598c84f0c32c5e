//! Command lines: what each means, and what is refused.

use super::{Command, Family, parse};

fn of(line: &str) -> Result<Option<Command>, lexopt::Error> {
    parse(lexopt::Parser::from_args(line.split(' ').filter(|word| !word.is_empty())))
}

#[test]
fn a_run_has_a_first_seed_a_number_and_a_limit() {
    let Ok(Some(Command::Run(run))) = of("run --seed 7 --commands 500 --minutes 0.5") else {
        panic!("it is a run");
    };
    assert_eq!((run.first.seed, run.first.commands, run.seeds), (7, 500, u64::MAX));
    assert_eq!(run.limit.map(|limit| limit.as_secs()), Some(30));
    let Ok(Some(Command::Run(run))) = of("run --keep-going") else { panic!("it is a run") };
    assert_eq!((run.first.seed, run.seeds, run.limit, run.keeps_going), (1, 100, None, true));
}

#[test]
fn a_hunt_has_a_limit_and_may_leave_faults_out() {
    let line =
        "sabotage --only lsn-restarts --minutes 0.1 --without rot --ablation --markdown --jobs 3";
    let Ok(Some(Command::Sabotage(hunt))) = of(line) else { panic!("it is a hunt") };
    assert_eq!(hunt.only.as_deref(), Some("lsn-restarts"));
    assert_eq!((hunt.limit.seeds, hunt.limit.time.as_secs()), (u64::MAX, 6));
    assert_eq!(hunt.limit.off, Some(Family::Rot));
    assert!(hunt.ablates && hunt.is_markdown && hunt.jobs == "3".parse().unwrap());
    assert!(of("sabotage --without rust").is_err());
}

#[test]
fn a_seed_or_a_file_is_shrunk() {
    assert!(matches!(of("shrink --seed 3"), Ok(Some(Command::Shrink(_)))));
    assert!(matches!(of("shrink a.seedis --out b.seedis"), Ok(Some(Command::Shrink(_)))));
    assert!(of("shrink").is_err());
}

#[test]
fn everything_has_bounds() {
    let Ok(Some(Command::Exhaustive(it))) = of("exhaustive --commands 1 --policy no --images 9")
    else {
        panic!("it is everything");
    };
    assert_eq!((it.bounds.commands, it.bounds.policies.len(), it.bounds.images), (1, 1, 9));
    for line in ["--policy never", "--images 0", "--commands 9", "--seeds 3", "--minutes x"] {
        assert!(of(&format!("exhaustive {line}")).is_err(), "{line}");
    }
}

#[test]
fn what_is_missing_or_unknown_is_refused() {
    for line in ["explain", "explain seven", "replay", "stroll", "run --seed", "run --speed 3"] {
        assert!(of(line).is_err(), "{line}");
    }
    assert!(matches!(of(""), Ok(None)) && matches!(of("run --help"), Ok(None)));
}
