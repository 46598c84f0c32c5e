//! Who listens to one channel or pattern, in the order in which they began.
//!
//! PUBLISH walks this list for every message, so it is one block of memory. Leaving finds its entry
//! by the number of the subscription, which only grows, and leaves a hole; when half of the list is
//! holes it is packed. So a channel that all of its subscribers leave costs each a binary search.

use alloc::vec::Vec;

use crate::client::pubsub::SubscriptionId;
use crate::turn::ConnId;

/// The subscribers of one channel or pattern.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    entries: Vec<Entry>,
    holes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: SubscriptionId,
    conn: ConnId,
}

/// Stands for a subscriber that left.
const HOLE: ConnId = ConnId { slot: u32::MAX, generation: u32::MAX };

impl Subscribers {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.holes
    }

    /// Adds one; `id` is greater than those before.
    pub(crate) fn add(&mut self, id: SubscriptionId, conn: ConnId) {
        debug_assert!(self.entries.last().is_none_or(|last| last.id < id), "numbers only grow");
        self.entries.push(Entry { id, conn });
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, id: SubscriptionId) {
        let Ok(at) = self.entries.binary_search_by_key(&id, |entry| entry.id) else { return };
        if self.entries[at].conn == HOLE {
            return;
        }
        self.entries[at].conn = HOLE;
        self.holes += 1;
        if self.holes * 2 > self.entries.len() {
            self.entries.retain(|entry| entry.conn != HOLE);
            self.entries.shrink_to(self.entries.len() * 2);
            self.holes = 0;
        }
    }

    /// All of them, those first that subscribed first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ConnId> {
        self.entries.iter().map(|entry| entry.conn).filter(|&conn| conn != HOLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_is_kept_whoever_leaves(
            steps in proptest::collection::vec((any::<bool>(), 0_u64..60), 0..200),
        ) {
            let (mut subscribers, mut model) = (Subscribers::default(), BTreeMap::new());
            for (next, (is_new, which)) in (0_u64..).zip(steps) {
                if is_new {
                    let conn = ConnId { slot: next as u32, generation: 1 };
                    subscribers.add(next, conn);
                    model.insert(next, conn);
                } else {
                    subscribers.remove(which);
                    model.remove(&which);
                }
                prop_assert_eq!(subscribers.len(), model.len());
                prop_assert!(subscribers.iter().eq(model.values().copied()));
                prop_assert!(subscribers.holes * 2 <= subscribers.entries.len());
            }
        }
    }
}
