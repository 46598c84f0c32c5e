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
//! A turn is one batch of the log, so no state inside of it may show.

use seedis_core::config::AppendFsync;

use crate::disk::Crash;

/// The states of one stretch of service and of the recoveries that failed after it.
#[derive(Debug)]
pub(crate) struct History {
    policy: Option<AppendFsync>,
    states: Vec<State>,
    /// The latest state that a client has read of.
    read: usize,
    /// The latest state that a client knows its own write to be in.
    acknowledged: usize,
    /// What survives the crashes since the last service: when only processes ended, and when the
    /// power was lost at least once.
    floor: usize,
    floor_of_power: usize,
    has_lied: bool,
    /// The server has refused to write since the disk failed.
    has_refused: bool,
    /// The command that is executed is not the first of its turn to change something.
    has_changed: bool,
}

#[derive(Clone, Copy, Debug)]
struct State {
    hash: u128,
    lsn: u64,
}

/// What the disk has done that excuses a loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Damage {
    /// A sync said that it was done and was not.
    pub(crate) has_lied: bool,
    /// A sync failed and what had been written is gone.
    pub(crate) has_lost: bool,
}

/// What the reply to a command tells about the state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    state: usize,
    is_write: bool,
}

impl History {
    /// The history of a server that begins empty; no policy means that there is no log.
    pub(crate) fn new(policy: Option<AppendFsync>) -> Self {
        let states = vec![State { hash: 0, lsn: 0 }];
        Self {
            policy,
            states,
            read: 0,
            acknowledged: 0,
            floor: 0,
            floor_of_power: 0,
            has_lied: false,
            has_refused: false,
            has_changed: false,
        }
    }

    /// A command was executed, and changed something or not.
    pub(crate) fn executed(&mut self, changes: bool) -> Told {
        self.has_changed |= changes;
        Told { state: self.states.len() - usize::from(!self.has_changed), is_write: changes }
    }

    /// A turn has ended with this state.
    pub(crate) fn turn_ended(&mut self, hash: u128, lsn: u64, refuses: bool) {
        self.has_refused |= refuses;
        let last = self.states[self.states.len() - 1];
        if self.has_changed || last.hash != hash || last.lsn != lsn {
            self.states.push(State { hash, lsn });
        }
        self.has_changed = false;
    }

    /// A client has read a reply.
    pub(crate) fn replied(&mut self, told: Told) {
        self.read = self.read.max(told.state);
        if told.is_write {
            self.acknowledged = self.acknowledged.max(told.state);
        }
    }

    /// A life that served ends, with the log durable so far.
    pub(crate) fn crashed(&mut self, crash: Crash, durable_lsn: u64, damage: Damage) {
        let last = self.states.len() - 1;
        let is_durable = |state: &State| state.lsn <= durable_lsn;
        let durable = self.states.iter().rposition(is_durable).unwrap_or(0);
        (self.floor, self.floor_of_power) = match self.policy {
            None => (0, 0),
            Some(AppendFsync::Always) => {
                let told = if self.has_refused { self.acknowledged } else { self.read };
                [durable.max(told.min(last)); 2].into()
            }
            Some(_) if damage.has_lost => (durable, durable),
            Some(_) => (durable.max(self.acknowledged.min(last)), durable),
        };
        self.crashed_again(crash, damage);
    }

    /// Another life ends, perhaps before it served anybody. A disk that lies leaves nothing
    /// promised.
    pub(crate) fn crashed_again(&mut self, crash: Crash, damage: Damage) {
        self.has_lied |= damage.has_lied;
        if self.has_lied {
            (self.floor, self.floor_of_power) = (0, 0);
        } else if crash == Crash::PowerLoss || damage.has_lost {
            self.floor = self.floor.min(self.floor_of_power);
        }
    }

    /// A life begins to serve with this state.
    pub(crate) fn recovered(&mut self, hash: u128, lsn: u64) -> Result<(), String> {
        let floor = self.floor;
        let last = self.states.len() - 1;
        let is_it = |state: &State| state.hash == hash;
        match self.states.iter().rposition(is_it) {
            Some(found) if found >= floor => {}
            Some(found) => {
                return Err(format!("state {found} of {last} was recovered, {floor} was promised"));
            }
            None => return Err(format!("no state of {floor} to {last} was recovered")),
        }
        // A dump promises no more than that it is one of them: its directory may not be durable
        // when it is loaded, and then an older dump may come back. On a disk that lies anything
        // older may.
        if self.policy.is_some() && !self.has_lied {
            self.states.clear();
        }
        self.states.push(State { hash, lsn });
        (self.read, self.acknowledged, self.has_changed) = (0, 0, false);
        Ok(())
    }
}
