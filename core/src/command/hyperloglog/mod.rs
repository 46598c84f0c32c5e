//! Commands on HyperLogLogs, which are strings. See [`crate::value::hyperloglog`].

pub(crate) mod add;
pub(crate) mod count;
pub(crate) mod debug;

use super::ctx::{Ctx, Text};
use super::error::CommandError;
use crate::keyspace::Place;
use crate::value::hyperloglog::{Corrupted, Hyperloglog, View};

/// Bytes of registers that are walked over in about 100 ns.
const BYTES_PER_WORK: usize = 200;

impl Ctx<'_> {
    /// Lets `look` read the HyperLogLog at `place`; an error when something else is there.
    fn with_hyperloglog<R>(
        &self,
        place: Place,
        look: impl FnOnce(View<'_>) -> R,
    ) -> Result<R, CommandError> {
        let text = self.string(place)?;
        // An integer is none, and Redis does not look at its digits either.
        let view = match &text {
            Text::Inline(bytes) => View::of(bytes),
            Text::Shared(bytes) => View::of(bytes),
            Text::Int(_) => None,
        };
        view.map(look).ok_or(CommandError::Fixed(NOT_ONE))
    }

    /// The HyperLogLog at `place`, to be changed.
    fn copy_hyperloglog(&self, place: Place) -> Result<Hyperloglog, CommandError> {
        let bytes_max = self.sparse_bytes_max();
        self.with_hyperloglog(place, |view| Hyperloglog::copy(view, bytes_max))
    }

    /// The directive `hll-sparse-max-bytes`.
    fn sparse_bytes_max(&self) -> usize {
        usize::try_from(self.server.config.hll_sparse_max_bytes).unwrap_or(usize::MAX)
    }
}

impl From<Corrupted> for CommandError {
    fn from(_: Corrupted) -> Self {
        Self::Fixed("INVALIDOBJ Corrupted HLL object detected")
    }
}

const NOT_ONE: &str = "WRONGTYPE Key is not a valid HyperLogLog string value.";
