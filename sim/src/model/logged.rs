//! What luck has chosen, as the log tells it.
//!
//! SPOP takes members that the core draws, and a model cannot know which. The log must tell, or a
//! replay would take others: there it is an SREM. So the model reads the log of the turn along
//! with the commands: each SREM that removes something is the next one in it, and where SPOP was
//! asked for, that one says what it took. The reply must then say the same.
//!
//! A search of places that stores distances, or some of those that are equally far away, logs a
//! ZADD of what it has stored.

use super::Words;
use super::scores::parse;
use super::value::Scores;

/// The log of a turn, read as far as needed.
#[derive(Debug, Default)]
pub(super) struct Logged {
    log: Vec<u8>,
    at: usize,
}

impl Logged {
    pub(super) fn new(log: Vec<u8>) -> Self {
        Self { log, at: 0 }
    }

    /// The words behind SREM of the next one: key and members.
    pub(super) fn next_removal(&mut self) -> Option<Words> {
        loop {
            let mut words = self.command()?;
            if words.first()?.eq_ignore_ascii_case(b"SREM") {
                words.remove(0);
                return Some(words);
            }
        }
    }

    /// The members and scores of the next ZADDs to a key that are so many and could be it.
    pub(super) fn next_scores(
        &mut self,
        key: &[u8],
        len: usize,
        could_be: impl Fn(&Scores) -> bool,
    ) -> Option<Scores> {
        let from = self.at;
        loop {
            let Some(words) = self.command() else {
                self.at = from;
                return None;
            };
            let behind = self.at;
            let mut scores = added(&words, key).unwrap_or_default();
            while scores.len() < len {
                let Some(more) = self.command().and_then(|words| added(&words, key)) else { break };
                scores.extend(more);
            }
            if scores.len() == len && could_be(&scores) {
                return Some(scores);
            }
            self.at = behind;
        }
    }

    fn command(&mut self) -> Option<Words> {
        let count = self.number(b'*')?;
        (0..count).map(|_| self.word()).collect()
    }

    fn word(&mut self) -> Option<Vec<u8>> {
        let len = self.number(b'$')?;
        let word = self.log.get(self.at..self.at + len)?.to_vec();
        self.at += len + 2;
        Some(word)
    }

    fn number(&mut self, kind: u8) -> Option<usize> {
        let line = self.log.get(self.at..)?.strip_prefix(&[kind])?;
        let end = line.iter().position(|&byte| byte == b'\r')?;
        self.at += end + 3;
        std::str::from_utf8(&line[..end]).ok()?.parse().ok()
    }
}

/// What a ZADD without options adds to a key.
fn added(words: &[Vec<u8>], key: &[u8]) -> Option<Scores> {
    let [name, its_key, pairs @ ..] = words else { return None };
    let is_it = name.eq_ignore_ascii_case(b"ZADD") && its_key == key;
    let pairs = pairs.chunks_exact(2).map(|pair| Some((pair[1].clone(), parse(&pair[0])?)));
    is_it.then(|| pairs.collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removals_are_found_among_other_commands() {
        let log = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$4\r\nsrem\r\n$1\r\nk\r\n$2\r\n\r\n\r\n\
                    *1\r\n$5\r\nMULTI\r\n*3\r\n$4\r\nSREM\r\n$1\r\nk\r\n$1\r\nb\r\n";
        let mut logged = Logged::new(log.to_vec());
        assert_eq!(logged.next_removal(), Some(vec![b"k".to_vec(), b"\r\n".to_vec()]));
        assert_eq!(logged.next_removal(), Some(vec![b"k".to_vec(), b"b".to_vec()]));
        assert_eq!(logged.next_removal(), None);
    }
}
