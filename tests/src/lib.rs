//! The harness of the integration tests.
//!
//! A behaviour of the server is written down as a *transcript*: a text file of commands, as a
//! human would type them, on one or more connections. The same file is played against the core
//! inside this process, against the real server over TCP and against a stock `redis-server`; the
//! replies of the first are kept in a snapshot, and the other two must agree with it.
//!
//! The pieces, in the order in which a transcript passes them: [`transcript`] reads the file (with
//! [`words`] for the quoting and [`notes`] for the remarks on a step), [`play`] sends its steps to
//! a [`play::Target`] and collects what comes back, parsed by [`resp`] and drawn by [`render`],
//! and [`snapshot`] says whether two such drawings agree. The targets are [`in_process`] and
//! [`tcp`]; [`process`] starts and resets real servers, and [`workers`] spreads the files over
//! several of them; [`preload`] makes the system under them slower. [`peer`] judges by a stock
//! server. [`compat`] writes COMPAT.md.
#![forbid(unsafe_code)]

pub mod compat;
pub mod generate;
pub mod in_process;
pub mod launch;
pub mod notes;
pub mod peer;
pub mod play;
pub mod preload;
pub mod process;
pub mod render;
pub mod resp;
pub mod snapshot;
pub mod tcp;
pub mod transcript;
pub mod words;
pub mod workers;
