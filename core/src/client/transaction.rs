//! Transactions: what is queued between MULTI and EXEC, and what is watched.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::command::Args;
use crate::resp::parse::Span;

/// One queued command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued {
    /// Its number in the registry.
    pub(crate) command: u16,
    first_span: usize,
    spans: u32,
    /// Where its arguments begin; its spans count from there.
    base: usize,
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
    args: Vec<u8>,
    spans: Vec<Span>,
    pub(crate) queue: Vec<Queued>,
    /// Watched keys with their databases, each once.
    pub(crate) watched: Vec<(u32, Arc<[u8]>)>,
}

impl Transaction {
    /// Copies a command to the end of the queue. A transaction that cannot succeed any more keeps
    /// none.
    pub(crate) fn push(&mut self, command: u16, args: Args<'_>) {
        if self.is_aborted || self.is_touched {
            return;
        }
        let (base, first_span) = (self.args.len(), self.spans.len());
        for arg in args.from(0) {
            let start = (self.args.len() - base) as u32;
            self.args.extend_from_slice(arg);
            self.spans.push(Span { start, len: arg.len() as u32 });
        }
        self.queue.push(Queued { command, first_span, spans: args.len() as u32, base });
    }

    /// The arguments of a queued command.
    pub(crate) fn args(&self, queued: Queued) -> Args<'_> {
        let spans = &self.spans[queued.first_span..][..queued.spans as usize];
        Args::new(&self.args[queued.base..], spans)
    }

    /// Bytes of the queued arguments and of what tells them apart.
    pub(crate) fn args_bytes(&self) -> usize {
        self.args.len() + self.spans.len() * size_of::<Span>()
    }

    /// Bytes that it takes, for CLIENT LIST.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.args.capacity()
            + self.spans.capacity() * size_of::<Span>()
            + self.queue.capacity() * size_of::<Queued>()
            + self.watched.capacity() * size_of::<(u32, Arc<[u8]>)>()
    }
}
