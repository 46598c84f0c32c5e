//! The access clock: when, or how often, a key was last used.
//!
//! 24 bits in every record, with the two meanings that Redis gives them: seconds for LRU, or for
//! LFU the minute of the last decay (16 bits) and a logarithmic counter (8 bits). Which one it is
//! follows from `maxmemory-policy`. Both wrap around; differences are taken modulo their width.

use crate::config::{Config, MaxmemoryPolicy};
use crate::rng::Rng;
use crate::turn::Now;

const BITS: u32 = 24;
const LFU_START: u32 = 5;

/// The clock of an entry that is created now.
#[inline]
#[must_use]
pub(crate) fn of_new(config: &Config, now: Now) -> u32 {
    if is_lfu(config) { minutes(now) << 8 | LFU_START } else { seconds(now) }
}

/// The clock of an entry from a dump, of which is told how long it was idle or how often it was
/// used; what the policy does not keep is ignored (object.c, `objectSetLRUOrLFU`).
#[must_use]
pub(crate) fn loaded(config: &Config, now: Now, idle_s: Option<u64>, freq: Option<u8>) -> u32 {
    match (is_lfu(config), idle_s, freq) {
        (true, _, Some(freq)) => minutes(now) << 8 | u32::from(freq),
        (false, Some(idle_s), _) => seconds_before(seconds(now), idle_s),
        _ => of_new(config, now),
    }
}

/// A clock that many seconds ago; what is longer ago than the clock goes back is made half its
/// range, as Redis does.
fn seconds_before(clock: u32, idle_s: u64) -> u32 {
    const CLOCK_MAX: u32 = (1 << BITS) - 1;
    match u32::try_from(idle_s).ok().and_then(|idle_s| clock.checked_sub(idle_s)) {
        Some(earlier) => earlier,
        None => (clock + CLOCK_MAX / 2) % CLOCK_MAX,
    }
}

/// The clock of an entry that is used now and had the clock `old`.
#[inline]
#[must_use]
pub(crate) fn touched(old: u32, config: &Config, now: Now, rng: &mut Rng) -> u32 {
    if !is_lfu(config) {
        return seconds(now);
    }
    let counter = lfu_counter(old, config, now);
    (minutes(now) << 8) | (counter + u32::from(counts(counter, config, rng)))
}

/// Seconds since an entry with this clock was used (LRU).
#[must_use]
pub(crate) fn idle_s(clock: u32, now: Now) -> u32 {
    seconds(now).wrapping_sub(clock) % (1 << BITS)
}

/// The counter of an entry with this clock, with what it lost since (LFU).
#[must_use]
pub(crate) fn lfu_counter(clock: u32, config: &Config, now: Now) -> u32 {
    decayed(clock, config.lfu_decay_time_min, now)
}

/// As [`lfu_counter`], where the counter loses one each `decay_time_min` minutes.
#[must_use]
pub(crate) fn decayed(clock: u32, decay_time_min: u32, now: Now) -> u32 {
    let idle = minutes(now).wrapping_sub(clock >> 8) & 0xffff;
    let lost = idle.checked_div(decay_time_min).unwrap_or(0);
    (clock & 0xff).saturating_sub(lost)
}

/// Whether the clock counts uses instead of keeping the time of the last one.
#[inline]
pub(crate) fn is_lfu(config: &Config) -> bool {
    matches!(config.maxmemory_policy, MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu)
}

/// Whether the clock keeps the time of the last use because the policy asks for it, not only
/// because a clock has to mean something.
#[must_use]
pub(crate) fn is_lru(config: &Config) -> bool {
    matches!(config.maxmemory_policy, MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::VolatileLru)
}

/// Whether one more use counts: the more were counted, the less likely.
fn counts(counter: u32, config: &Config, rng: &mut Rng) -> bool {
    let above = u64::from(counter.saturating_sub(LFU_START));
    counter < 255 && rng.below(above * u64::from(config.lfu_log_factor) + 1) == 0
}

#[inline]
fn seconds(now: Now) -> u32 {
    (now.wall_us.div_euclid(1_000_000) as u32) % (1 << BITS)
}

fn minutes(now: Now) -> u32 {
    (now.wall_us.div_euclid(60_000_000) as u32) & 0xffff
}
