//! Random commands, made from the usage strings in the command table.
//!
//! A new command is generated as soon as it has a row. Keys come from a small pool, mostly of
//! names that fit the command's group, so that commands meet values of their own type, and now
//! and then of another one. Most values are plausible, some are at a limit, some are junk, and some
//! commands get a word too many or too few: half of a server is what it refuses.

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::command::arguments::{Argument, Kind, parse};
use seedis_core::command::registry::Row;
use seedis_core::command::spec::Group;

/// Offsets and lengths stay small: a string of half a gigabyte is legal and slow.
const INTEGERS: &[&str] =
    &["0", "1", "2", "3", "5", "7", "10", "17", "100", "-1", "-2", "-3", "-10"];
const ODD_INTEGERS: &[&str] = &[
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "01",
    "+1",
    " 1",
    "1.0",
    "",
    "abc",
    "-0",
    "1e3",
];
const DOUBLES: &[&str] = &["0", "1", "1.5", "-2.25", "0.1", "3e2", "1e10", "-1", "100"];
const ODD_DOUBLES: &[&str] =
    &["inf", "-inf", "nan", "1e400", "", "abc", "0x10", "1.", ".5", "1e-320"];
const STRINGS: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"hello",
    b"hello world",
    b"",
    b"12",
    b"-7",
    b"3.14",
    b"\x00\xff\r\n",
    b"9223372036854775807",
    b"ohmytext",
    b"mynewtext",
    b"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst",
];
const PATTERNS: &[&str] =
    &["*", "?", "a*", "*1", "[a-c]*", "string:?", "h[^a]llo", "\\*", "", "*o*"];
/// Seconds or milliseconds of deadlines: long ago, or so far away that no test gets there.
const UNIX_TIMES: &[&str] = &["1", "1000", "4102444800", "4102444800000", "0", "-1"];

/// Times to live are over at once or outlive the test, in seconds as in milliseconds.
const TIMES_TO_LIVE: &[&str] = &["300000", "1000000", "0", "-1", "-100000"];

/// What a command is made from.
#[derive(Debug)]
struct Shape {
    words: Vec<String>,
    group: Group,
    arguments: Vec<Argument<'static>>,
}

/// A source of commands that is a function of its seed.
#[derive(Debug)]
pub struct Generator {
    rng: ChaCha8Rng,
    shapes: Vec<Shape>,
}

impl Generator {
    /// Of the commands in these rows; containers themselves are left out.
    pub fn new<'a>(seed: u64, rows: impl Iterator<Item = &'a Row>) -> Self {
        let shapes = rows.filter(|row| row.command.subcommands.is_empty()).map(shape).collect();
        Self { rng: ChaCha8Rng::seed_from_u64(seed), shapes }
    }

    /// The words of one more command.
    pub fn command(&mut self) -> Vec<Vec<u8>> {
        let Self { rng, shapes } = self;
        let shape = shapes.choose(rng).expect("there are commands");
        let mut writer = Writer { rng, group: shape.group, words: Vec::new(), count: None };
        writer.words.extend(shape.words.iter().map(|word| word.clone().into_bytes()));
        shape.arguments.iter().for_each(|argument| writer.argument(argument));
        writer.spoil();
        writer.words
    }
}

fn shape(row: &Row) -> Shape {
    let mut arguments = parse(row.command.arguments).expect("every row's notation is valid");
    arguments.retain_mut(is_known);
    let words = row.full_name.split('|').map(str::to_uppercase).collect();
    Shape { words, group: row.command.group, arguments }
}

/// Whether a server of version 7.0 knows it; takes out of it what that does not know.
fn is_known(argument: &mut Argument<'_>) -> bool {
    let number = |part: &str| part.parse::<u32>().unwrap_or_default();
    let since = argument.since.unwrap_or_default().split('.').map(number);
    argument.arguments.retain_mut(is_known);
    since.le([7, 0, u32::MAX]) && !argument.token.is_some_and(|token| NEWER.contains(&token))
}

/// Words that came after 7.0, of which the history of the command tells but not the argument.
const NEWER: &[&str] = &["WITHSCORE"];

struct Writer<'a> {
    rng: &'a mut ChaCha8Rng,
    group: Group,
    words: Vec<Vec<u8>>,
    /// Where the number of keys or fields stands that are yet to come.
    count: Option<usize>,
}

impl Writer<'_> {
    fn argument(&mut self, argument: &Argument<'_>) {
        if argument.optional && self.rng.random_ratio(3, 5) {
            return;
        }
        let times = if argument.multiple { self.rng.random_range(1..4) } else { 1 };
        for time in 0..times {
            if let Some(token) = argument.token.filter(|_| time == 0 || argument.multiple_token) {
                self.word(token);
            }
            self.once(argument);
        }
        let is_counted = argument.kind == Kind::Key || argument.multiple;
        if let Some(at) = self.count.take_if(|_| is_counted)
            && self.rng.random_ratio(9, 10)
        {
            self.words[at] = times.to_string().into_bytes();
        }
    }

    fn once(&mut self, argument: &Argument<'_>) {
        match argument.kind {
            Kind::PureToken => {}
            Kind::Block => argument.arguments.iter().for_each(|inner| self.argument(inner)),
            Kind::OneOf => {
                if let Some(inner) = argument.arguments.choose(self.rng) {
                    self.argument(inner);
                }
            }
            Kind::Key => self.key(),
            Kind::Integer if matches!(&*argument.name, "numkeys" | "numfields") => {
                self.count = Some(self.words.len());
                self.one_of(INTEGERS);
            }
            Kind::Integer if argument.name.contains("seconds") => {
                self.mostly(TIMES_TO_LIVE, ODD_INTEGERS);
            }
            Kind::Integer => self.mostly(INTEGERS, ODD_INTEGERS),
            Kind::Double => self.mostly(DOUBLES, ODD_DOUBLES),
            Kind::Pattern => self.one_of(PATTERNS),
            Kind::UnixTime => self.mostly(UNIX_TIMES, ODD_INTEGERS),
            Kind::String => self.string(&argument.name),
        }
    }

    /// One of three keys of the command's own group, or any other.
    fn key(&mut self) {
        const OWN: &[Group] = &[
            Group::List,
            Group::Hash,
            Group::Set,
            Group::SortedSet,
            Group::Stream,
            Group::Hyperloglog,
        ];
        // Places are members of sorted sets.
        let own = if self.group == Group::Geo { Group::SortedSet } else { self.group };
        let is_own = OWN.contains(&own) && self.rng.random_ratio(9, 10);
        let group = match own {
            group if is_own => group,
            Group::String | Group::Bitmap if self.rng.random_ratio(9, 10) => Group::String,
            _ => [&[Group::String], OWN].concat()[self.rng.random_range(0..=OWN.len())],
        };
        let index = self.rng.random_range(1..4);
        self.word(&format!("{}:{index}", group.name()));
    }

    fn string(&mut self, name: &str) {
        match name {
            // Borders of ranges by score or by text, and stream ids.
            "min" | "max" | "start" | "stop" | "end" => self.one_of(&[
                "-", "+", "-inf", "+inf", "0", "1", "(1", "[a", "(c", "2", "0-1", "5-3", "abc",
            ]),
            // PFDEBUG.
            "subcommand" => self.one_of(&["getreg", "decode", "encoding", "todense", "other"]),
            // Fields of BITFIELD.
            "encoding" => self.one_of(&["u8", "i8", "u1", "i5", "u33", "u63", "i64", "u64"]),
            "field" => self.one_of(&["f1", "f2", "f3", "12", ""]),
            "id" | "threshold" | "lastid" => self.one_of(&["0", "1-1", "5-*", "7", "0-0", "abc"]),
            _ => {
                let value = STRINGS.choose(self.rng).expect("there are some").to_vec();
                let repeats = if self.rng.random_ratio(1, 30) { 20 } else { 1 };
                self.words.push(value.repeat(repeats));
            }
        }
    }

    fn mostly(&mut self, plausible: &[&str], odd: &[&str]) {
        let pool = if self.rng.random_ratio(7, 8) { plausible } else { odd };
        self.one_of(pool);
    }

    fn one_of(&mut self, pool: &[&str]) {
        let word = pool.choose(self.rng).expect("a pool has words");
        self.word(word);
    }

    fn word(&mut self, word: &str) {
        self.words.push(word.as_bytes().to_vec());
    }

    /// Now and then a word more, less, twice or in another case.
    fn spoil(&mut self) {
        if self.words.len() < 2 || self.rng.random_ratio(9, 10) {
            return;
        }
        let at = self.rng.random_range(1..self.words.len());
        match self.rng.random_range(0..4) {
            0 => drop(self.words.remove(at)),
            1 => self.string("extra"),
            2 => self.words.push(self.words[at].clone()),
            _ => self.words[at].make_ascii_lowercase(),
        }
    }
}
