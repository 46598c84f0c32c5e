//! RESP: requests parsed in place, replies written in either protocol version.

pub mod parse;
pub(crate) mod write;
