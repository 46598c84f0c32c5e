//! What is left when something ends early or late: files, names and directories.

use super::*;

const ALWAYS: &str = "appendonly yes\nappendfsync always\n";

fn aof_files(disk: &Disk) -> Vec<String> {
    let name = |entry: FileEntry| String::from_utf8_lossy(&entry.name).into_owned();
    disk.list(Dir::Aof).into_iter().map(name).collect()
}

/// As in Redis, where the process that saves stays in its directory.
#[test]
fn a_save_ends_where_and_as_what_it_was_begun() {
    let mut life = Life::start(Disk::default(), "enable-protected-configs yes\n");
    life.calls(&["SET k v"]);
    life.disk.delays_saves = true;
    life.calls(&["BGSAVE", "CONFIG SET dbfilename other.rdb"]);
    assert_eq!(life.send("CONFIG SET dir /elsewhere"), "", "it waits for the save");
    assert!(life.disk.dirs.is_empty());
    life.disk.delays_saves = false;
    life.carry_out_outstanding();
    assert_eq!(life.disk.dirs, [b"/elsewhere".to_vec()]);
    assert!(life.disk.names.contains_key(&Name::file(Dir::Data, b"dump.rdb")));
    assert!(String::from_utf8_lossy(&life.got).ends_with("+OK\r\n"));
    assert_eq!(life.call("CONFIG GET dir"), "*2\r\n$3\r\ndir\r\n$10\r\n/elsewhere\r\n");
}

/// The base holds what the write that is outstanding was to write, so the file is part of the log
/// no more when it completes; whether it fails is all the same then.
#[test]
fn a_file_of_the_past_is_closed_with_its_last_write() {
    for fails in [false, true] {
        let mut life = Life::start(Disk::default(), "appendonly yes\nappendfsync no\n");
        life.disk.delays_writes = true;
        assert_eq!(life.send("SET k v"), "");
        life.disk.delays_writes = false;
        // The client waits for its write, so the rewrite is begun by the size of the file.
        life.core.turn(life.now).accept(OTHER, peer());
        life.send_from(OTHER, "BGREWRITEAOF");
        life.send_from(OTHER, "PING");
        assert_eq!(life.disk.opened.len(), 2, "the old file has a write outstanding");
        let (ticket, request) = life.disk.outstanding.0.pop().expect("the write");
        let result = match (fails, request) {
            (true, IoReq::WriteAt { bytes, .. }) => {
                IoResult::NotWritten { error: IoError::other("Input/output error"), bytes }
            }
            (_, request) => life.disk.carry_out(request),
        };
        life.core.turn(life.now).done(ticket, result);
        life.turns(&[]);
        assert_eq!(life.disk.opened.len(), 1, "nothing is outstanding of the old file");
        life.pass(1500);
        life.calls(&["SET k w"]);
    }
}

#[test]
fn a_base_that_no_manifest_came_to_name_is_removed_at_the_next_start() {
    let mut life = Life::start(Disk::default(), ALWAYS);
    life.calls(&["SET k v", "BGREWRITEAOF", "SET k w"]);
    let expected = life.state();
    let mut disk = life.crash();
    disk.put(Dir::Aof, "appendonly.aof.7.base.rdb", b"cut short");
    disk.put(Dir::Aof, "appendonly.aof.8.base.aof", b"cut short");
    let kept = ["appendonly.aof.1.base.rdb", "appendonly.aof.9.base.rdb.bak", "my.9.base.rdb"];
    kept.iter().for_each(|name| disk.put(Dir::Aof, name, b"somebody's copy"));
    let mut life = Life::start(disk, ALWAYS);
    assert_eq!(life.state(), expected);
    let files = aof_files(&life.disk);
    assert!(kept.iter().all(|kept| files.iter().any(|file| file == kept)), "{files:?}");
    let gone = ["appendonly.aof.7.base.rdb", "appendonly.aof.8.base.aof"];
    assert!(!gone.iter().any(|gone| files.iter().any(|file| file == gone)), "{files:?}");
    life.calls(&["BGREWRITEAOF", "SET k x"]);
    assert!(aof_files(&life.disk).iter().any(|file| file == "appendonly.aof.10.base.rdb"));
}

/// What nobody names may be all that is left of a log.
#[test]
fn without_a_manifest_no_base_is_removed() {
    let mut life = Life::start(Disk::default(), ALWAYS);
    life.calls(&["SET k v", "BGREWRITEAOF", "SET k w"]);
    let mut disk = life.crash();
    let base = disk.aof(".base.rdb");
    disk.names.retain(|name, _| !matches!(name, Name::In(_, name) if name.ends_with(b"manifest")));
    for _ in 0..2 {
        disk = Life::start(disk, ALWAYS).crash();
    }
    assert!(disk.names.contains_key(&base));
}

/// A manifest whose replacement failed may name the next file, so it stays; one is enough.
#[test]
fn tries_to_have_the_next_file_named_need_one_file() {
    let mut life = Life::start(Disk::default(), ALWAYS);
    life.calls(&["SET k v"]);
    life.disk.refuses_manifests = true;
    for _ in 0..5 {
        life.calls(&["BGREWRITEAOF"]);
        life.pass(1500);
    }
    let incrs =
        |life: &Life| aof_files(&life.disk).iter().filter(|n| n.ends_with(".incr.aof")).count();
    assert_eq!(incrs(&life), 2, "{:?}", aof_files(&life.disk));
    assert_eq!(life.disk.opened.len(), 2);
    life.disk.refuses_manifests = false;
    life.calls(&["SET k w", "BGREWRITEAOF", "SET k x"]);
    assert_eq!((incrs(&life), life.disk.opened.len()), (1, 1));
    let expected = life.state();
    let life = Life::start(life.crash(), ALWAYS);
    assert_eq!(life.state(), expected, "{:?}", life.lines);
}

#[test]
fn a_log_that_is_switched_off_keeps_no_file_open() {
    let mut life = Life::start(Disk::default(), ALWAYS);
    life.disk.refuses_manifests = true;
    life.calls(&["SET k v", "BGREWRITEAOF", "CONFIG SET appendonly no"]);
    assert!(life.disk.opened.is_empty());
    life.disk.refuses_manifests = false;
    life.calls(&["CONFIG SET appendonly yes", "SET k w"]);
    let expected = life.state();
    assert_eq!(Life::start(life.crash(), ALWAYS).state(), expected);
}

/// Names that were removed come back with a power loss before the directory is synced, and then
/// somebody must still know that they are to be removed.
#[test]
fn old_files_are_forgotten_when_their_removal_is_durable() {
    let mut life = Life::start(Disk::default(), ALWAYS);
    life.calls(&["SET k v", "BGREWRITEAOF"]);
    let asked = &life.disk.asked;
    let last = |part: &str| asked.iter().rposition(|request| request.contains(part)).unwrap();
    let (unlink, sync, forget) = (last("Unlink"), last("SyncDir { dir: Aof }"), last("Replace"));
    assert!(unlink < sync && sync < forget, "{asked:?}");
}
