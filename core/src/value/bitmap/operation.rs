//! BITOP: strings combined bit by bit.
//!
//! Shorter strings count as padded with zeros to the longest, and so is the result. The result is
//! made a block at a time with every source applied to a block while it is in the cache; the
//! loops are plain byte loops over equal lengths, which the compiler turns into vector code.

use alloc::{vec, vec::Vec};

/// An operation of BITOP. The last four came with Redis 8.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitOp {
    /// Set in all sources.
    And,
    /// Set in some source.
    Or,
    /// Set in an odd number of sources.
    Xor,
    /// Not set in the only source.
    Not,
    /// Set in the first source and in no other.
    Diff,
    /// Set in some source but not in the first.
    Diff1,
    /// Set in the first source and in some other.
    AndOr,
    /// Set in exactly one source.
    One,
}

/// Combines the sources into a string as long as the longest. Missing keys are empty sources;
/// how many sources an operation takes is the caller's check. No sources give no bytes.
pub fn bitop(operation: BitOp, sources: &[&[u8]]) -> Vec<u8> {
    let length = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut result = vec![0; length];
    let Some((first, others)) = sources.split_first() else { return result };
    for (index, target) in result.chunks_mut(BLOCK_BYTES).enumerate() {
        let range = index * BLOCK_BYTES..index * BLOCK_BYTES + target.len();
        let cut = |source: &&[u8]| {
            let (start, end) = (range.start.min(source.len()), range.end.min(source.len()));
            (start, end)
        };
        let (start, end) = cut(first);
        let first = first.get(start..end).unwrap_or_default();
        let others = others.iter().map(|source| {
            let (start, end) = cut(source);
            source.get(start..end).unwrap_or_default()
        });
        combine_block(operation, target, first, others);
    }
    result
}

/// `target` is zero and at least as long as any of the sources.
fn combine_block<'a>(
    operation: BitOp,
    target: &mut [u8],
    first: &[u8],
    others: impl Iterator<Item = &'a [u8]>,
) {
    match operation {
        BitOp::And => {
            apply(target, first, |_, bits| bits);
            others.for_each(|other| and(target, other));
        }
        BitOp::Or => {
            apply(target, first, |_, bits| bits);
            others.for_each(|other| apply(target, other, |sum, bits| sum | bits));
        }
        BitOp::Xor => {
            apply(target, first, |_, bits| bits);
            others.for_each(|other| apply(target, other, |sum, bits| sum ^ bits));
        }
        BitOp::Not => {
            target.fill(0xff);
            apply(target, first, |_, bits| !bits);
        }
        BitOp::Diff => {
            apply(target, first, |_, bits| bits);
            others.for_each(|other| apply(target, other, |sum, bits| sum & !bits));
        }
        BitOp::Diff1 => {
            others.for_each(|other| apply(target, other, |sum, bits| sum | bits));
            apply(target, first, |sum, bits| sum & !bits);
        }
        BitOp::AndOr => {
            others.for_each(|other| apply(target, other, |sum, bits| sum | bits));
            and(target, first);
        }
        BitOp::One => {
            let mut several = [0; BLOCK_BYTES];
            apply(target, first, |_, bits| bits);
            for other in others {
                apply_two(&mut several, target, other);
                apply(target, other, |sum, bits| sum | bits);
            }
            apply(target, &several, |sum, bits| sum & !bits);
        }
    }
}

/// Changes each byte of the target that the source has a byte for.
fn apply(target: &mut [u8], source: &[u8], combine: impl Fn(u8, u8) -> u8) {
    target.iter_mut().zip(source).for_each(|(sum, bits)| *sum = combine(*sum, *bits));
}

/// Past the source's end there are zeros.
fn and(target: &mut [u8], source: &[u8]) {
    apply(target, source, |sum, bits| sum & bits);
    target.iter_mut().skip(source.len()).for_each(|sum| *sum = 0);
}

/// Remembers the bits that the source has and the sum had already.
fn apply_two(several: &mut [u8], sum: &[u8], source: &[u8]) {
    let pairs = sum.iter().zip(source);
    several.iter_mut().zip(pairs).for_each(|(several, (sum, bits))| *several |= sum & bits);
}

/// Half of a small first-level cache, as target and source share it.
const BLOCK_BYTES: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(operation: BitOp, sources: &[&[u8]]) -> Vec<u8> {
        let length = sources.iter().map(|source| source.len()).max().unwrap_or(0);
        let byte = |index: usize| {
            (0..8).fold(0, |byte, place| {
                let has =
                    |source: &&[u8]| source.get(index).is_some_and(|byte| byte >> place & 1 == 1);
                let count = sources.iter().filter(|source| has(source)).count();
                let first = has(&sources[0]);
                let set = match operation {
                    BitOp::And => count == sources.len(),
                    BitOp::Or => count > 0,
                    BitOp::Xor => count % 2 == 1,
                    BitOp::Not => !first,
                    BitOp::Diff => first && count == 1,
                    BitOp::Diff1 => !first && count > 0,
                    BitOp::AndOr => first && count > 1,
                    BitOp::One => count == 1,
                };
                byte | u8::from(set) << place
            })
        };
        (0..length).map(byte).collect()
    }

    const ALL: [BitOp; 8] = [
        BitOp::And,
        BitOp::Or,
        BitOp::Xor,
        BitOp::Not,
        BitOp::Diff,
        BitOp::Diff1,
        BitOp::AndOr,
        BitOp::One,
    ];

    proptest! {
        #[test]
        fn equals_counting_bits(
            sources in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..40), 1..6),
            pad in 0usize..2 * BLOCK_BYTES,
        ) {
            let mut sources = sources;
            let padded = sources[0].len() + pad;
            sources[0].resize(padded, 0xa5);
            let views: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
            for operation in ALL {
                prop_assert_eq!(bitop(operation, &views), naive(operation, &views));
            }
        }
    }

    /// What BITOP of Redis 8.2 leaves for `abc`, `ab` and `!!!!`.
    #[test]
    fn equals_a_real_server() {
        let sources: [&[u8]; 3] = [b"abc", b"ab", b"!!!!"];
        let expected: [(BitOp, &[u8]); 7] = [
            (BitOp::And, b"\x21\x20\x00\x00"),
            (BitOp::Or, b"\x61\x63\x63\x21"),
            (BitOp::Xor, b"\x21\x21\x42\x21"),
            (BitOp::Diff, b"\x00\x00\x42\x00"),
            (BitOp::Diff1, b"\x00\x01\x00\x21"),
            (BitOp::AndOr, b"\x61\x62\x21\x00"),
            (BitOp::One, b"\x00\x01\x42\x21"),
        ];
        for (operation, bytes) in expected {
            assert_eq!(bitop(operation, &sources), bytes, "{operation:?}");
        }
        assert_eq!(bitop(BitOp::Not, &[b"abc"]), b"\x9e\x9d\x9c");
        assert_eq!(bitop(BitOp::And, &[]), b"");
    }
}
