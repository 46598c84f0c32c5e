//! The connections of one event loop: which of them want something, and what they are given.
//!
//! Every socket is registered once, for both directions and edge-triggered; after that the only
//! system calls of a request are the read, the write and its share of one wait. A read that returns
//! less than was asked for has drained the socket (epoll(7)), so no second one is made, unless the
//! system says that the other side has ended. Whoever may have more is listed and served again in
//! the next pass, which then does not wait: nobody can starve the others by sending without pause.

use std::collections::VecDeque;

use mio::event::Event;
use seedis_core::ConnId;

use crate::conn::{Conn, Slab};
use crate::record::{Effects, Turn};
use crate::send;
use crate::serve::{self, Stopwatch};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// Time after which a pass serves nobody else, so that replies leave and clocks move on.
const SERVING_NS_MAX: u64 = 1_000_000;

/// The connections.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) slab: Slab,
    /// Those to be served, in order.
    ready: VecDeque<ConnId>,
    /// Those that can be sent more.
    writable: Vec<ConnId>,
    buf: Vec<u8>,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self {
            slab: Slab::default(),
            ready: VecDeque::new(),
            writable: Vec::new(),
            buf: vec![0; READ_BYTES],
        }
    }

    /// Whether somebody is to be served without waiting for events.
    pub(crate) fn has_work(&self) -> bool {
        !self.ready.is_empty() || !self.writable.is_empty()
    }

    /// Notes what an event says about the connection in `slot`.
    #[inline]
    pub(crate) fn note(&mut self, slot: u32, event: &Event) {
        let Some(conn) = self.slab.at(slot) else { return };
        if conn.is_full && event.is_writable() {
            conn.is_full = false;
            self.writable.push(conn.id);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            conn.is_readable = true;
            conn.is_ending |= event.is_read_closed() || event.is_error();
            list(&mut self.ready, conn);
        }
    }

    /// Reads from those that are listed and feeds the core, one after the other.
    pub(crate) fn serve(&mut self, turn: &mut Turn<'_>, watch: &mut Stopwatch<'_>) {
        for conn in self.writable.drain(..) {
            turn.can_write(conn);
        }
        for _ in 0..self.ready.len() {
            let Some(id) = self.ready.pop_front() else { break };
            let Some(conn) = self.slab.get(id) else { continue };
            conn.is_listed = false;
            match serve::serve(conn, turn, &mut self.buf, watch) {
                serve::Next::Wait => {}
                serve::Next::Again => list(&mut self.ready, conn),
                serve::Next::Close => {
                    turn.closed(id);
                    self.slab.remove(id);
                }
            }
            if watch.elapsed_ns() > SERVING_NS_MAX {
                break;
            }
        }
    }

    /// Sends what the turn replied, and closes what it closes.
    pub(crate) fn carry_out(&mut self, effects: &mut Effects<'_>) {
        while let Some(id) = effects.writable() {
            let Some(conn) = self.slab.get(id).filter(|conn| !conn.is_full) else { continue };
            match send::send(effects, id, &mut conn.socket) {
                send::Sent::All => {}
                send::Sent::Enough => self.writable.push(id),
                send::Sent::Full => conn.is_full = true,
                send::Sent::Failed => {
                    conn.is_broken = true;
                    list(&mut self.ready, conn);
                }
            }
        }
        while let Some(id) = effects.resumed() {
            if let Some(conn) = self.slab.get(id) {
                conn.is_paused = false;
                list(&mut self.ready, conn);
            }
        }
        while let Some(id) = effects.close() {
            self.slab.remove(id);
        }
    }
}

fn list(ready: &mut VecDeque<ConnId>, conn: &mut Conn) {
    if !conn.is_listed {
        conn.is_listed = true;
        ready.push_back(conn.id);
    }
}
