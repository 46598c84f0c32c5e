//! Strings as bitmaps: BITCOUNT, BITPOS, BITOP and BITFIELD over bytes.
//!
//! Bit 0 is the highest bit of the first byte. All of it runs a word or a block at a time: these
//! commands are used on megabytes, and at gigabytes a second the server hardly notices. Ranges
//! follow Redis, where an end that is still negative after adding the length means the first unit,
//! so that `BITCOUNT k 0 -100` counts one byte rather than none.

mod field;
mod operation;

use core::ops::Range;

pub use field::{Field, Overflow, parse_bit_offset};
pub use operation::{BitOp, bitop};

/// What the start and end of BITCOUNT and BITPOS count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `BYTE`, the default.
    Byte,
    /// `BIT`.
    Bit,
}

/// The bit at an offset; 0 past the end.
pub fn bit(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / 8).ok().and_then(|index| bytes.get(index));
    byte.is_some_and(|byte| byte << (offset % 8) & 0x80 != 0)
}

/// The bits set in all of the bytes.
pub fn count_ones(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
    let whole: u64 = blocks.iter().map(count_block).sum();
    whole + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// BITCOUNT with a range: the bits set from `start` to `end`, both included.
pub fn bitcount(bytes: &[u8], start: i64, end: i64, unit: Unit) -> u64 {
    // Only BITCOUNT looks before the negative offsets are resolved.
    if start < 0 && end < 0 && start > end {
        return 0;
    }
    let Some(Range { start, end }) = bit_range(bytes.len(), start, end, unit) else { return 0 };
    let (first, last) = ((start / 8) as usize, (end.div_ceil(8)) as usize);
    let mut count = count_ones(bytes.get(first..last).unwrap_or_default());
    if let Some(byte) = bytes.get(first) {
        count -= u64::from((byte & !(0xff >> (start % 8))).count_ones());
    }
    if let (Some(byte), true) = (bytes.get(last - 1), end % 8 != 0) {
        count -= u64::from((byte & 0xff >> (end % 8)).count_ones());
    }
    count
}

/// BITPOS on an existing string: the first bit equal to `bit` from `start` (0 when not given).
///
/// Without an end the string counts as followed by zeros, so looking for a 0 in ones finds the
/// first bit after it. `None` is Redis's -1. A missing key is the caller's (0 for a 0, else -1).
pub fn bitpos(bytes: &[u8], bit: bool, start: i64, end: Option<i64>, unit: Unit) -> Option<u64> {
    let range = bit_range(bytes.len(), start, end.unwrap_or(-1), unit)?;
    let found = first_bit(bytes, bit, &range);
    let past_end = (!bit && end.is_none()).then_some(range.end);
    found.or(past_end)
}

/// The bits that a range of bytes or bits covers, or `None` if it is empty.
pub fn bit_range(byte_count: usize, start: i64, end: i64, unit: Unit) -> Option<Range<u64>> {
    let bits_per_unit = if unit == Unit::Byte { 8 } else { 1 };
    let units = i64::try_from(byte_count).ok()?.checked_mul(8)? / bits_per_unit;
    let resolve = |offset: i64| if offset < 0 { (offset + units).max(0) } else { offset };
    let (start, end) = (resolve(start), resolve(end).min(units - 1));
    (start <= end).then(|| (start * bits_per_unit) as u64..((end + 1) * bits_per_unit) as u64)
}

/// `range` is not empty and within the bytes.
fn first_bit(bytes: &[u8], bit: bool, range: &Range<u64>) -> Option<u64> {
    let unwanted = if bit { 0 } else { 0xff };
    let first = (range.start / 8) as usize;
    let head = (bytes.get(first)? ^ unwanted) & (0xff >> (range.start % 8));
    let index = if head != 0 {
        first
    } else {
        let rest = bytes.get(first + 1..range.end.div_ceil(8) as usize)?;
        first + 1 + first_other(rest, unwanted)?
    };
    let wanted = if index == first { head } else { bytes.get(index)? ^ unwanted };
    let position = index as u64 * 8 + u64::from(wanted.leading_zeros());
    range.contains(&position).then_some(position)
}

/// Index of the first byte that is not `byte`, which is 0x00 or 0xff.
fn first_other(bytes: &[u8], byte: u8) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<32>();
    let skipped = words.iter().take_while(|word| **word == [byte; 32]).count() * 32;
    let rest = bytes.get(skipped..)?;
    rest.iter().position(|&other| other != byte).map(|index| skipped + index)
}

/// Counts a block with carry-save adders (Harley and Seal): sixteen words are added bit by bit, so
/// that only every sixteenth partial sum needs a population count.
fn count_block(block: &[u8; BLOCK_BYTES]) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    let (groups, _) = words.as_chunks::<16>();
    let [mut ones, mut twos, mut fours, mut eights] = [0u64; 4];
    let mut sixteens_count = 0;
    for group in groups {
        let word = |index: usize| u64::from_le_bytes(group[index]);
        let mut pairs = [0; 8];
        for (index, carry) in pairs.iter_mut().enumerate() {
            (*carry, ones) = carry_save(ones, word(2 * index), word(2 * index + 1));
        }
        let mut quads = [0; 4];
        for (index, carry) in quads.iter_mut().enumerate() {
            (*carry, twos) = carry_save(twos, pairs[2 * index], pairs[2 * index + 1]);
        }
        let (low, high);
        (low, fours) = carry_save(fours, quads[0], quads[1]);
        (high, fours) = carry_save(fours, quads[2], quads[3]);
        let sixteens;
        (sixteens, eights) = carry_save(eights, low, high);
        sixteens_count += u64::from(sixteens.count_ones());
    }
    let weight = |sum: u64, weight: u64| u64::from(sum.count_ones()) * weight;
    16 * sixteens_count + weight(eights, 8) + weight(fours, 4) + weight(twos, 2) + weight(ones, 1)
}

/// Carry and sum of three bits in each of 64 places.
fn carry_save(a: u64, b: u64, c: u64) -> (u64, u64) {
    let half = a ^ b;
    (a & b | half & c, half ^ c)
}

/// A block of [`count_ones`]: large enough that the adders' rest does not matter.
const BLOCK_BYTES: usize = 1024;

#[cfg(test)]
mod tests;
