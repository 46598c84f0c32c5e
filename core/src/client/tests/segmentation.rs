//! However bytes are cut into reads and however commands are batched, everybody is answered the
//! same, and the same is logged.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::World;
use crate::Config;
use crate::config::KeyspaceEvents;

/// Connections of the test.
const CONNECTIONS: u32 = 3;

/// Commands that change what connections are, see or are sent. `#` is a text of 3,000 bytes. Those
/// are missing that see or throw away what others have yet to be sent (CLIENT LIST of all, CLIENT
/// KILL): how much that is depends on reads, here as in Redis.
const COMMANDS: &[&str] = &[
    "PING",
    "PING hello",
    "ECHO x",
    "SET k 1",
    "SET k #",
    "SET l 2 PX 100",
    "GET k",
    "INCR k",
    "DEL k l",
    "APPEND k x",
    "MULTI",
    "EXEC",
    "EXEC now",
    "DISCARD",
    "WATCH k",
    "WATCH l",
    "UNWATCH",
    "SELECT 1",
    "SELECT 0",
    "SELECT 99",
    "SUBSCRIBE a b",
    "SUBSCRIBE __keyevent@0__:set",
    "UNSUBSCRIBE",
    "UNSUBSCRIBE a",
    "PSUBSCRIBE a* __key*",
    "PUNSUBSCRIBE",
    "SSUBSCRIBE s",
    "SUNSUBSCRIBE",
    "PUBLISH a m",
    "PUBLISH b #",
    "SPUBLISH s m",
    "PUBSUB CHANNELS",
    "PUBSUB NUMSUB a",
    "HELLO",
    "HELLO 2",
    "HELLO 3",
    "HELLO 3 AUTH default pass SETNAME n",
    "AUTH pass",
    "AUTH wrong",
    "RESET",
    "CLIENT REPLY ON",
    "CLIENT REPLY OFF",
    "CLIENT REPLY SKIP",
    "CLIENT LIST ID 0",
    "CLIENT INFO",
    "CLIENT SETNAME me",
    "CLIENT GETNAME",
    "CLIENT NO-TOUCH ON",
    "CONFIG SET timeout 7",
    "MONITOR",
    "NOSUCHCOMMAND # x",
    "GET",
    "QUIT",
    "",
];

/// One command on one connection.
#[derive(Clone, Debug)]
struct Step {
    slot: u32,
    bytes: Vec<u8>,
}

fn step() -> impl Strategy<Value = Step> {
    let command = proptest::sample::select(COMMANDS);
    (0..CONNECTIONS, command, 0..5_u8).prop_map(|(slot, line, form)| {
        let line = line.replace('#', &"x".repeat(3000));
        let words: Vec<&str> = line.split(' ').collect();
        let bytes = match form {
            0 => format!("{line}\r\n"),
            _ if line.is_empty() => String::from("*0\r\n"),
            _ => {
                let args: String =
                    words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
                format!("*{}\r\n{args}", words.len())
            }
        };
        Step { slot, bytes: bytes.into_bytes() }
    })
}

/// Bytes of a read: few, some, many.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![1..4_usize, 1..60_usize, 1..20_000_usize]
}

fn config(has_password: bool) -> Config {
    Config {
        requirepass: has_password.then(|| b"pass".to_vec()),
        notify_keyspace_events: KeyspaceEvents::parse(b"KEA").unwrap(),
        ..Config::default()
    }
}

/// What each connection was sent, whether it was closed, and what was logged.
type Outcome = (Vec<(String, bool)>, String);

fn outcome(mut world: World) -> Outcome {
    let received = (0..CONNECTIONS).map(|slot| (world.take(slot), world.is_closed(slot)));
    let received = received.collect();
    (received, String::from_utf8_lossy(&world.core.take_log()).into_owned())
}

/// Each command in a piece of its own.
fn one_by_one(steps: &[Step], has_password: bool) -> Outcome {
    let mut world = World::with(config(has_password), CONNECTIONS);
    steps.iter().for_each(|step| world.send_bytes(step.slot, &step.bytes));
    outcome(world)
}

/// Neighbouring commands of a connection together, cut into pieces of `sizes`.
fn in_pieces(steps: &[Step], sizes: &[usize], has_password: bool) -> Outcome {
    let mut world = World::with(config(has_password), CONNECTIONS);
    let mut sizes = sizes.iter().cycle();
    for group in steps.chunk_by(|a, b| a.slot == b.slot) {
        let bytes: Vec<u8> = group.iter().flat_map(|step| step.bytes.iter().copied()).collect();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let size = sizes.next().copied().unwrap_or(1).min(rest.len());
            world.send_bytes(group[0].slot, &rest[..size]);
            rest = &rest[size..];
        }
    }
    outcome(world)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn replies_and_log_do_not_depend_on_reads(
        steps in proptest::collection::vec(step(), 1..60),
        sizes in proptest::collection::vec(size(), 1..20),
        has_password: bool,
    ) {
        let expected = one_by_one(&steps, has_password);
        prop_assert_eq!(&in_pieces(&steps, &sizes, has_password), &expected);
        prop_assert_eq!(&in_pieces(&steps, &[usize::MAX], has_password), &expected);
    }
}
