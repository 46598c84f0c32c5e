//! The log of the server, in Redis's format.
//!
//! `12345:M 22 Nov 2026 18:11:57.123 * message`: process, role, local time, level, message. Tools
//! that start a server wait for certain lines of it, so those have Redis's words. The file is
//! opened for each message and closed again, as Redis does, so that it can be renamed away at any
//! time; messages are rare. One that cannot be written is lost: there is nowhere to complain.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use seedis_core::config::LogLevel;

use crate::system;

/// What this process is, as the log shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It has not become a server yet.
    Starting,
    /// It serves.
    Master,
}

/// Where messages go.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// The file; none for standard output.
    pub(crate) file: Option<PathBuf>,
    /// The least urgent level that is written.
    pub(crate) level: LogLevel,
    pub(crate) role: Role,
}

impl Log {
    /// A log to standard output.
    pub(crate) fn to_standard_output() -> Self {
        Self { file: None, level: LogLevel::Notice, role: Role::Starting }
    }

    /// Whether the file, if there is one, can be written.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |path| appended(path).map(drop))
    }

    /// Writes one message if its level is high enough.
    pub(crate) fn write(&self, level: LogLevel, message: &str) {
        if level as u8 >= self.level as u8 {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let time = system::local_time(now.as_secs() as i64);
            let head = head(std::process::id(), self.role, time, now.subsec_millis(), level);
            self.raw(&format!("{head} {message}\n"));
        }
    }

    pub(crate) fn verbose(&self, message: &str) {
        self.write(LogLevel::Verbose, message);
    }

    pub(crate) fn notice(&self, message: &str) {
        self.write(LogLevel::Notice, message);
    }

    pub(crate) fn warning(&self, message: &str) {
        self.write(LogLevel::Warning, message);
    }

    /// Writes a message about a signal, in the form of Redis's handlers: without a date.
    pub(crate) fn of_signal(&self, message: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let pid = std::process::id();
        self.raw(&format!("{pid}:signal-handler ({}) {message}\n", now.as_secs()));
    }

    /// Writes text as it is.
    pub(crate) fn raw(&self, text: &str) {
        // A log that cannot be written must not stop the server.
        let _ = match &self.file {
            Some(path) => appended(path).and_then(|mut file| file.write_all(text.as_bytes())),
            None => io::stdout().lock().write_all(text.as_bytes()),
        };
    }
}

fn appended(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn head(
    pid: u32,
    role: Role,
    [day, month, year, hour, minute, second]: [i32; 6],
    ms: u32,
    level: LogLevel,
) -> String {
    let month = MONTHS[month as usize % 12];
    let role = match role {
        Role::Starting => 'C',
        Role::Master => 'M',
    };
    let level = match level {
        LogLevel::Debug => '.',
        LogLevel::Verbose => '-',
        LogLevel::Notice => '*',
        LogLevel::Warning => '#',
    };
    format!(
        "{pid}:{role} {day:02} {month} {year} {hour:02}:{minute:02}:{second:02}.{ms:03} {level}"
    )
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_as_in_redis() {
        let time = [2, 10, 2026, 8, 1, 7];
        assert_eq!(
            head(12345, Role::Master, time, 5, LogLevel::Notice),
            "12345:M 02 Nov 2026 08:01:07.005 *"
        );
        assert_eq!(
            head(1, Role::Starting, [31, 0, 1999, 23, 59, 59], 999, LogLevel::Warning),
            "1:C 31 Jan 1999 23:59:59.999 #"
        );
    }
}
