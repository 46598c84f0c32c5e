//! Small numbers as decimal text, without the machinery of formatting.
//!
//! Clients write some thousand of them a seed: lengths of words, numbers of keys.

/// Adds a number in decimal.
pub(crate) fn push_decimal(number: u64, out: &mut Vec<u8>) {
    if number >= 10 {
        push_decimal(number / 10, out);
    }
    out.push(b'0' + (number % 10) as u8);
}

/// A number in decimal, at the end of a buffer that is long enough for any.
pub(crate) fn decimal(number: i64, buffer: &mut [u8; 20]) -> &[u8] {
    let (mut at, mut left) = (buffer.len(), number.unsigned_abs());
    loop {
        at -= 1;
        buffer[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    &buffer[at..]
}

/// A name with a number behind it.
pub(crate) fn numbered(name: &str, number: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 8);
    out.extend_from_slice(name.as_bytes());
    push_decimal(number, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_formatting_does() {
        for number in [0, 7, 10, 99, 100, 12_345, u64::MAX] {
            assert_eq!(numbered("k:", number), format!("k:{number}").into_bytes());
        }
        for number in [0, -1, 10, -10, i64::MAX, i64::MIN] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }
}
