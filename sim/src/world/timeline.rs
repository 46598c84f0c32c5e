//! The timeline: the last events of a run in words, for whoever looks at a failure.
//!
//! A run keeps none: the seed that failed runs a second time with one, and is the same run.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::rc::Rc;

use seedis_core::Now;

/// Where events are noted, if anywhere. Copies share one list.
#[derive(Clone, Debug, Default)]
pub struct Timeline(Option<Rc<RefCell<Events>>>);

#[derive(Debug)]
struct Events {
    lines: VecDeque<String>,
    most: usize,
    now: Now,
    turns: u64,
}

/// Bytes that are shown of anything.
const SHOWN_BYTES: usize = 100;

impl Timeline {
    /// One that keeps the last so many events.
    #[must_use]
    pub fn keeping(most: usize) -> Self {
        let events = Events { lines: VecDeque::new(), most, now: Now::default(), turns: 0 };
        Self(Some(Rc::new(RefCell::new(events))))
    }

    /// The events, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let events = self.0.as_ref().map(|events| events.borrow());
        events.map(|events| events.lines.iter().cloned().collect()).unwrap_or_default()
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

    /// Something happened.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        let Some(events) = &self.0 else { return };
        let mut events = events.borrow_mut();
        let Now { mono_ns, wall_us } = events.now;
        let at = format!(
            "turn {} {}.{:03} ms",
            events.turns,
            mono_ns / 1_000_000,
            mono_ns / 1000 % 1000
        );
        events.lines.push_back(format!("{at} (wall {} ms): {}", wall_us.div_euclid(1000), what()));
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
