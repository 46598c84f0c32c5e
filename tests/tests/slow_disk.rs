//! The server on a disk that takes its time.

use seedis_tests::launch::Launch;
use seedis_tests::preload;
use seedis_tests::tcp::{Connection, text};
use std::time::{Duration, Instant};

/// So measurements with the library measure something.
#[test]
fn the_server_syncs_through_the_library_of_slow_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let library = preload::library("slow_fsync", dir.path()).unwrap();
    let server = Launch::new()
        .configured("hz 20\n")
        .on_port()
        .variable("LD_PRELOAD", library.to_str().unwrap())
        .variable("SLOW_FSYNC_US", "100000")
        .start()
        .ready();
    let mut client = Connection::open(server.port()).unwrap();
    let begun = Instant::now();
    assert_eq!(text(&client.call(&["CONFIG", "REWRITE"])).as_deref(), Some("OK"));
    // The new file and its directory.
    assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
}

/// As in Redis, `no-appendfsync-on-rewrite` means `appendfsync no` while a snapshot is written: a
/// reply waits for no sync, and once it is over none is forgotten.
#[test]
fn replies_do_not_wait_for_a_snapshot_that_holds_up_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let library = preload::library("slow_fsync", dir.path()).unwrap();
    let server = Launch::new()
        .on_port()
        .arguments(&["--appendonly", "yes", "--appendfsync", "always"])
        .arguments(&["--no-appendfsync-on-rewrite", "yes"])
        .variable("LD_PRELOAD", library.to_str().unwrap())
        .variable("SLOW_FSYNC_US", "300000")
        .start()
        .ready();
    let mut client = Connection::open(server.port()).unwrap();
    let mut call = |words: &[&str]| text(&client.call(words)).unwrap_or_default();
    let until = Instant::now() + Duration::from_secs(20);
    // The log is being begun.
    while call(&["SET", "before", "1"]) != "OK" {
        assert!(Instant::now() < until, "it does not serve");
    }
    assert_eq!(call(&["BGSAVE"]), "Background saving started");
    let begun = Instant::now();
    assert_eq!(call(&["SET", "meanwhile", "1"]), "OK");
    assert!(begun.elapsed() < Duration::from_millis(250), "{:?}", begun.elapsed());
    while !call(&["INFO", "persistence"]).contains("rdb_bgsave_in_progress:0") {
        assert!(Instant::now() < until, "the snapshot does not end");
    }
    assert_eq!(call(&["GET", "meanwhile"]), "1");
    assert_eq!(call(&["SET", "after", "1"]), "OK");
}
