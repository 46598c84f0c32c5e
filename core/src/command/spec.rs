//! The row of a command: every fact about it but its code.
//!
//! Arity checks, key extraction, COMMAND INFO and DOCS, ACL categories, statistics and COMPAT.md
//! derive from the row, which stands beside the function in one file.

use super::Ctx;
use super::error::Outcome;
use super::key_extraction::KeysBy;

/// The function of a command.
pub type Run = fn(&mut Ctx<'_>) -> Outcome;

macro_rules! bits {
    ($(#[$about:meta])* $name:ident: $kind:ty {
        $($(#[$doc:meta])* $bit:ident = $at:expr, $text:expr;)+
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name(pub $kind);

        impl $name {
            $($(#[$doc])* pub const $bit: Self = Self(1 << $at);)+

            /// None of them.
            pub const NONE: Self = Self(0);

            /// Every one with its name, in Redis's order.
            pub const NAMES: &'static [(Self, &'static str)] = &[$((Self::$bit, $text)),+];

            /// Both together.
            #[must_use]
            pub const fn and(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Whether all of `other` are set.
            #[must_use]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The names of those that are set.
            pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
                Self::NAMES.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, name)| *name)
            }
        }

        impl core::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.and(other)
            }
        }
    };
}

bits! {
    /// How a command behaves, with the names that COMMAND INFO gives.
    Flags: u32 {
        /// May change the keyspace.
        WRITE = 0, "write";
        /// Reads the keyspace.
        READONLY = 1, "readonly";
        /// Refused when memory is used up.
        DENYOOM = 2, "denyoom";
        /// For administrators.
        ADMIN = 3, "admin";
        /// Publishes or subscribes.
        PUBSUB = 4, "pubsub";
        /// Not in scripts.
        NOSCRIPT = 5, "noscript";
        /// May wait.
        BLOCKING = 6, "blocking";
        /// Served while data is loaded.
        LOADING = 7, "loading";
        /// Served by a replica whose data is old.
        STALE = 8, "stale";
        /// MONITOR does not show it.
        SKIP_MONITOR = 9, "skip_monitor";
        /// The slow log does not list it.
        SKIP_SLOWLOG = 10, "skip_slowlog";
        /// Accepted for a slot that is being imported.
        ASKING = 11, "asking";
        /// Constant or logarithmic time.
        FAST = 12, "fast";
        /// Allowed before AUTH.
        NO_AUTH = 13, "no_auth";
        /// May propagate without being a write. COMMAND INFO does not tell.
        MAY_REPLICATE = 14, "may_replicate";
        /// Every key argument may be missing.
        NO_MANDATORY_KEYS = 19, "no_mandatory_keys";
        /// Needs a directive that allows it. COMMAND INFO does not tell.
        PROTECTED = 20, "protected";
        /// Not while a replica loads in the background.
        NO_ASYNC_LOADING = 15, "no_async_loading";
        /// Not in a transaction.
        NO_MULTI = 16, "no_multi";
        /// One range does not tell all keys. No row has it: COMMAND INFO derives it from key specs.
        MOVABLEKEYS = 17, "movablekeys";
        /// Served while a script is busy.
        ALLOW_BUSY = 18, "allow_busy";
    }
}

bits! {
    /// ACL categories that do not follow from flags, with their names.
    Categories: u32 {
        /// Keys whatever their type.
        KEYSPACE = 0, "keyspace";
        /// Reads keys; follows from [`Flags::READONLY`].
        READ = 1, "read";
        /// Writes keys; follows from [`Flags::WRITE`].
        WRITE = 2, "write";
        /// Sets.
        SET = 3, "set";
        /// Sorted sets.
        SORTEDSET = 4, "sortedset";
        /// Lists.
        LIST = 5, "list";
        /// Hashes.
        HASH = 6, "hash";
        /// Strings.
        STRING = 7, "string";
        /// Bitmaps.
        BITMAP = 8, "bitmap";
        /// HyperLogLogs.
        HYPERLOGLOG = 9, "hyperloglog";
        /// Geographic indexes.
        GEO = 10, "geo";
        /// Streams.
        STREAM = 11, "stream";
        /// Publishing and subscribing; follows from [`Flags::PUBSUB`].
        PUBSUB = 12, "pubsub";
        /// Administration; follows from [`Flags::ADMIN`].
        ADMIN = 13, "admin";
        /// Follows from [`Flags::FAST`].
        FAST = 14, "fast";
        /// Whatever is not fast.
        SLOW = 15, "slow";
        /// May wait; follows from [`Flags::BLOCKING`].
        BLOCKING = 16, "blocking";
        /// To be used with care; [`Flags::ADMIN`] implies it.
        DANGEROUS = 17, "dangerous";
        /// Affects the connection.
        CONNECTION = 18, "connection";
        /// Transactions.
        TRANSACTION = 19, "transaction";
        /// Scripts.
        SCRIPTING = 20, "scripting";
    }
}

bits! {
    /// What a command does with a key, with the names that COMMAND INFO gives.
    KeyFlags: u16 {
        /// Reads the value, changes nothing.
        RO = 0, "RO";
        /// Reads and changes.
        RW = 1, "RW";
        /// Overwrites without reading.
        OW = 2, "OW";
        /// Removes.
        RM = 3, "RM";
        /// Returns data of the value.
        ACCESS = 4, "access";
        /// Changes data of the value.
        UPDATE = 5, "update";
        /// Adds data only.
        INSERT = 6, "insert";
        /// Removes data only.
        DELETE = 7, "delete";
        /// No key, but belongs to a slot.
        NOT_KEY = 8, "not_key";
        /// Other keys may be touched that this spec does not tell.
        INCOMPLETE = 9, "incomplete";
        /// The flags depend on the arguments.
        VARIABLE_FLAGS = 10, "variable_flags";
    }
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At an argument; 0 is the command itself.
    Index(u8),
    /// After a word that is searched from an argument on; negative counts from the end.
    Keyword(&'static str, i8),
    /// The arguments alone do not tell.
    Unknown,
}

/// Which arguments from there on are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Up to `last` (relative; negative counts from the end), every `step`th; `limit` divides what
    /// is left when `last` is -1.
    Range {
        /// Offset of the last key, negative from the end of the arguments.
        last: i8,
        /// Distance of two keys.
        step: u8,
        /// 0 or 1 for all the rest, 2 for its first half, and so on.
        limit: u8,
    },
    /// An argument holds their number.
    KeyNum {
        /// Offset of the number.
        at: u8,
        /// Offset of the first key.
        first: u8,
        /// Distance of two keys.
        step: u8,
    },
    /// The arguments alone do not tell.
    Unknown,
}

/// One way in which a command names keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// What it does with them.
    pub flags: KeyFlags,
    /// Where they begin.
    pub begin: Begin,
    /// Which they are.
    pub find: Find,
    /// A note for COMMAND INFO.
    pub notes: &'static str,
}

impl KeySpec {
    /// One key at an argument.
    #[must_use]
    pub const fn one(at: u8, flags: KeyFlags) -> Self {
        Self::range(at, 0, 1, flags)
    }

    /// Keys from the argument `at` on, as [`Find::Range`] says.
    #[must_use]
    pub const fn range(at: u8, last: i8, step: u8, flags: KeyFlags) -> Self {
        let find = Find::Range { last, step, limit: 0 };
        Self { flags, begin: Begin::Index(at), find, notes: "" }
    }
}

/// The group of a command in COMMAND DOCS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Group {
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    Hyperloglog,
    List,
    Pubsub,
    Scripting,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl Group {
    /// The name in COMMAND DOCS.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bitmap => "bitmap",
            Self::Cluster => "cluster",
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Geo => "geo",
            Self::Hash => "hash",
            Self::Hyperloglog => "hyperloglog",
            Self::List => "list",
            Self::Pubsub => "pubsub",
            Self::Scripting => "scripting",
            Self::Server => "server",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Transactions => "transactions",
        }
    }
}

/// One command or subcommand.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The name in lower case; a subcommand's without its container.
    pub name: &'static str,
    /// Arguments including the name; negative for a minimum.
    pub arity: i16,
    /// How it behaves.
    pub flags: Flags,
    /// Categories beside those that follow from the flags.
    pub categories: Categories,
    /// How it names keys.
    pub keys: &'static [KeySpec],
    /// Finds the keys where the specs do not tell them all, or not what becomes of them.
    pub keys_by: Option<KeysBy>,
    /// Its group in COMMAND DOCS.
    pub group: Group,
    /// First version of Redis that has it.
    pub since: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// How its cost grows.
    pub complexity: &'static str,
    /// Its arguments in the notation of `command::arguments`.
    pub arguments: &'static str,
    /// Versions and what they changed.
    pub history: &'static [(&'static str, &'static str)],
    /// Hints for clients and proxies (COMMAND INFO).
    pub tips: &'static [&'static str],
    /// Since when it is deprecated, and what replaces it.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// For the internal use of servers and their developers (COMMAND DOCS).
    pub is_syscmd: bool,
    /// Its subcommands, when it is a container.
    pub subcommands: &'static [Self],
    /// Its function; a container's is never called.
    pub run: Run,
}

impl Command {
    /// A row with the facts that every command has; the others follow by the methods below.
    #[must_use]
    pub const fn new(name: &'static str, arity: i16, group: Group, run: Run) -> Self {
        Self {
            name,
            arity,
            flags: Flags::NONE,
            categories: Categories::NONE,
            keys: &[],
            keys_by: None,
            group,
            since: "1.0.0",
            summary: "",
            complexity: "O(1)",
            arguments: "",
            history: &[],
            tips: &[],
            deprecated: None,
            is_syscmd: false,
            subcommands: &[],
            run,
        }
    }

    /// With these flags.
    #[must_use]
    pub const fn flags(mut self, flags: &[Flags]) -> Self {
        let mut at = 0;
        while at < flags.len() {
            self.flags = self.flags.and(flags[at]);
            at += 1;
        }
        self
    }

    /// With these categories beside those that follow from flags.
    #[must_use]
    pub const fn categories(mut self, categories: &[Categories]) -> Self {
        let mut at = 0;
        while at < categories.len() {
            self.categories = self.categories.and(categories[at]);
            at += 1;
        }
        self
    }

    /// With these key specs.
    #[must_use]
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.keys = keys;
        self
    }

    /// With a function that finds the keys of a call, in place of the specs.
    #[must_use]
    pub const fn keys_by(mut self, keys_by: KeysBy) -> Self {
        self.keys_by = Some(keys_by);
        self
    }

    /// With the first version that has it, a summary and a complexity.
    #[must_use]
    pub const fn docs(
        mut self,
        since: &'static str,
        summary: &'static str,
        complexity: &'static str,
    ) -> Self {
        self.since = since;
        self.summary = summary;
        self.complexity = complexity;
        self
    }

    /// With its arguments, in the notation of `command::arguments`.
    #[must_use]
    pub const fn arguments(mut self, arguments: &'static str) -> Self {
        self.arguments = arguments;
        self
    }

    /// With its history.
    #[must_use]
    pub const fn history(mut self, history: &'static [(&'static str, &'static str)]) -> Self {
        self.history = history;
        self
    }

    /// With tips.
    #[must_use]
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    /// Deprecated since a version, replaced by something.
    #[must_use]
    pub const fn deprecated(mut self, since: &'static str, by: &'static str) -> Self {
        self.deprecated = Some((since, by));
        self
    }

    /// For internal use.
    #[must_use]
    pub const fn syscmd(mut self) -> Self {
        self.is_syscmd = true;
        self
    }

    /// A container of these subcommands.
    #[must_use]
    pub const fn subcommands(mut self, subcommands: &'static [Self]) -> Self {
        self.subcommands = subcommands;
        self
    }

    /// The argument with the first key, when its place is fixed.
    #[must_use]
    pub const fn first_key(&self) -> Option<u8> {
        match self.keys {
            [KeySpec { begin: Begin::Index(at), find: Find::Range { .. }, .. }, ..] => Some(*at),
            _ => None,
        }
    }

    /// Whether `argc` arguments, the name included, are a number that it takes.
    #[must_use]
    pub const fn takes(&self, argc: usize) -> bool {
        if self.arity >= 0 {
            argc == self.arity as usize
        } else {
            argc >= self.arity.unsigned_abs() as usize
        }
    }

    /// All its categories, those included that follow from flags.
    #[must_use]
    pub fn all_categories(&self) -> Categories {
        let follows = [
            (Flags::WRITE, Categories::WRITE),
            (Flags::READONLY, Categories::READ),
            (Flags::ADMIN, Categories::ADMIN | Categories::DANGEROUS),
            (Flags::PUBSUB, Categories::PUBSUB),
            (Flags::FAST, Categories::FAST),
            (Flags::BLOCKING, Categories::BLOCKING),
        ];
        let mut all = self.categories;
        for (flag, category) in follows {
            let scripting =
                category == Categories::READ && self.categories.has(Categories::SCRIPTING);
            if self.flags.has(flag) && !scripting {
                all = all | category;
            }
        }
        if all.has(Categories::FAST) { all } else { all | Categories::SLOW }
    }
}
