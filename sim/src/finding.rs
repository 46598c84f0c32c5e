//! What a check says when it fails: which invariant is broken, and how.
//!
//! A finding is a panic, so that it ends a run wherever it is made. Its text begins with the name
//! of the invariant, by which findings of one kind are told from others: by the saboteurs, whose
//! planted bugs must be found by the check that is there for them, and by whoever shrinks a run.
//! A panic without such a name comes from the core itself.

use std::any::Any;
use std::fmt;

/// What must hold, by the names that the documentation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// `appendfsync always`: what was acknowledged survives any crash.
    D1,
    /// `appendfsync always`: what a client has read survives any crash.
    D2,
    /// What was synced survives, and under `everysec` nothing stays unsynced for long.
    D3,
    /// What was acknowledged survives the end of the process under any policy.
    D4,
    /// What is recovered is the log up to some place, whole.
    D5,
    /// That place is never inside of a turn.
    D6,
    /// What was served after a recovery is never older after the next crash.
    D8,
    /// Rot is refused, or was at a place that could be a torn tail.
    D9,
    /// At rest there are no files but those that are in use.
    D12,
    /// The keyspace is what the model says; an expiry that was seen stays.
    T1,
    /// Deadlines are recovered to the millisecond.
    T3,
    /// What is written is as FORMATS.md says, and what INFO tells of it is so.
    F1,
    /// The log alone, without a clock, gives the same keyspace.
    T5,
    /// Every command has one reply, in order, at the right client, and it is what the model says.
    P1,
    /// Who waits for a key is served in the order of arrival, and told in time that nothing came.
    B1,
    /// Who left is neither told anything nor executes anything.
    P3,
    /// Without faults everything is done in time.
    L1,
    /// The same seed gives the same run.
    S1,
    /// The core's own assertions hold.
    Core,
}

/// All of them.
pub const INVARIANTS: [Invariant; 19] = [
    Invariant::D1,
    Invariant::D2,
    Invariant::D3,
    Invariant::D4,
    Invariant::D5,
    Invariant::D6,
    Invariant::D8,
    Invariant::D9,
    Invariant::D12,
    Invariant::T1,
    Invariant::T3,
    Invariant::F1,
    Invariant::T5,
    Invariant::P1,
    Invariant::B1,
    Invariant::P3,
    Invariant::L1,
    Invariant::S1,
    Invariant::Core,
];

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is broken.
    pub invariant: Invariant,
    /// How.
    pub words: String,
}

/// Ends the run with a finding.
///
/// # Panics
///
/// Always: that is the finding.
#[track_caller]
pub fn found(invariant: Invariant, words: impl fmt::Display) -> ! {
    panic!("{invariant}: {words}")
}

/// Ends the run with a finding unless `holds`.
///
/// # Panics
///
/// When it does not hold.
#[track_caller]
pub fn check(holds: bool, invariant: Invariant, words: impl FnOnce() -> String) {
    if !holds {
        found(invariant, words());
    }
}

impl Finding {
    /// What a run panicked with.
    #[must_use]
    pub fn of(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or_default();
        for invariant in INVARIANTS {
            let words = text.strip_prefix(&invariant.to_string());
            if let Some(words) = words.and_then(|rest| rest.strip_prefix(": ")) {
                return Self { invariant, words: words.into() };
            }
        }
        Self { invariant: Invariant::Core, words: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_read_from_its_panic() {
        for invariant in INVARIANTS {
            let caught = std::panic::catch_unwind(|| found(invariant, "two words"));
            let finding = Finding::of(&*caught.expect_err("it panics"));
            assert_eq!(finding, Finding { invariant, words: "two words".into() });
        }
        let caught = std::panic::catch_unwind(|| assert!(INVARIANTS.is_empty(), "D1 is there"));
        let finding = Finding::of(&*caught.expect_err("it panics"));
        assert_eq!(finding.invariant, Invariant::Core);
    }
}
