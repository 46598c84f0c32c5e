//! Replies as trees, so that parts of them can be sorted and compared loosely.

use std::fmt;

/// A reply. What it was in RESP stays: its first byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A status, an error, a number or another thing of one line.
    Line(u8, Vec<u8>),
    /// A string of any bytes; none: it is nil.
    Bulk(u8, Option<Vec<u8>>),
    /// An array, a set, a map (keys and values by turns) or a push; none: it is nil.
    Many(u8, Option<Vec<Self>>),
}

impl Value {
    /// The reply that these bytes begin with, and its length; nothing when it is no whole reply.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let (&kind, line) = bytes[..end].split_first()?;
        let next = end + 2;
        let count = || std::str::from_utf8(line).ok()?.parse::<i64>().ok();
        match kind {
            b'$' | b'=' | b'!' => {
                let Ok(len) = usize::try_from(count()?) else {
                    return Some((Self::Bulk(kind, None), next));
                };
                let body = bytes.get(next..next.checked_add(len)?)?.to_vec();
                Some((Self::Bulk(kind, Some(body)), next + len + 2))
            }
            b'*' | b'~' | b'>' | b'%' => {
                let Ok(len) = usize::try_from(count()?) else {
                    return Some((Self::Many(kind, None), next));
                };
                let len = if kind == b'%' { len.checked_mul(2)? } else { len };
                let (mut elements, mut at) = (Vec::new(), next);
                for _ in 0..len {
                    let (element, taken) = Self::parse(bytes.get(at..)?)?;
                    elements.push(element);
                    at += taken;
                }
                Some((Self::Many(kind, Some(elements)), at))
            }
            _ => Some((Self::Line(kind, line.to_vec()), next)),
        }
    }

    /// It as an integer, if it is one.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        let Self::Line(b':', digits) = self else { return None };
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// The same with numbers by their value: Redis 7.0 prints 17 digits of a double, later ones as
    /// few as will do.
    #[must_use]
    pub fn by_value(self) -> Self {
        let by_value = |text: Vec<u8>| {
            let value = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<f64>().ok());
            value.map_or(text, |value| format!("{value:e}").into_bytes())
        };
        match self {
            Self::Bulk(kind, text) => Self::Bulk(kind, text.map(by_value)),
            Self::Line(b',', text) => Self::Line(b',', by_value(text)),
            Self::Many(kind, elements) => {
                let each = |elements: Vec<Self>| elements.into_iter().map(Self::by_value).collect();
                Self::Many(kind, elements.map(each))
            }
            other => other,
        }
    }

    /// The text of an error, if it is one.
    #[must_use]
    pub fn error(&self) -> Option<&[u8]> {
        match self {
            Self::Line(b'-', text) | Self::Bulk(b'!', Some(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether an element has a NUL in it.
    #[must_use]
    pub fn has_nul(&self) -> bool {
        match self {
            Self::Bulk(_, Some(text)) => text.contains(&0),
            Self::Many(_, Some(elements)) => elements.iter().any(Self::has_nul),
            _ => false,
        }
    }

    /// The same with its elements in order; of a map its pairs.
    #[must_use]
    pub fn sorted(self) -> Self {
        match self {
            Self::Many(b'%', Some(elements)) => {
                let mut pairs: Vec<&[Self]> = elements.chunks(2).collect();
                pairs.sort();
                Self::Many(b'%', Some(pairs.concat()))
            }
            Self::Many(kind, Some(mut elements)) => {
                elements.sort();
                Self::Many(kind, Some(elements))
            }
            other => other,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(kind, text) => write!(f, "{}{}", char::from(*kind), text.escape_ascii()),
            Self::Bulk(_, Some(text)) => write!(f, "\"{}\"", text.escape_ascii()),
            Self::Bulk(_, None) | Self::Many(_, None) => write!(f, "nil"),
            Self::Many(kind, Some(elements)) => {
                write!(f, "{}[", char::from(*kind))?;
                for (at, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if at == 0 { "" } else { ", " })?;
                }
                write!(f, "]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_whole_or_not_at_all() {
        let bytes = b"%2\r\n$1\r\nb\r\n:2\r\n$1\r\na\r\n*-1\r\n";
        let (value, taken) = Value::parse(bytes).expect("it is whole");
        assert_eq!(taken, bytes.len());
        for cut in 0..bytes.len() {
            assert_eq!(Value::parse(&bytes[..cut]), None, "{cut}");
        }
        let Value::Many(b'%', Some(elements)) = value.sorted() else { panic!("it is a map") };
        assert_eq!(elements[0], Value::Bulk(b'$', Some(b"a".to_vec())));
        assert_eq!(elements[3].integer(), Some(2));
    }
}
