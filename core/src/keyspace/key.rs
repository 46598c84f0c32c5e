//! Keys and their hashes.
//!
//! A key's hash decides everything about its place: the top bits choose the segment, the low
//! bits the bucket inside it, the bits above those the tag. It is SipHash-1-3 under a 128-bit key
//! that the shell injects, because SCAN publishes hash order and a weaker keyed hash would leak
//! its key to whoever reads it. The hash of a key is computed once per command and carried along.

use siphasher::sip::SipHasher13;

/// A key's bytes with their hash.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The bytes as the client sent them.
    pub bytes: &'a [u8],
    /// SipHash-1-3 of the bytes under the server's key.
    pub hash: u64,
}

/// Hashes keys under one injected 128-bit key.
#[derive(Clone, Copy, Debug)]
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
        SipHasher13::new_with_keys(self.k0, self.k1).hash(bytes)
    }

    /// `bytes` as a key.
    #[must_use]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, hash: self.hash(bytes) }
    }
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
