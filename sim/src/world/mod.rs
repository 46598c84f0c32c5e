//! The world of one seed: clients, a network that cuts and delays, clocks that jump, a disk, and
//! the core.
//!
//! Time is discrete: each step moves the clocks, lets some clients send, delivers pieces of what
//! they sent, completes some requests and lets sockets take some of the replies. Everything is
//! drawn from the seed, the weights included, so that seeds differ in kind and not just in detail.
//! Each part draws from a stream of its own, so that a change to one leaves the others' draws as
//! they were.
//!
//! There are two kinds of runs. In one, clients say anything whatever and replies must be
//! well-formed. In the other they keep to commands that the model knows or that change nothing,
//! and each reply must be what the model says, and what is recovered after a crash a state that
//! may be.

mod clients;
mod clock;
mod durability;
mod host;
mod lives;
mod network;
mod oracle;
mod timeline;
mod wire;
mod words;

pub use timeline::Timeline;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::io::Name;
use seedis_core::turn::HostFacts;
use seedis_core::{Core, Effects, Turn};

use crate::disk::{Disk, Faults, Personality};
use crate::sabotage::Boundary;
use crate::trace::Trace;
use crate::workload::Scope;
use clients::Clients;
use clock::Clock;
use host::Host;
use lives::Lives;
use network::Network;
use oracle::Oracle;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The seed of everything.
    pub seed: u64,
    /// Commands that clients send in all.
    pub commands: u64,
}

impl Plan {
    /// What clients say with this seed: every other one has an oracle.
    #[must_use]
    pub fn scope(&self) -> Scope {
        if self.seed.is_multiple_of(2) { Scope::Any } else { Scope::Modelled }
    }
}

/// What a run gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// How often the server was started.
    pub lives: u64,
    /// The model was there and could follow to the end.
    pub is_compared: bool,
}

/// The world: a core and all that is around it.
#[derive(Debug)]
pub struct World {
    core: Core,
    around: Surroundings,
    oracle: Option<Oracle>,
    lives: Lives,
    /// The effects log since the start of this life.
    pub log: Vec<u8>,
}

/// Clients, network, clocks and files.
#[derive(Debug)]
struct Surroundings {
    rng: ChaCha8Rng,
    scope: Scope,
    clients: Clients,
    clock: Clock,
    network: Network,
    host: Host,
    disk: Disk,
    boundary: Boundary,
    trace: Trace,
    timeline: Timeline,
    /// Clients say no more.
    is_resting: bool,
    outcome: Outcome,
}

impl World {
    /// The world of a seed before its first turn.
    #[must_use]
    pub fn new(plan: Plan, timeline: Timeline, boundary: Boundary) -> Self {
        let mut around = Surroundings::draw(plan, timeline, boundary);
        let lives = Lives::draw(plan.scope(), &mut around.rng);
        let core = lives.begin(&mut around.rng, &mut around.boundary);
        let oracle = (around.scope == Scope::Modelled).then(|| {
            let bulk_bytes_max = core.config().proto_max_bulk_len as usize;
            Oracle::new(core.databases().count(), bulk_bytes_max, lives.policy())
        });
        around.network.is_open = !core.is_loading();
        Self { core, around, oracle, lives, log: Vec::new() }
    }

    /// Runs a plan.
    ///
    /// # Panics
    ///
    /// When the core panics, breaks an invariant, sends what is no RESP or not what the model says,
    /// or loses what it has promised to keep: that is the finding.
    #[must_use]
    pub fn run(plan: Plan, timeline: Timeline) -> (Self, Outcome) {
        Self::run_with(plan, timeline, Boundary::honest())
    }

    /// Runs a plan with what stands at the boundary.
    ///
    /// # Panics
    ///
    /// As [`World::run`].
    pub fn run_with(plan: Plan, timeline: Timeline, boundary: Boundary) -> (Self, Outcome) {
        let mut world = Self::new(plan, timeline, boundary);
        while world.around.outcome.commands < plan.commands && !world.lives.is_over {
            world.step();
            world.maybe_crash();
            if world.around.outcome.turns.is_multiple_of(512) {
                world.check();
            }
        }
        world.come_to_rest();
        world.check();
        let mut outcome = world.around.outcome;
        outcome.trace = world.around.trace.hash();
        outcome.replies = world.around.network.replies;
        outcome.keys = world.core.databases().iter().map(|db| db.len()).sum();
        outcome.log_bytes = world.log.len() as u64;
        let follows = |oracle: &Oracle| !oracle.is_lost && !world.lives.is_over;
        outcome.is_compared = world.oracle.as_ref().is_some_and(follows);
        outcome.lives = world.lives.count;
        (world, outcome)
    }

    /// The core, to look at.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.core
    }

    fn check(&self) {
        self.core.check();
        if !self.core.is_loading() {
            self.oracle.iter().for_each(|oracle| oracle.compare(&self.core));
        }
    }

    fn step(&mut self) {
        let Self { core, around, oracle, log, .. } = self;
        let was_loading = core.is_loading();
        around.begin(core);
        let now = around.clock.now();
        let mut turn = core.turn(around.boundary.clock(now));
        around.feed(&mut turn, oracle);
        let mut effects = turn.seal();
        around.outcome.turns += 1;
        around.network.receive(&mut effects, oracle, &mut around.boundary, &mut around.trace);
        around.perform(&mut effects);
        let exit = effects.exit();
        let logged = core.take_log();
        around.trace.note(b'L', 0, &logged);
        log.extend(logged);
        if let Some(exit) = exit {
            return self.exited(exit);
        }
        if was_loading && !core.is_loading() {
            self.recovered();
        } else if !was_loading {
            oracle.iter_mut().for_each(|oracle| oracle.turn_ended(core, now));
        }
    }
}

impl Surroundings {
    fn draw(plan: Plan, timeline: Timeline, boundary: Boundary) -> Self {
        let stream = |number| {
            let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
            rng.set_stream(number);
            rng
        };
        let mut rng = stream(0);
        let personality = Personality::draw(&mut rng);
        let mut disk = Disk::new(personality, Faults::draw(&mut rng), rng.random());
        disk.put(&Name::Config, Vec::new());
        if timeline.is_kept() {
            disk.keep_notes();
        }
        Self {
            rng,
            scope: plan.scope(),
            clients: Clients::draw(plan.scope(), stream(1)),
            clock: Clock::draw(stream(2)),
            network: Network::draw(timeline.clone(), stream(3)),
            host: Host::new(stream(4)),
            disk,
            boundary,
            trace: Trace::default(),
            timeline,
            is_resting: false,
            outcome: Outcome::default(),
        }
    }

    /// Time passes, and clients send.
    fn begin(&mut self, core: &Core) {
        let next = [core.next_deadline(), self.boundary.next_due_ns(&self.disk)]
            .into_iter()
            .flatten()
            .min();
        self.clock.pass(next);
        let now = self.clock.now();
        self.timeline.turn(now, self.outcome.turns);
        if !self.is_resting {
            self.outcome.commands += self.network.send(&mut self.clients, now.wall_ms());
        }
    }

    /// Everything that goes into a turn.
    fn feed(&mut self, turn: &mut Turn<'_>, oracle: &mut Option<Oracle>) {
        let now = self.clock.now();
        if self.rng.random_ratio(1, 400) {
            let rss_bytes = self.rng.random_range(0..1 << 40);
            turn.observe(HostFacts { rss_bytes, ..HostFacts::default() });
        }
        while let Some((ticket, result)) = self.host.completed() {
            turn.done(ticket, result);
        }
        self.boundary.turn(&mut self.disk, now);
        while let Some((ticket, result)) = self.boundary.completed(&mut self.disk, now) {
            self.trace.note(b'd', ticket.0, format!("{result:?}").as_bytes());
            self.timeline.note(|| format!("request {} ends: {}", ticket.0, words::result(&result)));
            turn.done(ticket, result);
        }
        for note in self.disk.take_notes() {
            self.timeline.note(|| format!("disk: {note}"));
        }
        oracle.iter_mut().for_each(|oracle| oracle.turn_began(turn, now.wall_ms()));
        self.network.feed(turn, now.wall_ms(), oracle, &mut self.boundary, &mut self.trace);
    }

    /// Requests, which complete some time later, and lines of the log.
    fn perform(&mut self, effects: &mut Effects<'_>) {
        let now = self.clock.now();
        while let Some((ticket, request)) = effects.io() {
            self.trace.note(b'f', ticket.0, format!("{request:?}").as_bytes());
            self.timeline.note(|| format!("request {}: {}", ticket.0, words::request(&request)));
            if let Some(request) = self.host.ask(ticket, request) {
                self.boundary.ask(&mut self.disk, ticket, request, now);
            }
        }
        while let Some((_, line)) = effects.log_line() {
            self.trace.note(b'l', 0, line.as_bytes());
            self.timeline.note(|| format!("log: {line}"));
        }
    }
}
