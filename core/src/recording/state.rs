//! The state of a core as far as a recording can go on from it.
//!
//! A recording that was cut at its front, or that has a gap, or whose values are masked, cannot
//! begin with the files of the server. It begins with commands instead: those that make the
//! keyspace, and for each connection those that bring it where it is (its protocol, database,
//! name, subscriptions, transaction), with the bytes it had sent and nobody had consumed.
//!
//! What is not carried over: statistics, the slow log, access clocks, the state of files and of
//! random draws, replies that were not sent, a pause, and that a watched key was touched before.
//! So what follows is not the identical run: the same commands run on the same data.

use alloc::vec::Vec;

use super::entry::{put_conn, put_peer, read_conn, read_peer};
use super::wire::{Cursor, Malformed, put_bytes, put_number};
use crate::client::pubsub::Topic;
use crate::client::{Client, ReplyMode};
use crate::config::Config;
use crate::keyspace::Snapshot;
use crate::rdb::save::Save;
use crate::turn::{ConnId, Core, Now, Peer};

/// A connection in a state.
#[derive(Clone, Debug)]
pub struct Connection<'a> {
    /// Its id.
    pub conn: ConnId,
    /// What CLIENT ID told it.
    pub id: u64,
    /// The other side.
    pub peer: Peer,
    /// Requests that bring a new connection where it is.
    pub requests: &'a [u8],
    /// Bytes it had sent that were not consumed.
    pub kept: &'a [u8],
}

/// A part of a state.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// The first: the clocks of the moment, and the last number that CLIENT ID has told.
    Begin(Now, u64),
    /// A part of the requests that make the keyspace; they may be cut anywhere.
    Keys(&'a [u8]),
    /// A connection.
    Client(Connection<'a>),
    /// The last.
    End,
}

impl<'a> Item<'a> {
    /// Appends the part.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Begin(now, last_id) => {
                out.push(1);
                out.extend_from_slice(&now.mono_ns.to_le_bytes());
                out.extend_from_slice(&now.wall_us.to_le_bytes());
                put_number(out, *last_id);
            }
            Self::Keys(requests) => {
                out.push(2);
                put_bytes(out, requests);
            }
            Self::Client(client) => {
                out.push(3);
                put_conn(out, client.conn);
                put_number(out, client.id);
                put_peer(out, &client.peer);
                put_bytes(out, client.requests);
                put_bytes(out, client.kept);
            }
            Self::End => out.push(4),
        }
    }

    /// Reads a part.
    pub fn read(from: &mut Cursor<'a>) -> Result<Self, Malformed> {
        Ok(match from.byte()? {
            1 => {
                let mono_ns = from.fixed()?;
                let now = Now { mono_ns, wall_us: from.fixed()? as i64 };
                Self::Begin(now, from.number()?)
            }
            2 => Self::Keys(from.bytes()?),
            3 => Self::Client(Connection {
                conn: read_conn(from)?,
                id: from.number()?,
                peer: read_peer(from)?,
                requests: from.bytes()?,
                kept: from.bytes()?,
            }),
            4 => Self::End,
            _ => return from.refuse("part of a state before this place"),
        })
    }
}

/// A connection of a state to be written.
#[derive(Clone, Debug)]
pub struct ClientState {
    /// Its id.
    pub conn: ConnId,
    /// What CLIENT ID told it.
    pub id: u64,
    /// The other side.
    pub peer: Peer,
    /// Requests that bring a new connection where it is.
    pub requests: Vec<u8>,
}

/// A state to be written on any thread.
#[derive(Debug)]
pub struct State {
    /// The clocks of its moment.
    pub now: Now,
    /// The configuration in force.
    pub config: Config,
    /// The last number that CLIENT ID has told.
    pub last_id: u64,
    /// The connections.
    pub clients: Vec<ClientState>,
    /// The requests that make the keyspace, piece by piece.
    pub keys: Save,
}

impl Core {
    /// The state between two turns.
    #[must_use]
    pub fn recorded_state(&self) -> State {
        let server = &self.server;
        let password = server.config.requirepass.as_deref();
        let client = |client: &Client| ClientState {
            conn: client.conn,
            id: client.id,
            peer: client.peer.clone(),
            requests: requests(client, password),
        };
        State {
            now: server.now,
            config: server.config.clone(),
            last_id: server.clients.last_id(),
            clients: server.clients.iter().map(client).collect(),
            keys: Save::commands(Snapshot::of_numbered(server.dbs.numbered())),
        }
    }
}

/// The requests that bring a new connection where `client` is.
fn requests(client: &Client, password: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(password) = password.filter(|_| client.authenticated) {
        request(&mut out, &[b"AUTH", password]);
    }
    if client.output.resp3 {
        request(&mut out, &[b"HELLO", b"3"]);
    }
    if let Some(name) = &client.name {
        request(&mut out, &[b"CLIENT", b"SETNAME", name]);
    }
    if client.db != 0 {
        request(&mut out, &[b"SELECT", itoa::Buffer::new().format(client.db).as_bytes()]);
    }
    if client.no_touch {
        request(&mut out, &[b"CLIENT", b"NO-TOUCH", b"ON"]);
    }
    if client.no_evict {
        request(&mut out, &[b"CLIENT", b"NO-EVICT", b"ON"]);
    }
    put_transaction(&mut out, client);
    put_subscriptions(&mut out, client);
    if client.is_monitor {
        request(&mut out, &[b"MONITOR"]);
    }
    match client.reply {
        ReplyMode::On => {}
        ReplyMode::Off => request(&mut out, &[b"CLIENT", b"REPLY", b"OFF"]),
        ReplyMode::Skip | ReplyMode::SkipNext => {
            request(&mut out, &[b"CLIENT", b"REPLY", b"SKIP"]);
        }
    }
    if let Some(wait) = &client.wait {
        let words: Vec<&[u8]> = wait.request.args().from(0).collect();
        request(&mut out, &words);
    }
    out
}

fn put_transaction(out: &mut Vec<u8>, client: &Client) {
    let Some(transaction) = &client.transaction else { return };
    for (db, key) in &transaction.watched {
        request(out, &[b"SELECT", itoa::Buffer::new().format(*db).as_bytes()]);
        request(out, &[b"WATCH", key]);
    }
    if !transaction.watched.is_empty() {
        request(out, &[b"SELECT", itoa::Buffer::new().format(client.db).as_bytes()]);
    }
    if transaction.is_open {
        request(out, &[b"MULTI"]);
        for queued in &transaction.queue {
            let words: Vec<&[u8]> = transaction.args(*queued).from(0).collect();
            request(out, &words);
        }
        if transaction.is_aborted {
            // It is queued that it cannot succeed, by a command that does not exist.
            request(out, &[b"(aborted)"]);
        }
    }
}

fn put_subscriptions(out: &mut Vec<u8>, client: &Client) {
    let Some(subscriptions) = &client.subscriptions else { return };
    for (topic, name) in [
        (Topic::Channel, &b"SUBSCRIBE"[..]),
        (Topic::Pattern, b"PSUBSCRIBE"),
        (Topic::ShardChannel, b"SSUBSCRIBE"),
    ] {
        let mut names: Vec<_> = subscriptions.of(topic).iter().collect();
        // In the order in which they were made: messages come in that order.
        names.sort_by_key(|(_, id)| **id);
        for (channel, _) in names {
            request(out, &[name, channel]);
        }
    }
}

fn request(out: &mut Vec<u8>, words: &[&[u8]]) {
    crate::log::encode(out, words.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    const CONN: ConnId = ConnId { slot: 0, generation: 0 };

    fn fed(core: &mut Core, lines: &[u8]) {
        let peer =
            Peer { addr: "a".into(), laddr: "b".into(), is_local: true, is_unix: false, fd: 3 };
        let mut turn = core.turn(Now { mono_ns: 1, wall_us: 1_000_000 });
        turn.accept(CONN, peer);
        let mut rest = lines;
        while !rest.is_empty() {
            let fed = turn.feed(CONN, rest);
            assert!(fed.consumed > 0, "{:?}", String::from_utf8_lossy(rest));
            rest = &rest[fed.consumed..];
        }
        turn.seal();
    }

    #[test]
    fn a_client_is_brought_where_it_was() {
        let password = Some(b"hunter2".to_vec());
        let config = || Config { requirepass: password.clone(), ..Config::default() };
        let mut core = Core::new(config(), [1; 32]);
        fed(
            &mut core,
            b"auth hunter2\nhello 3\nselect 3\nclient setname me\nwatch a b\nmulti\nset k v\nfoo\n",
        );
        let state = core.recorded_state();
        let requests = &state.clients[0].requests;
        let mut other = Core::new(config(), [2; 32]);
        fed(&mut other, requests);
        let again = other.recorded_state();
        assert_eq!(&again.clients[0].requests, requests);
        let text = String::from_utf8_lossy(requests);
        for word in ["AUTH", "HELLO", "me", "WATCH", "MULTI", "(aborted)"] {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn subscribers_and_keys_are_carried_over() {
        let mut core = Core::new(Config::default(), [1; 32]);
        fed(&mut core, b"set a 1\nset b 2 px 5\nselect 5\nset c x\nsubscribe z y\npsubscribe p*\n");
        let mut state = core.recorded_state();
        let requests = &state.clients[0].requests;
        let text = String::from_utf8_lossy(requests);
        let order = ["\r\nz\r\n", "\r\ny\r\n", "p*"].map(|name| text.find(name).unwrap());
        assert!(order.is_sorted(), "{text}");
        let mut keys = Vec::new();
        while let Some(piece) = state.keys.next_piece() {
            keys.extend(piece);
        }
        let mut other = Core::new(Config::default(), [2; 32]);
        fed(&mut other, &keys);
        assert_eq!(other.digest(), core.digest());
    }

    #[test]
    fn parts_survive_the_trip() {
        let peer =
            Peer { addr: "a".into(), laddr: "b".into(), is_local: true, is_unix: true, fd: 3 };
        let items = [
            Item::Begin(Now { mono_ns: 5, wall_us: -1 }, 9),
            Item::Keys(b"PING\r\n"),
            Item::Client(Connection { conn: CONN, id: 4, peer, requests: b"1", kept: b"2" }),
            Item::End,
        ];
        let mut out = Vec::new();
        items.iter().for_each(|item| item.put(&mut out));
        let mut from = Cursor::new(&out);
        for item in items {
            let read = Item::read(&mut from).unwrap();
            assert_eq!(alloc::format!("{read:?}"), alloc::format!("{item:?}"));
        }
        assert!(from.is_at_end() && Item::read(&mut from).is_err());
    }
}
