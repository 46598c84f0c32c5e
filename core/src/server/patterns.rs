//! Patterns with their subscribers, found by the channels that they match.
//!
//! Redis compares every pattern with every message. Most patterns begin with some plain bytes
//! (`news.*`, `__keyspace@0__:user:*`), and a channel can only match if it begins with them too. So
//! patterns are grouped by these bytes, and a message looks up one group for each length that
//! some group has: the cost grows with the number of different lengths and of likely matches, not
//! with the number of patterns. The hard case, patterns that all begin with a `*`, costs what it
//! costs in Redis: they are one group.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::subscribers::Subscribers;
use crate::client::pubsub::SubscriptionId;
use crate::turn::ConnId;
use crate::value::glob;

/// Plain bytes that are looked at; so no message looks up more groups than this.
const PREFIX_BYTES_MAX: usize = 64;

/// All patterns that somebody listens to.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    groups: BTreeMap<Box<[u8]>, Group>,
    /// How many groups have a prefix of so many bytes.
    lengths: BTreeMap<usize, usize>,
    len: usize,
}

type Group = BTreeMap<Arc<[u8]>, Pattern>;

/// One pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The number of its first subscription: patterns are served in this order.
    first: SubscriptionId,
    pub(crate) subscribers: Subscribers,
}

impl Patterns {
    /// How many different patterns there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a subscriber; returns the pattern as others share it.
    pub(crate) fn add(&mut self, name: &[u8], id: SubscriptionId, conn: ConnId) -> Arc<[u8]> {
        let prefix = prefix(name);
        if !self.groups.contains_key(prefix) {
            self.groups.insert(prefix.into(), Group::new());
            *self.lengths.entry(prefix.len()).or_default() += 1;
        }
        let group = self.groups.get_mut(prefix).expect("it was added if it was missing");
        let shared = match group.get_key_value(name) {
            Some((shared, _)) => shared.clone(),
            None => {
                self.len += 1;
                Arc::from(name)
            }
        };
        let pattern = group
            .entry(shared.clone())
            .or_insert_with(|| Pattern { first: id, subscribers: Subscribers::default() });
        pattern.subscribers.add(id, conn);
        shared
    }

    /// Takes a subscriber out, and the pattern with its last one.
    pub(crate) fn remove(&mut self, name: &[u8], id: SubscriptionId) {
        let prefix = prefix(name);
        let Some(group) = self.groups.get_mut(prefix) else { return };
        let Some(pattern) = group.get_mut(name) else { return };
        pattern.subscribers.remove(id);
        if pattern.subscribers.len() > 0 {
            return;
        }
        group.remove(name);
        self.len -= 1;
        if group.is_empty() {
            self.groups.remove(prefix);
            self.drop_length(prefix.len());
        }
    }

    fn drop_length(&mut self, length: usize) {
        if let Some(groups) = self.lengths.get_mut(&length) {
            *groups -= 1;
            if *groups == 0 {
                self.lengths.remove(&length);
            }
        }
    }

    /// The patterns that match `channel`, those first that were subscribed to first.
    pub(crate) fn matching(&self, channel: &[u8]) -> Vec<(&Arc<[u8]>, &Pattern)> {
        let mut found = Vec::new();
        for &length in self.lengths.keys() {
            let Some(prefix) = channel.get(..length) else { break };
            let group = self.groups.get(prefix).into_iter().flatten();
            found.extend(group.filter(|(name, _)| glob::matches(name, channel, false)));
        }
        found.sort_unstable_by_key(|(_, pattern)| pattern.first);
        found
    }
}

/// The plain bytes that a pattern begins with.
fn prefix(pattern: &[u8]) -> &[u8] {
    let special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
    let end = pattern.iter().position(special).unwrap_or(pattern.len());
    &pattern[..end.min(PREFIX_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONN: ConnId = ConnId { slot: 0, generation: 1 };

    fn names<'a>(found: &[(&'a Arc<[u8]>, &Pattern)]) -> Vec<&'a [u8]> {
        found.iter().map(|(name, _)| &***name).collect()
    }

    #[test]
    fn a_long_plain_pattern_is_compared_whole() {
        let long = [b'a'; PREFIX_BYTES_MAX + 5];
        let mut patterns = Patterns::default();
        patterns.add(&long, 1, CONN);
        assert_eq!(names(&patterns.matching(&long)), [&long[..]]);
        assert!(patterns.matching(&long[1..]).is_empty());
    }

    proptest! {
        #[test]
        fn finds_what_a_walk_over_all_patterns_finds(
            steps in proptest::collection::vec((any::<bool>(), "[ab*?\\[\\]\\\\]{0,5}"), 0..40),
            channels in proptest::collection::vec("[ab]{0,5}", 1..8),
        ) {
            let mut patterns = Patterns::default();
            let mut model: Vec<(u64, Vec<u8>)> = Vec::new();
            for (id, (is_new, name)) in (0_u64..).zip(steps) {
                let at = model.iter().position(|(_, other)| *other == name.as_bytes());
                match at {
                    None if is_new => {
                        patterns.add(name.as_bytes(), id, CONN);
                        model.push((id, name.into_bytes()));
                    }
                    Some(at) if !is_new => {
                        let (id, _) = model.remove(at);
                        patterns.remove(name.as_bytes(), id);
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(patterns.len(), model.len());
            for channel in channels {
                let expected: Vec<&[u8]> = model
                    .iter()
                    .map(|(_, name)| &name[..])
                    .filter(|name| glob::matches(name, channel.as_bytes(), false))
                    .collect();
                prop_assert_eq!(names(&patterns.matching(channel.as_bytes())), expected);
            }
            for (id, name) in model {
                patterns.remove(&name, id);
            }
            prop_assert!(patterns.groups.is_empty() && patterns.lengths.is_empty());
        }
    }
}
