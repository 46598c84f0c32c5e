//! How requests complete: what each answers, and with which faults.

use std::collections::BTreeSet;

use rand::RngExt as _;
use seedis_core::io::{Dir, FileEntry, IoErrorKind, Name, OpenMode};
use seedis_core::{IoReq, IoResult, Ticket};

use super::super::save::Saving;
use super::super::{Crash, Disk, Faults, Full, Job, Outstanding, Personality, STRICT};
use super::{Bench, FILE, data, rng};

fn calm() -> Bench {
    Bench::new(STRICT, Faults::none(), &mut rng(1))
}

fn kind(result: &IoResult) -> IoErrorKind {
    match result {
        IoResult::Failed(error) | IoResult::NotWritten { error, .. } => error.kind,
        other => panic!("{other:?} is no failure"),
    }
}

fn open(bench: &mut Bench, name: &Name, mode: OpenMode) -> IoResult {
    bench.done(IoReq::Open { file: FILE, name: name.clone(), mode })
}

#[test]
fn a_file_is_written_read_and_listed() {
    let mut bench = calm();
    bench.create(FILE, &data("file"));
    let written = bench.write(FILE, 0, b"hello");
    assert!(matches!(written, IoResult::Written { count: 5, bytes } if bytes == b"hello"));
    let rest = IoReq::WriteAt { file: FILE, at: 4, bytes: b"xy, world".to_vec(), from: 2 };
    assert!(matches!(bench.done(rest), IoResult::Written { count: 7, .. }));
    bench.done(IoReq::Close { file: FILE });
    assert!(matches!(
        open(&mut bench, &data("file"), OpenMode::Read),
        IoResult::Opened { len: 11 }
    ));
    let read = bench.done(IoReq::ReadAt { file: FILE, at: 3, len: 4 });
    assert!(matches!(read, IoResult::Bytes(bytes) if bytes == b"l, w"));
    let end = bench.done(IoReq::ReadAt { file: FILE, at: 11, len: 4 });
    assert!(matches!(end, IoResult::Bytes(bytes) if bytes.is_empty()));
    let entry = FileEntry { name: b"file"[..].into(), len: 11 };
    bench.done(IoReq::MakeDir { dir: Dir::Aof });
    let listed = bench.done(IoReq::List { dir: Dir::Data });
    assert!(matches!(listed, IoResult::Files(files) if files == [entry]));
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut bench = calm();
    for mode in [OpenMode::Read, OpenMode::Write] {
        assert_eq!(kind(&open(&mut bench, &data("file"), mode)), IoErrorKind::NotFound);
    }
    let in_aof = Name::file(Dir::Aof, b"file");
    assert_eq!(kind(&open(&mut bench, &in_aof, OpenMode::Create)), IoErrorKind::NotFound);
    for request in [
        IoReq::Unlink { name: data("file") },
        IoReq::Rename { from: data("file"), to: data("other") },
        IoReq::List { dir: Dir::Aof },
        IoReq::Read { name: Name::Config },
    ] {
        assert_eq!(kind(&bench.done(request)), IoErrorKind::NotFound);
    }
    bench.disk.put(&data("file"), b"abc".to_vec());
    assert_eq!(kind(&open(&mut bench, &data("file"), OpenMode::CreateNew)), IoErrorKind::Other);
    assert!(matches!(
        open(&mut bench, &data("file"), OpenMode::Create),
        IoResult::Opened { len: 0 }
    ));
}

#[test]
#[should_panic(expected = "is open to be read")]
fn a_write_to_a_file_that_is_open_to_be_read_is_a_bug_of_the_core() {
    let mut bench = calm();
    bench.disk.put(&data("file"), b"abc".to_vec());
    open(&mut bench, &data("file"), OpenMode::Read);
    bench.write(FILE, 0, b"x");
}

#[test]
fn a_file_is_closed_after_everything_that_was_asked_of_it() {
    for seed in 0..100 {
        let mut bench = Bench::new(STRICT, Faults::none(), &mut rng(seed));
        bench.create(FILE, &data("file"));
        let close = bench.ask(IoReq::Close { file: FILE });
        let write = bench.ask(IoReq::WriteAt { file: FILE, at: 0, bytes: vec![1], from: 0 });
        let order = [1, 2].map(|_| bench.wait(1 << 40).map(|it| it.0));
        assert_eq!(order, [Some(write), Some(close)]);
    }
}

#[test]
fn requests_complete_in_any_order() {
    let mut orders = BTreeSet::new();
    for seed in 0..200 {
        let mut bench = Bench::new(STRICT, Faults::none(), &mut rng(seed));
        bench.create(FILE, &data("file"));
        for at in 0..3 {
            bench.ask(IoReq::WriteAt { file: FILE, at, bytes: vec![1], from: 0 });
        }
        let order: Vec<Ticket> =
            (0..3).filter_map(|_| bench.wait(1 << 40)).map(|it| it.0).collect();
        orders.insert(order);
    }
    assert_eq!(orders.len(), 6);
}

#[test]
fn a_full_disk_takes_what_fits_and_has_space_again() {
    let mut bench = calm();
    bench.create(FILE, &data("file"));
    bench.disk.full = Some(Full { free: 3, until_ns: bench.now_ns + (1 << 42) });
    assert!(matches!(bench.write(FILE, 0, b"hello"), IoResult::Written { count: 3, .. }));
    let refused = bench.write(FILE, 3, b"lo");
    assert!(
        matches!(refused, IoResult::NotWritten { error, .. } if error.words.contains("No space"))
    );
    assert!(matches!(bench.write(FILE, 0, b"HEL"), IoResult::Written { count: 3, .. }));
    bench.disk.now_ns += 1 << 42;
    bench.now_ns = bench.disk.now_ns;
    assert!(matches!(bench.write(FILE, 3, b"LO"), IoResult::Written { count: 2, .. }));
    assert_eq!(bench.disk.content(&data("file")), Some(&b"HELLO"[..]));
}

#[test]
fn every_fault_shows() {
    let mut seen = BTreeSet::new();
    for seed in 0..1000 {
        let mut rng = rng(seed);
        let faults = Faults::draw(&mut rng);
        let mut bench = Bench::new(STRICT, Faults::none(), &mut rng);
        bench.create(FILE, &data("file"));
        bench.disk.put(&data("other"), vec![1; 50]);
        bench.disk.faults = faults;
        for result in [
            bench.write(FILE, 0, &[1; 50]),
            bench.done(IoReq::Read { name: data("other") }),
            bench.done(IoReq::Sync { file: FILE }),
            bench.done(IoReq::SyncDir { dir: Dir::Data }),
        ] {
            match result {
                IoResult::Written { count, .. } if count < 50 => drop(seen.insert("short".into())),
                IoResult::Failed(error) => drop(seen.insert(format!("failed: {}", error.words))),
                IoResult::NotWritten { error, .. } => {
                    seen.insert(format!("not written: {}", error.words));
                }
                _ => {}
            }
        }
    }
    let wanted = [
        "failed: Input/output error",
        "failed: Interrupted system call",
        "not written: Input/output error",
        "not written: Interrupted system call",
        "not written: No space left on device",
        "short",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}

fn save_of(pieces: &[&[u8]], sync_often: bool) -> Job {
    let pieces: Vec<_> = pieces.iter().map(|piece| piece.to_vec()).collect();
    let mut pieces = pieces.into_iter();
    Job::Save(Saving::of(FILE, Box::new(move || pieces.next()), sync_often))
}

fn ask_save(disk: &mut Disk, job: Job) {
    disk.outstanding.push(Outstanding {
        ticket: Ticket(100),
        due_ns: disk.now_ns,
        issued: disk.seq,
        job,
    });
}

#[test]
fn a_save_is_written_in_pieces_and_durable_at_its_end() {
    for seed in 0..100 {
        let mut rng = rng(seed);
        let mut bench = Bench::new(Personality::draw(&mut rng), Faults::none(), &mut rng);
        bench.create(FILE, &data("dump"));
        bench.sync_dir(Dir::Data);
        ask_save(&mut bench.disk, save_of(&[b"one ", b"two ", b"three"], rng.random()));
        let mut lens = BTreeSet::new();
        let result = loop {
            lens.insert(bench.disk.content(&data("dump")).unwrap_or_default().len());
            if let Some((_, result)) = bench.wait(1000) {
                break result;
            }
        };
        assert!(matches!(result, IoResult::Saved { len: 13 }));
        assert!(lens.contains(&4) || lens.contains(&8), "it is seen half written: {lens:?}");
        let disk = bench.disk.crash(Crash::PowerLoss);
        assert_eq!(disk.content(&data("dump")), Some(&b"one two three"[..]));
    }
}

#[test]
fn a_save_that_is_cancelled_fails() {
    let mut bench = calm();
    bench.create(FILE, &data("dump"));
    ask_save(&mut bench.disk, save_of(&[b"x".as_slice(); 1000], false));
    bench.ask(IoReq::Cancel { save: Ticket(100) });
    let (_, result) = loop {
        if let Some(completed) = bench.wait(1000) {
            break completed;
        }
    };
    assert_eq!(kind(&result), IoErrorKind::Cancelled);
    assert!(bench.disk.content(&data("dump")).unwrap_or_default().len() < 1000);
    assert_eq!(bench.disk.pending(), 0);
}

#[test]
fn a_replacement_is_whole_or_not_there_whatever_happens() {
    let (mut failed, mut temporary) = (0, 0);
    for seed in 0..1000 {
        let mut rng = rng(seed);
        let mut bench = Bench::new(Personality::draw(&mut rng), Faults::draw(&mut rng), &mut rng);
        bench.disk.put(&Name::Config, b"old".to_vec());
        bench.disk.put(&data("file"), b"old".to_vec());
        for name in [Name::Config, data("file")] {
            let request = IoReq::Replace { name, bytes: b"new".to_vec() };
            bench.ask(request);
            while bench.disk.pending() > 0 && rng.random() {
                let ended = bench.wait(1 << 40);
                failed += u32::from(matches!(ended, Some((_, IoResult::Failed(_)))));
            }
        }
        let crash = if rng.random() { Crash::PowerLoss } else { Crash::Process };
        let disk = bench.disk.crash(crash);
        for name in [Name::Config, data("file")] {
            let left = disk.content(&name).unwrap_or_default();
            assert!(left == b"old" || left == b"new", "seed {seed}: {left:?}");
        }
        temporary += u32::from(disk.content(&data("file.1.tmp")).is_some());
    }
    assert!(failed > 20 && temporary > 20, "{failed} failed, {temporary} temporary files left");
}

#[test]
fn the_same_seed_gives_the_same_disk() {
    let run = |seed| {
        let mut rng = rng(seed);
        let mut bench = Bench::new(Personality::draw(&mut rng), Faults::draw(&mut rng), &mut rng);
        bench.disk.keep_notes();
        let mut all = String::new();
        for number in 0..20 {
            let name = data(&format!("file {}", number % 3));
            bench.ask(IoReq::Replace { name, bytes: vec![number; 40] });
            all += &format!("{:?}", bench.wait(100_000));
        }
        format!("{all}{:?}", bench.disk.crash(Crash::PowerLoss))
    };
    for seed in 0..50 {
        assert_eq!(run(seed), run(seed));
    }
}
