//! The server on a disk that is full for a while.
//!
//! Reads go on, writes are refused with the reason, and when there is room again service resumes
//! without anybody's help. What was acknowledged before, between and after is there in the next
//! life. The disk is a small tmpfs: writes on it fall short before they fail, as on any other.

use seedis_tests::launch::await_that;
use seedis_tests::play::{Heard, Patience, Target};
use seedis_tests::process::{Server, not_run, seedis};
use seedis_tests::resp::Reply;
use seedis_tests::tcp::{Connection, Cut, Tcp, text};
use seedis_tests::words;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const VALUE_BYTES: usize = 20_000;

/// A file system of two megabytes; it is gone when this is dropped.
struct SmallDisk {
    dir: TempDir,
}

impl SmallDisk {
    /// `None` where nobody may mount one.
    fn new() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(dir.path());
        let output = mount.output().ok()?;
        output.status.success().then_some(Self { dir })
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Takes all room but about `bytes`; the file that does it.
    fn fill(&self, bytes: usize) -> PathBuf {
        let filler = self.path().join("filler");
        let mut size = 2 << 20;
        while fs::write(&filler, vec![b'f'; size]).is_err() {
            size -= 4096;
        }
        fs::write(&filler, vec![b'f'; size.saturating_sub(bytes)]).expect("it did fit");
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that is being killed may still be there.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_stops_writes_until_there_is_room() {
    stops_writes_until_there_is_room("everysec");
}

/// Reads wait for what others have written then, but not while the disk fails.
#[test]
fn a_full_disk_stops_writes_until_there_is_room_under_always_too() {
    stops_writes_until_there_is_room("always");
}

fn stops_writes_until_there_is_room(policy: &str) {
    let Some(disk) = SmallDisk::new() else { return not_run("mount (for a tmpfs)") };
    let server = start(&disk, policy);
    let mut writer = Writer::new(&server);
    for _ in 0..5 {
        assert!(writer.write().is_ok());
    }
    for _round in 0..2 {
        let filler = disk.fill(6 * VALUE_BYTES);
        let refusal = writer.write_until_refused();
        let expected = "MISCONF Errors writing to the AOF file: No space left on device";
        assert!(refusal.starts_with(expected), "{refusal}");
        writer.reads_go_on();
        fs::remove_file(filler).expect("it is there");
        writer.await_service();
        assert!(writer.write().is_ok());
        writer.info_is("aof_last_write_status:ok");
    }
    let filler = disk.fill(3 * VALUE_BYTES);
    writer.write_until_refused();
    drop(server);
    fs::remove_file(filler).expect("it is there");
    let server = start(&disk, policy);
    writer.assert_all_there(&server);
}

/// A base that does not fit is given up, and the log goes on as it was.
#[test]
fn a_rewrite_without_room_changes_nothing() {
    let Some(disk) = SmallDisk::new() else { return not_run("mount (for a tmpfs)") };
    let server = start(&disk, "always");
    let mut writer = Writer::new(&server);
    while writer.number < 30 {
        assert!(writer.write().is_ok());
    }
    let filler = disk.fill(8 * VALUE_BYTES);
    assert!(!matches!(writer.call(&["BGREWRITEAOF"]), Heard::Message(Reply::Error(_))));
    writer.info_is("aof_last_bgrewrite_status:err");
    assert!(writer.write().is_ok());
    fs::remove_file(filler).expect("it is there");
    assert!(!matches!(writer.call(&["BGREWRITEAOF"]), Heard::Message(Reply::Error(_))));
    writer.info_is("aof_last_bgrewrite_status:ok");
    assert!(writer.write().is_ok());
    drop(server);
    let server = start(&disk, "always");
    writer.assert_all_there(&server);
}

fn start(disk: &SmallDisk, policy: &str) -> Server {
    let dir = disk.path().to_str().expect("a path is text");
    let log = ["--dir", dir, "--appendonly", "yes", "--appendfsync", policy];
    let log = [&log[..], &["--rdbcompression", "no"]].concat();
    let server = Server::start_with(seedis(), &log).expect("it starts");
    let mut client = Connection::open(server.port()).expect("it listens");
    let is_loaded = || !matches!(client.call(&["PING"]), Heard::Message(Reply::Error(_)));
    await_that("it has loaded", is_loaded, String::new);
    server
}

/// Clients that remember what was acknowledged.
struct Writer {
    tcp: Tcp,
    number: usize,
    acknowledged: Vec<usize>,
    /// Writes without an answer: each of them has a connection of its own.
    pending: Vec<usize>,
}

impl Writer {
    fn new(server: &Server) -> Self {
        let (acknowledged, pending) = Default::default();
        Self { tcp: Tcp::new(server.port(), Cut::Whole), number: 0, acknowledged, pending }
    }

    fn call(&mut self, words: &[&str]) -> Heard {
        self.send("calls", words);
        self.tcp.hear("calls", Patience::Long)
    }

    fn send(&mut self, conn: &str, words: &[&str]) {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        self.tcp.send(conn, &words::encode(&words));
    }

    /// Sends a write of which the answer may be late.
    fn begin_write(&mut self) -> String {
        self.number += 1;
        let (key, value) = pair(self.number);
        let conn = format!("writer {}", self.number);
        self.send(&conn, &["SET", &key, &value]);
        conn
    }

    fn write(&mut self) -> Result<(), String> {
        let conn = self.begin_write();
        let heard = self.tcp.hear(&conn, Patience::Long);
        let answer = self.note(self.number, &heard);
        self.tcp.close(&conn);
        answer
    }

    fn note(&mut self, number: usize, heard: &Heard) -> Result<(), String> {
        if let Heard::Message(Reply::Error(error)) = heard {
            return Err(String::from_utf8_lossy(error).into_owned());
        }
        assert_eq!(text(heard).as_deref(), Some("OK"), "write {number}");
        self.acknowledged.push(number);
        Ok(())
    }

    /// Writes until the disk is full. The write that meets its end is answered when there is room
    /// again; the next one is refused.
    fn write_until_refused(&mut self) -> String {
        for _ in 0..100 {
            let conn = self.begin_write();
            let heard = loop {
                match self.tcp.hear(&conn, Patience::Short) {
                    Heard::Silence if self.has_failed() => break Heard::Silence,
                    Heard::Silence => {}
                    heard => break heard,
                }
            };
            if heard == Heard::Silence {
                self.pending.push(self.number);
            } else if let Err(refusal) = self.note(self.number, &heard) {
                return refusal;
            }
        }
        panic!("the disk is never full");
    }

    fn has_failed(&mut self) -> bool {
        self.info().contains("aof_last_write_status:err")
    }

    fn info(&mut self) -> String {
        let heard = self.call(&["INFO", "persistence"]);
        text(&heard).unwrap_or_else(|| panic!("INFO: {heard:?}"))
    }

    fn reads_go_on(&mut self) {
        let (key, value) = pair(self.acknowledged[0]);
        assert!(text(&self.call(&["GET", &key])) == Some(value), "{key}");
    }

    fn info_is(&mut self, line: &str) {
        await_that(line, || self.info().contains(line), String::new);
    }

    /// Waits until writes are taken again, and those that waited are answered.
    fn await_service(&mut self) {
        await_that("writes go on", || self.write().is_ok(), String::new);
        for number in std::mem::take(&mut self.pending) {
            let heard = self.tcp.hear(&format!("writer {number}"), Patience::Long);
            assert_eq!(self.note(number, &heard), Ok(()));
        }
    }

    fn assert_all_there(&self, server: &Server) {
        let mut client = Connection::open(server.port()).expect("it listens");
        for &number in &self.acknowledged {
            let (key, value) = pair(number);
            assert!(text(&client.call(&["GET", &key])) == Some(value), "{key} is lost");
        }
    }
}

fn pair(number: usize) -> (String, String) {
    (format!("key:{number}"), format!("{number}:").repeat(VALUE_BYTES / 4))
}
