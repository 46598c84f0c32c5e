//! What a crash may do to the entries of directories.
//!
//! The naive statement, name by name: after a power loss a name means what it meant at the last
//! sync of its directory that covers it, or something that it was given since.

use std::collections::BTreeMap;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::io::{Dir, FileId, Name, OpenMode};
use seedis_core::{IoReq, IoResult};

use super::super::{ALL, Crash, Disk, EXT4, Faults, Personality, STRICT, XFS};
use super::{Bench, FILE, data, rng};

/// What a name meant, in order; a file is told by its content.
type Meanings = BTreeMap<Name, Vec<Option<u8>>>;

fn name(rng: &mut ChaCha8Rng) -> Name {
    let dir = if rng.random() { Dir::Data } else { Dir::Aof };
    Name::file(dir, format!("file {}", rng.random_range(0..4)).as_bytes())
}

fn meaning(disk: &Disk, name: &Name) -> Option<u8> {
    disk.content(name).map(|bytes| bytes[0])
}

fn create(bench: &mut Bench, name: &Name, content: u8) {
    bench.disk.ask(
        seedis_core::Ticket(0),
        IoReq::Open { file: FILE, name: name.clone(), mode: OpenMode::CreateNew },
        bench.now_ns,
    );
    if let Some((_, IoResult::Opened { .. })) = bench.wait(1 << 40) {
        bench.write(FILE, 0, &[content]);
        bench.done(IoReq::Sync { file: FILE });
        bench.done(IoReq::Close { file: FILE });
    }
}

/// Makes, renames and removes synced files at random.
fn shuffle(bench: &mut Bench, rng: &mut ChaCha8Rng) -> Meanings {
    bench.done(IoReq::MakeDir { dir: Dir::Aof });
    bench.sync_dir(Dir::Data);
    let mut meanings = Meanings::new();
    for number in 1..rng.random_range(2..30) {
        let (one, other) = (name(rng), name(rng));
        match rng.random_range(0..6) {
            0..2 => create(bench, &one, number),
            2 | 3 => drop(bench.done(IoReq::Rename { from: one.clone(), to: other.clone() })),
            4 => drop(bench.done(IoReq::Unlink { name: one.clone() })),
            _ => {
                let dir = if rng.random() { Dir::Data } else { Dir::Aof };
                bench.sync_dir(dir);
                meanings
                    .iter_mut()
                    .filter(|(name, _)| matches!(name, Name::In(of, _) if *of == dir))
                    .for_each(|(_, meant)| drop(meant.drain(..meant.len() - 1)));
            }
        }
        for name in [one, other] {
            let meant = meanings.entry(name.clone()).or_insert_with(|| vec![None]);
            meant.push(meaning(&bench.disk, &name));
        }
    }
    meanings
}

#[test]
fn a_power_loss_leaves_names_as_they_were_at_a_sync_or_since() {
    for seed in 0..3000 {
        let mut rng = rng(seed);
        let mut bench = Bench::new(Personality::draw(&mut rng), Faults::none(), &mut rng);
        let meanings = shuffle(&mut bench, &mut rng);
        let disk = bench.disk.crash(Crash::PowerLoss);
        for (name, meant) in meanings {
            let found = meaning(&disk, &name);
            assert!(meant.contains(&found), "seed {seed}: {name:?} is {found:?}, not {meant:?}");
        }
    }
}

#[test]
fn a_process_crash_leaves_names_as_they_are_and_a_power_loss_takes_them_later() {
    let mut changed = 0;
    for seed in 0..500 {
        let mut rng = rng(seed);
        let mut bench = Bench::new(STRICT, Faults::none(), &mut rng);
        let meanings = shuffle(&mut bench, &mut rng);
        let disk = bench.disk.crash(Crash::Process);
        let is_now = |disk: &Disk| {
            meanings.iter().all(|(name, meant)| meant.last() == Some(&meaning(disk, name)))
        };
        assert!(is_now(&disk), "seed {seed}");
        let disk = disk.crash(Crash::PowerLoss);
        changed += u32::from(!is_now(&disk));
        for (name, meant) in &meanings {
            assert!(meant.contains(&meaning(&disk, name)), "seed {seed}: {name:?}");
        }
    }
    assert!(changed > 100, "{changed} of 500");
}

/// Whether `a` and `b` are there after both were made, in this order, and the power went.
fn two_files(personality: Personality, seed: u64) -> [bool; 2] {
    let mut bench = Bench::new(personality, Faults::none(), &mut rng(seed));
    bench.create(FileId(1), &data("a"));
    bench.create(FileId(2), &data("b"));
    let disk = bench.disk.crash(Crash::PowerLoss);
    ["a", "b"].map(|name| disk.content(&data(name)).is_some())
}

#[test]
fn a_journal_keeps_the_order_of_entries_and_posix_does_not() {
    let strict: Vec<_> = (0..200).map(|seed| two_files(STRICT, seed)).collect();
    for wanted in [[false, false], [true, false], [false, true], [true, true]] {
        assert!(strict.contains(&wanted), "{wanted:?}");
    }
    for personality in ALL.into_iter().filter(|it| it.is_journaled) {
        let all: Vec<_> = (0..200).map(|seed| two_files(personality, seed)).collect();
        assert!(!all.contains(&[false, true]), "{}", personality.name);
        assert!(all.contains(&[true, false]) && all.contains(&[false, false]));
    }
}

/// A file written and renamed over another without a sync, then the sync of the directory, then a
/// power loss: what is left.
fn replaced(personality: Personality, seed: u64) -> Vec<u8> {
    let mut bench = Bench::new(personality, Faults::none(), &mut rng(seed));
    bench.disk.put(&data("file"), b"old".to_vec());
    bench.create(FILE, &data("temporary"));
    bench.write(FILE, 0, b"new");
    let (from, to) = (data("temporary"), data("file"));
    assert!(matches!(bench.done(IoReq::Rename { from, to }), IoResult::Done));
    bench.sync_dir(Dir::Data);
    let disk = bench.disk.crash(Crash::PowerLoss);
    assert!(disk.content(&data("temporary")).is_none());
    disk.content(&data("file")).unwrap_or_default().to_vec()
}

#[test]
fn a_rename_brings_its_data_along_on_ext4_only() {
    assert!((0..100).all(|seed| replaced(EXT4, seed) == b"new"));
    assert!((0..100).any(|seed| replaced(XFS, seed) != b"new"));
    let strict: Vec<_> = (0..100).map(|seed| replaced(STRICT, seed)).collect();
    assert!(strict.contains(&b"\0\0\0".to_vec()) && strict.contains(&Vec::new()));
    assert!(!strict.contains(&b"old".to_vec()));
}

/// A file renamed into another directory, and that directory synced alone: where it is.
fn moved(personality: Personality, seed: u64) -> [bool; 2] {
    let mut bench = Bench::new(personality, Faults::none(), &mut rng(seed));
    bench.done(IoReq::MakeDir { dir: Dir::Aof });
    bench.sync_dir(Dir::Data);
    bench.disk.put(&data("file"), b"x".to_vec());
    let to = Name::file(Dir::Aof, b"file");
    bench.done(IoReq::Rename { from: data("file"), to: to.clone() });
    bench.sync_dir(Dir::Aof);
    let disk = bench.disk.crash(Crash::PowerLoss);
    [data("file"), to].map(|name| disk.content(&name).is_some())
}

#[test]
fn a_rename_between_directories_is_two_changes_without_a_journal() {
    let strict: Vec<_> = (0..100).map(|seed| moved(STRICT, seed)).collect();
    assert!(strict.contains(&[true, true]) && strict.contains(&[false, true]));
    assert!(strict.iter().all(|there| there[1]));
    assert!((0..100).all(|seed| moved(EXT4, seed) == [false, true]));
}

#[test]
fn a_directory_whose_entry_is_lost_takes_its_files_along() {
    let mut lost = 0;
    for seed in 0..100 {
        let mut bench = Bench::new(STRICT, Faults::none(), &mut rng(seed));
        bench.done(IoReq::MakeDir { dir: Dir::Aof });
        create(&mut bench, &Name::file(Dir::Aof, b"file"), 1);
        bench.sync_dir(Dir::Aof);
        let mut disk = bench.disk.crash(Crash::PowerLoss);
        let is_there = disk.content(&Name::file(Dir::Aof, b"file")).is_some();
        disk.ask(seedis_core::Ticket(1), IoReq::List { dir: Dir::Aof }, 0);
        let listed = disk.completed(u64::MAX >> 1).map(|it| it.1);
        assert_eq!(matches!(listed, Some(IoResult::Files(files)) if files.len() == 1), is_there);
        lost += u32::from(!is_there);
    }
    assert!((10..90).contains(&lost), "{lost} of 100");
}
