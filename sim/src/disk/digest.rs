//! A disk in 128 bits: what is in its files, what a crash may still take, and what is outstanding.
//!
//! Two disks with the same digest go on in the same way, but for the time.

use core::hash::Hasher as _;
use std::fmt::{self, Write as _};

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::Disk;

/// What is written to it is hashed.
struct Text(SipHasher13);

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// Hashes what something looks like.
pub(crate) fn digest(of: fmt::Arguments<'_>) -> u128 {
    let mut text = Text(SipHasher13::new_with_keys(3, 5));
    // Hashing does not fail.
    let _ = text.write_fmt(of);
    text.0.finish128().as_u128()
}

impl Disk {
    /// What is there and what may become of it.
    pub(crate) fn digest(&self) -> u128 {
        let Self { files, directories, outstanding, .. } = self;
        let jobs = outstanding.iter().map(|waiting| (waiting.ticket, &waiting.job));
        let jobs: Vec<_> = jobs.collect();
        digest(format_args!("{files:?} {directories:?} {jobs:?}"))
    }
}
