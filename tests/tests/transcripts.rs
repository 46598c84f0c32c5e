//! Every transcript, played on everything that must answer alike.
//!
//! The core in this process defines the snapshot; it must answer the same to bytes in pieces and
//! to a pipeline. The real server must answer the same over TCP, and a stock redis-server too,
//! except where the transcript says that it does not and why. `TRANSCRIPTS=string/` runs some.

use seedis_tests::in_process::InProcess;
use seedis_tests::peer::{not_absent, play_on_peer};
use seedis_tests::play::{Pace, Played, Stuck, play};
use seedis_tests::process::{Server, not_run, seedis, tool};
use seedis_tests::snapshot::{self, Disagreement};
use seedis_tests::tcp::{Cut, Tcp};
use seedis_tests::transcript::Transcript;
use seedis_tests::workers::{names_below, on_servers, snapshot_path, transcripts};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[test]
fn in_process() {
    let mut failures = Vec::new();
    for transcript in transcripts() {
        // insta panics at a difference; the other transcripts are to be seen as well.
        let checked = catch_unwind(AssertUnwindSafe(|| in_process_one(&transcript)));
        match checked {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => failures.push(format!("{}: {failure}", transcript.name)),
            Err(_) => failures.push(format!("{}: see above", transcript.name)),
        }
    }
    none(&failures);
}

fn in_process_one(transcript: &Transcript) -> Result<(), String> {
    let whole = play_in_process(transcript, Cut::Whole, Pace::StepByStep)?;
    assert_snapshot(transcript, &snapshot::text(transcript, &whole));
    unread(&whole)?;
    for (cut, pace) in [(Cut::Pieces, Pace::StepByStep), (Cut::Whole, Pace::Pipelined)] {
        let other = play_in_process(transcript, cut, pace)?;
        let found = snapshot::compare(transcript, &all_answers(&whole), &other);
        agree(transcript, &found).map_err(|what| format!("{cut:?}, {pace:?}: {what}"))?;
    }
    Ok(())
}

fn all_answers(played: &Played) -> Vec<Vec<String>> {
    played.answers.iter().map(|answer| answer.clone().unwrap_or_default()).collect()
}

fn play_in_process(transcript: &Transcript, cut: Cut, pace: Pace) -> Result<Played, String> {
    let played = play(transcript, &mut InProcess::new(cut), pace, |_| true);
    played.map_err(|stuck| explain(transcript, stuck))
}

#[test]
fn over_tcp() {
    real_server(Cut::Whole, Pace::StepByStep);
}

#[test]
fn over_tcp_in_pieces() {
    real_server(Cut::Pieces, Pace::StepByStep);
}

#[test]
fn over_tcp_pipelined() {
    real_server(Cut::Whole, Pace::Pipelined);
}

fn real_server(cut: Cut, pace: Pace) {
    none(&on_servers(seedis(), &transcripts(), |transcript, server| {
        let mut target = Tcp::new(server.port(), cut);
        let played = play(transcript, &mut target, pace, |_| true);
        let played = played.map_err(|stuck| explain(transcript, stuck))?;
        unread(&played)?;
        agree(transcript, &snapshot::compare(transcript, &expected(transcript)?, &played))
    }));
}

#[test]
fn redis_server_agrees() {
    let Some(program) = tool("redis-server") else { return not_run("redis-server") };
    none(&on_servers(&program, &transcripts(), |transcript, server: &Server| {
        let expected = expected(transcript)?;
        let mut found = not_absent(transcript, server.port());
        let played = play_on_peer(transcript, server.port());
        let played = played.map_err(|stuck| explain(transcript, stuck))?;
        found.extend(snapshot::compare_peer(transcript, &expected, &played));
        agree(transcript, &found)
    }));
}

#[test]
fn every_snapshot_has_its_transcript() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let known: Vec<String> = names_below(&dir.with_file_name("transcripts"), "resp");
    let orphans: Vec<String> =
        names_below(&dir, "snap").into_iter().filter(|name| !known.contains(name)).collect();
    none(&orphans);
}

fn assert_snapshot(transcript: &Transcript, text: &str) {
    let path = snapshot_path(&transcript.name);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(path.parent().expect("a snapshot lies in a folder"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let name = path.file_stem().expect("a snapshot has a name").to_string_lossy();
    settings.bind(|| insta::assert_snapshot!(name.as_ref(), text));
}

/// The answers in the snapshot.
fn expected(transcript: &Transcript) -> Result<Vec<Vec<String>>, String> {
    let path = snapshot_path(&transcript.name);
    let file = fs::read_to_string(&path).map_err(|_| "there is no snapshot yet".to_string())?;
    snapshot::answers(transcript, snapshot::contents(&file))
        .ok_or_else(|| "the snapshot is of another version of the transcript".into())
}

fn unread(played: &Played) -> Result<(), String> {
    let list = played.unread.join("\n  ");
    if list.is_empty() { Ok(()) } else { Err(format!("nobody reads (add !recv):\n  {list}")) }
}

fn agree(transcript: &Transcript, found: &[Disagreement]) -> Result<(), String> {
    if found.is_empty() {
        return Ok(());
    }
    let show =
        |d: &Disagreement| format!("{}: {}\n{}", d.line + 1, transcript.source[d.line], d.what);
    Err(found.iter().map(show).collect::<Vec<_>>().join("\n"))
}

fn explain(transcript: &Transcript, stuck: Stuck) -> String {
    format!("{}: {}\n  {}", stuck.line + 1, transcript.source[stuck.line], stuck.why)
}

#[track_caller]
fn none(failures: &[String]) {
    assert!(failures.is_empty(), "{} failed:\n\n{}\n", failures.len(), failures.join("\n\n"));
}
