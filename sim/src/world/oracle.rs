//! The oracle of a world: the model, executed in step with the core, and what it says of replies.

use std::collections::{BTreeMap, VecDeque};

use seedis_core::{ConnId, Core, Now, Turn};

use super::changes;
use super::durability::{Damage, History, Told};
use super::pauses::{self, HeldUp};
use super::rot::Verdict;
use super::timeline::Timeline;
use super::told::{Expired, STORM};
use crate::disk::Crash;
use crate::finding::Invariant::{B1, L1, P1, T1};
use crate::finding::{check, found};
use crate::model::{Entry, Executed, Expected, Keyspace, Model, Reply, Served, Words};
use crate::replay;

/// So many fields at most go with their hashes in the turns that are looked at so closely.
const UNCOUNTED: u64 = 50;

/// The model and the replies that clients wait for.
#[derive(Debug)]
pub(crate) struct Oracle {
    model: Model,
    history: History,
    waiting: BTreeMap<ConnId, VecDeque<Waiting>>,
    /// What has happened in this turn and was not looked at, in its order.
    happened: Vec<Happened>,
    /// There is to be a log.
    wants_log: bool,
    /// What keeps keys from going.
    held_up: HeldUp,
    /// Turns of this life at whose begin as much went as may.
    storms: u64,
    late_ms: u64,
    /// The latest time on the wall in this life.
    latest_ms: u64,
    /// Somebody has said SHUTDOWN, and nothing is changed meanwhile.
    is_ending: bool,
    /// It met something that it cannot follow: nothing is compared from then on.
    pub(crate) is_lost: bool,
}

/// Something that happened in a turn. It is looked at when the turn is over, since only then the
/// log is there, which tells what luck has chosen.
#[derive(Debug)]
enum Happened {
    Connected(ConnId),
    Executed(ConnId, Words),
    Disconnected(ConnId),
    Sealed,
    Replied(ConnId, Vec<u8>),
}

/// A command that was executed and whose reply was not read.
#[derive(Debug)]
struct Waiting {
    words: Words,
    /// What it must be; nothing while it waits for a key.
    expected: Option<(Expected, Told)>,
}

impl Oracle {
    pub(crate) fn new(databases: usize, bulk_bytes_max: usize, history: History) -> Self {
        let model = Model::new(databases, bulk_bytes_max);
        let (waiting, happened) = (BTreeMap::new(), Vec::new());
        let wants_log = history.is_logged();
        Self {
            model,
            history,
            waiting,
            happened,
            wants_log,
            held_up: HeldUp::default(),
            storms: 0,
            late_ms: 0,
            latest_ms: 0,
            is_ending: false,
            is_lost: false,
        }
    }

    pub(crate) fn connect(&mut self, conn: ConnId) {
        self.happened.push(Happened::Connected(conn));
    }

    pub(crate) fn disconnect(&mut self, conn: ConnId) {
        self.happened.push(Happened::Disconnected(conn));
    }

    /// The core has executed a command of a connection.
    pub(crate) fn executed(&mut self, conn: ConnId, words: Words) {
        self.happened.push(Happened::Executed(conn, words));
    }

    /// All that clients have sent in a turn is executed.
    pub(crate) fn sealed(&mut self) {
        self.happened.push(Happened::Sealed);
    }

    /// A client has read a reply.
    pub(crate) fn replied(&mut self, conn: ConnId, reply: Vec<u8>) {
        self.happened.push(Happened::Replied(conn, reply));
    }

    /// Looks at what has happened in a turn in which the core has logged this, and in which
    /// perhaps nobody may write.
    ///
    /// # Panics
    ///
    /// When a reply is another than it must be: that is the finding.
    pub(crate) fn look(&mut self, now: Now, log: Vec<u8>, holds_writes: bool) {
        let logged = if self.held_up.is_paused() { log.clone() } else { Vec::new() };
        self.model.begin_turn(now.mono_ns, log);
        let mut all = std::mem::take(&mut self.happened);
        for happened in all.drain(..) {
            match happened {
                Happened::Connected(conn) => {
                    self.model.connect(conn);
                    self.waiting.insert(conn, VecDeque::new());
                }
                Happened::Disconnected(conn) => {
                    self.model.disconnect(conn);
                    self.waiting.remove(&conn);
                }
                Happened::Executed(conn, words) => {
                    let before = self.model.keyspace().changes();
                    let name = (holds_writes && Model::writes(&words)).then(|| words[0].clone());
                    self.execute(conn, words, now);
                    let is_write = self.model.keyspace().changes() != before;
                    name.iter()
                        .for_each(|it| super::told::Told::check_write(holds_writes, is_write, it));
                }
                // Nobody need have said anything for a key to be gone that somebody waits for.
                Happened::Sealed => {
                    let served = self.model.serve(now.wall_ms());
                    self.serve(served);
                }
                Happened::Replied(conn, reply) => self.compare_reply(conn, &reply),
            }
        }
        // Its room serves the next turn.
        self.happened = all;
        self.held_up.check_log(&logged);
    }

    /// A life ends, perhaps with a dump that holds everything. What was asked for and not answered
    /// is not answered any more.
    pub(crate) fn crashed(
        &mut self,
        core: &Core,
        crash: Crash,
        damage: Damage,
        loads_log: bool,
        is_dumped: bool,
    ) {
        self.waiting.clear();
        (self.held_up, self.is_ending) = (HeldUp::default(), false);
        (self.storms, self.late_ms, self.latest_ms) = (0, 0, 0);
        self.model.freeze(false);
        self.model.restart(Keyspace::new(core.databases().count()));
        match core.is_loading() {
            true => self.history.crashed_again(crash, damage),
            false => {
                let marks = core.watermarks();
                let durable = if marks.is_logging { marks.durable } else { 0 };
                self.history.crashed(crash, durable, damage, (loads_log, is_dumped));
                self.wants_log = loads_log;
            }
        }
    }

    /// A file that is to be loaded has rotted, or is whole again.
    pub(crate) fn rotted(&mut self, rot: Option<Verdict>) {
        self.history.rotted(rot);
    }

    /// A life begins to serve with what it has loaded.
    ///
    /// # Panics
    ///
    /// When that is no state that a crash may leave.
    pub(crate) fn recovered(&mut self, core: &Core, now_ns: u64) {
        let mut keyspace = Keyspace::new(core.databases().count());
        for ((db, key), (value, deadline)) in replay::dump(core) {
            let deadline_ms = deadline.and_then(|deadline| i64::try_from(deadline).ok());
            keyspace.put(db, &key, Entry { value, deadline_ms });
        }
        let lsn = core.watermarks().enqueued;
        if let Err((invariant, words)) = self.history.recovered(keyspace.hash(), lsn, now_ns)
            && !self.is_lost
        {
            found(invariant, words);
        }
        self.model.restart(keyspace);
    }

    /// Everything that decides what may be recovered.
    pub(crate) fn allowance(&self) -> u128 {
        self.history.allowance()
    }

    /// A turn begins: some waits end and some keys may have expired.
    pub(crate) fn turn_began(&mut self, turn: &Turn<'_>, now: Now) {
        self.latest_ms = self.latest_ms.max(now.wall_ms().max(0).cast_unsigned());
        self.model.refuse_writes(turn.write_refusal());
        self.held_up.turn_began(now);
        self.model.freeze(self.held_up.is_paused());
        let served = self.model.end_late_waits(now.mono_ns);
        self.serve(served);
        let expired = self.model.keyspace().expired();
        let first_ms = self.model.keyspace().next_deadline_ms();
        self.settle(now, true, |db, key, field| turn.holds(db, key, field));
        self.check_expiry(expired, now);
        if self.model.keyspace().expired() != expired
            && self.model.keyspace().next_deadline_ms() != first_ms
        {
            // The first of them has gone.
            let late_ms = first_ms.map_or(0, |at_ms| now.wall_ms().abs_diff(at_ms));
            self.late_ms = self.late_ms.max(late_ms);
        }
    }

    /// What is past its deadline has gone as the turn began, if it was not too much at once.
    fn check_expiry(&mut self, before: (u64, u64), now: Now) {
        let next_ms = self.model.keyspace().next_deadline_ms();
        let is_late = next_ms.is_some_and(|at_ms| at_ms <= now.wall_ms());
        let (keys, fields) = self.model.keyspace().expired();
        let gone = keys + fields - before.0 - before.1;
        let is_storm = gone >= STORM;
        check(gone <= STORM || self.is_lost, L1, || format!("{gone} go at the begin of a turn"));
        self.storms += u64::from(is_storm);
        // Fields that went with their hash counted for the core, and not here.
        let may_be_storm = gone + UNCOUNTED >= STORM;
        check(!is_late || may_be_storm || self.may_keep(), L1, || {
            format!("what ends at {next_ms:?} is still there at {}", now.wall_ms())
        });
    }

    /// A command may change what is promised.
    fn change(&mut self, words: &Words, expected: &mut Option<Expected>, now: Now) {
        let (policy, appendonly) = (changes::policy(words), changes::appendonly(words));
        let is_pause = pauses::is_one(words) && self.held_up.executed(words, now);
        if let Some(expected) =
            expected.as_mut().filter(|_| policy.is_some() || appendonly.is_some() || is_pause)
        {
            expected.reply = Reply::Simple("OK");
        }
        self.model.freeze(self.held_up.is_paused());
        if let Some(policy) = policy {
            self.history.policy_changed(policy);
        }
        if let Some(appendonly) = appendonly {
            self.wants_log = appendonly;
            if !appendonly {
                self.history.switched_off(now.mono_ns);
            }
        }
    }

    fn execute(&mut self, conn: ConnId, words: Words, now: Now) {
        let now_ms = now.wall_ms();
        let is_queued = self.model.is_in_transaction(conn);
        let may_change = !is_queued && !self.model.is_busy_listening(conn);
        let Executed { mut expected, is_write, hash, pushes, served } =
            self.model.execute(conn, &words, now_ms);
        self.held_up.check_command(is_write, expected.as_ref().map(|expected| &expected.reply));
        if may_change {
            self.change(&words, &mut expected, now);
        }
        self.is_lost |= expected.as_ref().is_some_and(|expected| expected.reply.is_lost());
        let told = self.history.executed(is_write, hash);
        let expected = expected.map(|expected| (expected, told));
        let said = if pushes.is_empty() { Words::new() } else { words.clone() };
        self.waiting.entry(conn).or_default().push_back(Waiting { words, expected });
        for (conn, expected) in pushes {
            let expected = Some((expected, told.to_others()));
            self.push(conn, Waiting { words: said.clone(), expected });
        }
        self.serve(served);
    }

    /// A client is told something behind all that it was answered.
    fn push(&mut self, conn: ConnId, push: Waiting) {
        let queue = self.waiting.entry(conn).or_default();
        let does_wait = queue.back().is_some_and(|last| last.expected.is_none());
        queue.insert(queue.len() - usize::from(does_wait), push);
    }

    /// Some who waited are answered.
    fn serve(&mut self, served: Vec<Served>) {
        for Served { conn, expected, is_write, hash } in served {
            self.is_lost |= expected.reply.is_lost();
            let told = self.history.executed(is_write, hash);
            // It has waited since it said its last command.
            if let Some(waiting) = self.waiting.get_mut(&conn).and_then(VecDeque::back_mut) {
                waiting.expected = Some((expected, told));
            }
        }
    }

    fn compare_reply(&mut self, conn: ConnId, reply: &[u8]) {
        if self.is_lost {
            return;
        }
        let shown = || Timeline::shown(reply);
        let waiting = self.waiting.get_mut(&conn).and_then(VecDeque::pop_front);
        let Some(Waiting { words, expected }) = waiting else {
            found(P1, format!("{conn:?} got {} and had asked for nothing", shown()));
        };
        let asked = || Timeline::command(&words);
        let Some((expected, told)) = expected else {
            found(B1, format!("{} answered {} while it must wait", asked(), shown()));
        };
        check(expected.reply.is(reply, expected.is_resp3), P1, || {
            format!("{} answered {}, expected {:?}", asked(), shown(), expected.reply)
        });
        if let Reply::Told(of) = &expected.reply
            && let Some((cursor, names, _)) = of.read(reply, 0, expected.is_resp3)
            && let Some(owed) = self.model.walked(of, &cursor, &names)
        {
            let owed = Timeline::shown(&owed);
            found(P1, format!("{} ends a walk that has not told {owed}", asked()));
        }
        self.history.replied(told);
        if changes::appendonly(&words) == Some(false) {
            self.history.replied_off(told);
        }
    }

    /// What has expired in this life.
    pub(crate) fn has_expired(&self, now: Now) -> Expired {
        let keyspace = self.model.keyspace();
        let (keys, fields) = keyspace.expired();
        let is_due = |due: Vec<(usize, Vec<u8>)>| !due.is_empty();
        let now_ms = now.wall_ms();
        let is_open = is_due(keyspace.dead(now_ms)) || is_due(keyspace.with_dead_fields(now_ms));
        let Self { storms, late_ms, latest_ms, .. } = *self;
        let unsure = keyspace.expired_unsure();
        let (is_exact, is_known) = (!is_open, !self.is_lost);
        Expired { keys, fields, unsure, is_exact, is_known, storms, late_ms, latest_ms }
    }

    /// What clients may say to go on with a walk of SCAN.
    pub(crate) fn open_walks(&self) -> Vec<Words> {
        self.model.open_walks()
    }

    /// Whether a client waits for a key.
    pub(crate) fn is_waiting(&self, conn: ConnId) -> bool {
        self.model.is_waiting(conn)
    }

    /// Whether every command that was executed is answered.
    pub(crate) fn is_answered(&self) -> bool {
        let mut waiting = self.waiting.values().flatten();
        self.is_lost || waiting.all(|waiting| waiting.expected.is_none())
    }

    /// What is past its deadline is perhaps gone.
    pub(crate) fn expired(&mut self, core: &Core, now: Now) {
        self.settle(now, false, |db, key, field| core.holds(db, key, field));
        let lsn = core.watermarks().enqueued;
        self.history.turn_ended(self.model.keyspace().hash(), lsn, now.mono_ns);
    }

    /// Of what is past its deadline that stays which the core still holds.
    fn settle(
        &mut self,
        now: Now,
        is_begin: bool,
        mut holds: impl FnMut(usize, &[u8], Option<&[u8]>) -> bool,
    ) {
        let keeps = self.held_up.keeps_all(is_begin) && !self.is_lost;
        self.model.settle(now.wall_ms(), |db, key, field| {
            let held = holds(db, key, field);
            let shown = || Timeline::shown(field.unwrap_or(key));
            check(held || !keeps, L1, || format!("{} is gone while expiry is held up", shown()));
            held
        });
    }

    /// When writes are no longer paused.
    pub(crate) fn paused_until_ns(&self) -> u64 {
        self.held_up.paused_until_ns()
    }

    /// So much time has passed that it is over.
    pub(crate) fn pause_is_over(&mut self) {
        self.held_up = HeldUp::default();
        self.model.freeze(false);
    }

    /// When the next key or field is due that nothing but a command takes away.
    pub(crate) fn held_up_ns(&self, now: Now) -> Option<u64> {
        let next = || self.model.keyspace().deadline_after_ms(now.wall_ms());
        let at_ms = self.held_up.is_any().then(next).flatten()?;
        let left_us = i128::from(at_ms) * 1000 - i128::from(now.wall_us);
        Some(now.mono_ns.saturating_add(u64::try_from(left_us * 1000).ok()?))
    }

    /// A turn has ended, and perhaps the process is about to end.
    pub(crate) fn ends(&mut self, core: &Core, now: Now, is_ending: bool) {
        self.is_ending = is_ending;
        self.compare_expiry(core, now);
    }

    /// Whether keys may stay that have expired.
    fn may_keep(&self) -> bool {
        self.held_up.is_any() || self.is_ending || self.is_lost
    }

    /// A turn has ended, in which a dump has perhaps begun.
    pub(crate) fn turn_ended(&mut self, core: &Core, now: Now, late_ns: u64, dumps: bool) {
        let refuses = core.write_refusal().is_some();
        self.history.noted(now.mono_ns, late_ns, refuses);
        self.expired(core, now);
        if dumps {
            self.history.dumped();
        }
        if self.wants_log && core.watermarks().is_logging {
            self.history.switched_on();
        }
    }

    /// The core must want to be called when the next key or field ends.
    fn compare_expiry(&self, core: &Core, now: Now) {
        let Some(at_ms) = self.model.keyspace().next_deadline_ms() else { return };
        let left_us = i128::from(at_ms) * 1000 - i128::from(now.wall_us);
        let at_ns = i128::from(now.mono_ns) + left_us.max(0) * 1000;
        let next_ns = core.next_deadline();
        let is_so = next_ns.is_some_and(|next| i128::from(next) <= at_ns);
        check(is_so || at_ns > i128::from(u64::MAX) || self.may_keep(), L1, || {
            format!("a key ends at {at_ns}, the next turn is due at {next_ns:?}")
        });
    }

    /// Who waits must wait, and the core must want to be called when the first wait ends. While a
    /// shutdown goes on it `serves` nobody, and who waits goes on waiting.
    pub(crate) fn compare_waits(&self, core: &Core, serves: bool) {
        if self.is_lost {
            return;
        }
        for &conn in self.waiting.keys() {
            let (does, must) = (core.waits_for_key(conn), self.model.is_waiting(conn));
            check(does == must || does && !serves, B1, || {
                format!("{conn:?} waits: {does}, and must: {must}")
            });
        }
        if let Some(end_ns) = self.model.next_wait_end_ns() {
            let next_ns = core.next_deadline();
            check(next_ns.is_some_and(|next| next <= end_ns), B1, || {
                format!("a wait ends at {end_ns}, the next turn is due at {next_ns:?}")
            });
        }
    }

    /// Compares all keys, values and deadlines.
    ///
    /// # Panics
    ///
    /// When they differ.
    pub(crate) fn compare(&self, core: &Core) {
        if self.is_lost {
            return;
        }
        let mut found = replay::dump(core);
        for (db, key, entry) in self.model.keyspace().iter() {
            let deadline = entry.deadline_ms.and_then(|deadline| u64::try_from(deadline).ok());
            let expected = Some((entry.value.clone(), deadline));
            let found = found.remove(&(db, key.to_vec()));
            let shown = Timeline::shown(key);
            check(found == expected, T1, || {
                format!("the key {shown} of database {db} is {found:?}, expected {expected:?}")
            });
        }
        check(found.is_empty(), T1, || {
            format!("the core has a key too many: {:?}", found.keys().next())
        });
    }
}
