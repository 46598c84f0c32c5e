//! Dense registers: six bits each, the first one in the lowest bits of the first byte.
//!
//! Eight registers are six bytes exactly. Whoever walks over all of them takes a block at a time:
//! each six bytes as a number, whose halves, quarters and eighths move apart by shifts. Each step
//! is a loop over the whole block, so that the compiler makes vectors of it.

use super::REGISTERS;

/// Bytes that the registers take.
pub(super) const BYTES: usize = REGISTERS / 8 * 6;

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

/// Registers of a block, the bytes that they take, and the words that these are.
pub(super) const BLOCK: usize = 8 * WORDS;
const BLOCK_BYTES: usize = 6 * WORDS;
const WORDS: usize = 32;

/// The values of all registers, a block at a time.
#[inline]
pub(super) fn blocks(bytes: &[u8]) -> impl Iterator<Item = [u8; BLOCK]> {
    bytes.as_chunks::<BLOCK_BYTES>().0.iter().map(unpacked)
}

fn unpacked(bytes: &[u8; BLOCK_BYTES]) -> [u8; BLOCK] {
    let mut words = [0; WORDS];
    for (word, &[a, b, c, d, e, f]) in words.iter_mut().zip(bytes.as_chunks().0) {
        let (low, high) = (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f]));
        *word = u64::from(low) | u64::from(high) << 32;
    }
    for word in &mut words {
        let x = *word;
        let x = x & 0x00ff_ffff | (x & 0xffff_ff00_0000) << 8;
        let x = x & 0x0fff_0000_0fff | (x & 0x00ff_f000_00ff_f000) << 4;
        *word = x & 0x003f_003f_003f_003f | (x & 0x0fc0_0fc0_0fc0_0fc0) << 2;
    }
    let mut values = [0; BLOCK];
    for (eight, word) in values.as_chunks_mut().0.iter_mut().zip(words) {
        *eight = word.to_le_bytes();
    }
    values
}

/// Writes all registers.
pub(super) fn pack(registers: &[u8; REGISTERS], bytes: &mut [u8]) {
    let blocks = registers.as_chunks::<BLOCK>().0;
    let out = bytes.as_chunks_mut::<BLOCK_BYTES>().0;
    out.iter_mut().zip(blocks).for_each(|(out, values)| pack_block(values, out));
}

fn pack_block(values: &[u8; BLOCK], bytes: &mut [u8; BLOCK_BYTES]) {
    let mut words = [0; WORDS];
    for (word, eight) in words.iter_mut().zip(values.as_chunks().0) {
        *word = u64::from_le_bytes(*eight);
    }
    for word in &mut words {
        let x = *word;
        let x = x & 0x003f_003f_003f_003f | (x & 0x3f00_3f00_3f00_3f00) >> 2;
        let x = x & 0x0fff_0000_0fff | (x & 0x0fff_0000_0fff_0000) >> 4;
        *word = x & 0x00ff_ffff | (x & 0x00ff_ffff_0000_0000) >> 8;
    }
    for (six, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
        let [a, b, c, d, e, f, ..] = word.to_le_bytes();
        *six = [a, b, c, d, e, f];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn blocks_are_registers_one_by_one(
            values in prop::collection::vec(any::<u8>(), BLOCK),
            bytes in prop::collection::vec(any::<u8>(), BLOCK_BYTES),
        ) {
            let mut one_by_one = [0; BLOCK_BYTES];
            for (index, &value) in values.iter().enumerate() {
                set(&mut one_by_one, index, value);
            }
            let values: [u8; BLOCK] = values.try_into().expect("a block");
            let mut block = [0; BLOCK_BYTES];
            pack_block(&values, &mut block);
            prop_assert_eq!(block, one_by_one);
            prop_assert_eq!(unpacked(&block), values.map(|value| value & MASK));
            let read: Vec<u8> = (0..BLOCK).map(|index| value(&bytes, index)).collect();
            let bytes: [u8; BLOCK_BYTES] = bytes.try_into().expect("a block");
            prop_assert_eq!(unpacked(&bytes).to_vec(), read);
        }
    }
}
