//! IDs of entries, as loosely as Redis reads them.

use crate::model::call::{int, until_nul};
use crate::model::reply::Reply;

/// The ID of an entry: milliseconds, and a number among those of the same millisecond.
pub type Id = (u64, u64);

pub(super) const FIRST: Id = (0, 0);
pub(super) const LAST: Id = (u64::MAX, u64::MAX);
pub(super) const BAD: &str = "ERR Invalid stream ID specified as stream command argument";

/// What XADD asks for: the milliseconds, and the number among those; none is for the server to say.
pub(super) type Wish = (Option<u64>, Option<u64>);

/// An ID as one number.
pub(super) fn number(id: Id) -> u128 {
    u128::from(id.0) << 64 | u128::from(id.1)
}

fn of(number: u128) -> Id {
    ((number >> 64) as u64, number as u64)
}

pub(super) fn next(id: Id) -> Option<Id> {
    number(id).checked_add(1).map(of)
}

fn previous(id: Id) -> Option<Id> {
    number(id).checked_sub(1).map(of)
}

pub(super) fn text(id: Id) -> Vec<u8> {
    format!("{}-{}", id.0, id.1).into()
}

pub(super) fn reply(id: Id) -> Reply {
    Reply::Bulk(text(id))
}

/// A number without a sign, as `strtoull` reads one that is not written as Redis would.
fn unsigned(text: &[u8]) -> Option<u64> {
    if let Some(number) = int(text) {
        return u64::try_from(number).ok();
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | 9..=13);
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let (is_negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()?;
    Some(if is_negative { number.wrapping_neg() } else { number })
}

/// What XADD is given.
pub(super) fn wish(word: &[u8]) -> Result<Wish, Vec<u8>> {
    if word == b"*" {
        return Ok((None, None));
    }
    let parsed = match until_nul(word).strip_suffix(b"-*") {
        Some(ms) if word.len() < 128 => unsigned(ms).map(|ms| (Some(ms), None)),
        _ => strict(word, 0).map(|(ms, seq)| (Some(ms), Some(seq))),
    };
    parsed.ok_or_else(|| BAD.into())
}

/// An ID, `seq` when it has no second part.
pub(super) fn strict(word: &[u8], seq: u64) -> Option<Id> {
    let text = Some(until_nul(word)).filter(|_| word.len() < 128)?;
    match text.iter().position(|&byte| byte == b'-') {
        None => Some((unsigned(text)?, seq)),
        Some(at) => Some((unsigned(&text[..at])?, unsigned(&text[at + 1..])?)),
    }
}

pub(super) fn id(word: &[u8]) -> Result<Id, Vec<u8>> {
    strict(word, 0).ok_or_else(|| BAD.into())
}

pub(super) fn ids(words: &[Vec<u8>]) -> Result<Vec<Id>, Vec<u8>> {
    words.iter().map(|word| id(word)).collect()
}

/// The same, where `-` and `+` are the first and the last that there can be.
pub(super) fn loose(word: &[u8], seq: u64) -> Result<Id, Vec<u8>> {
    match until_nul(word) {
        b"-" => Ok(FIRST),
        b"+" => Ok(LAST),
        _ => strict(word, seq).ok_or_else(|| BAD.into()),
    }
}

/// An end of a range, and whether it is not part of it.
fn edge(word: &[u8], seq: u64) -> Result<(Id, bool), Vec<u8>> {
    match word {
        [b'(', rest @ ..] if !rest.is_empty() => {
            Ok((strict(rest, seq).ok_or_else(|| BAD.to_string())?, true))
        }
        _ => Ok((loose(word, seq)?, false)),
    }
}

/// The first ID of a range.
pub(super) fn start(word: &[u8]) -> Result<Id, Vec<u8>> {
    let (id, is_outside) = edge(word, 0)?;
    let first = if is_outside { next(id) } else { Some(id) };
    first.ok_or_else(|| "ERR invalid start ID for the interval".into())
}

/// The last ID of a range.
pub(super) fn end(word: &[u8]) -> Result<Id, Vec<u8>> {
    let (id, is_outside) = edge(word, u64::MAX)?;
    let last = if is_outside { previous(id) } else { Some(id) };
    last.ok_or_else(|| "ERR invalid end ID for the interval".into())
}
