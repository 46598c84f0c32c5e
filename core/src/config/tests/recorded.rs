//! Replies, errors and files that redis-server 7.0.15 gave, recorded in `testdata/`.
//!
//! Each line there is split like a line of the inline protocol; its first lines say what it holds.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::super::file::{self, FileError};
use super::super::rewrite::rewrite;
use super::super::{Config, Directive, Origin};
use super::{parse, parse_including, text};
use crate::value::quote;

/// Words of every line that is no comment.
fn lines(data: &str) -> impl Iterator<Item = (&str, Vec<Vec<u8>>)> {
    let is_data = |line: &&str| !line.is_empty() && !line.starts_with('#');
    data.lines().filter(is_data).map(|line| (line, quote::split_args(line.as_bytes()).unwrap()))
}

/// The words before `=>`, and those after.
fn halves(words: &[Vec<u8>]) -> (&[Vec<u8>], &[Vec<u8>]) {
    let arrow = words.iter().position(|word| word == b"=>").unwrap();
    (&words[..arrow], &words[arrow + 1..])
}

fn value(config: &Config, name: &[u8]) -> String {
    Directive::find(name).map_or_else(|| "-".into(), |directive| text(directive.value(config)))
}

#[test]
fn every_directive_of_redis_has_its_default() {
    // Redis listens on all addresses when it has no file; the file it ships says what we say. Huge
    // pages only hurt who forks.
    let ours = [("bind", "127.0.0.1 -::1"), ("disable-thp", "no")];
    let config = Config::default();
    let mut count = 0;
    for (line, words) in lines(include_str!("../testdata/defaults.txt")) {
        let name = text(words[0].clone());
        let own = ours.iter().find(|(own, _)| *own == name).map(|(_, value)| value.to_string());
        assert_eq!(
            value(&config, &words[0]),
            own.unwrap_or_else(|| text(words[1].clone())),
            "{line}"
        );
        count += 1;
    }
    assert_eq!(count, 198);
}

#[test]
fn config_set_answers_as_redis_does() {
    let origin = Origin::Client { is_local: true, is_loading: false };
    let mut config = parse(b"port 0\nbind 127.0.0.1\ndir /tmp").unwrap();
    for (line, words) in lines(include_str!("../testdata/set.txt")) {
        let (arguments, expected) = halves(&words);
        let pairs: Vec<(&[u8], &[u8])> =
            arguments.chunks(2).map(|pair| (pair[0].as_slice(), pair[1].as_slice())).collect();
        let reply = match config.set_many(&pairs, origin) {
            Ok(_) => b"OK".to_vec(),
            Err(error) => error.reply(),
        };
        assert_eq!(text(reply), text(expected[0].clone()), "{line}");
        for ((name, _), expected) in pairs.iter().zip(&expected[1..]) {
            assert_eq!(value(&config, name), text(expected.clone()), "{line}");
        }
    }
}

#[test]
fn files_are_read_as_redis_does() {
    for (line, words) in lines(include_str!("../testdata/file.txt")) {
        let (file, expected) = halves(&words);
        match (parse(&file[0]), expected) {
            (Err(error), [error_word, rest @ ..]) if error_word == b"error" => {
                assert_eq!(described(error), rest, "{line}");
            }
            (Ok(config), values) => {
                for pair in values.chunks(2) {
                    assert_eq!(value(&config, &pair[0]), text(pair[1].clone()), "{line}");
                }
            }
            (result, _) => panic!("{line}: {result:?}"),
        }
    }
}

/// Line number, line and reason.
fn described(error: FileError) -> Vec<Vec<u8>> {
    match error {
        FileError::Line { line_number, line, reason, .. } => {
            [line_number.to_string(), line, reason.to_string()].map(String::into_bytes).into()
        }
        FileError::Whole(reason) => {
            ["0".into(), String::new(), reason.to_string()].map(String::into_bytes).into()
        }
        FileError::Unreadable { .. } => Vec::new(),
    }
}

#[test]
fn files_are_rewritten_as_redis_does() {
    for data in [
        include_str!("../testdata/rewrite-1.txt"),
        include_str!("../testdata/rewrite-2.txt"),
        include_str!("../testdata/rewrite-3.txt"),
        include_str!("../testdata/rewrite-4.txt"),
    ] {
        let (mut old, mut new, mut sets) = (Vec::new(), Vec::new(), Vec::new());
        for (_, words) in lines(data) {
            match (words[0].as_slice(), &words[1..]) {
                (b"old", [line]) => old.push(line.clone()),
                (b"new", [line]) => new.push(text(line.clone())),
                (_, arguments) => sets.push(arguments.to_vec()),
            }
        }
        let old = old.join(&b'\n');
        let mut config = parse_including(&old, b"timeout 40").unwrap().config;
        for set in sets {
            config.set_many(&[(&set[0], &set[1])], Origin::Startup).unwrap();
        }
        let rewritten = text(rewrite(&old, &config));
        let rewritten: Vec<String> = rewritten.lines().map(String::from).collect();
        assert_eq!(sorted_tail(rewritten), sorted_tail(new), "{data}");
    }
}

/// Redis appends new lines in the order of a seeded hash table, so that order is not compared.
fn sorted_tail(mut lines: Vec<String>) -> Vec<String> {
    let marker = lines.iter().position(|line| line == "# Generated by CONFIG REWRITE");
    if let Some(marker) = marker {
        lines[marker..].sort();
    }
    lines
}

#[test]
fn an_error_has_the_shape_of_redis() {
    let error = parse(b"hz 5\n\n foo bar\n").unwrap_err();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        error.to_string(),
        format!(
            "*** FATAL CONFIG FILE ERROR (Seedis {version}) ***\n\
             Reading the configuration file a.conf, at line 3\n\
             >>> 'foo bar'\n\
             Bad directive or wrong number of arguments"
        )
    );
    let missing = file::parse(b"include b.conf", "", &mut |_| Err("No such file".into()));
    assert_eq!(
        missing.unwrap_err().to_string(),
        "Fatal error, can't open config file 'b.conf': No such file"
    );
}
