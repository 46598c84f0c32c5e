//! Words of commands on streams: IDs that mostly exist, and few groups and consumers.
//!
//! IDs that the clock makes are hard to guess. So in most seeds entries are named `5-*`, one after
//! the other, and commands ask for those; in the others the clock names them.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use crate::model::Words;

/// How the clients of a seed speak of streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// Entries are named by clients, not by the clock.
    pub(super) are_named: bool,
    /// About so many entries of a stream are spoken of.
    entries: u64,
    /// They speak of streams so many times more often than of anything else.
    often: u32,
}

impl Habits {
    pub(super) fn draw(rng: &mut ChaCha8Rng) -> Self {
        let entries = *[4, 12, 40, 200].choose(rng).unwrap_or(&12);
        let often = *[1, 1, 1, 2, 10].choose(rng).unwrap_or(&1);
        Self { are_named: rng.random_ratio(3, 4), entries, often }
    }

    /// How often a command is said that would be said so often: a stream must be made before much
    /// can be done with it, and a text read only by the curious.
    pub(super) fn weight(&self, words: &[&str], weight: u32) -> u32 {
        match words {
            ["xadd", ..] => 4 * weight * self.often,
            ["xreadgroup", ..] | [_, "create"] => 2 * weight * self.often,
            [_, "help"] => 2,
            _ => weight * self.often,
        }
    }
}

/// The word that an argument is, by its name, behind those that were said.
pub(super) fn word(
    habits: &Habits,
    said: &Words,
    name: &str,
    now_ms: i64,
    rng: &mut ChaCha8Rng,
) -> Option<Vec<u8>> {
    let command = said.first().map(|name| &name[..]).unwrap_or_default();
    let text = match name {
        "group" => format!("g{}", rng.random_range(0..5) / 4),
        "consumer" => format!("c{}", rng.random_range(0..3)),
        "id" => return Some(named(habits, command, now_ms, rng).into()),
        "start" if command != b"xautoclaim" || rng.random() => edge(habits, "-", now_ms, rng),
        "start" => "0".into(),
        "end" => edge(habits, "+", now_ms, rng),
        "threshold" if said.iter().any(|word| word == b"MINID") => id(habits, now_ms, rng),
        "threshold" => rng.random_range(0..=habits.entries).to_string(),
        "last-id" | "lastid" | "max-deleted-id" => id(habits, now_ms, rng),
        "min-idle-time" | "ms" => match rng.random_range(0..3) {
            0 => rng.random_range(1..3000).to_string(),
            _ => "0".into(),
        },
        "milliseconds" => match rng.random_range(0..8) {
            0 => "0".into(),
            1..5 => rng.random_range(1..200).to_string(),
            _ => rng.random_range(200..4000).to_string(),
        },
        "count" => rng.random_range(0..20).to_string(),
        "entries-added" => rng.random_range(0..2 * habits.entries).to_string(),
        "entriesread" => rng.random_range(-1..30).to_string(),
        _ => return None,
    };
    Some(text.into())
}

/// An ID of an entry, or what stands in place of one.
fn named(habits: &Habits, command: &[u8], now_ms: i64, rng: &mut ChaCha8Rng) -> String {
    let draw = rng.random_range(0..40);
    match (command, draw) {
        (b"xadd", 0..30) if habits.are_named => "5-*".into(),
        (b"xadd", 30) => "6-*".into(),
        (b"xadd", 31) => "*".into(),
        (b"xread", 0..12) => "$".into(),
        (b"xreadgroup", 0..26) => ">".into(),
        (b"xread" | b"xreadgroup" | b"xgroup", 26..36) => "0".into(),
        (b"xread" | b"xreadgroup" | b"xgroup", 36) => {
            (*b">$+-").choose(rng).map_or_else(String::new, |&sign| char::from(sign).to_string())
        }
        _ => id(habits, now_ms, rng),
    }
}

fn id(habits: &Habits, now_ms: i64, rng: &mut ChaCha8Rng) -> String {
    let number = rng.random_range(0..habits.entries);
    match rng.random_range(0..30) {
        0 => rng.random_range(0..8).to_string(),
        1 => format!("{}-{}", rng.random_range(0..8), rng.random_range(0..4)),
        2 => "18446744073709551615-18446744073709551615".into(),
        3 => "0-0".into(),
        _ if habits.are_named => format!("5-{number}"),
        _ => format!("{}-{}", now_ms - (number * number) as i64, rng.random_range(0..2)),
    }
}

/// An end of a range.
fn edge(habits: &Habits, sign: &str, now_ms: i64, rng: &mut ChaCha8Rng) -> String {
    match rng.random_range(0..8) {
        0..4 => sign.into(),
        4 => format!("({}", id(habits, now_ms, rng)),
        _ => id(habits, now_ms, rng),
    }
}
