//! Recordings of real servers, replayed: the same replies, the same log, the same data.

use seedis_core::recording::frame::{self, Found, Kind, MAGIC};
use seedis_sim::recording::show::Wishes;
use seedis_sim::recording::source::Refusal;
use seedis_sim::recording::{Ending, Report, replay};
use seedis_tests::launch::{Launch, Launched};
use seedis_tests::tcp::{Connection, text};
use std::io::{Read as _, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Time after which the recorder has written what happened before.
const WRITTEN: Duration = Duration::from_millis(300);

fn start(arguments: &[&str]) -> Launched {
    Launch::new()
        .on_port()
        .arguments(&["--enable-debug-command", "yes", "--record", "recording"])
        .arguments(arguments)
        .start()
        .ready()
}

fn call(server: &Launched, line: &str) -> String {
    let mut connection = Connection::open(server.port()).expect("the server listens");
    let words: Vec<&str> = line.split(' ').collect();
    // While the log is begun and while data is loaded there are errors.
    text(&connection.call(&words)).unwrap_or_default()
}

/// Sends whole pipelines and reads until so many bytes have come back.
fn pipeline(server: &Launched, request: &str, replies: usize) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the server listens");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut heard = vec![0; replies];
    stream.read_exact(&mut heard).expect("the server replies");
    String::from_utf8(heard).expect("replies are text")
}

/// What a replay printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn replayed(path: &Path, wishes: Wishes) -> Result<(Report, String), Refusal> {
    let printed = Printed::default();
    let report = replay(path, wishes, Box::new(printed.clone()))?;
    let bytes = printed.0.lock().expect("nobody panicked").clone();
    Ok((report, String::from_utf8(bytes).expect("it is text")))
}

fn whole(path: &Path) -> Report {
    replayed(path, Wishes::default()).expect("it is a recording").0
}

/// Several clients at once, for a while.
fn work(server: &Launched) {
    thread::scope(|scope| {
        for writer in 0..3 {
            scope.spawn(move || {
                for round in 0..60 {
                    let mut request = String::new();
                    for at in 0..20 {
                        request.push_str(&format!("INCR n:{writer}:{at}\r\nGET n:0:{at}\r\n"));
                    }
                    request.push_str("MULTI\r\nSET shared 1 PX 30\r\nEXPIRE gone 0\r\nEXEC\r\n");
                    request.push_str(&format!("APPEND long:{writer} {}\r\n", "x".repeat(round)));
                    request.push_str("PUBLISH news hello\r\nECHO end\r\n");
                    let mut stream = TcpStream::connect(("127.0.0.1", server.port()))
                        .expect("the server listens");
                    stream.write_all(request.as_bytes()).expect("the server reads");
                    let mut heard = Vec::new();
                    while !heard.ends_with(b"$3\r\nend\r\n") {
                        let mut piece = [0; 999];
                        let count = stream.read(&mut piece).expect("the server replies");
                        assert!(count > 0);
                        heard.extend_from_slice(&piece[..count]);
                    }
                }
            });
        }
    });
}

#[test]
fn a_killed_server_is_replayed_to_the_last_command() {
    let mut server = start(&["--appendonly", "yes", "--appendfsync", "always"]);
    while !call(&server, "SET key value").contains("OK") {}
    let mut subscriber = Connection::open(server.port()).expect("the server listens");
    subscriber.call(&["SUBSCRIBE", "news"]);
    thread::scope(|scope| {
        scope.spawn(|| work(&server));
        call(&server, "BGREWRITEAOF");
        call(&server, "CONFIG SET maxmemory 1gb");
        call(&server, "CLIENT PAUSE 50");
        call(&server, "BGSAVE");
    });
    thread::sleep(Duration::from_millis(60));
    let digest = call(&server, "DEBUG DIGEST");
    assert_eq!(pipeline(&server, "GET key\r\n", 11), "$5\r\nvalue\r\n");
    thread::sleep(WRITTEN);
    server.signal("KILL");
    server.wait();
    // What the replay needs is in the recording alone.
    std::fs::remove_dir_all(server.path("appendonlydir")).unwrap();
    let show = Wishes { is_all: true, ..Wishes::default() };
    let (report, printed) = replayed(&server.path("recording"), show).unwrap();
    assert_eq!(report.ending, Ending::Truncated);
    assert!(report.is_exact && report.played.checks > 0, "{report:?}");
    assert_eq!((report.digest, report.keys > 60), (digest, true));
    assert!(report.lsn > 0);
    assert!(printed.trim_end().contains("<- $5\\r\\nvalue\\r\\n"), "{printed}");
}

#[test]
fn the_files_of_a_start_are_part_of_the_recording() {
    let mut first = start(&["--appendonly", "yes"]);
    while !call(&first, "SET key value").contains("OK") {}
    work(&first);
    first.signal("KILL");
    first.wait();
    let dir = first.path("");
    let mut second = start(&["--appendonly", "yes", "--dir", dir.to_str().unwrap()]);
    call(&second, "CONFIG REWRITE");
    let digest = call(&second, "DEBUG DIGEST");
    work(&second);
    second.signal("TERM");
    second.wait();
    drop(first);
    let report = whole(&second.path("recording"));
    assert_eq!(report.ending, Ending::Whole);
    assert!(report.is_exact && report.keys > 60, "{report:?}");
    assert_ne!(report.digest, digest);
}

#[test]
fn a_ring_is_replayed_from_a_state() {
    let mut server = start(&["--record-max-size", "1mb"]);
    let name = |at: usize| format!("SET key:{at} {}\r\n", "x".repeat(500));
    for round in 0..60 {
        let request: String = (0..100).map(|at| name(round * 100 + at)).collect();
        pipeline(&server, &format!("SELECT {}\r\n{request}", round % 3), 5 + 500);
    }
    let mut client = Connection::open(server.port()).expect("the server listens");
    client.call(&["HELLO", "3"]);
    client.call(&["SELECT", "5"]);
    client.send(b"*2\r\n$4\r\nINCR\r\n$1\r\n");
    for _ in 0..20 {
        let request: String = (0..100).map(name).collect();
        pipeline(&server, &request, 500);
    }
    client.send(b"n\r\n");
    thread::sleep(WRITTEN);
    let digest = call(&server, "DEBUG DIGEST");
    server.signal("TERM");
    server.wait();
    let number = |at: u32| server.path(&format!("recording.{at}"));
    assert!(!number(1).exists(), "the oldest segments are gone");
    let report = whole(&server.path("recording"));
    assert_eq!((&report.ending, &report.digest), (&Ending::Whole, &digest));
    assert!(!report.is_exact && report.notes.len() == 1, "{report:?}");
}

#[test]
fn after_a_gap_the_replay_goes_on_with_a_state() {
    let mut server = start(&["--record-max-size", "8mb"]);
    for round in 0..6 {
        let value = "x".repeat(400_000);
        let request = format!("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$400001\r\n{value}{round}\r\n");
        pipeline(&server, &request.repeat(2), 10);
        thread::sleep(Duration::from_millis(30));
    }
    let digest = call(&server, "DEBUG DIGEST");
    server.signal("TERM");
    server.wait();
    let read = |at: u32| std::fs::read(server.path(&format!("recording.{at}"))).unwrap();
    let mut joined = read(1);
    assert!(server.path("recording.3").exists());
    frame::put(&mut joined, Kind::Gap, b"a test");
    for at in (3..).take_while(|at| server.path(&format!("recording.{at}")).exists()) {
        joined.extend_from_slice(&read(at)[MAGIC.len()..]);
    }
    let path = server.path("joined");
    std::fs::write(&path, joined).unwrap();
    let report = whole(&path);
    assert_eq!((&report.ending, &report.digest), (&Ending::Whole, &digest));
    assert!(!report.is_exact && report.notes[0].contains("a test"), "{report:?}");
    // Without the gap the segments are one exact run.
    assert!(whole(&server.path("recording")).is_exact);
}

fn holds(path: &Path, text: &str) -> bool {
    let bytes = std::fs::read(path).expect("there is a recording");
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn passwords_are_never_recorded() {
    let mut server = start(&["--requirepass", "first-secret"]);
    let ok = "+OK\r\n+OK\r\n";
    let lines = "AUTH first-secret\r\nCONFIG SET requirepass second-secret\r\n";
    assert_eq!(pipeline(&server, lines, ok.len()), ok);
    let lines = "*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$13\r\nsecond-secret\r\nSET key value\r\n";
    assert_eq!(pipeline(&server, lines, ok.len()), ok);
    let get = "AUTH second-secret\r\nCONFIG GET requirepass\r\n";
    assert!(pipeline(&server, get, 47).ends_with("second-secret\r\n"));
    thread::sleep(WRITTEN);
    server.signal("TERM");
    server.wait();
    let path = server.path("recording");
    assert!(holds(&path, "value") && !holds(&path, "first-secret"));
    assert!(!holds(&path, "second-secret"));
    let report = whole(&path);
    assert_eq!((&report.ending, report.keys), (&Ending::Whole, 1));
    assert!(report.is_exact && report.played.exempt > 0, "{report:?}");
}

#[test]
fn values_are_masked_when_that_is_asked_for() {
    let mut server = start(&["--record-redact"]);
    let lines = "SET customer Alice-Smith\r\nSET n 41\r\nINCR n\r\nPUBLISH c Alice-Smith\r\n";
    pipeline(&server, lines, 5 + 5 + 5 + 4);
    server.signal("TERM");
    server.wait();
    let path = server.path("recording");
    assert!(holds(&path, "customer") && !holds(&path, "Alice"));
    let show = Wishes { key: Some(b"c*".to_vec()), ..Wishes::default() };
    let (report, printed) = replayed(&path, show).unwrap();
    assert_eq!((&report.ending, report.keys), (&Ending::Whole, 2));
    assert!(printed.contains("\"SET\" \"customer\" \"xxxxx-xxxxx\""), "{printed}");
}

#[test]
fn a_replay_stops_where_it_is_told_to() {
    let mut server = start(&["--appendonly", "yes"]);
    while !call(&server, "SET a 0").contains("OK") {}
    let lines = "SET user:1 a\r\nSET user:2 b PXAT 9999999999999\r\nSET user:2 c\r\nDEL a\r\n";
    pipeline(&server, lines, 15 + 4);
    server.signal("TERM");
    server.wait();
    let path = server.path("recording");
    let stop_at = |line: &str| Wishes {
        stop_at: Some(line.split(' ').map(|word| word.into()).collect()),
        ..Wishes::default()
    };
    let (report, printed) = replayed(&path, stop_at("set user:2 c")).unwrap();
    assert_eq!(report.ending, Ending::Matched);
    assert!(printed.contains("before: \"user:2\" type string, encoding embstr"), "{printed}");
    assert!(printed.contains("expires at 9999999999999 ms, 1 bytes: b"), "{printed}");
    assert!(printed.contains("replied: +OK"), "{printed}");
    assert!(printed.contains("after: \"user:2\" type string"), "{printed}");
    assert!(printed.contains("expires at -1 ms, 1 bytes: c"), "{printed}");
    let (report, _) = replayed(&path, stop_at("FLUSHALL")).unwrap();
    let (whole_lsn, whole_keys) = (report.lsn, report.keys);
    assert_eq!((report.ending, whole_keys), (Ending::Whole, 2));
    let until = Wishes { until_lsn: Some(1), ..Wishes::default() };
    let (report, _) = replayed(&path, until).unwrap();
    assert!(report.ending == Ending::Reached && report.lsn < whole_lsn, "{report:?}");
    let client = Wishes { client: Some(999), ..Wishes::default() };
    assert_eq!(replayed(&path, client).unwrap().1, "");
}

/// The recording with every `from` in its entries replaced, and right checksums.
fn forged(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut made, mut at) = (MAGIC.to_vec(), MAGIC.len());
    while let Found::Frame { frame, end } = frame::find(bytes, at) {
        let mut payload = frame.payload.to_vec();
        for at in 0..payload.len() {
            if payload[at..].starts_with(from) {
                payload[at..at + to.len()].copy_from_slice(to);
            }
        }
        frame::put(&mut made, frame.kind, &payload);
        at = end;
    }
    made
}

#[test]
fn a_replay_that_does_something_else_is_told_where() {
    let mut server = start(&["--appendonly", "yes"]);
    while !call(&server, "SET a 0").contains("OK") {}
    let lines = "SET key value\r\nGET other\r\nSTRLEN key\r\n";
    pipeline(&server, lines, 5 + 5 + 4);
    server.signal("TERM");
    server.wait();
    let bytes = std::fs::read(server.path("recording")).unwrap();
    let path = server.path("forged");
    // Each shows only in one thing: the data and the log, a reply, how much was consumed.
    for (from, to) in
        [("key value", "key VALUE"), ("GET other", "GET a    "), ("STRLEN", "STRLE\n")]
    {
        std::fs::write(&path, forged(&bytes, from.as_bytes(), to.as_bytes())).unwrap();
        let ending = whole(&path).ending;
        let Ending::Diverged(why) = &ending else { panic!("{from}: {ending:?}") };
        assert!(why.contains("forged, offset "), "{why}");
    }
    assert_eq!(whole(&server.path("recording")).ending, Ending::Whole);
}

/// A short recording with everything in it.
fn sample() -> (Launched, Vec<u8>) {
    let mut server = start(&["--appendonly", "yes"]);
    while !call(&server, "SET a 0").contains("OK") {}
    let lines = "HELLO 3\r\nSUBSCRIBE x\r\nMULTI\r\nSET k v\r\nEXEC\r\nINFO\r\nBITCOUNT k\r\n";
    pipeline(&server, lines, 100);
    server.signal("TERM");
    server.wait();
    let bytes = std::fs::read(server.path("recording")).expect("there is a recording");
    (server, bytes)
}

#[test]
fn any_beginning_of_a_recording_is_played() {
    let (server, bytes) = sample();
    let path = server.path("cut");
    for len in (0..bytes.len()).step_by(1 + bytes.len() / 60) {
        std::fs::write(&path, &bytes[..len]).unwrap();
        match replayed(&path, Wishes::default()) {
            Ok((report, _)) => assert!(
                matches!(report.ending, Ending::Truncated | Ending::Nothing),
                "{len}: {report:?}"
            ),
            Err(refusal) => assert!(len < MAGIC.len(), "{len}: {refusal}"),
        }
    }
}

#[test]
fn a_damaged_recording_is_refused_with_the_place() {
    let (server, bytes) = sample();
    let path = server.path("flipped");
    for at in (MAGIC.len()..bytes.len()).step_by(1 + bytes.len() / 60) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&path, &flipped).unwrap();
        match replayed(&path, Wishes::default()) {
            Ok((report, _)) => assert_eq!(report.ending, Ending::Truncated, "{at}"),
            Err(refusal) => assert!(refusal.at <= at as u64, "{at}: {refusal}"),
        }
    }
}

/// How often; `SEEDIS_RECORDING_ROUNDS` sets it, for a longer run.
fn rounds() -> usize {
    let rounds = std::env::var("SEEDIS_RECORDING_ROUNDS");
    rounds.map_or(100, |rounds| rounds.parse().expect("it is a number"))
}

/// Bytes that somebody made: every checksum is right and the entries are not.
#[test]
fn a_made_up_recording_never_stops_the_replay_with_a_panic() {
    let (server, bytes) = sample();
    let path = server.path("made");
    for round in 0..rounds() {
        let (mut made, mut at, mut count) = (MAGIC.to_vec(), MAGIC.len(), 0);
        while let Found::Frame { frame, end } = frame::find(&bytes, at) {
            let mut payload = frame.payload.to_vec();
            if count > 0 && !payload.is_empty() && round % 3 == count % 3 {
                let at = round * 7919 % payload.len();
                payload[at] = payload[at].wrapping_add(1 + (round / 3 % 255) as u8);
            }
            frame::put(&mut made, frame.kind, &payload);
            (at, count) = (end, count + 1);
        }
        std::fs::write(&path, &made).unwrap();
        // It may be refused, diverge, or be another run.
        let _ = replayed(&path, Wishes::default());
    }
}
