//! CONFIG GET: the settings that patterns name.
//!
//! A word without glob characters is looked up and answered under the very name that was asked for,
//! be it an alias or in capitals; a pattern answers with names as the table writes them, aliases
//! included, and passes over hidden directives. No name is answered twice. Redis answers in the
//! order of a seeded hash table, so no order is promised; here it is that of the questions, and
//! alphabetical for a pattern.

use alloc::vec::Vec;

use super::Config;
use super::directive::{Directive, Flag};
use crate::value::glob;

impl Config {
    /// Name and value of every setting that one of the patterns matches.
    pub fn matching<'a>(&self, patterns: &[&'a [u8]]) -> Vec<(&'a [u8], Vec<u8>)> {
        let mut found: Vec<(&'a [u8], Vec<u8>)> = Vec::new();
        for pattern in patterns {
            for (name, directive) in named(pattern) {
                if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                    found.push((name, directive.value(self)));
                }
            }
        }
        found
    }
}

fn named<'a>(pattern: &'a [u8]) -> Vec<(&'a [u8], &'static Directive)> {
    if !pattern.iter().any(|byte| b"[*?".contains(byte)) {
        return Directive::find(pattern)
            .map(|directive| (pattern, directive))
            .into_iter()
            .collect();
    }
    let mut names: Vec<(&'a [u8], &'static Directive)> = Directive::all()
        .filter(|directive| !directive.has(Flag::Hidden))
        .flat_map(|directive| directive.names().map(move |name| (name.as_bytes(), directive)))
        .filter(|(name, _)| glob::matches(pattern, name, true))
        .collect();
    names.sort_unstable_by_key(|(name, _)| *name);
    names
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    fn names(patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
        let found = Config::default().matching(&patterns);
        found.iter().map(|(name, _)| String::from_utf8(name.to_vec()).unwrap()).collect()
    }

    #[test]
    fn a_name_is_answered_as_it_was_asked() {
        assert_eq!(names(&["MaxMemory"]), ["MaxMemory"]);
        assert_eq!(names(&["slave-priority"]), ["slave-priority"]);
        assert_eq!(names(&["no-such-name", ""]), [""; 0]);
    }

    #[test]
    fn no_name_is_answered_twice() {
        assert_eq!(names(&["MAXMEMORY", "maxmemory", "maxmemor?"]), ["MAXMEMORY"]);
        assert_eq!(
            names(&["replica-priority", "*-priority"]),
            ["replica-priority", "slave-priority"]
        );
    }

    #[test]
    fn patterns_ignore_case_and_hidden_directives() {
        assert_eq!(
            names(&["MAXMEMORY*"]),
            [
                "maxmemory",
                "maxmemory-clients",
                "maxmemory-eviction-tenacity",
                "maxmemory-policy",
                "maxmemory-samples"
            ]
        );
        assert_eq!(names(&["rdb-key-save-dela?"]), [""; 0]);
        assert_eq!(names(&["rdb-key-save-delay"]), ["rdb-key-save-delay"]);
        assert_eq!(names(&["max\\memory"]), [""; 0]);
    }
}
