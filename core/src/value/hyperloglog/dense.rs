//! Dense registers: six bits each, the first one in the lowest bits of the first byte.
//!
//! Four registers are three bytes exactly, so whoever walks over all of them takes them by fours
//! and shifts by constants. A single one may lie across two bytes.

use super::REGISTERS;

/// Bytes that the registers take.
pub(super) const BYTES: usize = REGISTERS / 4 * 3;

const MASK: u8 = 0x3f;

/// The value of one register; 0 past the end.
#[inline]
pub(super) fn value(bytes: &[u8], index: usize) -> u8 {
    let (at, shift) = place(index);
    (two_bytes(bytes, at) >> shift) as u8 & MASK
}

/// Sets the value of one register.
#[inline]
pub(super) fn set(bytes: &mut [u8], index: usize, value: u8) {
    let (at, shift) = place(index);
    let kept = two_bytes(bytes, at) & !(u16::from(MASK) << shift);
    let both = (kept | u16::from(value & MASK) << shift).to_le_bytes();
    bytes.iter_mut().skip(at).zip(both).for_each(|(byte, new)| *byte = new);
}

/// The byte with the lowest bit of a register, and which bit of it that is.
#[inline]
fn place(index: usize) -> (usize, usize) {
    (index * 6 / 8, index * 6 % 8)
}

/// Two bytes as a number; zeros for those past the end.
#[inline]
fn two_bytes(bytes: &[u8], at: usize) -> u16 {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
    u16::from_le_bytes([byte(at), byte(at + 1)])
}

/// Calls `each` with the values of every four registers.
#[inline]
pub(super) fn each_four(bytes: &[u8], mut each: impl FnMut([u8; 4])) {
    for &[a, b, c] in bytes.as_chunks::<3>().0 {
        let values = [a, a >> 6 | b << 2, b >> 4 | c << 4, c >> 2];
        each(values.map(|value| value & MASK));
    }
}

/// Writes all registers.
pub(super) fn pack(registers: &[u8; REGISTERS], bytes: &mut [u8]) {
    let fours = registers.as_chunks::<4>().0;
    for (out, four) in bytes.as_chunks_mut::<3>().0.iter_mut().zip(fours) {
        let [a, b, c, d] = four.map(|value| value & MASK);
        *out = [a | b << 6, b >> 2 | c << 4, c >> 4 | d << 2];
    }
}
