//! Remarks on a step: what to hide of its reply, and how it may differ elsewhere.
//!
//! Everything here works on the drawn lines of a reply (see [`crate::render`]), except sorting,
//! which needs the elements. Masks and selections apply to every target, so the snapshot itself
//! is masked. Blurs and tolerances apply only where a real process is compared with the snapshot:
//! the core in this process has a fixed clock and a fixed seed, and its exact answer is kept.

use crate::render;
use crate::resp::Reply;
use regex_lite::Regex;

/// All remarks on one step.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    masks: Vec<Mask>,
    blurs: Vec<Mask>,
    only: Option<Regex>,
    tolerance: i64,
    order: Order,
    /// Whether a stock `redis-server` answers the same.
    pub peer: Peer,
}

/// How a step relates to `redis-server` 7.0.15.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Peer {
    /// The reply is the same.
    #[default]
    Same,
    /// The reply differs, for this reason. If it does not, the remark is stale: an error.
    Differs(String),
    /// The command does not exist there, for this reason. If it does, that is an error.
    Absent(String),
    /// The step is not for a peer at all, for this reason.
    Skip(String),
}

#[derive(Clone, Debug, Default)]
enum Order {
    #[default]
    AsSent,
    /// The elements, or the pairs of a map, are sorted by how they are drawn. Of a page of SCAN,
    /// these are the elements of the page.
    Sorted,
    /// A flat array of fields and values is sorted by field.
    SortedPairs,
}

#[derive(Clone, Debug)]
enum Mask {
    Integers,
    All,
    Text(Regex),
}

impl Notes {
    /// The verbs of a remark.
    pub const REMARKS: &[&str] =
        &["!mask", "!blur", "!only", "!near", "!unsorted", "!differs", "!absent", "!skip"];

    /// Takes one remark, a line such as `!mask int`.
    pub fn take(&mut self, verb: &str, rest: &str) -> Result<(), String> {
        match verb {
            "!mask" => self.masks.push(mask(rest)?),
            "!blur" => self.blurs.push(mask(rest)?),
            "!only" => self.only = Some(pattern(rest)?),
            "!near" => self.tolerance = rest.parse().map_err(|_| "!near wants an integer")?,
            "!unsorted" if rest == "pairs" => self.order = Order::SortedPairs,
            "!unsorted" if rest.is_empty() => self.order = Order::Sorted,
            "!differs" => self.peer = Peer::Differs(reason(rest)?),
            "!absent" => self.peer = Peer::Absent(reason(rest)?),
            "!skip" => self.peer = Peer::Skip(reason(rest)?),
            _ => return Err(format!("{verb} {rest}?")),
        }
        Ok(())
    }

    /// Blurs what HELLO says of the process: the id of the connection and the version.
    pub fn blur_greeting(&mut self) {
        for greeting in [r#""id" = :\d+"#, r"^  :\d+$", r#"\$\d+ "\d+\.\d+\.\d+""#] {
            self.blurs.push(Mask::Text(Regex::new(greeting).expect("it is a pattern")));
        }
    }

    /// The lines of `reply` as a snapshot holds them.
    pub fn draw(&self, reply: &Reply) -> Vec<String> {
        let mut lines = render::lines(&self.shortened(self.ordered(reply)));
        if let Some(only) = &self.only {
            let mut index = 0;
            lines.retain(|line| {
                index += 1;
                index == 1 || only.is_match(line)
            });
            lines.iter_mut().take(1).for_each(|line| *line = without_length(line));
        }
        masked(&self.masks, lines)
    }

    /// A text whose lines are too long to be drawn is masked before: afterwards nothing is left of
    /// them to mask but a hash.
    fn shortened(&self, reply: Reply) -> Reply {
        match reply {
            Reply::Bulk(text) => Reply::Bulk(self.long_masked(text)),
            Reply::Verbatim(format, text) => Reply::Verbatim(format, self.long_masked(text)),
            other => other,
        }
    }

    fn long_masked(&self, text: Vec<u8>) -> Vec<u8> {
        let is_long = text.split(|&byte| byte == b'\n').any(|line| line.len() > render::LONG);
        let Some(whole) = str::from_utf8(&text).ok().filter(|_| is_long) else { return text };
        let hide = |text: String, mask: &Mask| match mask {
            Mask::Text(pattern) => pattern.replace_all(&text, "<any>").into_owned(),
            _ => text,
        };
        self.masks.iter().fold(whole.to_string(), hide).into_bytes()
    }

    /// Whether a real process that answered `actual` agrees with `expected`.
    pub fn agree(&self, expected: &[String], actual: &[String]) -> bool {
        let expected = masked(&self.blurs, expected.to_vec());
        let actual = masked(&self.blurs, actual.to_vec());
        let near = |(a, b): (&String, &String)| a == b || self.within_tolerance(a, b);
        expected.len() == actual.len() && expected.iter().zip(&actual).all(near)
    }

    fn within_tolerance(&self, expected: &str, actual: &str) -> bool {
        let integer =
            |line: &str| line.trim().strip_prefix(':').and_then(|n| n.parse::<i64>().ok());
        match (integer(expected), integer(actual)) {
            (Some(a), Some(b)) => a.abs_diff(b) <= self.tolerance.unsigned_abs(),
            _ => false,
        }
    }

    fn ordered(&self, reply: &Reply) -> Reply {
        let drawn = |reply: &Reply| render::lines(reply).join("\n");
        match (&self.order, reply.clone()) {
            (_, Reply::Sequence(kind, elements)) if is_page(&elements) => {
                Reply::Sequence(kind, elements.iter().map(|inner| self.ordered(inner)).collect())
            }
            (Order::Sorted, Reply::Sequence(kind, mut elements)) => {
                elements.sort_by_cached_key(drawn);
                Reply::Sequence(kind, elements)
            }
            (Order::SortedPairs, Reply::Sequence(kind, elements)) => {
                let mut pairs: Vec<Vec<Reply>> = elements.chunks(2).map(<[_]>::to_vec).collect();
                pairs.sort_by_cached_key(|pair| drawn(&pair[0]));
                Reply::Sequence(kind, pairs.concat())
            }
            (Order::Sorted | Order::SortedPairs, Reply::Pairs(kind, mut pairs)) => {
                pairs.sort_by_cached_key(|(key, _)| drawn(key));
                Reply::Pairs(kind, pairs)
            }
            (_, reply) => reply,
        }
    }
}

/// A cursor and what it brought.
fn is_page(elements: &[Reply]) -> bool {
    matches!(elements, [Reply::Bulk(_), Reply::Sequence(..)])
}

fn mask(text: &str) -> Result<Mask, String> {
    match text {
        "int" => Ok(Mask::Integers),
        "all" => Ok(Mask::All),
        _ => pattern(text).map(Mask::Text),
    }
}

fn pattern(text: &str) -> Result<Regex, String> {
    let inner = text.strip_prefix('/').and_then(|text| text.strip_suffix('/'));
    let inner = inner.ok_or_else(|| format!("{text:?} is not a /pattern/"))?;
    Regex::new(inner).map_err(|error| format!("{inner}: {error}"))
}

fn reason(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("a reason is wanted".into()) } else { Ok(text.into()) }
}

fn masked(masks: &[Mask], lines: Vec<String>) -> Vec<String> {
    masks.iter().fold(lines, |lines, mask| match mask {
        Mask::Integers => lines.iter().map(|line| integers_masked(line)).collect(),
        Mask::All => lines.iter().take(1).map(|line| kind_only(line)).collect(),
        Mask::Text(pattern) => texts_masked(pattern, lines),
    })
}

/// A string whose text is masked has no fixed length either; if it is drawn in several lines, the
/// length stands in the first of them.
fn texts_masked(pattern: &Regex, mut lines: Vec<String>) -> Vec<String> {
    let is_part = |line: &str| line.trim_start().starts_with('"');
    let mut head = 0;
    for index in 0..lines.len() {
        let masked = pattern.replace_all(&lines[index], "<any>").into_owned();
        if !is_part(&lines[index]) {
            head = index;
        }
        if masked != lines[index] {
            lines[index] = without_length(&masked);
            lines[head] = without_length(&lines[head]);
        }
    }
    lines
}

/// `  +key = :12` becomes `  +key = :<int>`.
fn integers_masked(line: &str) -> String {
    let start = line.rfind(" :").map_or(0, |at| at + 1);
    let is_integer = line[start..].strip_prefix(':').is_some_and(|n| n.parse::<i64>().is_ok());
    if is_integer { format!("{}:<int>", &line[..start]) } else { line.into() }
}

/// The first line of any reply, less everything but its type.
fn kind_only(line: &str) -> String {
    let error_code = line.split(' ').next().filter(|code| code.starts_with('-'));
    let kind = error_code.unwrap_or_else(|| line.get(..1).unwrap_or_default());
    format!("{kind}<any>")
}

/// `$4 "text" = =txt:5 "masks"` becomes `$ "text" = =txt: "masks"`: no lengths outside quotes.
fn without_length(line: &str) -> String {
    let mut out = String::new();
    let (mut quoted, mut escaped, mut in_length) = (false, false, false);
    for c in line.chars() {
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        let of_length = c.is_ascii_alphanumeric() || c == ':';
        in_length = !quoted && ("$=*%~>".contains(c) || in_length && of_length);
        if !(in_length && c.is_ascii_digit()) {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Kind;

    fn notes(remarks: &[&str]) -> Notes {
        let mut notes = Notes::default();
        for remark in remarks {
            let (verb, rest) = remark.split_once(' ').unwrap_or((remark, ""));
            assert_eq!(notes.take(verb, rest), Ok(()), "{remark}");
        }
        notes
    }

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.into())
    }

    fn array(elements: &[Reply]) -> Reply {
        Reply::Sequence(Kind::Array, elements.to_vec())
    }

    #[test]
    fn masks_hide_what_they_name_and_no_more() {
        let reply = array(&[Reply::Integer(7), bulk("id=12 name=x")]);
        assert_eq!(
            notes(&["!mask int"]).draw(&reply),
            ["*2", "  :<int>", "  $12 \"id=12 name=x\""]
        );
        let verbatim = Reply::Verbatim(*b"txt", b"id=12".to_vec());
        assert_eq!(notes(&["!mask /12/"]).draw(&verbatim), ["=txt: \"id=<any>\""]);
        let text = notes(&["!mask /id=[0-9]+/"]).draw(&reply);
        assert_eq!(text, ["*2", "  :7", "  $ \"<any> name=x\""]);
        let map = Reply::Pairs('%', vec![(bulk("1 $2"), bulk("v\"$3"))]);
        assert_eq!(notes(&["!mask /v/"]).draw(&map)[1], r#"  $ "1 $2" = $ "<any>\"$3""#);
        assert_eq!(notes(&["!mask all"]).draw(&reply), ["*<any>"]);
        let error = Reply::Error(b"ERR at 12".to_vec());
        assert_eq!(notes(&["!mask all"]).draw(&error), ["-ERR<any>"]);
    }

    #[test]
    fn long_lines_are_masked_before_they_are_cut() {
        let text = format!("id=12 {}\n", "x".repeat(300));
        let masked = notes(&["!mask /id=[0-9]+/", "!mask /x+/"]).draw(&bulk(&text));
        assert_eq!(masked, ["$12 \"<any> <any>\\n\""]);
    }

    #[test]
    fn a_masked_line_takes_the_length_from_the_head_of_its_text() {
        let reply = array(&[bulk("a:1\nb:2"), bulk("c:1\nd:2")]);
        let lines = [
            "*2",
            "  $",
            "    \"a:1\\n\"",
            "    \"<any>\"",
            "  $7",
            "    \"c:1\\n\"",
            "    \"d:2\"",
        ];
        assert_eq!(notes(&["!mask /b:2/"]).draw(&reply), lines);
    }

    #[test]
    fn a_page_of_scan_is_sorted_inside() {
        let page = |keys: &[Reply]| array(&[bulk("0"), array(keys)]);
        let sorted = notes(&["!unsorted"]).draw(&page(&[bulk("b"), bulk("a")]));
        assert_eq!(sorted, render::lines(&page(&[bulk("a"), bulk("b")])));
    }

    #[test]
    fn a_greeting_differs_by_process() {
        let lines = |text: &str| text.lines().map(str::to_string).collect::<Vec<_>>();
        let mut notes = Notes::default();
        notes.blur_greeting();
        let ours = lines("%2\n  $7 \"version\" = $5 \"7.2.4\"\n  $2 \"id\" = :1");
        assert!(
            notes.agree(&ours, &lines("%2\n  $7 \"version\" = $6 \"7.0.15\"\n  $2 \"id\" = :17"))
        );
        assert!(!notes.agree(&ours, &lines("%2\n  $7 \"version\" = $1 \"7\"\n  $2 \"id\" = :1")));
    }

    #[test]
    fn only_keeps_the_chosen_lines() {
        let reply = bulk("# Server\r\nredis_version:7.2.4\r\nuptime:5\r\n");
        assert_eq!(
            notes(&["!only /redis_version/"]).draw(&reply),
            ["$", "  \"redis_version:7.2.4\\r\\n\""]
        );
    }

    #[test]
    fn pairs_stay_together_when_sorted() {
        let reply = array(&[bulk("b"), bulk("1"), bulk("a"), bulk("2")]);
        let sorted = array(&[bulk("a"), bulk("2"), bulk("b"), bulk("1")]);
        assert_eq!(notes(&["!unsorted pairs"]).draw(&reply), render::lines(&sorted));
    }

    #[test]
    fn a_tolerance_is_for_integers_only() {
        let lines = |text: &str| vec![text.to_string()];
        let near = notes(&["!near 5"]);
        assert!(near.agree(&lines("  :100"), &lines("  :96")));
        assert!(!near.agree(&lines("  :100"), &lines("  :94")));
        assert!(!near.agree(&lines("+100"), &lines("+96")));
        assert!(!Notes::default().agree(&lines(":1"), &lines(":2")));
    }

    #[test]
    fn bad_remarks_are_refused() {
        for (verb, rest) in
            [("!mask", "/(/"), ("!mask", "text"), ("!differs", ""), ("!near", "x"), ("!recv", "")]
        {
            assert!(Notes::default().take(verb, rest).is_err(), "{verb} {rest}");
        }
    }
}
