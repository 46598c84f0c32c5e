//! Transactions: what is queued between MULTI and EXEC, and what is watched.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::resp::parse::Span;

/// One queued command: its number in the registry and where its arguments end in the spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued {
    pub(crate) command: u16,
    pub(crate) first_span: u32,
    pub(crate) spans: u32,
}

/// The state of one client's transaction.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    /// MULTI was called and neither EXEC nor DISCARD yet.
    pub(crate) is_open: bool,
    /// A command could not be queued: EXEC answers EXECABORT.
    pub(crate) is_aborted: bool,
    /// A watched key was changed: EXEC answers nil.
    pub(crate) is_touched: bool,
    /// Bytes of the queued arguments, one after the other.
    pub(crate) args: Vec<u8>,
    pub(crate) spans: Vec<Span>,
    pub(crate) queue: Vec<Queued>,
    /// Watched keys with their database.
    pub(crate) watched: Vec<Watched>,
}

/// A key under WATCH.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) db: u16,
    pub(crate) key: Box<[u8]>,
    /// The deadline had passed already when WATCH was called: its removal is no change.
    pub(crate) was_expired: bool,
}
