//! What clients say: the workload, with transactions around some of it.
//!
//! Left to chance alone, MULTI and EXEC would rarely have anything between them, and WATCH nothing
//! to do with either. In a run that plays a script they have no minds: the script speaks for them.

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::changes;
use super::pauses::Habits;
use super::wire::Wire;
use crate::model::{Model, Words};
use crate::script::{Form, Sent};
use crate::workload::{Scope, Workload};

/// The minds of all clients.
#[derive(Debug)]
pub(crate) struct Clients {
    rng: ChaCha8Rng,
    workload: Workload,
    scope: Scope,
    changes: Option<Changes>,
    /// What they do about expiry.
    habits: Option<Habits>,
    /// Walks of SCAN that somebody may go on with.
    walks: Vec<Words>,
}

/// Changes of the configuration: what draws them, and one of how many commands is one.
#[derive(Debug)]
struct Changes {
    rng: ChaCha8Rng,
    odds: u32,
    /// There are save points.
    has_save: bool,
    /// The log was just switched off, and somebody may have meant otherwise.
    is_off: bool,
}

impl Changes {
    fn draw(seed: u64, has_save: bool) -> Option<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(CHANGES_STREAM);
        let odds = *[0, 0, 10, 30, 100].choose(&mut rng).unwrap_or(&0);
        (odds > 0).then_some(Self { rng, odds, has_save, is_off: false })
    }

    fn next(&mut self) -> Option<Words> {
        let is_off = std::mem::take(&mut self.is_off);
        if is_off && self.rng.random_ratio(2, 3) {
            // In the middle of its end, or of what has begun it.
            self.is_off = self.rng.random_ratio(1, 3);
            return Some(changes::switch(!self.is_off));
        }
        let is_one = self.rng.random_ratio(1, self.odds);
        let words = is_one.then(|| changes::draw(self.has_save, &mut self.rng))?;
        self.is_off = changes::appendonly(&words).is_some();
        Some(words)
    }
}

/// The stream of draws that the clients have to themselves.
const STREAM: u64 = 100;

/// The stream of changes of the configuration.
const CHANGES_STREAM: u64 = 102;

impl Clients {
    /// Clients of a seed; they change the configuration where it is told whether it has save
    /// points.
    pub(crate) fn draw(seed: u64, scope: Scope, save: Option<bool>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(STREAM);
        let workload = Workload::draw(scope, &mut rng);
        let changes = save.and_then(|has_save| Changes::draw(seed, has_save));
        let habits = Habits::draw(seed, scope);
        Self { rng, workload, scope, changes, habits, walks: Vec::new() }
    }

    /// Now and then somebody looks which walks of SCAN there are to go on with.
    pub(crate) fn hear_of_walks(&mut self, walks: impl FnOnce() -> Vec<Words>) {
        if self.rng.random_ratio(1, 10) {
            self.walks = walks();
        }
    }

    /// What a client says now, if anything.
    pub(crate) fn speak(&mut self, wire: &mut Wire, now_ms: i64) -> Vec<Sent> {
        if self.rng.random() {
            return Vec::new();
        }
        let count = self.rng.random_range(1..20);
        (0..count).map(|_| self.say(wire, now_ms)).collect()
    }

    fn say(&mut self, wire: &mut Wire, now_ms: i64) -> Sent {
        let words = self.next(wire, now_ms);
        if let [name] = &words[..] {
            match name.to_ascii_lowercase().as_slice() {
                b"multi" => wire.is_in_multi = true,
                b"exec" | b"discard" | b"reset" => wire.is_in_multi = false,
                _ => {}
            }
        }
        let form = self.form(&words);
        Sent { client: wire.id.slot, words, form }
    }

    /// Nearly always an array, sometimes a line.
    fn form(&mut self, words: &Words) -> Form {
        let is_plain =
            |word: &Vec<u8>| !word.is_empty() && word.iter().all(u8::is_ascii_alphanumeric);
        match self.rng.random_range(0..100) {
            0 if words.iter().all(is_plain) => Form::Line,
            1 if words.iter().all(is_plain) => Form::UnixLine,
            _ => Form::Array,
        }
    }

    fn next(&mut self, wire: &Wire, now_ms: i64) -> Words {
        let change = self.changes.as_mut().filter(|_| !wire.is_in_multi).and_then(Changes::next);
        let workload = &self.workload;
        let habits = self.habits.as_mut().filter(|_| !wire.is_in_multi);
        let habit = || habits.and_then(|habits| habits.next(workload, now_ms));
        if let Some(words) = change.or_else(habit) {
            return words;
        }
        let draw = self.rng.random_range(0..200);
        let around: &[&[u8]] = match (wire.is_in_multi, draw) {
            (true, 0..30) => &[b"EXEC"],
            (true, 30..34) => &[b"DISCARD"],
            (_, 34) => &[b"MULTI"],
            (_, 35) => &[b"UNWATCH"],
            (_, 36) => &[b"EXEC", b"now"],
            (false, 0..10) => &[b"MULTI"],
            (false, 20..24) if self.workload.waits => return self.unblock(),
            (false, 24..34) if !self.walks.is_empty() => {
                return self.walks.choose(&mut self.rng).cloned().unwrap_or_default();
            }
            (_, 37) | (false, 10..18) => return self.watch(),
            (false, 18) => &[b"EXEC"],
            (false, 19) => &[b"DISCARD"],
            _ => {
                let words = self.workload.next(now_ms, &mut self.rng);
                let may_be_said = !wire.is_in_multi
                    || self.scope == Scope::Any
                    || Model::knows(&words[0]) && !is_awkward_in_multi(&words[0]);
                // The model cannot tell whether another command would abort the transaction.
                if may_be_said { return words } else { &[b"PING"] }
            }
        };
        around.iter().map(|word| word.to_vec()).collect()
    }

    /// Ends the wait of somebody, if it hits one who waits.
    fn unblock(&mut self) -> Words {
        let id = self.rng.random_range(0..12).to_string();
        let how: &[&str] = match self.rng.random_range(0..5) {
            0 => return vec![b"CLIENT".to_vec(), b"ID".to_vec()],
            1 => &["ERROR"],
            2 => &["TIMEOUT"],
            3 => &["x"],
            _ => &[],
        };
        let words = ["CLIENT", "UNBLOCK", &id].into_iter().chain(how.iter().copied());
        words.map(|word| word.as_bytes().to_vec()).collect()
    }

    fn watch(&mut self) -> Words {
        let mut words = vec![b"WATCH".to_vec()];
        for _ in 0..self.rng.random_range(1..3) {
            words.push(self.workload.key(&mut self.rng));
        }
        words
    }
}

/// Confirmations of several subscriptions tear the reply of EXEC apart, in Redis as here.
fn is_awkward_in_multi(name: &[u8]) -> bool {
    name.to_ascii_lowercase().ends_with(b"subscribe")
}
