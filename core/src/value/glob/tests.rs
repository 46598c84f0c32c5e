//! Patterns with known answers, and hostile ones.

use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

/// The definition, by recursion: exponential, and therefore only for short inputs.
fn naive(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            naive(rest, text) || text.split_first().is_some_and(|(_, text)| naive(pattern, text))
        }
        ([part, pattern @ ..], [byte, text @ ..]) => {
            (*part == b'?' || part == byte) && naive(pattern, text)
        }
        _ => false,
    }
}

#[test]
fn equals_a_real_server() {
    for &(pattern, text, ignore_case, expected) in SERVER_ANSWERS {
        let found = matches(pattern, text, ignore_case);
        assert_eq!(found, expected, "{} {}", pattern.escape_ascii(), text.escape_ascii());
    }
}

#[test]
fn the_empty_text_matches_only_the_empty_pattern() {
    assert!(matches(b"", b"", false));
    assert!(!matches(b"*", b"", false));
    assert!(!matches(b"**", b"", true));
    assert!(!matches(b"", b"a", false));
}

/// A recursive matcher takes longer than the universe on these.
#[test]
fn many_stars_do_not_explode() {
    let text = [b'a'; 3000];
    assert!(!matches(&b"a*".repeat(1500), b"b", false));
    assert!(!matches(&[b"a*".repeat(1000), b"b".to_vec()].concat(), &text, false));
    assert!(!matches(&[b"*a".repeat(2000), b"*b".to_vec()].concat(), &text, true));
    assert!(matches(&b"*?".repeat(3000), &text, false));
    assert!(!matches(&b"*?".repeat(3001), &text, false));
}

proptest! {
    #[test]
    fn stars_and_marks_equal_the_definition(pattern in "[ab*?]{0,10}", text in "[ab]{1,8}") {
        let expected = naive(pattern.as_bytes(), text.as_bytes());
        prop_assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), false), expected);
        let upper = pattern.to_ascii_uppercase();
        prop_assert_eq!(matches(upper.as_bytes(), text.as_bytes(), true), expected);
    }

    #[test]
    fn a_text_escaped_matches_itself(text in proptest::collection::vec(any::<u8>(), 1..20)) {
        let pattern: Vec<u8> = text.iter().flat_map(|&byte| [b'\\', byte]).collect();
        prop_assert!(matches(&pattern, &text, false));
    }

    #[test]
    fn any_bytes_are_safe(pattern: Vec<u8>, text: Vec<u8>, ignore_case: bool) {
        matches(&pattern, &text, ignore_case);
    }
}

/// Pattern, text, whether case is ignored, and whether Redis matches: KEYS with one key in the
/// database, CONFIG GET for those that ignore case.
#[rustfmt::skip]
const SERVER_ANSWERS: &[(&[u8], &[u8], bool, bool)] = &[
    (b"h[ae]llo", b"hello", false, true), (b"h[^e]llo", b"hello", false, false),
    (b"[a", b"a", false, true), (b"[", b"[", false, false), (b"[^", b"x", false, true),
    (b"[a-", b"b", false, false), (b"[a-", b"-", false, true), (b"[a-]", b"b", false, false),
    (b"[z-a]", b"m", false, true), (b"[\\]]", b"]", false, true), (b"[\\", b"\\", false, true),
    (b"\\", b"\\", false, true), (b"a\\", b"a\\", false, true), (b"\\a", b"a", false, true),
    (b"\\*", b"*", false, true), (b"\\*", b"a", false, false), (b"[]", b"a", false, false),
    (b"[]a]", b"a", false, false), (b"[^]", b"a", false, true), (b"[^]a]", b"b", false, false),
    (b"a*", b"a", false, true), (b"a**", b"a", false, true), (b"**a**", b"a", false, true),
    (b"*?", b"a", false, true), (b"?*?", b"a", false, false), (b"?", b"ab", false, false),
    (b"[a-c-e]", b"-", false, true), (b"[a-c-e]", b"d", false, false),
    (b"[\\a-c]", b"b", false, false), (b"[a-\\c]", b"b", false, false),
    (b"[a-\\c]", b"c", false, true), (b"[\x80-\x7f]", b"a", false, true),
    (b"[\x80-\xff]", b"a", false, false), (b"[\x80-\xff]", b"\x90", false, true),
    (b"[a-\xff]", b"\x90", false, false), (b"[a-\xff]", b"\xff", false, true),
    (b"[a-\xff]", b"0", false, true), (b"[Z-a]", b"Z", false, true), (b"[Z-a]", b"_", false, true),
    (b"*[", b"a[", false, false), (b"*a*a*a*b", b"aaaaaaaab", false, true),
    (b"*a*a*a*b", b"aaaaaaaa", false, false), (b"[*]", b"*", false, true),
    (b"[?]", b"?", false, true), (b"[^^]", b"^", false, false), (b"[^^]", b"a", false, true),
    (b"[a^]", b"^", false, true), (b"[-a]", b"-", false, true), (b"[a\\-c]", b"b", false, false),
    (b"[a\\-c]", b"-", false, true), (b"*[-^-a", b"^", false, true),
    (b"[[ac\\*b", b"a", false, true), (b"*?[b-Z", b"\\a", false, true),
    (b"[^b*", b"c", false, true), (b"[b^ba", b"b", false, true), (b"c*?", b"cBbba", false, true),
    (b"*[B-[a\\", b"B", false, true), (b"*\x80\x80", b"ab\x80\x80", false, true),
    (b"[-a-[", b"a", false, true), (b"[^Z\\-\\b", b"\\", false, true),
    (b"[\xff\x7f\xff", b"\xff", false, true), (b"[B*[", b"B", false, true),
    (b"*[^", b"a^Z", false, true), (b"[*AAa^Z", b"^", false, true), (b"*^^", b"^^", false, true),
    (b"[[b[*b", b"[", false, true), (b"[[^a\\^", b"[", false, true),
    (b"[a--ba-", b"b", false, true), (b"*[?A", b"A[\\A", false, true),
    (b"?*??", b"Z\\Z", false, true), (b"*\\-", b"a-", false, true),
    (b"[*ab\x00\x80", b"a", false, true), (b"a[a-", b"a-", false, true),
    (b"*??", b"^aba", false, true), (b"[a?^bbb", b"b", false, true), (b"*[[", b"A^][", false, true),
    (b"*[^A", b"aa]-B", false, true), (b"\\aA\\]*", b"aA][", false, true),
    (b"[^BbB", b"[", false, true), (b"[[bc[?", b"[", false, true), (b"[cB*^", b"B", false, true),
    (b"?a?", b"ca-", false, true), (b"[Z\\]\\*B", b"]", false, true), (b"-??", b"-^A", false, true),
    (b"*-[Bb[", b"^a-B", false, true), (b"*^*", b"^", false, true), (b"Z[[BA", b"Z[", false, true),
    (b"[ZB?c-", b"-", false, true), (b"*b*", b"b", false, true), (b"[*[??b\\", b"[", false, true),
    (b"]ZbZbZB", b"ZB", false, false), (b"AZ]^]c", b"bA[Bb", false, false),
    (b"ba^?^ab", b"\\", false, false), (b"\\AZ[Za", b"a\\^", false, false),
    (b"c-c[", b"", false, false), (b"BZ[*Z", b"\xff\x7f\x7f\xff", false, false),
    (b"\\^\\^Za", b"[", false, false), (b"\x00*aZ", b"\x00\x90b\x90", false, false),
    (b"?AA?[", b"Z", false, false), (b"bAb", b"^Z", false, false),
    (b"?\x00abb\\", b"ab", false, false), (b"[[A*aB[", b"-Bb\\", false, false),
    (b"b*?", b"A", false, false), (b"[^*", b"a[Z\\", false, false), (b"]a*", b"][cB", false, false),
    (b"?]A-", b"ZA\\", false, false), (b"--b\\*b*", b"[^b\\Z", false, false),
    (b"\\**", b"-^bA\\", false, false), (b"A^?A", b"", false, false),
    (b"B*Z[]", b"b\\", false, false), (b"AB]ZBb", b"", false, false),
    (b"]]-\\]\x00Z", b"\x00", false, false), (b"\\[[A", b"", false, false),
    (b"]BB\\*A", b"\\ZB", false, false), (b"aa\\c-*]", b"c]c\\", false, false),
    (b"?A]ABa", b"\\-B", false, false), (b"bBZ*-AB", b"abZA[", false, false),
    (b"]aA]", b"ab", false, false), (b"b[a[aB", b"\\[B\\b", false, false),
    (b"\x80Ba", b"a\x80\x90", false, false), (b"*e*[t?d", b"cluster-node-timeout", true, true),
    (b"*E[TT-ADDR", b"supervised", true, true), (b"*[sAbed", b"list-max-listpack-size", true, true),
    (b"*[e_cpulist", b"tls-key-file-pass", true, true),
    (b"*[*y-expire", b"syslog-ident", true, true),
    (b"*[-AMORY-POLICY", b"maxmemory-eviction-tenacity", true, true),
    (b"*[ea-migration", b"rdbcompression", true, true),
    (b"*[ts", b"aof_rewrite_cpulist", true, true),
    (b"**[-BG-THREAD", b"zset-max-ziplist-entries", true, true),
    (b"*?[h-log-enabled", b"always-show-logo", true, true),
    (b"*[?-cert-file", b"aof-rewrite-incremental-fsync", true, true),
    (b"*[e?y-keyspace-events", b"bgsave_cpulist", true, true), (b"*[sAbed", b"logfile", true, true),
    (b"*[ea-migration", b"cluster-allow-replica-migration", true, true),
    (b"*[*y-expire", b"bgsave_cpulist", true, true),
    (b"TLS-E\\[[CA-CERT-FILE", b"oom-score-adj", true, false),
    (b"*ER-[CIPHERS", b"syslog-enabled", true, false),
    (b"*mastas[Tuser", b"appendfilename", true, false),
    (b"lazyfree-lazy-u[Aser-del", b"aof-use-rdb-preamble", true, false),
    (b"REPLICA-IGNORE-MAXMEME*[", b"cluster-require-full-coverage", true, false),
];
