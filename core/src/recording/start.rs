//! How a recording begins: what the core was made of.

use alloc::string::String;
use alloc::vec::Vec;

use super::wire::{Cursor, Malformed, put_bytes};
use crate::config::{Config, file, rewrite};
use crate::turn::Seed;
use crate::version::VERSION;

/// What a core begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The version that was recorded; another one may behave in another way.
    pub version: String,
    /// Values were masked: the replay is not the same run, but one of the same shape.
    pub is_redacted: bool,
    /// The recording begins at the start of the process, with what the files held; else with a
    /// state, in frames that follow.
    pub is_whole: bool,
    /// Secrets of the configuration were masked.
    pub has_masked_secrets: bool,
    /// Where randomness comes from.
    pub seed: Seed,
    /// The configuration in force.
    pub config: Config,
}

impl Start {
    /// The beginning of a recording of this version.
    #[must_use]
    pub fn new(config: Config, seed: Seed) -> Self {
        let version = String::from(VERSION);
        let (is_redacted, is_whole, has_masked_secrets) = (false, true, false);
        Self { version, is_redacted, is_whole, has_masked_secrets, seed, config }
    }

    /// Appends it.
    pub fn put(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.version.as_bytes());
        out.extend([self.is_redacted, self.is_whole, self.has_masked_secrets].map(u8::from));
        out.extend_from_slice(&self.seed);
        put_bytes(out, &rewrite::rewrite(b"", &self.config));
    }

    /// Reads it.
    pub fn read(payload: &[u8]) -> Result<Self, Malformed> {
        let mut from = Cursor::new(payload);
        let version = from.owned()?;
        let (is_redacted, is_whole) = (from.flag()?, from.flag()?);
        let has_masked_secrets = from.flag()?;
        let seed = from.raw(32)?.try_into().unwrap_or_default();
        let text = from.bytes()?;
        let include = &mut |_: &str| Err(String::from("a recording includes nothing"));
        let Ok(loaded) = file::parse(text, "recording", include) else {
            return from.refuse("configuration before this place");
        };
        let config = loaded.config;
        Ok(Self { version, is_redacted, is_whole, has_masked_secrets, seed, config })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_survives_the_trip() {
        let text =
            b"port 7777\nsave 5 1\nsave 6 2\nbind 127.0.0.1 -::1\nrequirepass \"a b\\xff\"\n\
            appendonly yes\ndir /data\nclient-output-buffer-limit pubsub 1mb 2mb 3\nmaxclients 9\n\
            masterauth x\nnotify-keyspace-events KEA\nmaxmemory-clients 5%\nunixsocket /tmp/s\n";
        let config = file::parse(text, "", &mut |_| Err(String::new())).unwrap().config;
        for config in [config, Config::default()] {
            let start = Start { is_redacted: true, ..Start::new(config, [7; 32]) };
            let mut out = Vec::new();
            start.put(&mut out);
            assert_eq!(Start::read(&out).unwrap(), start);
            for len in 0..out.len() {
                assert!(Start::read(&out[..len]).is_err());
            }
        }
    }
}
