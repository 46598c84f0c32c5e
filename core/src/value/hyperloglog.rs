//! HyperLogLogs: about how many different elements were added, in at most 12 KB.
//!
//! A HyperLogLog is a string of Redis's format, byte for byte, so that GET, SET, dumps and other
//! servers can carry it. Sixteen bytes of header (`HYLL`, the encoding, three unused bytes, the
//! cardinality as it was last counted, whose highest bit says that it does not hold any more) stand
//! before 16,384 registers of six bits. An element's hash chooses a register and a value, and the
//! register keeps the greatest value that it met.
//!
//! *Dense* registers lie side by side. *Sparse* ones are opcodes for runs of equal registers (see
//! `sparse.rs`); a string that would become longer than `hll-sparse-max-bytes`, or a value that
//! no opcode holds, makes it dense for good.
//!
//! The hard case is that anybody may SET such a string. [`View::of`] looks at the header and, of a
//! dense one, at the length. Opcodes are believed only as far as they were read: what is cut off,
//! or names more or fewer registers than there are, is [`Corrupted`].

mod dense;
mod estimate;
mod murmur;
mod self_test;
mod sparse;

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

pub use self_test::self_test;
pub use sparse::Opcode;

use estimate::Histogram;

/// Registers of a HyperLogLog.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// Bits of the hash that choose the register.
const INDEX_BITS: u32 = 14;

/// Bits of the hash that give the value.
const VALUE_BITS: u32 = 64 - INDEX_BITS;

const HEADER_BYTES: usize = 16;
const MAGIC: &[u8] = b"HYLL";
const ENCODING_AT: usize = 4;
const CARDINALITY_AT: usize = 8;
/// The byte whose highest bit says that the cardinality has to be counted again.
const STALE_AT: usize = 15;
const STALE: u8 = 0x80;

/// Length of a dense one.
const DENSE_BYTES: usize = HEADER_BYTES + dense::BYTES;

/// The greatest value of each register, unpacked.
pub type Registers = Box<[u8; REGISTERS]>;

/// Registers of a HyperLogLog to which nothing was added.
#[must_use]
pub fn no_registers() -> Registers {
    let zeros = vec![0; REGISTERS].into_boxed_slice();
    zeros.try_into().expect("there are as many as there should be")
}

/// The opcodes of a sparse HyperLogLog make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupted;

/// How the registers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Side by side.
    Dense,
    /// As runs.
    Sparse,
}

/// A register and the least value that it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    index: usize,
    value: u8,
}

impl Register {
    /// What adding an element asks for: the position of the first bit that is set, in a part of
    /// its hash.
    #[must_use]
    pub fn of(element: &[u8]) -> Self {
        let hash = murmur::hash(element);
        let index = hash as usize % REGISTERS;
        // A bit behind the last one ends the search.
        let rest = hash >> INDEX_BITS | 1 << VALUE_BITS;
        Self { index, value: rest.trailing_zeros() as u8 + 1 }
    }
}

/// A HyperLogLog read in place.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    encoding: Encoding,
    bytes: &'a [u8],
}

impl<'a> View<'a> {
    /// The HyperLogLog that a string is, as far as header and length tell.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..HEADER_BYTES)?;
        let encoding = match header[ENCODING_AT] {
            0 if bytes.len() == DENSE_BYTES => Encoding::Dense,
            1 => Encoding::Sparse,
            _ => return None,
        };
        header.starts_with(MAGIC).then_some(Self { encoding, bytes })
    }

    /// How its registers are stored.
    #[must_use]
    pub fn encoding(self) -> Encoding {
        self.encoding
    }

    /// The cardinality as it was last counted, if it still holds.
    #[must_use]
    pub fn cached(self) -> Option<u64> {
        let cached = self.bytes[CARDINALITY_AT..].first_chunk()?;
        (self.bytes[STALE_AT] & STALE == 0).then_some(u64::from_le_bytes(*cached))
    }

    /// The cardinality by the registers.
    ///
    /// # Errors
    ///
    /// The opcodes make no sense.
    pub fn count(self) -> Result<u64, Corrupted> {
        let mut histogram = Histogram::default();
        match self.encoding {
            Encoding::Dense => dense::blocks(self.registers()).for_each(|values| {
                histogram.add_each(&values);
            }),
            Encoding::Sparse => self.each_run(|_, opcode| {
                histogram.add(opcode.value, opcode.len);
            })?,
        }
        Ok(histogram.cardinality())
    }

    /// Raises registers to its own.
    ///
    /// # Errors
    ///
    /// The opcodes make no sense; some registers may have been raised.
    pub fn merge_into(self, registers: &mut [u8; REGISTERS]) -> Result<(), Corrupted> {
        match self.encoding {
            Encoding::Dense => {
                let known = registers.as_chunks_mut::<{ dense::BLOCK }>().0.iter_mut();
                for (known, values) in known.zip(dense::blocks(self.registers())) {
                    known.iter_mut().zip(values).for_each(|(known, value)| {
                        *known = value.max(*known);
                    });
                }
                Ok(())
            }
            Encoding::Sparse => self.each_run(|first, opcode| {
                let run = registers[first..first + opcode.len].iter_mut();
                run.for_each(|known| *known = opcode.value.max(*known));
            }),
        }
    }

    /// Whether adding this would change it.
    ///
    /// # Errors
    ///
    /// No opcode covers the register.
    pub fn is_raised_by(self, register: Register) -> Result<bool, Corrupted> {
        let Register { index, value } = register;
        match self.encoding {
            Encoding::Dense => Ok(dense::value(self.registers(), index) < value),
            // Without a look at the register, as in Redis: no value of an opcode is as great.
            Encoding::Sparse if value > sparse::VALUE_MAX => Ok(true),
            Encoding::Sparse => {
                let run = sparse::Run::find(self.registers(), index).ok_or(Corrupted)?;
                Ok(run.opcode.value < value)
            }
        }
    }

    /// The opcodes of a sparse one up to the first that is cut off.
    pub fn opcodes(self) -> impl Iterator<Item = Opcode> + use<'a> {
        let mut rest = self.registers();
        core::iter::from_fn(move || {
            let opcode = Opcode::read(rest)?;
            rest = &rest[opcode.bytes..];
            Some(opcode)
        })
    }

    /// Calls `each` with every run of a sparse one and its first register.
    fn each_run(self, mut each: impl FnMut(usize, Opcode)) -> Result<(), Corrupted> {
        let (mut first, mut bytes) = (0, 0);
        for opcode in self.opcodes() {
            if opcode.len > REGISTERS - first {
                return Err(Corrupted);
            }
            each(first, opcode);
            first += opcode.len;
            bytes += opcode.bytes;
        }
        let is_whole = first == REGISTERS && bytes == self.registers().len();
        is_whole.then_some(()).ok_or(Corrupted)
    }

    /// What follows the header.
    fn registers(self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..]
    }
}

/// A HyperLogLog to be changed.
#[derive(Clone, Debug)]
pub struct Hyperloglog {
    bytes: Vec<u8>,
    encoding: Encoding,
    sparse_bytes_max: usize,
    /// Where the last search ended.
    cursor: sparse::Cursor,
}

impl Hyperloglog {
    /// A new one, sparse, which stays so up to `sparse_bytes_max`.
    #[must_use]
    pub fn new(sparse_bytes_max: usize) -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.resize(HEADER_BYTES, 0);
        bytes[ENCODING_AT] = 1;
        bytes.extend_from_slice(&sparse::EMPTY);
        let cursor = sparse::Cursor::default();
        Self { bytes, encoding: Encoding::Sparse, sparse_bytes_max, cursor }
    }

    /// A copy.
    #[must_use]
    pub fn copy(view: View<'_>, sparse_bytes_max: usize) -> Self {
        let (encoding, cursor) = (view.encoding, sparse::Cursor::default());
        Self { bytes: view.bytes.to_vec(), encoding, sparse_bytes_max, cursor }
    }

    /// It, to be read.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View { encoding: self.encoding, bytes: &self.bytes }
    }

    /// Raises a register; whether that changed anything.
    ///
    /// # Errors
    ///
    /// The opcodes make no sense. Nothing has changed then.
    pub fn raise(&mut self, register: Register) -> Result<bool, Corrupted> {
        if self.encoding == Encoding::Sparse {
            match self.raise_sparse(register)? {
                sparse::Raised::No => return Ok(false),
                sparse::Raised::Yes => return Ok(true),
                sparse::Raised::TooLong => self.make_dense()?,
            };
        }
        Ok(raise_dense(&mut self.bytes, register))
    }

    fn raise_sparse(&mut self, register: Register) -> Result<sparse::Raised, Corrupted> {
        let room = self.sparse_bytes_max.saturating_sub(self.bytes.len());
        sparse::raise(&mut self.bytes, HEADER_BYTES, register, room, &mut self.cursor)
    }

    /// Makes a sparse one dense; whether it was sparse.
    ///
    /// # Errors
    ///
    /// The opcodes make no sense. Nothing has changed then.
    pub fn make_dense(&mut self) -> Result<bool, Corrupted> {
        if self.encoding == Encoding::Dense {
            return Ok(false);
        }
        let mut registers = no_registers();
        self.view().merge_into(&mut registers)?;
        self.set_dense(&registers);
        Ok(true)
    }

    /// Becomes a dense one with these registers; of the rest of the header nothing changes.
    pub fn set_dense(&mut self, registers: &[u8; REGISTERS]) {
        self.bytes.resize(DENSE_BYTES, 0);
        self.bytes[ENCODING_AT] = 0;
        self.encoding = Encoding::Dense;
        dense::pack(registers, &mut self.bytes[HEADER_BYTES..]);
    }

    /// Raises the registers to these, as Redis does it, the first one first: which opcodes come of
    /// it depends on that.
    ///
    /// # Errors
    ///
    /// The opcodes make no sense.
    pub fn raise_all(&mut self, registers: &[u8; REGISTERS]) -> Result<(), Corrupted> {
        for (index, &value) in registers.iter().enumerate().filter(|(_, value)| **value > 0) {
            self.raise(Register { index, value })?;
        }
        Ok(())
    }

    /// The string that it is, with a cardinality that does not hold any more.
    #[must_use]
    pub fn into_stale_bytes(mut self) -> Vec<u8> {
        make_stale(&mut self.bytes);
        self.bytes
    }

    /// The string that it is.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Raises a register of a dense HyperLogLog; whether that changed anything.
pub fn raise_dense(bytes: &mut [u8], register: Register) -> bool {
    let registers = &mut bytes[HEADER_BYTES..];
    let is_raised = dense::value(registers, register.index) < register.value;
    if is_raised {
        dense::set(registers, register.index, register.value);
    }
    is_raised
}

/// Says that the cardinality in the header of a HyperLogLog does not hold any more.
pub fn make_stale(bytes: &mut [u8]) {
    bytes[STALE_AT] |= STALE;
}

/// Writes the cardinality into the header of a HyperLogLog.
pub fn cache(bytes: &mut [u8], cardinality: u64) {
    bytes[CARDINALITY_AT..HEADER_BYTES].copy_from_slice(&cardinality.to_le_bytes());
}

/// The cardinality of registers.
#[must_use]
pub fn count(registers: &[u8; REGISTERS]) -> u64 {
    let mut histogram = Histogram::default();
    histogram.add_each(registers);
    histogram.cardinality()
}

#[cfg(test)]
mod tests;
