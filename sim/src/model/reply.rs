//! What a reply must be, and whether bytes are it.

use std::fmt;

use crate::reply;

/// A reply.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// `+text`.
    Simple(&'static str),
    /// `-text`, code included.
    Error(Vec<u8>),
    /// `:number`.
    Int(i64),
    /// A number in this range, both ends included.
    Between(i64, i64),
    /// A string.
    Bulk(Vec<u8>),
    /// Nothing, in place of a string.
    Null,
    /// Nothing, in place of an array.
    NullArray,
    /// Replies.
    Array(Vec<Self>),
    /// A map; an array of twice as many in RESP2. In any order.
    Map(Vec<(Self, Self)>),
    /// A set; an array in RESP2. In any order.
    Set(Vec<Self>),
    /// An array in any order.
    Bag(Vec<Self>),
    /// A number as it is written; a string in RESP2.
    Double(String),
    /// One of these.
    OneOf(Vec<Self>),
    /// Any well-formed reply.
    Any,
    /// The model does not know, and nothing after this is comparable.
    Lost,
}

impl Reply {
    /// Whether the whole of `bytes` is this reply.
    #[must_use]
    pub fn is(&self, bytes: &[u8], is_resp3: bool) -> bool {
        self.end(bytes, 0, is_resp3) == Some(bytes.len())
    }

    /// The end of this reply in `bytes` from `at` on; none when it is another.
    fn end(&self, bytes: &[u8], at: usize, is_resp3: bool) -> Option<usize> {
        let rest = bytes.get(at..)?;
        let is = |wanted: &[u8]| rest.starts_with(wanted).then_some(at + wanted.len());
        match self {
            Self::Simple(text) => is(format!("+{text}\r\n").as_bytes()),
            Self::Error(text) => is(&[b"-", &text[..], b"\r\n"].concat()),
            Self::Int(number) => is(format!(":{number}\r\n").as_bytes()),
            Self::Null | Self::NullArray if is_resp3 => is(b"_\r\n"),
            Self::Null => is(b"$-1\r\n"),
            Self::NullArray => is(b"*-1\r\n"),
            Self::Bulk(text) => {
                let head = is(format!("${}\r\n", text.len()).as_bytes())?;
                let end = head + text.len();
                let is_it = bytes.get(head..end)? == text && bytes.get(end..end + 2)? == b"\r\n";
                is_it.then_some(end + 2)
            }
            Self::Between(least, most) => {
                let end = reply::end(bytes, at).ok()??;
                let text = std::str::from_utf8(&bytes[at + 1..end - 2]).ok()?;
                let number: i64 = text.parse().ok().filter(|_| rest[0] == b':')?;
                (least..=most).contains(&&number).then_some(end)
            }
            Self::Array(replies) => {
                let mut at = is(format!("*{}\r\n", replies.len()).as_bytes())?;
                for reply in replies {
                    at = reply.end(bytes, at, is_resp3)?;
                }
                Some(at)
            }
            Self::Map(pairs) => {
                let head = if is_resp3 { ('%', pairs.len()) } else { ('*', 2 * pairs.len()) };
                let at = is(format!("{}{}\r\n", head.0, head.1).as_bytes())?;
                unordered(pairs, at, |pair: &(Self, Self), at| {
                    pair.1.end(bytes, pair.0.end(bytes, at, is_resp3)?, is_resp3)
                })
            }
            Self::Set(replies) | Self::Bag(replies) => {
                let is_set = is_resp3 && matches!(self, Self::Set(_));
                let kind = if is_set { '~' } else { '*' };
                let at = is(format!("{kind}{}\r\n", replies.len()).as_bytes())?;
                unordered(replies, at, |reply: &Self, at| reply.end(bytes, at, is_resp3))
            }
            Self::Double(text) if is_resp3 => is(format!(",{text}\r\n").as_bytes()),
            Self::Double(text) => Self::Bulk(text.clone().into()).end(bytes, at, is_resp3),
            Self::OneOf(replies) => replies.iter().find_map(|reply| reply.end(bytes, at, is_resp3)),
            Self::Any | Self::Lost => reply::end(bytes, at).ok()?,
        }
    }

    /// Whether the model is lost from here on.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Lost => true,
            Self::Array(replies) => replies.iter().any(Self::is_lost),
            _ => false,
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple(text) => write!(f, "+{text}"),
            Self::Error(text) => write!(f, "-{}", text.escape_ascii()),
            Self::Int(number) => write!(f, ":{number}"),
            Self::Between(least, most) => write!(f, ":{least} to :{most}"),
            Self::Bulk(text) => write!(f, "\"{}\"", text.escape_ascii()),
            Self::Null => f.write_str("null"),
            Self::NullArray => f.write_str("null array"),
            Self::Array(replies) => f.debug_list().entries(replies).finish(),
            Self::Map(pairs) => f.debug_map().entries(pairs.iter().map(|(k, v)| (k, v))).finish(),
            Self::Set(replies) | Self::Bag(replies) => f.debug_set().entries(replies).finish(),
            Self::Double(text) => write!(f, ",{text}"),
            Self::OneOf(replies) => write!(f, "one of {replies:?}"),
            Self::Any => f.write_str("any reply"),
            Self::Lost => f.write_str("unknown"),
        }
    }
}

/// The end of all of these in whichever order they come; no two may begin alike and end apart.
fn unordered<T>(
    all: &[T],
    mut at: usize,
    end: impl Fn(&T, usize) -> Option<usize>,
) -> Option<usize> {
    let mut left: Vec<&T> = all.iter().collect();
    while !left.is_empty() {
        let (which, next) =
            left.iter().enumerate().find_map(|(n, one)| Some((n, end(one, at)?)))?;
        left.swap_remove(which);
        at = next;
    }
    Some(at)
}

/// `OK`.
pub(super) const OK: Reply = Reply::Simple("OK");

impl From<i64> for Reply {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<usize> for Reply {
    fn from(number: usize) -> Self {
        Self::Int(number as i64)
    }
}

impl From<bool> for Reply {
    fn from(is: bool) -> Self {
        Self::Int(i64::from(is))
    }
}
