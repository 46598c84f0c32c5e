//! What was acknowledged in one life is there in the next.

use super::*;
use crate::log::frame::INCR_LINE;

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

/// How far the writer is only the shell knows.
#[test]
fn info_tells_how_far_a_save_is() {
    let mut life = Life::start(Disk::default(), "");
    life.calls(&["MSET a 1 b 2 c 3 d 4"]);
    let observe = |life: &mut Life, saved_keys, copied_bytes| {
        let facts = HostFacts { saved_keys, copied_bytes, ..HostFacts::default() };
        life.core.turn(life.now).observe(facts);
        life.call("INFO persistence")
    };
    let idle = observe(&mut life, 9, 4096);
    assert!(idle.contains("current_save_keys_processed:0\r\ncurrent_save_keys_total:0"), "{idle}");
    life.disk.delays_saves = true;
    life.calls(&["BGSAVE"]);
    let begun = life.call("INFO persistence");
    assert!(
        begun.contains("current_save_keys_processed:0\r\ncurrent_save_keys_total:4"),
        "{begun}"
    );
    let running = observe(&mut life, 3, 4096 + 2048);
    let expected = [
        "current_cow_peak:2048",
        "current_cow_size:2048",
        "current_cow_size_age:0",
        "current_fork_perc:75.00",
        "current_save_keys_processed:3",
        "current_save_keys_total:4",
    ];
    assert!(running.contains(&expected.join("\r\n")), "{running}");
}

#[test]
fn debug_loadaof_reads_back_what_was_written() {
    let configuration = "appendonly yes\nenable-debug-command yes\nappendfsync everysec\n";
    let mut life = Life::start(Disk::default(), configuration);
    life.calls(&["SET k v", "SET n 1 PX 100000", "BGREWRITEAOF", "INCR n", "SELECT 3", "SET x y"]);
    let expected = life.state();
    life.calls(&["CLIENT PAUSE 1 WRITE"]);
    assert_eq!(life.call("DEBUG LOADAOF"), "+OK\r\n");
    assert_eq!(life.state(), expected);
    assert_eq!(life.call("GET x"), "$1\r\ny\r\n");
    let info = life.call("INFO persistence");
    assert!(info.contains("loading:0") && info.contains("rdb_changes_since_last_save:0"), "{info}");
    life.pass(1500);
    life.calls(&["SET x z"]);
    let expected = life.state();
    let life = Life::start(life.crash(), configuration);
    assert_eq!(life.state(), expected);
}

/// As in Redis; and without a log there is nothing to read back.
#[test]
fn debug_loadaof_ends_the_process_when_the_log_is_damaged() {
    let configuration = "appendonly yes\nenable-debug-command yes\n";
    let mut life = Life::start(Disk::default(), configuration);
    life.calls(&["SET k v"]);
    let incr = life.disk.aof(".incr.aof");
    *life.disk.content_mut(&incr).last_mut().unwrap() ^= 1;
    assert_eq!(life.send("DEBUG LOADAOF"), "");
    assert_eq!(life.exit, Some(1));
    let mut life = Life::start(Disk::default(), "enable-debug-command yes\n");
    life.calls(&["SET k v"]);
    assert!(life.call("DEBUG LOADAOF").starts_with("-ERR DEBUG LOADAOF needs"));
    assert_eq!(life.state().len(), 1);
}

/// What is due and may not begin while a shutdown waits wakes nobody, or the shell would be busy.
#[test]
fn nothing_is_due_while_a_shutdown_waits() {
    let configuration = "appendonly yes\nappendfsync always\nsave \"\"\n";
    let mut life = Life::start(Disk::default(), configuration);
    life.calls(&["SET k 1"]);
    life.disk.delays_writes = true;
    let grows = "CONFIG SET auto-aof-rewrite-percentage 1 auto-aof-rewrite-min-size 1";
    let lines = [command("SET k 2"), command(grows), command("SHUTDOWN NOSAVE")].concat();
    let mut turn = life.core.turn(life.now);
    turn.feed(CONN, &lines);
    drain(&mut turn.seal(), &mut life.disk, &mut life.got);
    assert_eq!(life.exit, None, "it waits for a write");
    let due = life.core.next_deadline();
    assert!(due.is_none_or(|at| at > life.now.mono_ns), "{due:?} of {:?}", life.now);
}

/// The base holds whole turns, since a turn is one batch of the log.
#[test]
fn a_rewrite_cuts_between_two_turns() {
    let mut life = Life::start(Disk::default(), "appendonly yes\nappendfsync always\n");
    life.disk.delays_manifests = true;
    life.calls(&["BGREWRITEAOF"]);
    let incr = life.disk.aof("2.incr.aof");
    let ticket = life.disk.delayed.take().expect("a manifest names the new file");
    life.disk.delays_manifests = false;
    let mut turn = life.core.turn(life.now);
    turn.feed(CONN, &command("SET k 1"));
    turn.done(ticket, IoResult::Done);
    turn.feed(CONN, &command("SET k 2"));
    drain(&mut turn.seal(), &mut life.disk, &mut life.got);
    assert_eq!(*life.disk.content(&incr), INCR_LINE);
    life.calls(&["SET k 3"]);
    assert!(life.disk.content(&incr).len() > INCR_LINE.len());
    let expected = life.state();
    assert_eq!(Life::start(life.crash(), "appendonly yes\n").state(), expected);
}

/// What was written before is not durable yet, and nothing else would ask for a sync.
#[test]
fn a_stricter_appendfsync_answers_without_another_write() {
    let mut life = Life::start(Disk::default(), "appendonly yes\nappendfsync no");
    life.calls(&["SET k v"]);
    assert_eq!(life.call("CONFIG SET appendfsync always"), "+OK\r\n");
    assert_eq!(life.call("GET k"), "$1\r\nv\r\n");
}

/// Before the first base is durable nothing is, whatever the file behind it has.
#[test]
fn waitaof_waits_for_the_base_of_a_log_that_was_switched_on() {
    let mut life = Life::start(Disk::default(), "");
    life.disk.delays_saves = true;
    life.calls(&["CONFIG SET appendonly yes", "SET k v"]);
    life.pass(1500);
    assert_eq!(life.send("WAITAOF 1 0 0"), "");
}

/// In Redis the next rewrite begins it in the new directory, and a start in the old one finds what
/// was there before.
#[test]
fn the_log_stays_in_its_directory() {
    let configuration = "appendonly yes\nenable-protected-configs yes\n";
    let mut life = Life::start(Disk::default(), configuration);
    let refused = "-ERR CONFIG SET failed (possibly related to argument 'dir') - can't leave the \
                   directory of the append only file while that is on\r\n";
    assert_eq!(life.call("CONFIG SET dir /elsewhere"), refused);
    life.disk.delays_saves = true;
    life.calls(&["BGREWRITEAOF"]);
    assert_eq!(life.call("CONFIG SET appendonly no dir /elsewhere"), refused);
    life.disk.delays_saves = false;
    life.carry_out_outstanding();
    assert_eq!(life.call("CONFIG SET appendonly no"), "+OK\r\n");
    assert_eq!(life.call("CONFIG SET dir /elsewhere"), "+OK\r\n");
    assert_eq!(life.disk.dirs, [b"/elsewhere".to_vec()]);
    let before = life.disk.asked.len();
    assert_eq!(life.call("CONFIG SET appendonly yes"), "+OK\r\n");
    let asked = &life.disk.asked[before..];
    let first = |part: &str| asked.iter().position(|request| request.contains(part));
    assert!(first("MakeDir").is_some() && first("MakeDir") < first("Open"), "{asked:?}");
    assert!(first("Unlink").is_none(), "what has these names there is not ours: {asked:?}");
}
