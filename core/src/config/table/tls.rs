//! TLS: nothing acts on these yet, so what would turn it on is refused, not ignored.

use super::super::choice::TlsAuthClients;
use super::super::codec::{Off, OneOf, YesNo};
use super::super::directive::{Directive, later};
use super::super::number::{INT_MAX, Integer};
use super::super::text::{Optional, anything};

const NO_TLS: &str = "Unable to update TLS configuration. Seedis has no TLS yet.";

pub(super) const ROWS: &[Directive] = &[
    later!(
        "tls-port",
        Off { codec: Integer { min: 0, max: 65535 }, value: 0, reason: NO_TLS },
        "0"
    ),
    later!("tls-cluster", Off { codec: YesNo, value: false, reason: NO_TLS }, "no"),
    later!("tls-replication", Off { codec: YesNo, value: false, reason: NO_TLS }, "no"),
    later!("tls-auth-clients", OneOf::<TlsAuthClients>::new(), "yes"),
    later!("tls-session-caching", YesNo, "yes"),
    later!("tls-session-cache-size", Integer { min: 0, max: INT_MAX }, "20480"),
    later!("tls-session-cache-timeout", Integer { min: 0, max: INT_MAX }, "300"),
    later!("tls-prefer-server-ciphers", YesNo, "no"),
    later!("tls-cert-file", Optional(anything), ""),
    later!("tls-key-file", Optional(anything), ""),
    later!("tls-key-file-pass", Optional(anything), ""),
    later!("tls-client-cert-file", Optional(anything), ""),
    later!("tls-client-key-file", Optional(anything), ""),
    later!("tls-client-key-file-pass", Optional(anything), ""),
    later!("tls-dh-params-file", Optional(anything), ""),
    later!("tls-ca-cert-file", Optional(anything), ""),
    later!("tls-ca-cert-dir", Optional(anything), ""),
    later!("tls-protocols", Optional(anything), ""),
    later!("tls-ciphers", Optional(anything), ""),
    later!("tls-ciphersuites", Optional(anything), ""),
];
