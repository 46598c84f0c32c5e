//! The server as a process: signals, the background, supervisors, its files.
//!
//! Init systems and scripts see only this of it: exit codes, the pid file, the datagrams of
//! sd_notify, and that it ends when it is told to.

use seedis_tests::launch::{Launch, Launched, await_that, signal, text};
use seedis_tests::tcp::{Connection, text as reply};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

#[test]
fn sigterm_and_sigint_end_it_in_order() {
    for name in ["TERM", "INT"] {
        let launch = Launch::new().on_port().arguments(&[
            "--pidfile",
            "pid",
            "--unixsocket",
            "s",
            "--save",
            "",
        ]);
        let mut server = launch.start().ready();
        assert_eq!(text(&server.path("pid")), format!("{}\n", server.pid()));
        server.signal(name);
        assert_eq!(server.wait().code(), Some(0));
        let output = server.output();
        let (pid, ends) = (server.pid(), output.lines().rev().take(5).collect::<Vec<_>>());
        for (line, end) in ends.iter().rev().zip([
            format!("Received SIG{name} scheduling shutdown..."),
            "* User requested shutdown...".into(),
            "* Removing the pid file.".into(),
            "* Removing the unix socket file.".into(),
            "* Seedis is now ready to exit, bye bye...".into(),
        ]) {
            assert!(line.starts_with(&format!("{pid}:")) && line.ends_with(&end), "{output}");
        }
        assert!(!server.path("pid").exists() && !server.path("s").exists());
    }
}

#[test]
fn hangups_are_ignored() {
    let mut server = Launch::new().on_port().start().ready();
    for name in ["HUP", "PIPE"] {
        server.signal(name);
    }
    assert_eq!(ping(server.port()), "PONG");
    assert!(server.is_running());
}

/// The log is a pipe that nobody reads any more, so the orderly end never comes to its end.
#[test]
fn a_second_sigint_ends_it_at_once() {
    let launch = Launch::new().on_port().arguments(&["--logfile", "pipe"]);
    let pipe = launch.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Opened for both directions, so that it opens without a writer.
    let reader = fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let mut server = launch.start();
    let port = server.port();
    await_that("it listens", || Connection::open(port).is_ok(), String::new);
    drop(reader);
    server.signal("INT");
    sleep(Duration::from_millis(100));
    assert!(server.is_running());
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(1));
}

#[test]
fn a_log_that_was_renamed_is_begun_anew() {
    let launch = Launch::new().on_port().arguments(&["--logfile", "log"]);
    let mut server = launch.start();
    server.await_in("log", "Ready to accept connections tcp");
    fs::rename(server.path("log"), server.path("log.1")).unwrap();
    server.signal("TERM");
    server.wait();
    assert!(text(&server.path("log")).contains("bye bye"));
    assert!(!text(&server.path("log.1")).contains("bye bye"));
}

#[test]
fn in_the_background_it_serves_when_the_first_process_ends() {
    let files = ["--daemonize", "yes", "--pidfile", "pid", "--logfile", "log"];
    let mut first = Launch::new().on_port().arguments(&files).start();
    assert_eq!(first.wait().code(), Some(0));
    let daemon = Daemon::of(&first);
    assert_ne!(daemon.0, first.pid());
    assert_eq!(ping(first.port()), "PONG");
    let stat = text(Path::new(&format!("/proc/{}/stat", daemon.0)));
    let session: u32 = stat.rsplit(')').next().unwrap().split(' ').nth(4).unwrap().parse().unwrap();
    assert_eq!(session, daemon.0, "it leads a session of its own");
    signal(daemon.0, "TERM");
    await_that("the pid file is gone", || !first.path("pid").exists(), String::new);
    assert_eq!((first.output(), first.errors()), (String::new(), String::new()));
}

#[test]
fn in_the_background_a_failure_is_told_to_the_terminal() {
    let files = ["--daemonize", "yes", "--pidfile", "pid", "--unixsocket", "missing/s"];
    let (code, output, errors) = Launch::new().on_port().arguments(&files).run();
    assert_eq!((code, output.as_str()), (Some(1), ""));
    assert!(errors.starts_with("Failed opening Unix socket 'missing/s': "), "{errors}");
}

#[test]
fn systemd_is_told_how_it_fares() {
    let launch = Launch::new().on_port();
    let path = launch.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let launch = launch.arguments(&["--supervised", "systemd", "--daemonize", "yes"]);
    let mut server = launch.variable("NOTIFY_SOCKET", path.to_str().unwrap()).start();
    assert_eq!(heard(&socket), "STATUS=Seedis is loading...\n");
    assert_eq!(heard(&socket), "STATUS=Ready to accept connections\nREADY=1\n");
    assert_eq!(ping(server.port()), "PONG");
    assert!(server.is_running(), "a supervised server stays in the foreground");
    server.signal("TERM");
    assert_eq!(heard(&socket), "STOPPING=1\n");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_supervisor_that_is_not_there_is_a_warning() {
    let server = Launch::new().on_port().arguments(&["--supervised", "systemd"]).start().ready();
    assert!(server.output().contains("NOTIFY_SOCKET is not set"), "{}", server.output());
    let server = Launch::new().on_port().arguments(&["--supervised", "auto"]).start().ready();
    assert!(!server.output().contains("supervis"), "{}", server.output());
}

#[test]
fn upstart_sees_it_stop_itself() {
    let launch = Launch::new().on_port().arguments(&["--supervised", "auto"]);
    let mut server = launch.variable("UPSTART_JOB", "seedis").start();
    server.await_output("supervised by upstart, will stop to signal readiness");
    let state = || text(Path::new(&format!("/proc/{}/stat", server.pid())));
    await_that("it is stopped", || state().contains(") T "), state);
    server.signal("CONT");
    let server = server.ready();
    assert_eq!(ping(server.port()), "PONG");
}

#[test]
fn the_title_of_the_process_tells_where_it_listens() {
    let server = Launch::new().on_port().start().ready();
    let title = || text(Path::new(&format!("/proc/{}/cmdline", server.pid())));
    let expected = format!("seedis-server 127.0.0.1:{}", server.port());
    assert!(title().trim_end_matches('\0').ends_with(&expected), "{}", title());
    let server = Launch::new().on_port().arguments(&["--set-proc-title", "no"]).start().ready();
    let title = text(Path::new(&format!("/proc/{}/cmdline", server.pid())));
    assert!(title.ends_with("--set-proc-title\0no\0"), "{title}");
}

#[test]
fn it_asks_for_huge_pages_unless_it_is_told_not_to() {
    let of =
        |server: &Launched, file: &str| text(Path::new(&format!("/proc/{}/{file}", server.pid())));
    let server = Launch::new().on_port().start().ready();
    // What the allocator makes of it depends on how much it is asked for.
    assert!(of(&server, "environ").contains("GLIBC_TUNABLES=glibc.malloc.hugetlb=1"));
    assert!(of(&server, "status").contains("THP_enabled:\t1"));
    let server = Launch::new().on_port().arguments(&["--disable-thp", "yes"]).start().ready();
    assert!(of(&server, "status").contains("THP_enabled:\t0"));
}

/// A process that is no child of this one; it is killed when this is dropped.
struct Daemon(u32);

impl Daemon {
    fn of(first: &Launched) -> Self {
        Self(text(&first.path("pid")).trim().parse().expect("the pid file holds a number"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = Command::new("kill").args(["-s", "KILL", &self.0.to_string()]).output();
    }
}

fn ping(port: u16) -> String {
    let mut connection = Connection::open(port).expect("it listens");
    reply(&connection.call(&["PING"])).expect("it answers")
}

fn heard(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 1000];
    let count = socket.recv(&mut bytes).expect("a datagram comes");
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}
