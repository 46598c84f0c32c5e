//! What luck has chosen, as the log tells it.
//!
//! SPOP takes members that the core draws, and a model cannot know which. The log must tell, or a
//! replay would take others: there it is an SREM. So the model reads the log of the turn along
//! with the commands: each SREM that removes something is the next one in it, and where SPOP was
//! asked for, that one says what it took. The reply must then say the same. XADD that trims about
//! so much is alike: each XADD that adds something is the next one in the log.
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
    /// How far additions were read, and how many more there were that nobody asked about.
    additions: usize,
    unread: usize,
}

impl Logged {
    pub(super) fn new(log: Vec<u8>) -> Self {
        Self { log, ..Self::default() }
    }

    /// The words behind SREM of the next one: key and members.
    pub(super) fn next_removal(&mut self) -> Option<Words> {
        let mut words = next(&self.log, &mut self.at, b"SREM")?;
        words.remove(0);
        Some(words)
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
            let Some(words) = command(&self.log, &mut self.at) else {
                self.at = from;
                return None;
            };
            let behind = self.at;
            let mut scores = added(&words, key).unwrap_or_default();
            while scores.len() < len {
                let Some(more) =
                    command(&self.log, &mut self.at).and_then(|words| added(&words, key))
                else {
                    break;
                };
                scores.extend(more);
            }
            if scores.len() == len && could_be(&scores) {
                return Some(scores);
            }
            self.at = behind;
        }
    }

    /// The words of the next XADD, if somebody asks what they are.
    pub(super) fn next_addition(&mut self, is_asked: bool) -> Option<Words> {
        if !is_asked {
            self.unread += 1;
            return None;
        }
        for _ in 0..std::mem::take(&mut self.unread) {
            next(&self.log, &mut self.additions, b"XADD")?;
        }
        next(&self.log, &mut self.additions, b"XADD")
    }
}

/// The next command of a name in the log.
fn next(log: &[u8], at: &mut usize, name: &[u8]) -> Option<Words> {
    loop {
        let words = command(log, at)?;
        if words.first()?.eq_ignore_ascii_case(name) {
            return Some(words);
        }
    }
}

fn command(log: &[u8], at: &mut usize) -> Option<Words> {
    let count = number(log, at, b'*')?;
    (0..count).map(|_| word(log, at)).collect()
}

fn word(log: &[u8], at: &mut usize) -> Option<Vec<u8>> {
    let len = number(log, at, b'$')?;
    let word = log.get(*at..*at + len)?.to_vec();
    *at += len + 2;
    Some(word)
}

fn number(log: &[u8], at: &mut usize, kind: u8) -> Option<usize> {
    let line = log.get(*at..)?.strip_prefix(&[kind])?;
    let end = line.iter().position(|&byte| byte == b'\r')?;
    *at += end + 3;
    std::str::from_utf8(&line[..end]).ok()?.parse().ok()
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
