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
