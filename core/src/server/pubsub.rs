//! Publishing: who gets a message.

use super::Server;
use crate::client::Client;

/// Channels and patterns with their subscribers.
#[derive(Debug, Default)]
pub(crate) struct PubSub {}

impl Server {
    /// Sends `message` to the subscribers of `channel` and of patterns that match it; returns how
    /// many got it. `current` is the client whose command runs.
    pub(crate) fn publish(
        &mut self,
        _channel: &[u8],
        _message: &[u8],
        _current: Option<&mut Client>,
    ) -> usize {
        0
    }
}
