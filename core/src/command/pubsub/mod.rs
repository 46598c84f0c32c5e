//! Publishing and subscribing.

pub(crate) mod publish;
pub(crate) mod state;
pub(crate) mod subscribe;
