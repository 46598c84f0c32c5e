//! Which arguments of a call are keys.
//!
//! The key specs of a row say it for almost every command: keys stand in a range, or behind a
//! number of them, or behind a word. COMMAND GETKEYS, ACL rules and whatever routes commands by
//! key ask here. What the specs cannot tell (SORT's STORE may stand anywhere; SET reads only when
//! GET is given) a function of the row tells, which then replaces them.
//!
//! The hard case is bad arguments: a number of keys that are not there, a range that ends before
//! it begins. Then the whole call has no keys. Only a search for a word that is not there is no
//! error: the option that brings those keys was not used (GEORADIUS without STORE).

use alloc::vec::Vec;

use super::args::Args;
use super::spec::{Begin, Command, Find, KeyFlags, KeySpec};
use crate::value::number;

#[cfg(test)]
mod tests;

/// Finds the keys of one call.
pub type KeysBy = fn(Args<'_>) -> Vec<FoundKey>;

/// An argument that is a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// Which argument; 0 is the command itself.
    pub at: usize,
    /// What becomes of the key.
    pub flags: KeyFlags,
}

/// The keys of a command as clients of Redis before 7 understand it: one range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// First argument that is a key; 0 when none is.
    pub first: i64,
    /// Last one; negative counts from the end of the arguments.
    pub last: i64,
    /// Distance of two.
    pub step: i64,
    /// There may be keys that the range does not cover.
    pub is_movable: bool,
}

/// The arguments contradict a key spec.
struct Malformed;

impl Command {
    /// Whether any argument may be a key.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.keys_by.is_some() || self.key_specs().next().is_some()
    }

    /// The keys among `args`; none when the arguments are malformed.
    #[must_use]
    pub fn find_keys(&self, args: Args<'_>) -> Vec<FoundKey> {
        match self.keys_by {
            Some(keys_by) => keys_by(args),
            None => self.find_keys_by_specs(args).unwrap_or_default(),
        }
    }

    fn find_keys_by_specs(&self, args: Args<'_>) -> Result<Vec<FoundKey>, Malformed> {
        let mut found = Vec::new();
        for spec in self.key_specs() {
            let Some(range) = spec.arguments(args)? else { continue };
            found.extend(range.map(|at| FoundKey { at, flags: spec.flags }));
        }
        Ok(found)
    }

    /// The specs of keys; others are about names that only share a slot with them.
    fn key_specs(&self) -> impl Iterator<Item = &'static KeySpec> {
        self.keys.iter().filter(|spec| !spec.flags.has(KeyFlags::NOT_KEY))
    }

    /// Its keys as one range, as far as that is possible.
    #[must_use]
    pub fn key_range(&self) -> KeyRange {
        if let [only] = self.keys
            && let Some((first, last, step)) = only.fixed_range()
        {
            let is_movable = only.flags.has(KeyFlags::INCOMPLETE);
            return KeyRange { first, last, step, is_movable };
        }
        let mut whole = KeyRange::default();
        for spec in self.keys {
            whole.join(spec);
        }
        whole
    }
}

impl KeyRange {
    /// Takes a spec in that goes on where the range ends; any other makes keys movable.
    fn join(&mut self, spec: &KeySpec) {
        self.is_movable |= spec.flags.has(KeyFlags::INCOMPLETE);
        match spec.fixed_range() {
            Some((first, last, 1)) if self.first == 0 || self.last == first - 1 => {
                self.first = if self.first == 0 { first } else { self.first };
                self.last = last;
                self.step = 1;
            }
            _ => self.is_movable = true,
        }
    }
}

impl KeySpec {
    /// First, last and step, when they are the same in every call.
    fn fixed_range(&self) -> Option<(i64, i64, i64)> {
        let (Begin::Index(first), Find::Range { last, step, .. }) = (self.begin, self.find) else {
            return None;
        };
        let first = i64::from(first);
        let last = i64::from(last);
        Some((first, if last < 0 { last } else { first + last }, i64::from(step)))
    }

    /// The arguments that it names; `None` when it does not apply to this call.
    fn arguments(
        &self,
        args: Args<'_>,
    ) -> Result<Option<impl Iterator<Item = usize> + use<>>, Malformed> {
        let begin = match self.begin {
            Begin::Index(at) => usize::from(at),
            Begin::Keyword(word, from) => match after_keyword(args, word, from) {
                Some(at) => at,
                None => return Ok(None),
            },
            Begin::Unknown => return Ok(None),
        };
        let (first, last, step) = match self.find {
            Find::Range { last, step, limit } => (begin, end(args, begin, last, limit), step),
            Find::KeyNum { at, first, step } => {
                let count = number::parse_i64(args.at(begin + usize::from(at)));
                let count = count.and_then(|count| usize::try_from(count).ok()).ok_or(Malformed)?;
                let first = begin + usize::from(first);
                (first, (first + count.min(args.len())).checked_sub(1), step)
            }
            Find::Unknown => return Ok(None),
        };
        let last = last.filter(|last| (first..args.len()).contains(last)).ok_or(Malformed)?;
        Ok(Some((first..=last).step_by(usize::from(step).max(1))))
    }
}

/// The last argument of a range that begins at `begin`, as [`Find::Range`] says.
fn end(args: Args<'_>, begin: usize, last: i8, limit: u8) -> Option<usize> {
    if last >= 0 {
        return Some(begin + usize::from(last.unsigned_abs()));
    }
    let from_end = usize::from(last.unsigned_abs());
    match limit {
        0 => args.len().checked_sub(from_end),
        _ => {
            let rest = args.len().checked_sub(begin)?;
            (begin + rest / usize::from(limit)).checked_sub(from_end)
        }
    }
}

/// The argument after `word`, which is searched from `from` on, or, when that is negative, from
/// there on backwards down to the second argument. None when there is no such word or nothing
/// after it.
fn after_keyword(args: Args<'_>, word: &str, from: i8) -> Option<usize> {
    let is_word = |at: &usize| args.at(*at).eq_ignore_ascii_case(word.as_bytes());
    let distance = usize::from(from.unsigned_abs());
    let at = if from >= 0 {
        (distance..args.len()).find(is_word)?
    } else {
        (2..=args.len().checked_sub(distance)?).rev().find(is_word)?
    };
    (at + 1 < args.len()).then_some(at + 1)
}
