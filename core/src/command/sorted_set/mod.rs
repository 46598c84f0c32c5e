//! Sorted sets.

pub(crate) mod add;
pub(crate) mod algebra;
pub(crate) mod blocking;
mod bound;
pub(super) mod combine;
pub(crate) mod pop;
pub(crate) mod range;
pub(crate) mod read;

use super::ctx::Ctx;
use super::error::Outcome;
use super::list::write;
use crate::client::output::Output;
use crate::value::listpack::Element;
use crate::value::{SortedSet, SortedSetView};

/// Lets `answer` write a reply about the sorted set of the first argument, if there is one.
pub(super) fn with_set(
    ctx: &mut Ctx<'_>,
    answer: impl FnOnce(&mut Output, Option<SortedSetView<'_>>),
) -> Outcome {
    ctx.read_with::<SortedSet>(ctx.key(1), answer)
}

/// Writes members, with their scores or without.
fn write_items(output: &mut Output, items: &[(Element<'_>, f64)], with_scores: bool) {
    write_some(output, items.len(), items.iter().copied(), with_scores);
}

/// The same of so many that come one after the other.
fn write_some<'a>(
    output: &mut Output,
    len: usize,
    items: impl Iterator<Item = (Element<'a>, f64)>,
    with_scores: bool,
) {
    let is_nested = with_scores && output.resp3;
    output.array(if with_scores && !is_nested { len * 2 } else { len });
    for (member, score) in items {
        if is_nested {
            output.array(2);
        }
        write(output, member);
        if with_scores {
            output.double(score);
        }
    }
}
