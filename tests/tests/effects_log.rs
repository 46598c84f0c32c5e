//! The effects log of random commands on keys gives a second core the same keyspace.
//!
//! The first core has a clock that runs, stands and jumps; the second one stands before 1970, has
//! other hash keys, and gets what the first one logged, command by command. Whatever depends on
//! time or luck must therefore be in the log as what came of it. After every step both hold the
//! same keys with the same values, forms and deadlines. A step that changed something was logged
//! whole; one that was refused was not.

use proptest::prelude::*;
use seedis_core::config::ProtectedAction;
use seedis_core::keyspace::{Entry, OwnedValue, ValueRef};
use seedis_core::rdb::payload;
use seedis_core::{Config, ConnId, Core, IoResult, Now, Peer};
use seedis_tests::words;
use std::collections::BTreeMap;

/// 2030-01-01 00:00:00 UTC.
const START_MS: i64 = 1_893_456_000_000;
const CLIENTS: u32 = 2;

const EXPIRE: [&str; 5] = ["EXPIRE", "PEXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"];
const CONDITION: [&str; 9] = ["", "", "", "NX", "XX", "GT", "LT", "XX GT", "NX XX"];
const OF_ONE: [&str; 7] = ["PERSIST", "TTL", "TYPE", "GET", "INCR", "OBJECT ENCODING", "WATCH"];
const OF_TWO: [&str; 7] = ["RENAME", "RENAMENX", "COPY", "DEL", "UNLINK", "EXISTS", "TOUCH"];
const COPY: [&str; 5] = ["", "REPLACE", "DB 1", "DB 1 REPLACE", "DB 99"];
const RESTORE: [&str; 6] =
    ["", "REPLACE", "REPLACE ABSTTL", "REPLACE IDLETIME 9", "REPLACE FREQ 9", "ABSTTL NONE"];
const OF_ALL: [&str; 24] = [
    "RANDOMKEY",
    "KEYS *",
    "KEYS key:[0-3]",
    "DBSIZE",
    "SCAN 0 MATCH key:*",
    "SCAN 0 TYPE string",
    "SELECT 0",
    "SELECT 1",
    "SELECT 2",
    "SWAPDB 0 1",
    "SWAPDB 2 0",
    "SWAPDB 1 1",
    "FLUSHDB",
    "FLUSHDB ASYNC",
    "FLUSHALL",
    "FLUSHALL ASYNC",
    "MULTI",
    "MULTI",
    "EXEC",
    "EXEC",
    "EXEC",
    "DISCARD",
    "DEBUG SET-ACTIVE-EXPIRE 0",
    "DEBUG SET-ACTIVE-EXPIRE 1",
];

#[derive(Clone, Debug)]
enum Step {
    /// A client sends a command, its words in one line.
    Call(u32, String),
    /// So many milliseconds pass; the wall clock may go back.
    Pass(i64),
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(words)
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..6).prop_map(|number| format!("key:{number}")),
        1 => Just("long".repeat(80)),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (-2_i64..20_000).prop_map(|number| number.to_string()),
        3 => "[a-z]{1,60}",
        1 => Just("large".repeat(1000)),
    ]
}

/// A number of milliseconds or seconds: mostly some that pass during the test, a few odd ones.
fn time() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (-2_i64..60).prop_map(|number| number.to_string()),
        2 => (START_MS - 50..START_MS + 500).prop_map(|number| number.to_string()),
        1 => (START_MS / 1000 - 2..START_MS / 1000 + 3).prop_map(|number| number.to_string()),
        1 => prop_oneof![Just("9223372036854775807"), Just("-1"), Just("x"), Just("99999999999999")]
            .prop_map(String::from),
    ]
}

fn on_one_key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (key(), value()).prop_map(|(key, value)| format!("SET {key} {value}")),
        3 => (key(), value(), time())
            .prop_map(|(key, value, time)| format!("SET {key} {value} PX {time}")),
        2 => (key(), value()).prop_map(|(key, value)| format!("APPEND {key} {value}")),
        2 => (key(), time(), value(), one_of(&RESTORE)).prop_map(|(key, time, value, options)| {
            format!("RESTORE {key} {time} \"{}\" {options}", payload(&value))
        }),
        6 => (one_of(&EXPIRE), key(), time(), one_of(&CONDITION))
            .prop_map(|(name, key, time, option)| format!("{name} {key} {time} {option}")),
        4 => (one_of(&OF_ONE), key()).prop_map(|(name, key)| format!("{name} {key}")),
    ]
}

/// What DUMP would answer for a string, as text in quotes.
fn payload(value: &str) -> String {
    let payload = payload::dump(ValueRef::String(value.as_bytes()), true);
    payload.escape_ascii().to_string().replace("\\'", "'")
}

fn on_several_keys() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (one_of(&OF_TWO), key(), key()).prop_map(|(name, a, b)| format!("{name} {a} {b}")),
        3 => (key(), key(), one_of(&COPY))
            .prop_map(|(from, to, options)| format!("COPY {from} {to} {options}")),
        2 => (key(), 0..3).prop_map(|(key, db)| format!("MOVE {key} {db}")),
    ]
}

fn on_all_keys() -> impl Strategy<Value = String> {
    one_of(&OF_ALL).prop_map(String::from)
}

fn step() -> impl Strategy<Value = Step> {
    let line = prop_oneof![6 => on_one_key(), 3 => on_several_keys(), 2 => on_all_keys()];
    prop_oneof![
        6 => (0..CLIENTS, line).prop_map(|(client, line)| Step::Call(client, line)),
        1 => prop_oneof![8 => 0_i64..40, 1 => -2000_i64..2000].prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_replay_gives_the_same_keyspace(steps in proptest::collection::vec(step(), 1..400)) {
        let mut first = World::new(1, START_MS);
        let mut second = World::new(2, -1000);
        first.core.keep_log();
        for step in &steps {
            let before = dump(&first.core);
            first.step(step);
            let log = first.core.take_log();
            second.feed(0, &log);
            let after = dump(&first.core);
            prop_assert_eq!(&after, &dump(&second.core), "after {:?}", step);
            prop_assert!(before == after || !log.is_empty(), "{:?} was not logged", step);
        }
        first.core.check();
        second.core.check();
    }
}

/// A core with its clients and clock.
struct World {
    core: Core,
    now: Now,
    /// Bytes that a client has sent and that were not executed.
    sent: Vec<Vec<u8>>,
}

impl World {
    fn new(seed: u8, wall_ms: i64) -> Self {
        let config = Config { enable_debug_command: ProtectedAction::Yes, ..Config::default() };
        let now = Now { mono_ns: 1, wall_us: wall_ms * 1000 };
        let mut core = Core::new(config, [seed; 32]);
        let mut turn = core.turn(now);
        for client in 0..CLIENTS {
            let peer =
                Peer { addr: "".into(), laddr: "".into(), is_local: true, is_unix: false, fd: 0 };
            turn.accept(conn(client), peer);
        }
        turn.seal();
        Self { core, now, sent: vec![Vec::new(); CLIENTS as usize] }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Call(client, line) => {
                let words = words::split(line).expect("it is written like a command");
                self.feed(*client, &words::encode(&words));
            }
            Step::Pass(ms) => {
                self.now.wall_us += ms * 1000;
                self.now.mono_ns += ms.unsigned_abs() * 1_000_000;
                self.feed(0, b"");
            }
        }
    }

    /// A turn in which a client sends bytes.
    fn feed(&mut self, client: u32, bytes: &[u8]) {
        let sent = &mut self.sent[client as usize];
        sent.extend_from_slice(bytes);
        let mut done = Vec::new();
        while !sent.is_empty() {
            let mut turn = self.core.turn(self.now);
            done.drain(..).for_each(|ticket| turn.done(ticket, IoResult::Done));
            let fed = turn.feed(conn(client), sent);
            sent.drain(..fed.consumed);
            let mut effects = turn.seal();
            while let Some(conn) = effects.writable() {
                let count = effects.tx(conn).map(<[u8]>::len).sum();
                effects.sent(conn, count);
            }
            while let Some((ticket, _)) = effects.io() {
                done.push(ticket);
            }
            assert!(fed.consumed > 0, "a whole command is executed");
        }
        let mut turn = self.core.turn(self.now);
        done.drain(..).for_each(|ticket| turn.done(ticket, IoResult::Done));
        turn.seal();
    }
}

fn conn(slot: u32) -> ConnId {
    ConnId { slot, generation: 0 }
}

/// Keys with their database: value, whether it was changed in place, deadline.
type Dump = BTreeMap<(usize, Vec<u8>), (String, Option<u64>)>;

fn dump(core: &Core) -> Dump {
    let of_db = |(number, db): (usize, &seedis_core::keyspace::Db)| {
        let described = |entry: Entry<'_>| {
            ((number, entry.key().to_vec()), (text(entry.to_owned_value()), entry.expire_at_ms()))
        };
        db.iter().map(described).collect::<Vec<_>>()
    };
    core.databases().numbered().flat_map(of_db).collect()
}

fn text(value: OwnedValue) -> String {
    format!("{value:?}")
}
