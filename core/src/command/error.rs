//! What a command answers when it cannot do what it was asked: every text in one place.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::value::number::until_nul;

/// A refusal. The text begins with the code that client libraries parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// The options make no sense.
    Syntax,
    /// The key holds another type.
    WrongType,
    /// An argument or a value is no integer of 64 bits.
    NotInteger,
    /// An argument or a value is no number.
    NotFloat,
    /// The key must exist.
    NoSuchKey,
    /// A number of arguments that the command, named as `get` or `client|kill`, does not take.
    Arity(&'static str),
    /// A deadline that is negative, zero or too far away; with the name of the command.
    ExpireTime(&'static str),
    /// A value would grow beyond `proto-max-bulk-len`.
    StringTooLong,
    /// An increment would leave the range of 64 bits.
    Overflow,
    /// A bit offset that is no number, negative or beyond 4 Gbit.
    BitOffset,
    /// An index or count that is outside of what the command takes.
    OutOfRange,
    /// A number that must not be negative.
    Negative(&'static str),
    /// Any other text, code included.
    Fixed(&'static str),
    /// Any other text made of parts, code included.
    Text(String),
    /// Any other text, code included, with bytes of the client in it.
    Bytes(Vec<u8>),
}

impl CommandError {
    /// A text with a word of the client in it, which ends at its first NUL.
    #[must_use]
    pub(crate) fn quoting(before: &str, word: &[u8], after: &str) -> Self {
        Self::Bytes([before.as_bytes(), until_nul(word), after.as_bytes()].concat())
    }

    /// The text as it is sent: it may quote bytes of a client that are no UTF-8.
    #[must_use]
    pub fn to_bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Bytes(bytes) => bytes.into(),
            other => other.to_string().into_bytes().into(),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Arity(name) => {
                return write!(f, "ERR wrong number of arguments for '{name}' command");
            }
            Self::ExpireTime(name) => {
                return write!(f, "ERR invalid expire time in '{name}' command");
            }
            Self::Negative(what) => {
                return write!(f, "ERR {what} is out of range, must be positive");
            }
            Self::Bytes(bytes) => return f.write_str(&String::from_utf8_lossy(bytes)),
            Self::Text(text) => text.as_str(),
            Self::Fixed(text) => text,
            Self::Syntax => "ERR syntax error",
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::NotInteger => "ERR value is not an integer or out of range",
            Self::NotFloat => "ERR value is not a valid float",
            Self::NoSuchKey => "ERR no such key",
            Self::StringTooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Self::Overflow => "ERR increment or decrement would overflow",
            Self::BitOffset => "ERR bit offset is not an integer or out of range",
            Self::OutOfRange => "ERR value is out of range",
        };
        f.write_str(text)
    }
}

/// What a command returns: its reply is written, or nothing is and this is the error.
pub type Outcome = Result<(), CommandError>;
