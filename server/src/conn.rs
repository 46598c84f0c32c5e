//! Connections: a socket with what the loop knows of it, and the slab of them.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, RawFd};

use mio::net::{TcpStream, UnixStream};
use seedis_core::ConnId;

use crate::kept::Kept;

/// A socket of either family.
#[derive(Debug)]
pub(crate) enum Socket {
    /// IPv4 or IPv6.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

impl Socket {
    pub(crate) fn source(&mut self) -> &mut dyn mio::event::Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
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
            (Self::Unix(stream), [one]) => stream.write(one),
            (Self::Unix(stream), many) => stream.write_vectored(many),
        }
    }
}

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
    /// The socket took less than it was given; it will say when it takes more.
    pub(crate) is_full: bool,
    /// It is in the list of those to be served.
    pub(crate) is_listed: bool,
    /// The other side sends no more: behind the bytes in the socket is its end or an error.
    pub(crate) is_ending: bool,
    /// Sending failed: there is nobody to serve.
    pub(crate) is_broken: bool,
}

impl Conn {
    fn new(id: ConnId, socket: Socket) -> Self {
        Self {
            id,
            socket,
            kept: Kept::default(),
            is_paused: false,
            is_readable: false,
            is_full: false,
            is_listed: false,
            is_ending: false,
            is_broken: false,
        }
    }
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
        conn.insert(Conn::new(id, socket))
    }

    /// The connection in a slot.
    pub(crate) fn at(&mut self, slot: u32) -> Option<&mut Conn> {
        self.slots.get_mut(slot as usize)?.1.as_mut()
    }

    /// The connection `id`.
    pub(crate) fn get(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.at(id.slot).filter(|conn| conn.id == id)
    }

    /// What was read from a connection and is not consumed.
    pub(crate) fn kept(&self, id: ConnId) -> &[u8] {
        let conn = self.slots.get(id.slot as usize).and_then(|(_, conn)| conn.as_ref());
        conn.filter(|conn| conn.id == id).map_or(&[], |conn| conn.kept.bytes())
    }

    /// Frees the slot of `id`, which closes the socket.
    pub(crate) fn remove(&mut self, id: ConnId) {
        let Some((generation, slot)) = self.slots.get_mut(id.slot as usize) else { return };
        if slot.take_if(|conn| conn.id == id).is_some() {
            *generation = generation.wrapping_add(1);
            self.vacant.push(id.slot);
        }
    }
}
