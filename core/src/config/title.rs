//! The title of the process: a template whose `{variables}` the shell fills in.
//!
//! `{{` stands for a brace. A template is refused if a variable is unknown or not closed, or if
//! nothing but spaces is left of it.

use alloc::vec::Vec;

/// Names that a template may use.
pub const VARIABLES: [&str; 7] =
    ["title", "listen-addr", "server-mode", "port", "tls-port", "config-file", "unixsocket"];

/// The template with every variable replaced by what `value_of` says, without spaces at its ends.
/// `None` if the template is invalid, or if `value_of` does not know one of [`VARIABLES`].
pub fn expand(template: &[u8], value_of: impl Fn(&str) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut title = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.iter().position(|byte| *byte == b'{') {
        title.extend_from_slice(rest.get(..open)?);
        rest = rest.get(open + 1..)?;
        if let Some(after) = rest.strip_prefix(b"{") {
            title.push(b'{');
            rest = after;
            continue;
        }
        let close = rest.iter().position(|byte| *byte == b'}')?;
        title.extend(value_of(variable(rest.get(..close)?)?)?);
        rest = rest.get(close + 1..)?;
    }
    title.extend_from_slice(rest);
    let blank = |byte: &u8| *byte == b' ';
    let start = title.iter().position(|byte| !blank(byte))?;
    let end = title.iter().rposition(|byte| !blank(byte))?;
    Some(title.get(start..=end)?.to_vec())
}

fn variable(name: &[u8]) -> Option<&'static str> {
    VARIABLES.into_iter().find(|known| known.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(template: &[u8]) -> Option<Vec<u8>> {
        expand(template, |name| Some([b"<", name.as_bytes(), b">"].concat()))
    }

    #[test]
    fn variables_are_filled_in() {
        assert_eq!(expanded(b"{title} on {port}:").unwrap(), b"<title> on <port>:");
        assert_eq!(expanded(b"  a  b ").unwrap(), b"a  b");
        assert_eq!(expanded(b"{{title}}").unwrap(), b"{title}}");
    }

    #[test]
    fn what_redis_refuses_is_refused() {
        for template in ["", "   ", "{}", "{foo}", "{title", "{", "x {port} {"] {
            assert_eq!(expanded(template.as_bytes()), None, "{template}");
        }
    }
}
