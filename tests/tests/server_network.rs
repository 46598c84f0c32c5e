//! The server on the network: what happens to bytes that come and go in inconvenient ways.
//!
//! Clients that end their sending, that never read, that send without pause, that vanish; values
//! of many megabytes; more connections than files may be open. Replies are compared byte by byte.

use seedis_tests::launch::{Launch, Launched, await_that, text};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn a_pipeline_is_answered_although_the_client_has_ended_its_sending() {
    let server = Launch::new().on_port().start().ready();
    for count in [1, 1000, 100_000] {
        let mut client = connect(&server);
        client.write_all("PING\r\n".repeat(count).as_bytes()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut replies = Vec::new();
        client.read_to_end(&mut replies).unwrap();
        assert!(replies == "+PONG\r\n".repeat(count).as_bytes(), "{count}: {}", replies.len());
    }
}

/// Twenty replies of a megabyte, none of which is read before the other direction is closed.
#[test]
fn long_replies_reach_a_client_that_has_ended_its_sending() {
    let server = Launch::new().on_port().start().ready();
    let mut client = connect(&server);
    let value = vec![b'v'; 1 << 20];
    set(&mut client, "key", &value);
    client.write_all("GET key\r\n".repeat(20).as_bytes()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut replies = Vec::new();
    client.read_to_end(&mut replies).unwrap();
    assert!(replies == bulk(&value).repeat(20), "{}", replies.len());
}

#[test]
fn half_a_command_is_no_command() {
    let server = Launch::new().on_port().start().ready();
    let mut client = connect(&server);
    client.write_all(b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut replies = Vec::new();
    client.read_to_end(&mut replies).unwrap();
    assert_eq!(replies, b"+PONG\r\n");
}

#[test]
fn a_value_of_64_mb_comes_back_as_it_went() {
    let server = Launch::new().on_port().start().ready();
    let mut client = connect(&server);
    let value: Vec<u8> = (0..64_u32 << 20).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect();
    set(&mut client, "key", &value);
    assert!(get(&mut client, "key") == bulk(&value));
    // In the same buffer as the end of a long request there may be the begin of the next one.
    let mut request = command(&[b"SET", b"key", &value]);
    request.extend_from_slice(b"*2\r\n$3\r\nGET\r\n$3\r\n");
    client.write_all(&request).unwrap();
    expect(&mut client, b"+OK\r\n");
    client.write_all(b"key\r\n").unwrap();
    expect(&mut client, &bulk(&value));
}

#[test]
fn a_client_that_does_not_read_holds_nobody_up() {
    let server = Launch::new().on_port().start().ready();
    let (mut slow, mut quick) = (connect(&server), connect(&server));
    let value = vec![b'v'; 4 << 20];
    set(&mut slow, "key", &value);
    slow.write_all("GET key\r\n".repeat(10).as_bytes()).unwrap();
    for _ in 0..100 {
        call(&mut quick, b"PING\r\n", b"+PONG\r\n");
    }
    // Meanwhile the value changes; the replies were made before.
    call(&mut quick, b"SET key other\r\n", b"+OK\r\n");
    expect(&mut slow, &bulk(&value).repeat(10));
    call(&mut slow, b"GET key\r\n", b"$5\r\nother\r\n");
}

#[test]
fn a_client_that_sends_without_pause_holds_nobody_up() {
    let server = Launch::new().on_port().start().ready();
    let (mut busy, mut quick) = (connect(&server), connect(&server));
    let mut sender = busy.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let requests = "INCR counter\r\n".repeat(10_000);
        (0..30).for_each(|_| sender.write_all(requests.as_bytes()).unwrap());
    });
    let reading = std::thread::spawn(move || {
        let mut newlines = 0;
        let mut buffer = vec![0; 1 << 16];
        while newlines < 300_000 {
            let count = busy.read(&mut buffer).unwrap();
            newlines += buffer[..count].iter().filter(|byte| **byte == b'\n').count();
        }
    });
    let mut longest = Duration::ZERO;
    while !reading.is_finished() {
        let start = Instant::now();
        call(&mut quick, b"PING\r\n", b"+PONG\r\n");
        longest = longest.max(start.elapsed());
    }
    sending.join().unwrap();
    reading.join().unwrap();
    call(&mut quick, b"GET counter\r\n", b"$6\r\n300000\r\n");
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let server = Launch::new().on_port().start().ready();
    let mut witness = connect(&server);
    set(&mut witness, "key", &vec![b'v'; 8 << 20]);
    for _ in 0..20 {
        let mut client = connect(&server);
        client.write_all("GET key\r\n".repeat(5).as_bytes()).unwrap();
        let mut first = [0; 1];
        client.read_exact(&mut first).unwrap();
        // Closing with unread bytes resets the connection.
        drop(client);
    }
    let open = || descriptors(&server);
    await_that("their sockets are closed", || sockets(&open()) == 2, || format!("{:?}", open()));
    call(&mut witness, b"PING\r\n", b"+PONG\r\n");
}

#[test]
fn a_unix_socket_serves_like_tcp() {
    let launch = Launch::new().on_port().arguments(&["--port", "0", "--unixsocket", "s"]);
    let server = launch.arguments(&["--loglevel", "verbose"]).start().ready();
    let mut client = UnixStream::connect(server.path("s")).unwrap();
    client.write_all("SET key value\r\nGET key\r\n".repeat(1000).as_bytes()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut replies = Vec::new();
    client.read_to_end(&mut replies).unwrap();
    assert!(replies == "+OK\r\n$5\r\nvalue\r\n".repeat(1000).as_bytes());
    assert!(server.output().contains("- Accepted s:0"), "{}", server.output());
}

#[test]
fn peers_are_shown_as_redis_shows_them() {
    let server = Launch::new().on_port().arguments(&["--bind", "127.0.0.1", "::1"]).start().ready();
    for (mut client, laddr) in [
        (connect(&server), format!("127.0.0.1:{}", server.port())),
        (
            TcpStream::connect((Ipv6Addr::LOCALHOST, server.port())).unwrap(),
            format!("[::1]:{}", server.port()),
        ),
    ] {
        let addr = client.local_addr().unwrap();
        client.write_all(b"CLIENT INFO\r\n").unwrap();
        let mut reply = [0; 4096];
        let count = client.read(&mut reply).unwrap();
        let reply = String::from_utf8_lossy(&reply[..count]).into_owned();
        let expected = format!(" addr={addr} laddr={laddr} fd=");
        assert!(reply.contains(&expected), "{reply}");
        assert!(!reply.contains("fd=-1"), "{reply}");
    }
}

#[test]
fn config_set_moves_the_server() {
    let server = Launch::new().on_port().start().ready();
    let mut client = connect(&server);
    let other = Launch::new().port();
    let moved = format!("CONFIG SET port {other} bind \"127.0.0.1 127.0.0.2\"\r\n");
    call(&mut client, moved.as_bytes(), b"+OK\r\n");
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).is_err());
    for address in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)] {
        let mut newcomer = TcpStream::connect((address, other)).unwrap();
        call(&mut newcomer, b"PING\r\n", b"+PONG\r\n");
    }
    call(&mut client, b"PING\r\n", b"+PONG\r\n");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let request = format!("CONFIG SET port {}\r\n", taken.local_addr().unwrap().port());
    let error: &[u8] = b"-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to \
                         listen on this port. Check server logs.\r\n";
    call(&mut client, request.as_bytes(), error);
    let error: &[u8] = b"-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to \
                         bind to specified addresses.\r\n";
    call(&mut client, b"CONFIG SET bind 192.0.2.1\r\n", error);
    call(&mut TcpStream::connect((Ipv4Addr::LOCALHOST, other)).unwrap(), b"PING\r\n", b"+PONG\r\n");
}

#[test]
fn config_rewrite_replaces_the_file() {
    let server = Launch::new().configured("# mine\nhz 20\n").on_port().start().ready();
    let mut client = connect(&server);
    call(&mut client, b"CONFIG SET hz 30\r\n", b"+OK\r\n");
    call(&mut client, b"CONFIG REWRITE\r\nPING\r\n", b"+OK\r\n+PONG\r\n");
    let written = text(&server.path("redis.conf"));
    assert!(written.starts_with("# mine\nhz 30\n"), "{written}");
    assert!(written.contains(&format!("port {}\n", server.port())), "{written}");
}

/// A tenth of the clients that it is made for, as far as the figures go: each may cost 3 KB.
#[test]
fn idle_connections_are_cheap() {
    let server = Launch::new().on_port().start().ready();
    let before_kb = rss_kb(&server);
    let mut clients: Vec<TcpStream> = (0..1000).map(|_| connect(&server)).collect();
    for client in &mut clients {
        call(client, b"PING\r\n", b"+PONG\r\n");
    }
    for client in &mut clients {
        client.write_all(b"*2\r\n$4\r\nECHO\r\n$3\r\n").unwrap();
    }
    for client in &mut clients {
        call(client, b"abc\r\n", b"$3\r\nabc\r\n");
    }
    let each_bytes = rss_kb(&server).saturating_sub(before_kb) * 1024 / clients.len() as u64;
    assert!(each_bytes <= 3 * 1024, "{each_bytes} bytes of RSS a connection");
}

#[test]
fn a_process_without_free_descriptors_waits_for_some_to_be_freed() {
    let server = Launch::new().on_port().start().ready();
    let limit = descriptors(&server).len() + 3;
    let limited = Command::new("prlimit")
        .args(["--pid", &server.pid().to_string(), &format!("--nofile={limit}:")])
        .status();
    assert!(limited.is_ok_and(|status| status.success()), "prlimit is part of util-linux");
    let mut clients: Vec<TcpStream> = (0..6).map(|_| connect(&server)).collect();
    for client in &mut clients {
        client.write_all(b"PING\r\n").unwrap();
    }
    (0..3).for_each(|at| expect(&mut clients[at], b"+PONG\r\n"));
    let warning = "# Accepting client connection: Too many open files";
    await_that("it warns", || server.output().contains(warning), || server.output());
    let (start, before) = (Instant::now(), cpu_ticks(&server));
    clients[4].set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let waited = clients[4].read(&mut [0; 7]).unwrap_err().kind();
    assert!(matches!(waited, ErrorKind::WouldBlock | ErrorKind::TimedOut));
    let spent_ms = (cpu_ticks(&server) - before) * 10;
    let passed_ms = start.elapsed().as_millis() as u64;
    assert!(spent_ms * 5 < passed_ms, "{spent_ms} ms of CPU in {passed_ms} ms");
    assert!(server.output().matches(warning).count() < 5, "{}", server.output());
    clients.drain(..3);
    clients.iter_mut().for_each(|client| expect(client, b"+PONG\r\n"));
}

fn connect(server: &Launched) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("it is no zero");
    stream.set_nodelay(true).expect("it is a socket");
    stream
}

fn command(words: &[&[u8]]) -> Vec<u8> {
    let head = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().fold(head, |bytes, word| [bytes, bulk(word)].concat())
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn set(client: &mut TcpStream, key: &str, value: &[u8]) {
    call(client, &command(&[b"SET", key.as_bytes(), value]), b"+OK\r\n");
}

/// The reply to GET, without a look at its length.
fn get(client: &mut TcpStream, key: &str) -> Vec<u8> {
    client.write_all(format!("GET {key}\r\nPING\r\n").as_bytes()).expect("it takes requests");
    let mut reply = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    while !reply.ends_with(b"\r\n+PONG\r\n") {
        let count = client.read(&mut buffer).expect("more comes");
        reply.extend_from_slice(&buffer[..count]);
    }
    reply.truncate(reply.len() - b"+PONG\r\n".len());
    reply
}

fn call(client: &mut TcpStream, request: &[u8], reply: &[u8]) {
    client.write_all(request).expect("it takes a request");
    expect(client, reply);
}

fn expect(client: &mut TcpStream, reply: &[u8]) {
    let mut heard = vec![0; reply.len()];
    client.read_exact(&mut heard).expect("a reply of that length comes");
    let shown = String::from_utf8_lossy(&heard[..heard.len().min(200)]);
    assert!(heard == reply, "{shown}");
}

/// What its descriptors are.
fn descriptors(server: &Launched) -> Vec<String> {
    let open = fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("it runs");
    open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.display().to_string())
        .collect()
}

fn sockets(descriptors: &[String]) -> usize {
    descriptors.iter().filter(|target| target.starts_with("socket:")).count()
}

fn rss_kb(server: &Launched) -> u64 {
    let status = text(Path::new(&format!("/proc/{}/status", server.pid())));
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has memory");
    line.split_ascii_whitespace().nth(1).expect("it has a figure").parse().expect("it is a number")
}

/// CPU time in hundredths of a second.
fn cpu_ticks(server: &Launched) -> u64 {
    let stat = text(Path::new(&format!("/proc/{}/stat", server.pid())));
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
    [12, 13].iter().map(|at| fields[*at].parse::<u64>().expect("it is a number")).sum()
}
