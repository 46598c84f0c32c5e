//! Which mutant of this copy of the core is switched on, and which a run has come by.
//!
//! Not a part of the product: the tool in `tests/mutants` adds it to the copy that it changes.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// More than there are.
pub const COUNT: usize = 1 << 14;

static ON: AtomicU32 = AtomicU32::new(u32::MAX);
static REACHED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];

/// Whether this mutant is switched on.
#[inline]
pub(crate) fn on(mutant: u32) -> bool {
    REACHED[mutant as usize].store(true, Relaxed);
    ON.load(Relaxed) == mutant
}

/// Switches one on, and the others off.
pub fn set(mutant: u32) {
    ON.store(mutant, Relaxed);
}

/// Those that were come by since the last call.
pub fn take_reached() -> impl Iterator<Item = usize> {
    (0..COUNT).filter(|&mutant| REACHED[mutant].swap(false, Relaxed))
}
