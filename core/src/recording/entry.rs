//! The entries of a recording: one for each input of the core, in the order in which they came.
//!
//! A turn is [`Entry::Turn`], its inputs, [`Entry::Seal`], and what its effects led to: bytes that
//! sockets took and requests that were done at once. Whoever replays drains the queues of effects
//! as the server does: all requests, then all connections with something to send, those resumed
//! and those to close, and this again as long as there are requests.
//!
//! Bytes of a connection stand where they were read from the socket, not where the core was fed:
//! a large request is not held back to be written at once. What is fed is always all that was read
//! and not consumed. Buffers that a request lent to the shell are not written again.

use alloc::vec::Vec;

use super::wire::{Cursor, Malformed, put_bytes, put_number};
use crate::io::{FileEntry, IoError, IoErrorKind, IoResult, Ticket};
use crate::turn::{ConnId, HostFacts, Now, Peer, Signal};

/// An input, or a check of what was put out.
#[derive(Clone, Debug)]
pub enum Entry<'a> {
    /// A turn begins.
    Turn(Now),
    /// New figures of the system.
    Observe(HostFacts),
    /// A connection was made.
    Accept(ConnId, Peer),
    /// A connection is gone.
    Closed(ConnId),
    /// The other side of a connection sends no more.
    Ended(ConnId),
    /// Bytes were read from a connection.
    Received(ConnId, &'a [u8]),
    /// What was received and not consumed was fed: so many bytes of it were consumed, which took
    /// so many ns.
    Fed(ConnId, u64, u64),
    /// A socket that was full takes bytes again.
    CanWrite(ConnId),
    /// A request ended: before the turn was sealed, or else during its effects.
    Done(Ticket, Outcome<'a>),
    /// The process was asked to end.
    Shutdown(Signal),
    /// The inputs of the turn end.
    Seal,
    /// A socket took so many bytes.
    Sent(ConnId, u64),
    /// The turn is over, and this is what was put out.
    Check(Check),
}

/// How a request ended, without the buffer that it had lent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// As [`IoResult::Done`].
    Done,
    /// As [`IoResult::Bytes`].
    Bytes(&'a [u8]),
    /// As [`IoResult::Files`].
    Files(Vec<FileEntry>),
    /// As [`IoResult::Opened`].
    Opened(u64),
    /// As [`IoResult::Written`].
    Written(u64),
    /// As [`IoResult::Saved`].
    Saved(u64),
    /// As [`IoResult::Failed`].
    Failed(IoError),
    /// As [`IoResult::NotWritten`].
    NotWritten(IoError),
}

impl<'a> Outcome<'a> {
    /// What is to be written of a result.
    #[must_use]
    pub fn of(result: &'a IoResult) -> Self {
        match result {
            IoResult::Done => Self::Done,
            IoResult::Bytes(bytes) => Self::Bytes(bytes),
            IoResult::Files(files) => Self::Files(files.clone()),
            IoResult::Opened { len } => Self::Opened(*len),
            IoResult::Written { count, .. } => Self::Written(*count as u64),
            IoResult::Saved { len } => Self::Saved(*len),
            IoResult::Failed(error) => Self::Failed(error.clone()),
            IoResult::NotWritten { error, .. } => Self::NotWritten(error.clone()),
        }
    }
}

/// What the core had put out at the end of a turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// The [`super::Fingerprint`] since the check before. It begins anew, so that it means
    /// something even when an earlier reply could not agree because it showed a secret.
    pub fingerprint: u64,
    /// End of the log.
    pub enqueued: u64,
    /// What of the log is with the system.
    pub written: u64,
    /// What of the log is on the disk.
    pub durable: u64,
    /// The digest of all databases, as DEBUG DIGEST answers, if it was computed.
    pub digest: Option<alloc::string::String>,
}

mod tag {
    pub(super) const TURN: u8 = 1;
    pub(super) const OBSERVE: u8 = 2;
    pub(super) const ACCEPT: u8 = 3;
    pub(super) const CLOSED: u8 = 4;
    pub(super) const ENDED: u8 = 5;
    pub(super) const RECEIVED: u8 = 6;
    pub(super) const FED: u8 = 7;
    pub(super) const CAN_WRITE: u8 = 8;
    pub(super) const DONE: u8 = 9;
    pub(super) const SHUTDOWN: u8 = 10;
    pub(super) const SEAL: u8 = 11;
    pub(super) const SENT: u8 = 12;
    pub(super) const CHECK: u8 = 13;
}

impl<'a> Entry<'a> {
    /// Appends the entry.
    #[inline]
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Turn(now) => {
                out.push(tag::TURN);
                out.extend_from_slice(&now.mono_ns.to_le_bytes());
                out.extend_from_slice(&now.wall_us.to_le_bytes());
            }
            Self::Received(conn, bytes) => {
                put_tagged(out, tag::RECEIVED, *conn);
                put_bytes(out, bytes);
            }
            Self::Fed(conn, consumed, spent_ns) => {
                put_tagged(out, tag::FED, *conn);
                put_number(out, *consumed);
                put_number(out, *spent_ns);
            }
            Self::Sent(conn, count) => {
                put_tagged(out, tag::SENT, *conn);
                put_number(out, *count);
            }
            Self::Seal => out.push(tag::SEAL),
            other => other.put_rare(out),
        }
    }

    fn put_rare(&self, out: &mut Vec<u8>) {
        match self {
            Self::Observe(facts) => {
                out.push(tag::OBSERVE);
                put_facts(out, facts);
            }
            Self::Accept(conn, peer) => {
                put_tagged(out, tag::ACCEPT, *conn);
                put_peer(out, peer);
            }
            Self::Closed(conn) => put_tagged(out, tag::CLOSED, *conn),
            Self::Ended(conn) => put_tagged(out, tag::ENDED, *conn),
            Self::CanWrite(conn) => put_tagged(out, tag::CAN_WRITE, *conn),
            Self::Done(ticket, outcome) => {
                out.push(tag::DONE);
                put_number(out, ticket.0);
                put_outcome(out, outcome);
            }
            Self::Shutdown(signal) => {
                out.extend([tag::SHUTDOWN, u8::from(*signal == Signal::Terminate)]);
            }
            Self::Check(check) => {
                out.push(tag::CHECK);
                put_check(out, check);
            }
            Self::Turn(_) | Self::Received(..) | Self::Fed(..) | Self::Sent(..) | Self::Seal => {}
        }
    }

    /// Reads an entry.
    #[inline]
    pub fn read(from: &mut Cursor<'a>) -> Result<Self, Malformed> {
        let at = from.at();
        Ok(match from.byte()? {
            tag::TURN => {
                let mono_ns = from.fixed()?;
                Self::Turn(Now { mono_ns, wall_us: from.fixed()? as i64 })
            }
            tag::OBSERVE => Self::Observe(read_facts(from)?),
            tag::ACCEPT => Self::Accept(read_conn(from)?, read_peer(from)?),
            tag::CLOSED => Self::Closed(read_conn(from)?),
            tag::ENDED => Self::Ended(read_conn(from)?),
            tag::RECEIVED => Self::Received(read_conn(from)?, from.bytes()?),
            tag::FED => Self::Fed(read_conn(from)?, from.number()?, from.number()?),
            tag::CAN_WRITE => Self::CanWrite(read_conn(from)?),
            tag::DONE => Self::Done(Ticket(from.number()?), read_outcome(from)?),
            tag::SHUTDOWN if from.flag()? => Self::Shutdown(Signal::Terminate),
            tag::SHUTDOWN => Self::Shutdown(Signal::Interrupt),
            tag::SEAL => Self::Seal,
            tag::SENT => Self::Sent(read_conn(from)?, from.number()?),
            tag::CHECK => Self::Check(read_check(from)?),
            _ => return Err(Malformed { at, expected: "entry" }),
        })
    }
}

#[inline]
fn put_tagged(out: &mut Vec<u8>, tag: u8, conn: ConnId) {
    out.push(tag);
    put_conn(out, conn);
}

/// Appends the id of a connection.
pub(super) fn put_conn(out: &mut Vec<u8>, conn: ConnId) {
    put_number(out, u64::from(conn.slot));
    put_number(out, u64::from(conn.generation));
}

#[inline]
pub(super) fn read_conn(from: &mut Cursor<'_>) -> Result<ConnId, Malformed> {
    Ok(ConnId { slot: from.small()?, generation: from.small()? })
}

/// Appends the other side of a connection.
pub(super) fn put_peer(out: &mut Vec<u8>, peer: &Peer) {
    put_bytes(out, peer.addr.as_bytes());
    put_bytes(out, peer.laddr.as_bytes());
    out.extend([u8::from(peer.is_local), u8::from(peer.is_unix)]);
    // A descriptor that is none is written as the largest number there is.
    put_number(out, u64::from(peer.fd as u32));
}

pub(super) fn read_peer(from: &mut Cursor<'_>) -> Result<Peer, Malformed> {
    Ok(Peer {
        addr: from.boxed()?,
        laddr: from.boxed()?,
        is_local: from.flag()?,
        is_unix: from.flag()?,
        fd: from.small::<u32>()? as i32,
    })
}

fn put_facts(out: &mut Vec<u8>, facts: &HostFacts) {
    let numbers = [
        u64::from(facts.pid),
        u64::from(facts.tcp_port),
        facts.rss_bytes,
        facts.cpu_sys_us,
        facts.cpu_user_us,
        facts.cpu_sys_main_us,
        facts.cpu_user_main_us,
        facts.turns_ns,
        facts.turn_ns_max,
        facts.saved_keys,
        facts.copied_bytes,
        facts.total_memory_bytes,
    ];
    numbers.into_iter().for_each(|number| put_number(out, number));
    let texts =
        [&facts.os, facts.multiplexing_api, facts.allocator, &facts.executable, &facts.config_file];
    texts.into_iter().for_each(|text| put_bytes(out, text.as_bytes()));
}

fn read_facts(from: &mut Cursor<'_>) -> Result<HostFacts, Malformed> {
    Ok(HostFacts {
        pid: from.small()?,
        tcp_port: from.small()?,
        rss_bytes: from.number()?,
        cpu_sys_us: from.number()?,
        cpu_user_us: from.number()?,
        cpu_sys_main_us: from.number()?,
        cpu_user_main_us: from.number()?,
        turns_ns: from.number()?,
        turn_ns_max: from.number()?,
        saved_keys: from.number()?,
        copied_bytes: from.number()?,
        total_memory_bytes: from.number()?,
        os: from.owned()?,
        multiplexing_api: read_name(from)?,
        allocator: read_name(from)?,
        executable: from.owned()?,
        config_file: from.owned()?,
    })
}

/// Names that shells give to parts of themselves.
const NAMES: [&str; 6] = ["", "epoll", "kqueue", "libc", "jemalloc", "mimalloc"];

fn read_name(from: &mut Cursor<'_>) -> Result<&'static str, Malformed> {
    let name = from.text()?;
    match NAMES.into_iter().find(|known| *known == name) {
        Some(known) => Ok(known),
        None => from.refuse("known name before this place"),
    }
}

fn put_outcome(out: &mut Vec<u8>, outcome: &Outcome<'_>) {
    let (letter, number) = match outcome {
        Outcome::Done => return out.push(0),
        Outcome::Opened(len) => (1, *len),
        Outcome::Written(count) => (2, *count),
        Outcome::Saved(len) => (3, *len),
        Outcome::Bytes(bytes) => {
            out.push(4);
            return put_bytes(out, bytes);
        }
        Outcome::Files(files) => (5, files.len() as u64),
        Outcome::Failed(error) => (6, kind_number(error.kind)),
        Outcome::NotWritten(error) => (7, kind_number(error.kind)),
    };
    out.push(letter);
    put_number(out, number);
    match outcome {
        Outcome::Files(files) => {
            for file in files {
                put_bytes(out, &file.name);
                put_number(out, file.len);
            }
        }
        Outcome::Failed(error) | Outcome::NotWritten(error) => {
            put_bytes(out, error.words.as_bytes());
        }
        _ => {}
    }
}

fn read_outcome<'a>(from: &mut Cursor<'a>) -> Result<Outcome<'a>, Malformed> {
    Ok(match from.byte()? {
        0 => Outcome::Done,
        1 => Outcome::Opened(from.number()?),
        2 => Outcome::Written(from.number()?),
        3 => Outcome::Saved(from.number()?),
        4 => Outcome::Bytes(from.bytes()?),
        5 => {
            let mut files = Vec::new();
            for _ in 0..from.number()? {
                files.push(FileEntry { name: from.bytes()?.into(), len: from.number()? });
            }
            Outcome::Files(files)
        }
        6 => Outcome::Failed(read_error(from)?),
        7 => Outcome::NotWritten(read_error(from)?),
        _ => return from.refuse("outcome before this place"),
    })
}

fn kind_number(kind: IoErrorKind) -> u64 {
    match kind {
        IoErrorKind::NotFound => 0,
        IoErrorKind::Interrupted => 1,
        IoErrorKind::Cancelled => 2,
        IoErrorKind::Other => 3,
    }
}

fn read_error(from: &mut Cursor<'_>) -> Result<IoError, Malformed> {
    let kind = match from.number()? {
        0 => IoErrorKind::NotFound,
        1 => IoErrorKind::Interrupted,
        2 => IoErrorKind::Cancelled,
        3 => IoErrorKind::Other,
        _ => return from.refuse("kind of error before this place"),
    };
    Ok(IoError { kind, words: from.owned()? })
}

fn put_check(out: &mut Vec<u8>, check: &Check) {
    out.extend_from_slice(&check.fingerprint.to_le_bytes());
    for number in [check.enqueued, check.written, check.durable] {
        put_number(out, number);
    }
    put_bytes(out, check.digest.as_deref().unwrap_or_default().as_bytes());
}

fn read_check(from: &mut Cursor<'_>) -> Result<Check, Malformed> {
    Ok(Check {
        fingerprint: from.fixed()?,
        enqueued: from.number()?,
        written: from.number()?,
        durable: from.number()?,
        digest: Some(from.owned()?).filter(|digest| !digest.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    const CONN: ConnId = ConnId { slot: 300, generation: 7 };

    fn entries() -> Vec<Entry<'static>> {
        let peer = Peer {
            addr: "127.0.0.1:1".into(),
            laddr: "/s:0".into(),
            is_local: true,
            is_unix: false,
            fd: -1,
        };
        let error = IoError { kind: IoErrorKind::Cancelled, words: "no".into() };
        let files = [FileEntry { name: (*b"a").into(), len: 9 }].to_vec();
        let facts =
            HostFacts { pid: 3, os: "Linux".into(), allocator: "libc", ..Default::default() };
        let check = Check { fingerprint: u64::MAX, digest: Some("00".into()), ..Check::default() };
        let outcomes = [
            Outcome::Done,
            Outcome::Bytes(b"text"),
            Outcome::Files(files),
            Outcome::Opened(1 << 40),
            Outcome::Written(5),
            Outcome::Saved(6),
            Outcome::Failed(error.clone()),
            Outcome::NotWritten(error),
        ];
        let mut all = [
            Entry::Turn(Now { mono_ns: u64::MAX, wall_us: i64::MIN }),
            Entry::Observe(facts),
            Entry::Accept(CONN, peer),
            Entry::Closed(CONN),
            Entry::Ended(CONN),
            Entry::Received(CONN, b"PING\r\n"),
            Entry::Fed(CONN, 6, 1234),
            Entry::CanWrite(CONN),
            Entry::Shutdown(Signal::Interrupt),
            Entry::Shutdown(Signal::Terminate),
            Entry::Seal,
            Entry::Sent(CONN, 7),
            Entry::Check(Check::default()),
            Entry::Check(check),
        ]
        .to_vec();
        all.extend(outcomes.map(|outcome| Entry::Done(Ticket(8), outcome)));
        all
    }

    #[test]
    fn entries_survive_the_trip() {
        let mut out = Vec::new();
        entries().iter().for_each(|entry| entry.put(&mut out));
        let mut cursor = Cursor::new(&out);
        for entry in entries() {
            let read = Entry::read(&mut cursor).unwrap();
            assert_eq!(format!("{read:?}"), format!("{entry:?}"));
        }
        assert!(cursor.is_at_end());
    }

    #[test]
    fn an_entry_that_is_cut_off_is_refused() {
        for entry in entries() {
            let mut out = Vec::new();
            entry.put(&mut out);
            for len in 0..out.len() {
                assert!(Entry::read(&mut Cursor::new(&out[..len])).is_err(), "{entry:?} {len}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut cursor = Cursor::new(&bytes);
            while !cursor.is_at_end() && Entry::read(&mut cursor).is_ok() {}
        }
    }
}
