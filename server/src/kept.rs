//! Bytes of a connection that were read and that the core has not consumed.
//!
//! Most of the time there are none, and then there is no buffer either. What is left of a request
//! that has not fully arrived is kept at its exact size; the next read goes behind it in the buffer
//! that all connections share. Only a request that is too long for that gets a buffer of its own,
//! which grows with what arrives: a client may announce more than it ever sends.

/// Bytes read at once into a buffer of the connection's own.
const ROOM_BYTES: usize = 64 * 1024;

/// Most bytes that such a buffer grows by before it is half full of what arrived.
const ROOM_BYTES_MAX: usize = 1024 * 1024;

/// The bytes.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Those that are kept lie in `start..end`, room to read into behind them.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes below which feeding is in vain.
    need: usize,
}

impl Kept {
    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether the core can do something with them without reading more.
    pub(crate) fn is_worth_feeding(&self) -> bool {
        !self.is_empty() && self.end - self.start >= self.need
    }

    /// Whether more is to be read behind them here, and not in a shared buffer of that size.
    pub(crate) fn is_long(&self, shared_bytes: usize) -> bool {
        self.need > shared_bytes || self.end - self.start > shared_bytes / 2
    }

    /// Bytes that must arrive before feeding makes sense.
    pub(crate) fn missing(&self) -> usize {
        self.need.saturating_sub(self.end - self.start)
    }

    /// Keeps `bytes` instead of those before.
    pub(crate) fn keep(&mut self, bytes: &[u8], need: usize) {
        *self = Self { bytes: bytes.to_vec(), start: 0, end: bytes.len(), need };
    }

    /// Keeps `bytes` behind those before; too few to feed.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.bytes.truncate(self.end);
        self.bytes.extend_from_slice(bytes);
        self.end = self.bytes.len();
    }

    /// Keeps nothing.
    pub(crate) fn clear(&mut self) {
        if !self.bytes.is_empty() {
            *self = Self::default();
        }
    }

    /// Room to read into, as much as is missing or more.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let end = self.end + self.missing().clamp(ROOM_BYTES, self.end.max(ROOM_BYTES_MAX));
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.end..end]
    }

    /// `count` bytes were read into the room.
    pub(crate) fn fill(&mut self, count: usize) {
        self.end += count;
    }

    /// The core consumed the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize, need: usize) {
        self.start += count;
        self.need = need;
        assert!(self.start <= self.end, "no more is consumed than was fed");
        if self.is_empty() {
            *self = Self::default();
        } else if (self.end - self.start) * 4 < self.bytes.len() && self.bytes.len() > ROOM_BYTES {
            let rest = self.bytes().to_vec();
            *self = Self { start: 0, end: rest.len(), bytes: rest, need };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_kept_owns_no_buffer() {
        let mut kept = Kept::default();
        kept.keep(b"*1\r\n", 5);
        assert!(!kept.is_worth_feeding());
        kept.append(b"$4\r\nPING\r\n");
        assert!(kept.is_worth_feeding());
        kept.consume(14, 0);
        assert_eq!((kept.bytes.capacity(), kept.is_worth_feeding()), (0, false));
    }

    #[test]
    fn room_grows_with_what_arrives_up_to_what_is_needed() {
        let mut kept = Kept::default();
        kept.keep(b"x", 64 << 20);
        assert!(kept.is_long(ROOM_BYTES));
        let mut reads = 0;
        while !kept.is_worth_feeding() {
            let room = kept.room().len();
            assert!(room <= kept.bytes().len().max(ROOM_BYTES_MAX));
            kept.fill(room);
            reads += 1;
        }
        assert_eq!(kept.bytes().len(), 64 << 20);
        assert!(reads < 10, "{reads}");
    }

    #[test]
    fn a_short_rest_does_not_hold_a_long_buffer() {
        let mut kept = Kept::default();
        kept.keep(&vec![b'x'; 8 << 20], 0);
        kept.append(b"rest");
        kept.consume(8 << 20, 5);
        assert_eq!((kept.bytes(), kept.bytes.capacity()), (&b"rest"[..], 4));
        assert_eq!(kept.missing(), 1);
    }

    #[test]
    fn bytes_move_to_the_front_before_a_read() {
        let mut kept = Kept::default();
        kept.keep(b"abcdef", 0);
        kept.consume(2, 6);
        kept.room()[..2].copy_from_slice(b"gh");
        kept.fill(2);
        assert_eq!(kept.bytes(), b"cdefgh");
    }
}
