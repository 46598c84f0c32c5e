//! Playing entries: the core gets the inputs again, and what it does is compared.
//!
//! There are two ways. A recording from the start of a process is played *exactly*: sockets take
//! what they took, requests end as they ended, and the first difference is a defect. One that
//! begins with a state is played *freely*: every socket takes everything, every request for files
//! is granted at once, and only the order of the commands, their clocks and their connections are
//! those of the recording. Then replies are new, and only the data can be compared.

use std::collections::BTreeMap;

use seedis_core::recording::wire::{Cursor, Malformed};
use seedis_core::recording::{Check, Entry, Fingerprint, Outcome, Start};
use seedis_core::{Config, ConnId, Core, Effects, Flow, Now, Peer, Ticket, Turn};

use super::lent::Lent;
use super::requests;
use super::show::Show;
use super::stop::Stop;

/// More slots than a server has descriptors.
const SLOTS: u32 = 1 << 20;

/// Later clocks are noise: sums must stay in range.
const MONO_NS_MAX: u64 = 1 << 60;
const WALL_US_MAX: i64 = 1 << 55;

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Turns.
    pub turns: u64,
    /// Bytes that clients had sent and the core consumed.
    pub bytes_in: u64,
    /// Bytes that sockets took.
    pub bytes_out: u64,
    /// Checks that agreed.
    pub checks: u64,
    /// Checks whose replies could not be compared, since they may show secrets.
    pub exempt: u64,
    /// The clocks of the first turn and of the last.
    pub first: Option<Now>,
    /// The clocks of the last turn.
    pub last: Now,
}

/// A core that is played to.
#[derive(Debug)]
pub struct Player {
    /// The core.
    pub core: Core,
    /// All else.
    pub stage: Stage,
}

/// What surrounds the core.
#[derive(Debug)]
pub struct Stage {
    /// Compare everything.
    pub is_exact: bool,
    is_redacted: bool,
    /// Secrets were masked, so replies may show others.
    pub has_masked: bool,
    /// Replies since the last check may show secrets.
    is_exempt: bool,
    conns: BTreeMap<u32, Conn>,
    last_id: u64,
    lent: BTreeMap<Ticket, Lent>,
    print: Fingerprint,
    /// What is printed, and what is looked for.
    pub show: Show,
    /// What was played.
    pub played: Played,
    /// The connection of the command that was looked for, and the bytes of that command.
    pub matched: Option<(ConnId, Vec<u8>)>,
}

#[derive(Debug)]
struct Conn {
    conn: ConnId,
    id: u64,
    kept: Vec<u8>,
    start: usize,
}

/// The entries of a frame, one at a time.
struct Entries<'a> {
    from: Cursor<'a>,
    next: Option<Entry<'a>>,
    /// Offset of `next`.
    at: usize,
}

impl<'a> Entries<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Stop> {
        let mut entries = Self { from: Cursor::new(bytes), next: None, at: 0 };
        entries.advance()?;
        Ok(entries)
    }

    fn advance(&mut self) -> Result<(), Stop> {
        self.at = self.from.at();
        self.next = None;
        if !self.from.is_at_end() {
            let read = Entry::read(&mut self.from);
            self.next = Some(read.map_err(|Malformed { at, expected }| Stop::Malformed {
                at,
                why: format!("no {expected} here"),
            })?);
        }
        Ok(())
    }

    fn take(&mut self) -> Result<Option<Entry<'a>>, Stop> {
        let entry = self.next.take();
        if entry.is_some() {
            self.advance()?;
        }
        Ok(entry)
    }

    fn malformed<T>(&self, why: &str) -> Result<T, Stop> {
        Err(Stop::Malformed { at: self.at, why: why.into() })
    }

    fn diverged<T>(&self, why: impl Into<String>) -> Result<T, Stop> {
        Err(Stop::Diverged { at: self.at, why: why.into() })
    }
}

impl Player {
    /// A core as it was at the start of the recorded process, or one that a state is put into.
    #[must_use]
    pub fn new(start: &Start, show: Show) -> Self {
        let mut config = start.config.clone();
        if !start.is_whole {
            stay_off_files(&mut config);
        }
        let mut core = Core::new(config, start.seed);
        if start.is_whole {
            core.recover();
        }
        let stage = Stage {
            is_exact: start.is_whole,
            is_redacted: start.is_redacted,
            has_masked: start.has_masked_secrets,
            is_exempt: false,
            conns: BTreeMap::new(),
            last_id: 0,
            lent: BTreeMap::new(),
            print: Fingerprint::default(),
            show,
            played: Played::default(),
            matched: None,
        };
        Self { core, stage }
    }

    /// Plays entries of whole turns.
    pub fn play(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let mut entries = Entries::new(bytes)?;
        while let Some(entry) = entries.take()? {
            match entry {
                Entry::Turn(now) => self.turn(now, &mut entries)?,
                Entry::Check(check) => self.check(&check, &entries)?,
                _ => return entries.malformed("an input stands outside of a turn"),
            }
            if self.stage.show.is_reached(self.core.watermarks().enqueued) {
                return Err(Stop::Reached);
            }
        }
        Ok(())
    }

    fn turn(&mut self, now: Now, entries: &mut Entries<'_>) -> Result<(), Stop> {
        let Self { core, stage } = self;
        if now.mono_ns > MONO_NS_MAX || !(-WALL_US_MAX..=WALL_US_MAX).contains(&now.wall_us) {
            return entries.malformed("a clock is out of range");
        }
        stage.played.turns += 1;
        stage.played.first.get_or_insert(now);
        stage.played.last = now;
        stage.show.turn(now);
        let mut turn = core.turn(now);
        loop {
            match entries.take()? {
                Some(Entry::Seal) => break,
                Some(entry) => stage.input(&mut turn, entry, entries)?,
                None => return entries.malformed("a turn has no end"),
            }
        }
        let mut effects = turn.seal();
        stage.carry_out(&mut effects, entries)
    }

    fn check(&mut self, check: &Check, entries: &Entries<'_>) -> Result<(), Stop> {
        let marks = self.core.watermarks();
        let stage = &mut self.stage;
        let print = std::mem::take(&mut stage.print).value();
        let is_exempt = std::mem::take(&mut stage.is_exempt);
        let found = (marks.enqueued, marks.written, marks.durable);
        let expected = (check.enqueued, check.written, check.durable);
        if stage.is_exact && found != expected {
            return entries.diverged(format!(
                "the log is at {found:?} (executed, written, durable), recorded is {expected:?}"
            ));
        }
        if stage.is_exact && print != check.fingerprint && !is_exempt {
            return entries.diverged(
                "replies, or requests for files with the bytes of the log, differ since the check \
                 before",
            );
        }
        if let Some(expected) = check.digest.as_ref().filter(|_| !stage.is_redacted) {
            let found = self.core.digest();
            if found != *expected {
                return entries
                    .diverged(format!("the keyspace has digest {found}, recorded is {expected}"));
            }
        }
        stage.played.checks += 1;
        stage.played.exempt += u64::from(is_exempt);
        Ok(())
    }
}

impl Player {
    /// Lets all that is to be sent go, and grants all requests.
    pub(super) fn discard_output(&mut self) {
        let mut effects = self.core.turn(self.stage.played.last).seal();
        loop {
            while let Some((ticket, request)) = effects.io() {
                if let Some(result) = Lent::granted(request) {
                    effects.done(ticket, result);
                }
            }
            let Some(conn) = effects.writable() else { break };
            let count = effects.tx(conn).map(<[u8]>::len).sum();
            effects.sent(conn, count);
        }
        while effects.resumed().is_some() {}
        while let Some(conn) = effects.close() {
            self.stage.forget(conn);
        }
        while effects.log_line().is_some() {}
    }
}

/// There are no files in a replay that begins with a state, so nothing is to be saved by itself.
fn stay_off_files(config: &mut Config) {
    config.appendonly = false;
    config.save.clear();
}

impl Stage {
    fn input(
        &mut self,
        turn: &mut Turn<'_>,
        entry: Entry<'_>,
        entries: &Entries<'_>,
    ) -> Result<(), Stop> {
        match entry {
            Entry::Observe(facts) => turn.observe(facts),
            Entry::Accept(conn, peer) => self.accept(turn, conn, peer, entries)?,
            Entry::Closed(conn) => {
                turn.closed(conn);
                self.forget(conn);
            }
            Entry::Ended(conn) => turn.ended(conn),
            Entry::CanWrite(conn) => turn.can_write(conn),
            Entry::Received(conn, bytes) => match self.conn(conn) {
                Some(known) => known.kept.extend_from_slice(bytes),
                None => self.unknown(entries)?,
            },
            Entry::Fed(conn, consumed, spent_ns) => {
                self.feed(turn, conn, (consumed, spent_ns), entries)?;
            }
            Entry::Done(ticket, outcome) if self.is_exact => {
                let Some(result) =
                    self.lent.remove(&ticket).and_then(|lent| lent.completed(outcome))
                else {
                    return entries.diverged("a request ended that the core has not made");
                };
                turn.done(ticket, result);
            }
            Entry::Done(..) => {}
            Entry::Shutdown(signal) => turn.shutdown(signal),
            Entry::Turn(_) | Entry::Seal | Entry::Sent(..) | Entry::Check(_) => {
                return entries.malformed("this is no input");
            }
        }
        Ok(())
    }

    /// What there is to say about a connection that nobody knows.
    fn unknown(&self, entries: &Entries<'_>) -> Result<(), Stop> {
        if self.is_exact {
            return entries.diverged("there is no such connection (any more)");
        }
        Ok(())
    }

    fn conn(&mut self, conn: ConnId) -> Option<&mut Conn> {
        self.conns.get_mut(&conn.slot).filter(|known| known.conn == conn)
    }

    fn forget(&mut self, conn: ConnId) {
        if self.conn(conn).is_some() {
            self.conns.remove(&conn.slot);
        }
    }

    fn accept(
        &mut self,
        turn: &mut Turn<'_>,
        conn: ConnId,
        peer: Peer,
        entries: &Entries<'_>,
    ) -> Result<(), Stop> {
        if conn.slot >= SLOTS {
            return entries.malformed("a connection has a slot that no server has");
        }
        if let Some(old) = self.conns.remove(&conn.slot) {
            if self.is_exact {
                return entries.diverged("a slot is used again whose connection is not closed");
            }
            turn.closed(old.conn);
        }
        self.last_id += 1;
        self.admit(turn, conn, self.last_id, peer);
        Ok(())
    }

    /// Makes a connection that was told to have this id.
    pub(super) fn admit(&mut self, turn: &mut Turn<'_>, conn: ConnId, id: u64, peer: Peer) {
        self.last_id = self.last_id.max(id);
        self.show.accepted(id, &peer);
        self.conns.insert(conn.slot, Conn { conn, id, kept: Vec::new(), start: 0 });
        turn.accept(conn, peer);
    }

    /// Whether a connection can be made with this id.
    pub(super) fn is_free(&self, conn: ConnId) -> bool {
        conn.slot < SLOTS && !self.conns.contains_key(&conn.slot)
    }

    /// Whether values were masked.
    pub(super) fn is_redacted(&self) -> bool {
        self.is_redacted
    }

    /// Keeps bytes that a connection had sent.
    pub(super) fn keep(&mut self, conn: ConnId, bytes: &[u8]) {
        if let Some(known) = self.conn(conn) {
            known.kept.extend_from_slice(bytes);
        }
    }

    /// It is this late, and so many connections were made before.
    pub(super) fn begin(&mut self, now: Now, last_id: u64) {
        self.played.last = now;
        self.last_id = self.last_id.max(last_id);
    }

    fn feed(
        &mut self,
        turn: &mut Turn<'_>,
        conn: ConnId,
        (consumed, spent_ns): (u64, u64),
        entries: &Entries<'_>,
    ) -> Result<(), Stop> {
        let (is_exact, has_masked) = (self.is_exact, self.has_masked);
        let Some(known) = self.conns.get_mut(&conn.slot).filter(|known| known.conn == conn) else {
            return self.unknown(entries);
        };
        let rx = &known.kept[known.start..];
        let Some(consumed) = usize::try_from(consumed).ok().filter(|count| *count <= rx.len())
        else {
            return entries.malformed("more was consumed than there was");
        };
        if spent_ns > MONO_NS_MAX {
            return entries.malformed("a time is out of range");
        }
        let (rx, eaten) = if is_exact { (rx, &rx[..consumed]) } else { (&rx[..consumed], rx) };
        let eaten = &eaten[..consumed];
        if rx.is_empty() {
            return Ok(());
        }
        self.is_exempt |= has_masked && requests::may_show_secrets(eaten);
        if let Some(range) = self.show.sent_by(known.id, eaten) {
            // What comes before it is executed, itself is not.
            turn.feed(conn, &rx[..range.start]);
            self.matched = Some((conn, eaten[range].to_vec()));
            return Err(Stop::Matched);
        }
        let fed = turn.feed(conn, rx);
        turn.took(conn, rx, spent_ns);
        if is_exact && fed.consumed != consumed {
            return entries.diverged(format!(
                "of client {} the core consumed {} bytes, recorded are {consumed}",
                known.id, fed.consumed
            ));
        }
        self.print.fed(conn, fed);
        self.played.bytes_in += consumed as u64;
        known.consume(consumed, fed.flow);
        Ok(())
    }

    /// Drains the effects in the order in which the server does.
    fn carry_out(
        &mut self,
        effects: &mut Effects<'_>,
        entries: &mut Entries<'_>,
    ) -> Result<(), Stop> {
        self.grant(effects, entries)?;
        self.send(effects, entries)?;
        while self.grant(effects, entries)? {
            self.send(effects, entries)?;
        }
        while effects.log_line().is_some() {}
        while !self.is_exact && matches!(entries.next, Some(Entry::Sent(..) | Entry::Done(..))) {
            entries.take()?;
        }
        match entries.next {
            Some(Entry::Sent(..)) => entries.diverged("the core has nothing to send there"),
            Some(Entry::Done(..)) => entries.diverged("the core has not asked for that"),
            _ => Ok(()),
        }
    }

    /// Takes what the core asks for; whether there was anything.
    fn grant(
        &mut self,
        effects: &mut Effects<'_>,
        entries: &mut Entries<'_>,
    ) -> Result<bool, Stop> {
        let mut is_any = false;
        while let Some((ticket, request)) = effects.io() {
            is_any = true;
            self.print.request(ticket, &request);
            if !self.is_exact {
                if let Some(result) = Lent::granted(request) {
                    effects.done(ticket, result);
                }
                continue;
            }
            let lent = Lent::of(request);
            let ends_now = matches!(&entries.next, Some(Entry::Done(done, _)) if *done == ticket);
            if !ends_now {
                self.lent.insert(ticket, lent);
                continue;
            }
            let Some(result) = self.ended(lent, entries)? else {
                return entries.diverged("the core asked for something else than what ended here");
            };
            effects.done(ticket, result);
        }
        Ok(is_any)
    }

    fn ended(
        &self,
        lent: Lent,
        entries: &mut Entries<'_>,
    ) -> Result<Option<seedis_core::IoResult>, Stop> {
        let outcome = match entries.take()? {
            Some(Entry::Done(_, outcome)) => outcome,
            _ => Outcome::Done,
        };
        Ok(lent.completed(outcome))
    }

    fn send(&mut self, effects: &mut Effects<'_>, entries: &mut Entries<'_>) -> Result<(), Stop> {
        while let Some(conn) = effects.writable() {
            if !self.is_exact {
                let count = effects.tx(conn).map(<[u8]>::len).sum();
                self.sent(effects, conn, count);
                continue;
            }
            while let Some(Entry::Sent(to, count)) = entries.next
                && to == conn
            {
                let there: usize = effects.tx(conn).map(<[u8]>::len).sum();
                if count > there as u64 {
                    return entries.diverged(format!(
                        "the core has {there} bytes to send, recorded are {count}"
                    ));
                }
                entries.advance()?;
                self.print.sent(effects, conn, count as usize);
                self.sent(effects, conn, count as usize);
            }
        }
        while effects.resumed().is_some() {}
        while let Some(conn) = effects.close() {
            if let Some(known) = self.conn(conn) {
                let id = known.id;
                self.show.closed(id);
            }
            self.forget(conn);
        }
        Ok(())
    }

    fn sent(&mut self, effects: &mut Effects<'_>, conn: ConnId, count: usize) {
        if let Some(known) = self.conns.get(&conn.slot) {
            self.show.replied(known.id, effects.tx(conn), count);
        }
        self.played.bytes_out += count as u64;
        effects.sent(conn, count);
    }
}

impl Conn {
    fn consume(&mut self, count: usize, flow: Flow) {
        self.start += count;
        if flow == Flow::Closed || self.start == self.kept.len() {
            self.kept.clear();
            self.start = 0;
        } else if self.start > self.kept.len() / 2 {
            self.kept.drain(..self.start);
            self.start = 0;
        }
    }
}
