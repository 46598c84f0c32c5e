//! Sparse registers: opcodes for runs of equal ones.
//!
//! | bits | what |
//! |---|---|
//! | `00nnnnnn` | ZERO: n + 1 registers that are 0 |
//! | `01nnnnnn nnnnnnnn` | XZERO: n + 1 registers that are 0, higher bits first |
//! | `1vvvvvnn` | VAL: n + 1 registers that are v + 1 |
//!
//! Raising a register cuts the run around it in up to three, then looks whether runs of equal
//! values there can be joined. The same registers can be written in several ways, and GET shows
//! which: so what is cut and joined, and in which order, is Redis's. It joins values only, never
//! zeros, and looks at five opcodes from the one before the register on.
//!
//! A search is a walk from the beginning, unless it goes on where the last one ended ([`Cursor`]):
//! a merge raises thousands of registers in their order.

use alloc::vec::Vec;

use super::{Corrupted, Register};

/// The greatest value that an opcode holds.
pub(super) const VALUE_MAX: u8 = 32;

const VALUE_LEN_MAX: usize = 4;
const ZERO_LEN_MAX: usize = 64;

/// XZERO over all registers.
pub(super) const EMPTY: [u8; 2] = [0x7f, 0xff];

/// One opcode: a run of equal registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opcode {
    /// The value of the registers.
    pub value: u8,
    /// How many they are.
    pub len: usize,
    /// Bytes of the opcode: two of an XZERO.
    pub bytes: usize,
}

impl Opcode {
    /// The opcode that `bytes` begins with; `None` when it is cut off.
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let low = usize::from(first & 0x3f);
        Some(match first >> 6 {
            0 => Self { value: 0, len: low + 1, bytes: 1 },
            1 => Self { value: 0, len: (low << 8 | usize::from(*bytes.get(1)?)) + 1, bytes: 2 },
            _ => Self { value: (first >> 2 & 0x1f) + 1, len: low % 4 + 1, bytes: 1 },
        })
    }

    fn is_value(self) -> bool {
        self.value > 0
    }
}

fn value_opcode(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

/// A run with what is around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) opcode: Opcode,
    /// Where its opcode is.
    at: usize,
    /// Its first register.
    first: usize,
    /// Where the opcode before it is.
    before: Option<usize>,
    /// A place from which a search for a later register may begin.
    cursor: Cursor,
}

/// The place of an opcode and its first register.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    at: usize,
    first: usize,
}

impl Run {
    /// The run with a register.
    pub(super) fn find(bytes: &[u8], index: usize) -> Option<Self> {
        Self::find_from(bytes, index, Cursor::default())
    }

    /// The same, searched from a cursor on, if the register may be behind it.
    fn find_behind(bytes: &[u8], index: usize, cursor: Cursor) -> Option<Self> {
        let found = Self::find_from(bytes, index, cursor).filter(|_| index >= cursor.first);
        // What is before the first opcode that is looked at, nobody knows.
        match found.filter(|run| run.before.is_some()) {
            Some(run) => Some(run),
            None => Self::find(bytes, index),
        }
    }

    #[inline]
    fn find_from(bytes: &[u8], index: usize, cursor: Cursor) -> Option<Self> {
        let Cursor { mut at, mut first } = cursor;
        // The opcode before, and the one before that.
        let (mut before, mut cursor) = (None, cursor);
        loop {
            let opcode = Opcode::read(bytes.get(at..)?)?;
            if index < first + opcode.len {
                let before = before.map(|Cursor { at, .. }| at);
                return Some(Self { opcode, at, first, before, cursor });
            }
            cursor = before.unwrap_or(cursor);
            before = Some(Cursor { at, first });
            at += opcode.bytes;
            first += opcode.len;
        }
    }

    /// The opcodes to be put in its place, with one register raised, and how many bytes they are.
    fn cut(&self, index: usize, value: u8) -> ([u8; 5], usize) {
        let (mut bytes, mut len) = ([0; 5], 0);
        let mut put = |value: u8, run: usize| match (value, run) {
            (_, 0) => {}
            (0, ..=ZERO_LEN_MAX) => {
                bytes[len] = (run - 1) as u8;
                len += 1;
            }
            (0, _) => {
                bytes[len..len + 2].copy_from_slice(&(0x4000 | (run - 1) as u16).to_be_bytes());
                len += 2;
            }
            _ => {
                bytes[len] = value_opcode(value, run);
                len += 1;
            }
        };
        put(self.opcode.value, index - self.first);
        put(value, 1);
        put(self.opcode.value, self.first + self.opcode.len - 1 - index);
        (bytes, len)
    }
}

/// What came of raising a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It is as great already.
    No,
    /// It was less.
    Yes,
    /// It is less, and must be raised in another encoding. Nothing has changed.
    TooLong,
}

/// Raises a register; the opcodes are in `string` from `start` on, and may take `room` more bytes.
pub(super) fn raise(
    string: &mut Vec<u8>,
    start: usize,
    register: Register,
    room: usize,
    cursor: &mut Cursor,
) -> Result<Raised, Corrupted> {
    let Register { index, value } = register;
    if value > VALUE_MAX {
        return Ok(Raised::TooLong);
    }
    let run = Run::find_behind(&string[start..], index, *cursor).ok_or(Corrupted)?;
    *cursor = run.cursor;
    if run.opcode.value >= value {
        return Ok(Raised::No);
    }
    let (new, len) = run.cut(index, value);
    if len > run.opcode.bytes + room {
        return Ok(Raised::TooLong);
    }
    let at = start + run.at;
    string.splice(at..at + run.opcode.bytes, new[..len].iter().copied());
    join(string, start + run.before.unwrap_or(0));
    Ok(Raised::Yes)
}

/// Joins runs of equal values, of the opcodes from `at` on.
fn join(string: &mut Vec<u8>, mut at: usize) {
    for _ in 0..5 {
        let Some(opcode) = string.get(at..).and_then(Opcode::read) else { return };
        let next = string.get(at + opcode.bytes..).and_then(Opcode::read);
        match next {
            Some(next)
                if opcode.is_value()
                    && opcode.value == next.value
                    && opcode.len + next.len <= VALUE_LEN_MAX =>
            {
                string[at + 1] = value_opcode(opcode.value, opcode.len + next.len);
                string.remove(at);
            }
            _ => at += opcode.bytes,
        }
    }
}
