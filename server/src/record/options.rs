//! The options of the command line that are about recording. They are no directives: what is
//! recorded would include the order to record it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// What is to be recorded, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The file; its directory does not change with `dir`.
    pub(crate) file: PathBuf,
    /// Bytes of all segments together; without it there is one file that grows.
    pub(crate) max_bytes: Option<u64>,
    /// Values are masked.
    pub(crate) is_redacted: bool,
}

/// The least that makes sense: segments of one sixteenth each must hold a turn.
const MAX_BYTES_MIN: u64 = 1 << 20;

/// Takes the options out of the words of a command line; an error is the text to show.
pub(crate) fn options(words: &mut Vec<Vec<u8>>) -> Result<Option<Options>, String> {
    let file = valued(words, "--record")?;
    let max_size = valued(words, "--record-max-size")?;
    let before = words.len();
    words.retain(|word| word != b"--record-redact");
    let is_redacted = words.len() < before;
    let Some(file) = file else {
        if is_redacted || max_size.is_some() {
            return Err("--record-max-size and --record-redact need --record FILE.".into());
        }
        return Ok(None);
    };
    let file = std::path::absolute(PathBuf::from(OsString::from_vec(file)));
    let file = file.map_err(|error| format!("--record: {}", crate::system::words(&error)))?;
    let max_bytes = max_size.map(|size| bytes(&size)).transpose()?;
    Ok(Some(Options { file, max_bytes, is_redacted }))
}

/// Takes an option with its value out of the words.
fn valued(words: &mut Vec<Vec<u8>>, name: &str) -> Result<Option<Vec<u8>>, String> {
    let Some(at) = words.iter().position(|word| word == name.as_bytes()) else { return Ok(None) };
    words.remove(at);
    if at == words.len() || words[at].is_empty() || words[at].starts_with(b"--") {
        return Err(format!("{name} needs a value."));
    }
    Ok(Some(words.remove(at)))
}

/// A size as in the configuration: `256mb`.
fn bytes(size: &[u8]) -> Result<u64, String> {
    let bytes = seedis_core::config::memory(size);
    match bytes {
        Some(bytes) if bytes >= MAX_BYTES_MIN => Ok(bytes),
        Some(_) => Err("--record-max-size must be at least 1mb.".into()),
        None => Err("--record-max-size must be a size such as 256mb.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(line: &str) -> (Result<Option<Options>, String>, String) {
        let mut words: Vec<Vec<u8>> = line.split(' ').map(|word| word.into()).collect();
        let options = options(&mut words);
        (options, String::from_utf8(words.join(&b' ')).unwrap())
    }

    #[test]
    fn the_options_are_taken_out_of_the_line() {
        let (options, rest) =
            taken("a.conf --record /r --port 1 --record-redact --record-max-size 2mb --hz 10");
        let options = options.unwrap().unwrap();
        assert_eq!(options.file, PathBuf::from("/r"));
        assert_eq!((options.max_bytes, options.is_redacted), (Some(2 << 20), true));
        assert_eq!(rest, "a.conf --port 1 --hz 10");
        assert_eq!(taken("--port 1").0, Ok(None));
        let (relative, _) = taken("--record r");
        assert!(relative.unwrap().unwrap().file.is_absolute());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--record",
            "--record --port 1",
            "--record-redact",
            "--record-max-size 1gb",
            "--record r --record-max-size",
            "--record r --record-max-size 1",
            "--record r --record-max-size big",
        ] {
            assert!(taken(line).0.is_err(), "{line}");
        }
    }
}
