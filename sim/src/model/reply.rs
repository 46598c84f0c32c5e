//! What a reply must be, and whether bytes are it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Words;
use super::scores::is_written;
use crate::reply;

/// A reply.
#[derive(Clone, PartialEq)]
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
    /// A push; an array in RESP2.
    Push(Vec<Self>),
    /// A map; an array of twice as many in RESP2. In any order.
    Map(Vec<(Self, Self)>),
    /// A set; an array in RESP2. In any order.
    Set(Vec<Self>),
    /// An array in any order.
    Bag(Vec<Self>),
    /// A number as it is written; a string in RESP2.
    Double(String),
    /// The same of a score.
    Score(f64),
    /// A distance with four decimals, and what it may be off by beside them.
    Near(f64, f64),
    /// Pairs in this order; one array of twice as many in RESP2.
    Pairs(Vec<(Self, Self)>),
    /// A map in this order; in RESP2 an array of arrays of two.
    Named(Vec<(Self, Self)>),
    /// A score as a string.
    ScoreText(f64),
    /// One array: of each row in turn so many different ones, in any order. Each is some replies.
    Picked(Vec<(Vec<Vec<Self>>, usize)>),
    /// Some of these, drawn.
    Drawn(Drawn),
    /// A cursor and some of these.
    Told(Told),
    /// One of these.
    OneOf(Vec<Self>),
    /// Any well-formed reply.
    Any,
    /// The model does not know, and nothing after this is comparable.
    Lost,
}

/// So many of some elements, each perhaps with a value: different ones, or perhaps the same again.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    of: BTreeMap<Vec<u8>, Option<Reply>>,
    count: usize,
    may_repeat: bool,
}

impl Drawn {
    /// What HRANDFIELD and its like answer: one element without a count, and with one so many
    /// different ones, or perhaps the same again when it is below zero.
    pub(super) fn reply(of: BTreeMap<Vec<u8>, Option<Reply>>, count: Option<i64>) -> Reply {
        let count = match count {
            None if of.is_empty() => return Reply::Null,
            None => return Reply::OneOf(of.into_keys().map(Reply::Bulk).collect()),
            Some(count) => count,
        };
        let (wanted, may_repeat) = (count.unsigned_abs() as usize, count < 0);
        let count = match (of.len(), may_repeat) {
            (0, _) => 0,
            (_, true) => wanted,
            (len, false) => wanted.min(len),
        };
        Reply::Drawn(Self { of, count, may_repeat })
    }

    fn end(&self, bytes: &[u8], at: usize, is_resp3: bool) -> Option<usize> {
        let has_values = self.of.values().any(Option::is_some);
        let is_flat = has_values && !is_resp3;
        let mut at = head(bytes, at, b'*', if is_flat { 2 * self.count } else { self.count })?;
        let mut seen = BTreeSet::new();
        for _ in 0..self.count {
            if has_values && is_resp3 {
                at = head(bytes, at, b'*', 2)?;
            }
            let (name, end) = bulk(bytes, at)?;
            let value = self.of.get(name)?;
            if !seen.insert(name) && !self.may_repeat {
                return None;
            }
            at = match value {
                Some(value) => value.end(bytes, end, is_resp3)?,
                None => end,
            };
        }
        Some(at)
    }
}

/// What SCAN and its relatives may tell: some of these, as often as they like.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Names, each perhaps with a value.
    pub(super) items: BTreeMap<Vec<u8>, Option<Reply>>,
    /// The walk of which it is a step, if that is followed.
    pub(super) walk: Option<u64>,
}

impl Told {
    /// The cursor, the names and the end of such a reply.
    #[must_use]
    pub fn read(&self, bytes: &[u8], at: usize, is_resp3: bool) -> Option<(Vec<u8>, Words, usize)> {
        let (cursor, at) = bulk(bytes, head(bytes, at, b'*', 2)?)?;
        let line = bytes.get(at..)?.strip_prefix(b"*")?;
        let digits = line.iter().position(|&byte| byte == b'\r')?;
        let len: usize = std::str::from_utf8(&line[..digits]).ok()?.parse().ok()?;
        let (mut at, end, mut names) = (at + digits + 3, len, Words::new());
        let has_values = self.items.values().any(Option::is_some);
        for _ in 0..if has_values { end / 2 } else { end } {
            let (name, behind) = bulk(bytes, at)?;
            let value = self.items.get(name)?;
            at = match value {
                Some(value) => value.end(bytes, behind, is_resp3)?,
                None => behind,
            };
            names.push(name.to_vec());
        }
        Some((cursor.to_vec(), names, at))
    }
}

/// The end of the first line of an aggregate or a string of such a length.
fn head(bytes: &[u8], at: usize, kind: u8, len: usize) -> Option<usize> {
    let line = bytes.get(at..)?.strip_prefix(&[kind])?;
    let digits = line.iter().position(|&byte| byte == b'\r')?;
    let text = std::str::from_utf8(&line[..digits]).ok()?;
    let is_it = text.parse() == Ok(len) && (digits == 1 || line[0] != b'0');
    (is_it && line.get(digits + 1) == Some(&b'\n')).then_some(at + digits + 3)
}

/// The end of a line of this kind that says this.
fn line_end(bytes: &[u8], at: usize, kind: u8, text: &[u8]) -> Option<usize> {
    let rest = bytes.get(at..)?.strip_prefix(&[kind])?.strip_prefix(text)?;
    rest.starts_with(b"\r\n").then_some(at + text.len() + 3)
}

/// A string and its end.
fn bulk(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let line = bytes.get(at..)?.strip_prefix(b"$")?;
    let digits = line.iter().position(|&byte| byte == b'\r')?;
    let len: usize = std::str::from_utf8(&line[..digits]).ok()?.parse().ok()?;
    let text = line.get(digits + 2..digits + 2 + len)?;
    (line.get(digits + 2 + len..digits + 4 + len)? == b"\r\n")
        .then_some((text, at + digits + len + 5))
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
            Self::Simple(text) => line_end(bytes, at, b'+', text.as_bytes()),
            Self::Error(text) => line_end(bytes, at, b'-', text),
            Self::Int(number) => {
                line_end(bytes, at, b':', itoa::Buffer::new().format(*number).as_bytes())
            }
            Self::Null | Self::NullArray if is_resp3 => is(b"_\r\n"),
            Self::Null => is(b"$-1\r\n"),
            Self::NullArray => is(b"*-1\r\n"),
            Self::Bulk(text) => {
                let (found, end) = bulk(bytes, at)?;
                (found == text).then_some(end)
            }
            Self::Between(least, most) => {
                let end = reply::end(bytes, at).ok()??;
                let text = std::str::from_utf8(&bytes[at + 1..end - 2]).ok()?;
                let number: i64 = text.parse().ok().filter(|_| rest[0] == b':')?;
                (least..=most).contains(&&number).then_some(end)
            }
            Self::Array(replies) | Self::Push(replies) => {
                let is_push = is_resp3 && matches!(self, Self::Push(_));
                let mut at = head(bytes, at, if is_push { b'>' } else { b'*' }, replies.len())?;
                for reply in replies {
                    at = reply.end(bytes, at, is_resp3)?;
                }
                Some(at)
            }
            Self::Map(pairs) => map_end(pairs, bytes, at, is_resp3),
            Self::Set(replies) | Self::Bag(replies) => {
                let is_set = is_resp3 && matches!(self, Self::Set(_));
                let at = head(bytes, at, if is_set { b'~' } else { b'*' }, replies.len())?;
                if let Some(texts) = replies.iter().map(Self::text).collect() {
                    return shuffled(texts, at, |at| bulk(bytes, at));
                }
                unordered(replies, at, |reply: &Self, at| reply.end(bytes, at, is_resp3))
            }
            Self::Double(text) if is_resp3 => is(format!(",{text}\r\n").as_bytes()),
            Self::Double(text) => Self::Bulk(text.clone().into()).end(bytes, at, is_resp3),
            Self::Score(score) if is_resp3 => {
                let (end, line) = (reply::end(bytes, at).ok()??, rest.strip_prefix(b",")?);
                is_written(*score, &line[..end - at - 3]).then_some(end)
            }
            Self::Score(score) | Self::ScoreText(score) => {
                let (text, end) = bulk(bytes, at)?;
                is_written(*score, text).then_some(end)
            }
            Self::Near(distance, slack) => {
                let (text, end) = bulk(bytes, at)?;
                is_near(*distance, *slack, text).then_some(end)
            }
            Self::Pairs(pairs) => {
                let len = if is_resp3 { pairs.len() } else { 2 * pairs.len() };
                let mut at = head(bytes, at, b'*', len)?;
                for (one, other) in pairs {
                    at = if is_resp3 { head(bytes, at, b'*', 2)? } else { at };
                    at = other.end(bytes, one.end(bytes, at, is_resp3)?, is_resp3)?;
                }
                Some(at)
            }
            Self::Picked(rows) => picked_end(rows, bytes, at, is_resp3),
            Self::Named(pairs) => named_end(pairs, bytes, at, is_resp3),
            Self::Drawn(drawn) => drawn.end(bytes, at, is_resp3),
            Self::Told(told) => told.read(bytes, at, is_resp3).map(|read| read.2),
            Self::OneOf(replies) => replies.iter().find_map(|reply| reply.end(bytes, at, is_resp3)),
            Self::Any | Self::Lost => reply::end(bytes, at).ok()?,
        }
    }

    fn text(&self) -> Option<&[u8]> {
        if let Self::Bulk(text) = self { Some(text) } else { None }
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
            Self::Array(replies) | Self::Push(replies) => f.debug_list().entries(replies).finish(),
            Self::Map(pairs) | Self::Named(pairs) => {
                f.debug_map().entries(pairs.iter().map(|(k, v)| (k, v))).finish()
            }
            Self::Set(replies) | Self::Bag(replies) => f.debug_set().entries(replies).finish(),
            Self::Double(text) => write!(f, ",{text}"),
            Self::Score(score) | Self::ScoreText(score) => write!(f, ",{score}"),
            Self::Near(distance, _) => write!(f, "{distance:.4}"),
            Self::Told(Told { items, .. }) => write!(f, "some of {:?}", Self::Bag(names(items))),
            Self::Pairs(pairs) => f.debug_list().entries(pairs).finish(),
            Self::Picked(rows) => f.debug_list().entries(rows).finish(),
            Self::Drawn(Drawn { of, count, may_repeat }) => {
                write!(f, "{count} of {:?}, {may_repeat}", Self::Bag(names(of)))
            }
            Self::OneOf(replies) => write!(f, "one of {replies:?}"),
            Self::Any => f.write_str("any reply"),
            Self::Lost => f.write_str("unknown"),
        }
    }
}

/// Whether text is a number with four decimals, and this one.
fn is_near(distance: f64, slack: f64, text: &[u8]) -> bool {
    const HALF: f64 = 0.000_05;
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let has_four = text.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 4);
    let found: Option<f64> = text.parse().ok();
    // What a number of this size is told apart from the next one by.
    let last_bit = distance * f64::EPSILON;
    has_four && found.is_some_and(|it| (it - distance).abs() <= HALF + slack + last_bit)
}

fn names(of: &BTreeMap<Vec<u8>, Option<Reply>>) -> Vec<Reply> {
    of.keys().cloned().map(Reply::Bulk).collect()
}

/// The same of what is read one by one and can be sorted.
fn shuffled<T: Ord>(
    mut wanted: Vec<T>,
    mut at: usize,
    next: impl Fn(usize) -> Option<(T, usize)>,
) -> Option<usize> {
    let mut found = Vec::with_capacity(wanted.len());
    for _ in 0..wanted.len() {
        let (one, end) = next(at)?;
        found.push(one);
        at = end;
    }
    wanted.sort_unstable();
    found.sort_unstable();
    (wanted == found).then_some(at)
}

/// The end of a map in its order.
fn named_end(pairs: &[(Reply, Reply)], bytes: &[u8], at: usize, is_resp3: bool) -> Option<usize> {
    let mut at = head(bytes, at, if is_resp3 { b'%' } else { b'*' }, pairs.len())?;
    for (name, value) in pairs {
        at = if is_resp3 { at } else { head(bytes, at, b'*', 2)? };
        at = value.end(bytes, name.end(bytes, at, is_resp3)?, is_resp3)?;
    }
    Some(at)
}

/// The end of a map in any order.
fn map_end(pairs: &[(Reply, Reply)], bytes: &[u8], at: usize, is_resp3: bool) -> Option<usize> {
    let (kind, len) = if is_resp3 { (b'%', 1) } else { (b'*', 2) };
    let at = head(bytes, at, kind, len * pairs.len())?;
    if let Some(texts) =
        pairs.iter().map(|(one, other)| Some((one.text()?, other.text()?))).collect()
    {
        return shuffled(texts, at, |at| {
            let (one, end) = bulk(bytes, at)?;
            let (other, end) = bulk(bytes, end)?;
            Some(((one, other), end))
        });
    }
    unordered(pairs, at, |pair: &(Reply, Reply), at| {
        pair.1.end(bytes, pair.0.end(bytes, at, is_resp3)?, is_resp3)
    })
}

/// The end of an array of so many of each row.
fn picked_end(
    rows: &[(Vec<Vec<Reply>>, usize)],
    bytes: &[u8],
    at: usize,
    is_resp3: bool,
) -> Option<usize> {
    let lens = rows.iter().map(|(of, count)| of.first().map_or(0, |one| one.len() * count));
    let mut at = head(bytes, at, b'*', lens.sum())?;
    for (of, count) in rows {
        let mut left: Vec<_> = of.iter().collect();
        for _ in 0..*count {
            let end =
                |one: &[Reply]| one.iter().try_fold(at, |at, reply| reply.end(bytes, at, is_resp3));
            let (which, next) =
                left.iter().enumerate().find_map(|(n, one)| Some((n, end(one)?)))?;
            left.swap_remove(which);
            at = next;
        }
    }
    Some(at)
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
