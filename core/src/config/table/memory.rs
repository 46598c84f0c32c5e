//! The limit of memory, eviction, expiry and the freeing of values.

use super::super::choice::MaxmemoryPolicy;
use super::super::codec::{OneOf, YesNo};
use super::super::directive::{Directive, later, row};
use super::super::number::{INT_MAX, Integer, Memory, ULONG_MAX};

pub(super) const ROWS: &[Directive] = &[
    // INFO shows it and limits in percent are shares of it, but nothing is evicted.
    Directive { is_later: true, ..row!("maxmemory", maxmemory, Memory { min: 0, max: ULONG_MAX }) },
    row!("maxmemory-policy", maxmemory_policy, OneOf::<MaxmemoryPolicy>::new()),
    later!("maxmemory-samples", Integer { min: 1, max: INT_MAX }, "5"),
    later!("maxmemory-eviction-tenacity", Integer { min: 0, max: 100 }, "10"),
    row!("lfu-log-factor", lfu_log_factor, Integer { min: 0, max: INT_MAX }),
    row!("lfu-decay-time", lfu_decay_time_min, Integer { min: 0, max: INT_MAX }),
    later!("active-expire-effort", Integer { min: 1, max: 10 }, "1"),
    later!("lazyfree-lazy-eviction", YesNo, "no"),
    row!("lazyfree-lazy-expire", lazyfree_lazy_expire, YesNo),
    row!("lazyfree-lazy-server-del", lazyfree_lazy_server_del, YesNo),
    row!("lazyfree-lazy-user-del", lazyfree_lazy_user_del, YesNo),
    row!("lazyfree-lazy-user-flush", lazyfree_lazy_user_flush, YesNo),
];
