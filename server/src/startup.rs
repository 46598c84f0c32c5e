//! From settings to a server that serves, and from there to its end.
//!
//! The order is Redis's: limits, listeners, then the lines of the log that tools wait for. The pid
//! file is written once the port is ours, so that a second server started by mistake does not
//! overwrite that of the first.

use std::io::{self, IsTerminal, PipeWriter};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use seedis_core::version::{REDIS_VERSION, VERSION};
use seedis_core::{Config, Core};

use crate::daemon::{self, PidFile};
use crate::disk::Places;
use crate::listen::{self, Listener};
use crate::logging::{Log, Role};
use crate::open_files;
use crate::reactor::{Parts, Reactor};
use crate::record::{self, Tape};
use crate::settings::{self, Settings};
use crate::signals::{self, Held};
use crate::supervise::Supervisor;
use crate::system;
use crate::title::Title;

/// Where a daemon writes its pid if the configuration does not say.
const PID_FILE_OF_DAEMON: &str = "/var/run/redis.pid";

/// What is to be started.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) settings: Settings,
    pub(crate) supervisor: Supervisor,
    pub(crate) is_daemon: bool,
    pub(crate) recording: Option<record::Options>,
}

/// What must be removed at the end.
#[derive(Debug)]
struct Leavings {
    pid_file: Option<PidFile>,
    unix_socket: Option<PathBuf>,
}

impl Start {
    /// Serves until the end of the process. Returns only if the start fails.
    pub(crate) fn run(mut self, parent: Option<PipeWriter>) -> Result<(), String> {
        let (mut reactor, leavings) = match self.start() {
            Ok(started) => started,
            Err(reason) => {
                let log = &self.settings.log;
                log.warning(&reason);
                if let Some(parent) = parent {
                    daemon::tell(parent, Err(&reason));
                }
                // The log on standard output has it already.
                return Err(if log.file.is_some() { reason } else { String::new() });
            }
        };
        if let Some(parent) = parent {
            daemon::tell(parent, Ok(()));
        }
        self.supervisor.ready(&self.settings.log);
        let ended = reactor.run();
        let log = reactor.end();
        let code = match ended {
            Ok(exit) => exit.code,
            Err(error) => {
                log.warning(&format!("Waiting for events failed: {}", system::words(&error)));
                1
            }
        };
        self.supervisor.stopping(log);
        leavings.remove(log);
        log.notice("Seedis is now ready to exit, bye bye...");
        // Not by returning: that would free every key one by one.
        std::process::exit(code)
    }

    fn start(&mut self) -> Result<(Reactor, Leavings), String> {
        let held = signals::hold();
        self.supervisor.starting(&self.settings.log);
        self.log_beginning();
        let Settings { config, log, .. } = &mut self.settings;
        log.role = Role::Master;
        config.maxclients = open_files::make_room(config.maxclients, log)?;
        show_mode(config, log);
        let listeners = listen::open_all(config, log)?;
        let leavings = self.leave(&listeners);
        let log = self.settings.log.clone();
        log.notice("Server initialized");
        let kinds = ready_kinds(&listeners);
        let reactor = self.reactor(listeners, held);
        let reactor = reactor
            .map_err(|error| format!("Can't prepare the event loop: {}", system::words(&error)))?;
        for kind in kinds {
            log.notice(&format!("Ready to accept connections {kind}"));
        }
        Ok((reactor, leavings))
    }

    fn log_beginning(&self) {
        let Settings { log, warnings, is_configured, .. } = &self.settings;
        let (bits, pid) = (usize::BITS, std::process::id());
        log.notice("oO0OoO0OoO0Oo Seedis is starting oO0OoO0OoO0Oo");
        log.notice(&format!(
            "Seedis version={VERSION}, redis_version={REDIS_VERSION}, bits={bits}, pid={pid}, \
             just started"
        ));
        if *is_configured {
            log.notice("Configuration loaded");
        } else {
            log.warning(
                "Warning: no config file specified, using the default config. In order to specify \
                 a config file use seedis-server /path/to/redis.conf",
            );
        }
        for warning in warnings {
            log.warning(&format!("WARNING: {warning}"));
        }
    }

    /// Writes the pid file, and remembers what is to be removed.
    fn leave(&self, listeners: &[Listener]) -> Leavings {
        let Settings { config, log, .. } = &self.settings;
        let path = match &config.pidfile {
            Some(path) => Some(settings::path(path)),
            None => self.is_daemon.then_some(PID_FILE_OF_DAEMON.as_ref()),
        };
        let unix_socket = listeners.iter().find_map(|listener| match listener {
            Listener::Unix(path, _) => Some(path.clone()),
            Listener::Tcp(..) => None,
        });
        Leavings { pid_file: path.map(|path| PidFile::write(path, log)), unix_socket }
    }

    fn reactor(&self, listeners: Vec<Listener>, held: Held) -> io::Result<Reactor> {
        let Settings { config, log, file, .. } = &self.settings;
        let program = std::env::args_os().next().unwrap_or_default();
        let mut title = Title::new(program.into_vec(), file.clone());
        title.show(config);
        let seed = system::random()?;
        let tape = self.recording.as_ref().map(|options| Tape::start(options, config, seed));
        let tape = tape.transpose()?;
        let mut core = Core::new(config.clone(), seed);
        core.recover();
        Reactor::new(Parts {
            core,
            listeners,
            log: log.clone(),
            places: Places {
                config: file.clone(),
                data: PathBuf::new(),
                aof: settings::path(&config.appenddirname).into(),
                umask: system::umask(),
            },
            title,
            held,
            tape,
        })
    }
}

impl Leavings {
    fn remove(&self, log: &Log) {
        if let Some(pid_file) = &self.pid_file {
            pid_file.remove(log);
        }
        if let Some(path) = &self.unix_socket {
            log.notice("Removing the unix socket file.");
            if let Err(error) = std::fs::remove_file(path) {
                let reason = system::words(&error);
                log.warning(&format!("Error removing the unix socket file: {reason}"));
            }
        }
    }
}

/// Kinds of listeners, as the log names them.
fn ready_kinds(listeners: &[Listener]) -> impl Iterator<Item = &'static str> + use<> {
    let is_tcp = |listener: &Listener| matches!(listener, Listener::Tcp(..));
    let has_tcp = listeners.iter().any(is_tcp);
    let has_unix = listeners.iter().any(|listener| !is_tcp(listener));
    [(has_tcp, "tcp"), (has_unix, "unix")].into_iter().filter_map(|(has, kind)| has.then_some(kind))
}

/// Says what kind of server this is: with the logo on a terminal, else in a line.
fn show_mode(config: &Config, log: &Log) {
    let port = config.port;
    let is_terminal = log.file.is_none() && io::stdout().is_terminal();
    if is_terminal || config.always_show_logo {
        let pid = std::process::id();
        log.raw(&format!(
            "{LOGO}Seedis {VERSION}, compatible with Redis {REDIS_VERSION}\n     \
             standalone, port {port}, pid {pid}\n\n"
        ));
    } else {
        log.notice(&format!("Running mode=standalone, port={port}."));
    }
}

const LOGO: &str = r"
      .
     / \
    | . |
     \ /
      |
      |

     ";
