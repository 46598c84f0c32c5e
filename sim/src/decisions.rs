//! Decisions: what a seed draws, or what a script says, at each place where the world could go on
//! in more than one way.
//!
//! Every part of the world asks here and nowhere else. The answer is nothing when all is calm, or
//! an event. A source that draws writes its events down when it is asked to, and a source that
//! plays a script finds them again; whoever asks cannot tell which it is, so both runs are the
//! same. Each part draws from a stream of its own, so that a change to one leaves the others' draws
//! as they were.
//!
//! At rest all is calm, whatever the source.

use std::cell::RefCell;
use std::rc::Rc;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::disk::{Choice, Crash, FAULTS, Fault, Image};
use crate::script::{Event, Script, Step};
use crate::world::changes::is_change;

/// Events that can be switched off together, to see what is not found without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Writes that a power loss keeps in part, and subsets of what it keeps.
    TornWrites,
    /// Syncs that fail.
    SyncFailures,
    /// Power losses; the process ends in their place.
    PowerLoss,
    /// Ends of the process alone.
    ProcessCrash,
    /// Short reads and writes, and interruptions.
    ShortIo,
    /// A full disk.
    NoSpace,
    /// Other requests that fail.
    IoErrors,
    /// A wall clock that is set.
    ClockJumps,
    /// Segments, stalled sockets and clients that leave.
    Network,
    /// Requests that take long, or any time.
    Slowness,
    /// Files that change by themselves.
    Rot,
    /// Changes of the configuration while the server runs.
    ConfigChanges,
    /// Saves, rewrites and shutdowns that somebody asks for.
    Orders,
}

/// All of them, and what to call them.
pub const FAMILIES: [(&str, Family); 13] = [
    ("torn-writes", Family::TornWrites),
    ("sync-failures", Family::SyncFailures),
    ("power-loss", Family::PowerLoss),
    ("process-crash", Family::ProcessCrash),
    ("short-io", Family::ShortIo),
    ("no-space", Family::NoSpace),
    ("io-errors", Family::IoErrors),
    ("clock-jumps", Family::ClockJumps),
    ("network", Family::Network),
    ("slowness", Family::Slowness),
    ("rot", Family::Rot),
    ("config-changes", Family::ConfigChanges),
    ("orders", Family::Orders),
];

impl Family {
    /// Whether an event is one of it.
    fn has(self, event: &Event) -> bool {
        match (self, event) {
            (Self::PowerLoss, Event::Crash(Crash::PowerLoss))
            | (Self::ProcessCrash, Event::Crash(Crash::Process))
            | (Self::ClockJumps, Event::Jump(_))
            | (Self::Slowness, Event::Delay { .. })
            | (Self::Rot, Event::Rot(_))
            | (Self::Orders, Event::Order(_)) => true,
            (
                Self::Network,
                Event::Deliver { .. } | Event::Stall(_) | Event::Room { .. } | Event::Disconnect(_),
            ) => true,
            (Self::ConfigChanges, Event::Send(sent)) => is_change(&sent.words),
            (family, Event::Fault { fault, .. }) => family == Self::of(*fault),
            _ => false,
        }
    }

    fn of(fault: Fault) -> Self {
        match fault {
            Fault::ShortWrite | Fault::ShortRead | Fault::Interrupted => Self::ShortIo,
            Fault::NoSpace => Self::NoSpace,
            Fault::WriteError | Fault::ReadError | Fault::EntryError => Self::IoErrors,
            Fault::SyncError | Fault::LyingSync => Self::SyncFailures,
            Fault::Slow => Self::Slowness,
        }
    }
}

/// A source of decisions. Copies share it.
#[derive(Clone, Debug)]
pub struct Decisions(Rc<RefCell<Source>>);

/// A stream of random draws.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    World,
    Clock,
    Network,
    Host,
    Disk,
    Rot,
    Operator,
}

const STREAMS: u64 = 7;

#[derive(Debug)]
struct Source {
    rngs: Vec<ChaCha8Rng>,
    script: Option<Script>,
    /// The step of the script that comes next.
    next: usize,
    /// What is decided in this step, when it comes from a script.
    step: Step,
    written: Option<Vec<Step>>,
    counts: Counts,
    /// Faults since somebody asked.
    faults: Vec<Fault>,
    is_resting: bool,
    last_image: Image,
    off: Vec<Family>,
    /// What was chosen for the last image that is made by choices.
    choices: Vec<Choice>,
}

/// How often something was asked in this step.
#[derive(Debug, Default)]
struct Counts {
    faults: [u32; FAULTS.len()],
    delays: u32,
    hosts: u32,
}

impl Decisions {
    /// The decisions of a seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self::new(seed, None)
    }

    /// The decisions of a script.
    #[must_use]
    pub fn of_script(script: Script) -> Self {
        Self::new(0, Some(script))
    }

    fn new(seed: u64, script: Option<Script>) -> Self {
        let rngs = (0..STREAMS).map(|number| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(number);
            rng
        });
        Self(Rc::new(RefCell::new(Source {
            rngs: rngs.collect(),
            script,
            next: 0,
            step: Step::new(),
            written: None,
            counts: Counts::default(),
            faults: Vec::new(),
            is_resting: false,
            last_image: Image::Nothing,
            off: Vec::new(),
            choices: Vec::new(),
        })))
    }

    /// Writes down from now on what is decided.
    #[must_use]
    pub fn written_down(self) -> Self {
        self.0.borrow_mut().written = Some(Vec::new());
        self
    }

    /// Events of these families do not happen.
    #[must_use]
    pub fn without(self, off: impl IntoIterator<Item = Family>) -> Self {
        self.0.borrow_mut().off = off.into_iter().collect();
        self
    }

    /// What was written down.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.0.borrow().written.clone().unwrap_or_default()
    }

    /// Whether it comes from a script.
    #[must_use]
    pub fn is_scripted(&self) -> bool {
        self.0.borrow().script.is_some()
    }

    /// Adds a step at the end of the script; a seed has none.
    pub(crate) fn push(&self, step: Step) {
        if let Some(script) = &mut self.0.borrow_mut().script {
            script.steps.push(step);
        }
    }

    /// An image was made by these choices.
    pub(crate) fn tell_choices(&self, made: Vec<Choice>) {
        self.0.borrow_mut().choices = made;
    }

    /// The choices that the last image was made by.
    pub(crate) fn choices(&self) -> Vec<Choice> {
        self.0.borrow().choices.clone()
    }

    /// The next step begins. Returns whether the script has one; a seed always has.
    pub(crate) fn begin_step(&self) -> bool {
        let mut source = self.0.borrow_mut();
        let source = &mut *source;
        source.counts = Counts::default();
        if let Some(script) = &mut source.script {
            let Some(step) = script.steps.get_mut(source.next) else { return false };
            source.step = std::mem::take(step);
            source.next += 1;
        }
        if let Some(written) = &mut source.written {
            written.push(Step::new());
        }
        true
    }

    /// From now on all is calm; another power loss leaves this.
    pub(crate) fn rest(&self, last_image: Image) {
        let mut source = self.0.borrow_mut();
        source.is_resting = true;
        source.last_image = last_image;
    }

    /// Draws what a whole run has in common. It is not written down: in a script it shows in the
    /// events.
    pub(crate) fn mood<T>(&self, stream: Stream, draw: impl FnOnce(&mut ChaCha8Rng) -> T) -> T {
        draw(&mut self.0.borrow_mut().rngs[stream as usize])
    }

    /// Decides something: nothing when all is calm.
    pub(crate) fn decide<T: Copy>(
        &self,
        stream: Stream,
        draw: impl FnOnce(&mut ChaCha8Rng) -> Option<T>,
        event: impl FnOnce(T) -> Event,
        find: impl Fn(&Event) -> Option<T>,
    ) -> Option<T> {
        let mut source = self.0.borrow_mut();
        if source.is_resting {
            return None;
        }
        let decided = match source.script {
            Some(_) => source.step.iter().find_map(find),
            None => draw(&mut source.rngs[stream as usize]),
        };
        let decided = decided?;
        let event = event(decided);
        if source.off.iter().any(|off| off.has(&event)) {
            return None;
        }
        source.write(event);
        Some(decided)
    }

    /// Decides on any number of events of a kind.
    pub(crate) fn events(
        &self,
        draw: impl FnOnce() -> Vec<Event>,
        is_one: impl Fn(&Event) -> bool,
    ) -> Vec<Event> {
        let mut source = self.0.borrow_mut();
        if source.is_resting {
            return Vec::new();
        }
        let mut events: Vec<Event> = match source.script {
            Some(_) => source.step.iter().filter(|event| is_one(event)).cloned().collect(),
            None => draw(),
        };
        events.retain(|event| !source.off.iter().any(|off| off.has(event)));
        if let Some(step) = source.written.as_mut().and_then(|steps| steps.last_mut()) {
            step.extend(events.iter().cloned());
        }
        events
    }

    /// Whether something goes wrong that goes wrong `odds` times of 10,000, and its detail. With
    /// no odds it never does.
    pub(crate) fn fault(
        &self,
        fault: Fault,
        odds: u32,
        detail: impl FnOnce(&mut ChaCha8Rng) -> u64,
    ) -> Option<u64> {
        let nth = self.count(|counts| &mut counts.faults[fault as usize]);
        if odds == 0 {
            return None;
        }
        let decided = self.decide(
            Stream::Disk,
            |rng| rng.random_ratio(odds, 10_000).then(|| detail(rng)),
            |detail| Event::Fault { fault, nth, detail },
            |event| match event {
                Event::Fault { fault: which, nth: at, detail } => {
                    (*which == fault && *at == nth).then_some(*detail)
                }
                _ => None,
            },
        );
        if decided.is_some() {
            self.0.borrow_mut().faults.push(fault);
        }
        decided
    }

    /// What has gone wrong since the last call.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        std::mem::take(&mut self.0.borrow_mut().faults)
    }

    /// How long a request takes, in ns.
    pub(crate) fn delay_ns(&self, draw: impl FnOnce(&mut ChaCha8Rng) -> u64) -> u64 {
        let nth = self.count(|counts| &mut counts.delays);
        let decided = self.decide(
            Stream::Disk,
            |rng| Some(draw(rng)),
            |ns| Event::Delay { nth, ns },
            |event| match event {
                Event::Delay { nth: at, ns } if *at == nth => Some(*ns),
                _ => None,
            },
        );
        decided.unwrap_or(0)
    }

    /// Whether a request to the system would fail.
    pub(crate) fn host_fails(&self) -> bool {
        let nth = self.count(|counts| &mut counts.hosts);
        let decided = self.decide(
            Stream::Host,
            |rng| rng.random_ratio(1, 5).then_some(()),
            |()| Event::HostFails(nth),
            |event| (*event == Event::HostFails(nth)).then_some(()),
        );
        decided.is_some()
    }

    /// What a crash leaves.
    pub(crate) fn image(&self) -> Image {
        let source = self.0.borrow();
        let (is_resting, last_image) = (source.is_resting, source.last_image);
        let is_torn = !source.off.contains(&Family::TornWrites);
        drop(source);
        if is_resting {
            return if is_torn { last_image } else { Image::Nothing };
        }
        let decided = self.decide(
            Stream::Disk,
            |rng| Some(Image::Drawn(rng.random())),
            Event::Image,
            |event| if let Event::Image(image) = event { Some(*image) } else { None },
        );
        if is_torn { decided.unwrap_or(Image::Everything) } else { Image::Nothing }
    }

    fn count(&self, of: impl FnOnce(&mut Counts) -> &mut u32) -> u32 {
        let mut source = self.0.borrow_mut();
        let count = of(&mut source.counts);
        *count += 1;
        *count - 1
    }
}

impl Source {
    fn write(&mut self, event: Event) {
        if let Some(step) = self.written.as_mut().and_then(|steps| steps.last_mut()) {
            step.push(event);
        }
    }
}
