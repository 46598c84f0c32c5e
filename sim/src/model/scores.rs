//! Scores: how they are read and written, and which order they give.

use super::call::until_nul;
use super::value::Scores;

/// Members from the first on, or from the last.
pub(super) fn in_order(scores: &Scores, is_reverse: bool) -> Vec<(Vec<u8>, f64)> {
    let mut items: Vec<_> = scores.iter().map(|(member, &score)| (member.clone(), score)).collect();
    // There are two zeros, which are equal.
    let score = |item: &(Vec<u8>, f64)| item.1 + 0.0;
    items.sort_by(|one, other| {
        score(one).total_cmp(&score(other)).then_with(|| one.0.cmp(&other.0))
    });
    if is_reverse {
        items.reverse();
    }
    items
}

/// Reads a score as `strtod` does, all of it and in range.
pub(super) fn parse(text: &[u8]) -> Option<f64> {
    let number = number(text)?;
    let lower = text.to_ascii_lowercase();
    let mantissa = lower.split(|&byte| byte == b'e').next().unwrap_or_default();
    let is_zero = !mantissa.iter().any(|byte| (b'1'..=b'9').contains(byte));
    let is_in_range = if number.is_infinite() {
        lower.windows(3).any(|three| three == b"inf")
    } else {
        number != 0.0 || is_zero
    };
    is_in_range.then_some(number)
}

/// Reads the bound of a range behind its parenthesis.
pub(super) fn parse_bound(text: &[u8]) -> Option<f64> {
    let text = until_nul(text);
    if text.is_empty() { Some(0.0) } else { number(text.trim_ascii_start()) }
}

fn number(text: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!number.is_nan()).then_some(number)
}

/// Whether text is how this number is written. Simple ones have one way to be; of others it is
/// asked that they are read back as what they were.
pub(super) fn is_written(score: f64, text: &[u8]) -> bool {
    // Of at most 15 digits, or 17 with those of a fraction.
    let is_integer = score.abs() < 1e15 && score.fract() == 0.0;
    // With more than six behind the point it is short only where few are in front of it.
    let (few, many) = ((score * 64.0).fract() == 0.0, (score * 1024.0).fract() == 0.0);
    let is_simple = is_integer || score.abs() < 1e7 && few || score.abs() < 1e3 && many;
    if is_simple || score.is_infinite() {
        return text == format!("{}", score + 0.0).as_bytes() || score == 0.0 && text == b"-0";
    }
    number(text) == Some(score) && text.len() < 25
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_and_written() {
        for (text, wanted) in [("1.5", 1.5), ("-inf", f64::NEG_INFINITY), ("+3", 3.0), ("0e9", 0.0)]
        {
            assert_eq!(parse(text.as_bytes()), Some(wanted), "{text}");
        }
        for text in ["", "nan", " 1", "1 ", "1e400", "1e-400", "1x", "x"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_bound(b" 1"), Some(1.0));
        assert_eq!(parse_bound(b""), Some(0.0));
        assert!(is_written(-0.125, b"-0.125") && !is_written(2.0, b"2.0"));
        assert!(is_written(f64::INFINITY, b"inf") && is_written(1e300, b"1e+300"));
    }
}
