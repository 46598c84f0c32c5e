//! Which arguments of a command are secrets, and which are values.

use core::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use super::Mask;

/// What to look for.
#[derive(Debug)]
pub(super) struct Rules {
    key: u128,
    pub(super) masks_values: bool,
}

impl Rules {
    pub(super) fn new(key: u128, masks_values: bool) -> Self {
        Self { key, masks_values }
    }

    /// The mask of a secret that begins.
    pub(super) fn begin(&self) -> Mask {
        let mut chain = SipHasher13::new_with_keys(self.key as u64, (self.key >> 64) as u64);
        chain.write(b"secret");
        Mask { chain }
    }
}

/// What a command holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Holds {
    /// Nothing that is masked.
    #[default]
    Nothing,
    /// AUTH: a password behind a name, or alone.
    Auth,
    /// HELLO: both behind the option AUTH.
    Hello,
    /// CONFIG: passwords behind the names of directives, with SET.
    Config,
    /// A value as the argument with this number.
    ValueAt(u32),
    /// Values in every other argument.
    ValuesBehindKeys,
    /// SET: as `ValueAt(2)`, and one behind an option.
    ValueOfSet,
    /// BITFIELD: the last argument of SET and INCRBY.
    ValuesOfBitfield,
    /// Values behind the word FIELDS and a number.
    ValuesBehindFields,
    /// XADD: everything behind the ID, which stands behind options.
    ValuesOfXadd,
    /// The same, behind MAXLEN or MINID.
    ThresholdOfXadd,
    /// Values from the second argument on, or, without knowing better, what may be some.
    ValuesFrom(u32),
}

/// Commands with values. Increments and bits change values, and are no more than that. Fields of
/// hashes and members of sets may be values, so every command that names one masks it alike.
const WITH_VALUES: &[(&str, Holds)] = &[
    ("append", Holds::ValueAt(2)),
    ("bitfield", Holds::ValuesOfBitfield),
    ("delifeq", Holds::ValueAt(2)),
    ("echo", Holds::ValueAt(1)),
    ("getset", Holds::ValueAt(2)),
    ("hdel", Holds::ValuesFrom(2)),
    ("hexists", Holds::ValueAt(2)),
    ("hexpire", Holds::ValuesBehindFields),
    ("hexpireat", Holds::ValuesBehindFields),
    ("hexpiretime", Holds::ValuesBehindFields),
    ("hget", Holds::ValueAt(2)),
    ("hgetdel", Holds::ValuesBehindFields),
    ("hgetex", Holds::ValuesBehindFields),
    ("hincrby", Holds::ValueAt(2)),
    ("hincrbyfloat", Holds::ValueAt(2)),
    ("hmget", Holds::ValuesFrom(2)),
    ("hmset", Holds::ValuesFrom(2)),
    ("hpersist", Holds::ValuesBehindFields),
    ("hpexpire", Holds::ValuesBehindFields),
    ("hpexpireat", Holds::ValuesBehindFields),
    ("hpexpiretime", Holds::ValuesBehindFields),
    ("hpttl", Holds::ValuesBehindFields),
    ("hset", Holds::ValuesFrom(2)),
    ("hsetex", Holds::ValuesBehindFields),
    ("hsetnx", Holds::ValuesFrom(2)),
    ("hstrlen", Holds::ValueAt(2)),
    ("httl", Holds::ValuesBehindFields),
    ("linsert", Holds::ValuesFrom(3)),
    ("lpos", Holds::ValueAt(2)),
    ("lpush", Holds::ValuesFrom(2)),
    ("lpushx", Holds::ValuesFrom(2)),
    ("lrem", Holds::ValueAt(3)),
    ("lset", Holds::ValueAt(3)),
    ("mset", Holds::ValuesBehindKeys),
    ("msetnx", Holds::ValuesBehindKeys),
    ("pfadd", Holds::ValuesFrom(2)),
    ("ping", Holds::ValueAt(1)),
    ("psetex", Holds::ValueAt(3)),
    ("publish", Holds::ValueAt(2)),
    ("restore", Holds::ValueAt(3)),
    ("restore-asking", Holds::ValueAt(3)),
    ("rpush", Holds::ValuesFrom(2)),
    ("rpushx", Holds::ValuesFrom(2)),
    ("sadd", Holds::ValuesFrom(2)),
    ("set", Holds::ValueOfSet),
    ("setex", Holds::ValueAt(3)),
    ("setnx", Holds::ValueAt(2)),
    ("setrange", Holds::ValueAt(3)),
    ("sismember", Holds::ValueAt(2)),
    ("smismember", Holds::ValuesFrom(2)),
    ("smove", Holds::ValueAt(3)),
    ("spublish", Holds::ValueAt(2)),
    ("srem", Holds::ValuesFrom(2)),
    ("xadd", Holds::ValuesOfXadd),
];

/// Commands without: their arguments are keys, channels, patterns, numbers and options.
const WITHOUT_VALUES: &[&str] = &[
    "asking",
    "bgrewriteaof",
    "bgsave",
    "bitcount",
    "bitfield_ro",
    "bitop",
    "bitpos",
    "blmove",
    "blmpop",
    "blpop",
    "brpop",
    "brpoplpush",
    "bzmpop",
    "bzpopmax",
    "bzpopmin",
    "client",
    "command",
    "copy",
    "dbsize",
    "debug",
    "decr",
    "decrby",
    "del",
    "discard",
    "dump",
    "exec",
    "exists",
    "expire",
    "expireat",
    "expiretime",
    "flushall",
    "flushdb",
    "geoadd",
    "geodist",
    "geohash",
    "geopos",
    "georadius",
    "georadius_ro",
    "georadiusbymember",
    "georadiusbymember_ro",
    "geosearch",
    "geosearchstore",
    "get",
    "getbit",
    "getdel",
    "getex",
    "getrange",
    "hgetall",
    "hkeys",
    "hlen",
    "hrandfield",
    "hscan",
    "hvals",
    "incr",
    "incrby",
    "incrbyfloat",
    "info",
    "keys",
    "lastsave",
    "latency",
    "lcs",
    "lindex",
    "llen",
    "lmove",
    "lmpop",
    "lolwut",
    "lpop",
    "lrange",
    "ltrim",
    "memory",
    "mget",
    "monitor",
    "move",
    "multi",
    "object",
    "persist",
    "pexpire",
    "pexpireat",
    "pexpiretime",
    "pfcount",
    "pfdebug",
    "pfmerge",
    "pfselftest",
    "psubscribe",
    "pttl",
    "pubsub",
    "punsubscribe",
    "quit",
    "randomkey",
    "rename",
    "renamenx",
    "reset",
    "role",
    "rpop",
    "rpoplpush",
    "save",
    "scan",
    "scard",
    "sdiff",
    "sdiffstore",
    "select",
    "setbit",
    "shutdown",
    "sinter",
    "sintercard",
    "sinterstore",
    "slowlog",
    "smembers",
    "sort",
    "sort_ro",
    "spop",
    "srandmember",
    "sscan",
    "ssubscribe",
    "strlen",
    "subscribe",
    "substr",
    "sunion",
    "sunionstore",
    "sunsubscribe",
    "swapdb",
    "time",
    "touch",
    "ttl",
    "type",
    "unlink",
    "unsubscribe",
    "unwatch",
    "waitaof",
    "watch",
    "xack",
    "xackdel",
    "xautoclaim",
    "xclaim",
    "xdel",
    "xdelex",
    "xgroup",
    "xinfo",
    "xlen",
    "xpending",
    "xrange",
    "xread",
    "xreadgroup",
    "xrevrange",
    "xsetid",
    "xtrim",
    "zadd",
    "zcard",
    "zcount",
    "zdiff",
    "zdiffstore",
    "zincrby",
    "zinter",
    "zintercard",
    "zinterstore",
    "zlexcount",
    "zmpop",
    "zmscore",
    "zpopmax",
    "zpopmin",
    "zrandmember",
    "zrange",
    "zrangebylex",
    "zrangebyscore",
    "zrangestore",
    "zrank",
    "zrem",
    "zremrangebylex",
    "zremrangebyrank",
    "zremrangebyscore",
    "zrevrange",
    "zrevrangebylex",
    "zrevrangebyscore",
    "zrevrank",
    "zscan",
    "zscore",
    "zunion",
    "zunionstore",
];

impl Holds {
    /// What the command called `name`, in lower case, holds.
    pub(super) fn of(name: &[u8], masks_values: bool) -> Self {
        match name {
            b"auth" => Self::Auth,
            b"hello" => Self::Hello,
            b"config" => Self::Config,
            _ if masks_values => Self::values_of(name),
            _ => Self::Nothing,
        }
    }

    fn values_of(name: &[u8]) -> Self {
        let known = WITH_VALUES.iter().find(|(known, _)| known.as_bytes() == name);
        match known {
            Some((_, holds)) => *holds,
            None if is_without_values(name) => Self::Nothing,
            // A command that does not exist, or that nobody has described here.
            None => Self::ValuesFrom(1),
        }
    }
}

fn is_without_values(name: &[u8]) -> bool {
    WITHOUT_VALUES.binary_search_by(|known| known.as_bytes().cmp(name)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_described() {
        assert!(WITHOUT_VALUES.is_sorted());
        for row in crate::command::registry().rows() {
            let name = row.command.name.as_bytes();
            let is_top = !row.full_name.contains('|');
            let holds = Holds::of(name, true);
            assert!(!is_top || holds != Holds::ValuesFrom(1), "{} is missing", row.full_name);
        }
    }
}
