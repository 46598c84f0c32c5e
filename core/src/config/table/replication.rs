//! Replication and the cluster: nothing acts on these yet.

use super::super::choice::{EndpointType, PropagationErrorBehavior, ReplDisklessLoad};
use super::super::codec::{OneOf, YesNo};
use super::super::directive::{Directive, later};
use super::super::lists::Master;
use super::super::number::{Clamped, INT_MAX, Integer, LONG_MAX, Memory, ULONG_MAX};
use super::super::text::{Optional, Password, Text, anything, hostname, node_name};

const PORT: Integer = Integer { min: 0, max: 65535 };
const COUNT: Integer = Integer { min: 0, max: INT_MAX };
const PERIOD: Integer = Integer { min: 1, max: INT_MAX };

pub(super) const ROWS: &[Directive] = &[
    later!("replicaof" / "slaveof", Master, "", [Immutable]),
    later!("masterauth", Password, "", [Sensitive]),
    later!("masteruser", Optional(anything), "", [Sensitive]),
    later!("replica-serve-stale-data" / "slave-serve-stale-data", YesNo, "yes"),
    later!("replica-read-only" / "slave-read-only", YesNo, "yes"),
    later!("replica-priority" / "slave-priority", COUNT, "100"),
    later!("replica-announced", YesNo, "yes"),
    later!("replica-announce-ip" / "slave-announce-ip", Optional(anything), ""),
    later!("replica-announce-port" / "slave-announce-port", PORT, "0"),
    later!("replica-lazy-flush" / "slave-lazy-flush", YesNo, "no"),
    later!("replica-ignore-maxmemory" / "slave-ignore-maxmemory", YesNo, "yes"),
    later!("replica-ignore-disk-write-errors", YesNo, "no"),
    later!("repl-diskless-sync", YesNo, "yes"),
    later!("repl-diskless-sync-delay", COUNT, "5"),
    later!("repl-diskless-sync-max-replicas", COUNT, "0"),
    later!("repl-diskless-load", OneOf::<ReplDisklessLoad>::new(), "disabled", [DenyLoading]),
    later!("repl-ping-replica-period" / "repl-ping-slave-period", PERIOD, "10"),
    later!("repl-timeout", PERIOD, "60"),
    later!("repl-disable-tcp-nodelay", YesNo, "no"),
    later!(
        "repl-backlog-size",
        Clamped { number: Memory { min: 1, max: LONG_MAX }, low: 16384, high: LONG_MAX },
        "1048576"
    ),
    later!("repl-backlog-ttl", Integer { min: 0, max: LONG_MAX }, "3600"),
    later!("min-replicas-to-write" / "min-slaves-to-write", COUNT, "0"),
    later!("min-replicas-max-lag" / "min-slaves-max-lag", COUNT, "10"),
    later!("propagation-error-behavior", OneOf::<PropagationErrorBehavior>::new(), "ignore"),
    later!("cluster-enabled", YesNo, "no", [Immutable]),
    later!("cluster-config-file", Text(anything), "nodes.conf", [Immutable]),
    later!("cluster-node-timeout", Integer { min: 0, max: LONG_MAX }, "15000"),
    later!("cluster-port", PORT, "0", [Immutable]),
    later!("cluster-announce-ip", Optional(anything), ""),
    later!("cluster-announce-hostname", Optional(hostname), ""),
    later!("cluster-announce-human-nodename", Optional(node_name), ""),
    later!("cluster-announce-port", PORT, "0"),
    later!("cluster-announce-tls-port", PORT, "0"),
    later!("cluster-announce-bus-port", PORT, "0"),
    later!("cluster-replica-validity-factor" / "cluster-slave-validity-factor", COUNT, "10"),
    later!("cluster-replica-no-failover" / "cluster-slave-no-failover", YesNo, "no"),
    later!("cluster-migration-barrier", COUNT, "1"),
    later!("cluster-allow-replica-migration", YesNo, "yes"),
    later!("cluster-require-full-coverage", YesNo, "yes"),
    later!("cluster-allow-reads-when-down", YesNo, "no"),
    later!("cluster-allow-pubsubshard-when-down", YesNo, "yes"),
    later!("cluster-link-sendbuf-limit", Memory { min: 0, max: ULONG_MAX }, "0"),
    later!("cluster-preferred-endpoint-type", OneOf::<EndpointType>::new(), "ip"),
];
