//! The x87 80-bit `long double`, in integer arithmetic, for INCRBYFLOAT and HINCRBYFLOAT.
//!
//! Redis on x86 reads both operands with `strtold`, adds them with a 64-bit mantissa and prints
//! with 17 decimals, trailing zeros removed. Clients see every one of these bits: 10.5 + 0.1 is
//! 10.6 there and would not be with a double. So this file reads decimal and hexadecimal text
//! exactly (big integers where 128 bits do not suffice), rounds to nearest even, adds with guard
//! bits and a sticky bit, and prints exactly. Infinity can be read but not added; there is no NaN.
//! Texts of 5 KB and more are refused, as Redis does, which bounds the work.

mod natural;

use super::float_text::{self, Binary, FloatText, Format, Magnitude, Rounded, shift_rounding};
use alloc::vec::Vec;
use natural::Natural;

/// A number of the x87 extended format: sign, 64-bit mantissa, binary exponent; or an infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    size: Size,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Infinite,
    /// The mantissa's top bit is set unless the exponent is the smallest; zero has that one too.
    Finite {
        mantissa: u64,
        exponent: i32,
    },
}

impl LongDouble {
    /// Positive zero: what INCRBYFLOAT takes a missing value for.
    pub const ZERO: Self =
        Self { negative: false, size: Size::Finite { mantissa: 0, exponent: X87.exponent_min } };

    /// Reads a whole text as `strtold` does. `None` where Redis says the value is not a valid
    /// float: other text, space, NaN, overflow, a nonzero text that rounds to 0, 5120 bytes and up.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let FloatText { negative, magnitude } = float_text::parse(text)?;
        let binary = match magnitude {
            Magnitude::Nan => return None,
            Magnitude::Infinity => return Some(Self { negative, size: Size::Infinite }),
            Magnitude::Hex(binary) => binary,
            Magnitude::Decimal { integer, fraction, exponent } => {
                binary_of_decimal(integer, fraction, exponent)?
            }
        };
        let value = Self::rounded(negative, binary)?;
        let underflows = value.is_zero() && binary.mantissa != 0;
        (!underflows).then_some(value)
    }

    /// Exactly that integer.
    pub fn from_i64(value: i64) -> Self {
        let size = Binary { mantissa: value.unsigned_abs().into(), exponent: 0, sticky: false };
        Self::rounded(value < 0, size).unwrap_or(Self::ZERO)
    }

    /// Whether it is a number rather than an infinity.
    pub fn is_finite(self) -> bool {
        self.size != Size::Infinite
    }

    /// The sum, rounded to nearest even; `None` when the result would be NaN or infinity.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let left = self.parts()?;
        let right = other.parts()?;
        let is_left_larger = (left.1, left.0) >= (right.1, right.0);
        let (large, small) = if is_left_larger { (left, right) } else { (right, left) };
        let negative = if is_left_larger { self.negative } else { other.negative };
        Self::rounded(negative, combine(large, small, self.negative != other.negative))
    }

    /// The text with at most 17 decimals (`"%.17Lf"`, trailing zeros removed), never `-0`;
    /// infinities are `inf` and `-inf`.
    pub fn to_text(self) -> Vec<u8> {
        let mut text = match self.size {
            Size::Infinite => b"inf".to_vec(),
            Size::Finite { mantissa, exponent: 0.. } if mantissa != 0 => self.integer_text(),
            Size::Finite { mantissa, exponent } => fixed_text(mantissa, exponent),
        };
        if self.negative && text != b"0" {
            text.insert(0, b'-');
        }
        text
    }

    fn is_zero(self) -> bool {
        matches!(self.size, Size::Finite { mantissa: 0, .. })
    }

    /// Mantissa and exponent of a finite number.
    fn parts(self) -> Option<(u64, i32)> {
        match self.size {
            Size::Infinite => None,
            Size::Finite { mantissa, exponent } => Some((mantissa, exponent)),
        }
    }

    /// `None` on overflow.
    fn rounded(negative: bool, binary: Binary) -> Option<Self> {
        match binary.round(X87) {
            Rounded::Overflow => None,
            Rounded::Finite { mantissa, exponent } => {
                Some(Self { negative, size: Size::Finite { mantissa, exponent } })
            }
        }
    }

    /// The digits of a number without a fraction.
    fn integer_text(self) -> Vec<u8> {
        let Some((mantissa, exponent)) = self.parts() else { return Vec::new() };
        if exponent <= 64 {
            let mut buffer = itoa::Buffer::new();
            return buffer.format(u128::from(mantissa) << exponent).as_bytes().to_vec();
        }
        let mut integer = Natural::from_word(mantissa);
        integer.shift_left(exponent as usize);
        integer.into_decimal()
    }
}

/// The sum, or the difference if the signs differ, of two `mantissa * 2^exponent`, the larger
/// first. 63 guard bits and a sticky bit keep it exact enough to round.
fn combine(large: (u64, i32), small: (u64, i32), subtract: bool) -> Binary {
    let shift = (large.1 - small.1).unsigned_abs();
    let high = u128::from(large.0) << GUARD_BITS;
    let exact = u128::from(small.0) << GUARD_BITS;
    let low = exact.checked_shr(shift).unwrap_or(0);
    let sticky = low.checked_shl(shift).unwrap_or(0) != exact;
    // What was cut off makes the difference smaller: borrow one, and the rest of it is above.
    let mantissa = if subtract { high - low - u128::from(sticky) } else { high + low };
    Binary { mantissa, exponent: large.1 - GUARD_BITS, sticky }
}

/// At least 66 bits of `integer.fraction * 10^exponent` and a sticky bit; `None` on overflow.
fn binary_of_decimal(integer: &[u8], fraction: &[u8], exponent: i32) -> Option<Binary> {
    let mut digits = [integer, fraction].concat();
    let mut scale = i64::from(exponent) - fraction.len() as i64;
    while digits.last() == Some(&b'0') {
        digits.pop();
        scale += 1;
    }
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    let digits = digits.get(zeros..).unwrap_or_default();
    let point = digits.len() as i64 + scale;
    if digits.is_empty() {
        return Some(Binary { mantissa: 0, exponent: 0, sticky: false });
    }
    if point > POINT_MAX {
        return None;
    }
    // Far below half of the smallest number: any such value rounds alike.
    let scale = if point < POINT_MIN { POINT_MIN - digits.len() as i64 } else { scale } as i32;
    Some(small_decimal(digits, scale).unwrap_or_else(|| large_decimal(digits, scale)))
}

/// The usual case, in 128 bits: at most 19 digits and few decimals.
fn small_decimal(digits: &[u8], scale: i32) -> Option<Binary> {
    if digits.len() > 19 {
        return None;
    }
    let number = digits.iter().fold(0u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    let power = 10u128.pow(scale.unsigned_abs().min(19));
    match scale {
        0..=19 => Some(Binary { mantissa: number * power, exponent: 0, sticky: false }),
        -18..0 => {
            let shift = number.leading_zeros();
            let scaled = number << shift;
            let sticky = scaled % power != 0;
            Some(Binary { mantissa: scaled / power, exponent: -(shift as i32), sticky })
        }
        _ => None,
    }
}

/// Any number of digits: a power of five up or down, the power of two goes to the exponent.
fn large_decimal(digits: &[u8], scale: i32) -> Binary {
    let mut number = Natural::from_decimal(digits);
    if scale >= 0 {
        number.multiply_power_of_five(scale.unsigned_abs());
        let (mantissa, exponent, sticky) = number.leading_bits();
        return Binary { mantissa, exponent: exponent + scale, sticky };
    }
    let mut divisor = Natural::from_word(1);
    divisor.multiply_power_of_five(scale.unsigned_abs());
    let (mantissa, exponent, sticky) = number.divide(divisor);
    Binary { mantissa, exponent: exponent + scale, sticky }
}

/// Fixed notation of a number below 2^64 or with a fraction; at most 17 decimals.
fn fixed_text(mantissa: u64, exponent: i32) -> Vec<u8> {
    let cut = exponent.unsigned_abs();
    let mut integer = mantissa.checked_shr(cut).unwrap_or(0);
    let fraction = mantissa - integer.checked_shl(cut).unwrap_or(0);
    let scaled = u128::from(fraction) * u128::from(DECIMALS_UNIT);
    let mut decimals = shift_rounding(scaled, false, -exponent) as u64;
    if decimals == DECIMALS_UNIT {
        decimals = 0;
        integer += 1;
    }
    let mut text = itoa::Buffer::new().format(integer).as_bytes().to_vec();
    if decimals != 0 {
        // The unit's leading 1 keeps the zeros in front, and its place is where the point goes.
        let point = text.len();
        text.extend(itoa::Buffer::new().format(DECIMALS_UNIT + decimals).as_bytes());
        text[point] = b'.';
        let zeros = text.iter().rev().take_while(|&&digit| digit == b'0').count();
        text.truncate(text.len() - zeros);
    }
    text
}

/// The x87 extended format.
const X87: Format = Format { mantissa_bits: 64, exponent_min: -16445, exponent_max: 16320 };

/// Room below the mantissa while adding.
const GUARD_BITS: i32 = 63;

/// 10^17: as many decimals as Redis prints.
const DECIMALS_UNIT: u64 = 100_000_000_000_000_000;

/// Longer texts are not numbers to Redis (its buffer has 5 KB, with a final NUL).
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;

/// A number with its first digit further left of the point is beyond 1.2 * 10^4932.
const POINT_MAX: i64 = 4933;

/// A number with its first digit further right of the point is below half of 3.6 * 10^-4951.
const POINT_MIN: i64 = -4951;

#[cfg(test)]
mod tests;
