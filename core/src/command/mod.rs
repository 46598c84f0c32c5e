//! Commands: the table, what surrounds every command, and one file per small group of them.
//!
//! A command is a row (name, arity, flags, key specs, documentation) and a function, side by
//! side in one leaf file. [`registry`] collects the rows; everything else derives from them.

pub mod args;
pub mod arguments;
pub(crate) mod ctx;
pub(crate) mod dispatch;
pub mod error;
pub mod registry;
pub mod spec;

pub(crate) mod connection;
pub(crate) mod server;
pub(crate) mod string;
pub(crate) mod transaction;

pub use args::Args;
pub use ctx::Ctx;
pub use registry::Registry;

use spec::Command;

/// Every family of commands.
const FAMILIES: &[&[Command]] =
    &[string::get_set::COMMANDS, connection::basic::COMMANDS, transaction::COMMANDS];

/// All commands.
#[must_use]
pub fn registry() -> Registry {
    Registry::new(FAMILIES)
}
