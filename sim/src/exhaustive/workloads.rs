//! What is run: setups, commands, and every sequence of them up to a length.

use seedis_core::config::AppendFsync;

use crate::disk::{Image, STRICT};
use crate::model::Words;
use crate::script::{Persistence, Setup};
use crate::workload::Scope;

/// How data are kept in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// A log with this policy.
    Log(AppendFsync),
    /// Dumps only, until a command begins a log.
    Dump,
}

/// All of them, by the names that the command line has for them.
pub const POLICIES: [(&str, Policy); 4] = [
    ("always", Policy::Log(AppendFsync::Always)),
    ("everysec", Policy::Log(AppendFsync::Everysec)),
    ("no", Policy::Log(AppendFsync::No)),
    ("dump", Policy::Dump),
];

impl Policy {
    /// How the world begins.
    #[must_use]
    pub fn setup(self) -> Setup {
        let mut kept = Persistence::calm();
        match self {
            Self::Log(policy) => kept.appendfsync = policy,
            Self::Dump => kept.appendonly = false,
        }
        Setup {
            stock: None,
            scope: Scope::Modelled,
            core_seed: 0,
            personality: STRICT,
            persistence: Some(kept),
            last_image: Image::Nothing,
        }
    }
}

/// One command, or a few that belong together, as lines of words.
pub type Unit = &'static [&'static str];

/// Commands that differ in what they do to the files.
pub const UNITS: [Unit; 13] = [
    &["SET a 1"],
    &["SET b 2 EX 100"],
    &["GET a"],
    &["DEL a"],
    &["INCR a"],
    &["APPEND b x"],
    &["EXPIRE a 100"],
    &["MULTI", "INCR a", "SET b 3", "EXEC"],
    &["SELECT 1", "SET a 4"],
    &["FLUSHALL"],
    &["PEXPIREAT b 1"],
    &["BGREWRITEAOF"],
    &["BGSAVE"],
];

/// It begins a log where there was none. (Where a log ends in the middle of a life the next life
/// would load it as it was then, which is right and which the oracle does not know.)
pub const BEGIN_LOG: Unit = &["CONFIG SET appendonly yes"];

/// What is said after a crash, so that it is seen whether a life can go on from what is left.
pub const AFTERWARDS: Unit = &["APPEND b y"];

/// Commands that are run with a policy.
#[must_use]
pub fn units(policy: Policy) -> Vec<Unit> {
    let mut units = UNITS.to_vec();
    if policy == Policy::Dump {
        units.push(BEGIN_LOG);
    }
    units
}

/// The commands of a unit.
pub fn commands(unit: Unit) -> impl Iterator<Item = Words> {
    unit.iter().map(|line| line.split(' ').map(|word| word.as_bytes().to_vec()).collect())
}

/// All sequences of up to `most` units, the short ones first.
#[must_use]
pub fn sequences(units: &[Unit], most: usize) -> Vec<Vec<Unit>> {
    let mut all = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..most {
        let until = all.len();
        for at in from..until {
            for unit in units {
                let mut longer = all[at].clone();
                longer.push(*unit);
                all.push(longer);
            }
        }
        from = until;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sequences_are_there_once() {
        let all = sequences(&UNITS, 2);
        assert_eq!(all.len(), 1 + UNITS.len() + UNITS.len() * UNITS.len());
        let mut distinct = all.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len());
    }
}
