//! Sets.

pub(crate) mod algebra;
pub(crate) mod draw;
pub(crate) mod member;

use super::list::write;
