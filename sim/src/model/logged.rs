//! What luck has chosen, as the log tells it.
//!
//! SPOP takes members that the core draws, and a model cannot know which. The log must tell, or a
//! replay would take others: there it is an SREM. So the model reads the log of the turn along
//! with the commands: each SREM that removes something is the next one in it, and where SPOP was
//! asked for, that one says what it took. The reply must then say the same.

use super::Words;

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
