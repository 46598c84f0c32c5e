//! Replies drawn for a human, one line an element, with every RESP type told apart.
//!
//! `+OK`, `-ERR text`, `:1`, `$5 "hello"`, `$-1`, `*2` with its elements indented below, `%2` with
//! `key = value` below, `~`, `>`, `,1.5`, `#t`, `_`, `=txt:4 "text"`, `(123`. A bulk string of
//! several lines is drawn as several lines, so that a snapshot of INFO can be read, and a very
//! long one as its start and a hash.

use crate::resp::{Kind, Reply};

/// From here on a bulk string is drawn as its first [`SHOWN`] bytes and a hash.
pub(crate) const LONG: usize = 200;
/// So much of a long bulk string is drawn.
const SHOWN: usize = 32;

/// The lines that show `reply`, without indentation at the outermost level.
pub fn lines(reply: &Reply) -> Vec<String> {
    let mut out = Vec::new();
    draw(reply, "", "", &mut out);
    out
}

/// Draws `reply` below `indent`; its first line starts with `label`.
fn draw(reply: &Reply, indent: &str, label: &str, out: &mut Vec<String>) {
    let mut first = |text: String| out.push(format!("{indent}{label}{text}"));
    match reply {
        Reply::Simple(text) => first(format!("+{}", bare(text))),
        Reply::Error(text) => first(format!("-{}", bare(text))),
        Reply::Integer(value) => first(format!(":{value}")),
        Reply::NoBulk => first("$-1".into()),
        Reply::NoArray => first("*-1".into()),
        Reply::Null => first("_".into()),
        Reply::Boolean(value) => first(if *value { "#t".into() } else { "#f".into() }),
        Reply::Double(text) => first(format!(",{}", text.escape_ascii())),
        Reply::BigNumber(text) => first(format!("({}", text.escape_ascii())),
        Reply::Bulk(text) => blob("$", text, indent, label, out),
        Reply::BlobError(text) => blob("!", text, indent, label, out),
        Reply::Verbatim(format, text) => {
            blob(&format!("={}:", format.escape_ascii()), text, indent, label, out);
        }
        Reply::Sequence(kind, elements) => {
            first(format!("{}{}", sign(*kind), elements.len()));
            let indent = format!("{indent}  ");
            elements.iter().for_each(|element| draw(element, &indent, "", out));
        }
        Reply::Pairs(kind, pairs) => {
            first(format!("{kind}{}", pairs.len()));
            let indent = format!("{indent}  ");
            pairs.iter().for_each(|(key, value)| pair(key, value, &indent, out));
        }
    }
}

/// `key = value`; a key of several lines (which no command makes) gets its own lines.
fn pair(key: &Reply, value: &Reply, indent: &str, out: &mut Vec<String>) {
    let mut key = lines(key);
    let label = key.pop().unwrap_or_default();
    out.extend(key.iter().map(|line| format!("{indent}{line}")));
    draw(value, indent, &format!("{label} = "), out);
}

fn sign(kind: Kind) -> char {
    match kind {
        Kind::Array => '*',
        Kind::Set => '~',
        Kind::Push => '>',
    }
}

fn blob(sign: &str, text: &[u8], indent: &str, label: &str, out: &mut Vec<String>) {
    let start = format!("{indent}{label}{sign}{}", text.len());
    let inner_newline =
        text.iter().rposition(|&b| b != b'\n').is_some_and(|end| text[..end].contains(&b'\n'));
    if inner_newline {
        out.push(start);
        let parts = text.split_inclusive(|&byte| byte == b'\n');
        out.extend(parts.map(|part| format!("{indent}  {}", quoted(part))));
    } else {
        out.push(format!("{start} {}", quoted(text)));
    }
}

fn quoted(text: &[u8]) -> String {
    if text.len() <= LONG {
        return format!("\"{}\"", escaped(text));
    }
    format!("\"{}\"... fnv {:016x}", escaped(&text[..SHOWN]), fnv(text))
}

fn escaped(text: &[u8]) -> String {
    text.escape_ascii().to_string().replace("\\'", "'")
}

/// Outside double quotes they need no escape either, but a blank at the end would not be seen.
fn bare(text: &[u8]) -> String {
    let text = escaped(text).replace("\\\"", "\"");
    match text.strip_suffix(' ') {
        Some(start) => format!("{start}\\x20"),
        None => text,
    }
}

/// FNV-1a, so that two long strings with the same start do not look the same.
fn fnv(text: &[u8]) -> u64 {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::parse;

    fn drawn(bytes: &[u8]) -> String {
        let (reply, _) = parse(bytes).expect("well-formed").expect("complete");
        lines(&reply).join("\n")
    }

    #[test]
    fn nested_replies_are_indented() {
        let bytes = b"*2\r\n*1\r\n$2\r\nab\r\n%2\r\n+k\r\n:1\r\n+l\r\n~1\r\n#t\r\n";
        assert_eq!(
            drawn(bytes),
            "*2\n  *1\n    $2 \"ab\"\n  %2\n    +k = :1\n    +l = ~1\n      #t"
        );
    }

    #[test]
    fn a_text_of_several_lines_is_drawn_as_lines() {
        assert_eq!(drawn(b"$8\r\na:1\r\nb:2\r\n"), "$8\n  \"a:1\\r\\n\"\n  \"b:2\"");
        assert_eq!(drawn(b"=7\r\ntxt:a\r\n\r\n"), "=txt:3 \"a\\r\\n\"");
    }

    #[test]
    fn long_strings_differ_by_their_hash() {
        let long = |last: char| format!("$300\r\n{}{last}\r\n", "x".repeat(299));
        assert_ne!(drawn(long('x').as_bytes()), drawn(long('y').as_bytes()));
        assert!(drawn(long('x').as_bytes()).len() < 80);
    }
}
