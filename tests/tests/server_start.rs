//! How the server starts, or says why it does not: arguments, configuration files, limits.
//!
//! Whoever replaces redis-server by ours keeps scripts and files; each test here is one thing that
//! such a script or file may rely on. Errors are one line, except that of a wrong directive, which
//! shows the line like Redis; the exit code is 1.

use seedis_tests::launch::{Launch, await_that, text};
use seedis_tests::play::Heard;
use seedis_tests::resp::Reply;
use seedis_tests::tcp::{Connection, text as words_of};
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

#[test]
fn the_version_is_told_as_tools_parse_it() {
    let (code, output, errors) = Launch::new().arguments(&["--version"]).run();
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(output.starts_with("Seedis server v=7.2.4 "), "{output}");
    assert_eq!(output.lines().count(), 1);
    assert_eq!(Launch::new().arguments(&["-v"]).run().1, output);
}

#[test]
fn help_is_an_error_as_in_redis() {
    for option in ["--help", "-h"] {
        let (code, output, errors) = Launch::new().arguments(&[option]).run();
        assert_eq!((code, output.as_str()), (Some(1), ""));
        assert!(errors.starts_with("Usage: seedis-server [/path/to/redis.conf] "), "{errors}");
    }
}

#[test]
fn modes_that_are_missing_are_refused() {
    for line in [&["--test-memory", "100"][..], &["--check-system"], &["a.conf", "--sentinel"]] {
        let error = refused(Launch::new().arguments(line));
        assert!(error.starts_with("Seedis has no "), "{error}");
    }
}

#[test]
fn a_wrong_directive_is_shown_with_its_line() {
    let conf = "# a comment\n\nhz 20\nmaxclients many\n";
    let (code, _, errors) = Launch::new().configured(conf).run();
    assert_eq!(code, Some(1));
    let lines: Vec<&str> = errors.trim().lines().collect();
    assert!(lines[0].starts_with("*** FATAL CONFIG FILE ERROR (Seedis "), "{errors}");
    assert_eq!(lines[1], "Reading the configuration file redis.conf, at line 4");
    assert_eq!(lines[2], ">>> 'maxclients many'");
    assert_eq!(lines[3..], ["argument couldn't be parsed into an integer"]);
}

#[test]
fn an_unknown_option_is_shown_like_a_line() {
    let (code, _, errors) = Launch::new().arguments(&["--no-such", "1"]).run();
    assert_eq!(code, Some(1));
    assert!(errors.contains(">>> 'no-such \"1\"'"), "{errors}");
    assert!(errors.contains("Bad directive or wrong number of arguments"), "{errors}");
}

#[test]
fn a_missing_configuration_file_is_named() {
    let expected = "Fatal error, can't open config file 'none.conf': No such file or directory";
    assert_eq!(refused(Launch::new().arguments(&["none.conf"])), expected);
    assert_eq!(refused(Launch::new().configured("include none.conf\n")), expected);
}

#[test]
fn what_keeps_somebody_out_is_not_ignored() {
    for line in ["user bob on >secret ~* +@all", "aclfile users.acl", "rename-command FLUSHALL x"] {
        let error = refused(Launch::new().configured(&format!("hz 20\n{line}\n")).on_port());
        let name = line.split(' ').next().unwrap();
        let expected = format!("Refusing to start: '{name}' in redis.conf, at line 2");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn directives_of_features_to_come_are_warnings() {
    let server = Launch::new().configured("io-threads 4\n").on_port().start().ready();
    let expected = "# WARNING: 'io-threads' in redis.conf, at line 1, has no effect";
    assert!(server.output().contains(expected), "{}", server.output());
}

#[test]
fn a_dump_that_cannot_be_read_is_refused() {
    let launch = Launch::new().file("dump.rdb", "REDIS0011").on_port();
    let mut server = launch.start();
    assert_eq!(server.wait().code(), Some(1));
    assert!(server.output().contains("Bad RDB file dump.rdb"), "{}", server.output());
    assert_eq!(text(&server.path("dump.rdb")), "REDIS0011");
}

#[test]
fn options_win_over_standard_input_and_that_over_the_file() {
    let launch = Launch::new().configured("include more/*.conf\nport 1\n").file("input", "port 2");
    fs::create_dir(launch.path("more")).unwrap();
    for (name, text) in [("a.conf", "logfile wrong\n"), ("b.conf", "logfile right\n")] {
        fs::write(launch.path("more").join(name), text).unwrap();
    }
    let mut server = launch.on_port().arguments(&["-"]).start();
    server.await_in("right", "Ready to accept connections tcp");
    let mode = format!("Running mode=standalone, port={}.", server.port());
    assert!(text(&server.path("right")).contains(&mode));
    assert!(!server.path("wrong").exists());
}

#[test]
fn relative_paths_start_at_the_directory() {
    let conf = "dir data\nlogfile the.log\npidfile the.pid\nunixsocket the.sock\n";
    let launch = Launch::new().configured(conf).on_port();
    fs::create_dir(launch.path("data")).unwrap();
    let mut server = launch.start();
    server.await_in("data/the.log", "Ready to accept connections unix");
    assert_eq!(text(&server.path("data/the.pid")), format!("{}\n", server.pid()));
    let socket = fs::metadata(server.path("data/the.sock")).unwrap();
    assert!(socket.file_type().is_socket());
}

#[test]
fn the_log_has_the_lines_that_tools_wait_for() {
    let server = Launch::new().on_port().start().ready();
    let (pid, output) = (server.pid(), server.output());
    let lines: Vec<&str> = output.lines().collect();
    let ends = [
        "* oO0OoO0OoO0Oo Seedis is starting oO0OoO0OoO0Oo".to_string(),
        format!("pid={pid}, just started"),
        "* Configuration loaded".into(),
        format!("* Running mode=standalone, port={}.", server.port()),
        "* Server initialized".into(),
        "* Ready to accept connections tcp".into(),
    ];
    assert_eq!(lines.len(), ends.len(), "{output}");
    for (line, end) in lines.iter().zip(&ends) {
        assert!(line.ends_with(end), "{line}");
    }
    assert!(lines[0].starts_with(&format!("{pid}:C ")), "{}", lines[0]);
    assert!(lines[5].starts_with(&format!("{pid}:M ")), "{}", lines[5]);
}

#[test]
fn only_urgent_lines_pass_a_high_level() {
    let server = Launch::new().on_port().arguments(&["--loglevel", "warning"]);
    let mut server = server.start();
    await_that("it listens", || TcpStream::connect((HERE, server.port())).is_ok(), String::new);
    server.signal("TERM");
    server.wait();
    let output = server.output();
    assert!(output.contains("Received SIGTERM"), "{output}");
    assert_eq!(output.lines().count(), 1, "{output}");
}

#[test]
fn a_level_that_is_set_later_holds_at_once() {
    let server = Launch::new().on_port().start().ready();
    let mut connection = Connection::open(server.port()).unwrap();
    assert!(!server.output().contains("Accepted"));
    connection.call(&["CONFIG", "SET", "loglevel", "verbose"]);
    let mut second = Connection::open(server.port()).unwrap();
    second.call(&["PING"]);
    assert!(server.output().contains("- Accepted 127.0.0.1:"), "{}", server.output());
}

#[test]
fn the_logo_is_shown_when_it_is_asked_for() {
    let server = Launch::new().on_port().arguments(&["--always-show-logo", "yes"]);
    let server = server.start().ready();
    let shown = format!("standalone, port {}, pid {}", server.port(), server.pid());
    assert!(server.output().contains(&shown), "{}", server.output());
}

#[test]
fn a_directory_that_cannot_be_entered_is_named() {
    let error = refused(Launch::new().on_port().arguments(&["--dir", "missing"]));
    assert!(
        error.starts_with("Can't change to the directory 'missing': No such file or directory. "),
        "{error}"
    );
}

#[test]
fn a_log_that_cannot_be_written_is_named() {
    let error = refused(Launch::new().on_port().arguments(&["--logfile", "missing/log"]));
    assert!(
        error.starts_with("Can't open the log file 'missing/log': No such file or directory. "),
        "{error}"
    );
}

#[test]
fn a_port_in_use_is_named_in_the_log_and_on_the_terminal() {
    let launch = Launch::new().on_port().arguments(&["--logfile", "log", "--pidfile", "pid"]);
    let port = launch.port();
    let _taken = TcpListener::bind((HERE, port)).unwrap();
    let mut server = launch.start();
    assert_eq!(server.wait().code(), Some(1));
    let errors = server.errors();
    let expected = format!("Failed listening on port {port} (TCP), aborting. Another server ");
    assert!(errors.starts_with(&expected), "{errors}");
    assert_eq!(errors.lines().count(), 1);
    let log = text(&server.path("log"));
    assert!(log.contains(&format!(
        "Could not create server TCP listening socket 127.0.0.1:{port}: bind: Address already in \
         use"
    )));
    assert!(log.contains(&expected));
    assert!(!server.path("pid").exists());
}

#[test]
fn a_unix_socket_that_cannot_be_made_is_named() {
    let long = "x".repeat(120);
    for (path, reason) in [
        (long.as_str(), "unix socket path too long (120), must be under 108"),
        ("missing/s", "No such file or directory"),
        ("redis.conf", "Address already in use"),
    ] {
        let launch = Launch::new().configured("").on_port().arguments(&["--unixsocket", path]);
        let (code, output, _) = launch.run();
        assert_eq!(code, Some(1));
        let expected = format!("Failed opening Unix socket '{path}': {reason}. ");
        assert!(output.contains(&expected), "{output}");
    }
}

#[test]
fn a_socket_that_was_left_behind_is_replaced() {
    let launch = Launch::new().on_port().arguments(&["--unixsocket", "s"]);
    let launch = launch.arguments(&["--unixsocketperm", "750"]);
    drop(UnixListener::bind(launch.path("s")).unwrap());
    assert!(launch.path("s").exists());
    let mut server = launch.start();
    server.await_output("Ready to accept connections unix");
    let mode = fs::metadata(server.path("s")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o750);
    server.signal("TERM");
    server.wait();
    assert!(!server.path("s").exists());
}

#[test]
fn a_server_must_listen_somewhere() {
    for options in [&["--port", "0"][..], &["--bind", ""]] {
        let (code, output, _) = Launch::new().on_port().arguments(options).run();
        assert_eq!(code, Some(1));
        assert!(output.contains("# Configured to not listen anywhere, exiting."), "{output}");
    }
}

#[test]
fn an_address_that_is_missing_may_be_optional() {
    let bind = ["--bind", "127.0.0.1", "-192.0.2.1"];
    let server = Launch::new().on_port().arguments(&bind).start().ready();
    assert!(server.output().contains("192.0.2.1"), "{}", server.output());
    let (code, output, _) =
        Launch::new().on_port().arguments(&["--bind", "127.0.0.1", "192.0.2.1"]).run();
    assert_eq!(code, Some(1));
    assert!(output.contains("correct 'bind', or put a '-' in front of it."), "{output}");
}

/// A user with the privilege to raise the limit gets what was asked for instead.
#[test]
fn clients_are_as_many_as_files_may_be_open() {
    let server = Launch::with_open_files(200).on_port().start().ready();
    let output = server.output();
    let mut connection = Connection::open(server.port()).unwrap();
    let maxclients = reply(&connection.call(&["CONFIG", "GET", "maxclients"]));
    if output.contains("Increased maximum number of open files to 10032 ") {
        return assert_eq!(maxclients, "maxclients 10000");
    }
    assert!(output.contains("maxclients has been reduced to 168 "), "{output}");
    assert_eq!(maxclients, "maxclients 168");
    let (code, output, _) = Launch::with_open_files(30).on_port().run();
    assert_eq!(code, Some(1));
    assert!(output.contains("Your current 'ulimit -n' of 30 is not enough"), "{output}");
    let refusal = reply(&connection.call(&["CONFIG", "SET", "maxclients", "5000"]));
    let reason = "The operating system is not able to handle the specified number of clients, try \
                  with 168";
    assert!(refusal.ends_with(reason), "{refusal}");
}

#[test]
fn a_backlog_above_the_limit_of_the_system_is_a_warning() {
    let backlog = "2000000000";
    let server = Launch::new().on_port().arguments(&["--tcp-backlog", backlog]).start().ready();
    let expected = format!("WARNING: The TCP backlog setting of {backlog} cannot be enforced");
    assert!(server.output().contains(&expected), "{}", server.output());
}

/// Runs a server that must not start; returns the one line that says why.
/// The replies are those of stock Redis, which keeps 57 MB for a hundred thousand.
#[test]
fn databases_cost_nothing_until_they_are_used() {
    let server = Launch::new().on_port().arguments(&["--databases", "2147483647"]).start().ready();
    let mut client = Connection::open(server.port()).unwrap();
    let mut call = |words: &str| reply(&client.call(&words.split(' ').collect::<Vec<_>>()));
    for (words, expected) in [
        ("SELECT 2147483647", "ERR DB index is out of range"),
        ("SET k zero", "OK"),
        ("SELECT 65536", "OK"),
        ("GET k", ""),
        ("SET k high PX 86400000", "OK"),
        ("COPY k k DB 2147483646", "1"),
        ("MOVE k 99999", "1"),
        ("DBSIZE", "0"),
        ("SWAPDB 99999 0", "OK"),
    ] {
        assert_eq!(call(words), expected, "{words}");
    }
    assert_eq!(databases(&call("INFO keyspace")), ["db0", "db99999", "db2147483646"]);
    for (words, expected) in [
        ("SELECT 99999", "OK"),
        ("GET k", "zero"),
        ("SELECT 2147483646", "OK"),
        ("GET k", "high"),
        ("FLUSHDB", "OK"),
        ("SET k gone PX 1", "OK"),
    ] {
        assert_eq!(call(words), expected, "{words}");
    }
    await_that("the key ends by itself", || call("DBSIZE") == "0", String::new);
    assert_eq!(databases(&call("INFO keyspace")), ["db0", "db99999"]);
    assert_eq!(call("FLUSHALL"), "OK");
    assert_eq!(databases(&call("INFO keyspace")), Vec::<&str>::new());
}

/// The databases that INFO names.
fn databases(info: &str) -> Vec<&str> {
    info.lines().filter_map(|line| Some(line.split_once(":keys=")?.0)).collect()
}

fn refused(launch: Launch) -> String {
    let (code, output, errors) = launch.run();
    assert_eq!((code, output.as_str()), (Some(1), ""), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    errors.trim_end().into()
}

/// A reply, its words joined.
fn reply(heard: &Heard) -> String {
    match heard {
        Heard::Message(Reply::Error(text)) => String::from_utf8_lossy(text).into_owned(),
        Heard::Message(Reply::Integer(number)) => number.to_string(),
        Heard::Message(Reply::Sequence(_, words)) => {
            let words: Vec<String> =
                words.iter().map(|word| reply(&Heard::Message(word.clone()))).collect();
            words.join(" ")
        }
        heard => words_of(heard).unwrap_or_default(),
    }
}
