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
    ($(
        $(#[$doc:meta])*
        $vis:vis $name:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+
        }
    )+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl Choice for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)+];
        }
    )+};
}

choices! {
    /// What to do when memory passes `maxmemory`.
    pub MaxmemoryPolicy {
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
    pub LogLevel {
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
    pub Supervised {
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
    pub AppendFsync {
        /// Once a second.
        Everysec = "everysec",
        /// Before the reply of every write.
        Always = "always",
        /// When the kernel sees fit.
        No = "no",
    }
    /// The version of the dump format that files are written in.
    pub RdbVersion {
        /// For Redis 5 and newer.
        V9 = "9",
        /// For Redis 7.0 and newer.
        V10 = "10",
        /// For Redis 7.2 and newer.
        V11 = "11",
    }
    /// Who may use a protected feature (DEBUG, MODULE, protected directives).
    pub ProtectedAction {
        /// Nobody.
        No = "no",
        /// Every connection.
        Yes = "yes",
        /// Connections from this machine.
        Local = "local",
    }
    /// Whether payloads of RESTORE and of RDB files are checked in depth before use.
    pub SanitizeDumpPayload {
        /// Never.
        No = "no",
        /// Always.
        Yes = "yes",
        /// For RESTORE by clients other than the master link and the loader.
        Clients = "clients",
    }
    /// Channels of a new user (`acl-pubsub-default`).
    pub(super) AclPubsubDefault {
        /// All of them.
        AllChannels = "allchannels",
        /// None of them.
        ResetChannels = "resetchannels",
    }
    /// Where a message to syslog is filed.
    pub(super) SyslogFacility {
        /// User-level messages.
        User = "user",
        /// Reserved for local use.
        Local0 = "local0",
        /// Reserved for local use.
        Local1 = "local1",
        /// Reserved for local use.
        Local2 = "local2",
        /// Reserved for local use.
        Local3 = "local3",
        /// Reserved for local use.
        Local4 = "local4",
        /// Reserved for local use.
        Local5 = "local5",
        /// Reserved for local use.
        Local6 = "local6",
        /// Reserved for local use.
        Local7 = "local7",
    }
    /// Whether a replica loads a snapshot straight from the socket.
    pub(super) ReplDisklessLoad {
        /// Never.
        Disabled = "disabled",
        /// Only into an empty database.
        OnEmptyDb = "on-empty-db",
        /// Beside the old data, which it replaces at the end.
        Swapdb = "swapdb",
    }
    /// What a replica does with a command of its master that fails.
    pub(super) PropagationErrorBehavior {
        /// Go on.
        Ignore = "ignore",
        /// Abort.
        Panic = "panic",
        /// Abort if it comes from the master, but not if it comes from the log.
        PanicOnReplicas = "panic-on-replicas",
    }
    /// How a node of the cluster tells clients where to go.
    pub(super) EndpointType {
        /// By address.
        Ip = "ip",
        /// By name.
        Hostname = "hostname",
        /// Not at all: clients keep the address that they used.
        Unknown = "unknown-endpoint",
    }
    /// Whether TLS clients must show a certificate.
    pub(super) TlsAuthClients {
        /// They need none.
        No = "no",
        /// They must.
        Yes = "yes",
        /// If they show one it must be valid.
        Optional = "optional",
    }
}

/// Whether the process sets its own OOM score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OomScoreAdj {
    /// It does not.
    No,
    /// Relative to the score that it was started with.
    Relative,
    /// As it is written.
    Absolute,
}

impl Choice for OomScoreAdj {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("no", Self::No),
        ("yes", Self::Relative),
        ("relative", Self::Relative),
        ("absolute", Self::Absolute),
    ];
}
