//! A real server as a child process, on a free port of 127.0.0.1; it ends when this is dropped.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::value::Value;

/// The server and a connection to it.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    dir: PathBuf,
    stream: TcpStream,
    received: Vec<u8>,
}

/// How long a start or an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

impl Peer {
    /// Starts a program that takes the arguments of redis-server.
    ///
    /// # Errors
    ///
    /// It cannot be started, or does not listen in time.
    pub fn start(program: &Path) -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let dir = std::env::temp_dir().join(format!("seedis-sim-{}-{port}", std::process::id()));
        std::fs::create_dir(&dir)?;
        let child = Command::new(program)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
            .args(["--appendonly", "no", "--enable-debug-command", "yes", "--dir"])
            .arg(&dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                // It is empty, and no more than a trace of what failed.
                let _ = std::fs::remove_dir(&dir);
                return Err(error);
            }
        };
        match connect(port) {
            Ok(stream) => Ok(Self { child, dir, stream, received: Vec::new() }),
            Err(error) => {
                end(&mut child, &dir);
                Err(error)
            }
        }
    }

    /// Sends all this at once.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next reply.
    ///
    /// # Errors
    ///
    /// None comes.
    pub fn reply(&mut self) -> io::Result<Value> {
        let mut piece = vec![0; 1 << 16];
        loop {
            if let Some((value, taken)) = Value::parse(&self.received) {
                self.received.drain(..taken);
                return Ok(value);
            }
            match self.stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.received.extend_from_slice(&piece[..count]),
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        end(&mut self.child, &self.dir);
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let start = Instant::now();
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) if start.elapsed() > PATIENCE => return Err(error),
            Err(_) => sleep(Duration::from_millis(20)),
        }
    }
}

fn end(child: &mut Child, dir: &Path) {
    // It may have ended by itself, and what it left is of no use.
    let _ = child.kill();
    let _ = child.wait();
    let _ = std::fs::remove_dir_all(dir);
}
