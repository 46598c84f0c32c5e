//! Rot: a file of the log changes by itself between two lives.
//!
//! No server survives that; what is asked of it is that it says so. A damaged base or manifest must
//! be refused. In an incremental file damage may be a torn tail, and is one as far as anybody can
//! know unless a later batch says that the place was durable: then it must be refused, else the log
//! may be cut there. Who refuses must leave everything as it is, so that what is done then, as an
//! operator would with a copy, gives everything that was promised.

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::io::Name;

use super::inspected::end_of_base;
use crate::disk::Disk;
use crate::finding::Invariant::D9;
use crate::finding::check;
use crate::sabotage::log_text::{Batch, CHECKSUM, EPOCHS_TOLD, batches, files_of, manifest, part};

/// A file that has changed.
#[derive(Debug)]
pub(crate) struct Rot {
    name: Name,
    before: Vec<u8>,
    after: Vec<u8>,
    pub(crate) verdict: Verdict,
}

/// What may become of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    /// The log before this is whole.
    pub(crate) lsn: u64,
    /// What is damaged is known to have been durable.
    pub(crate) must_refuse: bool,
}

impl Rot {
    /// Lets a file of the log rot, if there is one.
    pub(crate) fn strike(disk: &mut Disk, seed: u64) -> Option<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let name = target(disk, &mut rng)?;
        let before = disk.content(&name)?.to_vec();
        let has_checksum = !before.starts_with(b"#base");
        let after = damaged(&before, has_checksum, &mut rng);
        let has_sum = |bytes: &[u8]| bytes.starts_with(CHECKSUM.as_bytes());
        if name == manifest() && has_sum(&before) && !has_sum(&after) {
            // It becomes one of stock Redis, which has none, and nothing is wrong with it yet.
            return None;
        }
        if is_other_time(&before, &after) {
            return None;
        }
        let verdict = verdict(disk, &name, &before, &after)?;
        disk.set_content(&name, after.clone());
        Some(Self { name, before, after, verdict })
    }

    /// The server has refused to start: the file becomes what it was. Not if it was cut, which it
    /// may be; then the rot is still there.
    pub(crate) fn undo(self, disk: &mut Disk) -> Option<Self> {
        let is_untouched = disk.content(&self.name) == Some(&self.after);
        check(is_untouched || !self.verdict.must_refuse, D9, || {
            format!("{:?} was refused and is changed", self.name)
        });
        if !is_untouched {
            return Some(self);
        }
        disk.set_content(&self.name, self.before);
        None
    }

    /// What happened, in words.
    pub(crate) fn words(&self) -> String {
        let Self { name, before, after, verdict } = self;
        let at = changed(before, after).map_or(0, |(first, _)| first);
        format!("{name:?} rots at {at}, {} bytes become {}: {verdict:?}", before.len(), after.len())
    }
}

/// A base of commands has no checksum, so nobody could tell but that it is short.
fn target(disk: &Disk, rng: &mut ChaCha8Rng) -> Option<Name> {
    match rng.random_range(0..10) {
        0 => Some(manifest()),
        1..4 => files_of(disk, 'b').pop(),
        _ => {
            let mut files = files_of(disk, 'i');
            files.retain(|name| disk.content(name).is_some_and(|bytes| !bytes.is_empty()));
            files.choose(rng).cloned()
        }
    }
}

fn damaged(before: &[u8], has_checksum: bool, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut after = before.to_vec();
    if after.is_empty() {
        return after;
    }
    let at = rng.random_range(0..after.len());
    match rng.random_range(0..6) {
        _ if !has_checksum => after.truncate(at),
        0 => after.truncate(at),
        1 => {
            let from = at / 512 * 512;
            let to = (from + 512).min(after.len());
            after[from..to].fill(0);
        }
        2 => misdirect(&mut after, rng),
        _ => after[at] ^= 1 << rng.random_range(0..8),
    }
    after
}

/// A batch lies where another of the same length should.
fn misdirect(bytes: &mut [u8], rng: &mut ChaCha8Rng) {
    let all = batches(bytes);
    let Some(one) = all.choose(rng) else { return };
    let is_like = |other: &&Batch| other.place.len() == one.place.len() && other.lsn != one.lsn;
    let like: Vec<&Batch> = all.iter().filter(is_like).collect();
    if let Some(other) = like.choose(rng) {
        bytes.copy_within(one.place.clone(), other.place.start);
    }
}

/// Where the first and the last byte is that changed; none when nothing did.
fn changed(before: &[u8], after: &[u8]) -> Option<(usize, usize)> {
    let len = before.len().max(after.len());
    let differs = |at: &usize| before.get(*at) != after.get(*at);
    Some(((0..len).find(differs)?, (0..len).rev().find(differs)?))
}

/// Whether nothing but a line that tells the time tells another, which has no checksum.
fn is_other_time(before: &[u8], after: &[u8]) -> bool {
    let Some((first, last)) = changed(before, after) else { return false };
    let start = before[..first].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let line = after[start.min(after.len())..].split(|&byte| byte == b'\n').next();
    let digits =
        line.and_then(|line| line.strip_prefix(b"#TS:")).and_then(|it| it.strip_suffix(b"\r"));
    digits.is_some_and(|it| it.iter().all(u8::is_ascii_digit) && last < start + 4 + it.len())
}

fn verdict(disk: &Disk, name: &Name, before: &[u8], after: &[u8]) -> Option<Verdict> {
    let (first, last) = changed(before, after)?;
    let files = files_of(disk, 'i');
    let Some(struck) = files.iter().position(|file| file == name) else {
        return Some(Verdict { lsn: 0, must_refuse: true });
    };
    let base = end_of_base(disk.content(&manifest()).unwrap_or_default());
    let mut epoch = base.map_or(0, |at| at.epoch);
    let mut lsn = None;
    let mut told = 0;
    for (at, file) in files.iter().enumerate() {
        let part = part(disk.content(file).unwrap_or_default(), None);
        for batch in part.batches {
            let is_before = at < struck || at == struck && batch.place.end <= first;
            if at == struck && !is_before && batch.place.start <= last {
                lsn = lsn.or(Some(batch.lsn));
                continue;
            }
            if !batch.names_lsn && batch.epoch.saturating_sub(epoch) >= EPOCHS_TOLD {
                // Nobody can tell that it is one.
                continue;
            }
            epoch = epoch.max(batch.epoch);
            if !is_before {
                let undurable = batch.undurable.unwrap_or(batch.lsn);
                told = told.max(batch.lsn - undurable.min(batch.lsn));
            }
        }
        if let Some(end) = part.end.filter(|_| at < struck) {
            epoch = epoch.max(end.epoch);
        }
    }
    // Nothing whole was hit: what is there is cut off anyway.
    let lsn = lsn?;
    Some(Verdict { lsn, must_refuse: told > lsn })
}
