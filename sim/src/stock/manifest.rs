//! Manifests as stock Redis writes them, or as somebody does who knows what it accepts, and those
//! that it refuses.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

/// A file that a manifest names.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) seq: u64,
    pub(crate) kind: char,
}

impl Named {
    /// With the name that Redis gives.
    pub(crate) fn usual(seq: u64, kind: char, end: &str) -> Self {
        Self { name: format!("appendonly.aof.{seq}.{end}"), seq, kind }
    }

    fn line(&self) -> String {
        format!("file {} seq {} type {}", self.name, self.seq, self.kind)
    }
}

/// As Redis writes it, with a freedom here and there if `is_odd`.
pub(crate) fn write(files: &[Named], is_odd: bool, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut text = String::new();
    for file in files {
        let line = if is_odd { odd(file, rng) } else { file.line() };
        text += &line;
        text.push('\n');
    }
    text.into_bytes()
}

/// The same in another way.
fn odd(file: &Named, rng: &mut ChaCha8Rng) -> String {
    let Named { name, seq, kind } = file;
    let ways = [
        format!("file \"{name}\" seq {seq} type {kind}"),
        format!("FILE '{name}' Seq {seq} TYPE {kind}"),
        format!("seq {seq} type {kind} file {name}"),
        format!("  file {name}  seq {seq} type {kind}\r"),
        format!("file {name} seq {seq} type {kind} startoffset 17"),
        format!("# by hand\nfile {name} seq {seq} type {kind}\n#framing is for walls"),
        format!("#{}\n{}", "-".repeat(1022), file.line()),
        file.line(),
    ];
    ways.choose(rng).cloned().unwrap_or_default()
}

/// A manifest that must be refused: its bytes, and the line that is wrong.
pub(crate) fn wrong(files: &[Named], rng: &mut ChaCha8Rng) -> (Vec<u8>, usize) {
    let mut lines: Vec<String> = files.iter().map(Named::line).collect();
    let at = rng.random_range(0..lines.len());
    let Named { name, seq, kind } = &files[at];
    let line = |name: &str, seq: u64, kind: &str| format!("file {name} seq {seq} type {kind}");
    let kind = kind.to_string();
    let ways = [
        line(name, *seq, "x"),
        line(name, *seq, "bb"),
        line(name, 0, &kind),
        line("\"a/b\"", *seq, &kind),
        line(".", *seq, &kind),
        line("..", *seq, &kind),
        line("\"\"", *seq, &kind),
        line("\"a\\x00b\"", *seq, &kind),
        line(&format!("\"{name}"), *seq, &kind),
        format!("file {name} seq {seq}"),
        format!("file {name} seq {seq} type"),
        format!("file {name} seq {seq} type {kind} more"),
        format!("file {name} seq x type {kind}"),
        format!("file {name} seq 99999999999999999999 type {kind}"),
        format!("name {name} seq {seq} type {kind}"),
        format!("file {name} seq {seq} kind {kind}"),
        format!("file {name} seq {seq} type {kind} {}", "x".repeat(1024)),
        "#crc32c 00000001".into(),
        format!("#{}", "-".repeat(1023)),
        String::new(),
    ];
    match rng.random_range(0..ways.len() + 4) {
        0 => return (Vec::new(), 0),
        1 => {
            let text = lines.join("\n");
            return (text.into_bytes(), lines.len());
        }
        2 => lines.extend(vec![line("one.more", 7, "b"); 2]),
        3 => lines.extend([7, 7].map(|number| line("one.more", number + 1_000_000, "i"))),
        way => {
            lines[at].clone_from(&ways[way - 4]);
            let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
            return (text.into_bytes(), at + 1);
        }
    }
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    let has_base = files.iter().any(|file| file.kind == 'b');
    let is_base = lines.last().is_some_and(|line| line.ends_with('b'));
    let wrong = if is_base && has_base { lines.len() - 1 } else { lines.len() };
    (text.into_bytes(), wrong)
}
