//! How a world begins: the server's configuration, its disk, and what its clients may say.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::Config;
use seedis_core::config::{AppendFsync, ProtectedAction, SavePoint};

use crate::disk::{Image, Personality, STRICT};
use crate::workload::Scope;

/// What a run begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Whether an oracle listens.
    pub scope: Scope,
    /// What the seeds of the cores derive from.
    pub core_seed: u64,
    /// The file system.
    pub personality: Personality,
    /// What is kept; nothing: the server has no disk to speak of and never crashes.
    pub persistence: Option<Persistence>,
    /// What the power loss at the end of the run leaves.
    pub last_image: Image,
    /// The first life begins with files of stock Redis, drawn from this.
    pub stock: Option<u64>,
}

/// How data are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persistence {
    /// There is a log.
    pub appendonly: bool,
    /// What a reply waits for.
    pub appendfsync: AppendFsync,
    /// The base of the log is a dump.
    pub aof_use_rdb_preamble: bool,
    /// The log tells the time.
    pub aof_timestamp_enabled: bool,
    /// No syncs during a rewrite.
    pub no_appendfsync_on_rewrite: bool,
    /// Growth of the log that brings a rewrite, in percent.
    pub auto_aof_rewrite_percentage: u32,
    /// The log is rewritten from so many bytes on.
    pub auto_aof_rewrite_min_size: u64,
    /// A torn end is cut off; else somebody must say so first.
    pub aof_load_truncated: bool,
    /// A dump is written after so many seconds with so many changes.
    pub save: Option<(u64, u32)>,
}

/// Longest value in a run with an oracle: the model copies values all the time.
const MODELLED_BULK_BYTES: u64 = 1 << 20;

/// Longest value in one without: all that more would do is to fill memory with zeros.
const ANY_BULK_BYTES: u64 = 4 << 20;

impl Setup {
    /// The setup of a seed.
    #[must_use]
    pub fn draw(scope: Scope, rng: &mut ChaCha8Rng) -> Self {
        let mut setup = Self {
            scope,
            core_seed: rng.random(),
            personality: Personality::draw(rng),
            persistence: rng.random_ratio(7, 8).then(|| Persistence::draw(rng)),
            last_image: Image::Drawn(rng.random()),
            stock: None,
        };
        let brings = setup.persistence.is_some() && rng.random_ratio(1, 5);
        setup.stock = brings.then(|| rng.random());
        setup
    }

    /// Nothing is kept, nobody listens to the replies.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            scope: Scope::Any,
            core_seed: 0,
            personality: STRICT,
            persistence: None,
            last_image: Image::Nothing,
            stock: None,
        }
    }

    /// What the server is told.
    #[must_use]
    pub fn config(&self) -> Config {
        let mut config = Config { save: Vec::new(), ..Config::default() };
        config.enable_debug_command = ProtectedAction::Yes;
        match self.scope {
            Scope::Any => config.proto_max_bulk_len = ANY_BULK_BYTES,
            Scope::Modelled => config.proto_max_bulk_len = MODELLED_BULK_BYTES,
        }
        if let Some(kept) = &self.persistence {
            kept.configure(&mut config);
        }
        config
    }

    /// What the core of a life hashes and draws with.
    #[must_use]
    pub fn core_seed(&self, life: u64) -> [u8; 32] {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.core_seed.to_le_bytes());
        seed[8..16].copy_from_slice(&life.to_le_bytes());
        seed
    }

    /// Whether another `appendfsync` at runtime changes what a log promises.
    #[must_use]
    pub fn policy_may_change(&self) -> bool {
        self.persistence.as_ref().is_some_and(|kept| !kept.no_appendfsync_on_rewrite)
    }

    /// Whether lives begin with a log.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        self.persistence.as_ref().is_some_and(|kept| kept.appendonly)
    }

    /// What a log promises. With `no-appendfsync-on-rewrite` that is no more than `no` does.
    #[must_use]
    pub fn policy(&self) -> AppendFsync {
        let kept = self.persistence.as_ref().filter(|kept| !kept.no_appendfsync_on_rewrite);
        kept.map_or(AppendFsync::No, |kept| kept.appendfsync)
    }
}

impl Persistence {
    /// A log, and nothing that is not asked for.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            appendonly: true,
            appendfsync: AppendFsync::Always,
            aof_use_rdb_preamble: true,
            aof_timestamp_enabled: false,
            no_appendfsync_on_rewrite: false,
            auto_aof_rewrite_percentage: 0,
            auto_aof_rewrite_min_size: 100_000,
            aof_load_truncated: true,
            save: None,
        }
    }

    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let appendonly = rng.random_ratio(5, 6);
        let policies = [AppendFsync::Always, AppendFsync::Everysec, AppendFsync::No];
        Self {
            appendonly,
            appendfsync: *policies.choose(rng).unwrap_or(&AppendFsync::Always),
            aof_use_rdb_preamble: rng.random(),
            aof_timestamp_enabled: rng.random_ratio(1, 4),
            no_appendfsync_on_rewrite: rng.random_ratio(1, 8),
            auto_aof_rewrite_percentage: *[0, 10, 100].choose(rng).unwrap_or(&100),
            auto_aof_rewrite_min_size: *[100, 5000, 100_000].choose(rng).unwrap_or(&5000),
            aof_load_truncated: rng.random_ratio(5, 6),
            save: (rng.random_ratio(1, 3) || !appendonly).then(|| (1, rng.random_range(1..100))),
        }
    }

    fn configure(&self, config: &mut Config) {
        config.appendonly = self.appendonly;
        config.appendfsync = self.appendfsync;
        config.aof_use_rdb_preamble = self.aof_use_rdb_preamble;
        config.aof_timestamp_enabled = self.aof_timestamp_enabled;
        config.no_appendfsync_on_rewrite = self.no_appendfsync_on_rewrite;
        config.auto_aof_rewrite_percentage = self.auto_aof_rewrite_percentage;
        config.auto_aof_rewrite_min_size = self.auto_aof_rewrite_min_size;
        config.aof_load_truncated = self.aof_load_truncated;
        let points = self.save.iter();
        config.save = points.map(|&(seconds, changes)| SavePoint { seconds, changes }).collect();
    }
}
