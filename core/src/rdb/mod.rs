//! Redis's dump format: writing snapshots, reading those of every version, DUMP payloads.
//!
//! A file is a magic with a version, then a row of parts that each begin with one byte: fields
//! about the file, the choice of a database, attributes of the next key, or the type of a value,
//! which is followed by its key and its bytes. It ends with a CRC-64 of all before it. [`format`]
//! has the numbers; [`save`] writes, [`load`] reads a file as it arrives,
//! [`payload`] is for one value on its own.

mod aggregate;
mod build;
mod cursor;
mod encode;
mod error;
pub mod format;
mod legacy;
pub mod load;
mod open;
mod part;
pub mod payload;
pub mod save;
mod stream;
