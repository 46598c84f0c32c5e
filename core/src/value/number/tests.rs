//! What is a number for Redis and what is not.

use super::*;
use alloc::{string::ToString, vec::Vec};
use proptest::prelude::*;

/// What strictness means: the value prints as the same bytes.
fn naive_i64(text: &[u8]) -> Option<i64> {
    let value: i64 = core::str::from_utf8(text).ok()?.parse().ok()?;
    (value.to_string().as_bytes() == text).then_some(value)
}

#[test]
fn i64_is_canonical_only() {
    for good in ["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "12345678"] {
        assert_eq!(parse_i64(good.as_bytes()), good.parse().ok(), "{good}");
    }
    for bad in [
        "",
        "-",
        "-0",
        "+1",
        "00",
        "01",
        "-01",
        " 1",
        "1 ",
        "1\0",
        "1a",
        "a1",
        "0x1",
        "1.0",
        "1e3",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
        "1234567a1",
        "18446744073709551616",
        "1234567:",
        "12345/78",
        "--1",
    ] {
        assert_eq!(parse_i64(bad.as_bytes()), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn i64_reads_what_it_prints(value: i64, digits in 0u32..19) {
        let value = value / 10i64.pow(digits);
        prop_assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
    }

    #[test]
    fn i64_equals_the_naive_reader(text in "[-+ 0-9]?[0-9]{0,21}[0-9:/ax]?") {
        prop_assert_eq!(parse_i64(text.as_bytes()), naive_i64(text.as_bytes()));
    }

    #[test]
    fn any_bytes_are_safe(text: Vec<u8>) {
        prop_assert_eq!(parse_i64(&text), naive_i64(&text));
        parse_u64(&text);
        parse_cursor(&text);
        parse_f64(&text);
        parse_score_bound(&text);
    }

    #[test]
    fn f64_reads_its_own_text(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(!value.is_nan());
        prop_assert_eq!(parse_f64(&format_f64(value)).map(f64::to_bits), Some(bits));
    }

    #[test]
    fn f64_reads_hex_exactly(mantissa in 0u64..1 << 53, exponent in -1074i32..971) {
        let text = alloc::format!("-0x{mantissa:x}p{exponent}");
        let half = f64::powi(2.0, exponent / 2);
        let expected = -(mantissa as f64) * half * f64::powi(2.0, exponent - exponent / 2);
        prop_assert_eq!(parse_f64(text.as_bytes()), Some(expected));
    }
}

/// Results of XADD with these texts as a sequence part, on a real server.
#[test]
fn u64_is_as_lax_as_stream_ids() {
    for (text, expected) in [
        (&b"0"[..], Some(0)),
        (b"00", Some(0)),
        (b"007", Some(7)),
        (b"+5", Some(5)),
        (b" 5", Some(5)),
        (b"\t5", Some(5)),
        (b"5\0x", Some(5)),
        (b"-0", Some(0)),
        (b"-00", Some(0)),
        (b"-05", Some(u64::MAX - 4)),
        (b"-018446744073709551615", Some(1)),
        (b"18446744073709551615", Some(u64::MAX)),
        (b"18446744073709551616", None),
        (b"-018446744073709551616", None),
        (b"-1", None),
        (b"5 ", None),
        (b"", None),
        (b"\0", None),
        (b"-", None),
        (b"+", None),
        (b"+-5", None),
        (b"- 5", None),
        (b"0x5", None),
        (b"x", None),
    ] {
        assert_eq!(parse_u64(text), expected, "{}", text.escape_ascii());
    }
}

/// Results of SCAN with these cursors on a real server.
#[test]
fn cursor_is_as_lax_as_scan() {
    for (text, expected) in [
        (&b"0"[..], Some(0)),
        (b"00", Some(0)),
        (b"+5", Some(5)),
        (b"", Some(0)),
        (b"\0", Some(0)),
        (b"-1", Some(u64::MAX)),
        (b"-0", Some(0)),
        (b"5\0x", Some(5)),
        (b"18446744073709551615", Some(u64::MAX)),
        (b"-18446744073709551615", Some(1)),
        (b"18446744073709551616", None),
        (b"-18446744073709551616", None),
        (b" 5", None),
        (b"\t5", None),
        (b"5 ", None),
        (b"x", None),
        (b"-", None),
        (b"+", None),
        (b"0x5", None),
    ] {
        assert_eq!(parse_cursor(text), expected, "{}", text.escape_ascii());
    }
}

/// Results of ZADD and ZRANGEBYSCORE with these texts on a real server.
#[test]
fn f64_is_strtod_with_checks() {
    let infinity = f64::INFINITY;
    for (text, score, bound) in [
        (&b"inf"[..], Some(infinity), Some(infinity)),
        (b"+inf", Some(infinity), Some(infinity)),
        (b"-Infinity", Some(-infinity), Some(-infinity)),
        (b"nan", None, None),
        (b"nan(1)", None, None),
        (b"0x10", Some(16.0), Some(16.0)),
        (b"0X1P-2", Some(0.25), Some(0.25)),
        (b"0x.8", Some(0.5), Some(0.5)),
        (b"0x1.00000000000008p0", Some(1.0), Some(1.0)),
        (b"0x1.000000000000080001p0", Some(1.0 + f64::EPSILON), Some(1.0 + f64::EPSILON)),
        (b"0x1.fffffffffffff8p1023", None, Some(infinity)),
        (b"0x1p-1075", None, Some(0.0)),
        (b"0x1.8p-1075", Some(5e-324), Some(5e-324)),
        (b"0x0p99999", Some(0.0), Some(0.0)),
        (b"0x", None, None),
        (b"1e400", None, Some(infinity)),
        (b"-1e400", None, Some(-infinity)),
        (b"1e99999999999999999999", None, Some(infinity)),
        (b"1e-400", None, Some(0.0)),
        (b"0e999999", Some(0.0), Some(0.0)),
        (b"2.4703282292062327e-324", None, Some(0.0)),
        (b"2.4703282292062328e-324", Some(5e-324), Some(5e-324)),
        (b"1.7976931348623157e308", Some(f64::MAX), Some(f64::MAX)),
        (b"1.7976931348623159e308", None, Some(infinity)),
        (b".5", Some(0.5), Some(0.5)),
        (b"5.", Some(5.0), Some(5.0)),
        (b" 1", None, Some(1.0)),
        (b"\t1", None, Some(1.0)),
        (b"1 ", None, None),
        (b" ", None, None),
        (b"1\0", None, Some(1.0)),
        (b"", None, Some(0.0)),
        (b"\0", None, Some(0.0)),
        (b".", None, None),
        (b"1_0", None, None),
        (b"1d5", None, None),
    ] {
        assert_eq!(parse_f64(text), score, "{}", text.escape_ascii());
        assert_eq!(parse_score_bound(text), bound, "{}", text.escape_ascii());
    }
    assert!(parse_f64(b"-0").unwrap().is_sign_negative());
}

#[test]
fn weights_are_plain_strtod_within_range() {
    let texts: [(&[u8], Option<f64>); 9] = [
        (b"", Some(0.0)),
        (b"\0x", Some(0.0)),
        (b" 1\0x", Some(1.0)),
        (b"\t-.5", Some(-0.5)),
        (b"0x10", Some(16.0)),
        (b"inf", Some(f64::INFINITY)),
        (b"1e400", None),
        (b"1 ", None),
        (b"nan", None),
    ];
    for (text, weight) in texts {
        assert_eq!(parse_weight(text), weight, "{}", text.escape_ascii());
    }
}
