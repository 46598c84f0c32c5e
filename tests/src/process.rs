//! Real servers as child processes, each in its own temporary directory on its own port.
//!
//! A server is reused by many transcripts, because starting one takes longer than most of them
//! need. Between two transcripts [`Server::reset`] brings it back to how it started: no keys, no
//! statistics, no scripts, every configuration parameter at its first value. What cannot be reset
//! (users, a required password) is for transcripts marked `!fresh`.

use crate::play::Heard;
use crate::resp::{Kind, Reply};
use crate::tcp::{Connection, text};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a start may take.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How often a start is tried when others take the port.
const ATTEMPTS: u32 = 5;
/// Ports of servers.
const FIRST_PORT: u16 = 11_000;
/// Number of them.
const PORTS: u32 = 20_000;

/// How every server of the tests is configured: no persistence, and the commands for debugging
/// that transcripts need. The core in this process gets the same.
pub const ARGUMENTS: &[&str] =
    &["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--enable-debug-command", "yes"];

/// A running server; it ends when this is dropped.
pub struct Server {
    child: Child,
    port: u16,
    dir: TempDir,
    parameters: BTreeMap<String, String>,
}

impl Server {
    /// Starts `program` with [`ARGUMENTS`].
    pub fn start(program: &Path) -> io::Result<Self> {
        Self::start_with(program, &[])
    }

    /// The same with more arguments, which come last and so win.
    pub fn start_with(program: &Path, arguments: &[&str]) -> io::Result<Self> {
        let mut attempt = 1;
        loop {
            match Self::start_once(program, arguments) {
                Err(error) if error.kind() == ErrorKind::AddrInUse && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// An error of the kind `AddrInUse` says that somebody else has taken the port meanwhile.
    fn start_once(program: &Path, arguments: &[&str]) -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let port = free_port()?;
        let log = dir.path().join("log");
        let child = Command::new(program)
            .args(["--port", &port.to_string()])
            .args(ARGUMENTS)
            .arg("--dir")
            .arg(dir.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&log)?)
            .stderr(std::fs::File::create(dir.path().join("errors"))?)
            .spawn()?;
        let mut server = Self { child, port, dir, parameters: BTreeMap::new() };
        server.await_start(&log)?;
        server.parameters = server.read_parameters();
        Ok(server)
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its working directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Back to the state right after the start, as far as commands can do it. On an error the
    /// server is of no further use.
    pub fn reset(&mut self) -> Result<(), String> {
        let mut connection = Connection::open(self.port).map_err(|error| error.to_string())?;
        for command in [&["CLIENT", "UNPAUSE"][..], &["SCRIPT", "FLUSH"], &["FUNCTION", "FLUSH"]] {
            connection.call(command);
        }
        for (name, value) in &self.read_parameters() {
            let first = self.parameters.get(name);
            if let Some(first) = first.filter(|first| *first != value) {
                connection.call(&["CONFIG", "SET", name, first]);
            }
        }
        // SLOWLOG and LATENCY may be missing; the other two must be there.
        connection.call(&["SLOWLOG", "RESET"]);
        connection.call(&["LATENCY", "RESET"]);
        for command in [&["CONFIG", "RESETSTAT"][..], &["FLUSHALL"]] {
            let heard = connection.call(command);
            if text(&heard).as_deref() != Some("OK") {
                return Err(format!("{}: {heard:?}", command.join(" ")));
            }
        }
        if connection.quit() { Ok(()) } else { Err("QUIT does not end a connection".into()) }
    }

    /// Waits until it answers, and not another server; shows its log if it dies first.
    fn await_start(&mut self, log: &Path) -> io::Result<()> {
        let until = Instant::now() + START_LIMIT;
        let own_id = format!("process_id:{}\r\n", self.child.id());
        while Instant::now() < until {
            if let Ok(mut connection) = Connection::open(self.port)
                && let Some(info) = text(&connection.call(&["INFO", "server"]))
            {
                let taken = || io::Error::from(ErrorKind::AddrInUse);
                return if info.contains(&own_id) { Ok(()) } else { Err(taken()) };
            }
            if let Some(status) = self.child.try_wait()? {
                let errors = std::fs::read_to_string(self.dir.path().join("errors"))?;
                let log = std::fs::read_to_string(log)?;
                return Err(io::Error::other(format!("ended with {status}\n{log}{errors}")));
            }
            sleep(Duration::from_millis(5));
        }
        Err(io::Error::other("does not answer INFO"))
    }

    fn read_parameters(&self) -> BTreeMap<String, String> {
        let Ok(mut connection) = Connection::open(self.port) else { return BTreeMap::new() };
        let heard = connection.call(&["CONFIG", "GET", "*"]);
        connection.quit();
        let Heard::Message(Reply::Sequence(Kind::Array, flat)) = heard else {
            return BTreeMap::new();
        };
        let texts: Vec<String> =
            flat.into_iter().filter_map(|r| text(&Heard::Message(r))).collect();
        texts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program on the PATH.
pub fn tool(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join(name))
        .find(|program| program.is_file())
}

/// Says that a test does nothing because `what` is missing: past the capture of test output, so
/// that it is seen, and as a failure where everything is installed (`CI=true`).
pub fn not_run(what: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{what}: missing");
    let _ = writeln!(io::stderr(), "\n*** NOT RUN: {what} is not installed ***\n");
}

/// Our own server, built with the profile of this build when it is first asked for. The variable
/// `SEEDIS_SERVER` names another program instead, for a look at how a stock server fares.
pub fn seedis() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("SEEDIS_SERVER") {
        Some(program) => program.into(),
        None => build_seedis(),
    })
}

fn build_seedis() -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    let is_profile = |dir: &&Path| !dir.ends_with("deps");
    let profile = test.ancestors().skip(1).find(is_profile).expect("it lies in a target directory");
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "-q", "-p", "seedis-server"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build.status().expect("cargo runs");
    assert!(status.success(), "seedis-server does not build");
    profile.join("seedis-server")
}

/// A port that nobody listens on at the moment, another one each time. It is below those that the
/// system gives to clients, or some connection might take it before the server does.
pub(crate) fn free_port() -> io::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() % PORTS;
    for _ in 0..PORTS {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST_PORT + ((first + next) % PORTS) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::from(ErrorKind::AddrInUse))
}
