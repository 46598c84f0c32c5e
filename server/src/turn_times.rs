//! How long the passes of the event loop take: a histogram that is always kept.
//!
//! A pass is what a client may have to wait for before it is its turn. One clock reading a pass
//! and one counter are all it costs. Buckets grow by an eighth, so a percentile is at most that
//! much too high.

use std::fmt;

/// Buckets for each power of two.
const STEPS: u64 = 8;

/// Times of passes.
#[derive(Clone, Debug)]
pub(crate) struct TurnTimes {
    buckets: Box<[u64; BUCKETS]>,
    pub(crate) count: u64,
    pub(crate) sum_ns: u64,
    pub(crate) longest_ns: u64,
}

const BUCKETS: usize = 62 * STEPS as usize;

impl Default for TurnTimes {
    fn default() -> Self {
        Self { buckets: Box::new([0; BUCKETS]), count: 0, sum_ns: 0, longest_ns: 0 }
    }
}

impl TurnTimes {
    /// Counts a pass that took so long.
    #[inline]
    pub(crate) fn record(&mut self, ns: u64) {
        self.buckets[bucket(ns)] += 1;
        self.count += 1;
        self.sum_ns += ns;
        self.longest_ns = self.longest_ns.max(ns);
    }

    /// The time within which `share` of all passes ended, 0 to 1.
    pub(crate) fn percentile_ns(&self, share: f64) -> u64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut counted = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            counted += count;
            if counted >= wanted {
                return upper_bound(at).min(self.longest_ns);
            }
        }
        self.longest_ns
    }
}

impl fmt::Display for TurnTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |ns: u64| ns as f64 / 1000.0;
        write!(
            f,
            "Event loop: {} turns, p50 {:.1} us, p99 {:.1} us, p99.9 {:.1} us, longest {:.1} us",
            self.count,
            us(self.percentile_ns(0.5)),
            us(self.percentile_ns(0.99)),
            us(self.percentile_ns(0.999)),
            us(self.longest_ns)
        )
    }
}

/// Below `STEPS` each number has its bucket; above, the three bits behind the highest one decide.
#[inline]
fn bucket(ns: u64) -> usize {
    if ns < STEPS {
        return ns as usize;
    }
    let highest = u64::from(ns.ilog2());
    let step = (ns >> (highest - 3)) - STEPS;
    ((highest - 2) * STEPS + step) as usize
}

/// The largest number of a bucket.
fn upper_bound(bucket: usize) -> u64 {
    let (power, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    if power == 0 {
        return step;
    }
    (u128::from(STEPS + step + 1) << (power - 1)).saturating_sub(1).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_lies_in_its_bucket() {
        for ns in (0..5000).chain([1 << 40, u64::MAX - 1, u64::MAX]) {
            let at = bucket(ns);
            assert!(ns <= upper_bound(at), "{ns}");
            assert!(at == 0 || ns > upper_bound(at - 1), "{ns}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_at_most_an_eighth_too_high() {
        let mut times = TurnTimes::default();
        (1..=1000).for_each(|us| times.record(us * 1000));
        let median = times.percentile_ns(0.5);
        assert!((500_000..=562_500).contains(&median), "{median}");
        assert_eq!(times.percentile_ns(1.0), 1_000_000);
        assert_eq!(TurnTimes::default().percentile_ns(0.5), 0);
    }
}
