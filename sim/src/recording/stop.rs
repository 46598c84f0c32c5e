//! Why a replay stops before the end of its recording.

/// A reason. Offsets count from the beginning of the entries of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The bytes are no recording.
    Malformed {
        /// Offset.
        at: usize,
        /// What is wrong.
        why: String,
    },
    /// The core did something else than what was recorded.
    Diverged {
        /// Offset.
        at: usize,
        /// What it did, and what was recorded.
        why: String,
    },
    /// The command was reached that was looked for.
    Matched,
    /// The LSN was reached that was asked for.
    Reached,
}
