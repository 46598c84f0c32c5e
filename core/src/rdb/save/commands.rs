//! The form of a save that is commands, for an append-only file without a dump in front.
//!
//! It begins with an annotation, so that after a power loss its old blocks at the beginning of
//! another file are not taken for commands of that file. An aggregate is made by commands of 64
//! elements each, as Redis does it (aof.c, `rewriteAppendOnlyFileRio`).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::pieces::{LARGE_BYTES, Pieces};
use super::stream::StreamCommands;
use crate::keyspace::{Entry, ValueRef};
use crate::value::Value;
use crate::value::number::format_f64;
use crate::value::pack::Shape;
use crate::value::walk::{Part, Walk, walk_pack};

/// Writes commands.
#[derive(Debug)]
pub(super) struct CommandForm;

/// What no incremental file begins with.
const HEAD: &[u8] = b"#base\n";

/// Elements of one command.
const ELEMENTS_MAX: usize = 64;

impl CommandForm {
    /// Begins the file.
    pub(super) fn head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(HEAD);
    }

    /// Chooses a database.
    pub(super) fn open(&self, out: &mut Vec<u8>, db: usize) {
        command(out, &[b"SELECT", itoa::Buffer::new().format(db).as_bytes()]);
    }

    /// Makes a key; what is returned goes on with a large aggregate.
    #[inline]
    pub(super) fn entry(&self, out: &mut Pieces, entry: &Entry<'_>) -> Option<Adding> {
        match entry.value() {
            ValueRef::Pack(pack) => {
                let mut adding = Adding::new(entry, name_of(Shape::of(pack).type_name()), None);
                walk_pack(pack, &mut |part| adding.part(&mut out.bytes, part));
                adding.finish(&mut out.bytes);
                return None;
            }
            ValueRef::Object(Value::Stream(stream)) => {
                let mut adding = Adding::new(entry, b"", None);
                adding.stream = Some(StreamCommands::new(stream));
                return Some(adding);
            }
            ValueRef::Object(value) if !matches!(value, Value::String(_)) => {
                let walk = value.walk(true).map(|(walk, _)| walk);
                return Some(Adding::new(entry, name_of(value.type_name()), walk));
            }
            _ => {}
        }
        let deadline = entry.expire_at_ms();
        let words = if deadline.is_some() { b"*5\r\n" } else { b"*3\r\n" };
        out.bytes.extend_from_slice(words);
        out.bytes.extend_from_slice(b"$3\r\nSET\r\n");
        bulk(&mut out.bytes, entry.key());
        match entry.value() {
            ValueRef::String(text) => bulk(&mut out.bytes, text),
            ValueRef::Int(number) => {
                bulk(&mut out.bytes, itoa::Buffer::new().format(number).as_bytes());
            }
            ValueRef::Object(Value::String(text)) if text.len() >= LARGE_BYTES => {
                bulk_header(&mut out.bytes, text.len());
                out.large(text.clone());
                out.bytes.extend_from_slice(b"\r\n");
            }
            ValueRef::Object(Value::String(text)) => bulk(&mut out.bytes, text),
            ValueRef::Pack(_) | ValueRef::Object(_) => {}
        }
        if let Some(at_ms) = deadline {
            out.bytes.extend_from_slice(b"$4\r\nPXAT\r\n");
            bulk(&mut out.bytes, itoa::Buffer::new().format(at_ms).as_bytes());
        }
        None
    }
}

/// The command that adds elements to a type.
fn name_of(type_name: &str) -> &'static [u8] {
    match type_name {
        "list" => b"RPUSH",
        "hash" => b"HSET",
        "set" => b"SADD",
        _ => b"ZADD",
    }
}

/// An aggregate on its way to a file of commands.
#[derive(Debug)]
pub(super) struct Adding {
    key: Box<[u8]>,
    expire_at_ms: Option<u64>,
    name: &'static [u8],
    walk: Option<Box<dyn Walk>>,
    /// In place of a walk, when it is a stream.
    stream: Option<StreamCommands>,
    /// Words of the command in the making, encoded, and how many elements and words they are.
    words: Vec<u8>,
    elements: usize,
    words_len: usize,
    /// Commands that come after it: deadlines of its fields.
    after: Vec<u8>,
}

impl Adding {
    fn new(entry: &Entry<'_>, name: &'static [u8], walk: Option<Box<dyn Walk>>) -> Self {
        Self {
            key: entry.key().into(),
            expire_at_ms: entry.expire_at_ms(),
            name,
            walk,
            stream: None,
            words: Vec::new(),
            elements: 0,
            words_len: 0,
            after: Vec::new(),
        }
    }

    /// Writes some more; `false` at the end.
    pub(super) fn step(&mut self, out: &mut Vec<u8>) -> bool {
        let key = &self.key;
        let mut stream = self.stream.as_mut();
        if stream.as_mut().is_some_and(|stream| stream.step(out, key)) {
            return true;
        }
        let mut walk = self.walk.take();
        let goes_on = walk.as_mut().is_some_and(|walk| walk.step(&mut |part| self.part(out, part)));
        self.walk = walk;
        if !goes_on {
            self.finish(out);
        }
        goes_on
    }

    fn part(&mut self, out: &mut Vec<u8>, part: Part<'_>) {
        match part {
            Part::Text(text) => self.element(out, &[text]),
            Part::Chunk(chunk) => chunk.iter().for_each(|(_, element)| {
                self.element(out, &[element.bytes(&mut itoa::Buffer::new())]);
            }),
            Part::Scored(member, score) => self.element(out, &[&format_f64(score), member]),
            Part::Field(field, value, at_ms) => {
                if let Some(at_ms) = at_ms {
                    let mut digits = itoa::Buffer::new();
                    let at_ms = digits.format(at_ms).as_bytes();
                    command(
                        &mut self.after,
                        &[b"HPEXPIREAT", &self.key, at_ms, b"FIELDS", b"1", field],
                    );
                }
                self.element(out, &[field, value]);
            }
        }
    }

    fn element(&mut self, out: &mut Vec<u8>, words: &[&[u8]]) {
        words.iter().for_each(|word| bulk(&mut self.words, word));
        self.words_len += words.len();
        self.elements += 1;
        if self.elements == ELEMENTS_MAX {
            self.flush(out);
        }
    }

    /// Writes the command in the making.
    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.elements > 0 {
            words_header(out, self.words_len + 2);
            bulk(out, self.name);
            bulk(out, &self.key);
            out.append(&mut self.words);
        }
        out.append(&mut self.after);
        (self.elements, self.words_len) = (0, 0);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.flush(out);
        if let Some(at_ms) = self.expire_at_ms.take() {
            let mut digits = itoa::Buffer::new();
            command(out, &[b"PEXPIREAT", &self.key, digits.format(at_ms).as_bytes()]);
        }
    }
}

pub(super) fn command(out: &mut Vec<u8>, words: &[&[u8]]) {
    words_header(out, words.len());
    words.iter().for_each(|word| bulk(out, word));
}

fn words_header(out: &mut Vec<u8>, words: usize) {
    out.push(b'*');
    out.extend_from_slice(itoa::Buffer::new().format(words).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    bulk_header(out, bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn bulk_header(out: &mut Vec<u8>, len: usize) {
    out.push(b'$');
    out.extend_from_slice(itoa::Buffer::new().format(len).as_bytes());
    out.extend_from_slice(b"\r\n");
}
