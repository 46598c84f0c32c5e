//! What earlier lives have written behind a cut does not come back.

use super::*;
use crate::log::frame::{self, Header, INCR_LINE};

const ALWAYS: &str = "appendonly yes\nappendfsync always\n";

/// A batch as a life of this epoch would have written it.
fn batch(line: &str, lsn: u64, epoch: u64) -> Vec<u8> {
    let payload = commands(&["SELECT 0", line]);
    let mut bytes = Vec::new();
    Header::of(&payload, lsn, epoch, None).write(&mut bytes);
    [bytes, payload].concat()
}

fn lsn_line(lsn: u64, epoch: u64) -> Vec<u8> {
    let mut line = Vec::new();
    frame::write_lsn(&mut line, lsn, epoch);
    line
}

/// The second life has begun, and nothing was written since; where the log ends.
fn begun_twice() -> (Disk, Name, State, u64) {
    let mut life = Life::start(Disk::default(), ALWAYS);
    life.calls(&["SET k v"]);
    let life = Life::start(life.crash(), ALWAYS);
    let (state, lsn) = (life.state(), life.core.watermarks().enqueued);
    let incr = life.disk.aof(".incr.aof");
    (life.crash(), incr, state, lsn)
}

#[test]
fn a_life_begins_with_its_epoch() {
    let (disk, incr, _, lsn) = begun_twice();
    assert!(disk.content(&incr).ends_with(&lsn_line(lsn, 2)));
    let disk = Life::start(disk, ALWAYS).crash();
    assert!(disk.content(&incr).ends_with(&[lsn_line(lsn, 2), lsn_line(lsn, 3)].concat()));
}

/// Where a file system shows old blocks in place of what was not synced.
#[test]
fn a_batch_of_an_earlier_life_is_not_taken() {
    let (disk, incr, state, lsn) = begun_twice();
    let old = batch("SET k old", lsn, 1);
    for old in [old.clone(), [lsn_line(lsn, 1), old].concat()] {
        let mut disk = disk.clone();
        disk.content_mut(&incr).extend(&old);
        let mut life = Life::start(disk, ALWAYS);
        assert_eq!((life.exit, life.state()), (None, state.clone()), "{:?}", life.lines);
        assert!(life.lines.iter().any(|line| line.contains("cutting a torn tail")));
        life.calls(&["SET k new"]);
        let expected = life.state();
        assert_eq!(Life::start(life.crash(), ALWAYS).state(), expected);
    }
}

#[test]
fn a_batch_of_the_last_life_is_taken() {
    let (mut disk, incr, _, lsn) = begun_twice();
    disk.content_mut(&incr).extend(batch("SET k new", lsn, 2));
    let mut life = Life::start(disk, ALWAYS);
    assert_eq!(life.call("GET k"), "$3\r\nnew\r\n");
}

/// The line that tells of the next life is lost with what is damaged, and what that life says of
/// what was durable counts all the same.
#[test]
fn rot_is_known_by_what_later_lives_have_written() {
    let mut life = Life::start(Disk::default(), ALWAYS);
    life.calls(&["SET k v"]);
    let incr = life.disk.aof(".incr.aof");
    let whole = life.disk.content(&incr).len();
    life.calls(&["SET k w"]);
    let mut disk = life.crash();
    for _ in 0..5 {
        disk = Life::start(disk, ALWAYS).crash();
    }
    let rotten_to = disk.content(&incr).len();
    let mut life = Life::start(disk, ALWAYS);
    life.calls(&["SET k x", "SET k y"]);
    let mut disk = life.crash();
    disk.content_mut(&incr)[whole..rotten_to + 10].fill(b'x');
    let life = Life::start(disk, ALWAYS);
    damage::assert_refused(&life, &["what is damaged was durable"]);
}

/// A base knows its epoch, for the file behind it may be empty.
#[test]
fn an_epoch_outlives_the_files_that_told_it() {
    let (disk, ..) = begun_twice();
    let mut life = Life::start(disk, ALWAYS);
    life.calls(&["BGREWRITEAOF"]);
    let manifest = life.disk.aof(".manifest");
    let text = String::from_utf8_lossy(life.disk.content(&manifest)).into_owned();
    assert!(text.contains(" epoch 3\n"), "{text}");
    let life = Life::start(life.crash(), ALWAYS);
    let incr = life.disk.aof(".incr.aof");
    let lsn = life.core.watermarks().enqueued;
    assert_eq!(*life.disk.content(&incr), [INCR_LINE, &lsn_line(lsn, 4)].concat());
}

/// A server that cannot say that it has begun serves reads all the same.
#[test]
fn a_full_disk_does_not_prevent_a_start() {
    let (disk, incr, state, lsn) = begun_twice();
    let before = disk.content(&incr).clone();
    let mut life = Life::start(Disk { refuses_writes: true, ..disk }, ALWAYS);
    assert_eq!((life.exit, life.state()), (None, state), "{:?}", life.lines);
    assert_eq!(*life.disk.content(&incr), before);
    life.disk.refuses_writes = false;
    life.calls(&["SET k new"]);
    let added = life.disk.content(&incr)[before.len()..].to_vec();
    assert!(added.starts_with(&lsn_line(lsn, 3)));
    let expected = life.state();
    assert_eq!(Life::start(life.crash(), ALWAYS).state(), expected);
}

/// As builds wrote it before there were epochs.
#[test]
fn a_log_without_epochs_is_read_and_gone_on_with() {
    let mut disk = Disk::default();
    let manifest = b"file appendonly.aof.1.incr.aof seq 1 type i\n#framed\n";
    disk.put(Dir::Aof, "appendonly.aof.manifest", manifest);
    let first = [lsn_line(0, 0), batch("SET k v", 0, 0)].concat();
    let lsn = commands(&["SELECT 0", "SET k v"]).len() as u64;
    let bytes = [first, batch("SET n 1", lsn, 0)].concat();
    assert!(bytes.starts_with(b"#lsn 0 Binhrg\n"));
    disk.put(Dir::Aof, "appendonly.aof.1.incr.aof", &bytes);
    let mut life = Life::start(disk, ALWAYS);
    assert_eq!(life.state().len(), 2, "{:?}", life.lines);
    life.calls(&["SET more m"]);
    assert_eq!(Life::start(life.crash(), ALWAYS).state().len(), 3);
}

/// The log may go on in another file, and then half a line would look like a torn tail.
#[test]
fn half_a_line_does_not_stay() {
    let (disk, incr, state, _) = begun_twice();
    let before = disk.content(&incr).clone();
    let life = Life::start(Disk { shortens_writes: true, ..disk }, ALWAYS);
    assert_eq!((life.exit, life.state()), (None, state), "{:?}", life.lines);
    assert_eq!(*life.disk.content(&incr), before);
}

/// The line that the next life would have the epoch from may be lost with all that is behind it.
#[test]
fn behind_a_full_disk_nothing_is_written_before_the_epoch_is_durable() {
    let (disk, incr, _, lsn) = begun_twice();
    let before = disk.content(&incr).len();
    let full = Disk { refuses_writes: true, ..disk };
    let mut life = Life::start(full, "appendonly yes\nappendfsync no\n");
    (life.disk.refuses_writes, life.disk.delays_writes) = (false, true);
    assert_eq!(life.send("SET k new"), "", "it waits for its write");
    assert_eq!(life.disk.outstanding.0.len(), 1, "the line");
    life.disk.asked.clear();
    life.carry_out_outstanding();
    assert_eq!(life.disk.content(&incr)[before..], lsn_line(lsn, 3));
    let asked: Vec<&str> = life.disk.asked.iter().filter_map(|it| it.split(' ').next()).collect();
    assert_eq!(asked, ["WriteAt", "Sync"], "the line is durable before the batch is written");
    life.carry_out_outstanding();
    assert!(life.disk.content(&incr).len() > before + lsn_line(lsn, 3).len());
    let expected = life.state();
    life.disk.delays_writes = false;
    assert_eq!(Life::start(life.crash(), ALWAYS).state(), expected);
}

/// Without a manifest nothing but the files themselves tells of the lives before.
#[test]
fn lives_that_ended_before_their_first_manifest_have_epochs_of_their_own() {
    let mut disk = Disk::default();
    for epoch in 1..4 {
        disk.delays_saves = true;
        let mut life = Life::start(disk, "appendonly no\n");
        life.calls(&["CONFIG SET appendonly yes", "SET k v"]);
        let name = Name::file(Dir::Aof, format!("appendonly.aof.{epoch}.incr.aof").as_bytes());
        let begin = [INCR_LINE, &lsn_line(0, epoch)].concat();
        assert!(life.disk.content(&name).starts_with(&begin), "{epoch}");
        disk = life.crash();
        disk.outstanding.0.clear();
    }
}
