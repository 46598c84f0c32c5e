//! Orderly ends, and the log read back, where nothing goes wrong any more.
//!
//! What SHUTDOWN promises is more than any policy does: whatever was executed is there afterwards,
//! though the power goes the moment it is over. DEBUG LOADAOF gives the very keyspace that there
//! was. At rest nothing else happens, so both can be asked for whatever the seed is about; neither
//! is told to the model, which goes on as if nothing had been.

use seedis_core::ConnId;
use seedis_core::turn::{Exit, Signal};

use super::World;
use super::told::{LOADED, somebody};
use crate::finding::Invariant::{D3, F1, L1, T5};
use crate::finding::{check, found};
use crate::replay::{self, Dump};

/// Turns after which anything that was asked for must be over.
const TURNS_MAX: u32 = 20_000;

/// Who asks.
const ASKER: ConnId = ConnId { slot: 1001, generation: 0 };

impl World {
    /// The process is asked to end, and does.
    pub(super) fn shut_down(&mut self) {
        let now = self.around.clock.now();
        let mut turn = self.core.turn(now);
        turn.shutdown(Signal::Terminate);
        let mut effects = turn.seal();
        self.around.perform(&mut effects);
        let mut exit = effects.exit();
        for _ in 0..TURNS_MAX {
            if let Some(Exit { code }) = exit {
                check(code == 0, L1, || format!("an orderly end with code {code}"));
                let marks = self.core.watermarks();
                check(!marks.is_logging || marks.durable == marks.enqueued, D3, || {
                    format!("the process ends, and not everything is durable: {marks:?}")
                });
                // Time has passed, and that alone changes what there is.
                let now = self.around.clock.now();
                self.oracle.iter_mut().for_each(|oracle| oracle.expired(&self.core, now));
                return;
            }
            exit = self.turn_alone();
        }
        found(L1, "the process does not end");
    }

    /// A turn in which nobody says anything.
    fn turn_alone(&mut self) -> Option<Exit> {
        self.around.begin(&self.core, Vec::new, None);
        let now = self.around.clock.now();
        let mut turn = self.core.turn(now);
        self.around.feed(&mut turn, &mut None);
        let mut effects = turn.seal();
        self.around.network.receive(
            &mut effects,
            &mut None,
            &mut self.around.boundary,
            &mut self.around.trace,
        );
        self.around.perform(&mut effects);
        let exit = effects.exit();
        let logged = self.core.take_log();
        self.around.audit.turn_ended(&self.core, &logged, now);
        self.log.extend(logged);
        exit
    }

    /// Reads the log back.
    pub(super) fn reload(&mut self) {
        let before = replay::dump(&self.core);
        let loaded = self.around.told.count(LOADED);
        let now = self.around.clock.now();
        let mut turn = self.core.turn(now);
        turn.accept(ASKER, somebody());
        turn.feed(ASKER, b"DEBUG LOADAOF\r\n");
        turn.closed(ASKER);
        let mut effects = turn.seal();
        self.around.perform(&mut effects);
        for _ in 0..TURNS_MAX {
            if self.around.told.count(LOADED) > loaded {
                let now_ms = self.around.clock.now().wall_ms();
                return check_same(&before, replay::dump(&self.core), now_ms, "the log read back");
            }
            if let Some(Exit { code }) = self.turn_alone() {
                // Somebody has said SHUTDOWN.
                return check(code == 0, L1, || "the process cannot read its log".into());
            }
        }
        // Clients may be paused, and whoever asks with them.
        check(!self.core.is_loading(), L1, || "the log is not read back".into());
    }
}

/// Nothing differs but what has expired.
pub(super) fn check_same(before: &Dump, after: Dump, now_ms: i64, what: &str) {
    let has_passed = |of: &Option<u64>| of.is_some_and(|of| i128::from(of) <= i128::from(now_ms));
    let mut after: Dump = after.into_iter().map(crate::without_times).collect();
    for (key, value) in before.clone().into_iter().map(crate::without_times) {
        let found = after.remove(&key);
        let is_gone = has_passed(&value.1) || value.0.has_deadlines();
        check(is_gone || found.as_ref() == Some(&value), T5, || {
            format!("{what}: {key:?} is {found:?}, it was {value:?}")
        });
    }
    check(after.is_empty(), F1, || format!("{what}: {:?} is too much", after.keys().next()));
}
