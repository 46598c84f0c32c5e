//! Orderly ends, and the log read back, where nothing goes wrong any more.
//!
//! What SHUTDOWN promises is more than any policy does: whatever was executed is there afterwards,
//! though the power goes the moment it is over. DEBUG LOADAOF gives the very keyspace that there
//! was. At rest nothing else happens, so both can be asked for whatever the seed is about; neither
//! is told to the model, which goes on as if nothing had been.

use seedis_core::turn::{Exit, Signal};
use seedis_core::{ConnId, Effects, Flow, Now, Turn};

use super::World;
use super::oracle::Oracle;
use super::told::{LOADED, somebody};
use crate::finding::Invariant::{D3, F1, L1, P1, T5};
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
        self.end_turn_alone(now);
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
        self.end_turn_alone(now);
        exit
    }

    /// Takes all there is through a dump. The core is not needed any more, and who is paused or
    /// waits for room is not heard.
    pub(super) fn reload_dump(&mut self) {
        let before = replay::dump(&self.core);
        let now = self.around.clock.now();
        let mut turn = self.core.turn(now);
        turn.accept(ASKER, somebody());
        turn.feed(ASKER, b"DEBUG RELOAD\r\n");
        let mut effects = turn.seal();
        let lines: Vec<_> = std::iter::from_fn(|| effects.log_line()).collect();
        let has = |words: &str| lines.iter().any(|(_, line)| line.starts_with(words));
        check(!has("DEBUG RELOAD failed"), T5, || format!("a dump is not read: {lines:?}"));
        if has("DB reloaded") {
            check_same(&before, replay::dump(&self.core), now.wall_ms(), "what a dump gives back");
        }
    }

    /// Reads the log back.
    pub(super) fn reload(&mut self) {
        let before = replay::dump(&self.core);
        // Who waits for a key may go on in the turn in which it is there again.
        let is_still = !self.around.network.is_waited_for(&self.core);
        let loaded = self.around.told.count(LOADED);
        let now = self.around.clock.now();
        let mut turn = self.core.turn(now);
        turn.accept(ASKER, somebody());
        turn.feed(ASKER, b"DEBUG LOADAOF\r\n");
        turn.closed(ASKER);
        let mut effects = turn.seal();
        self.around.perform(&mut effects);
        self.end_turn_alone(now);
        for _ in 0..TURNS_MAX {
            if self.around.told.count(LOADED) > loaded {
                let now_ms = self.around.clock.now().wall_ms();
                if is_still {
                    check_same(&before, replay::dump(&self.core), now_ms, "the log read back");
                }
                return;
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

/// Somebody who says things at the end, and what he is answered.
struct Asker {
    conn: ConnId,
    unread: Vec<u8>,
    answered: Vec<u8>,
}

impl Asker {
    fn new(slot: u32, lines: &str, turn: &mut Turn<'_>) -> Self {
        let conn = ConnId { slot, generation: 0 };
        turn.accept(conn, somebody());
        let mut asker = Self { conn, unread: lines.as_bytes().to_vec(), answered: Vec::new() };
        asker.go_on(turn);
        asker
    }

    /// Says what it has to say, as far as it is heard.
    fn go_on(&mut self, turn: &mut Turn<'_>) {
        while !self.unread.is_empty() {
            let fed = turn.feed(self.conn, &self.unread);
            self.unread.drain(..fed.consumed);
            if fed.flow != Flow::More {
                break;
            }
        }
    }

    fn listen(&mut self, effects: &mut Effects<'_>) {
        let before = self.answered.len();
        effects.tx(self.conn).for_each(|bytes| self.answered.extend_from_slice(bytes));
        effects.sent(self.conn, self.answered.len() - before);
    }

    /// It has written, and asked for the log to be read back, and is answered.
    fn is_last(&self, is_off: bool) -> bool {
        let last = if is_off { NO_LOG } else { "+OK\r\n" };
        self.answered.ends_with(format!("{WRITTEN}{last}").as_bytes())
    }

    fn check(&self, expected: &str) {
        let answered = String::from_utf8_lossy(&self.answered);
        check(answered == expected, P1, || {
            format!("with the log read back somebody is answered {answered:?}, not {expected:?}")
        });
    }
}

/// What is said with the log off.
const NO_LOG: &str =
    "-ERR DEBUG LOADAOF needs the append only file to be on, else all data would be lost\r\n";

/// A write that leaves nothing, and what it is answered.
const WRITE: &str = "MULTI\r\nSET operator 1\r\nDEL operator\r\nEXEC\r\n";
const WRITTEN: &str = "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:1\r\n";

impl World {
    /// Reads the log back while a save begins and others write, watch a key and ask for the same.
    pub(super) fn reload_amid_others(&mut self) {
        // Who waits, or was held up, may go on at any moment, and no model would hear of it.
        let network = &self.around.network;
        if !network.is_quiet(None) || network.is_waited_for(&self.core) {
            return;
        }
        let paused_ns = self.oracle.as_ref().map_or(0, Oracle::paused_until_ns);
        while self.around.clock.now().mono_ns < paused_ns {
            self.turn_alone();
        }
        self.oracle.iter_mut().for_each(Oracle::pause_is_over);
        let before = replay::dump(&self.core);
        let watched = before.iter().find(|((db, key), (value, until))| {
            let is_plain = key.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b':');
            *db == 0 && is_plain && !key.is_empty() && until.is_none() && !value.has_deadlines()
        });
        let watched = watched.map(|((_, key), _)| String::from_utf8_lossy(key).into_owned());
        let name = watched.clone().unwrap_or_else(|| "nothing".into());
        let is_logging = self.core.watermarks().is_logging;
        let now = self.around.clock.now();
        let mut turn = self.core.turn(now);
        let mut watcher = Asker::new(1002, &format!("WATCH {name}\r\n"), &mut turn);
        let asker = Asker::new(1003, &format!("BGSAVE\r\n{WRITE}DEBUG LOADAOF\r\n"), &mut turn);
        let other = Asker::new(1004, "DEBUG LOADAOF\r\n", &mut turn);
        let writer = Asker::new(1005, WRITE, &mut turn);
        watcher.unread.extend(b"MULTI\r\nPING\r\nEXEC\r\n");
        let mut all = [watcher, asker, other, writer];
        let mut effects = turn.seal();
        all.iter_mut().for_each(|it| it.listen(&mut effects));
        self.around.perform(&mut effects);
        self.end_turn_alone(now);
        for _ in 0..TURNS_MAX {
            if self.turn_with(&mut all) {
                break;
            }
        }
        let none = if watched.is_some() && is_logging { "*-1\r\n" } else { "*1\r\n+PONG\r\n" };
        let [watcher, asker, other, writer] = &all;
        check(asker.is_last(!is_logging), P1, || {
            let all = [asker, writer, other].map(|it| String::from_utf8_lossy(&it.answered));
            format!("the log is read back, and told {all:?}")
        });
        watcher.check(&format!("+OK\r\n+OK\r\n+QUEUED\r\n{none}"));
        writer.check(WRITTEN);
        let cannot = "-ERR DEBUG LOADAOF cannot run now\r\n";
        other.check(if is_logging { cannot } else { NO_LOG });
        let now = self.around.clock.now();
        check_same(&before, replay::dump(&self.core), now.wall_ms(), "the log read back");
        self.oracle.iter_mut().for_each(|oracle| oracle.expired(&self.core, now));
        self.around.told.reloaded();
    }

    /// A turn with these; whether nothing is left to be done.
    fn turn_with(&mut self, all: &mut [Asker; 4]) -> bool {
        self.around.begin(&self.core, Vec::new, None);
        let now = self.around.clock.now();
        let is_off = !self.core.watermarks().is_logging;
        let mut turn = self.core.turn(now);
        self.around.feed(&mut turn, &mut None);
        if all[1].is_last(is_off) {
            all.iter_mut().for_each(|it| it.go_on(&mut turn));
        }
        let mut effects = turn.seal();
        all.iter_mut().for_each(|it| it.listen(&mut effects));
        let around = &mut self.around;
        around.network.receive(&mut effects, &mut None, &mut around.boundary, &mut around.trace);
        around.perform(&mut effects);
        self.end_turn_alone(now);
        let is_idle = self.around.disk.pending() == 0;
        let is_answered = |(it, least): (&Asker, usize)| it.answered.len() >= least;
        let least = [24, WRITTEN.len() + 30, 33, WRITTEN.len()];
        is_idle && all[1].is_last(is_off) && all.iter().zip(least).all(is_answered)
    }

    fn end_turn_alone(&mut self, now: Now) {
        let logged = self.core.take_log();
        self.around.audit.turn_ended(&self.core, &logged, now);
        self.log.extend(logged);
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
