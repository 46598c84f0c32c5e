//! The command line of `seedis-sim replay`.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::prelude::*;

use super::show::Wishes;
use super::source::is_recording;
use super::{Ending, Report, replay};

/// How it is used.
pub const HELP: &str = "\
usage: seedis-sim replay FILE [options]
FILE is what `seedis-server --record FILE` wrote; of a ring of segments, the name without a number.
  --show              print every request and reply
  --client ID         print those of the client that CLIENT ID told this number
  --key PATTERN       print requests with a key that matches
  --until LSN         stop when the log has come so far
  --stop-at 'SET k*'  stop before the first request with these words, the first a name, the others
                      patterns, and show its keys before and after
Exit code 0: the replay did what was recorded, as far as the recording goes; 1: it did not;
2: wrong arguments; 3: this is no recording, or it is damaged.";

/// Replays a recording if that is what the command line asks for; `replay` of something else is
/// not meant for this.
#[must_use]
pub fn recorded() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let is_replay = args.next().is_some_and(|word| word == "replay");
    let is_meant = |word: &OsString| word == "--help" || is_recording(Path::new(word));
    let is_ours = is_replay && args.any(|word| is_meant(&word));
    is_ours.then(|| command_line(lexopt::Parser::from_args(std::env::args_os().skip(2))))
}

fn command_line(args: lexopt::Parser) -> ExitCode {
    match parse(args) {
        Ok(Some((file, wishes))) => match replay(&file, wishes, Box::new(std::io::stdout())) {
            Ok(report) => tell(&report),
            Err(refusal) => {
                eprintln!("seedis-sim: {refusal}");
                ExitCode::from(3)
            }
        },
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("seedis-sim: {error}\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut args: lexopt::Parser) -> Result<Option<(PathBuf, Wishes)>, lexopt::Error> {
    let (mut file, mut wishes) = (None, Wishes::default());
    while let Some(arg) = args.next()? {
        match arg {
            Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            Long("show") => wishes.is_all = true,
            Long("client") => wishes.client = Some(args.value()?.parse()?),
            Long("key") => wishes.key = Some(args.value()?.into_encoded_bytes()),
            Long("until") => wishes.until_lsn = Some(args.value()?.parse()?),
            Long("stop-at") => {
                let line = args.value()?.into_encoded_bytes();
                let words = seedis_core::value::quote::split_args(&line).unwrap_or_default();
                if words.is_empty() {
                    return Err("--stop-at needs a command".into());
                }
                wishes.stop_at = Some(words);
            }
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    let file = file.ok_or("replay needs a file")?;
    Ok(Some((file, wishes)))
}

fn tell(report: &Report) -> ExitCode {
    // Whoever has stopped reading wants to know nothing more.
    let _ = write!(std::io::stdout(), "{}", summary(report));
    match report.ending {
        Ending::Diverged(_) => ExitCode::FAILURE,
        Ending::Nothing => ExitCode::from(3),
        _ => ExitCode::SUCCESS,
    }
}

fn summary(report: &Report) -> String {
    let played = &report.played;
    let began = played.first.unwrap_or_default();
    let seconds = played.last.mono_ns.saturating_sub(began.mono_ns) as f64 / 1e9;
    let mut text = format!(
        "{} turns, {seconds:.3} s from {} ms on, {} bytes of requests, {} bytes of replies\n\
         {} keys, digest {}, log at {}\n",
        played.turns,
        began.wall_ms(),
        played.bytes_in,
        played.bytes_out,
        report.keys,
        report.digest,
        report.lsn
    );
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push_str(&verdict(report));
    text.push('\n');
    text
}

fn verdict(report: &Report) -> String {
    let checks = report.played.checks;
    match &report.ending {
        Ending::Diverged(why) => return format!("DIVERGED at {why}"),
        Ending::Nothing => return "there is nothing to play".into(),
        Ending::Reached => return "stopped: the log has come so far".into(),
        Ending::Matched => return "stopped at the request".into(),
        Ending::Whole | Ending::Truncated => {}
    }
    if report.is_exact {
        let exempt = match report.played.exempt {
            0 => String::new(),
            count => format!(", {count} of them without replies that may show passwords"),
        };
        format!("identical: {checks} checks of replies, file requests and log agreed{exempt}")
    } else if report.is_redacted {
        "played with masked values: the same commands, other replies; nothing to compare".into()
    } else {
        format!("played from a state: the same commands on the same data; {checks} checks of data")
    }
}
