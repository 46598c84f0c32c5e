//! Replay: the effects log, fed into an empty core without a clock, gives the same keyspace.
//!
//! The second core stands at the beginning of 1970, so that no deadline ever passes there: what
//! expired must be in the log. Values are compared as text and deadlines exactly.

use std::collections::BTreeMap;

use seedis_core::keyspace::{Db, ValueRef};
use seedis_core::value::Value;
use seedis_core::{Config, ConnId, Core, Now, Peer};

/// A keyspace as a map: (database, key) to value and deadline.
pub type Dump = BTreeMap<(usize, Vec<u8>), (Vec<u8>, Option<u64>)>;

/// Everything that a core holds.
#[must_use]
pub fn dump(core: &Core) -> Dump {
    let mut all = Dump::new();
    for (number, db) in core.databases().numbered() {
        add(&mut all, number, db);
    }
    all
}

fn add(all: &mut Dump, number: usize, db: &Db) {
    for entry in db.iter() {
        let value = match entry.value() {
            ValueRef::String(bytes) => bytes.to_vec(),
            ValueRef::Int(number) => number.to_string().into_bytes(),
            ValueRef::Object(Value::String(bytes)) => bytes.to_vec(),
            _ => entry.value_digest().to_vec(),
        };
        all.insert((number, entry.key().to_vec()), (value, entry.expire_at_ms()));
    }
}

/// Feeds a log into an empty core.
///
/// # Panics
///
/// When the log is not consumed to its end: it does not end with a whole command.
#[must_use]
pub fn replay(log: &[u8]) -> Core {
    let mut core = Core::new(Config::default(), [0; 32]);
    let conn = ConnId { slot: 0, generation: 0 };
    let mut turn = core.turn(Now { mono_ns: 1, wall_us: 0 });
    let peer = Peer { addr: "".into(), laddr: "".into(), is_local: true, is_unix: false, fd: 0 };
    turn.accept(conn, peer);
    let mut at = 0;
    while at < log.len() {
        let fed = turn.feed(conn, &log[at..]);
        assert!(fed.consumed > 0, "the log ends inside a command at {at}");
        at += fed.consumed;
    }
    turn.seal();
    core
}
