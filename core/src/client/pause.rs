//! CLIENT PAUSE: commands that must wait, and until when.

/// Which commands wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PauseMode {
    /// Those that may change the keyspace or publish.
    Write,
    /// All but those of administrators' connections.
    All,
}

/// The pause in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    pub(crate) mode: PauseMode,
    /// End, in ns of the monotonic clock.
    pub(crate) until_ns: u64,
}
