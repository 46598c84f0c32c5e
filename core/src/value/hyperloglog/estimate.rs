//! From registers to a cardinality: the estimator of Otmar Ertl (arXiv:1702.01284), as in Redis.
//!
//! It needs to know only how many registers have each value. Registers that are 0, and those that
//! have the greatest value that a hash can give, are corrected for by two series; the sums are
//! taken in Redis's order, so that the result is the same to the last bit. They use nothing but
//! what IEEE 754 defines exactly, a square root among it: every machine counts alike, and a log
//! replayed elsewhere caches the same cardinality.

use super::{REGISTERS, VALUE_BITS};

/// How many registers have each value.
///
/// Most have one of a few values, and the processor cannot count twice in one place at once: so
/// where there are many, eight at a time are counted in eight places.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    lanes: [[u32; 64]; 8],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { lanes: [[0; 64]; 8] }
    }
}

impl Histogram {
    /// Counts registers with this value; there are not more than [`REGISTERS`] in all.
    #[inline]
    pub(super) fn add(&mut self, value: u8, registers: usize) {
        self.lanes[0][usize::from(value % 64)] += registers as u32;
    }

    /// Counts registers, some multiple of eight.
    pub(super) fn add_each(&mut self, values: &[u8]) {
        for eight in values.as_chunks::<8>().0 {
            for (lane, value) in self.lanes.iter_mut().zip(eight) {
                lane[usize::from(value % 64)] += 1;
            }
        }
    }

    /// The cardinality.
    pub(super) fn cardinality(&self) -> u64 {
        let m = REGISTERS as f64;
        let in_lanes = |value: u32| self.lanes.iter().map(move |lane| lane[value as usize]);
        let count = |value: u32| f64::from(in_lanes(value).sum::<u32>());
        let mut z = m * tau((m - count(VALUE_BITS + 1)) / m);
        for value in (1..=VALUE_BITS).rev() {
            z += count(value);
            z *= 0.5;
        }
        z += m * sigma(count(0) / m);
        rounded(ALPHA * m * m / z)
    }
}

/// 1 / (2 ln 2).
const ALPHA: f64 = core::f64::consts::LOG2_E / 2.0;

/// What registers that are 0 add.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

/// What registers add that could not be greater.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = square_root(x);
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if before == z {
            return z / 3.0;
        }
    }
}

/// The square root of a normal and positive number, rounded to even, by that of an integer.
fn square_root(x: f64) -> f64 {
    const MANTISSA_BITS: u32 = 52;
    let exponent = (x.to_bits() >> MANTISSA_BITS) as i32 - 1075;
    let mantissa = x.to_bits() & ((1 << MANTISSA_BITS) - 1) | 1 << MANTISSA_BITS;
    // One bit more than the result has, and an exponent that can be halved.
    let shift = 54 + (exponent & 1);
    let square = u128::from(mantissa) << shift;
    let root = square.isqrt();
    let is_exact = root * root == square;
    let (half, is_past_half) = (root >> 1, root & 1 == 1);
    let rounded = half + u128::from(is_past_half && (!is_exact || half & 1 == 1));
    let exponent = (exponent - shift) / 2 + 1;
    rounded as f64 * f64::from_bits(((exponent + 1023) as u64) << MANTISSA_BITS)
}

/// The nearest integer, away from zero in the middle. Redis's cast gives the least integer of 64
/// bits for what none of them can hold; only made up registers come to that.
fn rounded(x: f64) -> u64 {
    const LIMIT: f64 = (1_u64 << 63) as f64;
    if x >= LIMIT || x.is_nan() {
        return 1 << 63;
    }
    let whole = x as u64;
    whole + u64::from(x - whole as f64 >= 0.5)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::square_root;
    use proptest::prelude::{prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn roots_are_rounded_as_ieee_754_wants(x in 1e-9..4.0_f64, count in 1..16_384_u32) {
            prop_assert_eq!(square_root(x), x.sqrt());
            let share = f64::from(count) / 16_384.0;
            prop_assert_eq!(square_root(share), share.sqrt());
        }
    }
}
