//! The Seedis state machine: a Redis-compatible server as one deterministic function.
//!
//! What goes in: the bytes of connections, two clocks, completions of file requests, a seed.
//! What comes out: bytes to send, file requests, connections to close. What never happens: the
//! core reads no clock, opens no file or socket, starts no thread and asks nobody for randomness;
//! `no_std` is the proof. The same inputs give the same outputs, bit for bit, on every machine.
//!
//! Start at [`Core`] and [`turn`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod command;
pub mod config;
pub mod io;
pub mod keyspace;
pub mod rdb;
pub mod recording;
pub mod recovery;
pub mod resp;
pub mod rng;
pub mod turn;
pub mod value;
pub mod version;

mod client;
mod engine;
mod log;
mod persist;
mod server;
mod stats;

pub use config::Config;
pub use turn::{ConnId, Core, Effects, Fed, Flow, IoReq, IoResult, Now, Peer, Seed, Ticket, Turn};
