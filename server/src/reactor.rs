//! The event loop: one turn of the core per pass.
//!
//! Every socket is registered once, for both directions and edge-triggered; after that the only
//! system calls of a request are the read, the write and its share of one wait. A read that
//! returns less than was asked for has drained the socket (epoll(7)), so no second one is made.
//! Whoever may have more stays in a list and is served again in the next pass, which then does not
//! wait: no connection can starve the others by sending without pause.
//!
//! The loop decides nothing about commands, data or time: it carries bytes and clocks in, and
//! effects out.

use std::io::{self, IoSlice};
use std::time::Duration;

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use seedis_core::turn::HostFacts;
use seedis_core::{ConnId, Core, Effects, Fed, Flow, Peer, Turn};

use crate::clock::Clock;
use crate::conn::{Conn, Slab, Socket};

/// Tokens from here on are not connections but listeners.
const LISTENERS: usize = usize::MAX - 4096;

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// Pieces sent with one call.
const PIECES: usize = 64;

/// The loop with all it works on.
#[derive(Debug)]
pub(crate) struct Reactor {
    core: Core,
    poll: Poll,
    clock: Clock,
    listeners: Vec<TcpListener>,
    slab: Slab,
    /// Connections to be served in this pass.
    ready: Vec<ConnId>,
    /// Those whose socket took bytes again.
    writable: Vec<ConnId>,
    buf: Vec<u8>,
}

impl Reactor {
    pub(crate) fn new(core: Core, mut listeners: Vec<TcpListener>) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (at, listener) in listeners.iter_mut().enumerate() {
            poll.registry().register(listener, Token(LISTENERS + at), Interest::READABLE)?;
        }
        Ok(Self {
            core,
            poll,
            clock: Clock::new(),
            listeners,
            slab: Slab::default(),
            ready: Vec::new(),
            writable: Vec::new(),
            buf: vec![0; READ_BYTES],
        })
    }

    /// Runs until the core asks for the end; returns the exit code.
    pub(crate) fn run(&mut self) -> io::Result<i32> {
        let mut events = Events::with_capacity(1024);
        loop {
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
                other => other?,
            }
            if let Some(code) = self.pass(&events) {
                return Ok(code);
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let at = self.core.next_deadline()?;
        Some(Duration::from_nanos(at.saturating_sub(self.clock.mono_ns())))
    }

    /// One turn.
    fn pass(&mut self, events: &Events) -> Option<i32> {
        let Self { core, poll, clock, listeners, slab, ready, writable, buf } = self;
        let mut accepts = false;
        for event in events {
            match event.token().0 {
                at if at >= LISTENERS => accepts = true,
                at => note(slab, ready, writable, at as u32, event),
            }
        }
        let now = clock.now();
        let mut turn = core.turn(now);
        if accepts {
            for listener in listeners.iter() {
                accept_all(listener, poll, slab, &mut turn);
            }
        }
        for conn in writable.drain(..) {
            turn.can_write(conn);
        }
        let mut at_ns = now.mono_ns;
        for conn in std::mem::take(ready) {
            serve(&mut turn, slab, ready, buf, conn, clock, &mut at_ns);
        }
        let mut effects = turn.seal();
        drain(&mut effects, slab, ready, poll)
    }
}

/// Notes what an event says about a connection.
fn note(
    slab: &mut Slab,
    ready: &mut Vec<ConnId>,
    writable: &mut Vec<ConnId>,
    slot: u32,
    event: &mio::event::Event,
) {
    let Some(conn) = slab.at(slot) else { return };
    if event.is_writable() {
        writable.push(conn.id);
    }
    if event.is_readable() || event.is_read_closed() || event.is_error() {
        conn.is_readable = true;
        if !conn.is_listed {
            conn.is_listed = true;
            ready.push(conn.id);
        }
    }
}

fn accept_all(listener: &TcpListener, poll: &Poll, slab: &mut Slab, turn: &mut Turn<'_>) {
    while let Ok((stream, addr)) = listener.accept() {
        let _ = stream.set_nodelay(true);
        let laddr = stream.local_addr().map(|addr| addr.to_string()).unwrap_or_default();
        let conn = slab.insert(Socket::Tcp(stream));
        let token = Token(conn.id.slot as usize);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if poll.registry().register(conn.socket.source(), token, interest).is_err() {
            let id = conn.id;
            slab.remove(id);
            continue;
        }
        let peer = Peer {
            addr: addr.to_string().into(),
            laddr: laddr.into(),
            is_local: addr.ip().is_loopback(),
            is_unix: false,
            fd: -1,
        };
        turn.accept(conn.id, peer);
    }
}

/// Reads what a connection has and feeds it.
fn serve(
    turn: &mut Turn<'_>,
    slab: &mut Slab,
    ready: &mut Vec<ConnId>,
    buf: &mut [u8],
    id: ConnId,
    clock: &Clock,
    at_ns: &mut u64,
) {
    let Some(conn) = slab.get(id) else { return };
    conn.is_listed = false;
    if conn.is_paused {
        return;
    }
    let uses_own = !conn.kept.is_empty();
    let fresh = read(conn, buf);
    if conn.is_ended {
        close(turn, slab, id);
        return;
    }
    let flow = if uses_own {
        conn.kept.fill(fresh);
        let rx = conn.kept.bytes();
        if rx.len() < conn.kept.need {
            Flow::Open
        } else {
            let fed = feed(turn, id, rx, clock, at_ns);
            conn.kept.consume(fed.consumed, fed.need);
            fed.flow
        }
    } else if fresh > 0 {
        let rx = &buf[..fresh];
        let fed = feed(turn, id, rx, clock, at_ns);
        if fed.consumed < rx.len() {
            conn.kept.keep(&rx[fed.consumed..], fed.need);
        }
        fed.flow
    } else {
        Flow::Open
    };
    match flow {
        Flow::Paused => conn.is_paused = true,
        Flow::Closed => conn.is_readable = false,
        Flow::Open if !conn.is_readable => {}
        Flow::Open | Flow::More => {
            conn.is_listed = true;
            ready.push(id);
        }
    }
}

/// Reads into the connection's own buffer if it has one, else into `buf`; returns how many bytes.
fn read(conn: &mut Conn, buf: &mut [u8]) -> usize {
    if !conn.is_readable {
        return 0;
    }
    let room = if conn.kept.is_empty() { buf } else { conn.kept.room() };
    let asked = room.len();
    match conn.socket.read(room) {
        Ok(0) => conn.is_ended = true,
        Ok(count) => {
            conn.is_readable = count == asked;
            return count;
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => conn.is_readable = false,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        Err(_) => conn.is_ended = true,
    }
    0
}

/// Feeds the core and tells it how long that took.
fn feed(turn: &mut Turn<'_>, id: ConnId, rx: &[u8], clock: &Clock, at_ns: &mut u64) -> Fed {
    let fed = turn.feed(id, rx);
    let end_ns = clock.mono_ns();
    turn.took(id, rx, end_ns - *at_ns);
    *at_ns = end_ns;
    fed
}

fn close(turn: &mut Turn<'_>, slab: &mut Slab, id: ConnId) {
    turn.closed(id);
    slab.remove(id);
}

/// Carries out what the turn wants done.
fn drain(
    effects: &mut Effects<'_>,
    slab: &mut Slab,
    ready: &mut Vec<ConnId>,
    poll: &Poll,
) -> Option<i32> {
    while let Some(id) = effects.writable() {
        if let Some(conn) = slab.get(id)
            && send(effects, id, &mut conn.socket).is_err()
            && !conn.is_listed
        {
            conn.is_listed = true;
            conn.is_readable = true;
            ready.push(id);
        }
    }
    while let Some(id) = effects.resumed() {
        if let Some(conn) = slab.get(id) {
            conn.is_paused = false;
            if !conn.is_listed {
                conn.is_listed = true;
                ready.push(id);
            }
        }
    }
    while let Some(id) = effects.close() {
        if let Some(mut conn) = slab.remove(id) {
            let _ = poll.registry().deregister(conn.socket.source());
        }
    }
    while let Some((level, line)) = effects.log_line() {
        eprintln!("{level:?} {line}");
    }
    effects.exit().map(|exit| exit.code)
}

/// Sends until the socket is full or nothing is left.
fn send(effects: &mut Effects<'_>, id: ConnId, socket: &mut Socket) -> io::Result<()> {
    loop {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let mut count = 0;
        let mut bytes = 0;
        for chunk in effects.tx(id).take(PIECES) {
            bytes += chunk.len();
            pieces[count] = IoSlice::new(chunk);
            count += 1;
        }
        if count == 0 {
            return Ok(());
        }
        match socket.write(&pieces[..count]) {
            Ok(sent) => {
                effects.sent(id, sent);
                if sent == bytes && count < PIECES {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What the system tells, for INFO.
pub(crate) fn host_facts() -> HostFacts {
    HostFacts { pid: std::process::id(), ..HostFacts::default() }
}
