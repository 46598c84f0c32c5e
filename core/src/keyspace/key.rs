//! Keys and their hashes.
//!
//! A key's hash decides everything about its place: the top bits choose the segment, the low
//! bits the bucket inside it, the bits above those the tag. It is SipHash-1-3 under a 128-bit key
//! that the shell injects, because SCAN publishes hash order and a weaker keyed hash would leak
//! its key to whoever reads it. The hash of a key is computed once per command and carried along.

/// A key's bytes with their hash.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The bytes as the client sent them.
    pub bytes: &'a [u8],
    /// SipHash-1-3 of the bytes under the server's key.
    pub hash: u64,
}

/// Hashes keys under one injected 128-bit key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHasher {
    k0: u64,
    k1: u64,
}

impl KeyHasher {
    /// A hasher under the key `(k0, k1)`.
    #[must_use]
    pub fn new(k0: u64, k1: u64) -> Self {
        Self { k0, k1 }
    }

    /// The hash of `bytes`.
    #[inline]
    #[must_use]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut state = State::new(self.k0, self.k1);
        let (words, tail) = bytes.as_chunks::<8>();
        words.iter().for_each(|&word| state.take(u64::from_le_bytes(word)));
        state.take(last_word(tail) | (bytes.len() as u64) << 56);
        state.end()
    }

    /// `bytes` as a key.
    #[must_use]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, hash: self.hash(bytes) }
    }
}

/// The state of SipHash-1-3. It is written out since keys are short: a hasher that also takes its
/// input in pieces needs a third more instructions for one of 16 bytes.
struct State([u64; 4]);

impl State {
    #[inline(always)]
    fn new(k0: u64, k1: u64) -> Self {
        Self([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ])
    }

    #[inline(always)]
    fn round(&mut self) {
        let [a, b, c, d] = self.0;
        let (a, c) = (a.wrapping_add(b), c.wrapping_add(d));
        let (b, d) = (b.rotate_left(13) ^ a, d.rotate_left(16) ^ c);
        let a = a.rotate_left(32);
        let (c, a) = (c.wrapping_add(b), a.wrapping_add(d));
        let (b, d) = (b.rotate_left(17) ^ c, d.rotate_left(21) ^ a);
        self.0 = [a, b, c.rotate_left(32), d];
    }

    /// One word of input: one round.
    #[inline(always)]
    fn take(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.0[0] ^= word;
    }

    /// The hash: three rounds.
    #[inline(always)]
    fn end(mut self) -> u64 {
        self.0[2] ^= 0xff;
        (0..3).for_each(|_| self.round());
        self.0.iter().fold(0, |hash, word| hash ^ word)
    }
}

/// Up to seven bytes; zeros after the end.
#[inline(always)]
fn last_word(tail: &[u8]) -> u64 {
    if let (Some(&first), Some(&last)) = (tail.first_chunk::<4>(), tail.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(last));
        return u64::from(u32::from_le_bytes(first)) | last << (8 * (tail.len() - 4));
    }
    tail.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// Whether two keys are equal. Most keys have 8 to 16 bytes: two words of each decide then, which
/// is quicker than the call of a general comparison.
#[inline]
pub(super) fn same_key(a: &[u8], b: &[u8]) -> bool {
    let ends = |key: &[u8]| Some((*key.first_chunk::<8>()?, *key.last_chunk::<8>()?));
    match (ends(a), ends(b)) {
        (Some(a_ends), Some(b_ends)) if a.len() <= 16 => a.len() == b.len() && a_ends == b_ends,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use siphasher::sip::SipHasher13;

    #[test]
    fn the_hash_is_siphash_1_3() {
        let (k0, k1) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        let all: Vec<u8> = (0..=255).rev().collect();
        for len in 0..=all.len() {
            let expected = SipHasher13::new_with_keys(k0, k1).hash(&all[..len]);
            assert_eq!(KeyHasher::new(k0, k1).hash(&all[..len]), expected, "{len} bytes");
        }
    }
}
