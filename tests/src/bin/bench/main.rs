//! The project's benchmark: Seedis beside its peers, interleaved in one run.
//!
//! Machines are shared and noisy, and `redis-benchmark` saturates before a server does, so the
//! headline is the server's own CPU time per request, as a ratio to the best peer; medians over
//! rounds in which all servers take turns. Servers are pinned to CPU 0, the load to CPU 1.
//!
//! ```text
//! cargo run --release -p seedis-tests --bin bench -- OPTIONS
//! OPTIONS: [--quick] [--only PART,...] [NAME=COMMAND ...]
//! ```
//!
//! A command may hold `{port}` and `{dir}`; without any, the release build of seedis-server and the
//! installed `redis-server` compete. Parts: throughput memory types expiry pauses connections large
//! aof save restart.

mod client;
mod figures;
mod load;
mod persistence;
mod server;
mod single;
mod types;

use std::process::ExitCode;

use lexopt::prelude::*;
use server::Spec;

const PARTS: [&str; 10] = [
    "throughput",
    "memory",
    "types",
    "expiry",
    "pauses",
    "connections",
    "large",
    "aof",
    "save",
    "restart",
];

/// What to measure.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    parts: Vec<String>,
    pub(crate) servers: Vec<Spec>,
}

fn main() -> ExitCode {
    match options() {
        Ok(options) => match run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("bench: {error}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("bench: {error}\nparts: {}", PARTS.join(" "));
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Options, lexopt::Error> {
    let parts = PARTS.map(String::from).to_vec();
    let mut options = Options { quick: false, parts, servers: Vec::new() };
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("quick") => options.quick = true,
            Long("only") => {
                let list = args.value()?.string()?;
                options.parts = list.split(',').map(String::from).collect();
                if let Some(wrong) = options.parts.iter().find(|part| !PARTS.contains(&&***part)) {
                    return Err(format!("no part is called {wrong}").into());
                }
            }
            Value(spec) => options.servers.push(Spec::parse(&spec.string()?)?),
            other => return Err(other.unexpected()),
        }
    }
    if options.servers.is_empty() {
        options.servers = Spec::installed();
    }
    Ok(options)
}

fn run(options: &Options) -> std::io::Result<()> {
    for part in &options.parts {
        match part.as_str() {
            "throughput" => load::throughput(options)?,
            "memory" => load::memory(options)?,
            "types" => types::types(options)?,
            "expiry" => single::expiry(options)?,
            "pauses" => single::pauses(options)?,
            "connections" => single::connections(options)?,
            "large" => single::large(options)?,
            "aof" => persistence::aof(options)?,
            "save" => persistence::save(options)?,
            _ => persistence::restart(options)?,
        }
    }
    Ok(())
}
