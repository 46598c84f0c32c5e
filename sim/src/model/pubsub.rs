//! Publishing and subscribing.
//!
//! One list of who listens to what, in the order of subscription. What a command tells others, and
//! what it tells its own client besides its reply, are pushes: each is expected behind everything
//! that this client was answered before. A message to who publishes it comes behind the reply of
//! the command, or of the whole transaction.
//!
//! Redis tells the messages of several patterns that match, and the channels that are left all at
//! once, in the order of a hash table: so in any order.

use seedis_core::ConnId;

use super::reply::Reply;
use super::scans::matches;
use super::{Expected, Model, Session, full_name};

/// Commands that are about channels, with their arities.
pub(super) static COMMANDS: [(&str, i32); 9] = [
    ("subscribe", -2),
    ("unsubscribe", -1),
    ("psubscribe", -2),
    ("punsubscribe", -1),
    ("ssubscribe", -2),
    ("sunsubscribe", -1),
    ("publish", 3),
    ("spublish", 3),
    ("pubsub", -2),
];

/// What can be listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    Channel,
    Pattern,
    Shard,
}

/// A client, by its number, listens.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listener {
    id: i64,
    topic: Topic,
    name: Vec<u8>,
}

/// Everybody who listens, and what the command that runs has told them.
#[derive(Debug, Default)]
pub(super) struct Channels {
    all: Vec<Listener>,
    told: Vec<(i64, Reply)>,
}

impl Channels {
    /// A client is gone, or has begun anew.
    pub(super) fn leave(&mut self, id: i64) {
        self.all.retain(|listener| listener.id != id);
    }

    pub(super) fn listens(&self, id: i64) -> bool {
        self.all.iter().any(|listener| listener.id == id)
    }

    /// What a client listens to.
    fn of(&self, id: i64, topic: Topic) -> Vec<Vec<u8>> {
        let own = self.all.iter().filter(|it| it.id == id && it.topic == topic);
        own.map(|listener| listener.name.clone()).collect()
    }

    /// The number that a confirmation tells.
    fn count(&self, id: i64, topic: Topic) -> Reply {
        let counts = |it: &&Listener| (it.topic == Topic::Shard) == (topic == Topic::Shard);
        self.all.iter().filter(|it| it.id == id).filter(counts).count().into()
    }

    fn join(&mut self, id: i64, topic: Topic, name: &[u8]) -> Reply {
        let listener = Listener { id, topic, name: name.to_vec() };
        if !self.all.contains(&listener) {
            self.all.push(listener);
        }
        let kind = ["subscribe", "psubscribe", "ssubscribe"][topic as usize];
        push(kind, [bulk(name), self.count(id, topic)])
    }

    /// Ends a subscription; what is confirmed may be one of these names.
    fn part(&mut self, id: i64, topic: Topic, name: &[u8], shown: Reply) -> Reply {
        let listener = Listener { id, topic, name: name.to_vec() };
        self.all.retain(|other| *other != listener);
        let kind = ["unsubscribe", "punsubscribe", "sunsubscribe"][topic as usize];
        push(kind, [shown, self.count(id, topic)])
    }

    /// Ends subscriptions to these names, or to all.
    fn part_from(&mut self, id: i64, topic: Topic, names: &[Vec<u8>]) -> Vec<Reply> {
        if !names.is_empty() {
            return names.iter().map(|name| self.part(id, topic, name, bulk(name))).collect();
        }
        let all = self.of(id, topic);
        if all.is_empty() {
            return vec![self.part(id, topic, b"", Reply::Null)];
        }
        let shown = Reply::OneOf(all.iter().map(|name| bulk(name)).collect());
        all.iter().map(|name| self.part(id, topic, name, shown.clone())).collect()
    }

    fn publish(&mut self, topic: Topic, channel: &[u8], message: &[u8]) -> Reply {
        let kind = if topic == Topic::Shard { "smessage" } else { "message" };
        let to_all = self.all.iter().filter(|it| it.topic == topic && it.name == channel);
        let told = |it: &Listener| (it.id, push(kind, [bulk(channel), bulk(message)]));
        let mut all: Vec<(i64, Reply)> = to_all.map(told).collect();
        if topic == Topic::Channel {
            all.extend(self.by_patterns(channel, message));
        }
        let count = all.len();
        self.told.extend(all);
        count.into()
    }

    fn by_patterns(&self, channel: &[u8], message: &[u8]) -> Vec<(i64, Reply)> {
        let told = |it: &Listener| push("pmessage", [&it.name, channel, message].map(bulk));
        let hit = |it: &&Listener| it.topic == Topic::Pattern && matches(&it.name, channel);
        let hits: Vec<&Listener> = self.all.iter().filter(hit).collect();
        let mine = |id: i64| hits.iter().filter(move |it| it.id == id).map(|it| told(it));
        hits.iter().map(|it| (it.id, Reply::OneOf(mine(it.id).collect()))).collect()
    }

    fn pubsub(&self, words: &[Vec<u8>]) -> Reply {
        let sub = words[1].to_ascii_lowercase();
        let topic = if sub.starts_with(b"shard") { Topic::Shard } else { Topic::Channel };
        let names = |topic: Topic| {
            let mut names: Vec<&Vec<u8>> =
                self.all.iter().filter(|it| it.topic == topic).map(|it| &it.name).collect();
            names.sort();
            names.dedup();
            names
        };
        match (&sub[..], words.len()) {
            (b"channels" | b"shardchannels", 2 | 3) => {
                let takes = |name: &&&Vec<u8>| words.get(2).is_none_or(|it| matches(it, name));
                Reply::Bag(names(topic).iter().filter(takes).map(|name| bulk(name)).collect())
            }
            (b"numpat", 2) => names(Topic::Pattern).len().into(),
            (b"numsub" | b"shardnumsub", _) => {
                let count = |name: &Vec<u8>| {
                    self.all.iter().filter(|it| it.topic == topic && it.name == *name).count()
                };
                let pairs = words[2..].iter().flat_map(|it| [bulk(it), count(it).into()]);
                Reply::Array(pairs.collect())
            }
            _ => Reply::Any,
        }
    }
}

/// Whether PUBSUB is followed by a subcommand and not by too many words; else it is refused before
/// it is queued.
pub(super) fn is_said_well(words: &[Vec<u8>]) -> bool {
    match &words[1].to_ascii_lowercase()[..] {
        b"channels" | b"shardchannels" | b"numsub" | b"shardnumsub" => true,
        b"numpat" | b"help" => words.len() == 2,
        _ => false,
    }
}

fn bulk(bytes: &[u8]) -> Reply {
    Reply::Bulk(bytes.to_vec())
}

fn push<const N: usize>(kind: &str, rest: [Reply; N]) -> Reply {
    Reply::Push([bulk(kind.as_bytes())].into_iter().chain(rest).collect())
}

impl Model {
    /// Whether a client listens and has only RESP2, in which it may do little else.
    #[must_use]
    pub fn is_busy_listening(&self, conn: ConnId) -> bool {
        self.sessions.get(&conn).is_some_and(|session| self.may_only_listen(session))
    }

    pub(super) fn may_only_listen(&self, session: &Session) -> bool {
        !session.is_resp3 && self.channels.listens(session.id)
    }

    /// The error with which a client that listens is refused, if it is.
    pub(super) fn refuse_listener(&self, session: &Session, words: &[Vec<u8>]) -> Option<String> {
        if !self.may_only_listen(session) {
            return None;
        }
        let name = String::from_utf8_lossy(&words[0]).to_lowercase();
        if name.ends_with("subscribe") || ["ping", "quit", "reset"].contains(&&*name) {
            return None;
        }
        let sub = || String::from_utf8_lossy(&words[1]).to_lowercase();
        let full = match &name[..] {
            "client" | "pubsub" => format!("{name}|{}", sub()),
            _ => String::from_utf8_lossy(&full_name(words)).into_owned(),
        };
        Some(format!(
            "ERR Can't execute '{full}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
             RESET are allowed in this context"
        ))
    }

    /// A command about channels, or PING of a client that listens.
    pub(super) fn run_pubsub(&mut self, session: &Session, words: &[Vec<u8>]) -> Option<Reply> {
        let (name, id) = (words[0].to_ascii_lowercase(), session.id);
        let (names, may_only_listen) = (&words[1..], self.may_only_listen(session));
        let channels = &mut self.channels;
        let mut join = |topic| names.iter().map(|name| channels.join(id, topic, name)).collect();
        let confirmed: Vec<Reply> = match &name[..] {
            b"subscribe" => join(Topic::Channel),
            b"psubscribe" => join(Topic::Pattern),
            b"ssubscribe" => join(Topic::Shard),
            b"unsubscribe" => channels.part_from(id, Topic::Channel, names),
            b"punsubscribe" => channels.part_from(id, Topic::Pattern, names),
            b"sunsubscribe" => channels.part_from(id, Topic::Shard, names),
            b"publish" => return Some(channels.publish(Topic::Channel, &names[0], &names[1])),
            b"spublish" => return Some(channels.publish(Topic::Shard, &names[0], &names[1])),
            b"pubsub" => return Some(channels.pubsub(words)),
            b"ping" if names.len() < 2 && may_only_listen => {
                let text = names.first().cloned().unwrap_or_default();
                return Some(Reply::Array(vec![bulk(b"pong"), bulk(&text)]));
            }
            _ => return None,
        };
        let mut confirmed = confirmed.into_iter();
        let first = confirmed.next();
        channels.told.extend(confirmed.map(|reply| (id, reply)));
        first
    }

    /// What the command that has run told, to whom.
    pub(super) fn take_pushes(&mut self) -> Vec<(ConnId, Expected)> {
        if self.channels.told.is_empty() {
            return Vec::new();
        }
        let told = std::mem::take(&mut self.channels.told).into_iter();
        let to = |(id, reply)| {
            let (conn, session) = self.sessions.iter().find(|(_, session)| session.id == id)?;
            Some((*conn, Expected { reply, is_resp3: session.is_resp3 }))
        };
        told.filter_map(to).collect()
    }
}
