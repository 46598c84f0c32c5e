//! The table of commands, made once for all servers that a process begins.
//!
//! A seed begins six servers on average, and the table was a tenth of what a seed took. It is
//! constant, so that sharing it cannot let one life see another.

use std::sync::{Arc, OnceLock};

use seedis_core::command::Registry;
use seedis_core::turn::Seed;
use seedis_core::{Config, Core};

/// All commands.
pub(crate) fn registry() -> &'static Arc<Registry> {
    static REGISTRY: OnceLock<Arc<Registry>> = OnceLock::new();
    REGISTRY.get_or_init(|| seedis_core::command::registry().into())
}

/// A server without data.
pub(crate) fn server(config: Config, seed: Seed) -> Core {
    Core::sharing(Arc::clone(registry()), config, seed)
}
