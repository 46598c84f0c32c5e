//! Clients as a shell sees them: several connections, sockets that take bytes or do not.

mod delivery;
mod large;
mod limits;
mod pauses;
mod segmentation;
mod waits;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{Config, ConnId, Core, Flow, Now, Peer};

/// A core, its connections by slot, and a clock that stands still.
pub(super) struct World {
    pub(super) core: Core,
    pub(super) now: Now,
    links: BTreeMap<u32, Link>,
    /// Those to feed in the next turn, in this order.
    ready: Vec<u32>,
}

/// One connection.
struct Link {
    id: ConnId,
    kept: Vec<u8>,
    need: usize,
    got: Vec<u8>,
    is_paused: bool,
    is_closed: bool,
    /// The other side does not read: the socket takes nothing.
    is_stuck: bool,
}

/// More turns than any input needs.
const TURNS_MAX: usize = 10_000;

impl World {
    pub(super) fn new(config: Config) -> Self {
        let now = Now { mono_ns: 1_000_000_000, wall_us: 1_700_000_000_000_000 };
        let mut world = Self {
            core: Core::new(config, [7; 32]),
            now,
            links: BTreeMap::new(),
            ready: Vec::new(),
        };
        world.core.keep_log();
        world.core.turn(now).seal();
        world
    }

    /// A world with this many connections.
    pub(super) fn with(config: Config, connections: u32) -> Self {
        let mut world = Self::new(config);
        (0..connections).for_each(|_| {
            world.open();
        });
        world
    }

    /// Opens a connection from this machine in the next slot.
    pub(super) fn open(&mut self) -> u32 {
        let slot = self.links.len() as u32;
        let id = ConnId { slot, generation: 1 };
        let addr = format!("127.0.0.1:{}", 50_000 + slot);
        let laddr = "127.0.0.1:6379".into();
        let peer = Peer { addr: addr.into(), laddr, is_local: true, is_unix: false, fd: 9 };
        let (kept, got) = (Vec::new(), Vec::new());
        let link =
            Link { id, kept, need: 0, got, is_paused: false, is_closed: false, is_stuck: false };
        self.links.insert(slot, link);
        self.core.turn(self.now).accept(id, peer);
        self.pass();
        slot
    }

    /// Sends lines as inline requests in one piece.
    pub(super) fn send(&mut self, slot: u32, lines: &str) {
        let bytes: Vec<u8> =
            lines.lines().flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
        self.send_bytes(slot, &bytes);
    }

    /// Sends bytes in one piece, and lets everything happen that follows.
    pub(super) fn send_bytes(&mut self, slot: u32, bytes: &[u8]) {
        let link = self.links.get_mut(&slot).expect("it was opened");
        link.kept.extend_from_slice(bytes);
        self.ready.push(slot);
        self.pass();
    }

    /// Sends lines and takes what came back.
    pub(super) fn ask(&mut self, slot: u32, lines: &str) -> String {
        self.send(slot, lines);
        self.take(slot)
    }

    /// What a connection was sent since the last call.
    pub(super) fn take(&mut self, slot: u32) -> String {
        String::from_utf8_lossy(&self.take_bytes(slot)).into_owned()
    }

    pub(super) fn take_bytes(&mut self, slot: u32) -> Vec<u8> {
        core::mem::take(&mut self.links.get_mut(&slot).expect("it was opened").got)
    }

    pub(super) fn is_closed(&self, slot: u32) -> bool {
        self.links[&slot].is_closed
    }

    /// From now on the socket takes nothing, or everything again.
    pub(super) fn stick(&mut self, slot: u32, is_stuck: bool) {
        self.links.get_mut(&slot).expect("it was opened").is_stuck = is_stuck;
        if !is_stuck {
            let id = self.links[&slot].id;
            self.core.turn(self.now).can_write(id);
            self.pass();
        }
    }

    /// Time passes in steps of what is due.
    pub(super) fn wait(&mut self, ms: u64) {
        let end = self.now.mono_ns + ms * 1_000_000;
        while let Some(due) = self.core.next_deadline().filter(|&due| due <= end) {
            self.advance_to(due.max(self.now.mono_ns));
            self.pass();
        }
        self.advance_to(end);
        self.pass();
    }

    fn advance_to(&mut self, mono_ns: u64) {
        self.now.wall_us += ((mono_ns - self.now.mono_ns) / 1000) as i64;
        self.now.mono_ns = mono_ns;
    }

    /// Turns until there is nothing left to do at this instant.
    fn pass(&mut self) {
        for _ in 0..TURNS_MAX {
            if !self.turn() {
                return;
            }
        }
        panic!("the core always wants another turn");
    }

    /// One turn; whether another is due.
    fn turn(&mut self) -> bool {
        let mut again = Vec::new();
        let mut turn = self.core.turn(self.now);
        for slot in core::mem::take(&mut self.ready) {
            let link = self.links.get_mut(&slot).expect("it was opened");
            if !link.wants_to_feed() {
                continue;
            }
            let fed = turn.feed(link.id, &link.kept);
            turn.took(link.id, &link.kept, 1000);
            link.kept.drain(..fed.consumed);
            link.need = if fed.flow == Flow::Open { fed.need } else { 0 };
            link.is_paused = fed.flow == Flow::Paused;
            again.extend((fed.flow == Flow::More).then_some(slot));
        }
        let mut effects = turn.seal();
        while let Some(conn) = effects.writable() {
            let link =
                self.links.get_mut(&conn.slot).expect("only open connections are written to");
            if link.is_stuck {
                continue;
            }
            let bytes: Vec<u8> = effects.tx(conn).flatten().copied().collect();
            effects.sent(conn, bytes.len());
            link.got.extend(bytes);
        }
        while let Some(conn) = effects.resumed() {
            self.links.get_mut(&conn.slot).expect("it was opened").is_paused = false;
            again.push(conn.slot);
        }
        while let Some(conn) = effects.close() {
            self.links.get_mut(&conn.slot).expect("it was opened").is_closed = true;
        }
        while effects.log_line().is_some() {}
        self.ready = again;
        !self.ready.is_empty()
    }
}

impl Link {
    fn wants_to_feed(&self) -> bool {
        !self.is_paused && !self.is_closed && self.kept.len() >= self.need.max(1)
    }
}

#[test]
fn an_idle_client_is_small() {
    // Beside it there are the slot in the table and two short addresses.
    assert!(size_of::<super::Client>() <= 500, "{}", size_of::<super::Client>());
    let mut world = World::with(Config::default(), 1);
    world.ask(0, "SET k v");
    let client = world.core.server.clients.iter().next().expect("there is one");
    assert_eq!(client.memory_bytes(), size_of::<super::Client>(), "an idle client has no buffers");
}
