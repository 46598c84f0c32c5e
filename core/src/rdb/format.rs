//! The numbers of the format, as the files have them.

use crate::config::RdbVersion;
/// Parts of a file that are not a key: the first byte of each.
pub(crate) mod opcode {
    /// Slot number, its keys and its keys with a deadline (Redis 7.4, Valkey 8): a hint.
    pub(crate) const SLOT_INFO: u8 = 244;
    /// A library of functions as one string.
    pub(crate) const FUNCTION2: u8 = 245;
    /// The same in release candidates of Redis 7.0.
    pub(crate) const FUNCTION_PRE_GA: u8 = 246;
    /// Data of a module that belongs to no key.
    pub(crate) const MODULE_AUX: u8 = 247;
    /// Seconds since the next key was used.
    pub(crate) const IDLE: u8 = 248;
    /// The LFU counter of the next key.
    pub(crate) const FREQ: u8 = 249;
    /// A field about the file: name and value.
    pub(crate) const AUX: u8 = 250;
    /// Keys of the database, and those with a deadline: a hint.
    pub(crate) const RESIZEDB: u8 = 251;
    /// Deadline of the next key in ms since 1970, 8 bytes little-endian.
    pub(crate) const EXPIRETIME_MS: u8 = 252;
    /// Deadline of the next key in seconds since 1970, 4 bytes little-endian.
    pub(crate) const EXPIRETIME: u8 = 253;
    /// The database of the keys that follow.
    pub(crate) const SELECTDB: u8 = 254;
    /// The end; the checksum follows.
    pub(crate) const EOF: u8 = 255;
}

/// The type of a string value.
pub(super) const TYPE_STRING: u8 = 0;

/// The types of aggregate values (rdb.h).
pub(super) mod kind {
    pub(crate) const LIST: u8 = 1;
    pub(crate) const SET: u8 = 2;
    pub(crate) const ZSET: u8 = 3;
    pub(crate) const HASH: u8 = 4;
    /// Scores as 8 bytes.
    pub(crate) const ZSET_2: u8 = 5;
    pub(crate) const HASH_ZIPMAP: u8 = 9;
    pub(crate) const LIST_ZIPLIST: u8 = 10;
    pub(crate) const SET_INTSET: u8 = 11;
    pub(crate) const ZSET_ZIPLIST: u8 = 12;
    pub(crate) const HASH_ZIPLIST: u8 = 13;
    /// Nodes that are ziplists.
    pub(crate) const LIST_QUICKLIST: u8 = 14;
    /// A stream of Redis 5.
    pub(crate) const STREAM_LISTPACKS: u8 = 15;
    pub(crate) const HASH_LISTPACK: u8 = 16;
    pub(crate) const ZSET_LISTPACK: u8 = 17;
    /// Nodes that are listpacks, or single large elements.
    pub(crate) const LIST_QUICKLIST_2: u8 = 18;
    /// A stream of Redis 7.0.
    pub(crate) const STREAM_LISTPACKS_2: u8 = 19;
    pub(crate) const SET_LISTPACK: u8 = 20;
    /// A stream of Redis 7.2.
    pub(crate) const STREAM_LISTPACKS_3: u8 = 21;
    /// Fields with deadlines, in release candidates of Redis 7.4. Valkey 9 has the number for its
    /// own form.
    pub(crate) const HASH_METADATA_PRE_GA: u8 = 22;
    /// Field, value and deadline in turns, in release candidates of Redis 7.4.
    pub(crate) const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
    /// All types of streams.
    pub(crate) const STREAMS: [u8; 3] = [STREAM_LISTPACKS, STREAM_LISTPACKS_2, STREAM_LISTPACKS_3];
    /// Fields with deadlines relative to the first, 8 bytes in front (Redis 7.4).
    pub(crate) const HASH_METADATA: u8 = 24;
    /// Field, value and deadline in turns, the first deadline in 8 bytes in front (Redis 7.4).
    pub(crate) const HASH_LISTPACK_EX: u8 = 25;
}

/// How the length in front of a string says that it is stored in another way: the byte, or its
/// lower six bits.
pub(super) mod encoding {
    /// The two top bits of such a byte.
    pub(crate) const SPECIAL: u8 = 0xc0;
    /// An integer of 8 bits.
    pub(crate) const INT8: u8 = 0;
    /// An integer of 16 bits, little-endian.
    pub(crate) const INT16: u8 = 1;
    /// An integer of 32 bits, little-endian.
    pub(crate) const INT32: u8 = 2;
    /// LZF: the compressed and the plain length, then the compressed bytes.
    pub(crate) const LZF: u8 = 3;
    /// A length of 32 bits, big-endian, follows.
    pub(crate) const LEN_32: u8 = 0x80;
    /// A length of 64 bits, big-endian, follows.
    pub(crate) const LEN_64: u8 = 0x81;
}

/// Bytes of the magic and the version at the beginning of a file.
pub(super) const MAGIC_BYTES: usize = 9;

/// A file below this version ends without a checksum.
pub(crate) const FIRST_VERSION_WITH_CHECKSUM: u16 = 5;

/// A file below this version has no fields about itself. One that does has a damaged version, and
/// one that is too low would have the checksum overlooked.
pub(super) const FIRST_VERSION_WITH_AUX: u16 = 7;

/// The newest version of Redis's that is read; Redis 7.4 and 8.0 write it.
pub const VERSION_MAX: u16 = 12;

/// The version of Valkey's own that is read, with another magic.
pub const VALKEY_VERSION: u16 = 80;

/// A version that files are written in. Strings are written alike in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// For Redis 5 and newer.
    V9,
    /// For Redis 7.0 and newer.
    V10,
    /// For Redis 7.2 and newer.
    #[default]
    V11,
    /// For Redis 7.4 and newer. Nobody asks for it: it is what fields with deadlines need.
    V12,
}

impl Version {
    /// The version that the configuration names.
    pub(super) fn of(configured: RdbVersion) -> Self {
        match configured {
            RdbVersion::V9 => Self::V9,
            RdbVersion::V10 => Self::V10,
            RdbVersion::V11 => Self::V11,
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::V9 => 9,
            Self::V10 => 10,
            Self::V11 => 11,
            Self::V12 => 12,
        }
    }

    /// Magic and version, as a file begins.
    pub(super) fn magic(self) -> &'static [u8; MAGIC_BYTES] {
        match self {
            Self::V9 => b"REDIS0009",
            Self::V10 => b"REDIS0010",
            Self::V11 => b"REDIS0011",
            Self::V12 => b"REDIS0012",
        }
    }
}
