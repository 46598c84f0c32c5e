//! One part of a dump: what its first byte announces.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::cursor::{Cursor, Stop, Text};
use super::error::{LoadErrorKind, TYPE_MAX};
use super::format::{
    FIRST_VERSION_WITH_AUX, FIRST_VERSION_WITH_CHECKSUM, MAGIC_BYTES, TYPE_STRING, VALKEY_VERSION,
    VERSION_MAX, opcode,
};
use super::open::{Making, Open};

/// A part by its place in the cursor's bytes.
pub(super) enum Part {
    /// Nothing that a reader's caller would want to know.
    Nothing,
    /// A field about the file.
    Aux(Text, Text),
    /// The number of a database.
    SelectDb(u64),
    /// Keys, and those with a deadline.
    ResizeDb(u64, u64),
    /// A key and a string.
    Entry(Text, Text),
    /// A key with an aggregate, whose elements follow.
    Open(Box<Open>),
    /// The aggregate is complete.
    Closed,
    /// The end, with the checksum if the version has one.
    End(Option<u64>),
}

/// What is said of the next key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attributes {
    pub(super) expire_at_ms: Option<u64>,
    pub(super) idle_s: Option<u64>,
    pub(super) freq: Option<u8>,
}

/// Reads parts.
pub(super) struct PartReader<'a> {
    pub(super) cursor: Cursor<'a>,
    /// Room for a compressed key, and for a compressed value.
    pub(super) rooms: [&'a mut Vec<u8>; 2],
    pub(super) attributes: &'a mut Attributes,
    pub(super) version: u16,
    pub(super) making: &'a Making,
}

impl PartReader<'_> {
    /// The part that begins here.
    #[inline]
    pub(super) fn read(&mut self) -> Result<Part, Stop> {
        match self.cursor.byte()? {
            TYPE_STRING => self.strings().map(|(key, value)| Part::Entry(key, value)),
            opcode::EXPIRETIME_MS => {
                let at_ms = i64::from_le_bytes(self.cursor.array()?);
                self.attributes.expire_at_ms = deadline(at_ms);
                Ok(Part::Nothing)
            }
            first => self.read_rare(first),
        }
    }

    fn read_rare(&mut self, first: u8) -> Result<Part, Stop> {
        match first {
            opcode::EXPIRETIME => {
                let at_s = i32::from_le_bytes(self.cursor.array()?);
                self.attributes.expire_at_ms = deadline(i64::from(at_s) * 1000);
            }
            opcode::IDLE => self.attributes.idle_s = Some(self.cursor.length()?),
            opcode::FREQ => self.attributes.freq = Some(self.cursor.byte()?),
            opcode::SLOT_INFO => {
                for _number in 0..3 {
                    self.cursor.length()?;
                }
            }
            opcode::AUX if self.version >= FIRST_VERSION_WITH_AUX => {
                return self.strings().map(|(name, value)| Part::Aux(name, value));
            }
            opcode::SELECTDB => return Ok(Part::SelectDb(self.cursor.length()?)),
            opcode::RESIZEDB => {
                return Ok(Part::ResizeDb(self.cursor.length()?, self.cursor.length()?));
            }
            opcode::EOF => return self.end(),
            1..=TYPE_MAX => return self.open(first),
            _ => return Err(self.refused(first)),
        }
        Ok(Part::Nothing)
    }

    #[inline]
    fn strings(&mut self) -> Result<(Text, Text), Stop> {
        let [first, second] = &mut self.rooms;
        Ok((self.cursor.string(first)?, self.cursor.string(second)?))
    }

    fn end(&mut self) -> Result<Part, Stop> {
        if self.version < FIRST_VERSION_WITH_CHECKSUM {
            return Ok(Part::End(None));
        }
        Ok(Part::End(Some(u64::from_le_bytes(self.cursor.array()?))))
    }

    /// The head of an aggregate.
    fn open(&mut self, number: u8) -> Result<Part, Stop> {
        let key = self.key()?;
        match Open::begin(number, self.version, key.clone(), &mut self.cursor, self.making)? {
            Some(open) => Ok(Part::Open(Box::new(open))),
            None => Err(Stop::Bad(0, LoadErrorKind::Type { number, key })),
        }
    }

    /// Why a part that begins with this byte is not read.
    fn refused(&mut self, first: u8) -> Stop {
        let kind = match first {
            opcode::MODULE_AUX => self.cursor.length().map(|id| LoadErrorKind::Module(module(id))),
            opcode::FUNCTION2 | opcode::FUNCTION_PRE_GA => Ok(LoadErrorKind::Functions),
            _ => Ok(LoadErrorKind::Opcode(first)),
        };
        kind.map_or_else(|stop| stop, |kind| Stop::Bad(0, kind))
    }

    fn key(&mut self) -> Result<Box<[u8]>, Stop> {
        Ok(match self.cursor.string(self.rooms[0])? {
            Text::Here(range) => self.cursor.bytes_at(range).into(),
            Text::InRoom => self.rooms[0].as_slice().into(),
            Text::Int(number) => itoa::Buffer::new().format(number).as_bytes().into(),
        })
    }
}

/// Passes magic and version; the answer is the version.
pub(super) fn version(cursor: &mut Cursor<'_>) -> Result<u16, Stop> {
    let magic: [u8; MAGIC_BYTES] = cursor.array()?;
    let number = |digits: &[u8]| core::str::from_utf8(digits).ok()?.parse().ok();
    let (version, is_known) = if let Some(digits) = magic.strip_prefix(b"REDIS") {
        (number(digits), 1..=VERSION_MAX)
    } else if let Some(digits) = magic.strip_prefix(b"VALKEY") {
        (number(digits), VALKEY_VERSION..=VALKEY_VERSION)
    } else {
        (None, 0..=0)
    };
    match version {
        Some(version) if is_known.contains(&version) => Ok(version),
        Some(version) => Err(Stop::Bad(0, LoadErrorKind::Version(version))),
        None => Err(Stop::Bad(0, LoadErrorKind::Magic)),
    }
}

/// A deadline as a dump has it: -1 is none (rdb.c, `rdbLoadRioWithLoadingCtx`).
fn deadline(at_ms: i64) -> Option<u64> {
    (at_ms != -1).then(|| u64::try_from(at_ms).unwrap_or(0))
}

/// The name of a module's type: nine letters of six bits, then ten bits of a version.
fn module(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).map(|at| char::from(LETTERS[(id >> (58 - 6 * at)) as usize & 63])).collect()
}
