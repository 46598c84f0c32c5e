//! The flight recorder: every input of the core goes to a file, from which the run can be had
//! again (`seedis-sim replay`).
//!
//! The loop works with the [`Turn`] and the [`Effects`] of this module, which note what passes
//! through them and are otherwise the core's; without a recording they cost a comparison. Notes
//! are copies in memory that a thread of its own takes away a few milliseconds later, masks,
//! checksums and writes: the loop never waits for the disk. When the disk is slower than the
//! clients for so long that the notes fill their room, what follows is not recorded, and the
//! recording says so.
//!
//! A process that is killed loses the notes of the last milliseconds. What is written then is a
//! recording all the same, of everything before.

mod options;
mod segments;
mod tape;
mod writer;

use seedis_core::config::LogLevel;
use seedis_core::recording::{Entry, Outcome};
use seedis_core::turn::{Exit, HostFacts, Signal};
use seedis_core::{ConnId, Fed, IoReq, IoResult, Now, Peer, Ticket};

pub(crate) use self::options::{Options, options};
pub(crate) use self::tape::Tape;

/// A turn of the core whose inputs are noted.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    inner: seedis_core::Turn<'a>,
    tape: Option<&'a mut Tape>,
}

impl<'a> Turn<'a> {
    /// Notes the inputs of `inner`, which began `now`, if there is a tape.
    pub(crate) fn begin(
        inner: seedis_core::Turn<'a>,
        now: Now,
        tape: Option<&'a mut Tape>,
    ) -> Self {
        let mut turn = Self { inner, tape };
        turn.note(&Entry::Turn(now));
        turn
    }

    #[inline]
    fn note(&mut self, entry: &Entry<'_>) {
        if let Some(tape) = &mut self.tape {
            tape.note(entry);
        }
    }

    /// Bytes that were read from a socket, before they are fed.
    #[inline]
    pub(crate) fn received(&mut self, conn: ConnId, bytes: &[u8]) {
        self.note(&Entry::Received(conn, bytes));
    }

    /// Feeds bytes that were received and takes the time which that took.
    #[inline]
    pub(crate) fn feed(&mut self, conn: ConnId, rx: &[u8], lap_ns: impl FnOnce() -> u64) -> Fed {
        let fed = self.inner.feed(conn, rx);
        let spent_ns = lap_ns();
        self.inner.took(conn, rx, spent_ns);
        if let Some(tape) = &mut self.tape {
            tape.fed(conn, fed, spent_ns);
        }
        fed
    }

    pub(crate) fn accept(&mut self, conn: ConnId, peer: Peer) {
        if self.tape.is_some() {
            self.note(&Entry::Accept(conn, peer.clone()));
        }
        self.inner.accept(conn, peer);
    }

    pub(crate) fn closed(&mut self, conn: ConnId) {
        self.note(&Entry::Closed(conn));
        self.inner.closed(conn);
    }

    pub(crate) fn ended(&mut self, conn: ConnId) {
        self.note(&Entry::Ended(conn));
        self.inner.ended(conn);
    }

    pub(crate) fn can_write(&mut self, conn: ConnId) {
        self.note(&Entry::CanWrite(conn));
        self.inner.can_write(conn);
    }

    pub(crate) fn done(&mut self, ticket: Ticket, result: IoResult) {
        if let Some(tape) = &mut self.tape {
            tape.done(ticket, &result);
        }
        self.inner.done(ticket, result);
    }

    pub(crate) fn observe(&mut self, facts: HostFacts) {
        if self.tape.is_some() {
            self.note(&Entry::Observe(facts.clone()));
        }
        self.inner.observe(facts);
    }

    pub(crate) fn shutdown(&mut self, signal: Signal) {
        self.note(&Entry::Shutdown(signal));
        self.inner.shutdown(signal);
    }

    pub(crate) fn seal(mut self) -> Effects<'a> {
        self.note(&Entry::Seal);
        Effects { inner: self.inner.seal(), tape: self.tape }
    }
}

/// What a turn wants done; what feeds back into the core is noted.
#[derive(Debug)]
pub(crate) struct Effects<'a> {
    inner: seedis_core::Effects<'a>,
    tape: Option<&'a mut Tape>,
}

impl Effects<'_> {
    #[inline]
    pub(crate) fn writable(&mut self) -> Option<ConnId> {
        self.inner.writable()
    }

    #[inline]
    pub(crate) fn tx(&self, conn: ConnId) -> impl Iterator<Item = &[u8]> {
        self.inner.tx(conn)
    }

    #[inline]
    pub(crate) fn sent(&mut self, conn: ConnId, count: usize) {
        if let Some(tape) = &mut self.tape {
            tape.sent(&self.inner, conn, count);
        }
        self.inner.sent(conn, count);
    }

    #[inline]
    pub(crate) fn io(&mut self) -> Option<(Ticket, IoReq)> {
        let (ticket, request) = self.inner.io()?;
        if let Some(tape) = &mut self.tape {
            tape.request(ticket, &request);
        }
        Some((ticket, request))
    }

    pub(crate) fn done(&mut self, ticket: Ticket, result: IoResult) {
        if let Some(tape) = &mut self.tape {
            tape.done(ticket, &result);
        }
        self.inner.done(ticket, result);
    }

    pub(crate) fn resumed(&mut self) -> Option<ConnId> {
        self.inner.resumed()
    }

    pub(crate) fn close(&mut self) -> Option<ConnId> {
        self.inner.close()
    }

    pub(crate) fn log_line(&mut self) -> Option<(LogLevel, String)> {
        self.inner.log_line()
    }

    pub(crate) fn exit(&mut self) -> Option<Exit> {
        self.inner.exit()
    }
}

impl Tape {
    fn done(&mut self, ticket: Ticket, result: &IoResult) {
        match result {
            IoResult::Bytes(text) if self.is_of_config(ticket) => {
                let masked = self.masked_config(text);
                self.note(&Entry::Done(ticket, Outcome::Bytes(&masked)));
            }
            result => self.note(&Entry::Done(ticket, Outcome::of(result))),
        }
    }
}
