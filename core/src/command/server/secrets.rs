//! Arguments that neither the slow log nor MONITOR may show. Redis shows those of a call that it
//! refuses; this does not.

use crate::command::args::Args;
use crate::config::Directive;

/// What stands in place of a secret.
pub(crate) const REDACTED: &[u8] = b"(redacted)";

/// Whether the argument `at` of the command called `name`, as `hello` or `config|set`, is a secret.
pub(crate) fn is_secret(name: &str, args: Args<'_>, at: usize) -> bool {
    match name {
        "auth" => at > 0,
        "hello" => is_after_auth(args, at),
        "config|set" => {
            let names_secret =
                || Directive::find(args.at(at - 1)).is_some_and(Directive::is_sensitive);
            at >= 3 && at % 2 == 1 && names_secret()
        }
        _ => false,
    }
}

/// Whether `at` is one of the two arguments after an AUTH among the options of HELLO.
fn is_after_auth(args: Args<'_>, at: usize) -> bool {
    let mut option = 2;
    while option < at {
        option += match () {
            () if args.is(option, "auth") && at <= option + 2 => return true,
            () if args.is(option, "auth") => 3,
            () if args.is(option, "setname") => 2,
            () => 1,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::resp::parse::Span;

    fn secrets(name: &str, line: &str) -> Vec<usize> {
        let mut spans = Vec::new();
        for word in line.split(' ') {
            let start = (word.as_ptr() as usize - line.as_ptr() as usize) as u32;
            spans.push(Span { start, len: word.len() as u32 });
        }
        let args = Args::new(line.as_bytes(), &spans);
        (0..args.len()).filter(|&at| is_secret(name, args, at)).collect()
    }

    #[test]
    fn passwords_are_secrets() {
        assert_eq!(secrets("auth", "AUTH default pass"), [1, 2]);
        assert_eq!(secrets("hello", "HELLO 3 SETNAME auth AUTH a b"), [5, 6]);
        assert_eq!(secrets("hello", "HELLO 3 AUTH a b AUTH c d"), [3, 4, 6, 7]);
        assert_eq!(secrets("hello", "HELLO 3 SETNAME auth x y"), [0; 0]);
        assert_eq!(secrets("hello", "hello"), [0; 0]);
        assert_eq!(secrets("config|set", "CONFIG SET maxclients 5 RequirePass x"), [5]);
        assert_eq!(secrets("config|set", "CONFIG SET requirepass requirepass"), [3]);
        assert_eq!(secrets("set", "SET requirepass x"), [0; 0]);
    }
}
