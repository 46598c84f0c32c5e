//! The effects log: every change as canonical Redis commands, in one total order.
//!
//! What is logged is what happened, not what was asked: deadlines are absolute, random choices are
//! made, an expiry is a DEL that stands before the command which noticed it. Replaying the log
//! therefore needs no clock and no luck. All that one command, or one transaction, changed is one
//! atomic block: a single command, or MULTI ... EXEC around several.
//!
//! The LSN is the byte offset in this log. The bytes are the append-only file's.

pub(crate) mod frame;
pub(crate) mod manifest;
mod unwind;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use crate::command::Args;

/// Bytes that a batch keeps free in front of its payload, for the annotations of a file.
pub(crate) const FRONT_BYTES: usize = 96;

/// Fields of one HDEL that an expiry logs.
const FIELDS_MAX: usize = 1024;

/// A buffer that grew beyond this is not kept for reuse.
const SPARE_BYTES_MAX: usize = 1 << 20;

/// The log since the last batch was taken.
#[derive(Debug, Default)]
pub(crate) struct EffectsLog {
    pub(crate) is_on: bool,
    /// Empty, or `FRONT_BYTES` of room followed by the payload of the batch.
    batch: Vec<u8>,
    /// A buffer to use next.
    spare: Vec<u8>,
    lsn: u64,
    /// Database that the last command of the log was for.
    db: Option<u32>,
    /// The block that is not closed yet, and how many commands it has; a SELECT is none, since it
    /// stands alone at most before the first.
    block: Vec<u8>,
    block_len: usize,
    /// What the running command gave to be logged in its place, in its database.
    replacement: Vec<u8>,
    replacement_len: usize,
    is_replaced: bool,
    /// A transaction is being executed: the block stays open.
    in_transaction: bool,
}

impl EffectsLog {
    /// The end of the log: the LSN that the next byte gets.
    pub(crate) fn lsn(&self) -> u64 {
        self.lsn
    }

    /// Lets the log, to which nothing was said yet, go on at `lsn`.
    pub(crate) fn begin_at(&mut self, lsn: u64) {
        self.lsn = lsn;
    }

    /// The next command names its database again: another file begins.
    pub(crate) fn forget_db(&mut self) {
        self.db = None;
    }

    /// What was logged since the last call, behind `FRONT_BYTES` of room; empty if nothing was.
    pub(crate) fn take_batch(&mut self) -> Vec<u8> {
        mem::replace(&mut self.batch, mem::take(&mut self.spare))
    }

    /// Gives the buffer of a batch back.
    pub(crate) fn give_back(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= SPARE_BYTES_MAX {
            buffer.clear();
            self.spare = buffer;
        }
    }

    /// Logs that a key was removed since its deadline had passed, before what noticed it.
    pub(crate) fn expired(&mut self, db: u32, key: &[u8]) {
        if self.is_on {
            let words: [&[u8]; 2] = [b"DEL", key];
            self.append(db, words.into_iter());
        }
    }

    /// Logs that fields of a hash were removed since their deadlines had passed, before what
    /// noticed it.
    pub(crate) fn fields_expired(&mut self, db: u32, key: &[u8], fields: &[Box<[u8]>]) {
        if !self.is_on {
            return;
        }
        for fields in fields.chunks(FIELDS_MAX) {
            let mut words: Vec<&[u8]> = [b"HDEL", key].into();
            words.extend(fields.iter().map(|field| &**field));
            self.append(db, words.into_iter());
        }
    }

    /// The running command is to be logged as `words`; several calls give several commands.
    pub(crate) fn replace(&mut self, words: &[&[u8]]) {
        self.is_replaced = true;
        if !self.is_on {
            return;
        }
        self.replacement_len += 1;
        encode(&mut self.replacement, words.iter().copied());
    }

    /// The running command is not to be logged.
    pub(crate) fn replace_with_nothing(&mut self) {
        self.is_replaced = true;
    }

    /// Ends a command: what it changed joins the block, and outside of a transaction the block
    /// ends.
    #[inline]
    pub(crate) fn finish_command(&mut self, db: u32, args: Args<'_>, changed: bool) {
        if self.is_on {
            if changed && !self.is_replaced {
                self.append(db, args.from(0));
            } else if changed && self.replacement_len > 0 {
                self.select(db);
                self.block.append(&mut self.replacement);
                self.block_len += self.replacement_len;
            }
            self.replacement.clear();
            self.replacement_len = 0;
            if !self.in_transaction {
                self.close_block();
            }
        }
        self.is_replaced = false;
    }

    /// Whether EXEC runs commands.
    pub(crate) fn is_in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Keeps the block open until [`EffectsLog::end_transaction`].
    pub(crate) fn begin_transaction(&mut self) {
        self.in_transaction = true;
    }

    /// The transaction's block ends with the command that has executed it.
    pub(crate) fn end_transaction(&mut self) {
        self.in_transaction = false;
    }

    fn append<'a>(&mut self, db: u32, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.select(db);
        self.block_len += 1;
        encode(&mut self.block, words);
    }

    /// Logs a SELECT when the database changes.
    fn select(&mut self, db: u32) {
        if self.db == Some(db) {
            return;
        }
        self.db = Some(db);
        let mut digits = itoa::Buffer::new();
        let words: [&[u8]; 2] = [b"SELECT", digits.format(db).as_bytes()];
        encode(&mut self.block, words.into_iter());
    }

    /// Moves the block to the log, as one atomic whole.
    pub(crate) fn close_block(&mut self) {
        if self.block_len == 0 {
            return;
        }
        if self.batch.is_empty() {
            self.batch.resize(FRONT_BYTES, 0);
        }
        let before = self.batch.len();
        let is_several = self.block_len > 1;
        if is_several {
            self.batch.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
        }
        self.batch.append(&mut self.block);
        if is_several {
            self.batch.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
        }
        self.block_len = 0;
        self.lsn += (self.batch.len() - before) as u64;
    }
}

/// Appends one command as an array of bulk strings.
pub(crate) fn encode<'a>(out: &mut Vec<u8>, words: impl ExactSizeIterator<Item = &'a [u8]>) {
    let mut digits = itoa::Buffer::new();
    out.push(b'*');
    out.extend_from_slice(digits.format(words.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    for word in words {
        out.push(b'$');
        out.extend_from_slice(digits.format(word.len()).as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}
