//! Numbers as redis.conf writes them: integers with bounds, sizes with units, octal permissions.
//!
//! Redis reads each kind with another C function, and their strictness differs: a plain integer
//! must be written as it would be printed (no sign `+`, no leading zero, no spaces), a size is
//! digits and a unit, while the numbers inside `save` and a few others go through strtoll, which
//! takes leading spaces and a sign and reads nothing as zero. One difference is meant: where C
//! wraps around or saturates, a size that does not fit 64 bits is refused here.

use alloc::format;
use alloc::string::ToString as _;
use alloc::vec;
use alloc::vec::Vec;

use super::codec::{Codec, Line, Reason, one_word};
use super::limits::MemoryShare;
use crate::value::number::parse_i64;

/// The largest C `int`.
pub(super) const INT_MAX: i128 = i32::MAX as i128;
/// The smallest C `int`.
pub(super) const INT_MIN: i128 = i32::MIN as i128;
/// The largest C `unsigned int`.
pub(super) const UINT_MAX: i128 = u32::MAX as i128;
/// The largest C `long` and `long long`.
pub(super) const LONG_MAX: i128 = i64::MAX as i128;
/// The largest C `unsigned long long`.
pub(super) const ULONG_MAX: i128 = u64::MAX as i128;

/// A plain integer between two bounds, both included.
pub(super) struct Integer {
    /// Lower bound.
    pub(super) min: i128,
    /// Upper bound.
    pub(super) max: i128,
}

impl Codec for Integer {
    type Value = i128;

    fn parse(&self, words: &[&[u8]]) -> Result<i128, Reason> {
        let [word] = words else { return one_word(words).map(|_| 0) };
        let value = parse_i64(word)
            .ok_or_else(|| Reason::new("argument couldn't be parsed into an integer"))?;
        within(i128::from(value), self.min, self.max)
    }

    fn print(&self, value: &i128) -> Vec<u8> {
        value.to_string().into_bytes()
    }
}

/// A number that is taken in wide bounds but kept in narrow ones (`hz`).
pub(super) struct Clamped<C> {
    /// What may be written.
    pub(super) number: C,
    /// The least value kept.
    pub(super) low: i128,
    /// The greatest value kept.
    pub(super) high: i128,
}

impl<C: Codec<Value = i128>> Codec for Clamped<C> {
    type Value = i128;

    fn parse(&self, words: &[&[u8]]) -> Result<i128, Reason> {
        Ok(self.number.parse(words)?.clamp(self.low, self.high))
    }

    fn print(&self, value: &i128) -> Vec<u8> {
        self.number.print(value)
    }

    fn rewrite(&self, value: &i128, default: &i128) -> Vec<Line> {
        self.number.rewrite(value, default)
    }
}

/// A number of bytes between two bounds, both included; it may be written with a unit.
pub(super) struct Memory {
    /// Lower bound.
    pub(super) min: i128,
    /// Upper bound.
    pub(super) max: i128,
}

impl Codec for Memory {
    type Value = i128;

    fn parse(&self, words: &[&[u8]]) -> Result<i128, Reason> {
        let bytes = memory(one_word(words)?)
            .ok_or_else(|| Reason::new("argument must be a memory value"))?;
        within(i128::from(bytes), self.min, self.max)
    }

    fn print(&self, value: &i128) -> Vec<u8> {
        value.to_string().into_bytes()
    }

    fn rewrite(&self, value: &i128, default: &i128) -> Vec<Line> {
        vec![Line { arguments: with_unit(*value), force: value != default }]
    }
}

/// A number of bytes or a percentage.
pub(super) struct Share;

impl Codec for Share {
    type Value = MemoryShare;

    fn parse(&self, words: &[&[u8]]) -> Result<MemoryShare, Reason> {
        let word = one_word(words)?;
        let too_much = || Reason::new("percentage argument must be less or equal to 100");
        if let Some(bytes) = memory(word) {
            let fits = i64::try_from(bytes).is_ok();
            return if fits { Ok(MemoryShare::Bytes(bytes)) } else { Err(too_much()) };
        }
        let percent = word.strip_suffix(b"%").and_then(parse_i64).filter(|value| *value >= 0);
        match percent {
            Some(0) => Ok(MemoryShare::Bytes(0)),
            Some(value) => match u8::try_from(value) {
                Ok(percent @ ..=100) => Ok(MemoryShare::Percent(percent)),
                _ => Err(too_much()),
            },
            None => Err(Reason::new("argument must be a memory or percent value")),
        }
    }

    fn print(&self, value: &MemoryShare) -> Vec<u8> {
        match value {
            MemoryShare::Bytes(bytes) => bytes.to_string().into_bytes(),
            MemoryShare::Percent(percent) => format!("{percent}%").into_bytes(),
        }
    }

    fn rewrite(&self, value: &MemoryShare, default: &MemoryShare) -> Vec<Line> {
        let arguments = match value {
            MemoryShare::Bytes(bytes) => with_unit(i128::from(*bytes)),
            MemoryShare::Percent(_) => self.print(value),
        };
        vec![Line { arguments, force: value != default }]
    }
}

/// Permission bits in octal.
pub(super) struct Octal;

impl Codec for Octal {
    type Value = i128;

    fn parse(&self, words: &[&[u8]]) -> Result<i128, Reason> {
        let value = lenient_integer(one_word(words)?, 8)
            .ok_or_else(|| Reason::new("argument couldn't be parsed as an octal number"))?;
        if !(0..=0o777).contains(&value) {
            return Err(Reason::new("argument must be between 0 and 777 inclusive"));
        }
        Ok(i128::from(value))
    }

    fn print(&self, value: &i128) -> Vec<u8> {
        format!("{value:o}").into_bytes()
    }
}

/// An integer as C's strtoll takes it, if it takes the whole text: nothing at all is zero. `None`
/// too if it does not fit 64 bits.
pub(super) fn lenient_integer(text: &[u8], radix: u32) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r');
    let start = text.iter().position(|byte| !blank(byte))?;
    i64::from_str_radix(core::str::from_utf8(text.get(start..)?).ok()?, radix).ok()
}

/// A number of bytes: digits, then a unit in any case. `k` is 1000, `kb` is 1024, and so on.
pub fn memory(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let known = |(name, _): &&(&[u8], u64)| unit.eq_ignore_ascii_case(name);
    let (_, factor) = UNITS.iter().find(known)?;
    let number = number.iter().try_fold(0u64, |sum, digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit.checked_sub(b'0')?))
    })?;
    number.checked_mul(*factor)
}

/// A number of bytes with the largest unit that divides it, as CONFIG REWRITE writes it.
pub(super) fn with_unit(bytes: i128) -> Vec<u8> {
    let divides = |(_, factor): &&(&str, i128)| bytes != 0 && bytes % factor == 0;
    match [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)].iter().find(divides) {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor).into_bytes(),
        None => bytes.to_string().into_bytes(),
    }
}

fn within(value: i128, min: i128, max: i128) -> Result<i128, Reason> {
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    Err(Reason::new(format!("argument must be between {min} and {max} inclusive")))
}

const UNITS: [(&[u8], u64); 8] = [
    (b"", 1),
    (b"b", 1),
    (b"k", 1000),
    (b"kb", 1 << 10),
    (b"m", 1_000_000),
    (b"mb", 1 << 20),
    (b"g", 1_000_000_000),
    (b"gb", 1 << 30),
];
