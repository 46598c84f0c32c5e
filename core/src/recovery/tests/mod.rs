//! A core that lives several lives on the same files.
//!
//! The files are a map, and requests are carried out at once, in the order in which they were made:
//! what may go wrong between a request and its completion is for the simulator. Here a life ends
//! between two commands, and what its files went through before the next life is the test.

mod damage;
mod epochs;
mod hostile;
mod leftovers;
mod lives;
mod reading;
mod stock;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::config::{Config, file};
use crate::io::{
    Dir, FileEntry, FileId, IoError, IoErrorKind, IoReq, IoResult, Name, OpenMode, Ticket,
};
use crate::keyspace::ValueRef;
use crate::turn::HostFacts;
use crate::value::Value;
use crate::{ConnId, Core, Effects, Now, Peer};

/// Database and key to value and deadline.
pub(super) type State = BTreeMap<(usize, Vec<u8>), (Vec<u8>, Option<u64>)>;

/// More turns than any input needs.
const TURNS_MAX: usize = 1000;

const CONN: ConnId = ConnId { slot: 0, generation: 0 };

/// A second client.
const OTHER: ConnId = ConnId { slot: 1, generation: 0 };

fn peer() -> Peer {
    Peer { addr: "".into(), laddr: "".into(), is_local: true, is_unix: false, fd: 0 }
}

/// Files that outlive a core. One that was opened stays itself when its name goes to another.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    names: BTreeMap<Name, usize>,
    contents: Vec<Vec<u8>>,
    opened: BTreeMap<FileId, usize>,
    /// Snapshots fail.
    pub(super) refuses_saves: bool,
    /// Snapshots take for ever.
    pub(super) delays_saves: bool,
    /// Manifests are replaced, and this says so later.
    pub(super) delays_manifests: bool,
    pub(super) delayed: Option<Ticket>,
    /// Nothing can be written to files that are open.
    pub(super) refuses_writes: bool,
    /// Of a write only the first five bytes are done.
    pub(super) shortens_writes: bool,
    /// Manifests are not replaced.
    pub(super) refuses_manifests: bool,
    /// Writes stay outstanding; these were asked for.
    pub(super) delays_writes: bool,
    pub(super) outstanding: Outstanding,
    /// What was asked for.
    pub(super) asked: Vec<String>,
    /// Where the working directory was changed to.
    pub(super) dirs: Vec<Vec<u8>>,
    /// Syncs of files fail.
    pub(super) refuses_syncs: bool,
    /// A signal comes during every other request that it may come during.
    pub(super) interrupts: bool,
    was_interrupted: bool,
}

/// Requests that are not carried out yet.
#[derive(Debug, Default)]
pub(super) struct Outstanding(pub(super) Vec<(Ticket, IoReq)>);

impl Clone for Outstanding {
    /// A copy of the files has nothing outstanding.
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// How a request ends when a signal comes.
fn interrupted(request: IoReq) -> IoResult {
    let words = "Interrupted system call".into();
    let error = IoError { kind: IoErrorKind::Interrupted, words };
    match request {
        IoReq::WriteAt { bytes, .. } => IoResult::NotWritten { error, bytes },
        _ => IoResult::Failed(error),
    }
}

impl Disk {
    /// Puts a file there.
    pub(super) fn put(&mut self, dir: Dir, name: &str, bytes: &[u8]) {
        let at = self.create(Name::file(dir, name.as_bytes()));
        self.contents[at] = bytes.into();
    }

    /// A file's content; it must be there.
    pub(super) fn content(&self, name: &Name) -> &Vec<u8> {
        &self.contents[self.names[name]]
    }

    /// A file's content, to be changed.
    pub(super) fn content_mut(&mut self, name: &Name) -> &mut Vec<u8> {
        &mut self.contents[self.names[name]]
    }

    /// The file of the append-only file whose name ends so; the last one of several.
    pub(super) fn aof(&self, end: &str) -> Name {
        let is_it =
            |name: &&Name| matches!(name, Name::In(_, name) if name.ends_with(end.as_bytes()));
        self.names.keys().rfind(is_it).expect("there is one").clone()
    }

    fn create(&mut self, name: Name) -> usize {
        self.contents.push(Vec::new());
        let at = self.contents.len() - 1;
        self.names.insert(name, at);
        at
    }

    /// Whether a signal comes during this request.
    fn interrupt(&mut self, request: &IoReq) -> bool {
        let may_be = matches!(request, IoReq::Replace { .. } | IoReq::WriteAt { .. })
            || request.again().is_some();
        self.was_interrupted = self.interrupts && may_be && !self.was_interrupted;
        self.was_interrupted
    }

    fn carry_out(&mut self, request: IoReq) -> IoResult {
        self.asked.push(format!("{request:?}"));
        if self.interrupt(&request) {
            return interrupted(request);
        }
        let done = match request {
            IoReq::Read { name } => {
                self.find(&name).map(|at| IoResult::Bytes(self.contents[at].clone()))
            }
            IoReq::Replace { .. } if self.refuses_manifests => Err(IoError::other("No space left")),
            IoReq::Close { file } => {
                self.opened.remove(&file).expect("it is open");
                Ok(IoResult::Done)
            }
            IoReq::ChangeDir { path } => {
                self.dirs.push(path.clone());
                Ok(IoResult::Bytes(path))
            }
            IoReq::Replace { name, bytes } => {
                let at = self.create(name);
                self.contents[at] = bytes;
                Ok(IoResult::Done)
            }
            IoReq::List { dir } => Ok(IoResult::Files(self.list(dir))),
            IoReq::Rename { from, to } => self.names.remove(&from).ok_or_else(missing).map(|at| {
                self.names.insert(to, at);
                IoResult::Done
            }),
            IoReq::Unlink { name } => {
                self.names.remove(&name).ok_or_else(missing).map(|_| IoResult::Done)
            }
            IoReq::Open { file, name, mode } => self.open(file, name, mode),
            IoReq::ReadAt { file, at, len } => {
                let content = &self.contents[self.opened[&file]];
                let from = content.len().min(at as usize);
                let to = content.len().min(from + len);
                Ok(IoResult::Bytes(content[from..to].into()))
            }
            IoReq::WriteAt { bytes, .. } if self.refuses_writes => {
                let error = IoError::other("No space left on device");
                return IoResult::NotWritten { error, bytes };
            }
            IoReq::WriteAt { file, at, mut bytes, from } => {
                let whole = bytes.clone();
                bytes.truncate(if self.shortens_writes { from + 5 } else { whole.len() });
                let content = &mut self.contents[self.opened[&file]];
                content.resize(content.len().max(at as usize + bytes.len() - from), 0);
                content[at as usize..][..bytes.len() - from].copy_from_slice(&bytes[from..]);
                Ok(IoResult::Written { count: bytes.len() - from, bytes: whole })
            }
            IoReq::Truncate { file, len } => {
                self.contents[self.opened[&file]].truncate(len as usize);
                Ok(IoResult::Done)
            }
            IoReq::Save { .. } if self.refuses_saves => Err(IoError::other("No space left")),
            IoReq::Save { file, mut save, .. } => {
                let bytes =
                    core::iter::from_fn(|| save.next_piece()).flatten().collect::<Vec<u8>>();
                let len = bytes.len() as u64;
                self.contents[self.opened[&file]] = bytes;
                Ok(IoResult::Saved { len })
            }
            IoReq::Sync { .. } if self.refuses_syncs => Err(IoError::other("Input/output error")),
            _ => Ok(IoResult::Done),
        };
        done.unwrap_or_else(IoResult::Failed)
    }

    fn find(&self, name: &Name) -> Result<usize, IoError> {
        self.names.get(name).copied().ok_or_else(missing)
    }

    fn list(&self, of: Dir) -> Vec<FileEntry> {
        let entry = |(name, &at): (&Name, &usize)| match name {
            Name::In(dir, name) if *dir == of => {
                Some(FileEntry { name: name.clone(), len: self.contents[at].len() as u64 })
            }
            _ => None,
        };
        self.names.iter().filter_map(entry).collect()
    }

    fn open(&mut self, file: FileId, name: Name, mode: OpenMode) -> Result<IoResult, IoError> {
        let found = self.find(&name);
        let at = match mode {
            OpenMode::Read | OpenMode::Write => found?,
            OpenMode::CreateNew if found.is_ok() => return Err(IoError::other("File exists")),
            OpenMode::Create | OpenMode::CreateNew => self.create(name),
        };
        self.opened.insert(file, at);
        Ok(IoResult::Opened { len: self.contents[at].len() as u64 })
    }
}

fn missing() -> IoError {
    IoError { kind: IoErrorKind::NotFound, words: "No such file or directory".into() }
}

/// From a start to a crash.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) core: Core,
    pub(super) disk: Disk,
    now: Now,
    pub(super) exit: Option<i32>,
    /// The server's log.
    pub(super) lines: Vec<String>,
    got: Vec<u8>,
}

impl Life {
    /// Starts on a disk, and recovers; what came of it is in `exit` and `lines`.
    pub(super) fn start(disk: Disk, configuration: &str) -> Self {
        let now = Now { mono_ns: 1_000_000_000, wall_us: 1_700_000_000_000_000 };
        let core = Core::new(config(configuration), [7; 32]);
        let (exit, lines, got) = Default::default();
        let mut life = Self { core, disk, now, exit, lines, got };
        life.core.recover();
        life.turns(&[]);
        if life.exit.is_none() {
            assert!(!life.core.is_loading(), "{:?}", life.lines);
            life.core.check();
            life.core.turn(now).accept(CONN, peer());
        }
        life
    }

    /// Ends without a word.
    pub(super) fn crash(mut self) -> Disk {
        self.disk.opened.clear();
        self.disk
    }

    /// Sends a command, words between blanks; returns the reply.
    pub(super) fn call(&mut self, line: &str) -> String {
        let reply = self.send(line);
        assert!(!reply.is_empty(), "{line}: no reply");
        reply
    }

    /// Sends a command; returns what is replied at once, which may be nothing.
    pub(super) fn send(&mut self, line: &str) -> String {
        self.got.clear();
        self.turns(&command(line));
        String::from_utf8_lossy(&self.got).into_owned()
    }

    /// Sends a command of another client.
    pub(super) fn send_from(&mut self, conn: ConnId, line: &str) {
        self.core.turn(self.now).feed(conn, &command(line));
        self.turns(&[]);
    }

    /// The same for several commands, none of which may fail.
    pub(super) fn calls(&mut self, lines: &[&str]) {
        for line in lines {
            let reply = self.call(line);
            assert!(!reply.starts_with('-'), "{line}: {reply}");
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, ms: u64) {
        self.now.mono_ns += ms * 1_000_000;
        self.now.wall_us += ms as i64 * 1000;
        self.turns(&[]);
    }

    /// Carries out what was outstanding, in the order in which it was asked for.
    pub(super) fn carry_out_outstanding(&mut self) {
        for (ticket, request) in core::mem::take(&mut self.disk.outstanding.0) {
            let result = self.disk.carry_out(request);
            self.core.turn(self.now).done(ticket, result);
        }
        self.turns(&[]);
    }

    /// All that is in the databases.
    pub(super) fn state(&self) -> State {
        let mut state = State::new();
        for (number, db) in self.core.databases().numbered() {
            for entry in db.iter() {
                let value = match entry.value() {
                    ValueRef::String(bytes) => bytes.to_vec(),
                    ValueRef::Int(number) => format!("{number}").into_bytes(),
                    ValueRef::Object(Value::String(bytes)) => bytes.to_vec(),
                    _ => entry.value_digest().to_vec(),
                };
                state.insert((number, entry.key().to_vec()), (value, entry.expire_at_ms()));
            }
        }
        state
    }

    /// Turns until nothing is left to be done at this instant.
    fn turns(&mut self, input: &[u8]) {
        let mut at = 0;
        for _ in 0..TURNS_MAX {
            let mut turn = self.core.turn(self.now);
            if at < input.len() {
                at += turn.feed(CONN, &input[at..]).consumed;
            }
            let mut effects = turn.seal();
            drain(&mut effects, &mut self.disk, &mut self.got);
            self.lines.extend(core::iter::from_fn(|| effects.log_line()).map(|(_, line)| line));
            self.exit = effects.exit().map(|exit| exit.code);
            let is_due = self.core.next_deadline().is_some_and(|due| due <= self.now.mono_ns);
            if self.exit.is_some() || at == input.len() && !is_due {
                return;
            }
        }
        panic!("there is always another turn: {:?}", self.lines);
    }
}

fn drain(effects: &mut Effects<'_>, disk: &mut Disk, got: &mut Vec<u8>) {
    while let Some((ticket, request)) = effects.io() {
        let ticket: Ticket = ticket;
        if disk.delays_saves && matches!(request, IoReq::Save { .. }) {
            disk.outstanding.0.push((ticket, request));
            continue;
        }
        if disk.delays_writes && matches!(request, IoReq::WriteAt { .. }) {
            disk.outstanding.0.push((ticket, request));
            continue;
        }
        if disk.delays_manifests && matches!(request, IoReq::Replace { .. }) {
            disk.delayed = Some(ticket);
            disk.carry_out(request);
            continue;
        }
        effects.done(ticket, disk.carry_out(request));
    }
    while let Some(conn) = effects.writable() {
        let before = got.len();
        effects.tx(conn).for_each(|bytes| got.extend_from_slice(bytes));
        effects.sent(conn, got.len() - before);
    }
    while effects.resumed().is_some() || effects.close().is_some() {}
}

fn config(text: &str) -> Config {
    let text = format!("save \"\"\n{text}");
    let include = &mut |_: &str| Err(String::new());
    file::parse(text.as_bytes(), "test", include).expect("the directives are right").config
}

/// A file without the line that a life begins with, if that is the last of it.
pub(super) fn without_first_line(file: &[u8]) -> &[u8] {
    let lines = file.strip_suffix(b"\n").unwrap_or_default();
    let start = lines.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    if lines[start..].starts_with(b"#lsn ") { &file[..start] } else { file }
}

/// A command as Redis writes it to its append-only file, words between blanks.
pub(super) fn command(line: &str) -> Vec<u8> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}

/// Several of them.
pub(super) fn commands(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| command(line)).collect()
}
