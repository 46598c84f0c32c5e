//! One thing that is wrong with a log, and what follows from it.
//!
//! A bit that flips, a stretch that is something else, an end that is missing, in any file. Which
//! batches behind it can be told from noise is found out here once more, from what FORMATS.md says
//! a batch tells: its checksum fits one place and one life, and a line tells both anew. What those
//! say to have been durable decides whether it may be a torn tail.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use super::log::{Logs, Place, command};
use crate::sabotage::log_text::{At, EPOCHS_TOLD, PLACE_LINE, write_place};

/// What was done, and what must come of it.
#[derive(Debug)]
pub(super) struct Damage {
    pub(super) file: usize,
    /// Offset of what is not as it was written, and the place in the log there.
    pub(super) at: usize,
    pub(super) place: Place,
    pub(super) verdict: Verdict,
    /// Batches that are found behind it, by file.
    pub(super) found: Vec<u64>,
}

/// What a start makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is cut off.
    Torn,
    /// The log is refused, with these words.
    Broken(&'static str),
    /// The same, for a base.
    Base(&'static str),
}

/// A place that was struck.
struct Blow {
    file: usize,
    at: usize,
    place: Place,
    /// Of ours something was there before.
    has_frames: bool,
    is_cut: bool,
    /// The first item of the file that was not hit, or whose batch at least was not, and the one
    /// whose line that tells the place was.
    intact: usize,
    placeless: usize,
}

impl Blow {
    /// At the header of an item, behind which the others are as they were.
    fn new(file: usize, at: usize, place: Place, item: usize) -> Self {
        let (has_frames, is_cut, placeless) = (true, false, usize::MAX);
        Self { file, at, place, has_frames, is_cut, intact: item + 1, placeless }
    }
}

/// Does something to it, if there is anything.
pub(super) fn strike(logs: &mut Logs, rng: &mut ChaCha8Rng) -> Option<Damage> {
    if rng.random_ratio(1, 8)
        && let Some(damage) = strike_end(logs, rng)
    {
        return Some(damage);
    }
    let mut file = rng.random_range(0..logs.files.len());
    let first = logs.files.iter().position(|file| file.kind == 'i')?;
    // Where nothing tells the place any more it is hard to say what follows.
    let is_first = !logs.files[first].from.is_known && rng.random();
    file = if is_first { first } else { file };
    let blow = match logs.files[file].kind {
        'b' => return strike_base(logs, rng),
        _ => strike_file(logs, file, is_first, rng)?,
    };
    let (found, is_rot) = behind(logs, &blow);
    let Blow { at, place, .. } = blow;
    let is_found = found.iter().any(|&count| count > 0);
    let rest = logs.files[file].bytes[at..].iter();
    let later = logs.files[file + 1..].iter().flat_map(|file| &file.bytes);
    let is_zero = rest.chain(later).all(|&byte| byte == 0);
    let is_last = file + 1 == logs.files.len();
    let verdict = match blow.is_cut {
        _ if is_rot => Verdict::Broken("was durable"),
        _ if blow.has_frames || is_found || is_zero => Verdict::Torn,
        true if is_last => Verdict::Torn,
        true => Verdict::Broken("only the last file may end early"),
        false => Verdict::Broken("neither a command nor an annotation"),
    };
    Some(Damage { file, at, place, verdict, found })
}

/// Behind what stock Redis has written last the first line of a life is torn: some of its bytes are
/// zeros. Anything else there is no line of ours.
fn strike_end(logs: &mut Logs, rng: &mut ChaCha8Rng) -> Option<Damage> {
    let file = logs.files.len() - 1;
    let last = &mut logs.files[file];
    let number = last.items.len();
    if last.kind != 'i' || last.has_frames(number) {
        return None;
    }
    let (at, place) = (last.bytes.len(), last.before(number).clone());
    let At { lsn, epoch } = place.at;
    let is_other = rng.random();
    let told = if is_other { lsn ^ 1 << rng.random_range(0..6) } else { lsn };
    let mut line = Vec::new();
    write_place(&mut line, At { lsn: told, epoch: epoch + rng.random_range(1..9) });
    // What begins as an annotation does and is none of ours is one of Redis's; what tells another
    // place tells it still.
    let digits = PLACE_LINE.len()..line.iter().position(|&byte| byte == b',')?;
    let from = if rng.random() { 0 } else { digits.start };
    if from == 0 {
        line[0] = 0;
    }
    let torn: Vec<usize> =
        (from..line.len() - 1).filter(|at| !(is_other && digits.contains(at))).collect();
    for _ in 0..rng.random_range(1..9) {
        line[*torn.choose(rng)?] = 0;
    }
    let is_long = rng.random_ratio(1, 8);
    if is_long {
        line.extend([0; 64]);
    }
    last.bytes.extend(&line);
    let words = "neither a command nor an annotation";
    let verdict = if is_other || is_long { Verdict::Broken(words) } else { Verdict::Torn };
    Some(Damage { file, at, place, verdict, found: vec![0; file + 1] })
}

/// A base is not as long as it was, or ends inside of a command.
fn strike_base(logs: &mut Logs, rng: &mut ChaCha8Rng) -> Option<Damage> {
    let base = &mut logs.files[0];
    let words = match &base.note {
        Some(_) if base.keys.is_none() && rng.random() => {
            base.bytes.extend(command(&["PING"]));
            "were written"
        }
        None if base.keys.is_some() => {
            let len = if rng.random() { 0 } else { rng.random_range(9..base.bytes.len()) };
            base.bytes.truncate(len);
            "Bad RDB file"
        }
        note => {
            base.bytes.pop()?;
            if note.is_some() { "were written" } else { "Bad AOF base file" }
        }
    };
    let (at, place) = (base.bytes.len(), base.from.clone());
    // Nothing behind it counts, be it damaged too.
    let last = logs.files.last_mut().filter(|file| file.kind == 'i' && !file.bytes.is_empty());
    if let Some(file) = last.filter(|_| rng.random()) {
        flip(&mut file.bytes, rng);
    }
    let found = vec![0; logs.files.len()];
    Some(Damage { file: 0, at, place, verdict: Verdict::Base(words), found })
}

fn strike_file(logs: &mut Logs, file: usize, is_first: bool, rng: &mut ChaCha8Rng) -> Option<Blow> {
    let of = &mut logs.files[file];
    let last = if is_first { 1 } else { of.items.len().max(1) };
    let number = rng.random_range(0..last);
    let item = of.items.get(number)?;
    let has_frames = of.has_frames(number);
    let before = of.before(number).clone();
    let mut behind = before.clone();
    (behind.at, behind.is_known) = (item.from, before.is_known || item.is_ours);
    let header = *item.lines.last()?;
    let has_header = item.batch.is_some();
    let mut blow = Blow::new(file, header, behind, number);
    let from_start = Blow { at: item.bytes.start, place: before, has_frames, ..blow };
    let end = item.bytes.end;
    match rng.random_range(0..8) {
        _ if !item.is_ours => {
            blow = from_start;
            fill(&mut of.bytes[blow.at..end], false, rng);
        }
        0 if item.bytes.len() > 1 => {
            let to = rng.random_range(item.bytes.start + 1..end);
            if item.lines.contains(&to) {
                return None;
            }
            match item.lines.iter().rposition(|&line| line < to) {
                Some(line) if line > 0 => blow.at = item.lines[line],
                _ => blow = from_start,
            }
            (blow.is_cut, blow.intact) = (true, usize::MAX);
            of.bytes.truncate(to);
            if blow.has_frames && blow.place.is_known && rng.random() {
                show_old_blocks(logs, file, number, rng);
            }
        }
        1 if item.names_place && has_frames => {
            let line = item.lines.get(1).copied().unwrap_or(end);
            blow = Blow { intact: number, placeless: number, ..from_start };
            flip(&mut of.bytes[blow.at..line], rng);
        }
        2 if of.bytes[..header].ends_with(b"#TS:1700000000\r\n") && has_header => {
            (blow.at, blow.intact) = (header - 16, number);
            let other = [&b"#TS:17000x0000\r\n"[..], b"#TS:----------\r\n", b"#TT:1700000000\r\n"];
            of.bytes[header - 16..header].copy_from_slice(other.choose(rng)?);
        }
        3 if has_header => {
            // It tells another length.
            let digit = &mut of.bytes[header + 7];
            *digit = if *digit == b'9' { b'8' } else { b'9' };
        }
        4 if has_header => {
            let payload = item.batch.as_ref().map_or(0, |batch| batch.payload.len());
            flip(&mut of.bytes[header..end - payload], rng);
        }
        5 | 6 if has_header => flip(&mut of.bytes[header..end], rng),
        _ => {
            if rng.random() || !has_header {
                blow = from_start;
            }
            let last = (number + rng.random_range(0..3)).min(of.items.len() - 1);
            blow.intact = last + 1;
            let may_noise = blow.place.is_known;
            fill(&mut of.bytes[blow.at..of.items[last].bytes.end], may_noise, rng);
        }
    }
    Some(blow)
}

/// Behind what was cut off comes something that was written before it.
fn show_old_blocks(logs: &mut Logs, file: usize, number: usize, rng: &mut ChaCha8Rng) {
    let from = rng.random_range(0..=file);
    let before = if from == file { number } else { logs.files[from].items.len() };
    let items = &logs.files[from].items[..before];
    let Some(item) = items.choose(rng).filter(|item| item.is_ours) else { return };
    let old = logs.files[from].bytes[item.bytes.clone()].to_vec();
    logs.files[file].bytes.extend(old);
}

fn flip(bytes: &mut [u8], rng: &mut ChaCha8Rng) {
    let at = rng.random_range(0..bytes.len());
    bytes[at] ^= 1 << rng.random_range(0..8);
}

fn fill(bytes: &mut [u8], may_noise: bool, rng: &mut ChaCha8Rng) {
    let noise = b"#AAAAAAG\n*1\r\n\r\n";
    match rng.random_range(0..3) {
        0 => bytes.fill(0),
        1 if may_noise => {
            bytes.iter_mut().zip(noise.iter().cycle()).for_each(|(byte, &noise)| *byte = noise);
        }
        _ => bytes.fill(b'x'),
    }
}

/// Batches that can be told from noise, by file, and whether they tell that what was struck was
/// durable.
fn behind(logs: &Logs, blow: &Blow) -> (Vec<u64>, bool) {
    let Place { at: damage, is_known, .. } = blow.place;
    let (mut epoch, mut end) = (damage.epoch, None);
    let (mut unplaced, mut is_rot) = (0, false);
    let mut found = vec![0; logs.files.len()];
    let mut before = 0;
    for (number, file) in logs.files.iter().enumerate().skip(blow.file) {
        let (first, from) = if number == blow.file { (blow.intact, blow.at) } else { (0, 0) };
        for (at, item) in file.items.iter().enumerate().skip(first) {
            let is_told = item.names_place && (number, at) != (blow.file, blow.placeless);
            if is_told && item.from.lsn >= damage.lsn && item.from.epoch >= epoch {
                (end, epoch) = (Some(item.from.lsn), item.from.epoch);
            }
            let Some(batch) = &item.batch else { continue };
            let header = item.lines.last().copied().unwrap_or_default();
            let most = damage.lsn + (before + header - from) as u64;
            let is_placed = end == Some(batch.lsn) || (damage.lsn..=most).contains(&batch.lsn);
            if is_placed && batch.epoch - epoch < EPOCHS_TOLD {
                found[number] += 1;
                (end, epoch) = (Some(batch.end_lsn()), batch.epoch);
                is_rot |= batch.tells_beyond(damage.lsn);
            } else if !is_known {
                is_rot |= batch.undurable.is_some_and(|bytes| bytes < unplaced);
                unplaced += batch.payload.len() as u64;
            }
        }
        before += file.bytes.len() - from;
    }
    (found, is_rot)
}
