//! Supervisors: who started this process and wants to hear how it fares.
//!
//! systemd is told by datagrams to the socket that `NOTIFY_SOCKET` names (sd_notify(3)), a path or,
//! behind an `@`, a name in the abstract space. Upstart expects the process to stop itself once.
//! A supervised process does not go to the background: its supervisor would lose it.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use seedis_core::config::Supervised;

use crate::logging::Log;
use crate::system;

/// The supervisor in charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Supervisor {
    None,
    /// Wants this process to stop itself.
    Upstart,
    /// Listens at the address.
    Systemd(OsString),
}

impl Supervisor {
    /// The supervisor that the environment shows, if the configuration wants one.
    pub(crate) fn find(wanted: Supervised, log: &Log) -> Self {
        let socket = env::var_os("NOTIFY_SOCKET");
        let is_upstart = env::var_os("UPSTART_JOB").is_some();
        let (wants_upstart, wants_systemd) = match wanted {
            Supervised::No => (false, false),
            Supervised::Upstart => (true, false),
            Supervised::Systemd => (false, true),
            Supervised::Auto => (is_upstart, socket.is_some() && !is_upstart),
        };
        match socket {
            Some(socket) if wants_systemd => return Self::Systemd(socket),
            _ if wants_upstart && is_upstart => return Self::Upstart,
            _ if wants_systemd => log.warning(NO_SOCKET),
            _ if wants_upstart => log.warning(NO_JOB),
            _ => {}
        }
        Self::None
    }

    /// Greets the supervisor before anything that takes time.
    pub(crate) fn starting(&self, log: &Log) {
        match self {
            Self::None => {}
            Self::Upstart => {
                log.notice("supervised by upstart, will stop to signal readiness");
                system::stop();
            }
            Self::Systemd(_) => {
                log.notice(
                    "supervised by systemd. Please make sure you set appropriate values for \
                     TimeoutStartSec and TimeoutStopSec in your service unit.",
                );
                self.tell("STATUS=Seedis is loading...\n", log);
            }
        }
    }

    /// Clients are served from now on.
    pub(crate) fn ready(&self, log: &Log) {
        self.tell("STATUS=Ready to accept connections\nREADY=1\n", log);
    }

    /// The end has begun.
    pub(crate) fn stopping(&self, log: &Log) {
        self.tell("STOPPING=1\n", log);
    }

    fn tell(&self, state: &str, log: &Log) {
        if let Self::Systemd(socket) = self
            && let Err(error) = notify(socket, state)
        {
            let (socket, reason) = (socket.display(), system::words(&error));
            log.warning(&format!("Can't send to the systemd notify socket {socket}: {reason}"));
        }
    }
}

fn notify(socket: &OsString, state: &str) -> io::Result<()> {
    let to = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &to).map(drop)
}

const NO_SOCKET: &str =
    "systemd supervision requested, but NOTIFY_SOCKET is not set: not running as supervised";
const NO_JOB: &str =
    "upstart supervision requested, but UPSTART_JOB is not set: not running as supervised";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_reaches_both_kinds_of_socket() {
        let dir = env::temp_dir().join(format!("seedis-notify-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let path = dir.join("socket");
        let abstract_name = format!("@seedis-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name[1..]).unwrap();
        let by_path = UnixDatagram::bind(&path).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        for (socket, name) in [(by_path, path.into_os_string()), (by_name, abstract_name.into())] {
            notify(&name, "READY=1\n").unwrap();
            let mut heard = [0; 100];
            let count = socket.recv(&mut heard).unwrap();
            assert_eq!(&heard[..count], b"READY=1\n");
        }
        std::fs::remove_dir_all(dir).unwrap();
        assert!(notify(&"/no/such/socket".into(), "READY=1\n").is_err());
    }
}
