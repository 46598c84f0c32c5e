//! A client's connection: what was sent and not delivered, delivered and not consumed, received
//! and not read.
//!
//! The network cuts what is sent into pieces of any size and the client's socket takes any part of
//! what is sent to it. Both sides keep whole commands and whole replies apart from the bytes, so
//! that it is known which command each reply answers.

use std::collections::VecDeque;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::{ConnId, Effects, Flow, Turn};

use super::timeline::Timeline;
use crate::decisions::{Decisions, Stream};
use crate::finding::Invariant::P1;
use crate::finding::found;
use crate::model::Words;
use crate::reply;
use crate::sabotage::Boundary;
use crate::script::{Event, Form};
use crate::trace::Trace;

/// A client and its connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) id: ConnId,
    /// Sent, of which so many bytes are delivered.
    in_flight: Vec<u8>,
    delivered: usize,
    /// Delivered and not consumed.
    kept: Vec<u8>,
    need: usize,
    pub(crate) is_paused: bool,
    /// Received and not whole replies yet.
    received: Vec<u8>,
    /// It takes bytes only now and then.
    is_slow: bool,
    /// Its socket was full.
    is_full: bool,
    /// It has said MULTI and neither EXEC nor DISCARD.
    pub(crate) is_in_multi: bool,
    /// Commands that were not consumed whole, with the length of each.
    sent: VecDeque<(Words, usize)>,
    /// Bytes of the first of these that were consumed.
    consumed: usize,
}

impl Wire {
    pub(crate) fn new(id: ConnId, decisions: &Decisions) -> Self {
        Self {
            id,
            in_flight: Vec::new(),
            delivered: 0,
            kept: Vec::new(),
            need: 0,
            is_paused: false,
            received: Vec::new(),
            is_slow: decisions.mood(Stream::Network, |rng| rng.random_ratio(1, 8)),
            is_full: false,
            is_in_multi: false,
            sent: VecDeque::new(),
            consumed: 0,
        }
    }

    /// Bytes on their way to the core.
    pub(crate) fn on_the_way(&self) -> usize {
        self.in_flight.len() - self.delivered
    }

    /// Whether everything that was sent is executed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.sent.is_empty()
    }

    /// The client sends a command.
    pub(crate) fn send(&mut self, words: Words, form: Form) {
        let before = self.in_flight.len();
        encode(&words, form, &mut self.in_flight);
        self.sent.push_back((words, self.in_flight.len() - before));
    }

    /// The network delivers a piece of what was sent, of so many bytes at most, and the core is
    /// fed. Returns the commands that it has consumed.
    pub(crate) fn deliver(
        &mut self,
        turn: &mut Turn<'_>,
        max: usize,
        decisions: &Decisions,
        boundary: &mut Boundary,
        trace: &mut Trace,
    ) -> Vec<Words> {
        if self.is_full && !self.stalls(decisions) {
            self.is_full = false;
            turn.can_write(self.id);
        }
        let arrived = self.arriving(max, decisions);
        let from = self.kept.len();
        self.arrive(arrived);
        boundary.arrived(self.id, &mut self.kept, from);
        let mut executed = Vec::new();
        while !self.is_paused && !self.kept.is_empty() && self.kept.len() >= self.need {
            let fed = turn.feed(self.id, &self.kept);
            turn.took(self.id, &self.kept, spent_ns(fed.consumed));
            assert!(fed.consumed <= self.kept.len(), "no more is consumed than was fed");
            trace.note(b'<', fed.consumed as u64, &self.kept[..fed.consumed]);
            self.kept.drain(..fed.consumed);
            self.need = fed.need;
            self.is_paused = fed.flow == Flow::Paused;
            self.consumed += fed.consumed;
            while let Some((_, len)) = self.sent.front()
                && *len <= self.consumed
                && let Some((words, len)) = self.sent.pop_front()
            {
                self.consumed -= len;
                executed.push(words);
            }
            if fed.flow != Flow::More {
                break;
            }
        }
        executed
    }

    fn stalls(&self, decisions: &Decisions) -> bool {
        let (is_slow, stall) = (self.is_slow, Event::Stall(self.id.slot));
        let decided = decisions.decide(
            Stream::Network,
            |rng| (is_slow && rng.random_ratio(9, 10)).then_some(()),
            |()| stall.clone(),
            |event| (*event == stall).then_some(()),
        );
        decided.is_some()
    }

    fn arrive(&mut self, count: usize) {
        let until = self.delivered + count;
        self.kept.extend_from_slice(&self.in_flight[self.delivered..until]);
        self.delivered = until;
        // Moving the rest only now and then keeps small pieces of long pipelines cheap.
        if 2 * self.delivered >= self.in_flight.len() {
            self.in_flight.drain(..self.delivered);
            self.delivered = 0;
        }
    }

    /// How much of what was sent arrives now.
    fn arriving(&self, max: usize, decisions: &Decisions) -> usize {
        let (client, all) = (self.id.slot, self.on_the_way());
        if all == 0 {
            return 0;
        }
        let decided = decisions.decide(
            Stream::Network,
            |rng| Some(piece_bytes(all, max, rng)).filter(|&bytes| bytes < all),
            |bytes| Event::Deliver { client, bytes },
            |event| match event {
                Event::Deliver { client: of, bytes } if *of == client => Some(*bytes),
                _ => None,
            },
        );
        decided.unwrap_or(all).min(all)
    }

    /// The socket takes some of the bytes that are for it. Returns how many the core is told.
    pub(crate) fn take(
        &mut self,
        effects: &Effects<'_>,
        decisions: &Decisions,
        boundary: &mut Boundary,
        trace: &mut Trace,
    ) -> usize {
        let before = self.received.len();
        let all: usize = effects.tx(self.id).map(<[u8]>::len).sum();
        let room = self.room(decisions);
        for chunk in effects.tx(self.id) {
            let left = room - (self.received.len() - before);
            self.received.extend_from_slice(&chunk[..chunk.len().min(left)]);
        }
        let taken = self.received.len() - before;
        self.is_full = taken < all;
        trace.note(b'>', u64::from(self.id.slot), &self.received[before..]);
        boundary.sent(self.id, &mut self.received, before, all - taken)
    }

    fn room(&self, decisions: &Decisions) -> usize {
        let (client, is_slow) = (self.id.slot, self.is_slow);
        let decided = decisions.decide(
            Stream::Network,
            |rng| is_slow.then(|| rng.random_range(0..2000)),
            |bytes| Event::Room { client, bytes },
            |event| match event {
                Event::Room { client: of, bytes } if *of == client => Some(*bytes),
                _ => None,
            },
        );
        decided.unwrap_or(usize::MAX)
    }

    /// Takes the whole replies out of what was received.
    ///
    /// # Panics
    ///
    /// When they are no RESP.
    pub(crate) fn replies(&mut self) -> Vec<Vec<u8>> {
        let (mut at, mut replies) = (0, Vec::new());
        loop {
            match reply::end(&self.received, at) {
                Ok(Some(end)) => {
                    replies.push(self.received[at..end].to_vec());
                    at = end;
                }
                Ok(None) => break,
                Err(wrong) => {
                    let from = wrong.at.saturating_sub(40);
                    let near = Timeline::shown(&self.received[from..]);
                    found(P1, format!("a reply is no RESP near {near}"));
                }
            }
        }
        self.received.drain(..at);
        replies
    }
}

/// How much of `all` arrives where the network prefers pieces of up to `max` bytes. Now and then a
/// larger one comes, or one byte at a time would be all that a run does.
fn piece_bytes(all: usize, max: usize, rng: &mut ChaCha8Rng) -> usize {
    let max = if rng.random_ratio(1, 3) { max.max(300) } else { max };
    rng.random_range(0..=all.min(max))
}

/// What commands took: it only shows in statistics, so it need not be decided.
fn spent_ns(consumed: usize) -> u64 {
    (consumed as u64).wrapping_mul(7919) % 100_000
}

/// A command as a client sends it.
fn encode(words: &Words, form: Form, out: &mut Vec<u8>) {
    let end = match form {
        Form::Array => None,
        Form::Line => Some(&b"\r\n"[..]),
        Form::UnixLine => Some(&b"\n"[..]),
    };
    if let Some(end) = end {
        out.extend(words.join(&b' '));
        out.extend(end);
        return;
    }
    head(b'*', words.len(), out);
    for word in words {
        head(b'$', word.len(), out);
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// What precedes so many words or bytes. Nearly all are few, and `write!` is slow.
fn head(kind: u8, count: usize, out: &mut Vec<u8>) {
    if let Some(digit) = u8::try_from(count).ok().filter(|count| *count < 10) {
        return out.extend_from_slice(&[kind, b'0' + digit, b'\r', b'\n']);
    }
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    out.extend_from_slice(b"\r\n");
}
