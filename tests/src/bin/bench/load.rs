//! Throughput and memory: many requests, many keys.

use std::io;
use std::process::{Command, Stdio};

use crate::Options;
use crate::figures::{Better, Row, median, table};
use crate::server::Server;
use crate::single::names;

/// A case of the throughput table: label, pipeline depth, requests, command.
pub(crate) type Case = (&'static str, u32, u32, &'static [&'static str]);

const KEY: &str = "k:__rand_int__";
const VALUE: &str = "xxxxxxxxxxxxxxxx";

const CASES: &[Case] = &[
    ("PING p1", 1, 100_000, &["ping"]),
    ("SET p1", 1, 100_000, &["set", KEY, VALUE]),
    ("GET p1", 1, 100_000, &["get", KEY]),
    ("SET p16", 16, 1_000_000, &["set", KEY, VALUE]),
    ("GET p16", 16, 1_000_000, &["get", KEY]),
    ("INCR p16", 16, 1_000_000, &["incr", "c:__rand_int__"]),
    ("SET EX p16", 16, 1_000_000, &["set", KEY, VALUE, "ex", "100"]),
    (
        "MSET of 10 p16",
        16,
        200_000,
        &[
            "mset",
            "m0:__rand_int__",
            "v",
            "m1:__rand_int__",
            "v",
            "m2:__rand_int__",
            "v",
            "m3:__rand_int__",
            "v",
            "m4:__rand_int__",
            "v",
            "m5:__rand_int__",
            "v",
            "m6:__rand_int__",
            "v",
            "m7:__rand_int__",
            "v",
            "m8:__rand_int__",
            "v",
            "m9:__rand_int__",
            "v",
        ],
    ),
    ("SET p100", 100, 2_000_000, &["set", KEY, VALUE]),
    ("GET p100", 100, 2_000_000, &["get", KEY]),
    ("PUBLISH p16", 16, 1_000_000, &["publish", "ch", "hello"]),
];

/// Server CPU time a request, and requests per second.
pub(crate) fn throughput(options: &Options) -> io::Result<()> {
    let servers: Vec<Server> =
        options.servers.iter().map(Server::start).collect::<Result<_, _>>()?;
    let rounds = if options.quick { 3 } else { 7 };
    let (cpu, rate) = cpu_and_rate(options, &servers, CASES, rounds, |_, _| Ok(()))?;
    let names = names(options);
    table("Server CPU time", "ns per request", Better::Lower, &names, &cpu);
    table("Throughput", "requests/s of a client on one core", Better::Higher, &names, &rate);
    Ok(())
}

/// Medians over rounds in which all servers take turns: CPU time a request in ns, and requests
/// per second. `prepare` is called with the label of a case before each run.
pub(crate) fn cpu_and_rate(
    options: &Options,
    servers: &[Server],
    cases: &[Case],
    rounds: usize,
    prepare: impl Fn(&Server, &str) -> io::Result<()>,
) -> io::Result<(Vec<Row>, Vec<Row>)> {
    let (mut cpu_rows, mut rate_rows) = (Vec::new(), Vec::new());
    for &(label, pipeline, requests, command) in cases {
        let requests = if options.quick { requests / 3 } else { requests };
        let mut cells = vec![(Vec::<f64>::new(), Vec::<f64>::new()); servers.len()];
        for _ in 0..rounds {
            for (server, (cpu, rate)) in servers.iter().zip(&mut cells) {
                prepare(server, label)?;
                let before = server.cpu_ns();
                if let Some(run) = redis_benchmark(server, 50, pipeline, requests, command)? {
                    cpu.push((server.cpu_ns() - before) as f64 / f64::from(requests));
                    rate.push(run.per_second);
                }
            }
        }
        cpu_rows.push((label.to_string(), cells.iter_mut().map(|(cpu, _)| median(cpu)).collect()));
        rate_rows
            .push((label.to_string(), cells.iter_mut().map(|(_, rate)| median(rate)).collect()));
        eprintln!("{label} done");
    }
    Ok((cpu_rows, rate_rows))
}

/// What `redis-benchmark` says of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) per_second: f64,
    pub(crate) p99_ms: f64,
    pub(crate) longest_ms: f64,
}

/// Runs `redis-benchmark` on CPU 1; nothing when the server lacks the command.
pub(crate) fn redis_benchmark(
    server: &Server,
    clients: u32,
    pipeline: u32,
    requests: u32,
    command: &[&str],
) -> io::Result<Option<Run>> {
    let output = Command::new("taskset")
        .args(["-c", "1", "redis-benchmark", "--csv", "-r", "1000000"])
        .args(["-c", &clients.to_string(), "-P", &pipeline.to_string()])
        .args(["-p", &server.port.to_string(), "-n", &requests.to_string()])
        .args(command)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    Ok(run_of(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads the last line of the CSV: test, requests a second, then average, least, p50, p95, p99 and
/// most milliseconds.
fn run_of(csv: &str) -> Option<Run> {
    let last = csv.lines().rfind(|line| line.starts_with('"'))?;
    let numbers: Vec<f64> =
        last.split(',').filter_map(|cell| cell.trim_matches('"').parse().ok()).collect();
    let [per_second, .., p99_ms, longest_ms] = numbers[..] else { return None };
    Some(Run { per_second, p99_ms, longest_ms })
}

/// Bytes of resident memory a key, at several sizes since tables grow in steps.
pub(crate) fn memory(options: &Options) -> io::Result<()> {
    let most = if options.quick { 1_000_000 } else { 3_000_000 };
    let kinds: [(&str, &str); 3] = [
        ("string 16 B / 16 B", "*3\r\n$3\r\nSET\r\n$16\r\nk{}\r\n$16\r\nxxxxxxxxxxxxxxxx\r\n"),
        (
            "string 16 B / 16 B with TTL",
            "*5\r\n$3\r\nSET\r\n$16\r\nk{}\r\n$16\r\nxxxxxxxxxxxxxxxx\r\n\
             $2\r\nEX\r\n$5\r\n99999\r\n",
        ),
        ("integer of 8 digits", "*3\r\n$3\r\nSET\r\n$16\r\nk{}\r\n$8\r\n12345678\r\n"),
    ];
    let sizes = [most * 2 / 5, most * 7 / 10, most];
    let mut rows: Vec<Row> = Vec::new();
    for (kind, form) in kinds {
        let first = rows.len();
        rows.extend(sizes.map(|size| (format!("{kind}, {size} keys"), Vec::new())));
        for spec in &options.servers {
            let server = Server::start(spec)?;
            let (base, mut client, mut from) = (server.rss_bytes(), server.client()?, 0);
            for (row, size) in sizes.iter().enumerate() {
                client.pour(size - from, |number, out| {
                    let key = format!("{:015}", from + number);
                    out.extend(form.replace("{}", &key).bytes());
                })?;
                from = *size;
                let bytes = (server.rss_bytes() - base) as f64 / *size as f64;
                rows[first + row].1.push(Some(bytes));
            }
        }
    }
    let names: Vec<String> = options.servers.iter().map(|spec| spec.name.clone()).collect();
    table("Memory", "bytes of RSS a key", Better::Lower, &names, &rows);
    Ok(())
}
