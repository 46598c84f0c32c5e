//! Keyspace notifications: changes to keys, published to whoever asked for them.

use super::Server;
use crate::client::Client;
use crate::config::KeyspaceEvents;

impl Server {
    /// Publishes `event` about `key` when its class is switched on.
    pub(crate) fn notify(
        &mut self,
        class: KeyspaceEvents,
        event: &str,
        key: &[u8],
        db: u16,
        mut current: Option<&mut Client>,
    ) {
        let wanted = self.config.notify_keyspace_events;
        if !wanted.contains(class) {
            return;
        }
        if wanted.contains(KeyspaceEvents::KEYSPACE) {
            let mut channel = alloc::format!("__keyspace@{db}__:").into_bytes();
            channel.extend_from_slice(key);
            self.publish(&channel, event.as_bytes(), current.as_deref_mut());
        }
        if wanted.contains(KeyspaceEvents::KEYEVENT) {
            let channel = alloc::format!("__keyevent@{db}__:{event}");
            self.publish(channel.as_bytes(), key, current);
        }
    }
}
