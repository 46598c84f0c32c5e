//! Saboteurs: planted bugs, to prove that the simulator would find them.
//!
//! A saboteur stands at the boundary between the core and what is around it. It may change the
//! configuration that a life begins with, the clock of a turn, bytes on their way in and out,
//! requests and completions, and the files between two lives. So it does what a core with that bug
//! would do, while the core is the one that the server ships. Between the boundary and the world
//! there is nothing else: with no saboteur everything passes as it is.
//!
//! [`table::all`] lists them; each file beside it is a family. To plant another, give it a row and
//! a case where its family does such things.

mod appends;
mod boundary;
mod changes;
mod clocks;
mod connections;
mod damage;
mod edits;
mod follower;
pub mod hunt;
mod ledger;
pub mod log_text;
mod logged;
mod names;
mod recoveries;
mod reframing;
mod replacing;
mod snapshots;
mod syncs;
pub mod table;
mod waiters;

pub use boundary::{Boundary, Desk, Saboteur};
pub use table::Sabotage;
