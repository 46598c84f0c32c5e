//! Keyspace notifications: changes to keys, published to whoever asked for them.
//!
//! Each event is up to two messages: to the channel of the key, with the event, and to the channel
//! of the event, with the key. They go the way of every message (`publish.rs`), so they reach a
//! client that changed a key itself only after its reply.

use alloc::vec::Vec;

use super::Server;
use crate::client::Client;
use crate::config::KeyspaceEvents;

impl Server {
    /// Publishes `event` about `key` when its class is switched on. `current` is the client whose
    /// command runs.
    pub(crate) fn notify(
        &mut self,
        class: KeyspaceEvents,
        event: &str,
        key: &[u8],
        db: u32,
        mut current: Option<&mut Client>,
    ) {
        let wanted = self.config.notify_keyspace_events;
        if !wanted.contains(class) || self.pubsub.is_empty() {
            return;
        }
        if wanted.contains(KeyspaceEvents::KEYSPACE) {
            let channel = channel("__keyspace@", db, key);
            self.publish(&channel, event.as_bytes(), current.as_deref_mut());
        }
        if wanted.contains(KeyspaceEvents::KEYEVENT) {
            let channel = channel("__keyevent@", db, event.as_bytes());
            self.publish(&channel, key, current);
        }
    }
}

/// `<kind><db>__:<about>`.
fn channel(kind: &str, db: u32, about: &[u8]) -> Vec<u8> {
    let mut digits = itoa::Buffer::new();
    [kind.as_bytes(), digits.format(db).as_bytes(), b"__:", about].concat()
}
