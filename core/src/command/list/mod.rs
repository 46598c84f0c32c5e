//! Lists.

pub(crate) mod blocking;
pub(crate) mod edit;
pub(crate) mod push;
pub(crate) mod read;
pub(crate) mod transfer;

use crate::client::output::Output;
use crate::value::listpack::Element;

/// Writes an element as a bulk string.
pub(crate) fn write(output: &mut Output, element: Element<'_>) {
    match element {
        Element::Text(text) => output.bulk(text),
        Element::Int(number) => output.bulk_int(number),
    }
}

/// The first index of a range and how many elements it has, of `len`; negative bounds count from
/// the end.
pub(crate) fn range(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = len as i64;
    let from_end = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(len - 1));
    if start > stop { (0, 0) } else { (start as usize, (stop - start + 1) as usize) }
}
