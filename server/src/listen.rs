//! Listeners: opening them, and opening others while the server runs.
//!
//! `bind` lists addresses, names or `*`; a `-` in front says that the machine need not have that
//! address, and a family that the system lacks is skipped in any case. An IPv6 listener never
//! takes IPv4 connections, or `* ::*` would collide with itself. When CONFIG SET moves the server,
//! listeners that stay are kept as they are; the others are closed before the new ones are opened,
//! since `*` and an address of its own exclude each other, and opened again if that fails.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mio::net::{TcpListener, UnixListener};
use seedis_core::Config;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::logging::Log;
use crate::settings;
use crate::system;

/// A socket that takes connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(SocketAddr, TcpListener),
    Unix(PathBuf, UnixListener),
}

impl Listener {
    pub(crate) fn source(&mut self) -> &mut dyn mio::event::Source {
        match self {
            Self::Tcp(_, listener) => listener,
            Self::Unix(_, listener) => listener,
        }
    }

    fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address, _) => Some(*address),
            Self::Unix(..) => None,
        }
    }
}

/// Opens everything that `config` names. An error is why there is no server.
pub(crate) fn open_all(config: &Config, log: &Log) -> Result<Vec<Listener>, String> {
    warn_of_backlog(config.tcp_backlog, log);
    let backlog = backlog(config);
    let mut listeners = Vec::new();
    if config.port > 0 {
        let addresses = addresses(&config.bind, config.port, log);
        let opened = addresses.and_then(|wanted| open_tcp(&wanted, backlog, log, &mut listeners));
        opened.map_err(|error| {
            let (port, hint) = (config.port, hint(&error));
            format!("Failed listening on port {port} (TCP), aborting. {hint}")
        })?;
    }
    if let Some(path) = &config.unixsocket {
        let path = settings::path(path);
        listeners.push(open_unix(path, config.unixsocketperm, backlog).map_err(|error| {
            let (path, reason) = (path.display(), system::words(&error));
            format!(
                "Failed opening Unix socket '{path}': {reason}. Correct 'unixsocket' in the \
                 configuration."
            )
        })?);
    }
    if listeners.is_empty() {
        return Err("Configured to not listen anywhere, exiting. Set 'port' and 'bind', or \
                    'unixsocket'."
            .into());
    }
    Ok(listeners)
}

/// Replaces the TCP listeners by those for `bind` and `port`. When that fails the old ones are
/// there again.
pub(crate) fn move_tcp(
    listeners: &mut Vec<Listener>,
    bind: &[String],
    port: u16,
    backlog: i32,
    log: &Log,
) -> io::Result<()> {
    let wanted = if port > 0 { addresses(bind, port, log)? } else { Vec::new() };
    let old: Vec<SocketAddr> = listeners.iter().filter_map(Listener::tcp_address).collect();
    let stays = |address: SocketAddr| wanted.iter().any(|(wanted, ..)| *wanted == address);
    listeners.retain(|listener| listener.tcp_address().is_none_or(stays));
    let missing: Vec<Wanted> =
        wanted.into_iter().filter(|(address, ..)| !old.contains(address)).collect();
    let mut opened = Vec::new();
    let Err(error) = open_tcp(&missing, backlog, log, &mut opened) else {
        listeners.append(&mut opened);
        return Ok(());
    };
    drop(opened);
    let kept: Vec<SocketAddr> = listeners.iter().filter_map(Listener::tcp_address).collect();
    let lost = old.into_iter().filter(|address| !kept.contains(address));
    let lost: Vec<Wanted> = lost.map(|address| (address, false)).collect();
    if let Err(error) = open_tcp(&lost, backlog, log, listeners) {
        log.warning(&format!("Can't listen as before either: {}", system::words(&error)));
    }
    Err(error)
}

/// The length of the kernel's queue, as the system call takes it.
pub(crate) fn backlog(config: &Config) -> i32 {
    i32::try_from(config.tcp_backlog).unwrap_or(i32::MAX)
}

/// An address, and whether the machine may lack it.
type Wanted = (SocketAddr, bool);

/// The addresses that `bind` stands for.
fn addresses(bind: &[String], port: u16, log: &Log) -> io::Result<Vec<Wanted>> {
    let mut wanted = Vec::new();
    for name in bind {
        let (name, is_optional) = match name.strip_prefix('-') {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        match address(name, port) {
            Ok(address) => wanted.push((address, is_optional)),
            Err(error) => {
                warn_of_address(name, port, &error, log);
                return Err(error);
            }
        }
    }
    Ok(wanted)
}

fn address(name: &str, port: u16) -> io::Result<SocketAddr> {
    match name {
        "*" => return Ok((IpAddr::from(Ipv4Addr::UNSPECIFIED), port).into()),
        "::*" => return Ok((IpAddr::from(Ipv6Addr::UNSPECIFIED), port).into()),
        _ => {}
    }
    let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    (name, port).to_socket_addrs()?.next().ok_or_else(none)
}

fn open_tcp(
    wanted: &[Wanted],
    backlog: i32,
    log: &Log,
    into: &mut Vec<Listener>,
) -> io::Result<()> {
    for &(address, is_optional) in wanted {
        match listener(address, backlog) {
            Ok(listener) => into.push(Listener::Tcp(address, listener)),
            Err(error) => {
                warn_of_address(&address.ip().to_string(), address.port(), &error, log);
                let is_absent = error.kind() == io::ErrorKind::AddrNotAvailable;
                if !(is_absent && is_optional || lacks_family(&error)) {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

fn listener(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Whether the system has no such kind of address at all.
fn lacks_family(error: &io::Error) -> bool {
    const CODES: [i32; 5] = [
        libc::ENOPROTOOPT,
        libc::EPROTONOSUPPORT,
        libc::ESOCKTNOSUPPORT,
        libc::EPFNOSUPPORT,
        libc::EAFNOSUPPORT,
    ];
    error.raw_os_error().is_some_and(|code| CODES.contains(&code))
}

fn warn_of_address(address: &str, port: u16, error: &io::Error, log: &Log) {
    let reason = system::words(error);
    log.warning(&format!(
        "Warning: Could not create server TCP listening socket {address}:{port}: bind: {reason}"
    ));
}

/// What a user can do about a port that cannot be had.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "Another server listens there: stop it, or choose another 'port'."
        }
        io::ErrorKind::PermissionDenied => "This user may not use it: choose another 'port'.",
        io::ErrorKind::AddrNotAvailable => {
            "This machine does not have that address: correct 'bind', or put a '-' in front of it."
        }
        _ => "Correct 'bind' or 'port'.",
    }
}

/// Opens a Unix socket. One that a server left behind is replaced; another file is not.
fn open_unix(path: &Path, permissions: u32, backlog: i32) -> io::Result<Listener> {
    let address = SockAddr::unix(path).map_err(|_| too_long(path))?;
    if path.symlink_metadata().is_ok_and(|found| found.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&address)?;
    if permissions > 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(permissions))?;
    }
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(Listener::Unix(path.into(), UnixListener::from_std(socket.into())))
}

fn too_long(path: &Path) -> io::Error {
    let length = path.as_os_str().len();
    io::Error::other(format!("unix socket path too long ({length}), must be under 108"))
}

fn warn_of_backlog(backlog: u32, log: &Log) {
    const LIMIT: &str = "/proc/sys/net/core/somaxconn";
    let Ok(text) = std::fs::read_to_string(LIMIT) else { return };
    if let Some(limit) = text.trim().parse::<u32>().ok().filter(|limit| *limit < backlog) {
        log.warning(&format!(
            "WARNING: The TCP backlog setting of {backlog} cannot be enforced because {LIMIT} is \
             set to the lower value of {limit}."
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> Log {
        Log { file: Some("/dev/null".into()), ..Log::to_standard_output() }
    }

    fn free_port() -> u16 {
        let probe = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        probe.local_addr().unwrap().port()
    }

    fn ports(listeners: &[Listener]) -> Vec<SocketAddr> {
        listeners.iter().filter_map(Listener::tcp_address).collect()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().copied().map(String::from).collect()
    }

    #[test]
    fn an_address_that_the_machine_lacks_may_be_optional() {
        let log = quiet();
        let wanted = addresses(&names(&["127.0.0.1", "-192.0.2.1"]), free_port(), &log).unwrap();
        let mut opened = Vec::new();
        open_tcp(&wanted, 10, &log, &mut opened).unwrap();
        assert_eq!(opened.len(), 1);
        let wanted = addresses(&names(&["192.0.2.1"]), free_port(), &log).unwrap();
        assert!(open_tcp(&wanted, 10, &log, &mut opened).is_err());
    }

    #[test]
    fn stars_are_all_addresses_of_a_family() {
        assert_eq!(address("*", 1).unwrap().to_string(), "0.0.0.0:1");
        assert_eq!(address("::*", 1).unwrap().to_string(), "[::]:1");
        assert_eq!(address("::1", 1).unwrap().to_string(), "[::1]:1");
        assert!(address("no.such.name.invalid", 1).is_err());
    }

    #[test]
    fn a_move_that_fails_leaves_the_old_listeners() {
        let (log, port) = (quiet(), free_port());
        let mut listeners = Vec::new();
        move_tcp(&mut listeners, &names(&["127.0.0.1"]), port, 10, &log).unwrap();
        let before = ports(&listeners);
        let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken_port = taken.local_addr().unwrap().port();
        let both = names(&["127.0.0.2", "127.0.0.1"]);
        let error = move_tcp(&mut listeners, &both, taken_port, 10, &log).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(ports(&listeners), before);
    }

    #[test]
    fn a_move_closes_what_is_not_named_any_more() {
        let (log, port) = (quiet(), free_port());
        let mut listeners = Vec::new();
        move_tcp(&mut listeners, &names(&["127.0.0.1", "127.0.0.2"]), port, 10, &log).unwrap();
        move_tcp(&mut listeners, &names(&["*"]), port, 10, &log).unwrap();
        assert_eq!(ports(&listeners), [address("*", port).unwrap()]);
        move_tcp(&mut listeners, &[], port, 10, &log).unwrap();
        assert!(listeners.is_empty());
    }
}
