//! Which states a crash may leave.
//!
//! After every turn that changed something the state of all keys is noted as a hash. Whatever is
//! recovered must be one of the states noted, whole, and not an older one than has been promised.
//! What is promised depends on the policy and on the crash:
//!
//! - `appendfsync always`: whatever a client has read, replies to reads too, survives anything;
//!   once the disk has failed reads go on, and only replies to writes promise something;
//! - otherwise what a client has read of a reply to a write survives the end of the process, unless
//!   a sync has failed and lost it;
//! - what the server says is durable survives anything;
//! - what was served after a recovery is never older after the next crash.
//!
//! - under `everysec` what was executed two seconds ago survives anything, if the disk has been
//!   well since and the process awake.
//!
//! When `appendfsync` is changed, a stricter policy promises from the first reply after it, and
//! what was promised under a stricter one before stays promised. When the log is switched off,
//! everything until then is durable with the reply, whatever the policy, if the disk was well; what
//! comes later is promised nothing. Switched on again, the log promises from its first rewrite on.
//!
//! A turn is one batch of the log, so no state inside of it may show. When something else is
//! recovered, what it is nevertheless tells what went wrong: a state inside of a turn, one of an
//! earlier life, one with other deadlines.

use std::collections::BTreeSet;

use seedis_core::config::AppendFsync;

use super::rot::Verdict;
use crate::disk::{Crash, digest};
use crate::finding::Invariant::{self, D1, D2, D3, D4, D5, D6, D8, D9, T3};
use crate::model::Hash;

/// The states of one stretch of service and of the recoveries that failed after it.
#[derive(Debug)]
pub(crate) struct History {
    policy: AppendFsync,
    /// What each life begins with, and whether it may be changed.
    first_policy: AppendFsync,
    follows: bool,
    /// There is a log, and its promises hold; and whether the next life begins with it.
    is_logged: bool,
    begins_logged: bool,
    /// The log was switched off here in this life.
    off: Option<Off>,
    /// How often one of these was changed, and when last, in time awake.
    changes: u64,
    changed_ns: u64,
    states: Vec<State>,
    /// The latest state that a client has read of under `always`.
    read: usize,
    /// The latest state that a client knows its own write to be in, and the same under `always`.
    acknowledged: usize,
    kept: usize,
    /// The state at the end of the turn in which the last dump began.
    dumped: usize,
    /// What survives the crashes since the last service, and why.
    promises: Vec<Promise>,
    has_lied: bool,
    /// The server has refused to write since the disk failed.
    has_refused: bool,
    /// The command that is executed is not the first of its turn to change something.
    has_changed: bool,
    /// Time that the process was awake: without that by which its turns came late.
    awake_ns: u64,
    last_turn_ns: u64,
    /// States that may not be recovered, to tell what was recovered instead.
    older: BTreeSet<u128>,
    inner: BTreeSet<u128>,
    /// A file that is to be loaded has rotted.
    rot: Option<Verdict>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    hash: Hash,
    lsn: u64,
    /// When it was reached, on the monotonic clock and in time awake.
    at_ns: u64,
    awake_ns: u64,
}

/// The log was switched off.
#[derive(Clone, Copy, Debug)]
struct Off {
    /// The state then, and when it was reached on the monotonic clock.
    state: usize,
    at_ns: u64,
    /// A client has read of this one that it is kept.
    kept: usize,
    /// Changes of what is promised until then, if it was `always`: under any other policy a reply
    /// from before may have been on its way without a sync.
    always: Option<u64>,
}

/// Nothing before a state may be recovered.
#[derive(Clone, Copy, Debug)]
struct Promise {
    state: usize,
    why: Invariant,
    /// A power loss does not end it.
    survives_power_loss: bool,
}

/// What is known of the disk when a life ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Damage {
    /// A sync said that it was done and was not.
    pub(crate) has_lied: bool,
    /// A sync failed and what had been written is gone.
    pub(crate) has_lost: bool,
    /// When something last failed or took long.
    pub(crate) troubled_ns: u64,
}

/// What the reply to a command tells about the state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    state: usize,
    is_write: bool,
    /// Changes of what is promised until then.
    changes: u64,
    /// The promises of a log held.
    is_logged: bool,
}

impl Told {
    /// What others hear of it: that is a promise to no more than those who read what was written.
    pub(crate) fn to_others(self) -> Self {
        Self { is_write: false, ..self }
    }
}

/// Under `everysec` nothing that was executed is left unsynced for longer.
const UNSYNCED_NS_MAX: u64 = 2_000_000_000;

impl History {
    /// The history of a server that begins empty, with a log or without.
    pub(crate) fn new(policy: AppendFsync, is_logged: bool, follows: bool) -> Self {
        Self {
            policy,
            first_policy: policy,
            follows,
            is_logged,
            begins_logged: is_logged,
            off: None,
            changes: 0,
            changed_ns: 0,
            states: vec![State { hash: Hash::default(), lsn: 0, at_ns: 0, awake_ns: 0 }],
            read: 0,
            acknowledged: 0,
            kept: 0,
            dumped: 0,
            promises: Vec::new(),
            has_lied: false,
            has_refused: false,
            has_changed: false,
            awake_ns: 0,
            last_turn_ns: 0,
            older: BTreeSet::new(),
            inner: BTreeSet::new(),
            rot: None,
        }
    }

    /// The first life begins with a state that lies there.
    pub(crate) fn begin_with(&mut self, hash: Hash) {
        self.states.iter_mut().for_each(|state| state.hash = hash);
    }

    /// What is to be loaded has rotted, or is whole again.
    pub(crate) fn rotted(&mut self, rot: Option<Verdict>) {
        self.rot = rot;
    }

    /// Whether the promises of a log hold.
    pub(crate) fn is_logged(&self) -> bool {
        self.is_logged
    }

    /// Another policy counts from the reply to this on.
    pub(crate) fn policy_changed(&mut self, policy: AppendFsync) {
        if self.follows && self.policy != policy {
            self.policy = policy;
            self.promises_change();
        }
    }

    fn promises_change(&mut self) {
        self.changes += 1;
        // The time of this turn is not noted yet.
        self.changed_ns = u64::MAX;
    }

    /// The command that is executed switches the log off.
    pub(crate) fn switched_off(&mut self, now_ns: u64) {
        if !self.is_logged {
            return;
        }
        let always = (self.policy == AppendFsync::Always).then_some(self.changes);
        self.is_logged = false;
        self.promises_change();
        let state = self.states.len() - usize::from(!self.has_changed);
        let at_ns = if self.has_refused { 0 } else { now_ns };
        self.off = Some(Off { state, at_ns, kept: 0, always });
    }

    /// The log is there at the end of a turn, and nobody wants it to end.
    pub(crate) fn switched_on(&mut self) {
        if !self.is_logged {
            self.is_logged = true;
            self.promises_change();
        }
    }

    /// A command was executed, and changed something or not; the state since.
    pub(crate) fn executed(&mut self, is_write: bool, hash: Hash) -> Told {
        self.has_changed |= is_write;
        if is_write {
            self.inner.insert(hash.whole);
        }
        let state = self.states.len() - usize::from(!self.has_changed);
        let Self { changes, is_logged, .. } = *self;
        Told { state, is_write, changes, is_logged }
    }

    /// A turn has ended with this state.
    pub(crate) fn turn_ended(&mut self, hash: Hash, lsn: u64, now_ns: u64) {
        let last = self.states[self.states.len() - 1];
        if self.has_changed || last.hash != hash || last.lsn != lsn {
            self.states.push(State { hash, lsn, at_ns: now_ns, awake_ns: self.awake_ns });
        }
        self.has_changed = false;
    }

    /// A dump has begun in the turn that has ended.
    pub(crate) fn dumped(&mut self) {
        self.dumped = self.states.len() - 1;
    }

    /// A turn came `late_ns` after it was due; the server `refuses` writes at its end.
    pub(crate) fn noted(&mut self, now_ns: u64, late_ns: u64, refuses: bool) {
        let passed_ns = now_ns.saturating_sub(self.last_turn_ns);
        self.awake_ns += passed_ns - late_ns.min(passed_ns);
        self.last_turn_ns = now_ns;
        self.changed_ns = self.changed_ns.min(self.awake_ns);
        self.has_refused |= refuses;
    }

    /// A client has read a reply.
    pub(crate) fn replied(&mut self, told: Told) {
        if let Some(off) = &mut self.off
            && told.state <= off.state
            && told.is_write
            && off.always == Some(told.changes)
        {
            off.kept = off.kept.max(told.state);
        }
        if !self.is_logged || !told.is_logged {
            return;
        }
        // Replies made before a change of the policy may have left under either.
        let is_kept = self.policy == AppendFsync::Always && told.changes == self.changes;
        if is_kept {
            self.read = self.read.max(told.state);
        }
        if told.is_write {
            self.acknowledged = self.acknowledged.max(told.state);
        }
        if told.is_write && is_kept {
            self.kept = self.kept.max(told.state);
        }
    }

    /// A client has read that the log is off.
    pub(crate) fn replied_off(&mut self, told: Told) {
        if let Some(off) = self.off.as_mut().filter(|off| off.state <= told.state) {
            off.kept = off.state;
        }
    }

    /// A life that served ends, with the log durable so far; the next one loads it, or a dump,
    /// which a shutdown has perhaps just written.
    pub(crate) fn crashed(
        &mut self,
        crash: Crash,
        durable_lsn: u64,
        damage: Damage,
        (loads_log, is_dumped): (bool, bool),
    ) {
        self.begins_logged = loads_log;
        let dump = Promise { state: self.dumped, why: D3, survives_power_loss: true };
        self.promises = match loads_log {
            true => self.promises(durable_lsn, damage),
            false => is_dumped.then_some(dump).into_iter().collect(),
        };
        self.crashed_again(crash, damage);
    }

    fn promises(&self, durable_lsn: u64, damage: Damage) -> Vec<Promise> {
        let last = self.states.len() - 1;
        let latest = |is_it: &dyn Fn(&State) -> bool| self.states.iter().rposition(is_it);
        let promise = |state: usize, why, survives_power_loss| Promise {
            state: state.min(last),
            why,
            survives_power_loss,
        };
        let durable = latest(&|state| state.lsn <= durable_lsn).unwrap_or(0);
        // What was kept under `always` stays so when a looser policy follows.
        let mut promises = vec![promise(durable, D3, true), promise(self.kept, D1, true)];
        if !self.has_refused {
            promises.push(promise(self.read, D2, true));
        }
        if !damage.has_lost && self.acknowledged > self.kept {
            promises.push(promise(self.acknowledged, D4, false));
        }
        if let Some(off) = self.off.filter(|off| off.at_ns > damage.troubled_ns) {
            promises.push(promise(off.kept, D3, true));
        }
        let has_lasted =
            self.changes == 0 || self.awake_ns.saturating_sub(self.changed_ns) > UNSYNCED_NS_MAX;
        let is_everysec = self.is_logged && self.policy == AppendFsync::Everysec;
        if is_everysec && has_lasted && !self.has_refused {
            let is_old = |state: &State| {
                let age_ns = self.awake_ns - state.awake_ns.min(self.awake_ns);
                age_ns > UNSYNCED_NS_MAX && state.at_ns > damage.troubled_ns
            };
            promises.extend(latest(&is_old).map(|state| promise(state, D3, true)));
        }
        promises
    }

    /// Another life ends, perhaps before it served anybody. A disk that lies leaves nothing
    /// promised.
    pub(crate) fn crashed_again(&mut self, crash: Crash, damage: Damage) {
        self.has_lied |= damage.has_lied;
        if self.has_lied {
            self.promises.clear();
        } else if crash == Crash::PowerLoss || damage.has_lost {
            self.promises.retain(|promise| promise.survives_power_loss);
        }
    }

    /// A life begins to serve with this state.
    pub(crate) fn recovered(
        &mut self,
        hash: Hash,
        lsn: u64,
        now_ns: u64,
    ) -> Result<(), (Invariant, String)> {
        self.is_allowed(hash)?;
        self.rot = None;
        // A dump promises no more than that it is one of them: its directory may not be durable
        // when it is loaded, and then an older dump may come back. On a disk that lies anything
        // older may.
        if self.begins_logged && !self.has_lied {
            self.older.extend(self.states.drain(..).map(|state| state.hash.whole));
            self.inner.clear();
        }
        self.states.push(State { hash, lsn, at_ns: now_ns, awake_ns: self.awake_ns });
        (self.read, self.acknowledged, self.kept, self.has_changed) = (0, 0, 0, false);
        self.dumped = 0;
        (self.policy, self.is_logged) = (self.first_policy, self.begins_logged);
        (self.off, self.changes) = (None, 0);
        self.last_turn_ns = now_ns;
        Ok(())
    }

    /// Everything that decides what may be recovered: crashes that agree in it are alike.
    pub(crate) fn allowance(&self) -> u128 {
        let Self { states, promises, older, has_lied, .. } = self;
        let hashes: Vec<Hash> = states.iter().map(|state| state.hash).collect();
        digest(format_args!("{hashes:?} {promises:?} {older:?} {has_lied}"))
    }

    fn is_allowed(&self, hash: Hash) -> Result<(), (Invariant, String)> {
        let last = self.states.len() - 1;
        let found = self.states.iter().rposition(|state| state.hash == hash);
        if let Some(rot) = self.rot {
            return self.is_allowed_by_rot(rot, found, hash);
        }
        let Some(found) = found else {
            return Err((self.what_is(hash), format!("no state of 0 to {last} was recovered")));
        };
        let broken = self.promises.iter().filter(|promise| found < promise.state);
        let broken = broken.max_by_key(|promise| (promise.why != D3, promise.why != D2));
        broken.map_or(Ok(()), |promise| {
            let words = format!("state {found} of {last} was recovered, not {}", promise.state);
            Err((promise.why, words))
        })
    }

    /// What is promised holds all the same, unless the log could be cut where it has rotted.
    fn is_allowed_by_rot(
        &self,
        rot: Verdict,
        found: Option<usize>,
        hash: Hash,
    ) -> Result<(), (Invariant, String)> {
        let promised = self.promises.iter().map(|promise| promise.state).max().unwrap_or(0);
        let whole = self.states.iter().rposition(|state| state.lsn <= rot.lsn);
        let floor = if rot.must_refuse { promised } else { promised.min(whole.unwrap_or(0)) };
        let is_older = !rot.must_refuse && whole.is_none() && self.older.contains(&hash.whole);
        if is_older || found.is_some_and(|found| found >= floor) {
            return Ok(());
        }
        let last = self.states.len() - 1;
        Err((D9, format!("state {found:?} of {last} was recovered, not {floor}, with {rot:?}")))
    }

    /// What a state is that may not be recovered.
    fn what_is(&self, hash: Hash) -> Invariant {
        if self.older.contains(&hash.whole) {
            D8
        } else if self.inner.contains(&hash.whole) {
            D6
        } else if self.states.iter().any(|state| state.hash.values == hash.values) {
            T3
        } else {
            D5
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE_DISK: Damage = Damage { has_lied: false, has_lost: false, troubled_ns: 0 };

    fn hash(number: u128) -> Hash {
        Hash { whole: number, values: number }
    }

    /// Writes one state under each policy, reads both replies, ends with `last`, and loses the
    /// power:
    /// which state may then be recovered?
    fn oldest_after(policies: [AppendFsync; 2], last: AppendFsync) -> Result<(), Invariant> {
        let mut history = History::new(AppendFsync::No, true, true);
        for (number, policy) in (1..).zip(policies) {
            history.policy_changed(policy);
            let told = history.executed(true, hash(number));
            history.turn_ended(hash(number), number as u64, 0);
            history.replied(told);
        }
        history.policy_changed(last);
        history.crashed(Crash::PowerLoss, 0, WHOLE_DISK, (true, false));
        history.recovered(hash(1), 1, 0).map_err(|(invariant, _)| invariant)
    }

    #[test]
    fn a_stricter_policy_promises_from_its_first_reply_on_and_for_ever() {
        use AppendFsync::{Always, No};
        assert_eq!(oldest_after([Always, No], No), Ok(()));
        assert_eq!(oldest_after([No, No], Always), Ok(()), "no reply was read since");
        assert_eq!(oldest_after([No, Always], Always), Err(D1));
        assert_eq!(oldest_after([No, Always], No), Err(D1));
    }

    #[test]
    fn a_reply_from_before_a_change_promises_what_the_looser_policy_does() {
        let mut history = History::new(AppendFsync::Always, true, true);
        let told = history.executed(true, hash(1));
        history.turn_ended(hash(1), 1, 0);
        history.policy_changed(AppendFsync::No);
        history.policy_changed(AppendFsync::Always);
        history.replied(told);
        history.crashed(Crash::PowerLoss, 0, WHOLE_DISK, (true, false));
        assert_eq!(history.recovered(Hash::default(), 0, 0), Ok(()));
    }

    #[test]
    fn what_was_logged_before_the_log_was_switched_off_is_kept_and_nothing_else() {
        let recovered = |number: u128, is_read: bool| {
            let mut history = History::new(AppendFsync::No, true, true);
            history.executed(true, hash(1));
            history.turn_ended(hash(1), 1, 5);
            history.switched_off(5);
            let off = history.executed(false, hash(1));
            let told = history.executed(true, hash(2));
            history.turn_ended(hash(2), 2, 6);
            if is_read {
                history.replied_off(off);
            }
            history.replied(told);
            history.crashed(Crash::PowerLoss, 0, WHOLE_DISK, (true, false));
            history.recovered(hash(number), 1, 7).map_err(|(invariant, _)| invariant)
        };
        assert_eq!(recovered(1, true), Ok(()));
        assert_eq!(recovered(2, true), Ok(()));
        assert_eq!(recovered(0, true), Err(D3));
        assert_eq!(recovered(0, false), Ok(()));
    }
}
