//! Connections: a socket, the bytes read that the core has not consumed, and the slab of them.
//!
//! An idle connection owns no buffer: bytes are read into one buffer that all share, and only
//! what is left of a request that has not fully arrived is copied to a buffer of the connection's
//! own. A long request is then read straight into that, grown to the size the core asked for.

use std::io::{self, IoSlice, Read, Write};

use mio::net::{TcpStream, UnixStream};
use seedis_core::ConnId;

/// A socket of either family.
#[derive(Debug)]
pub(crate) enum Socket {
    /// IPv4 or IPv6.
    Tcp(TcpStream),
    /// A Unix socket.
    #[expect(dead_code, reason = "listeners of Unix sockets are landing")]
    Unix(UnixStream),
}

impl Socket {
    pub(crate) fn source(&mut self) -> &mut dyn mio::event::Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }

    pub(crate) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buf),
            Self::Unix(stream) => stream.read(buf),
        }
    }

    pub(crate) fn write(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, pieces) {
            (Self::Tcp(stream), [one]) => stream.write(one),
            (Self::Tcp(stream), many) => stream.write_vectored(many),
            (Self::Unix(stream), many) => stream.write_vectored(many),
        }
    }
}

/// Bytes of a connection that the core has not consumed.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    bytes: Vec<u8>,
    filled: usize,
    /// Bytes below which feeding is in vain.
    pub(crate) need: usize,
}

impl Kept {
    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Keeps `bytes`, of which there were none before.
    pub(crate) fn keep(&mut self, bytes: &[u8], need: usize) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.filled = bytes.len();
        self.need = need;
    }

    /// Room to read into: what is needed for the request at hand, and some more.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let missing = self.need.saturating_sub(self.filled);
        // A client may announce more than it ever sends: grow step by step with what arrives.
        let grow = missing.clamp(READ_BYTES, self.filled.max(READ_BYTES_MAX));
        let end = self.filled + grow;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.filled..end]
    }

    /// `count` bytes were read into the room.
    pub(crate) fn fill(&mut self, count: usize) {
        self.filled += count;
    }

    /// The core consumed the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize, need: usize) {
        self.need = need;
        if count == self.filled {
            *self = Self::default();
        } else if count > 0 {
            self.bytes.copy_within(count..self.filled, 0);
            self.filled -= count;
        }
    }
}

const READ_BYTES: usize = 16 * 1024;
const READ_BYTES_MAX: usize = 1024 * 1024;

/// One connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    pub(crate) socket: Socket,
    pub(crate) kept: Kept,
    /// The core wants no more of it for now.
    pub(crate) is_paused: bool,
    /// The socket may hold bytes that were not read.
    pub(crate) is_readable: bool,
    /// It is in the list of those to be served.
    pub(crate) is_listed: bool,
    /// The other side has ended its sending or the connection is broken.
    pub(crate) is_ended: bool,
}

/// Connections by slot.
#[derive(Debug, Default)]
pub(crate) struct Slab {
    slots: Vec<(u32, Option<Conn>)>,
    vacant: Vec<u32>,
}

impl Slab {
    /// A slot for `socket`.
    pub(crate) fn insert(&mut self, socket: Socket) -> &mut Conn {
        let slot = self.vacant.pop().unwrap_or(self.slots.len() as u32);
        if slot as usize == self.slots.len() {
            self.slots.push((0, None));
        }
        let (generation, conn) = &mut self.slots[slot as usize];
        let id = ConnId { slot, generation: *generation };
        conn.insert(Conn {
            id,
            socket,
            kept: Kept::default(),
            is_paused: false,
            is_readable: false,
            is_listed: false,
            is_ended: false,
        })
    }

    /// The connection in a slot.
    pub(crate) fn at(&mut self, slot: u32) -> Option<&mut Conn> {
        self.slots.get_mut(slot as usize)?.1.as_mut()
    }

    /// The connection `id`.
    pub(crate) fn get(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.at(id.slot).filter(|conn| conn.id == id)
    }

    /// Frees the slot of `id`.
    pub(crate) fn remove(&mut self, id: ConnId) -> Option<Conn> {
        let (generation, slot) = self.slots.get_mut(id.slot as usize)?;
        let conn = slot.take_if(|conn| conn.id == id)?;
        *generation = generation.wrapping_add(1);
        self.vacant.push(id.slot);
        Some(conn)
    }
}
