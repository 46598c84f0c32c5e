//! Every way to find keys, by examples.

use alloc::vec;

use super::*;
use crate::command::Ctx;
use crate::command::error::Outcome;
use crate::command::spec::Group;
use crate::resp::parse::Span;

fn nothing(_: &mut Ctx<'_>) -> Outcome {
    Ok(())
}

fn command(keys: Vec<KeySpec>) -> Command {
    Command::new("c", -1, Group::Generic, nothing).keys(keys.leak())
}

const fn spec(begin: Begin, find: Find) -> KeySpec {
    KeySpec { flags: KeyFlags::RO, begin, find, notes: "" }
}

const fn range(last: i8, step: u8, limit: u8) -> Find {
    Find::Range { last, step, limit }
}

/// The keys of the call `line`, which is words with single spaces between.
fn keys(command: &Command, line: &str) -> Vec<usize> {
    let mut spans = Vec::new();
    let mut start = 0;
    for word in line.split(' ') {
        spans.push(Span { start, len: word.len() as u32 });
        start += word.len() as u32 + 1;
    }
    let found = command.find_keys(Args::new(line.as_bytes(), &spans));
    found.iter().map(|key| key.at).collect()
}

#[test]
fn ranges() {
    let one = command(vec![KeySpec::one(1, KeyFlags::RO)]);
    assert_eq!(keys(&one, "c k v"), [1]);
    assert_eq!(keys(&one, "c"), []);
    let all = command(vec![KeySpec::range(1, -1, 1, KeyFlags::RO)]);
    assert_eq!(keys(&all, "c a b c"), [1, 2, 3]);
    let every_second = command(vec![KeySpec::range(1, -1, 2, KeyFlags::RO)]);
    assert_eq!(keys(&every_second, "c a 1 b 2"), [1, 3]);
    assert_eq!(keys(&every_second, "c a 1 b"), [1, 3]);
    let but_last = command(vec![KeySpec::range(1, -2, 1, KeyFlags::RO)]);
    assert_eq!(keys(&but_last, "c a b 0"), [1, 2]);
    assert_eq!(keys(&but_last, "c a"), []);
}

#[test]
fn a_number_of_keys() {
    let command = command(vec![
        KeySpec::one(1, KeyFlags::OW),
        spec(Begin::Index(2), Find::KeyNum { at: 0, first: 1, step: 1 }),
    ]);
    assert_eq!(keys(&command, "c d 2 a b x"), [1, 3, 4]);
    for malformed in [
        "c d 3 a b",
        "c d 0 a",
        "c d -1 a",
        "c d x a",
        "c d",
        "c d 9223372036854775807 a",
        "c d 18446744073709551615 a",
    ] {
        assert_eq!(keys(&command, malformed), [], "{malformed}");
    }
}

#[test]
fn words() {
    let store = command(vec![
        KeySpec::one(1, KeyFlags::RO),
        spec(Begin::Keyword("STORE", 3), range(0, 1, 0)),
    ]);
    assert_eq!(keys(&store, "c k 1 store d"), [1, 4]);
    assert_eq!(keys(&store, "c k store d"), [1], "before the search begins");
    assert_eq!(keys(&store, "c k 1 store"), [1]);
    assert_eq!(keys(&store, "c k"), [1]);
    let halves = command(vec![spec(Begin::Keyword("STREAMS", 1), range(-1, 1, 2))]);
    assert_eq!(keys(&halves, "c streams a b 1 2"), [2, 3]);
    assert_eq!(keys(&halves, "c streams a b 1"), [2]);
    assert_eq!(keys(&halves, "c streams a"), []);
    assert_eq!(keys(&halves, "c streams streams a 1"), [2]);
    assert_eq!(keys(&halves, "c 1 2 3"), []);
    let from_end = command(vec![spec(Begin::Keyword("KEYS", -2), range(-1, 1, 0))]);
    assert_eq!(keys(&from_end, "c keys keys a"), [3]);
    assert_eq!(keys(&from_end, "c x keys a b"), [3, 4]);
    assert_eq!(keys(&from_end, "c a keys"), []);
    assert_eq!(keys(&from_end, "c"), []);
}

#[test]
fn names_that_are_no_keys_and_places_nobody_knows() {
    let channel = command(vec![KeySpec::one(1, KeyFlags::NOT_KEY)]);
    assert!(!channel.has_keys());
    assert_eq!(keys(&channel, "c a"), []);
    let unknown = command(vec![spec(Begin::Unknown, Find::Unknown)]);
    assert!(unknown.has_keys());
    assert_eq!(keys(&unknown, "c a"), []);
}

#[test]
fn a_function_replaces_the_specs() {
    let last = |args: Args<'_>| vec![FoundKey { at: args.len() - 1, flags: KeyFlags::RW }];
    let command = command(vec![KeySpec::one(1, KeyFlags::RO)]).keys_by(last);
    assert_eq!(keys(&command, "c a b"), [2]);
}

#[test]
fn one_range_for_old_clients() {
    let drawn = |keys: Vec<KeySpec>| {
        let KeyRange { first, last, step, is_movable } = command(keys).key_range();
        (first, last, step, is_movable)
    };
    const NUMBERED: KeySpec = spec(Begin::Index(2), Find::KeyNum { at: 0, first: 1, step: 1 });
    assert_eq!(drawn(vec![]), (0, 0, 0, false));
    assert_eq!(drawn(vec![KeySpec::one(1, KeyFlags::RO)]), (1, 1, 1, false));
    assert_eq!(drawn(vec![KeySpec::range(1, 1, 1, KeyFlags::RO)]), (1, 2, 1, false));
    assert_eq!(drawn(vec![KeySpec::range(1, -1, 2, KeyFlags::RO)]), (1, -1, 2, false));
    let two = vec![KeySpec::one(2, KeyFlags::OW), KeySpec::range(3, -1, 1, KeyFlags::RO)];
    assert_eq!(drawn(two), (2, -1, 1, false), "BITOP");
    assert_eq!(drawn(vec![NUMBERED]), (0, 0, 0, true), "EVAL");
    assert_eq!(
        drawn(vec![KeySpec::one(1, KeyFlags::OW), NUMBERED]),
        (1, 1, 1, true),
        "ZUNIONSTORE"
    );
    const INCOMPLETE: KeySpec = KeySpec {
        flags: KeyFlags::INCOMPLETE,
        ..spec(Begin::Keyword("KEYS", -2), range(-1, 1, 0))
    };
    assert_eq!(drawn(vec![KeySpec::one(3, KeyFlags::RW), INCOMPLETE]), (3, 3, 1, true), "MIGRATE");
}
