//! What a recording must not hold: secrets always, values when that is asked for.
//!
//! Bytes are masked in place, as they come, before they are written: the length stays, so the
//! requests around them stay what they are. A password is replaced by one that only this process
//! can derive, from a key that is never written: the same password gets the same mask in AUTH, in
//! HELLO, in CONFIG SET and in the configuration, so that a replay lets in whom the server let in.
//! Values lose everything but their length, their signs and points, and which bytes were digits:
//! `INCR` finds a number where it found one. Two values of one form become equal.
//!
//! The hard case is a request that arrives in pieces: what was read ends inside a password, and
//! the next read begins there. So the requests of each connection are followed byte by byte.

mod rules;
mod stream;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use siphasher::sip::SipHasher13;

use self::rules::Rules;
use self::stream::Stream;
use crate::config::{Config, Directive};
use crate::resp::parse::Span;
use crate::turn::ConnId;
use crate::value::quote;

/// Follows connections and masks what is theirs.
#[derive(Debug)]
pub struct Masker {
    rules: Rules,
    /// By slot, with the generation.
    streams: BTreeMap<u32, (u32, Stream)>,
    spans: Vec<Span>,
}

impl Masker {
    /// Masks secrets with this key; values too if they are to be.
    #[must_use]
    pub fn new(key: u128, masks_values: bool) -> Self {
        Self { rules: Rules::new(key, masks_values), streams: BTreeMap::new(), spans: Vec::new() }
    }

    /// Masks the next bytes of a connection; whether there were secrets.
    pub fn received(&mut self, conn: ConnId, bytes: &mut [u8]) -> bool {
        let (generation, stream) = self.streams.entry(conn.slot).or_default();
        if *generation != conn.generation {
            (*generation, *stream) = (conn.generation, Stream::default());
        }
        stream.mask(bytes, &self.rules, &mut self.spans)
    }

    /// Forgets where a connection stands in its requests.
    pub fn forget(&mut self, conn: ConnId) {
        self.streams.remove(&conn.slot);
    }

    /// Masks the bytes of whole requests of nobody.
    pub fn requests(&mut self, bytes: &mut [u8]) {
        Stream::default().mask(bytes, &self.rules, &mut self.spans);
    }

    /// Masks one secret.
    pub fn secret(&self, bytes: &mut [u8]) {
        let mut mask = self.rules.begin();
        mask.secret(bytes);
    }

    /// The configuration with its secrets masked; whether it has any.
    #[must_use]
    pub fn config(&self, config: &Config) -> (Config, bool) {
        let mut masked = config.clone();
        let mut has_secrets = false;
        for directive in Directive::all().filter(|directive| directive.is_sensitive()) {
            let mut value = directive.value(config);
            if !value.is_empty() {
                self.secret(&mut value);
                has_secrets |= directive.set(&mut masked, &value).is_ok();
            }
        }
        (masked, has_secrets)
    }

    /// The text of a configuration file with its secrets masked.
    #[must_use]
    pub fn config_text(&self, text: &[u8]) -> Vec<u8> {
        let mut masked = Vec::with_capacity(text.len());
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            match quote::split_args(line) {
                Some(words) if holds_secret(&words) => self.put_masked(&mut masked, words),
                // What cannot be split is no directive, but may have been meant as one.
                None => masked.extend_from_slice(b"# masked\n"),
                Some(_) => masked.extend_from_slice(line),
            }
        }
        masked
    }

    fn put_masked(&self, out: &mut Vec<u8>, words: Vec<Vec<u8>>) {
        for (at, mut word) in words.into_iter().enumerate() {
            if at > 0 {
                self.secret(&mut word);
                out.push(b' ');
            }
            out.extend_from_slice(&quote::quoted(&word));
        }
        out.push(b'\n');
    }
}

/// Whether a line of a configuration file tells a secret; users and their passwords among them.
fn holds_secret(words: &[Vec<u8>]) -> bool {
    let Some(name) = words.first() else { return false };
    let is_sensitive = Directive::find(name).is_some_and(Directive::is_sensitive);
    is_sensitive || name.eq_ignore_ascii_case(b"user")
}

/// The masking of one argument, which may come in pieces.
#[derive(Clone, Debug)]
struct Mask {
    chain: SipHasher13,
}

impl Mask {
    /// Each byte becomes a letter or digit that depends on it and on all before it.
    fn secret(&mut self, bytes: &mut [u8]) {
        use core::hash::Hasher as _;
        const LETTERS: &[u8; 62] =
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        for byte in bytes {
            self.chain.write(&[*byte]);
            *byte = LETTERS[(self.chain.finish() % 62) as usize];
        }
    }
}

/// Masks a part of a value.
fn mask_value(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = match *byte {
            b'0'..=b'9' => b'1',
            b'-' | b'.' => *byte,
            _ => b'x',
        };
    }
}

#[cfg(test)]
mod tests;
