//! Subscriptions: what one client listens to.
//!
//! The other direction, who listens to a channel, is `server/pubsub.rs`. Both sides keep the number
//! of the subscription, so that leaving a channel of ten thousand subscribers is no search.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A channel by its name.
    Channel,
    /// Every channel whose name matches.
    Pattern,
    /// A channel of the shard; a space of names of its own.
    ShardChannel,
}

/// The number of a subscription: later ones have greater numbers.
pub(crate) type SubscriptionId = u64;

/// Names with the numbers of their subscriptions.
pub(crate) type Names = BTreeMap<Arc<[u8]>, SubscriptionId>;

/// What one client subscribes to. A client without any has no such value.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    channels: Names,
    patterns: Names,
    shard_channels: Names,
}

impl Subscriptions {
    pub(crate) fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shard_channels.is_empty()
    }

    /// The names of one kind.
    pub(crate) fn of(&self, topic: Topic) -> &Names {
        match topic {
            Topic::Channel => &self.channels,
            Topic::Pattern => &self.patterns,
            Topic::ShardChannel => &self.shard_channels,
        }
    }

    /// The names of one kind, to change.
    pub(crate) fn of_mut(&mut self, topic: Topic) -> &mut Names {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::ShardChannel => &mut self.shard_channels,
        }
    }

    /// The count that a confirmation tells: channels and patterns count together.
    pub(crate) fn count_told(&self, topic: Topic) -> usize {
        match topic {
            Topic::Channel | Topic::Pattern => self.channels.len() + self.patterns.len(),
            Topic::ShardChannel => self.shard_channels.len(),
        }
    }

    /// Bytes that they take, for CLIENT LIST.
    pub(crate) fn memory_bytes(&self) -> usize {
        let all = [&self.channels, &self.patterns, &self.shard_channels];
        let entry = size_of::<(Arc<[u8]>, SubscriptionId)>();
        size_of::<Self>() + all.iter().map(|names| names.len() * entry).sum::<usize>()
    }
}
