//! MurmurHash64A, with which Redis hashes the elements of a HyperLogLog.
//!
//! Eight bytes at a time are mixed in as a little-endian number, then what is left of them.
//! Somebody who knows the seed can make elements that collide, and the seed is public: a
//! HyperLogLog is no defence against those who choose its elements.

/// The hash of `text` with the seed of Redis.
#[must_use]
pub(super) fn hash(text: &[u8]) -> u64 {
    let mut hash = SEED ^ (text.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        hash = (hash ^ mixed(u64::from_le_bytes(*word))).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    hash = folded(hash).wrapping_mul(FACTOR);
    folded(hash)
}

fn mixed(word: u64) -> u64 {
    folded(word.wrapping_mul(FACTOR)).wrapping_mul(FACTOR)
}

fn folded(hash: u64) -> u64 {
    hash ^ hash >> 47
}

const SEED: u64 = 0xadc8_3b19;
const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
