//! BITFIELD: integers of 1 to 64 bits at any bit offset.
//!
//! A field touches at most nine bytes, so they are read into 128 bits, changed there and written
//! back. Signed fields have up to 64 bits and unsigned ones up to 63, so that every value is an
//! `i64`. Overflow is decided as Redis decides it, including one case it gets wrong: SET of a
//! signed field to a value near the smallest `i64` saturates to the largest value, because the
//! distance to it does not fit 64 bits.

use crate::value::number::parse_i64;

/// A type of BITFIELD, such as `i16` or `u8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    signed: bool,
    width: u32,
}

/// What a value that does not fit becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// `WRAP`: its lower bits.
    #[default]
    Wrap,
    /// `SAT`: the nearest value that fits.
    Sat,
    /// `FAIL`: nothing, and the field stays.
    Fail,
}

impl Field {
    /// Reads `i1` to `i64` and `u1` to `u63`, in lower case and without leading zeros.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (kind, digits) = text.split_first()?;
        let (signed, width_max) = match kind {
            b'i' => (true, 64),
            b'u' => (false, 63),
            _ => return None,
        };
        let width = parse_i64(digits).filter(|width| (1..=width_max).contains(width))?;
        Some(Self { signed, width: width as u32 })
    }

    /// Bits of the field, 1 to 64.
    pub fn width(self) -> u32 {
        self.width
    }

    /// How many bytes a string must have for the field at `offset` to be within it.
    pub fn bytes_needed(self, offset: u64) -> u64 {
        (offset + u64::from(self.width)).div_ceil(8)
    }

    /// The value at a bit offset; bits past the end are 0.
    pub fn read(self, bytes: &[u8], offset: u64) -> i64 {
        let window = read_window(bytes, offset / 8);
        let aligned = (window << (56 + offset % 8)) as i128;
        let shift = 128 - self.width;
        if self.signed { (aligned >> shift) as i64 } else { (aligned as u128 >> shift) as i64 }
    }

    /// Stores the lower bits of `value`. The string must have [`Self::bytes_needed`]; what is
    /// past its end is lost.
    pub fn write(self, bytes: &mut [u8], offset: u64, value: i64) {
        debug_assert!(bytes.len() as u64 >= self.bytes_needed(offset));
        let shift = 72 - (offset % 8) as u32 - self.width;
        let mask = u128::from(u64::MAX >> (64 - self.width)) << shift;
        let window = read_window(bytes, offset / 8);
        let changed = window & !mask | u128::from(value as u64) << shift & mask;
        let [.., a, b, c, d, e, f, g, h, i] = changed.to_be_bytes();
        let first = usize::try_from(offset / 8).unwrap_or(usize::MAX);
        if let Some(target) = bytes.get_mut(first..) {
            let touched = [a, b, c, d, e, f, g, h, i];
            target.iter_mut().zip(touched).for_each(|(byte, new)| *byte = new);
        }
    }

    /// What SET stores for `value`; `None` when it does not fit and fails.
    pub fn fit(self, value: i64, overflow: Overflow) -> Option<i64> {
        self.add(value, 0, overflow)
    }

    /// What INCRBY stores for `value + increment`; `None` when it does not fit and fails.
    pub fn add(self, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        let limit = if self.signed {
            self.signed_limit(value, increment)
        } else {
            self.unsigned_limit(value as u64, increment)
        };
        match (limit, overflow) {
            (None, _) | (Some(_), Overflow::Wrap) => Some(self.wrap(value.wrapping_add(increment))),
            (Some(limit), Overflow::Sat) => Some(limit),
            (Some(_), Overflow::Fail) => None,
        }
    }

    /// The limit that the sum passes, if it does.
    fn signed_limit(self, value: i64, increment: i64) -> Option<i64> {
        let max = i64::MAX >> (64 - self.width);
        let min = -max - 1;
        // Wrapping is the case described above: `value` may be any `i64` when it comes from SET.
        let room_above = max.wrapping_sub(value);
        let room_below = min.wrapping_sub(value);
        let is_narrow = self.width < 64;
        if value > max || (increment > room_above && (is_narrow || (value >= 0 && increment > 0))) {
            return Some(max);
        }
        let is_below = increment < room_below && (is_narrow || (value < 0 && increment < 0));
        (value < min || is_below).then_some(min)
    }

    fn unsigned_limit(self, value: u64, increment: i64) -> Option<i64> {
        let max = (1u64 << self.width) - 1;
        match value.checked_add_signed(increment) {
            _ if value > max => Some(max as i64),
            Some(sum) => (sum > max).then_some(max as i64),
            None => Some(0),
        }
    }

    /// The lower bits, sign-extended if signed.
    fn wrap(self, value: i64) -> i64 {
        let shift = 64 - self.width;
        let aligned = value << shift;
        if self.signed { aligned >> shift } else { (aligned as u64 >> shift) as i64 }
    }
}

/// Reads a bit offset: an integer, or `#n` for the n-th field when `field` is given. It must be
/// at least 0 and begin within `bytes_max` (proto-max-bulk-len) bytes.
pub fn parse_bit_offset(text: &[u8], field: Option<Field>, bytes_max: u64) -> Option<u64> {
    let offset = match (text, field) {
        ([b'#', index @ ..], Some(field)) => {
            parse_i64(index)?.checked_mul(i64::from(field.width))?
        }
        _ => parse_i64(text)?,
    };
    u64::try_from(offset).ok().filter(|offset| offset / 8 < bytes_max)
}

/// Nine bytes from `first` on, the first of them highest, zeros past the end.
fn read_window(bytes: &[u8], first: u64) -> u128 {
    let rest = usize::try_from(first).ok().and_then(|first| bytes.get(first..)).unwrap_or_default();
    match rest {
        [a, b, c, d, e, f, g, h, i, ..] => {
            let word = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
            u128::from(word) << 8 | u128::from(*i)
        }
        _ => {
            let mut window = [0; 16];
            window.iter_mut().skip(7).zip(rest).for_each(|(byte, value)| *byte = *value);
            u128::from_be_bytes(window)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn field(text: &str) -> Field {
        Field::parse(text.as_bytes()).unwrap()
    }

    fn fields() -> impl Strategy<Value = Field> {
        (any::<bool>(), 1u32..=64)
            .prop_map(|(signed, width)| Field { signed, width: width.min(63 + u32::from(signed)) })
    }

    #[test]
    fn types() {
        assert_eq!(Field::parse(b"u63"), Some(Field { signed: false, width: 63 }));
        assert_eq!(Field::parse(b"i64"), Some(Field { signed: true, width: 64 }));
        for bad in ["", "i", "i0", "u0", "i65", "u64", "x8", "I8", "i08", "i-1", "i 8", "8"] {
            assert_eq!(Field::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn offsets() {
        let parse = |text: &str, field| parse_bit_offset(text.as_bytes(), field, 512 << 20);
        assert_eq!(parse("4294967295", None), Some(u64::from(u32::MAX)));
        assert_eq!(parse("#3", Some(field("u5"))), Some(15));
        for bad in ["4294967296", "-1", "", "x", "#", "#-1", "#9223372036854775807", "#x", "##1"] {
            assert_eq!(parse(bad, Some(field("i64"))), None, "{bad}");
        }
        assert_eq!(parse("#1", None), None);
    }

    /// SET of a signed byte to each value on a real server, by WRAP and by SAT.
    #[test]
    fn set_out_of_range() {
        let min = i64::MIN;
        for (value, wrapped, saturated) in [
            (min, 0, 127),
            (min + 127, 127, 127),
            (min + 128, -128, -128),
            (min + 129, -127, -128),
            (-129, 127, -128),
            (-128, -128, -128),
            (127, 127, 127),
            (128, -128, 127),
            (i64::MAX, -1, 127),
        ] {
            let byte = field("i8");
            assert_eq!(byte.fit(value, Overflow::Wrap), Some(wrapped), "{value}");
            assert_eq!(byte.fit(value, Overflow::Sat), Some(saturated), "{value}");
            let fits = (-128..=127).contains(&value).then_some(value);
            assert_eq!(byte.fit(value, Overflow::Fail), fits);
        }
        assert_eq!(field("u8").fit(-1, Overflow::Sat), Some(255));
        assert_eq!(field("u8").fit(-129, Overflow::Wrap), Some(127));
        assert_eq!(field("u63").fit(min, Overflow::Fail), None);
    }

    proptest! {
        #[test]
        fn reads_bit_by_bit(bytes: Vec<u8>, field in fields(), offset in 0u64..900) {
            let bit = |index| u64::from(crate::value::bitmap::bit(&bytes, offset + index));
            let bits = (0..u64::from(field.width)).fold(0u64, |sum, index| sum << 1 | bit(index));
            prop_assert_eq!(field.read(&bytes, offset), field.wrap(bits as i64));
        }

        #[test]
        fn writes_only_the_field(
            bytes in proptest::collection::vec(any::<u8>(), 9..40),
            field in fields(), offset in 0u64..200, value: i64,
        ) {
            prop_assume!(field.bytes_needed(offset) <= bytes.len() as u64);
            let mut changed = bytes.clone();
            field.write(&mut changed, offset, value);
            prop_assert_eq!(field.read(&changed, offset), field.wrap(value));
            field.write(&mut changed, offset, field.read(&bytes, offset));
            prop_assert_eq!(changed, bytes);
        }

        #[test]
        fn adds_exactly(field in fields(), value: i64, increment: i64, shift in 0u32..64) {
            let (value, increment) = (field.wrap(value), increment >> shift);
            let exact = i128::from(value) + i128::from(increment);
            let (min, max) = match (field.signed, field.width) {
                (true, width) => (-1i128 << (width - 1), (1i128 << (width - 1)) - 1),
                (false, width) => (0, (1i128 << width) - 1),
            };
            let saturated = exact.clamp(min, max) as i64;
            prop_assert_eq!(field.add(value, increment, Overflow::Sat), Some(saturated));
            let fitting = (min..=max).contains(&exact).then_some(exact as i64);
            prop_assert_eq!(field.add(value, increment, Overflow::Fail), fitting);
            prop_assert_eq!(field.add(value, increment, Overflow::Wrap),
                Some(field.wrap(exact as i64)));
        }
    }
}
