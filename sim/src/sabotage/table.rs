//! Every planted bug, with what is known of it before it is run.

use super::boundary::Saboteur;
use crate::finding::Invariant;

/// A planted bug.
#[derive(Clone, Copy, Debug)]
pub struct Sabotage {
    /// What to call it.
    pub name: &'static str,
    /// Its number in the list that the simulator was designed against; a letter behind it marks
    /// one of the same family.
    pub number: &'static str,
    /// The least that must go wrong around it before it shows.
    pub fault: &'static str,
    /// The invariants that must be found broken, any of them.
    pub caught_by: &'static [Invariant],
    /// What the bug does.
    pub words: &'static str,
    /// Plants it.
    pub plant: fn() -> Box<dyn Saboteur>,
}

/// Families of planted bugs.
pub const FAMILIES: [(&str, &[Sabotage]); 10] = [
    ("A. Acknowledgement and syncs", super::syncs::ROWS),
    ("B. Appends", super::appends::ROWS),
    ("C. Names, directories, manifest", super::names::ROWS),
    ("D. Snapshots and rewrites", super::snapshots::ROWS),
    ("E. Recovery", super::recoveries::ROWS),
    ("F. What is logged", super::logged::ROWS),
    ("G. Clocks", super::clocks::ROWS),
    ("H. Connections", super::connections::ROWS),
    ("I. Changes at runtime", super::changes::ROWS),
    ("J. Clients that wait", super::waiters::ROWS),
];

/// All of them, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Sabotage> {
    FAMILIES.iter().flat_map(|(_, rows)| rows.iter())
}
