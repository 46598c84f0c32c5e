//! Replies as a client reads them: every type of RESP2 and RESP3.
//!
//! The parser is strict, because it judges a server: a length with a sign, a line that ends in a
//! bare newline or a boolean other than `t` and `f` is [`Malformed`], never forgiven. It is also
//! independent of the parser and writer in the core: a shared mistake would hide itself.

/// One message of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+`
    Simple(Vec<u8>),
    /// `-`
    Error(Vec<u8>),
    /// `:`
    Integer(i64),
    /// `$`
    Bulk(Vec<u8>),
    /// `$-1`, the missing string of RESP2.
    NoBulk,
    /// `*-1`, the missing array of RESP2.
    NoArray,
    /// `_`, the one missing value of RESP3.
    Null,
    /// `#`
    Boolean(bool),
    /// `,` with the text exactly as sent.
    Double(Vec<u8>),
    /// `(` with the digits exactly as sent.
    BigNumber(Vec<u8>),
    /// `=`: a three-letter format and the text.
    Verbatim([u8; 3], Vec<u8>),
    /// `!`
    BlobError(Vec<u8>),
    /// `*`, `~` or `>`
    Sequence(Kind, Vec<Self>),
    /// `%` or, before another reply, `|`.
    Pairs(char, Vec<(Self, Self)>),
}

/// What a [`Reply::Sequence`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `*`
    Array,
    /// `~`
    Set,
    /// `>`: arrived without being asked for.
    Push,
}

/// Bytes that are not RESP, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// The first message in `bytes` and its length, or `None` when it is still incomplete.
pub fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Malformed> {
    let mut reader = Reader { bytes, at: 0 };
    match reader.reply() {
        Ok(reply) => Ok(Some((reply, reader.at))),
        Err(Stop::Incomplete) => Ok(None),
        Err(Stop::Malformed(why)) => Err(Malformed(why)),
    }
}

enum Stop {
    Incomplete,
    Malformed(String),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn reply(&mut self) -> Result<Reply, Stop> {
        let line = self.line()?;
        let Some((&kind, rest)) = line.split_first() else {
            return Err(malformed("empty line", line));
        };
        match kind {
            b'+' => Ok(Reply::Simple(rest.to_vec())),
            b'-' => Ok(Reply::Error(rest.to_vec())),
            b':' => Ok(Reply::Integer(number(rest)?)),
            b',' => Ok(Reply::Double(rest.to_vec())),
            b'(' => Ok(Reply::BigNumber(rest.to_vec())),
            b'$' if rest == b"-1" => Ok(Reply::NoBulk),
            b'*' if rest == b"-1" => Ok(Reply::NoArray),
            b'$' => Ok(Reply::Bulk(self.blob(rest)?)),
            b'!' => Ok(Reply::BlobError(self.blob(rest)?)),
            b'=' => self.verbatim(rest),
            b'*' => self.sequence(Kind::Array, rest),
            b'~' => self.sequence(Kind::Set, rest),
            b'>' => self.sequence(Kind::Push, rest),
            b'%' | b'|' => self.pairs(kind as char, rest),
            b'_' if rest.is_empty() => Ok(Reply::Null),
            b'#' if rest == b"t" => Ok(Reply::Boolean(true)),
            b'#' if rest == b"f" => Ok(Reply::Boolean(false)),
            _ => Err(malformed("unknown type", line)),
        }
    }

    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.bytes[self.at..];
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            return Err(Stop::Incomplete);
        };
        self.at += end + 1;
        rest[..end].strip_suffix(b"\r").ok_or_else(|| malformed("no CR before LF", &rest[..end]))
    }

    fn blob(&mut self, length: &[u8]) -> Result<Vec<u8>, Stop> {
        let length = size(length)?;
        let rest = &self.bytes[self.at..];
        if rest.len() < length + 2 {
            return Err(Stop::Incomplete);
        }
        if &rest[length..length + 2] != b"\r\n" {
            return Err(malformed("no CRLF after a blob", &rest[..length + 2]));
        }
        self.at += length + 2;
        Ok(rest[..length].to_vec())
    }

    fn verbatim(&mut self, length: &[u8]) -> Result<Reply, Stop> {
        let blob = self.blob(length)?;
        match blob.as_slice() {
            [a, b, c, b':', text @ ..] => Ok(Reply::Verbatim([*a, *b, *c], text.to_vec())),
            _ => Err(malformed("a verbatim string without its format", &blob)),
        }
    }

    fn sequence(&mut self, kind: Kind, length: &[u8]) -> Result<Reply, Stop> {
        let elements: Result<_, Stop> = (0..size(length)?).map(|_| self.reply()).collect();
        Ok(Reply::Sequence(kind, elements?))
    }

    fn pairs(&mut self, kind: char, length: &[u8]) -> Result<Reply, Stop> {
        let pairs: Result<_, Stop> =
            (0..size(length)?).map(|_| Ok((self.reply()?, self.reply()?))).collect();
        Ok(Reply::Pairs(kind, pairs?))
    }
}

fn size(digits: &[u8]) -> Result<usize, Stop> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let length =
        if plain { str::from_utf8(digits).ok().and_then(|d| d.parse().ok()) } else { None };
    length.ok_or_else(|| malformed("not a length", digits))
}

fn number(digits: &[u8]) -> Result<i64, Stop> {
    let value = str::from_utf8(digits).ok().and_then(|d| d.parse::<i64>().ok());
    let canonical = value.filter(|value| value.to_string().as_bytes() == digits);
    canonical.ok_or_else(|| malformed("not an integer", digits))
}

fn malformed(why: &str, bytes: &[u8]) -> Stop {
    let start = &bytes[..bytes.len().min(60)];
    Stop::Malformed(format!("{why}: {}", start.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_complete_only_with_its_last_byte() {
        let whole = b"*3\r\n$2\r\nab\r\n%1\r\n+k\r\n:-5\r\n=7\r\ntxt:abc\r\n";
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut]), Ok(None), "{cut} bytes");
        }
        let (reply, length) = parse(whole).expect("well-formed").expect("complete");
        assert_eq!(length, whole.len());
        let Reply::Sequence(Kind::Array, elements) = reply else { panic!("an array") };
        assert_eq!(elements[2], Reply::Verbatim(*b"txt", b"abc".to_vec()));
    }

    #[test]
    fn a_sloppy_server_is_caught() {
        for bytes in [
            &b"+OK\n"[..],
            b":+1\r\n",
            b":01\r\n",
            b"$+1\r\na\r\n",
            b"#x\r\n",
            b"_0\r\n",
            b"$1\r\nabc",
            b"$-2\r\n",
            b"hello\r\n",
            b"\r\n",
            b"=3\r\nabc\r\n",
        ] {
            assert!(parse(bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }
}
