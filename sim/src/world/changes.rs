//! Changes of the configuration while the server runs: what is said, and what it changes of what is
//! promised.
//!
//! A change counts for the life in which it was made, since nobody rewrites the server's file.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use seedis_core::config::AppendFsync;

use crate::model::Words;

const POLICIES: [(&str, AppendFsync); 3] =
    [("always", AppendFsync::Always), ("everysec", AppendFsync::Everysec), ("no", AppendFsync::No)];

/// A change of how data are kept. Save points only become stricter, where there are some: whether a
/// failed save stops writes depends on them, and must not change within a turn, or a server that
/// has failed to save and then need not save any more would refuse writes for ever, as Redis does.
pub(crate) fn draw(has_save: bool, rng: &mut ChaCha8Rng) -> Words {
    let (name, value) = match rng.random_range(0..7) {
        0 if has_save => ("save", "1 1".into()),
        2 => ("auto-aof-rewrite-percentage", one_of(&["0", "10", "100"], rng)),
        3 => ("auto-aof-rewrite-min-size", one_of(&["100", "5000", "100000"], rng)),
        // Mostly on: while there is no log little is promised.
        4 => ("appendonly", one_of(&["no", "yes", "yes"], rng)),
        _ => ("appendfsync", one_of(&POLICIES.map(|(name, _)| name), rng)),
    };
    ["CONFIG", "SET", name, &value].map(|word| word.as_bytes().to_vec()).into()
}

/// Switches the log on or off.
pub(crate) fn switch(is_on: bool) -> Words {
    let value = if is_on { "yes" } else { "no" };
    ["CONFIG", "SET", "appendonly", value].map(|word| word.as_bytes().to_vec()).into()
}

fn one_of(values: &[&str], rng: &mut ChaCha8Rng) -> String {
    (*values.choose(rng).unwrap_or(&"")).into()
}

/// Whether a command is a change of the configuration.
pub(crate) fn is_change(words: &[Vec<u8>]) -> bool {
    words.len() > 1
        && words[0].eq_ignore_ascii_case(b"config")
        && words[1].eq_ignore_ascii_case(b"set")
}

/// What a command sets `of` to, if it does that and nothing else.
fn set<'a>(words: &'a [Vec<u8>], of: &str) -> Option<&'a [u8]> {
    let [_, _, name, value] = words else { return None };
    (is_change(words) && name.eq_ignore_ascii_case(of.as_bytes())).then_some(value)
}

/// Whether a command switches the log on or off.
pub(crate) fn appendonly(words: &[Vec<u8>]) -> Option<bool> {
    let value = set(words, "appendonly")?;
    match &value.to_ascii_lowercase()[..] {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

/// The policy that a command sets.
pub(crate) fn policy(words: &[Vec<u8>]) -> Option<AppendFsync> {
    let value = set(words, "appendfsync")?;
    let known = |policy: &&(&str, AppendFsync)| value.eq_ignore_ascii_case(policy.0.as_bytes());
    POLICIES.iter().find(known).map(|policy| policy.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_change_of_the_policy_is_one() {
        let of = |line: &str| {
            policy(&line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Words>())
        };
        assert_eq!(of("config set APPENDFSYNC Always"), Some(AppendFsync::Always));
        for line in [
            "config set appendfsync maybe",
            "config get appendfsync",
            "config set save 1",
            "config set appendfsync no save 1",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
