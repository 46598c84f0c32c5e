//! Servers that are killed under load, again and again, on one directory.
//!
//! Writers number what they write. Whatever the moment of the kill, the next life must hold a
//! prefix of the writes of each of them, whole transactions only, that is no shorter than what was
//! acknowledged: the end of a process takes nothing that it had answered, whatever `appendfsync`
//! is. Rewrites and snapshots run meanwhile, and some lives end while they load.
//!
//! `SEEDIS_KILL_ROUNDS` sets the number of lives, for a longer run.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use seedis_tests::launch::Launch;
use seedis_tests::play::{Heard, Patience, Target};
use seedis_tests::process::{Server, seedis};
use seedis_tests::resp::Reply;
use seedis_tests::tcp::{Connection, Cut, Tcp};
use seedis_tests::words;
use std::path::Path;
use std::thread;
use std::time::Duration;

const WRITERS: u64 = 4;

/// Keys of a writer.
const SLOTS: u64 = 64;

/// Every so many writes one is a transaction.
const TRANSACTION_EVERY: u64 = 5;

#[test]
fn nothing_acknowledged_is_lost_to_a_kill() {
    let rounds = std::env::var("SEEDIS_KILL_ROUNDS");
    let rounds: u64 = rounds.map_or(20, |rounds| rounds.parse().expect("it is a number"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    for round in 0..rounds {
        let policy = ["always", "everysec"][round as usize % 2];
        if round % 4 == 3 {
            kill_while_loading(dir.path(), rng.random_range(0..60));
        }
        let server = Server::start_with(seedis(), &arguments(dir.path(), policy)).unwrap();
        await_loaded(server.port());
        for writer in &mut writers {
            writer.check(server.port(), round);
        }
        let life = Life { round, work: round % 3, ms: rng.random_range(2..250) };
        life.live(server, &mut writers);
    }
    let server = Server::start_with(seedis(), &arguments(dir.path(), "always")).unwrap();
    await_loaded(server.port());
    writers.iter_mut().for_each(|writer| writer.check(server.port(), rounds));
    let total: u64 = writers.iter().map(|writer| writer.acknowledged).sum();
    assert!(total > rounds, "{total} writes are too few to believe it");
}

fn arguments<'a>(dir: &'a Path, policy: &'a str) -> Vec<&'a str> {
    let dir = dir.to_str().expect("a path is text");
    let growth = ["--auto-aof-rewrite-min-size", "300kb", "--auto-aof-rewrite-percentage", "50"];
    [&["--dir", dir, "--appendonly", "yes", "--appendfsync", policy][..], &growth].concat()
}

/// Starts a server and does not wait until it is up.
fn kill_while_loading(dir: &Path, ms: u64) {
    let launched = Launch::new().on_port().arguments(&arguments(dir, "always")).start();
    thread::sleep(Duration::from_millis(ms));
    drop(launched);
}

/// PING is refused while data are loaded.
fn await_loaded(port: u16) {
    let mut client = Connection::open(port).expect("it listens");
    while matches!(client.call(&["PING"]), Heard::Message(Reply::Error(_))) {
        thread::sleep(Duration::from_millis(2));
    }
}

/// How a server is used until it is killed.
struct Life {
    round: u64,
    work: u64,
    ms: u64,
}

impl Life {
    fn live(&self, server: Server, writers: &mut [Writer]) {
        let port = server.port();
        thread::scope(|scope| {
            for writer in writers {
                scope.spawn(move || writer.write_until_killed(port));
            }
            let mut client = Connection::open(port).expect("it listens");
            thread::sleep(Duration::from_millis(self.ms / 2));
            if let Some(command) = ["BGREWRITEAOF", "BGSAVE"].get(self.work as usize) {
                // Refused while one runs by itself.
                client.call(&[command]);
            }
            thread::sleep(Duration::from_millis(self.ms / 2 / (1 + self.round % 7)));
            drop(server);
        });
    }
}

/// A client that numbers its writes: write `n` sets key `n % SLOTS` to `n`.
struct Writer {
    number: u64,
    sent: u64,
    acknowledged: u64,
    rng: ChaCha8Rng,
}

impl Writer {
    fn new(number: u64) -> Self {
        Self { number, sent: 0, acknowledged: 0, rng: ChaCha8Rng::seed_from_u64(number) }
    }

    fn key(&self, name: impl std::fmt::Display) -> String {
        format!("writer:{}:{name}", self.number)
    }

    /// The commands of a write, of which transactions have two in one.
    fn commands(&self, n: u64) -> Vec<Vec<String>> {
        let value = format!("{n}:{}", "x".repeat(n as usize * 37 % 900));
        let set = vec!["SET".into(), self.key(n % SLOTS), value];
        if !n.is_multiple_of(TRANSACTION_EVERY) {
            return vec![set];
        }
        let pair = vec!["SET".into(), self.key("pair"), n.to_string()];
        vec![vec!["MULTI".into()], set, pair, vec!["EXEC".into()]]
    }

    fn write_until_killed(&mut self, port: u16) {
        let mut tcp = Tcp::new(port, Cut::Whole);
        loop {
            let first = self.sent + 1;
            self.sent += self.rng.random_range(1..20);
            let commands: Vec<_> = (first..=self.sent).map(|n| self.commands(n)).collect();
            tcp.send("", &encoded(&commands));
            for (n, commands) in (first..).zip(&commands) {
                for _reply in commands {
                    match tcp.hear("", Patience::Long) {
                        Heard::Message(Reply::Error(error)) => {
                            panic!("{}", String::from_utf8_lossy(&error))
                        }
                        Heard::Message(_) => {}
                        Heard::Silence => panic!("no answer"),
                        _ => return,
                    }
                }
                self.acknowledged = n;
            }
        }
    }

    /// Finds out which writes are there, and goes on from there.
    fn check(&mut self, port: u16, round: u64) {
        let mut client = Connection::open(port).expect("it listens");
        let slots: Vec<u64> =
            (0..SLOTS).map(|slot| number(&client.call(&["GET", &self.key(slot)]))).collect();
        let pair = number(&client.call(&["GET", &self.key("pair")]));
        let last = slots.iter().copied().max().unwrap_or(0);
        let (acknowledged, sent) = (self.acknowledged, self.sent);
        let place = format!("round {round}, writer {}", self.number);
        assert!(
            (acknowledged..=sent).contains(&last),
            "{place}: {last} is there, {acknowledged} was acknowledged, {sent} was sent"
        );
        for (slot, &found) in (0..).zip(&slots) {
            let expected = last.saturating_sub((last + SLOTS - slot) % SLOTS);
            assert_eq!(found, expected, "{place}: slot {slot} of a prefix up to {last}");
        }
        assert_eq!(pair, last - last % TRANSACTION_EVERY, "{place}: half a transaction");
        (self.sent, self.acknowledged) = (last, last);
    }
}

fn encoded(writes: &[Vec<Vec<String>>]) -> Vec<u8> {
    let bytes = |command: &Vec<String>| {
        let words: Vec<Vec<u8>> = command.iter().map(|word| word.clone().into_bytes()).collect();
        words::encode(&words)
    };
    writes.iter().flatten().flat_map(bytes).collect()
}

/// The number of the write that a value comes from, 0 without a value.
fn number(heard: &Heard) -> u64 {
    let Heard::Message(Reply::Bulk(value)) = heard else {
        assert!(matches!(heard, Heard::Message(Reply::NoBulk)), "{heard:?}");
        return 0;
    };
    let digits = value.split(|&byte| byte == b':').next().unwrap_or_default();
    std::str::from_utf8(digits).expect("it is text").parse().expect("it is a number")
}
