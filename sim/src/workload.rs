//! The workload: random commands, made from the command table.
//!
//! Each row of the table carries a notation of its arguments. A walk down that tree, with a coin
//! for every option and a die for every choice, gives commands that mostly make sense; a few are
//! then spoiled (a word dropped, doubled, swapped or replaced), so that every error path is met.
//! A new command is therefore exercised from the day it has a row. Keys come from a small, skewed
//! set, so that commands meet on the same keys; values lean to the edges: empty, huge, numbers
//! around the limits of 32 and 64 bits, times around now.

mod special;
mod streams;

use std::sync::OnceLock;

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::command::arguments::{self, Argument, Kind};
use seedis_core::command::spec::{Command, Flags, Group};

use crate::commands;
use crate::model::{Model, Words};

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

/// What keys of a command mostly hold.
fn kind_of_keys(command: &Command, rng: &mut ChaCha8Rng) -> Option<&'static str> {
    match command.group {
        _ if command.name.starts_with("sort") => ["list", "set", "zset"].choose(rng).copied(),
        Group::Geo => Some("geo"),
        Group::Hyperloglog => Some("hll"),
        Group::String | Group::Bitmap => Some("key"),
        Group::List => Some("list"),
        Group::Hash => Some("hash"),
        Group::Set => Some("set"),
        Group::SortedSet => Some("zset"),
        Group::Stream => Some("stream"),
        _ => None,
    }
}

/// Whether an argument is an element of an aggregate.
fn is_member(name: &str) -> bool {
    matches!(name, "element" | "pivot" | "field" | "member")
}

/// Walks an argument tree and writes words.
struct Maker<'a> {
    workload: &'a Workload,
    now_ms: i64,
    rng: &'a mut ChaCha8Rng,
    words: &'a mut Words,
    /// What its keys mostly hold.
    kind: Option<&'static str>,
    is_about_streams: bool,
    /// How many streams were named, and as many IDs follow.
    streams: Option<u32>,
    /// Where the number of keys or fields stands that follow.
    numkeys: Option<usize>,
    /// How many that were.
    keys: u32,
}

impl<'a> Maker<'a> {
    fn new(
        workload: &'a Workload,
        form: &Form,
        now_ms: i64,
        rng: &'a mut ChaCha8Rng,
        words: &'a mut Words,
    ) -> Self {
        let kind = kind_of_keys(form.command, rng).filter(|_| rng.random_ratio(19, 20));
        let is_about_streams = form.command.group == Group::Stream;
        let (streams, numkeys, keys) = (None, None, 0);
        Self { workload, now_ms, rng, words, kind, is_about_streams, streams, numkeys, keys }
    }

    fn sequence(&mut self, arguments: &[Argument<'_>]) {
        for argument in arguments {
            let must_not_wait = argument.token == Some("BLOCK") && !self.workload.waits;
            if argument.optional && (self.rng.random_ratio(3, 5) || must_not_wait) {
                continue;
            }
            let times = match self.streams.take_if(|_| argument.multiple) {
                Some(streams) if self.rng.random_ratio(15, 16) => streams,
                _ if argument.multiple => self.times(argument),
                _ => 1,
            };
            if argument.multiple && argument.kind == Kind::Key && self.is_about_streams {
                self.streams = Some(times);
            }
            let is_counted = argument.kind == Kind::Key || argument.multiple;
            if let Some(at) = self.numkeys.take_if(|_| is_counted) {
                self.keys = times;
                self.words[at] = times.to_string().into_bytes();
            }
            for time in 0..times {
                self.one(argument, time == 0 || argument.multiple_token);
            }
        }
    }

    /// How often an argument is said that may be said often.
    fn times(&mut self, argument: &Argument<'_>) -> u32 {
        if argument.name == "weight" && self.keys > 0 {
            return self.keys;
        }
        let has_elements = matches!(argument.kind, Kind::String | Kind::Block);
        if has_elements && self.kind.is_some() && self.rng.random_ratio(1, self.workload.many) {
            return self.rng.random_range(4..300);
        }
        self.rng.random_range(1..4)
    }

    fn one(&mut self, argument: &Argument<'_>, with_token: bool) {
        if let Some(token) = argument.token
            && with_token
        {
            let token = self.token(token);
            self.words.push(token.as_bytes().to_vec());
        }
        let workload = self.workload;
        let text =
            if self.is_about_streams { self.of_stream(argument) } else { self.special(argument) };
        if let Some(text) = text {
            return self.words.push(text);
        }
        match argument.kind {
            Kind::PureToken => {}
            Kind::Block => self.sequence(&argument.arguments),
            Kind::OneOf => {
                if let Some(chosen) = argument.arguments.choose(self.rng) {
                    self.one(chosen, true);
                }
            }
            Kind::Key => {
                let key = match self.kind {
                    // Its algebra takes sets, too.
                    Some("zset") if self.keys > 0 && self.rng.random_ratio(1, 6) => {
                        workload.key_of("set", self.rng)
                    }
                    Some(kind) => workload.key_of(kind, self.rng),
                    None => workload.key(self.rng),
                };
                self.words.push(key);
            }
            Kind::Integer if matches!(&*argument.name, "numkeys" | "numfields" | "numids") => {
                self.numkeys = self.rng.random_ratio(15, 16).then_some(self.words.len());
                self.words.push(workload.integer(self.now_ms, self.rng));
            }
            Kind::Integer if argument.name == "cursor" && self.rng.random_ratio(3, 4) => {
                self.words.push(b"0".to_vec());
            }
            Kind::Double if argument.name == "timeout" => {
                let text = self.timeout();
                self.words.push(text);
            }
            Kind::String if argument.name.ends_with("channel") => {
                self.words.push(format!("ch{}", self.rng.random_range(0..4)).into_bytes());
            }
            Kind::String if is_member(&argument.name) => {
                let text = workload.member(self.rng);
                self.words.push(text);
            }
            Kind::Integer => self.words.push(workload.integer(self.now_ms, self.rng)),
            Kind::Double => {
                let text = self.double();
                self.words.push(text);
            }
            Kind::Pattern => {
                let text = self.pattern();
                self.words.push(text);
            }
            Kind::UnixTime => {
                let text = self.unix_time(&argument.name);
                self.words.push(text);
            }
            Kind::String => {
                let text = self.text();
                self.words.push(text);
            }
        }
    }

    /// A word as it makes sense for streams, mostly.
    fn of_stream(&mut self, argument: &Argument<'_>) -> Option<Vec<u8>> {
        let may_be = matches!(argument.kind, Kind::String | Kind::Integer);
        if !(self.is_about_streams && may_be && self.rng.random_ratio(29, 30)) {
            return None;
        }
        let habits = &self.workload.streams;
        streams::word(habits, self.words, &argument.name, self.now_ms, self.rng)
    }

    fn unix_time(&mut self, name: &str) -> Vec<u8> {
        let mut at = self.now_ms.saturating_add(self.rng.random_range(-1000..5000));
        if self.rng.random_ratio(1, 4) {
            // The same time as another, which GT and LT are about.
            at -= at % 2000;
        }
        let in_seconds = name.contains("seconds") && !name.contains("milli");
        let at = if in_seconds { at / 1000 } else { at };
        at.to_string().into_bytes()
    }

    /// A token, unless what it asks for is hard to follow. How much XTRIM deletes when it may
    /// delete about so much depends on how entries are stored.
    fn token<'t>(&mut self, token: &'t str) -> &'t str {
        let is_xtrim = self.words.first().is_some_and(|name| name == b"xtrim");
        match token {
            "~" if is_xtrim && self.workload.scope == Scope::Modelled => "=",
            "*" if self.workload.streams.are_named && self.rng.random_ratio(29, 30) => "5-*",
            token => token,
        }
    }

    fn text(&mut self) -> Vec<u8> {
        match self.rng.random_range(0..6) {
            0 => self.workload.key(self.rng),
            1 => self.workload.integer(self.now_ms, self.rng),
            _ => self.workload.value(self.rng),
        }
    }

    /// Seconds to wait: mostly some that pass in a run.
    fn timeout(&mut self) -> Vec<u8> {
        match self.rng.random_range(0..40) {
            0 => self.double(),
            1 => b"-1".to_vec(),
            2..5 => b"0".to_vec(),
            5 => b"100".to_vec(),
            6..20 => format!("0.{:03}", self.rng.random_range(1..200)).into_bytes(),
            _ => format!("{}", f64::from(self.rng.random_range(1..40)) / 8.0).into_bytes(),
        }
    }

    fn double(&mut self) -> Vec<u8> {
        if self.workload.scope == Scope::Modelled && self.rng.random_ratio(5, 6) {
            let eighths: i64 = self.rng.random_range(-1000..1000);
            return (eighths as f64 / 8.0).to_string().into_bytes();
        }
        let texts: &[&str] = match self.workload.scope {
            Scope::Modelled => &["inf", "-inf", "nan", "1.5x", "", " 1", "9223372036854775807"],
            Scope::Any => {
                &["0", "1.5", "-0.1", "1e17", "3.0e3", "inf", "-inf", "nan", "1e400", "5e-324"]
            }
        };
        texts.choose(self.rng).map(|text| text.as_bytes().to_vec()).unwrap_or_default()
    }

    fn pattern(&mut self) -> Vec<u8> {
        let texts = [
            "*",
            "ch*",
            "c?[0-2]",
            "key:*",
            "key:?",
            "k[e-z]y:1*",
            "a*b*c*d",
            "[",
            "\\",
            "",
            "[^a]*",
        ];
        texts.choose(self.rng).map(|text| text.as_bytes().to_vec()).unwrap_or_default()
    }
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
