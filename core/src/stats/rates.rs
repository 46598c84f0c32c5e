//! Rates: how much happened per second just now.
//!
//! As in Redis, the last 16 samples of 100 ms are averaged. Nothing wakes the server up to sample:
//! the first turn after 100 ms does it. When the server was idle for longer, what is new happened
//! in the first 100 ms (the turn after those would have sampled), and the rest were empty samples,
//! which are put in afterwards. So the figures are those of a server that samples by a timer.

/// Samples that are averaged.
const SAMPLES: usize = 16;

/// Nanoseconds of a sample at least.
const PERIOD_NS: u64 = 100_000_000;

/// What is sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rate {
    /// Commands.
    Commands,
    /// Bytes received.
    NetInput,
    /// Bytes sent.
    NetOutput,
    /// Turns.
    Turns,
    /// Microseconds in which the event loop did not wait.
    BusyTime,
}

/// Counters in the order of [`Rate`].
pub(crate) type Counters = [u64; 5];

/// The samples.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rates {
    sampled_ns: u64,
    counters: Counters,
    /// Per second, the oldest at `next`.
    samples: [Counters; SAMPLES],
    next: usize,
}

impl Rates {
    /// Takes the counters at the start of a turn.
    pub(crate) fn observe(&mut self, now_ns: u64, counters: Counters) {
        let elapsed_ns = now_ns - self.sampled_ns;
        if elapsed_ns < PERIOD_NS {
            return;
        }
        let periods = elapsed_ns / PERIOD_NS;
        let window_ns = if periods == 1 { elapsed_ns } else { PERIOD_NS };
        let mut sample = counters;
        for (new, old) in sample.iter_mut().zip(self.counters) {
            *new = (u128::from(new.saturating_sub(old)) * 1_000_000_000 / u128::from(window_ns))
                as u64;
        }
        self.push(sample);
        (1..periods.min(SAMPLES as u64 + 1)).for_each(|_| self.push(Counters::default()));
        self.sampled_ns = now_ns;
        self.counters = counters;
    }

    fn push(&mut self, sample: Counters) {
        self.samples[self.next] = sample;
        self.next = (self.next + 1) % SAMPLES;
    }

    /// How much per second.
    pub(crate) fn per_second(&self, rate: Rate) -> u64 {
        self.samples.iter().map(|sample| sample[rate as usize]).sum::<u64>() / SAMPLES as u64
    }

    /// Forgets the samples; the counters are at `counters` now.
    pub(crate) fn reset(&mut self, counters: Counters) {
        *self = Self { sampled_ns: self.sampled_ns, counters, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_steady_load_is_averaged() {
        let mut rates = Rates::default();
        for turn in 0..200 {
            rates.observe(turn * 10 * MS, [turn * 50, 0, turn, turn, 0]);
        }
        assert_eq!(rates.per_second(Rate::Commands), 5000);
        assert_eq!(rates.per_second(Rate::NetInput), 0);
        assert_eq!(rates.per_second(Rate::NetOutput), 100);
        assert_eq!(rates.per_second(Rate::Turns), 100);
    }

    #[test]
    fn idle_time_counts_as_idle() {
        let mut rates = Rates::default();
        rates.observe(1000 * MS, [0; 5]);
        rates.observe(1800 * MS, [1600; 5]);
        assert_eq!(rates.per_second(Rate::Commands), 1000, "1600 in one of 16 samples of 0.1 s");
        rates.observe(3400 * MS, [1600; 5]);
        assert_eq!(rates.per_second(Rate::Commands), 0, "1.6 s later it is forgotten");
    }

    #[test]
    fn a_reset_forgets_the_counters_too() {
        let mut rates = Rates::default();
        rates.observe(1000 * MS, [500; 5]);
        rates.reset([0; 5]);
        assert_eq!(rates.per_second(Rate::Commands), 0);
        rates.observe(1100 * MS, [16; 5]);
        assert_eq!(rates.per_second(Rate::Commands), 10);
    }
}
