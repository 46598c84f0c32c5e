//! Random commands, answered by the core and by redis-server: the answers must be the same.
//!
//! Transcripts hold what somebody thought of; this finds what nobody did. Each seed is a stream of
//! commands made from the command table, sent in one piece to both. What differs is shrunk to the
//! few commands that matter and printed as a transcript, ready to be kept as one.
//! `DIFFERENTIAL_SEEDS=1000` looks longer, `DIFFERENTIAL_FIRST=17` elsewhere.

use seedis_sim::differential::loose;
use seedis_sim::differential::value::Value;
use seedis_tests::generate::Generator;
use seedis_tests::in_process::InProcess;
use seedis_tests::peer::command_info;
use seedis_tests::play::{Heard, Patience, Target};
use seedis_tests::process::{Server, not_run, tool};
use seedis_tests::render;
use seedis_tests::resp::{Kind, Reply};
use seedis_tests::tcp::{Connection, Cut, Tcp};
use seedis_tests::words;
use std::time::{SystemTime, UNIX_EPOCH};

/// Commands of one stream.
const LENGTH: usize = 400;

/// Commands that the simulator's comparison leaves out and this one does not.
const COMPARED: &[&str] = &["multi", "exec", "discard", "watch", "object"];

/// Commands, and beginnings of names, that only this one leaves out: they are about connections and
/// the server rather than data, or block.
const LEFT_OUT_STARTS: &[&str] = &[
    "pfselftest",
    "swapdb",
    "script|",
    "function|",
    "xread",
    "eval",
    "fcall",
    "object|freq",
    "object|refcount",
    "object|idletime",
    "object|help",
    "xgroup|help",
    "select",
    "move",
];

/// Whether answers to a command are not compared at all.
fn is_left_out(name: &str) -> bool {
    let container = name.split('|').next().unwrap_or(name);
    let is_loose = loose::LEFT_OUT.iter().any(|(name, _)| *name == container);
    is_loose && !COMPARED.contains(&container)
        || LEFT_OUT_STARTS.iter().any(|start| name.starts_with(start))
}

/// Commands that got options after 7.0 where they had none: there more words than so many are too
/// many, here they are an option or a mistake.
const LONGER: &[(&[u8], usize)] = &[(b"zrank", 3), (b"zrevrank", 3)];

type Words = Vec<Vec<u8>>;

/// Whether the answer of a command of streams tells the time, or may come later.
fn is_about_time(words: &Words) -> bool {
    let is = |name: &[u8]| words[0].eq_ignore_ascii_case(name);
    let has = |what: &[u8]| words.iter().any(|word| word.eq_ignore_ascii_case(what));
    is(b"xadd") && has(b"*")
        || is(b"xpending") && words.len() > 3
        || (is(b"xread") || is(b"xreadgroup")) && has(b"block")
}

/// Whether versions differ about what a command means or refuses.
fn is_newer(words: &Words) -> bool {
    let is = |name: &[u8]| words[0].eq_ignore_ascii_case(name);
    // Since 7.2 that is out of range; before, the minus sign overflowed.
    let is_overflow = is(b"lpos") && words.contains(&b"-9223372036854775808".to_vec());
    // Since 7.2 what was deleted counts, and who claims is made a consumer.
    let is_of_streams = is(b"xsetid") || is(b"xclaim") || is(b"xautoclaim");
    let removes_by_name = is_by_name(words) && (is(b"zremrangebylex") || is(b"zrangestore"));
    // The last bit of a stored distance is the last bit of a sine, which no two libraries share.
    let stores_distance = words.iter().any(|word| word.eq_ignore_ascii_case(b"storedist"));
    // Redis does not fail a transaction that watches what these change.
    let changes_unseen = is(b"pfdebug");
    is_overflow
        || changes_unseen
        || is_of_streams
        || is_about_time(words)
        || stores_distance
        || removes_by_name
        || sorts_by_nothing(words)
        || LONGER.iter().any(|(name, most)| is(name) && words.len() > *most)
}

#[test]
fn random_commands_are_answered_alike() {
    let Some(redis) = tool("redis-server") else { return not_run("redis-server") };
    let peer = Server::start(&redis).expect("redis-server starts");
    let names = commands_of_both(&peer);
    let registry = seedis_core::command::registry();
    let mut differences = Vec::new();
    for seed in seeds() {
        let rows = registry.rows().iter();
        let rows = rows.filter(|row| names.contains(&row.full_name.to_string()));
        let mut generator = Generator::new(seed, rows);
        // Every other stream is of RESP3.
        let mut stream = vec![vec![b"HELLO".to_vec(), (2 + seed % 2).to_string().into_bytes()]];
        let commands = (0..LENGTH).map(|_| generator.command());
        stream.extend(commands.filter(|words| !is_newer(words)));
        // Equal answers on the way may still leave different data.
        stream.push(vec![b"DEBUG".into(), b"DIGEST".into()]);
        // On a busy machine a deadline may pass on one side only: what counts differs again.
        if (0..3).all(|_| differ(&stream, &peer).is_some()) {
            differences.push(format!("# seed {seed}\n{}", explain(&shrink(stream, &peer), &peer)));
        }
        if differences.len() == 3 {
            break;
        }
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

fn seeds() -> std::ops::Range<u64> {
    let variable = |name, default| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let first = variable("DIFFERENTIAL_FIRST", 0);
    first..first + variable("DIFFERENTIAL_SEEDS", 40)
}

fn commands_of_both(peer: &Server) -> Vec<String> {
    let mut connection = Connection::open(peer.port()).expect("it listens");
    let registry = seedis_core::command::registry();
    let names = registry.rows().iter().map(|row| row.full_name.to_string());
    let known: Vec<String> = names
        .filter(|name| !is_left_out(name))
        .filter(|name| command_info(&connection.call(&["COMMAND", "INFO", name])).is_some())
        .collect();
    assert!(known.contains(&"set".to_string()), "hardly a command to compare: {known:?}");
    known
}

/// Whether SORT may leave things as they lie in a hash table: where there is nothing to sort by, or
/// texts that need not be there and may be the same.
fn sorts_by_nothing(words: &Words) -> bool {
    let is = |word: &Vec<u8>, text: &str| word.eq_ignore_ascii_case(text.as_bytes());
    let is_sort = is(&words[0], "sort") || is(&words[0], "sort_ro");
    let by = words.iter().position(|word| is(word, "by"));
    let has_star = by.is_some_and(|at| words.get(at + 1).is_some_and(|by| by.contains(&b'*')));
    let is_alpha = words.iter().any(|word| is(word, "alpha"));
    is_sort && by.is_some() && (is_alpha || !has_star)
}

/// Whether a range of names is asked for. Of members with different scores it may be anything, says
/// Redis, and what it is depends on the random levels of a skip list.
fn is_by_name(words: &Words) -> bool {
    let is_by_name = |word: &Vec<u8>| word.to_ascii_lowercase().ends_with(b"bylex");
    words.iter().any(is_by_name) || words[0].eq_ignore_ascii_case(b"zlexcount")
}

/// The first command that is answered differently, with both answers.
fn differ(stream: &[Words], peer: &Server) -> Option<(usize, String, String)> {
    let mut tcp = Tcp::new(peer.port(), Cut::Whole);
    tcp.send("", b"*1\r\n$8\r\nFLUSHALL\r\n");
    assert!(matches!(tcp.hear("", Patience::Long), Heard::Message(_)), "FLUSHALL is answered");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let mut core = InProcess::at(now.as_micros() as i64, Cut::Whole);
    let bytes: Vec<u8> = stream.iter().flat_map(|words| words::encode(words)).collect();
    core.send("", &bytes);
    tcp.send("", &bytes);
    let mut queued: Vec<&Words> = Vec::new();
    for (index, words) in stream.iter().enumerate() {
        let ours = core.hear("", Patience::Long);
        let theirs = tcp.hear("", Patience::Long);
        let pairs = pairs(words, &mut queued, &ours, &theirs);
        if pairs.iter().any(|(words, ours, theirs)| is_stale(words, ours, theirs)) {
            // One side may have stored what it sorted.
            return None;
        }
        if pairs.iter().any(|(words, ours, theirs)| !is_same(words, ours, theirs)) {
            return Some((index, render_heard(&ours), render_heard(&theirs)));
        }
    }
    None
}

/// What is to be compared: two answers to a command, or those to each that was queued.
fn pairs<'a>(
    words: &'a Words,
    queued: &mut Vec<&'a Words>,
    ours: &Heard,
    theirs: &Heard,
) -> Vec<(&'a Words, Heard, Heard)> {
    let is = |name: &str| words[0].eq_ignore_ascii_case(name.as_bytes());
    let messages = (ours, theirs);
    if is("exec")
        && let (
            Heard::Message(Reply::Sequence(_, ours)),
            Heard::Message(Reply::Sequence(_, theirs)),
        ) = messages
        && ours.len() == theirs.len()
        && ours.len() == queued.len()
    {
        let heard = |reply: &Reply| Heard::Message(reply.clone());
        let replies = ours.iter().zip(theirs).map(|(ours, theirs)| (heard(ours), heard(theirs)));
        let pairs = queued.drain(..).zip(replies);
        return pairs.map(|(words, (ours, theirs))| (words, ours, theirs)).collect();
    }
    match ours {
        Heard::Message(Reply::Simple(text)) if text == b"QUEUED" => queued.push(words),
        // Neither does anything inside of itself, where it is an error.
        Heard::Message(Reply::Simple(_)) if is("multi") || is("discard") => queued.clear(),
        _ if is("exec") => queued.clear(),
        _ => {}
    }
    vec![(words, ours.clone(), theirs.clone())]
}

fn is_same(words: &Words, ours: &Heard, theirs: &Heard) -> bool {
    is_alike(words, ours, theirs)
        || counts_what_is_over(words, ours, theirs)
        || drawn(words, ours) == drawn(words, theirs)
}

/// Whether theirs counts keys whose deadline was in the past when they were set, until somebody
/// looks at them.
fn counts_what_is_over(words: &Words, ours: &Heard, theirs: &Heard) -> bool {
    let count = |heard: &Heard| match heard {
        Heard::Message(Reply::Integer(count)) => Some(*count),
        _ => None,
    };
    let counts = count(ours).zip(count(theirs));
    words[0].eq_ignore_ascii_case(b"dbsize") && counts.is_some_and(|(ours, theirs)| ours < theirs)
}

fn render_heard(heard: &Heard) -> String {
    match heard {
        Heard::Message(reply) => render::lines(reply).join("\n    "),
        other => format!("{other:?}"),
    }
}

/// Whether the simulator's comparison takes two answers for the same.
fn is_alike(words: &Words, ours: &Heard, theirs: &Heard) -> bool {
    match (ours, theirs) {
        (Heard::Message(ours), Heard::Message(theirs)) => {
            loose::is_alike(words, value(ours), value(theirs))
        }
        _ => false,
    }
}

/// A reply as that comparison has it.
fn value(reply: &Reply) -> Value {
    let many =
        |kind, elements: &[Reply]| Value::Many(kind, Some(elements.iter().map(value).collect()));
    match reply {
        Reply::Simple(text) => Value::Line(b'+', text.clone()),
        Reply::Error(text) => Value::Line(b'-', text.clone()),
        Reply::Integer(number) => Value::Line(b':', number.to_string().into()),
        Reply::Bulk(text) => Value::Bulk(b'$', Some(text.clone())),
        Reply::NoBulk => Value::Bulk(b'$', None),
        Reply::NoArray => Value::Many(b'*', None),
        Reply::Null => Value::Line(b'_', Vec::new()),
        Reply::Boolean(is_true) => Value::Line(b'#', if *is_true { b"t" } else { b"f" }.into()),
        Reply::Double(text) => Value::Line(b',', text.clone()),
        Reply::BigNumber(text) => Value::Line(b'(', text.clone()),
        Reply::Verbatim(_, text) => Value::Bulk(b'=', Some(text.clone())),
        Reply::BlobError(text) => Value::Bulk(b'!', Some(text.clone())),
        Reply::Sequence(Kind::Array, elements) => many(b'*', elements),
        Reply::Sequence(Kind::Set, elements) => many(b'~', elements),
        Reply::Sequence(Kind::Push, elements) => many(b'>', elements),
        Reply::Pairs(_, pairs) => {
            let elements: Vec<Reply> =
                pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect();
            many(b'%', &elements)
        }
    }
}

/// Whether SORT complains about a number that was read before: Redis asks the C library whether the
/// last one was out of range, and does not reset the answer first.
fn is_stale(words: &Words, ours: &Heard, theirs: &Heard) -> bool {
    let complains = |heard: &Heard| render_heard(heard).contains("can't be converted into double");
    words[0].to_ascii_lowercase().starts_with(b"sort") && complains(theirs) && !complains(ours)
}

/// An answer with what may differ taken out of it, beside what the simulator lets differ.
fn drawn(words: &Words, heard: &Heard) -> Vec<String> {
    let Heard::Message(reply) = heard else { return vec![format!("{heard:?}")] };
    let name = String::from_utf8_lossy(&words[0]).to_lowercase();
    let mut reply = reply.clone();
    if name == "hello" {
        return Vec::new();
    }
    if is_by_name(words) && !matches!(reply, Reply::Error(_)) {
        return vec!["some members".into()];
    }
    if name == "object" {
        reply = any_encoding(&reply);
    }
    render::lines(&reply)
}

/// How Redis stores a string depends on the command that made it; ours on what it holds. Small sets
/// and lists are listpacks since 7.2, but not the same lists in every version; SORT makes a skip
/// list of a sorted set.
fn any_encoding(reply: &Reply) -> Reply {
    match reply {
        Reply::Bulk(name) if matches!(name.as_slice(), b"int" | b"embstr" | b"raw") => {
            Reply::Bulk(b"int, embstr or raw".to_vec())
        }
        Reply::Bulk(name)
            if matches!(
                name.as_slice(),
                b"listpack" | b"quicklist" | b"hashtable" | b"skiplist"
            ) =>
        {
            Reply::Bulk(b"listpack or what is larger".to_vec())
        }
        other => other.clone(),
    }
}

/// Leaves out commands, more and more finely, as long as something still differs.
fn shrink(mut stream: Vec<Words>, peer: &Server) -> Vec<Words> {
    let mut size = stream.len() / 2;
    while size > 0 {
        if let Some((last, ..)) = differ(&stream, peer) {
            stream.truncate(last + 1);
        }
        let mut at = 0;
        while at < stream.len() {
            let mut fewer = stream.clone();
            fewer.drain(at..(at + size).min(stream.len()));
            if differ(&fewer, peer).is_some() {
                stream = fewer;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    stream
}

fn explain(stream: &[Words], peer: &Server) -> String {
    let quoted =
        |word: &Vec<u8>| format!("\"{}\"", word.escape_ascii().to_string().replace("\\'", "'"));
    let mut text = String::new();
    for words in stream {
        text.push_str(&words.iter().map(quoted).collect::<Vec<_>>().join(" "));
        text.push('\n');
    }
    match differ(stream, peer) {
        Some((_, ours, theirs)) => format!("{text}  ours\n    {ours}\n  theirs\n    {theirs}\n"),
        None => format!("{text}  (does not happen every time)\n"),
    }
}
