//! Directives whose value is one word of a fixed list.
//!
//! Redis compares these words without regard to case, prints the canonical one, and lists all of
//! them in its error. The order of the variants is therefore part of the contract: it is the order
//! in which the error names them. The macro keeps the word beside the variant, once.

/// A type whose values are the words of one directive.
pub trait Choice: Copy + Eq + 'static {
    /// Every word with its value, in the order in which Redis's error lists them; a later word of
    /// the same value is a synonym that is accepted but never printed.
    const WORDS: &'static [(&'static str, Self)];

    /// The value that `word` names, in any case.
    fn from_word(word: &[u8]) -> Option<Self> {
        let named = |(name, _): &&(&str, Self)| name.as_bytes().eq_ignore_ascii_case(word);
        Self::WORDS.iter().find(named).map(|(_, value)| *value)
    }

    /// The canonical word of this value, as CONFIG GET prints it.
    fn word(self) -> &'static str {
        let own = |(_, value): &&(&str, Self)| *value == self;
        Self::WORDS.iter().find(own).map_or("unknown", |(name, _)| *name)
    }
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl Choice for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)+];
        }
    )+};
}

choices! {
    /// What to do when memory passes `maxmemory`.
    MaxmemoryPolicy {
        /// Evict the least recently used key among those with a TTL.
        VolatileLru = "volatile-lru",
        /// Evict the least frequently used key among those with a TTL.
        VolatileLfu = "volatile-lfu",
        /// Evict a random key among those with a TTL.
        VolatileRandom = "volatile-random",
        /// Evict the key whose TTL ends first.
        VolatileTtl = "volatile-ttl",
        /// Evict the least recently used key.
        AllkeysLru = "allkeys-lru",
        /// Evict the least frequently used key.
        AllkeysLfu = "allkeys-lfu",
        /// Evict a random key.
        AllkeysRandom = "allkeys-random",
        /// Evict nothing: refuse writes that need memory.
        NoEviction = "noeviction",
    }
    /// The least urgent message that is logged.
    LogLevel {
        /// Everything.
        Debug = "debug",
        /// Much rarely useful information.
        Verbose = "verbose",
        /// What one wants in production.
        Notice = "notice",
        /// Only what is very important or critical.
        Warning = "warning",
    }
    /// Which supervisor is told that the server is ready.
    Supervised {
        /// Upstart: raise SIGSTOP.
        Upstart = "upstart",
        /// systemd: write to `$NOTIFY_SOCKET`.
        Systemd = "systemd",
        /// Whichever of the two the environment shows.
        Auto = "auto",
        /// None.
        No = "no",
    }
    /// When appended bytes are forced to the disk.
    AppendFsync {
        /// Once a second.
        Everysec = "everysec",
        /// Before the reply of every write.
        Always = "always",
        /// When the kernel sees fit.
        No = "no",
    }
    /// Who may use a protected feature (DEBUG, MODULE, protected directives).
    ProtectedAction {
        /// Nobody.
        No = "no",
        /// Every connection.
        Yes = "yes",
        /// Connections from this machine.
        Local = "local",
    }
    /// Whether payloads of RESTORE and of RDB files are checked in depth before use.
    SanitizeDumpPayload {
        /// Never.
        No = "no",
        /// Always.
        Yes = "yes",
        /// For RESTORE by clients other than the master link and the loader.
        Clients = "clients",
    }
}
