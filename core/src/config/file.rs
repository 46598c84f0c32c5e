//! The redis.conf syntax: one directive a line, later lines override earlier ones.
//!
//! Comments start with `#`; arguments are split and quoted as in the inline protocol. `include`
//! reads another file in place of its line, and may nest. `save` is the one directive whose lines
//! add up: the first replaces the defaults, each further one appends, and an empty one clears. What
//! names a feature that does not exist yet is accepted with a warning, so that a file written for
//! Redis starts here; everything else that is unknown or malformed stops the load.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::Config;
use super::codec::Reason;
use super::directive::{Directive, Flag};
use crate::value::quote;

/// How deep `include` may nest.
pub const INCLUDE_DEPTH_MAX: usize = 16;
/// How many `include` lines one load may follow.
pub const INCLUDES_MAX: usize = 1000;

/// Reads the file that an `include` names, or says why it cannot. The name may be a glob pattern:
/// all files that match are then joined in order, and none at all are an empty text.
pub type Include<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

/// A configuration as text describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The settings; those that no line names are at their defaults.
    pub config: Config,
    /// Lines that were accepted but have no effect, in the order of reading.
    pub warnings: Vec<Warning>,
}

/// A line that was accepted but has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Name of the file.
    pub source: String,
    /// Line in that file, from one.
    pub line_number: usize,
    /// The directive, in lower case.
    pub directive: String,
    /// Whether ignoring it lets in somebody whom the line was meant to keep out.
    pub is_guard: bool,
    text: &'static str,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, line_number, directive, text, .. } = self;
        write!(f, "'{directive}' in {source}, at line {line_number}, has no effect: {text}")
    }
}

/// Why a text is no configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// A line is wrong.
    Line {
        /// Name of the file.
        source: String,
        /// Line in that file, from one.
        line_number: usize,
        /// The line without blanks around it.
        line: String,
        /// What is wrong.
        reason: Reason,
    },
    /// The lines contradict each other.
    Whole(Reason),
    /// An included file cannot be read.
    Unreadable {
        /// Its name as the line has it.
        name: String,
        /// What the system said.
        reason: String,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head =
            concat!("*** FATAL CONFIG FILE ERROR (Seedis ", env!("CARGO_PKG_VERSION"), ") ***");
        match self {
            Self::Line { source, line_number, line, reason } => write!(
                f,
                "{head}\nReading the configuration file {source}, at line {line_number}\n\
                 >>> '{line}'\n{reason}"
            ),
            Self::Whole(reason) => write!(f, "{head}\n{reason}"),
            Self::Unreadable { name, reason } => {
                write!(f, "Fatal error, can't open config file '{name}': {reason}")
            }
        }
    }
}

impl core::error::Error for FileError {}

/// Reads a configuration. `source` is the name of the text for errors and warnings.
pub fn parse(text: &[u8], source: &str, include: Include<'_>) -> Result<Loaded, FileError> {
    let mut loader = Loader {
        config: Config::default(),
        warnings: Vec::new(),
        include,
        includes_left: INCLUDES_MAX,
        has_save: false,
    };
    loader.text(text, source, INCLUDE_DEPTH_MAX)?;
    loader.check()?;
    Ok(Loaded { config: loader.config, warnings: loader.warnings })
}

/// Where a line stands.
struct Place<'a> {
    source: &'a str,
    line_number: usize,
    line: &'a [u8],
    depth_left: usize,
}

impl Place<'_> {
    fn error(&self, reason: Reason) -> FileError {
        FileError::Line {
            source: self.source.to_owned(),
            line_number: self.line_number,
            line: String::from_utf8_lossy(self.line).into_owned(),
            reason,
        }
    }

    fn refuse<T>(&self, reason: &'static str) -> Result<T, FileError> {
        Err(self.error(Reason::new(reason)))
    }
}

struct Loader<'a> {
    config: Config,
    warnings: Vec<Warning>,
    include: Include<'a>,
    includes_left: usize,
    has_save: bool,
}

impl Loader<'_> {
    fn text(&mut self, text: &[u8], source: &str, depth_left: usize) -> Result<(), FileError> {
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = trimmed(line);
            if line.first().is_none_or(|byte| *byte == b'#') {
                continue;
            }
            self.line(&Place { source, line_number: index + 1, line, depth_left })?;
        }
        Ok(())
    }

    fn line(&mut self, place: &Place<'_>) -> Result<(), FileError> {
        let Some(words) = quote::split_args(place.line) else {
            return place.refuse("Unbalanced quotes in configuration line");
        };
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let [name, arguments @ ..] = words.as_slice() else { return Ok(()) };
        match Directive::find(name) {
            Some(directive) => self.directive(directive, arguments, place),
            None => self.other(&name.to_ascii_lowercase(), arguments, place),
        }
    }

    fn directive(
        &mut self,
        directive: &'static Directive,
        arguments: &[&[u8]],
        place: &Place<'_>,
    ) -> Result<(), FileError> {
        let save = self.config.save.clone();
        directive.set_words(&mut self.config, arguments).map_err(|reason| place.error(reason))?;
        if directive.name() == "save" {
            let is_more = self.has_save && !self.config.save.is_empty();
            self.config.save.splice(..0, save.into_iter().filter(|_| is_more));
            self.has_save = true;
        }
        self.warnings.retain(|warning| warning.directive != directive.name());
        let has_effect = directive.value(&self.config) != directive.value(&Config::default());
        if directive.is_later() && has_effect {
            self.warn(directive.name(), directive.has(Flag::Guard), NOT_YET, place);
        }
        Ok(())
    }

    /// Directives that only a file has, and that no row stands for.
    fn other(
        &mut self,
        name: &[u8],
        arguments: &[&[u8]],
        place: &Place<'_>,
    ) -> Result<(), FileError> {
        match (name, arguments) {
            (b"include", [file]) => self.included(file, place),
            (b"rename-command", [_, _]) | (b"user", [_, ..]) => {
                self.warn(&String::from_utf8_lossy(name), true, NOT_YET, place);
                Ok(())
            }
            (b"loadmodule", [_, ..]) => {
                self.warn("loadmodule", false, NOT_YET, place);
                Ok(())
            }
            (
                b"list-max-ziplist-entries" | b"list-max-ziplist-value" | b"lua-replicate-commands",
                [_],
            ) => {
                self.warn(&String::from_utf8_lossy(name), false, DEPRECATED, place);
                Ok(())
            }
            (b"sentinel", []) => Ok(()),
            (b"sentinel", _) => place.refuse("sentinel directive while not in sentinel mode"),
            _ if !name.contains(&b'.') => {
                place.refuse("Bad directive or wrong number of arguments")
            }
            (_, [_]) => place.refuse(
                "Module Configuration detected without loadmodule directive or no ApplyConfig \
                 call: aborting",
            ),
            _ => place.refuse("Module config specified without value"),
        }
    }

    fn included(&mut self, file: &[u8], place: &Place<'_>) -> Result<(), FileError> {
        let Some(depth_left) = place.depth_left.checked_sub(1) else {
            return place.refuse("Files include each other more than 16 levels deep");
        };
        let Some(includes_left) = self.includes_left.checked_sub(1) else {
            return place.refuse("More than 1000 files are included");
        };
        self.includes_left = includes_left;
        let name = String::from_utf8_lossy(file).into_owned();
        match (self.include)(&name) {
            Ok(text) => self.text(&text, &name, depth_left),
            Err(reason) => Err(FileError::Unreadable { name, reason }),
        }
    }

    fn warn(&mut self, directive: &str, is_guard: bool, text: &'static str, place: &Place<'_>) {
        self.warnings.push(Warning {
            source: place.source.to_owned(),
            line_number: place.line_number,
            directive: directive.to_owned(),
            is_guard,
            text,
        });
    }

    fn check(&self) -> Result<(), FileError> {
        let value = |name: &[u8]| Directive::find(name).map(|row| row.value(&self.config));
        let in_cluster = value(b"cluster-enabled").is_some_and(|value| value == b"yes");
        let has_master = value(b"replicaof").is_some_and(|value| !value.is_empty());
        if in_cluster && has_master {
            let reason = Reason::new("replicaof directive not allowed in cluster mode");
            return Err(FileError::Whole(reason));
        }
        Ok(())
    }
}

/// The line without the blanks that Redis strips.
pub(super) fn trimmed(line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|byte| !blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    line.get(start..end).unwrap_or_default()
}

const NOT_YET: &str = "Seedis does not have this feature yet";
const DEPRECATED: &str = "it is deprecated";
