//! Manifests as somebody writes them who knows what Redis accepts, and those that it refuses.
//!
//! Which files are loaded, in which order, and what is known of each must come out of any legal
//! text, and go back into one whose names are quoted where they must be. One that is wrong must be
//! refused with the number of the line.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::recovery::inspect::{Files, Part};

use crate::finding::Invariant::F1;
use crate::finding::check;
use crate::sabotage::log_text::{Listed, manifest_of};
use crate::stock::manifest::{Named, wrong};

/// Wrong manifests that are tried at once.
const WRONG: usize = 3;

/// How names begin, some of which must be quoted.
const PREFIXES: [&str; 6] =
    ["appendonly.aof", "my log", "it's", "a\"b", "back\\slash", "tab\t\u{1}"];

/// Comments that tell nothing.
const COMMENTS: [&str; 4] = ["# by hand", "#framing is for walls", "#base bytes 7", "#framed "];

pub(super) fn try_some(rng: &mut ChaCha8Rng) {
    let files = draw(rng);
    check_right(&files, &write(&files, rng));
    let named: Vec<Named> = files.iter().map(plain).collect();
    for _ in 0..WRONG {
        let (text, line) = wrong(&named, rng);
        let shown = text.escape_ascii();
        match Files::parse(&text) {
            Ok(_) => check(false, F1, || format!("line {line} is wrong and is read: {shown}")),
            Err(why) => check(why.starts_with(&format!("line {line}: ")), F1, || {
                format!("line {line} is wrong, '{why}' is told: {shown}")
            }),
        }
    }
}

fn plain(file: &Listed) -> Named {
    Named { name: format!("plain.{}", file.seq), seq: file.seq, kind: file.kind }
}

fn draw(rng: &mut ChaCha8Rng) -> Vec<Listed> {
    let prefix = *PREFIXES.choose(rng).unwrap_or(&"appendonly.aof");
    let mut files = Vec::new();
    let mut seq = rng.random_range(1..9);
    let mut add = |kind, end: &str, note, rng: &mut ChaCha8Rng| {
        files.push(Listed { name: format!("{prefix}.{seq}.{end}"), seq, kind, note });
        seq += rng.random_range(1..3);
    };
    if rng.random_ratio(4, 5) {
        let note = rng.random::<bool>().then(|| "#base bytes 138 lsn 1982 epoch 3".to_string());
        add('b', "base.rdb", note, rng);
    }
    if rng.random_ratio(1, 3) {
        add('h', "incr.aof", None, rng);
    }
    for _ in 0..rng.random_range(1..4) {
        let note = rng.random::<bool>().then(|| "#framed".to_string());
        add('i', "incr.aof", note, rng);
    }
    files
}

/// As a line has it.
pub(super) fn quoted(name: &str) -> String {
    let is_plain = |byte: &u8| (b'!'..=b'~').contains(byte) && !b"\"'\\".contains(byte);
    if name.bytes().all(|byte| is_plain(&byte)) {
        return name.into();
    }
    let mut text = String::from("\"");
    for byte in name.bytes() {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b'\t' => text += "\\t",
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text += &format!("\\x{byte:02x}"),
        }
    }
    text + "\""
}

/// In one way or another, without a checksum.
fn write(files: &[Listed], rng: &mut ChaCha8Rng) -> String {
    let mut text = String::new();
    for Listed { name, seq, kind, note } in files {
        let name = quoted(name);
        let ways = [
            format!("file {name} seq {seq} type {kind}"),
            format!("file {name} seq {seq} type {kind} startoffset 17"),
            format!("FILE {name} Seq {seq} TYPE {kind}"),
            format!("  seq {seq} type {kind} file {name}\r"),
            format!("#{}\nfile {name} seq {seq} type {kind}", "-".repeat(1022)),
        ];
        text += ways.choose(rng).map_or("", |line| line);
        text.push('\n');
        text.extend(note.iter().flat_map(|note| [note, "\n"]));
        if rng.random_ratio(1, 3) {
            text += COMMENTS.choose(rng).unwrap_or(&"#");
            text.push('\n');
        }
    }
    text
}

/// What is made of some of the files: of a base less may be kept than was written.
fn made_of(files: &[&Listed]) -> Vec<u8> {
    let note = |file: &&Listed| file.note.clone().filter(|_| file.kind == 'i');
    let line =
        |file: &&Listed| Listed { name: quoted(&file.name), note: note(file), ..(*file).clone() };
    manifest_of(&files.iter().map(line).collect::<Vec<_>>())
}

fn check_right(files: &[Listed], text: &str) {
    let read = match Files::parse(text.as_bytes()) {
        Ok(read) => read,
        Err(why) => return check(false, F1, || format!("{why}: {text:?} is refused")),
    };
    let loaded: Vec<&Listed> = files.iter().filter(|file| file.kind != 'h').collect();
    let parts = read.parts();
    let names = parts.iter().map(|part| &part.name[..]);
    let is_so = names.eq(loaded.iter().map(|file| file.name.as_bytes()));
    check(is_so, F1, || format!("{parts:?} are loaded of {text:?}"));
    for left_out in 0..=loaded.len() {
        let some = |at: usize| at != left_out;
        let kept: Vec<&Listed> =
            (0..loaded.len()).filter(|&at| some(at)).map(|at| loaded[at]).collect();
        let of: Vec<Part> =
            (0..parts.len()).filter(|&at| some(at)).map(|at| parts[at].clone()).collect();
        let (made, expected) = (read.manifest_of(&of), made_of(&kept));
        check(made == expected, F1, || {
            format!("{} is made of {text:?}, not {}", made.escape_ascii(), expected.escape_ascii())
        });
    }
}
