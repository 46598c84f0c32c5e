//! What holds expiry up: CLIENT PAUSE, and DEBUG SET-ACTIVE-EXPIRE.
//!
//! While writes are paused nothing may be written, an expiry no more than anything else, and yet
//! nobody may see what is past its deadline. Without active expiry what is due goes when somebody
//! meets it and not before. In the worlds in which neither is said a look at a key finds hardly
//! ever one that is due: the turn has begun with its end.

use std::collections::VecDeque;

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::Now;

use crate::finding::Invariant::L1;
use crate::finding::check;
use crate::model::{Reply, Words};
use crate::workload::{Scope, Workload};

/// Who says such things, and how often.
#[derive(Debug)]
pub(crate) struct Habits {
    rng: ChaCha8Rng,
    /// One of so many commands begins it.
    odds: u32,
    /// Active expiry is switched off, too.
    is_passive: bool,
    /// Once more ends at once than a turn may end.
    storms: bool,
    /// Nobody knows what must come of it, so more may be said.
    is_free: bool,
    /// What is to be said next.
    next: VecDeque<Words>,
}

/// The stream of draws that this has to itself.
const STREAM: u64 = 103;

impl Habits {
    pub(crate) fn draw(seed: u64, scope: Scope) -> Option<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(STREAM);
        let odds = *[0, 0, 100, 300].choose(&mut rng).unwrap_or(&0);
        let is_passive = rng.random();
        let (storms, is_free) = (rng.random_ratio(1, 12), scope == Scope::Any);
        (odds > 0).then_some(Self { rng, odds, is_passive, storms, is_free, next: VecDeque::new() })
    }

    /// The next of these commands, about keys that `workload` names.
    pub(crate) fn next(&mut self, workload: &Workload, now_ms: i64) -> Option<Words> {
        if self.next.is_empty() && self.rng.random_ratio(1, self.odds) {
            match std::mem::take(&mut self.storms) {
                true => self.storm(now_ms),
                false => self.plan(workload),
            }
        }
        let is_look =
            |words: &Words| LOOKS.iter().any(|look| look.as_bytes().starts_with(&words[0]));
        if is_look(self.next.front()?) && self.rng.random_ratio(5, 6) {
            // A write would have to wait, and who waits says no more.
            return Some(vec![b"PING".to_vec()]);
        }
        self.next.pop_front()
    }

    /// Deadlines that are near, what holds expiry up, and looks at what has them.
    fn plan(&mut self, workload: &Workload) {
        let keys = ["hash", "hash", "key"].map(|kind| workload.key_of(kind, &mut self.rng));
        if self.rng.random_ratio(3, 4) {
            keys.iter().for_each(|key| self.set(key));
        }
        let line = self.hold_up();
        self.say(&line, &[]);
        for _ in 0..self.rng.random_range(0..10) {
            let line = *LOOKS.choose(&mut self.rng).unwrap_or(&"EXISTS");
            let key = keys.choose(&mut self.rng).cloned().unwrap_or_default();
            self.say(line, &[key]);
        }
    }

    /// About as many keys and fields as may go in one turn have nearly the same deadline.
    fn storm(&mut self, now_ms: i64) {
        let fields = *[985, 990, 1000, 1010, 2100].choose(&mut self.rng).unwrap_or(&1000);
        let at_ms = now_ms + self.rng.random_range(20..60);
        let line = format!("HSETEX hash:storm PXAT {at_ms} FIELDS {fields}");
        let pairs = (0..fields).flat_map(|field| [format!("f{field}").into(), b"1".to_vec()]);
        self.say(&line, &pairs.collect::<Words>());
        for key in 0..25 {
            let at_ms = at_ms + self.rng.random_range(-1..2);
            self.say(&format!("SET key:storm{key} 1 PXAT {at_ms}"), &[]);
        }
    }

    fn hold_up(&mut self) -> String {
        let rng = &mut self.rng;
        match rng.random_range(0..6) {
            0 | 1 if self.is_passive => "DEBUG SET-ACTIVE-EXPIRE 0".into(),
            2 if self.is_passive => "DEBUG SET-ACTIVE-EXPIRE 1".into(),
            2 | 3 if self.is_free => "DEBUG RELOAD".into(),
            5 => "CLIENT UNPAUSE".into(),
            _ => {
                let most = *[20, 50, 100].choose(rng).unwrap_or(&50);
                let ms = rng.random_range(1..most);
                let kind = ["", " WRITE", " WRITE", " write", " ALL"].choose(rng).unwrap_or(&"");
                format!("CLIENT PAUSE {ms}{kind}")
            }
        }
    }

    /// Sets a key that ends soon, or a hash with fields that do, or all of whose fields do.
    fn set(&mut self, key: &[u8]) {
        let ms = self.rng.random_range(1..10).to_string();
        let is_hash = key.starts_with(b"hash");
        let words = match self.rng.random_range(0..4) {
            0 => vec!["PEXPIRE", "", &ms],
            1 if is_hash => vec!["HSETEX", "", "PX", &ms, "FIELDS", "2", "m0", "1", "m1", "2"],
            2 if is_hash => vec!["HPEXPIRE", "", &ms, "FIELDS", "3", "m0", "m1", "m2"],
            3 if is_hash => {
                self.say("DEL", &[key.to_vec()]);
                vec!["HSETEX", "", "PX", &ms, "FIELDS", "1", "m0", "1"]
            }
            _ => vec!["SET", "", "1", "PX", &ms],
        };
        let word =
            |word: &&str| if word.is_empty() { key.to_vec() } else { word.as_bytes().into() };
        self.next.push_back(words.iter().map(word).collect());
    }

    fn say(&mut self, line: &str, more: &[Vec<u8>]) {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec());
        let mut words: Words = words.chain(more.iter().cloned()).collect();
        // What is looked for in a hash stands behind its key.
        if let Some(at) = words.iter().position(|word| word == b"m0") {
            words[at..].rotate_left(1);
        }
        self.next.push_back(words);
    }
}

/// Looks at a key.
const LOOKS: [&str; 12] = [
    "EXISTS",
    "TYPE",
    "PTTL",
    "GET",
    "HGETALL",
    "HLEN",
    "HGET m0",
    "HEXISTS m0",
    "HKEYS",
    "STRLEN",
    "HVALS",
    "OBJECT ENCODING",
];

/// What such a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// For so many milliseconds; all commands, or those that write.
    Pause(u64, bool),
    Unpause,
    ActiveExpire(bool),
}

fn asked(words: &[Vec<u8>]) -> Option<Asked> {
    let lower: Vec<String> =
        words.iter().take(5).map(|word| String::from_utf8_lossy(word).to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(|word| &word[..]).collect();
    match &lower[..] {
        ["client", "pause", ms] | ["client", "pause", ms, "all"] => {
            Some(Asked::Pause(ms.parse().ok()?, true))
        }
        ["client", "pause", ms, "write"] => Some(Asked::Pause(ms.parse().ok()?, false)),
        ["client", "unpause"] => Some(Asked::Unpause),
        ["debug", "set-active-expire", flag @ ("0" | "1")] => {
            Some(Asked::ActiveExpire(*flag == "1"))
        }
        _ => None,
    }
}

/// Whether a command is one of these.
pub(crate) fn is_one(words: &[Vec<u8>]) -> bool {
    let is = |name: &str| words[0].eq_ignore_ascii_case(name.as_bytes());
    words.len() < 5 && (is("client") || is("debug")) && asked(words).is_some()
}

/// What holds expiry up at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeldUp {
    pause: Option<Pause>,
    is_passive: bool,
    /// It was so when the turn began, and all the time since.
    was_paused: bool,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    until_ns: u64,
    is_of_all: bool,
}

impl HeldUp {
    /// A turn begins: a pause may be over.
    pub(crate) fn turn_began(&mut self, now: Now) {
        self.pause = self.pause.filter(|pause| pause.until_ns > now.mono_ns);
        self.was_paused = self.pause.is_some();
    }

    /// A command is executed; returns whether it was one of these.
    pub(crate) fn executed(&mut self, words: &[Vec<u8>], now: Now) -> bool {
        match asked(words) {
            None => return false,
            Some(Asked::Pause(ms, is_of_all)) => {
                let (until_ns, old) = (now.mono_ns + ms * 1_000_000, self.pause);
                self.pause = Some(Pause {
                    until_ns: old.map_or(until_ns, |old| old.until_ns.max(until_ns)),
                    is_of_all: is_of_all || old.is_some_and(|old| old.is_of_all),
                });
            }
            Some(Asked::Unpause) => (self.pause, self.was_paused) = (None, false),
            Some(Asked::ActiveExpire(is_on)) => self.is_passive = !is_on,
        }
        true
    }

    /// When the pause ends, if there is one.
    pub(crate) fn paused_until_ns(&self) -> u64 {
        self.pause.map_or(0, |pause| pause.until_ns)
    }

    /// Writes are paused.
    pub(crate) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// Nothing goes by itself.
    pub(crate) fn is_any(&self) -> bool {
        self.is_paused() || self.is_passive
    }

    /// Nothing may have gone since the turn before: as it begins, or in all of it.
    pub(crate) fn keeps_all(&self, is_begin: bool) -> bool {
        self.was_paused || is_begin && self.is_passive
    }

    /// A command was executed although there is a pause.
    ///
    /// # Panics
    ///
    /// When it had to wait.
    pub(crate) fn check_command(&self, is_write: bool, reply: Option<&Reply>) {
        let Some(pause) = self.pause else { return };
        // What is refused is refused at once.
        let is_done = !reply.is_some_and(|reply| matches!(reply, Reply::Error(_) | Reply::Any));
        check(!(is_write || pause.is_of_all && is_done), L1, || {
            "a command is executed that must wait for the end of a pause".into()
        });
    }

    /// The turn has logged something or nothing.
    ///
    /// # Panics
    ///
    /// When something was written in a pause.
    pub(crate) fn check_log(&self, log: &[u8]) {
        check(!self.was_paused || log.is_empty(), L1, || {
            format!("written in a pause: {}", String::from_utf8_lossy(log))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_expiry_up_is_understood() {
        let mut habits =
            (0..).find_map(|seed| Habits::draw(seed, Scope::Modelled)).expect("some seed has them");
        habits.is_passive = true;
        for _ in 0..1000 {
            let line = habits.hold_up();
            let words: Words = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            assert!(is_one(&words), "{line}");
        }
    }
}
