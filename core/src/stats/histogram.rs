//! Latencies of one command, in buckets whose width grows with the value.
//!
//! Below 64 ns every value has a bucket; above, every power of two is split into 32, so that a
//! bucket's bound is at most 3 percent above any value in it. A second and more share the last
//! bucket. That is 832 counters, or 6.5 KB a command; but the calls of one command mostly lie in a
//! few powers of two, so counters come 32 at a time, with the first value among them.
//!
//! LATENCY HISTOGRAM prints powers of two of 1024 ns, under the names that Redis gives them: those
//! are the upper ends of the buckets of its own histogram, which splits a power of two into 128.

use alloc::boxed::Box;

/// Buckets of a power of two.
const PER_OCTAVE: usize = 32;

/// Values below have a bucket of their own.
const EXACT: u64 = 64;

/// The largest value that is told apart.
const NS_MAX: u64 = 1_000_000_000;

const BUCKETS: usize = 832;

/// Powers of two, each with buckets of its own.
const OCTAVES: usize = BUCKETS / PER_OCTAVE;

/// Bounds that [`Histogram::by_powers`] reports: 1024 ns and twice as much each time.
const POWERS: u32 = 20;

/// A histogram of nanoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    octaves: [Option<Box<[u64; PER_OCTAVE]>>; OCTAVES],
    total: u64,
}

impl Histogram {
    /// A histogram without values.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Counts `calls` that took `ns` each.
    #[inline]
    pub(crate) fn record(&mut self, ns: u64, calls: u64) {
        let bucket = bucket_of(ns);
        let octave = &mut self.octaves[bucket / PER_OCTAVE];
        octave.get_or_insert_default()[bucket % PER_OCTAVE] += calls;
        self.total += calls;
    }

    /// Values counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The value in ns, rounded up to the end of its bucket, below or at which `percent` of all
    /// values lie; 0 without any.
    pub(crate) fn percentile_ns(&self, percent: f64) -> u64 {
        let wanted =
            ((percent / 100.0 * self.total as f64 + 0.5) as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        let found = (0..BUCKETS).find(|&bucket| {
            seen += self.count(bucket);
            seen >= wanted
        });
        found.map_or(0, bound_of)
    }

    fn count(&self, bucket: usize) -> u64 {
        let octave = self.octaves[bucket / PER_OCTAVE].as_ref();
        octave.map_or(0, |counts| counts[bucket % PER_OCTAVE])
    }

    /// Upper bounds in microseconds with how many values lie below or at them, where that grows.
    pub(crate) fn by_powers(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut seen = 0;
        let mut from = 0;
        (0..=POWERS).filter_map(move |power| {
            let (to, bound_us) = match power {
                // Everything above half a second; Redis names the end of its whole table.
                POWERS => (BUCKETS, 1_073_741),
                _ => (bucket_of(1024 << power) + 1, ((1032_u64 << power) - 1) / 1000),
            };
            let count: u64 = (from..to).map(|bucket| self.count(bucket)).sum();
            from = to;
            seen += count;
            (count > 0).then_some((bound_us, seen))
        })
    }
}

#[inline]
fn bucket_of(ns: u64) -> usize {
    let ns = ns.min(NS_MAX);
    if ns < EXACT {
        return ns as usize;
    }
    let shift = ns.ilog2() - PER_OCTAVE.ilog2();
    shift as usize * PER_OCTAVE + (ns >> shift) as usize
}

/// The largest value of a bucket.
fn bound_of(bucket: usize) -> u64 {
    if bucket < EXACT as usize {
        return bucket as u64;
    }
    let shift = bucket / PER_OCTAVE - 1;
    let step = (bucket % PER_OCTAVE + PER_OCTAVE) as u64;
    ((step + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn buckets_follow_each_other_and_are_narrow() {
        let mut last = 0;
        for bucket in 1..BUCKETS {
            let (low, high) = (last + 1, bound_of(bucket));
            assert!(high >= low, "bucket {bucket}");
            assert!((high - low) * 32 <= low, "bucket {bucket} is at most 3 percent wide");
            if high <= NS_MAX {
                assert_eq!((bucket_of(low), bucket_of(high)), (bucket, bucket));
            }
            last = high;
        }
        assert_eq!(bucket_of(u64::MAX), bucket_of(NS_MAX));
        assert!(bucket_of(NS_MAX) < BUCKETS);
    }

    #[test]
    fn percentiles_are_the_values_at_their_rank() {
        let mut all = Histogram::new();
        assert_eq!(all.percentile_ns(50.0), 0);
        (1..=1000).for_each(|us| all.record(us * 1000, 1));
        for (percent, us) in [(0.0, 1), (50.0, 500), (99.0, 990), (99.9, 999), (100.0, 1000)] {
            let found = all.percentile_ns(percent);
            assert!((us * 1000..us * 1032).contains(&found), "{percent}: {found}");
        }
    }

    #[test]
    fn powers_have_the_bounds_of_redis() {
        let mut all = Histogram::new();
        (0..40).for_each(|power| all.record(1 << power, 1));
        let bounds: Vec<u64> = all.by_powers().map(|(bound, _)| bound).collect();
        let expected = [
            1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056, 2113, 4227, 8454, 16908, 33816, 67633,
            135266, 270532, 541065, 1_073_741,
        ];
        assert_eq!(bounds, expected);
        assert_eq!(all.by_powers().next(), Some((1, 11)), "1 to 1024 ns");
        assert_eq!(all.by_powers().last(), Some((1_073_741, 40)));
    }
}
