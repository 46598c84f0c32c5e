//! Commands on the connection itself.

pub(crate) mod basic;
