//! Doubles with 17 digits, as C's `printf("%.17g")` prints them and Redis before 7.2 all its
//! doubles: scores in replies, in ZSCAN of a large sorted set, and under DEBUG DIGEST.
//!
//! Seventeen digits tell any two doubles apart, and nobody has to ask whether fewer would: 0.1 is
//! `0.10000000000000001`. Rust's exact scientific form has the digits, correctly rounded, ties to
//! even as the C library does it; what is left is to place the point and to drop zeros. Most scores
//! are integers, which are printed as such.

use core::fmt::Write as _;

use super::DoubleText;

/// Formats as `%.17g`: `3`, `0.10000000000000001`, `1e+17`, `9.9999999999999995e-08`, `-inf`.
pub fn format_g17(value: f64) -> DoubleText {
    let mut text = DoubleText::EMPTY;
    let size = value.abs();
    if value.is_nan() {
        text.push_all(b"nan");
        return text;
    }
    if value.is_sign_negative() {
        text.push(b'-');
    }
    if size.is_infinite() {
        text.push_all(b"inf");
    } else if size < INTEGERS_END && (size as u64) as f64 == size {
        text.push_all(itoa::Buffer::new().format(size as u64).as_bytes());
    } else {
        text.push_seventeen(size);
    }
    text
}

/// Integers from here on have more than 17 digits.
const INTEGERS_END: f64 = 1e17;

impl DoubleText {
    fn push_seventeen(&mut self, size: f64) {
        let mut scientific = Self::EMPTY;
        // It fits: one digit, a point, sixteen digits, an exponent.
        let _ = write!(scientific, "{size:.16e}");
        let mut parts = scientific.split(|&byte| byte == b'e');
        let mut digits = [0; 17];
        let of_mantissa = parts.next().unwrap_or_default().iter().filter(|byte| **byte != b'.');
        digits.iter_mut().zip(of_mantissa).for_each(|(digit, &byte)| *digit = byte);
        let exponent = super::super::number::parse_i64(parts.next().unwrap_or_default());
        let exponent = exponent.unwrap_or_default() as i32;
        let len = digits.iter().rposition(|&digit| digit != b'0').map_or(1, |last| last + 1);
        let digits = digits.get(..len).unwrap_or_default();
        let point = exponent + 1;
        if !(-4..17).contains(&exponent) {
            self.push_two_digit_exponent(digits, exponent);
        } else if point >= len as i32 {
            self.push_all(digits);
            self.push_zeros(point - len as i32);
        } else {
            self.push_point(digits, point);
        }
    }

    fn push_two_digit_exponent(&mut self, digits: &[u8], exponent: i32) {
        if let [first, rest @ ..] = digits {
            self.push(*first);
            if !rest.is_empty() {
                self.push(b'.');
                self.push_all(rest);
            }
        }
        self.push_all(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            self.push(b'0');
        }
        self.push_all(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
    }
}

impl core::fmt::Write for DoubleText {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.push_all(text.as_bytes());
        Ok(())
    }
}
