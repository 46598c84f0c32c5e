//! Directives whose value is text: paths, names, passwords.
//!
//! Redis keeps most of them as C strings, so they end at the first zero byte; the passwords alone
//! are binary. For some an empty text means that there is none: those read back as empty, but a
//! rewritten file has no line for them.

use alloc::vec;
use alloc::vec::Vec;

use super::codec::{Codec, Line, Reason, WRONG_NUMBER, one_word};
use super::title;
use crate::value::quote;

/// What a text must be like, or Redis's words for why it is not.
pub(super) type Check = fn(&[u8]) -> Result<(), &'static str>;

/// A text that may be empty.
pub(super) struct Text(pub(super) Check);

impl Codec for Text {
    type Value = Vec<u8>;

    fn parse(&self, words: &[&[u8]]) -> Result<Vec<u8>, Reason> {
        let text = one_word(words)?;
        (self.0)(text).map_err(Reason::new)?;
        Ok(text.into())
    }

    fn print(&self, value: &Vec<u8>) -> Vec<u8> {
        value.clone()
    }

    fn rewrite(&self, value: &Vec<u8>, default: &Vec<u8>) -> Vec<Line> {
        vec![Line { arguments: quote::quoted(value), force: value != default }]
    }
}

/// A text that is absent when it is empty.
pub(super) struct Optional(pub(super) Check);

impl Codec for Optional {
    type Value = Option<Vec<u8>>;

    fn parse(&self, words: &[&[u8]]) -> Result<Option<Vec<u8>>, Reason> {
        let text = Text(self.0).parse(words)?;
        Ok((!text.is_empty()).then_some(text))
    }

    fn print(&self, value: &Option<Vec<u8>>) -> Vec<u8> {
        value.clone().unwrap_or_default()
    }

    fn rewrite(&self, value: &Option<Vec<u8>>, default: &Option<Vec<u8>>) -> Vec<Line> {
        let line =
            |text: &Vec<u8>| Line { arguments: quote::quoted(text), force: value != default };
        value.iter().map(line).collect()
    }
}

/// A password: any bytes, absent when there are none.
pub(super) struct Password;

impl Codec for Password {
    type Value = Option<Vec<u8>>;

    fn parse(&self, words: &[&[u8]]) -> Result<Option<Vec<u8>>, Reason> {
        let [word] = words else { return Err(Reason::new(WRONG_NUMBER)) };
        Ok((!word.is_empty()).then(|| word.to_vec()))
    }

    fn print(&self, value: &Option<Vec<u8>>) -> Vec<u8> {
        value.clone().unwrap_or_default()
    }

    fn rewrite(&self, value: &Option<Vec<u8>>, default: &Option<Vec<u8>>) -> Vec<Line> {
        Optional(anything).rewrite(value, default)
    }
}

/// The working directory: a rewritten file always has it, because its start may be elsewhere.
pub(super) struct Directory;

impl Codec for Directory {
    type Value = Vec<u8>;

    fn parse(&self, words: &[&[u8]]) -> Result<Vec<u8>, Reason> {
        Text(directory).parse(words)
    }

    fn print(&self, value: &Vec<u8>) -> Vec<u8> {
        value.clone()
    }

    fn rewrite(&self, value: &Vec<u8>, _: &Vec<u8>) -> Vec<Line> {
        vec![Line { arguments: quote::quoted(value), force: true }]
    }
}

/// The check of a text without rules.
pub(super) fn anything(_: &[u8]) -> Result<(), &'static str> {
    Ok(())
}

/// `dir`: an empty path is one that no system has.
fn directory(text: &[u8]) -> Result<(), &'static str> {
    if text.is_empty() { Err("No such file or directory") } else { Ok(()) }
}

/// `dbfilename`.
pub(super) fn dump_name(text: &[u8]) -> Result<(), &'static str> {
    base_name(text, "dbfilename can't be a path, just a filename")
}

/// `appendfilename`.
pub(super) fn append_name(text: &[u8]) -> Result<(), &'static str> {
    not_empty(text, "appendfilename can't be empty")?;
    base_name(text, "appendfilename can't be a path, just a filename")
}

/// `appenddirname`.
pub(super) fn append_directory(text: &[u8]) -> Result<(), &'static str> {
    not_empty(text, "appenddirname can't be empty")?;
    base_name(text, "appenddirname can't be a path, just a dirname")
}

/// `cluster-announce-hostname`.
pub(super) fn hostname(text: &[u8]) -> Result<(), &'static str> {
    if text.len() >= 256 {
        return Err("Hostnames must be less than 256 characters");
    }
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if text.iter().all(allowed) {
        return Ok(());
    }
    Err("Hostnames may only contain alphanumeric characters, hyphens or dots")
}

/// `cluster-announce-human-nodename`.
pub(super) fn node_name(text: &[u8]) -> Result<(), &'static str> {
    if text.iter().any(|byte| b"!#$%&()*+:;<>?@[]^{|}~".contains(byte)) {
        return Err("Announced human node name contained invalid character");
    }
    Ok(())
}

/// `locale-collate`: text is compared byte by byte, which is what these locales mean.
pub(super) fn locale(text: &[u8]) -> Result<(), &'static str> {
    if [&b""[..], b"C", b"POSIX"].contains(&text) { Ok(()) } else { Err("Invalid locale name") }
}

/// `proc-title-template`.
pub(super) fn title_template(text: &[u8]) -> Result<(), &'static str> {
    match title::expand(text, |_| Some(b"x".into())) {
        Some(_) => Ok(()),
        None => Err("template format is invalid or contains unknown variables"),
    }
}

fn not_empty(text: &[u8], error: &'static str) -> Result<(), &'static str> {
    if text.is_empty() { Err(error) } else { Ok(()) }
}

fn base_name(text: &[u8], error: &'static str) -> Result<(), &'static str> {
    if text.iter().any(|byte| matches!(byte, b'/' | b'\\')) { Err(error) } else { Ok(()) }
}
