//! Bugs of connections: bytes lost, doubled or sent to somebody else.

use std::collections::BTreeMap;

use seedis_core::{ConnId, Now};

use super::boundary::Saboteur;
use super::table::Sabotage;
use crate::disk::{Crash, Disk};
use crate::finding::Invariant::{B1, L1, P1, T1};
use crate::reply;

pub(super) const ROWS: &[Sabotage] = &[
    Sabotage {
        name: "line-end-lost-between-reads",
        number: "85",
        fault: "segments cut between CR and LF",
        caught_by: &[P1, T1, L1],
        words: "when a read ends behind a CR, the LF of the next one is lost",
        plant: || Box::new(Connections::of(Bug::LostLineEnd)),
    },
    Sabotage {
        name: "read-repeated",
        number: "85b",
        fault: "segments of some length",
        caught_by: &[P1, T1, L1],
        words: "a read that ends with a command is fed twice, now and then",
        plant: || Box::new(Connections::of(Bug::ReadTwice)),
    },
    Sabotage {
        name: "reply-tail-dropped",
        number: "86",
        fault: "a socket that takes only a part",
        caught_by: &[P1, L1],
        words: "what a socket did not take of a reply is dropped",
        plant: || Box::new(Connections::of(Bug::TailDropped)),
    },
    Sabotage {
        name: "reply-to-next-in-slot",
        number: "88",
        fault: "close and accept while replies are held",
        caught_by: &[P1, T1, B1, L1],
        words: "a new client in the slot of one who left takes over its session and replies",
        plant: || Box::new(Connections::of(Bug::SlotKept)),
    },
    Sabotage {
        name: "reply-of-the-last-life",
        number: "65",
        fault: "restart, reconnect",
        caught_by: &[P1],
        words: "a client of a new life gets a reply that was made in the last one",
        plant: || Box::new(Connections::of(Bug::LastLife)),
    },
    Sabotage {
        name: "paused-for-ever",
        number: "89",
        fault: "backlog, then drain",
        caught_by: &[L1],
        words: "a connection that was paused is never fed again",
        plant: || Box::new(Connections::of(Bug::NeverResumed)),
    },
    Sabotage {
        name: "reply-to-somebody-else",
        number: "88b",
        fault: "two clients",
        caught_by: &[P1],
        words: "now and then a client gets what was meant for another",
        plant: || Box::new(Connections::of(Bug::Misdirected)),
    },
    Sabotage {
        name: "replies-swapped",
        number: "86b",
        fault: "a pipeline",
        caught_by: &[P1],
        words: "now and then two replies of a pipeline change places",
        plant: || Box::new(Connections::of(Bug::Swapped)),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    LostLineEnd,
    ReadTwice,
    TailDropped,
    SlotKept,
    LastLife,
    NeverResumed,
    Misdirected,
    Swapped,
}

/// A bug in the handling of connections.
#[derive(Debug)]
struct Connections {
    bug: Bug,
    /// Who left a slot without the core hearing of it.
    left: BTreeMap<u32, ConnId>,
    /// What was sent last to a slot.
    sent: BTreeMap<u32, Vec<u8>>,
    is_new_life: bool,
    held: Option<(ConnId, Vec<u8>)>,
    count: u64,
}

impl Connections {
    fn of(bug: Bug) -> Self {
        Self {
            bug,
            left: BTreeMap::new(),
            sent: BTreeMap::new(),
            is_new_life: false,
            held: None,
            count: 0,
        }
    }

    fn misdirect(&mut self, conn: ConnId, received: &mut Vec<u8>, from: usize) {
        match self.held.take() {
            Some((owner, bytes)) if owner != conn => {
                received.splice(from..from, bytes);
            }
            Some(held) => self.held = Some(held),
            None if self.count.is_multiple_of(64) => {
                self.held = Some((conn, received.split_off(from)));
            }
            None => {}
        }
    }

    fn swap(&self, received: &mut Vec<u8>, from: usize) {
        let end = |at| reply::end(received, at).ok().flatten();
        if self.count.is_multiple_of(16)
            && let Some(first) = end(from)
            && let Some(second) = end(first)
        {
            let swapped = [&received[first..second], &received[from..first]].concat();
            received.splice(from..second, swapped);
        }
    }
}

impl Saboteur for Connections {
    fn arrived(&mut self, _conn: ConnId, kept: &mut Vec<u8>, from: usize) {
        match self.bug {
            Bug::LostLineEnd
                if kept[..from].ends_with(b"\r") && kept[from..].starts_with(b"\n") =>
            {
                kept.remove(from);
            }
            Bug::ReadTwice if kept.len() > from && kept.ends_with(b"\r\n") => {
                self.count += 1;
                if self.count.is_multiple_of(16) {
                    kept.extend_from_within(from..);
                }
            }
            _ => {}
        }
    }

    fn sent(&mut self, conn: ConnId, received: &mut Vec<u8>, from: usize, left: usize) -> usize {
        let taken = received.len() - from;
        if taken == 0 {
            return 0;
        }
        self.count += 1;
        match self.bug {
            Bug::TailDropped => return taken + left,
            Bug::LastLife => {
                let last = self.sent.insert(conn.slot, received[from..].to_vec());
                if std::mem::take(&mut self.is_new_life)
                    && let Some(last) = last
                {
                    received.splice(from..from, last);
                }
            }
            Bug::Misdirected => self.misdirect(conn, received, from),
            Bug::Swapped => self.swap(received, from),
            _ => {}
        }
        taken
    }

    fn resumes(&mut self, _conn: ConnId) -> bool {
        self.bug != Bug::NeverResumed
    }

    fn connects(&mut self, conn: ConnId) -> Option<ConnId> {
        self.left.remove(&conn.slot)
    }

    fn disconnects(&mut self, conn: ConnId) -> bool {
        if self.bug == Bug::SlotKept {
            self.left.insert(conn.slot, conn);
        }
        self.bug != Bug::SlotKept
    }

    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, _now: Now) {
        self.left.clear();
        (self.held, self.is_new_life) = (None, true);
    }
}
