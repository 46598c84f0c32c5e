//! Hashes.

pub(crate) mod get;
pub(crate) mod set;
pub(crate) mod walk;
