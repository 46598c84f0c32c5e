//! Lengths and strings as the format stores them.
//!
//! A string that reads as an integer of 32 bits takes 2 to 5 bytes, keys included, and a longer one
//! is compressed if that saves at least four bytes. Nothing is allocated per string: what is
//! written goes to the end of a buffer, the compressed form by way of another that is kept.

use alloc::vec::Vec;

use super::format::encoding::{INT8, INT16, INT32, LEN_32, LEN_64, LZF, SPECIAL};
use crate::value::lzf::Compressor;
use crate::value::number;

/// Strings up to this long are never compressed (rdb.c, `rdbSaveRawString`).
const PLAIN_BYTES_MAX: usize = 20;

/// Compression must save this many bytes.
const SAVING_MIN: usize = 4;

/// A longer text is no integer of 32 bits.
const INT_BYTES_MAX: usize = 11;

/// Writes strings.
#[derive(Debug)]
pub(super) struct Encoder {
    compressor: Option<Compressor>,
    /// The compressed form of the last string that was tried.
    pub(super) compressed: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(compression: bool) -> Self {
        Self { compressor: compression.then(Compressor::default), compressed: Vec::new() }
    }

    /// Writes a string in its shortest form.
    #[inline]
    pub(super) fn string(&mut self, out: &mut Vec<u8>, bytes: &[u8]) {
        match small_int(bytes) {
            Some(number) => small(out, number),
            None if self.compress(bytes) => {
                lzf_header(out, self.compressed.len(), bytes.len());
                out.extend_from_slice(&self.compressed);
            }
            None => raw(out, bytes),
        }
    }

    /// Compresses to `self.compressed`; false when it is not worth it.
    #[inline]
    pub(super) fn compress(&mut self, bytes: &[u8]) -> bool {
        match &mut self.compressor {
            Some(compressor) if bytes.len() > PLAIN_BYTES_MAX => {
                self.compressed.clear();
                compressor.compress(bytes, bytes.len() - SAVING_MIN, &mut self.compressed)
            }
            _ => false,
        }
    }
}

/// Writes an integer: as text when it needs more than 32 bits.
pub(super) fn int(out: &mut Vec<u8>, number: i64) {
    match i32::try_from(number) {
        Ok(number) => small(out, number),
        Err(_) => raw(out, itoa::Buffer::new().format(number).as_bytes()),
    }
}

/// Writes a length.
#[inline]
pub(super) fn length(out: &mut Vec<u8>, len: usize) {
    match len {
        0..0x40 => out.push(len as u8),
        0x40..0x4000 => out.extend_from_slice(&[0x40 | (len >> 8) as u8, len as u8]),
        _ => long_length(out, len),
    }
}

/// Writes what stands before the compressed bytes.
pub(super) fn lzf_header(out: &mut Vec<u8>, compressed: usize, plain: usize) {
    out.push(SPECIAL | LZF);
    length(out, compressed);
    length(out, plain);
}

#[cold]
fn long_length(out: &mut Vec<u8>, len: usize) {
    if let Ok(len) = u32::try_from(len) {
        out.push(LEN_32);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(LEN_64);
        out.extend_from_slice(&(len as u64).to_be_bytes());
    }
}

#[inline]
fn raw(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn small_int(bytes: &[u8]) -> Option<i32> {
    if bytes.len() > INT_BYTES_MAX {
        return None;
    }
    i32::try_from(number::parse_i64(bytes)?).ok()
}

fn small(out: &mut Vec<u8>, number: i32) {
    let [a, b, c, d] = number.to_le_bytes();
    if i8::try_from(number).is_ok() {
        out.extend_from_slice(&[SPECIAL | INT8, a]);
    } else if i16::try_from(number).is_ok() {
        out.extend_from_slice(&[SPECIAL | INT16, a, b]);
    } else {
        out.extend_from_slice(&[SPECIAL | INT32, a, b, c, d]);
    }
}
