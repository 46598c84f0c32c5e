//! Any bytes from a client, in any pieces: whatever it says, the keyspace stays sound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seedis_core::turn::Now;
use seedis_core::{Config, ConnId, Core, Flow, Peer};

fuzz_target!(|data: &[u8]| {
    let Some((&piece, bytes)) = data.split_first() else { return };
    let mut core = Core::new(Config::default(), [7; 32]);
    let conn = ConnId { slot: 0, generation: 0 };
    let peer = Peer { addr: "".into(), laddr: "".into(), is_local: true, is_unix: false, fd: 0 };
    let mut waiting = Vec::new();
    for (number, piece) in bytes.chunks(usize::from(piece) + 1).enumerate() {
        let at = number as u64 + 1;
        let mut turn = core.turn(Now { mono_ns: at * 1_000_000, wall_us: at as i64 * 1000 });
        if number == 0 {
            turn.accept(conn, peer.clone());
        }
        waiting.extend_from_slice(piece);
        let fed = turn.feed(conn, &waiting);
        waiting.drain(..fed.consumed);
        let mut effects = turn.seal();
        if effects.close().is_some() || effects.exit().is_some() || fed.flow == Flow::Closed {
            break;
        }
        let sent: usize = effects.tx(conn).map(<[u8]>::len).sum();
        effects.sent(conn, sent);
    }
    core.check();
});
