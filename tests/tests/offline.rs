//! `--check` and `--salvage` on directories of real servers that were damaged in real ways.
//!
//! The server that wrote them was killed, so nothing was tidied up. What `--check` calls fine must
//! be what a server starts on, what it calls broken what a server refuses, and a server must start
//! on what was salvaged and hold what was said to be kept.

use seedis_tests::launch::{Launch, Launched};
use seedis_tests::play::Heard;
use seedis_tests::process::{Server, not_run, seedis, tool};
use seedis_tests::resp::Reply;
use seedis_tests::tcp::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Keys of the base and of the log.
const KEYS: usize = 20;

/// The files of a server that was killed: `base-1` and so on in the base, `log-1` in the log.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let arguments = ["--appendonly", "yes", "--appendfsync", "always"];
        let server = Server::start_with(seedis(), &arguments).expect("it starts");
        let mut client = Connection::open(server.port()).expect("it listens");
        let mut set = |kind: &str| {
            for number in 1..=KEYS {
                let value = format!("the-value-{number}");
                client.call(&["SET", &format!("{kind}-{number}"), &value]);
            }
        };
        set("base");
        let mut other = Connection::open(server.port()).expect("it listens");
        other.call(&["BGREWRITEAOF"]);
        let manifest = server.dir().join("appendonlydir/appendonly.aof.manifest");
        let is_done = || {
            fs::read_to_string(&manifest)
                .expect("the file system works")
                .contains("aof.2.base.rdb seq 2")
        };
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !is_done() {
            assert!(std::time::Instant::now() < until, "no rewrite");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        set("log");
        let copy = tempfile::tempdir().expect("there is room");
        // Under `always` everything that was answered is in the files.
        copy_all(server.dir(), copy.path());
        Self(copy)
    }

    fn dir(&self) -> &str {
        self.0.path().to_str().expect("a path is text")
    }

    fn path(&self, kind: &str) -> PathBuf {
        let wanted = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().contains(kind);
        let entries =
            fs::read_dir(self.0.path().join("appendonlydir")).expect("the file system works");
        entries.flatten().find(wanted).expect("there is one").path()
    }

    /// Changes a file.
    fn damage(&self, kind: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path(kind);
        let mut bytes = fs::read(&path).expect("the file system works");
        change(&mut bytes);
        fs::write(path, bytes).expect("the file system works");
    }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the file system works").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).expect("the file system works");
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the file system works");
        }
    }
}

/// Exit code and text of `--check`.
fn check(dir: &str) -> (Option<i32>, String) {
    let (code, output, errors) = Launch::new().arguments(&["--check", dir]).run();
    assert_eq!(errors, "");
    (code, output)
}

fn server_on(dir: &str) -> Launch {
    Launch::new().on_port().arguments(&["--dir", dir, "--appendonly", "yes"])
}

/// The number of keys of each kind in a server that starts on a directory.
fn keys_of(dir: &str) -> (usize, usize) {
    let server = server_on(dir).start().ready();
    (count(&server, "base"), count(&server, "log"))
}

fn count(server: &Launched, kind: &str) -> usize {
    let mut client = Connection::open(server.port()).expect("it listens");
    let names: Vec<String> = (1..=KEYS).map(|number| format!("{kind}-{number}")).collect();
    let words: Vec<&str> = ["EXISTS"].into_iter().chain(names.iter().map(String::as_str)).collect();
    match client.call(&words) {
        Heard::Message(Reply::Integer(count)) => count as usize,
        other => panic!("{other:?}"),
    }
}

/// Salvages into a new directory.
fn salvage(files: &Files) -> (TempDir, String) {
    let room = tempfile::tempdir().expect("there is room");
    let new = room.path().join("new");
    let line = ["--salvage", files.dir(), new.to_str().expect("a path is text")];
    let (code, output, errors) = Launch::new().arguments(&line).run();
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{output}");
    (room, output)
}

fn new_dir(room: &TempDir) -> String {
    room.path().join("new").to_str().expect("a path is text").into()
}

fn position(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).position(|part| part == text.as_bytes()).expect("it is there")
}

#[test]
fn whole_files_are_described() {
    let files = Files::new();
    let (code, text) = check(files.dir());
    assert_eq!(code, Some(0), "{text}");
    let has = |words: &str| assert!(text.contains(words), "{words}: {text}");
    has("appendonly.aof.2.base.rdb: base, ");
    has(&format!("RDB version 11, {KEYS} keys, checksum fits\n"));
    has(&format!("{} commands in {KEYS} batches, LSN ", KEYS + 1));
    has("The append only file is fine\n");
    let before = fs::read(files.path("incr")).unwrap();
    let (room, _) = salvage(&files);
    assert_eq!(keys_of(&new_dir(&room)), (KEYS, KEYS));
    assert_eq!(fs::read(files.path("incr")).unwrap(), before);
}

#[test]
fn a_torn_tail_is_fine() {
    let files = Files::new();
    files.damage("incr", |bytes| bytes.truncate(bytes.len() - 3));
    let (code, text) = check(files.dir());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("damage at offset "), "{text}");
    assert!(text.contains("has a torn tail, which a server cuts off: "), "{text}");
    let (room, _) = salvage(&files);
    assert_eq!(keys_of(&new_dir(&room)), (KEYS, KEYS - 1));
    assert_eq!(keys_of(files.dir()), (KEYS, KEYS - 1));
}

#[test]
fn rot_in_the_log_is_told_with_what_is_lost() {
    let files = Files::new();
    files.damage("incr", |bytes| {
        let at = position(bytes, "the-value-8");
        bytes[at] ^= 1;
    });
    let (code, text) = check(files.dir());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("a batch does not match its checksum"), "{text}");
    let lost = format!("among them {} whole batches", KEYS - 8);
    assert!(text.contains(&lost), "{text}");
    assert_eq!(server_on(files.dir()).run().0, Some(1), "a server starts on it");
    let (room, said) = salvage(&files);
    assert!(said.contains("Left out of the log: ") && said.contains(&lost), "{said}");
    assert_eq!(keys_of(&new_dir(&room)), (KEYS, 7));
}

#[test]
fn of_a_rotted_base_the_keys_before_the_damage_are_kept() {
    let files = Files::new();
    files.damage("base", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle..].fill(0xc4);
    });
    let (code, text) = check(files.dir());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("The append only file is broken: appendonly.aof.2.base.rdb"), "{text}");
    assert_eq!(server_on(files.dir()).run().0, Some(1), "a server starts on it");
    let (room, said) = salvage(&files);
    assert!(said.contains(&format!("among them {KEYS} whole batches")), "{said}");
    let (base, log) = keys_of(&new_dir(&room));
    assert!((1..KEYS).contains(&base), "{base}");
    assert_eq!(log, 0, "the log changed values that are missing");
}

#[test]
fn a_base_of_which_only_a_value_is_wrong_is_kept_with_the_log() {
    let files = Files::new();
    files.damage("base", |bytes| {
        let at = position(bytes, "the-value-5");
        bytes[at] ^= 1;
    });
    let (code, text) = check(files.dir());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("checksum"), "{text}");
    let (room, _) = salvage(&files);
    assert_eq!(keys_of(&new_dir(&room)), (KEYS, KEYS));
}

#[test]
fn files_that_are_missing_or_unknown_are_named() {
    let files = Files::new();
    fs::write(files.0.path().join("appendonlydir/appendonly.aof.9.incr.aof"), "rest").unwrap();
    let (code, text) = check(files.dir());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("9.incr.aof: not named by the manifest"), "{text}");
    fs::remove_file(files.path("2.incr")).unwrap();
    let (code, text) = check(files.dir());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("No such file or directory"), "{text}");
    let (room, _) = salvage(&files);
    assert_eq!(keys_of(&new_dir(&room)), (KEYS, 0));
}

#[test]
fn a_damaged_manifest_is_told_by_its_line() {
    let files = Files::new();
    files.damage("manifest", |bytes| bytes[8] ^= 1);
    let (code, text) = check(files.dir());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("does not match its checksum"), "{text}");
    let new = files.0.path().join("new");
    let line = ["--salvage", files.dir(), new.to_str().unwrap()];
    let (code, _, errors) = Launch::new().arguments(&line).run();
    assert_eq!(code, Some(1));
    assert!(errors.starts_with("The manifest is damaged (line "), "{errors}");
    assert!(!new.exists());
}

#[test]
fn a_directory_that_is_used_is_not_salvaged_into() {
    let files = Files::new();
    let line = ["--salvage", files.dir(), files.dir()];
    let (code, _, errors) = Launch::new().arguments(&line).run();
    assert_eq!(code, Some(1));
    assert!(errors.contains("is not empty"), "{errors}");
}

#[test]
fn files_of_redis_are_described_and_what_is_unknown_is_named() {
    let Some(redis) = tool("redis-server") else { return not_run("redis-server") };
    let arguments = ["--appendonly", "yes", "--appendfsync", "always"];
    let server = Server::start_with(&redis, &arguments).unwrap();
    let mut client = Connection::open(server.port()).unwrap();
    client.call(&["SET", "a", "1"]);
    client.call(&["INCR", "a"]);
    let (code, text) = check(server.dir().to_str().unwrap());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("3 commands in 0 batches"), "{text}");
    let library = "#!lua name=jobs\nredis.register_function('job', function() return 1 end)";
    client.call(&["FUNCTION", "LOAD", library]);
    let (code, text) = check(server.dir().to_str().unwrap());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("the command 'FUNCTION' does not exist here"), "{text}");
}
