//! Lateness of expiry, pauses, idle connections and large replies.

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::Options;
use crate::client::{Client, encode};
use crate::figures::{Better, Row, quantile, table};
use crate::server::{Server, Spec};

pub(crate) fn names(options: &Options) -> Vec<String> {
    options.servers.iter().map(|spec| spec.name.clone()).collect()
}

fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// How late `expired` events come for 1000 keys of one deadline beside others with later ones.
pub(crate) fn expiry(options: &Options) -> io::Result<()> {
    let others =
        if options.quick { vec![0, 10_000, 100_000] } else { vec![0, 10_000, 100_000, 1_000_000] };
    let mut rows = Vec::new();
    for count in others {
        let mut cells: [Vec<Option<f64>>; 3] = Default::default();
        for spec in &options.servers {
            let mut lags = lags(spec, count)?;
            let missing = PROBES - lags.len();
            cells[0].push(quantile(&mut lags, 0.5));
            cells[1].push(quantile(&mut lags, 0.99));
            cells[2].push(Some(missing as f64));
        }
        let [p50, p99, missing] = cells;
        rows.push((format!("p50 beside {count} other keys"), p50));
        rows.push((format!("p99 beside {count} other keys"), p99));
        rows.push((format!("not expired within 30 s beside {count}"), missing));
    }
    table("Lateness of expiry", "ms, and keys of 1000", Better::Lower, &names(options), &rows);
    Ok(())
}

const PROBES: usize = 1000;

fn lags(spec: &Spec, others: usize) -> io::Result<Vec<f64>> {
    let server = Server::start(spec)?;
    let mut client = server.client()?;
    client.call(&["CONFIG", "SET", "notify-keyspace-events", "Ex"])?;
    let mut listener = server.client()?;
    listener.call(&["SUBSCRIBE", "__keyevent@0__:expired"])?;
    let now = wall_ms();
    client.pour(others, |number, out| {
        let at = (now + 3_600_000 + number as u64).to_string();
        encode(out, &["SET", &format!("other:{number}"), "v", "PXAT", &at]);
    })?;
    let deadline = wall_ms() + 1500;
    client.pour(PROBES, |number, out| {
        encode(out, &["SET", &format!("probe:{number}"), "v", "PXAT", &deadline.to_string()]);
    })?;
    let mut lags = Vec::new();
    let end = Instant::now() + Duration::from_millis(31_500);
    while lags.len() < PROBES && Instant::now() < end {
        // The client's own time limit is longer: stock servers may never send the rest.
        match listener.receive_before(end) {
            Ok(_) => lags.push(wall_ms().saturating_sub(deadline) as f64),
            Err(_) => break,
        }
    }
    Ok(lags)
}

/// Times of single requests while another client inserts five million keys.
pub(crate) fn pauses(options: &Options) -> io::Result<()> {
    let keys = if options.quick { 1_000_000 } else { 5_000_000 };
    let mut rows = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("longest", 1.0)]
        .map(|(name, of)| (name.to_string(), of, Vec::new()));
    for spec in &options.servers {
        let server = Server::start(spec)?;
        let mut times = pings_while(&server, keys)?;
        for (_, of, cells) in &mut rows {
            cells.push(quantile(&mut times, *of));
        }
    }
    let rows: Vec<_> = rows.into_iter().map(|(name, _, cells)| (name, cells)).collect();
    let title = format!("PING while {keys} keys are inserted, pipeline 100");
    table(&title, "ms", Better::Lower, &names(options), &rows);
    Ok(())
}

fn pings_while(server: &Server, keys: usize) -> io::Result<Vec<f64>> {
    let mut writer = server.client()?;
    let mut pinger = server.client()?;
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || {
            let mut batch = Vec::new();
            for first in (0..keys).step_by(100) {
                batch.clear();
                for number in first..first + 100 {
                    encode(&mut batch, &["SET", &format!("k{number:015}"), "xxxxxxxxxxxxxxxx"]);
                }
                writer.send(&batch)?;
                writer.skip_lines(100)?;
            }
            io::Result::Ok(())
        });
        let mut times = Vec::new();
        while !writing.is_finished() {
            let start = Instant::now();
            pinger.call(&["PING"])?;
            times.push(start.elapsed().as_secs_f64() * 1000.0);
            std::thread::sleep(Duration::from_micros(200));
        }
        writing.join().map_err(|_| io::Error::other("the writer panicked"))??;
        Ok(times)
    })
}

/// Resident memory of idle connections that have each made a request.
pub(crate) fn connections(options: &Options) -> io::Result<()> {
    let count = if options.quick { 1000 } else { 10_000 };
    let mut cells = Vec::new();
    for spec in &options.servers {
        let server = Server::start(spec)?;
        let base = server.rss_bytes();
        let mut idle = Vec::new();
        for _ in 0..count {
            let mut client = Client::connect(server.port)?;
            client.call(&["PING"])?;
            idle.push(client);
        }
        std::thread::sleep(Duration::from_secs(2));
        cells.push(Some((server.rss_bytes() - base) as f64 / f64::from(count)));
    }
    let rows = [(format!("{count} idle connections"), cells)];
    table("Idle connections", "bytes of RSS each", Better::Lower, &names(options), &rows);
    Ok(())
}

/// Large values, KEYS on many keys, FLUSHALL ASYNC.
pub(crate) fn large(options: &Options) -> io::Result<()> {
    let keys = if options.quick { 200_000 } else { 1_000_000 };
    let mut rows: Vec<Row> =
        ["SET of 64 MB, ms", "GET of 64 MB, ms"].map(|case| (case.to_string(), Vec::new())).into();
    rows.push((format!("KEYS * of {keys} keys, ms"), Vec::new()));
    rows.push(("RSS after it over before".into(), Vec::new()));
    rows.push(("FLUSHALL ASYNC, ms".into(), Vec::new()));
    rows.push(("RSS after it over full".into(), Vec::new()));
    for spec in &options.servers {
        let server = Server::start(spec)?;
        for ((_, cells), value) in rows.iter_mut().zip(large_of(&server, keys)?) {
            cells.push(Some(value));
        }
    }
    table("Large values and replies", "as named", Better::Lower, &names(options), &rows);
    Ok(())
}

fn large_of(server: &Server, keys: usize) -> io::Result<[f64; 6]> {
    let mut client = server.client()?;
    let value = "v".repeat(64 << 20);
    let set = timed(|| client.call(&["SET", "large", &value]))?;
    let get = timed(|| client.call(&["GET", "large"]))?;
    client.call(&["DEL", "large"])?;
    client.pour(keys, |number, out| encode(out, &["SET", &format!("k{number:015}"), "v"]))?;
    let full = server.rss_bytes() as f64;
    let walk = timed(|| client.call(&["KEYS", "*"]))?;
    std::thread::sleep(Duration::from_secs(1));
    let after_walk = server.rss_bytes() as f64;
    let flush = timed(|| client.call(&["FLUSHALL", "ASYNC"]))?;
    std::thread::sleep(Duration::from_secs(3));
    Ok([set, get, walk, after_walk / full, flush, server.rss_bytes() as f64 / full])
}

pub(crate) fn timed(work: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}
