//! The servers under test: started on a free port in a directory of their own, stopped by dropping.

use std::io::{self, Error};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::Client;

/// A server by name, and how to start it.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) name: String,
    command: String,
}

impl Spec {
    /// Reads `name=command`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, command) = text.split_once('=').ok_or("a server is NAME=COMMAND")?;
        Ok(Self { name: name.into(), command: command.replace(['\'', '"'], "") })
    }

    /// Our release build and the peer that is installed.
    pub(crate) fn installed() -> Vec<Self> {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/seedis-server");
        let ours = format!("seedis={} --port {{port}} --dir {{dir}}", ours.display());
        let peer = "redis=redis-server --port {port} --dir {dir} --save '' --appendonly no";
        [ours.as_str(), peer].iter().filter_map(|text| Self::parse(text).ok()).collect()
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) port: u16,
    child: Child,
    dir: Arc<TempDir>,
}

impl Server {
    /// Starts a server and waits until it answers.
    pub(crate) fn start(spec: &Spec) -> io::Result<Self> {
        Self::start_with(spec, &[])
    }

    /// As [`Server::start`], with more arguments.
    pub(crate) fn start_with(spec: &Spec, arguments: &[&str]) -> io::Result<Self> {
        Self::start_in(spec, arguments, Arc::new(TempDir::new()?))
    }

    /// Kills the process and starts another in the same directory.
    pub(crate) fn restart(self, spec: &Spec, arguments: &[&str]) -> io::Result<Self> {
        let dir = Arc::clone(&self.dir);
        drop(self);
        Self::start_in(spec, arguments, dir)
    }

    fn start_in(spec: &Spec, arguments: &[&str], dir: Arc<TempDir>) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let path = dir.path().display().to_string();
        let words = spec
            .command
            .split(' ')
            .map(|word| word.replace("{port}", &port.to_string()).replace("{dir}", &path));
        // An option may have an empty value: `--save ''`.
        let words: Vec<String> = words.collect();
        let child = Command::new("taskset")
            .args(["-c", "0"])
            .args(&words)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { name: spec.name.clone(), port, child, dir };
        server.wait()?;
        Ok(server)
    }

    fn wait(&self) -> io::Result<()> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if Client::connect(self.port).and_then(|mut client| client.call(&["PING"])).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(Error::other(format!("{} does not answer", self.name)))
    }

    /// CPU time that the process has used, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> u64 {
        let path = format!("/proc/{}/task", self.child.id());
        let tasks = std::fs::read_dir(path).into_iter().flatten().flatten();
        let of = |task: std::fs::DirEntry| {
            let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        tasks.filter_map(of).sum()
    }

    /// Bytes of all files in its directory.
    pub(crate) fn disk_bytes(&self) -> u64 {
        bytes_below(self.dir.path())
    }

    /// Memory of the process and of its children in bytes; what they share counts once.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let pid = self.child.id();
        let path = format!("/proc/{pid}/task/{pid}/children");
        let children = std::fs::read_to_string(path).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|child| child.parse().ok());
        children.chain([pid]).map(proportional_bytes).sum()
    }

    /// Resident set size in bytes.
    pub(crate) fn rss_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kb = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kb.unwrap_or(0) * 1024
    }

    /// A connection.
    pub(crate) fn client(&self) -> io::Result<Client> {
        Client::connect(self.port)
    }
}

fn proportional_bytes(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("Pss:"));
    let kb = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kb.unwrap_or(0) * 1024
}

fn bytes_below(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let bytes = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_below(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(bytes).sum()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
