//! Taking new connections.
//!
//! Listeners are edge-triggered like everything else: one that may have more is remembered, and a
//! pass takes only so many, so that a storm of connections does not hold those up that exist. When
//! the process has no descriptor left, accepting fails until somebody leaves; it is tried again
//! after a while, not at once, which would burn the processor for nothing.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use seedis_core::Peer;
use socket2::{SockRef, TcpKeepalive};

use crate::conn::{Slab, Socket};
use crate::listen::{self, Listener};
use crate::logging::Log;
use crate::record::Turn;
use crate::system;

/// Tokens from here on are not connections but listeners.
pub(crate) const LISTENERS: usize = usize::MAX - 4096;

/// Connections taken in one pass.
const PER_PASS: usize = 1000;

/// How long a listener rests after an error.
const REST_NS: u64 = 100_000_000;

/// How often the log says that accepting fails.
const WARNING_PERIOD_NS: u64 = 1_000_000_000;

/// The listeners, and whether they may have connections.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listeners: Vec<Listener>,
    backlog: i32,
    has_more: bool,
    /// When to try again after an error.
    rests_until_ns: Option<u64>,
    warned_ns: Option<u64>,
}

impl Acceptor {
    /// Registers the listeners; further ones will get the same backlog.
    pub(crate) fn new(
        listeners: Vec<Listener>,
        backlog: i32,
        registry: &Registry,
    ) -> io::Result<Self> {
        let (has_more, rests_until_ns, warned_ns) = (false, None, None);
        let mut acceptor = Self { listeners, backlog, has_more, rests_until_ns, warned_ns };
        acceptor.register(registry)?;
        Ok(acceptor)
    }

    /// A listener has connections.
    pub(crate) fn note(&mut self) {
        self.has_more = true;
    }

    /// Whether connections are to be taken without waiting for events.
    pub(crate) fn has_work(&self) -> bool {
        self.has_more && self.rests_until_ns.is_none()
    }

    /// When to try again, in ns of the monotonic clock.
    pub(crate) fn next_deadline_ns(&self) -> Option<u64> {
        self.rests_until_ns
    }

    /// Listens elsewhere.
    pub(crate) fn move_tcp(
        &mut self,
        bind: &[String],
        port: u16,
        registry: &Registry,
        log: &Log,
    ) -> io::Result<()> {
        for listener in &mut self.listeners {
            // Those that stay are registered again below.
            let _ = registry.deregister(listener.source());
        }
        let moved = listen::move_tcp(&mut self.listeners, bind, port, self.backlog, log);
        self.register(registry)?;
        self.has_more = true;
        moved
    }

    fn register(&mut self, registry: &Registry) -> io::Result<()> {
        for (at, listener) in self.listeners.iter_mut().enumerate() {
            registry.register(listener.source(), Token(LISTENERS + at), Interest::READABLE)?;
        }
        Ok(())
    }

    /// Takes connections if there may be some.
    #[inline]
    pub(crate) fn accept(&mut self, turn: &mut Turn<'_>, now_ns: u64, into: &mut Intake<'_>) {
        if self.rests_until_ns.is_some_and(|until| until <= now_ns) {
            self.rests_until_ns = None;
        }
        if self.has_work() {
            self.accept_some(turn, now_ns, into);
        }
    }

    #[inline(never)]
    fn accept_some(&mut self, turn: &mut Turn<'_>, now_ns: u64, into: &mut Intake<'_>) {
        let mut budget = PER_PASS;
        for listener in &self.listeners {
            loop {
                if budget == 0 {
                    return;
                }
                budget -= 1;
                match into.take_one(listener, turn) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        self.rests_until_ns = Some(now_ns + REST_NS);
                        warn(&mut self.warned_ns, now_ns, &error, into.log);
                        return;
                    }
                }
            }
        }
        self.has_more = false;
    }
}

/// Whether an error of accept concerns the connection and not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted)
}

fn warn(warned_ns: &mut Option<u64>, now_ns: u64, error: &io::Error, log: &Log) {
    if warned_ns.is_none_or(|at| now_ns - at >= WARNING_PERIOD_NS) {
        *warned_ns = Some(now_ns);
        log.warning(&format!("Accepting client connection: {}", system::words(error)));
    }
}

/// Where new connections go.
pub(crate) struct Intake<'a> {
    pub(crate) slab: &'a mut Slab,
    pub(crate) registry: &'a Registry,
    pub(crate) keepalive_s: u32,
    pub(crate) log: &'a Log,
}

impl Intake<'_> {
    fn take_one(&mut self, listener: &Listener, turn: &mut Turn<'_>) -> io::Result<()> {
        let (socket, peer) = match listener {
            Listener::Tcp(_, listener) => {
                let (stream, address) = listener.accept()?;
                self.prepare(&stream);
                let peer = tcp_peer(&stream, address);
                (Socket::Tcp(stream), peer)
            }
            Listener::Unix(path, listener) => {
                let (stream, _) = listener.accept()?;
                (Socket::Unix(stream), unix_peer(path))
            }
        };
        self.log.verbose(&format!("Accepted {}", peer.addr));
        let conn = self.slab.insert(socket);
        let (id, token) = (conn.id, Token(conn.id.slot as usize));
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.registry.register(conn.socket.source(), token, interest) {
            self.slab.remove(id);
            return Err(error);
        }
        let fd = conn.socket.descriptor();
        turn.accept(id, Peer { fd, ..peer });
        Ok(())
    }

    /// Sets what can be set on a connection; a failure makes it slower or outlive its other side,
    /// but not wrong.
    fn prepare(&self, stream: &TcpStream) {
        let _ = stream.set_nodelay(true);
        if self.keepalive_s > 0 {
            let period = Duration::from_secs(self.keepalive_s.into());
            // A third of the period between probes, three of them, as in Redis.
            let probes = Duration::from_secs((self.keepalive_s / 3).max(1).into());
            let keepalive =
                TcpKeepalive::new().with_time(period).with_interval(probes).with_retries(3);
            let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
        }
    }
}

fn tcp_peer(stream: &TcpStream, address: SocketAddr) -> Peer {
    let laddr = stream.local_addr().map_or_else(|_| Box::from("?:0"), shown);
    let is_local = address.ip().is_loopback();
    Peer { addr: shown(address), laddr, is_local, is_unix: false, fd: -1 }
}

fn unix_peer(path: &Path) -> Peer {
    let addr: Box<str> = format!("{}:0", path.display()).into();
    Peer { laddr: addr.clone(), addr, is_local: true, is_unix: true, fd: -1 }
}

/// `127.0.0.1:6379` or `[::1]:6379`, without the scope of a link-local address.
fn shown(address: SocketAddr) -> Box<str> {
    SocketAddr::new(address.ip(), address.port()).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddrV6;

    #[test]
    fn addresses_are_shown_as_in_client_list() {
        assert_eq!(&*shown("127.0.0.1:80".parse().unwrap()), "127.0.0.1:80");
        let scoped = SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 0, 3);
        assert_eq!(&*shown(scoped.into()), "[fe80::1]:80");
        assert_eq!(&*unix_peer(Path::new("/tmp/s")).addr, "/tmp/s:0");
    }
}
