//! The append-only file, saving while clients write, and restarts.
//!
//! A save is watched from outside: memory is that of the process and of any child it forked, what
//! they share counted once; a save has ended when LASTSAVE has moved.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Options;
use crate::client::encode;
use crate::figures::{Better, Row, median, table};
use crate::load::{Run, redis_benchmark};
use crate::server::Server;
use crate::single::names;

const SET: [&str; 3] = ["set", "k:__rand_int__", "xxxxxxxxxxxxxxxx"];

/// Policy, pipeline and requests of the cases.
const CASES: [(&str, u32, u32); 4] = [
    ("everysec", 1, 100_000),
    ("everysec", 16, 1_000_000),
    ("always", 1, 60_000),
    ("always", 16, 300_000),
];

/// SETs with an append-only file.
pub(crate) fn aof(options: &Options) -> io::Result<()> {
    let rounds = if options.quick { 3 } else { 5 };
    let mut tables: [Vec<Row>; 4] = Default::default();
    for (policy, pipeline, requests) in CASES {
        // Without rewrites, since the sizes of the files are compared.
        let rewrites = "--auto-aof-rewrite-percentage";
        let arguments =
            ["--appendonly", "yes", "--save", "", rewrites, "0", "--appendfsync", policy];
        let start = |spec| Server::start_with(spec, &arguments);
        let servers: Vec<Server> = options.servers.iter().map(start).collect::<Result<_, _>>()?;
        let mut figures = vec![[const { Vec::new() }; 4]; servers.len()];
        for _ in 0..rounds {
            for (server, figures) in servers.iter().zip(&mut figures) {
                let (cpu, disk) = (server.cpu_ns(), server.disk_bytes());
                let Some(run) = redis_benchmark(server, 50, pipeline, requests, &SET)? else {
                    continue;
                };
                figures[0].push((server.cpu_ns() - cpu) as f64 / f64::from(requests));
                figures[1].push(run.p99_ms);
                figures[2].push(run.per_second);
                figures[3].push(server.disk_bytes().saturating_sub(disk) as f64);
            }
        }
        for (at, rows) in tables.iter_mut().enumerate() {
            let cells = figures.iter_mut().map(|figures| median(&mut figures[at])).collect();
            rows.push((format!("SET, {policy}, pipeline {pipeline}"), cells));
        }
        eprintln!("{policy} p{pipeline} done");
    }
    let titles = [
        ("Append-only file: server CPU time", "ns per request", Better::Lower),
        ("Append-only file: p99", "ms", Better::Lower),
        ("Append-only file: throughput", "requests/s", Better::Higher),
        ("Append-only file: size", "bytes a round", Better::Lower),
    ];
    for ((title, unit, better), rows) in titles.into_iter().zip(tables) {
        table(title, unit, better, &names(options), &rows);
    }
    Ok(())
}

fn fill(server: &Server, keys: usize) -> io::Result<()> {
    server.client()?.pour(keys, |number, out| {
        encode(out, &["SET", &format!("k:{number:012}"), "xxxxxxxxxxxxxxxx"]);
    })
}

/// BGSAVE while twenty clients write.
pub(crate) fn save(options: &Options) -> io::Result<()> {
    let keys = if options.quick { 1_000_000 } else { 5_000_000 };
    let mut rows: Vec<Row> = [
        "p99 without, ms",
        "p99 during, ms",
        "longest without, ms",
        "longest during, ms",
        "duration, s",
        "peak memory over before",
    ]
    .map(|case| (case.to_string(), Vec::new()))
    .into();
    let mut rates: Vec<Row> = vec![("requests/s during over without".into(), Vec::new())];
    for spec in &options.servers {
        let server = Server::start(spec)?;
        server.client()?.call(&["CONFIG", "SET", "save", ""])?;
        fill(&server, keys)?;
        let without = together(&load_until(&server, |runs| runs == 8)?);
        let Saved { during, seconds, growth } = saved_under_load(&server)?;
        let cells =
            [without.p99_ms, during.p99_ms, without.longest_ms, during.longest_ms, seconds, growth];
        for ((_, row), cell) in rows.iter_mut().zip(cells) {
            row.push(Some(cell));
        }
        rates[0].1.push(Some(during.per_second / without.per_second));
        eprintln!("{} done", spec.name);
    }
    let title = format!("BGSAVE of {keys} keys while twenty clients write");
    table(&title, "as named", Better::Lower, &names(options), &rows);
    table(&title, "as named", Better::Higher, &names(options), &rates);
    Ok(())
}

struct Saved {
    during: Run,
    seconds: f64,
    /// Most memory, over that before.
    growth: f64,
}

/// Saves once while clients write all the time that it takes, and no longer.
fn saved_under_load(server: &Server) -> io::Result<Saved> {
    let before = server.memory_bytes() as f64;
    let (is_saved, mut peak) = (AtomicBool::new(false), before);
    let mut client = server.client()?;
    let last = client.call(&["LASTSAVE"])?;
    // LASTSAVE counts seconds: the save must not end in the one of the save before.
    std::thread::sleep(Duration::from_millis(1100));
    std::thread::scope(|scope| {
        let start = Instant::now();
        client.call(&["BGSAVE"])?;
        let load =
            scope.spawn(|| load_until(server, |runs| runs > 0 && is_saved.load(Ordering::Relaxed)));
        while client.call(&["LASTSAVE"])? == last && start.elapsed() < Duration::from_secs(300) {
            peak = server.memory_bytes().max(peak as u64) as f64;
            std::thread::sleep(Duration::from_millis(20));
        }
        let seconds = start.elapsed().as_secs_f64();
        is_saved.store(true, Ordering::Relaxed);
        let runs = load.join().map_err(|_| io::Error::other("the load panicked"))??;
        Ok(Saved { during: together(&runs), seconds, growth: peak / before })
    })
}

/// Twenty clients write in short runs, until so many runs are enough.
fn load_until(server: &Server, is_enough: impl Fn(usize) -> bool) -> io::Result<Vec<Run>> {
    let mut runs = Vec::new();
    while !is_enough(runs.len()) {
        match redis_benchmark(server, 20, 1, 30_000, &SET)? {
            Some(run) => runs.push(run),
            None => return Err(io::Error::other("redis-benchmark tells no figures")),
        }
    }
    Ok(runs)
}

/// One figure for several runs in a row: the mean rate, the worst of the rest.
fn together(runs: &[Run]) -> Run {
    let most = |of: fn(&Run) -> f64| runs.iter().map(of).fold(0.0, f64::max);
    let count = runs.len() as f64;
    Run {
        per_second: count / runs.iter().map(|run| 1.0 / run.per_second).sum::<f64>(),
        p99_ms: most(|run| run.p99_ms),
        longest_ms: most(|run| run.longest_ms),
    }
}

/// Time from the start of the process until all keys are there.
pub(crate) fn restart(options: &Options) -> io::Result<()> {
    let keys = if options.quick { 1_000_000 } else { 3_000_000 };
    let rounds = if options.quick { 1 } else { 3 };
    let mut rows: Vec<Row> = Vec::new();
    let forms = [
        ("from an RDB file", ["--save", "", "--appendonly", "no"]),
        ("from an append-only file", ["--save", "", "--appendonly", "yes"]),
    ];
    for (case, arguments) in forms {
        let mut cells = Vec::new();
        for spec in &options.servers {
            let mut server = Server::start_with(spec, &arguments)?;
            fill(&server, keys)?;
            if arguments[3] == "no" {
                server.client()?.call(&["SAVE"])?;
            } else {
                // Every policy has synced by then.
                std::thread::sleep(Duration::from_millis(2500));
            }
            let mut times = Vec::new();
            for _ in 0..rounds {
                let start = Instant::now();
                server = server.restart(spec, &arguments)?;
                wait_for(&server, keys)?;
                times.push(start.elapsed().as_secs_f64());
            }
            cells.push(median(&mut times));
        }
        rows.push((format!("{keys} keys {case}"), cells));
    }
    table("Restart after kill -9", "s", Better::Lower, &names(options), &rows);
    Ok(())
}

/// Waits until all keys are there.
fn wait_for(server: &Server, keys: usize) -> io::Result<()> {
    let all = format!(":{keys}\r\n");
    let mut client = server.client()?;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(120) {
        // An error says that the server is loading.
        if client.call(&["DBSIZE"]).is_ok_and(|reply| reply == all.as_bytes()) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(io::Error::other(format!("{} has not all keys after two minutes", server.name)))
}
