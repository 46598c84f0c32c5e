//! Recordings: every input of the core, written down so that a run can be had again.
//!
//! The core is a function of its inputs, so a file with all of them is the run itself: fed to the
//! same version of the core it gives the same replies, the same requests for files and the same
//! keyspace, on any machine and without the data directory. This module is the form of such a
//! file, with no file in it: [`frame`] is the outer form, checksummed, and [`entry`] what stands
//! inside, one entry an input. Whoever runs the core writes them, the simulator reads them.
//!
//! A recording proves itself: now and then a [`entry::Check`] tells what the core had put out so
//! far ([`fingerprint`]), and where the replay first differs is where a defect is. The hard case is
//! bytes that nobody wrote: a reader is told the offset, and nothing is allocated that does not
//! stand in the file. What holds secrets is masked by who writes the file ([`secrets`]).

pub mod entry;
pub mod fingerprint;
pub mod frame;
pub mod secrets;
pub mod start;
pub mod wire;

pub use entry::{Check, Entry, Outcome};
pub use fingerprint::Fingerprint;
pub use frame::{Frame, Kind};
pub use start::Start;
pub use wire::Malformed;
