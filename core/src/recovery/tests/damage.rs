//! Truncations and flipped bits: a legal prefix, or a refusal that says where.
//!
//! Legal is what a power loss can leave: everything that some later byte of the log says was
//! durable, and of the rest a prefix that ends between two batches.

use super::*;
use crate::log::frame::INCR_LINE;

const ALWAYS: &str = "appendonly yes\nappendfsync always\n";
const SLOWLY: &str = "appendonly yes\nappendfsync no\naof-timestamp-enabled yes\n";

const BATCHES: &[&str] =
    &["SET k v", "SET n 1 PXAT 1900000000000", "MSET a 1 b 2", "APPEND k w", "DEL n", "SET k #end"];

/// A log of which the incremental file has batches, how it was before the first and after each
/// of them, and where in the file that is.
struct Written {
    disk: Disk,
    states: Vec<State>,
    ends: Vec<usize>,
}

fn written(configuration: &str) -> Written {
    let mut life = Life::start(Disk::default(), configuration);
    life.calls(&["SET base 1", "SET k old", "BGREWRITEAOF"]);
    life.pass(1500);
    let incr = life.disk.aof(".incr.aof");
    let mut all = Written { disk: Disk::default(), states: Vec::new(), ends: Vec::new() };
    let mut note = |life: &Life| {
        all.states.push(life.state());
        all.ends.push(life.disk.content(&incr).len());
    };
    note(&life);
    for batch in BATCHES {
        life.calls(&[batch]);
        note(&life);
    }
    Written { disk: life.crash(), ..all }
}

/// A log of two incremental files, the first of two batches.
pub(super) fn written_in_two_files(configuration: &str) -> (Disk, Vec<State>) {
    let mut life = Life::start(Disk::default(), configuration);
    let mut states = Vec::new();
    states.push(life.state());
    for (number, batch) in BATCHES.iter().enumerate() {
        if number == 2 {
            life.disk.refuses_saves = true;
            life.calls(&["BGREWRITEAOF"]);
            life.disk.refuses_saves = false;
        }
        life.calls(&[batch]);
        states.push(life.state());
    }
    (life.crash(), states)
}

#[test]
fn every_truncation_leaves_a_prefix() {
    for configuration in [ALWAYS, SLOWLY] {
        let all = written(configuration);
        let incr = all.disk.aof(".incr.aof");
        for len in 0..all.disk.content(&incr).len() {
            let mut disk = all.disk.clone();
            disk.content_mut(&incr).truncate(len);
            let life = Life::start(disk, configuration);
            let whole = all.ends.iter().rposition(|&end| end <= len).unwrap_or(0);
            assert_eq!(life.exit, None, "{len}: {:?}", life.lines);
            assert_eq!(life.state(), all.states[whole], "{len}");
            let cut_to = without_first_line(life.disk.content(&incr)).len();
            // Annotations of the next batch may stay, and half of the first line does not.
            let least = if len < INCR_LINE.len() { 0 } else { all.ends[whole] };
            assert!((least..=len).contains(&cut_to), "{len}: {cut_to}");
            assert_goes_on(life, configuration);
        }
    }
}

/// Writes once more, and looks whether that is there in the next life.
fn assert_goes_on(mut life: Life, configuration: &str) {
    life.calls(&["SET after damage", "INCR base"]);
    let expected = life.state();
    let life = Life::start(life.crash(), configuration);
    assert_eq!((life.exit, life.state()), (None, expected), "{:?}", life.lines);
}

#[test]
fn a_truncated_log_is_refused_where_that_is_asked_for() {
    let configuration = format!("{ALWAYS}aof-load-truncated no\n");
    let all = written(&configuration);
    let incr = all.disk.aof(".incr.aof");
    let mut disk = all.disk.clone();
    disk.content_mut(&incr).pop();
    let before = disk.content(&incr).clone();
    let life = Life::start(disk, &configuration);
    let offset = format!("at offset {}", all.ends[BATCHES.len() - 1]);
    assert_refused(&life, &[&offset, "aof-load-truncated is no"]);
    assert_eq!(*life.disk.content(&incr), before);
    assert_eq!(Life::start(all.disk, &configuration).exit, None);
}

/// Asserts that the process ended with words such as these.
pub(super) fn assert_refused(life: &Life, words: &[&str]) {
    assert_eq!(life.exit, Some(1), "{:?}", life.lines);
    let last = life.lines.last().expect("it said why");
    assert!(words.iter().all(|&word| last.contains(word)), "{words:?}: {last}");
}

/// Under `always` each batch tells that those before it are durable: only the last may be lost.
#[test]
fn every_flipped_bit_of_a_durable_log_is_refused_or_harmless() {
    let all = written(ALWAYS);
    flip_every_bit(&all, ALWAYS, BATCHES.len() - 1);
}

/// Nothing tells that anything is durable: any batch may be the first that a power loss tore.
#[test]
fn every_flipped_bit_of_a_log_that_may_be_torn_leaves_a_prefix_or_is_refused() {
    let all = written(SLOWLY);
    flip_every_bit(&all, SLOWLY, 0);
}

/// `from` is the first batch that may be lost.
fn flip_every_bit(all: &Written, configuration: &str, from: usize) {
    let incr = all.disk.aof(".incr.aof");
    let mut cuts = 0;
    for bit in 0..all.disk.content(&incr).len() * 8 {
        let mut disk = all.disk.clone();
        disk.content_mut(&incr)[bit / 8] ^= 1 << (bit % 8);
        let life = Life::start(disk, configuration);
        if life.exit.is_some() {
            assert_refused(&life, &["incr.aof at offset "]);
            continue;
        }
        let state = life.state();
        let damaged = all.ends.iter().rposition(|&end| end <= bit / 8).unwrap_or(0);
        if state != all.states[BATCHES.len()] {
            assert!(damaged >= from, "bit {bit} of batch {damaged}: {:?}", life.lines);
            assert_eq!(state, all.states[damaged], "bit {bit} of batch {damaged}");
            cuts += 1;
        }
        if bit % 8 == 3 {
            assert_goes_on(life, configuration);
        }
    }
    assert!(cuts > 0);
}

#[test]
fn every_flipped_bit_of_the_base_or_the_manifest_is_refused_or_harmless() {
    let all = written(ALWAYS);
    for end in [".base.rdb", ".manifest"] {
        let name = all.disk.aof(end);
        for bit in 0..all.disk.content(&name).len() * 8 {
            let mut disk = all.disk.clone();
            disk.content_mut(&name)[bit / 8] ^= 1 << (bit % 8);
            let life = Life::start(disk, ALWAYS);
            match life.exit {
                Some(code) => assert_eq!(code, 1),
                None => assert_eq!(Some(&life.state()), all.states.last(), "{end} bit {bit}"),
            }
        }
    }
}

/// A manifest is replaced as a whole: one that is shorter was not left by a crash.
#[test]
fn every_truncation_of_the_base_or_the_manifest_is_refused() {
    let all = written(ALWAYS);
    for end in [".base.rdb", ".manifest"] {
        let name = all.disk.aof(end);
        for len in 0..all.disk.content(&name).len() {
            let mut disk = all.disk.clone();
            disk.content_mut(&name).truncate(len);
            let life = Life::start(disk, ALWAYS);
            assert_eq!(life.exit, Some(1), "{end} cut to {len}: {:?}", life.lines);
        }
    }
}

#[test]
fn every_flipped_bit_of_a_dump_is_refused_or_harmless() {
    let mut life = Life::start(Disk::default(), "");
    life.calls(&["SET k v", "SET n 1 PXAT 1900000000000", "SET zzzz zzzzzzzzzzzzzzzzzzzzzzzzzz"]);
    life.calls(&["SAVE"]);
    let expected = life.state();
    let disk = life.crash();
    let dump = Name::file(Dir::Data, b"dump.rdb");
    for bit in 0..disk.content(&dump).len() * 8 {
        let mut disk = disk.clone();
        disk.content_mut(&dump)[bit / 8] ^= 1 << (bit % 8);
        let life = Life::start(disk, "");
        match life.exit {
            Some(_) => assert_refused(&life, &["Bad RDB file dump.rdb"]),
            None => assert_eq!(life.state(), expected, "bit {bit}"),
        }
    }
    for len in 0..disk.content(&dump).len() {
        let mut disk = disk.clone();
        disk.content_mut(&dump).truncate(len);
        assert_refused(&Life::start(disk, ""), &["Bad RDB file dump.rdb"]);
    }
}

/// The end of the first file is missing although the second says that it was durable.
#[test]
fn a_gap_between_two_files_is_refused() {
    let (mut disk, _) = written_in_two_files(ALWAYS);
    let first = Name::file(Dir::Aof, b"appendonly.aof.1.incr.aof");
    let second = Name::file(Dir::Aof, b"appendonly.aof.2.incr.aof");
    let at = disk.content(&first).windows(1).rposition(|byte| byte == b"#").unwrap();
    let whole = disk.clone();
    disk.content_mut(&first).truncate(at);
    assert_refused(&Life::start(disk, ALWAYS), &["2.incr.aof at offset 6", "Gap"]);
    let mut disk = whole.clone();
    disk.content_mut(&first).truncate(at + 3);
    assert_refused(&Life::start(disk, ALWAYS), &["1.incr.aof at offset", "Torn"]);
    let mut disk = whole;
    disk.names.remove(&second);
    assert_refused(&Life::start(disk, ALWAYS), &["2.incr.aof does not exist"]);
}

/// Nothing says that the end of the first file was durable: it and the second are cut.
#[test]
fn a_torn_end_of_the_first_file_takes_the_second_along() {
    let (mut disk, states) = written_in_two_files("appendonly yes\nappendfsync no\n");
    let first = Name::file(Dir::Aof, b"appendonly.aof.1.incr.aof");
    disk.content_mut(&first).pop();
    // The end of a file that is left is synced, and the second begins with telling so if it is.
    let life = Life::start(disk, ALWAYS);
    if life.exit.is_none() {
        assert_eq!(life.state(), states[1]);
        return assert_goes_on(life, ALWAYS);
    }
    assert_refused(&life, &["1.incr.aof at offset"]);
}

const COMMANDS: &str = "appendonly yes\nappendfsync no\naof-use-rdb-preamble no\n";

/// What a power loss may show in place of bytes that were not synced: old blocks of other files.
const STALE: [&[u8]; 6] = [
    b"#crc32c 6cac6f2c\nfile appendonly.aof.16.base.rdb seq 16 type b\n",
    b"REDIS0011\xfa\x09redis-ver\x057.2.4\xfa",
    b"#lsn 5 Binhrg\n*1\r\n$4\r\nEXEC\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nstale",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nstale\r\n",
    b"#base\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nstale\r\n",
];

#[test]
fn a_first_batch_that_a_power_loss_replaced_by_anything_is_cut_off() {
    for configuration in [SLOWLY, COMMANDS] {
        let all = written(configuration);
        let incr = all.disk.aof(".incr.aof");
        for stale in STALE {
            let mut disk = all.disk.clone();
            let content = disk.content_mut(&incr);
            content[..all.ends[1]].fill(0);
            let len = stale.len().min(all.ends[1]);
            content[..len].copy_from_slice(&stale[..len]);
            let life = Life::start(disk, configuration);
            assert_eq!(life.exit, None, "{}: {:?}", stale.escape_ascii(), life.lines);
            assert_eq!(life.state(), all.states[0]);
            assert_goes_on(life, configuration);
        }
    }
}

/// Of a base of commands its own bytes do not tell where in the log it stands.
#[test]
fn a_later_batch_that_calls_the_base_durable_does_not_make_a_torn_first_batch_rot() {
    let mut life = Life::start(Disk::default(), COMMANDS);
    life.calls(&["SET long-gone 1", "DEL long-gone", "SET k v", "BGREWRITEAOF"]);
    let expected = life.state();
    let incr = life.disk.aof(".incr.aof");
    life.calls(&["SET k w"]);
    let end = life.disk.content(&incr).len();
    life.calls(&["SET k x"]);
    let mut disk = life.crash();
    disk.content_mut(&incr)[..end - 2].fill(0);
    let life = Life::start(disk, COMMANDS);
    assert_eq!(life.exit, None, "{:?}", life.lines);
    assert_eq!(life.state(), expected);
}

#[test]
fn every_truncation_of_a_base_of_commands_is_refused() {
    let all = written(COMMANDS);
    let base = all.disk.aof(".base.aof");
    for len in 0..all.disk.content(&base).len() {
        let mut disk = all.disk.clone();
        disk.content_mut(&base).truncate(len);
        assert_refused(&Life::start(disk, COMMANDS), &["base.aof: it has", "were written"]);
    }
    assert_eq!(Some(&Life::start(all.disk, COMMANDS).state()), all.states.last());
}

/// Zeros in the middle of an annotation would otherwise make the next header part of it, and its
/// batch commands of stock Redis.
#[test]
fn a_torn_timestamp_hides_no_batch() {
    let mut life = Life::start(Disk::default(), SLOWLY);
    life.calls(&["SET k v"]);
    let incr = life.disk.aof(".incr.aof");
    let (expected, end) = (life.state(), life.disk.content(&incr).len());
    life.pass(1500);
    life.calls(&["DEL k"]);
    let next = life.disk.content(&incr).len();
    life.calls(&["INCR k"]);
    let mut disk = life.crash();
    disk.content_mut(&incr)[end + 5..next].fill(0);
    let life = Life::start(disk, SLOWLY);
    assert_eq!((life.exit, life.state()), (None, expected), "{:?}", life.lines);
}
