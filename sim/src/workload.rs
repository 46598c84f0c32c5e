//! The workload: random commands, made from the command table.
//!
//! Each row of the table carries a notation of its arguments. A walk down that tree, with a coin
//! for every option and a die for every choice, gives commands that mostly make sense; a few are
//! then spoiled (a word dropped, doubled, swapped or replaced), so that every error path is met.
//! A new command is therefore exercised from the day it has a row. Keys come from a small, skewed
//! set, so that commands meet on the same keys; values lean to the edges: empty, huge, numbers
//! around the limits of 32 and 64 bits, times around now.

mod maker;
mod special;
mod streams;

use std::sync::OnceLock;

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::command::arguments::{self, Argument};
use seedis_core::command::spec::{Command, Flags, Group};

use crate::commands;
use crate::model::{Model, Words};
use maker::Maker;

/// What clients may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Anything.
    Any,
    /// Commands whose replies the model knows, and those that change nothing.
    Modelled,
}

/// What one seed's clients do.
#[derive(Debug)]
pub struct Workload {
    choices: Vec<Choice>,
    scope: Scope,
    /// Names that are no command that a spoiled one may turn into.
    unsafe_names: Vec<&'static str>,
    keys: u32,
    spoil_percent: u32,
    big_percent: u32,
    /// One of so many commands that take several elements takes many.
    many: u32,
    /// Of times so many are times that others are, too.
    same_times_percent: u32,
    /// Values and members are numbers, mostly.
    are_numbers: bool,
    /// Clients wait for keys.
    pub(crate) waits: bool,
    streams: streams::Habits,
}

/// A command that may be drawn.
#[derive(Debug)]
struct Choice {
    form: &'static Form,
    /// The weights up to and with this one.
    weights: u32,
}

/// How a command is written: its name, perhaps that of a subcommand, and its arguments.
#[derive(Debug)]
struct Form {
    command: &'static Command,
    words: Vec<&'static str>,
    arguments: Vec<Argument<'static>>,
    /// Whether it may be said where a model listens.
    is_safe: bool,
}

/// The forms of all commands, in the order of the table.
fn forms() -> &'static [Form] {
    static FORMS: OnceLock<Vec<Form>> = OnceLock::new();
    FORMS.get_or_init(|| {
        let registry = commands::registry();
        let commands = registry.tops().iter().map(|&id| registry.row(id).command);
        commands.flat_map(Form::of).collect()
    })
}

impl Workload {
    /// Draws what this seed does: which commands, how often each, how skewed the keys.
    #[must_use]
    pub fn draw(scope: Scope, rng: &mut ChaCha8Rng) -> Self {
        let (mut choices, mut weights) = (Vec::new(), 0);
        let mut unsafe_names = Vec::new();
        let waits = rng.random_ratio(1, 3);
        let often = if waits && rng.random_ratio(1, 4) { 8 } else { 1 };
        let streams = streams::Habits::draw(rng);
        // In RESP2 who listens can say nothing else.
        let listens = scope == Scope::Any || rng.random_ratio(1, 3);
        for form in forms() {
            if waits_for_others(form.command) && !waits {
                unsafe_names.push(form.command.name);
                continue;
            }
            if form.command.name.ends_with("subscribe") && !listens {
                continue;
            }
            if scope == Scope::Modelled && !form.is_safe {
                unsafe_names.push(form.command.name);
                continue;
            }
            let is_often = waits_for_others(form.command) || serves_others(form.command);
            let weight = form.weight(&streams, rng) * if is_often { often } else { 1 };
            if weight > 0 {
                weights += weight;
                choices.push(Choice { form, weights });
            }
        }
        Self {
            choices,
            scope,
            unsafe_names,
            keys: *[1, 3, 10, 100, 2000].choose(rng).unwrap_or(&10),
            spoil_percent: rng.random_range(0..20),
            big_percent: rng.random_range(0..4),
            are_numbers: rng.random_ratio(1, 4),
            same_times_percent: *[25, 25, 25, 90].choose(rng).unwrap_or(&25),
            many: *[20, 100, 1000].choose(rng).unwrap_or(&100),
            waits,
            streams,
        }
    }

    /// The next command.
    #[must_use]
    pub fn next(&self, now_ms: i64, rng: &mut ChaCha8Rng) -> Words {
        let Some(form) = self.choose(rng) else { return vec![b"PING".to_vec()] };
        let mut words = Words::with_capacity(form.words.len() + 6);
        words.extend(form.words.iter().map(|word| word.as_bytes().to_vec()));
        Maker::new(self, form, now_ms, rng, &mut words).sequence(&form.arguments);
        if is_expire(&words[0]) && rng.random_ratio(1, 12) {
            let more = [&b"NX"[..], b"XX", b"GT", b"LT"].choose(rng).copied().unwrap_or_default();
            words.push(more.to_vec());
        }
        if rng.random_ratio(self.spoil_percent, 100) {
            let whole = words.clone();
            self.spoil(&mut words, now_ms, rng);
            let is_name = |name: &&str| words[0].eq_ignore_ascii_case(name.as_bytes());
            if self.unsafe_names.iter().any(is_name) {
                return whole;
            }
        }
        words
    }

    fn choose(&self, rng: &mut ChaCha8Rng) -> Option<&'static Form> {
        let all = self.choices.last()?.weights;
        let drawn = rng.random_range(0..all);
        let at = self.choices.partition_point(|choice| choice.weights <= drawn);
        Some(self.choices[at].form)
    }

    fn spoil(&self, words: &mut Words, now_ms: i64, rng: &mut ChaCha8Rng) {
        let at = rng.random_range(0..words.len());
        match rng.random_range(0..5) {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[at].clone()),
            2 => words.swap(at, 0),
            3 => words[at] = self.integer(now_ms, rng),
            _ => words[at] = self.value(rng),
        }
        if words.is_empty() {
            words.push(Vec::new());
        }
    }

    /// A key of any type.
    pub(crate) fn key(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let kinds = [
            "key", "key", "key", "list", "list", "hash", "hash", "set", "zset", "geo", "hll",
            "stream",
        ];
        self.key_of(kinds.choose(rng).unwrap_or(&"key"), rng)
    }

    /// A key that mostly holds a type.
    pub(crate) fn key_of(&self, kind: &str, rng: &mut ChaCha8Rng) -> Vec<u8> {
        // Squaring skews towards the first keys.
        let draw: f64 = rng.random();
        let number = (draw * draw * f64::from(self.keys)) as u32;
        let mut key = Vec::with_capacity(kind.len() + 8);
        key.extend_from_slice(kind.as_bytes());
        key.push(b':');
        key.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        if number % 40 == 39 {
            key.push(b':');
            key.extend_from_slice(&b"long".repeat(80));
        }
        key
    }

    /// An element, a field, a member: mostly one of few, or no two commands would name the same.
    fn member(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        match rng.random_range(0..10) {
            0 => self.value(rng),
            1 => self.integer(0, rng),
            _ if self.are_numbers => rng.random_range(0..40).to_string().into_bytes(),
            2 => rng.random_range(0..400).to_string().into_bytes(),
            _ => {
                let draw: f64 = rng.random();
                format!("m{}", (draw * draw * 40.0) as u64).into_bytes()
            }
        }
    }

    /// A bound of a range: a rank, a score or a name.
    fn bound(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let number = rng.random_range(-6..40);
        match rng.random_range(0..10) {
            0..5 => number.to_string().into_bytes(),
            5 => format!("({number}").into_bytes(),
            6 => [&b"["[..], &self.member(rng)].concat(),
            7 => [&b"("[..], &self.member(rng)].concat(),
            _ => {
                let edges = ["-", "+", "-inf", "+inf"];
                edges.choose(rng).map(|edge| edge.as_bytes().to_vec()).unwrap_or_default()
            }
        }
    }

    fn value(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let len = match rng.random_range(0..100) {
            // Long ones are copied at every step of a run: few are very long.
            big if big < self.big_percent => (1000.0 * 40_f64.powf(rng.random())) as usize,
            big if big < 10 => rng.random_range(200..400),
            _ => rng.random_range(0..20),
        };
        match rng.random_range(0..4) {
            0 => self.integer(0, rng),
            2.. if self.are_numbers && len < 20 => {
                (f64::from(rng.random_range(-80..80)) / 8.0).to_string().into_bytes()
            }
            1 => bytes(len, rng),
            _ => bytes(len, rng).into_iter().map(|byte| b'a' + byte % 4).collect(),
        }
    }

    fn integer(&self, now_ms: i64, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let edges = [0, 1, -1, 2, 10, 100, i64::from(i32::MAX), i64::MAX, i64::MIN, 1 << 32, 511];
        let number = match rng.random_range(0..10) {
            0 => *edges.choose(rng).unwrap_or(&0),
            1 => now_ms.saturating_add(rng.random_range(-2000..2000)),
            2 => now_ms / 1000 + rng.random_range(-2..5),
            3 => rng.random(),
            _ => rng.random_range(-3..300),
        };
        number.to_string().into_bytes()
    }
}

impl Form {
    /// The forms of a command: one, or one of each subcommand.
    fn of(command: &'static Command) -> Vec<Self> {
        let form = |words, notation| {
            let arguments = arguments::parse(notation).unwrap_or_default();
            Self { command, words, arguments, is_safe: is_safe(command) }
        };
        if command.subcommands.is_empty() {
            return vec![form(vec![command.name], command.arguments)];
        }
        let subs = command.subcommands.iter();
        subs.map(|sub| form(vec![command.name, sub.name], sub.arguments)).collect()
    }

    /// Swarm testing: a third of the commands is off in each seed, the rest of unequal weight.
    fn weight(&self, habits: &streams::Habits, rng: &mut ChaCha8Rng) -> u32 {
        match (rng.random_range(0..3), self.words[0]) {
            (0, _) => 0,
            (_, "flushall" | "flushdb" | "shutdown" | "quit" | "swapdb") => 1,
            (_, "client" | "config" | "debug" | "command" | "latency" | "memory") => 2,
            // It takes longer than all the rest of a seed.
            (_, "pfselftest") => u32::from(rng.random_ratio(1, 100)),
            (_, "lolwut" | "info" | "monitor" | "subscribe" | "psubscribe" | "ssubscribe") => 2,
            _ if self.command.group == Group::Stream => {
                habits.weight(&self.words, rng.random_range(5..60))
            }
            _ => rng.random_range(5..60),
        }
    }
}

fn bytes(len: usize, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes[..]);
    bytes
}

/// Whether a command may be said where a model listens: it knows the reply, or the command changes
/// nothing and has one reply.
fn is_safe(command: &Command) -> bool {
    let is_around = matches!(command.name, "multi" | "exec" | "discard" | "watch" | "unwatch");
    let changes_nothing = command.flags.has(Flags::READONLY)
        || matches!(command.name, "info" | "time" | "lastsave" | "command" | "lolwut" | "object");
    // CLIENT UNBLOCK is said elsewhere, and no other of its kind.
    !is_around
        && command.name != "client"
        && (changes_nothing || Model::knows(command.name.as_bytes()))
}

/// Whether a command ends with conditions, of which its notation allows only one.
fn is_expire(name: &[u8]) -> bool {
    matches!(name, b"expire" | b"pexpire" | b"expireat" | b"pexpireat")
}

/// Whether a command waits until another client does something: a client here may be the only one.
/// Those that read streams wait with BLOCK only, which is not said then.
fn waits_for_others(command: &Command) -> bool {
    command.flags.has(Flags::BLOCKING)
        && !matches!(command.name, "waitaof" | "xread" | "xreadgroup")
}

/// Whether somebody who waits may be served by a command.
fn serves_others(command: &Command) -> bool {
    matches!(command.name, "lpush" | "rpush" | "zadd" | "xadd")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn every_command_is_said_as_it_wants_to_be() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let workload = Workload::draw(Scope::Any, &mut rng);
        assert!(forms().len() > 100);
        for form in forms() {
            let mut subs = form.command.subcommands.iter();
            let row = form.words.get(1).and_then(|name| subs.find(|sub| sub.name == *name));
            let row = row.unwrap_or(form.command);
            assert!(arguments::parse(row.arguments).is_ok(), "{:?}: {}", form.words, row.arguments);
            if form.words == ["debug"] {
                // Redis's table has no arguments for it: it is said alone, and refused.
                continue;
            }
            let mut is_said = || {
                let mut words: Words = form.words.iter().map(|it| it.as_bytes().to_vec()).collect();
                let rng = &mut rng;
                Maker::new(&workload, form, 0, rng, &mut words).sequence(&form.arguments);
                row.takes(words.len())
            };
            assert!((0..100).all(|_| is_said()), "{:?} with {}", form.words, row.arguments);
        }
    }
}
