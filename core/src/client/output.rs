//! What a client has yet to be sent.
//!
//! Replies are bytes at the end of one buffer, written where they are made. A large value is not
//! copied there: the buffer so far and the value (a counted reference) become pieces of a queue
//! that the shell sends with one gathering write. Nothing is dequeued before the shell says how
//! many bytes the socket took. A client that has been sent everything owns no buffer: buffers go
//! back to a pool, so that ten thousand idle clients cost ten thousand small structs.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

/// Values of at least this many bytes are sent by reference. Below, the copy is cheaper than
/// a piece of its own in the gathering write.
pub(crate) const SHARED_BYTES_MIN: usize = 16 * 1024;

/// A buffer that grew beyond this is not kept for reuse.
const POOLED_BYTES_MAX: usize = 64 * 1024;

/// Buffers kept for reuse.
const POOLED_BUFFERS_MAX: usize = 64;

/// Buffers that nobody uses at the moment.
#[derive(Debug, Default)]
pub(crate) struct Pool(Vec<Vec<u8>>);

/// One client's output.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pieces: VecDeque<Bytes>,
    /// Bytes of the pieces.
    pieces_bytes: usize,
    pub(crate) tail: Vec<u8>,
    /// Bytes of the first piece, or of the tail, that were sent.
    sent: usize,
    /// Whether replies take the form of RESP3.
    pub(crate) resp3: bool,
}

impl Output {
    /// Bytes that have not been sent.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pieces_bytes + self.tail.len() - self.sent
    }

    /// Appends a value by reference.
    pub(crate) fn push_shared(&mut self, value: Bytes) {
        if !self.tail.is_empty() {
            self.flush_tail();
        }
        self.pieces_bytes += value.len();
        self.pieces.push_back(value);
    }

    /// Makes the tail a piece. A buffer that is mostly empty would be kept whole for a few bytes:
    /// those are copied, and the buffer stays the tail.
    fn flush_tail(&mut self) {
        self.pieces_bytes += self.tail.len();
        if self.tail.len() < self.tail.capacity() / 2 {
            self.pieces.push_back(Bytes::copy_from_slice(&self.tail));
            self.tail.clear();
        } else {
            self.pieces.push_back(Bytes::from(core::mem::take(&mut self.tail)));
        }
    }

    /// Pieces that wait before the tail.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Unsent bytes of the tail alone.
    pub(crate) fn tail_bytes(&self) -> usize {
        if self.pieces.is_empty() { self.tail.len() - self.sent } else { self.tail.len() }
    }

    /// Bytes that the buffers take; a shared value counts for everybody who waits for it.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.pieces_bytes + self.pieces.capacity() * size_of::<Bytes>() + self.tail.capacity()
    }

    /// Takes a buffer out of the pool when there is none to write to.
    #[inline]
    pub(crate) fn open(&mut self, pool: &mut Pool) {
        if self.tail.capacity() == 0
            && let Some(buffer) = pool.0.pop()
        {
            self.tail = buffer;
        }
    }

    /// Where the output ends now; [`Output::cut`] goes back to it.
    pub(crate) fn mark(&self) -> Mark {
        Mark { pieces: self.pieces.len(), tail: self.tail.len() }
    }

    /// Takes back everything after `mark`. Bytes before it must not have been sent since.
    pub(crate) fn cut(&mut self, mark: Mark) {
        if self.pieces.len() == mark.pieces {
            self.tail.truncate(mark.tail);
            return;
        }
        // The tail of then is the first piece after the mark.
        let old_tail = if mark.tail > 0 { self.pieces.get(mark.pieces).cloned() } else { None };
        while self.pieces.len() > mark.pieces {
            let piece = self.pieces.pop_back().unwrap_or_default();
            self.pieces_bytes -= piece.len();
        }
        self.tail.clear();
        self.tail.extend_from_slice(old_tail.as_ref().map_or(&[], |tail| &tail[..mark.tail]));
    }

    /// Puts `bytes` in at `mark`, before what was written since. That is not copied when it is
    /// large. Bytes after `mark` must not have been sent.
    pub(crate) fn insert(&mut self, mark: Mark, bytes: &[u8]) {
        if self.pieces.len() == mark.pieces && self.tail.len() - mark.tail < SHARED_BYTES_MIN {
            self.tail.splice(mark.tail..mark.tail, bytes.iter().copied());
            return;
        }
        if self.pieces.len() == mark.pieces {
            self.flush_tail();
        }
        self.pieces_bytes += bytes.len();
        // A tail that was empty at the mark did not become a piece of its own.
        let mut at = mark.pieces;
        if mark.tail > 0
            && let Some(piece) = self.pieces.get_mut(at)
        {
            let after = piece.split_off(mark.tail);
            at += 1;
            self.pieces.insert(at, after);
        }
        self.pieces.insert(at, Bytes::copy_from_slice(bytes));
    }

    /// The bytes to send, in order.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let queue = self.pieces.iter().map(|piece| &piece[..]).chain([&self.tail[..]]);
        let mut skip = self.sent;
        queue.filter_map(move |chunk| {
            let chunk = &chunk[core::mem::take(&mut skip)..];
            (!chunk.is_empty()).then_some(chunk)
        })
    }

    /// Forgets `count` bytes that the socket took.
    pub(crate) fn sent(&mut self, count: usize, pool: &mut Pool) {
        self.sent += count;
        assert!(self.sent <= self.pieces_bytes + self.tail.len(), "no more is sent than was there");
        while let Some(piece) = self.pieces.front() {
            if self.sent < piece.len() {
                return;
            }
            self.sent -= piece.len();
            self.pieces_bytes -= piece.len();
            self.pieces.pop_front();
        }
        if self.sent == self.tail.len() {
            self.sent = 0;
            self.close(pool);
        }
    }

    /// Gives the empty buffer back.
    fn close(&mut self, pool: &mut Pool) {
        let mut buffer = core::mem::take(&mut self.tail);
        if buffer.capacity() <= POOLED_BYTES_MAX && pool.0.len() < POOLED_BUFFERS_MAX {
            buffer.clear();
            pool.0.push(buffer);
        }
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
        }
    }
}

/// A place in an output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pieces: usize,
    tail: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(output: &Output) -> Vec<u8> {
        output.chunks().flatten().copied().collect()
    }

    #[test]
    fn bytes_are_inserted_where_the_mark_is() {
        let large = alloc::vec![b'l'; SHARED_BYTES_MIN];
        for before in [&b""[..], b"before", &large] {
            for first in [&b""[..], b"first", &large] {
                for shared in [false, true] {
                    let mut output = Output::default();
                    output.tail.extend_from_slice(before);
                    let mark = output.mark();
                    output.tail.extend_from_slice(first);
                    if shared {
                        output.push_shared(Bytes::from_static(b"shared"));
                    }
                    output.tail.extend_from_slice(b"last");
                    output.insert(mark, b"head");
                    let middle = if shared { &b"shared"[..] } else { b"" };
                    let expected = [before, b"head", first, middle, b"last"].concat();
                    assert_eq!(bytes(&output), expected);
                    assert_eq!(output.pending_bytes(), expected.len());
                }
            }
        }
    }
}
