//! The words of a command line, quoted as in `redis-cli`.
//!
//! Double quotes know `\n \r \t \b \a \\ \"` and `\xHH`, single quotes know `\'`. A closing quote
//! ends the word; the one addition is `*N` right after it, which repeats the quoted text, so that
//! a value of 100,000 bytes stays one short line.

use std::iter::Peekable;
use std::str::Chars;

/// Splits `line` into words, or says what is wrong with its quoting.
pub fn split(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut rest = line.chars().peekable();
    let mut words = Vec::new();
    loop {
        while rest.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        let Some(&first) = rest.peek() else { return Ok(words) };
        let word = match first {
            '"' => double_quoted(&mut rest)?,
            '\'' => single_quoted(&mut rest)?,
            _ => bare(&mut rest)?,
        };
        words.push(word);
    }
}

/// The words as a RESP array of bulk strings, which is how every client sends a command.
pub fn encode(words: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn bare(rest: &mut Peekable<Chars<'_>>) -> Result<Vec<u8>, String> {
    let mut word = Vec::new();
    while let Some(c) = rest.next_if(|c| !c.is_ascii_whitespace()) {
        if c == '"' || c == '\'' {
            return Err("a quote inside a bare word: quote the whole word".into());
        }
        push(&mut word, c);
    }
    Ok(word)
}

fn single_quoted(rest: &mut Peekable<Chars<'_>>) -> Result<Vec<u8>, String> {
    rest.next();
    let mut word = Vec::new();
    loop {
        match rest.next().ok_or("unbalanced quotes")? {
            '\'' => return repeated(word, rest),
            '\\' if rest.next_if_eq(&'\'').is_some() => word.push(b'\''),
            c => push(&mut word, c),
        }
    }
}

fn double_quoted(rest: &mut Peekable<Chars<'_>>) -> Result<Vec<u8>, String> {
    rest.next();
    let mut word = Vec::new();
    loop {
        match rest.next().ok_or("unbalanced quotes")? {
            '"' => return repeated(word, rest),
            '\\' => word.push(escape(rest)?),
            c => push(&mut word, c),
        }
    }
}

fn escape(rest: &mut Peekable<Chars<'_>>) -> Result<u8, String> {
    match rest.next().ok_or("unbalanced quotes")? {
        'n' => Ok(b'\n'),
        'r' => Ok(b'\r'),
        't' => Ok(b'\t'),
        'b' => Ok(0x08),
        'a' => Ok(0x07),
        '\\' => Ok(b'\\'),
        '"' => Ok(b'"'),
        'x' => {
            let mut digit = || rest.next().and_then(|c| c.to_digit(16));
            match (digit(), digit()) {
                (Some(high), Some(low)) => Ok((high * 16 + low) as u8),
                _ => Err("\\x wants two hexadecimal digits".into()),
            }
        }
        other => Err(format!("unknown escape \\{other}")),
    }
}

/// What follows a closing quote: nothing, or `*N`.
fn repeated(word: Vec<u8>, rest: &mut Peekable<Chars<'_>>) -> Result<Vec<u8>, String> {
    let mut tail = String::new();
    while let Some(c) = rest.next_if(|c| !c.is_ascii_whitespace()) {
        tail.push(c);
    }
    if tail.is_empty() {
        return Ok(word);
    }
    let times = tail.strip_prefix('*').and_then(|n| n.parse::<usize>().ok());
    let times = times.ok_or_else(|| format!("{tail:?} right after a closing quote"))?;
    Ok(word.repeat(times))
}

fn push(word: &mut Vec<u8>, c: char) {
    word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let words = split(line).expect("a well-formed line");
        words.iter().map(|word| word.escape_ascii().to_string()).collect()
    }

    #[test]
    fn quoting_is_that_of_redis_cli() {
        assert_eq!(words(r#"SET k "a b\x00\r\n\"""#), ["SET", "k", r#"a b\x00\r\n\""#]);
        assert_eq!(words(r"SET 'it\'s' '\n'"), ["SET", r"it\'s", r"\\n"]);
        assert_eq!(words("  PING   \"\" "), ["PING", ""]);
        assert_eq!(words("SET k 'ab'*3"), ["SET", "k", "ababab"]);
    }

    #[test]
    fn bad_quoting_is_refused() {
        for line in ["SET 'a", "SET \"a", "SET \"a\"b", "SET \"\\q\"", "SET \"\\xg0\"", "SET a'b'"]
        {
            assert!(split(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        assert_eq!(encode(&[b"GET".to_vec(), b"".to_vec()]), b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
    }
}
