//! One connection's share of a pass: a read, and what was read to the core.

use std::io;

use seedis_core::{Fed, Flow};

use crate::clock::Clock;
use crate::conn::Conn;
use crate::record::Turn;

/// What becomes of a connection after its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is served again when there is news of it.
    Wait,
    /// It is served again in the next pass.
    Again,
    /// It is gone.
    Close,
}

/// The time of a pass, read once after each feed.
#[derive(Debug)]
pub(crate) struct Stopwatch<'a> {
    clock: &'a Clock,
    start_ns: u64,
    at_ns: u64,
}

impl<'a> Stopwatch<'a> {
    pub(crate) fn new(clock: &'a Clock, start_ns: u64) -> Self {
        Self { clock, start_ns, at_ns: start_ns }
    }

    /// Time since the pass began, when it was last read.
    pub(crate) fn elapsed_ns(&self) -> u64 {
        self.at_ns - self.start_ns
    }

    /// Reads the clock; returns the time since it was read before.
    fn lap_ns(&mut self) -> u64 {
        let before = std::mem::replace(&mut self.at_ns, self.clock.mono_ns());
        self.at_ns - before
    }
}

/// Serves `conn`: feeds what is kept of it if that is worth it, else reads, into `buf` if possible.
pub(crate) fn serve(
    conn: &mut Conn,
    turn: &mut Turn<'_>,
    buf: &mut [u8],
    watch: &mut Stopwatch<'_>,
) -> Next {
    if conn.is_broken {
        return Next::Close;
    }
    if conn.is_paused {
        if conn.is_ending {
            turn.ended(conn.id);
        }
        return Next::Wait;
    }
    if conn.kept.is_worth_feeding() {
        return feed_kept(conn, turn, watch);
    }
    if !conn.is_readable {
        return Next::Wait;
    }
    match read(conn, turn, buf) {
        Read::Nothing => after(conn, Flow::Open),
        Read::End => {
            turn.ended(conn.id);
            Next::Wait
        }
        Read::Failed => Next::Close,
        Read::Kept if conn.kept.is_worth_feeding() => feed_kept(conn, turn, watch),
        Read::Kept => after(conn, Flow::Open),
        Read::Shared(count) => {
            let rx = &buf[..count];
            let fed = feed(conn, turn, rx, watch);
            if fed.consumed < rx.len() {
                conn.kept.keep(&rx[fed.consumed..], fed.need);
            } else {
                conn.kept.clear();
            }
            after(conn, fed.flow)
        }
    }
}

/// Where the bytes of a read are.
enum Read {
    /// There were none.
    Nothing,
    /// There will be none any more.
    End,
    Failed,
    /// Behind those that were kept.
    Kept,
    /// In the shared buffer, so many with those that were kept before them.
    Shared(usize),
}

fn read(conn: &mut Conn, turn: &mut Turn<'_>, buf: &mut [u8]) -> Read {
    let kept = conn.kept.bytes().len();
    let is_long = conn.kept.is_long(buf.len());
    let room = if is_long { conn.kept.room() } else { &mut buf[kept..] };
    let asked = room.len();
    let count = match conn.socket.read(room) {
        Ok(0) => {
            conn.is_readable = false;
            return Read::End;
        }
        Ok(count) => count,
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock => {
                conn.is_readable = false;
                return Read::Nothing;
            }
            io::ErrorKind::Interrupted => return Read::Nothing,
            _ => return Read::Failed,
        },
    };
    conn.is_readable = count == asked || conn.is_ending;
    turn.received(conn.id, &room[..count]);
    if is_long {
        conn.kept.fill(count);
    } else if kept > 0 && count < conn.kept.missing() {
        conn.kept.append(&buf[kept..kept + count]);
    } else {
        buf[..kept].copy_from_slice(conn.kept.bytes());
        return Read::Shared(kept + count);
    }
    Read::Kept
}

fn feed_kept(conn: &mut Conn, turn: &mut Turn<'_>, watch: &mut Stopwatch<'_>) -> Next {
    let fed = feed(conn, turn, conn.kept.bytes(), watch);
    conn.kept.consume(fed.consumed, fed.need);
    after(conn, fed.flow)
}

/// Feeds the core and tells it how long that took.
#[inline]
fn feed(conn: &Conn, turn: &mut Turn<'_>, rx: &[u8], watch: &mut Stopwatch<'_>) -> Fed {
    turn.feed(conn.id, rx, || watch.lap_ns())
}

fn after(conn: &mut Conn, flow: Flow) -> Next {
    match flow {
        Flow::Paused => {
            conn.is_paused = true;
            if conn.is_ending { Next::Again } else { Next::Wait }
        }
        Flow::Closed => {
            conn.is_readable = false;
            conn.kept.clear();
            Next::Wait
        }
        Flow::Open if !conn.is_readable => Next::Wait,
        Flow::Open | Flow::More => Next::Again,
    }
}
