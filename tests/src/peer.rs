//! A stock server as the judge of a transcript.
//!
//! Steps that the transcript calls `!absent` or `!skip` are not sent to it. What it answers to the
//! others must be what the snapshot holds, or be called `!differs`; and what is called absent must
//! really not be in its command table, so that a remark cannot outlive its reason.

use crate::notes::Peer;
use crate::play::{Heard, Pace, Played, Stuck, play};
use crate::resp::{Kind, Reply, parse};
use crate::snapshot::Disagreement;
use crate::tcp::{Connection, Cut, Tcp};
use crate::transcript::{Action, Step, Transcript};

/// Plays what a peer can play.
pub fn play_on_peer(transcript: &Transcript, port: u16) -> Result<Played, Stuck> {
    let known = |step: &Step| matches!(step.notes.peer, Peer::Same | Peer::Differs(_));
    play(transcript, &mut Tcp::new(port, Cut::Whole), Pace::StepByStep, known)
}

/// The `!absent` steps whose command the peer has after all.
pub fn not_absent(transcript: &Transcript, port: u16) -> Vec<Disagreement> {
    let absent = |step: &&Step| matches!(step.notes.peer, Peer::Absent(_));
    let mut found = Vec::new();
    for step in transcript.steps.iter().filter(absent) {
        let name = command_words(step);
        if Connection::open(port).is_ok_and(|mut peer| has(&mut peer, &name)) {
            let what = format!("it has {}: \"!skip\" or \"!differs\"?", name.join(" "));
            found.push(Disagreement { line: step.line, what });
        }
    }
    found
}

/// Whether the peer's table has the command and, if that is a container, the subcommand.
fn has(peer: &mut Connection, name: &[String]) -> bool {
    let mut info = |name: &str| command_info(&peer.call(&["COMMAND", "INFO", name]));
    let Some(command) = info(name.first().map_or("", String::as_str)) else { return false };
    let is_container = matches!(command.get(9), Some(Reply::Sequence(_, subs)) if !subs.is_empty());
    !is_container || info(&name.join("|")).is_some()
}

/// The entry in a reply of COMMAND INFO for one command; `None` where there is none.
pub fn command_info(heard: &Heard) -> Option<Vec<Reply>> {
    let Heard::Message(Reply::Sequence(Kind::Array, entries)) = heard else { return None };
    match entries.first()? {
        Reply::Sequence(Kind::Array, info) => Some(info.clone()),
        _ => None,
    }
}

/// The fields in a reply of COMMAND DOCS (in RESP2) for one command.
pub fn command_docs(heard: &Heard) -> Option<Vec<(String, Reply)>> {
    let Heard::Message(Reply::Sequence(Kind::Array, entries)) = heard else { return None };
    let Reply::Sequence(Kind::Array, fields) = entries.get(1)? else { return None };
    let pair = |pair: &[Reply]| match &pair[0] {
        Reply::Bulk(key) => Some((String::from_utf8_lossy(key).into_owned(), pair[1].clone())),
        _ => None,
    };
    fields.chunks_exact(2).map(pair).collect()
}

/// The first two words of a step that sends a command; none of another one.
pub fn command_words(step: &Step) -> Vec<String> {
    let bytes = match &step.action {
        Action::Call(bytes) | Action::Send(bytes) => bytes,
        Action::Times(commands) => &commands[0],
        _ => return Vec::new(),
    };
    let Ok(Some((Reply::Sequence(_, words), _))) = parse(bytes) else { return Vec::new() };
    let text = |word: &Reply| match word {
        Reply::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    };
    words.iter().take(2).map(text).collect()
}
