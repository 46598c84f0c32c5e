//! Numbers in command arguments and values: text to `i64`, `u64` and `f64`.
//!
//! Redis has one strict reader for integers (a value is an integer only when printing it gives
//! the same bytes back: no `+`, no leading zero, no space, no `-0`) and several lax ones that are
//! C's `strtoull`, `strtoul` and `strtod` with a few checks around them. Each function here is one
//! of these readers, oddities included, because clients can see every one of them. The strict
//! one runs on every SET to choose the encoding, so it looks at the first and last byte before
//! anything else and then takes eight digits at a time.

use super::float_text::{self, FloatText, Format, Magnitude, Rounded};

pub use super::double_text::{DoubleText, format_f64, format_g17};

/// Reads a canonical decimal integer; anything that `i64` would print differently is `None`.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    if !text.last()?.is_ascii_digit() {
        return None;
    }
    match text {
        [b'0'] => Some(0),
        [b'-', digits @ ..] => negate(canonical_magnitude(digits)?),
        digits => i64::try_from(canonical_magnitude(digits)?).ok(),
    }
}

/// Reads an unsigned integer as the parts of a stream ID are read (`string2ull`): canonical
/// integers first, then whatever `strtoull` takes whole. So `+5`, ` 5` and `007` are numbers, `-5`
/// is not, `-05` wraps around to `2^64 - 5`, and a NUL byte ends the text.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    let text = until_nul(text);
    match parse_i64(text) {
        Some(value) => u64::try_from(value).ok(),
        None => strtoull(text),
    }
}

/// Reads a SCAN cursor: `strtoul` without leading space. The empty text is cursor 0, a negative
/// one wraps around, and a NUL byte ends the text.
pub fn parse_cursor(text: &[u8]) -> Option<u64> {
    match until_nul(text) {
        [] => Some(0),
        [first, ..] if is_space(*first) => None,
        digits => strtoull(digits),
    }
}

/// Reads a score or another float argument: C's `strtod` over the whole text, hexadecimal and
/// infinity included. Not a number: leading space, NaN, overflow to infinity, and a nonzero text
/// that rounds to zero.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let (value, is_exact_range) = strtod(text)?;
    is_exact_range.then_some(value)
}

/// Reads the bound of a score range after any `(`: plain `strtod`. Unlike [`parse_f64`] it takes
/// leading space, the empty text (0) and values out of range (infinity or 0), and a NUL byte ends
/// the text. NaN is still refused.
pub fn parse_score_bound(text: &[u8]) -> Option<f64> {
    let text = until_nul(text);
    if text.is_empty() {
        return Some(0.0);
    }
    strtod(trim_start(text)).map(|(value, _)| value)
}

/// Reads a weight of SORT: as [`parse_score_bound`], but values out of range are none.
pub fn parse_weight(text: &[u8]) -> Option<f64> {
    let text = until_nul(text);
    if text.is_empty() {
        return Some(0.0);
    }
    parse_f64(trim_start(text))
}

/// The digits' value when they start with 1 to 9 and fit 19 digits, which cannot overflow a u64.
#[inline]
fn canonical_magnitude(digits: &[u8]) -> Option<u64> {
    if !matches!(digits.first()?, b'1'..=b'9') || digits.len() > 19 {
        return None;
    }
    let mut value = 0;
    let (chunks, tail) = digits.as_chunks::<8>();
    for chunk in chunks {
        value = value * 100_000_000 + eight_digits(*chunk)?;
    }
    for &digit in tail {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// Eight ASCII digits as one number: pairs, then fours, then all, three multiplications in all.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(text);
    let high_nibbles = word & 0xf0f0_f0f0_f0f0_f0f0;
    let carried = word.wrapping_add(0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0;
    if (high_nibbles | carried >> 4) != 0x3333_3333_3333_3333 {
        return None;
    }
    let digits = word & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (digits.wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000 << 32 | 1) >> 32)
}

fn negate(magnitude: u64) -> Option<i64> {
    0i64.checked_sub_unsigned(magnitude)
}

/// C's `strtoull` when it takes the whole text: space, a sign, digits; `-` wraps around.
fn strtoull(text: &[u8]) -> Option<u64> {
    let (negative, digits) = match trim_start(text) {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0u64, |sum, &c| {
        let digit = u64::from((c as char).to_digit(10)?);
        sum.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { value.wrapping_neg() } else { value })
}

/// The value, and whether it is in range: neither overflown to infinity nor rounded to zero.
fn strtod(text: &[u8]) -> Option<(f64, bool)> {
    let FloatText { negative, magnitude } = float_text::parse(text)?;
    let (size, is_in_range) = match magnitude {
        Magnitude::Nan => return None,
        Magnitude::Infinity => (f64::INFINITY, true),
        Magnitude::Hex(binary) => {
            let size = f64_of(binary.round(F64));
            (size, size.is_finite() && (size != 0.0 || binary.mantissa == 0))
        }
        Magnitude::Decimal { integer, fraction, .. } => {
            let size: f64 = core::str::from_utf8(text).ok()?.parse().ok()?;
            let is_zero = || integer.iter().chain(fraction).all(|&digit| digit == b'0');
            (size.abs(), size.is_finite() && (size != 0.0 || is_zero()))
        }
    };
    Some((if negative { -size } else { size }, is_in_range))
}

/// Assembles a double from its rounded parts.
fn f64_of(rounded: Rounded) -> f64 {
    let Rounded::Finite { mantissa, exponent } = rounded else { return f64::INFINITY };
    if mantissa >> 52 == 0 {
        return f64::from_bits(mantissa);
    }
    let biased = (exponent - F64.exponent_min + 1) as u64;
    f64::from_bits(biased << 52 | (mantissa & ((1 << 52) - 1)))
}

/// A text as C sees it, and prints it in errors: up to its first NUL.
pub(crate) fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|&c| c == 0).next().unwrap_or_default()
}

fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&c| !is_space(c)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// C's `isspace`, which counts the vertical tab that `is_ascii_whitespace` does not.
fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t'..=b'\r')
}

/// IEEE 754 double precision.
const F64: Format = Format { mantissa_bits: 53, exponent_min: -1074, exponent_max: 971 };

#[cfg(test)]
mod tests;
