//! What goes wrong with a disk, and how often: a swarm of weights drawn from the seed.
//!
//! Each family of faults is off in a good part of the seeds, so that one that stops everything
//! early does not hide what the others would find. Rot and a sync that lies are never drawn: no
//! server survives them, so a test that wants them asks for them.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// A kind of thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A write takes fewer bytes than it was given.
    ShortWrite,
    /// A read gives fewer bytes than there are.
    ShortRead,
    /// A signal comes in between.
    Interrupted,
    /// The disk is full for a while.
    NoSpace,
    /// A write fails.
    WriteError,
    /// A read fails.
    ReadError,
    /// A sync of a file fails, in one of the ways of [`SyncFailure`].
    SyncError,
    /// Opening, cutting, renaming, removing, listing, or the sync of a directory fails.
    EntryError,
    /// A request takes long.
    Slow,
    /// A sync says that it is done and has done nothing. Never drawn.
    LyingSync,
}

/// All of them.
pub const FAULTS: [Fault; 10] = [
    Fault::ShortWrite,
    Fault::ShortRead,
    Fault::Interrupted,
    Fault::NoSpace,
    Fault::WriteError,
    Fault::ReadError,
    Fault::SyncError,
    Fault::EntryError,
    Fault::Slow,
    Fault::LyingSync,
];

impl Fault {
    /// What a script calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ShortWrite => "short-write",
            Self::ShortRead => "short-read",
            Self::Interrupted => "interrupted",
            Self::NoSpace => "no-space",
            Self::WriteError => "write-error",
            Self::ReadError => "read-error",
            Self::SyncError => "sync-error",
            Self::EntryError => "entry-error",
            Self::Slow => "slow",
            Self::LyingSync => "lying-sync",
        }
    }
}

/// How a sync fails. The numbers are the details of such an event in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncFailure {
    /// It says so, and what was written is gone: reading gives what was there before.
    Dropped,
    /// It says so, and what was written stays to be written: asking again helps.
    KeptDirty,
    /// It says so once. What was written can be read but never reaches the disk, and the next sync
    /// finds nothing to do.
    ForgottenDirty,
    /// It says that it is done, the data never reaches the disk, and the next sync says so.
    Later,
}

impl SyncFailure {
    /// The one of this number.
    pub(super) fn of(number: u64) -> Self {
        let all = [Self::Dropped, Self::KeptDirty, Self::ForgottenDirty, Self::Later];
        all.into_iter().find(|way| *way as u64 == number).unwrap_or(Self::KeptDirty)
    }
}

/// The ways that seeds draw from. [`SyncFailure::Later`] is asked for like a lie, since for a while
/// it is one.
pub const SYNC_FAILURES: [SyncFailure; 3] =
    [SyncFailure::Dropped, SyncFailure::KeptDirty, SyncFailure::ForgottenDirty];

/// How often each goes wrong, of 10,000 requests that it concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    odds: [u32; FAULTS.len()],
    /// Ways for a sync to fail, any of them; none: [`SyncFailure::KeptDirty`].
    pub sync_failures: Vec<SyncFailure>,
}

impl Faults {
    /// A disk that never fails and is never slow.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The faults of a seed.
    #[must_use]
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        let mut faults = Self::none();
        for fault in FAULTS {
            if fault != Fault::LyingSync && rng.random() {
                faults = faults.with(fault, 3_u32.pow(rng.random_range(2..8)));
            }
        }
        faults.sync_failures =
            SYNC_FAILURES.into_iter().filter(|_| rng.random_ratio(2, 3)).collect();
        faults
    }

    /// The same, with `fault` so often of 10,000; 0 switches it off.
    #[must_use]
    pub fn with(mut self, fault: Fault, odds: u32) -> Self {
        self.odds[fault as usize] = odds.min(10_000);
        self
    }

    /// A disk on which whatever a script says may go wrong.
    #[must_use]
    pub fn scripted() -> Self {
        Self { odds: [1; FAULTS.len()], sync_failures: Vec::new() }
    }

    /// How often it goes wrong.
    pub(super) fn odds(&self, fault: Fault) -> u32 {
        self.odds[fault as usize]
    }
}
