//! Channels and patterns: who listens to what.
//!
//! Every subscription has a number; both the client and the channel keep it. Listeners of a channel
//! are served in the order of these numbers, as in Redis, and patterns after channels.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Server;
use super::patterns::Patterns;
use super::subscribers::Subscribers;
use crate::client::Client;
use crate::client::pubsub::{SubscriptionId, Topic};
use crate::turn::ConnId;

/// Channels and patterns with their subscribers.
#[derive(Debug, Default)]
pub(crate) struct PubSub {
    pub(super) channels: Channels,
    pub(super) shard_channels: Channels,
    pub(super) patterns: Patterns,
    last_id: SubscriptionId,
}

/// Channels by name. None is without a subscriber.
#[derive(Debug, Default)]
pub(crate) struct Channels(BTreeMap<Arc<[u8]>, Subscribers>);

impl Channels {
    /// The subscribers of a channel.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Subscribers> {
        self.0.get(name)
    }

    /// How many have a subscriber.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Their names in order of bytes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<[u8]>> {
        self.0.keys()
    }

    fn add(&mut self, name: &[u8], id: SubscriptionId, conn: ConnId) -> Arc<[u8]> {
        let shared = match self.0.get_key_value(name) {
            Some((shared, _)) => shared.clone(),
            None => Arc::from(name),
        };
        self.0.entry(shared.clone()).or_default().add(id, conn);
        shared
    }

    fn remove(&mut self, name: &[u8], id: SubscriptionId) {
        let Some(subscribers) = self.0.get_mut(name) else { return };
        subscribers.remove(id);
        if subscribers.len() == 0 {
            self.0.remove(name);
        }
    }
}

impl PubSub {
    /// Whether a message to any channel would reach nobody; shards are another matter.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.channels.0.is_empty() && self.patterns.len() == 0
    }

    /// The channels with a subscriber.
    pub(crate) fn channels(&self) -> &Channels {
        &self.channels
    }

    /// The channels of the shard with a subscriber.
    pub(crate) fn shard_channels(&self) -> &Channels {
        &self.shard_channels
    }

    /// How many different patterns have a subscriber.
    pub(crate) fn patterns_len(&self) -> usize {
        self.patterns.len()
    }

    fn add(&mut self, topic: Topic, name: &[u8], conn: ConnId) -> (Arc<[u8]>, SubscriptionId) {
        self.last_id += 1;
        let id = self.last_id;
        let shared = match topic {
            Topic::Channel => self.channels.add(name, id, conn),
            Topic::Pattern => self.patterns.add(name, id, conn),
            Topic::ShardChannel => self.shard_channels.add(name, id, conn),
        };
        (shared, id)
    }

    fn remove(&mut self, topic: Topic, name: &[u8], id: SubscriptionId) {
        match topic {
            Topic::Channel => self.channels.remove(name, id),
            Topic::Pattern => self.patterns.remove(name, id),
            Topic::ShardChannel => self.shard_channels.remove(name, id),
        }
    }
}

impl Server {
    /// Subscribes a client, once however often it asks.
    pub(crate) fn subscribe(&mut self, client: &mut Client, topic: Topic, name: &[u8]) {
        let names = client.subscriptions.get_or_insert_default().of_mut(topic);
        if !names.contains_key(name) {
            let (name, id) = self.pubsub.add(topic, name, client.conn);
            names.insert(name, id);
        }
    }

    /// Ends a subscription, if there is one.
    pub(crate) fn unsubscribe(&mut self, client: &mut Client, topic: Topic, name: &[u8]) {
        let Some(all) = &mut client.subscriptions else { return };
        if let Some(id) = all.of_mut(topic).remove(name) {
            self.pubsub.remove(topic, name, id);
        }
        if all.is_empty() {
            client.subscriptions = None;
        }
    }

    /// What a client subscribes to, in order of bytes.
    pub(crate) fn subscribed(client: &Client, topic: Topic) -> Vec<Arc<[u8]>> {
        let all = client.subscriptions.iter();
        all.flat_map(|all| all.of(topic).keys().cloned()).collect()
    }

    /// Ends all subscriptions of a client.
    pub(crate) fn leave_channels(&mut self, client: &mut Client) {
        let Some(mut all) = client.subscriptions.take() else { return };
        for topic in [Topic::Channel, Topic::Pattern, Topic::ShardChannel] {
            for (name, id) in core::mem::take(all.of_mut(topic)) {
                self.pubsub.remove(topic, &name, id);
            }
        }
    }
}
