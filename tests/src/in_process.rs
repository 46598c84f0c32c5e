//! The core inside this process as a [`Target`]: fixed seed, virtual time, exact answers.
//!
//! A small shell: connections are byte queues, files are a map, and time stands still unless a
//! transcript lets it pass; then it jumps from one deadline of the core to the next, so a turn
//! happens exactly when it is due. Nothing here may depend on the machine.
//!
//! With [`Cut::Pieces`] bytes are fed one by one or in odd pieces, a turn each, and "sockets" take
//! a few bytes at a time: the answers must be the same.

use crate::play::{Heard, Patience, Target};
use crate::process::ARGUMENTS;
use crate::resp::parse;
use crate::tcp::{Cut, pieces};
use seedis_core::config::arguments::from_arguments;
use seedis_core::config::{Config, file};
use seedis_core::io::{IoError, IoErrorKind, IoReq, IoResult, Name, Ticket};
use seedis_core::turn::HostFacts;
use seedis_core::{ConnId, Core, Effects, Flow, Now, Peer, Turn};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::iter;

/// 2030-01-01 00:00:00 UTC.
const START_S: i64 = 1_893_456_000;
/// Since the start of the machine.
const START_MONO_NS: u64 = 1_000_000_000_000;
/// Every command claims to take a microsecond.
const SPENT_NS: u64 = 1_000;
/// More turns than any transcript needs at one instant; beyond, the core spins.
const TURNS_MAX: usize = 100_000;
/// What a slow socket takes at once.
const SIP: usize = 13;

/// The core with its connections, files and clock.
#[derive(Debug)]
pub struct InProcess {
    core: Core,
    now: Now,
    cut: Cut,
    links: BTreeMap<String, Link>,
    /// Uses of each slot so far, and whether it is in use.
    slots: Vec<(u32, bool)>,
    files: HashMap<Name, Vec<u8>>,
    ended: bool,
}

/// A connection.
#[derive(Debug)]
struct Link {
    id: ConnId,
    /// Sent and not yet consumed.
    pending: Vec<u8>,
    /// So many of them must be there before the core wants to see them.
    need: usize,
    received: Vec<u8>,
    is_closed: bool,
}

/// What comes into a turn.
enum Input<'a> {
    Accept(ConnId),
    Feed(&'a str),
    CanWrite(ConnId),
    Closed(ConnId),
    Done(Ticket, IoResult),
    Time,
}

impl InProcess {
    /// A server without data, configured like the processes of [`crate::process`].
    pub fn new(cut: Cut) -> Self {
        Self::at(START_S * 1_000_000, cut)
    }

    /// The same at another time, in microseconds since 1970.
    pub fn at(wall_us: i64, cut: Cut) -> Self {
        let now = Now { mono_ns: START_MONO_NS, wall_us };
        let core = Core::new(configuration(), [7; 32]);
        let (links, slots, files) = Default::default();
        let mut world = Self { core, now, cut, links, slots, files, ended: false };
        world.core.turn(now).observe(HostFacts {
            pid: 4242,
            tcp_port: 6379,
            ..HostFacts::default()
        });
        world
    }

    fn open(&mut self, conn: &str) {
        let slot = self.slots.iter().position(|(_, used)| !used).unwrap_or_else(|| {
            self.slots.push((0, false));
            self.slots.len() - 1
        });
        let (generation, used) = &mut self.slots[slot];
        *used = true;
        let id = ConnId { slot: slot as u32, generation: *generation };
        let link =
            Link { id, pending: Vec::new(), need: 0, received: Vec::new(), is_closed: self.ended };
        self.links.insert(conn.into(), link);
        if !self.ended {
            self.turns(Input::Accept(id));
        }
    }

    fn release(&mut self, id: ConnId) {
        self.slots[id.slot as usize] = (id.generation + 1, false);
    }

    /// A turn with this input, and those that follow from it at the same instant.
    fn turns(&mut self, first: Input<'_>) {
        let mut waiting = VecDeque::from(self.turn(first));
        for _ in 0..TURNS_MAX {
            let more = match waiting.pop_front() {
                _ if self.ended => return,
                Some(FollowUp::CanWrite(conn)) => self.turn(Input::CanWrite(conn)),
                Some(FollowUp::Done(ticket, result)) => self.turn(Input::Done(ticket, result)),
                Some(FollowUp::Feed(name)) => self.turn(Input::Feed(&name)),
                None if self.is_due() => self.turn(Input::Time),
                None => return,
            };
            waiting.extend(more);
        }
        panic!("the core always wants another turn at {:?}", self.now);
    }

    fn is_due(&self) -> bool {
        self.core.next_deadline().is_some_and(|at| at <= self.now.mono_ns)
    }

    /// One turn; returns what it leaves to do.
    fn turn(&mut self, input: Input<'_>) -> Vec<FollowUp> {
        let mut turn = self.core.turn(self.now);
        match input {
            Input::Accept(conn) => turn.accept(conn, peer(conn)),
            Input::CanWrite(conn) => turn.can_write(conn),
            Input::Closed(conn) => turn.closed(conn),
            Input::Done(ticket, result) => turn.done(ticket, result),
            Input::Time => {}
            Input::Feed(name) => {
                if let Some(link) = self.links.get_mut(name) {
                    link.feed(&mut turn);
                }
            }
        }
        let mut effects = turn.seal();
        let mut follow_ups = Vec::new();
        while let Some(conn) = effects.writable() {
            let link = self.links.values_mut().find(|link| link.id == conn);
            let all_sent = send(&mut effects, conn, link, self.cut);
            follow_ups.extend((!all_sent).then_some(FollowUp::CanWrite(conn)));
        }
        while let Some(conn) = effects.resumed() {
            let resumed = self.links.iter().find(|(_, link)| link.id == conn);
            follow_ups.extend(resumed.map(|(name, _)| FollowUp::Feed(name.clone())));
        }
        while let Some((ticket, request)) = effects.io() {
            follow_ups.push(FollowUp::Done(ticket, complete(&mut self.files, request)));
        }
        let closed: Vec<ConnId> = iter::from_fn(|| effects.close()).collect();
        self.ended |= effects.exit().is_some();
        self.mark_closed(&closed);
        follow_ups
    }

    /// The server closed these; all of them when it has ended.
    fn mark_closed(&mut self, closed: &[ConnId]) {
        for link in self.links.values_mut() {
            link.is_closed |= self.ended || closed.contains(&link.id);
        }
        closed.iter().for_each(|&id| self.release(id));
    }
}

/// What is to be done at the same instant.
enum FollowUp {
    CanWrite(ConnId),
    Done(Ticket, IoResult),
    Feed(String),
}

impl Link {
    fn feed(&mut self, turn: &mut Turn<'_>) {
        while !self.pending.is_empty() && self.pending.len() >= self.need {
            let fed = turn.feed(self.id, &self.pending);
            turn.took(self.id, &self.pending, SPENT_NS);
            self.pending.drain(..fed.consumed);
            self.need = fed.need;
            match fed.flow {
                Flow::More => {}
                Flow::Closed => return self.pending.clear(),
                Flow::Open | Flow::Paused => return,
            }
        }
    }
}

impl Target for InProcess {
    fn send(&mut self, conn: &str, bytes: &[u8]) {
        if !self.links.contains_key(conn) {
            self.open(conn);
        }
        for piece in pieces(bytes, self.cut) {
            if let Some(link) = self.links.get_mut(conn).filter(|link| !link.is_closed) {
                link.pending.extend_from_slice(piece);
                self.turns(Input::Feed(conn));
            }
        }
    }

    fn hear(&mut self, conn: &str, patience: Patience) -> Heard {
        let Some(link) = self.links.get_mut(conn) else {
            return if patience == Patience::Long { Heard::Closed } else { Heard::Silence };
        };
        match parse(&link.received) {
            Ok(Some((reply, length))) => {
                link.received.drain(..length);
                Heard::Message(reply)
            }
            Err(malformed) => Heard::Malformed(malformed.0),
            Ok(None) if !link.received.is_empty() => {
                Heard::Malformed(format!("half a message: {}", link.received.escape_ascii()))
            }
            Ok(None) if link.is_closed => {
                self.links.remove(conn);
                Heard::Closed
            }
            Ok(None) => Heard::Silence,
        }
    }

    fn close(&mut self, conn: &str) {
        if let Some(link) = self.links.remove(conn).filter(|link| !link.is_closed) {
            self.turns(Input::Closed(link.id));
            self.release(link.id);
        }
    }

    fn wait(&mut self, ms: u64) {
        let end = self.now.mono_ns + ms * 1_000_000;
        while self.now.mono_ns < end {
            let due = self.core.next_deadline().map_or(end, |at| at.clamp(self.now.mono_ns, end));
            self.now.wall_us += ((due - self.now.mono_ns) / 1000) as i64;
            self.now.mono_ns = due;
            self.turns(Input::Time);
        }
        self.core.check();
    }
}

fn configuration() -> Config {
    let text = from_arguments(ARGUMENTS).text(b"", b"");
    let include = &mut |_: &str| Err("there are no files".to_string());
    file::parse(&text, "arguments", include).expect("the arguments are valid").config
}

/// Moves output to the client, all of it or a sip; whether it was all.
fn send(effects: &mut Effects<'_>, conn: ConnId, link: Option<&mut Link>, cut: Cut) -> bool {
    let bytes = effects.tx(conn).collect::<Vec<_>>().concat();
    let taken = if cut == Cut::Whole { bytes.len() } else { bytes.len().min(SIP) };
    if let Some(link) = link {
        link.received.extend_from_slice(&bytes[..taken]);
    }
    effects.sent(conn, taken);
    taken == bytes.len()
}

fn peer(conn: ConnId) -> Peer {
    Peer {
        addr: format!("127.0.0.1:{}", 50_000 + conn.slot).into(),
        laddr: "127.0.0.1:6379".into(),
        is_local: true,
        is_unix: false,
        fd: 8 + conn.slot as i32,
    }
}

/// The requests of the core, on files that are a map.
fn complete(files: &mut HashMap<Name, Vec<u8>>, request: IoReq) -> IoResult {
    match request {
        IoReq::Read { name } => match files.get(&name) {
            Some(bytes) => IoResult::Bytes(bytes.clone()),
            None => {
                let words = "No such file or directory".into();
                IoResult::Failed(IoError { kind: IoErrorKind::NotFound, words })
            }
        },
        IoReq::Replace { name, bytes } => {
            files.insert(name, bytes);
            IoResult::Done
        }
        IoReq::List { .. } => IoResult::Files(Vec::new()),
        IoReq::Open { .. } => IoResult::Opened { len: 0 },
        IoReq::WriteAt { bytes, from, .. } => {
            IoResult::Written { count: bytes.len() - from, bytes }
        }
        IoReq::Save { .. } => IoResult::Saved { len: 0 },
        _ => IoResult::Done,
    }
}
