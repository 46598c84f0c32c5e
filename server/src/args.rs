//! The command line: what is answered at once, and what is refused.
//!
//! Everything else is configuration, which `settings` reads. As in Redis, `--version` and `--help`
//! count only in the first place, so that a value elsewhere may look like them. Modes of Redis
//! that Seedis does not have are refused by name: as directives they would be called unknown,
//! which helps nobody.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use seedis_core::version::{REDIS_VERSION, VERSION};

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A server with this configuration.
    Serve(Vec<Vec<u8>>),
    /// This text, and no server.
    Print(String),
    /// How the program is used.
    Help,
    /// Something that cannot be had, for this reason.
    Refuse(String),
}

/// Reads the arguments after the name of the program.
pub(crate) fn asked(arguments: impl Iterator<Item = OsString>) -> Asked {
    let words: Vec<Vec<u8>> = arguments.map(OsString::into_vec).collect();
    let first = words.first().map_or(&b""[..], Vec::as_slice);
    match first {
        b"-v" | b"--version" => return Asked::Print(version()),
        b"-h" | b"--help" => return Asked::Help,
        b"--test-memory" => return Asked::Refuse(NO_MEMORY_TEST.into()),
        b"--check-system" => return Asked::Refuse(NO_SYSTEM_CHECK.into()),
        _ => {}
    }
    if words.iter().any(|word| word == b"--sentinel") {
        return Asked::Refuse(NO_SENTINEL.into());
    }
    Asked::Serve(words)
}

/// The line that tools parse: the third word, after `v=`, is the version of Redis, since that is
/// what they decide by.
fn version() -> String {
    let bits = usize::BITS;
    format!(
        "Seedis server v={REDIS_VERSION} sha=00000000:0 malloc=libc bits={bits} \
         build=seedis-{VERSION} (Seedis {VERSION}, compatible with Redis {REDIS_VERSION})\n"
    )
}

/// How the program is used.
pub(crate) const USAGE: &str = "\
Usage: seedis-server [/path/to/redis.conf] [--name value ...] [-]
       seedis-server -v or --version
       seedis-server -h or --help

The file has the syntax of redis.conf. Options are its directives, and win over the file;
with - the configuration is read from standard input as well, after the file.

Examples:
       seedis-server
       seedis-server /etc/redis/6379.conf
       seedis-server /etc/redis/6379.conf --loglevel verbose
       seedis-server --port 7777 --bind 127.0.0.1 ::1
       echo 'maxclients 500' | seedis-server - --port 7777
";

const NO_MEMORY_TEST: &str = "Seedis has no memory test. Use memtest86 or memtester.";
const NO_SYSTEM_CHECK: &str =
    "Seedis has no system check: Redis checks what matters to a server that forks.";
const NO_SENTINEL: &str = "Seedis has no Sentinel mode. Use redis-sentinel of Redis or Valkey.";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Asked {
        asked(words.iter().map(OsString::from))
    }

    #[test]
    fn tools_find_the_version_of_redis() {
        let Asked::Print(text) = words(&["--version"]) else { panic!("no text") };
        assert_eq!(text.split(' ').nth(2), Some("v=7.2.4"));
        assert!(text.contains(&format!("Seedis {VERSION}")));
        assert_eq!(words(&["-v"]), Asked::Print(text));
    }

    #[test]
    fn only_the_first_word_is_special() {
        assert_eq!(words(&["-h"]), Asked::Help);
        assert!(matches!(words(&["--logfile", "-h"]), Asked::Serve(_)));
        assert!(matches!(words(&["-"]), Asked::Serve(_)));
        assert!(matches!(words(&[]), Asked::Serve(_)));
    }

    #[test]
    fn modes_of_redis_that_are_missing_are_refused() {
        for line in [&["--test-memory", "4"][..], &["--check-system"], &["a", "--sentinel"]] {
            assert!(matches!(words(line), Asked::Refuse(_)), "{line:?}");
        }
    }
}
