//! The same commands to the core and to a real server: the replies must be the same.
//!
//! The model knows a few families of commands; a real server knows all, and is what decides. Each
//! seed is a stream of commands of the workload, spoiled ones among them, that are sent one by one
//! to both sides; then the digests of the two keyspaces are compared. What may differ is in one
//! place, [`loose`], with the reasons. Time is the hard part: the core's clock stands still at the
//! time when the stream began, so deadlines are moved far away from it.

mod local;
pub mod loose;
pub mod peer;
pub mod value;

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::model::Words;
use crate::workload::{Scope, Workload};
use local::Local;
use peer::Peer;
use value::Value;

/// A reply that differs.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What was sent since the beginning; the last is what was answered differently.
    pub commands: Vec<Words>,
    /// What the core answers; nothing when it does not.
    pub ours: Option<Value>,
    /// What the server answers.
    pub theirs: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for words in &self.commands {
            let words: Vec<String> =
                words.iter().map(|word| format!("\"{}\"", word.escape_ascii())).collect();
            writeln!(f, "{}", words.join(" "))?;
        }
        match &self.ours {
            Some(ours) => writeln!(f, "  ours   {ours}")?,
            None => writeln!(f, "  ours   nothing")?,
        }
        writeln!(f, "  theirs {}", self.theirs)
    }
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Commands.
    pub commands: u64,
    /// Replies that were no errors.
    pub successes: u64,
}

/// Compares one seed of so many commands; the first difference ends it.
///
/// # Errors
///
/// The server is gone or does not answer.
pub fn compare(
    seed: u64,
    commands: usize,
    absent: &BTreeSet<String>,
    peer: &mut Peer,
) -> io::Result<(Compared, Option<Difference>)> {
    let stream = stream(seed, commands, absent);
    let mut compared = Compared::default();
    let found = differ(&stream, peer, &mut compared)?;
    let Some(found) = found else { return Ok((compared, None)) };
    // What does not happen again is due to time.
    match differ(&found.commands, peer, &mut Compared::default())? {
        Some(again) => Ok((compared, Some(shrink(again, peer)?))),
        None => Ok((compared, None)),
    }
}

/// The commands of our table that the server does not have.
///
/// # Errors
///
/// The server does not answer.
pub fn absent_from(peer: &mut Peer) -> io::Result<BTreeSet<String>> {
    let mut absent = BTreeSet::new();
    let registry = seedis_core::command::registry();
    for row in registry.tops().iter().map(|&id| registry.row(id)) {
        let name = row.command.name;
        peer.send(&encoded(&words_of(&format!("COMMAND INFO {name}"))))?;
        let is_entry = |entry: &Value| matches!(entry, Value::Many(_, Some(_)));
        match peer.reply()? {
            Value::Many(_, Some(entries)) if entries.iter().any(is_entry) => {}
            _ => drop(absent.insert(name.to_string())),
        }
    }
    Ok(absent)
}

/// The commands of a seed.
fn stream(seed: u64, commands: usize, absent: &BTreeSet<String>) -> Vec<Words> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let workload = Workload::draw(Scope::Any, &mut rng);
    let is_absent =
        |words: &Words| absent.contains(&String::from_utf8_lossy(&words[0]).to_lowercase());
    // A seed may draw hardly anything that is compared, and must come to its end.
    let drawn = std::iter::repeat_with(|| workload.next(FAR_MS, &mut rng)).take(20 * commands);
    let drawn = drawn.filter(|words| !loose::is_left_out(words) && !is_absent(words));
    let postponed = drawn.map(|mut words| {
        loose::postpone(&mut words);
        words
    });
    postponed.take(commands).collect()
}

/// The year 2096: about then are the deadlines that commands name.
const FAR_MS: i64 = 4_000_000_000_000;

/// Sends commands to both until something differs.
fn differ(
    stream: &[Words],
    peer: &mut Peer,
    compared: &mut Compared,
) -> io::Result<Option<Difference>> {
    for line in ["SELECT 0", "FLUSHALL", "SCRIPT FLUSH", "FUNCTION FLUSH"] {
        peer.send(&encoded(&words_of(line)))?;
        peer.reply()?;
    }
    let mut local = Local::new(wall_us());
    let digest = words_of("DEBUG DIGEST");
    for (at, words) in stream.iter().chain([&digest]).enumerate() {
        let bytes = encoded(words);
        peer.send(&bytes)?;
        let theirs = peer.reply()?;
        let ours = local.call(&bytes);
        compared.commands += 1;
        compared.successes += u64::from(theirs.error().is_none());
        if ours.clone().is_none_or(|ours| !loose::is_alike(words, ours, theirs.clone())) {
            let mut commands = stream[..at.min(stream.len())].to_vec();
            commands.push(words.clone());
            return Ok(Some(Difference { commands, ours, theirs }));
        }
    }
    Ok(None)
}

/// Leaves out commands as long as something differs at the end.
fn shrink(mut found: Difference, peer: &mut Peer) -> io::Result<Difference> {
    let mut size = found.commands.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at + 1 < found.commands.len() {
            let mut fewer = found.commands.clone();
            fewer.drain(at..(at + size).min(fewer.len() - 1));
            match differ(&fewer, peer, &mut Compared::default())? {
                Some(smaller) => found = smaller,
                None => at += size,
            }
        }
        size /= 2;
    }
    Ok(found)
}

fn words_of(line: &str) -> Words {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn encoded(words: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to a vector does not fail.
    let _ = write!(out, "*{}\r\n", words.len());
    for word in words {
        let _ = write!(out, "${}\r\n", word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|it| i64::try_from(it.as_micros()).ok()).unwrap_or(0)
}
