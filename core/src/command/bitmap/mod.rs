//! Commands on strings as bitmaps. Bit 0 is the highest bit of the first byte.

pub(crate) mod bit;
pub(crate) mod bitfield;
pub(crate) mod bitop;
pub(crate) mod count;
