//! Clients: what the server knows of each connection, and the table of them.

pub(crate) mod eviction;
pub(crate) mod limits;
pub(crate) mod output;
pub(crate) mod pause;
pub(crate) mod pubsub;
pub(crate) mod transaction;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::persist::gate::Gates;
use crate::resp::parse::Partial;
use crate::server::blocking::Wait;
use crate::turn::{ConnId, Peer};
use output::Output;
use pubsub::Subscriptions;
use transaction::Transaction;

/// What CLIENT REPLY chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    /// Replies are sent.
    #[default]
    On,
    /// None is sent.
    Off,
    /// That of the next command is not sent.
    SkipNext,
    /// That of this command is not sent.
    Skip,
}

impl ReplyMode {
    /// Whether the reply of the command that runs is not sent.
    pub(crate) fn is_muted(self) -> bool {
        matches!(self, Self::Off | Self::Skip)
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Closing {
    /// It does not.
    #[default]
    No,
    /// When its output is sent.
    AfterReply,
    /// Now.
    Now,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) conn: ConnId,
    /// The number that CLIENT ID answers, never used twice.
    pub(crate) id: u64,
    pub(crate) peer: Peer,
    pub(crate) output: Output,
    /// Messages that came while its own command ran; they follow the reply.
    pub(crate) deferred: Vec<u8>,
    pub(crate) db: u32,
    pub(crate) closing: Closing,
    pub(crate) reply: ReplyMode,
    pub(crate) authenticated: bool,
    /// In the list of those with something to send.
    pub(crate) is_dirty: bool,
    pub(crate) is_monitor: bool,
    pub(crate) no_evict: bool,
    pub(crate) no_touch: bool,
    /// Feeding stopped before the end of its input: by CLIENT PAUSE, a wait, a slow reader.
    pub(crate) is_held: bool,
    /// Waits for a completion (CONFIG REWRITE and the like); nothing else is executed before it.
    pub(crate) is_waiting: bool,
    /// It waits for keys.
    pub(crate) wait: Option<Box<Wait>>,
    pub(crate) partial: Option<Box<Partial>>,
    pub(crate) transaction: Option<Box<Transaction>>,
    pub(crate) subscriptions: Option<Box<Subscriptions>>,
    pub(crate) name: Option<Box<[u8]>>,
    pub(crate) lib_name: Option<Box<[u8]>>,
    pub(crate) lib_ver: Option<Box<[u8]>>,
    pub(crate) accepted_ns: u64,
    pub(crate) active_ns: u64,
    /// Since when the output is above its soft limit.
    pub(crate) soft_limit_ns: Option<u64>,
    pub(crate) last_command: Option<u16>,
    pub(crate) query_bytes: usize,
    /// What it counts for in the sum that `maxmemory-clients` limits.
    pub(crate) counted_bytes: usize,
    /// Output that waits for the disk.
    pub(crate) gates: Option<Box<Gates>>,
    /// The log's end behind its last write.
    pub(crate) write_lsn: u64,
    /// Commands of the log are executed again for it.
    pub(crate) replays: bool,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) commands: u64,
}

impl Client {
    pub(crate) fn new(conn: ConnId, id: u64, peer: Peer, now_ns: u64) -> Self {
        Self {
            conn,
            id,
            peer,
            output: Output::default(),
            deferred: Vec::new(),
            db: 0,
            closing: Closing::No,
            reply: ReplyMode::On,
            authenticated: false,
            is_dirty: false,
            is_monitor: false,
            no_evict: false,
            no_touch: false,
            is_held: false,
            is_waiting: false,
            wait: None,
            partial: None,
            transaction: None,
            subscriptions: None,
            name: None,
            lib_name: None,
            lib_ver: None,
            accepted_ns: now_ns,
            active_ns: now_ns,
            soft_limit_ns: None,
            last_command: None,
            query_bytes: 0,
            counted_bytes: 0,
            gates: None,
            write_lsn: 0,
            replays: false,
            bytes_in: 0,
            bytes_out: 0,
            commands: 0,
        }
    }

    /// Whether it subscribes to anything; in RESP2 it may then do little else.
    pub(crate) fn is_subscriber(&self) -> bool {
        self.subscriptions.as_ref().is_some_and(|all| !all.is_empty())
    }

    /// Whether it is between MULTI and EXEC.
    pub(crate) fn in_transaction(&self) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| transaction.is_open)
    }

    /// Whether the connection is ending; nothing more is written to it then.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing != Closing::No
    }

    /// Whether it waits for the server: for the end of a pause or of a request to the shell.
    pub(crate) fn is_blocked(&self, is_paused: bool) -> bool {
        self.is_waiting || is_paused && self.is_held
    }

    /// Bytes that the client costs: its own, its buffers, its transaction, its subscriptions.
    pub(crate) fn memory_bytes(&self) -> usize {
        let names = [&self.name, &self.lib_name, &self.lib_ver];
        size_of::<Self>()
            + self.output.memory_bytes()
            + self.query_bytes
            + names.iter().map(|name| name.as_ref().map_or(0, |name| name.len())).sum::<usize>()
            + self.transaction.as_ref().map_or(0, |transaction| transaction.memory_bytes())
            + self.subscriptions.as_ref().map_or(0, |all| all.memory_bytes())
            + self.wait.as_ref().map_or(0, |wait| wait.memory_bytes())
    }

    /// Ends the connection when its output is sent.
    pub(crate) fn close_after_reply(&mut self) {
        if self.closing == Closing::No {
            self.closing = Closing::AfterReply;
        }
    }
}

/// All connections, by the slot of their [`ConnId`].
#[derive(Debug, Default)]
pub(crate) struct Clients {
    slots: Vec<Option<Box<Client>>>,
    len: usize,
    last_id: u64,
}

impl Clients {
    /// Connections, the one whose command runs included.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The next number for CLIENT ID.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The last number for CLIENT ID that was given.
    pub(crate) fn last_id(&self) -> u64 {
        self.last_id
    }

    pub(crate) fn insert(&mut self, client: Box<Client>) {
        let slot = client.conn.slot as usize;
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        assert!(self.slots[slot].is_none(), "a slot is reused after its connection is closed");
        self.slots[slot] = Some(client);
        self.len += 1;
    }

    pub(crate) fn get(&self, conn: ConnId) -> Option<&Client> {
        let client = self.slots.get(conn.slot as usize)?.as_deref()?;
        (client.conn == conn).then_some(client)
    }

    pub(crate) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Client> {
        let client = self.slots.get_mut(conn.slot as usize)?.as_deref_mut()?;
        (client.conn == conn).then_some(client)
    }

    /// Takes a client out while its commands run; [`Clients::put_back`] must follow.
    #[inline]
    pub(crate) fn take(&mut self, conn: ConnId) -> Option<Box<Client>> {
        let slot = self.slots.get_mut(conn.slot as usize)?;
        if slot.as_ref()?.conn != conn {
            return None;
        }
        slot.take()
    }

    #[inline]
    pub(crate) fn put_back(&mut self, client: Box<Client>) {
        let slot = client.conn.slot as usize;
        self.slots[slot] = Some(client);
    }

    pub(crate) fn remove(&mut self, conn: ConnId) -> Option<Box<Client>> {
        let client = self.take(conn)?;
        self.len -= 1;
        Some(client)
    }

    /// Every connection but the one whose command runs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Client> {
        self.slots.iter().filter_map(|slot| slot.as_deref())
    }

    /// The same, to change.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client> {
        self.slots.iter_mut().filter_map(|slot| slot.as_deref_mut())
    }
}

/// A name as text, for logs and lists; bytes that are none become replacement characters.
pub(crate) fn text(name: Option<&[u8]>) -> String {
    name.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
