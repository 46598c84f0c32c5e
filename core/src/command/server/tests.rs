//! Sessions with a core whose shell is played here: what waits for the system, and what depends on
//! measured times. Replies that need neither are transcripts.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::config::{Config, ProtectedAction};
use crate::io::{IoError, IoErrorKind, IoReq, IoResult, Name, Ticket};
use crate::turn::{ConnId, Core, Flow, HostFacts, Now, Peer};

struct Session {
    core: Core,
    now: Now,
    /// How long the shell says that a feed took.
    spent_ns: u64,
    io: Vec<(Ticket, IoReq)>,
    kept: Vec<u8>,
    is_paused: bool,
    log: Vec<String>,
}

const CONN: ConnId = ConnId { slot: 0, generation: 0 };

fn peer() -> Peer {
    let addr = "127.0.0.1:5000";
    Peer { addr: addr.into(), laddr: addr.into(), is_local: true, is_unix: false, fd: 7 }
}

impl Session {
    fn new(config: Config) -> Self {
        Self::with_peer(config, peer())
    }

    fn with_peer(config: Config, peer: Peer) -> Self {
        let now = Now { mono_ns: 1_000_000_000, wall_us: 1_700_000_000_000_000 };
        let mut core = Core::new(config, [7; 32]);
        let mut turn = core.turn(now);
        turn.observe(HostFacts { config_file: "/etc/seedis.conf".into(), ..HostFacts::default() });
        turn.accept(CONN, peer);
        turn.seal();
        let (io, kept, log) = (Vec::new(), Vec::new(), Vec::new());
        Self { core, now, spent_ns: 0, io, kept, is_paused: false, log }
    }

    /// Sends lines in one piece; returns everything that is answered before the shell is needed.
    fn send(&mut self, lines: &str) -> String {
        lines.lines().for_each(|line| self.kept.extend(format!("{line}\r\n").into_bytes()));
        self.pass(None)
    }

    /// Ends the oldest request to the shell; returns what is answered.
    fn done(&mut self, result: IoResult) -> String {
        let (ticket, _) = self.io.remove(0);
        self.pass(Some((ticket, result)))
    }

    fn wait(&mut self, ms: u64) {
        self.now.mono_ns += ms * 1_000_000;
        self.now.wall_us += ms as i64 * 1000;
    }

    /// Turns until the input is used up or nothing more goes on.
    fn pass(&mut self, mut done: Option<(Ticket, IoResult)>) -> String {
        let mut answer = Vec::new();
        loop {
            let mut turn = self.core.turn(self.now);
            if let Some((ticket, result)) = done.take() {
                turn.done(ticket, result);
            }
            let mut flow = Flow::Paused;
            if !self.is_paused && !self.kept.is_empty() {
                let fed = turn.feed(CONN, &self.kept);
                turn.took(CONN, &self.kept, self.spent_ns);
                self.kept.drain(..fed.consumed);
                flow = fed.flow;
                self.is_paused = flow == Flow::Paused;
            }
            let mut effects = turn.seal();
            while let Some(conn) = effects.writable() {
                let bytes: Vec<u8> = effects.tx(conn).flatten().copied().collect();
                effects.sent(conn, bytes.len());
                answer.extend(bytes);
            }
            while let Some(request) = effects.io() {
                self.io.push(request);
            }
            while let Some((_, line)) = effects.log_line() {
                self.log.push(line);
            }
            let has_resumed = effects.resumed().is_some();
            self.is_paused &= !has_resumed;
            if !has_resumed && flow != Flow::More {
                return String::from_utf8(answer).unwrap();
            }
        }
    }

    /// The value of a line of INFO.
    fn info(&mut self, name: &str) -> String {
        let text = self.send("INFO everything");
        let prefix = format!("{name}:");
        let found = text.lines().find_map(|line| line.strip_prefix(&prefix));
        found.unwrap_or_else(|| panic!("{name} is in {text}")).to_string()
    }
}

fn failed(words: &str) -> IoResult {
    let kind = match words {
        "No such file or directory" => IoErrorKind::NotFound,
        _ => IoErrorKind::Other,
    };
    IoResult::Failed(IoError { kind, words: words.into() })
}

#[test]
fn debug_is_for_whom_the_directive_allows_it() {
    let refusal = "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \
                   \"local\", you can run it from a local connection, otherwise you need to set \
                   this option in the configuration file, and then restart the server.\r\n";
    let session = |enable_debug_command, is_local| {
        let config = Config { enable_debug_command, protected_mode: false, ..Config::default() };
        Session::with_peer(config, Peer { is_local, ..peer() })
    };
    for (action, is_local, is_allowed) in [
        (ProtectedAction::No, true, false),
        (ProtectedAction::Local, true, true),
        (ProtectedAction::Local, false, false),
        (ProtectedAction::Yes, false, true),
    ] {
        let answer = session(action, is_local).send("DEBUG SLEEP 0");
        assert_eq!(answer, if is_allowed { "+OK\r\n" } else { refusal }, "{action:?} {is_local}");
    }
    let mut refused = session(ProtectedAction::No, true);
    assert!(refused.send("DEBUG").starts_with("-ERR wrong number of arguments"));
    let answer = refused.send("MULTI\nDEBUG SLEEP 1\nEXEC");
    assert!(answer.starts_with(&format!("+OK\r\n{refusal}-EXECABORT")), "{answer}");
}

#[test]
fn a_sleep_is_the_time_of_its_command() {
    let config = Config { enable_debug_command: ProtectedAction::Yes, ..Config::default() };
    let mut session = Session::new(config);
    assert_eq!(session.send("DEBUG SLEEP 0.2\nPING"), "", "nobody is answered");
    session.wait(199);
    assert_eq!(session.pass(None), "");
    session.wait(1);
    assert_eq!(session.pass(None), "+OK\r\n+PONG\r\n");
    assert!(session.send("SLOWLOG GET").contains(":200000\r\n*3\r\n$5\r\nDEBUG\r\n"));
    assert!(session.info("cmdstat_debug").starts_with("calls=1,usec=200000,"));
}

#[test]
fn a_port_is_set_when_the_shell_listens_on_it() {
    let mut session = Session::new(Config::default());
    assert_eq!(session.send("CONFIG SET port 7000 timeout 5\nPING\nCONFIG GET port"), "");
    let [(_, IoReq::Listen { bind, port: 7000 })] = &session.io[..] else {
        panic!("{:?}", session.io);
    };
    assert_eq!(*bind, Config::default().bind);
    assert_eq!(session.core.config().port, 6379, "not before it works");
    let answer = session.done(IoResult::Done);
    assert_eq!(answer, "+OK\r\n+PONG\r\n*2\r\n$4\r\nport\r\n$4\r\n7000\r\n");
    assert_eq!(session.core.config().timeout_s, 5);
}

#[test]
fn a_port_in_use_changes_nothing() {
    let mut session = Session::new(Config::default());
    session.send("CONFIG SET timeout 5 port 7000\nPING");
    let answer = session.done(failed("Address already in use"));
    assert_eq!(
        answer,
        "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this \
         port. Check server logs.\r\n+PONG\r\n"
    );
    assert_eq!(*session.core.config(), Config::default());
    assert!(session.io.is_empty());
    assert_eq!(session.info("errorstat_ERR"), "count=1");
    assert!(session.info("cmdstat_config|set").ends_with("failed_calls=1"));
}

#[test]
fn steps_before_the_one_that_fails_are_taken_back() {
    let config = Config {
        dir: b"/old".into(),
        enable_protected_configs: ProtectedAction::Yes,
        ..Config::default()
    };
    let mut session = Session::new(config.clone());
    assert_eq!(session.send("CONFIG SET maxclients 20000 dir /new bind 10.0.0.1"), "");
    assert!(matches!(&session.io[..], [(_, IoReq::Listen { bind, .. })] if *bind == ["10.0.0.1"]));
    assert_eq!(session.done(IoResult::Done), "");
    assert!(matches!(&session.io[..], [(_, IoReq::AllowClients { count: 20_000 })]));
    assert_eq!(session.done(IoResult::Done), "");
    assert!(matches!(&session.io[..], [(_, IoReq::ChangeDir { path })] if path == b"/new"));
    let answer = session.done(failed("Permission denied"));
    assert_eq!(
        answer,
        "-ERR CONFIG SET failed (possibly related to argument 'dir') - Permission denied\r\n"
    );
    let old = config.maxclients;
    let [(_, IoReq::AllowClients { count }), (_, IoReq::Listen { bind, .. })] = &session.io[..]
    else {
        panic!("{:?}", session.io);
    };
    assert_eq!((*count, bind), (old, &config.bind));
    assert_eq!(*session.core.config(), config);
    assert_eq!(session.done(IoResult::Done), "", "nobody waits for what is taken back");
}

#[test]
fn a_number_of_clients_that_cannot_be_is_refused_with_one_that_can() {
    let mut session = Session::new(Config::default());
    session.send("CONFIG SET maxclients 20000");
    assert_eq!(
        session.done(failed("19968")),
        "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating \
         system is not able to handle the specified number of clients, try with 19968\r\n"
    );
}

#[test]
fn a_directory_fails_in_the_words_of_the_system() {
    let config = Config { enable_protected_configs: ProtectedAction::Yes, ..Config::default() };
    let mut session = Session::new(config);
    session.send("CONFIG SET dir /nonexist");
    assert_eq!(
        session.done(failed("No such file or directory")),
        "-ERR CONFIG SET failed (possibly related to argument 'dir') - No such file or \
         directory\r\n"
    );
}

#[test]
fn a_directory_is_known_by_its_absolute_path() {
    let config = Config { enable_protected_configs: ProtectedAction::Yes, ..Config::default() };
    let mut session = Session::new(config);
    session.send("CONFIG SET dir data");
    assert_eq!(session.done(IoResult::Bytes(b"/srv/data".into())), "+OK\r\n");
    assert_eq!(session.core.config().dir, b"/srv/data");
}

#[test]
fn fewer_clients_need_no_system() {
    let mut session = Session::new(Config::default());
    assert_eq!(session.send("CONFIG SET maxclients 100"), "+OK\r\n");
    assert_eq!(session.core.config().maxclients, 100);
}

#[test]
fn a_transaction_does_not_wait() {
    let mut session = Session::new(Config::default());
    let answer =
        session.send("MULTI\nCONFIG SET port 7000\nCONFIG REWRITE\nCONFIG SET hz 20\nEXEC");
    let set = "-ERR CONFIG SET failed (possibly related to argument 'port') - not possible inside \
               a transaction";
    let rewrite = "-ERR CONFIG REWRITE cannot run inside a transaction";
    let expected = format!("*3\r\n{set}\r\n{rewrite}\r\n+OK\r\n");
    assert!(answer.ends_with(&expected), "{answer}");
    assert!(session.io.is_empty());
    assert_eq!((session.core.config().port, session.core.config().hz), (6379, 20));
}

#[test]
fn the_file_is_read_rewritten_and_replaced() {
    let mut session = Session::new(Config::default());
    session.send("CONFIG SET maxmemory 100mb");
    assert_eq!(session.send("CONFIG REWRITE\nPING"), "");
    assert!(matches!(&session.io[..], [(_, IoReq::Read { name: Name::Config })]));
    assert_eq!(session.done(IoResult::Bytes(b"# mine\nhz 20\n".into())), "");
    let [(_, IoReq::Replace { name: Name::Config, bytes })] = &session.io[..] else {
        panic!("{:?}", session.io);
    };
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.starts_with("# mine\n") && text.contains("maxmemory 100mb"), "{text}");
    assert_eq!(session.done(IoResult::Done), "+OK\r\n+PONG\r\n");
    assert_eq!(session.log, ["CONFIG REWRITE executed with success."]);
}

#[test]
fn a_file_that_is_gone_is_made_and_other_failures_are_told() {
    let mut session = Session::new(Config::default());
    session.send("CONFIG REWRITE");
    assert_eq!(session.done(failed("No such file or directory")), "");
    assert!(matches!(&session.io[..], [(_, IoReq::Replace { .. })]));
    let expected = "-ERR Rewriting config file: No space left on device\r\n";
    assert_eq!(session.done(failed("No space left on device")), expected);
    session.send("CONFIG REWRITE");
    let expected = "-ERR Rewriting config file: Permission denied\r\n";
    assert_eq!(session.done(failed("Permission denied")), expected);
    assert!(session.io.is_empty());
    assert_eq!(session.log.len(), 2);
}

#[test]
fn a_client_that_leaves_while_it_waits_is_not_missed() {
    let mut session = Session::new(Config::default());
    session.send("CONFIG SET port 7000");
    session.core.turn(session.now).closed(CONN);
    assert_eq!(session.done(IoResult::Done), "");
    assert_eq!(session.core.config().port, 7000);
}

#[test]
fn slow_commands_are_logged_with_their_share_of_the_time() {
    let config = Config { slowlog_log_slower_than_us: 1000, ..Config::default() };
    let mut session = Session::new(config);
    session.spent_ns = 900_000;
    session.send("SET a 1");
    session.spent_ns = 5_000_000;
    session.send("GET a\nLOLWUT VERSION 6 200 100\nGET a");
    session.spent_ns = 0;
    let log = session.send("SLOWLOG GET");
    assert!(log.starts_with("*1\r\n*6\r\n:0\r\n:1700000000\r\n:499"), "{log}");
    let entry = "*5\r\n$6\r\nLOLWUT\r\n$7\r\nVERSION\r\n$1\r\n6\r\n$3\r\n200\r\n$3\r\n100\r\n";
    assert!(log.ends_with(&format!("{entry}$14\r\n127.0.0.1:5000\r\n$0\r\n\r\n")), "{log}");
}

#[test]
fn commands_of_a_transaction_are_slow_on_their_own() {
    let config = Config {
        slowlog_log_slower_than_us: 1000,
        latency_monitor_threshold_ms: 2,
        ..Config::default()
    };
    let mut session = Session::new(config);
    session.spent_ns = 0;
    session.send("MULTI\nSET a 1\nLOLWUT VERSION 6 200 100");
    session.spent_ns = 4_000_000;
    session.send("EXEC");
    session.spent_ns = 0;
    assert_eq!(session.send("SLOWLOG LEN"), ":1\r\n");
    assert!(session.send("SLOWLOG GET").contains("$6\r\nLOLWUT\r\n"));
    let latest = session.send("LATENCY LATEST");
    let command = "*4\r\n$7\r\ncommand\r\n:1700000000\r\n:4\r\n:4\r\n";
    let fast = "*4\r\n$12\r\nfast-command\r\n:1700000000\r\n:3\r\n:3\r\n";
    assert_eq!(latest, format!("*2\r\n{command}{fast}"));
    assert_eq!(session.send("LATENCY RESET command nosuch"), ":1\r\n");
    assert_eq!(session.send("LATENCY HISTORY command"), "*0\r\n");
    assert_eq!(session.send("LATENCY RESET"), ":1\r\n");
}

#[test]
fn times_are_kept_by_command() {
    let mut session = Session::new(Config::default());
    session.spent_ns = 2_000_000;
    session.send("SET a 1\nGET a\nGET a\nGET a");
    session.spent_ns = 0;
    let line = "calls=3,usec=1500,usec_per_call=500.00,rejected_calls=0,failed_calls=0";
    assert_eq!(session.info("cmdstat_get"), line);
    assert!(session.info("latency_percentiles_usec_get").starts_with("p50=50"));
    let histogram = session.send("LATENCY HISTOGRAM get nosuch");
    let counts = "$5\r\ncalls\r\n:3\r\n$14\r\nhistogram_usec\r\n*2\r\n:528\r\n:3\r\n";
    assert_eq!(histogram, format!("*2\r\n$3\r\nget\r\n*4\r\n{counts}"));
    session.send("CONFIG RESETSTAT");
    assert_eq!(session.send("LATENCY HISTOGRAM get"), "*0\r\n");
}

#[test]
fn rates_are_those_of_the_last_moments() {
    let mut session = Session::new(Config::default());
    session.send("");
    for _ in 0..40 {
        session.wait(50);
        (0..10).for_each(|_| assert_eq!(session.send("PING"), "+PONG\r\n"));
    }
    let rate: u64 = session.info("instantaneous_ops_per_sec").parse().unwrap();
    assert!((180..=200).contains(&rate), "{rate}");
    session.wait(10_000);
    assert_eq!(session.info("instantaneous_ops_per_sec"), "0");
    assert_eq!(session.info("instantaneous_input_kbps"), "0.00");
}

#[test]
fn nothing_runs_after_a_shutdown() {
    let mut session = Session::new(Config::default());
    assert_eq!(session.send("SET a 1\nSHUTDOWN NOSAVE\nSET a 2"), "+OK\r\n");
    let mut turn = session.core.turn(session.now);
    let other = ConnId { slot: 1, generation: 0 };
    turn.accept(other, peer());
    assert_eq!(turn.feed(other, b"SET a 3\r\n").flow, Flow::Paused);
    let mut effects = turn.seal();
    assert_eq!(effects.exit().map(|exit| exit.code), Some(0));
    assert_eq!(session.log, ["User requested shutdown..."]);
}

#[test]
fn a_save_that_cannot_be_made_keeps_the_server_up() {
    let mut session = Session::new(Config::default());
    assert_eq!(session.send("SHUTDOWN SAVE\nGET a"), "");
    let [(_, IoReq::Open { .. })] = &session.io[..] else { panic!("{:?}", session.io) };
    let answer = session.done(failed("No space left on device"));
    assert_eq!(answer, "-ERR Errors trying to SHUTDOWN. Check logs.\r\n$-1\r\n");
    assert!(session.send("PING").starts_with("-MISCONF Redis is configured to save RDB"));
    session.io.clear();
    assert_eq!(session.send("SHUTDOWN SAVE FORCE"), "");
    session.done(failed("No space left on device"));
    assert!(session.core.turn(session.now).seal().exit().is_some());
}
