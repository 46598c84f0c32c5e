//! Libraries that make the system behave otherwise, for a server under LD_PRELOAD.
//!
//! They are written in C, because that is what they stand in for, and compiled when they are
//! needed. They work for any server that calls the C library dynamically, ours and its peers.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `preload/NAME.c` into `dir`; returns the library.
pub fn library(name: &str, dir: &Path) -> io::Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("preload").join(name);
    let library = dir.join(name).with_extension("so");
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&library);
    let status = compiler.arg(source.with_extension("c")).arg("-ldl").status()?;
    if status.success() { Ok(library) } else { Err(io::Error::other("cc failed")) }
}
