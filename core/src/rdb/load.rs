//! A dump read as it arrives.
//!
//! ```text
//! loop { match reader.next()? {
//!     Item::Need(bytes) => reader.push(&read_at_least(bytes)),
//!     Item::Entry(entry) => ...,
//!     Item::End(_) => break,
//! } }
//! ```
//!
//! What is read is borrowed from the reader's buffer, so an entry costs no allocation. The buffer
//! holds what was pushed and not yet read: the entry that is not complete, at most. The hard cases
//! are files that lie. A length is believed when its bytes are there; a caller that knows the
//! length of the file says it, and an impossible length is an error at once. Every error has its
//! offset. The checksum covers what the fields cannot show, at the end: until then nothing that
//! was read may count as loaded.
//!
//! No clock is looked at: an entry whose deadline has passed is an entry. Attributes hold for the
//! next key, whatever stands between, as in Redis.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::cursor::{Cursor, Stop, Text};
use super::open::{Open, Reading};
use super::part::{self, Attributes, Part, PartReader};
use crate::keyspace::NewValue;
use crate::value::Value;
use crate::value::crc64::crc64;

pub use super::error::{LoadError, LoadErrorKind};
pub use super::open::Making;

/// Room in the buffer that is kept although a large entry is gone.
const SPARE_BYTES: usize = 1 << 20;

/// What a reader is told about its file.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Strings may have this many bytes.
    pub string_bytes_max: u64,
    /// Length of the file, if it is known.
    pub file_bytes: Option<u64>,
    /// Compare the checksum (`rdbchecksum`).
    pub verify_checksum: bool,
    /// How values are made.
    pub making: Making,
}

/// What a dump is made of.
#[derive(Debug)]
pub enum Item<'a> {
    /// Nothing before so many more bytes were pushed at least. At the end of the file call
    /// [`Reader::end_of_file`].
    Need(usize),
    /// A field about the file.
    Aux {
        /// Its name, `redis-ver` for one.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// The entries that follow are of this database.
    SelectDb(u64),
    /// How large the database is; a hint that may lie.
    ResizeDb {
        /// Its keys.
        keys: u64,
        /// Those with a deadline.
        expires: u64,
    },
    /// A key.
    Entry(LoadedEntry<'a>),
    /// The dump is complete; what follows in the buffer is no part of it.
    End(Checksum),
}

/// A key with what belongs to it.
#[derive(Debug)]
pub struct LoadedEntry<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its value.
    pub value: NewValue<'a>,
    /// The deadline in ms since 1970, passed or not; one before 1970 is 0.
    pub expire_at_ms: Option<u64>,
    /// Seconds since it was used, when the dump was made.
    pub idle_s: Option<u64>,
    /// The LFU counter, when the dump was made.
    pub freq: Option<u8>,
}

/// Whether the bytes of a dump are those that were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// They are.
    Verified,
    /// The dump has none, or nobody asked.
    Unknown,
}

/// Reads a dump.
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were read.
    at: usize,
    /// Bytes of the buffer that are in the checksum.
    summed: usize,
    crc: u64,
    /// Offset in the file of the first byte of the buffer.
    base: u64,
    /// Of the format; 0 before it was read.
    version: u16,
    attributes: Attributes,
    /// Where the last part begins in the buffer.
    start: usize,
    /// A key and a value that are not in the buffer as they are.
    rooms: [Vec<u8>; 2],
    end: Option<Checksum>,
    /// An aggregate of which not all was read.
    open: Option<Box<Open>>,
    /// One that is complete.
    closed: Option<(Box<[u8]>, Value)>,
    /// The key of the last one.
    key: Option<Box<[u8]>>,
}

impl Reader {
    /// A reader at the beginning of a dump.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: Vec::new(),
            at: 0,
            summed: 0,
            crc: 0,
            base: 0,
            version: 0,
            attributes: Attributes::default(),
            start: 0,
            rooms: [Vec::new(), Vec::new()],
            end: None,
            open: None,
            closed: None,
            key: None,
        }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.sum();
        self.base += self.at as u64;
        self.buffer.drain(..self.at);
        (self.at, self.summed) = (0, 0);
        let len = self.buffer.len() + bytes.len();
        if self.buffer.capacity() / 2 > len.max(SPARE_BYTES) {
            self.buffer.shrink_to(len);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Offset in the file of the next byte to read: how much is done.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The version of the format; 0 before it was read, 80 for Valkey's own.
    #[must_use]
    pub fn version(&self) -> u16 {
        self.version
    }

    /// What was pushed and not read. After the end of the dump: commands, in an append-only file
    /// that begins with a dump.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// What is wrong when the file ends although [`Item::Need`] asked for more.
    #[must_use]
    pub fn end_of_file(&mut self) -> LoadError {
        self.limits.file_bytes = Some(self.base + self.buffer.len() as u64);
        match self.part() {
            Err(stop) => self.failed(stop),
            Ok(_) => self.failed(Stop::Short(1)),
        }
    }

    /// The next item. After an error it is the same error again.
    #[allow(clippy::should_implement_trait, reason = "items borrow from the reader")]
    pub fn next(&mut self) -> Result<Item<'_>, LoadError> {
        let part = loop {
            match self.part() {
                Ok(Part::Nothing) => {}
                Ok(part) => break part,
                Err(Stop::Short(bytes)) if self.may_come(bytes) => {
                    let missing = bytes - self.rest().len() as u64;
                    return Ok(Item::Need(usize::try_from(missing).unwrap_or(usize::MAX)));
                }
                Err(stop) => return Err(self.failed(stop)),
            }
        };
        Ok(self.item(part))
    }

    /// Whether the file may have so many bytes from the next one on.
    fn may_come(&self, bytes: u64) -> bool {
        let end = self.offset().saturating_add(bytes);
        self.limits.file_bytes.is_none_or(|file_bytes| end <= file_bytes)
    }

    fn failed(&self, stop: Stop) -> LoadError {
        match stop {
            Stop::Bad(at, kind) => LoadError { offset: self.offset() + at as u64, kind },
            Stop::Short(bytes) => {
                let end = self.offset().saturating_add(bytes);
                let missing = end.saturating_sub(self.limits.file_bytes.unwrap_or_default());
                LoadError { offset: self.offset(), kind: LoadErrorKind::End { missing } }
            }
        }
    }

    /// Reads one part.
    #[inline]
    fn part(&mut self) -> Result<Part, Stop> {
        if self.end.is_some() {
            return Ok(Part::End(None));
        }
        if self.open.is_some() {
            return self.read_open();
        }
        let mut cursor = Cursor::new(&self.buffer[self.at..], self.limits.string_bytes_max);
        if self.version == 0 {
            self.version = part::version(&mut cursor)?;
            self.at += cursor.at();
            return Ok(Part::Nothing);
        }
        let [first, second] = &mut self.rooms;
        let attributes = &mut self.attributes;
        let rooms = [first, second];
        let (version, making) = (self.version, &self.limits.making);
        let mut reader = PartReader { cursor, rooms, attributes, version, making };
        let part = reader.read()?;
        let read = reader.cursor.at();
        if let Part::End(stored) = part {
            self.finish(stored)?;
        }
        self.start = self.at;
        self.at += read;
        match part {
            Part::Open(open) => {
                self.open = Some(open);
                Ok(Part::Nothing)
            }
            part => Ok(part),
        }
    }

    /// Reads more of an aggregate. What is read of it is read, also when the rest is missing.
    fn read_open(&mut self) -> Result<Part, Stop> {
        let Some(open) = &mut self.open else { return Ok(Part::Nothing) };
        let mut cursor = Cursor::new(&self.buffer[self.at..], self.limits.string_bytes_max);
        let [first, second] = &mut self.rooms;
        let mut read = 0;
        let result = open.read(Reading { cursor: &mut cursor, rooms: [first, second] }, &mut read);
        match result {
            Err(Stop::Short(_)) | Ok(false) if read > 0 => {}
            Ok(true) => {
                if let Some(open) = self.open.take() {
                    self.closed = Some(open.finish(read)?);
                }
                self.at += read;
                return Ok(Part::Closed);
            }
            Ok(false) => {}
            Err(stop) => return Err(stop),
        }
        self.at += read;
        Ok(Part::Nothing)
    }

    /// Compares the checksum, at the byte that announces the end.
    fn finish(&mut self, stored: Option<u64>) -> Result<(), Stop> {
        let stored = stored.filter(|&stored| stored != 0 && self.limits.verify_checksum);
        let computed = crc64(self.crc, &self.buffer[self.summed..=self.at]);
        self.end = match stored {
            None => Some(Checksum::Unknown),
            Some(stored) if stored == computed => Some(Checksum::Verified),
            Some(stored) => {
                return Err(Stop::Bad(1, LoadErrorKind::Checksum { stored, computed }));
            }
        };
        Ok(())
    }

    /// Adds what was read to the checksum.
    fn sum(&mut self) {
        if self.limits.verify_checksum && self.end.is_none() {
            self.crc = crc64(self.crc, &self.buffer[self.summed..self.at]);
        }
        self.summed = self.at;
    }

    /// A part as the caller sees it.
    #[inline]
    fn item(&mut self, part: Part) -> Item<'_> {
        match part {
            Part::Nothing | Part::Open(_) => Item::Need(0),
            Part::Closed => self.aggregate(),
            Part::SelectDb(number) => Item::SelectDb(number),
            Part::ResizeDb(keys, expires) => Item::ResizeDb { keys, expires },
            Part::End(_) => Item::End(self.end.unwrap_or(Checksum::Unknown)),
            Part::Aux(name, value) => {
                settle(&name, &mut self.rooms[0]);
                settle(&value, &mut self.rooms[1]);
                Item::Aux { name: self.text(&name, 0), value: self.text(&value, 1) }
            }
            Part::Entry(key, value) => {
                settle(&key, &mut self.rooms[0]);
                let Attributes { expire_at_ms, idle_s, freq } =
                    core::mem::take(&mut self.attributes);
                let value = match value {
                    Text::Int(number) => NewValue::Int(number),
                    value => NewValue::String(self.text(&value, 1)),
                };
                let key = self.text(&key, 0);
                Item::Entry(LoadedEntry { key, value, expire_at_ms, idle_s, freq })
            }
        }
    }

    /// The aggregate that is complete.
    fn aggregate(&mut self) -> Item<'_> {
        let Attributes { expire_at_ms, idle_s, freq } = core::mem::take(&mut self.attributes);
        let Some((key, value)) = self.closed.take() else { return Item::Need(0) };
        let key = &**self.key.insert(key);
        let value = NewValue::Object(value);
        Item::Entry(LoadedEntry { key, value, expire_at_ms, idle_s, freq })
    }

    #[inline]
    fn text(&self, text: &Text, room: usize) -> &[u8] {
        match text {
            Text::Here(range) => &self.buffer[self.start..][range.clone()],
            Text::InRoom | Text::Int(_) => &self.rooms[room],
        }
    }
}

/// Writes the text of an integer to its room.
#[inline]
fn settle(text: &Text, room: &mut Vec<u8>) {
    if let Text::Int(number) = text {
        room.clear();
        room.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
    }
}

#[cfg(test)]
mod tests;
