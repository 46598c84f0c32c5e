//! Commands: the table, what surrounds every command, and one file per small group of them.
//!
//! A command is a row (name, arity, flags, key specs, documentation) and a function, side by
//! side in one leaf file. [`registry()`] collects the rows; everything else derives from them.

mod aggregate;
pub mod args;
pub mod arguments;
pub(crate) mod ctx;
pub(crate) mod dispatch;
pub mod error;
pub mod key_extraction;
pub(crate) mod keys_ahead;
mod random;
pub mod registry;
pub mod spec;
pub(crate) mod stream;

pub(crate) mod bitmap;
pub(crate) mod connection;
pub(crate) mod geo;
pub(crate) mod hash;
pub(crate) mod help;
pub(crate) mod hyperloglog;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod pubsub;
pub(crate) mod server;
pub(crate) mod set;
pub(crate) mod sorted_set;
pub(crate) mod string;
pub(crate) mod transaction;

pub use args::Args;
pub use ctx::Ctx;
pub use registry::Registry;

use spec::Command;

/// Every family of commands.
const FAMILIES: &[&[Command]] = &[
    string::get_set::COMMANDS,
    string::take::COMMANDS,
    string::many::COMMANDS,
    string::counter::COMMANDS,
    string::range::COMMANDS,
    string::lcs::COMMANDS,
    list::push::COMMANDS,
    list::read::COMMANDS,
    list::blocking::COMMANDS,
    list::edit::COMMANDS,
    list::transfer::COMMANDS,
    set::member::COMMANDS,
    set::draw::COMMANDS,
    set::algebra::COMMANDS,
    sorted_set::add::COMMANDS,
    sorted_set::read::COMMANDS,
    sorted_set::range::COMMANDS,
    sorted_set::blocking::COMMANDS,
    sorted_set::pop::COMMANDS,
    sorted_set::algebra::COMMANDS,
    stream::add::COMMANDS,
    stream::range::COMMANDS,
    stream::read::COMMANDS,
    stream::group::COMMANDS,
    stream::pending::COMMANDS,
    stream::claim::COMMANDS,
    stream::info::COMMANDS,
    hash::set::COMMANDS,
    hash::get::COMMANDS,
    hash::walk::COMMANDS,
    hash::expire::COMMANDS,
    hash::ttl::COMMANDS,
    hash::get_and_change::COMMANDS,
    hash::set_ex::COMMANDS,
    hyperloglog::add::COMMANDS,
    hyperloglog::count::COMMANDS,
    hyperloglog::debug::COMMANDS,
    geo::add::COMMANDS,
    geo::read::COMMANDS,
    geo::search::COMMANDS,
    bitmap::bit::COMMANDS,
    bitmap::count::COMMANDS,
    bitmap::bitop::COMMANDS,
    bitmap::bitfield::COMMANDS,
    connection::basic::COMMANDS,
    connection::auth::COMMANDS,
    connection::client::COMMANDS,
    connection::hello::COMMANDS,
    connection::monitor::COMMANDS,
    pubsub::publish::COMMANDS,
    pubsub::state::COMMANDS,
    pubsub::subscribe::COMMANDS,
    transaction::COMMANDS,
    server::command::COMMANDS,
    keys::database::COMMANDS,
    keys::delete::COMMANDS,
    keys::dump::COMMANDS,
    keys::exists::COMMANDS,
    keys::expire::COMMANDS,
    keys::flush::COMMANDS,
    keys::names::COMMANDS,
    keys::object::COMMANDS,
    keys::rename::COMMANDS,
    keys::scan::COMMANDS,
    keys::sort::COMMANDS,
    keys::transfer::COMMANDS,
    keys::ttl::COMMANDS,
    server::config::COMMANDS,
    server::debug::COMMANDS,
    server::info::COMMANDS,
    server::introspect::COMMANDS,
    server::latency::COMMANDS,
    server::lolwut::COMMANDS,
    server::memory::COMMANDS,
    server::persistence::COMMANDS,
    server::shutdown::COMMANDS,
    server::slowlog::COMMANDS,
];

/// All commands.
#[must_use]
pub fn registry() -> Registry {
    Registry::new(FAMILIES)
}
