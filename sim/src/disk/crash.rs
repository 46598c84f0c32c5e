//! What a crash leaves.
//!
//! What is not durable is kept or not, in part or whole, as an image says: everything, nothing, or
//! any subset that is legal, drawn from a number of its own. The two ends are legal on every file
//! system, and show the most with the least.
//!
//! What is drawn for a change depends on the number, on its file and on its place, both counted
//! from the newest, so that it stays the same when something older is taken out of the run.

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_core::IoReq;

use super::choices::Choices;
use super::directory::{Directory, Entries, Inode};
use super::file::{Change, Fate, File, What};
use super::personality::Personality;
use super::save::REPLACE_STEPS;
use super::{CONFIG, Crash, DATA, Disk, Job, Outstanding};

/// How much of what is not durable a crash leaves, and how much of what was outstanding happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// All of it.
    Everything,
    /// None of it.
    Nothing,
    /// Drawn from this.
    Drawn(u64),
    /// The one of this number, in the order in which all are enumerated.
    Chosen(u64),
}

/// An image while it is drawn, or a part of one.
struct Painter {
    seed: u64,
    rng: ChaCha8Rng,
    /// Everything, or nothing.
    all: Option<bool>,
    choices: Option<Choices>,
}

/// Kinds of parts.
const REQUESTS: u64 = 1;
const DIRECTORIES: u64 = 2;
const FILES: u64 = 3;

/// Blocks are given to files whole.
const BLOCK_BYTES: usize = 512;

impl Painter {
    fn new(image: Image) -> Self {
        let (seed, all, choices) = match image {
            Image::Everything => (0, Some(true), None),
            Image::Nothing => (0, Some(false), None),
            Image::Drawn(seed) => (seed, None, None),
            Image::Chosen(number) => (0, None, Some(Choices::new(number))),
        };
        Self { seed, rng: ChaCha8Rng::seed_from_u64(seed), all, choices }
    }

    /// What paints a part of its own: one of a file, a directory or a request and a place in it.
    fn part(&self, kind: u64, of: usize, place: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(kind << 48 | (of as u64) << 24 | place as u64);
        Self { seed: self.seed, rng, all: self.all, choices: self.choices.clone() }
    }

    /// How likely it is that something is kept, of 10: the ends are what matters most.
    fn odds(&mut self) -> u32 {
        match self.all {
            Some(all) => u32::from(all) * 10,
            None => *[0, 1, 5, 9, 10].choose(&mut self.rng).unwrap_or(&5),
        }
    }

    /// Which of so many ways, when that is chosen.
    fn chosen(&self, ways: usize) -> Option<usize> {
        self.choices.as_ref().map(|choices| choices.take(ways))
    }

    fn coin(&mut self) -> bool {
        if let Some(way) = self.chosen(2) {
            return way == 1;
        }
        self.all.unwrap_or_else(|| self.rng.random())
    }

    fn tears(&mut self) -> bool {
        self.all.is_none() && self.rng.random_ratio(1, 3)
    }

    fn keeps(&mut self, odds: u32) -> bool {
        self.chosen(2).map_or_else(|| self.rng.random_ratio(odds, 10), |way| way == 1)
    }

    /// How many of the first `most` bytes are written before a crash. Of those to choose from there
    /// are three: what tells places in a batch or a line apart is for the drawn ones to find.
    pub(super) fn amount(&mut self, most: usize) -> usize {
        match self.chosen(most.min(3)) {
            None => self.rng.random_range(1..=most),
            Some(0) => most.div_ceil(2),
            Some(1) => most - 1,
            Some(_) => 1,
        }
        .max(1)
    }

    /// Any number below `end`.
    fn below(&mut self, end: u32) -> u32 {
        match self.chosen(end as usize) {
            Some(way) => way as u32,
            None => self.rng.random_range(0..end),
        }
    }

    /// Whether an outstanding request has happened: 0 not, 1 in part, 2 whole.
    fn happens(&mut self, job: &Job) -> u32 {
        if let Some(all) = self.all {
            return u32::from(all) * 2;
        }
        let Some(choices) = &self.choices else { return self.rng.random_range(0..3) };
        let ways = match job {
            Job::Request(IoReq::Close { .. } | IoReq::Cancel { .. }) => return 0,
            Job::Request(IoReq::Replace { .. }) => 3,
            Job::Request(IoReq::WriteAt { bytes, from, .. }) if bytes.len() > from + 1 => 3,
            _ => 2,
        };
        [0, 2, 1][choices.take(ways)]
    }

    /// Brings what has no order into any.
    fn shuffle<T>(&mut self, items: &mut [T]) {
        match &self.choices {
            None => items.shuffle(&mut self.rng),
            Some(choices) => {
                (1..items.len()).for_each(|last| items.swap(choices.take(last + 1), last));
            }
        }
    }

    /// The stretches that are kept of a write of `len` bytes, when that is chosen: none, all, or,
    /// where it may be torn anywhere, a half.
    fn chosen_parts(&self, len: usize, torn_at: Option<usize>) -> Option<Vec<(usize, usize)>> {
        let is_torn = torn_at == Some(1) && len > 1;
        let parts = match self.chosen(if is_torn { 4 } else { 2 })? {
            0 => Vec::new(),
            1 => vec![(0, len)],
            2 => vec![(0, len / 2)],
            _ => vec![(len / 2, len)],
        };
        Some(parts)
    }
}

impl Disk {
    /// The disk of the next life.
    #[must_use]
    pub fn crash(mut self, crash: Crash) -> Self {
        let faults = std::mem::take(&mut self.faults);
        let mut outstanding = std::mem::take(&mut self.outstanding);
        let mut painter = Painter::new(self.decisions.image());
        if painter.all.is_none() {
            painter.shuffle(&mut outstanding);
        }
        for (at, waiting) in outstanding.into_iter().enumerate() {
            self.interrupt(waiting, &mut painter.part(REQUESTS, at, 0));
        }
        self.faults = faults;
        match crash {
            Crash::PowerLoss => self.lose_power(&mut painter),
            Crash::Process => self.lose_process(&mut painter),
        }
        if let Some(choices) = painter.choices {
            self.decisions.tell_choices(choices.made());
        }
        self.open.clear();
        self.late_errors.clear();
        self.has_lost = false;
        self.lives += 1;
        self
    }

    /// A request that had not completed has happened, or has not, or has in part.
    fn interrupt(&mut self, waiting: Outstanding, painter: &mut Painter) {
        let happens = painter.happens(&waiting.job);
        match (waiting.job, happens) {
            (_, 0) | (Job::Request(IoReq::Close { .. } | IoReq::Cancel { .. }), _) => {}
            (Job::Save(mut saving), _) => self.tear(&mut saving, |most| painter.amount(most)),
            (Job::Request(IoReq::WriteAt { file, at, mut bytes, from }), 1) => {
                bytes.truncate(from + painter.amount(bytes.len() - from));
                drop(self.perform(IoReq::WriteAt { file, at, bytes, from }, waiting.issued));
            }
            (Job::Request(IoReq::Replace { name, bytes }), 1) => {
                self.replace_partly(&name, &bytes, painter.below(REPLACE_STEPS));
            }
            (Job::Request(request), _) => drop(self.perform(request, waiting.issued)),
        }
    }

    fn lose_power(&mut self, painter: &mut Painter) {
        let cut = self.journal_end(painter);
        let Self { personality, files, directories, stale, .. } = self;
        for (at, directory) in directories.values_mut().enumerate() {
            let painter = &mut painter.part(DIRECTORIES, at, 0);
            *directory = Directory::new(entries_left(directory, *personality, cut, painter));
        }
        for (at, file) in files.values_mut().rev().enumerate() {
            let left = content_left(file, *personality, cut, stale, (at, painter));
            *file = File::new(left);
        }
        self.forget_removed();
    }

    /// The last change of entries or lengths that a journal holds: any of them.
    fn journal_end(&self, painter: &mut Painter) -> u64 {
        if let Some(all) = painter.all {
            return if all { u64::MAX } else { 0 };
        }
        let entries = self.directories.values().flat_map(|directory| directory.unsettled().0);
        let mut all: Vec<u64> = entries.map(|change| change.seq).collect();
        all.extend(self.files.values().flat_map(|file| file.resized(u64::MAX)));
        all.push(0);
        all.sort_unstable();
        let chosen = painter.chosen(all.len()).and_then(|way| all.get(way));
        *chosen.or_else(|| all.choose(&mut painter.rng)).unwrap_or(&0)
    }

    /// What a failed sync lost may be read from memory for a while, until memory is short: then it
    /// is gone. While it can be read, nobody who comes later can know that it is not on the disk.
    fn lose_process(&mut self, painter: &mut Painter) {
        for file in self.files.values_mut().filter(|file| file.shows_lost()) {
            match painter.coin() {
                false => file.revert(),
                true => self.has_lied = true,
            }
        }
    }

    /// Lets go of what has no name any more.
    fn forget_removed(&mut self) {
        let below: Vec<Inode> = self.entries(DATA).values().copied().collect();
        let is_named = |inode: &Inode| [DATA, CONFIG].contains(inode) || below.contains(inode);
        self.directories.retain(|inode, _| is_named(inode));
        let entries = self.directories.values().flat_map(|directory| directory.visible().values());
        let named: Vec<Inode> = entries.copied().collect();
        self.files.retain(|inode, _| named.contains(inode));
    }
}

fn entries_left(
    directory: &Directory,
    personality: Personality,
    cut: u64,
    painter: &mut Painter,
) -> Entries {
    let (changes, mut entries) = directory.unsettled();
    let mut kept: Vec<_> = changes.iter().collect();
    if personality.is_journaled {
        kept.retain(|change| change.seq <= cut);
    } else {
        let odds = painter.odds();
        kept.retain(|_| painter.keeps(odds));
        if painter.choices.is_some() || (painter.all.is_none() && painter.coin()) {
            painter.shuffle(&mut kept);
        }
    }
    for change in kept {
        change.apply(&mut entries);
    }
    entries
}

fn content_left(
    file: &File,
    personality: Personality,
    cut: u64,
    stale: &[u8],
    (of, painter): (usize, &Painter),
) -> Vec<u8> {
    let (changes, mut canvas) = file.unsettled();
    let mut whole = painter.part(FILES, of, 0);
    let (odds_of_lengths, odds_of_data) = (whole.odds(), whole.odds());
    let stale = if personality.shows_stale_blocks && whole.coin() { stale } else { &[] };
    let stale = &behind_blocks_of(canvas.len(), stale)[..];
    // The change of the length that a write came with precedes it.
    let mut last_length = None;
    for (at, change) in changes.iter().enumerate() {
        let painter = &mut painter.part(FILES, of, changes.len() - at);
        let is_kept = match change.fate {
            Fate::Kept => true,
            Fate::Lost => false,
            Fate::Open if personality.is_journaled => change.seq <= cut,
            // Nobody looks at this one.
            Fate::Open if painter.choices.is_some() && change.is_write() => false,
            Fate::Open => painter.keeps(odds_of_lengths),
        };
        match &change.what {
            What::Resize(len) => {
                last_length = Some((change.seq, is_kept));
                if is_kept {
                    canvas.resize(*len, stale);
                }
            }
            What::Write { at, bytes } => {
                let with_length = last_length.filter(|(seq, _)| *seq == change.seq);
                let is_whole = match with_length {
                    Some((_, is_length_kept)) if personality.data_before_length => {
                        Some(is_length_kept && change.fate != Fate::Lost)
                    }
                    _ => None,
                };
                for part in
                    parts_left(change, bytes.len(), is_whole, odds_of_data, personality, painter)
                {
                    canvas.write(*at, bytes, part.0..part.1);
                }
            }
        }
    }
    canvas.finish()
}

/// What lies in new blocks: those in which a file of so many durable bytes ends are its own.
fn behind_blocks_of(len: usize, stale: &[u8]) -> Vec<u8> {
    let mut stale = stale.to_vec();
    let own = len.next_multiple_of(BLOCK_BYTES).min(stale.len());
    stale[..own].fill(0);
    stale
}

/// The stretches of a write that are kept; `is_whole` when that follows from something else.
fn parts_left(
    change: &Change,
    len: usize,
    is_whole: Option<bool>,
    odds: u32,
    personality: Personality,
    painter: &mut Painter,
) -> Vec<(usize, usize)> {
    let decided = match change.fate {
        Fate::Kept => Some(true),
        Fate::Lost => Some(false),
        Fate::Open => is_whole,
    };
    if decided.is_none()
        && let Some(parts) = painter.chosen_parts(len, personality.torn_at)
    {
        return parts;
    }
    let is_kept = decided.unwrap_or_else(|| painter.keeps(odds));
    let What::Write { at, .. } = change.what else { return Vec::new() };
    match personality.torn_at {
        Some(unit) if decided.is_none() && painter.tears() => torn(at, len, unit, &mut painter.rng),
        _ if is_kept => vec![(0, len)],
        _ => Vec::new(),
    }
}

/// Some stretches of a write at `at`, cut at multiples of `unit` in the file.
fn torn(at: usize, len: usize, unit: usize, rng: &mut ChaCha8Rng) -> Vec<(usize, usize)> {
    let mut cuts = vec![0, len];
    for _ in 0..rng.random_range(1..5) {
        let place = (at + rng.random_range(0..=len)) / unit * unit;
        cuts.push(place.saturating_sub(at));
    }
    cuts.sort_unstable();
    let mut parts: Vec<_> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    parts.retain(|part| part.0 < part.1 && rng.random());
    parts
}
