//! Profiles: kinds of trouble that a run keeps to, for whoever looks for one thing.
//!
//! Every seed draws moods of its own, so that a long run needs no profile. A short one that shall
//! find what a change to recovery broke does better without cut packets and clocks that jump.

use crate::decisions::Family;

/// What may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What to call it.
    pub name: &'static str,
    /// What it is for.
    pub words: &'static str,
    /// Events that do not happen.
    pub off: &'static [Family],
}

/// All of them, the usual one first.
pub const PROFILES: [Profile; 5] = [
    Profile { name: "all", words: "everything", off: &[] },
    Profile {
        name: "disk",
        words: "crashes and everything that disks do",
        off: &[Family::Network, Family::ClockJumps],
    },
    Profile {
        name: "crashes",
        words: "process and power end, what is on the disk is torn, nothing else fails",
        off: &[
            Family::Network,
            Family::ClockJumps,
            Family::SyncFailures,
            Family::ShortIo,
            Family::NoSpace,
            Family::IoErrors,
            Family::Rot,
        ],
    },
    Profile {
        name: "network",
        words: "cut packets, slow and lost clients, clocks that jump; no life ends, no disk fails",
        off: &[
            Family::TornWrites,
            Family::SyncFailures,
            Family::PowerLoss,
            Family::ProcessCrash,
            Family::ShortIo,
            Family::NoSpace,
            Family::IoErrors,
            Family::Rot,
            Family::ConfigChanges,
            Family::Orders,
        ],
    },
    Profile {
        name: "calm",
        words: "nothing but what clients say",
        off: &[
            Family::TornWrites,
            Family::SyncFailures,
            Family::PowerLoss,
            Family::ProcessCrash,
            Family::ShortIo,
            Family::NoSpace,
            Family::IoErrors,
            Family::ClockJumps,
            Family::Network,
            Family::Slowness,
            Family::Rot,
            Family::ConfigChanges,
            Family::Orders,
        ],
    },
];

impl Default for Profile {
    fn default() -> Self {
        PROFILES[0]
    }
}

impl Profile {
    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PROFILES.into_iter().find(|profile| profile.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Crash;
    use crate::script::Event;
    use crate::{Plan, Timeline, record_in};

    #[test]
    fn a_profile_keeps_out_what_it_says() {
        let events = |name: &str| {
            let profile = Profile::named(name).expect("it is one");
            let scripts = (1..12).map(|seed| {
                record_in(Plan { seed, commands: 300 }, profile, Timeline::default()).0
            });
            scripts.flat_map(|script| script.steps).flatten().collect::<Vec<Event>>()
        };
        let is_fault = |event: &Event| matches!(event, Event::Fault { .. });
        let is_cut = |event: &Event| matches!(event, Event::Deliver { .. });
        let is_power = |event: &Event| matches!(event, Event::Crash(Crash::PowerLoss));
        let all = events("all");
        assert!(all.iter().any(is_fault) && all.iter().any(is_cut) && all.iter().any(is_power));
        let crashes = events("crashes");
        assert!(crashes.iter().any(is_power) && !crashes.iter().any(is_fault));
        assert!(!crashes.iter().any(is_cut));
        let calm = events("calm");
        assert!(!calm.iter().any(is_fault) && !calm.iter().any(is_cut));
        assert!(!calm.iter().any(is_power));
        assert!(Profile::named("stormy").is_none());
    }
}
