//! The hash under the hash of all keys: 128 bits, fast, and against no adversary.
//!
//! Every change hashes the whole value that was changed, so this is what a run with large values
//! spends its time in. Two lanes take eight bytes at a time, each folds a product of 128 bits.

use core::hash::Hasher;

/// Two lanes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mixer {
    one: u64,
    other: u64,
}

const ONE: u64 = 0x9e37_79b9_7f4a_7c15;
const OTHER: u64 = 0xd1b5_4a32_d192_ed03;

impl Default for Mixer {
    fn default() -> Self {
        Self { one: 0x2545_f491_4f6c_dd1d, other: 0x6a09_e667_f3bc_c909 }
    }
}

fn fold(number: u64, by: u64) -> u64 {
    let product = u128::from(number) * u128::from(by);
    (product as u64) ^ ((product >> 64) as u64)
}

impl Mixer {
    /// Both lanes, each stirred once more.
    pub(super) fn both(&self) -> u128 {
        let one = fold(self.one ^ OTHER, ONE ^ self.other.rotate_left(32));
        let other = fold(self.other ^ ONE, OTHER ^ self.one.rotate_left(17));
        u128::from(one) << 64 | u128::from(other)
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(last));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.one = fold(self.one ^ word, ONE).wrapping_add(self.other);
        self.other = fold(self.other.rotate_left(23) ^ word, OTHER) ^ word;
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.both() as u64
    }
}
