//! A server over TCP as a [`Target`], and a minimal client for the harness itself.
//!
//! With [`Cut::Pieces`] every send goes out in several segments: single bytes for a small one,
//! else pieces of changing odd sizes. A server must not care, and parsers do.

use crate::play::{Heard, Patience, Target};
use crate::resp::{Reply, parse};
use crate::words;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a message that must come may take. Generous: the machine may be busy.
const LONG: Duration = Duration::from_secs(10);
/// How long silence is observed.
const SHORT: Duration = Duration::from_millis(40);
/// Sends up to this length are cut into single bytes.
const SMALL: usize = 600;

/// Whether a send stays in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// One write.
    Whole,
    /// Many writes.
    Pieces,
}

/// Named connections to 127.0.0.1.
pub struct Tcp {
    port: u16,
    cut: Cut,
    conns: BTreeMap<String, Connection>,
}

impl Tcp {
    /// A target for the server on `port`; nothing is opened yet.
    pub fn new(port: u16, cut: Cut) -> Self {
        Self { port, cut, conns: BTreeMap::new() }
    }
}

impl Target for Tcp {
    fn send(&mut self, conn: &str, bytes: &[u8]) {
        if !self.conns.contains_key(conn) {
            let Ok(opened) = Connection::open(self.port) else { return };
            self.conns.insert(conn.into(), opened);
        }
        if let Some(connection) = self.conns.get_mut(conn) {
            pieces(bytes, self.cut).for_each(|piece| connection.send(piece));
        }
    }

    fn hear(&mut self, conn: &str, patience: Patience) -> Heard {
        let Some(connection) = self.conns.get_mut(conn) else {
            return if patience == Patience::Long { Heard::Closed } else { Heard::Silence };
        };
        let heard = connection.hear(match patience {
            Patience::Long => LONG,
            Patience::Short => SHORT,
            Patience::None => Duration::ZERO,
        });
        if heard == Heard::Closed {
            self.conns.remove(conn);
        }
        heard
    }

    fn close(&mut self, conn: &str) {
        self.conns.remove(conn);
    }

    fn wait(&mut self, ms: u64) {
        sleep(Duration::from_millis(ms));
    }
}

/// The pieces in which `bytes` are sent.
pub(crate) fn pieces(bytes: &[u8], cut: Cut) -> impl Iterator<Item = &[u8]> {
    let size = match cut {
        Cut::Whole => bytes.len(),
        Cut::Pieces if bytes.len() <= SMALL => 1,
        Cut::Pieces => 1 + bytes.len() / 7,
    };
    bytes.chunks(size.max(1))
}

/// One connection that parses what it reads.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects to 127.0.0.1.
    pub fn open(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// Sends a command and awaits its reply.
    pub fn call(&mut self, words: &[&str]) -> Heard {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        self.send(&words::encode(&words));
        self.hear(LONG)
    }

    /// Ends the connection and waits until the server has closed it, so that whoever counts
    /// connections next does not see this one. Whether it did.
    pub fn quit(mut self) -> bool {
        self.call(&["QUIT"]);
        self.hear(LONG) == Heard::Closed
    }

    /// Sends bytes; a failure shows when replies are heard next.
    pub fn send(&mut self, bytes: &[u8]) {
        // A server may close before it has read everything (QUIT, a protocol error).
        let _ = self.stream.write_all(bytes);
    }

    /// The next message within `limit`.
    fn hear(&mut self, limit: Duration) -> Heard {
        let until = Instant::now() + limit;
        loop {
            match parse(&self.received) {
                Ok(Some((reply, length))) => {
                    self.received.drain(..length);
                    return Heard::Message(reply);
                }
                Err(malformed) => return Heard::Malformed(malformed.0),
                Ok(None) => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if let Some(end) = self.receive(left) {
                return end;
            }
        }
    }

    /// Reads more bytes within `limit`, or says that there are none.
    fn receive(&mut self, limit: Duration) -> Option<Heard> {
        let mut buffer = [0; 16 * 1024];
        // A timeout of zero means none at all to the system.
        let limit = limit.max(Duration::from_millis(1));
        if self.stream.set_read_timeout(Some(limit)).is_err() {
            return Some(Heard::Closed);
        }
        match self.stream.read(&mut buffer) {
            Ok(0) => Some(Heard::Closed),
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                None
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Some(Heard::Silence),
                ErrorKind::Interrupted => None,
                _ => Some(Heard::Closed),
            },
        }
    }
}

/// The text of a simple or bulk reply.
pub fn text(heard: &Heard) -> Option<String> {
    match heard {
        Heard::Message(Reply::Simple(text) | Reply::Bulk(text)) => {
            Some(String::from_utf8_lossy(text).into_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_whole_again() {
        let bytes = vec![b'x'; SMALL * 3 + 1];
        for (length, count) in [(5, 5), (SMALL, SMALL), (bytes.len(), 7)] {
            let cut: Vec<&[u8]> = pieces(&bytes[..length], Cut::Pieces).collect();
            assert_eq!((cut.concat().len(), cut.len()), (length, count));
        }
        assert_eq!(pieces(&bytes, Cut::Whole).count(), 1);
    }
}
