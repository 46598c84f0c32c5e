//! Who runs the server: has it save, rewrite its log, wait for the disk and end, in the middle of
//! whatever is under way.
//!
//! None of it changes a key, so no model listens. What is answered is held against the lines of the
//! server's log and against how far the log is: a save that is said to have ended has, what WAITAOF
//! says is durable is, and a process that ends has done everything first that it was asked for.
//! There are two operators, since somebody must be able to say SHUTDOWN ABORT.
//!
//! WAITAOF tells of the writes of who asks. So an operator writes a key and deletes it again, in
//! one transaction: that is in the log, and in no state that anybody sees.

mod lines;

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use seedis_core::config::AppendFsync;
use seedis_core::{ConnId, Core, Effects, Flow, Turn};

use self::lines::{Executed, Lines, rewrite_begun, save_begun, save_ended};
use super::oracle::Oracle;
use super::timeline::Timeline;
use super::told::{SAVE_ENDED, SAVE_FAILED, Told, somebody};
use crate::decisions::{Decisions, Stream};
use crate::finding::Invariant::{B1, D3, F1, L1, P1};
use crate::finding::{check, found};
use crate::reply;
use crate::script::Event;

/// What may be asked for.
pub(crate) const ORDERS: [&str; 18] = [
    "SAVE",
    "BGSAVE",
    "BGSAVE SCHEDULE",
    "BGREWRITEAOF",
    "WAITAOF 0 0 0",
    "WAITAOF 1 0 20",
    "WAITAOF 1 1 10",
    "WRITE",
    "WRITE AND WAITAOF 1 0 3",
    "WRITE AND WAITAOF 1 0 2500",
    "WRITE AND WAITAOF 0 1 10",
    "SHUTDOWN",
    "SHUTDOWN NOSAVE",
    "SHUTDOWN SAVE",
    "SHUTDOWN FORCE",
    "SHUTDOWN NOSAVE FORCE",
    "SHUTDOWN SAVE FORCE",
    "SHUTDOWN ABORT",
];

const WRITE: &str = "MULTI\r\nSET operator 1\r\nDEL operator\r\nEXEC\r\n";

/// The slot of the first operator; clients have lower ones.
const SLOT: u32 = 2000;

/// Whether a connection is an operator's.
pub(crate) fn is_operator(conn: ConnId) -> bool {
    conn.slot >= SLOT
}

/// All operators.
#[derive(Debug)]
pub(crate) struct Operators {
    decisions: Decisions,
    timeline: Timeline,
    /// One of so many turns brings an order; with none nobody gives any.
    odds: u32,
    /// They are there in this run.
    pub(crate) is_on: bool,
    all: [Operator; 2],
    generation: u32,
    /// How often lines had been told when the last turn ended.
    before: Lines,
    shutdown: Option<Shutdown>,
    /// The last save has failed.
    has_failed: bool,
    /// Somebody may have ended a wait in this turn.
    pub(crate) has_unblocked: bool,
    /// Somebody has changed the configuration in this life: replies may wait as under `always`.
    pub(crate) has_changed: bool,
    was_logging: bool,
    /// A rewrite or a save was promised: how often one had begun by then, and how many turns in a
    /// row nothing was in its way.
    wanted: [Option<(u64, u32)>; 2],
}

/// One of them.
#[derive(Debug, Default)]
struct Operator {
    conn: Option<ConnId>,
    unread: Vec<u8>,
    is_paused: bool,
    received: Vec<u8>,
    replies: Vec<Vec<u8>>,
    asked: Option<Asked>,
    /// The log holds its last write up to here.
    write_lsn: Option<u64>,
}

/// An order that was given.
#[derive(Debug)]
struct Asked {
    order: &'static str,
    /// It was carried out, or is being; how the lines and the log were then.
    executed: Option<Executed>,
    /// How a save has ended that it waits for.
    save: Option<&'static str>,
    /// So many replies come before the last.
    first: usize,
    /// The furthest that the log was durable since, if there was one; and somebody may have ended
    /// the wait.
    durable: Option<u64>,
    unblocked: bool,
}

/// A shutdown under way.
#[derive(Clone, Copy, Debug)]
struct Shutdown {
    order: &'static str,
    wants_save: bool,
    began: Lines,
    /// Another operator may have saved since.
    others: bool,
}

impl Operators {
    pub(crate) fn draw(timeline: Timeline, decisions: Decisions) -> Self {
        let odds =
            decisions.mood(Stream::Operator, |rng| *[0, 0, 10, 40, 200].choose(rng).unwrap_or(&0));
        Self {
            decisions,
            timeline,
            odds,
            is_on: false,
            all: Default::default(),
            generation: 0,
            before: Lines::default(),
            shutdown: None,
            has_failed: false,
            has_unblocked: false,
            has_changed: false,
            was_logging: false,
            wanted: [None; 2],
        }
    }

    /// The process ended.
    pub(crate) fn forget(&mut self) {
        self.all = Default::default();
        (self.before, self.shutdown, self.wanted) = (Lines::default(), None, [None; 2]);
        (self.has_changed, self.was_logging, self.has_failed) = (false, false, false);
    }

    /// Whether a shutdown is under way.
    pub(crate) fn is_ending(&self) -> bool {
        self.shutdown.is_some()
    }

    /// Whether nobody waits for anything.
    pub(crate) fn is_idle(&self) -> bool {
        let is_idle = |operator: &Operator| operator.asked.is_none();
        self.all.iter().all(is_idle) && self.wanted == [None; 2] && self.shutdown.is_none()
    }

    /// An order may be given, and what was given arrives. At rest one is given only when a save has
    /// failed and writes are refused until another has not.
    pub(crate) fn feed(&mut self, turn: &mut Turn<'_>, oracle: &mut Option<Oracle>, rests: bool) {
        if !self.is_on {
            return;
        }
        let refusal = turn.write_refusal().is_some_and(|why| why.contains("RDB snapshots"));
        let order = match rests {
            true => (refusal && self.is_idle()).then_some("BGSAVE"),
            false => self.order(refusal),
        };
        if let Some(order) = order {
            self.give(order, turn, oracle);
        }
        for operator in &mut self.all {
            operator.feed(turn);
        }
    }

    fn order(&self, refusal: bool) -> Option<&'static str> {
        self.decisions.decide(
            Stream::Operator,
            |rng| {
                let gives = self.odds > 0 && rng.random_ratio(1, self.odds);
                let mends = refusal && rng.random_ratio(1, 2);
                let mut order = if gives { ORDERS.choose(rng).copied() } else { None };
                if order.is_some_and(|order| order.starts_with("SHUTDOWN")) && !self.is_ending() {
                    order = order.filter(|_| rng.random_ratio(1, 3));
                }
                if mends { Some("BGSAVE") } else { order }
            },
            Event::Order,
            |event| if let Event::Order(order) = event { Some(*order) } else { None },
        )
    }

    fn give(&mut self, order: &'static str, turn: &mut Turn<'_>, oracle: &mut Option<Oracle>) {
        let Some(at) = self.all.iter().position(|it| it.asked.is_none()) else { return };
        let operator = &mut self.all[at];
        if operator.conn.is_none() {
            let conn = ConnId { slot: SLOT + at as u32, generation: self.generation };
            self.generation += 1;
            turn.accept(conn, somebody());
            oracle.iter_mut().for_each(|oracle| oracle.connect(conn));
            operator.conn = Some(conn);
        }
        self.timeline.note(|| format!("operator {at} says {order}"));
        let (write, rest) = match order.strip_prefix("WRITE") {
            Some(rest) => (WRITE, rest.trim_start_matches(" AND ")),
            None => ("", order),
        };
        let end = if rest.is_empty() { "" } else { "\r\n" };
        operator.unread.extend(format!("{write}{rest}{end}").into_bytes());
        let first = write.lines().count() - usize::from(rest.is_empty());
        operator.asked = Some(Asked {
            order,
            executed: None,
            save: None,
            first,
            durable: None,
            unblocked: false,
        });
    }

    /// Takes what is for an operator.
    pub(crate) fn take(&mut self, effects: &mut Effects<'_>, conn: ConnId) {
        let Some(operator) = self.all.iter_mut().find(|it| it.conn == Some(conn)) else { return };
        let bytes: Vec<u8> = effects.tx(conn).flatten().copied().collect();
        effects.sent(conn, bytes.len());
        operator.received.extend(bytes);
        operator.read(&self.timeline);
    }

    /// A connection goes on.
    pub(crate) fn resumed(&mut self, conn: ConnId) {
        let mut all = self.all.iter_mut();
        all.find(|it| it.conn == Some(conn)).into_iter().for_each(|it| it.is_paused = false);
    }

    /// A turn is over, and everything that it has told.
    pub(crate) fn turn_ended(&mut self, core: &Core, told: &Told, now_ns: u64) {
        if !self.is_on || core.is_loading() {
            return;
        }
        let (before, after) = (self.before, Lines::of(told));
        self.before = after;
        self.has_failed = after.saves[2] > before.saves[2]
            || self.has_failed && after.saves[1] == before.saves[1];
        self.follow_shutdown(core, told, before, after);
        self.check_wanted(core, after);
        let unblocked = std::mem::take(&mut self.has_unblocked);
        let marks = core.watermarks();
        // A log that ends in this turn was durable first.
        let was_logging = std::mem::replace(&mut self.was_logging, marks.is_logging);
        let begins = after.rewrites[1] > before.rewrites[1];
        let ends = (was_logging || begins) && !marks.is_logging;
        let durable = if ends { Some(u64::MAX) } else { marks.is_logging.then_some(marks.durable) };
        let was_ending = before.shutdowns[0] > before.shutdowns[1];
        let is_ending = was_ending || before.shutdowns != after.shutdowns;
        for at in 0..self.all.len() {
            let executed = Executed {
                before,
                after,
                enqueued: marks.enqueued,
                at_ns: now_ns,
                is_logging: marks.is_logging,
                is_ending,
            };
            self.all[at].turn_ended(executed, durable, unblocked);
            self.read_replies(at, now_ns);
            self.all[at].check_wait(core, now_ns, self.has_changed);
        }
    }

    fn follow_shutdown(&mut self, core: &Core, told: &Told, before: Lines, after: Lines) {
        if after.shutdowns[0] > before.shutdowns[0] {
            let mut asked = self.all.iter().filter_map(|it| it.asked.as_ref());
            let Some(asked) = asked.find(|it| it.executed.is_none() && it.is_shutdown()) else {
                // A signal.
                return;
            };
            let order = asked.order;
            let wants_save = order.contains(" SAVE")
                || !core.config().save.is_empty() && !order.contains("NOSAVE");
            self.shutdown = Some(Shutdown { order, wants_save, began: after, others: false });
        }
        if let Some(shutdown) = &mut self.shutdown {
            let mut asked = self.all.iter().filter_map(|it| it.asked.as_ref());
            shutdown.others |= asked.any(|it| it.order.contains("SAVE") && !it.is_shutdown());
        }
        if after.shutdowns[1] == before.shutdowns[1] {
            return;
        }
        let Some(shutdown) = self.shutdown.take() else { return };
        let why = told.shutdown_failed();
        let is_forced = shutdown.order.contains("FORCE");
        let has_failed = match why {
            "the snapshot could not be saved" => {
                shutdown.wants_save && after.saves[2] > shutdown.began.saves[2] && !is_forced
            }
            "the append only file could not be written" => {
                !is_forced && (core.write_refusal().is_some() || !core.watermarks().is_logging)
            }
            "the shutdown was aborted" => {
                let mut asked = self.all.iter().filter_map(|it| it.asked.as_ref());
                asked.any(|it| it.order == "SHUTDOWN ABORT" && it.executed.is_none())
            }
            _ => false,
        };
        check(has_failed, L1, || format!("{} does not end the process: {why}", shutdown.order));
    }

    /// The process has ended. Returns whether a dump holds everything.
    pub(crate) fn exited(&self, core: &Core, told: &Told) -> bool {
        if !self.is_on {
            return false;
        }
        let Some(Shutdown { order, wants_save, began, others }) = self.shutdown else {
            found(L1, "the process ends, and nobody has asked for that");
        };
        let lines = Lines::of(told);
        let marks = core.watermarks();
        let is_forced = order.contains("FORCE");
        let is_given_up = is_forced && core.write_refusal().is_some();
        check(!marks.is_logging || marks.durable == marks.enqueued || is_given_up, D3, || {
            format!("the process ends by {order}, and not everything is durable: {marks:?}")
        });
        let is_saved = lines.saves[1] > began.saves[1];
        check(is_saved || !wants_save || is_forced, D3, || {
            format!("the process ends by {order}, and has not saved")
        });
        check(wants_save || others || lines.saves[0] == began.saves[0], F1, || {
            format!("the process has saved, {order} does not want that")
        });
        wants_save && is_saved && !self.has_failed
    }

    /// What was promised for later begins when nothing is in its way.
    fn check_wanted(&mut self, core: &Core, lines: Lines) {
        let is_free = !lines.is_saving()
            && !lines.is_rewriting()
            && self.shutdown.is_none()
            && core.watermarks().is_logging;
        let begun = [lines.rewrites[0], lines.saves[0]];
        for (wanted, begun) in self.wanted.iter_mut().zip(begun) {
            let Some((before, turns)) = wanted else { continue };
            *turns = if is_free { *turns + 1 } else { 0 };
            // A log that is switched off takes with it what was to be done about it; it may have
            // been switched off and on again.
            if begun > *before || !core.config().appendonly || self.has_changed {
                *wanted = None;
            } else {
                check(*turns < 3, L1, || "what was promised does not begin".into());
            }
        }
    }

    fn read_replies(&mut self, at: usize, now_ns: u64) {
        for reply in std::mem::take(&mut self.all[at].replies) {
            let text = String::from_utf8_lossy(&reply).into_owned();
            let operator = &mut self.all[at];
            let Some(asked) = &mut operator.asked else {
                found(P1, format!("an operator got {text:?} and had asked for nothing"));
            };
            if let Some(left) = asked.first.checked_sub(1) {
                asked.first = left;
                let executed = asked.executed;
                operator.wrote(left, &text, executed);
                continue;
            }
            let Some(executed) = asked.executed else {
                found(P1, format!("{} is answered {text:?} before it is executed", asked.order));
            };
            let is_so = match asked.order {
                "SAVE" => save_ended(asked.save, &text, executed),
                "BGSAVE" | "BGSAVE SCHEDULE" => save_begun(&text, executed),
                "BGREWRITEAOF" => rewrite_begun(&text, executed),
                "SHUTDOWN ABORT" => match &text[..] {
                    "+OK\r\n" => executed.after.shutdowns[1] > executed.before.shutdowns[1],
                    "-ERR No shutdown in progress.\r\n" => {
                        executed.before.shutdowns[0] == executed.before.shutdowns[1]
                    }
                    _ => false,
                },
                order if order.starts_with("SHUTDOWN") => match &text[..] {
                    "-ERR Errors trying to SHUTDOWN. Check logs.\r\n" => {
                        self.before.shutdowns[1] > executed.before.shutdowns[1]
                    }
                    "-ERR Shutdown is already in progress.\r\n" => executed.is_ending,
                    _ => false,
                },
                "WRITE" => operator.wrote(0, &text, Some(executed)),
                order => {
                    let (durable, unblocked) = (asked.durable, asked.unblocked);
                    operator.waited(order, &text, executed, (durable, now_ns), unblocked)
                }
            };
            check(is_so, P1, || {
                format!("{:?} is answered {text:?}, and {:?}", operator.asked, self.before)
            });
            self.note_promise(at, &text);
            self.all[at].asked = None;
        }
    }

    fn note_promise(&mut self, at: usize, reply: &str) {
        let Some(executed) = self.all[at].asked.as_ref().and_then(|it| it.executed) else { return };
        let after = executed.after;
        if reply == "+Background append only file rewriting scheduled\r\n" {
            self.wanted[0] = Some((after.rewrites[0], 0));
        } else if reply == "+Background saving scheduled\r\n" {
            self.wanted[1] = Some((after.saves[0], 0));
        }
    }
}

impl Asked {
    fn is_shutdown(&self) -> bool {
        self.order.starts_with("SHUTDOWN") && self.order != "SHUTDOWN ABORT"
    }
}

/// What WAITAOF is told: how many servers of each kind, and for how many milliseconds.
fn wait_of(order: &str) -> Option<[u64; 3]> {
    let (_, numbers) = order.split_once("WAITAOF ")?;
    let mut numbers = numbers.split(' ').filter_map(|number| number.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}

impl Operator {
    fn feed(&mut self, turn: &mut Turn<'_>) {
        let Some(conn) = self.conn else { return };
        while !self.is_paused && !self.unread.is_empty() {
            let fed = turn.feed(conn, &self.unread);
            turn.took(conn, &self.unread, 1000);
            self.unread.drain(..fed.consumed);
            self.is_paused = fed.flow == Flow::Paused;
            if fed.flow != Flow::More {
                break;
            }
        }
    }

    fn read(&mut self, timeline: &Timeline) {
        while let Ok(Some(end)) = reply::end(&self.received, 0).inspect_err(|_| {
            found(P1, "an operator got what is no RESP");
        }) {
            let rest = self.received.split_off(end);
            let reply = std::mem::replace(&mut self.received, rest);
            timeline.note(|| format!("operator reads {}", Timeline::shown(&reply)));
            self.replies.push(reply);
        }
    }

    /// What it has asked for is executed when it is read.
    fn turn_ended(&mut self, executed: Executed, durable: Option<u64>, unblocked: bool) {
        let Some(asked) = &mut self.asked else { return };
        asked.durable = asked.durable.max(durable);
        asked.unblocked |= unblocked;
        match &mut asked.executed {
            // Another save may have ended before the reply is read.
            Some(_) if asked.save.is_some() => {}
            Some(_) => {
                let (old, new) = (executed.before.saves, executed.after.saves);
                // The reply may wait for the disk while others save.
                let ended = if new[1] > old[1] { SAVE_ENDED } else { SAVE_FAILED };
                if asked.save.is_none() && new[1..] != old[1..] {
                    asked.save = Some(ended);
                }
            }
            None if self.unread.is_empty() => asked.executed = Some(executed),
            None => {}
        }
    }

    /// Its write is answered; so many replies follow before that to what it asked for.
    fn wrote(&mut self, left: usize, reply: &str, executed: Option<Executed>) -> bool {
        if left == 0 && reply.starts_with('*') {
            let executed = executed.filter(|executed| executed.is_logging);
            self.write_lsn = executed.map(|executed| executed.enqueued);
        }
        matches!(reply, "+OK\r\n" | "+QUEUED\r\n" | "*2\r\n+OK\r\n:1\r\n") || reply.starts_with('-')
    }

    /// Whether the reply to WAITAOF is right.
    fn waited(
        &self,
        order: &str,
        reply: &str,
        executed: Executed,
        (durable, now_ns): (Option<u64>, u64),
        unblocked: bool,
    ) -> bool {
        let Some([local, replicas, ms]) = wait_of(order) else { return false };
        let is_late = now_ns >= executed.at_ns + ms * 1_000_000;
        let is_durable = durable.is_some_and(|durable| durable >= self.write_lsn.unwrap_or(0));
        match reply {
            "*2\r\n:1\r\n:0\r\n" => is_durable && (replicas == 0 || is_late || unblocked),
            "*2\r\n:0\r\n:0\r\n" => is_late || unblocked || local == 0 && replicas == 0,
            reply if reply.starts_with("-UNBLOCKED") => unblocked,
            reply if reply.starts_with("-ERR WAITAOF cannot be used") => {
                local > 0 && !executed.is_logging
            }
            _ => false,
        }
    }

    /// Who waits is answered when everything is durable, and in time.
    fn check_wait(&self, core: &Core, now_ns: u64, has_changed: bool) {
        let Some(asked) = self.asked.as_ref() else { return };
        let (Some([local, replicas, ms]), Some(executed)) = (wait_of(asked.order), asked.executed)
        else {
            return;
        };
        let marks = core.watermarks();
        let is_durable = marks.is_logging && marks.durable == marks.enqueued;
        check(!(is_durable && local == 1 && replicas == 0), B1, || {
            format!("{} is not answered, and all is durable", asked.order)
        });
        // It may be answered, and the reply wait for what others have written: under `always`, or
        // because somebody has ended its wait.
        let (config, until_ns) = (core.config(), executed.at_ns + ms * 1_000_000);
        let is_always = config.appendfsync == AppendFsync::Always || !config.appendonly;
        if until_ns <= now_ns || is_always || has_changed || asked.unblocked {
            return;
        }
        let next_ns = core.next_deadline();
        check(next_ns.is_some_and(|next| next <= until_ns), B1, || {
            format!("{} ends at {until_ns}, the next turn is due at {next_ns:?}", asked.order)
        });
    }
}
