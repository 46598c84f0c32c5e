//! Files that stock Redis wrote: no checksums, no batches, commands one after the other.

use super::damage::assert_refused;
use super::*;
use crate::log::frame::INCR_LINE;

const CONFIGURATION: &str = "appendonly yes\n";
const MANIFEST: &[u8] = b"file appendonly.aof.1.incr.aof seq 1 type i\n";
const INCR: &str = "appendonly.aof.1.incr.aof";

fn with_incr(bytes: &[u8]) -> Disk {
    let mut disk = Disk::default();
    disk.put(Dir::Aof, "appendonly.aof.manifest", MANIFEST);
    disk.put(Dir::Aof, INCR, bytes);
    disk
}

fn keys(life: &Life) -> Vec<String> {
    let text = |key: Vec<u8>| String::from_utf8_lossy(&key).into_owned();
    life.state().into_keys().map(|(db, key)| format!("{db} {}", text(key))).collect()
}

fn recovered(bytes: &[u8]) -> (Vec<String>, Vec<u8>) {
    let life = Life::start(with_incr(bytes), CONFIGURATION);
    assert_eq!(life.exit, None, "{:?}", life.lines);
    let found = keys(&life);
    let file = life.disk.content(&Name::file(Dir::Aof, INCR.as_bytes()));
    assert_ne!(without_first_line(file), file);
    (found, without_first_line(file).into())
}

#[test]
fn commands_are_accepted_as_they_are() {
    let mut bytes = commands(&["SELECT 0", "SET a 1", "SELECT 3", "SET b 2 PXAT 1900000000000"]);
    bytes.extend(b"#TS:1700000000\r\n");
    bytes.extend(commands(&["MULTI", "SELECT 2", "SET c 3", "DEL c", "SET d 4", "EXEC"]));
    let (found, file) = recovered(&bytes);
    assert_eq!(found, ["0 a", "2 d", "3 b"]);
    assert_eq!(file, bytes);
}

/// Our batches follow those of Redis in one file, and Redis's follow ours.
#[test]
fn both_may_write_to_one_file() {
    let mut life = Life::start(with_incr(&commands(&["SELECT 1", "SET redis 1"])), CONFIGURATION);
    life.calls(&["SET ours 1", "SELECT 2", "SET ours 2"]);
    let mut disk = life.crash();
    let incr = Name::file(Dir::Aof, INCR.as_bytes());
    disk.content_mut(&incr).extend(commands(&["SELECT 1", "SET redis 2", "SET more 3"]));
    let mut life = Life::start(disk, CONFIGURATION);
    assert_eq!(life.exit, None, "{:?}", life.lines);
    life.calls(&["SET again 3"]);
    let disk = life.crash();
    let life = Life::start(disk, CONFIGURATION);
    assert_eq!(life.exit, None, "{:?}", life.lines);
    let expected = ["0 again", "0 ours", "1 more", "1 redis", "2 ours"];
    assert_eq!(keys(&life), expected);
}

/// A file of ours has a durable first line: what begins like a file of Redis in its place is an old
/// block, and what stands behind it was appended.
#[test]
fn old_blocks_of_a_log_of_redis_are_cut_off() {
    let started = || Life::start(Disk::default(), CONFIGURATION).crash();
    let redis = commands(&["SELECT 0", "SET redis 1"]);
    let incr = Name::file(Dir::Aof, INCR.as_bytes());
    for (content, expected) in [
        (redis.clone(), Vec::new()),
        ([INCR_LINE, &redis].concat(), ["0 redis".into()].into()),
        (INCR_LINE.to_vec(), Vec::new()),
        (Vec::new(), Vec::new()),
    ] {
        let mut disk = started();
        assert_eq!(*disk.content(&incr), INCR_LINE);
        *disk.content_mut(&incr) = content;
        let mut life = Life::start(disk, CONFIGURATION);
        assert_eq!((life.exit, keys(&life)), (None, expected), "{:?}", life.lines);
        life.calls(&["SET ours 1"]);
        let expected = keys(&life);
        let life = Life::start(life.crash(), CONFIGURATION);
        assert_eq!((life.exit, keys(&life)), (None, expected), "{:?}", life.lines);
    }
}

/// A power loss in our first life keeps some bytes of the line that it began with.
#[test]
fn what_is_left_of_a_first_line_is_cut_off() {
    let theirs = commands(&["SELECT 1", "SET redis 1"]);
    let life = Life::start(with_incr(&theirs), CONFIGURATION);
    let disk = life.crash();
    let whole = disk.content(&Name::file(Dir::Aof, INCR.as_bytes())).to_vec();
    let line = whole.strip_prefix(&theirs[..]).expect("ours follows");
    for kept in 0..1_u32 << line.len().min(12) {
        let torn = line.iter().enumerate().map(|(at, &byte)| {
            let is_kept = kept >> (at % 12) & 1 == 1;
            if is_kept { byte } else { 0 }
        });
        let torn: Vec<u8> = torn.collect();
        let (found, file) = recovered(&[&theirs[..], &torn].concat());
        assert_eq!(found, ["1 redis"]);
        // With both its ends it is an annotation that nobody knows.
        let may_stay = torn.starts_with(b"#") && torn.ends_with(b"\n");
        let rest = file.strip_prefix(&theirs[..]).expect("theirs stays");
        assert!(rest.is_empty() || may_stay && rest == torn, "{kept:b}");
    }
}

/// The disk failed while the line was written, and a rewrite was to begin the log anew.
#[test]
fn what_is_left_of_a_first_line_is_cut_off_before_a_file_without_batches() {
    let theirs = commands(&["SELECT 1", "SET redis 1"]);
    let manifest = [MANIFEST, b"file appendonly.aof.2.incr.aof seq 2 type i\n#framed\n"].concat();
    let whole = Life::start(with_incr(&theirs), CONFIGURATION).crash();
    let whole = whole.content(&Name::file(Dir::Aof, INCR.as_bytes())).clone();
    let line = whole.strip_prefix(&theirs[..]).expect("ours follows");
    let mut torn = line.to_vec();
    torn[8..12].fill(0);
    for behind in [&line[..4], &line[..12], &torn, b"\0\0\0"] {
        for next in [INCR_LINE, b""] {
            let mut disk = with_incr(&[&theirs[..], behind].concat());
            disk.put(Dir::Aof, "appendonly.aof.manifest", &manifest);
            disk.put(Dir::Aof, "appendonly.aof.2.incr.aof", next);
            let mut life = Life::start(disk, CONFIGURATION);
            assert_eq!((life.exit, keys(&life)), (None, ["1 redis".into()].into()), "{behind:?}");
            life.calls(&["SET ours 1"]);
            let life = Life::start(life.crash(), CONFIGURATION);
            assert_eq!((life.exit, keys(&life).len()), (None, 2), "{:?}", life.lines);
        }
    }
    // Not before a file of Redis.
    let mut disk = with_incr(&[&theirs[..], b"#"].concat());
    let manifest = [MANIFEST, b"file appendonly.aof.2.incr.aof seq 2 type i\n"].concat();
    disk.put(Dir::Aof, "appendonly.aof.manifest", &manifest);
    disk.put(Dir::Aof, "appendonly.aof.2.incr.aof", b"");
    assert_refused(&Life::start(disk, CONFIGURATION), &["only the last file may end early"]);
}

#[test]
fn what_only_looks_like_it_is_not() {
    let theirs = commands(&["SELECT 1", "SET redis 1"]);
    for behind in [&b"\0set a 1"[..], b"#lsn 0,B AAAAAA\n", b"\0\0\0\0\0\0\0\0\0\0*\n"] {
        let bytes = [&theirs[..], behind].concat();
        let life = Life::start(with_incr(&bytes), CONFIGURATION);
        assert_refused(&life, &["neither a command nor an annotation"]);
    }
}

#[test]
fn every_truncation_ends_between_two_commands_or_transactions() {
    let first = commands(&["SELECT 0", "SET a 1"]);
    let second = [&first[..], &commands(&["MULTI", "SET b 2", "SET c 3", "EXEC"])].concat();
    let whole = [&second[..], &command("SET d 4")].concat();
    for len in 0..=whole.len() {
        let (found, file) = recovered(&whole[..len]);
        let select = command("SELECT 0").len();
        let (keys, end): (&[&str], usize) = match len {
            _ if len < select => (&[], 0),
            _ if len < first.len() => (&[], select),
            _ if len < second.len() => (&["0 a"], first.len()),
            _ if len < whole.len() => (&["0 a", "0 b", "0 c"], second.len()),
            _ => (&["0 a", "0 b", "0 c", "0 d"], whole.len()),
        };
        assert_eq!((found, file.len()), (keys.iter().map(|&key| key.into()).collect(), end));
    }
}

#[test]
fn zeros_at_the_end_are_cut_off() {
    let whole = commands(&["SELECT 0", "SET a 1"]);
    for zeros in [1, 511, 4096, 600_000] {
        let (found, file) = recovered(&[&whole[..], &alloc::vec![0; zeros]].concat());
        assert_eq!((found, file), (["0 a".into()].into(), whole.clone()), "{zeros}");
    }
}

#[test]
fn garbage_is_refused_with_its_place() {
    let (before, after) = (command("SET a 1"), command("SET b 2"));
    let offset = format!("at offset {}", before.len());
    for garbage in [&b"garbage"[..], b"*x\r\n", b"\0\0", b"*1\r\nx", b"+OK\r\n", b"*3\r\n*3\r\n"] {
        let life = Life::start(with_incr(&[&before, garbage, &after].concat()), CONFIGURATION);
        assert_refused(&life, &[&offset, INCR]);
    }
}

#[test]
fn a_command_that_does_not_exist_is_refused_with_its_place() {
    let before = command("SET a 1");
    for wrong in ["NOSUCH a", "SET a", "INCR a b"] {
        let bytes = [&before[..], &command(wrong), &command("SET b 2")].concat();
        let life = Life::start(with_incr(&bytes), CONFIGURATION);
        assert_refused(&life, &[INCR, "at offset "]);
    }
}

#[test]
fn only_the_last_file_may_end_early() {
    let mut disk = with_incr(&commands(&["SET a 1"])[..10]);
    let manifest = [MANIFEST, b"file appendonly.aof.2.incr.aof seq 2 type i\n"].concat();
    disk.put(Dir::Aof, "appendonly.aof.manifest", &manifest);
    disk.put(Dir::Aof, "appendonly.aof.2.incr.aof", &command("SET b 2"));
    let life = Life::start(disk, CONFIGURATION);
    assert_refused(&life, &[INCR, "at offset 0", "only the last file may end early"]);
}

/// It stays where it is, and the new log holds what it held.
#[test]
fn a_log_of_the_old_form_is_taken_over() {
    let mut life = Life::start(Disk::default(), "");
    life.calls(&["SET dumped 1", "SAVE"]);
    let dump = life.disk.content(&Name::file(Dir::Data, b"dump.rdb")).clone();
    for preamble in [Vec::new(), dump] {
        let mut disk = Disk::default();
        let old = [&preamble[..], &commands(&["SELECT 1", "SET a 1", "SET b 2"])].concat();
        disk.put(Dir::Data, "appendonly.aof", &old);
        let mut life = Life::start(disk, CONFIGURATION);
        assert_eq!(life.exit, None, "{:?}", life.lines);
        life.calls(&["SET new 3"]);
        let expected = life.state();
        assert_eq!(expected.len(), 3 + usize::from(!preamble.is_empty()));
        assert_eq!(*life.disk.content(&Name::file(Dir::Data, b"appendonly.aof")), old);
        let life = Life::start(life.crash(), CONFIGURATION);
        assert_eq!(life.state(), expected);
    }
}

/// Its torn end is not loaded either.
#[test]
fn a_torn_log_of_the_old_form_is_taken_over_up_to_its_last_command() {
    let mut disk = Disk::default();
    let old = commands(&["SET a 1", "SET b 2"]);
    disk.put(Dir::Data, "appendonly.aof", &old[..old.len() - 2]);
    let mut life = Life::start(disk, CONFIGURATION);
    assert_eq!((life.exit, keys(&life)), (None, ["0 a".into()].into()), "{:?}", life.lines);
    life.calls(&["SET c 3"]);
    let life = Life::start(life.crash(), CONFIGURATION);
    assert_eq!((life.exit, keys(&life)), (None, ["0 a".into(), "0 c".into()].into()));
}

#[test]
fn a_base_of_commands_is_loaded() {
    let mut disk = with_incr(&command("SET b 2"));
    let manifest = [b"file appendonly.aof.1.base.aof seq 1 type b\n", MANIFEST].concat();
    disk.put(Dir::Aof, "appendonly.aof.manifest", &manifest);
    disk.put(Dir::Aof, "appendonly.aof.1.base.aof", &commands(&["SELECT 4", "SET a 1"]));
    // Each file begins in database 0.
    assert_eq!(keys(&Life::start(disk.clone(), CONFIGURATION)), ["0 b", "4 a"]);
    disk.put(Dir::Aof, "appendonly.aof.1.base.aof", &commands(&["SELECT 4", "SET a 1"])[..30]);
    assert_refused(&Life::start(disk, CONFIGURATION), &["base.aof at offset"]);
}

/// What was written under a higher limit is not lost to a lower one.
#[test]
fn strings_may_be_longer_than_clients_may_make_them_now() {
    let long = "x".repeat(3 << 19);
    let lines = [format!("SET a {long}"), "APPEND a x".into(), "SETBIT b 12582912 1".into()];
    let mut bytes = commands(&["SELECT 0"]);
    lines.iter().for_each(|line| bytes.extend(commands(&[line])));
    let life = Life::start(with_incr(&bytes), "appendonly yes\nproto-max-bulk-len 1mb\n");
    assert_eq!(life.exit, None, "{:?}", life.lines);
    let lens: Vec<usize> = life.state().into_values().map(|(value, _)| value.len()).collect();
    assert_eq!(lens, [(3 << 19) + 1, (3 << 19) + 1]);
}
