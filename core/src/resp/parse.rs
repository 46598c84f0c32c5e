//! Requests, parsed in place.
//!
//! The shell hands over the bytes that it has read and keeps what is not consumed. A request is
//! therefore a list of spans into those bytes: nothing is copied until a command stores it. The
//! hard case is a request that arrives in many pieces: its arguments so far are remembered with
//! their offsets from its start, so that no byte is looked at twice, and the shell is told how many
//! bytes must be there before another look is worth while.
//!
//! Both forms of Redis are understood: arrays of bulk strings, and inline commands as people
//! type them into telnet. The limits and the error texts are Redis's (networking.c of 7.2).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::value::{number, quote};

/// An argument: where it starts in its buffer, and its length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

/// What was found at the start of the bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A request whose spans were appended; it ends before the offset `end`.
    Request {
        /// Offset of the first byte after the request.
        end: usize,
    },
    /// An inline request; its words were copied out, its line ends before `end`.
    Inline {
        /// Offset of the first byte after the line.
        end: usize,
    },
    /// An empty request, which has no reply.
    Empty {
        /// Offset of the first byte after it.
        end: usize,
    },
    /// The request goes on; before `need` bytes are there it is neither whole nor wrong.
    Incomplete {
        /// Bytes from the start of the buffer.
        need: usize,
    },
}

/// The bytes are no RESP: the client is told and the connection closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The count after `*` is no number, or too large.
    MultibulkLength,
    /// Too many arguments for a client that has not said who it is.
    UnauthenticatedMultibulkLength,
    /// No line end within 64 KB after `*`.
    MultibulkCountTooBig,
    /// Something else where `$` belongs.
    ExpectedBulk(u8),
    /// The length after `$` is no number, negative or too large.
    BulkLength,
    /// Too long an argument for a client that has not said who it is.
    UnauthenticatedBulkLength,
    /// No line end within 64 KB after `$`.
    BulkCountTooBig,
    /// An inline request of more than 64 KB.
    InlineTooBig,
    /// Quotes that do not close.
    UnbalancedQuotes,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::MultibulkLength => "invalid multibulk length",
            Self::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            Self::MultibulkCountTooBig => "too big mbulk count string",
            Self::ExpectedBulk(byte) => {
                return write!(f, "ERR Protocol error: expected '$', got '{}'", char::from(*byte));
            }
            Self::BulkLength => "invalid bulk length",
            Self::UnauthenticatedBulkLength => "unauthenticated bulk length",
            Self::BulkCountTooBig => "too big bulk count string",
            Self::InlineTooBig => "too big inline request",
            Self::UnbalancedQuotes => "unbalanced quotes in request",
        };
        write!(f, "ERR Protocol error: {text}")
    }
}

/// What a client may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest argument in bytes.
    pub bulk_bytes_max: u64,
    /// Whether the client has said who it is, or need not.
    pub authenticated: bool,
}

/// A request of which only the beginning has arrived. Offsets count from its start.
#[derive(Debug, Default)]
pub struct Partial {
    args_left: u32,
    next: usize,
    spans: Vec<Span>,
}

/// Longest line: a count, a length, an inline request.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Arguments of one request at most.
const ARGS_MAX: i64 = i32::MAX as i64;

/// Arguments and bytes of an argument that a client may send before it has said who it is.
const UNAUTHENTICATED_ARGS_MAX: i64 = 10;
const UNAUTHENTICATED_BULK_MAX: i64 = 16 * 1024;

/// A request with fewer arguments than this is parsed from its start again when more arrives.
const RESUME_ARGS: usize = 64;

/// Looks at the request that starts at `at` of `buf`. Spans count from the start of `buf`, those
/// of an inline request from the start of `words`.
#[inline]
pub fn parse(
    buf: &[u8],
    at: usize,
    spans: &mut Vec<Span>,
    words: &mut Vec<u8>,
    partial: &mut Option<Box<Partial>>,
    limits: Limits,
) -> Result<Parsed, ProtocolError> {
    if partial.is_none()
        && let Some(end) = short(buf, at, spans, limits)
    {
        return Ok(Parsed::Request { end });
    }
    general(buf, at, spans, words, partial, limits)
}

/// A request of any form.
#[inline(never)]
fn general(
    buf: &[u8],
    at: usize,
    spans: &mut Vec<Span>,
    words: &mut Vec<u8>,
    partial: &mut Option<Box<Partial>>,
    limits: Limits,
) -> Result<Parsed, ProtocolError> {
    if buf.get(at) != Some(&b'*') {
        return inline(buf, at, spans, words);
    }
    let resumed = partial.take();
    let (mut left, mut next) = match &resumed {
        Some(partial) => (partial.args_left, at + partial.next),
        None => match count(buf, at, limits)? {
            Head::Empty(end) => return Ok(Parsed::Empty { end }),
            Head::Args(left, next) => (left, next),
            Head::Incomplete => return Ok(Parsed::Incomplete { need: buf.len() + 1 }),
        },
    };
    let first = spans.len();
    if let Some(partial) = resumed {
        spans.extend(partial.spans.iter().map(|s| Span { start: s.start + at as u32, ..*s }));
    }
    while left > 0 {
        match bulk(buf, next, limits)? {
            Bulk::Whole { span, end } => {
                spans.push(span);
                next = end;
                left -= 1;
            }
            Bulk::Incomplete { need } => {
                let parsed = spans.drain(first..);
                if parsed.len() >= RESUME_ARGS {
                    let base = at as u32;
                    let spans = parsed.map(|s| Span { start: s.start - base, ..s }).collect();
                    *partial = Some(Box::new(Partial { args_left: left, next: next - at, spans }));
                }
                return Ok(Parsed::Incomplete { need });
            }
        }
    }
    Ok(Parsed::Request { end: next })
}

/// A whole request of at most 99 arguments of at most 99 bytes: nearly every request is one, and
/// the only limit below that is for those who have not said who they are. `None` leaves it to the
/// general way, with `spans` as they were.
#[inline]
fn short(buf: &[u8], at: usize, spans: &mut Vec<Span>, limits: Limits) -> Option<usize> {
    let mut rest = buf.get(at..)?;
    let (count, skip) = short_line(rest, b'*')?;
    if count == 0 || count > 9 && !limits.authenticated {
        return None;
    }
    rest = rest.get(skip..)?;
    let first = spans.len();
    for _ in 0..count {
        let Some((span, after)) = short_bulk(buf.len(), rest) else {
            spans.truncate(first);
            return None;
        };
        spans.push(span);
        rest = after;
    }
    Some(buf.len() - rest.len())
}

/// The argument at the start of `rest`, the end of a buffer of `len` bytes, and what follows it.
#[inline(always)]
fn short_bulk(len: usize, rest: &[u8]) -> Option<(Span, &[u8])> {
    let (bytes, skip) = short_line(rest, b'$')?;
    let after = rest.get(skip + bytes as usize + 2..)?;
    Some((Span { start: (len - rest.len() + skip) as u32, len: bytes }, after))
}

/// The number of one or two digits behind `kind`, and the bytes up to the next line. The second
/// byte of the line's end is not looked at, as Redis does not.
#[inline(always)]
fn short_line(rest: &[u8], kind: u8) -> Option<(u32, usize)> {
    let word = u32::from_le_bytes(*rest.first_chunk()?);
    let (kind, end) = (u32::from(kind), u32::from(b'\r'));
    let first = (word >> 8 & 0xff).wrapping_sub(u32::from(b'0'));
    if word & 0x00ff_00ff == kind | end << 16 {
        return (first < 10).then_some((first, 4));
    }
    let second = (word >> 16 & 0xff).wrapping_sub(u32::from(b'0'));
    // A leading zero is for the general way to judge.
    let is_number = first.wrapping_sub(1) < 9 && second < 10;
    let is_line = word & 0xff00_00ff == kind | end << 24;
    (is_line && is_number).then(|| (first * 10 + second, 5))
}

enum Head {
    Empty(usize),
    Args(u32, usize),
    Incomplete,
}

/// The `*<count>` line at `at`.
fn count(buf: &[u8], at: usize, limits: Limits) -> Result<Head, ProtocolError> {
    let Some((number, end)) = line(buf, at + 1) else {
        if buf.len() - at > LINE_BYTES_MAX {
            return Err(ProtocolError::MultibulkCountTooBig);
        }
        return Ok(Head::Incomplete);
    };
    match number {
        Some(count) if count > ARGS_MAX => Err(ProtocolError::MultibulkLength),
        Some(count) if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated => {
            Err(ProtocolError::UnauthenticatedMultibulkLength)
        }
        Some(count) if count <= 0 => Ok(Head::Empty(end)),
        Some(count) => Ok(Head::Args(count as u32, end)),
        None => Err(ProtocolError::MultibulkLength),
    }
}

enum Bulk {
    Whole { span: Span, end: usize },
    Incomplete { need: usize },
}

/// The `$<length>\r\n<bytes>\r\n` at `at`.
#[inline]
fn bulk(buf: &[u8], at: usize, limits: Limits) -> Result<Bulk, ProtocolError> {
    let Some(&kind) = buf.get(at) else {
        return Ok(Bulk::Incomplete { need: at + 1 });
    };
    if kind != b'$' {
        return Err(ProtocolError::ExpectedBulk(kind));
    }
    let Some((number, start)) = line(buf, at + 1) else {
        if buf.len() - at > LINE_BYTES_MAX {
            return Err(ProtocolError::BulkCountTooBig);
        }
        return Ok(Bulk::Incomplete { need: buf.len() + 1 });
    };
    let len = match number {
        Some(len) if len >= 0 && len as u64 <= limits.bulk_bytes_max => len,
        _ => return Err(ProtocolError::BulkLength),
    };
    if len > UNAUTHENTICATED_BULK_MAX && !limits.authenticated {
        return Err(ProtocolError::UnauthenticatedBulkLength);
    }
    let end = start + len as usize + 2;
    if end > buf.len() {
        return Ok(Bulk::Incomplete { need: end });
    }
    Ok(Bulk::Whole { span: Span { start: start as u32, len: len as u32 }, end })
}

/// The number up to the line end after `at`, and where the next line starts. `None` while the line
/// end is missing; a number of `None` is none.
#[inline]
fn line(buf: &[u8], at: usize) -> Option<(Option<i64>, usize)> {
    // Nearly all counts and lengths have one to three digits: no search for the line end.
    if let Some(&[a, b, c, d, _]) = buf.get(at..).and_then(|rest| rest.first_chunk::<5>()) {
        let [x, y, z] = [a, b, c].map(|byte| byte.wrapping_sub(b'0'));
        let first = i64::from(x);
        if x < 10 && b == b'\r' {
            return Some((Some(first), at + 3));
        }
        if x.wrapping_sub(1) < 9 && y < 10 {
            let two = first * 10 + i64::from(y);
            if c == b'\r' {
                return Some((Some(two), at + 4));
            }
            if z < 10 && d == b'\r' {
                return Some((Some(two * 10 + i64::from(z)), at + 5));
            }
        }
    }
    let rest = &buf[at.min(buf.len())..];
    let end = rest.iter().take(LINE_BYTES_MAX).position(|&byte| byte == b'\r')?;
    if end + 1 >= rest.len() {
        return None;
    }
    Some((number::parse_i64(&rest[..end]), at + end + 2))
}

fn inline(
    buf: &[u8],
    at: usize,
    spans: &mut Vec<Span>,
    words: &mut Vec<u8>,
) -> Result<Parsed, ProtocolError> {
    let rest = &buf[at..];
    let Some(newline) = rest.iter().take(LINE_BYTES_MAX + 1).position(|&byte| byte == b'\n') else {
        if rest.len() > LINE_BYTES_MAX {
            return Err(ProtocolError::InlineTooBig);
        }
        return Ok(Parsed::Incomplete { need: buf.len() + 1 });
    };
    let end = at + newline + 1;
    let line = &rest[..newline];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let args = quote::split_args(line).ok_or(ProtocolError::UnbalancedQuotes)?;
    if args.is_empty() {
        return Ok(Parsed::Empty { end });
    }
    for arg in args {
        spans.push(Span { start: words.len() as u32, len: arg.len() as u32 });
        words.extend_from_slice(&arg);
    }
    Ok(Parsed::Inline { end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { bulk_bytes_max: 1 << 29, authenticated: true };

    /// Parses a stream that arrives in pieces of `sizes` bytes, as the shell would drive it.
    fn in_pieces(stream: &[u8], sizes: &[usize]) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
        let (mut buf, mut partial, mut requests) = (Vec::new(), None, Vec::new());
        let (mut sent, mut need, mut sizes) = (0, 0, sizes.iter().cycle());
        while sent < stream.len() {
            let size = (*sizes.next().unwrap()).clamp(1, stream.len() - sent);
            buf.extend_from_slice(&stream[sent..sent + size]);
            sent += size;
            let mut at = 0;
            while at < buf.len() && buf.len() >= need {
                let (mut spans, mut words) = (Vec::new(), Vec::new());
                let parsed = parse(&buf, at, &mut spans, &mut words, &mut partial, LIMITS);
                let parsed = match parsed {
                    Ok(parsed) => parsed,
                    Err(error) => return (requests, Some(error)),
                };
                let text = |from: &[u8]| {
                    let cut = |s: &Span| from[s.start as usize..][..s.len as usize].to_vec();
                    spans.iter().map(cut).collect::<Vec<_>>()
                };
                need = 0;
                at = match parsed {
                    Parsed::Request { end } => {
                        requests.push(text(&buf));
                        end
                    }
                    Parsed::Inline { end } => {
                        requests.push(text(&words));
                        end
                    }
                    Parsed::Empty { end } => end,
                    Parsed::Incomplete { need: bytes } => {
                        assert!(bytes > buf.len(), "waiting for bytes that are there");
                        need = bytes - at;
                        break;
                    }
                };
            }
            buf.drain(..at);
        }
        (requests, None)
    }

    fn encode(requests: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let mut out = Vec::new();
        for request in requests {
            out.extend_from_slice(alloc::format!("*{}\r\n", request.len()).as_bytes());
            for arg in request {
                out.extend_from_slice(alloc::format!("${}\r\n", arg.len()).as_bytes());
                out.extend_from_slice(arg);
                out.extend_from_slice(b"\r\n");
            }
        }
        out
    }

    proptest! {
        #[test]
        fn any_segmentation_gives_the_same_requests(
            requests in proptest::collection::vec(
                proptest::collection::vec(
                    proptest::collection::vec(any::<u8>(), 0..30), 1..100), 1..8),
            sizes in proptest::collection::vec(1_usize..200, 1..20),
        ) {
            prop_assert_eq!(in_pieces(&encode(&requests), &sizes), (requests, None));
        }

        #[test]
        fn random_bytes_never_panic_and_segmentation_does_not_matter(
            stream in proptest::collection::vec(
                prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), Just(b'1'),
                    Just(b'0'), Just(b'"'), any::<u8>()], 0..200),
        ) {
            prop_assert_eq!(in_pieces(&stream, &[1]), in_pieces(&stream, &[1000]));
        }
    }

    #[test]
    fn errors_are_those_of_redis() {
        let error = |bytes: &[u8]| in_pieces(bytes, &[bytes.len()]).1.unwrap();
        assert_eq!(error(b"*abc\r\n"), ProtocolError::MultibulkLength);
        assert_eq!(error(b"*1\r\n:1\r\n"), ProtocolError::ExpectedBulk(b':'));
        assert_eq!(error(b"*1\r\n$-1\r\n"), ProtocolError::BulkLength);
        assert_eq!(error(b"*1\r\n$600000000\r\n"), ProtocolError::BulkLength);
        assert_eq!(error(b"\"abc\r\n"), ProtocolError::UnbalancedQuotes);
        assert_eq!(error(&[b'x'; 70_000]), ProtocolError::InlineTooBig);
    }
}
