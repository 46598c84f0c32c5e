//! The snapshot of a transcript: the file itself with every answer, indented, below its step.
//!
//! It is read by humans in reviews and by the comparison with real processes, which needs the
//! answers apart again. A source line never starts with a blank, so the two cannot be confused.

use crate::notes::Peer;
use crate::play::Played;
use crate::transcript::Transcript;

/// Stands before every line of an answer.
const INDENT: &str = "    ";

/// One step where a real process and the snapshot are not as the transcript says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Index of the line in the transcript.
    pub line: usize,
    /// Both answers, or what else is wrong.
    pub what: String,
}

/// The text of a snapshot.
pub fn text(transcript: &Transcript, played: &Played) -> String {
    let mut out = String::new();
    let mut answers = transcript.steps.iter().zip(&played.answers).peekable();
    for (index, line) in transcript.source.iter().enumerate() {
        out.push_str(line);
        out.push('\n');
        if let Some((_, answer)) = answers.next_if(|(step, _)| step.line == index) {
            answer.iter().flatten().for_each(|line| out.push_str(&format!("{INDENT}{line}\n")));
        }
    }
    out
}

/// The answers of a snapshot of this transcript. `None` when it is of another version of it.
pub fn answers(transcript: &Transcript, snapshot: &str) -> Option<Vec<Vec<String>>> {
    let mut lines = snapshot.lines().peekable();
    let mut steps = transcript.steps.iter().peekable();
    let mut answers = Vec::new();
    for (index, source) in transcript.source.iter().enumerate() {
        let at_end = lines.peek().is_none() && source.is_empty();
        if !at_end && lines.next() != Some(source.trim_end()) {
            return None;
        }
        let mut answer = Vec::new();
        while let Some(line) = lines.peek().and_then(|line| line.strip_prefix(INDENT)) {
            answer.push(line.to_string());
            lines.next();
        }
        if steps.next_if(|step| step.line == index).is_some() {
            answers.push(answer);
        } else if !answer.is_empty() {
            return None;
        }
    }
    lines.next().is_none().then_some(answers)
}

/// The contents of a snapshot file, without the header that insta puts there.
pub fn contents(file: &str) -> &str {
    let without_header = file.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    without_header.map_or(file, |(_, contents)| contents)
}

/// Where the answers of our own server differ from the expected ones.
pub fn compare(
    transcript: &Transcript,
    expected: &[Vec<String>],
    got: &Played,
) -> Vec<Disagreement> {
    let mut found = Vec::new();
    for ((step, expected), got) in transcript.steps.iter().zip(expected).zip(&got.answers) {
        let got = got.as_deref().unwrap_or_default();
        if !step.notes.agree(expected, got) {
            found.push(Disagreement { line: step.line, what: both(expected, got) });
        }
    }
    found
}

/// Where the answers of a stock server are not as the transcript says that they are.
pub fn compare_peer(
    transcript: &Transcript,
    expected: &[Vec<String>],
    got: &Played,
) -> Vec<Disagreement> {
    let mut found = Vec::new();
    for ((step, expected), got) in transcript.steps.iter().zip(expected).zip(&got.answers) {
        let got = got.as_deref().unwrap_or_default();
        let what = match (&step.notes.peer, step.notes.agree(expected, got)) {
            (Peer::Same, false) => both(expected, got),
            (Peer::Differs(why), true) => {
                format!("\"!differs {why}\" is stale: it answers the same")
            }
            _ => continue,
        };
        found.push(Disagreement { line: step.line, what });
    }
    found
}

fn both(expected: &[String], got: &[String]) -> String {
    let side = |name: &str, lines: &[String]| {
        let lines: Vec<String> = lines.iter().map(|line| format!("{INDENT}{line}")).collect();
        format!("  {name}\n{}", lines.join("\n"))
    };
    format!("{}\n{}", side("expected", expected), side("answered", got))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(answers: &[&str]) -> Played {
        let answers = answers.iter().map(|answer| Some(vec![answer.to_string()])).collect();
        Played { answers, unread: Vec::new() }
    }

    fn transcript(text: &str) -> Transcript {
        Transcript::parse("x/y", text).expect("a well-formed transcript")
    }

    #[test]
    fn answers_are_read_back() {
        let transcript = transcript("# title\nSET k v\n!wait 1s\n\n!near 1\nTTL k\n");
        let played = Played {
            answers: vec![Some(vec!["+OK".into()]), None, Some(vec!["*1".into(), "  :2".into()])],
            unread: Vec::new(),
        };
        let text = text(&transcript, &played);
        assert!(text.contains("SET k v\n    +OK\n!wait"), "{text}");
        let read = answers(&transcript, text.trim_end()).expect("a snapshot of it");
        assert_eq!(read, [vec!["+OK"], vec![], vec!["*1", "  :2"]]);
    }

    #[test]
    fn a_snapshot_of_an_older_file_is_noticed() {
        let new = transcript("SET k v\nGET k");
        assert_eq!(answers(&new, "SET k v\n    +OK\nGET j\n    $1 \"v\""), None);
        assert_eq!(answers(&new, "SET k v\n    +OK"), None);
        assert_eq!(answers(&new, "SET k v\n    +OK\nGET k\n    $-1\nGET j\n    $-1"), None);
    }

    #[test]
    fn a_peer_may_differ_only_where_it_is_said_and_must_where_it_is() {
        let transcript = transcript("!differs newer\nHELLO\nPING");
        let expected = [vec!["*1".to_string()], vec!["+PONG".to_string()]];
        let found = |answers: &[&str]| {
            let found = compare_peer(&transcript, &expected, &played(answers));
            found.iter().map(|d| d.line).collect::<Vec<_>>()
        };
        assert_eq!(found(&["*2", "+PONG"]), []);
        assert_eq!(found(&["*1", "+PONG"]), [1]);
        assert_eq!(found(&["*2", "+pong"]), [2]);
        assert_eq!(compare(&transcript, &expected, &played(&["*2", "+PONG"])).len(), 1);
    }

    #[test]
    fn the_header_of_a_snapshot_file_is_skipped() {
        assert_eq!(contents("---\nsource: x\n---\nPING\n    +PONG\n"), "PING\n    +PONG\n");
    }
}
