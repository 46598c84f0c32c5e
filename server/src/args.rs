//! The command line: what is answered at once, and what is refused.
//!
//! Everything else is configuration, which `settings` reads. As in Redis, `--version` and `--help`
//! count only in the first place, so that a value elsewhere may look like them. Modes of Redis
//! that Seedis does not have are refused by name: as directives they would be called unknown,
//! which helps nobody.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use seedis_core::version::{REDIS_VERSION, VERSION};

use crate::settings::path;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A server with this configuration.
    Serve(Vec<Vec<u8>>),
    /// This text, and no server.
    Print(String),
    /// What the files in a directory hold, for a server with this configuration.
    Check { dir: PathBuf, words: Vec<Vec<u8>> },
    /// What can be read of these files, in a new directory.
    Salvage { dir: PathBuf, new_dir: PathBuf, words: Vec<Vec<u8>> },
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
        b"--check" => return check(&words[1..]),
        b"--salvage" => return salvage(&words[1..]),
        _ => {}
    }
    if words.iter().any(|word| word == b"--sentinel") {
        return Asked::Refuse(NO_SENTINEL.into());
    }
    Asked::Serve(words)
}

fn check(words: &[Vec<u8>]) -> Asked {
    match words {
        [dir, words @ ..] => Asked::Check { dir: path(dir).into(), words: words.into() },
        [] => Asked::Refuse("--check needs the directory that is to be checked.".into()),
    }
}

fn salvage(words: &[Vec<u8>]) -> Asked {
    match words {
        [dir, new_dir, words @ ..] => Asked::Salvage {
            dir: path(dir).into(),
            new_dir: path(new_dir).into(),
            words: words.into(),
        },
        _ => Asked::Refuse(
            "--salvage needs the damaged directory, and a new one for what can be read of it."
                .into(),
        ),
    }
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
       seedis-server --check DIR [configuration]
       seedis-server --salvage DIR NEWDIR [configuration]

The file has the syntax of redis.conf. Options are its directives, and win over the file;
with - the configuration is read from standard input as well, after the file.

--record FILE writes every input to FILE, for `seedis-sim replay FILE`; with --record-max-size
256mb to FILE.1, FILE.2 and so on, the newest of so many bytes together. --record-redact masks
values; passwords are masked always.

--check reads the append only file and the dump in DIR, and tells of each file what it holds.
It ends with 0 if a server starts on them, be it that it has to cut off what a crash left half
written; with 1 if they are broken. --salvage writes what can be read of them into NEWDIR, which
must not exist or be empty; DIR stays as it is. The configuration matters if it names other files.

Examples:
       seedis-server
       seedis-server /etc/redis/6379.conf
       seedis-server /etc/redis/6379.conf --loglevel verbose
       seedis-server --port 7777 --bind 127.0.0.1 ::1
       seedis-server --check /var/lib/redis /etc/redis/6379.conf
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
    fn directories_come_before_the_configuration() {
        let checked = words(&["--check", "/data", "redis.conf", "--databases", "99"]);
        let Asked::Check { dir, words: rest } = checked else { panic!("no check") };
        assert_eq!((dir.to_str(), rest.len()), (Some("/data"), 3));
        let Asked::Salvage { dir, new_dir, words: rest } = words(&["--salvage", "a", "b"]) else {
            panic!("no salvage")
        };
        assert_eq!((dir.to_str(), new_dir.to_str(), rest.len()), (Some("a"), Some("b"), 0));
        for line in [&["--check"][..], &["--salvage"], &["--salvage", "a"]] {
            assert!(matches!(words(line), Asked::Refuse(_)), "{line:?}");
        }
    }

    #[test]
    fn modes_of_redis_that_are_missing_are_refused() {
        for line in [&["--test-memory", "4"][..], &["--check-system"], &["a", "--sentinel"]] {
            assert!(matches!(words(line), Asked::Refuse(_)), "{line:?}");
        }
    }
}
