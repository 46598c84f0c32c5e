//! What `--check` makes of a log in which something is damaged.
//!
//! Rot that really strikes is rare, and the server that meets it says little. So a copy of what a
//! life has left is damaged, at one place or over some batches, and inspected, which is done by the
//! code that a start reads with: every batch behind the damage must be found, across files and
//! epochs, whatever is left of its surroundings; and whether it is a torn tail or rot follows from
//! what those batches tell to be durable.

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::Config;
use seedis_core::io::Name;
use seedis_core::recovery::inspect::{Files, Keep, Part, PartKind, Verdict};

use super::inspected::{end_of_base, in_order, inspector, read};
use crate::disk::Disk;
use crate::finding::Invariant::F1;
use crate::finding::check;
use crate::sabotage::log_text::{self, Batch, EPOCHS_TOLD, annotations, manifest};

/// A file of the log and what is in it.
struct File {
    part: Part,
    bytes: Vec<u8>,
    batches: Vec<Batch>,
}

/// Damages a copy of the log, as drawn from a number, and inspects it.
pub(super) fn inspect_damaged(config: &Config, disk: &Disk, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let Some(text) = disk.content(&manifest()) else { return };
    let Some(mut files) = files(disk, text) else { return };
    let all: Vec<(usize, usize)> = files
        .iter()
        .enumerate()
        .flat_map(|(file, it)| (0..it.batches.len()).map(move |batch| (file, batch)))
        .collect();
    let Some(&(struck, first)) = all.choose(&mut rng) else { return };
    let way = rng.random_range(0..6);
    let more = if way < 3 { 0 } else { *[0, 1, 3].choose(&mut rng).unwrap_or(&0) };
    let last = (first + more).min(files[struck].batches.len() - 1);
    let place = behind_lines(&files[struck], first)..files[struck].batches[last].place.end;
    let lsn = files[struck].batches[first].lsn;
    let behind: Vec<u64> = files
        .iter()
        .enumerate()
        .map(|(file, it)| match file {
            _ if file < struck => 0,
            _ if file == struck => (it.batches.len() - last - 1) as u64,
            _ => it.batches.len() as u64,
        })
        .collect();
    // Of an epoch only the last four bits are told once its line is lost.
    let epoch = files[struck].batches[first].epoch;
    let later = files[struck..].iter().flat_map(|it| &it.batches);
    if later.map(|it| it.epoch).max().is_some_and(|last| last >= epoch + EPOCHS_TOLD) {
        return;
    }
    let told = files[struck..].iter().flat_map(|it| &it.batches).filter(|it| it.lsn > lsn);
    let last_lsn = files[struck].batches[last].lsn;
    let told = told.filter(|it| it.lsn > last_lsn).filter_map(durable).max().unwrap_or(0);
    damage(&mut files[struck].bytes[place.clone()], way, &mut rng);
    let shown = format!("batches {first} to {last} of file {struck}, {place:?}, in way {way}");
    let mut inspector = inspector(config);
    for (number, file) in files.into_iter().enumerate() {
        let kind = file.part.kind;
        let finding = read(&mut inspector, file.part, &file.bytes);
        if kind != PartKind::Incr {
            continue;
        }
        let (found, expected) = (finding.batches_behind, behind[number]);
        check(found == expected, F1, || {
            format!(
                "{found} batches of file {number} are found behind {shown}, {expected} are there"
            )
        });
        let flaw = finding.flaw.as_ref().map(|flaw| (flaw.at, flaw.lsn));
        let expected = (number == struck).then_some((place.start as u64, Some(lsn)));
        check(flaw == expected, F1, || format!("a flaw {flaw:?}, not {expected:?}, for {shown}"));
        let keep = match number {
            _ if number < struck => Keep::Bytes(file.bytes.len() as u64),
            _ if number == struck => Keep::Bytes(place.start as u64),
            _ => Keep::Nothing,
        };
        check(finding.keep == keep, F1, || format!("{:?} can be kept, not {keep:?}", finding.keep));
    }
    let verdict = inspector.verdict();
    let is_right = match &verdict {
        Verdict::Broken(why) => told > lsn && why.contains("durable"),
        Verdict::TornTail => told <= lsn,
        Verdict::Whole => false,
    };
    check(is_right, F1, || format!("{verdict:?} of {shown} at {lsn}, durable to {told}"));
}

/// How much a batch tells to be durable.
fn durable(batch: &Batch) -> Option<u64> {
    batch.undurable.map(|undurable| batch.lsn - undurable.min(batch.lsn))
}

/// The files, if all of them are whole and ours.
fn files(disk: &Disk, text: &[u8]) -> Option<Vec<File>> {
    let mut at = end_of_base(text);
    let mut files = Vec::new();
    for part in Files::parse(text).ok()?.parts() {
        let bytes = disk.content(&Name::file(part.dir, &part.name))?.to_vec();
        let mut batches = Vec::new();
        if part.kind == PartKind::Incr {
            let read = in_order(log_text::part(&bytes, at), at);
            if read.len != bytes.len() {
                return None;
            }
            (batches, at) = (read.batches, read.end);
        }
        files.push(File { part, bytes, batches });
    }
    Some(files)
}

/// Where the header of a batch is, behind lines that tell its place and time.
fn behind_lines(file: &File, batch: usize) -> usize {
    let Batch { place, payload, .. } = &file.batches[batch];
    let lines = annotations(&file.bytes[place.start..place.end - payload.len()]);
    let header = lines[..lines.len() - 1].iter().rposition(|&byte| byte == b'\n');
    place.start + header.map_or(0, |end| end + 1)
}

/// Damages a stretch that begins with a header, in one of six ways: the first three of them leave
/// all batches but the first.
fn damage(bytes: &mut [u8], way: u32, rng: &mut ChaCha8Rng) {
    let len = bytes.len();
    match way {
        // Its header tells another sum, or is none.
        0 => bytes[1..7].fill(b'A'),
        1 => bytes[..7].fill(b'\n'),
        2 => bytes[len - 3] ^= 1 << rng.random_range(0..8),
        3 => bytes.fill(0),
        4 => bytes.fill(b'x'),
        // What looks like batches.
        _ => {
            let noise = b"#AAAAAAG\n*1\r\n\r\n".iter().cycle();
            bytes.iter_mut().zip(noise).for_each(|(byte, noise)| *byte = *noise);
        }
    }
}
