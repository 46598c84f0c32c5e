//! Hashes.

pub(crate) mod expire;
mod fields;
pub(crate) mod get;
pub(crate) mod get_and_change;
pub(crate) mod set;
pub(crate) mod set_ex;
pub(crate) mod ttl;
pub(crate) mod walk;
