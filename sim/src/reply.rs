//! Reply streams: whether bytes are well-formed RESP, and where one reply ends.
//!
//! Written apart from the core's own code on purpose: it is the other side of the wire.

/// The first reply is not well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Offset of the byte that is wrong.
    pub at: usize,
}

/// The end of the reply that starts at `at`; `None` while it is incomplete.
pub fn end(bytes: &[u8], at: usize) -> Result<Option<usize>, Malformed> {
    // An explicit stack: how deep replies nest is the server's choice, not ours. Most do not nest,
    // and need none.
    let mut outer: Vec<u64> = Vec::new();
    let mut left = 1_u64;
    let mut at = at;
    loop {
        if left == 0 {
            match outer.pop() {
                Some(more) => left = more,
                None => return Ok(Some(at)),
            }
            continue;
        }
        left -= 1;
        let Some(&kind) = bytes.get(at) else { return Ok(None) };
        // Nearly everything are texts of less than a hundred bytes.
        if let Some(end) = short_text(&bytes[at..]) {
            at += end;
            continue;
        }
        let Some((line, next)) = line(bytes, at + 1)? else { return Ok(None) };
        at = match kind {
            b'+' | b'-' | b'(' | b'_' | b',' => next,
            b'#' if matches!(line, b"t" | b"f") => next,
            b':' => number(line, at).map(|_| next)?,
            b'$' | b'=' | b'!' => match number(line, at)? {
                -1 if kind == b'$' => next,
                len => match body(bytes, next, len, at)? {
                    Some(end) => end,
                    None => return Ok(None),
                },
            },
            b'*' | b'~' | b'>' | b'%' => {
                let len = number(line, at)?;
                if len < -1 || (len == -1 && kind != b'*') {
                    return Err(Malformed { at });
                }
                outer.push(left);
                left = len.max(0) as u64 * if kind == b'%' { 2 } else { 1 };
                next
            }
            _ => return Err(Malformed { at }),
        };
    }
}

/// The end of a bulk string of less than a hundred bytes, if there is one that is whole.
fn short_text(bytes: &[u8]) -> Option<usize> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| usize::from(byte - b'0'));
    let (len, from) = match *bytes {
        [b'$', one, b'\r', b'\n', ..] => (digit(one)?, 4),
        [b'$', ten, one, b'\r', b'\n', ..] => (10 * digit(ten)? + digit(one)?, 5),
        _ => return None,
    };
    (bytes.get(from + len..from + len + 2)? == b"\r\n").then_some(from + len + 2)
}

type Line<'a> = Option<(&'a [u8], usize)>;

fn line(bytes: &[u8], at: usize) -> Result<Line<'_>, Malformed> {
    let rest = &bytes[at..];
    let Some(end) = rest.iter().position(|&byte| byte == b'\r' || byte == b'\n') else {
        return Ok(None);
    };
    match rest.get(end + 1) {
        _ if rest[end] == b'\n' => Err(Malformed { at: at + end }),
        None => Ok(None),
        Some(b'\n') => Ok(Some((&rest[..end], at + end + 2))),
        Some(_) => Err(Malformed { at: at + end }),
    }
}

fn number(line: &[u8], at: usize) -> Result<i64, Malformed> {
    // Nearly all are lengths of one or two digits.
    if let [b'1'..=b'9', ..] | [b'0'] = line
        && line.len() < 10
        && line.iter().all(u8::is_ascii_digit)
    {
        return Ok(line.iter().fold(0, |number, digit| 10 * number + i64::from(digit - b'0')));
    }
    let text = std::str::from_utf8(line).map_err(|_| Malformed { at })?;
    text.parse().map_err(|_| Malformed { at })
}

fn body(bytes: &[u8], at: usize, len: i64, head: usize) -> Result<Option<usize>, Malformed> {
    let len = usize::try_from(len).map_err(|_| Malformed { at: head })?;
    match bytes.get(at + len..at + len + 2) {
        None => Ok(None),
        Some(b"\r\n") => Ok(Some(at + len + 2)),
        Some(_) => Err(Malformed { at: at + len }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_end_where_they_end() {
        let whole = b"*3\r\n:1\r\n$-1\r\n%1\r\n+a\r\n,1.5\r\n+next\r\n";
        assert_eq!(end(whole, 0), Ok(Some(whole.len() - 7)));
        for cut in 0..whole.len() - 7 {
            assert_eq!(end(&whole[..cut], 0), Ok(None), "cut at {cut}");
        }
        assert_eq!(end(b"$3\r\nabcd\r\n", 0), Err(Malformed { at: 7 }));
        assert_eq!(end(b"OK\r\n", 0), Err(Malformed { at: 0 }));
    }
}
