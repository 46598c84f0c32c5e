//! Server processes as a user starts them: any arguments, any environment, any end.
//!
//! [`crate::process`] starts servers to talk to; here the process itself is what is tested. Its
//! output goes to files in its directory, and it is asked for nothing that the test does not ask.

use crate::process::{free_port, seedis};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything that must happen may take. Generous: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(20);

/// A process to be started, in a temporary directory of its own, with a port of its own.
pub struct Launch {
    dir: TempDir,
    port: u16,
    command: Command,
}

impl Default for Launch {
    fn default() -> Self {
        Self::new()
    }
}

impl Launch {
    /// Our server without arguments.
    pub fn new() -> Self {
        Self::of(Command::new(seedis()))
    }

    /// Our server under a limit of open files.
    pub fn with_open_files(limit: u32) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &limit.to_string()]).arg(seedis());
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let port = free_port().expect("a free port");
        command.current_dir(dir.path()).env_remove("NOTIFY_SOCKET").env_remove("UPSTART_JOB");
        Self { dir, port, command }
    }

    /// Adds `--port`, `--bind 127.0.0.1` and `--save ""`.
    #[must_use]
    pub fn on_port(self) -> Self {
        let port = self.port.to_string();
        self.arguments(&["--port", &port, "--bind", "127.0.0.1", "--save", ""])
    }

    /// Writes `text` to `redis.conf` and adds that as an argument; comes before all others.
    #[must_use]
    pub fn configured(self, text: &str) -> Self {
        self.file("redis.conf", text).arguments(&["redis.conf"])
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Writes a file into its directory.
    #[must_use]
    pub fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.path(name), text).expect("the directory is writable");
        self
    }

    /// Its working directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The port that was chosen for it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it; its standard input is the file `input`, if that was written.
    pub fn start(mut self) -> Launched {
        let create = |name| File::create(self.dir.path().join(name)).expect("it is writable");
        let input = File::open(self.path("input")).map_or_else(|_| Stdio::null(), Stdio::from);
        self.command.stdin(input).stdout(create("output")).stderr(create("errors"));
        let child = self.command.spawn().expect("the server is built");
        Launched { child, dir: self.dir, port: self.port }
    }

    /// Starts it and waits for its end; returns its exit code, standard output and errors.
    pub fn run(self) -> (Option<i32>, String, String) {
        let mut launched = self.start();
        let status = launched.wait();
        (status.code(), launched.output(), launched.errors())
    }
}

/// A process that was started; it is killed when this is dropped.
pub struct Launched {
    child: Child,
    dir: TempDir,
    port: u16,
}

impl Launched {
    /// A path in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The port that was chosen for it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output.
    pub fn output(&self) -> String {
        text(&self.path("output"))
    }

    /// What it wrote to standard error.
    pub fn errors(&self) -> String {
        text(&self.path("errors"))
    }

    /// Waits until standard output holds `line`.
    pub fn await_output(&mut self, line: &str) {
        self.await_in("output", line);
    }

    /// Waits until a file in its directory holds `line`.
    pub fn await_in(&mut self, name: &str, line: &str) {
        let path = self.path(name);
        await_that(
            &format!("{name} holds '{line}'"),
            || text(&path).contains(line),
            || format!("{}{}", text(&path), self.errors()),
        );
    }

    /// Waits until it takes connections; returns itself.
    #[must_use]
    pub fn ready(mut self) -> Self {
        self.await_output("Ready to accept connections");
        self
    }

    /// Sends it a signal, by a name such as `TERM`.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(Instant::now() < until, "does not end: {}{}", self.output(), self.errors());
            sleep(Duration::from_millis(2));
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_none()
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `is_so`; panics with `state` if it takes too long.
pub fn await_that(what: &str, mut is_so: impl FnMut() -> bool, state: impl FnOnce() -> String) {
    let until = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < until, "not so: {what}\n{}", state());
        sleep(Duration::from_millis(2));
    }
}

/// Sends a signal to a process.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -s {name} {pid}");
}

/// The text of a file, empty if there is none.
pub fn text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
