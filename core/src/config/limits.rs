//! Values that are a few numbers with a meaning each: output buffer limits, save points, sizes that
//! may be a percentage, and the options of a shutdown by signal.

use core::fmt;
use core::ops::{BitOr, BitOrAssign};

/// The kinds of clients that have output buffer limits of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientClass {
    /// Everybody who is neither of the other two.
    Normal,
    /// Replicas that follow this server.
    Replica,
    /// Clients with at least one subscription.
    Pubsub,
}

impl ClientClass {
    /// All classes, in the order of CONFIG GET.
    pub const ALL: [Self; 3] = [Self::Normal, Self::Replica, Self::Pubsub];

    /// The class that `name` names, in any case; both words for a replica are understood.
    pub fn of_name(name: &[u8]) -> Option<Self> {
        let names: [(&[u8], Self); 4] = [
            (b"normal", Self::Normal),
            (b"slave", Self::Replica),
            (b"replica", Self::Replica),
            (b"pubsub", Self::Pubsub),
        ];
        names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, class)| *class)
    }

    /// The word that CONFIG GET prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Replica => "slave",
            Self::Pubsub => "pubsub",
        }
    }
}

/// How much unsent output a client may have; zero means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// Disconnect at once above this many bytes.
    pub hard_bytes: u64,
    /// Disconnect when above this many bytes for `soft_s` seconds without a pause.
    pub soft_bytes: u64,
    /// How long the soft limit may be passed.
    pub soft_s: u32,
}

/// The limits of every class of clients (`client-output-buffer-limit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits {
    /// For clients that are neither of the others.
    pub normal: OutputLimit,
    /// For replicas.
    pub replica: OutputLimit,
    /// For subscribers.
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    /// The limit of one class.
    pub fn of(&self, class: ClientClass) -> &OutputLimit {
        match class {
            ClientClass::Normal => &self.normal,
            ClientClass::Replica => &self.replica,
            ClientClass::Pubsub => &self.pubsub,
        }
    }

    /// The limit of one class, to change it.
    pub fn of_mut(&mut self, class: ClientClass) -> &mut OutputLimit {
        match class {
            ClientClass::Normal => &mut self.normal,
            ClientClass::Replica => &mut self.replica,
            ClientClass::Pubsub => &mut self.pubsub,
        }
    }
}

impl Default for OutputLimits {
    fn default() -> Self {
        let limit = |hard_mb: u64, soft_mb: u64, soft_s| OutputLimit {
            hard_bytes: hard_mb << 20,
            soft_bytes: soft_mb << 20,
            soft_s,
        };
        Self { normal: limit(0, 0, 0), replica: limit(256, 64, 60), pubsub: limit(32, 8, 60) }
    }
}

/// Save a snapshot when at least `changes` writes happened in the last `seconds` (`save`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Age of the last snapshot, at least one second.
    pub seconds: u64,
    /// Writes since the last snapshot.
    pub changes: u32,
}

/// A number of bytes, absolute or as a share of `maxmemory` (`maxmemory-clients`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryShare {
    /// This many bytes; zero means no limit.
    Bytes(u64),
    /// This many percent of `maxmemory`, 1 to 100.
    Percent(u8),
}

impl MemoryShare {
    /// The limit in bytes under this `maxmemory`; `None` if there is no limit. A share of no limit
    /// is none, and no limit is so low that nobody could lift it any more.
    pub fn limit_bytes(self, maxmemory: u64) -> Option<u64> {
        let (base, percent) = match self {
            Self::Bytes(bytes) => (bytes, 100),
            Self::Percent(percent) => (maxmemory, percent),
        };
        let share = u128::from(base) * u128::from(percent) / 100;
        let bytes = u64::try_from(share).unwrap_or(u64::MAX).max(SHARE_BYTES_MIN);
        (base != 0).then_some(bytes)
    }
}

/// What all clients together may always use; Redis's floor of `maxmemory-clients`.
const SHARE_BYTES_MIN: u64 = 128 << 10;

/// How a signal shuts the server down (`shutdown-on-sigint`, `shutdown-on-sigterm`).
///
/// The empty set is `default`: save if there are save points, wait for replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownOptions(u8);

impl ShutdownOptions {
    /// Save even if there are no save points.
    pub const SAVE: Self = Self(1);
    /// Do not save even if there are save points.
    pub const NOSAVE: Self = Self(2);
    /// Do not wait for replicas that lag behind.
    pub const NOW: Self = Self(4);
    /// Leave even if the save failed.
    pub const FORCE: Self = Self(8);

    /// Whether every option of `other` is set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Every word, in the order in which the error of a wrong one lists them.
    pub(super) fn words() -> impl Iterator<Item = &'static str> {
        SHUTDOWN_WORDS.iter().map(|(word, _)| *word)
    }

    /// The option that `word` names, in any case; `default` is the empty set.
    pub fn of_word(word: &[u8]) -> Option<Self> {
        let named = |(name, _): &&(&str, Self)| name.as_bytes().eq_ignore_ascii_case(word);
        SHUTDOWN_WORDS.iter().find(named).map(|(_, option)| *option)
    }
}

impl BitOr for ShutdownOptions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for ShutdownOptions {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Display for ShutdownOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("default");
        }
        let mut separator = "";
        for (word, option) in &SHUTDOWN_WORDS[1..] {
            if self.contains(*option) {
                write!(f, "{separator}{word}")?;
                separator = " ";
            }
        }
        Ok(())
    }
}

const SHUTDOWN_WORDS: [(&str, ShutdownOptions); 5] = [
    ("default", ShutdownOptions(0)),
    ("save", ShutdownOptions::SAVE),
    ("nosave", ShutdownOptions::NOSAVE),
    ("now", ShutdownOptions::NOW),
    ("force", ShutdownOptions::FORCE),
];
