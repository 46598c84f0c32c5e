//! The transcripts of this repository, spread over a few workers with a server each.
//!
//! A transcript that fails does not stop the others, and leaves its server in an unknown state:
//! the worker starts a new one.

use crate::peer::command_words;
use crate::process::Server;
use crate::transcript::{Action, Step, Transcript};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

/// Most transcripts wait rather than compute, so there are more workers than processors.
const WORKERS: usize = 6;

/// The folder of the transcripts.
pub fn transcripts_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}

/// The snapshot file of a transcript.
pub fn snapshot_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(format!("{name}.snap"))
}

/// The transcripts to play: those whose name contains what the variable `TRANSCRIPTS` says, less
/// those that wait in `pending.txt` for their commands (unless the variable names one in full).
pub fn transcripts() -> Vec<Transcript> {
    let wanted = std::env::var("TRANSCRIPTS").unwrap_or_default();
    let pending = fs::read_to_string(transcripts_dir().with_file_name("pending.txt"));
    let pending = pending.unwrap_or_default();
    let is_due = |name: &str| name == wanted || !pending.lines().any(|line| line == name);
    let mut chosen = all_transcripts();
    chosen.retain(|transcript| transcript.name.contains(&wanted) && is_due(&transcript.name));
    assert!(!chosen.is_empty(), "no transcript is called {wanted:?}");
    chosen
}

/// Every transcript, sorted by name. Panics, with the place, on a file that cannot be parsed.
pub fn all_transcripts() -> Vec<Transcript> {
    names_below(&transcripts_dir(), "resp").iter().map(|name| load(name)).collect()
}

/// The files below `dir` with this extension, as `family/command`, sorted.
pub fn names_below(dir: &Path, extension: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut pending = vec![dir.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let name = path.strip_prefix(dir).unwrap_or(&path).with_extension("");
                names.push(name.display().to_string());
            }
        }
    }
    names.sort();
    names
}

/// Runs `job` for every transcript on a server of `program` that was just reset. The failures,
/// each with the name of its transcript, come back in order.
pub fn on_servers(
    program: &Path,
    transcripts: &[Transcript],
    job: impl Fn(&Transcript, &Server) -> Result<(), String> + Sync,
) -> Vec<String> {
    let queue = Mutex::new(transcripts.iter());
    let failures = Mutex::new(Vec::new());
    let next = || queue.lock().expect("no worker panics").next();
    let work = || {
        let mut server = None;
        while let Some(transcript) = next() {
            if let Err(failure) = some_attempts(program, &mut server, transcript, &job) {
                let failure = format!("{}: {failure}", transcript.name);
                failures.lock().expect("no worker panics").push(failure);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..WORKERS.min(transcripts.len()) {
            scope.spawn(work);
        }
    });
    let mut failures = failures.into_inner().expect("no worker panics");
    failures.sort();
    failures
}

/// A transcript in which time passes is given another chance: between two of its steps a busy
/// machine may let more time pass than it says. So is one with a list of clients, which Redis turns
/// round by one ten times a second (server.c, `clientsCron`). Others must be right at once.
fn some_attempts(
    program: &Path,
    server: &mut Option<Server>,
    transcript: &Transcript,
    job: &impl Fn(&Transcript, &Server) -> Result<(), String>,
) -> Result<(), String> {
    let depends_on_time = |step: &Step| {
        matches!(step.action, Action::Wait(_)) || command_words(step) == ["CLIENT", "LIST"]
    };
    let attempts = if transcript.steps.iter().any(depends_on_time) { 3 } else { 1 };
    let mut outcome = Ok(());
    for _ in 0..attempts {
        outcome = one(program, server, transcript, job);
        match outcome {
            Ok(()) => break,
            Err(_) => *server = None,
        }
    }
    outcome
}

/// One transcript on a server in its first state, which stays for the next one if it may.
fn one(
    program: &Path,
    server: &mut Option<Server>,
    transcript: &Transcript,
    job: &impl Fn(&Transcript, &Server) -> Result<(), String>,
) -> Result<(), String> {
    if server.as_mut().is_some_and(|server| transcript.fresh || server.reset().is_err()) {
        *server = None;
    }
    let running = match server.take() {
        Some(running) => running,
        None => Server::start(program).map_err(|error| format!("no server: {error}"))?,
    };
    job(transcript, &running)?;
    if !transcript.fresh {
        *server = Some(running);
    }
    Ok(())
}

fn load(name: &str) -> Transcript {
    let path = transcripts_dir().join(format!("{name}.resp"));
    let text = fs::read_to_string(&path).expect("a transcript is a text file");
    match Transcript::parse(name, &text) {
        Ok(transcript) => transcript,
        Err(bad) => panic!("{}:{}: {}", path.display(), bad.number, bad.why),
    }
}
