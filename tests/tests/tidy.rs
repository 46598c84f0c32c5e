//! The style of the source that no lint checks, as tests over the source tree.
//!
//! rustfmt leaves comments and long strings alone, so the width is measured here. The function
//! measure relies on rustfmt: a body ends with the brace that stands as far left as its `fn`.

use seedis_tests::peer::command_words;
use seedis_tests::workers::all_transcripts;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Columns of a line.
const WIDTH: usize = 100;
/// Lines of a file.
const FILE_LINES: usize = 600;
/// Lines of a function, from its signature to its brace.
const FUNCTION_LINES: usize = 70;

/// Functions that are longer, as a list: it may only get shorter.
const LONG_FUNCTIONS: &[&str] = &[];

/// Words that may not stand in the source, each with what to do instead. They are cut in two so
/// that this file passes.
const BANNED: &[(&str, &str)] = &[
    (concat!("FIX", "ME"), "mend it now"),
    (concat!("TO", "DO"), "do it now or say what is missing in COMPAT.md"),
    (concat!("X", "XX:"), "mend it now"),
    (concat!("dbg", "!("), "remove it"),
    (concat!("unimplemented", "!("), "implement it"),
    (concat!("fn get", "_"), "name it without the prefix"),
    (concat!("mod ut", "ils"), "name it after what it is about"),
    (concat!("mod help", "ers"), "name it after what it is about"),
    (concat!("mod com", "mon;"), "name it after what it is about"),
];

struct Source {
    name: String,
    text: String,
}

#[test]
fn lines_are_ascii_and_fit() {
    let mut found = Vec::new();
    for source in sources(&["rs", "toml", "py"]) {
        for (number, line) in numbered(&source) {
            if line.chars().count() > WIDTH && !cannot_break(&source.name, line) {
                found.push(format!("{}:{number}: over {WIDTH} columns", source.name));
            }
            if !line.is_ascii() {
                found.push(format!("{}:{number}: not ASCII", source.name));
            }
            if line.ends_with([' ', '\t']) {
                found.push(format!("{}:{number}: blanks at the end", source.name));
            }
        }
    }
    none(&found);
}

#[test]
fn files_say_what_they_are_about() {
    let lacks = |source: &Source| !source.text.starts_with("//! ");
    none(&names(sources(&["rs"]).into_iter().filter(lacks)));
}

#[test]
fn files_stay_small() {
    let is_long = |source: &Source| source.text.lines().count() > FILE_LINES;
    none(&names(sources(&["rs"]).into_iter().filter(is_long)));
}

#[test]
fn functions_stay_small() {
    let mut found = Vec::new();
    for source in sources(&["rs"]) {
        let lines: Vec<&str> = source.text.lines().collect();
        for start in (0..lines.len()).filter(|&at| begins_function(lines[at])) {
            let length = function_length(&lines[start..]);
            if length > FUNCTION_LINES && !is_listed(&source, lines[start]) {
                found.push(format!("{}:{}: a function of {length}", source.name, start + 1));
            }
        }
    }
    none(&found);
}

#[test]
fn words_to_avoid_are_avoided() {
    let mut found = Vec::new();
    for source in sources(&["rs", "py"]) {
        for (number, line) in numbered(&source) {
            // `get_mut` is the standard library's own convention.
            let line = line.replace("fn get_mut", "");
            for (word, instead) in BANNED.iter().filter(|(word, _)| line.contains(word)) {
                found.push(format!("{}:{number}: {word}: {instead}", source.name));
            }
        }
    }
    none(&found);
}

#[test]
fn every_command_has_a_transcript() {
    let mut called = BTreeSet::new();
    for transcript in all_transcripts() {
        for step in &transcript.steps {
            let words = command_words(step);
            called.extend(words.first().map(|name| name.to_lowercase()));
            called.insert(words.join("|").to_lowercase());
        }
    }
    let registry = seedis_core::command::registry();
    let rows = registry.rows().iter().map(|row| row.full_name.to_string());
    none(&rows.filter(|name| !called.contains(name)).collect::<Vec<_>>());
}

#[test]
fn every_module_is_reachable() {
    let all = sources(&["rs"]);
    let mentioned = |name: &str| {
        let declaration = format!("mod {name};");
        all.iter().any(|source| source.text.contains(&declaration))
    };
    let is_root = |path: &Path| {
        let parent = path.parent().unwrap_or(path);
        let above = parent.parent().unwrap_or(parent);
        parent.ends_with("bin") || (parent.ends_with("tests") && above.components().count() == 1)
    };
    let dead = |source: &&Source| {
        let path = Path::new(&source.name);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let name = match stem {
            "main" | "lib" | "build" => return false,
            "mod" => path.parent().and_then(|dir| dir.file_name()?.to_str()).unwrap_or_default(),
            stem => stem,
        };
        !is_root(path) && !mentioned(name)
    };
    none(&names(all.iter().filter(dead)));
}

/// Rows of a table in documentation have to be one line, and so have reasons in a manifest.
fn cannot_break(name: &str, line: &str) -> bool {
    name.ends_with("toml") || line.trim_start().starts_with("//! |")
}

fn is_listed(source: &Source, line: &str) -> bool {
    let mut listed = LONG_FUNCTIONS.iter().filter_map(|listed| listed.split_once(": "));
    listed.any(|(name, signature)| source.name == name && line.contains(signature))
}

fn begins_function(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("pub").map_or(line, |rest| match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(')').map_or("", |(_, rest)| rest),
        None => rest,
    });
    let mut words =
        line.split_whitespace().skip_while(|word| ["const", "async", "unsafe"].contains(word));
    words.next() == Some("fn")
}

/// Lines from a signature to the end of the body; a signature without a body has none.
fn function_length(lines: &[&str]) -> usize {
    let indent = lines[0].len() - lines[0].trim_start().len();
    let ends = |line: &&str| {
        let is_here = line.len() - line.trim_start().len() == indent;
        is_here && (line.trim_start() == "}" || line.ends_with(';') || line.ends_with("}"))
    };
    1 + lines.iter().position(ends).unwrap_or(lines.len())
}

fn numbered(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source.text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

fn names<S: std::borrow::Borrow<Source>>(sources: impl Iterator<Item = S>) -> Vec<String> {
    sources.map(|source| source.borrow().name.clone()).collect()
}

#[track_caller]
fn none(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// The files of the repository with these extensions, but for what is built.
fn sources(extensions: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pending: Vec<PathBuf> = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir).expect("the source can be read") {
            let path = entry.expect("the source can be read").path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let is_built = name.is_none_or(|name| name == "target" || name.starts_with('.'));
            let wanted = path.extension().is_some_and(|e| extensions.iter().any(|&want| want == e));
            if path.is_dir() && !is_built {
                pending.push(path);
            } else if wanted {
                let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
                found.push(Source { name, text: fs::read_to_string(&path).expect("it is text") });
            }
        }
    }
    assert!(found.len() > 3, "the source tree is somewhere else");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

#[test]
fn the_function_measure_measures() {
    let text = "  pub(super) const fn a(\n    b: u8,\n  ) -> u8 {\n    b\n  }\n  fn c() {}";
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = (0..lines.len()).filter(|&at| begins_function(lines[at])).collect();
    assert_eq!(starts, [0, 5]);
    assert_eq!(function_length(&lines), 5);
    assert_eq!(function_length(&lines[5..]), 1);
}
