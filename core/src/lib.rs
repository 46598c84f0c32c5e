//! The Seedis state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod config;
pub mod keyspace;
pub mod rng;
pub mod value;
