//! The limit of memory, eviction, expiry and the freeing of values.

use super::super::choice::MaxmemoryPolicy;
use super::super::codec::{OneOf, YesNo};
use super::super::directive::{Directive, row};
use super::super::number::{INT_MAX, Integer, Memory, ULONG_MAX};

pub(super) const ROWS: &[Directive] = &[
    row!("maxmemory", maxmemory, Memory { min: 0, max: ULONG_MAX }),
    row!("maxmemory-policy", maxmemory_policy, OneOf::<MaxmemoryPolicy>::new()),
    row!("maxmemory-samples", maxmemory_samples, Integer { min: 1, max: INT_MAX }),
    row!("maxmemory-eviction-tenacity", maxmemory_eviction_tenacity, Integer { min: 0, max: 100 }),
    row!("lfu-log-factor", lfu_log_factor, Integer { min: 0, max: INT_MAX }),
    row!("lfu-decay-time", lfu_decay_time_min, Integer { min: 0, max: INT_MAX }),
    row!("active-expire-effort", active_expire_effort, Integer { min: 1, max: 10 }),
    row!("lazyfree-lazy-eviction", lazyfree_lazy_eviction, YesNo),
    row!("lazyfree-lazy-expire", lazyfree_lazy_expire, YesNo),
    row!("lazyfree-lazy-server-del", lazyfree_lazy_server_del, YesNo),
    row!("lazyfree-lazy-user-del", lazyfree_lazy_user_del, YesNo),
    row!("lazyfree-lazy-user-flush", lazyfree_lazy_user_flush, YesNo),
];
