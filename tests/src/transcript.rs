//! The format of a transcript.
//!
//! One step a line. A line without a verb is a command on the default connection, sent as a RESP
//! array; its one reply is awaited. `@b` in front of any step names another connection, opened
//! when it is first used. Blank lines and lines that start with `#` are for readers. The verbs:
//!
//! | line | what happens |
//! |---|---|
//! | `GET "k\x00"` | the command is sent, one message is awaited |
//! | `!times 200 RPUSH l v%i` | sent 200 times with `%i` counting from 1; the last reply counts |
//! | `!send BLPOP k 0` | sent, nothing is awaited |
//! | `!raw "PING\r\n"` | exactly these bytes are sent, nothing is awaited |
//! | `!recv` | one more message is awaited |
//! | `!quiet` | nothing may have arrived |
//! | `!eof` | the server must have closed the connection |
//! | `!close` | we close it |
//! | `!wait 150ms` | time passes |
//! | `!fresh` | (first step) a server of its own, for what a reset cannot undo |
//!
//! Remarks stand on lines before the step that they are about; several add up:
//!
//! | line | what it says of the next reply |
//! |---|---|
//! | `!mask int`, `!mask all`, `!mask /re/` | these parts are hidden, in the snapshot too |
//! | `!only /re/` | of a long reply only the first line and those that match are kept |
//! | `!unsorted`, `!unsorted pairs` | its order has no meaning: it is sorted |
//! | `!near 50` | over TCP its integers may differ from the snapshot by so much |
//! | `!blur int`, `!blur all`, `!blur /re/` | over TCP these parts are not compared |
//! | `!differs why` | redis-server 7.0.15 answers something else |
//! | `!absent why` | the command does not exist there and is not sent |
//! | `!skip why` | the step is not played there |

use crate::notes::Notes;
use crate::words;

/// A parsed file.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// `family/command`, as the file lies below `transcripts/`.
    pub name: String,
    /// Whether it wants a server process of its own.
    pub fresh: bool,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// Every line of the file, for snapshots and messages.
    pub source: Vec<String>,
}

/// One line that does something.
#[derive(Clone, Debug)]
pub struct Step {
    /// Index into [`Transcript::source`].
    pub line: usize,
    /// The name of its connection; the default one is the empty string.
    pub conn: String,
    /// What it does.
    pub action: Action,
    /// The remarks before it.
    pub notes: Notes,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send and await one message.
    Call(Vec<u8>),
    /// Send all of these and await as many messages.
    Times(Vec<Vec<u8>>),
    /// Send and await nothing.
    Send(Vec<u8>),
    /// Await one message.
    Recv,
    /// Nothing may have arrived.
    Quiet,
    /// The server must have closed the connection.
    Eof,
    /// Close the connection.
    Close,
    /// So many milliseconds pass.
    Wait(u64),
}

/// A line that cannot be read, with its number from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Where.
    pub number: usize,
    /// Why.
    pub why: String,
}

impl Transcript {
    /// Reads the text of a file.
    pub fn parse(name: &str, text: &str) -> Result<Self, BadLine> {
        let source = text.lines().map(str::to_string).collect();
        let mut transcript = Self { name: name.into(), fresh: false, steps: Vec::new(), source };
        let mut notes = None;
        for (index, line) in text.lines().enumerate() {
            let bad = |why| BadLine { number: index + 1, why };
            transcript.line(index, line, &mut notes).map_err(bad)?;
        }
        let ends_well = !transcript.steps.is_empty() && notes.is_none();
        let bad = || BadLine { number: text.lines().count(), why: "a step is wanted".into() };
        ends_well.then_some(transcript).ok_or_else(bad)
    }

    fn line(&mut self, index: usize, line: &str, notes: &mut Option<Notes>) -> Result<(), String> {
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line.starts_with(char::is_whitespace) {
            return Err("a line may not start with a blank: replies look like that".into());
        }
        if line.ends_with(char::is_whitespace) {
            return Err("a line may not end with a blank: nobody sees it".into());
        }
        let (conn, step) = connection(line)?;
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        if Notes::REMARKS.contains(&verb) {
            let notes = notes.get_or_insert_default();
            notes.take(verb, rest.trim())?;
            return if conn.is_empty() { Ok(()) } else { Err("a remark has no connection".into()) };
        }
        if verb == "!fresh" {
            self.fresh = true;
            return if self.steps.is_empty() { Ok(()) } else { Err("!fresh comes first".into()) };
        }
        let action = action(verb, rest.trim(), step)?;
        let mut notes = notes.take().unwrap_or_default();
        if verb.eq_ignore_ascii_case("hello") {
            notes.blur_greeting();
        }
        self.steps.push(Step { line: index, conn: conn.into(), action, notes });
        Ok(())
    }
}

/// `@b step` apart; the default connection has no name.
fn connection(line: &str) -> Result<(&str, &str), String> {
    match line.strip_prefix('@') {
        None => Ok(("", line)),
        Some(named) => named.split_once(' ').ok_or_else(|| "a connection without a step".into()),
    }
}

fn action(verb: &str, rest: &str, step: &str) -> Result<Action, String> {
    let alone = |action| if rest.is_empty() { Ok(action) } else { Err(format!("{verb} {rest}?")) };
    match verb {
        "!recv" => alone(Action::Recv),
        "!quiet" => alone(Action::Quiet),
        "!eof" => alone(Action::Eof),
        "!close" => alone(Action::Close),
        "!wait" => duration(rest).map(Action::Wait),
        "!send" => command(rest).map(Action::Send),
        "!raw" => match words::split(rest)?.as_slice() {
            [bytes] => Ok(Action::Send(bytes.clone())),
            _ => Err("!raw wants one quoted word".into()),
        },
        "!times" => times(rest).map(Action::Times),
        _ if verb.starts_with('!') => Err(format!("unknown verb {verb}")),
        _ => command(step).map(Action::Call),
    }
}

fn command(line: &str) -> Result<Vec<u8>, String> {
    let words = words::split(line)?;
    if words.is_empty() { Err("no command".into()) } else { Ok(words::encode(&words)) }
}

fn times(rest: &str) -> Result<Vec<Vec<u8>>, String> {
    let (count, line) = rest.split_once(' ').ok_or("!times wants a count and a command")?;
    let count: usize = count.parse().map_err(|_| "!times wants a count")?;
    (1..=count).map(|index| command(&line.replace("%i", &index.to_string()))).collect()
}

/// `150ms` or `2s`.
fn duration(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s').ok_or("a duration such as 150ms or 2s is wanted")?, 1000),
    };
    let count: u64 = digits.parse().map_err(|_| "a duration such as 150ms or 2s is wanted")?;
    Ok(count * unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notes::Peer;

    #[test]
    fn steps_carry_their_connection_and_remarks() {
        let text =
            "# comment\n!near 5\n!differs a reason\n@b PTTL k\n\n!wait 2s\n@b !raw \"a\\r\"\n";
        let transcript = Transcript::parse("x/y", text).expect("a well-formed transcript");
        let [first, wait, raw] = transcript.steps.as_slice() else { panic!("three steps") };
        assert_eq!((first.line, first.conn.as_str()), (3, "b"));
        assert_eq!(first.action, Action::Call(b"*2\r\n$4\r\nPTTL\r\n$1\r\nk\r\n".to_vec()));
        assert_eq!(first.notes.peer, Peer::Differs("a reason".into()));
        assert_eq!((&wait.action, &wait.notes.peer), (&Action::Wait(2000), &Peer::Same));
        assert_eq!(raw.action, Action::Send(b"a\r".to_vec()));
    }

    #[test]
    fn a_repeated_command_counts_from_one() {
        let transcript = Transcript::parse("x/y", "!times 2 SET k%i %i").expect("well-formed");
        let Action::Times(commands) = &transcript.steps[0].action else { panic!("times") };
        assert_eq!(commands[1], b"*3\r\n$3\r\nSET\r\n$2\r\nk2\r\n$1\r\n2\r\n");
    }

    #[test]
    fn lines_that_mean_nothing_are_refused() {
        for text in [
            "",
            "# only",
            "!wait 5",
            "!recv now",
            "!nonsense",
            "@b",
            " GET k",
            "!raw a b",
            "PING\n!fresh",
            "@b !mask int\nPING",
            "PING\n!mask int",
            "SET 'a",
            "!times x PING",
        ] {
            assert!(Transcript::parse("x/y", text).is_err(), "{text:?}");
        }
    }
}
