//! The classes of keyspace events that clients are told of (`notify-keyspace-events`).
//!
//! The text is a set of letters, one a class, in any order. CONFIG GET prints it back in one fixed
//! order, with `A` in place of the classes that `A` stands for when all of them are set; `K` and
//! `E` choose the channels, and `m` (key miss) and `n` (new key) are outside of `A`. Redis prints
//! no `n` beside an `A`, even when the class is on; so does this.

use core::fmt::{self, Write as _};
use core::ops::{BitOr, BitOrAssign};

/// A set of event classes and of the two kinds of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyspaceEvents(u16);

impl KeyspaceEvents {
    /// Publish to `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: Self = Self(1 << 0);
    /// Publish to `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// Commands on any type: DEL, EXPIRE, RENAME ...
    pub const GENERIC: Self = Self(1 << 2);
    /// String commands.
    pub const STRING: Self = Self(1 << 3);
    /// List commands.
    pub const LIST: Self = Self(1 << 4);
    /// Set commands.
    pub const SET: Self = Self(1 << 5);
    /// Hash commands.
    pub const HASH: Self = Self(1 << 6);
    /// Sorted set commands.
    pub const ZSET: Self = Self(1 << 7);
    /// Keys removed because their TTL ended.
    pub const EXPIRED: Self = Self(1 << 8);
    /// Keys removed because of `maxmemory`.
    pub const EVICTED: Self = Self(1 << 9);
    /// Stream commands.
    pub const STREAM: Self = Self(1 << 10);
    /// A read of a key that does not exist; not part of `A`.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// Events of module types.
    pub const MODULE: Self = Self(1 << 12);
    /// A key came into being; not part of `A`.
    pub const NEW: Self = Self(1 << 13);
    /// The classes that the letter `A` stands for.
    pub const ALL: Self = Self(
        Self::GENERIC.0
            | Self::STRING.0
            | Self::LIST.0
            | Self::SET.0
            | Self::HASH.0
            | Self::ZSET.0
            | Self::EXPIRED.0
            | Self::EVICTED.0
            | Self::STREAM.0
            | Self::MODULE.0,
    );

    /// The set that `text` names; `None` if it has a letter that is no class.
    pub fn parse(text: &[u8]) -> Option<Self> {
        text.iter().try_fold(Self::default(), |set, letter| Some(set | Self::of_letter(*letter)?))
    }

    /// Whether nothing is to be published at all.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every class of `other` is in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn of_letter(letter: u8) -> Option<Self> {
        if letter == b'A' {
            return Some(Self::ALL);
        }
        LETTERS.iter().find(|(known, _)| *known as u8 == letter).map(|(_, class)| *class)
    }
}

impl BitOr for KeyspaceEvents {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for KeyspaceEvents {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Display for KeyspaceEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.contains(Self::ALL);
        let covered = if all { Self::ALL | Self::NEW } else { Self::default() };
        if all {
            f.write_char('A')?;
        }
        LETTERS
            .iter()
            .filter(|(_, class)| self.contains(*class) && !covered.contains(*class))
            .try_for_each(|(letter, _)| f.write_char(*letter))
    }
}

/// The letters in the order in which CONFIG GET prints them.
const LETTERS: [(char, KeyspaceEvents); 14] = [
    ('g', KeyspaceEvents::GENERIC),
    ('$', KeyspaceEvents::STRING),
    ('l', KeyspaceEvents::LIST),
    ('s', KeyspaceEvents::SET),
    ('h', KeyspaceEvents::HASH),
    ('z', KeyspaceEvents::ZSET),
    ('x', KeyspaceEvents::EXPIRED),
    ('e', KeyspaceEvents::EVICTED),
    ('t', KeyspaceEvents::STREAM),
    ('d', KeyspaceEvents::MODULE),
    ('n', KeyspaceEvents::NEW),
    ('K', KeyspaceEvents::KEYSPACE),
    ('E', KeyspaceEvents::KEYEVENT),
    ('m', KeyspaceEvents::KEY_MISS),
];
