//! Random draws as a function of the seed.
//!
//! The core never asks a system for randomness: hash keys, RANDOMKEY, LOLWUT and run ids come from
//! one ChaCha stream whose seed is an input, so that the same inputs draw the same numbers.

use alloc::string::String;

use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The stream of draws.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, all equally likely; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Lemire's multiply and reject: no division unless a draw falls into the biased rest.
        let mut product = u128::from(self.bits()) * u128::from(bound);
        if (product as u64) < bound {
            let rest = bound.wrapping_neg() % bound;
            while (product as u64) < rest {
                product = u128::from(self.bits()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// 40 hexadecimal digits, as Redis draws run ids and replication ids.
    pub fn hex_id(&mut self) -> String {
        let digits = b"0123456789abcdef";
        (0..40).map(|_| digits[(self.bits() & 15) as usize] as char).collect()
    }
}
