//! Commands on the connection itself.

pub(crate) mod auth;
pub(crate) mod basic;
pub(crate) mod client;
pub(crate) mod hello;
pub(crate) mod monitor;
