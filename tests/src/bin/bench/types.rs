//! Data types: CPU of their commands, memory of their elements, times of large operations.

use std::io;

use crate::Options;
use crate::client::{Client, encode};
use crate::figures::{Better, Row, median, table};
use crate::load::{Case, cpu_and_rate};
use crate::server::Server;
use crate::single::{names, timed};

const CASES: &[Case] = &[
    ("LPUSH p16", 16, 1_000_000, &["lpush", "l:__rand_int__", "xxxxxxxx"]),
    ("RPOP p16", 16, 1_000_000, &["rpop", "l:__rand_int__"]),
    ("HSET p16", 16, 1_000_000, &["hset", "h:__rand_int__", "f__rand_int__", "v"]),
    ("HGET p16", 16, 1_000_000, &["hget", "h:__rand_int__", "f000000000001"]),
    ("SADD p16", 16, 1_000_000, &["sadd", "s", "m__rand_int__"]),
    ("SISMEMBER p16", 16, 1_000_000, &["sismember", "s", "m__rand_int__"]),
    ("ZADD p16", 16, 1_000_000, &["zadd", "z", "__rand_int__", "m__rand_int__"]),
    ("ZRANK p16", 16, 1_000_000, &["zrank", "z", "m__rand_int__"]),
    ("ZRANGE of 10 p16", 16, 300_000, &["zrange", "z", "100", "109"]),
    ("ZREM p16", 16, 1_000_000, &["zrem", "z", "m__rand_int__"]),
    ("XADD p16", 16, 1_000_000, &["xadd", "x", "*", "field", "v__rand_int__"]),
    (
        "XREADGROUP p16",
        16,
        300_000,
        &["xreadgroup", "group", "g", "c", "count", "1", "streams", "x", ">"],
    ),
    ("LRANGE of 100 p1", 1, 60_000, &["lrange", "long", "0", "99"]),
    ("ZRANGE of 100 p1", 1, 60_000, &["zrange", "z", "0", "99"]),
];

/// Server CPU time a request, memory an element, and how long large operations take.
pub(crate) fn types(options: &Options) -> io::Result<()> {
    requests(options)?;
    memory(options)?;
    large(options)
}

fn requests(options: &Options) -> io::Result<()> {
    let servers: Vec<Server> =
        options.servers.iter().map(Server::start).collect::<Result<_, _>>()?;
    for server in &servers {
        let mut client = server.client()?;
        client.pour(600, |number, out| encode(out, &["RPUSH", "long", &format!("v{number}")]))?;
        // A server may lack streams: its cells stay empty then.
        let _missing = client.call(&["XGROUP", "CREATE", "x", "g", "0", "MKSTREAM"]);
    }
    let rounds = if options.quick { 3 } else { 5 };
    let (cpu, rate) = cpu_and_rate(options, &servers, CASES, rounds, refill)?;
    table("Server CPU time, types", "ns per request", Better::Lower, &names(options), &cpu);
    table("Throughput, types", "requests/s", Better::Higher, &names(options), &rate);
    Ok(())
}

/// Fills what a case is about to take out, so that no round finds less than the first.
fn refill(server: &Server, label: &str) -> io::Result<()> {
    const MEMBERS: usize = 1_000_000;
    if label != "ZREM p16" {
        return Ok(());
    }
    server.client()?.pour(MEMBERS, |number, out| {
        let score = (number * 7919 % MEMBERS).to_string();
        encode(out, &["ZADD", "z", &score, &format!("m{number:012}")]);
    })
}

/// A kind of element: label, how many of the whole, and the command for one.
type Kind = (&'static str, usize, fn(usize, &mut Vec<u8>));

const KINDS: &[Kind] = &[
    ("hash of 5 fields", 4, |number, out| {
        let key = format!("h{number:010}");
        let mut words = vec!["HSET", &key];
        words.extend(["field0", "value0", "field1", "value1", "field2", "value2"]);
        words.extend(["field3", "value3", "field4", "value4"]);
        encode(out, &words);
    }),
    ("one sorted set", 2, |number, out| {
        encode(out, &["ZADD", "z", &number.to_string(), &format!("member{number:010}")]);
    }),
    ("one set", 2, |number, out| encode(out, &["SADD", "s", &format!("member{number:010}")])),
    ("one list", 2, |number, out| encode(out, &["RPUSH", "l", &format!("element{number:010}")])),
    ("one hash", 2, |number, out| {
        encode(out, &["HSET", "h", &format!("field{number:010}"), &format!("value{number:010}")]);
    }),
    ("one stream", 2, |number, out| {
        let id = format!("{}-1", 1_700_000_000_000 + number);
        encode(out, &["XADD", "x", &id, "field", &format!("value{number:010}")]);
    }),
];

/// Bytes of resident memory an element, or a key.
fn memory(options: &Options) -> io::Result<()> {
    let most = if options.quick { 1_000_000 } else { 3_000_000 };
    let mut rows: Vec<Row> = Vec::new();
    for &(label, share, command) in KINDS {
        let mut cells = Vec::new();
        for spec in &options.servers {
            let server = Server::start(spec)?;
            let base = server.rss_bytes();
            let count = most / share;
            cells.push(match pour_any(&mut server.client()?, count, label, command) {
                Ok(()) => Some((server.rss_bytes() - base) as f64 / count as f64),
                Err(_) => None,
            });
        }
        rows.push((format!("{label}, {}", most / share), cells));
    }
    table("Memory, types", "bytes of RSS an element", Better::Lower, &names(options), &rows);
    Ok(())
}

/// As [`Client::pour`]; XADD answers with two lines.
fn pour_any(
    client: &mut Client,
    count: usize,
    label: &str,
    command: fn(usize, &mut Vec<u8>),
) -> io::Result<()> {
    if !label.ends_with("stream") {
        return client.pour(count, command);
    }
    let mut batch = Vec::new();
    for first in (0..count).step_by(1000) {
        batch.clear();
        let size = 1000.min(count - first);
        (first..first + size).for_each(|number| command(number, &mut batch));
        client.send(&batch)?;
        client.skip_lines(size * 2)?;
    }
    Ok(())
}

const LARGE: [&str; 6] = [
    "SINTERCARD of two sets of 100,000, ms",
    "SINTERSTORE of the same, ms",
    "ZUNIONSTORE of two sorted sets of 100,000, ms",
    "SORT of a list of 100,000 numbers, ms",
    "DEL of a set of a million, ms",
    "longest HSET into a hash of a million during BGSAVE, ms",
];

/// Times of operations on large aggregates.
fn large(options: &Options) -> io::Result<()> {
    let mut rows: Vec<Row> = LARGE.map(|case| (case.to_string(), Vec::new())).into();
    for spec in &options.servers {
        let server = Server::start(spec)?;
        let figures = large_of(&mut server.client()?).ok();
        for (at, (_, cells)) in rows.iter_mut().enumerate() {
            cells.push(figures.map(|figures| figures[at]));
        }
    }
    table("Large aggregates", "as named", Better::Lower, &names(options), &rows);
    Ok(())
}

fn large_of(client: &mut Client) -> io::Result<[f64; 6]> {
    const COUNT: usize = 100_000;
    client.pour(COUNT, |number, out| encode(out, &["SADD", "s1", &format!("m{number}")]))?;
    client.pour(COUNT, |number, out| {
        encode(out, &["SADD", "s2", &format!("m{}", number + COUNT / 2)]);
    })?;
    for (key, from) in [("z1", 0), ("z2", COUNT / 2)] {
        client.pour(COUNT, |number, out| {
            let score = (number * 7919 % COUNT).to_string();
            encode(out, &["ZADD", key, &score, &format!("m{}", number + from)]);
        })?;
    }
    client.pour(COUNT, |number, out| {
        encode(out, &["RPUSH", "numbers", &(number * 7919 % COUNT).to_string()]);
    })?;
    let mut times = [0.0; 6];
    let timings: [&[&str]; 4] = [
        &["SINTERCARD", "2", "s1", "s2"],
        &["SINTERSTORE", "s3", "2", "s1", "s2"],
        &["ZUNIONSTORE", "z3", "2", "z1", "z2"],
        &["SORT", "numbers", "LIMIT", "0", "10"],
    ];
    for (time, words) in times.iter_mut().zip(timings) {
        let words: Vec<&str> = if words[0] == "SINTERSTORE" {
            [&words[..2], &words[3..]].concat()
        } else {
            words.into()
        };
        let mut rounds = Vec::new();
        for _ in 0..5 {
            rounds.push(timed(|| client.call(&words))?);
        }
        *time = median(&mut rounds).unwrap_or_default();
    }
    client.pour(1_000_000, |number, out| encode(out, &["SADD", "big", &format!("m{number}")]))?;
    times[4] = timed(|| client.call(&["DEL", "big"]))?;
    times[5] = longest_hset(client)?;
    Ok(times)
}

/// The longest of some thousand HSETs into a large hash while it is saved.
fn longest_hset(client: &mut Client) -> io::Result<f64> {
    client.pour(1_000_000, |number, out| {
        encode(out, &["HSET", "hash", &format!("f{number}"), "value"]);
    })?;
    client.call(&["BGSAVE"])?;
    let mut longest: f64 = 0.0;
    for number in 0..20_000 {
        let field = format!("f{}", number * 7919 % 1_000_000);
        longest = longest.max(timed(|| client.call(&["HSET", "hash", &field, "other"]))?);
    }
    Ok(longest)
}
