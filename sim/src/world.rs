//! The world of one seed: clients, a network that cuts and delays, clocks that jump, and the core.
//!
//! Time is discrete: each step moves the clocks, lets some clients send, delivers pieces of what
//! they sent, completes some file requests and lets sockets take some of the replies. Everything
//! is drawn from the seed, the weights included, so that seeds differ in kind and not just in
//! detail.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rand::seq::IteratorRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::config::ProtectedAction;
use seedis_core::io::{IoError, Name};
use seedis_core::turn::HostFacts;
use seedis_core::{Config, ConnId, Core, Effects, Flow, IoReq, IoResult, Now, Peer, Ticket, Turn};

use crate::reply;
use crate::trace::Trace;
use crate::workload::{Words, Workload};

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The seed of everything.
    pub seed: u64,
    /// Commands that clients send in all.
    pub commands: u64,
}

/// What a run gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Hash of everything that happened.
    pub trace: u128,
    /// Commands sent.
    pub commands: u64,
    /// Replies and pushes received.
    pub replies: u64,
    /// Turns of the core.
    pub turns: u64,
    /// Bytes of the effects log.
    pub log_bytes: u64,
    /// Keys at the end.
    pub keys: usize,
}

/// A client and its connection.
#[derive(Debug)]
struct Wire {
    id: ConnId,
    /// Sent and not delivered.
    in_flight: Vec<u8>,
    /// Delivered and not consumed.
    kept: Vec<u8>,
    need: usize,
    is_paused: bool,
    /// Received and not whole replies yet.
    received: Vec<u8>,
    /// It takes bytes only now and then.
    is_slow: bool,
    /// Its socket was full.
    is_full: bool,
}

/// The world: a core and all that is around it.
#[derive(Debug)]
pub struct World {
    core: Core,
    around: Surroundings,
    /// The effects log since the start.
    pub log: Vec<u8>,
}

/// Clients, network, clocks and files.
#[derive(Debug)]
struct Surroundings {
    rng: ChaCha8Rng,
    workload: Workload,
    now: Now,
    wires: BTreeMap<u32, Wire>,
    generations: BTreeMap<u32, u32>,
    files: BTreeMap<Name, Vec<u8>>,
    outstanding: Vec<(Ticket, IoResult)>,
    trace: Trace,
    clock_jumps: bool,
    pieces_bytes_max: usize,
    wires_max: u32,
    outcome: Outcome,
}

impl World {
    /// The world of a seed before its first turn.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut around = Surroundings::draw(seed);
        let mut core = Core::new(config(), around.rng.random());
        core.keep_log();
        Self { core, around, log: Vec::new() }
    }

    /// Runs a plan.
    ///
    /// # Panics
    ///
    /// When the core panics, breaks an invariant or sends what is no RESP: that is the finding.
    #[must_use]
    pub fn run(plan: Plan) -> (Self, Outcome) {
        let mut world = Self::new(plan.seed);
        while world.around.outcome.commands < plan.commands {
            world.step();
            if world.around.outcome.turns.is_multiple_of(512) {
                world.core.check();
            }
        }
        world.core.check();
        let mut outcome = world.around.outcome;
        outcome.trace = world.around.trace.hash();
        outcome.keys = world.core.databases().iter().map(|db| db.len()).sum();
        outcome.log_bytes = world.log.len() as u64;
        (world, outcome)
    }

    /// The core, to look at.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.core
    }

    fn step(&mut self) {
        self.around.pass_time();
        self.around.clients_send();
        let mut turn = self.core.turn(self.around.now);
        self.around.feed(&mut turn);
        let mut effects = turn.seal();
        self.around.outcome.turns += 1;
        self.around.receive(&mut effects);
        self.around.perform_all(&mut effects);
        let exits = effects.exit().is_some();
        let logged = self.core.take_log();
        self.around.trace.note(b'L', 0, &logged);
        self.log.extend(logged);
        if exits {
            self.restart();
        }
    }

    /// SHUTDOWN: nothing is persistent yet, so the next life starts empty.
    fn restart(&mut self) {
        self.core = Core::new(config(), self.around.rng.random());
        self.core.keep_log();
        self.log.clear();
        self.around.wires.clear();
        self.around.outstanding.clear();
    }
}

impl Surroundings {
    fn draw(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let workload = Workload::draw(&seedis_core::command::registry(), &mut rng);
        Self {
            workload,
            now: Now { mono_ns: 1, wall_us: 1_790_000_000_000_000 },
            wires: BTreeMap::new(),
            generations: BTreeMap::new(),
            files: BTreeMap::new(),
            outstanding: Vec::new(),
            trace: Trace::default(),
            clock_jumps: rng.random(),
            pieces_bytes_max: *[1, 7, 100, 4000, 100_000].iter().choose(&mut rng).unwrap_or(&100),
            wires_max: rng.random_range(1..8),
            rng,
            outcome: Outcome { trace: 0, commands: 0, replies: 0, turns: 0, log_bytes: 0, keys: 0 },
        }
    }

    /// Everything that goes into a turn.
    fn feed(&mut self, turn: &mut Turn<'_>) {
        if self.wires.is_empty() || self.rng.random_ratio(1, 20) {
            self.connect(turn);
        }
        if self.rng.random_ratio(1, 400) {
            let rss_bytes = self.rng.random_range(0..1 << 40);
            turn.observe(HostFacts { rss_bytes, ..HostFacts::default() });
        }
        while !self.outstanding.is_empty() && self.rng.random() {
            let at = self.rng.random_range(0..self.outstanding.len());
            let (ticket, result) = self.outstanding.swap_remove(at);
            turn.done(ticket, result);
        }
        for wire in self.wires.values_mut() {
            wire.deliver(turn, self.pieces_bytes_max, &mut self.rng, &mut self.trace);
        }
        if self.rng.random_ratio(1, 1000)
            && let Some(slot) = self.wires.keys().copied().choose(&mut self.rng)
            && let Some(wire) = self.wires.remove(&slot)
        {
            turn.closed(wire.id);
        }
    }

    /// A client connects, if its slot is free.
    fn connect(&mut self, turn: &mut Turn<'_>) {
        let slot = self.rng.random_range(0..self.wires_max);
        let generation = self.generations.entry(slot).or_insert(0);
        let Entry::Vacant(vacant) = self.wires.entry(slot) else { return };
        let mut wire = Wire::new(ConnId { slot, generation: *generation }, &mut self.rng);
        *generation += 1;
        if self.rng.random() {
            let hello = vec![b"HELLO".to_vec(), b"3".to_vec()];
            encode(&hello, &mut wire.in_flight, &mut self.rng);
        }
        turn.accept(wire.id, peer(slot));
        vacant.insert(wire);
    }

    /// Sockets take replies, paused connections go on, closed ones go.
    fn receive(&mut self, effects: &mut Effects<'_>) {
        while let Some(id) = effects.writable() {
            let Some(wire) = self.wires.get_mut(&id.slot).filter(|wire| wire.id == id) else {
                continue;
            };
            let taken = wire.take(effects, &mut self.rng);
            let new = &wire.received[wire.received.len() - taken..];
            self.trace.note(b'>', u64::from(id.slot), new);
            effects.sent(id, taken);
            self.outcome.replies += wire.read_replies();
        }
        while let Some(id) = effects.resumed() {
            if let Some(wire) = self.wires.get_mut(&id.slot).filter(|wire| wire.id == id) {
                wire.is_paused = false;
            }
        }
        while let Some(id) = effects.close() {
            self.trace.note(b'c', u64::from(id.slot), &[]);
            self.wires.remove(&id.slot);
        }
    }

    /// File requests, which complete some time later, and lines of the log.
    fn perform_all(&mut self, effects: &mut Effects<'_>) {
        while let Some((ticket, request)) = effects.io() {
            self.trace.note(b'f', ticket.0, format!("{request:?}").as_bytes());
            self.outstanding.push((ticket, perform(&mut self.files, request, &mut self.rng)));
        }
        while let Some((_, line)) = effects.log_line() {
            self.trace.note(b'l', 0, line.as_bytes());
        }
    }

    fn pass_time(&mut self) {
        let micros = match self.rng.random_range(0..20) {
            0 => 0,
            1 => self.rng.random_range(0..5_000_000),
            _ => self.rng.random_range(0..3000),
        };
        self.now.mono_ns += micros * 1000;
        self.now.wall_us += micros as i64;
        if self.clock_jumps && self.rng.random_ratio(1, 500) {
            let scale = 10_i64.pow(self.rng.random_range(3..15));
            self.now.wall_us = (self.now.wall_us + self.rng.random_range(-scale..scale))
                .clamp(-1_000_000, 4_000_000_000_000_000);
        }
    }

    fn clients_send(&mut self) {
        let now_ms = self.now.wall_ms();
        for wire in self.wires.values_mut() {
            if wire.in_flight.len() > 100_000 || self.rng.random() {
                continue;
            }
            // Left to chance alone, MULTI and EXEC would rarely have anything between them.
            let is_transaction = self.rng.random_ratio(1, 8);
            let mut say = |words: &Words, rng: &mut ChaCha8Rng| {
                encode(words, &mut wire.in_flight, rng);
                self.outcome.commands += 1;
            };
            if is_transaction {
                say(&vec![b"MULTI".to_vec()], &mut self.rng);
            }
            for _ in 0..self.rng.random_range(1..20) {
                say(&self.workload.next(now_ms, &mut self.rng), &mut self.rng);
            }
            if is_transaction {
                say(&vec![b"EXEC".to_vec()], &mut self.rng);
            }
        }
    }
}

impl Wire {
    fn new(id: ConnId, rng: &mut ChaCha8Rng) -> Self {
        Self {
            id,
            in_flight: Vec::new(),
            kept: Vec::new(),
            need: 0,
            is_paused: false,
            received: Vec::new(),
            is_slow: rng.random_ratio(1, 8),
            is_full: false,
        }
    }

    /// The network delivers a piece of what was sent, and the core is fed.
    fn deliver(
        &mut self,
        turn: &mut Turn<'_>,
        max: usize,
        rng: &mut ChaCha8Rng,
        trace: &mut Trace,
    ) {
        if self.is_full && (!self.is_slow || rng.random_ratio(1, 10)) {
            self.is_full = false;
            turn.can_write(self.id);
        }
        let arrived = rng.random_range(0..=self.in_flight.len().min(max));
        self.kept.extend(self.in_flight.drain(..arrived));
        while !self.is_paused && !self.kept.is_empty() && self.kept.len() >= self.need {
            let fed = turn.feed(self.id, &self.kept);
            turn.took(self.id, &self.kept, rng.random_range(0..100_000));
            assert!(fed.consumed <= self.kept.len(), "no more is consumed than was fed");
            trace.note(b'<', fed.consumed as u64, &self.kept[..fed.consumed]);
            self.kept.drain(..fed.consumed);
            self.need = fed.need;
            self.is_paused = fed.flow == Flow::Paused;
            if fed.flow != Flow::More {
                break;
            }
        }
    }

    /// The socket takes some of the bytes; returns how many.
    fn take(&mut self, effects: &Effects<'_>, rng: &mut ChaCha8Rng) -> usize {
        let before = self.received.len();
        let all: usize = effects.tx(self.id).map(<[u8]>::len).sum();
        let room = if self.is_slow { rng.random_range(0..2000) } else { usize::MAX };
        for chunk in effects.tx(self.id) {
            let left = room - (self.received.len() - before);
            self.received.extend_from_slice(&chunk[..chunk.len().min(left)]);
        }
        let taken = self.received.len() - before;
        self.is_full = taken < all;
        taken
    }

    /// Reads whole replies; returns how many.
    fn read_replies(&mut self) -> u64 {
        let (mut at, mut count) = (0, 0);
        loop {
            match reply::end(&self.received, at) {
                Ok(Some(end)) => (at, count) = (end, count + 1),
                Ok(None) => break,
                Err(wrong) => {
                    let from = wrong.at.saturating_sub(40);
                    let near = String::from_utf8_lossy(&self.received[from..]).into_owned();
                    panic!("a reply is no RESP near {near:?}");
                }
            }
        }
        self.received.drain(..at);
        count
    }
}

/// Does what the core asks, or fails as systems do.
fn perform(files: &mut BTreeMap<Name, Vec<u8>>, request: IoReq, rng: &mut ChaCha8Rng) -> IoResult {
    if rng.random_ratio(1, 5) {
        return IoResult::Failed(IoError::other("No space left on device"));
    }
    match request {
        IoReq::Read { name } => IoResult::Bytes(files.get(&name).cloned().unwrap_or_default()),
        IoReq::Replace { name, bytes } => {
            files.insert(name, bytes);
            IoResult::Done
        }
        _ => IoResult::Done,
    }
}

fn config() -> Config {
    Config { enable_debug_command: ProtectedAction::Yes, ..Config::default() }
}

fn peer(slot: u32) -> Peer {
    Peer {
        addr: format!("10.0.0.{slot}:4000").into(),
        laddr: "10.0.0.99:6379".into(),
        is_local: true,
        is_unix: false,
        fd: slot as i32 + 8,
    }
}

/// A command as a client sends it: nearly always an array, sometimes inline.
fn encode(words: &Words, out: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let is_plain = |word: &Vec<u8>| !word.is_empty() && word.iter().all(u8::is_ascii_alphanumeric);
    if rng.random_ratio(1, 50) && words.iter().all(is_plain) {
        out.extend(words.join(&b' '));
        out.extend(if rng.random() { &b"\r\n"[..] } else { b"\n" });
        return;
    }
    out.extend(format!("*{}\r\n", words.len()).bytes());
    for word in words {
        out.extend(format!("${}\r\n", word.len()).bytes());
        out.extend(word);
        out.extend(b"\r\n");
    }
}
