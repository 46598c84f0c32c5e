//! How large a value may grow before it leaves its compact encoding: for types to come.

use super::super::directive::{Directive, later};
use super::super::number::{INT_MAX, INT_MIN, Integer, LONG_MAX, Memory};

const COUNT: Integer = Integer { min: 0, max: LONG_MAX };
const SIZE: Memory = Memory { min: 0, max: LONG_MAX };

pub(super) const ROWS: &[Directive] = &[
    later!("hash-max-listpack-entries" / "hash-max-ziplist-entries", COUNT, "512"),
    later!("hash-max-listpack-value" / "hash-max-ziplist-value", SIZE, "64"),
    later!(
        "list-max-listpack-size" / "list-max-ziplist-size",
        Integer { min: INT_MIN, max: INT_MAX },
        "-2"
    ),
    later!("list-compress-depth", Integer { min: 0, max: INT_MAX }, "0"),
    later!("set-max-intset-entries", COUNT, "512"),
    later!("set-max-listpack-entries", COUNT, "128"),
    later!("set-max-listpack-value", COUNT, "64"),
    later!("zset-max-listpack-entries" / "zset-max-ziplist-entries", COUNT, "128"),
    later!("zset-max-listpack-value" / "zset-max-ziplist-value", SIZE, "64"),
    later!("hll-sparse-max-bytes", SIZE, "3000"),
    later!("stream-node-max-bytes", SIZE, "4096"),
    later!("stream-node-max-entries", COUNT, "100"),
];
