//! A stream as commands, as Redis writes it (aof.c, `rewriteStreamObject`).
//!
//! XADD for each entry, XSETID for what the stream knows beside them, XGROUP for groups and
//! consumers, XCLAIM for pending entries. An empty stream is made by an entry that is not kept. As
//! in Redis a pending entry whose entry was deleted is lost: no command makes one.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::commands::command;
use crate::value::Stream;
use crate::value::stream::Figures;
use crate::value::stream::group::{ConsumerGroup, Pending};
use crate::value::stream::id::StreamId;

/// A stream on its way to a file of commands.
#[derive(Debug)]
pub(super) struct StreamCommands {
    stream: Stream,
    next: Next,
}

/// What comes next.
#[derive(Debug)]
enum Next {
    /// Entries from this ID on.
    Entries(StreamId),
    Figures,
    /// The group behind the one with this name, or the first.
    Group(Option<Box<[u8]>>),
    /// Pending entries of a group from this ID on.
    Pending(Box<[u8]>, StreamId),
    Done,
}

/// Commands of one step.
const STEP: usize = 64;

impl StreamCommands {
    pub(super) fn new(stream: &Stream) -> Self {
        Self { stream: stream.clone(), next: Next::Entries(StreamId::MIN) }
    }

    /// Writes some more; `false` when there is nothing left.
    pub(super) fn step(&mut self, out: &mut Vec<u8>, key: &[u8]) -> bool {
        self.next = match core::mem::replace(&mut self.next, Next::Done) {
            Next::Entries(from) => self.entries(out, key, from),
            Next::Figures => self.figures(out, key),
            Next::Group(last) => self.group(out, key, last.as_deref()),
            Next::Pending(name, from) => self.pending(out, key, name, from),
            Next::Done => Next::Done,
        };
        !matches!(self.next, Next::Done)
    }

    fn entries(&self, out: &mut Vec<u8>, key: &[u8], from: StreamId) -> Next {
        if self.stream.is_empty() {
            command(out, &[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
        }
        let mut entries = self.stream.iter_from(from);
        for entry in entries.by_ref().take(STEP) {
            let texts: Vec<Vec<u8>> = entry
                .pairs()
                .flat_map(|(field, value)| [field, value])
                .map(|text| text.bytes(&mut itoa::Buffer::new()).to_vec())
                .collect();
            let id = entry.id.text();
            let mut words: Vec<&[u8]> = Vec::from([&b"XADD"[..], key, id.as_bytes()]);
            words.extend(texts.iter().map(|text| &text[..]));
            command(out, &words);
        }
        entries.next().map_or(Next::Figures, |entry| Next::Entries(entry.id))
    }

    fn figures(&self, out: &mut Vec<u8>, key: &[u8]) -> Next {
        let Figures { last_id, max_deleted_id, entries_added } = self.stream.figures();
        command(
            out,
            &[
                b"XSETID",
                key,
                last_id.text().as_bytes(),
                b"ENTRIESADDED",
                itoa::Buffer::new().format(entries_added).as_bytes(),
                b"MAXDELETEDID",
                max_deleted_id.text().as_bytes(),
            ],
        );
        Next::Group(None)
    }

    fn group(&self, out: &mut Vec<u8>, key: &[u8], last: Option<&[u8]>) -> Next {
        let mut groups = self.stream.groups();
        let group = groups.find(|(name, _)| last.is_none_or(|last| *name > last));
        let Some((name, group)) = group else { return Next::Done };
        let last_id = group.last_id.text();
        let read = group.entries_read.map_or(-1, |read| read as i64);
        let mut digits = itoa::Buffer::new();
        let read = digits.format(read).as_bytes();
        command(out, &[b"XGROUP", b"CREATE", key, name, last_id.as_bytes(), b"ENTRIESREAD", read]);
        for (_, consumer) in group.consumers() {
            command(out, &[b"XGROUP", b"CREATECONSUMER", key, name, consumer.name()]);
        }
        Next::Pending(name.into(), StreamId::MIN)
    }

    fn pending(&self, out: &mut Vec<u8>, key: &[u8], name: Box<[u8]>, from: StreamId) -> Next {
        let Some(group) = self.stream.group(&name) else { return Next::Done };
        let mut pending = group.pending().iter_from(from);
        for pending in pending.by_ref().take(STEP) {
            claim(out, key, &name, group, pending);
        }
        match pending.next() {
            Some(next) => Next::Pending(name, next.id),
            None => Next::Group(Some(name)),
        }
    }
}

fn claim(out: &mut Vec<u8>, key: &[u8], name: &[u8], group: &ConsumerGroup, pending: &Pending) {
    let Some(consumer) = group.consumer(pending.consumer) else { return };
    command(
        out,
        &[
            b"XCLAIM",
            key,
            name,
            consumer.name(),
            b"0",
            pending.id.text().as_bytes(),
            b"TIME",
            itoa::Buffer::new().format(pending.delivered_at_ms).as_bytes(),
            b"RETRYCOUNT",
            itoa::Buffer::new().format(pending.deliveries).as_bytes(),
            b"JUSTID",
            b"FORCE",
        ],
    );
}
