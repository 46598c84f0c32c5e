//! Replies, in RESP2 or RESP3 as the client asked.
//!
//! The commands say what they mean (a map, a null, a double) and the protocol version decides
//! how it looks: where RESP2 has no such type, the form is the one that Redis 7 gives it.

use alloc::format;
use core::fmt::Write as _;

use bytes::Bytes;

use crate::client::output::{Mark, Output, SHARED_BYTES_MIN};
use crate::value::number;

impl Output {
    #[inline]
    fn raw(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// `<kind><number>\r\n`.
    #[inline]
    fn header(&mut self, kind: u8, number: i64) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number).as_bytes();
        self.tail.reserve(digits.len() + 3);
        self.tail.push(kind);
        self.tail.extend_from_slice(digits);
        self.tail.extend_from_slice(b"\r\n");
    }

    /// `+OK`.
    #[inline]
    pub(crate) fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// A simple string; line ends in it become spaces.
    pub(crate) fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error with its code, as `ERR no such key`.
    pub(crate) fn error(&mut self, text: &str) {
        self.line(b'-', text.as_bytes());
    }

    /// An error that quotes bytes of a client.
    pub(crate) fn error_bytes(&mut self, text: &[u8]) {
        self.line(b'-', text);
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.tail.push(kind);
        let plain = |&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
        self.tail.extend(text.iter().map(plain));
        self.raw(b"\r\n");
    }

    /// An integer.
    #[inline]
    pub(crate) fn int(&mut self, number: i64) {
        self.header(b':', number);
    }

    /// A count.
    #[inline]
    pub(crate) fn count(&mut self, count: usize) {
        self.int(count as i64);
    }

    /// A string of any bytes.
    #[inline]
    pub(crate) fn bulk(&mut self, bytes: &[u8]) {
        self.bulk_head(bytes.len());
        self.raw(bytes);
        self.raw(b"\r\n");
    }

    /// `$<len>\r\n`, and room for the rest. Most have one or two digits: copies of a fixed length.
    #[inline]
    fn bulk_head(&mut self, len: usize) {
        let digit = |number: usize| b'0' + (number % 10) as u8;
        match len {
            0..10 => {
                self.tail.reserve(4 + len + 2);
                self.raw(&[b'$', digit(len), b'\r', b'\n']);
            }
            10..100 => {
                self.tail.reserve(5 + len + 2);
                self.raw(&[b'$', digit(len / 10), digit(len), b'\r', b'\n']);
            }
            _ => {
                self.header(b'$', len as i64);
                self.tail.reserve(len + 2);
            }
        }
    }

    /// A string that is shared with the keyspace: a large one is not copied.
    pub(crate) fn bulk_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARED_BYTES_MIN {
            return self.bulk(bytes);
        }
        self.header(b'$', bytes.len() as i64);
        self.push_shared(bytes.clone());
        self.raw(b"\r\n");
    }

    /// An integer as a bulk string.
    pub(crate) fn bulk_int(&mut self, number: i64) {
        self.bulk(itoa::Buffer::new().format(number).as_bytes());
    }

    /// No value.
    #[inline]
    pub(crate) fn null(&mut self) {
        self.raw(if self.resp3 { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// No array.
    pub(crate) fn null_array(&mut self) {
        self.raw(if self.resp3 { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// The head of an array of `len` elements.
    pub(crate) fn array(&mut self, len: usize) {
        self.header(b'*', len as i64);
    }

    /// Begins an array whose length is not known yet; [`Output::end_array`] must follow.
    pub(crate) fn begin_array(&self) -> Mark {
        self.mark()
    }

    /// Writes the head of the array that began at `mark`, now that its length is known.
    pub(crate) fn end_array(&mut self, mark: Mark, len: usize) {
        self.insert(mark, format!("*{len}\r\n").as_bytes());
    }

    /// The head of a map of `len` pairs; in RESP2 a flat array.
    pub(crate) fn map(&mut self, len: usize) {
        if self.resp3 {
            self.header(b'%', len as i64);
        } else {
            self.header(b'*', len as i64 * 2);
        }
    }

    /// The head of a set; in RESP2 an array.
    pub(crate) fn set(&mut self, len: usize) {
        self.header(if self.resp3 { b'~' } else { b'*' }, len as i64);
    }

    /// The head of `len` pairs about the reply that follows. RESP2 has nothing of the kind: do not
    /// call it there.
    pub(crate) fn attribute(&mut self, len: usize) {
        self.header(b'|', len as i64);
    }

    /// The head of an out-of-band message; in RESP2 an array.
    pub(crate) fn push(&mut self, len: usize) {
        self.header(if self.resp3 { b'>' } else { b'*' }, len as i64);
    }

    /// A truth value; in RESP2 1 or 0.
    pub(crate) fn boolean(&mut self, value: bool) {
        if self.resp3 {
            self.raw(if value { b"#t\r\n" } else { b"#f\r\n" });
        } else {
            self.int(i64::from(value));
        }
    }

    /// A double; in RESP2 its text as a bulk string. As in Redis from 7.2 on it has as few digits
    /// as tell it from all others: Redis 7.0 prints `0.10000000000000001` where this is `0.1`.
    pub(crate) fn double(&mut self, value: f64) {
        self.double_text(&number::format_f64(value));
    }

    /// A double that is written down already.
    pub(crate) fn double_text(&mut self, text: &[u8]) {
        if self.resp3 {
            self.raw(b",");
            self.raw(text);
            self.raw(b"\r\n");
        } else {
            self.bulk(text);
        }
    }

    /// A number too large for an integer, as decimal text; in RESP2 a bulk string.
    pub(crate) fn big_number(&mut self, text: &str) {
        if self.resp3 {
            self.line(b'(', text.as_bytes());
        } else {
            self.bulk(text.as_bytes());
        }
    }

    /// Text with its format (`txt`, `mkd`); in RESP2 a bulk string.
    pub(crate) fn verbatim(&mut self, format: &str, text: &[u8]) {
        if !self.resp3 {
            return self.bulk(text);
        }
        self.header(b'=', text.len() as i64 + 4);
        self.raw(format.as_bytes());
        self.raw(b":");
        self.raw(text);
        self.raw(b"\r\n");
    }

    /// An error made of parts.
    pub(crate) fn error_fmt(&mut self, text: core::fmt::Arguments<'_>) {
        match text.as_str() {
            Some(text) => self.error(text),
            None => self.error(&format!("{text}")),
        }
    }

    /// A bulk string made of parts.
    pub(crate) fn bulk_fmt(&mut self, text: core::fmt::Arguments<'_>) {
        let mut whole = alloc::string::String::new();
        let _ = whole.write_fmt(text);
        self.bulk(whole.as_bytes());
    }
}
