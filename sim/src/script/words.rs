//! Words in a line, quoted where they need it, as redis-cli reads them.

/// A word as it is written: plain if it can be, else in double quotes with escapes.
pub(crate) fn quoted(word: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if !word.is_empty() && word.iter().all(is_plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    let mut text = String::from("\"");
    for &byte in word {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

/// The words of a line; nothing when a quote is not closed or an escape is not one.
pub(crate) fn split(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(inside) => unquoted(inside)?,
            None => {
                let end = rest.find(' ').unwrap_or(rest.len());
                (rest.as_bytes()[..end].to_vec(), &rest[end..])
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    Some(words)
}

/// What is up to the closing quote, and what follows it.
fn unquoted(inside: &str) -> Option<(Vec<u8>, &str)> {
    let mut word = Vec::new();
    let mut chars = inside.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((word, &inside[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => word.push(b'\n'),
                'r' => word.push(b'\r'),
                't' => word.push(b'\t'),
                'x' => {
                    let digits = [chars.next()?.1, chars.next()?.1];
                    let [high, low] = digits.map(|digit| digit.to_digit(16));
                    word.push((high? * 16 + low?) as u8);
                }
                other => word.extend(other.to_string().bytes()),
            },
            other => word.extend(other.to_string().bytes()),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive() {
        let words: [&[u8]; 6] = [b"SET", b"", b"a b", b"\"\\\n\r\t\0\xff", b"'", b"plain"];
        let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        assert_eq!(split(&line.join(" ")).as_deref(), Some(&words.map(<[u8]>::to_vec)[..]));
    }

    #[test]
    fn an_open_quote_or_a_wrong_escape_is_refused() {
        for line in ["SET \"a", "\"\\x4\"", "\"\\xzz\"", "\"\\"] {
            assert_eq!(split(line), None, "{line}");
        }
    }
}
