//! Publishing: a message to everybody who listens.
//!
//! A message is encoded once and copied to each listener; a large one is not even copied, all
//! listeners share its bytes. The two protocols differ in one byte, so there are at most two
//! encodings.
//!
//! The hard case is a listener whose own command publishes: its message may not stand in the middle
//! of the command's reply, so it waits in [`Client::deferred`] for the end of the command or of the
//! whole transaction (as since Redis 7.2; redis/redis#11875). Another is a listener who does not
//! read: its output is measured with every message and it is dropped as soon as it has too much.

use bytes::Bytes;

use super::Server;
use crate::client::Client;
use crate::client::limits::Measure;
use crate::client::output::Output;
use crate::turn::ConnId;

/// Messages of at least this many bytes are shared by their listeners. Below, a copy is cheaper
/// than a piece of its own in everybody's queue.
const SHARED_MESSAGE_MIN: usize = 2048;

impl Server {
    /// Sends `message` to the subscribers of `channel`, then to those of patterns that match it;
    /// returns how many that were. `current` is the client whose command runs.
    pub(crate) fn publish(
        &mut self,
        channel: &[u8],
        message: &[u8],
        mut current: Option<&mut Client>,
    ) -> usize {
        if self.pubsub.is_empty() {
            return 0;
        }
        // Nothing that happens below subscribes or unsubscribes anybody: a listener that is dropped
        // leaves its channels when its connection is closed.
        let pubsub = core::mem::take(&mut self.pubsub);
        let mut told = 0;
        if let Some(subscribers) = pubsub.channels.get(channel) {
            let words: [&[u8]; 3] = [b"message", channel, message];
            told += self.deliver(&words, subscribers.iter(), current.as_deref_mut());
        }
        for (pattern, subscribers) in pubsub.patterns.matching(channel) {
            let words: [&[u8]; 4] = [b"pmessage", pattern, channel, message];
            let subscribers = subscribers.subscribers.iter();
            told += self.deliver(&words, subscribers, current.as_deref_mut());
        }
        self.pubsub = pubsub;
        told
    }

    /// Sends `message` to the subscribers of a channel of the shard; returns how many that were.
    pub(crate) fn publish_to_shard(
        &mut self,
        channel: &[u8],
        message: &[u8],
        current: Option<&mut Client>,
    ) -> usize {
        let pubsub = core::mem::take(&mut self.pubsub);
        let told = pubsub.shard_channels.get(channel).map_or(0, |subscribers| {
            let words: [&[u8]; 3] = [b"smessage", channel, message];
            self.deliver(&words, subscribers.iter(), current)
        });
        self.pubsub = pubsub;
        told
    }

    /// Sends a message to these connections; returns their number.
    fn deliver(
        &mut self,
        words: &[&[u8]],
        to: impl Iterator<Item = ConnId>,
        mut current: Option<&mut Client>,
    ) -> usize {
        let mut message = Message::new(words);
        let mut told = 0;
        for conn in to {
            told += 1;
            match &mut current {
                Some(client) if client.conn == conn => message.defer(client),
                _ => self.tell(conn, |output| message.write(output)),
            }
        }
        told
    }

    /// Writes to a client whose command does not run, unless it is being closed.
    pub(crate) fn tell(&mut self, conn: ConnId, write: impl FnOnce(&mut Output)) {
        let Some(client) = self.clients.get_mut(conn) else { return };
        if client.is_closing() {
            return;
        }
        client.output.open(&mut self.pool);
        write(&mut client.output);
        if !client.is_dirty {
            client.is_dirty = true;
            self.outbox.dirty.push(conn);
        }
        self.client_memory.count(client);
        match client.measure_output(&self.config, self.now.mono_ns) {
            Measure::Fits => {}
            Measure::OverSoft => self.timers.over_soft_limit(conn),
            Measure::Over => self.drop_slow_reader(conn),
        }
    }
}

/// One message, encoded when the first listener of a protocol gets it.
struct Message<'a> {
    words: &'a [&'a [u8]],
    encoded: [Option<Bytes>; 2],
}

impl<'a> Message<'a> {
    fn new(words: &'a [&'a [u8]]) -> Self {
        Self { words, encoded: [None, None] }
    }

    /// Appends the message to a listener's output.
    fn write(&mut self, output: &mut Output) {
        let bytes = self.encoded(output.resp3);
        if bytes.len() < SHARED_MESSAGE_MIN {
            output.tail.extend_from_slice(bytes);
        } else {
            output.push_shared(bytes.clone());
        }
    }

    /// Keeps the message until the client's command is done.
    fn defer(&mut self, client: &mut Client) {
        let bytes = self.encoded(client.output.resp3);
        client.deferred.extend_from_slice(bytes);
    }

    fn encoded(&mut self, resp3: bool) -> &Bytes {
        self.encoded[usize::from(resp3)].get_or_insert_with(|| {
            let room: usize = self.words.iter().map(|word| word.len() + 16).sum();
            let mut output = Output::default();
            output.resp3 = resp3;
            output.tail.reserve(room);
            output.push(self.words.len());
            self.words.iter().for_each(|word| output.bulk(word));
            Bytes::from(output.tail)
        })
    }
}
