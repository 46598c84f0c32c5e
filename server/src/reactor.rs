//! The event loop: one turn of the core per pass.
//!
//! It decides nothing about commands, data or time: it carries bytes, clocks and completions in,
//! and effects out. A pass waits once, for sockets, the helper thread and signals alike, and no
//! longer than until the core has something to do.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Token, Waker};
use seedis_core::keyspace::copied_bytes;
use seedis_core::turn::{Exit, HostFacts, Signal};
use seedis_core::{Core, Now};

use crate::accept::{Acceptor, Intake, LISTENERS};
use crate::clock::Clock;
use crate::disk::{Disk, Places};
use crate::facts::Facts;
use crate::listen::{self, Listener};
use crate::logging::Log;
use crate::network::Network;
use crate::record::{Tape, Turn};
use crate::requests::{Requests, Shell};
use crate::serve::Stopwatch;
use crate::signals::{Held, Signals};
use crate::title::Title;
use crate::turn_times::TurnTimes;

/// The token of the waker: the helper thread or a signal has something.
const WAKER: Token = Token(LISTENERS - 1);

/// Events taken with one wait.
const EVENTS: usize = 1024;

/// What the loop needs to begin.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) core: Core,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) log: Log,
    pub(crate) places: Places,
    pub(crate) title: Title,
    pub(crate) held: Held,
    pub(crate) tape: Option<Tape>,
}

/// The loop with all it works on.
#[derive(Debug)]
pub(crate) struct Reactor {
    core: Core,
    poll: Poll,
    clock: Clock,
    acceptor: Acceptor,
    network: Network,
    requests: Requests,
    signals: Signals,
    facts: Facts,
    times: TurnTimes,
    title: Title,
    log: Log,
    tape: Option<Tape>,
    /// Another thread has called.
    is_woken: bool,
    start_ns: u64,
}

/// While data are loaded connections wait for so long, and are answered `LOADING` after it.
const LOADING_GRACE_NS: u64 = 500_000_000;

impl Reactor {
    /// Registers everything and starts the other threads.
    pub(crate) fn new(parts: Parts) -> io::Result<Self> {
        let Parts { core, listeners, log, places, title, held, tape } = parts;
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let backlog = listen::backlog(core.config());
        let clock = Clock::new();
        Ok(Self {
            start_ns: clock.mono_ns(),
            clock,
            acceptor: Acceptor::new(listeners, backlog, poll.registry())?,
            network: Network::new(),
            signals: Signals::watch(held, waker.clone())?,
            facts: Facts::new(places.config.as_deref()),
            requests: Requests::new(Disk::start(places, waker)?),
            times: TurnTimes::default(),
            is_woken: false,
            core,
            poll,
            title,
            log,
            tape,
        })
    }

    /// Runs until the core asks for the end.
    pub(crate) fn run(&mut self) -> io::Result<Exit> {
        let mut events = Events::with_capacity(EVENTS);
        let mut now_ns = self.clock.mono_ns();
        loop {
            let timeout = self.timeout(now_ns);
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
                other => other?,
            }
            self.note(&events);
            let now = self.clock.now();
            if let Some(exit) = self.pass(now) {
                return Ok(exit);
            }
            now_ns = self.clock.mono_ns();
            self.times.record(now_ns - now.mono_ns);
        }
    }

    /// The log, when the loop has ended and everything that was asked of files is done.
    pub(crate) fn end(&mut self) -> &Log {
        self.requests.finish();
        if let Some(news) = self.tape.as_mut().and_then(Tape::finish) {
            self.log.warning(&news);
        }
        self.log.verbose(&self.times.to_string());
        &self.log
    }

    fn timeout(&self, now_ns: u64) -> Option<Duration> {
        let (accepts, accept_ns) = if self.lets_wait(now_ns) {
            (false, Some(self.start_ns + LOADING_GRACE_NS))
        } else {
            (self.acceptor.has_work(), self.acceptor.next_deadline_ns())
        };
        if self.network.has_work() || accepts {
            return Some(Duration::ZERO);
        }
        let deadlines = [self.core.next_deadline(), accept_ns];
        let at_ns = deadlines.into_iter().flatten().min()?;
        Some(Duration::from_nanos(at_ns.saturating_sub(now_ns)))
    }

    /// Whether new connections wait until the data are loaded: nobody is to be told `LOADING` by a
    /// server that is up in a moment.
    fn lets_wait(&self, now_ns: u64) -> bool {
        self.core.is_loading() && now_ns < self.start_ns + LOADING_GRACE_NS
    }

    fn note(&mut self, events: &Events) {
        for event in events {
            match event.token() {
                Token(at) if at >= LISTENERS => self.acceptor.note(),
                WAKER => self.is_woken = true,
                Token(slot) => self.network.note(slot as u32, event),
            }
        }
    }

    /// One turn; returns how the process is to end, if it is.
    fn pass(&mut self, now: Now) -> Option<Exit> {
        let accepts = !self.lets_wait(now.mono_ns);
        let config = self.core.config();
        let facts = self.facts.due(now.mono_ns, config.port, &self.times);
        let mut intake = Intake {
            slab: &mut self.network.slab,
            registry: self.poll.registry(),
            keepalive_s: config.tcp_keepalive_s,
            log: &self.log,
        };
        let is_woken = std::mem::take(&mut self.is_woken);
        let mut turn = Turn::begin(self.core.turn(now), now, self.tape.as_mut());
        if let Some(facts) = facts {
            let saved_keys = self.requests.saved_keys();
            turn.observe(HostFacts { saved_keys, copied_bytes: copied_bytes(), ..facts });
        }
        if accepts {
            self.acceptor.accept(&mut turn, now.mono_ns, &mut intake);
        }
        if is_woken {
            self.requests.deliver(&mut turn);
            hear_signals(&mut turn, &self.signals, &self.log);
        }
        self.network.serve(&mut turn, &mut Stopwatch::new(&self.clock, now.mono_ns));
        let mut effects = turn.seal();
        let mut shell =
            Shell { acceptor: &mut self.acceptor, registry: self.poll.registry(), log: &self.log };
        self.requests.carry_out(&mut effects, &mut shell);
        self.network.carry_out(&mut effects);
        // Closing a connection may leave something to be freed, and that may take room for others.
        while self.requests.carry_out(&mut effects, &mut shell) {
            self.network.carry_out(&mut effects);
        }
        while let Some((level, line)) = effects.log_line() {
            self.log.write(level, &line);
        }
        let exit = effects.exit();
        if is_woken && exit.is_none() {
            self.signals.go_on();
        }
        self.log.level = self.core.config().loglevel;
        self.title.show(self.core.config());
        self.end_recorded_turn(now, exit.is_some());
        exit
    }
}

impl Reactor {
    fn end_recorded_turn(&mut self, now: Now, is_last: bool) {
        let Some(tape) = &mut self.tape else { return };
        tape.end_turn(&self.core, &self.network.slab, now, is_last);
        if let Some(news) = tape.news() {
            self.log.warning(&news);
        }
    }
}

fn hear_signals(turn: &mut Turn<'_>, signals: &Signals, log: &Log) {
    if let Some(signal) = signals.arrived() {
        log.of_signal(match signal {
            Signal::Interrupt => "Received SIGINT scheduling shutdown...",
            Signal::Terminate => "Received SIGTERM scheduling shutdown...",
        });
        turn.shutdown(signal);
    }
}
