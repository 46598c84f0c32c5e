//! Sums as an x87 computes and prints them.

use super::*;
use alloc::{format, string::String};
use proptest::prelude::*;

/// What INCRBYFLOAT says of two texts: the sum, `!` for not a float, `^` for NaN or infinity.
fn sum(left: &str, right: &str) -> String {
    let (left, right) = (LongDouble::parse(left.as_bytes()), LongDouble::parse(right.as_bytes()));
    let (Some(left), Some(right)) = (left, right) else { return "!".into() };
    left.checked_add(right)
        .map_or_else(|| "^".into(), |sum| String::from_utf8(sum.to_text()).unwrap())
}

/// `server_sums.txt` holds two operands and the answer of a real server on each line; `=` stands
/// for the empty text.
#[test]
fn equals_a_real_server() {
    let empty = |text| if text == "=" { "" } else { text };
    let mut lines = 0;
    for line in include_str!("server_sums.txt").lines() {
        let [left, right, expected] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        assert_eq!(sum(empty(left), empty(right)), expected, "{left} + {right}");
        lines += 1;
    }
    assert!(lines >= 200);
}

#[test]
fn surprising_sums() {
    assert_eq!(sum("10.5", "0.1"), "10.6");
    assert_eq!(sum("5.0e3", "2.0e2"), "5200");
    assert_eq!(sum("0.1", "0.2"), "0.3");
    assert_eq!(sum("3", "1.000000000000000005"), "4.00000000000000001");
    assert_eq!(sum("-1e-30", "0"), "0");
    assert_eq!(sum("18446744073709551615", "1"), "18446744073709551616");
    assert_eq!(sum("18446744073709551616", "1"), "18446744073709551616");
    assert_eq!(sum("18446744073709551616", "1.1"), "18446744073709551618");
    assert_eq!(sum("0.99999999999999999999999", "0"), "1");
    assert_eq!(sum("inf", "1"), "^");
    assert_eq!(sum("inf", "-inf"), "^");
    assert_eq!(sum("1e4932", "1e4932"), "^");
}

#[test]
fn text_length_is_limited() {
    assert_eq!(sum(&format!("{:0<5119}", "1."), "0"), "1");
    assert_eq!(sum(&format!("{:0<5120}", "1."), "0"), "!");
    assert_eq!(sum(&format!("0.{}1e5117", "0".repeat(5110)), "0"), "1000000");
}

#[test]
fn integers_and_infinities() {
    for value in [0, 1, -1, 12345, i64::MAX, i64::MIN] {
        let text = String::from_utf8(LongDouble::from_i64(value).to_text()).unwrap();
        assert_eq!(text.parse(), Ok(value));
        assert_eq!(LongDouble::parse(text.as_bytes()), Some(LongDouble::from_i64(value)));
    }
    let infinite = LongDouble::parse(b"-inf").unwrap();
    assert!(!infinite.is_finite());
    assert_eq!(infinite.to_text(), b"-inf");
    assert!(LongDouble::ZERO.is_finite());
}

proptest! {
    #[test]
    fn sums_of_small_decimals_are_exact(left in -4_000_000i64..4_000_000,
                                        right in -4_000_000i64..4_000_000) {
        let text = |value: i64| {
            let sign = if value < 0 { "-" } else { "" };
            let size = value.unsigned_abs();
            format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000)
        };
        let total = text(left + right);
        let trimmed = total.trim_end_matches('0').trim_end_matches('.');
        let expected = if trimmed == "-0" { "0" } else { trimmed };
        prop_assert_eq!(sum(&text(left), &text(right)), expected);
    }

    /// The two ways to read a decimal agree.
    #[test]
    fn small_equals_large(digits in "[1-9][0-9]{0,18}", scale in -18i32..=19) {
        let small = small_decimal(digits.as_bytes(), scale).unwrap();
        prop_assert_eq!(small.round(X87), large_decimal(digits.as_bytes(), scale).round(X87));
    }

    #[test]
    fn addition_commutes(left in "-?[0-9]{1,30}(\\.[0-9]{1,30})?(e-?[0-9]{1,3})?",
                         right in "-?[0-9]{1,30}(\\.[0-9]{1,30})?(e-?[0-9]{1,3})?") {
        prop_assert_eq!(sum(&left, &right), sum(&right, &left));
    }

    #[test]
    fn any_bytes_are_safe(text: Vec<u8>, exponent: i32) {
        LongDouble::parse(&text);
        let _ = sum(&format!("1e{exponent}"), &format!("0x1p{exponent}"));
    }
}
