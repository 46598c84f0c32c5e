//! Commands on strings.

pub(crate) mod counter;
pub(crate) mod get_set;
pub(crate) mod in_place;
pub(crate) mod lcs;
pub(crate) mod many;
mod options;
pub(crate) mod range;
pub(crate) mod take;
