//! Data types and their encodings: no RESP, no keyspace.

pub mod bitmap;
pub mod crc64;
mod double_text;
mod float_text;
pub mod glob;
pub mod lcs;
pub mod long_double;
pub mod lzf;
pub mod number;
pub mod quote;

use bytes::Bytes;

/// A value that lies outside its record: a large string, and the aggregates to come.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string of any length.
    String(Bytes),
}

impl Value {
    /// Bytes that the value holds outside of itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::String(bytes) => bytes.len(),
        }
    }

    /// The string, to be changed or replaced; `None` for another type.
    pub fn string_mut(&mut self) -> Option<&mut Bytes> {
        match self {
            Self::String(bytes) => Some(bytes),
        }
    }

    /// The name that TYPE answers.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
        }
    }
}
