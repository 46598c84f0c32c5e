//! A walk down the tree of a command's arguments, with a coin for every option and a die for every
//! choice.
//!
//! What an argument is called decides what is drawn for it, so that commands mostly make sense:
//! numbers of keys are as many as follow, times lie around now, keys hold what the command is
//! about. A few draws are of no sense on purpose.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::command::arguments::{Argument, Kind};
use seedis_core::command::spec::{Command, Group};

use super::{Form, Scope, Workload, streams};
use crate::model::Words;

/// Walks an argument tree and writes words.
pub(super) struct Maker<'a> {
    pub(super) workload: &'a Workload,
    pub(super) now_ms: i64,
    pub(super) rng: &'a mut ChaCha8Rng,
    pub(super) words: &'a mut Words,
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
    pub(super) fn new(
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

    pub(super) fn sequence(&mut self, arguments: &[Argument<'_>]) {
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
        if self.rng.random_ratio(self.workload.same_times_percent, 100) {
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

    pub(super) fn double(&mut self) -> Vec<u8> {
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

    pub(super) fn pattern(&mut self) -> Vec<u8> {
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
