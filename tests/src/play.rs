//! Plays a transcript on a target and collects the answers.
//!
//! A step that awaits a message gets exactly one, whether it is a reply or a push: the order in
//! which a server writes to one connection is part of its behaviour. A message that never comes
//! stops the play, since every later answer would be off by one.
//!
//! [`Pace::Pipelined`] sends neighbouring steps of one connection in one piece before it reads any
//! answer. The answers must stay the same; it is how the batched execution of a pipeline is tested
//! by every transcript there is.

use crate::resp::Reply;
use crate::transcript::{Action, Step, Transcript};
use std::collections::BTreeSet;

/// Something that speaks RESP on named connections, each opened when it is first used.
pub trait Target {
    /// Sends bytes. A broken connection shows in the next [`Target::hear`].
    fn send(&mut self, conn: &str, bytes: &[u8]);
    /// The next message of the server.
    fn hear(&mut self, conn: &str, patience: Patience) -> Heard;
    /// Closes our side; the name may be opened again.
    fn close(&mut self, conn: &str);
    /// Lets time pass.
    fn wait(&mut self, ms: u64);
}

/// How long to listen where time is real. In virtual time there is nothing to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// A message must come.
    Long,
    /// No message should come.
    Short,
    /// Only what is here already.
    None,
}

/// What [`Target::hear`] brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A whole message.
    Message(Reply),
    /// Nothing.
    Silence,
    /// The server closed the connection.
    Closed,
    /// Bytes that are not RESP.
    Malformed(String),
}

/// How steps are grouped into sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each step is answered before the next is sent.
    StepByStep,
    /// Neighbouring steps of a connection are sent together.
    Pipelined,
}

/// The answers to a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// For each step its drawn answer, or `None` when the step was not for this target.
    pub answers: Vec<Option<Vec<String>>>,
    /// Messages that no step awaited, drawn, each with its connection.
    pub unread: Vec<String>,
}

/// A play that could not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Index of the line in the file.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// Plays the steps for which `plays` holds.
pub fn play(
    transcript: &Transcript,
    target: &mut dyn Target,
    pace: Pace,
    plays: impl Fn(&Step) -> bool,
) -> Result<Played, Stuck> {
    let mut answers = vec![None; transcript.steps.len()];
    let steps: Vec<(usize, &Step)> =
        transcript.steps.iter().enumerate().filter(|(_, step)| plays(step)).collect();
    let together = |a: &(usize, &Step), b: &(usize, &Step)| {
        pace == Pace::Pipelined && a.1.conn == b.1.conn && may_join(a.1) && may_join(b.1)
    };
    for group in steps.chunk_by(together) {
        send(target, group);
        for &(index, step) in group {
            answers[index] = Some(answer(target, step)?);
        }
    }
    Ok(Played { answers, unread: unread(transcript, target) })
}

/// Whether a step only sends and reads in order.
fn may_join(step: &Step) -> bool {
    matches!(step.action, Action::Call(_) | Action::Times(_) | Action::Send(_) | Action::Recv)
}

fn send(target: &mut dyn Target, group: &[(usize, &Step)]) {
    let mut bytes = Vec::new();
    for (_, step) in group {
        match &step.action {
            Action::Call(command) | Action::Send(command) => bytes.extend_from_slice(command),
            Action::Times(commands) => bytes.extend(commands.concat()),
            _ => {}
        }
    }
    if let (Some((_, step)), false) = (group.first(), bytes.is_empty()) {
        target.send(&step.conn, &bytes);
    }
}

/// Reads what the step awaits; the sending is done.
fn answer(target: &mut dyn Target, step: &Step) -> Result<Vec<String>, Stuck> {
    match &step.action {
        Action::Call(_) | Action::Recv => message(target, step),
        Action::Times(commands) => last_of(target, step, commands.len()),
        Action::Quiet => Ok(vec![silence(target, step, Patience::Short)?]),
        Action::Eof => Ok(vec![end(target, step)?]),
        Action::Close => {
            target.close(&step.conn);
            Ok(Vec::new())
        }
        Action::Wait(ms) => {
            target.wait(*ms);
            Ok(Vec::new())
        }
        Action::Send(_) => Ok(Vec::new()),
    }
}

fn message(target: &mut dyn Target, step: &Step) -> Result<Vec<String>, Stuck> {
    match target.hear(&step.conn, Patience::Long) {
        Heard::Message(reply) => Ok(step.notes.draw(&reply)),
        Heard::Closed => Ok(vec![CLOSED.into()]),
        Heard::Silence => Err(stuck(step, "no message came (a blocking command wants !send)")),
        Heard::Malformed(why) => Err(stuck(step, &why)),
    }
}

/// The last reply, and how many of the others were errors if that does not show in it.
fn last_of(target: &mut dyn Target, step: &Step, count: usize) -> Result<Vec<String>, Stuck> {
    let mut errors = 0;
    let mut last = Vec::new();
    for _ in 0..count {
        last = message(target, step)?;
        errors += usize::from(last[0].starts_with('-'));
    }
    if errors > 0 {
        last.push(format!("({errors} of {count} replies were errors)"));
    }
    Ok(last)
}

fn silence(target: &mut dyn Target, step: &Step, patience: Patience) -> Result<String, Stuck> {
    match target.hear(&step.conn, patience) {
        Heard::Silence => Ok("(quiet)".into()),
        Heard::Closed => Ok(CLOSED.into()),
        Heard::Malformed(why) => Err(stuck(step, &why)),
        Heard::Message(reply) => Err(stuck(step, &format!("not quiet: {}", drawn(&reply)))),
    }
}

fn end(target: &mut dyn Target, step: &Step) -> Result<String, Stuck> {
    match target.hear(&step.conn, Patience::Long) {
        Heard::Closed => {
            target.close(&step.conn);
            Ok(CLOSED.into())
        }
        Heard::Silence => Err(stuck(step, "the server did not close the connection")),
        Heard::Malformed(why) => Err(stuck(step, &why)),
        Heard::Message(reply) => {
            Err(stuck(step, &format!("a message before the end: {}", drawn(&reply))))
        }
    }
}

/// Whatever is left on any connection when the last step is done.
fn unread(transcript: &Transcript, target: &mut dyn Target) -> Vec<String> {
    let conns: BTreeSet<&str> = transcript.steps.iter().map(|step| step.conn.as_str()).collect();
    let mut unread = Vec::new();
    for conn in conns {
        loop {
            match target.hear(conn, Patience::None) {
                Heard::Message(reply) => unread.push(format!("@{conn} {}", drawn(&reply))),
                Heard::Malformed(why) => unread.push(format!("@{conn} {why}")),
                Heard::Silence | Heard::Closed => break,
            }
        }
        target.close(conn);
    }
    unread
}

fn drawn(reply: &Reply) -> String {
    crate::render::lines(reply).join(" ")
}

fn stuck(step: &Step, why: &str) -> Stuck {
    Stuck { line: step.line, why: why.into() }
}

/// Stands for a reply when there is no connection any more.
const CLOSED: &str = "(closed)";
