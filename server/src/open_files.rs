//! The limit of open files, which bounds the number of clients.
//!
//! Every client is a descriptor, and the server needs some for itself. If the system does not
//! grant that many, fewer clients are accepted, with a warning, rather than connections failing
//! later; below a bare minimum there is no point in starting.

use std::io;

use crate::logging::Log;
use crate::system;

/// Descriptors that are not clients: listeners, the log, files.
const RESERVED: u64 = 32;

/// Raises the limit for `clients`; returns how many it allows for. An error is why the server
/// cannot start.
pub(crate) fn make_room(clients: u32, log: &Log) -> Result<u32, String> {
    let wanted = u64::from(clients) + RESERVED;
    let limits = system::open_files_limit().unwrap_or_else(|error| {
        let reason = system::words(&error);
        log.warning(&format!("Can't read the limit of open files ({reason}), assuming 1024."));
        (1024, 1024)
    });
    let (reached, refusal) = raise(limits, wanted);
    let Some(refusal) = refusal else {
        if limits.0 < wanted {
            let before = limits.0;
            log.notice(&format!(
                "Increased maximum number of open files to {reached} (it was originally set to \
                 {before})."
            ));
        }
        return Ok(clients);
    };
    if reached <= RESERVED {
        return Err(format!(
            "Your current 'ulimit -n' of {reached} is not enough for the server to start. \
             Increase it to at least {wanted}."
        ));
    }
    let fewer = (reached - RESERVED) as u32;
    let reason = system::words(&refusal);
    log.warning(&format!(
        "maxclients {clients} needs {wanted} open files, but the system allows {reached} \
         ({reason}). maxclients has been reduced to {fewer} to compensate for low ulimit. If you \
         need higher maxclients increase 'ulimit -n'."
    ));
    Ok(fewer)
}

/// Sets the limit to `wanted`, or to the most that is allowed; returns what it is now, and why it
/// is no more.
fn raise((now, at_most): (u64, u64), wanted: u64) -> (u64, Option<io::Error>) {
    if now >= wanted {
        return (now, None);
    }
    let Err(error) = system::set_open_files_limit(wanted, at_most.max(wanted)) else {
        return (wanted, None);
    };
    let most = at_most.min(wanted);
    match system::set_open_files_limit(most, at_most) {
        Ok(()) if most >= wanted => (most, None),
        Ok(()) => (most, Some(error)),
        Err(_) => (now, Some(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_suffices_stays() {
        assert!(matches!(raise((500, 500), 400), (500, None)));
    }
}
