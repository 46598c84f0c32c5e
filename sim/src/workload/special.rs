//! Words that mostly make sense only to one family of commands: coordinates, weights, patterns.
//!
//! Drawn like any other number or text they would be refused nearly always, and what comes behind
//! the check of arguments would hardly be met.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use seedis_core::command::arguments::{Argument, Kind};

use super::maker::Maker;

impl Maker<'_> {
    /// A word for an argument that has a meaning by its name; nothing for most, and at times for
    /// those, too.
    pub(super) fn special(&mut self, argument: &Argument<'_>) -> Option<Vec<u8>> {
        let is_plain =
            matches!(argument.kind, Kind::Double | Kind::Integer | Kind::String | Kind::Pattern);
        if !is_plain || self.rng.random_ratio(1, 16) {
            return None;
        }
        let command = &self.words[0];
        let is_field = command.starts_with(b"bitfield");
        let is_counted = command.starts_with(b"pf");
        let is_sort = command.starts_with(b"sort");
        Some(match &*argument.name {
            "start" | "stop" | "min" | "max" => self.workload.bound(self.rng),
            // One that is drawn among all numbers rarely exists.
            "index" | "index1" | "index2" | "db" | "destination-db" => self.number(0..4),
            "weight" => self.weight(),
            "encoding" if is_field => self.bit_type(),
            "offset" if is_field => self.bit_offset(),
            "offset" | "count" if is_sort => self.number(-1..12),
            "min-match-len" => self.number(-1..5),
            "by-pattern" | "get-pattern" => self.key_pattern(),
            // Few of the others are different enough to fill registers.
            "element" if is_counted && self.rng.random_bool(0.5) => self.number(0..100_000),
            "longitude" => self.degrees(13.25, 180.0),
            "latitude" => self.degrees(38.0, 85.051_128_78),
            "radius" | "width" | "height" => self.size(),
            _ => return None,
        })
    }

    fn number(&mut self, range: std::ops::Range<i32>) -> Vec<u8> {
        self.rng.random_range(range).to_string().into_bytes()
    }

    fn one_of(&mut self, texts: &[&str]) -> Vec<u8> {
        texts.choose(self.rng).map(|text| text.as_bytes().to_vec()).unwrap_or_default()
    }

    /// What scores are multiplied with.
    fn weight(&mut self) -> Vec<u8> {
        match self.rng.random_range(0..8) {
            0 => self.one_of(&["inf", "-inf", "0", "-0"]),
            1 => self.double(),
            2 | 3 => self.one_of(&["0.5", "-0.25", "1.5"]),
            _ => self.number(-2..4),
        }
    }

    fn bit_type(&mut self) -> Vec<u8> {
        self.one_of(&[
            "u8", "i8", "u16", "i16", "u1", "i1", "u3", "i5", "u31", "i32", "u63", "i64", "u64",
            "I8",
        ])
    }

    fn bit_offset(&mut self) -> Vec<u8> {
        let number = self.rng.random_range(0..100);
        match self.rng.random_range(0..4) {
            0 => format!("#{}", number / 10).into_bytes(),
            1 => (number / 8 * 8).to_string().into_bytes(),
            _ => number.to_string().into_bytes(),
        }
    }

    /// A pattern of SORT.
    fn key_pattern(&mut self) -> Vec<u8> {
        match self.rng.random_range(0..12) {
            0 => self.pattern(),
            1 => self.one_of(&["nosort", "#", "", "#\0x", "key:\0*", "hash:*->"]),
            2 => self.one_of(&["*", "k*", "key:*:x*", "*->m1"]),
            3..6 => self.one_of(&["#", "#", "nosort"]),
            6..9 => [&b"hash:*->"[..], &self.workload.member(self.rng)].concat(),
            _ => b"key:*".to_vec(),
        }
    }

    /// A coordinate: mostly near one place, at times anywhere or at an edge.
    fn degrees(&mut self, near: f64, edge: f64) -> Vec<u8> {
        let degrees = match self.rng.random_range(0..32) {
            0 => *[edge, -edge, 0.0, -0.0, edge + 0.1, 89.0].choose(self.rng).unwrap_or(&0.0),
            1 => self.rng.random_range(-edge..edge),
            2..8 => near,
            8..12 => near + f64::from(self.rng.random_range(-8..8)) / 64.0,
            _ => near + self.rng.random_range(-0.5..0.5),
        };
        degrees.to_string().into_bytes()
    }

    /// How far a search reaches; its unit is drawn apart.
    fn size(&mut self) -> Vec<u8> {
        match self.rng.random_range(0..16) {
            0 => self.one_of(&["0", "-1", "inf", "nan", "1e400", "x", "10000000", "6000"]),
            1 => self.rng.random_range(0.0..3000.0).to_string().into_bytes(),
            2 | 3 => self.rng.random_range(0.0..2.0).to_string().into_bytes(),
            _ => self.rng.random_range(0.0..200.0).to_string().into_bytes(),
        }
    }
}
