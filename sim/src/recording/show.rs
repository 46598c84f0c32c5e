//! What a replay prints, and where it is to stop.

use std::fmt;
use std::io::Write;
use std::ops::Range;

use seedis_core::command::Registry;
use seedis_core::recording::keys_of;
use seedis_core::value::glob;
use seedis_core::{Now, Peer};

use super::requests::requests;

/// Longest reply or argument that is printed whole.
const SHOWN_BYTES: usize = 120;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Print every request and reply.
    pub is_all: bool,
    /// Print those of the client with this id.
    pub client: Option<u64>,
    /// Print requests with a key that matches.
    pub key: Option<Vec<u8>>,
    /// Stop behind the turn with which the log reaches this.
    pub until_lsn: Option<u64>,
    /// Stop before the first request with these words: the first is a name, the others patterns.
    pub stop_at: Option<Vec<Vec<u8>>>,
}

/// Prints and looks.
pub struct Show {
    wishes: Wishes,
    out: Box<dyn Write>,
    registry: Registry,
    now: Now,
    began: Option<Now>,
}

impl fmt::Debug for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Show").field(&self.wishes).finish()
    }
}

impl Show {
    /// Prints what is asked for to `out`.
    #[must_use]
    pub fn new(wishes: Wishes, out: Box<dyn Write>) -> Self {
        let registry = seedis_core::command::registry();
        Self { wishes, out, registry, now: Now::default(), began: None }
    }

    /// Prints a line. Whoever does not want to read on loses the rest.
    pub fn line(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}");
    }

    pub(super) fn turn(&mut self, now: Now) {
        self.began.get_or_insert(now);
        self.now = now;
    }

    /// Whether the log has come to where the replay is to end.
    pub(super) fn is_reached(&self, lsn: u64) -> bool {
        self.wishes.until_lsn.is_some_and(|until| lsn >= until)
    }

    pub(super) fn accepted(&mut self, id: u64, peer: &Peer) {
        if self.is_shown(id) && self.wishes.key.is_none() {
            self.event(id, &format!("connects from {}", peer.addr));
        }
    }

    pub(super) fn closed(&mut self, id: u64) {
        if self.is_shown(id) && self.wishes.key.is_none() {
            self.event(id, "is closed");
        }
    }

    /// Looks at bytes that are about to be executed; returns where in them the request is that was
    /// looked for.
    pub(super) fn sent_by(&mut self, id: u64, bytes: &[u8]) -> Option<Range<usize>> {
        let is_shown = self.is_shown(id);
        if !is_shown && self.wishes.stop_at.is_none() {
            return None;
        }
        for (range, words) in requests(bytes) {
            if self.wishes.stop_at.as_ref().is_some_and(|stop| matches(stop, &words)) {
                return Some(range);
            }
            if is_shown && self.has_key(&words) {
                let line = line_of(&words);
                self.event(id, &line);
            }
        }
        None
    }

    pub(super) fn replied<'a>(
        &mut self,
        id: u64,
        chunks: impl Iterator<Item = &'a [u8]>,
        count: usize,
    ) {
        if !self.is_shown(id) || self.wishes.key.is_some() {
            return;
        }
        let shown: Vec<u8> = chunks.flatten().copied().take(count.min(SHOWN_BYTES)).collect();
        let more = if count > SHOWN_BYTES { format!("... {count} bytes") } else { String::new() };
        self.event(id, &format!("<- {}{more}", shown.escape_ascii()));
    }

    fn is_shown(&self, id: u64) -> bool {
        match (self.wishes.client, &self.wishes.key) {
            (Some(wanted), _) => wanted == id,
            (None, Some(_)) => true,
            (None, None) => self.wishes.is_all,
        }
    }

    fn has_key(&self, words: &[Vec<u8>]) -> bool {
        let Some(pattern) = &self.wishes.key else { return true };
        self.keys(words).iter().any(|key| glob::matches(pattern, key, false))
    }

    /// The keys among the words of a request.
    pub(super) fn keys(&self, words: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        keys_of(&self.registry, &words).into_iter().map(<[u8]>::to_vec).collect()
    }

    fn event(&mut self, id: u64, what: &str) {
        let since = self.began.map_or(0, |began| self.now.mono_ns.saturating_sub(began.mono_ns));
        self.line(&format!("{:>12.6} client {id}: {what}", since as f64 / 1e9));
    }
}

/// Whether a request begins with these words.
fn matches(stop: &[Vec<u8>], words: &[Vec<u8>]) -> bool {
    let is_same = |at: usize, word: &Vec<u8>| match words.get(at) {
        Some(found) if at == 0 => found.eq_ignore_ascii_case(word),
        Some(found) => glob::matches(word, found, false),
        None => false,
    };
    stop.iter().enumerate().all(|(at, word)| is_same(at, word))
}

/// A request as a line.
pub(super) fn line_of(words: &[Vec<u8>]) -> String {
    let shown = |word: &Vec<u8>| match word.get(..SHOWN_BYTES) {
        Some(head) if word.len() > SHOWN_BYTES => {
            format!("\"{}...\" ({} bytes)", head.escape_ascii(), word.len())
        }
        _ => format!("\"{}\"", word.escape_ascii()),
    };
    words.iter().map(shown).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(|word| word.into()).collect()
    }

    #[test]
    fn a_request_is_found_by_its_first_words() {
        for (stop, line, expected) in [
            ("set", "SET a 1", true),
            ("SET user:*", "set user:7 x", true),
            ("SET user:*", "set other x", false),
            ("SET a 1 NX", "set a 1", false),
        ] {
            assert_eq!(matches(&words(stop), &words(line)), expected, "{stop} {line}");
        }
    }

    #[test]
    fn requests_are_shown_by_client_and_by_key() {
        let show = |wishes: Wishes| Show::new(wishes, Box::new(std::io::sink()));
        let of_key = show(Wishes { key: Some(b"a*".to_vec()), ..Wishes::default() });
        assert!(of_key.has_key(&words("MSET b 1 ab 2")) && !of_key.has_key(&words("SET b a")));
        let of_client = show(Wishes { client: Some(3), ..Wishes::default() });
        assert!(of_client.is_shown(3) && !of_client.is_shown(4));
        assert!(!show(Wishes::default()).is_shown(3));
    }
}
