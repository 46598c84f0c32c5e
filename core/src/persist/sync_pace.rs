//! Whether syncs of one file gain by overlapping.
//!
//! Under `appendfsync always` a write that comes while a sync runs has to wait for the next. Where
//! a sync is mere waiting, the next may begin at once and nobody waits longer than one takes. But
//! most disks do one thing after the other: there two at a time take twice as long each, with half
//! the writes in each. Nobody tells which it is, so it is measured: how long syncs take that began
//! alone, and how long those that began beside another.

/// One sync in so many overlaps whatever was measured, to measure again.
const PROBE_EVERY: u64 = 128;

/// What was measured, as means that forget.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SyncPace {
    alone_ns: u64,
    beside_ns: u64,
    asked: u64,
}

impl SyncPace {
    /// A sync that began alone, or beside another, took this long.
    pub(crate) fn note(&mut self, was_alone: bool, took_ns: u64) {
        let mean_ns = if was_alone { &mut self.alone_ns } else { &mut self.beside_ns };
        *mean_ns = if *mean_ns == 0 { took_ns } else { *mean_ns - *mean_ns / 8 + took_ns / 8 };
    }

    /// Whether a sync may begin beside another.
    pub(crate) fn may_overlap(&mut self) -> bool {
        self.asked += 1;
        self.beside_ns == 0
            || self.beside_ns < self.alone_ns + self.alone_ns / 4
            || self.asked.is_multiple_of(PROBE_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_does_one_thing_at_a_time_is_found_out() {
        let mut pace = SyncPace::default();
        assert!(pace.may_overlap(), "nobody knows yet");
        for _ in 0..100 {
            pace.note(true, 1000);
            pace.note(false, 2000);
        }
        let overlaps = (0..PROBE_EVERY).filter(|_| pace.may_overlap()).count();
        assert_eq!(overlaps, 1, "to measure again");
        (0..100).for_each(|_| pace.note(false, 1000));
        assert!(pace.may_overlap(), "it has changed");
    }
}
