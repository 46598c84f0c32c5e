//! Ranges of sorted sets: by scores, by names, by ranks.

use core::cmp::Ordering;

use crate::command::error::CommandError;
use crate::value::{SortedSetView, number};

/// A range of scores.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreRange {
    least: Bound,
    most: Bound,
}

#[derive(Clone, Copy, Debug)]
struct Bound {
    score: f64,
    is_open: bool,
}

impl Bound {
    fn parse(text: &[u8]) -> Result<Self, CommandError> {
        let (text, is_open) = match text.strip_prefix(b"(") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let score = number::parse_score_bound(text)
            .ok_or(CommandError::Fixed("ERR min or max is not a float"))?;
        Ok(Self { score, is_open })
    }
}

impl ScoreRange {
    /// The range between two bounds, `(` in front of one that is not part of it.
    pub(super) fn parse(least: &[u8], most: &[u8]) -> Result<Self, CommandError> {
        Ok(Self { least: Bound::parse(least)?, most: Bound::parse(most)? })
    }

    /// The rank of the first member in it, and how many there are.
    pub(super) fn ranks(self, set: SortedSetView<'_>) -> (usize, usize) {
        let Self { least, most } = self;
        let first = set
            .count_before(|_, score| score < least.score || least.is_open && score == least.score);
        let end =
            set.count_before(|_, score| score < most.score || !most.is_open && score == most.score);
        (first, end.saturating_sub(first))
    }
}

/// A range of names, for members of equal scores.
#[derive(Clone, Copy, Debug)]
pub(super) struct LexRange<'a> {
    least: Name<'a>,
    most: Name<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Name<'a> {
    First,
    Last,
    With(&'a [u8]),
    Without(&'a [u8]),
}

impl<'a> Name<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, CommandError> {
        match text.split_first() {
            Some((b'+', b"")) => Ok(Self::Last),
            Some((b'-', b"")) => Ok(Self::First),
            Some((b'[', name)) => Ok(Self::With(name)),
            Some((b'(', name)) => Ok(Self::Without(name)),
            _ => Err(CommandError::Fixed("ERR min or max not valid string range item")),
        }
    }

    /// How a member stands to the bound: before it, on it, behind it.
    fn compare(self, member: &[u8]) -> Ordering {
        match self {
            Self::First => Ordering::Greater,
            Self::Last => Ordering::Less,
            Self::With(name) | Self::Without(name) => member.cmp(name),
        }
    }

    fn is_open(self) -> bool {
        matches!(self, Self::Without(_))
    }
}

impl<'a> LexRange<'a> {
    /// The range between two bounds, as `[name`, `(name`, `-` and `+`.
    pub(super) fn parse(least: &'a [u8], most: &'a [u8]) -> Result<Self, CommandError> {
        Ok(Self { least: Name::parse(least)?, most: Name::parse(most)? })
    }

    /// The rank of the first member in it, and how many there are.
    pub(super) fn ranks(self, set: SortedSetView<'_>) -> (usize, usize) {
        let Self { least, most } = self;
        let first = set.count_named_before(|member| match least.compare(member) {
            Ordering::Less => true,
            Ordering::Equal => least.is_open(),
            Ordering::Greater => false,
        });
        let end = set.count_named_before(|member| match most.compare(member) {
            Ordering::Less => true,
            Ordering::Equal => !most.is_open(),
            Ordering::Greater => false,
        });
        (first, end.saturating_sub(first))
    }
}
