//! The world of one seed: clients, a network that cuts and delays, clocks that jump, a disk, and
//! the core.
//!
//! Time is discrete: each step moves the clocks, lets some clients send, delivers pieces of what
//! they sent, completes some requests and lets sockets take some of the replies. What happens is
//! decided elsewhere ([`Decisions`]): drawn from a seed, the weights included, so that seeds differ
//! in kind and not just in detail, or read from a [`Script`].
//!
//! There are two kinds of runs. In one, clients say anything whatever and replies must be
//! well-formed. In the other they keep to commands that the model knows or that change nothing,
//! and each reply must be what the model says, and what is recovered after a crash a state that
//! may be.

mod at_rest;
mod audit;
pub(crate) mod changes;
mod clients;
mod clock;
mod damaged;
mod driven;
mod durability;
mod ending;
mod host;
pub(crate) mod inspected;
mod lives;
mod network;
pub(crate) mod operator;
mod oracle;
pub(crate) mod pauses;
mod progress;
mod rot;
mod timeline;
mod told;
mod wire;
mod words;

pub use timeline::{Line, Stand, Timeline};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::io::Name;
use seedis_core::turn::HostFacts;
use seedis_core::{Core, Effects, Turn};

use crate::decisions::{Decisions, Stream};
use crate::disk::{Disk, Faults};
use crate::finding::Invariant::L1;
use crate::finding::check;
use crate::marks::Marks;
use crate::model::Words;
use crate::sabotage::Boundary;
use crate::script::{Event, Script, Setup};
use crate::trace::Trace;
use crate::workload::Scope;
use audit::Audit;
use clients::Clients;
use clock::Clock;
use durability::History;
use host::Host;
use lives::Lives;
use network::Network;
use oracle::Oracle;
use told::Told;

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

    /// How the world of this seed begins.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(SETUP_STREAM);
        Setup::draw(self.scope(), &mut rng)
    }
}

/// The stream of draws that the setup has to itself.
const SETUP_STREAM: u64 = 101;

/// No run needs so many turns for so many commands: it has come to a standstill.
fn turns_max(commands: u64) -> u64 {
    commands.saturating_mul(100).saturating_add(1_000_000)
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
    decisions: Decisions,
    scope: Scope,
    /// Those who speak, unless a script speaks for them.
    clients: Option<Clients>,
    clock: Clock,
    network: Network,
    host: Host,
    disk: Disk,
    boundary: Boundary,
    audit: Audit,
    told: Told,
    trace: Trace,
    marks: Marks,
    timeline: Timeline,
    /// Clients say no more.
    is_resting: bool,
    outcome: Outcome,
}

impl World {
    /// The world of a seed before its first turn.
    #[must_use]
    pub fn of_seed(
        plan: Plan,
        decisions: Decisions,
        timeline: Timeline,
        boundary: Boundary,
    ) -> Self {
        let setup = plan.setup();
        let kept = setup.persistence.as_ref().filter(|_| plan.scope() == Scope::Modelled);
        let changes = kept.map(|kept| kept.save.is_some());
        let clients = Clients::draw(plan.seed, plan.scope(), changes);
        let around = Surroundings::new(&setup, Some(clients), decisions, timeline, boundary);
        Self::new(setup, around)
    }

    /// The world of a script before its first turn.
    #[must_use]
    pub fn of_script(script: Script, timeline: Timeline, boundary: Boundary) -> Self {
        let setup = script.setup.clone();
        let decisions = Decisions::of_script(script);
        let around = Surroundings::new(&setup, None, decisions, timeline, boundary);
        Self::new(setup, around)
    }

    fn new(setup: Setup, mut around: Surroundings) -> Self {
        let mut history =
            History::new(setup.policy(), setup.is_logged(), setup.policy_may_change());
        let setup_is_kept = setup.persistence.is_some();
        let mut lives = Lives::draw(setup, &around.decisions);
        if let Some(hash) = lives.begin_with_files(&mut around) {
            history.begin_with(hash);
        }
        around.told = Told::new(&around.disk, lives.begins_logged());
        let core = lives.begin(&mut around.boundary);
        let oracle = (around.scope == Scope::Modelled).then(|| {
            let bulk_bytes_max = core.config().proto_max_bulk_len as usize;
            Oracle::new(core.databases().count(), bulk_bytes_max, history)
        });
        around.network.is_open = !core.is_loading();
        around.network.operators.is_on =
            oracle.is_some() && setup_is_kept && around.boundary.is_honest();
        Self { core, around, oracle, lives, log: Vec::new() }
    }

    /// Runs a seed.
    ///
    /// # Panics
    ///
    /// When the core panics, breaks an invariant, sends what is no RESP or not what the model says,
    /// or loses what it has promised to keep: that is the finding.
    #[must_use]
    pub fn run(plan: Plan, timeline: Timeline) -> (Self, Outcome) {
        Self::run_with(plan, timeline, Boundary::honest())
    }

    /// Runs a seed with what stands at the boundary.
    ///
    /// # Panics
    ///
    /// As [`World::run`] does.
    pub fn run_with(plan: Plan, timeline: Timeline, boundary: Boundary) -> (Self, Outcome) {
        let decisions = Decisions::of_seed(plan.seed);
        Self::of_seed(plan, decisions, timeline, boundary).live(plan.commands)
    }

    /// Runs a script to its end.
    ///
    /// # Panics
    ///
    /// As [`World::run`] does.
    #[must_use]
    pub fn play(script: Script, timeline: Timeline, boundary: Boundary) -> (Self, Outcome) {
        Self::of_script(script, timeline, boundary).live(u64::MAX)
    }

    /// Lives until so many commands were sent or the script has ended, comes to rest, and is
    /// checked.
    ///
    /// # Panics
    ///
    /// As [`World::run`] does.
    #[must_use]
    pub fn live(mut self, commands: u64) -> (Self, Outcome) {
        self.lives.try_crafted(&self.around.boundary);
        while self.around.outcome.commands < commands
            && !self.lives.is_over
            && self.around.decisions.begin_step()
        {
            self.advance();
            let turns = self.around.outcome.turns;
            if turns.is_multiple_of(512) {
                self.check();
            }
            check(turns < turns_max(commands), L1, || "the run does not come to its end".into());
        }
        self.come_to_rest();
        self.check();
        let outcome = self.outcome();
        (self, outcome)
    }

    /// A step, and perhaps the end of the life after it.
    fn advance(&mut self) {
        let lives = self.lives.count;
        self.step();
        // A step sees no more than one life end.
        if self.lives.count == lives {
            self.maybe_crash();
        }
    }

    fn outcome(&self) -> Outcome {
        let follows = |oracle: &Oracle| !oracle.is_lost && !self.lives.is_over;
        Outcome {
            trace: self.around.trace.hash(),
            replies: self.around.network.replies,
            keys: self.core.databases().iter().map(|db| db.len()).sum(),
            log_bytes: self.log.len() as u64,
            is_compared: self.oracle.as_ref().is_some_and(follows),
            lives: self.lives.count,
            ..self.around.outcome
        }
    }

    /// Whether there was something on the disk.
    pub(crate) fn began_with_files(&self) -> bool {
        self.lives.brings_files()
    }

    /// The core, to look at.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// What the run has met.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        &self.around.marks
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
        let walks = || oracle.as_ref().map(Oracle::open_walks).unwrap_or_default();
        let held_up_ns = oracle.as_ref().and_then(|oracle| oracle.held_up_ns(around.clock.now()));
        let late_ns = around.begin(core, walks, held_up_ns);
        let now = around.clock.now();
        let mut turn = core.turn(around.boundary.clock(now));
        around.feed(&mut turn, oracle);
        let mut effects = turn.seal();
        around.outcome.turns += 1;
        around.network.receive(&mut effects, oracle, &mut around.boundary, &mut around.trace);
        around.perform(&mut effects);
        let exit = effects.exit();
        around.look(core);
        let mut logged = core.take_log();
        around.trace.note(b'L', 0, &logged);
        around.audit.turn_ended(core, &logged, now);
        around.told.turn_ended(core.is_loading(), &logged, now);
        log.extend_from_slice(&logged);
        let is_logging = core.watermarks().is_logging;
        let holds_writes = is_logging && around.told.holds_writes(now);
        oracle
            .iter_mut()
            .for_each(|oracle| oracle.look(now, std::mem::take(&mut logged), holds_writes));
        if !was_loading {
            let dumps = around.told.has_save_begun();
            oracle.iter_mut().for_each(|oracle| oracle.turn_ended(core, now, late_ns, dumps));
            let was_ending = around.network.operators.is_ending();
            around.told.check_refusal(core);
            around.network.operators.turn_ended(core, &around.told, now.mono_ns);
            let ends = exit.is_some() || around.network.operators.is_ending();
            oracle.iter().for_each(|oracle| oracle.compare_waits(core, !ends && !was_ending));
            oracle.iter_mut().for_each(|oracle| oracle.ends(core, now, ends));
        }
        if let Some(exit) = exit {
            self.exited(exit);
        } else if was_loading && !core.is_loading() {
            self.recovered();
        }
    }
}

impl Surroundings {
    fn new(
        setup: &Setup,
        clients: Option<Clients>,
        decisions: Decisions,
        timeline: Timeline,
        boundary: Boundary,
    ) -> Self {
        let faults = match decisions.is_scripted() {
            true => Faults::scripted(),
            false => decisions.mood(Stream::Disk, Faults::draw),
        };
        let mut disk = Disk::new(setup.personality, faults, decisions.clone());
        disk.put(&Name::Config, Vec::new());
        if timeline.is_kept() {
            disk.keep_notes();
        }
        Self {
            scope: setup.scope,
            clients,
            clock: Clock::draw(decisions.clone()),
            network: Network::draw(timeline.clone(), decisions.clone()),
            host: Host::new(decisions.clone()),
            decisions,
            disk,
            boundary,
            audit: Audit::new(setup.persistence.is_some(), setup.scope),
            told: Told::default(),
            trace: Trace::default(),
            marks: Marks::default(),
            timeline,
            is_resting: false,
            outcome: Outcome::default(),
        }
    }

    /// Time passes, and clients send. Returns by how much the turn is late.
    fn begin(
        &mut self,
        core: &Core,
        walks: impl FnOnce() -> Vec<Words>,
        held_up_ns: Option<u64>,
    ) -> u64 {
        let next = [core.next_deadline(), self.boundary.next_due_ns(&self.disk)]
            .into_iter()
            .flatten()
            .min();
        // What is held up is met as it becomes due.
        self.clock.pass(next.into_iter().chain(held_up_ns).min());
        let now = self.clock.now();
        self.timeline.turn(now, self.outcome.turns);
        if !self.is_resting {
            self.outcome.commands += self.network.send(&mut self.clients, walks, now.wall_ms());
        }
        next.map_or(0, |next| now.mono_ns.saturating_sub(next))
    }

    /// Everything that goes into a turn.
    fn feed(&mut self, turn: &mut Turn<'_>, oracle: &mut Option<Oracle>) {
        let now = self.clock.now();
        if let Some(rss_bytes) = self.memory() {
            turn.observe(HostFacts { rss_bytes, ..HostFacts::default() });
        }
        for (ticket, result) in self.host.completed() {
            turn.done(ticket, result);
        }
        self.boundary.turn(&mut self.disk, now);
        while let Some((ticket, result)) = self.boundary.completed(&mut self.disk, now) {
            self.trace.note(b'd', ticket.0, &[]);
            self.trace.result(&result);
            self.marks.ended(ticket, &result);
            self.told.ended(ticket, &result, now);
            self.timeline.note(|| format!("request {} ends: {}", ticket.0, words::result(&result)));
            turn.done(ticket, result);
        }
        for note in self.disk.take_notes() {
            self.timeline.note(|| format!("disk: {note}"));
        }
        oracle.iter_mut().for_each(|oracle| oracle.turn_began(turn, now));
        self.network.feed(turn, oracle, &mut self.boundary, &mut self.trace);
        if self.network.is_open || self.is_resting {
            self.network.operators.feed(turn, oracle, self.is_resting);
        }
    }

    /// How much memory the process is told to use.
    fn memory(&self) -> Option<u64> {
        self.decisions.decide(
            Stream::World,
            |rng| rng.random_ratio(1, 400).then(|| rng.random_range(0..1 << 40)),
            Event::Memory,
            |event| if let Event::Memory(bytes) = event { Some(*bytes) } else { None },
        )
    }

    /// A turn is over: where does the core stand?
    fn look(&mut self, core: &Core) {
        self.marks.turn(core, core.write_refusal().is_some());
        for fault in self.decisions.faults() {
            self.marks.fault(fault);
        }
        self.timeline.stand(core);
    }

    /// Requests, which complete some time later, and lines of the log.
    fn perform(&mut self, effects: &mut Effects<'_>) {
        let now = self.clock.now();
        while let Some((ticket, request)) = effects.io() {
            self.trace.note(b'f', ticket.0, &[]);
            self.trace.request(&request);
            self.timeline.note(|| format!("request {}: {}", ticket.0, words::request(&request)));
            self.marks.asked(ticket, &request);
            self.audit.asked(&request, &self.disk);
            self.told.asked(ticket, &request, now);
            if let Some(request) = self.host.ask(ticket, request) {
                self.boundary.ask(&mut self.disk, ticket, request, now);
            }
        }
        while let Some((_, line)) = effects.log_line() {
            self.trace.note(b'l', 0, line.as_bytes());
            self.marks.line(&line);
            self.told.line(&line, now);
            self.timeline.note(|| format!("log: {line}"));
        }
    }
}
