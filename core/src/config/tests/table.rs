//! What must hold for every row of the table, and what no recording shows.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::super::codec::DOES_NOT_FIT;
use super::super::rewrite::rewrite;
use super::super::{Config, Directive, KeyspaceEvents, MemoryShare, Origin, SetError};
use super::{parse, parse_including, text};

const CLIENT: Origin = Origin::Client { is_local: false, is_loading: false };

fn set(config: &mut Config, name: &str, value: &[u8]) -> Result<(), SetError> {
    config.set_many(&[(name.as_bytes(), value)], Origin::Startup).map(drop)
}

/// Some value other than the default for every directive that takes one.
fn another_value(directive: &Directive) -> Option<Vec<u8>> {
    let values = [
        "yes",
        "no",
        "5",
        "10",
        "7mb",
        "1023",
        "2000",
        "60 1 30 2",
        "some text",
        "0 50 100",
        "host 1",
        "pubsub 5 6 7",
        "KA",
        "SAVE now",
        "warning",
        "always",
        "everysec",
        "allkeys-lru",
        "local",
        "clients",
        "local3",
        "allchannels",
        "swapdb",
        "panic",
        "hostname",
        "optional",
        "absolute",
        "systemd",
        "::1 host",
        "POSIX",
        "a.b-c",
    ];
    let takes = |value: &&&str| {
        let mut config = Config::default();
        let result = set(&mut config, directive.name(), value.as_bytes());
        result.is_ok() && config != Config::default()
    };
    values.iter().find(takes).map(|value| value.as_bytes().to_vec())
}

#[test]
fn names_are_unique_and_in_lower_case() {
    let mut names = BTreeSet::new();
    for name in Directive::all().flat_map(Directive::names) {
        assert_eq!(name, name.to_ascii_lowercase());
        assert!(names.insert(name), "{name} is there twice");
    }
}

#[test]
fn every_default_can_be_set() {
    // Only `no one` says that there is no master, and CONFIG GET prints nothing for it.
    let settable = |directive: &&Directive| directive.name() != "replicaof";
    for directive in Directive::all().filter(settable) {
        let mut config = Config::default();
        let value = directive.value(&config);
        let changed = config.set_many(&[(directive.name().as_bytes(), &value)], Origin::Startup);
        assert_eq!(changed.map(|changed| changed.len()), Ok(0), "{directive:?}");
        assert_eq!(config, Config::default(), "{directive:?}");
    }
}

#[test]
fn every_value_survives_set_rewrite_and_parse() {
    let off_only = ["activedefrag", "tls-port", "tls-cluster", "tls-replication"];
    for directive in Directive::all() {
        let Some(value) = another_value(directive) else {
            assert!(off_only.contains(&directive.name()), "no value for {directive:?}");
            continue;
        };
        let mut config = Config::default();
        set(&mut config, directive.name(), &value).unwrap();
        let file = rewrite(b"", &config);
        assert!(parse(&file).unwrap() == config, "{directive:?}: {}", text(file));
        let again = rewrite(&file, &config);
        assert!(parse(&again).unwrap() == config, "{directive:?}: {}", text(again));
    }
}

#[test]
fn every_bound_fits_its_field() {
    let numbers = [
        i128::from(i64::MIN),
        -2_147_483_649,
        -2_147_483_648,
        -1,
        0,
        1,
        255,
        256,
        65535,
        65536,
        2_147_483_647,
        2_147_483_648,
        4_294_967_295,
        4_294_967_296,
        i128::from(i64::MAX),
        i128::from(u64::MAX),
    ];
    for directive in Directive::all() {
        for number in numbers {
            let mut config = Config::default();
            if let Err(error) = set(&mut config, directive.name(), number.to_string().as_bytes()) {
                assert!(!error.to_string().contains(DOES_NOT_FIT), "{directive:?} {number}");
            }
        }
    }
}

#[test]
fn settings_of_a_call_are_all_made_or_none() {
    let mut config = Config::default();
    let pairs: [(&[u8], &[u8]); 3] = [(b"hz", b"20"), (b"LOGLEVEL", b"debug"), (b"timeout", b"0")];
    let changed = config.set_many(&pairs, CLIENT).unwrap();
    let names: Vec<&str> = changed.iter().map(|directive| directive.name()).collect();
    assert_eq!(names, ["hz", "loglevel"]);
    let before = config.clone();
    let pairs: [(&[u8], &[u8]); 2] = [(b"hz", b"30"), (b"timeout", b"x")];
    assert!(config.set_many(&pairs, CLIENT).is_err());
    assert_eq!(config, before);
}

#[test]
fn protected_directives_need_leave() {
    let mut config = Config::default();
    let mut dbfilename = |origin, allowed: &str| {
        set(&mut config, "enable-protected-configs", allowed.as_bytes()).unwrap();
        config.set_many(&[(b"dbfilename", b"x.rdb")], origin).is_ok()
    };
    let local = Origin::Client { is_local: true, is_loading: false };
    assert!(!dbfilename(local, "no"));
    assert!(dbfilename(local, "local"));
    assert!(!dbfilename(CLIENT, "local"));
    assert!(dbfilename(CLIENT, "yes"));
}

#[test]
fn some_directives_cannot_be_set_while_loading() {
    let loading = Origin::Client { is_local: true, is_loading: true };
    let mut config = Config::default();
    let error = config.set_many(&[(b"appendonly", b"yes")], loading).unwrap_err();
    assert_eq!(error.reply(), b"LOADING Redis is loading the dataset in memory");
    assert!(config.set_many(&[(b"hz", b"20")], loading).is_ok());
}

#[test]
fn numbers_that_wrap_around_in_c_are_refused() {
    let mut config = Config::default();
    for (name, value) in [
        ("maxmemory", "20000000000gb"),
        ("maxmemory", "18446744073709551616"),
        ("maxmemory-clients", "18446744073709551615"),
        ("save", "60 2147483648"),
        ("save", "9223372036854775808 1"),
        ("client-output-buffer-limit", "normal 1 2 4294967299"),
    ] {
        assert!(set(&mut config, name, value.as_bytes()).is_err(), "{name} {value}");
    }
    assert_eq!(config, Config::default());
}

#[test]
fn addresses_are_plain_words() {
    let mut config = Config::default();
    for value in ["127.0.0.1 ", "a\"b", "a\\x00", "\u{e9}", "\u{7f}"] {
        let error = set(&mut config, "bind", value.as_bytes()).unwrap_err();
        assert!(error.to_string().ends_with("Failed to bind to specified addresses."), "{value}");
    }
    set(&mut config, "bind", b"* -::* fe80::1%eth0").unwrap();
    assert_eq!(config.bind, ["*", "-::*", "fe80::1%eth0"]);
}

#[test]
fn what_needs_tls_is_refused() {
    let mut config = Config::default();
    assert!(set(&mut config, "tls-port", b"6380").is_err());
    assert!(set(&mut config, "tls-replication", b"yes").is_err());
    assert!(parse(b"tls-port 6380").is_err());
    assert!(parse(b"tls-port 0").is_ok());
}

fn warnings(text: &[u8]) -> Vec<String> {
    let loaded = parse_including(text, b"io-threads 4").unwrap();
    loaded.warnings.iter().map(|warning| format!("{warning} {}", warning.is_guard)).collect()
}

#[test]
fn lines_without_effect_are_told() {
    let why = "Seedis does not have this feature yet";
    assert_eq!(warnings(b"io-threads 1\nreplica-read-only yes\nhz 20"), [""; 0]);
    assert_eq!(warnings(b"io-threads 4\nio-threads 1"), [""; 0]);
    assert_eq!(
        warnings(b"IO-threads 4\n\nio-threads 5"),
        [format!("'io-threads' in a.conf, at line 3, has no effect: {why} false")]
    );
    assert_eq!(
        warnings(b"maxmemory 0\nmaxmemory 100mb\nset-max-intset-entries 512"),
        [format!("'maxmemory' in a.conf, at line 2, has no effect: {why} false")]
    );
    assert_eq!(
        warnings(b"user bob on\nRename-command A B\nlua-replicate-commands no"),
        [
            format!("'user' in a.conf, at line 1, has no effect: {why} true"),
            format!("'rename-command' in a.conf, at line 2, has no effect: {why} true"),
            "'lua-replicate-commands' in a.conf, at line 3, has no effect: it is deprecated false"
                .into(),
        ]
    );
    assert_eq!(
        warnings(b"hz 5\ninclude b.conf"),
        [format!("'io-threads' in b.conf, at line 1, has no effect: {why} false")]
    );
}

#[test]
fn includes_stand_in_place_of_their_line() {
    let load = |text: &[u8]| parse_including(text, b"hz 20\nsave 5 5").unwrap().config;
    assert_eq!(load(b"hz 10\ninclude x").hz, 20);
    assert_eq!(load(b"include x\nhz 10").hz, 10);
    assert_eq!(load(b"save 60 1\ninclude x").save.len(), 2);
    let error = parse_including(b"include x", b"\nbad").unwrap_err();
    assert!(error.to_string().contains("configuration file x, at line 2\n>>> 'bad'"), "{error}");
}

#[test]
fn includes_end() {
    let deep = parse_including(b"include x", b"include x").unwrap_err();
    assert!(deep.to_string().ends_with("more than 16 levels deep"), "{deep}");
    let mut text = b"include x\n".repeat(1000);
    assert!(parse_including(&text, b"").is_ok());
    text.extend(b"include x");
    let many = parse_including(&text, b"").unwrap_err();
    assert!(many.to_string().ends_with("More than 1000 files are included"), "{many}");
}

#[test]
fn module_settings_are_refused() {
    let error = parse(b"foo.bar 1").unwrap_err();
    assert!(error.to_string().contains("without loadmodule directive"), "{error}");
}

#[test]
fn typed_values_are_what_the_text_says() {
    let config = parse(
        b"requirepass \"a\\x00b\"\nmaxmemory-clients 5%\nnotify-keyspace-events Kgx\n\
          shutdown-on-sigterm nosave\nunixsocketperm 700\nlatency-tracking-info-percentiles 0x10\n\
          client-output-buffer-limit replica 1kb 2kb 3\nlist-max-listpack-size -5",
    )
    .unwrap();
    assert_eq!(config.requirepass.as_deref(), Some(&b"a\0b"[..]));
    assert_eq!(config.maxmemory_clients, MemoryShare::Percent(5));
    assert_eq!(config.maxmemory_clients.limit_bytes(1 << 30), Some((1 << 30) / 20));
    assert_eq!(config.maxmemory_clients.limit_bytes(1000), Some(128 << 10));
    assert_eq!(config.maxmemory_clients.limit_bytes(0), None);
    assert_eq!(MemoryShare::Bytes(0).limit_bytes(1 << 30), None);
    let events = KeyspaceEvents::KEYSPACE | KeyspaceEvents::GENERIC | KeyspaceEvents::EXPIRED;
    assert_eq!(config.notify_keyspace_events, events);
    assert_eq!(config.shutdown_on_sigterm, super::super::ShutdownOptions::NOSAVE);
    assert_eq!(config.unixsocketperm, 0o700);
    assert_eq!(config.latency_tracking_info_percentiles, [16.0]);
    assert_eq!(config.client_output_buffer_limit.replica.soft_bytes, 2048);
    let size = Directive::find(b"list-max-listpack-size").unwrap().value(&config);
    assert_eq!(size, b"-5");
}
