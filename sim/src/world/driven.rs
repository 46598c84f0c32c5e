//! A world that is led step by step by somebody who looks at it in between.

use super::{Oracle, Surroundings, Timeline, World};
use crate::decisions::Decisions;
use crate::sabotage::Boundary;
use crate::script::{Setup, Step};

impl World {
    /// A world with nothing decided yet: each step is given when it comes.
    pub(crate) fn driven(setup: &Setup, decisions: Decisions, boundary: Boundary) -> Self {
        let around = Surroundings::new(setup, None, decisions, Timeline::default(), boundary);
        Self::new(setup.clone(), around)
    }

    /// Does one step, in which this happens.
    pub(crate) fn do_step(&mut self, step: Step) {
        self.around.decisions.push(step);
        if self.around.decisions.begin_step() {
            self.advance();
        }
    }

    /// Ends as a script does: everything comes to rest and is checked.
    pub(crate) fn end(mut self) {
        self.come_to_rest();
        self.check();
    }

    /// Lives so far.
    pub(crate) fn lives(&self) -> u64 {
        self.lives.count
    }

    /// No server can begin any more.
    pub(crate) fn is_over(&self) -> bool {
        self.lives.is_over
    }

    /// Nobody waits for anything.
    pub(crate) fn is_quiet(&self) -> bool {
        let around = &self.around;
        let is_answered = self.oracle.as_ref().is_none_or(Oracle::is_answered);
        around.disk.pending() == 0 && around.network.is_quiet(self.oracle.as_ref()) && is_answered
    }

    /// What is on the disk, and what a crash may take of it.
    pub(crate) fn disk_digest(&self) -> u128 {
        self.around.disk.digest()
    }

    /// What may be recovered.
    pub(crate) fn allowance(&self) -> u128 {
        self.oracle.as_ref().map_or(0, Oracle::allowance)
    }
}
