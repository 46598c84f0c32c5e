//! The log of commands on strings and hashes tells what happened, not what was asked.
//!
//! Relative times, conditions, floating point sums and options of newer versions were settled when
//! a command ran; who replays the log should need neither a clock nor luck nor our arithmetic. So
//! random commands run while the clock jumps, and then an empty core that stands still at the
//! beginning of 1970 is fed the log: it must accept every command and hold the same values and
//! deadlines.

use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::command::registry::Row;
use seedis_core::command::spec::Group;
use seedis_core::{Config, ConnId, Core, Now, Peer};
use seedis_sim::replay::dump;
use seedis_tests::generate::Generator;
use seedis_tests::resp::{Kind, Reply, parse};
use seedis_tests::words;

/// Commands of one seed.
const LENGTH: u64 = 600;

/// Between commands; the deadlines of `EX 1` to `EX 100` pass now and then.
const STEPS_MS: [u64; 8] = [0, 0, 0, 1, 500, 2_000, 30_000, 200_000];

/// Commands whose effect depends on when they run, or that say more than what they did.
const NOT_LOGGED: [&str; 7] =
    ["SETEX", "PSETEX", "SETNX", "GETEX", "GETDEL", "GETSET", "INCRBYFLOAT"];

/// The same of hashes. HPEXPIREAT is logged with a time that had not passed.
const NOT_LOGGED_OF_HASHES: [&str; 7] =
    ["HEXPIRE", "HPEXPIRE", "HEXPIREAT", "HGETEX", "HSETEX", "HGETDEL", "HINCRBYFLOAT"];

#[test]
fn replaying_the_log_gives_the_same_keyspace() {
    for seed in 0..150 {
        let (core, log) = run(seed, is_about_strings);
        let copy = replayed(&log, seed);
        assert_eq!(dump(&copy), dump(&core), "seed {seed}");
    }
}

/// Fields have deadlines of their own, and go when these have passed.
#[test]
fn fields_go_with_the_log() {
    let (mut deadlines, mut expiries) = (0, 0);
    for seed in 0..150 {
        let (core, log) = run(seed, is_about_hashes);
        let copy = replayed(&log, seed);
        assert_eq!(dump(&copy), dump(&core), "seed {seed}");
        for words in commands(&log) {
            let name = text(&words[0]).to_uppercase();
            assert!(!NOT_LOGGED_OF_HASHES.contains(&name.as_str()), "seed {seed}: {words:?}");
            deadlines += usize::from(name == "HPEXPIREAT");
            expiries += usize::from(name == "HDEL");
        }
    }
    assert!(deadlines > 1000 && expiries > 1000, "{deadlines} and {expiries} are too few");
}

#[test]
fn the_log_holds_results_only() {
    let mut sets = 0;
    for seed in 0..50 {
        for words in commands(&run(seed, is_about_strings).1) {
            let name = text(&words[0]).to_uppercase();
            assert!(!NOT_LOGGED.contains(&name.as_str()), "seed {seed}: {words:?}");
            if name == "SET" {
                sets += 1;
                assert!(is_plain_set(&words[3..]), "seed {seed}: {words:?}");
            }
        }
    }
    assert!(sets > 1000, "{sets} are too few to believe it");
}

/// Whether these are the options of a SET that means the same at any time.
fn is_plain_set(options: &[Vec<u8>]) -> bool {
    match options {
        [] => true,
        [only] => only == b"KEEPTTL",
        [form, _] => form == b"PXAT",
        _ => false,
    }
}

/// Runs random commands with the log on.
fn run(seed: u64, is_meant: fn(&Row) -> bool) -> (Core, Vec<u8>) {
    let registry = seedis_core::command::registry();
    let rows = registry.rows().iter().filter(|row| is_meant(row));
    let mut generator = Generator::new(seed, rows);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut now = Now { mono_ns: 1, wall_us: 1_700_000_000_000_000 };
    let mut core = connected(now);
    core.keep_log();
    for _ in 0..LENGTH {
        let step_ms = *STEPS_MS.choose(&mut rng).expect("there are steps");
        now.mono_ns += step_ms * 1_000_000;
        now.wall_us += step_ms as i64 * 1000;
        answer(&mut core, now, &words::encode(&generator.command()));
    }
    core.check();
    let log = core.take_log();
    (core, log)
}

fn is_about_strings(row: &Row) -> bool {
    matches!(row.command.group, Group::String | Group::Bitmap | Group::Hyperloglog)
}

fn is_about_hashes(row: &Row) -> bool {
    row.command.group == Group::Hash
        || matches!(row.command.name, "rename" | "copy" | "move" | "swapdb" | "persist" | "expire")
}

/// Feeds a log to a core without a clock, which must accept every command.
fn replayed(log: &[u8], seed: u64) -> Core {
    let still = Now { mono_ns: 1, wall_us: 0 };
    let mut core = connected(still);
    for words in commands(log) {
        let reply = answer(&mut core, still, &words::encode(&words));
        assert!(!is_refusal(&reply), "seed {seed}: {words:?} is answered {reply:?}");
    }
    core.check();
    core
}

/// Whether it is an error, or EXEC's reply with one in it.
fn is_refusal(reply: &Reply) -> bool {
    match reply {
        Reply::Error(_) => true,
        Reply::Sequence(_, elements) => elements.iter().any(is_refusal),
        _ => false,
    }
}

/// An empty core with a client.
fn connected(now: Now) -> Core {
    let mut core = Core::new(Config::default(), [1; 32]);
    let peer = Peer { addr: "".into(), laddr: "".into(), is_local: true, is_unix: false, fd: 0 };
    let mut turn = core.turn(now);
    turn.accept(CONN, peer);
    turn.seal();
    core
}

/// Feeds one command in a turn of its own.
fn answer(core: &mut Core, now: Now, bytes: &[u8]) -> Reply {
    let mut turn = core.turn(now);
    let fed = turn.feed(CONN, bytes);
    assert_eq!(fed.consumed, bytes.len(), "a whole command is executed at once");
    let mut effects = turn.seal();
    let mut sent = Vec::new();
    while let Some(conn) = effects.writable() {
        let bytes: Vec<u8> = effects.tx(conn).flatten().copied().collect();
        effects.sent(conn, bytes.len());
        sent.extend(bytes);
    }
    let (reply, len) = parse(&sent).expect("a reply is RESP").expect("a reply is whole");
    assert_eq!(len, sent.len(), "a command is answered once");
    reply
}

/// The commands of a log.
fn commands(mut log: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    while let Some((Reply::Sequence(Kind::Array, words), len)) = parse(log).expect("RESP") {
        all.push(words.into_iter().map(bulk).collect());
        log = &log[len..];
    }
    assert!(log.is_empty(), "the log ends with a whole command");
    all
}

fn bulk(word: Reply) -> Vec<u8> {
    let Reply::Bulk(word) = word else { panic!("{word:?} in the log") };
    word
}

fn text(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

const CONN: ConnId = ConnId { slot: 0, generation: 0 };
