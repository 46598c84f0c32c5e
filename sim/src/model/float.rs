//! The numbers of INCRBYFLOAT, as far as the model follows.
//!
//! Redis adds in the long double of x86: 64 bits of mantissa. A model that shared no code and did
//! all of it would be as long as what it checks, so this one knows multiples of 1/1024 only, which
//! are exact but for very large ones, and says so when it meets another. The workload of oracle
//! runs makes few others.

/// A number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Float {
    /// So many 1/1024.
    Simple(i128),
    Infinite,
    /// Some number, perhaps.
    Unknown,
}

/// Digits after the point of 1/1024.
const PLACES: usize = 10;

impl Float {
    /// Reads text as `strtold` does; none when it is no number.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (is_negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let lower = String::from_utf8(digits.to_ascii_lowercase()).ok()?;
        if lower == "inf" || lower == "infinity" {
            return Some(Self::Infinite);
        }
        let plain = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
        let (whole, fraction) = lower[..plain].split_once('.').unwrap_or((&lower[..plain], ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        match lower.as_bytes().get(plain) {
            Some(b'x') if &lower[..plain] == "0" => return Some(Self::Unknown),
            Some(b'e') if lower.parse::<f64>().is_ok() => return Some(Self::Unknown),
            Some(_) => return None,
            None => {}
        }
        let units = units(whole, fraction);
        let signed = |units: i128| if is_negative { -units } else { units };
        Some(units.map_or(Self::Unknown, |units| Self::Simple(signed(units))))
    }

    /// The text of so many 1/1024.
    pub(super) fn text(units: i128) -> Vec<u8> {
        let units = rounded(units);
        let magnitude = units.unsigned_abs();
        let fraction = (magnitude % 1024) * 9_765_625;
        let text = format!("{}.{fraction:0PLACES$}", magnitude / 1024);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        let sign = if units < 0 { "-" } else { "" };
        format!("{sign}{text}").into_bytes()
    }
}

/// So many 1/1024, if it is a multiple of it and not too large.
fn units(whole: &str, fraction: &str) -> Option<i128> {
    let fraction = fraction.trim_end_matches('0');
    let is_short = whole.len() <= 34 && fraction.len() <= PLACES;
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: i128 = format!("0{fraction:0<PLACES$}").parse().ok()?;
    let is_multiple = fraction % 9_765_625 == 0;
    (is_short && is_multiple).then(|| rounded(whole * 1024 + fraction / 9_765_625))
}

/// The nearest number with 64 bits of mantissa, the even one of two.
fn rounded(units: i128) -> i128 {
    let magnitude = units.unsigned_abs();
    let surplus = (128 - magnitude.leading_zeros()).saturating_sub(64);
    let (kept, rest) = (magnitude >> surplus, magnitude & ((1 << surplus) - 1));
    let half = (1_u128 << surplus) / 2;
    let is_up = surplus > 0 && (rest > half || (rest == half && kept % 2 == 1));
    let rounded = ((kept + u128::from(is_up)) << surplus) as i128;
    if units < 0 { -rounded } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_numbers_are_read_and_written() {
        for (text, wanted) in
            [("3", "3"), ("-1.5", "-1.5"), ("+.25", "0.25"), ("10.50", "10.5"), ("-0", "0")]
        {
            let Some(Float::Simple(units)) = Float::parse(text.as_bytes()) else {
                panic!("{text} is simple")
            };
            assert_eq!(Float::text(units), wanted.as_bytes(), "{text}");
        }
        let large = Float::parse(b"9223372036854775807");
        assert_eq!(large, Some(Float::Simple(i128::from(i64::MAX) * 1024)));
        // 64 bits of mantissa hold this number, or its half, and not both.
        let sum = i128::from(i64::MAX) * 1024 + 512;
        assert_eq!(Float::text(sum), b"9223372036854775807.5");
        assert_eq!(Float::text(sum + 768), b"9223372036854775808");
    }

    #[test]
    fn others_are_told_apart() {
        for text in ["1e5", "0x10", "0.1", "1e-3", "1234567890123456789012345678901234567890"] {
            assert_eq!(Float::parse(text.as_bytes()), Some(Float::Unknown), "{text}");
        }
        assert_eq!(Float::parse(b"-Inf"), Some(Float::Infinite));
        for text in ["", "-", ".", "abc", "1.2.3", "1 ", " 1", "nan", "12ab", "--1", "1e", "1.5x"] {
            assert_eq!(Float::parse(text.as_bytes()), None, "{text}");
        }
    }
}
