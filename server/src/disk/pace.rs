//! How quick syncs are, and who does the next one.
//!
//! A sync that waits for a disk is done by a thread of the pool, so that the loop never waits. But
//! where a sync takes a few microseconds, on a memory file system or behind a cache with a battery,
//! handing it over and back costs several times as much as the sync itself. So after a row of quick
//! syncs the loop does them itself, until one is slow: that one it has waited for, and then a row
//! of quick ones has to be seen again. Limit: a disk that turns slow holds the loop up once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A sync that takes no longer costs less than handing it over.
const QUICK: Duration = Duration::from_micros(40);

/// So many in a row show that they are quick here.
const ROW: u32 = 64;

/// How many syncs in a row were quick.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicU32);

impl Pace {
    /// Whether the loop may do the next sync itself.
    pub(super) fn is_quick(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= ROW
    }

    /// Does a sync and notes how long it takes.
    pub(super) fn time<T>(&self, sync: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = sync();
        self.note(start.elapsed());
        result
    }

    fn note(&self, took: Duration) {
        if took > QUICK {
            self.0.store(0, Ordering::Relaxed);
        } else if !self.is_quick() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_quick_syncs_is_seen_and_one_slow_sync_ends_it() {
        let pace = Pace::default();
        for _ in 0..ROW {
            assert!(!pace.is_quick());
            pace.note(QUICK);
        }
        assert!(pace.is_quick());
        pace.note(QUICK * 2);
        assert!(!pace.is_quick());
        (1..ROW).for_each(|_| pace.note(QUICK));
        assert!(!pace.is_quick());
    }
}
