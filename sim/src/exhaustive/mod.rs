//! Everything that may happen to short workloads: each sequence of a few commands, under each
//! policy, with a crash at each point and every image that it may leave, and another crash at each
//! point of the recovery from it and of what is said afterwards.
//!
//! Where a seed leaves to luck whether a crash meets the one place where a file is half of what it
//! should be, here nothing is left out, within bounds that are told: a point is a step after which
//! the disk is not as it was before; requests take one step each; a write that a power loss tears
//! is kept whole, not at all, or one half of it; the disk is the one that promises least. Where
//! there are more images than a limit, so many are taken from all over, and the others counted.
//!
//! The hard case is the number of runs. Two crashes that leave the same disk and allow the same
//! states to be recovered are alike, whatever led there, so that only the first of them is followed
//! further; and crashes before the last command of a workload are those of a shorter one.

mod run;
#[cfg(test)]
mod tests;
pub mod workloads;

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use crate::caught::{Caught, catch};
use crate::disk::{Crash, Image, images, next_image};
use crate::sabotage::Boundary;
use crate::script::Script;
use run::{Cut, Run, Seen, Workload};
use workloads::{POLICIES, Policy};

/// How much is explored.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Commands of a workload at most.
    pub commands: usize,
    /// Under which policies.
    pub policies: Vec<Policy>,
    /// Images of a crash at most.
    pub images: u64,
    /// Images of a second crash at most; 0: there is none.
    pub later_images: u64,
    /// It ends after so long.
    pub limit: Option<Duration>,
}

impl Default for Bounds {
    fn default() -> Self {
        let policies = POLICIES.map(|(_, policy)| policy).to_vec();
        Self { commands: 2, policies, images: 128, later_images: 16, limit: None }
    }
}

/// What was explored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Workloads that were explored, each of all there are.
    pub workloads: u64,
    /// How many there are.
    pub workloads_in_all: u64,
    /// Crashes of a kind at a point while commands are served or data loaded from an empty disk.
    pub crashes: u64,
    /// Images of them.
    pub images: u64,
    /// Images that were like none before, so that the recovery was followed to its end.
    pub distinct: u64,
    /// Images over the limit.
    pub skipped: u64,
    /// Crashes in the life that began with an image that was like none before.
    pub later_crashes: u64,
    /// Images of them.
    pub later_images: u64,
    /// Those like none before.
    pub later_distinct: u64,
    /// Those over the limit.
    pub later_skipped: u64,
    /// The time ended it.
    pub is_cut_short: bool,
}

/// A run that fails.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its script.
    pub script: Script,
    /// What was found.
    pub caught: Caught,
}

/// Explores everything, in the same order each time, until something fails.
///
/// # Errors
///
/// The first run that fails, with what was explored before it.
pub fn explore(
    bounds: &Bounds,
    boundary: &dyn Fn() -> Boundary,
    progress: &mut dyn FnMut(&Totals),
) -> Result<Totals, Box<(Totals, Failure)>> {
    let totals = Totals::default();
    let mut explorer = Explorer {
        bounds,
        boundary,
        progress,
        start: Instant::now(),
        totals,
        known: BTreeSet::new(),
        later_known: BTreeSet::new(),
    };
    let workloads = explorer.workloads();
    explorer.totals.workloads_in_all = workloads.len() as u64;
    for workload in workloads {
        if let Err(failure) = explorer.workload(&workload) {
            return Err(Box::new((explorer.totals, *failure)));
        }
        if explorer.is_late() {
            break;
        }
        explorer.totals.workloads += 1;
    }
    Ok(explorer.totals)
}

struct Explorer<'a> {
    bounds: &'a Bounds,
    boundary: &'a dyn Fn() -> Boundary,
    progress: &'a mut dyn FnMut(&Totals),
    start: Instant,
    totals: Totals,
    /// What crashes have left, of those whose recovery was crashed too, and of all.
    known: BTreeSet<u128>,
    later_known: BTreeSet<u128>,
}

/// Images of one crash, one after the other.
struct Images {
    most: u64,
    tried: u64,
    /// The most that any of them told of how many there are.
    count: u64,
    next: Option<u64>,
}

const CRASHES: [Crash; 2] = [Crash::Process, Crash::PowerLoss];

impl Explorer<'_> {
    /// The short ones of all policies first.
    fn workloads(&self) -> Vec<Workload> {
        let mut workloads = Vec::new();
        for &policy in &self.bounds.policies {
            for units in workloads::sequences(&workloads::units(policy), self.bounds.commands) {
                for waits in [true, false] {
                    // What waits for nothing before it does not differ.
                    if waits || units.len() > 1 {
                        workloads.push(Workload {
                            setup: policy.setup(),
                            units: units.clone(),
                            waits,
                        });
                    }
                }
            }
        }
        workloads.sort_by_key(|workload| workload.units.len());
        workloads
    }

    fn workload(&mut self, workload: &Workload) -> Result<(), Box<Failure>> {
        let whole = self.run(workload, &[], &mut |_| false)?;
        for &step in whole.points.iter().filter(|&&step| step >= whole.last_said) {
            for crash in CRASHES {
                if self.is_late() {
                    return Ok(());
                }
                self.totals.crashes += 1;
                self.images(workload, step, crash)?;
            }
        }
        Ok(())
    }

    /// All images of a crash.
    fn images(
        &mut self,
        workload: &Workload,
        step: usize,
        crash: Crash,
    ) -> Result<(), Box<Failure>> {
        let mut images = Images::new(self.bounds.images);
        while let Some(image) = images.next() {
            let cut = Cut { step, crash, image };
            let mut known = std::mem::take(&mut self.known);
            let seen = self.run(workload, &[cut], &mut |left| !known.insert(left));
            self.known = known;
            let seen = seen?;
            images.seen(&seen);
            self.totals.images += 1;
            if !seen.was_known {
                self.totals.distinct += 1;
                self.later(workload, cut, &seen)?;
            }
        }
        self.totals.skipped += images.skipped();
        Ok(())
    }

    /// All images of a crash at each point of the life after a crash: while it loads, and while it
    /// goes on from there.
    fn later(&mut self, workload: &Workload, first: Cut, seen: &Seen) -> Result<(), Box<Failure>> {
        let most = self.bounds.later_images;
        let points = if most > 0 { &seen.points[..] } else { &[] };
        for &step in points {
            for crash in CRASHES {
                self.totals.later_crashes += 1;
                let mut images = Images::new(most);
                while let Some(image) = images.next() {
                    let cuts = [first, Cut { step, crash, image }];
                    let mut known = std::mem::take(&mut self.later_known);
                    let seen = self.run(workload, &cuts, &mut |left| !known.insert(left));
                    self.later_known = known;
                    let seen = seen?;
                    images.seen(&seen);
                    self.totals.later_images += 1;
                    self.totals.later_distinct += u64::from(!seen.was_known);
                }
                self.totals.later_skipped += images.skipped();
            }
        }
        Ok(())
    }

    fn run(
        &mut self,
        workload: &Workload,
        cuts: &[Cut],
        is_known: &mut dyn FnMut(u128) -> bool,
    ) -> Result<Seen, Box<Failure>> {
        (self.progress)(&self.totals);
        let policy = (workload.setup.is_logged(), workload.setup.policy());
        let salt = crate::disk::digest(format_args!("{policy:?}"));
        let mut is_known = |left: u128| is_known(left ^ salt);
        let mut run = Run::new(workload, cuts);
        match catch(|| run.run((self.boundary)(), &mut is_known)) {
            Ok(()) => Ok(run.seen()),
            Err(caught) => Err(Box::new(Failure { script: run.script(), caught })),
        }
    }

    fn is_late(&mut self) -> bool {
        self.totals.is_cut_short = self.bounds.limit.is_some_and(|it| self.start.elapsed() > it);
        self.totals.is_cut_short
    }
}

impl Images {
    fn new(most: u64) -> Self {
        Self { most, tried: 0, count: 1, next: Some(0) }
    }

    fn next(&mut self) -> Option<Image> {
        self.next.take().filter(|_| self.tried < self.most).map(Image::Chosen)
    }

    /// How the last one was chosen.
    fn seen(&mut self, seen: &Seen) {
        self.tried += 1;
        self.count = self.count.max(images(&seen.choices));
        self.next = match self.count > self.most {
            false => next_image(&seen.choices),
            true => Some(spread(self.tried, self.count)),
        };
    }

    /// How many were not tried, at least.
    fn skipped(&self) -> u64 {
        self.count.saturating_sub(self.tried)
    }
}

/// The n-th of numbers below `count` that are far apart, each of which is an image.
fn spread(nth: u64, count: u64) -> u64 {
    /// The golden ratio of 2^64: its multiples fill a circle evenly.
    const RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
    ((u128::from(nth.wrapping_mul(RATIO)) * u128::from(count)) >> 64) as u64
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} workloads; {} crashes left {} images ({} skipped), of which {} were like \
             none before; {} crashes in the lives after these left {} images ({} skipped), of \
             which {} were like none before",
            self.workloads,
            self.workloads_in_all,
            self.crashes,
            self.images,
            self.skipped,
            self.distinct,
            self.later_crashes,
            self.later_images,
            self.later_skipped,
            self.later_distinct
        )
    }
}
