//! The trace hash: 128 bits over everything that a run did.
//!
//! Two runs of one seed must agree on it, in debug and in release, on every machine. When they do
//! not, the hashes after each turn tell where they parted.

use core::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// A running hash of labelled byte strings.
#[derive(Clone, Debug)]
pub struct Trace(SipHasher13);

impl Default for Trace {
    fn default() -> Self {
        Self(SipHasher13::new_with_keys(0x5eed, 0x1500))
    }
}

impl Trace {
    /// Adds what happened: a label, a number and bytes, each with its length so that no two
    /// different histories look alike.
    pub fn note(&mut self, label: u8, number: u64, bytes: &[u8]) {
        self.0.write(&[label]);
        self.0.write(&number.to_le_bytes());
        self.0.write(&(bytes.len() as u64).to_le_bytes());
        self.0.write(bytes);
    }

    /// The hash of everything so far.
    #[must_use]
    pub fn hash(&self) -> u128 {
        self.0.finish128().as_u128()
    }
}
