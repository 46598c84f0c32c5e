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
            Self::Any => f.write_str("any reply"),
            Self::Lost => f.write_str("unknown"),
        }
    }
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
