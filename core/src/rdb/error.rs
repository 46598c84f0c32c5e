//! What can be wrong with a dump, and where.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// Why a dump cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// Offset in the file of what is wrong.
    pub offset: u64,
    /// What is wrong.
    pub kind: LoadErrorKind,
}

/// What is wrong with a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadErrorKind {
    /// It does not begin as a dump does.
    Magic,
    /// It is of a version that is not known.
    Version(u16),
    /// The file ends inside a part, which needs so many bytes more at least.
    End {
        /// Bytes that are missing.
        missing: u64,
    },
    /// A part begins with a byte that means nothing.
    Opcode(u8),
    /// A length is announced by a byte that announces none.
    Length(u8),
    /// A string is stored in a way that is not known.
    Encoding(u8),
    /// A string is longer than allowed.
    TooLong(u64),
    /// A compressed string does not yield what it should.
    Compression,
    /// An aggregate is not what it says.
    Damaged(&'static str),
    /// The value is of a type that this server does not have yet.
    Type {
        /// The number of the type in the format.
        number: u8,
        /// Its key.
        key: Box<[u8]>,
    },
    /// There are functions, which this server does not have yet.
    Functions,
    /// There is data of a module, which nobody can read without the module.
    Module(String),
    /// The bytes of the file are not those that were written.
    Checksum {
        /// The checksum at the end.
        stored: u64,
        /// That of the bytes.
        computed: u64,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)
    }
}

impl fmt::Display for LoadErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("not an RDB file"),
            Self::Version(version) => write!(f, "RDB version {version} is not known"),
            Self::End { missing } => write!(f, "the file ends, {missing} bytes are missing"),
            Self::Opcode(byte) => write!(f, "unknown type or opcode {byte}"),
            Self::Length(byte) => write!(f, "byte {byte} is no length"),
            Self::Encoding(number) => write!(f, "unknown string encoding {number}"),
            Self::TooLong(len) => write!(f, "a string of {len} bytes is too long"),
            Self::Compression => f.write_str("a compressed string is damaged"),
            Self::Damaged(why) => write!(f, "a value is damaged: {why}"),
            Self::Type { number, key } => write!(
                f,
                "key '{}' is a {} (RDB type {number}), which is not supported yet",
                key.escape_ascii(),
                type_name(*number),
            ),
            Self::Functions => f.write_str("functions are not supported yet"),
            Self::Module(name) => write!(f, "data of the module '{name}' cannot be loaded"),
            Self::Checksum { stored, computed } => {
                write!(f, "checksum {stored:016x} should be {computed:016x}")
            }
        }
    }
}

/// The largest number of a type. Redis and Valkey give the last four different meanings.
pub(super) const TYPE_MAX: u8 = 25;

/// What a number of a type stands for.
pub(super) fn type_name(number: u8) -> &'static str {
    match number {
        0 => "string",
        1 => "list",
        2 => "set",
        3 => "sorted set",
        4 => "hash",
        5 => "sorted set with binary scores",
        6 | 7 => "module value",
        9 => "hash as zipmap",
        10 => "list as ziplist",
        11 => "set as intset",
        12 => "sorted set as ziplist",
        13 => "hash as ziplist",
        14 => "list as quicklist of ziplists",
        15 | 19 | 21 => "stream",
        16 => "hash as listpack",
        17 => "sorted set as listpack",
        18 => "list as quicklist",
        20 => "set as listpack",
        22..=25 => "hash with deadlines of fields",
        _ => "value of an unknown type",
    }
}
