//! CRC-32C run backwards: which four bytes, in the middle of others that are known, give a sum?
//!
//! Behind damage a batch may be at any of a million places of the log, and its checksum fits one
//! of them only. To try them all takes milliseconds a batch, and a file that somebody has made up
//! could keep a start busy for as long as he likes. But a step of the sum can be undone when its
//! byte is known, and four bytes in a row reach every sum from any other in exactly one way. So the
//! sum is run forwards up to those four and backwards from its end, and what lies between tells
//! them.

/// The polynomial, least significant bit first.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// What a byte adds to a sum; no two have the same highest byte.
static TABLE: [u32; 256] = table();

/// Which byte adds something with this highest byte.
static BACK: [u8; 256] = back();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let (mut sum, mut bit) = (at as u32, 0);
        while bit < 8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
}

const fn back() -> [u8; 256] {
    let (table, mut back) = (table(), [0; 256]);
    let mut at = 0;
    while at < 256 {
        back[(table[at] >> 24) as usize] = at as u8;
        at += 1;
    }
    back
}

/// The sum before some bytes, from the one after them; both as a checksum tells them.
pub(super) fn before(after: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().rev().fold(!after, |sum, &byte| step_back(sum) ^ u32::from(byte))
}

/// The sum before a byte that is zero: that of any other differs in its lowest bits by that byte.
fn step_back(sum: u32) -> u32 {
    let index = BACK[(sum >> 24) as usize];
    (sum ^ TABLE[usize::from(index)]) << 8 | u32::from(index)
}

/// The four bytes that lead from one sum to another, least significant first.
pub(super) fn between(before: u32, after: u32) -> u32 {
    // From `before` with those four bytes one gets where one gets from the two added with zeros.
    let added = (0..4).fold(!after, |sum, _| step_back(sum));
    added ^ !before
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frame::crc32c;
    use super::*;

    proptest! {
        #[test]
        fn what_was_summed_is_found_again(
            head in prop::collection::vec(any::<u8>(), 0..20),
            word in any::<u32>(),
            tail in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let middle = [&head[..], &word.to_le_bytes()].concat();
            let sum = crc32c(&[&middle[..], &tail].concat());
            prop_assert_eq!(before(sum, &tail), crc32c(&middle));
            prop_assert_eq!(between(crc32c(&head), crc32c(&middle)), word);
        }
    }
}
