//! The keyspace: where keys and values live, when they end, and how they are walked.
//!
//! [`Db`] is one logical database. It stores, finds, removes and walks entries and knows their
//! deadlines; it never reads a clock, never notifies and never logs. What Redis calls lazy expiry,
//! keyspace events and propagation belong to the command layer above.

mod bucket;
pub(crate) mod clock;
mod databases;
mod db;
mod directory;
mod entry;
mod figures;
mod join;
mod key;
mod page;
mod record;
mod scan;
mod segment;
mod snapshot;
mod timed;
mod warm;

#[cfg(test)]
mod tests;

pub use databases::Databases;
pub use db::Db;
pub(crate) use entry::fits;
pub use entry::{Entry, NewValue, OwnedValue, Place, ValueRef};
pub use key::{Key, KeyHasher};
pub use page::copied_bytes;
pub use snapshot::{Snapshot, Visit};
pub use warm::{WARM_MAX, warm, warm_tails};
