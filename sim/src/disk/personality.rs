//! File systems: what a power loss may do to what was not synced.
//!
//! Each seed draws one. `STRICT` promises no more than POSIX does and is the one that finds the
//! most; the others are there because their promises meet each other in ways of their own, and so
//! that a finding can be told apart as one that a common file system shows.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

/// The rules of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Personality {
    /// What to call it.
    pub name: &'static str,
    /// Entries and lengths of all files reach the disk in the order in which they were made: a
    /// power loss keeps those up to some point. Without it, any of them, in any order.
    pub is_journaled: bool,
    /// A sync of anything writes the journal, and so makes all entries and lengths before it
    /// durable.
    pub sync_writes_journal: bool,
    /// A new length reaches the disk after the data that came with it, so that no zeros show.
    pub data_before_length: bool,
    /// A rename over another file first writes the data of the file that is renamed.
    pub rename_writes_data: bool,
    /// A write is kept in part: some stretches of it, cut at multiples of this.
    pub torn_at: Option<usize>,
    /// Space given to a file without its data may hold what another file held.
    pub shows_stale_blocks: bool,
}

/// No more than POSIX promises.
pub const STRICT: Personality = Personality {
    name: "strict",
    is_journaled: false,
    sync_writes_journal: false,
    data_before_length: false,
    rename_writes_data: false,
    torn_at: Some(1),
    shows_stale_blocks: false,
};

/// ext4 as it is mounted by default: `data=ordered`, `auto_da_alloc`.
pub const EXT4: Personality = Personality {
    name: "ext4",
    is_journaled: true,
    sync_writes_journal: true,
    data_before_length: true,
    rename_writes_data: true,
    torn_at: Some(512),
    ..STRICT
};

/// ext4 with `data=writeback`: lengths before data, and what was in the blocks before.
pub const WRITEBACK: Personality = Personality {
    name: "writeback",
    data_before_length: false,
    rename_writes_data: false,
    shows_stale_blocks: true,
    ..EXT4
};

/// XFS: a log of metadata, nothing that flushes data behind one's back.
pub const XFS: Personality =
    Personality { name: "xfs", data_before_length: false, rename_writes_data: false, ..EXT4 };

/// Btrfs: copy on write, so that a write is whole or not there, and syncs of one file alone.
pub const BTRFS: Personality = Personality {
    name: "btrfs",
    sync_writes_journal: false,
    rename_writes_data: false,
    torn_at: None,
    ..EXT4
};

/// Those that seeds draw from; the strict one as often as all others together.
pub const ALL: [Personality; 8] = [STRICT, STRICT, STRICT, STRICT, EXT4, WRITEBACK, XFS, BTRFS];

impl Personality {
    /// The file system of a seed, with a size of sectors of its own.
    #[must_use]
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        let mut drawn = *ALL.choose(rng).unwrap_or(&STRICT);
        if drawn.torn_at.is_some() && rng.random() {
            drawn.torn_at = Some(*[1, 512, 4096].choose(rng).unwrap_or(&512));
        }
        drawn
    }
}
