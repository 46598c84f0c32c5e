//! The shrinker: makes a script that fails smaller, as long as it fails with the same finding.
//!
//! Since a script with anything taken out is a script still, there is not much to it: take out
//! whole kinds of events, then blocks of steps and of events, halving the blocks, and then make
//! simpler what is left: one client, calm settings, short words, a disk that loses all or nothing.
//! Round it goes until a round has found nothing or the time is over. Each try is a whole run, so
//! the cheap big cuts come first.

mod blocks;
mod simplify;

use std::time::{Duration, Instant};

use crate::caught::{Caught, catch};
use crate::disk::{Fault, Image};
use crate::script::{Event, Script};
use crate::{Timeline, check_script};

/// A smaller script and what it took.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The script.
    pub script: Script,
    /// What it fails with.
    pub finding: Caught,
    /// Runs that were tried.
    pub tries: u64,
    /// How long it took.
    pub took: Duration,
}

/// Shrinks a script that fails; nothing when it does not fail.
#[must_use]
pub fn shrink(script: Script, most: Duration) -> Option<Shrunk> {
    let finding = failure(&script)?;
    let like = finding.clone();
    let fails = move |script: &Script| failure(script).is_some_and(|found| found.is_like(&like));
    let mut shrinker = Shrinker::new(script, most, Box::new(fails));
    shrinker.run();
    let finding = failure(&shrinker.script).unwrap_or(finding);
    let Shrinker { script, tries, start, .. } = shrinker;
    Some(Shrunk { script, finding, tries, took: start.elapsed() })
}

/// What a script fails with.
#[must_use]
pub fn failure(script: &Script) -> Option<Caught> {
    catch(|| check_script(script.clone(), Timeline::default())).err()
}

/// The smallest script so far, and what is tried on it.
struct Shrinker {
    script: Script,
    fails: Box<dyn FnMut(&Script) -> bool>,
    tries: u64,
    start: Instant,
    most: Duration,
}

impl Shrinker {
    fn new(script: Script, most: Duration, fails: Box<dyn FnMut(&Script) -> bool>) -> Self {
        Self { script, fails, tries: 0, start: Instant::now(), most }
    }

    fn run(&mut self) {
        self.cut_end();
        loop {
            let before = self.script.clone();
            self.drop_kinds();
            self.drop_steps();
            self.drop_events();
            self.simplify();
            self.join_steps();
            if self.script == before || self.is_late() {
                return;
            }
        }
    }

    fn is_late(&self) -> bool {
        self.start.elapsed() > self.most
    }

    /// Keeps a candidate when it fails too.
    fn keep(&mut self, candidate: Script) -> bool {
        if self.is_late() || candidate == self.script {
            return false;
        }
        if self.fails(&candidate) {
            self.script = candidate;
            return true;
        }
        self.keep_redrawn(candidate)
    }

    fn fails(&mut self, candidate: &Script) -> bool {
        self.tries += 1;
        (self.fails)(candidate)
    }

    /// What a crash leaves is drawn, and may have to be drawn anew when what it is drawn of has
    /// changed.
    fn keep_redrawn(&mut self, mut candidate: Script) -> bool {
        if candidate.events() > REDRAWN_EVENTS_MAX {
            return false;
        }
        for number in 0..REDRAWS {
            if !redraw(&mut candidate, number) || self.is_late() {
                return false;
            }
            if self.fails(&candidate) {
                self.script = candidate;
                return true;
            }
        }
        false
    }

    /// Changes a copy and keeps it when it fails too.
    fn change(&mut self, change: impl FnOnce(&mut Script)) -> bool {
        let mut candidate = self.script.clone();
        change(&mut candidate);
        self.keep(candidate)
    }

    /// What comes after the failure does not matter: halves the end away.
    fn cut_end(&mut self) {
        let mut size = self.script.steps.len() / 2;
        while size > 0 {
            let len = self.script.steps.len().saturating_sub(size);
            if !self.change(|script| script.steps.truncate(len)) {
                size /= 2;
            }
        }
    }

    /// Takes out all events of a kind.
    fn drop_kinds(&mut self) {
        for is_one in KINDS {
            self.change(|script| {
                script.steps.iter_mut().for_each(|step| step.retain(|event| !is_one(event)));
            });
        }
    }

    fn drop_steps(&mut self) {
        let setup = self.script.setup.clone();
        let steps = self.script.steps.clone();
        blocks::delete(steps, |steps| {
            self.keep(Script { setup: setup.clone(), steps: steps.to_vec() })
        });
    }

    /// Takes out events wherever they are, and leaves the steps.
    fn drop_events(&mut self) {
        let setup = self.script.setup.clone();
        let count = self.script.steps.len();
        let numbered = self.script.steps.iter().enumerate();
        let events: Vec<(usize, Event)> = numbered
            .flat_map(|(at, step)| step.iter().map(move |event| (at, event.clone())))
            .collect();
        blocks::delete(events, |events| {
            let mut steps = vec![Vec::new(); count];
            events.iter().for_each(|(at, event)| steps[*at].push(event.clone()));
            self.keep(Script { setup: setup.clone(), steps })
        });
    }

    /// Lets what happens in two steps happen in one.
    fn join_steps(&mut self) {
        let mut at = self.script.steps.len();
        while at > 1 {
            at -= 1;
            self.change(|script| {
                let step = script.steps.remove(at);
                script.steps[at - 1].extend(step);
            });
        }
    }
}

/// Images that are tried, of scripts that are short enough for it.
const REDRAWS: u64 = 6;
const REDRAWN_EVENTS_MAX: usize = 200;

/// Lets the last crash of which the image is drawn leave another one. Returns whether there is one.
fn redraw(script: &mut Script, number: u64) -> bool {
    let images = script.steps.iter_mut().flatten().filter_map(|event| match event {
        Event::Image(image) => Some(image),
        _ => None,
    });
    let images = images.chain(std::iter::once(&mut script.setup.last_image));
    let Some(image) = images.filter(|image| matches!(image, Image::Drawn(_))).last() else {
        return false;
    };
    *image = Image::Drawn(number);
    true
}

type IsOne = fn(&Event) -> bool;

/// Kinds of events that a failure may do without, those first that there are the most of.
const KINDS: &[IsOne] = &[
    |event| matches!(event, Event::Deliver { .. }),
    |event| matches!(event, Event::Pass(_)),
    |event| matches!(event, Event::Delay { .. }),
    |event| matches!(event, Event::HostWaits | Event::HostFails(_)),
    |event| matches!(event, Event::Stall(_) | Event::Room { .. }),
    |event| matches!(event, Event::Memory(_) | Event::Disconnect(_)),
    |event| matches!(event, Event::Jump(_)),
    |event| matches!(event, Event::Order(_)),
    |event| matches!(event, Event::Fault { .. }),
    |event| matches!(event, Event::Fault { fault: Fault::Interrupted, .. }),
    |event| matches!(event, Event::Fault { fault: Fault::ShortRead | Fault::ShortWrite, .. }),
    |event| matches!(event, Event::Fault { fault: Fault::EntryError | Fault::ReadError, .. }),
    |event| matches!(event, Event::Fault { fault: Fault::WriteError | Fault::NoSpace, .. }),
    |event| matches!(event, Event::Fault { fault: Fault::SyncError, .. }),
    |event| matches!(event, Event::Crash(_)),
    |event| matches!(event, Event::Image(_)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decisions::Decisions;
    use crate::sabotage::Boundary;
    use crate::script::Sent;
    use crate::{Plan, World};

    /// A run of a seed that is long and sound.
    fn sound(seed: u64) -> Script {
        let plan = Plan { seed, commands: 300 };
        let decisions = Decisions::of_seed(seed).written_down();
        let world =
            World::of_seed(plan, decisions.clone(), Timeline::default(), Boundary::honest());
        assert!(world.live(plan.commands).1.commands >= 300);
        Script { setup: plan.setup(), steps: decisions.steps() }
    }

    #[test]
    fn a_script_shrinks_to_what_matters() {
        let says = |script: &Script, name: &[u8]| {
            let is_it = |event: &Event| match event {
                Event::Send(Sent { words, .. }) => words[0].eq_ignore_ascii_case(name),
                _ => false,
            };
            script.steps.iter().flatten().any(is_it)
        };
        let fails =
            move |script: &Script| says(script, b"multi") && script.setup.persistence.is_some();
        let mut shrunk = 0;
        for seed in 1..8 {
            let script = sound(seed);
            if !fails(&script) {
                continue;
            }
            let mut shrinker = Shrinker::new(script, Duration::from_secs(20), Box::new(fails));
            shrinker.run();
            assert_eq!(shrinker.script.events(), 1, "{}", shrinker.script);
            assert_eq!(shrinker.script.steps.len(), 1);
            shrunk += 1;
        }
        assert!(shrunk > 3);
    }

    #[test]
    fn a_script_that_does_not_fail_is_left_alone() {
        assert!(shrink(sound(3), Duration::from_secs(1)).is_none());
    }
}
