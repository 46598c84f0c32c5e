//! Lists.

pub(crate) mod blocking;
pub(crate) mod edit;
pub(crate) mod push;
pub(crate) mod read;
pub(crate) mod transfer;

use super::aggregate::Typed;
use super::ctx::Ctx;
use super::error::{CommandError, Outcome};
use crate::client::output::Output;
use crate::keyspace::Place;
use crate::value::listpack::Element;
use crate::value::{List, ListView};

/// Writes an element as a bulk string.
pub(crate) fn write(output: &mut Output, element: Element<'_>) {
    match element {
        Element::Text(text) => output.bulk(text),
        Element::Int(number) => output.bulk_int(number),
    }
}

/// Lets `answer` write a reply about the list at `place`, if there is one.
fn with_list(
    ctx: &mut Ctx<'_>,
    place: Option<Place>,
    answer: impl FnOnce(&mut Output, Option<ListView<'_>>),
) -> Outcome {
    let db = &ctx.server.dbs[ctx.client.db as usize];
    let view = match place {
        Some(place) => {
            let view = <List as Typed>::view(db.entry(place).value());
            Some(view.ok_or(CommandError::WrongType)?)
        }
        None => None,
    };
    answer(&mut ctx.client.output, view);
    Ok(())
}

/// The first index of a range and how many elements it has, of `len`; negative bounds count from
/// the end.
pub(crate) fn range(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = len as i64;
    let from_end = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(len - 1));
    if start > stop { (0, 0) } else { (start as usize, (stop - start + 1) as usize) }
}
