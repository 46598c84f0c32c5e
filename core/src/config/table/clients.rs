//! The network, connections, and who may do what.

use super::super::choice::{AclPubsubDefault, ProtectedAction};
use super::super::codec::{OneOf, YesNo};
use super::super::directive::{Directive, later, row};
use super::super::lists::{Addresses, ClientLimits};
use super::super::number::{INT_MAX, Integer, LONG_MAX, Memory, Octal, Share, UINT_MAX};
use super::super::text::{Optional, Password, Text, anything};

pub(super) const ROWS: &[Directive] = &[
    row!("bind", bind, Addresses),
    later!("bind-source-addr", Optional(anything), ""),
    row!("port", port, Integer { min: 0, max: 65535 }),
    row!("tcp-backlog", tcp_backlog, Integer { min: 0, max: INT_MAX }, [Immutable]),
    row!("unixsocket", unixsocket, Optional(anything), [Immutable]),
    row!("unixsocketperm", unixsocketperm, Octal, [Immutable]),
    row!("timeout", timeout_s, Integer { min: 0, max: INT_MAX }),
    row!("tcp-keepalive", tcp_keepalive_s, Integer { min: 0, max: INT_MAX }),
    later!("socket-mark-id", Integer { min: 0, max: UINT_MAX }, "0", [Immutable]),
    row!("protected-mode", protected_mode, YesNo),
    row!("maxclients", maxclients, Integer { min: 1, max: UINT_MAX }),
    row!("client-output-buffer-limit", client_output_buffer_limit, ClientLimits),
    row!(
        "client-query-buffer-limit",
        client_query_buffer_limit,
        Memory { min: 1 << 20, max: LONG_MAX }
    ),
    row!("proto-max-bulk-len", proto_max_bulk_len, Memory { min: 1 << 20, max: LONG_MAX }),
    row!("maxmemory-clients", maxmemory_clients, Share),
    later!("tracking-table-max-keys", Integer { min: 0, max: LONG_MAX }, "1000000"),
    row!("requirepass", requirepass, Password, [Sensitive]),
    row!(
        "enable-protected-configs",
        enable_protected_configs,
        OneOf::<ProtectedAction>::new(),
        [Immutable]
    ),
    row!(
        "enable-debug-command",
        enable_debug_command,
        OneOf::<ProtectedAction>::new(),
        [Immutable]
    ),
    later!("enable-module-command", OneOf::<ProtectedAction>::new(), "no", [Immutable]),
    later!("aclfile", Text(anything), "", [Immutable, Guard]),
    later!("acllog-max-len", Integer { min: 0, max: LONG_MAX }, "128"),
    later!("acl-pubsub-default", OneOf::<AclPubsubDefault>::new(), "resetchannels"),
];
