//! The process: how it starts, logs, ticks and ends.

use super::super::choice::{LogLevel, OomScoreAdj, Supervised, SyslogFacility};
use super::super::codec::{Off, OneOf, YesNo};
use super::super::directive::{Directive, later, row};
use super::super::lists::{OomScores, Shutdown};
use super::super::number::{Clamped, INT_MAX, INT_MIN, Integer, LONG_MAX, Memory};
use super::super::text::{Directory, Optional, Text, anything, locale, title_template};

pub(super) const ROWS: &[Directive] = &[
    row!("databases", databases, Integer { min: 1, max: INT_MAX }, [Immutable]),
    row!("daemonize", daemonize, YesNo, [Immutable]),
    row!("supervised", supervised, OneOf::<Supervised>::new(), [Immutable]),
    row!("pidfile", pidfile, Optional(anything), [Immutable]),
    row!("loglevel", loglevel, OneOf::<LogLevel>::new()),
    row!("logfile", logfile, Text(anything), [Immutable]),
    later!("syslog-enabled", YesNo, "no", [Immutable]),
    later!("syslog-ident", Text(anything), "redis", [Immutable]),
    later!("syslog-facility", OneOf::<SyslogFacility>::new(), "local0", [Immutable]),
    later!("crash-log-enabled", YesNo, "yes"),
    later!("crash-memcheck-enabled", YesNo, "yes"),
    later!("use-exit-on-panic", YesNo, "no", [Hidden]),
    later!("watchdog-period", Integer { min: 0, max: INT_MAX }, "0", [Hidden]),
    row!("always-show-logo", always_show_logo, YesNo, [Immutable]),
    row!("set-proc-title", set_proc_title, YesNo, [Immutable]),
    row!("disable-thp", disable_thp, YesNo, [Immutable]),
    row!("proc-title-template", proc_title_template, Text(title_template)),
    later!("locale-collate", Text(locale), ""),
    later!("ignore-warnings", Text(anything), ""),
    row!("dir", dir, Directory, [Protected, DenyLoading]),
    row!("hz", hz, Clamped { number: Integer { min: 0, max: INT_MAX }, low: 1, high: 500 }),
    later!("dynamic-hz", YesNo, "yes"),
    later!("shutdown-timeout", Integer { min: 0, max: INT_MAX }, "10"),
    row!("shutdown-on-sigint", shutdown_on_sigint, Shutdown),
    row!("shutdown-on-sigterm", shutdown_on_sigterm, Shutdown),
    later!("busy-reply-threshold" / "lua-time-limit", Integer { min: 0, max: LONG_MAX }, "5000"),
    later!("lua-enable-deprecated-api", YesNo, "no", [Immutable, Hidden]),
    later!("io-threads", Integer { min: 1, max: 128 }, "1", [Immutable]),
    later!("io-threads-do-reads", YesNo, "no", [Immutable]),
    later!("server-cpulist" / "server_cpulist", Optional(anything), "", [Immutable]),
    later!("bio-cpulist" / "bio_cpulist", Optional(anything), "", [Immutable]),
    later!("aof-rewrite-cpulist" / "aof_rewrite_cpulist", Optional(anything), "", [Immutable]),
    later!("bgsave-cpulist" / "bgsave_cpulist", Optional(anything), "", [Immutable]),
    later!("oom-score-adj", OneOf::<OomScoreAdj>::new(), "no"),
    later!("oom-score-adj-values", OomScores, "0 200 800"),
    later!("jemalloc-bg-thread", YesNo, "yes"),
    later!("activerehashing", YesNo, "yes"),
    later!(
        "activedefrag",
        Off {
            codec: YesNo,
            value: false,
            reason: "Active defragmentation cannot be enabled: it requires a Redis server \
                     compiled with a modified Jemalloc like the one shipped by default with the \
                     Redis source distribution",
        },
        "no"
    ),
    later!("active-defrag-cycle-min", Integer { min: 1, max: 99 }, "1"),
    later!("active-defrag-cycle-max", Integer { min: 1, max: 99 }, "25"),
    later!("active-defrag-threshold-lower", Integer { min: 0, max: 1000 }, "10"),
    later!("active-defrag-threshold-upper", Integer { min: 0, max: 1000 }, "100"),
    later!("active-defrag-max-scan-fields", Integer { min: 1, max: LONG_MAX }, "1000"),
    later!("active-defrag-ignore-bytes", Memory { min: 1, max: LONG_MAX }, "104857600"),
    later!("key-load-delay", Integer { min: INT_MIN, max: INT_MAX }, "0", [Hidden]),
    later!("rdb-key-save-delay", Integer { min: INT_MIN, max: INT_MAX }, "0", [Hidden]),
    later!(
        "loading-process-events-interval-bytes",
        Integer { min: 1024, max: INT_MAX },
        "2097152",
        [Hidden]
    ),
];
