//! Commands on strings.

pub(crate) mod get_set;
