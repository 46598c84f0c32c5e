//! What may differ between the core and a real server, and why.

use super::value::Value;
use crate::model::Words;

/// Commands that are not compared, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("quit", "it ends the connection"),
    ("reset", "it ends the session in the middle"),
    ("shutdown", "it ends the server"),
    ("hello", "it tells versions and numbers of connections"),
    ("auth", "there is one user"),
    ("acl", "there is one user"),
    ("client", "numbers, addresses and names of connections"),
    ("config", "what is set would differ from then on"),
    ("command", "facts of commands; a test of their own compares them"),
    ("info", "it describes the process"),
    ("memory", "it describes the process"),
    ("latency", "it measures"),
    ("slowlog", "it measures"),
    ("lolwut", "it tells the version"),
    ("time", "the clock of the core stands still"),
    ("lastsave", "it tells when the process started"),
    ("randomkey", "it is drawn"),
    ("srandmember", "it is drawn"),
    ("spop", "it is drawn"),
    ("hrandfield", "it is drawn"),
    ("zrandmember", "it is drawn"),
    ("scan", "the order is one of hash tables"),
    ("hscan", "the order is one of hash tables"),
    ("sscan", "the order is one of hash tables"),
    ("zscan", "the order is one of hash tables"),
    ("dump", "one value has many dumps"),
    ("object", "frequencies and idle times, and how long a string was"),
    ("debug", "it describes the process"),
    ("monitor", "what follows are no replies"),
    ("subscribe", "what follows are no replies"),
    ("psubscribe", "what follows are no replies"),
    ("ssubscribe", "what follows are no replies"),
    ("unsubscribe", "it has any number of replies"),
    ("punsubscribe", "it has any number of replies"),
    ("sunsubscribe", "it has any number of replies"),
    ("multi", "what is queued would have to be known; the transcripts compare it"),
    ("exec", "it belongs to MULTI"),
    ("discard", "it belongs to MULTI"),
    ("watch", "it belongs to MULTI"),
    ("wait", "it waits"),
    ("blpop", "it waits; the transcripts compare it"),
    ("brpop", "it waits; the transcripts compare it"),
    ("blmove", "it waits; the transcripts compare it"),
    ("brpoplpush", "it waits; the transcripts compare it"),
    ("blmpop", "it waits; the transcripts compare it"),
    ("bzpopmin", "it waits; the transcripts compare it"),
    ("bzpopmax", "it waits; the transcripts compare it"),
    ("bzmpop", "it waits; the transcripts compare it"),
    ("waitaof", "it waits, and 7.0 has none"),
    ("save", "it writes files"),
    ("bgsave", "it writes files"),
    ("bgrewriteaof", "it writes files"),
    ("role", "it describes the process"),
    ("sync", "what follows is no reply"),
    ("psync", "what follows is no reply"),
    ("replicaof", "it asks another server"),
    ("slaveof", "it asks another server"),
    ("replconf", "some of it has no reply"),
    ("failover", "it asks another server"),
    ("migrate", "it asks another server"),
    ("module", "it loads code"),
    ("cluster", "there is none, and each says so in its own way"),
    ("asking", "there is no cluster"),
    ("readonly", "there is no cluster"),
    ("readwrite", "there is no cluster"),
    ("pubsub", "the order is one of hash tables"),
    ("blpop", "it may wait"),
    ("brpop", "it may wait"),
    ("brpoplpush", "it may wait"),
    ("blmove", "it may wait"),
    ("blmpop", "it may wait"),
    ("bzpopmin", "it may wait"),
    ("bzpopmax", "it may wait"),
    ("bzmpop", "it may wait"),
    ("xinfo", "it tells times and how things are stored"),
    ("xsetid", "7.2 looks at what was deleted, 7.0 does not"),
];

/// Words with which a command on streams waits or depends on times.
const OF_TIME: &[(&str, &str)] = &[("xread", "block"), ("xreadgroup", "block"), ("xadd", "*")];

/// Whether a command on streams depends on times: how long something was pending does.
fn is_of_time(words: &Words) -> bool {
    let is = |word: &[u8], text: &str| word.eq_ignore_ascii_case(text.as_bytes());
    let says =
        |(name, text): &(&str, &str)| is(&words[0], name) && words.iter().any(|it| is(it, text));
    let is_claim = is(&words[0], "xclaim") || is(&words[0], "xautoclaim");
    OF_TIME.iter().any(says)
        || is_claim && words.get(4).is_some_and(|idle| idle != b"0")
        || is(&words[0], "xpending") && words.len() > 3
}

/// Replies that are sets, which come in any order.
const UNORDERED: &[&str] =
    &["keys", "smembers", "sinter", "sunion", "sdiff", "hkeys", "hvals", "hgetall"];

/// Replies that are times, which go on while the core's clock stands still.
const TIMES: &[&str] = &["ttl", "pttl", "expiretime", "pexpiretime"];

/// What times may differ by: milliseconds, or less than that in seconds.
const TIME_MAX: u64 = 60_000;

/// Whether two replies to a command are the same but for what may differ.
#[must_use]
pub fn is_alike(words: &Words, ours: Value, theirs: Value) -> bool {
    let name = String::from_utf8_lossy(&words[0]).to_lowercase();
    if UNORDERED.contains(&name.as_str()) {
        return ours.sorted() == theirs.sorted();
    }
    if TIMES.contains(&name.as_str())
        && let (Some(ours), Some(theirs)) = (ours.integer(), theirs.integer())
    {
        return ours.abs_diff(theirs) < TIME_MAX && (ours < 0) == (theirs < 0);
    }
    if words.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"createconsumer"))
        && let (Some(_), Some(_)) = (ours.integer(), theirs.integer())
    {
        // Who asks for something and gets nothing is a consumer since 7.2.
        return true;
    }
    let is_unbalanced =
        |value: &Value| value.error().is_some_and(|text| text.starts_with(b"ERR Unbalanced"));
    if is_unbalanced(&ours) && is_unbalanced(&theirs) {
        // 7.2 names the command in another way.
        return true;
    }
    // Up to 7.2 what an earlier command left in errno counts as an element that is no number.
    if name.starts_with("sort") && theirs == Value::Line(b'-', NO_NUMBERS.into()) {
        return true;
    }
    // Redis compares texts as C does, up to a NUL; what is equal then comes in any order.
    if name.starts_with("sort") && ours.has_nul() {
        return ours.sorted() == theirs.sorted();
    }
    if name.starts_with('z') || name.starts_with("geo") {
        return ours.by_value() == theirs.by_value();
    }
    ours == theirs
}

const NO_NUMBERS: &str = "ERR One or more scores can't be converted into double";

/// Commands that set deadlines.
const DEADLINES: &[&str] =
    &["expire", "pexpire", "setex", "psetex", "set", "getex", "restore", "expireat", "pexpireat"];

/// Moves near deadlines far away: the core's clock stands still, and a key must not expire on one
/// side only.
pub fn postpone(words: &mut Words) {
    let name = String::from_utf8_lossy(&words[0]).to_lowercase();
    if !DEADLINES.contains(&name.as_str()) {
        return;
    }
    for word in words.iter_mut().skip(2) {
        let number = std::str::from_utf8(word).ok().and_then(|text| text.parse::<i64>().ok());
        if let Some(number) = number.filter(|number| (1..1_000_000).contains(number)) {
            *word = (number + 1_000_000).to_string().into_bytes();
        }
    }
}

/// Words of commands that servers before these versions do not know, and call a syntax error.
pub const NEWER: &[(&str, &str, &str)] = &[
    ("bitop", "diff", "8.2"),
    ("bitop", "diff1", "8.2"),
    ("bitop", "andor", "8.2"),
    ("bitop", "one", "8.2"),
    ("set", "ifeq", "8.4, and Valkey 8.1"),
    ("hscan", "novalues", "7.4"),
    ("lpos", "-9223372036854775808", "7.2, which finds it out of range; before, it overflowed"),
];

/// Commands that servers before 7.2 call with the wrong number of arguments when they have more
/// words than these.
const LONGER: &[(&str, usize)] = &[("zrank", 3), ("zrevrank", 3)];

/// Whether a command is left out.
#[must_use]
pub fn is_left_out(words: &Words) -> bool {
    let Some(name) = words.first() else { return true };
    let is = |word: &[u8], text: &str| word.eq_ignore_ascii_case(text.as_bytes());
    let is_newer = NEWER
        .iter()
        .any(|(command, newer, _)| is(name, command) && words.iter().any(|word| is(word, newer)));
    // Of members with different scores a range of names is what a random skip list makes of it.
    let is_by_name = words.iter().any(|word| word.to_ascii_lowercase().ends_with(b"bylex"));
    let is_by_name = is_by_name || is(name, "zlexcount");
    let is_longer = LONGER.iter().any(|(command, most)| is(name, command) && words.len() > *most);
    let says = |option: &str| words.iter().any(|word| is(word, option));
    // Elements of equal weights come in any order; see `NO_NUMBERS` for what is not stored then.
    let is_open = is(name, "sort") && (says("by") && says("alpha") || says("store"))
        || is(name, "sort_ro") && says("by") && says("alpha");
    is_open
        || is_newer
        || is_longer
        || is_by_name
        || is_of_time(words)
        || LEFT_OUT.iter().any(|(left_out, _)| is(name, left_out))
}
