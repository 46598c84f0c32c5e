//! One run: a client says what it has to say, one thing after the other, and the life ends where it
//! is told to.
//!
//! The client waits for nothing but time, or for everything to be done, so that what it says meets
//! requests on their way or finds none. After a crash another client says one thing more. Each run
//! writes down what it does, as a script.

use std::collections::VecDeque;

use super::workloads::{AFTERWARDS, Unit, commands};
use crate::decisions::Decisions;
use crate::disk::{Choice, Crash, Image};
use crate::finding::Invariant::L1;
use crate::finding::check;
use crate::sabotage::Boundary;
use crate::script::{Event, Form, Script, Sent, Setup, Step};
use crate::world::World;

/// What is run.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    pub(super) setup: Setup,
    pub(super) units: Vec<Unit>,
    /// Each unit waits until everything before it is done.
    pub(super) waits: bool,
}

/// The end of a life after this step, counted from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) step: usize,
    pub(super) crash: Crash,
    pub(super) image: Image,
}

/// What a run has shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Steps of the last life after which the disk was not as it was before.
    pub(super) points: Vec<usize>,
    /// The step in which the last unit was said.
    pub(super) last_said: usize,
    /// What the last cut chose to leave.
    pub(super) choices: Vec<Choice>,
    /// It ended after the last cut because what was left was known.
    pub(super) was_known: bool,
}

/// A run while it goes on.
pub(super) struct Run<'a> {
    workload: &'a Workload,
    cuts: &'a [Cut],
    decisions: Decisions,
    /// What is to be said in this life, and whether it waits.
    queue: VecDeque<(Step, bool)>,
    steps: usize,
    seen: Seen,
}

/// More steps than any run has.
const STEPS_MAX: usize = 20_000;

/// Long enough for what is done every second.
const SECOND_US: u64 = 1_100_000;

impl<'a> Run<'a> {
    pub(super) fn new(workload: &'a Workload, cuts: &'a [Cut]) -> Self {
        let script = Script { setup: workload.setup.clone(), steps: Vec::new() };
        Self {
            workload,
            cuts,
            decisions: Decisions::of_script(script).written_down(),
            queue: said(&workload.units, workload.waits),
            steps: 0,
            seen: Seen::default(),
        }
    }

    /// What has happened so far, as a script.
    pub(super) fn script(&self) -> Script {
        Script { setup: self.workload.setup.clone(), steps: self.decisions.steps() }
    }

    pub(super) fn seen(self) -> Seen {
        self.seen
    }

    /// Runs to the end, or until `is_known` says that what the last cut left was there before.
    ///
    /// # Panics
    ///
    /// When something is wrong: that is the finding.
    pub(super) fn run(&mut self, boundary: Boundary, is_known: &mut dyn FnMut(u128) -> bool) {
        let decisions = self.decisions.clone();
        let mut world = World::driven(&self.workload.setup, decisions, boundary);
        let (mut lives, mut digest) = (world.lives(), world.disk_digest());
        while let Some(step) = self.next(&world) {
            world.do_step(step);
            let at = self.steps;
            self.steps += 1;
            if world.lives() != lives {
                lives = world.lives();
                self.queue = said(&[AFTERWARDS], true);
                self.seen.points.clear();
                if self.cuts.last().is_some_and(|cut| cut.step == at) {
                    self.seen.choices = self.decisions.choices();
                    let left = world.disk_digest() ^ world.allowance().rotate_left(1);
                    if is_known(left) {
                        self.seen.was_known = true;
                        return;
                    }
                }
            }
            let now = world.disk_digest();
            if now != digest {
                digest = now;
                self.seen.points.push(at);
            }
            check(at < STEPS_MAX, L1, || "the run does not come to its end".into());
        }
        world.end();
    }

    /// What happens next; nothing when all is said and done.
    fn next(&mut self, world: &World) -> Option<Step> {
        if world.is_over() {
            return None;
        }
        let mut step = Step::new();
        if !world.core().is_loading() {
            match self.queue.front() {
                None if world.is_quiet() => return None,
                Some((_, waits)) if !waits || world.is_quiet() => {
                    step.extend(self.queue.pop_front().map(|said| said.0).unwrap_or_default());
                    let is_said = step.iter().any(|event| matches!(event, Event::Send(_)));
                    if is_said && self.cuts.is_empty() {
                        self.seen.last_said = self.steps;
                    }
                }
                _ => {}
            }
        }
        let here = self.cuts.iter().find(|cut| cut.step == self.steps);
        step.extend(
            here.into_iter().flat_map(|cut| [Event::Crash(cut.crash), Event::Image(cut.image)]),
        );
        Some(step)
    }
}

/// A client connects, says all this, and lets a second pass.
fn said(units: &[Unit], waits: bool) -> VecDeque<(Step, bool)> {
    let mut queue = VecDeque::new();
    queue.push_back((vec![Event::Connect { client: 0, is_resp3: false }], false));
    for unit in units {
        let send = |words| Event::Send(Sent { client: 0, words, form: Form::Array });
        queue.push_back((commands(unit).map(send).collect(), waits));
    }
    queue.push_back((vec![Event::Pass(SECOND_US)], true));
    queue
}
