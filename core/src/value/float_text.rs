//! The text of a floating point number, as C's `strtod` and `strtold` read it.
//!
//! Redis hands client bytes to the C library, so its idea of a number is C's: `inf`, `nan(7)`,
//! `.5`, `5.`, `1e+5` and `0x1.8p-3` are numbers, `1_0` and `0b1` are not. This file only takes
//! the text apart; rounding belongs to the format that wants the number (`number`,
//! `long_double`). Hexadecimal digits are folded into 124 bits and a sticky bit while they
//! are read, which is enough to round correctly to any format of at most 119 bits. The text must
//! match as a whole; exponents are clamped to +-10^9, far outside every format.

/// A sign and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FloatText<'a> {
    /// The text began with `-`.
    pub(crate) negative: bool,
    /// The unsigned rest.
    pub(crate) magnitude: Magnitude<'a>,
}

/// The unsigned part of a float's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Magnitude<'a> {
    /// `inf` or `infinity`, in any case.
    Infinity,
    /// `nan` or `nan(chars)`, in any case.
    Nan,
    /// `integer.fraction * 10^exponent`, both parts being digits.
    Decimal { integer: &'a [u8], fraction: &'a [u8], exponent: i32 },
    /// A hexadecimal number, already folded.
    Hex(Binary),
}

/// `mantissa * 2^exponent`, plus a nonzero amount below the mantissa's last bit if `sticky`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Binary {
    /// At least 121 significant bits whenever `sticky` is set.
    pub(crate) mantissa: u128,
    /// Power of two that scales the mantissa.
    pub(crate) exponent: i32,
    /// Something nonzero was cut off below the mantissa.
    pub(crate) sticky: bool,
}

/// A binary floating point format with gradual underflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    /// Bits of the mantissa, the leading one included.
    pub(crate) mantissa_bits: u32,
    /// Exponent of the last bit of the smallest denormal.
    pub(crate) exponent_min: i32,
    /// Exponent of the last bit of the largest number.
    pub(crate) exponent_max: i32,
}

/// Result of rounding to a [`Format`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounded {
    /// `mantissa * 2^exponent`; zero has mantissa 0.
    Finite { mantissa: u64, exponent: i32 },
    /// Beyond the largest number.
    Overflow,
}

impl Binary {
    /// Rounds to nearest, ties to even, with denormals below the normal range.
    pub(crate) fn round(self, format: Format) -> Rounded {
        if self.mantissa == 0 {
            return Rounded::Finite { mantissa: 0, exponent: format.exponent_min };
        }
        let length = (u128::BITS - self.mantissa.leading_zeros()) as i32;
        let excess = length - format.mantissa_bits as i32;
        let exponent = (self.exponent + excess).max(format.exponent_min);
        let cut = exponent - self.exponent;
        let mut mantissa = shift_rounding(self.mantissa, self.sticky, cut);
        let mut exponent = exponent;
        if mantissa >> format.mantissa_bits != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
        if exponent > format.exponent_max {
            return Rounded::Overflow;
        }
        Rounded::Finite { mantissa: mantissa as u64, exponent }
    }
}

/// `mantissa >> cut` rounded to nearest, ties to even; a negative `cut` shifts left.
pub(crate) fn shift_rounding(mantissa: u128, sticky: bool, cut: i32) -> u128 {
    if cut <= 0 {
        return mantissa << -cut;
    }
    if cut > 128 {
        return 0;
    }
    let half = 1u128 << (cut - 1);
    let kept = if cut == 128 { 0 } else { mantissa >> cut };
    let lost = mantissa & (half | (half - 1));
    let up = lost > half || (lost == half && (sticky || kept & 1 == 1));
    kept + u128::from(up)
}

/// Reads the whole of `text`, or `None` when it is not a number to C.
pub(crate) fn parse(text: &[u8]) -> Option<FloatText<'_>> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let magnitude = match unsigned {
        [b'0', b'x' | b'X', digits @ ..] => Magnitude::Hex(parse_hex(digits)?),
        [b'0'..=b'9' | b'.', ..] => parse_decimal(unsigned)?,
        _ => parse_word(unsigned)?,
    };
    Some(FloatText { negative, magnitude })
}

fn parse_word(text: &[u8]) -> Option<Magnitude<'_>> {
    if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
        return Some(Magnitude::Infinity);
    }
    let (word, payload) = text.split_at_checked(3)?;
    let is_payload = match payload {
        [] => true,
        [b'(', chars @ .., b')'] => chars.iter().all(|&c| c.is_ascii_alphanumeric() || c == b'_'),
        _ => false,
    };
    (is_payload && word.eq_ignore_ascii_case(b"nan")).then_some(Magnitude::Nan)
}

fn parse_decimal(text: &[u8]) -> Option<Magnitude<'_>> {
    let (integer, rest) = split_digits(text, u8::is_ascii_digit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => split_digits(rest, u8::is_ascii_digit),
        rest => (&[][..], rest),
    };
    if integer.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = parse_exponent(rest, b'e')?;
    Some(Magnitude::Decimal { integer, fraction, exponent })
}

fn parse_hex(text: &[u8]) -> Option<Binary> {
    let (integer, rest) = split_digits(text, u8::is_ascii_hexdigit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => split_digits(rest, u8::is_ascii_hexdigit),
        rest => (&[][..], rest),
    };
    if integer.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = i64::from(parse_exponent(rest, b'p')?);
    let mut folded = Binary { mantissa: 0, exponent: 0, sticky: false };
    let mut dropped_digits = 0i64;
    for &digit in integer.iter().chain(fraction) {
        let value = (digit as char).to_digit(16)?;
        if folded.mantissa >> 120 == 0 {
            folded.mantissa = folded.mantissa << 4 | u128::from(value);
        } else {
            folded.sticky |= value != 0;
            dropped_digits += 1;
        }
    }
    let scale = exponent + 4 * (dropped_digits - fraction.len() as i64);
    folded.exponent = scale.clamp(-2 * EXPONENT_LIMIT, 2 * EXPONENT_LIMIT) as i32;
    Some(folded)
}

/// Splits off the leading digits.
fn split_digits(text: &[u8], is_digit: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|c| !is_digit(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// Nothing, or `marker` (in either case), a sign and at least one digit, up to the end.
fn parse_exponent(text: &[u8], marker: u8) -> Option<i32> {
    let [first, rest @ ..] = text else { return Some(0) };
    if first.to_ascii_lowercase() != marker {
        return None;
    }
    let (negative, digits) = match rest {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let clamped = |sum: i64, &c: &u8| (sum * 10 + i64::from(c - b'0')).min(EXPONENT_LIMIT);
    let size = digits.iter().fold(0, clamped) as i32;
    Some(if negative { -size } else { size })
}

/// Exponents beyond it are all the same: over every format's range for any text of sane length.
const EXPONENT_LIMIT: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &[u8]) -> Option<(&[u8], &[u8], i32)> {
        match parse(text)?.magnitude {
            Magnitude::Decimal { integer, fraction, exponent } => {
                Some((integer, fraction, exponent))
            }
            _ => None,
        }
    }

    #[test]
    fn decimal_parts() {
        assert_eq!(decimal(b"-12.50e-3"), Some((&b"12"[..], &b"50"[..], -3)));
        assert_eq!(decimal(b".5"), Some((&b""[..], &b"5"[..], 0)));
        assert_eq!(decimal(b"5."), Some((&b"5"[..], &b""[..], 0)));
        assert_eq!(decimal(b"1E+99999999999999999999"), Some((&b"1"[..], &b""[..], 1_000_000_000)));
        for bad in ["", ".", "-", "+-1", "1e", "1e+", "1e5x", "1_0", "0b1", " 1", "1 ", "1.2.3"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn words() {
        for word in ["inf", "-INF", "+Infinity"] {
            let magnitude = parse(word.as_bytes()).map(|float| float.magnitude);
            assert_eq!(magnitude, Some(Magnitude::Infinity));
        }
        for word in ["nan", "-NaN", "nan(a_1)", "nan()"] {
            assert_eq!(parse(word.as_bytes()).map(|float| float.magnitude), Some(Magnitude::Nan));
        }
        for bad in ["infinit", "in", "nan(", "nan)", "nan(-)", "nano"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn hex_folds_and_rounds() {
        let small = Format { mantissa_bits: 4, exponent_min: -8, exponent_max: 4 };
        let round = |text: &str| match parse(text.as_bytes()).map(|float| float.magnitude) {
            Some(Magnitude::Hex(binary)) => binary.round(small),
            other => panic!("{other:?}"),
        };
        let finite = |mantissa, exponent| Rounded::Finite { mantissa, exponent };
        assert_eq!(round("0x1"), finite(8, -3));
        assert_eq!(round("0x1f"), finite(8, 2));
        assert_eq!(round("0x11"), finite(8, 1));
        assert_eq!(round("0x13"), finite(10, 1));
        assert_eq!(round("0xf0"), finite(15, 4));
        assert_eq!(round("0xf8"), Rounded::Overflow);
        assert_eq!(round("0xf7.ffffffffffffffffffffffffffffffffffffffff"), finite(15, 4));
        assert_eq!(round("0x1p-9"), finite(0, -8));
        assert_eq!(round("0x1.0000000000000000000000000000000000001p-9"), finite(1, -8));
        assert_eq!(round("0x0p99999999999"), finite(0, -8));
        assert_eq!(round("0x1p-99999999999"), finite(0, -8));
        assert_eq!(round("0x1p99999999999"), Rounded::Overflow);
        for bad in ["0x", "0x.", "0x.p1", "0x1p", "0x1e+1", "0xg"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
