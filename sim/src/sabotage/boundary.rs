//! Where a saboteur stands: everything that passes between the core and its surroundings.

use std::collections::VecDeque;
use std::fmt;

use seedis_core::io::{FileId, Name};
use seedis_core::{Config, ConnId, IoReq, IoResult, Now, Ticket};

use crate::disk::{Crash, Disk};

/// A planted bug. Whatever it does not concern itself with passes as it is.
pub trait Saboteur: fmt::Debug {
    /// A life begins with this configuration.
    fn configure(&mut self, _config: &mut Config) {}

    /// The clock that the core is given in place of `now`.
    fn clock(&mut self, now: Now) -> Now {
        now
    }

    /// The core asks for something.
    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        desk.ask(ticket, request);
    }

    /// The disk has done something that the core or the saboteur asked for.
    fn completion(&mut self, ticket: Ticket, result: IoResult, desk: &mut Desk<'_>) {
        desk.tell(ticket, result);
    }

    /// A turn begins; when something waits to be done, now is the time.
    fn turn(&mut self, _desk: &mut Desk<'_>) {}

    /// When the next turn is due for its sake, in ns of the monotonic clock.
    fn next_due_ns(&self) -> Option<u64> {
        None
    }

    /// Bytes of a connection have arrived: those of `kept` from `from` on. The others were there
    /// before and have not been consumed.
    fn arrived(&mut self, _conn: ConnId, _kept: &mut Vec<u8>, _from: usize) {}

    /// The socket of a connection has taken bytes, those of `received` from `from` on, and has left
    /// so many. Returns how many the core is told that it took.
    fn sent(&mut self, _conn: ConnId, received: &mut Vec<u8>, from: usize, _left: usize) -> usize {
        received.len() - from
    }

    /// Whether the core is told that a paused connection may go on.
    fn resumes(&mut self, _conn: ConnId) -> bool {
        true
    }

    /// A client connects and is to be called so; returns how the core knows it already, if it does.
    fn connects(&mut self, _conn: ConnId) -> Option<ConnId> {
        None
    }

    /// Whether the core is told that a connection is gone.
    fn disconnects(&mut self, _conn: ConnId) -> bool {
        true
    }

    /// Who has left this client's slot without the core having heard of it, which it does now.
    fn leaves_late(&mut self, _conn: ConnId) -> Option<ConnId> {
        None
    }

    /// Whether it holds something back that the core waits for.
    fn is_busy(&self) -> bool {
        false
    }

    /// A life has ended, and this is what it leaves. The clock is that of the next life.
    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, _now: Now) {}
}

/// What a saboteur may do about requests.
#[derive(Debug)]
pub struct Desk<'a> {
    disk: &'a mut Disk,
    told: &'a mut VecDeque<(Ticket, IoResult)>,
    own: &'a mut u64,
    now: Now,
}

/// Tickets from here on are the saboteur's own.
const OWN_TICKETS: u64 = 1 << 60;

impl Desk<'_> {
    /// Asks the disk on the core's behalf. What is about a file that is closed by now is dropped.
    pub fn ask(&mut self, ticket: Ticket, request: IoReq) {
        let is_closed = file_of(&request).is_some_and(|file| !self.disk.is_open(file));
        if !is_closed {
            self.disk.ask(ticket, request, self.now.mono_ns);
        }
    }

    /// Asks the disk on its own behalf; the core does not hear of it.
    pub fn ask_for_itself(&mut self, request: IoReq) -> Ticket {
        *self.own += 1;
        let ticket = Ticket(OWN_TICKETS + *self.own);
        self.ask(ticket, request);
        ticket
    }

    /// Tells the core how a request ended, in its next turn.
    pub fn tell(&mut self, ticket: Ticket, result: IoResult) {
        if ticket.0 < OWN_TICKETS {
            self.told.push_back((ticket, result));
        }
    }

    /// The clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        self.now
    }

    /// What a file holds.
    #[must_use]
    pub fn content(&self, name: &Name) -> Option<Vec<u8>> {
        self.disk.content(name).map(<[u8]>::to_vec)
    }
}

/// The open file that a request is about, if it must be open.
fn file_of(request: &IoReq) -> Option<FileId> {
    match request {
        IoReq::ReadAt { file, .. }
        | IoReq::WriteAt { file, .. }
        | IoReq::Truncate { file, .. }
        | IoReq::Sync { file }
        | IoReq::Save { file, .. } => Some(*file),
        _ => None,
    }
}

/// The boundary of a world, with or without a saboteur.
#[derive(Debug, Default)]
pub struct Boundary {
    saboteur: Option<Box<dyn Saboteur>>,
    told: VecDeque<(Ticket, IoResult)>,
    own: u64,
}

impl Boundary {
    /// One that everything passes as it is.
    #[must_use]
    pub fn honest() -> Self {
        Self::default()
    }

    /// One with a planted bug.
    #[must_use]
    pub fn with(saboteur: Box<dyn Saboteur>) -> Self {
        Self { saboteur: Some(saboteur), ..Self::default() }
    }

    /// Whether no bug is planted.
    pub(crate) fn is_honest(&self) -> bool {
        self.saboteur.is_none()
    }

    pub(crate) fn configure(&mut self, config: &mut Config) {
        self.saboteur.iter_mut().for_each(|saboteur| saboteur.configure(config));
    }

    pub(crate) fn clock(&mut self, now: Now) -> Now {
        self.saboteur.as_mut().map_or(now, |saboteur| saboteur.clock(now))
    }

    /// The core asks the disk.
    pub(crate) fn ask(&mut self, disk: &mut Disk, ticket: Ticket, request: IoReq, now: Now) {
        let Self { saboteur, told, own } = self;
        match saboteur {
            Some(saboteur) => saboteur.request(ticket, request, &mut Desk { disk, told, own, now }),
            None => disk.ask(ticket, request, now.mono_ns),
        }
    }

    /// Something that is done.
    pub(crate) fn completed(&mut self, disk: &mut Disk, now: Now) -> Option<(Ticket, IoResult)> {
        let Self { saboteur, told, own } = self;
        let Some(saboteur) = saboteur else { return disk.completed(now.mono_ns) };
        while told.is_empty() {
            let (ticket, result) = disk.completed(now.mono_ns)?;
            saboteur.completion(ticket, result, &mut Desk { disk, told, own, now });
        }
        told.pop_front()
    }

    pub(crate) fn turn(&mut self, disk: &mut Disk, now: Now) {
        let Self { saboteur, told, own } = self;
        if let Some(saboteur) = saboteur {
            saboteur.turn(&mut Desk { disk, told, own, now });
        }
    }

    pub(crate) fn next_due_ns(&self, disk: &Disk) -> Option<u64> {
        let own = self.saboteur.as_ref().and_then(|saboteur| saboteur.next_due_ns());
        let told = (!self.told.is_empty()).then_some(0);
        [disk.next_due_ns(), own, told].into_iter().flatten().min()
    }

    /// Whether nothing is held back here.
    pub(crate) fn is_idle(&self) -> bool {
        self.told.is_empty() && self.saboteur.as_ref().is_none_or(|saboteur| !saboteur.is_busy())
    }

    pub(crate) fn arrived(&mut self, conn: ConnId, kept: &mut Vec<u8>, from: usize) {
        if let Some(saboteur) = &mut self.saboteur {
            saboteur.arrived(conn, kept, from);
        }
    }

    pub(crate) fn sent(
        &mut self,
        conn: ConnId,
        received: &mut Vec<u8>,
        from: usize,
        left: usize,
    ) -> usize {
        match &mut self.saboteur {
            Some(saboteur) => saboteur.sent(conn, received, from, left),
            None => received.len() - from,
        }
    }

    pub(crate) fn resumes(&mut self, conn: ConnId) -> bool {
        self.saboteur.as_mut().is_none_or(|saboteur| saboteur.resumes(conn))
    }

    pub(crate) fn connects(&mut self, conn: ConnId) -> Option<ConnId> {
        self.saboteur.as_mut().and_then(|saboteur| saboteur.connects(conn))
    }

    pub(crate) fn leaves_late(&mut self, conn: ConnId) -> Option<ConnId> {
        self.saboteur.as_mut().and_then(|saboteur| saboteur.leaves_late(conn))
    }

    pub(crate) fn disconnects(&mut self, conn: ConnId) -> bool {
        self.saboteur.as_mut().is_none_or(|saboteur| saboteur.disconnects(conn))
    }

    pub(crate) fn crashed(&mut self, disk: &mut Disk, crash: Crash, now: Now) {
        self.told.clear();
        if let Some(saboteur) = &mut self.saboteur {
            saboteur.crashed(disk, crash, now);
        }
    }
}
