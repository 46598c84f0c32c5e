//! The table of directives, split by what they are about.

mod clients;
mod general;
mod memory;
mod observation;
mod persistence;
mod replication;
mod tls;
mod types;

use super::directive::Directive;

/// Every directive; within a group in the order of Redis's own file.
pub(super) const GROUPS: &[&[Directive]] = &[
    clients::ROWS,
    general::ROWS,
    memory::ROWS,
    observation::ROWS,
    persistence::ROWS,
    replication::ROWS,
    tls::ROWS,
    types::ROWS,
];
