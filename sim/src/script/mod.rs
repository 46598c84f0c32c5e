//! Scripts: everything that was decided in a run, so that the run can be had again without a seed.
//!
//! A script says how the world is set up and, step by step, where it was not calm. In a calm world
//! nobody connects, what is sent arrives whole and at once, every request is done at the next step
//! and nothing goes wrong. So a script with any part taken out is a script still: what is taken out
//! happens calmly, and what makes no sense any more (its client is gone, nothing was asked for) is
//! left out. That is what lets a failure be made smaller, and a stored one survive changes of the
//! code.
//!
//! An event knows its place by counting (the second sync of this step fails), never by a number
//! that the core gave out, since those move when anything before them is taken away.

mod setup;
mod text;
pub(crate) mod words;

pub use setup::{Persistence, Setup};
pub use text::Wrong;

use crate::disk::{Crash, Fault, Image};
use crate::model::Words;

/// A run, as decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// How the world begins, and what the last power loss of it leaves.
    pub setup: Setup,
    /// What happens, one turn of the core each.
    pub steps: Vec<Step>,
}

/// What is not calm in a step, in the order in which it was decided.
pub type Step = Vec<Event>;

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// So many microseconds pass before the turn.
    Pass(u64),
    /// The wall clock is set by so many microseconds.
    Jump(i64),
    /// A client sends a command.
    Send(Sent),
    /// The process learns how much memory it uses, in bytes.
    Memory(u64),
    /// What the core asked of the system is not done in this step.
    HostWaits,
    /// The n-th request of this step, counted from 0, that is for the system or the disk fails if
    /// it is for the system.
    HostFails(u32),
    /// The n-th time in this step that something may go wrong in this way it does.
    Fault {
        /// What goes wrong.
        fault: Fault,
        /// Which of the times, from 0.
        nth: u32,
        /// How exactly; each fault has its own meaning for it.
        detail: u64,
    },
    /// A client connects.
    Connect {
        /// Its slot.
        client: u32,
        /// The first that it says is HELLO 3.
        is_resp3: bool,
    },
    /// No more than so many bytes reach the core from a client.
    Deliver {
        /// Its slot.
        client: u32,
        /// How many.
        bytes: usize,
    },
    /// A client leaves.
    Disconnect(u32),
    /// The socket of a client was full and takes nothing yet.
    Stall(u32),
    /// The socket of a client takes no more than so many bytes.
    Room {
        /// Its slot.
        client: u32,
        /// How many.
        bytes: usize,
    },
    /// The n-th request of this step, counted from 0, takes so many nanoseconds.
    Delay {
        /// Which one.
        nth: u32,
        /// How long.
        ns: u64,
    },
    /// The life ends after the turn.
    Crash(Crash),
    /// What the end of the life leaves of what was not durable.
    Image(Image),
    /// A file of the server changes by itself before the next life, as drawn from this.
    Rot(u64),
    /// Who runs the server asks for this.
    Order(&'static str),
}

/// A command on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The slot of the client.
    pub client: u32,
    /// What it says.
    pub words: Words,
    /// How it is written.
    pub form: Form,
}

/// How a command is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As an array of strings.
    Array,
    /// In a line with CR and LF at its end.
    Line,
    /// In a line with LF at its end.
    UnixLine,
}

impl Script {
    /// How many events there are.
    #[must_use]
    pub fn events(&self) -> usize {
        self.steps.iter().map(Vec::len).sum()
    }
}
