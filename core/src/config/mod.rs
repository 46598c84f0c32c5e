//! The configuration: typed values, the table of directives, the redis.conf syntax.
//!
//! [`Config`] is what the rest of the server reads: one field a directive, named as in Redis 7.2
//! with underscores, and with the unit of a time as the last word. Text never reaches those
//! readers: everything that turns text into values or back (a configuration file, options of the
//! command line, CONFIG GET, SET and REWRITE) goes through one table of directives. A directive of
//! a feature that does not exist yet is in the table too, but has no field.

pub mod arguments;
mod choice;
mod codec;
mod directive;
mod events;
pub mod file;
mod get;
mod limits;
mod lists;
mod number;
pub mod rewrite;
mod set;
mod table;
#[cfg(test)]
mod tests;
mod text;
pub mod title;

pub use choice::{
    AppendFsync, Choice, LogLevel, MaxmemoryPolicy, ProtectedAction, RdbVersion,
    SanitizeDumpPayload, Supervised,
};
pub use codec::Reason;
pub use directive::{Directive, Later};
pub use events::KeyspaceEvents;
pub use limits::{ClientClass, MemoryShare, OutputLimit, OutputLimits, SavePoint, ShutdownOptions};
pub use number::memory;
pub use set::SetError;

use alloc::string::String;
use alloc::vec::Vec;

/// Where a new value comes from, which decides what it may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, the command line, or the embedding program: everything may be set.
    Startup,
    /// CONFIG SET of a client: immutable directives may not, protected ones only if
    /// `enable-protected-configs` allows it.
    Client {
        /// Whether the client is on this machine.
        is_local: bool,
        /// Whether the data is being loaded.
        is_loading: bool,
    },
}

impl Origin {
    fn is_loading(self) -> bool {
        matches!(self, Self::Client { is_loading: true, .. })
    }
}

macro_rules! settings {
    (
        $(#[$about:meta])*
        $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty = $default:expr,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[$doc])* pub $field: $kind,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    };
}

settings! {
/// Every setting that has a reader. Sizes are in bytes; zero means "no limit" where Redis says so.
///
/// The defaults are Redis's; that of `bind` is the one of the redis.conf it ships, not the wildcard
/// that is compiled in.
Config {
    // Network.
    /// Addresses to listen on; a leading `-` makes one optional.
    bind: Vec<String> = ["127.0.0.1", "-::1"].map(String::from).into(),
    /// TCP port; zero for none.
    port: u16 = 6379,
    /// Length of the kernel's queue of connections that are not accepted yet.
    tcp_backlog: u32 = 511,
    /// Path of the Unix socket to listen on.
    unixsocket: Option<Vec<u8>> = None,
    /// Permission bits of that socket; zero leaves them to the umask.
    unixsocketperm: u32 = 0,
    /// Close a client that is idle for so long; zero for never.
    timeout_s: u32 = 0,
    /// Period of TCP keepalive; zero for none.
    tcp_keepalive_s: u32 = 300,
    /// Refuse remote clients while there is neither a password nor an explicit `bind`.
    protected_mode: bool = true,
    /// Clients at once.
    maxclients: u32 = 10_000,

    // Security.
    /// Password of the default user.
    requirepass: Option<Vec<u8>> = None,
    /// Who may set protected directives at runtime.
    enable_protected_configs: ProtectedAction = ProtectedAction::No,
    /// Who may use DEBUG.
    enable_debug_command: ProtectedAction = ProtectedAction::No,

    // General.
    /// Number of databases.
    databases: u32 = 16,
    /// Leave the terminal and run in the background.
    daemonize: bool = false,
    /// Who is told that the server is ready.
    supervised: Supervised = Supervised::No,
    /// Where the process id is written.
    pidfile: Option<Vec<u8>> = None,
    /// The least urgent message that is logged.
    loglevel: LogLevel = LogLevel::Notice,
    /// Path of the log; empty for standard output.
    logfile: Vec<u8> = Vec::new(),
    /// Print the logo even when the log is no terminal.
    always_show_logo: bool = false,
    /// Whether the title of the process shows its address and mode.
    set_proc_title: bool = true,
    /// Do without huge pages. Redis does, since after a fork each write would copy one; there is no
    /// fork here, so the default is the other way round.
    disable_thp: bool = false,
    /// That title, with `{variables}`.
    proc_title_template: Vec<u8> = b"{title} {listen-addr} {server-mode}".into(),
    /// Working directory: every relative path starts here.
    dir: Vec<u8> = b".".into(),
    /// Frequency of background work, 1 to 500 per second.
    hz: u32 = 10,
    /// What SIGINT does.
    shutdown_on_sigint: ShutdownOptions = ShutdownOptions::default(),
    /// What SIGTERM does.
    shutdown_on_sigterm: ShutdownOptions = ShutdownOptions::default(),

    // Clients.
    /// Limits of unsent output.
    client_output_buffer_limit: OutputLimits = OutputLimits::default(),
    /// Limit of unparsed input of one client.
    client_query_buffer_limit: u64 = 1 << 30,
    /// Longest bulk string in a request, and longest value.
    proto_max_bulk_len: u64 = 512 << 20,
    /// Fields of a small hash at most.
    hash_max_listpack_entries: u64 = 512,
    /// Bytes of a field or value of a small hash at most.
    hash_max_listpack_value: u64 = 64,
    /// Elements of a chunk of a list at most, or a class of bytes when negative.
    list_max_listpack_size: i64 = -2,
    /// Chunks at the ends of a list that Redis does not compress; nothing is compressed here.
    list_compress_depth: u64 = 0,
    /// Members of a set of integers at most.
    set_max_intset_entries: u64 = 512,
    /// Members of a small set at most.
    set_max_listpack_entries: u64 = 128,
    /// Bytes of a member of a small set at most.
    set_max_listpack_value: u64 = 64,
    /// Members of a small sorted set at most.
    zset_max_listpack_entries: u64 = 128,
    /// Bytes of a member of a small sorted set at most.
    zset_max_listpack_value: u64 = 64,
    /// Bytes of a sparse HyperLogLog at most.
    hll_sparse_max_bytes: u64 = 3000,
    /// Bytes of a node of a stream at most.
    stream_node_max_bytes: u64 = 4096,
    /// Entries of a node of a stream at most.
    stream_node_max_entries: u64 = 100,
    /// Limit of the memory of all clients together.
    maxmemory_clients: MemoryShare = MemoryShare::Bytes(0),

    // Memory.
    /// Limit of memory; zero for none.
    maxmemory: u64 = 0,
    /// What to do at that limit.
    maxmemory_policy: MaxmemoryPolicy = MaxmemoryPolicy::NoEviction,
    /// How slowly the frequency counter saturates.
    lfu_log_factor: u32 = 10,
    /// Minutes in which the frequency counter loses one.
    lfu_decay_time_min: u32 = 1,
    /// Free expired values in the background.
    lazyfree_lazy_expire: bool = false,
    /// Free overwritten values in the background.
    lazyfree_lazy_server_del: bool = false,
    /// DEL acts as UNLINK.
    lazyfree_lazy_user_del: bool = false,
    /// FLUSHALL, FLUSHDB and SCRIPT FLUSH are ASYNC by default.
    lazyfree_lazy_user_flush: bool = false,

    // Snapshots.
    /// When to save by itself; none for never.
    save: Vec<SavePoint> = [(3600, 1), (300, 100), (60, 10_000)]
        .map(|(seconds, changes)| SavePoint { seconds, changes })
        .into(),
    /// Refuse writes after a background save failed.
    stop_writes_on_bgsave_error: bool = true,
    /// The version of the dump format that files are written in.
    rdb_version: RdbVersion = RdbVersion::V11,
    /// Compress strings in RDB files.
    rdbcompression: bool = true,
    /// Append a checksum to RDB files, and check it.
    rdbchecksum: bool = true,
    /// Name of the RDB file in `dir`.
    dbfilename: Vec<u8> = b"dump.rdb".into(),
    /// Sync the RDB file every few megabytes while it is written.
    rdb_save_incremental_fsync: bool = true,
    /// Which dump payloads are checked in depth.
    sanitize_dump_payload: SanitizeDumpPayload = SanitizeDumpPayload::No,

    // Append-only file.
    /// Log every write.
    appendonly: bool = false,
    /// Prefix of the names of the files.
    appendfilename: Vec<u8> = b"appendonly.aof".into(),
    /// Directory of the files, in `dir`.
    appenddirname: Vec<u8> = b"appendonlydir".into(),
    /// When the log is synced.
    appendfsync: AppendFsync = AppendFsync::Everysec,
    /// Do not sync while a rewrite or a save runs.
    no_appendfsync_on_rewrite: bool = false,
    /// Rewrite when the log has grown by so many percent; zero for never.
    auto_aof_rewrite_percentage: u32 = 100,
    /// But not below this size.
    auto_aof_rewrite_min_size: u64 = 64 << 20,
    /// Start with a log whose tail is torn.
    aof_load_truncated: bool = true,
    /// Write the base file as RDB.
    aof_use_rdb_preamble: bool = true,
    /// Write `#TS` annotations.
    aof_timestamp_enabled: bool = false,
    /// Sync every few megabytes while a rewrite writes its base.
    aof_rewrite_incremental_fsync: bool = true,
    /// Keep files that a rewrite made obsolete.
    aof_disable_auto_gc: bool = false,

    // Observation.
    /// Log commands that took longer; negative for none, zero for all.
    slowlog_log_slower_than_us: i64 = 10_000,
    /// Entries of the slow log.
    slowlog_max_len: u64 = 128,
    /// Sample events that took at least so long; zero for none.
    latency_monitor_threshold_ms: u64 = 0,
    /// Keep a histogram of latencies for every command.
    latency_tracking: bool = true,
    /// Percentiles that INFO latencystats prints, each 0 to 100.
    latency_tracking_info_percentiles: Vec<f64> = [50.0, 99.0, 99.9].into(),
    /// Which keyspace events are published.
    notify_keyspace_events: KeyspaceEvents = KeyspaceEvents::default(),

    // Settings without a reader.
    /// Values of directives that nothing acts on yet.
    later: Later = Later::default(),
}
}
