//! Snapshots and the append-only file.

use super::super::choice::{AppendFsync, RdbVersion, SanitizeDumpPayload};
use super::super::codec::{OneOf, YesNo};
use super::super::directive::{Directive, later, row};
use super::super::lists::SavePoints;
use super::super::number::{INT_MAX, Integer, LONG_MAX, Memory};
use super::super::text::{Text, append_directory, append_name, dump_name};

pub(super) const ROWS: &[Directive] = &[
    row!("save", save, SavePoints),
    row!("stop-writes-on-bgsave-error", stop_writes_on_bgsave_error, YesNo),
    row!("rdb-version", rdb_version, OneOf::<RdbVersion>::new()),
    row!("rdbcompression", rdbcompression, YesNo),
    row!("rdbchecksum", rdbchecksum, YesNo, [Immutable]),
    row!("dbfilename", dbfilename, Text(dump_name), [Protected]),
    later!("rdb-del-sync-files", YesNo, "no"),
    row!("rdb-save-incremental-fsync", rdb_save_incremental_fsync, YesNo),
    row!("sanitize-dump-payload", sanitize_dump_payload, OneOf::<SanitizeDumpPayload>::new()),
    row!("appendonly", appendonly, YesNo, [DenyLoading]),
    row!("appendfilename", appendfilename, Text(append_name), [Immutable]),
    row!("appenddirname", appenddirname, Text(append_directory), [Immutable]),
    row!("appendfsync", appendfsync, OneOf::<AppendFsync>::new()),
    row!("no-appendfsync-on-rewrite", no_appendfsync_on_rewrite, YesNo),
    row!(
        "auto-aof-rewrite-percentage",
        auto_aof_rewrite_percentage,
        Integer { min: 0, max: INT_MAX }
    ),
    row!("auto-aof-rewrite-min-size", auto_aof_rewrite_min_size, Memory { min: 0, max: LONG_MAX }),
    row!("aof-load-truncated", aof_load_truncated, YesNo),
    row!("aof-use-rdb-preamble", aof_use_rdb_preamble, YesNo),
    row!("aof-timestamp-enabled", aof_timestamp_enabled, YesNo),
    row!("aof-rewrite-incremental-fsync", aof_rewrite_incremental_fsync, YesNo),
    row!("aof-disable-auto-gc", aof_disable_auto_gc, YesNo),
];
