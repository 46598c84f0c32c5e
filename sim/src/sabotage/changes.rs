//! Bugs of changes of the configuration while the server runs.
//!
//! The core must not hear of a change that is ignored, yet has to answer as many bytes as the
//! client has sent. So another setting takes its place, which is as long and means nothing here.

use seedis_core::{ConnId, IoReq, IoResult, Now, Ticket};

use super::boundary::{Desk, Saboteur};
use super::ledger::Ledger;
use super::table::Sabotage;
use crate::disk::{Crash, Disk};
use crate::finding::Invariant::{D1, D2, D3};

pub(super) const ROWS: &[Sabotage] = &[
    Sabotage {
        name: "appendfsync-change-ignored",
        number: "1c",
        fault: "CONFIG SET appendfsync always, power loss",
        caught_by: &[D1, D2, D3],
        words: "CONFIG SET appendfsync is answered and the policy stays what it was",
        plant: || Box::new(Ignored),
    },
    Sabotage {
        name: "switched-off-without-sync",
        number: "1d",
        fault: "CONFIG SET appendonly no, power loss",
        caught_by: &[D1, D2, D3],
        words: "when the log is switched off what it has last is not synced",
        plant: || Box::new(SwitchedOff::default()),
    },
];

/// Changes of `appendfsync` that the core does not hear of.
#[derive(Debug)]
struct Ignored;

const OTHERS: [(&[u8], &[u8]); 3] = [
    (b"$11\r\nappendfsync\r\n$6\r\nalways\r\n", b"$12\r\nrepl-timeout\r\n$5\r\n60000\r\n"),
    (b"$11\r\nappendfsync\r\n$8\r\neverysec\r\n", b"$12\r\nrepl-timeout\r\n$7\r\n6000000\r\n"),
    (b"$11\r\nappendfsync\r\n$2\r\nno\r\n", b"$12\r\nrepl-timeout\r\n$1\r\n9\r\n"),
];

/// Where something is in bytes.
fn places(bytes: &[u8], of: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|&at| bytes[at..].starts_with(of)).collect()
}

impl Saboteur for Ignored {
    fn arrived(&mut self, _conn: ConnId, kept: &mut Vec<u8>, _from: usize) {
        if places(kept, b"appendfsync").is_empty() {
            return;
        }
        for (change, other) in OTHERS {
            for at in places(kept, change) {
                kept[at..at + other.len()].copy_from_slice(other);
            }
        }
    }
}

/// From the moment on in which the log is switched off it is not synced.
#[derive(Debug, Default)]
struct SwitchedOff {
    is_off: bool,
    ledger: Ledger,
}

impl Saboteur for SwitchedOff {
    fn arrived(&mut self, _conn: ConnId, kept: &mut Vec<u8>, _from: usize) {
        let says = |value: &[u8]| {
            let words = [b"$10\r\nappendonly\r\n", value].concat();
            places(kept, &words).last().copied()
        };
        let (off, on) = (says(b"$2\r\nno\r\n"), says(b"$3\r\nyes\r\n"));
        if off.is_some() || on.is_some() {
            self.is_off = off > on;
        }
    }

    fn request(&mut self, ticket: Ticket, request: IoReq, desk: &mut Desk<'_>) {
        self.ledger.note(ticket, &request);
        match request {
            IoReq::Sync { file } if self.is_off && self.ledger.is_log(file) => {
                desk.tell(ticket, IoResult::Done);
            }
            other => desk.ask(ticket, other),
        }
    }

    fn crashed(&mut self, _disk: &mut Disk, _crash: Crash, _now: Now) {
        *self = Self::default();
    }
}
