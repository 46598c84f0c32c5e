//! The network: connections that come and go, and what passes over them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rand::RngExt as _;
use rand::seq::IteratorRandom as _;
use seedis_core::{ConnId, Core, Effects, Peer, Turn};

use super::changes::is_change;
use super::clients::Clients;
use super::operator::{Operators, is_operator};
use super::oracle::Oracle;
use super::timeline::Timeline;
use super::wire::Wire;
use crate::decisions::{Decisions, Stream};
use crate::model::Words;
use crate::sabotage::Boundary;
use crate::script::{Event, Form};
use crate::trace::Trace;

/// Everybody who is connected.
#[derive(Debug)]
pub(crate) struct Network {
    decisions: Decisions,
    wires: BTreeMap<u32, Wire>,
    generations: BTreeMap<u32, u32>,
    pieces_bytes_max: usize,
    wires_max: u32,
    timeline: Timeline,
    pub(crate) operators: Operators,
    /// Clients connect.
    pub(crate) is_open: bool,
    /// Replies and pushes that clients have read.
    pub(crate) replies: u64,
}

impl Network {
    pub(crate) fn draw(timeline: Timeline, decisions: Decisions) -> Self {
        let (pieces_bytes_max, wires_max) = decisions.mood(Stream::Network, |rng| {
            let pieces_bytes_max = [1, 7, 100, 4000, 100_000].into_iter().choose(rng);
            (pieces_bytes_max.unwrap_or(100), rng.random_range(1..8))
        });
        Self {
            wires: BTreeMap::new(),
            generations: BTreeMap::new(),
            pieces_bytes_max,
            wires_max,
            operators: Operators::draw(timeline.clone(), decisions.clone()),
            decisions,
            timeline,
            is_open: true,
            replies: 0,
        }
    }

    /// Clients send. Returns how many commands.
    pub(crate) fn send(
        &mut self,
        clients: &mut Option<Clients>,
        walks: impl FnOnce() -> Vec<Words>,
        now_ms: i64,
    ) -> u64 {
        let wires = &mut self.wires;
        // Who waits for what he said to arrive says no more.
        let most = self.pieces_bytes_max.saturating_mul(20).min(100_000);
        let said = || {
            let Some(clients) = clients else { return Vec::new() };
            clients.hear_of_walks(walks);
            let is_ready = |wire: &&mut Wire| wire.on_the_way() <= most && !wire.is_paused;
            let ready = wires.values_mut().filter(is_ready);
            ready.flat_map(|wire| clients.speak(wire, now_ms)).map(Event::Send).collect()
        };
        let events = self.decisions.events(said, |event| matches!(event, Event::Send(_)));
        let mut count = 0;
        for event in events {
            if let Event::Send(sent) = event
                && let Some(wire) = self.wires.get_mut(&sent.client)
            {
                wire.send(sent.words, sent.form);
                count += 1;
            }
        }
        count
    }

    /// Connections are made and lost, and what was sent arrives.
    pub(crate) fn feed(
        &mut self,
        turn: &mut Turn<'_>,
        oracle: &mut Option<Oracle>,
        boundary: &mut Boundary,
        trace: &mut Trace,
    ) {
        if self.is_open {
            self.maybe_connect(turn, oracle, boundary);
        }
        for wire in self.wires.values_mut() {
            let executed =
                wire.deliver(turn, self.pieces_bytes_max, &self.decisions, boundary, trace);
            for words in executed {
                self.timeline.note(|| {
                    format!("client {} executes {}", wire.id.slot, Timeline::command(&words))
                });
                self.operators.has_unblocked |= is_unblock(&words);
                self.operators.has_changed |= is_change(&words);
                if let Some(oracle) = oracle {
                    oracle.executed(wire.id, words);
                }
            }
        }
        if self.is_open {
            self.maybe_disconnect(turn, oracle, boundary);
        }
        oracle.iter_mut().for_each(Oracle::sealed);
    }

    /// A client may leave.
    fn maybe_disconnect(
        &mut self,
        turn: &mut Turn<'_>,
        oracle: &mut Option<Oracle>,
        boundary: &mut Boundary,
    ) {
        let wires = &self.wires;
        let decided = self.decisions.decide(
            Stream::Network,
            |rng| {
                let leaves = rng.random_ratio(1, 1000);
                // Who waits may have to wait for ever.
                let waiting = || wires.iter().filter(|(_, wire)| wire.is_paused).map(|it| *it.0);
                let gives_up = !leaves && rng.random_ratio(1, 100);
                match leaves {
                    true => wires.keys().copied().choose(rng),
                    false => gives_up.then(|| waiting().choose(rng)).flatten(),
                }
            },
            Event::Disconnect,
            |event| if let Event::Disconnect(slot) = event { Some(*slot) } else { None },
        );
        if let Some(slot) = decided
            && let Some(wire) = self.wires.remove(&slot)
        {
            self.timeline.note(|| format!("client {slot} disconnects"));
            if boundary.disconnects(wire.id) {
                turn.closed(wire.id);
            }
            oracle.iter_mut().for_each(|oracle| oracle.disconnect(wire.id));
        }
    }

    /// A client may connect, if its slot is free.
    fn maybe_connect(
        &mut self,
        turn: &mut Turn<'_>,
        oracle: &mut Option<Oracle>,
        boundary: &mut Boundary,
    ) {
        let (wires, most) = (&self.wires, self.wires_max);
        let decided = self.decisions.decide(
            Stream::Network,
            |rng| {
                let connects = wires.is_empty() || rng.random_ratio(1, 20);
                let drawn = connects.then(|| (rng.random_range(0..most), rng.random()));
                drawn.filter(|(slot, _)| !wires.contains_key(slot))
            },
            |(client, is_resp3)| Event::Connect { client, is_resp3 },
            |event| match event {
                Event::Connect { client, is_resp3 } => Some((*client, *is_resp3)),
                _ => None,
            },
        );
        if let Some((slot, is_resp3)) = decided {
            self.connect((slot, is_resp3), turn, oracle, boundary);
        }
    }

    fn connect(
        &mut self,
        (slot, is_resp3): (u32, bool),
        turn: &mut Turn<'_>,
        oracle: &mut Option<Oracle>,
        boundary: &mut Boundary,
    ) {
        let generation = self.generations.entry(slot).or_insert(0);
        let Entry::Vacant(vacant) = self.wires.entry(slot) else { return };
        let id = ConnId { slot, generation: *generation };
        *generation += 1;
        if let Some(gone) = boundary.leaves_late(id) {
            turn.closed(gone);
        }
        let known = boundary.connects(id);
        let id = known.unwrap_or(id);
        let mut wire = Wire::new(id, &self.decisions);
        if is_resp3 {
            wire.send(vec![b"HELLO".to_vec(), b"3".to_vec()], Form::Array);
        }
        self.timeline.note(|| format!("client {slot} connects"));
        if known.is_none() {
            turn.accept(id, peer(slot));
        }
        oracle.iter_mut().for_each(|oracle| oracle.connect(id));
        vacant.insert(wire);
    }

    /// Sockets take replies, paused connections go on, closed ones go.
    pub(crate) fn receive(
        &mut self,
        effects: &mut Effects<'_>,
        oracle: &mut Option<Oracle>,
        boundary: &mut Boundary,
        trace: &mut Trace,
    ) {
        while let Some(id) = effects.writable() {
            if is_operator(id) {
                self.operators.take(effects, id);
                continue;
            }
            let Some(wire) = self.wires.get_mut(&id.slot).filter(|wire| wire.id == id) else {
                continue;
            };
            let taken = wire.take(effects, &self.decisions, boundary, trace);
            effects.sent(id, taken);
            for reply in wire.replies() {
                let shown = || format!("client {} reads {}", id.slot, Timeline::shown(&reply));
                self.timeline.note(shown);
                self.replies += 1;
                if let Some(oracle) = oracle {
                    oracle.replied(id, reply);
                }
            }
        }
        while let Some(id) = effects.resumed() {
            self.operators.resumed(id);
            if boundary.resumes(id)
                && let Some(wire) = self.wires.get_mut(&id.slot).filter(|wire| wire.id == id)
            {
                wire.is_paused = false;
            }
        }
        while let Some(id) = effects.close() {
            trace.note(b'c', u64::from(id.slot), &[]);
            self.timeline.note(|| format!("client {} is disconnected", id.slot));
            self.wires.remove(&id.slot);
            oracle.iter_mut().for_each(|oracle| oracle.disconnect(id));
        }
    }

    /// Nobody comes or goes any more, and what was sent arrives.
    pub(crate) fn rest(&mut self) {
        self.is_open = false;
    }

    /// Whether everything that was said is executed, but by those who wait for a key.
    pub(crate) fn is_quiet(&self, oracle: Option<&Oracle>) -> bool {
        let waits = |id| oracle.is_some_and(|oracle| oracle.is_waiting(id));
        self.wires.values().all(|wire| wire.is_quiet() || waits(wire.id))
    }

    /// Whether somebody waits for a key, who may go on at any moment.
    pub(crate) fn is_waited_for(&self, core: &Core) -> bool {
        self.wires.values().any(|wire| core.waits_for_key(wire.id))
    }

    /// The process ended.
    pub(crate) fn forget(&mut self) {
        self.wires.clear();
        self.operators.forget();
    }
}

/// Whether a command may end the wait of anybody.
fn is_unblock(words: &Words) -> bool {
    words.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"unblock"))
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
