//! How large a value may grow before it leaves its compact encoding: see `value::Thresholds`.

use super::super::directive::{Directive, row};
use super::super::number::{INT_MAX, INT_MIN, Integer, LONG_MAX, Memory};

const COUNT: Integer = Integer { min: 0, max: LONG_MAX };
const SIZE: Memory = Memory { min: 0, max: LONG_MAX };

pub(super) const ROWS: &[Directive] = &[
    row!(
        "hash-max-listpack-entries" / "hash-max-ziplist-entries",
        hash_max_listpack_entries,
        COUNT
    ),
    row!("hash-max-listpack-value" / "hash-max-ziplist-value", hash_max_listpack_value, SIZE),
    row!(
        "list-max-listpack-size" / "list-max-ziplist-size",
        list_max_listpack_size,
        Integer { min: INT_MIN, max: INT_MAX }
    ),
    row!("list-compress-depth", list_compress_depth, Integer { min: 0, max: INT_MAX }),
    row!("set-max-intset-entries", set_max_intset_entries, COUNT),
    row!("set-max-listpack-entries", set_max_listpack_entries, COUNT),
    row!("set-max-listpack-value", set_max_listpack_value, COUNT),
    row!(
        "zset-max-listpack-entries" / "zset-max-ziplist-entries",
        zset_max_listpack_entries,
        COUNT
    ),
    row!("zset-max-listpack-value" / "zset-max-ziplist-value", zset_max_listpack_value, SIZE),
    row!("hll-sparse-max-bytes", hll_sparse_max_bytes, SIZE),
    row!("stream-node-max-bytes", stream_node_max_bytes, SIZE),
    row!("stream-node-max-entries", stream_node_max_entries, COUNT),
];
