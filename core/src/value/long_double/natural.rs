//! Natural numbers of any size: just what reading and printing a long double needs.
//!
//! Little-endian 64-bit words without leading zeros. Sizes are bounded by the texts that are
//! read (5 KB, exponents to +-5000: some 35,000 bits), so schoolbook methods do.

use alloc::{vec, vec::Vec};

/// A natural number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Natural {
    words: Vec<u64>,
}

impl Natural {
    pub(super) fn from_word(word: u64) -> Self {
        Self { words: if word == 0 { Vec::new() } else { vec![word] } }
    }

    /// From ASCII digits.
    pub(super) fn from_decimal(digits: &[u8]) -> Self {
        let mut number = Self::from_word(0);
        for chunk in digits.chunks(CHUNK_DIGITS) {
            let value = chunk.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
            number.multiply_add(10u64.pow(chunk.len() as u32), value);
        }
        number
    }

    /// Its ASCII digits, `0` for zero.
    pub(super) fn into_decimal(mut self) -> Vec<u8> {
        let mut chunks = vec![self.divide_word(CHUNK)];
        while !self.words.is_empty() {
            chunks.push(self.divide_word(CHUNK));
        }
        let mut digits = Vec::with_capacity(chunks.len() * CHUNK_DIGITS);
        for chunk in chunks.into_iter().rev() {
            let mut buffer = itoa::Buffer::new();
            let text = buffer.format(chunk).as_bytes();
            if !digits.is_empty() {
                digits.extend(core::iter::repeat_n(b'0', CHUNK_DIGITS - text.len()));
            }
            digits.extend(text);
        }
        digits
    }

    pub(super) fn multiply_power_of_five(&mut self, power: u32) {
        for _ in 0..power / WORD_POWER {
            self.multiply_add(5u64.pow(WORD_POWER), 0);
        }
        self.multiply_add(5u64.pow(power % WORD_POWER), 0);
    }

    pub(super) fn shift_left(&mut self, bits: usize) {
        let rest = bits % 64;
        if rest > 0 {
            self.multiply_add(1 << rest, 0);
        }
        if !self.words.is_empty() {
            self.words.splice(..0, core::iter::repeat_n(0, bits / 64));
        }
    }

    /// The highest 128 bits (all, if there are fewer), the power of two that scales them, and
    /// whether anything nonzero is below.
    pub(super) fn leading_bits(&self) -> (u128, i32, bool) {
        let bits = self.bits();
        let drop = bits.saturating_sub(128);
        let word = |index: usize| u128::from(self.words.get(index).copied().unwrap_or(0));
        let (first, rest) = (drop / 64, drop % 64);
        let low = word(first) | word(first + 1) << 64;
        let high = word(first + 2).checked_shl(128 - rest as u32).unwrap_or(0);
        let sticky = self.words.iter().take(first).any(|&word| word != 0)
            || word(first) & ((1 << rest) - 1) != 0;
        (low >> rest | high, drop as i32, sticky)
    }

    /// The quotient's leading 99 or 100 bits, the power of two that scales them, and whether
    /// anything nonzero is below. Neither number may be zero.
    pub(super) fn divide(mut self, mut divisor: Self) -> (u128, i32, bool) {
        let (bits, divisor_bits) = (self.bits(), divisor.bits());
        self.shift_left(divisor_bits.saturating_sub(bits));
        divisor.shift_left(bits.saturating_sub(divisor_bits));
        let mut quotient = 0u128;
        for _ in 0..QUOTIENT_BITS {
            quotient <<= 1;
            if self.is_at_least(&divisor) {
                self.subtract(&divisor);
                quotient |= 1;
            }
            self.shift_left(1);
        }
        let exponent = bits as i32 - divisor_bits as i32 - (QUOTIENT_BITS - 1);
        (quotient, exponent, !self.words.is_empty())
    }

    fn bits(&self) -> usize {
        let top = self.words.last().map_or(0, |word| word.leading_zeros() as usize);
        self.words.len() * 64 - top
    }

    fn multiply_add(&mut self, factor: u64, summand: u64) {
        let mut carry = summand;
        for word in &mut self.words {
            (*word, carry) = word.carrying_mul(factor, carry);
        }
        if carry > 0 {
            self.words.push(carry);
        }
    }

    /// Divides in place and returns the remainder.
    fn divide_word(&mut self, divisor: u64) -> u64 {
        let divisor = u128::from(divisor);
        let mut remainder = 0u128;
        for word in self.words.iter_mut().rev() {
            let dividend = remainder << 64 | u128::from(*word);
            *word = (dividend / divisor) as u64;
            remainder = dividend % divisor;
        }
        self.trim();
        remainder as u64
    }

    fn is_at_least(&self, other: &Self) -> bool {
        let key = |number: &Self| number.words.len();
        key(self)
            .cmp(&key(other))
            .then_with(|| self.words.iter().rev().cmp(other.words.iter().rev()))
            .is_ge()
    }

    /// `other` must not be larger.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        let subtrahends = other.words.iter().copied().chain(core::iter::repeat(0));
        for (word, subtrahend) in self.words.iter_mut().zip(subtrahends) {
            (*word, borrow) = word.borrowing_sub(subtrahend, borrow);
        }
        debug_assert!(!borrow);
        self.trim();
    }

    fn trim(&mut self) {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }
}

/// Decimal digits that fit a word.
const CHUNK_DIGITS: usize = 19;
const CHUNK: u64 = 10u64.pow(CHUNK_DIGITS as u32);

/// Powers of five that fit a word.
const WORD_POWER: u32 = 27;

const QUOTIENT_BITS: i32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn natural(value: u128) -> Natural {
        let mut number = Natural::from_word((value >> 64) as u64);
        number.shift_left(64);
        match number.words.first_mut() {
            Some(low) => *low = value as u64,
            None => number = Natural::from_word(value as u64),
        }
        number
    }

    proptest! {
        #[test]
        fn decimal_text_is_its_own_inverse(text in "[1-9][0-9]{0,120}") {
            let number = Natural::from_decimal(text.as_bytes());
            prop_assert_eq!(number.into_decimal(), text.as_bytes());
        }

        #[test]
        fn leading_bits_of_a_shifted_number(value in 1u128.., shift in 0usize..300) {
            let mut number = natural(value);
            number.shift_left(shift);
            let (mantissa, exponent, sticky) = number.leading_bits();
            prop_assert!(!sticky);
            prop_assert_eq!(mantissa.trailing_zeros() as i32 + exponent,
                value.trailing_zeros() as i32 + shift as i32);
            prop_assert_eq!(mantissa >> mantissa.trailing_zeros(), value >> value.trailing_zeros());
        }

        #[test]
        fn division_equals_machine_division(value in 1u64.., divisor in 1u64..) {
            let (quotient, exponent, sticky) =
                Natural::from_word(value).divide(Natural::from_word(divisor));
            let shift = u128::from(value).leading_zeros();
            let scaled = u128::from(value) << shift;
            let expected = scaled / u128::from(divisor);
            let cut = -(shift as i32) - exponent;
            let same = if cut >= 0 { quotient >> cut } else { quotient << -cut };
            let kept = if cut >= 0 { expected } else { expected >> -cut << -cut };
            prop_assert_eq!(same, kept);
            let odd_divisor = divisor >> divisor.trailing_zeros();
            prop_assert_eq!(sticky, value % odd_divisor != 0);
        }
    }

    #[test]
    fn leading_bits_see_what_they_drop() {
        let mut number = Natural::from_word(1);
        number.shift_left(200);
        number.multiply_add(1, 1);
        assert_eq!(number.leading_bits(), (1 << 127, 73, true));
        number.subtract(&Natural::from_word(1));
        assert_eq!(number.leading_bits(), (1 << 127, 73, false));
        number.subtract(&Natural::from_word(1));
        assert_eq!(number.leading_bits(), (u128::MAX, 72, true));
    }

    #[test]
    fn powers_of_five() {
        let mut number = Natural::from_word(2);
        number.multiply_power_of_five(60);
        assert_eq!(number.into_decimal(), b"1734723475976807094411924481391906738281250");
    }
}
