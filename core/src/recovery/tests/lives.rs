//! What was acknowledged in one life is there in the next.

use super::*;

const WRITES: &[&str] = &[
    "SET plain value",
    "SET number 12345",
    "SET soon gone PX 100",
    "SET later gone EX 100000",
    "SET fresh 1 NX GET",
    "SETEX ex 100000 value",
    "APPEND plain -and-more",
    "INCRBY number 7",
    "DECR number",
    "INCRBYFLOAT float 0.1",
    "INCRBYFLOAT float 0.2",
    "SETRANGE range 5 tail",
    "SETBIT bits 77 1",
    "BITOP NOT inverse bits",
    "BITFIELD fields SET u8 3 200 INCRBY i5 100 1",
    "MSET one 1 two 2 three 3",
    "MSETNX four 4 five 5",
    "EXPIRE one 1000",
    "PEXPIREAT two 1900000000123",
    "GETEX three EX 77",
    "PERSIST three",
    "GETDEL four",
    "GETSET five 55",
    "RENAME five six",
    "COPY six seven",
    "COPY six eight DB 9",
    "MOVE seven 3",
    "DEL missing fresh",
    "SELECT 3",
    "SET in-three yes",
    "MULTI",
    "SET a 1",
    "SELECT 0",
    "INCR a",
    "SET b 2 PXAT 1900000000456",
    "EXEC",
    "UNLINK six",
    "SELECT 5",
    "SET lost 1",
    "FLUSHDB",
    "SET in-five 5",
    "SWAPDB 5 6",
    "SELECT 0",
];

#[test]
fn every_kind_of_write_is_there_after_restarts_and_rewrites() {
    for configuration in CONFIGURATIONS {
        let mut disk = Disk::default();
        let mut expected = State::new();
        for round in 0..4 {
            let mut life = Life::start(disk, configuration);
            assert_eq!(life.exit, None, "{configuration}: {:?}", life.lines);
            assert_eq!(life.state(), expected, "{configuration} round {round}");
            let half = round * WRITES.len() / 5;
            life.calls(&WRITES[..half]);
            // A transaction may be open here.
            let reply = life.call("BGREWRITEAOF");
            assert!(!reply.starts_with('-'), "{reply}");
            life.calls(&WRITES[half..]);
            life.pass(1500);
            life.calls(&["SET last word", "DEL soon"]);
            expected = life.state();
            assert!(expected.len() > 15, "{expected:?}");
            disk = life.crash();
        }
    }
}

const CONFIGURATIONS: &[&str] = &[
    "appendonly yes\nappendfsync always\n",
    "appendonly yes\nappendfsync everysec\naof-timestamp-enabled yes\n",
    "appendonly yes\nappendfsync no\naof-use-rdb-preamble no\n",
    "appendonly yes\nauto-aof-rewrite-min-size 100\nauto-aof-rewrite-percentage 10\n",
];

#[test]
fn a_dump_is_loaded_without_a_log() {
    let mut life = Life::start(Disk::default(), "");
    life.calls(WRITES);
    life.calls(&["BGSAVE"]);
    let expected = life.state();
    life.calls(&["SET not saved"]);
    let life = Life::start(life.crash(), "");
    assert_eq!(life.state(), expected);
}

/// What was acknowledged last is in the dump: the log begins with it.
#[test]
fn a_log_that_is_switched_on_begins_with_the_dump() {
    let mut life = Life::start(Disk::default(), "");
    life.calls(&["SET k v", "BGSAVE"]);
    let mut life = Life::start(life.crash(), "appendonly yes\n");
    life.calls(&["APPEND k w"]);
    let expected = life.state();
    assert_eq!(Life::start(life.crash(), "appendonly yes\n").state(), expected);
}

#[test]
fn a_log_that_is_switched_on_at_runtime_is_whole() {
    let mut life = Life::start(Disk::default(), "");
    life.calls(&["SET k v", "CONFIG SET appendonly yes", "APPEND k w"]);
    life.pass(100);
    life.calls(&["APPEND k x"]);
    let expected = life.state();
    assert_eq!(Life::start(life.crash(), "appendonly yes\n").state(), expected);
}

/// No clock decides what a restart finds: a key past its deadline is there, and then expires.
#[test]
fn deadlines_that_passed_between_lives_are_kept_by_the_log() {
    let configuration = "appendonly yes\n";
    let mut life = Life::start(Disk::default(), configuration);
    life.calls(&["SET k v PXAT 1700000005000", "COPY k copy", "PERSIST copy", "SET n 1"]);
    let disk = life.crash();
    let mut life = Life::start(disk, configuration);
    life.pass(10_000);
    assert_eq!(life.call("EXISTS k copy"), ":1\r\n");
    let life = Life::start(life.crash(), configuration);
    let keys: Vec<_> = life.state().into_keys().map(|(_, key)| key).collect();
    assert_eq!(keys, [b"copy".to_vec(), b"n".to_vec()]);
}

/// The rewrite stopped halfway, so that two files follow each other.
#[test]
fn a_rewrite_that_fails_leaves_a_log_of_two_files() {
    let (disk, states) = damage::written_in_two_files("appendonly yes\nappendfsync always\n");
    let life = Life::start(disk, "appendonly yes\n");
    assert_eq!(Some(&life.state()), states.last());
}

#[test]
fn leftovers_are_neither_loaded_nor_kept() {
    let mut life = Life::start(Disk::default(), "appendonly yes\n");
    life.calls(&["SET k v"]);
    let expected = life.state();
    let mut disk = life.crash();
    disk.put(Dir::Aof, "temp-seedis-7.rdb", b"half a base");
    disk.put(Dir::Data, "temp-seedis-9.rdb", b"half a dump");
    disk.put(Dir::Aof, "appendonly.aof.9.incr.aof", &command("SET k wrong"));
    disk.put(Dir::Aof, "appendonly.aof.9.base.rdb", b"half a base");
    let dead = ["appendonly.aof.manifest.123.tmp", "appendonly.aof.8.incr.aof"];
    dead.iter().for_each(|name| disk.put(Dir::Aof, name, b""));
    let others = ["appendonly.aof.manifest.x.tmp", "mine.8.incr.aof", "appendonly.aof.8.incr.aof~"];
    others.iter().for_each(|name| disk.put(Dir::Aof, name, b""));
    let mut life = Life::start(disk, "appendonly yes\n");
    assert_eq!(life.state(), expected);
    life.calls(&["BGREWRITEAOF", "SET more m"]);
    let expected = life.state();
    let disk = life.crash();
    let left = |name: &Name| disk.names.contains_key(name);
    assert!(!left(&Name::file(Dir::Aof, b"temp-seedis-7.rdb")));
    assert!(!left(&Name::file(Dir::Data, b"temp-seedis-9.rdb")));
    assert!(dead.iter().all(|name| !left(&Name::file(Dir::Aof, name.as_bytes()))));
    assert!(others.iter().all(|name| left(&Name::file(Dir::Aof, name.as_bytes()))));
    assert!(left(&Name::file(Dir::Aof, b"appendonly.aof.9.base.rdb")));
    assert!(left(&Name::file(Dir::Aof, b"appendonly.aof.9.incr.aof")));
    assert_eq!(Life::start(disk, "appendonly yes\n").state(), expected);
}

/// A rewrite that saves suspends syncs where that is asked for, but not what a failed sync means.
#[test]
fn what_a_failed_sync_may_have_lost_is_not_acknowledged_while_a_rewrite_saves() {
    let configuration = "appendonly yes\nappendfsync always\nno-appendfsync-on-rewrite yes\n";
    let mut life = Life::start(Disk::default(), configuration);
    (life.disk.refuses_syncs, life.disk.delays_saves) = (true, true);
    assert_eq!(life.send("SET k v"), "");
    life.pass(1500);
    assert_eq!(String::from_utf8_lossy(&life.got), "");
    assert!(life.lines.iter().any(|line| line.contains("rewriting started")), "{:?}", life.lines);
}

#[test]
fn a_start_survives_signals() {
    let disk = Disk { interrupts: true, ..Disk::default() };
    let mut life = Life::start(disk, "appendonly yes\nappendfsync always\n");
    assert_eq!(life.exit, None, "{:?}", life.lines);
    life.calls(&["SET k v", "BGREWRITEAOF", "SET n 1"]);
    let expected = life.state();
    let mut disk = life.crash();
    disk.content_mut(&Name::file(Dir::Aof, b"appendonly.aof.2.incr.aof")).extend(b"*3\r\n");
    let life = Life::start(disk, "appendonly yes\n");
    assert_eq!((life.exit, life.state()), (None, expected), "{:?}", life.lines);
}
