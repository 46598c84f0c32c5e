//! The configuration as the command line and the files describe it.
//!
//! Text becomes a [`Config`] in the core; here are the parts that need the system: reading files,
//! patterns of `include`, the working directory and the log file. Every relative path counts from
//! `dir`, except that of the configuration itself and of what it includes, which are read first.
//! A directive that the core cannot honour is a warning, unless it keeps somebody out: ignoring
//! such a one would open a door that its author had locked, so that stops the start.

use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use seedis_core::Config;
use seedis_core::config::arguments::from_arguments;
use seedis_core::config::file::{self, FileError, Loaded, Warning};

use crate::logging::Log;
use crate::system;

/// What the server is to be.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// Lines that have no effect.
    pub(crate) warnings: Vec<Warning>,
    /// The absolute path of the configuration file, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// Whether anything but defaults was asked for.
    pub(crate) is_configured: bool,
    pub(crate) log: Log,
}

/// Reads the configuration that `words` describe and enters its directory. An error is the text
/// to show.
pub(crate) fn load(words: &[Vec<u8>]) -> Result<Settings, String> {
    let (loaded, file) = read(words)?;
    refuse_guards(&loaded.warnings)?;
    let file = file.map(std::path::absolute).transpose();
    let file = file.map_err(|error| system::words(&error))?;
    let config = enter_directory(loaded.config)?;
    let log = log(&config)?;
    let is_configured = !words.is_empty();
    Ok(Settings { config, warnings: loaded.warnings, file, is_configured, log })
}

/// Reads the configuration that `words` describe, and which file it comes from.
pub(crate) fn read(words: &[Vec<u8>]) -> Result<(Loaded, Option<PathBuf>), String> {
    let arguments = from_arguments(words);
    let file = arguments.file.as_deref().map(path);
    let text = match file {
        Some(file) => read_named(file).map_err(|reason| {
            FileError::Unreadable { name: file.display().to_string(), reason }.to_string()
        })?,
        None => Vec::new(),
    };
    let mut input = Vec::new();
    if arguments.standard_input {
        io::stdin().read_to_end(&mut input).map_err(|error| {
            format!("Can't read the configuration from standard input: {}", system::words(&error))
        })?;
    }
    let source = source(file, arguments.standard_input);
    let text = arguments.text(&text, &input);
    let loaded =
        file::parse(&text, &source, &mut |name| read_named(Path::new(name))).map_err(|error| {
            match error {
                FileError::Unreadable { .. } => error.to_string(),
                // An empty line in front, as in Redis: there are several lines to read.
                FileError::Line { .. } | FileError::Whole(_) => format!("\n{error}"),
            }
        })?;
    Ok((loaded, file.map(PathBuf::from)))
}

/// What errors and warnings call the text.
fn source(file: Option<&Path>, has_standard_input: bool) -> String {
    match file {
        Some(file) => file.display().to_string(),
        None if has_standard_input => "(standard input)".into(),
        None => "(command line)".into(),
    }
}

/// The files that `name`, which may be a pattern, stands for, one after the other.
fn read_named(name: &Path) -> Result<Vec<u8>, String> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| system::words(&error));
    let pattern = name.as_os_str().as_bytes();
    if !pattern.iter().any(|byte| b"*?[".contains(byte)) {
        return read(name);
    }
    let texts: Result<Vec<_>, _> =
        system::paths_matching(pattern).iter().map(|path| read(path)).collect();
    Ok(texts?.join(&b'\n'))
}

fn refuse_guards(warnings: &[Warning]) -> Result<(), String> {
    match warnings.iter().find(|warning| warning.is_guard) {
        Some(guard) => Err(format!(
            "Refusing to start: {guard}, and without it the server would be more open than this \
             configuration says. Remove the line to start nevertheless."
        )),
        None => Ok(()),
    }
}

/// Changes to `dir` and makes its name absolute, as CONFIG GET shows it.
fn enter_directory(mut config: Config) -> Result<Config, String> {
    let dir = path(&config.dir);
    config.dir = enter(dir).map_err(|error| {
        let (dir, reason) = (dir.display(), system::words(&error));
        format!(
            "Can't change to the directory '{dir}': {reason}. Create it, or correct 'dir' in the \
             configuration."
        )
    })?;
    Ok(config)
}

/// Changes the working directory; returns its absolute path.
pub(crate) fn enter(dir: &Path) -> io::Result<Vec<u8>> {
    std::env::set_current_dir(dir)?;
    Ok(std::env::current_dir()?.into_os_string().into_vec())
}

/// The log that the configuration asks for, tried.
fn log(config: &Config) -> Result<Log, String> {
    let file = Some(path(&config.logfile)).filter(|path| !path.as_os_str().is_empty());
    let log =
        Log { file: file.map(PathBuf::from), level: config.loglevel, ..Log::to_standard_output() };
    log.check().map_err(|error| {
        let (name, reason) = (path(&config.logfile).display(), system::words(&error));
        format!(
            "Can't open the log file '{name}': {reason}. Make it writable for this user, or \
             correct 'logfile' in the configuration."
        )
    })?;
    Ok(log)
}

/// A path as the configuration keeps it.
pub(crate) fn path(bytes: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}
