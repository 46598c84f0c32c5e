//! Shows what a server answers to a transcript, for those who write one.
//!
//! usage: `transcript [--peer WHERE] [--diff WHERE] FILE...`
//!
//! WHERE is the port of a running server on 127.0.0.1 (whose keys are left as they are), or
//! `redis` for a stock redis-server or `server` for ours, started for the purpose, or `core` for
//! the core in this process. FILE is a path,
//! a name such as `string/set`, or `-` for standard input. Without `--diff` the snapshot is
//! printed as that server would make it (`--peer redis` is the default); with it, only the steps
//! where the second server does not answer as the first one.
#![forbid(unsafe_code)]

use seedis_tests::in_process::InProcess;
use seedis_tests::peer::play_on_peer;
use seedis_tests::play::{Pace, Played, Stuck, play};
use seedis_tests::process::{self, Server};
use seedis_tests::snapshot;
use seedis_tests::tcp::{Cut, Tcp};
use seedis_tests::transcript::Transcript;
use seedis_tests::workers::transcripts_dir;
use std::error::Error;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("transcript: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing was found that one would want to know.
fn run() -> Result<bool, Box<dyn Error>> {
    let request = Request::parse(std::env::args().skip(1))?;
    let mut all_well = true;
    for file in &request.files {
        let transcript = load(file)?;
        let first = answers(&transcript, &request.peer)?;
        all_well &= first.unread.is_empty();
        match &request.diff {
            None => print!("{}", snapshot::text(&transcript, &first)),
            Some(other) => all_well &= differ(&transcript, &first, &answers(&transcript, other)?),
        }
        first.unread.iter().for_each(|message| println!("unread: {message}"));
    }
    Ok(all_well)
}

struct Request {
    peer: String,
    diff: Option<String>,
    files: Vec<String>,
}

impl Request {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut request = Self { peer: "redis".into(), diff: None, files: Vec::new() };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--peer" => request.peer = arguments.next().ok_or("--peer wants a server")?,
                "--diff" => request.diff = Some(arguments.next().ok_or("--diff wants a server")?),
                _ => request.files.push(argument),
            }
        }
        if request.files.is_empty() {
            return Err("usage: transcript [--peer WHERE] [--diff WHERE] FILE...".into());
        }
        Ok(request)
    }
}

fn load(file: &str) -> Result<Transcript, Box<dyn Error>> {
    let mut text = String::new();
    if file == "-" {
        std::io::stdin().read_to_string(&mut text)?;
    } else if Path::new(file).is_file() {
        text = std::fs::read_to_string(file)?;
    } else {
        text = std::fs::read_to_string(transcripts_dir().join(format!("{file}.resp")))?;
    }
    Transcript::parse(file, &text)
        .map_err(|bad| format!("{file}:{}: {}", bad.number, bad.why).into())
}

fn answers(transcript: &Transcript, place: &str) -> Result<Played, Box<dyn Error>> {
    let played = match place {
        "redis" => {
            let program =
                process::tool("redis-server").ok_or("there is no redis-server on the PATH")?;
            play_on_peer(transcript, Server::start(&program)?.port())
        }
        "core" => play(transcript, &mut InProcess::new(Cut::Whole), Pace::StepByStep, |_| true),
        "server" => {
            let server = Server::start(process::seedis())?;
            let mut target = Tcp::new(server.port(), Cut::Whole);
            play(transcript, &mut target, Pace::StepByStep, |_| true)
        }
        port => play_on_peer(transcript, port.parse().map_err(|_| format!("{port} is no port"))?),
    };
    let explain = |Stuck { line, why }| {
        format!("{}:{}: {why}\n  {}", transcript.name, line + 1, transcript.source[line])
    };
    Ok(played.map_err(explain)?)
}

/// Prints the steps that both played with different answers; whether there are none.
fn differ(transcript: &Transcript, first: &Played, second: &Played) -> bool {
    let mut same = true;
    for ((step, a), b) in transcript.steps.iter().zip(&first.answers).zip(&second.answers) {
        let (Some(a), Some(b)) = (a, b) else { continue };
        if !step.notes.agree(a, b) {
            same = false;
            println!("{}:{}: {}", transcript.name, step.line + 1, transcript.source[step.line]);
            a.iter().for_each(|line| println!("  - {line}"));
            b.iter().for_each(|line| println!("  + {line}"));
        }
    }
    same
}
