//! Redis's dump format: writing snapshots, reading those of every version, DUMP payloads.

pub mod save;
