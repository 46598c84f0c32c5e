//! The core with one connection and a clock that stands still.

use seedis_core::config::ProtectedAction;
use seedis_core::{Config, ConnId, Core, Flow, IoResult, Now, Peer};

use super::value::Value;

/// A core that answers.
#[derive(Debug)]
pub(super) struct Local {
    core: Core,
    now: Now,
    received: Vec<u8>,
}

const CONN: ConnId = ConnId { slot: 0, generation: 0 };

/// Turns without an answer after which there is none.
const TURNS_MAX: u32 = 100;

impl Local {
    pub(super) fn new(wall_us: i64) -> Self {
        let mut config = Config { save: Vec::new(), ..Config::default() };
        config.enable_debug_command = ProtectedAction::Yes;
        let now = Now { mono_ns: 1_000_000_000, wall_us };
        let mut core = Core::new(config, [7; 32]);
        let peer = Peer {
            addr: "127.0.0.1:4000".into(),
            laddr: "127.0.0.1:6379".into(),
            is_local: true,
            is_unix: false,
            fd: 8,
        };
        core.turn(now).accept(CONN, peer);
        Self { core, now, received: Vec::new() }
    }

    /// The reply to a command; nothing when none comes.
    pub(super) fn call(&mut self, command: &[u8]) -> Option<Value> {
        let mut left = command.to_vec();
        let mut done = Vec::new();
        for _ in 0..TURNS_MAX {
            let mut turn = self.core.turn(self.now);
            for ticket in done.drain(..) {
                turn.done(ticket, IoResult::Done);
            }
            while !left.is_empty() {
                let fed = turn.feed(CONN, &left);
                left.drain(..fed.consumed);
                if fed.flow != Flow::More {
                    break;
                }
            }
            let mut effects = turn.seal();
            while let Some(conn) = effects.writable() {
                let bytes = effects.tx(conn).collect::<Vec<_>>().concat();
                effects.sent(conn, bytes.len());
                self.received.extend(bytes);
            }
            while let Some((ticket, _)) = effects.io() {
                done.push(ticket);
            }
            if let Some((value, taken)) = Value::parse(&self.received) {
                self.received.drain(..taken);
                return Some(value);
            }
        }
        None
    }
}
