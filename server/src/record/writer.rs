//! The other side of a recording: a thread that masks, checksums and writes.
//!
//! It takes everything that waits, every few milliseconds, and writes it as one frame. A state is
//! written a piece at a time, and between two pieces what has arrived meanwhile: the clients go on
//! while a large keyspace is written, and none of it may pile up.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use seedis_core::ConnId;
use seedis_core::recording::frame::Kind;
use seedis_core::recording::secrets::Masker;
use seedis_core::recording::state::{Connection, Item, State};
use seedis_core::recording::wire::Cursor;
use seedis_core::recording::{Entry, Start};

use super::Options;
use super::segments::Segments;
use crate::system;

/// How long notes are gathered before they are written.
const GATHER: Duration = Duration::from_millis(5);

/// A buffer that grew beyond this is not kept for reuse.
const SPARE_BYTES_MAX: usize = 4 << 20;

/// The connection that the requests of a keyspace are masked as; the shell never has so many.
const KEYS: ConnId = ConnId { slot: u32::MAX, generation: 0 };

/// What waits to be written.
#[derive(Debug)]
pub(super) enum Part {
    /// Entries of whole turns.
    Entries(Vec<u8>),
    /// What follows is missing.
    Gap,
    /// The recording goes on from here.
    State(Box<StateOf>),
}

/// A state with what the connections had sent beyond what was consumed.
#[derive(Debug)]
pub(super) struct StateOf {
    pub(super) state: State,
    /// In the order of its clients.
    pub(super) kept: Vec<Vec<u8>>,
}

/// What both sides see.
#[derive(Debug, Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    more: Condvar,
}

/// What waits, and what the sides tell each other.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) parts: VecDeque<Part>,
    /// Bytes of entries in them.
    pub(super) bytes: usize,
    /// A buffer to use next.
    spare: Vec<u8>,
    /// The writer waits to be woken.
    pub(super) is_idle: bool,
    /// A segment is full: the next one begins with a state.
    pub(super) wants_state: bool,
    pub(super) is_ending: bool,
    pub(super) failure: Option<String>,
}

impl Shared {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake(&self) {
        self.more.notify_one();
    }

    /// Waits for something to write; nothing at the end.
    fn take(&self) -> VecDeque<Part> {
        let mut queue = self.queue();
        while queue.parts.is_empty() && !queue.is_ending {
            queue.is_idle = true;
            queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if !queue.is_ending {
            drop(queue);
            thread::sleep(GATHER);
            queue = self.queue();
        }
        queue.take()
    }
}

impl Queue {
    /// Moves entries to the end.
    pub(super) fn append(&mut self, entries: &mut Vec<u8>) {
        self.bytes += entries.len();
        match self.parts.back_mut() {
            Some(Part::Entries(waiting)) => waiting.append(entries),
            _ if entries.is_empty() => {}
            _ => {
                let spare = std::mem::take(&mut self.spare);
                self.parts.push_back(Part::Entries(std::mem::replace(entries, spare)));
            }
        }
    }

    fn take(&mut self) -> VecDeque<Part> {
        self.bytes = 0;
        std::mem::take(&mut self.parts)
    }
}

/// The thread's own.
#[derive(Debug)]
pub(super) struct Writer {
    segments: Segments,
    start: Start,
    masker: Masker,
    /// A state that is being written.
    state: Option<Box<StateOf>>,
    /// The loop was asked for a state and has not given it.
    has_asked: bool,
}

impl Writer {
    /// Makes the file and begins it with `start`; secrets are masked with `key`.
    pub(super) fn open(options: &Options, start: Start, key: u128) -> io::Result<Self> {
        let masker = Masker::new(key, start.is_redacted);
        let segments = Segments::open(&options.file, options.max_bytes)?;
        let mut writer = Self { segments, start, masker, state: None, has_asked: false };
        if !writer.start.is_redacted {
            writer.begin(true)?;
        }
        Ok(writer)
    }

    pub(super) fn spawn(mut self, shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
        thread::Builder::new().name("record".into()).spawn(move || {
            if let Err(error) = self.run(&shared) {
                let mut queue = shared.queue();
                queue.take();
                queue.failure = Some(system::words(&error));
            }
        })
    }

    fn run(&mut self, shared: &Shared) -> io::Result<()> {
        loop {
            let parts = if self.state.is_some() { shared.queue().take() } else { shared.take() };
            let is_end = parts.is_empty() && self.state.is_none();
            for part in parts {
                self.write(part, shared)?;
            }
            self.go_on_with_state()?;
            if self.segments.is_full() && self.state.is_none() && !self.has_asked {
                self.has_asked = true;
                shared.queue().wants_state = true;
            }
            if is_end {
                self.segments.put(Kind::End, b"")?;
                return Ok(());
            }
        }
    }

    fn write(&mut self, part: Part, shared: &Shared) -> io::Result<()> {
        match part {
            Part::Entries(mut entries) => {
                let has_secrets = self.mask(&mut entries)?;
                let kind = if has_secrets { Kind::Masked } else { Kind::Entries };
                self.segments.put(kind, &entries)?;
                entries.clear();
                if entries.capacity() <= SPARE_BYTES_MAX {
                    shared.queue().spare = entries;
                }
                Ok(())
            }
            Part::Gap => self.segments.put(Kind::Gap, b"the disk was too slow"),
            Part::State(state) => {
                // The one before cannot be finished behind this one: it is of no use any more.
                self.has_asked = false;
                self.segments.next()?;
                self.start.config = state.state.config.clone();
                self.begin(false)?;
                self.begin_state(state)
            }
        }
    }

    /// Masks secrets in entries; whether there were any.
    fn mask(&mut self, entries: &mut [u8]) -> io::Result<bool> {
        let (mut at, mut has_secrets) = (0, false);
        while at < entries.len() {
            let mut from = Cursor::new(&entries[at..]);
            let entry = Entry::read(&mut from).map_err(io::Error::other)?;
            let end = at + from.at();
            if let Entry::Received(conn, bytes) = entry {
                let begin = end - bytes.len();
                has_secrets |= self.masker.received(conn, &mut entries[begin..end]);
            }
            at = end;
        }
        Ok(has_secrets)
    }

    /// Writes how a recording begins, or goes on.
    fn begin(&mut self, is_whole: bool) -> io::Result<()> {
        let (config, has_masked_secrets) = self.masker.config(&self.start.config);
        let start = Start { config, has_masked_secrets, is_whole, ..self.start.clone() };
        let mut payload = Vec::new();
        start.put(&mut payload);
        self.segments.put(Kind::Start, &payload)
    }

    fn begin_state(&mut self, of: Box<StateOf>) -> io::Result<()> {
        let mut payload = Vec::new();
        Item::Begin(of.state.now, of.state.last_id).put(&mut payload);
        for (client, kept) in of.state.clients.iter().zip(&of.kept) {
            let (mut requests, mut kept) = (client.requests.clone(), kept.clone());
            self.masker.requests(&mut requests);
            self.masker.requests(&mut kept);
            let (conn, id, peer) = (client.conn, client.id, client.peer.clone());
            let (requests, kept) = (&requests[..], &kept[..]);
            Item::Client(Connection { conn, id, peer, requests, kept }).put(&mut payload);
        }
        self.masker.forget(KEYS);
        self.state = Some(of);
        self.segments.put(Kind::State, &payload)
    }

    /// Writes the next piece of the keyspace.
    fn go_on_with_state(&mut self) -> io::Result<()> {
        let Some(of) = &mut self.state else { return Ok(()) };
        let mut payload = Vec::new();
        match of.state.keys.next_piece() {
            Some(mut piece) => {
                self.masker.received(KEYS, &mut piece);
                Item::Keys(&piece).put(&mut payload);
            }
            None => {
                Item::End.put(&mut payload);
                self.state = None;
            }
        }
        self.segments.put(Kind::State, &payload)?;
        if self.state.is_none() {
            self.segments.state_written();
        }
        Ok(())
    }
}
