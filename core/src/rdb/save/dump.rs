//! The dump format of a save.

use alloc::vec::Vec;
use bytes::Bytes;

use super::pieces::{LARGE_BYTES, Pieces};
use super::{Settings, Usage};
use crate::keyspace::{Entry, ValueRef, clock};
use crate::rdb::aggregate::{self, Elements};
use crate::rdb::encode::{self, Encoder};
use crate::rdb::format::opcode;
use crate::value::Value;
use crate::value::crc64::crc64;

/// Writes a dump, and sums up what was written.
#[derive(Debug)]
pub(super) struct DumpForm {
    settings: Settings,
    encoder: Encoder,
    crc: u64,
}

impl DumpForm {
    pub(super) fn new(settings: Settings) -> Self {
        let encoder = Encoder::new(settings.compression);
        Self { settings, encoder, crc: 0 }
    }

    /// The magic and the fields about the file.
    pub(super) fn head(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.settings.version.magic());
        for (name, value) in &self.settings.aux {
            out.push(opcode::AUX);
            self.encoder.string(out, name.as_bytes());
            self.encoder.string(out, value.as_bytes());
        }
    }

    /// The beginning of a database.
    pub(super) fn open(&self, out: &mut Vec<u8>, db: usize, keys: usize, expires: usize) {
        out.push(opcode::SELECTDB);
        encode::length(out, db);
        out.push(opcode::RESIZEDB);
        encode::length(out, keys);
        encode::length(out, expires);
    }

    /// A key with its value and attributes; what is returned goes on with a large aggregate.
    #[inline]
    pub(super) fn entry(&mut self, out: &mut Pieces, entry: &Entry<'_>) -> Option<Elements> {
        let bytes = &mut out.bytes;
        if let Some(at_ms) = entry.expire_at_ms() {
            bytes.push(opcode::EXPIRETIME_MS);
            bytes.extend_from_slice(&at_ms.to_le_bytes());
        }
        self.usage(bytes, entry.clock());
        bytes.push(aggregate::type_number(entry.value(), self.settings.version));
        self.encoder.string(bytes, entry.key());
        match entry.value() {
            ValueRef::Int(number) => encode::int(bytes, number),
            ValueRef::String(text) => self.encoder.string(bytes, text),
            ValueRef::Object(Value::String(text)) if text.len() >= LARGE_BYTES => {
                self.large(out, text);
            }
            ValueRef::Object(Value::String(text)) => self.encoder.string(bytes, text),
            ValueRef::Pack(pack) => self.encoder.pack(bytes, pack, self.settings.version),
            ValueRef::Object(value) => return Elements::begin(bytes, value, self.settings.version),
        }
        None
    }

    #[inline]
    fn usage(&self, out: &mut Vec<u8>, clock: u32) {
        match self.settings.usage {
            Usage::Untold => {}
            Usage::Idle(now) => {
                out.push(opcode::IDLE);
                encode::length(out, clock::idle_s(clock, now) as usize);
            }
            Usage::Frequency(now, decay_time_min) => {
                let counter = clock::decayed(clock, decay_time_min, now);
                out.extend_from_slice(&[opcode::FREQ, counter as u8]);
            }
        }
    }

    /// Writes more of a large aggregate; `false` at its end.
    pub(super) fn more(&mut self, out: &mut Vec<u8>, elements: &mut Elements) -> bool {
        elements.step(&mut self.encoder, out)
    }

    /// A string that makes pieces of its own, shared or compressed.
    fn large(&mut self, out: &mut Pieces, text: &Bytes) {
        if self.encoder.compress(text) {
            let compressed = core::mem::take(&mut self.encoder.compressed);
            encode::lzf_header(&mut out.bytes, compressed.len(), text.len());
            out.large(compressed.into());
        } else {
            self.encoder.compressed = Vec::new();
            encode::length(&mut out.bytes, text.len());
            out.large(text.clone());
        }
    }

    /// Counts bytes of the file into the checksum.
    pub(super) fn sum(&mut self, piece: &[u8]) {
        if self.settings.checksum {
            self.crc = crc64(self.crc, piece);
        }
    }

    /// The end of the file: the checksum of all that was summed up, or zeros.
    pub(super) fn checksum(&self) -> [u8; 8] {
        self.crc.to_le_bytes()
    }
}
