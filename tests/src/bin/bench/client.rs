//! A plain client: requests out, whole replies in.

use std::io::{self, Error, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use seedis_sim::reply;

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// Sends one command and returns its reply's bytes; an error reply is an error.
    pub(crate) fn call(&mut self, words: &[&str]) -> io::Result<Vec<u8>> {
        let mut request = Vec::new();
        encode(&mut request, words);
        self.send(&request)?;
        let reply = self.receive()?;
        if reply.starts_with(b"-") {
            return Err(Error::other(String::from_utf8_lossy(&reply).into_owned()));
        }
        Ok(reply)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next reply or push. What has been looked at of a long one is not looked at again.
    pub(crate) fn receive(&mut self) -> io::Result<Vec<u8>> {
        let (mut at, mut left) = self.header()?;
        while left > 0 {
            match reply::end(&self.received, at).map_err(|_| bad())? {
                Some(end) => (at, left) = (end, left - 1),
                None => self.fill()?,
            }
        }
        let rest = self.received.split_off(at);
        Ok(std::mem::replace(&mut self.received, rest))
    }

    /// Where the elements of the next reply begin and how many they are; what is no array is its
    /// own only element.
    fn header(&mut self) -> io::Result<(usize, usize)> {
        loop {
            let line = self.received.iter().position(|&byte| byte == b'\n').map(|end| end + 1);
            match (self.received.first(), line) {
                (Some(b'*'), Some(end)) => {
                    let digits = str::from_utf8(&self.received[1..end]).map_err(|_| bad())?;
                    return Ok((end, digits.trim_end().parse().unwrap_or(0)));
                }
                (Some(b'*') | None, _) => self.fill()?,
                _ => return Ok((0, 1)),
            }
        }
    }

    /// The next reply or push, unless `end` comes first.
    pub(crate) fn receive_before(&mut self, end: Instant) -> io::Result<Vec<u8>> {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(left))?;
        self.receive()
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut buf = [0; 1 << 16];
        let count = self.stream.read(&mut buf)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.received.extend_from_slice(&buf[..count]);
        Ok(())
    }

    /// Reads and forgets `count` replies of one line each.
    pub(crate) fn skip_lines(&mut self, count: usize) -> io::Result<()> {
        let mut left = count;
        let mut buf = [0; 1 << 16];
        while left > 0 {
            let read = self.stream.read(&mut buf)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left -= buf[..read].iter().filter(|&&byte| byte == b'\n').count().min(left);
        }
        Ok(())
    }

    /// Sends `count` commands, pipelined, that answer with one line each.
    pub(crate) fn pour(
        &mut self,
        count: usize,
        mut command: impl FnMut(usize, &mut Vec<u8>),
    ) -> io::Result<()> {
        let mut batch = Vec::new();
        for first in (0..count).step_by(BATCH) {
            batch.clear();
            let size = BATCH.min(count - first);
            (first..first + size).for_each(|number| command(number, &mut batch));
            self.send(&batch)?;
            self.skip_lines(size)?;
        }
        Ok(())
    }
}

const BATCH: usize = 1000;

/// Writes a command as an array of bulk strings.
pub(crate) fn encode(out: &mut Vec<u8>, words: &[&str]) {
    out.extend(format!("*{}\r\n", words.len()).bytes());
    for word in words {
        out.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
    }
}

fn bad() -> Error {
    Error::other("a reply is no RESP")
}
