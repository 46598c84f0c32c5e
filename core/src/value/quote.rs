//! Quoting of arbitrary bytes, and the splitting of a line into arguments.
//!
//! Both ends of one notation: MONITOR, error texts and CONFIG REWRITE write a quoted form, and the
//! configuration file, inline commands and redis-cli read it. In double quotes `\n \r \t \a \b` and
//! `\xHH` are escapes and any other escaped byte is itself; in single quotes only `\'` is. Quotes
//! may open in the middle of an argument (`foo"bar"` is `foobar`), but a closing quote must end
//! it. As in C, a NUL byte ends the line.

use alloc::vec::Vec;

use super::number::until_nul;

/// The bytes in double quotes, printable ASCII as it is and the rest escaped.
pub fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    push_quoted(&mut out, bytes);
    out
}

/// Appends what [`quoted`] returns.
pub fn push_quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            BELL => out.extend(b"\\a"),
            BACKSPACE => out.extend(b"\\b"),
            _ => out.extend([b'\\', b'x', hex_digit(byte >> 4), hex_digit(byte & 15)]),
        }
    }
    out.push(b'"');
}

/// Splits a line into its arguments, or `None` when a quote is not closed or a closing quote is
/// not followed by space. A blank line has no arguments.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = until_nul(line);
    let mut args = Vec::new();
    loop {
        rest = trim_start(rest);
        if rest.is_empty() {
            return Some(args);
        }
        let mut arg = Vec::new();
        rest = read_arg(rest, &mut arg)?;
        args.push(arg);
    }
}

/// Appends one argument and returns what follows it.
fn read_arg<'a>(line: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = line;
    loop {
        rest = match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Some(rest),
            [b'"', quoted @ ..] => return end_of_quotes(read_double(quoted, arg)?),
            [b'\'', quoted @ ..] => return end_of_quotes(read_single(quoted, arg)?),
            [byte, rest @ ..] => {
                arg.push(*byte);
                rest
            }
        }
    }
}

fn read_double<'a>(quoted: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = quoted;
    loop {
        let byte;
        (byte, rest) = match rest {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', b'x', high, low, rest @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                (hex_value(*high) << 4 | hex_value(*low), rest)
            }
            [b'\\', escaped, rest @ ..] => (unescaped(*escaped), rest),
            [byte, rest @ ..] => (*byte, rest),
            [] => return None,
        };
        arg.push(byte);
    }
}

fn read_single<'a>(quoted: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = quoted;
    loop {
        let byte;
        (byte, rest) = match rest {
            [b'\'', rest @ ..] => return Some(rest),
            [b'\\', b'\'', rest @ ..] => (b'\'', rest),
            [byte, rest @ ..] => (*byte, rest),
            [] => return None,
        };
        arg.push(byte);
    }
}

/// The closing quote must be the end of the argument.
fn end_of_quotes(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [byte, ..] if !is_space(*byte) => None,
        _ => Some(rest),
    }
}

fn unescaped(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => BELL,
        b'b' => BACKSPACE,
        other => other,
    }
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a') + 10,
    }
}

fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&c| !is_space(c)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// C's `isspace`.
fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t'..=b'\r')
}

const BELL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn split(line: &str) -> Option<Vec<Vec<u8>>> {
        split_args(line.as_bytes())
    }

    fn args(texts: &[&str]) -> Option<Vec<Vec<u8>>> {
        Some(texts.iter().map(|text| text.as_bytes().to_vec()).collect())
    }

    #[test]
    fn quotes_what_is_not_printable() {
        assert_eq!(quoted(b"a\\b\"c'd"), b"\"a\\\\b\\\"c'd\"");
        assert_eq!(quoted(b"\n\r\t\x07\x08\0\x7f\xff\x0b"), br#""\n\r\t\a\b\x00\x7f\xff\x0b""#);
        assert_eq!(quoted(b""), b"\"\"");
    }

    #[test]
    fn splits_words_and_quotes() {
        assert_eq!(split(""), args(&[]));
        assert_eq!(split(" \t\n"), args(&[]));
        assert_eq!(split("  set  key\tvalue\r\n"), args(&["set", "key", "value"]));
        assert_eq!(split(r#""" '' x"#), args(&["", "", "x"]));
        assert_eq!(split(r#"foo"bar" a'b c'"#), args(&["foobar", "ab c"]));
        assert_eq!(split(r#""\n\r\t\b\a\\\"\q""#), args(&["\n\r\t\x08\x07\\\"q"]));
        assert_eq!(split(r#""\x41\x6a\x4G\x""#), args(&["Ajx4Gx"]));
        assert_eq!(split(r"'a\'b\n\\ '"), args(&[r"a'b\n\\ "]));
        assert_eq!(split(r"'\\'"), None);
        assert_eq!(split("a\0b \"unclosed"), args(&["a"]));
        assert_eq!(split_args(br#""\xff\x00""#), Some(vec![vec![0xff, 0]]));
        // The vertical tab separates, but does not end an unquoted argument.
        assert_eq!(split("a\x0bb \x0bc"), args(&["a\x0bb", "c"]));
        assert_eq!(split("\"a\"\x0bb"), args(&["a", "b"]));
    }

    #[test]
    fn refuses_unbalanced_quotes() {
        for bad in ["\"", "'", "\"a\"b", "'a'b", "\"a\"\"b\"", "a\"", "\"a\\", "\"a\\\"", "'a\\'"] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn splitting_undoes_quoting(arguments: Vec<Vec<u8>>) {
            let mut line = Vec::new();
            for argument in &arguments {
                push_quoted(&mut line, argument);
                line.push(b' ');
            }
            prop_assert_eq!(split_args(&line), Some(arguments));
        }

        #[test]
        fn any_line_is_safe(line in r#"[ "'\\xn0-9a-f\x00\x0b]{0,20}"#) {
            if let Some(arguments) = split_args(line.as_bytes()) {
                let total: usize = arguments.iter().map(Vec::len).sum();
                prop_assert!(total <= line.len());
            }
        }
    }
}
