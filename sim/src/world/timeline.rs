//! The timeline: the last events of a run in words, for whoever looks at a failure.
//!
//! A run keeps none: the seed that failed runs a second time with one, and is the same run.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::rc::Rc;

use seedis_core::turn::Watermarks;
use seedis_core::{Core, Now};

/// Where events are noted, if anywhere. Copies share one list.
#[derive(Clone, Debug, Default)]
pub struct Timeline(Option<Rc<RefCell<Events>>>);

#[derive(Debug)]
struct Events {
    lines: VecDeque<Line>,
    stands: Vec<Stand>,
    most: usize,
    now: Now,
    turns: u64,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Line {
    /// In which turn.
    pub turn: u64,
    /// When.
    pub now: Now,
    /// What.
    pub what: String,
}

/// Where the core stood after a turn.
#[derive(Clone, Copy, Debug)]
pub struct Stand {
    /// After which turn.
    pub turn: u64,
    /// How far the log was.
    pub watermarks: Watermarks,
    /// Data were being loaded.
    pub is_loading: bool,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { turn, now: Now { mono_ns, wall_us }, what } = self;
        let (ms, us) = (mono_ns / 1_000_000, mono_ns / 1000 % 1000);
        let wall_ms = wall_us.div_euclid(1000);
        write!(f, "turn {turn} {ms}.{us:03} ms (wall {wall_ms} ms): {what}")
    }
}

/// Bytes that are shown of anything.
const SHOWN_BYTES: usize = 100;

impl Timeline {
    /// One that keeps the last so many events.
    #[must_use]
    pub fn keeping(most: usize) -> Self {
        let (now, turns) = (Now::default(), 0);
        let events = Events { lines: VecDeque::new(), stands: Vec::new(), most, now, turns };
        Self(Some(Rc::new(RefCell::new(events))))
    }

    /// The events, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let events = self.0.as_ref().map(|events| events.borrow());
        events.map(|events| events.lines.iter().cloned().collect()).unwrap_or_default()
    }

    /// Where the core stood after each turn.
    #[must_use]
    pub fn stands(&self) -> Vec<Stand> {
        let events = self.0.as_ref().map(|events| events.borrow());
        events.map(|events| events.stands.clone()).unwrap_or_default()
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// A turn begins.
    pub(crate) fn turn(&self, now: Now, turns: u64) {
        if let Some(events) = &self.0 {
            let mut events = events.borrow_mut();
            (events.now, events.turns) = (now, turns);
        }
    }

    /// A turn is over.
    pub(crate) fn stand(&self, core: &Core) {
        if let Some(events) = &self.0 {
            let mut events = events.borrow_mut();
            let (turn, watermarks) = (events.turns, core.watermarks());
            events.stands.push(Stand { turn, watermarks, is_loading: core.is_loading() });
        }
    }

    /// Something happened.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        let Some(events) = &self.0 else { return };
        let mut events = events.borrow_mut();
        let line = Line { turn: events.turns, now: events.now, what: what() };
        events.lines.push_back(line);
        if events.lines.len() > events.most {
            events.lines.pop_front();
        }
    }

    /// Bytes as text, cut where they are long.
    #[must_use]
    pub fn shown(bytes: &[u8]) -> String {
        let mut text = bytes[..bytes.len().min(SHOWN_BYTES)].escape_ascii().to_string();
        if bytes.len() > SHOWN_BYTES {
            // Writing to a string does not fail.
            let _ = write!(text, "... ({} bytes)", bytes.len());
        }
        text
    }

    /// A command as one would type it.
    #[must_use]
    pub fn command(words: &[Vec<u8>]) -> String {
        let quoted = |word: &Vec<u8>| {
            let is_plain = !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
            if is_plain { Self::shown(word) } else { format!("\"{}\"", Self::shown(word)) }
        };
        words.iter().map(quoted).collect::<Vec<_>>().join(" ")
    }
}
