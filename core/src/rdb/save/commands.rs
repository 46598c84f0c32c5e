//! The form of a save that is commands, for an append-only file without a dump in front.
//!
//! It begins with an annotation, so that after a power loss its old blocks at the beginning of
//! another file are not taken for commands of that file.

use alloc::vec::Vec;

use super::pieces::{LARGE_BYTES, Pieces};
use crate::keyspace::{Entry, ValueRef};
use crate::value::Value;

/// Writes commands.
#[derive(Debug)]
pub(super) struct CommandForm;

/// What no incremental file begins with.
const HEAD: &[u8] = b"#base\n";

impl CommandForm {
    /// Begins the file.
    pub(super) fn head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(HEAD);
    }

    /// Chooses a database.
    pub(super) fn open(&self, out: &mut Vec<u8>, db: usize) {
        out.extend_from_slice(b"*2\r\n$6\r\nSELECT\r\n");
        bulk(out, itoa::Buffer::new().format(db).as_bytes());
    }

    /// Makes a key.
    #[inline]
    pub(super) fn entry(&self, out: &mut Pieces, entry: &Entry<'_>) {
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
            ValueRef::Pack(_) | ValueRef::Object(_) => unreachable!("aggregates are still to come"),
        }
        if let Some(at_ms) = deadline {
            out.bytes.extend_from_slice(b"$4\r\nPXAT\r\n");
            bulk(&mut out.bytes, itoa::Buffer::new().format(at_ms).as_bytes());
        }
    }
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
