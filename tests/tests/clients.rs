//! The programs people point at a Redis server, pointed at ours: redis-py, redis-cli and
//! redis-benchmark, unmodified.
//!
//! They check more than replies: that a handshake, a command table, an INFO section or a
//! configuration value means to them what it means when a stock server sends it.

use seedis_tests::play::Heard;
use seedis_tests::process::{Server, not_run, seedis, tool};
use seedis_tests::resp::Reply;
use seedis_tests::tcp::Connection;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Most programs here end within a second or two.
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn redis_py_over_resp2() {
    redis_py("2");
}

#[test]
fn redis_py_over_resp3() {
    redis_py("3");
}

fn redis_py(protocol: &str) {
    let Some(python) = python_with_redis() else { return not_run("redis-py (pip install redis)") };
    let server = start();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/redis_py.py");
    let port = server.port().to_string();
    let output = run(Command::new(python).arg(script).args([&port, protocol]), b"");
    assert!(text(&output).contains(&format!("RESP{protocol}: ")), "{}", text(&output));
}

/// A Python that can import redis.
fn python_with_redis() -> Option<PathBuf> {
    let python = tool("python3")?;
    let import = Command::new(&python).args(["-c", "import redis"]).output().ok()?;
    import.status.success().then_some(python)
}

#[test]
fn redis_benchmark_runs_its_default_suite() {
    let Some(program) = tool("redis-benchmark") else { return not_run("redis-benchmark") };
    let server = start();
    let suite = suite_for(server.port());
    for extra in [&["-c", "20"][..], &["-P", "16", "-r", "1000"], &["-3", "-d", "5000"]] {
        let mut command = Command::new(&program);
        command.args(["-p", &server.port().to_string(), "-n", "2000", "--csv"]);
        command.args(["-t", &suite.join(",")]).args(extra);
        let output = run(&mut command, b"");
        let out = text(&output);
        let rows = out.lines().filter(|line| line.starts_with('"')).skip(1).count();
        assert!(rows >= suite.len(), "{rows} rows of {suite:?} with {extra:?}:\n{out}");
        assert!(!out.to_lowercase().contains("error") && !out.contains("WARNING"), "{out}");
    }
}

/// The tests of redis-benchmark whose commands the server has. (A type that is not written yet
/// has no command; as soon as it has, its test runs.)
fn suite_for(port: u16) -> Vec<&'static str> {
    let mut connection = Connection::open(port).expect("the server listens");
    let mut has = |name: &str| match connection.call(&["COMMAND", "INFO", name]) {
        Heard::Message(Reply::Sequence(_, rows)) => matches!(rows[0], Reply::Sequence(..)),
        other => panic!("COMMAND INFO: {other:?}"),
    };
    let mut suite = vec!["ping", "set", "get", "incr", "mset"];
    let others = ["lpush", "rpush", "lpop", "rpop", "sadd", "hset", "spop", "zadd", "zpopmin"];
    suite.extend(others.into_iter().filter(|name| has(name)));
    suite.extend(Some("lrange").filter(|name| has(name)));
    suite
}

#[test]
fn redis_cli_does_its_tricks() {
    let Some(cli) = tool("redis-cli").map(Cli::new) else { return not_run("redis-cli") };
    assert_eq!(cli.run(&["SET", "k", "v"], b""), "OK\n");
    assert_eq!(cli.run(&["GET", "k"], b""), "v\n");
    assert_eq!(cli.run(&["-3", "--json", "MGET", "k", "missing"], b""), "[\"v\",null]\n");
    assert_eq!(cli.run(&["-n", "3", "-r", "3", "INCR", "n"], b""), "1\n2\n3\n");
    assert_eq!(cli.run(&["-x", "SET", "from-stdin"], b"a\x00b"), "OK\n");
    assert_eq!(cli.run(&["STRLEN", "from-stdin"], b""), "3\n");
    assert_eq!(cli.run(&[], b"SET a 1\nGET a\nNOSUCH\nQUIT\n").lines().nth(1), Some("1"));
    let help = cli.run(&["COMMAND", "DOCS", "get"], b"");
    assert!(help.contains("summary"), "{help}");
}

#[test]
fn redis_cli_loads_in_bulk_and_looks_at_the_keyspace() {
    let Some(cli) = tool("redis-cli").map(Cli::new) else { return not_run("redis-cli") };
    let load: String =
        (0..5000).map(|i| format!("SET key:{i} {}\r\n", "x".repeat(1 + i % 50))).collect();
    let report = cli.run(&["--pipe"], load.as_bytes());
    assert!(report.contains("errors: 0, replies: 5000"), "{report}");
    let found = cli.run(&["--scan", "--pattern", "key:4*"], b"");
    assert_eq!(found.lines().count(), 1111);
    cli.run(&["SET", "biggest", &"x".repeat(1000)], b"");
    let big = cli.run(&["--bigkeys"], b"");
    assert!(big.contains("Biggest string found '\"biggest\"' has 1000 bytes"), "{big}");
    assert!(big.contains("5001 strings with"), "{big}");
}

#[test]
fn redis_cli_measures_latency() {
    let Some(cli) = tool("redis-cli").map(Cli::new) else { return not_run("redis-cli") };
    let report = cli.run(&["--latency", "-i", "1"], b"");
    let samples: Vec<f64> = report.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    assert!(samples.len() == 4 && samples[3] > 10.0, "min, max, avg, samples: {report}");
}

#[test]
fn redis_cli_monitors() {
    let Some(cli) = tool("redis-cli").map(Cli::new) else { return not_run("redis-cli") };
    let mut monitor = cli.command(&["MONITOR"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(monitor.stdout.take().expect("its output is piped")).lines();
    let mut line = || lines.next().expect("MONITOR goes on").expect("its output is text");
    assert_eq!(line(), "OK");
    cli.run(&["SET", "k", "two words\n"], b"");
    let seen = (0..20).map(|_| line()).find(|line| line.contains("SET"));
    let seen = seen.expect("the command is shown");
    assert!(
        seen.ends_with(r#""SET" "k" "two words\n""#) && seen.contains(" [0 127.0.0.1:"),
        "{seen}"
    );
    monitor.kill().expect("it is still running");
    monitor.wait().expect("it ends");
}

struct Cli {
    program: PathBuf,
    server: Server,
}

impl Cli {
    fn new(program: PathBuf) -> Self {
        Self { program, server: start() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-p", &self.server.port().to_string()]).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> String {
        text(&run(&mut self.command(arguments), input))
    }
}

fn start() -> Server {
    Server::start(seedis()).expect("seedis-server starts")
}

/// Runs to the end, which must be a success within [`LIMIT`].
fn run(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("its input is piped");
    let input = input.to_vec();
    // A program that needs no input may end before it has read any.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = thread::scope(|scope| {
        let stdout = read_all(scope, child.stdout.take());
        let stderr = read_all(scope, child.stderr.take());
        let status = ended(&mut child);
        let [stdout, stderr] = [stdout, stderr].map(|reader| reader.join().expect("it reads"));
        Output { status, stdout, stderr }
    });
    writer.join().expect("it writes");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{}{errors}", output.status, text(&output));
    output
}

fn read_all<'s, R: Read + Send + 's>(
    scope: &'s thread::Scope<'s, '_>,
    from: Option<R>,
) -> thread::ScopedJoinHandle<'s, Vec<u8>> {
    scope.spawn(move || {
        let mut bytes = Vec::new();
        from.expect("its output is piped").read_to_end(&mut bytes).expect("it can be read");
        bytes
    })
}

/// Waits for the end, and brings it about when it takes too long.
fn ended(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + LIMIT;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return status;
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("it is our child");
    child.wait().expect("it is our child")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
