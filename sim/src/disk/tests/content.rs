//! What a crash may do to the content of a file.
//!
//! The naive statement, byte by byte: after a crash a byte is what the last write covered by a
//! sync left there, or anything written there since, or zero where the file grew or was cut since.
//! The length is the one at that sync or one that the file had since.

use std::collections::BTreeSet;

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::io::Dir;
use seedis_core::{IoReq, IoResult, Ticket};

use super::super::{
    ALL, BTRFS, Crash, EXT4, Fault, Faults, Personality, STRICT, SyncFailure, WRITEBACK,
};
use super::{Bench, FILE, data, rng};

#[derive(Clone, Debug)]
enum Event {
    Write { at: usize, bytes: Vec<u8> },
    Cut(usize),
}

/// Everything that happened to the file, and how much of it a sync covered.
#[derive(Default)]
struct History {
    events: Vec<Event>,
    covered: usize,
    /// A sync failed when so many events had happened: those not covered may be lost for good.
    doubted: usize,
    asked: Vec<(Ticket, Event)>,
    syncs: Vec<(Ticket, usize)>,
}

impl History {
    /// The file after `count` events.
    fn after(&self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.events[..count].iter().for_each(|event| apply(&mut bytes, event));
        bytes
    }

    fn completed(&mut self, ticket: Ticket, result: &IoResult) {
        if let Some(at) = self.syncs.iter().position(|sync| sync.0 == ticket) {
            let (_, covered) = self.syncs.swap_remove(at);
            match result {
                // After a failure nothing is known of what came before it.
                IoResult::Done if self.doubted == 0 => self.covered = self.covered.max(covered),
                IoResult::Done => {}
                _ => self.doubted = self.events.len(),
            }
            return;
        }
        let at = self.asked.iter().position(|asked| asked.0 == ticket).expect("it was asked for");
        let (_, mut event) = self.asked.swap_remove(at);
        match (result, &mut event) {
            (IoResult::Written { count, .. }, Event::Write { bytes, .. }) => {
                bytes.truncate(*count);
                self.events.push(event);
            }
            (IoResult::Done, Event::Cut(_)) => self.events.push(event),
            (IoResult::NotWritten { .. } | IoResult::Failed(_), _) => {}
            other => panic!("no completion for it: {other:?}"),
        }
    }

    /// Asserts that `found` may be left by a power loss.
    fn allow(&self, found: &[u8]) {
        let base = self.after(self.covered);
        let mut lens = BTreeSet::from([base.len()]);
        let mut now = base.clone();
        for event in &self.events[self.covered..] {
            apply(&mut now, event);
            lens.insert(now.len());
        }
        for (_, event) in &self.asked {
            match event {
                Event::Cut(len) => drop(lens.insert(*len)),
                Event::Write { at, bytes } => lens.extend(at + 1..=at + bytes.len()),
            }
        }
        assert!(lens.contains(&found.len()), "a length of {} is none of {lens:?}", found.len());
        let since = self.events[self.covered..].iter().chain(self.asked.iter().map(|it| &it.1));
        let since: Vec<&Event> = since.collect();
        let floor = lens.first().copied().unwrap_or(0);
        for (at, &byte) in found.iter().enumerate() {
            let is_base = base.get(at) == Some(&byte);
            let is_zero = byte == 0 && at >= floor;
            let is_since = since.iter().any(|event| wrote(event, at) == Some(byte));
            assert!(is_base || is_zero || is_since, "byte {at} of {} is {byte}", found.len());
        }
    }
}

fn apply(bytes: &mut Vec<u8>, event: &Event) {
    match event {
        Event::Cut(len) => bytes.resize(*len, 0),
        Event::Write { at, bytes: new } => {
            if bytes.len() < at + new.len() {
                bytes.resize(at + new.len(), 0);
            }
            bytes[*at..at + new.len()].copy_from_slice(new);
        }
    }
}

fn wrote(event: &Event, at: usize) -> Option<u8> {
    let Event::Write { at: from, bytes } = event else { return None };
    bytes.get(at.checked_sub(*from)?).copied()
}

/// Writes, cuts and syncs at random, outstanding at the same time.
fn scribble(bench: &mut Bench, only_appends: bool, rng: &mut ChaCha8Rng) -> History {
    bench.create(FILE, &data("file"));
    bench.sync_dir(Dir::Data);
    let mut history = History::default();
    let mut end = 0;
    for number in 1..rng.random_range(2..40) {
        match rng.random_range(0..10) {
            0..5 => {
                let at = if only_appends { end } else { rng.random_range(0..=end) };
                let bytes = vec![number as u8; *[1, 20, 700, 9000].choose(rng).unwrap_or(&1)];
                end = end.max(at + bytes.len());
                let event = Event::Write { at, bytes: bytes.clone() };
                let request = IoReq::WriteAt { file: FILE, at: at as u64, bytes, from: 0 };
                history.asked.push((bench.ask(request), event));
            }
            5 if !only_appends => {
                let len = rng.random_range(0..=end);
                let request = IoReq::Truncate { file: FILE, len: len as u64 };
                history.asked.push((bench.ask(request), Event::Cut(len)));
            }
            6 | 7 => {
                let ticket = bench.ask(IoReq::Sync { file: FILE });
                history.syncs.push((ticket, history.events.len()));
            }
            _ => {}
        }
        let wait = 10_u64.pow(rng.random_range(0..9));
        while let Some((ticket, result)) = bench.wait(wait) {
            history.completed(ticket, &result);
        }
    }
    history
}

fn file_left(bench: Bench, crash: Crash) -> Vec<u8> {
    let disk = bench.disk.crash(crash);
    disk.content(&data("file")).expect("its entry was synced").to_vec()
}

/// Everything that does not make a history unknowable.
fn some_faults(rng: &mut ChaCha8Rng) -> Faults {
    let drawn = Faults::draw(rng);
    drawn.with(Fault::EntryError, 0).with(Fault::Interrupted, 0).with(Fault::NoSpace, 0)
}

#[test]
fn a_power_loss_leaves_what_was_synced_and_invents_nothing() {
    for seed in 0..4000 {
        let mut rng = rng(seed);
        let personality = Personality::draw(&mut rng);
        if personality == WRITEBACK || personality.shows_stale_blocks {
            continue;
        }
        let faults = some_faults(&mut rng);
        let mut bench = Bench::new(personality, faults, &mut rng);
        let history = scribble(&mut bench, false, &mut rng);
        history.allow(&file_left(bench, Crash::PowerLoss));
    }
}

#[test]
fn a_process_crash_leaves_what_completed() {
    for seed in 0..1000 {
        let mut rng = rng(seed);
        let personality = *ALL.choose(&mut rng).unwrap_or(&STRICT);
        let mut bench = Bench::new(personality, Faults::none(), &mut rng);
        let mut history = scribble(&mut bench, false, &mut rng);
        history.covered = history.events.len();
        let seen = history.after(history.covered);
        let all_completed = history.asked.is_empty();
        let left = file_left(bench, Crash::Process);
        match all_completed {
            true => assert_eq!(left, seen, "seed {seed}"),
            false => history.allow(&left),
        }
    }
}

#[test]
fn a_power_loss_after_a_process_crash_may_still_take_what_was_not_synced() {
    let mut taken = 0;
    for seed in 0..100 {
        let mut bench = Bench::new(STRICT, Faults::none(), &mut rng(seed));
        bench.create(FILE, &data("file"));
        bench.sync_dir(Dir::Data);
        bench.write(FILE, 0, b"read by the next life");
        let disk = bench.disk.crash(Crash::Process);
        assert_eq!(disk.content(&data("file")), Some(&b"read by the next life"[..]));
        let disk = disk.crash(Crash::PowerLoss);
        taken += u32::from(disk.content(&data("file")) == Some(b""));
    }
    assert!(taken > 10, "{taken} of 100");
}

#[test]
fn where_data_comes_before_length_an_append_shows_no_zeros() {
    for seed in 0..1000 {
        let mut rng = rng(seed);
        let personality = if seed % 2 == 0 { EXT4 } else { BTRFS };
        let mut bench = Bench::new(personality, Faults::none(), &mut rng);
        let history = scribble(&mut bench, true, &mut rng);
        // A write that completes before the one in front of it leaves a hole of its own.
        let in_order = history.events.windows(2).all(|pair| match pair {
            [Event::Write { at, .. }, Event::Write { at: next, .. }] => at <= next,
            _ => true,
        });
        if in_order && history.asked.is_empty() {
            let left = file_left(bench, Crash::PowerLoss);
            assert!(!left.contains(&0), "seed {seed}");
        }
    }
}

/// What a power loss makes of 3,000 synced bytes and 3,000 more.
fn appended(personality: Personality, seed: u64) -> Vec<u8> {
    let mut bench = Bench::new(personality, Faults::none(), &mut rng(seed));
    bench.create(FILE, &data("file"));
    bench.sync_dir(Dir::Data);
    bench.write(FILE, 0, &[1; 3000]);
    assert!(matches!(bench.done(IoReq::Sync { file: FILE }), IoResult::Done));
    bench.write(FILE, 3000, &[2; 3000]);
    file_left(bench, Crash::PowerLoss)
}

#[test]
fn an_append_is_lost_or_torn_or_zeros_or_whole() {
    let left: Vec<_> = (0..300).map(|seed| appended(STRICT, seed)).collect();
    let tail = |bytes: &Vec<u8>| bytes[3000..].iter().copied().collect::<BTreeSet<u8>>();
    assert!(left.iter().all(|bytes| bytes[..3000] == [1; 3000]));
    let count = |wanted: &[u8]| {
        let is = |bytes: &&Vec<u8>| tail(bytes).into_iter().eq(wanted.iter().copied());
        left.iter().filter(is).count()
    };
    assert!(count(&[]) > 20 && count(&[0]) > 20 && count(&[2]) > 20 && count(&[0, 2]) > 20);
    let ext4: Vec<_> = (0..100).map(|seed| appended(EXT4, seed)).collect();
    assert!(ext4.iter().all(|bytes| matches!(tail(bytes).first(), None | Some(2))));
    assert!(ext4.iter().any(|bytes| bytes.len() == 3000) && ext4.iter().any(|it| it.len() > 3000));
}

#[test]
fn space_without_its_data_may_show_another_file() {
    let mut shown = 0;
    for seed in 0..200 {
        let mut bench = Bench::new(WRITEBACK, Faults::none(), &mut rng(seed));
        bench.create(FILE, &data("old"));
        bench.write(FILE, 0, &[7; 100]);
        bench.done(IoReq::Close { file: FILE });
        bench.done(IoReq::Unlink { name: data("old") });
        bench.create(FILE, &data("file"));
        bench.sync_dir(Dir::Data);
        bench.write(FILE, 0, &[1; 50]);
        shown += u32::from(file_left(bench, Crash::PowerLoss) == [7; 50]);
    }
    assert!(shown > 5, "{shown} of 200");
}

/// A write whose sync fails so: what is read then, what a power loss leaves after one more sync,
/// and how the two syncs ended.
fn after_failure(failure: SyncFailure) -> (Vec<u8>, Vec<u8>, [bool; 2]) {
    let mut bench = Bench::new(STRICT, Faults::none(), &mut rng(1));
    bench.create(FILE, &data("file"));
    bench.sync_dir(Dir::Data);
    bench.write(FILE, 0, b"abc");
    bench.done(IoReq::Sync { file: FILE });
    bench.write(FILE, 0, b"xyz");
    bench.disk.faults = Faults::none().with(Fault::SyncError, 10_000);
    bench.disk.faults.sync_failures = vec![failure];
    let sync = |bench: &mut Bench| matches!(bench.done(IoReq::Sync { file: FILE }), IoResult::Done);
    let first = sync(&mut bench);
    bench.disk.faults = Faults::none();
    let second = sync(&mut bench);
    let read = bench.disk.content(&data("file")).unwrap_or_default().to_vec();
    (read, file_left(bench, Crash::PowerLoss), [first, second])
}

#[test]
fn a_sync_fails_in_four_ways() {
    let of = |read: &[u8], left: &[u8], ended| (read.to_vec(), left.to_vec(), ended);
    let kept = of(b"xyz", b"xyz", [false, true]);
    assert_eq!(after_failure(SyncFailure::KeptDirty), kept);
    assert_eq!(after_failure(SyncFailure::Dropped), of(b"abc", b"abc", [false, true]));
    assert_eq!(after_failure(SyncFailure::ForgottenDirty), of(b"xyz", b"abc", [false, true]));
    assert_eq!(after_failure(SyncFailure::Later), of(b"xyz", b"abc", [true, false]));
}

#[test]
fn a_sync_that_lies_and_rot_are_only_for_those_who_ask() {
    let mut bench = Bench::new(STRICT, Faults::none(), &mut rng(3));
    bench.disk.faults = Faults::none().with(Fault::LyingSync, 10_000);
    bench.disk.put(&data("file"), b"abc".to_vec());
    assert!(!bench.disk.has_lied());
    assert!(matches!(bench.done(IoReq::SyncDir { dir: Dir::Data }), IoResult::Done));
    assert!(bench.disk.has_lied());
    assert!(bench.disk.rot(&data("file"), 1, 0) && !bench.disk.rot(&data("file"), 3, 0));
    assert_eq!(file_left(bench, Crash::PowerLoss), b"acc");
    for seed in 0..200 {
        let drawn = Faults::draw(&mut rng(seed));
        assert_eq!(drawn.clone().with(Fault::LyingSync, 0), drawn);
    }
}
