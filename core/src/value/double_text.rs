//! Doubles as text, byte for byte as Redis 7.2 prints scores: in small sorted sets, logs and files.
//!
//! (Replies have the form of Redis before 7.2, see [`printf`].)
//!
//! Redis prints integers in range as integers and the rest with Grisu2 (Florian Loitsch,
//! "Printing floating-point numbers quickly and accurately with integers", PLDI 2010). Grisu2
//! always reads back as the same double, but once in a few hundred it is not the shortest text
//! or not the nearest one: 139900.467181 comes out as `1.3990046718100001e+5`. A correct
//! printer would therefore differ from Redis, so this is Grisu2 with the same table of powers and
//! the same choices; the tests hold it to texts taken from a real server.
//!
//! The idea: scale the number and the midpoints to its two neighbours by a cached power of ten so
//! that 64-bit integers suffice, then emit digits of the upper midpoint until what is left is
//! within the interval, and walk the last digit down towards the number itself.

use core::ops::Deref;

mod printf;

pub use printf::format_g17;

/// The text of a double, on the stack.
#[derive(Debug, Clone, Copy)]
pub struct DoubleText {
    bytes: [u8; Self::CAPACITY],
    len: u8,
}

/// Formats as Redis does: `inf`, `-inf`, `nan`, `-0`, `3`, `3.1`, `0.000001`, `1e-7`, `1e+20`.
///
/// Integers within +-2^62 are plain digits; others go scientific once seven zeros would be needed
/// or the fraction is long and the number neither near 1 nor short.
pub fn format_f64(value: f64) -> DoubleText {
    let mut text = DoubleText::EMPTY;
    if value.is_nan() {
        text.push_all(b"nan");
        return text;
    }
    if value.is_sign_negative() {
        text.push(b'-');
    }
    let size = value.abs();
    if size.is_infinite() {
        text.push_all(b"inf");
    } else if let Some(integer) = integer_of(size) {
        text.push_all(itoa::Buffer::new().format(integer).as_bytes());
    } else {
        text.push_decimal(&grisu2(size));
    }
    text
}

impl Deref for DoubleText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl DoubleText {
    /// The longest are like `-1.7976931348623157e+308`: 24 bytes.
    const CAPACITY: usize = 32;

    const EMPTY: Self = Self { bytes: [0; Self::CAPACITY], len: 0 };

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(usize::from(self.len)) {
            *slot = byte;
            self.len += 1;
        }
    }

    fn push_all(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.push(byte));
    }

    fn push_zeros(&mut self, count: i32) {
        (0..count).for_each(|_| self.push(b'0'));
    }

    fn push_decimal(&mut self, decimal: &Decimal) {
        let digits = decimal.digits();
        let count = digits.len() as i32;
        let exponent = decimal.exponent + count - 1;
        let size = exponent.abs();
        if decimal.exponent >= 0 && size < count + 7 {
            self.push_all(digits);
            self.push_zeros(decimal.exponent);
        } else if decimal.exponent < 0 && (decimal.exponent > -7 || size < 4) {
            self.push_point(digits, count + decimal.exponent);
        } else {
            self.push_scientific(digits, exponent);
        }
    }

    /// `point` is how many digits stand before the point; when none do, zeros fill up to it.
    fn push_point(&mut self, digits: &[u8], point: i32) {
        if point <= 0 {
            self.push_all(b"0.");
            self.push_zeros(-point);
            self.push_all(digits);
            return;
        }
        let (integer, fraction) = digits.split_at_checked(point as usize).unwrap_or((digits, &[]));
        self.push_all(integer);
        self.push(b'.');
        self.push_all(fraction);
    }

    fn push_scientific(&mut self, digits: &[u8], exponent: i32) {
        if let [first, rest @ ..] = digits {
            self.push(*first);
            if !rest.is_empty() {
                self.push(b'.');
                self.push_all(rest);
            }
        }
        self.push_all(if exponent < 0 { b"e-" } else { b"e+" });
        self.push_all(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
    }
}

/// The value as an integer when it is one and at most half of `i64::MAX`, as Redis checks it.
fn integer_of(size: f64) -> Option<u64> {
    let integer = size as u64;
    (size <= (i64::MAX / 2) as f64 && integer as f64 == size).then_some(integer)
}

/// `digits * 10^exponent`.
struct Decimal {
    digits: [u8; Self::CAPACITY],
    len: usize,
    exponent: i32,
}

impl Decimal {
    /// Grisu2 yields at most 17 digits.
    const CAPACITY: usize = 20;

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }

    /// Appends a digit; zeros before the first other digit do not count.
    fn push(&mut self, digit: u64) {
        if digit == 0 && self.len == 0 {
            return;
        }
        if let Some(slot) = self.digits.get_mut(self.len) {
            *slot = b'0' + digit as u8;
            self.len += 1;
        }
    }

    fn decrement_last(&mut self) {
        if let Some(last) = self.len.checked_sub(1).and_then(|index| self.digits.get_mut(index)) {
            *last -= 1;
        }
    }
}

/// `fraction * 2^exponent`.
#[derive(Clone, Copy)]
struct Scaled {
    fraction: u64,
    exponent: i32,
}

impl Scaled {
    /// Shifts the highest bit to the top.
    fn normalized(self) -> Self {
        let shift = self.fraction.leading_zeros();
        Self { fraction: self.fraction << shift, exponent: self.exponent - shift as i32 }
    }

    /// The upper half of the product, rounded half up.
    fn times(self, other: Self) -> Self {
        let product = u128::from(self.fraction) * u128::from(other.fraction) + (1 << 63);
        Self { fraction: (product >> 64) as u64, exponent: self.exponent + other.exponent + 64 }
    }
}

fn grisu2(size: f64) -> Decimal {
    let exact = unpack(size);
    let (lower, upper) = midpoints(exact);
    let (power, power_of_ten) = cached_power(upper.exponent);
    let scaled = exact.normalized().times(power);
    let mut lower = lower.times(power);
    let mut upper = upper.times(power);
    // The products may be off by one: the interval shrinks so that all of it is inside.
    lower.fraction += 1;
    upper.fraction -= 1;
    generate(scaled, lower, upper, -power_of_ten)
}

fn unpack(size: f64) -> Scaled {
    let bits = size.to_bits();
    let fraction = bits & (HIDDEN_BIT - 1);
    match (bits >> 52) as i32 {
        0 => Scaled { fraction, exponent: -1074 },
        biased => Scaled { fraction: fraction + HIDDEN_BIT, exponent: biased - 1075 },
    }
}

/// Halfway to the neighbour below and above, with the same exponent. Below a power of two the
/// neighbours are twice as dense.
fn midpoints(exact: Scaled) -> (Scaled, Scaled) {
    let upper =
        Scaled { fraction: (exact.fraction << 1) + 1, exponent: exact.exponent - 1 }.normalized();
    let shift = if exact.fraction == HIDDEN_BIT { 2 } else { 1 };
    let fraction = (exact.fraction << shift) - 1;
    let align = exact.exponent - shift - upper.exponent;
    (Scaled { fraction: fraction << align, exponent: upper.exponent }, upper)
}

/// A power of ten that brings a product with `2^exponent` to between 2^-60 and 2^-32 per unit.
/// Sometimes two would do; the search starts where Redis's starts, to pick the same one.
fn cached_power(exponent: i32) -> (Scaled, i32) {
    let estimate = (f64::from(-(exponent + POWERS.len() as i32)) * LOG10_OF_2) as i32;
    let mut index = (estimate - FIRST_POWER) / POWER_STEP;
    loop {
        let power_of_ten = FIRST_POWER + index * POWER_STEP;
        let power_exponent = ((power_of_ten * LOG2_OF_10_SHL_16) >> 16) - 63;
        let fraction = POWERS[index as usize];
        match exponent + power_exponent + 64 {
            ..-60 => index += 1,
            -31.. => index -= 1,
            _ => return (Scaled { fraction, exponent: power_exponent }, power_of_ten),
        }
    }
}

fn generate(exact: Scaled, lower: Scaled, upper: Scaled, exponent: i32) -> Decimal {
    let mut decimal = Decimal { digits: [0; Decimal::CAPACITY], len: 0, exponent };
    let distance = upper.fraction - exact.fraction;
    let mut interval = upper.fraction - lower.fraction;
    let shift = -upper.exponent;
    let one = 1u64 << shift;
    let mut integer = upper.fraction >> shift;
    let mut fraction = upper.fraction & (one - 1);
    for power in (0..10).rev() {
        let unit = 10u64.pow(power);
        decimal.push(integer / unit);
        integer %= unit;
        let rest = (integer << shift) + fraction;
        if rest <= interval {
            decimal.exponent += power as i32;
            approach(&mut decimal, interval, rest, unit << shift, distance);
            return decimal;
        }
    }
    let mut scale = 1u64;
    loop {
        fraction *= 10;
        interval = interval.wrapping_mul(10);
        scale = scale.wrapping_mul(10);
        decimal.exponent -= 1;
        decimal.push(fraction >> shift);
        fraction &= one - 1;
        if fraction < interval {
            approach(&mut decimal, interval, fraction, one, distance.wrapping_mul(scale));
            return decimal;
        }
    }
}

/// Lowers the last digit while that stays in the interval and comes closer to the number.
fn approach(decimal: &mut Decimal, interval: u64, mut rest: u64, unit: u64, distance: u64) {
    while rest < distance
        && interval - rest >= unit
        && (rest + unit < distance || distance - rest > rest + unit - distance)
    {
        decimal.decrement_last();
        rest += unit;
    }
}

const HIDDEN_BIT: u64 = 1 << 52;
const LOG10_OF_2: f64 = 0.30102999566398114;
/// log2(10) * 2^16: exact enough for the exponent of every power in the table.
const LOG2_OF_10_SHL_16: i32 = 217_706;
const FIRST_POWER: i32 = -348;
const POWER_STEP: i32 = 8;

/// 10^-348, 10^-340, ... 10^340 as 64-bit fractions with the top bit set, rounded to nearest.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea,
    0x9a6bb0aa55653b2d, 0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f,
    0xbe5691ef416bd60c, 0x8dd01fad907ffc3c, 0xd3515c2831559a83, 0x9d71ac8fada6c9b5,
    0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57, 0xc21094364dfb5637,
    0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
    0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996,
    0xdbac6c247d62a584, 0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8,
    0x87625f056c7c4a8b, 0xc9bcff6034c13053, 0x964e858c91ba2655, 0xdff9772470297ebd,
    0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf, 0x8a08f0f8bf0f156b,
    0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
    0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c,
    0x9c40000000000000, 0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984,
    0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70, 0xd5d238a4abe98068, 0x9f4f2726179a2245,
    0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db, 0xc45d1df942711d9a,
    0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
    0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3,
    0xde469fbd99a05fe3, 0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece,
    0x88fcf317f22241e2, 0xcc20ce9bd35c78a5, 0x98165af37b2153df, 0xe2a0b5dc971f303a,
    0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410, 0x8bab8eefb6409c1a,
    0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
    0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841,
    0x9e19db92b4e31ba9, 0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
];

#[cfg(test)]
mod tests;
