//! The configuration against what redis-server 7.0.15 said, and against random input.

mod properties;
mod recorded;
mod table;

use alloc::string::String;
use alloc::vec::Vec;

use super::file::{FileError, Loaded};
use super::{Config, file};

/// Reads a text whose includes are all this one.
fn parse_including(text: &[u8], included: &[u8]) -> Result<Loaded, FileError> {
    file::parse(text, "a.conf", &mut |_| Ok(included.to_vec()))
}

fn parse(text: &[u8]) -> Result<Config, FileError> {
    parse_including(text, b"").map(|loaded| loaded.config)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
